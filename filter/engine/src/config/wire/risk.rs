//! Rules that raise the risk of an action.

use countersign_protocols::action::Class;
use countersign_protocols::catalogue::{PathMatch, Risk};
use countersign_rights::hygiene::Finding;
use countersign_rights::risk::{RiskRule, RiskRules, When};
use countersign_rights::task::Object;
use countersign_rights::workload::{Kind, Trait};
#[cfg(test)]
use serde_json::json;

use super::resource::RISK;
use super::workload::Known;
use crate::config::key::{Choice, Defined, Key, List, Optional, Own, Parsed, Required, Text};
use crate::config::key::{filled, keys, named, optional, parsed, required};
use crate::config::names::Names;
use crate::config::read::Node;
#[cfg(test)]
use crate::config::schema::reference;
use crate::config::{address, text};

keys! {
    pub(super) struct RuleKeys;

    const NAME: Required<Parsed<String>> = required("name", text::NAME);

    /// At least so risky.
    const RAISE_TO: Required<Defined<Choice<Risk>>> = required("raise_to", RISK);

    const WHEN: Required<Own> = required("when", Own) => WhenKeys::schema();
}

keys! {
    /// Whatever is stated must be met, each by one of its list.
    struct WhenKeys => json!({ "minProperties": 1 });

    /// Configured names.
    const RESOURCES: Optional<Own> = optional("resources", Own)
        => json!({ "type": "array", "minItems": 1, "items": reference("name") });

    /// Tools, endpoints and gRPC methods, declared or not; a `*` at the end stands for any ending.
    const TOOLS: Optional<List<Parsed<Object>>> = optional("tools", filled("tool", TOOL))
        => json!({ "examples": [["delete_*"]] });

    /// Of the request: an exact path, or one and what is below (`/admin/*`).
    const PATHS: Optional<List<Parsed<PathMatch>>> = optional("paths", filled("path", address::PATH));

    /// The catalogue gives it one of these.
    const LABELS: Optional<List<Text>> = optional("labels", filled("label", Text));

    /// What it does: of MCP and A2A as their methods do (a tool call executes); a gRPC call executes; of HTTP, GET,
    /// HEAD and OPTIONS read and all else writes.
    const CLASSES: Optional<List<Choice<Class>>> =
        optional("classes", filled("class", named("class", &Class::ALL, Class::name)));

    /// It leads to one of these domains: by its `destinations` arguments, or by its authority on the way out. What
    /// cannot be read could lead anywhere.
    const DESTINATIONS: Optional<List<Parsed<String>>> = optional("destinations", filled("domain", text::DOMAIN));

    /// It leads to somewhere else than these domains.
    const OUTSIDE: Optional<List<Parsed<String>>> = optional("outside", filled("domain", text::DOMAIN));

    /// Of the workload that calls.
    const KINDS: Optional<List<Choice<Kind>>> = optional("kinds", filled("kind", named("kind", &Kind::ALL, Kind::name)));

    /// The caller, or somebody it acts for or through, has one of these.
    const TRAITS: Optional<List<Choice<Trait>>> =
        optional("traits", filled("trait", named("trait", &Trait::ALL, Trait::name)));

    /// What is unhealthy about the credential or the request.
    const FINDINGS: Optional<List<Choice<Finding>>> =
        optional("findings", filled("finding", named("finding", &Finding::ALL, Finding::name)));
}

/// The tools that a rule is about.
const TOOL: Parsed<Object> = parsed!(tool, json!({ "type": "string", "pattern": r"^[^*]*\*?$", "minLength": 1 }));

/// The list of them.
pub(super) fn rules(node: &Node<'_>, known: Known<'_>) -> Option<RiskRules> {
    let mut names = Names::new("names are unique, choose another");
    let rules = node.list(|node| {
        node.object(|object| {
            let name = object.required_with(&RuleKeys::NAME, "choose one, for records", |node| {
                let name = RuleKeys::NAME.read(node)?;
                names.claim(node, &name)?;
                Some(name)
            });
            let raise_to = object.required(&RuleKeys::RAISE_TO, "write `medium`, `high` or `critical`");
            let when = object.required_with(&RuleKeys::WHEN, "say what is so risky", |node| when(node, known));
            Some(RiskRule { name: name?, raise_to: raise_to?, when: when? })
        })
    })?;
    Some(RiskRules(rules))
}

fn when(node: &Node<'_>, known: Known<'_>) -> Option<When> {
    node.object(|object| {
        let resources = object.optional_with(&WhenKeys::RESOURCES, |node| {
            node.filled("resource", |node| {
                let name = node.text()?;
                known.resource(node, name)?;
                Some(name.to_owned())
            })
        });
        let tools = object.optional(&WhenKeys::TOOLS);
        let paths = object.optional(&WhenKeys::PATHS);
        let labels = object.optional(&WhenKeys::LABELS);
        let classes = object.optional(&WhenKeys::CLASSES);
        let destinations = object.optional(&WhenKeys::DESTINATIONS);
        let outside = object.optional(&WhenKeys::OUTSIDE);
        let kinds = object.optional(&WhenKeys::KINDS);
        let traits = object.optional(&WhenKeys::TRAITS);
        let findings = object.optional(&WhenKeys::FINDINGS);
        let when = When {
            resources: resources?,
            tools: tools?,
            paths: paths?,
            labels: labels?,
            classes: classes?,
            destinations: destinations?,
            outside: outside?,
            kinds: kinds?,
            traits: traits?,
            findings: findings?,
        };
        if when == When::default() {
            return object.node().refuse("holds always; raise the `risk` of the resource, or state when");
        }
        Some(when)
    })
}

fn tool(text: &str) -> Result<Object, String> {
    let remedy = "a `*` may only be at the end, where it stands for any ending";
    Object::parse(text).ok_or_else(|| format!("{text:?} is not a tool; {remedy}"))
}
