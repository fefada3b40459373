//! Actions that were not read from a request: one on a record, or one that somebody could ask for.

use countersign_facts::digest::SentDigest;
use countersign_tokens::json::Members;
use serde_json::Value;

use super::{
    A2aOperation, Action, Delivery, EndpointCall, EventCall, GrpcCall, McpOperation, Method, Operation, Spelled,
    ToolCall, mcp,
};
use crate::catalogue::{Found, Protocol, Resource};
use crate::route::Target;

/// What is known of such an action beside its method: it has no digest and no id.
#[derive(Clone, Debug, Default)]
pub struct Outline {
    /// What is acted on, if one thing is.
    pub object: Option<String>,
    /// What is, if several are.
    pub several: Vec<String>,
    pub arguments: Members,
    pub delivery: Option<Delivery>,
}

impl Action {
    /// What a request that is called `spelled`, for `resource` and addressed to `target`, would be; none where there is no such.
    pub fn outlined(resource: &Resource, target: &Target, spelled: Spelled<'_>, outline: Outline) -> Option<Self> {
        if spelled.protocol != resource.protocol {
            return None;
        }
        let operation = match spelled.protocol {
            Protocol::Http => of_http(resource, target, outline)?,
            Protocol::Mcp => of_mcp(spelled.known()?, outline)?,
            Protocol::A2a => {
                let method = spelled.known()?;
                let Outline { object: target, several: _, arguments, delivery: _ } = outline;
                let (method, class) = (method.name, method.class);
                Operation::A2a(A2aOperation { method, class, target, arguments, digest: None, id: None })
            }
            Protocol::Grpc => {
                let Outline { object, several: _, arguments, delivery: _ } = outline;
                Operation::Grpc(GrpcCall { method: object?, arguments: Some(arguments), digest: None })
            }
        };
        Some(Self::new(resource, target, operation, None))
    }
}

/// The method is in `target`: HTTP has others than those that policies can speak about.
fn of_http(resource: &Resource, target: &Target, outline: Outline) -> Option<Operation> {
    let (method, path) = (target.method.clone(), target.path.clone());
    match resource.find(&method, &path) {
        Found::Endpoint(endpoint, _) => {
            let (endpoint, arguments) = (endpoint.name.clone(), Some(outline.arguments));
            Some(Operation::Endpoint(EndpointCall { endpoint, method, path, arguments, digest: None }))
        }
        Found::Undeclared => Some(Operation::Http { method, path }),
        // It would be refused.
        Found::Nearly(_) => None,
    }
}

fn of_mcp(method: Method, outline: Outline) -> Option<Operation> {
    let Outline { object, several, arguments, delivery } = outline;
    let (digest, id) = (SentDigest::NOTHING, Value::Null);
    if method.calls() {
        return Some(Operation::ToolCall(ToolCall { tool: object?, arguments, digest, id }));
    }
    let (about_event, Method { name: method, class, .. }) = (method.is_about_event(), method);
    if about_event {
        let event = object?;
        let declared = mcp::declared(method, &event);
        return Some(Operation::Event(EventCall { method, class, event, declared, arguments, delivery, digest, id }));
    }
    let (digest, offered, id) = (None, None, None);
    Some(Operation::Mcp(McpOperation { method, class, target: object, several, digest, offered, id }))
}
