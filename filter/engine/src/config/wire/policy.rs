//! What decides: policy text, or where to ask.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_policy::{Dialect, Link, Member, Name, PdpConfig, PolicyConfig};

use super::Seen;
use super::endpoint::endpoint;
use super::secret::{Source, secret};
use crate::config::read::{Node, Object};

const WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(30);
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(1);
const CACHE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(1);
const REGO_INPUT: RangeInclusive<usize> = 1024..=1024 * 1024;
const DEFAULT_REGO_INPUT: usize = 64 * 1024;
/// Where AuthZEN asks, below the decision point's URL (Authorization API 1.0 §10.1).
const EVALUATION: &str = "/access/v1/evaluation";

/// Of what there is more than one that could give a name.
#[derive(Clone, Copy)]
pub(super) struct Several {
    /// Issuers, or tenants of one.
    pub(super) issuers: bool,
    pub(super) resources: bool,
}

/// The value of `policy`.
pub(super) fn policy(node: &Node<'_>, several: Several, source: &Source<'_>, seen: &mut Seen) -> Option<PolicyConfig> {
    node.object(|object| {
        let cedar = object.optional("cedar", |node| node.text().map(str::to_owned));
        let links = object.optional("links", |node| node.list(link));
        let rego = object.optional("rego", |node| node.text().map(str::to_owned));
        let rego_input = object.or("rego_input", DEFAULT_REGO_INPUT, |node| node.size(&REGO_INPUT));
        let authzen = object.optional("authzen", |node| pdp(node, Dialect::Authzen, source, seen));
        let opa = object.optional("opa", |node| pdp(node, Dialect::Opa, source, seen));
        let (cedar, links, rego, rego_input, authzen, opa) = (cedar?, links?, rego?, rego_input?, authzen?, opa?);
        let names = authzen.iter().flat_map(|pdp| &pdp.names);
        let renamed = |wanted| names.clone().find(|(member, _)| *member == wanted).map(|(_, name)| name);
        if several.issuers && renamed(Member::SubjectId).is_some_and(|name| !name.says_whose()) {
            let why = "each of the configured issuers could call somebody so; write `{issuer_name}:` first, or `{issuer}#`";
            return object.node().refuse_below("authzen/subject_id", why);
        }
        let says_where = |member| renamed(member).is_some_and(Name::says_where);
        let anywhere = renamed(Member::ResourceId).is_some_and(|name| !name.says_where());
        if several.resources && anywhere && !says_where(Member::ResourceType) {
            let why = "each of the configured resources could have something of that name; write `{resource}` here or in \
                       `resource_type`";
            return object.node().refuse_below("authzen/resource_id", why);
        }
        if cedar.is_none() && links.is_some() {
            return object.node().refuse_member("links", "there are no templates to link; write them in `cedar`");
        }
        if authzen.is_some() && opa.is_some() {
            return object.node().refuse("has both `authzen` and `opa`; ask one decision point");
        }
        let pdp = authzen.or(opa);
        if cedar.is_none() && rego.is_none() && pdp.is_none() {
            return object.node().refuse("nothing decides; write `cedar`, `rego`, `authzen` or `opa`");
        }
        Some(PolicyConfig { cedar, links, rego, rego_input, pdp })
    })
}

fn link(node: &Node<'_>) -> Option<Link> {
    node.object(|object| {
        let name = |node: &Node<'_>| node.text().map(str::to_owned);
        let template = object.required("template", "write the `@id` of the template", name);
        let id = object.required("id", "choose one, for records", name);
        let principal = object.optional("principal", |node| node.parse(Link::entity));
        let resource = object.optional("resource", |node| node.parse(Link::entity));
        Some(Link { template: template?, id: id?, principal: principal?, resource: resource? })
    })
}

fn pdp(node: &Node<'_>, dialect: Dialect, source: &Source<'_>, seen: &mut Seen) -> Option<PdpConfig> {
    node.object(|object| {
        let endpoint = endpoint(object, "url", DEFAULT_TIMEOUT, &WAIT, seen);
        let token = object.optional("token", |node| secret(node, source, usable));
        let cache = object.or("cache", Duration::ZERO, |node| node.duration(&CACHE));
        let names = names(object, dialect);
        let mut endpoint = endpoint?;
        if dialect == Dialect::Authzen {
            if endpoint.path.contains('?') {
                return object
                    .node()
                    .refuse_member("url", "a decision point's URL has no query; write `https://host/path`");
            }
            endpoint.path = format!("{}{EVALUATION}", endpoint.path.trim_end_matches('/'));
        }
        Some(PdpConfig { dialect, endpoint, token: token?, cache: cache?, names: names? })
    })
}

/// What of a question is called otherwise by a decision point. A rule of OPA's can call it what it likes.
fn names(object: &mut Object<'_>, dialect: Dialect) -> Option<Vec<(Member, Name)>> {
    if dialect != Dialect::Authzen {
        object.forbid(&Member::ALL.map(Member::key), "only questions in AuthZEN are worded otherwise; remove it")?;
    }
    let mut names = Vec::new();
    for member in Member::ALL {
        let name = object.optional(member.key(), |node| {
            let name = node.parse(|text| {
                Name::parse(member, text)
                    .map_err(|problem| format!("{text:?} {problem}; write such as `user:{{subject}}`"))
            })?;
            let tells = matches!(member, Member::SubjectId | Member::ResourceId | Member::ActionName);
            if tells && name.is_fixed() {
                return node.refuse(
                    "calls all of them the same, so that nobody could tell them apart; write a word in braces",
                );
            }
            Some(name)
        });
        names.push(name.map(|name| Some((member, name?))));
    }
    // All of them are read before any of them is missed.
    Some(names.into_iter().collect::<Option<Vec<_>>>()?.into_iter().flatten().collect())
}

/// It becomes part of a header.
fn usable(node: &Node<'_>, token: &str) -> Option<String> {
    if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(token.to_owned());
    }
    node.refuse("not a bearer token; it is printable ASCII without blanks")
}
