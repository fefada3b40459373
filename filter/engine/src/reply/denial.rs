//! The form of a denial: problem details, a JSON-RPC error, what the model reads as its tool's result, or a status of
//! `google.rpc`, in JSON or in gRPC's words.
//!
//! Which of them it is changes nothing about the decision. Problems of authentication and of the message itself are always
//! answered with their HTTP status, for clients to act upon; only what is forbidden to a good credential can be told to the model.

use countersign_facts::reason::{Challenge, Mend, Reason};
use countersign_protocols::action::mcp::Era;
use countersign_protocols::catalogue::Denials;
use countersign_protocols::denial::DenialForm;
use serde_json::{Value, json};

/// How one denial is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Denial<'a> {
    pub(crate) status: u16,
    pub(super) form: Form<'a>,
    /// What `Allow` says where the HTTP method is refused.
    pub(super) allow: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form<'a> {
    /// RFC 9457.
    Problem,
    /// A JSON-RPC error with this code, where an id was read; MCP's also says which versions are read, and which was asked for.
    Error { code: i32, version: Option<&'a str> },
    /// At A2A's endpoint for JSON-RPC such an error, with the id `null` where none was read; elsewhere `google.rpc.Status`.
    A2a { code: i32, rpc: bool },
    /// A tool's result, with or without `resultType`.
    Result { typed: bool },
    /// A status in the head, nothing else.
    Grpc(GrpcStatus),
}

/// The status of a gRPC answer that denies (grpc/grpc, `doc/statuscodes.md`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrpcStatus {
    InvalidArgument = 3,
    DeadlineExceeded = 4,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Unimplemented = 12,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

impl GrpcStatus {
    /// For an answer that has this status in HTTP.
    fn of(status: u16) -> Self {
        match status {
            400 | 415 => Self::InvalidArgument,
            401 => Self::Unauthenticated,
            403 => Self::PermissionDenied,
            405 => Self::Unimplemented,
            408 => Self::DeadlineExceeded,
            413 | 429 => Self::ResourceExhausted,
            503 => Self::Unavailable,
            _ => Self::Internal,
        }
    }

    /// As `google.rpc.Code` spells it.
    fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

impl<'a> Denial<'a> {
    /// With `reason`, in this form.
    pub(crate) fn new(reason: Reason, form: DenialForm<'a>) -> Self {
        match form {
            DenialForm::Problem { proxy } => Self::problem(reason, proxy),
            DenialForm::Message { denials, called, stateless, version } => {
                Self::message(reason, denials, called, stateless, version)
            }
            DenialForm::Agent { rpc } => Self::agent(reason, rpc),
            DenialForm::GrpcStatus => Self::grpc(reason),
        }
    }

    /// For resources that speak plain HTTP; `proxy` where the gateway is the client's proxy (RFC 9110 §15.5.8).
    fn problem(reason: Reason, proxy: bool) -> Self {
        let status = if proxy && reason.row().status == 401 { 407 } else { reason.row().status };
        Self { status, form: Form::Problem, allow: ALLOW }
    }

    /// For an A2A resource, which has taken -32001 to -32009 for itself (1.0 §5.4): a denial is none of these, an unknown
    /// version is, and a message to a task that is over.
    ///
    /// `rpc` at its endpoint for JSON-RPC, where what is wrong with the message, by a code that somebody specified, is an answer
    /// like any other: with HTTP status 200. Who may not, or not yet, is told so by the status as well (1.0 §7.6).
    fn agent(reason: Reason, rpc: bool) -> Self {
        let row = reason.row();
        let said = row.a2a.map(|error| error.code).or(row.json_rpc);
        let code = said.unwrap_or(own_code(row.status));
        let status = if rpc && said.is_some() { 200 } else { row.status };
        Self { status, form: Form::A2a { code, rpc }, allow: ALLOW }
    }

    /// For a gRPC resource. What is not gRPC is answered in HTTP's words (grpc/grpc, `doc/PROTOCOL-HTTP2.md`).
    fn grpc(reason: Reason) -> Self {
        if reason == Reason::MediaType {
            return Self::problem(reason, false);
        }
        Self { status: 200, form: Form::Grpc(GrpcStatus::of(reason.row().status)), allow: ALLOW }
    }

    /// For an MCP resource; `called` where a `tools/call` was read, `stateless` of the era without sessions.
    fn message(reason: Reason, denials: Denials, called: bool, stateless: bool, version: Option<&'a str>) -> Self {
        let Denials { code, tool_result } = denials;
        let row = reason.row();
        let allow = if stateless { "POST, OPTIONS" } else { ALLOW };
        // A call is read only with a good credential; what has a challenge is for the client to mend.
        if tool_result && called && row.status == FORBIDDEN && row.challenge == Challenge::None {
            return Self { status: 200, form: Form::Result { typed: stateless }, allow };
        }
        let code = row.json_rpc.or(code.filter(|_| row.status == FORBIDDEN)).unwrap_or(own_code(row.status));
        Self { status: row.status, form: Form::Error { code, version }, allow }
    }
}

const FORBIDDEN: u16 = 403;
const ALLOW: &str = "GET, POST, DELETE, OPTIONS";

/// The code where `initialize` is answered with a version that is not read (MCP 2025-11-25, Lifecycle, Error Handling).
pub(super) const INVALID_PARAMS: i32 = -32602;

/// Outside the range that is reserved (-32768 to -32000), made of the HTTP status: -31403 for a 403.
pub(super) fn own_code(status: u16) -> i32 {
    -31000 - i32::from(status)
}

/// What is said about one denial, in whatever form.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words<'a> {
    pub(super) reason: Reason,
    mend: Option<&'a Mend>,
    pub(super) decision: &'a str,
}

impl<'a> Words<'a> {
    pub(super) fn new(reason: Reason, mend: Option<&'a Mend>, decision: &'a str) -> Self {
        Self { reason, mend, decision }
    }

    /// What was wrong and what to do: the reason's words, and which argument it is.
    pub(super) fn message(&self) -> String {
        let detail = self.reason.row().detail;
        match self.mend {
            None => detail.to_owned(),
            Some(Mend { argument, problem }) => format!("{detail} Argument `{argument}`: {problem}."),
        }
    }

    /// Puts the argument, and what is wrong with it, into `object`.
    pub(super) fn mend_in(&self, object: &mut Value) {
        if let (Some(Mend { argument, problem }), Some(object)) = (self.mend, object.as_object_mut()) {
            object.insert("argument".to_owned(), json!(argument));
            object.insert("problem".to_owned(), json!(problem));
        }
    }

    /// The error of MCP; `version` is what the request asked for.
    pub(super) fn error(&self, code: i32, id: &Value, version: Option<&str>) -> Value {
        let mut data = json!({ "reason": self.reason.row().code, "decision": self.decision });
        self.mend_in(&mut data);
        if let (Reason::UnsupportedVersion, Some(data)) = (self.reason, data.as_object_mut()) {
            // Of `initialize` any of them can be the answer; a request by itself names only some.
            let named = Era::ALL.into_iter().filter(|era| code == INVALID_PARAMS || era.is_stateless());
            data.insert("supported".to_owned(), named.map(Era::version).collect());
            data.extend(version.map(|version| ("requested".to_owned(), json!(version))));
        }
        self.rpc_error(code, id, &data)
    }

    /// The error of A2A's JSON-RPC binding (1.0 §9.5): its data are typed, a list of them.
    pub(super) fn a2a_error(&self, code: i32, id: &Value) -> Value {
        self.rpc_error(code, id, &json!([self.error_info()]))
    }

    /// The error of A2A's REST binding (1.0 §11.6): `google.rpc.Status` as AIP-193 writes it.
    pub(super) fn a2a_status(&self, status: u16) -> Value {
        json!({ "error": {
            "code": status,
            "status": GrpcStatus::of(status).name(),
            "message": self.message(),
            "details": [self.error_info()],
        } })
    }

    /// A `CallToolResult` that tells the model; `typed` since 2026-07-28.
    pub(super) fn tool_result(&self, id: &Value, typed: bool) -> Value {
        let text = format!("{} (decision {})", self.message(), self.decision);
        let mut result = json!({ "content": [{ "type": "text", "text": text }], "isError": true });
        if let (true, Some(members)) = (typed, result.as_object_mut()) {
            members.insert("resultType".to_owned(), json!("complete"));
        }
        json!({ "jsonrpc": "2.0", "id": id, "result": result })
    }

    /// JSON-RPC 2.0 §5.1, whatever `data` the protocol has in it.
    fn rpc_error(&self, code: i32, id: &Value, data: &Value) -> Value {
        json!({ "jsonrpc": "2.0", "id": id, "error": { "code": code, "message": self.message(), "data": data } })
    }

    /// `google.rpc.ErrorInfo`: A2A's own reason where it has one, in its domain, and ours in ours.
    fn error_info(&self) -> Value {
        let row = self.reason.row();
        let (name, domain) = match row.a2a.and_then(|error| error.name) {
            Some(name) => (name.to_owned(), "a2a-protocol.org"),
            None => (row.code.to_ascii_uppercase(), "countersign"),
        };
        let mut metadata = json!({ "decision": self.decision });
        self.mend_in(&mut metadata);
        json!({
            "@type": "type.googleapis.com/google.rpc.ErrorInfo",
            "reason": name,
            "domain": domain,
            "metadata": metadata,
        })
    }
}
