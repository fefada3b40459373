//! Rules that raise the risk of an action.

use countersign_protocols::action::Class;
use countersign_rights::hygiene::Finding;
use countersign_rights::risk::{RiskRule, RiskRules, When};
use countersign_rights::task::Object;
use countersign_rights::workload::{Kind, Trait};

use super::resource::risk;
use super::seen::Names;
use super::workload::Known;
use crate::config::read::Node;
use crate::config::{address, text};

/// The list of them.
pub(super) fn rules(node: &Node<'_>, known: Known<'_>) -> Option<RiskRules> {
    let mut names = Names::new("names are unique, choose another");
    let rules = node.list(|node| {
        node.object(|object| {
            let name = object.required("name", "choose one, for records", |node| {
                let name = node.parse(text::name)?;
                names.claim(node, &name)?;
                Some(name)
            });
            let raise_to = object.required("raise_to", "write `medium`, `high` or `critical`", risk);
            let when = object.required("when", "say what is so risky", |node| when(node, known));
            Some(RiskRule { name: name?, raise_to: raise_to?, when: when? })
        })
    })?;
    Some(RiskRules(rules))
}

fn when(node: &Node<'_>, known: Known<'_>) -> Option<When> {
    node.object(|object| {
        let resources = object.optional("resources", |node| {
            node.filled("resource", |node| {
                let name = node.text()?;
                known.resource(node, name)?;
                Some(name.to_owned())
            })
        });
        let tools = object.optional("tools", |node| {
            let remedy = "a `*` may only be at the end, where it stands for any ending";
            let tool = |text: &str| Object::parse(text).ok_or_else(|| format!("{text:?} is not a tool; {remedy}"));
            node.filled("tool", |node| node.parse(tool))
        });
        let paths = object.optional("paths", |node| node.filled("path", |node| node.parse(address::path_pattern)));
        let labels = object.optional("labels", |node| node.filled("label", |node| node.text().map(str::to_owned)));
        let classes = object.optional("classes", |node| words(node, "class", Class::ALL.map(|one| (one.name(), one))));
        let destinations = object.optional("destinations", domains);
        let outside = object.optional("outside", domains);
        let kinds = object.optional("kinds", |node| words(node, "kind", Kind::ALL.map(|one| (one.name(), one))));
        let traits = object.optional("traits", |node| words(node, "trait", Trait::ALL.map(|one| (one.name(), one))));
        let findings =
            object.optional("findings", |node| words(node, "finding", Finding::ALL.map(|one| (one.name(), one))));
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

fn domains(node: &Node<'_>) -> Option<Vec<String>> {
    node.filled("domain", |node| node.parse(text::domain))
}

fn words<T: Copy, const N: usize>(node: &Node<'_>, what: &str, choices: [(&'static str, T); N]) -> Option<Vec<T>> {
    node.filled(what, |node| node.choice(what, &choices))
}
