//! Whether what was observed is what was expected: the same for every driver.
//!
//! Besides what a scenario states, every exchange must have left exactly one record; a denied one must not have
//! touched the upstream and must have been answered word for word; an allowed one must have arrived once, byte for byte,
//! without what clients may not say; and the credential must be nowhere else.

use countersign_facts::headers::same_name;
use countersign_facts::reason::LineKind;
use serde_json::Value;

use super::answers::Answers;
use super::format::{Client, Expect, Upstream};
use super::load::reason;
use super::request::Request;
use crate::drivers::{Answer, Observed, Received};

/// Header fields the gateway itself adds on the way, or needs for the next hop only.
const OF_THE_GATEWAY: &[&str] = &[
    "host",
    "content-length",
    "transfer-encoding",
    "connection",
    "te",
    "trailer",
    "user-agent",
    "x-forwarded-proto",
    "x-forwarded-for",
    "x-request-id",
    "x-envoy-expected-rq-timeout-ms",
    "x-envoy-internal",
];

/// Header fields the filter sets; each at most once.
const OF_THE_FILTER: &[&str] = &[
    "x-countersign-decision",
    "x-countersign-issuer",
    "x-countersign-subject",
    "x-countersign-machine",
    "x-countersign-actor",
    "x-countersign-task",
];

/// What was sent and what must come of it.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    pub request: &'a Request,
    pub expect: &'a Expect,
    pub answers: &'a Answers,
}

/// Compares; the error lists everything that differs.
pub fn check(expected: &Expected<'_>, observed: &Observed) -> anyhow::Result<()> {
    let mut differences = Differences::default();
    differences.all(expected, observed);
    if differences.0.is_empty() {
        return Ok(());
    }
    let records: Vec<String> = observed.records.iter().map(Value::to_string).collect();
    Err(anyhow::anyhow!(
        "{}
records: {}
log: {}",
        differences.0.join(
            "
"
        ),
        records.join(
            "
"
        ),
        observed.log.join(
            "
"
        )
    ))
}

#[derive(Default)]
struct Differences(Vec<String>);

impl Differences {
    fn all(&mut self, expected: &Expected<'_>, observed: &Observed) {
        let expect = expected.expect;
        self.same("status", &expect.status, &observed.answer.as_ref().map_or(0, |answer| answer.status));
        let decision = self.records(expect, observed);
        let kind = expect.reason.as_deref().and_then(reason).map(|reason| reason.row().kind);
        let kind = if expect.audit && kind.is_some() { Some(LineKind::Allow) } else { kind };
        if kind == Some(LineKind::Allow) && !expect.not_delivered {
            self.forwarded(expected, observed, &decision);
        } else {
            self.same("requests that arrived upstream", &0, &observed.upstream.len());
            if !expect.not_delivered {
                self.same("the upstream was touched", &false, &observed.upstream_touched);
            }
        }
        if let (Some(code), Some(answer)) = (&expect.reason, &observed.answer) {
            match &expect.instead {
                Some(instead) => self.answer(expected, instead, answer, &decision),
                None if kind == Some(LineKind::Allow) => self.client(expect, answer, &decision),
                None => self.answer(expected, code, answer, &decision),
            }
        }
        if let (Some(answer), Some(client)) = (&observed.answer, &expect.client) {
            self.fields(client, answer);
        }
        self.calls(expect, observed);
        self.secrecy(expected, observed);
    }

    fn same<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: &T, got: &T) {
        if expected != got {
            self.0.push(format!("{what}: expected {expected:?}, got {got:?}"));
        }
    }

    /// The one record; its id.
    fn records(&mut self, expect: &Expect, observed: &Observed) -> String {
        let is_end = |record: &&Value| text(record, "/kind") == LineKind::Ended.name();
        let (ends, decisions): (Vec<&Value>, Vec<&Value>) = observed.records.iter().partition(is_end);
        self.same("decisions on record", &usize::from(expect.reason.is_some()), &decisions.len());
        let outcomes: Vec<String> = ends.iter().map(|record| text(record, "/outcome")).collect();
        self.same("`ended` lines", &expect.ended.iter().cloned().collect(), &outcomes);
        let Some((record, code)) = decisions.first().zip(expect.reason.as_ref()) else { return String::new() };
        self.same("reason on record", code, &text(record, "/reason"));
        let row = reason(code).map(countersign_facts::reason::Reason::row);
        self.same("kind on record", &row.map_or("", |row| row.kind.name()).to_owned(), &text(record, "/kind"));
        let answered = row.is_some_and(|row| row.status != 0) && !expect.audit;
        self.same("mode on record", &if expect.audit { "audit" } else { "" }.to_owned(), &text(record, "/mode"));
        let status = answered.then(|| Value::from(expect.status));
        self.same("status on record", &status, &record.pointer("/status").cloned());
        for (pointer, expected) in &expect.record {
            self.same(pointer, expected, record.pointer(pointer).unwrap_or(&Value::Null));
        }
        let id = text(record, "/id");
        for end in ends {
            self.same("id of the `ended` line", &id, &text(end, "/id"));
            let task = end.pointer("/agent_task").and_then(Value::as_str).map(str::to_owned);
            self.same("task of the `ended` line", &expect.ended_task, &task);
        }
        id
    }

    /// An answer of the filter's own that is no refusal.
    fn served(&mut self, expect: &Expect, got: &Answer) {
        let body: Value = serde_json::from_slice(&got.body).unwrap_or_default();
        for (pointer, expected) in &expect.body {
            self.same(&format!("answer {pointer}"), expected, body.pointer(pointer).unwrap_or(&Value::Null));
        }
    }

    fn answer(&mut self, expected: &Expected<'_>, code: &str, got: &Answer, decision: &str) {
        let learned = expected.expect.unfit_any.then(|| with_unfit(expected.expect, got));
        let expect = learned.as_ref().unwrap_or(expected.expect);
        let code = expect.told.as_deref().unwrap_or(code);
        let Some(answer) = expected.answers.get(code) else { return self.served(expect, got) };
        for (name, value) in answer.headers(expect) {
            self.same(name, &value.into_iter().collect(), &values(&got.headers, name));
        }
        // There is no body in an answer to HEAD (RFC 9110 §9.3.2).
        if expect.grpc.is_some() {
            self.same("body", &String::new(), &lossy(&got.body));
        } else if expected.request.method != "HEAD" {
            let body = serde_json::from_slice(&got.body).unwrap_or_else(|_| lossy(&got.body).into());
            self.same("body", &answer.body(code, expect, decision), &body);
        }
    }

    /// What the client gets of the upstream's answer.
    fn client(&mut self, expect: &Expect, got: &Answer, decision: &str) {
        self.same("the answer is cut", &expect.cut, &got.cut);
        let Some(Client { headers: _, json, text }) = &expect.client else { return };
        let stated = |text: &str| text.replace("{decision}", decision);
        if let Some(json) = json {
            let expected: Option<Value> = serde_json::from_str(&stated(&json.to_string())).ok();
            self.same("body for the client", &expected, &serde_json::from_slice(&got.body).ok());
        }
        if let Some(text) = text {
            self.same("body for the client", &stated(text), &lossy(&got.body));
        }
    }

    /// Header fields that the client gets, whoever answers.
    fn fields(&mut self, client: &Client, got: &Answer) {
        for (name, value) in &client.headers {
            let expected: Vec<String> = value.iter().cloned().collect();
            self.same(&format!("`{name}` for the client"), &expected, &values(&got.headers, name));
        }
    }

    fn forwarded(&mut self, expected: &Expected<'_>, observed: &Observed, decision: &str) {
        self.same("requests that arrived upstream", &1, &observed.upstream.len());
        let audit = expected.expect.audit;
        let upstream = expected.expect.upstream.clone().or_else(|| audit.then(Upstream::default));
        let (Some(got), Some(upstream)) = (observed.upstream.first(), upstream) else { return };
        let upstream = &Upstream { credential: upstream.credential || audit, ..upstream };
        let sent = expected.request;
        self.same("method upstream", &sent.method, &got.method);
        self.same("path upstream", &sent.path, &got.path);
        self.same("host upstream", &sent.host, &got.host);
        let body = sent.body.as_deref().unwrap_or_default();
        if body != got.body {
            self.0.push(format!("body upstream: expected {:?}, got {:?}", lossy(body), lossy(&got.body)));
        }
        let trailers: Vec<_> = sent
            .trailers
            .iter()
            .filter(|(name, _)| !audit || !is_identity(name))
            .filter(|(name, _)| upstream.headers.get(name.as_str()) != Some(&None))
            .map(|(name, value)| (name.clone(), value.clone().into_bytes()))
            .collect();
        self.same("trailers upstream", &trailers, &got.trailers);
        self.stated_headers(upstream, got, decision);
        self.identity_headers(got, audit);
        self.other_headers(sent, upstream, got, audit);
    }

    fn identity_headers(&mut self, got: &Received, audit: bool) {
        let most = usize::from(!audit);
        for name in OF_THE_FILTER {
            let values = values(&got.headers, name);
            if values.len() > most {
                self.0.push(format!("`{name}` upstream: more than {most}: {values:?}"));
            }
        }
    }

    fn stated_headers(&mut self, upstream: &Upstream, got: &Received, decision: &str) {
        for (name, value) in &upstream.headers {
            let expected: Vec<String> = value.iter().map(|value| value.replace("{decision}", decision)).collect();
            self.same(&format!("`{name}` upstream"), &expected, &values(&got.headers, name));
        }
    }

    /// What the client sent arrives as it was, unless it may not be sent; nothing arrives that nobody sent.
    fn other_headers(&mut self, sent: &Request, upstream: &Upstream, got: &Received, audit: bool) {
        let reserved = |name: &str| is_identity(name) || (!audit && folded(name).starts_with("x-envoy-"));
        let removed =
            |name: &str| upstream.headers.iter().any(|(other, value)| value.is_none() && same_name(other, name));
        let credential = |name: &str| match (upstream.egress, upstream.credential) {
            (true, _) => same_name(name, "proxy-authorization"),
            (false, true) => false,
            (false, false) => is_credential(name),
        };
        let withheld = |name: &str| reserved(name) || removed(name) || credential(name);
        let passing = |headers: &[(String, Vec<u8>)], withheld: &dyn Fn(&str) -> bool| {
            let mut headers: Vec<(String, String)> = headers
                .iter()
                .filter(|(name, _)| !OF_THE_GATEWAY.contains(&name.as_str()) && !withheld(name))
                .map(|(name, value)| (name.to_ascii_lowercase(), lossy(value)))
                .collect();
            headers.sort();
            headers
        };
        let stated = |name: &str| upstream.headers.keys().any(|stated| same_name(stated, name));
        let withheld = |name: &str| stated(name) || withheld(name);
        // Envoy's own, which the filter removes with the others of its kind unless it only watches.
        let external = |name: &str| audit && name == "x-envoy-external-address";
        let added = |name: &str| stated(name) || OF_THE_FILTER.contains(&name) || external(name);
        self.same("header fields upstream", &passing(&sent.headers, &withheld), &passing(&got.headers, &added));
    }

    fn calls(&mut self, expect: &Expect, observed: &Observed) {
        for (cluster, count) in &expect.calls {
            let made = observed.asked.iter().filter(|asked| asked.cluster == *cluster).count();
            self.same(&format!("calls to `{cluster}`"), count, &made);
        }
        let asked = observed.asked.iter().filter(|asked| asked.cluster == "approvals").count();
        if expect.audit {
            self.same("questions about what is only watched", &0, &asked);
        }
        let asked = observed.asked.iter().find(|asked| asked.cluster == "approvals");
        if let Some(text) = &expect.asked_text {
            let question = asked.map(|asked| lossy(&asked.body)).unwrap_or_default();
            if !question.contains(text) {
                self.0.push(format!("asked: expected {text} in it, got {question}"));
            }
        }
        if expect.asked.is_empty() {
            return;
        }
        let question: Value = asked.and_then(|asked| serde_json::from_slice(&asked.body).ok()).unwrap_or_default();
        for (pointer, expected) in &expect.asked {
            self.same(&format!("asked {pointer}"), expected, question.pointer(pointer).unwrap_or(&Value::Null));
        }
    }

    /// The credential is in no record, no log, no question, and not upstream unless it may be.
    fn secrecy(&mut self, expected: &Expected<'_>, observed: &Observed) {
        let credential = &expected.request.credential;
        // The part that makes it worth stealing; shorter ones are no credentials.
        let secret = credential.rsplit('.').next().filter(|part| part.len() >= 32).unwrap_or(credential);
        if secret.len() < 32 {
            return;
        }
        let mut places: Vec<(&str, String)> =
            observed.records.iter().map(|record| ("a record", record.to_string())).collect();
        places.extend(observed.log.iter().map(|line| ("the log", line.clone())));
        places.extend(
            // Whoever is asked about a token is shown it.
            observed
                .asked
                .iter()
                .filter(|asked| asked.cluster != "introspection")
                .map(|asked| ("a question", format!("{} {:?} {}", asked.path, asked.headers, lossy(&asked.body)))),
        );
        places.extend(observed.answer.iter().map(|answer| ("the answer", lossy(&answer.body))));
        let may_arrive =
            expected.expect.audit || expected.expect.upstream.as_ref().is_some_and(|upstream| upstream.credential);
        if !may_arrive {
            let heads = observed.upstream.iter().flat_map(|got| &got.headers);
            places.extend(heads.map(|(_, value)| ("the upstream's headers", lossy(value))));
        }
        for (place, text) in places {
            if text.contains(secret) {
                self.0.push(format!("the credential is in {place}"));
            }
        }
    }
}

/// `expect` with the argument that `got` names, if it names one.
fn with_unfit(expect: &Expect, got: &Answer) -> Expect {
    let said = values(&got.headers, "grpc-message").pop().unwrap_or_else(|| lossy(&got.body));
    let named = said.split_once("Argument `").and_then(|(_, said)| said.split_once("`: "));
    let named = named.and_then(|(argument, rest)| Some((argument.to_owned(), rest.split(".\"").next()?.to_owned())));
    let named = named.map(|(argument, problem)| (argument, problem.strip_suffix('.').unwrap_or(&problem).to_owned()));
    let told = named.is_none().then(|| "policy_denied".to_owned());
    Expect { unfit: named, told, ..expect.clone() }
}

/// Every value under any spelling of `name`.
fn values(headers: &[(String, Vec<u8>)], name: &str) -> Vec<String> {
    headers.iter().filter(|(candidate, _)| same_name(candidate, name)).map(|(_, value)| lossy(value)).collect()
}

fn is_identity(name: &str) -> bool {
    folded(name).starts_with("x-countersign-")
}

fn folded(name: &str) -> String {
    name.to_ascii_lowercase().replace('_', "-")
}

fn text(record: &Value, pointer: &str) -> String {
    record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned()
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
/// The header fields that carry credentials.
fn is_credential(name: &str) -> bool {
    ["authorization", "txn-token", "dpop"].iter().any(|carrier| same_name(name, carrier))
}
