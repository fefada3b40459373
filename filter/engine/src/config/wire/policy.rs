//! What decides: policy text, or where to ask.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_policy::{Dialect, Link, Member, Name, PdpConfig, PolicyConfig};
#[cfg(test)]
use serde_json::json;

use super::Seen;
use super::endpoint::{EndpointKeys, endpoint};
use super::secret::{Source, secret};
use crate::config::key::{Defaulted, Optional, Own, Required, Size, Span, Text};
use crate::config::key::{defaulted, duration, keys, optional, required, size};
use crate::config::read::{Node, Object};
#[cfg(test)]
use crate::config::schema::reference;

const WAIT: RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(30);
const CACHE: RangeInclusive<Duration> = Duration::ZERO..=Duration::from_hours(1);
const REGO_INPUT: RangeInclusive<usize> = 1024..=1024 * 1024;
/// Where AuthZEN asks, below the decision point's URL (Authorization API 1.0 §10.1).
const EVALUATION: &str = "/access/v1/evaluation";

keys! {
    /// What decides: Cedar policies, a Rego module, a decision point elsewhere (AuthZEN or OPA), or several of them,
    /// and then all must allow.
    pub(super) struct PolicyKeys => json!({
        "anyOf": [
            { "required": ["cedar"] },
            { "required": ["rego"] },
            { "required": ["authzen"] },
            { "required": ["opa"] }
        ],
        "not": { "required": ["authzen", "opa"] },
        "dependentRequired": { "links": ["cedar"] }
    });

    /// Cedar policies. What no policy permits is denied.
    const CEDAR: Optional<Text> = optional("cedar", Text);

    /// The policies that are made of Cedar's templates. A template decides nothing by itself; without `links` there
    /// must be none.
    const LINKS: Optional<Own> = optional("links", Own) => json!({ "type": "array", "items": reference("link") });

    /// A Rego module, `package countersign`, whose rule `decision` is `{ effect, policies, reasons, approvers,
    /// obligations }`. Needs countersign-rego.wasm.
    const REGO: Optional<Text> = optional("rego", Text);

    /// The most that the Rego module is asked about, arguments included. {bounds}; a call with more is denied. The
    /// longer it may be, the fewer steps an evaluation has.
    const REGO_INPUT: Defaulted<Size> = defaulted("rego_input", size(REGO_INPUT), 64 * 1024);

    /// A decision point that speaks the AuthZEN Authorization API 1.0. `url` is its base, without query: it is asked at
    /// `<url>/access/v1/evaluation`.
    const AUTHZEN: Optional<Own> = optional("authzen", Own) => reference("decision_point");
    // A rule can call things what it likes.

    /// A rule of the Open Policy Agent, asked over its data API. `url` is the rule's, such as
    /// https://opa.example.com/v1/data/countersign/decision; it is a boolean, or an object with `effect` (allow, deny,
    /// step_up), `reasons` and `approvers`.
    const OPA: Optional<Own> = optional("opa", Own) => json!({
        "$ref": "#/$defs/decision_point",
        "properties": {
            "subject_type": false,
            "subject_id": false,
            "action_name": false,
            "resource_type": false,
            "resource_id": false
        }
    });
}

keys! {
    /// One policy: a template of `cedar` with its slots filled.
    pub(super) struct LinkKeys;

    /// The template's `@id`.
    const TEMPLATE: Required<Text> = required("template", Text);

    /// What records call the policy; no other policy has it.
    const ID: Required<Text> = required("id", Text);

    /// An entity for `?principal`, such as `Agent::"<issuer>/<subject>"`; wherever the template has it, and nowhere
    /// else.
    const PRINCIPAL: Optional<Own> = optional("principal", Own) => reference("text");

    /// An entity for `?resource`, such as `Resource::"payments"`; wherever the template has it, and nowhere else.
    const RESOURCE: Optional<Own> = optional("resource", Own) => reference("text");
}

keys! {
    /// Where a decision point is asked.
    pub(super) struct DecisionPointKeys;

    use EndpointKeys::URL;

    use EndpointKeys::CLUSTER;

    use EndpointKeys::INSECURE_HTTP => reference("insecure_http");

    /// How long to wait for an answer; without one the call is denied. {bounds}.
    const TIMEOUT: Defaulted<Span> = defaulted("timeout", duration(WAIT), Duration::from_secs(1));

    /// Sent as `Authorization: Bearer`.
    const TOKEN: Optional<Own> = optional("token", Own) => reference("secret");

    /// The longest time that an answer may ask to be kept (`Cache-Control: max-age`) for the same question. {bounds}.
    const CACHE: Defaulted<Span> = defaulted("cache", duration(CACHE), Duration::ZERO);

    /// What the decision point calls the type of subjects, with `{type}` (`Agent`) or `{kind}` (`agent`, `automation`)
    /// in it where that says more. Only with `authzen`.
    const SUBJECT_TYPE: Optional<Own> = optional(Member::SubjectType.key(), Own)
        => json!({ "$ref": "#/$defs/text", "default": "{type}", "examples": ["user"] });

    /// What it calls a subject: text with `{id}` (as policies have it, `platform/agent-7`), `{issuer}`, `{issuer_name}`
    /// or `{subject}` (`sub`; of a machine `#<claim>/<id>`). Where several issuers, or tenants of one, are configured
    /// it is `{id}`, or says first which, and behind it what no issuer's name has in it: `{issuer_name}:{subject}`,
    /// `{issuer}#{subject}`. Only with `authzen`.
    const SUBJECT_ID: Optional<Own> = optional(Member::SubjectId.key(), Own) => json!({
        "type": "string",
        "pattern": r"\{",
        "default": "{id}",
        "examples": ["{subject}", "{issuer_name}:{subject}"]
    });

    /// What it calls an action: text with `{name}` (as policies have it, `payments/transfer`), `{operation}`
    /// (`mcp:tools/call`) or `{class}` (`control`, `list`, `read`, `write`, `execute`). Only with `authzen`.
    const ACTION_NAME: Optional<Own> = optional(Member::ActionName.key(), Own)
        => json!({ "type": "string", "pattern": r"\{", "default": "{name}", "examples": ["can_{class}"] });

    /// What it calls the type of resources, with `{type}` (`Tool`, `Resource`) or `{resource}` (its configured name) in
    /// it where that says more. Only with `authzen`.
    const RESOURCE_TYPE: Optional<Own> = optional(Member::ResourceType.key(), Own)
        => json!({ "$ref": "#/$defs/text", "default": "{type}", "examples": ["record"] });

    /// What it calls a resource: text with `{id}` (as policies have it, `payments/transfer`), `{resource}` (its
    /// configured name) or `{object}` (the tool, path, URI or task; the resource's name where nothing is named). Where
    /// several resources are configured it, or `resource_type`, says which. Only with `authzen`.
    const RESOURCE_ID: Optional<Own> = optional(Member::ResourceId.key(), Own)
        => json!({ "type": "string", "pattern": r"\{", "default": "{id}", "examples": ["{object}"] });
}

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
        let cedar = object.optional(&PolicyKeys::CEDAR);
        let links = object.optional_with(&PolicyKeys::LINKS, |node| node.list(link));
        let rego = object.optional(&PolicyKeys::REGO);
        let rego_input = object.or(&PolicyKeys::REGO_INPUT);
        let authzen = object.optional_with(&PolicyKeys::AUTHZEN, |node| pdp(node, Dialect::Authzen, source, seen));
        let opa = object.optional_with(&PolicyKeys::OPA, |node| pdp(node, Dialect::Opa, source, seen));
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
            return object.node().refuse_member(PolicyKeys::LINKS.name, "there are no templates to link; write them in `cedar`");
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
        let template = object.required(&LinkKeys::TEMPLATE, "write the `@id` of the template");
        let id = object.required(&LinkKeys::ID, "choose one, for records");
        let principal = object.optional_with(&LinkKeys::PRINCIPAL, |node| node.parse(Link::entity));
        let resource = object.optional_with(&LinkKeys::RESOURCE, |node| node.parse(Link::entity));
        Some(Link { template: template?, id: id?, principal: principal?, resource: resource? })
    })
}

fn pdp(node: &Node<'_>, dialect: Dialect, source: &Source<'_>, seen: &mut Seen) -> Option<PdpConfig> {
    node.object(|object| {
        let timeout = &DecisionPointKeys::TIMEOUT;
        let endpoint = endpoint(object, &EndpointKeys::URL, timeout, timeout.default, seen);
        let token = object.optional_with(&DecisionPointKeys::TOKEN, |node| secret(node, source, usable));
        let cache = object.or(&DecisionPointKeys::CACHE);
        let names = names(object, dialect);
        let mut endpoint = endpoint?;
        if dialect == Dialect::Authzen {
            if endpoint.path.contains('?') {
                return object.node().refuse_member(
                    EndpointKeys::URL.name,
                    "a decision point's URL has no query; write `https://host/path`",
                );
            }
            endpoint.path = format!("{}{EVALUATION}", endpoint.path.trim_end_matches('/'));
        }
        Some(PdpConfig { dialect, endpoint, token: token?, cache: cache?, names: names? })
    })
}

/// What of a question is called otherwise by a decision point. A rule of OPA's can call it what it likes.
fn names(object: &mut Object<'_>, dialect: Dialect) -> Option<Vec<(Member, Name)>> {
    if dialect != Dialect::Authzen {
        object.forbid(
            &Member::ALL.map(|member| key(member).name),
            "only questions in AuthZEN are worded otherwise; remove it",
        )?;
    }
    let mut names = Vec::new();
    for member in Member::ALL {
        let name = object.optional_with(&key(member), |node| {
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

/// The key under which a decision point's name for it is written.
fn key(member: Member) -> Optional<Own> {
    match member {
        Member::SubjectType => DecisionPointKeys::SUBJECT_TYPE,
        Member::SubjectId => DecisionPointKeys::SUBJECT_ID,
        Member::ActionName => DecisionPointKeys::ACTION_NAME,
        Member::ResourceType => DecisionPointKeys::RESOURCE_TYPE,
        Member::ResourceId => DecisionPointKeys::RESOURCE_ID,
    }
}

/// It becomes part of a header.
fn usable(node: &Node<'_>, token: &str) -> Option<String> {
    if !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Some(token.to_owned());
    }
    node.refuse("not a bearer token; it is printable ASCII without blanks")
}
