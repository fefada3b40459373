//! `authorization_details` (RFC 9396): objects of the configured types, each one or several grants.
//!
//! `actions` are spelled as in grants; `identifier` (RFC 9396 §2.2) is the grant's `object`; `locations` are the identifiers
//! of resources (RFC 9728 §2); `arguments`, `calls`, `not_before`, `expires`, `source` and `max_depth` are as in grants. Types that are
//! not configured are for somebody else. Any other member refuses the token: it was meant to narrow.

use countersign_protocols::bounds::TaskError;
use countersign_protocols::catalogue::Resource;
use serde_json::{Map, Value};

use crate::task::grant::Grant;
use crate::task::mapping::MAX_GRANTS;

const CLAIM: &str = "claim `/authorization_details`";

/// The grants in `claims` of the types `types`.
pub(super) fn grants(
    claims: &Map<String, Value>,
    types: &[String],
    resources: &[Resource],
) -> Result<Vec<Grant>, TaskError> {
    let unusable = || TaskError::unusable(CLAIM);
    let details =
        claims.get("authorization_details").ok_or_else(|| TaskError::Missing("/authorization_details".into()))?;
    let mut grants = Vec::new();
    for detail in details.as_array().ok_or_else(unusable)? {
        let mut members = detail.as_object().cloned().ok_or_else(unusable)?;
        let kind = members.remove("type");
        let kind = kind.as_ref().and_then(Value::as_str).ok_or_else(unusable)?;
        if types.iter().any(|ours| ours == kind) {
            grants.extend(of_detail(members, resources)?);
        }
        if grants.len() > MAX_GRANTS {
            return Err(TaskError::TooMany("grants"));
        }
    }
    Ok(grants)
}

fn of_detail(mut members: Map<String, Value>, resources: &[Resource]) -> Result<Vec<Grant>, TaskError> {
    let actions = texts(members.remove("actions"))?.ok_or_else(|| TaskError::unusable("`actions` of a detail"))?;
    let locations = texts(members.remove("locations"))?;
    if members.contains_key("action") || members.contains_key("object") || members.contains_key("resource") {
        return Err(TaskError::unusable("member of a detail: write `actions`, `identifier`, `locations`"));
    }
    if let Some(identifier) = members.remove("identifier") {
        members.insert("object".to_owned(), identifier);
    }
    let on: Vec<Option<String>> = match locations {
        None => vec![None],
        Some(locations) => {
            let is_meant = |resource: &&Resource| {
                resource.identifier.as_ref().is_some_and(|identifier| locations.contains(identifier))
            };
            resources.iter().filter(is_meant).map(|resource| Some(resource.name.clone())).collect()
        }
    };
    // Each is made of all that the detail says.
    if on.len().saturating_mul(actions.len()) > MAX_GRANTS {
        return Err(TaskError::TooMany("grants"));
    }
    let mut grants = Vec::new();
    for resource in on {
        for action in &actions {
            let mut members = members.clone();
            members.insert("action".to_owned(), action.clone().into());
            grants.push(Grant::on(resource.clone(), members)?);
        }
    }
    Ok(grants)
}

/// A list of texts, at least one.
fn texts(value: Option<Value>) -> Result<Option<Vec<String>>, TaskError> {
    let Some(value) = value else { return Ok(None) };
    let texts = value
        .as_array()
        .filter(|texts| !texts.is_empty())
        .and_then(|texts| texts.iter().map(|text| text.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>());
    texts.map(Some).ok_or_else(|| TaskError::unusable("list of a detail"))
}
