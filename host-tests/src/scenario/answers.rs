//! The exact answer for every reason, as data: `answers.yaml`.
//!
//! It is kept apart from the engine's table on purpose: whoever changes what clients see changes it twice.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, ensure};
use countersign_facts::reason::Reason;
use serde::Deserialize;
use serde_json::{Value, json};

use super::format::Expect;

/// The address `base`'s resources name in challenges (RFC 9728).
pub const METADATA: &str = "https://tools.test/.well-known/oauth-protected-resource/mcp";

/// Every answer, by the reason's code.
#[derive(Clone, Debug)]
pub struct Answers(BTreeMap<String, Answer>);

/// What a denied client is told.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    pub status: u16,
    pub title: String,
    pub detail: String,
    /// As clients see it, where that is another than the record's.
    #[serde(default)]
    pub told: Option<String>,
    /// The JSON-RPC error code.
    pub code: i64,
    /// The `error` in `WWW-Authenticate`; `none` for a challenge without one; absent for no challenge.
    #[serde(default)]
    pub challenge: Option<String>,
    #[serde(default)]
    pub retry_after: Option<u64>,
    #[serde(default)]
    pub allow: Option<String>,
}

impl Answers {
    /// Reads `answers.yaml`; it must name exactly the reasons that are answered.
    pub fn read(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let answers: BTreeMap<String, Answer> =
            serde_norway::from_str(&text).with_context(|| path.display().to_string())?;
        for reason in Reason::ALL.iter().map(|reason| reason.row()).filter(|row| row.status >= 400) {
            ensure!(answers.contains_key(reason.code), "answers.yaml does not say how `{}` is answered", reason.code);
        }
        let known = |code: &str| Reason::ALL.iter().any(|reason| reason.row().code == code);
        for code in answers.keys() {
            ensure!(known(code), "answers.yaml answers `{code}`, which is no reason");
        }
        Ok(Self(answers))
    }

    /// The answer to `reason`, if it is one that is answered.
    pub fn get(&self, reason: &str) -> Option<&Answer> {
        self.0.get(reason)
    }
}

impl Answer {
    /// The header fields the client must see; none for those that must be absent.
    pub fn headers(&self, expect: &Expect) -> Vec<(&'static str, Option<String>)> {
        let media_type = match (&expect.grpc, &expect.rpc_id, &expect.a2a) {
            (Some(_), _, _) => "application/grpc",
            (None, Some(_), _) | (None, None, Some(_)) => "application/json",
            (None, None, None) => "application/problem+json",
        };
        vec![
            ("content-type", Some(media_type.to_owned())),
            ("cache-control", Some("no-store".to_owned())),
            ("www-authenticate", self.www_authenticate(expect).filter(|_| !expect.proxy)),
            ("proxy-authenticate", self.www_authenticate(expect).filter(|_| expect.proxy)),
            ("retry-after", self.retry_after.map(|seconds| seconds.to_string())),
            ("allow", expect.allow.clone().or_else(|| self.allow.clone())),
            ("grpc-status", expect.grpc.map(|status| status.to_string())),
            ("grpc-message", expect.grpc.map(|_| self.message(expect))),
        ]
    }

    /// The body the client must see.
    pub fn body(&self, reason: &str, expect: &Expect, decision: &str) -> Value {
        let told = self.told.as_deref().unwrap_or(reason);
        match (&expect.rpc_id, &expect.a2a) {
            (id, Some(status)) => {
                let id = id.as_ref().or(expect.rpc_null.then_some(&Value::Null));
                self.a2a(told, id, status, expect, decision)
            }
            (Some(id), None) => {
                if let Some(kind) = &expect.tool_result {
                    return self.tool_result(id, kind, expect, decision);
                }
                let mut data = with_unfit(json!({ "reason": told, "decision": decision }), expect);
                if let Some(members) = data.as_object_mut() {
                    members.extend(expect.data.clone());
                }
                let code = expect.code.unwrap_or(self.code);
                let message = self.message(expect);
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message, "data": data } })
            }
            (None, None) => {
                let problem = json!({
                    "type": format!("urn:countersign:{told}"),
                    "title": if expect.status == 407 { "Proxy Authentication Required" } else { &self.title },
                    "status": expect.status,
                    "detail": self.message(expect),
                    "instance": format!("urn:uuid:{decision}"),
                });
                with_unfit(problem, expect)
            }
        }
    }

    /// The detail, and the argument that is wrong.
    fn message(&self, expect: &Expect) -> String {
        match &expect.unfit {
            None => self.detail.clone(),
            Some((argument, problem)) => format!("{} Argument `{argument}`: {problem}.", self.detail),
        }
    }

    /// A2A 1.0 §9.5 where there is an id to answer with, §11.6 elsewhere.
    fn a2a(&self, told: &str, id: Option<&Value>, status: &str, expect: &Expect, decision: &str) -> Value {
        // Those of its own errors that a gateway gives.
        let (reason, domain) = match told {
            "unsupported_version" => ("VERSION_NOT_SUPPORTED".to_owned(), "a2a-protocol.org"),
            "agent_task_over" => ("UNSUPPORTED_OPERATION".to_owned(), "a2a-protocol.org"),
            ours => (ours.to_uppercase(), "countersign"),
        };
        let info = json!([{
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": reason,
            "domain": domain,
            "metadata": with_unfit(json!({ "decision": decision }), expect),
        }]);
        let (code, message) = (expect.code.unwrap_or(self.code), self.message(expect));
        match id {
            Some(id) => {
                json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": message, "data": info } })
            }
            None => {
                json!({ "error": { "code": expect.status, "status": status, "message": message, "details": info } })
            }
        }
    }

    /// An MCP `CallToolResult`.
    fn tool_result(&self, id: &Value, kind: &str, expect: &Expect, decision: &str) -> Value {
        let text = format!("{} (decision {decision})", self.message(expect));
        let mut result = json!({ "content": [{ "type": "text", "text": text }], "isError": true });
        if let Some(members) = result.as_object_mut().filter(|_| !kind.is_empty()) {
            members.insert("resultType".to_owned(), kind.into());
        }
        json!({ "jsonrpc": "2.0", "id": id, "result": result })
    }

    /// RFC 6750 §3, RFC 9728 §5.1.
    fn www_authenticate(&self, expect: &Expect) -> Option<String> {
        let error = self.challenge.as_deref()?;
        let mut parts = Vec::new();
        if error != "none" {
            parts.push(format!("error=\"{error}\""));
            parts.push(format!("error_description=\"{}\"", self.detail.replace('"', "")));
        }
        parts.extend(expect.challenge.iter().cloned());
        parts.extend(expect.scope.iter().map(|scope| format!("scope=\"{scope}\"")));
        if !expect.no_metadata {
            parts.push(format!("resource_metadata=\"{METADATA}\""));
        }
        if expect.dpop {
            parts.push("algs=\"ES256 ES384 EdDSA Ed25519 RS256 RS384 RS512 PS256 PS384 PS512\"".to_owned());
        }
        if parts.is_empty() {
            parts.push("realm=\"countersign\"".to_owned());
        }
        let scheme = if expect.dpop { "DPoP" } else { "Bearer" };
        Some(format!("{scheme} {}", parts.join(", ")))
    }
}

/// `object` with the argument that is wrong, and what is wrong with it.
fn with_unfit(mut object: Value, expect: &Expect) -> Value {
    if let (Some((argument, problem)), Some(members)) = (&expect.unfit, object.as_object_mut()) {
        members.insert("argument".to_owned(), argument.as_str().into());
        members.insert("problem".to_owned(), problem.as_str().into());
    }
    object
}
