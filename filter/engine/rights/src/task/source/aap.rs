//! The Agent Authorization Profile (draft-aap-oauth-profile-01, expired): whom, what for, which capabilities, under whose eyes.
//!
//! A capability's action is `<resource>.<tool>` of an MCP resource, `<resource>.<endpoint>` or `<resource>.<method>` (`reports.get`) of an HTTP one, `<resource>.<operation>` of an A2A agent; others
//! are for somebody else. Constraints that are enforced: `max_requests_per_minute`, `_hour`, `_day`; `ip_ranges_allowed`;
//! `time_window`; `max_depth`; `allowed_methods` of HTTP resources; `domains_allowed` and `domains_blocked` where the catalogue says
//! which arguments are destinations. Every other constraint refuses the token.

use countersign_facts::clock;
use countersign_facts::digest;
use countersign_protocols::bounds::networks::networks;
use countersign_protocols::bounds::{ArgumentPlace, Constraint, TaskError, text};
use countersign_protocols::catalogue::{Protocol, Resource};
use countersign_tokens::{UnixTime, VerifiedToken};
use serde_json::{Map, Value};

use super::object;
use crate::task::Task;
use crate::task::claims::{MAX_ID, MAX_PURPOSE, is_line};
use crate::task::condition::{Calls, Condition, Period, count};
use crate::task::grant::{Grant, Metered, Object};
use crate::task::mapping::MAX_GRANTS;

/// The task of a token with these claims (§5).
pub(super) fn task(token: &VerifiedToken, resources: &[Resource]) -> Result<Task, TaskError> {
    let claims = Claims(&token.claims);
    let agent = claims.object("agent")?.ok_or_else(|| TaskError::Missing("/aap_agent".to_owned()))?;
    text_of(agent, "id", MAX_ID)?;
    let stated = claims.object("task")?.ok_or_else(|| TaskError::Missing("/aap_task".to_owned()))?;
    judge_delegation(claims.object("delegation")?)?;
    let everywhere = context(claims.object("context")?)?;
    let capabilities = claims.get("capabilities")?.ok_or_else(|| TaskError::Missing("/aap_capabilities".to_owned()))?;
    let capabilities = capabilities.as_array().ok_or_else(|| TaskError::unusable("claim `/aap_capabilities`"))?;
    if capabilities.len() > MAX_GRANTS {
        return Err(TaskError::TooMany("grants"));
    }
    let mut grants = Vec::new();
    for capability in capabilities {
        grants.extend(grant(capability, resources, &everywhere)?);
    }
    let asks = asks(claims.object("oversight")?, resources)?;
    Ok(Task {
        id: text_of(stated, "id", MAX_ID)?,
        purpose: Some(text_of(stated, "purpose", MAX_PURPOSE)?),
        grants: grants.into(),
        asks: asks.into(),
        end: None,
        expires: token.expires,
    })
}

/// Claims that may be spelled with and without `aap_`; not both.
struct Claims<'c>(&'c Map<String, Value>);

impl<'c> Claims<'c> {
    fn name(&self, plain: &str) -> Result<String, TaskError> {
        let prefixed = format!("aap_{plain}");
        match (self.0.contains_key(&prefixed), self.0.contains_key(plain)) {
            (true, true) => Err(TaskError::unusable(format!("claim `/{plain}` beside `/{prefixed}`"))),
            (false, true) => Ok(plain.to_owned()),
            (true | false, false) => Ok(prefixed),
        }
    }

    fn get(&self, plain: &str) -> Result<Option<&'c Value>, TaskError> {
        Ok(self.0.get(&self.name(plain)?))
    }

    fn object(&self, plain: &str) -> Result<Option<&'c Map<String, Value>>, TaskError> {
        object(self.0, &self.name(plain)?)
    }
}

fn text_of(members: &Map<String, Value>, name: &str, longest: usize) -> Result<String, TaskError> {
    let text = members.get(name).and_then(Value::as_str).filter(|text| is_line(text, longest));
    text.map(str::to_owned).ok_or_else(|| TaskError::unusable(format!("`{name}` of an AAP claim")))
}

/// §5.6: no deeper than allowed, and the chain as long as it says.
fn judge_delegation(delegation: Option<&Map<String, Value>>) -> Result<(), TaskError> {
    let Some(delegation) = delegation else { return Ok(()) };
    let number = |name| delegation.get(name).and_then(Value::as_u64);
    let chain = delegation.get("chain").and_then(Value::as_array).map(Vec::len);
    let (Some(depth), Some(most), Some(chain)) = (number("depth"), number("max_depth"), chain) else {
        return Err(TaskError::unusable("claim `/aap_delegation`"));
    };
    let whole = u64::try_from(chain).is_ok_and(|chain| Some(chain) == depth.checked_add(1));
    if depth <= most && whole { Ok(()) } else { Err(TaskError::unusable("claim `/aap_delegation`")) }
}

/// What holds for every capability.
fn context(context: Option<&Map<String, Value>>) -> Result<Vec<Condition>, TaskError> {
    let mut conditions = Vec::new();
    for (name, value) in context.into_iter().flatten() {
        match name.as_str() {
            "time_window" => conditions.extend(time_window(value)?),
            other => return Err(TaskError::UnsupportedConstraint(other.to_owned())),
        }
    }
    Ok(conditions)
}

/// What of the task must be approved by a person.
fn asks(oversight: Option<&Map<String, Value>>, resources: &[Resource]) -> Result<Vec<Grant>, TaskError> {
    let Some(actions) = oversight.and_then(|oversight| oversight.get("requires_human_approval_for")) else {
        return Ok(Vec::new());
    };
    let unusable = || TaskError::unusable("`requires_human_approval_for` of an AAP claim");
    let mut asks = Vec::new();
    for action in actions.as_array().ok_or_else(unusable)? {
        asks.extend(resolve(action.as_str().ok_or_else(unusable)?, resources)?.map(|(grant, _)| grant));
    }
    Ok(asks)
}

fn grant(capability: &Value, resources: &[Resource], everywhere: &[Condition]) -> Result<Option<Grant>, TaskError> {
    let unusable = || TaskError::unusable("capability");
    let members = capability.as_object().ok_or_else(unusable)?;
    if let Some(unknown) = members.keys().find(|key| !["action", "constraints"].contains(&key.as_str())) {
        return Err(TaskError::unusable(format!("member `{unknown}` of a capability")));
    }
    let action = members.get("action").and_then(Value::as_str).ok_or_else(unusable)?;
    let resolved = resolve(action, resources)?;
    let Some((mut grant, resource)) = resolved else { return Ok(None) };
    grant.conditions.extend_from_slice(everywhere);
    let mut calls = Vec::new();
    for (name, value) in object(members, "constraints")?.into_iter().flatten() {
        let unusable = || TaskError::unusable(format!("operand of constraint `{name}`"));
        let mut limit = |per| {
            calls.push(Calls { most: count(value).ok_or_else(unusable)?, per });
            Ok::<(), TaskError>(())
        };
        match name.as_str() {
            "max_requests_per_minute" => limit(Period::Minute)?,
            "max_requests_per_hour" => limit(Period::Hour)?,
            "max_requests_per_day" => limit(Period::Day)?,
            "ip_ranges_allowed" => grant.conditions.push(Condition::Source(networks(value).ok_or_else(unusable)?)),
            "time_window" => grant.conditions.extend(time_window(value)?),
            "max_depth" => {
                let depth = value.as_u64().and_then(|depth| usize::try_from(depth).ok());
                grant.conditions.push(Condition::Depth(depth.ok_or_else(unusable)?));
            }
            "allowed_methods" if resource.protocol == Protocol::Http => {
                let methods = value.as_array().ok_or_else(unusable)?;
                if !methods.iter().filter_map(Value::as_str).any(|method| grant.action == format!("http:{method}")) {
                    return Ok(None);
                }
            }
            "domains_allowed" => {
                let domains = suffixes(value).ok_or_else(unusable)?;
                constrain(&mut grant, resource, name, &Constraint::Domain(domains))?;
            }
            "domains_blocked" => {
                let domains = suffixes(value).ok_or_else(unusable)?;
                constrain(&mut grant, resource, name, &Constraint::NotDomain(domains))?;
            }
            other => return Err(TaskError::UnsupportedConstraint(other.to_owned())),
        }
    }
    if !calls.is_empty() {
        grant.metered = Some(Metered { calls, id: digest::of_json(capability).map_err(|_| unusable())? });
    }
    Ok(Some(grant))
}

/// The grant that an action's name stands for (§5.4), and the resource it is on.
fn resolve<'r>(action: &str, resources: &'r [Resource]) -> Result<Option<(Grant, &'r Resource)>, TaskError> {
    let component = |component: &str| {
        component.starts_with(|first: char| first.is_ascii_alphabetic())
            && component.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    if !action.split('.').all(component) {
        return Err(TaskError::unusable("action of an AAP claim"));
    }
    let on = |resource: &'r Resource| {
        let operation = action.strip_prefix(&resource.name)?.strip_prefix('.')?;
        let mut methods = resource.protocol.methods().iter().copied();
        let (method, object) = match (resource.protocol, resource.interface.endpoint(operation)) {
            (Protocol::Http, Some(_)) => (resource.method_of(operation)?, Some(operation)),
            (Protocol::Http, None) => (methods.find(|method| method.name.to_ascii_lowercase() == operation)?, None),
            (Protocol::Mcp, _) => (resource.protocol.call()?, Some(operation)),
            (Protocol::A2a, _) => (methods.find(|method| method.name == operation)?, None),
            // A method's name has a slash, which no action has.
            (Protocol::Grpc, _) => return None,
        };
        let object = object.map(|object| Object::Exact(object.to_owned()));
        let grant = Grant::plain(method.action.to_owned(), Some(resource.name.clone()), object);
        Some((grant, resource))
    };
    // Of `a` and `a.b` the longer name is meant.
    Ok(resources.iter().filter_map(on).max_by_key(|(_, resource)| resource.name.len()))
}

/// Demands it of every argument that is a destination; there must be one.
fn constrain(grant: &mut Grant, resource: &Resource, name: &str, constraint: &Constraint) -> Result<(), TaskError> {
    let tool = match &grant.object {
        Some(Object::Exact(tool)) => resource.tools.get(tool),
        Some(Object::Prefix(_) | Object::Template(_)) | None => None,
    };
    let destinations = tool.map_or(&[][..], |tool| &tool.destinations);
    if destinations.is_empty() {
        return Err(TaskError::UnsupportedConstraint(name.to_owned()));
    }
    let places = destinations.iter().filter_map(|place| ArgumentPlace::parse(place));
    grant.arguments.extend(places.map(|place| (place, constraint.clone())));
    Ok(())
}

/// Each domain and what is below it.
fn suffixes(value: &Value) -> Option<Vec<String>> {
    let several = value.as_array().filter(|several| !several.is_empty())?;
    let domains = several.iter().map(|domain| domain.as_str().and_then(text::host)).collect::<Option<Vec<_>>>()?;
    Some(domains.into_iter().flat_map(|domain| [format!("*.{domain}"), domain]).collect())
}

/// `{start, end}`, RFC 3339; the start is in it, the end is not.
fn time_window(value: &Value) -> Result<[Condition; 2], TaskError> {
    let unusable = || TaskError::unusable("operand of constraint `time_window`");
    let members = value.as_object().filter(|members| members.len() == 2).ok_or_else(unusable)?;
    let instant = |name| -> Option<UnixTime> { clock::parse(members.get(name)?.as_str()?) };
    let (start, end) = (instant("start").ok_or_else(unusable)?, instant("end").ok_or_else(unusable)?);
    Ok([Condition::From(start), Condition::Until(end)])
}
