//! What the record says of a path that is nearly a configured one: which, and what to do about it.
//!
//! For whoever runs the gateway, never for the client: it names what the catalogue holds. Nothing is decided here.

use crate::catalogue::{Found, PathMatch, Resource};
use crate::reason::Reason;
use crate::route::Target;

/// Of a request that is nearly for `resource`.
pub(super) fn of_resource(target: &Target, resource: &Resource) -> String {
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

/// Of a request for `resource` that was refused for `reason`: that it is nearly for one of its endpoints, if that is why.
pub(super) fn of_endpoint(reason: Reason, target: &Target, resource: &Resource) -> Option<String> {
    match (reason, resource.find(&target.method, &target.path)) {
        (Reason::NearMiss, Found::Nearly(endpoint)) => {
            let (asked, name, path) = (&target.path, &endpoint.name, &endpoint.path);
            Some(format!("`{asked}` is nearly `{path}` of endpoint `{name}`; ask for it as it is written, or {STRICT}"))
        }
        (_, Found::Endpoint(..) | Found::Nearly(_) | Found::Undeclared) => None,
    }
}

const STRICT: &str = "say `exact: true` in the resource's `match` if its server tells them apart";
