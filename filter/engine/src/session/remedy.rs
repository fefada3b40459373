//! What the record says of a refusal that whoever runs the gateway can mend: what is in the way, and what to do about it.
//!
//! Never for the client: it names what the catalogue holds. Nothing is decided here.

use countersign_facts::reason::Reason;
use countersign_protocols::action::http;
use countersign_protocols::catalogue::{Endpoint, Found, PathMatch, Protocol, Resource};
use countersign_protocols::route::Target;

use super::request::Request;

/// Of a request that is nearly for `resource`.
pub(super) fn near_miss(target: &Target, resource: &Resource) -> String {
    let (asked, name) = (&target.path, &resource.name);
    match &resource.matching.path {
        PathMatch::Exact(path) => {
            let all = path.trim_end_matches('/');
            let slash = format!("match `{all}/*`, which admits `{all}` and `{all}/`");
            format!("`{asked}` is nearly `{path}` of `{name}`; ask for `{path}`, {slash}, or {STRICT}")
        }
        PathMatch::Below(root) => {
            format!("`{asked}` is nearly below `{root}` of `{name}`; ask for `{root}` as it is written, or {STRICT}")
        }
    }
}

/// Of a `request` for `resource` that is refused for `reason`; nothing where the reason says it all.
pub(super) fn of(reason: Reason, resource: &Resource, request: &Request) -> Option<String> {
    let target = &request.target;
    let found = resource.find(&target.method, &target.path);
    match (reason, found) {
        (Reason::NearMiss, Found::Nearly(Endpoint { name, path, .. })) => {
            let asked = &target.path;
            Some(format!("`{asked}` is nearly `{path}` of endpoint `{name}`; ask for it as it is written, or {STRICT}"))
        }
        (Reason::UnreadBody, Found::Endpoint(Endpoint { name, .. }, _)) => {
            let remedy = "say there what it is, `body: json` or `body: form`, or let it pass with `body: unread`";
            Some(format!("endpoint `{name}` declares no body; {remedy}"))
        }
        (Reason::UnreadBody, Found::Undeclared) if resource.protocol == Protocol::Http => {
            http::form(&request.head.headers).map(|media| {
                let remedy = format!("declare the endpoint, or write `unread_forms: [{media}]` on the resource");
                format!("servers read this body as a form (`{media}`), and nothing here does; {remedy}")
            })
        }
        (Reason::MalformedJson | Reason::MediaType, Found::Undeclared) if resource.protocol == Protocol::Http => {
            let remedy = "declare the endpoint, with `body: unread` if it is to pass as it comes";
            Some(format!("policies ask for arguments by name, and this body cannot be searched for them; {remedy}"))
        }
        (_, Found::Endpoint(..) | Found::Nearly(_) | Found::Undeclared) => None,
    }
}

const STRICT: &str = "say `exact: true` in the resource's `match` if its server tells them apart";
