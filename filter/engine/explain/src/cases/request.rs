//! The request of a case as a client would send it, read by the filter's own reader of the resource's protocol.

use countersign_facts::headers::{Headers, RequestHead};
use countersign_facts::reason::Reason;
use countersign_protocols::action::{Action, Rejection, Spelled, mcp};
use countersign_protocols::catalogue::{BodyKind, Card, Found, PathMatch, Protocol, Resource};
use countersign_protocols::route::{self, Target};
use serde_json::{Map, Value, json};

use super::format::Request;

/// Where a resource is that does not say.
const HOST: &str = "tools.example.com";
/// What is asked of an agent by everybody, as records spell it.
const CARD: &str = "a2a:AgentCard";
const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

/// Why a case cannot be decided.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CaseError {
    /// Nothing decides.
    #[error("the pack has no policy")]
    NoPolicy,
    /// Names nothing in the catalogue.
    #[error("request.resource: `{0}` is in no catalogue of this pack")]
    UnknownResource(String),
    /// Nothing names it.
    #[error("workload.claims.{0}: is not among the `claims` of this pack")]
    UnknownClaim(String),
    /// Without it there is no such caller.
    #[error("workload.claims.{0}: is required by the `claims` of this pack")]
    ClaimMissing(String),
    /// Not of the resource's protocol.
    #[error("request.operation: begins with `{0}:` for this resource")]
    OtherProtocol(&'static str),
    /// A member that the operation needs is missing.
    #[error("request.{0}: is needed for this operation")]
    Missing(&'static str),
    /// A member that the operation has no use for.
    #[error("request.{0}: has no meaning for this operation")]
    Pointless(&'static str),
    /// Metadata of gRPC, and what is in a form, is text.
    #[error("request.arguments.{0}: must be text")]
    NotText(String),
    /// Names what is not in the catalogue, and does not say so.
    #[error(
        "request.{member}: `{name}` is not declared by `{resource}`; correct it, or say `undeclared: true` if the case is about that"
    )]
    Undeclared { member: &'static str, name: String, resource: String },
    /// Says of what is in the catalogue that it is not.
    #[error("undeclared: `{0}` is declared; remove it, or name what the case is about")]
    Declared(String),
    /// Says so of what names no tool, endpoint or method.
    #[error("undeclared: this operation names nothing that could be declared")]
    NothingToDeclare,
    /// Expects a policy that is not there.
    #[error("expect.policies: the pack has no policy `{0}`")]
    UnknownPolicy(String),
    /// Expects one that is only watched.
    #[error("expect.policies: `{0}` is in audit and determines nothing")]
    WatchedPolicy(String),
    /// Names nobody, or two.
    #[error("workload: say `subject`, or `machine` of a credential without `sub`")]
    NobodyNamed,
    /// Only others' credentials are without `sub`.
    #[error("workload.machine: an SVID always has a `sub`; say `subject`")]
    MachineOfSvid,
    /// An issuer has one claim for them.
    #[error("workload.machine.claim: another case names machines of this issuer by `{0}`")]
    OtherMachineClaim(String),
    /// The client that names it is not its client.
    #[error("workload.client_id: is `{0}`, as `machine` says")]
    OtherClient(String),
    /// Would go to another resource.
    #[error("request: the gateway takes this address for `{0}`; correct `path` or `host`")]
    Elsewhere(String),
    /// Would go to none.
    #[error("request: the gateway takes this address for no resource; correct `path` or `host`")]
    Nowhere,
    /// Never gets as far as policy.
    #[error("the filter refuses this request before policy is asked: `{0}`")]
    Refused(&'static str),
    /// Says one thing and is another.
    #[error("request.operation: the filter reads this request as `{0}`")]
    ReadAs(String),
}

impl From<Reason> for CaseError {
    fn from(reason: Reason) -> Self {
        Self::Refused(reason.row().code)
    }
}

impl From<Rejection> for CaseError {
    fn from(rejection: Rejection) -> Self {
        rejection.reason.into()
    }
}

/// One request on its way, without a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sent {
    pub method: String,
    pub host: String,
    /// Path and query; empty of `CONNECT`.
    pub path: String,
    /// In order, no pseudo-headers.
    pub headers: Vec<(String, String)>,
    pub body: Option<String>,
}

impl Sent {
    /// What a client sends to `resource` to do what `request` says.
    ///
    /// # Errors
    /// Where the case says what no such request can say, or leaves out what it needs.
    pub fn of(request: &Request, resource: &Resource) -> Result<Self, CaseError> {
        let spelled = Spelled::parse(&request.operation).filter(|spelled| spelled.protocol == resource.protocol);
        let operation = spelled.ok_or(CaseError::OtherProtocol(resource.protocol.name()))?.method;
        let mut sent = match resource.protocol {
            Protocol::Mcp => of_mcp(request, operation, resource)?,
            Protocol::A2a => of_a2a(request, operation, resource)?,
            Protocol::Http => of_http(request, operation, resource)?,
            Protocol::Grpc => of_grpc(request, resource)?,
        };
        sent.headers.extend(request.headers.clone());
        Ok(sent)
    }
}

/// What `request` does, for `resource`, one of `resources`.
///
/// # Errors
/// As [`Sent::of`], and where the filter would refuse it unread, takes it for another resource's or reads something else.
pub fn action(request: &Request, resource: &Resource, resources: &[Resource]) -> Result<Action, CaseError> {
    let sent = Sent::of(request, resource)?;
    let head = head(&sent);
    let target = route::check_head(&head, &[])?;
    check_route(&target, resource, resources)?;
    let (headers, body) = (&head.headers, sent.body.as_ref().map(String::as_bytes));
    let action = Action::read(resource, &target, headers, body)?;
    let action = action.with_arguments(resource, &target, headers, body.unwrap_or_default())?;
    if action.name() == request.operation { Ok(action) } else { Err(CaseError::ReadAs(action.name())) }
}

/// Whether everybody may see what `action` asks for: an agent's card, about which policy is not asked.
pub(super) fn is_public_card(action: &Action, resource: &Resource) -> bool {
    resource.interface.card == Card::Public && action.name() == CARD
}

/// That `target` leads to `resource`, by the gateway's name for the route if it asks for one.
fn check_route(target: &Target, resource: &Resource, resources: &[Resource]) -> Result<(), CaseError> {
    let route = resource.matching.route.as_deref();
    if route::asks_for_card(resource, target, route) {
        return Ok(());
    }
    let found = route::find(resources, target, route).map(|(_, found)| found);
    if route::nearly(resources, target, route, found).is_some() {
        return Err(Reason::NearMiss.into());
    }
    match found {
        Some(found) if found.name == resource.name => Ok(()),
        Some(other) => Err(CaseError::Elsewhere(other.name.clone())),
        None => Err(CaseError::Nowhere),
    }
}

fn head(sent: &Sent) -> RequestHead {
    let pseudo = [(":method", &sent.method), (":authority", &sent.host), (":path", &sent.path)];
    let tunnel = sent.method == "CONNECT";
    let headers: Headers = pseudo
        .into_iter()
        .filter(|(name, _)| !(tunnel && *name == ":path"))
        .chain(sent.headers.iter().map(|(name, value)| (name.as_str(), value)))
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .collect();
    RequestHead { headers, end: sent.body.is_none(), ..RequestHead::default() }
}

/// The host that is asked.
fn host(request: &Request, resource: &Resource) -> String {
    request.host.as_deref().or(resource.matching.host.as_deref()).unwrap_or(HOST).to_owned()
}

/// Where the resource itself is.
fn own_path(request: &Request, resource: &Resource) -> String {
    let own = match &resource.matching.path {
        PathMatch::Exact(path) | PathMatch::Below(path) => path,
    };
    let own = if own.is_empty() { "/" } else { own };
    request.path.clone().unwrap_or_else(|| own.to_owned())
}

fn of_mcp(request: &Request, method: &str, resource: &Resource) -> Result<Sent, CaseError> {
    let (host, path) = (host(request, resource), own_path(request, resource));
    let mut headers = vec![("content-type".to_owned(), JSON.to_owned())];
    if matches!(method, "GET" | "DELETE") {
        return Ok(Sent { method: method.to_owned(), host, path, headers, body: None });
    }
    let mut params = match (method, &request.tool, &request.target, &request.arguments) {
        ("tools/call", Some(tool), None, Some(arguments)) => json!({ "name": tool, "arguments": arguments }),
        ("tools/call", Some(tool), None, None) => json!({ "name": tool }),
        ("tools/call", None, _, _) => return Err(CaseError::Missing("tool")),
        (_, Some(_), _, _) => return Err(CaseError::Pointless("tool")),
        (_, None, Some(_), Some(_)) => return Err(CaseError::Pointless("target")),
        ("prompts/get", None, Some(name), None) => json!({ "name": name }),
        (_, None, Some(uri), None) => json!({ "uri": uri }),
        (_, None, None, Some(parameters)) => Value::Object(parameters.clone()),
        (_, None, None, None) => json!({}),
    };
    if mcp::is_stateless(method) {
        let (fields, meta) = mcp::said_without_session();
        let fields = fields.into_iter().chain([("mcp-method", method)]);
        let unsaid = fields.filter(|(name, _)| !request.headers.contains_key(*name));
        headers.extend(unsaid.map(|(name, value)| (name.to_owned(), value.to_owned())));
        if let Value::Object(params) = &mut params {
            params.entry("_meta").or_insert(meta);
        }
    }
    let mut message = Map::new();
    message.insert("jsonrpc".to_owned(), json!("2.0"));
    message.insert("method".to_owned(), json!(method));
    message.insert("params".to_owned(), params);
    if !method.starts_with("notifications/") {
        message.insert("id".to_owned(), json!(1));
    }
    Ok(Sent { method: "POST".to_owned(), host, path, headers, body: Some(Value::Object(message).to_string()) })
}

fn of_a2a(request: &Request, operation: &str, resource: &Resource) -> Result<Sent, CaseError> {
    without(request.target.is_some(), "target")?;
    without(request.tool.is_some(), "tool")?;
    let host = host(request, resource);
    let version = ("a2a-version".to_owned(), "1.0".to_owned());
    if operation == "AgentCard" {
        let path = request.path.clone().unwrap_or_else(|| "/.well-known/agent-card.json".to_owned());
        return Ok(Sent { method: "GET".to_owned(), host, path, headers: vec![version], body: None });
    }
    let params = request.arguments.clone().unwrap_or_default();
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": operation, "params": params });
    let headers = vec![version, ("content-type".to_owned(), JSON.to_owned())];
    let path = own_path(request, resource);
    Ok(Sent { method: "POST".to_owned(), host, path, headers, body: Some(body.to_string()) })
}

fn of_http(request: &Request, method: &str, resource: &Resource) -> Result<Sent, CaseError> {
    without(request.target.is_some(), "target")?;
    without(request.tool.is_some(), "tool")?;
    let path = match (&request.path, method) {
        (Some(path), _) => path.clone(),
        (None, "CONNECT") => String::new(),
        (None, _) => return Err(CaseError::Missing("path")),
    };
    let plain = path.split('?').next().unwrap_or_default();
    let kind = match resource.find(method, plain) {
        Found::Endpoint(endpoint, _) => Some(endpoint.body),
        Found::Undeclared | Found::Nearly(_) => None,
    };
    let (media, body) = match (&request.arguments, kind) {
        (None, Some(BodyKind::Json)) => (Some(JSON), Some(json!({}).to_string())),
        (None, _) => (None, None),
        (Some(_), Some(BodyKind::None | BodyKind::Unread)) => return Err(CaseError::Pointless("arguments")),
        (Some(members), Some(BodyKind::Json) | None) => (Some(JSON), Some(json!(members).to_string())),
        (Some(members), Some(BodyKind::Form)) => (Some(FORM), Some(form(members)?)),
    };
    let host = host(request, resource);
    let headers = media.map(|media| ("content-type".to_owned(), media.to_owned())).into_iter().collect();
    Ok(Sent { method: method.to_owned(), host, path, headers, body })
}

fn of_grpc(request: &Request, resource: &Resource) -> Result<Sent, CaseError> {
    without(request.target.is_some(), "target")?;
    without(request.path.is_some(), "path")?;
    let method = request.tool.as_ref().ok_or(CaseError::Missing("tool"))?;
    let mut headers = vec![("content-type".to_owned(), "application/grpc".to_owned())];
    for (name, value) in request.arguments.iter().flatten() {
        headers.push((name.clone(), text(name, value)?.to_owned()));
    }
    let path = format!("/{method}");
    Ok(Sent { method: "POST".to_owned(), host: host(request, resource), path, headers, body: Some(String::new()) })
}

fn without(there: bool, member: &'static str) -> Result<(), CaseError> {
    if there { Err(CaseError::Pointless(member)) } else { Ok(()) }
}

fn form(members: &Map<String, Value>) -> Result<String, CaseError> {
    let mut encoded = form_urlencoded::Serializer::new(String::new());
    for (name, value) in members {
        encoded.append_pair(name, text(name, value)?);
    }
    Ok(encoded.finish())
}

fn text<'v>(name: &str, value: &'v Value) -> Result<&'v str, CaseError> {
    value.as_str().ok_or_else(|| CaseError::NotText(name.to_owned()))
}
