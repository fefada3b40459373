//! Policies that let somebody in by a text that a subject is compared with, and do not say whose subject it is: at another
//! issuer it is somebody else's.
//!
//! What forbids more than was meant is not looked for: a forbid may be for whoever is called so, anywhere.

use std::collections::BTreeSet;

use serde_json::Value;

use super::replay::{path, walk};
use super::schema::{AGENT, ISSUER, TRUST_DOMAIN};

/// Names that an issuer gives, and what of the same says which issuer.
const NAMES: [(&[&str], &[&[&str]]); 3] = [
    (&["principal", "subject"], OF_PRINCIPAL),
    (&["principal", "client_id"], OF_PRINCIPAL),
    (&["context", "actor", "subject"], &[&["context", "actor", "issuer"]]),
];
const OF_PRINCIPAL: &[&[&str]] =
    &[&["principal", "issuer"], &["principal", "issuer_name"], &["principal", "trust_domain"]];

/// What of Cedar's JSON form compares.
const COMPARISONS: [&str; 6] = ["==", "!=", "like", "contains", "containsAny", "containsAll"];

/// The name by which `policy`, in Cedar's JSON form, lets somebody in without a word about the issuer.
pub(super) fn bare(policy: &Value) -> Option<String> {
    let conditions = policy.get("conditions")?;
    let opening = opening(policy.get("effect")?.as_str()?, conditions.as_array()?);
    let mut read = BTreeSet::new();
    walk(conditions, &mut read);
    let says_whose =
        |names: &[&[&str]]| names.iter().any(|name| read.iter().any(|path| path.starts_with(&owned(name))));
    let named = names_issuer(policy);
    NAMES.iter().find_map(|(name, issuers)| {
        let of_principal = name.first() == Some(&"principal");
        let bare = opening.iter().any(|condition| compares(condition, name))
            && !says_whose(issuers)
            && !(of_principal && named);
        bare.then(|| name.join("."))
    })
}

/// The conditions that could let somebody in: those of a permit, and what a forbid excepts.
fn opening<'p>(effect: &str, conditions: &'p [Value]) -> Vec<&'p Value> {
    let mut opening = Vec::new();
    for condition in conditions {
        if effect == "permit" || condition.get("kind").is_some_and(|kind| kind == "unless") {
            opening.push(condition);
        } else {
            exceptions(condition, &mut opening);
        }
    }
    opening
}

/// What of `expression` holds of everybody but who is named.
fn exceptions<'p>(expression: &'p Value, found: &mut Vec<&'p Value>) {
    match expression {
        Value::Object(object) if object.contains_key("!") || object.contains_key("!=") => found.push(expression),
        Value::Object(object) => object.values().for_each(|value| exceptions(value, found)),
        Value::Array(items) => items.iter().for_each(|item| exceptions(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|name| (*name).to_owned()).collect()
}

/// Whether something in `expression` compares what is at `name` with what is written there.
fn compares(expression: &Value, name: &[&str]) -> bool {
    match expression {
        Value::Object(object) => {
            let compared = COMPARISONS.iter().filter_map(|operator| object.get(*operator)).any(|operands| {
                let sides = [operands.get("left"), operands.get("right")].into_iter().flatten();
                let is_it = |side: &Value| path(side).is_some_and(|path| path == owned(name));
                let written = operands.get("pattern").is_some() || sides.clone().any(has_text);
                sides.clone().any(is_it) && written
            });
            compared || object.values().any(|value| compares(value, name))
        }
        Value::Array(items) => items.iter().any(|item| compares(item, name)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether `operand` is a text, or a set with one.
fn has_text(operand: &Value) -> bool {
    let text = operand.get("Value").is_some_and(Value::is_string);
    text || operand.get("Set").and_then(Value::as_array).is_some_and(|items| items.iter().any(has_text))
}

/// Whether an issuer, a trust domain or an agent is named anywhere in `value`.
fn names_issuer(value: &Value) -> bool {
    match value {
        Value::Object(object) => {
            let named = object.get("type").and_then(Value::as_str);
            named.is_some_and(|name| object.contains_key("id") && [AGENT, ISSUER, TRUST_DOMAIN].contains(&name))
                || object.values().any(names_issuer)
        }
        Value::Array(items) => items.iter().any(names_issuer),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use cedar_policy::Policy;

    use super::*;

    fn found(rest: &str) -> Result<Option<String>, Box<dyn std::error::Error>> {
        Ok(bare(&Policy::parse(None, format!("{rest};"))?.to_json()?))
    }

    #[test]
    fn a_subject_alone_may_be_somebody_elses() -> Result<(), Box<dyn std::error::Error>> {
        for condition in [
            r#"principal.subject == "a""#,
            r#""a" == principal.subject"#,
            r#"principal.subject != "a" && context.now > 5"#,
            r#"principal.subject like "a*""#,
            r#"["a", "b"].contains(principal.subject)"#,
            r#"!(if context.now > 5 then principal.subject == "a" else true)"#,
            r#"principal in Kind::"agent" && principal.subject == "a""#,
        ] {
            let said = found(&format!("permit (principal, action, resource) when {{ {condition} }}"))?;
            assert_eq!(said.as_deref(), Some("principal.subject"), "{condition}");
        }
        for rest in [
            r#"unless { principal.subject == "root" }"#,
            r#"when { principal.subject != "root" }"#,
            r#"when { context.now > 5 && !(principal.subject == "root") }"#,
        ] {
            let said = found(&format!("forbid (principal, action, resource) {rest}"))?;
            assert_eq!(said.as_deref(), Some("principal.subject"), "{rest}");
        }
        for (condition, name) in [
            (r#"principal has client_id && principal.client_id == "a""#, "principal.client_id"),
            (r#"context has actor && context.actor.subject == "a""#, "context.actor.subject"),
            (r#"principal in Issuer::"x" && context.actor.subject == "a""#, "context.actor.subject"),
        ] {
            assert_eq!(
                found(&format!("permit (principal, action, resource) when {{ {condition} }}"))?.as_deref(),
                Some(name),
                "{condition}"
            );
        }
        Ok(())
    }

    #[test]
    fn whose_it_is_can_be_said_in_many_ways() -> Result<(), Box<dyn std::error::Error>> {
        for rest in [
            r#"permit (principal in Issuer::"x", action, resource) when { principal.subject == "a" }"#,
            r#"permit (principal is Agent in TrustDomain::"x", action, resource) when { principal.subject == "a" }"#,
            r#"permit (principal, action, resource) when { principal.issuer_name == "x" && principal.subject == "a" }"#,
            r#"permit (principal, action, resource) when { principal.issuer == "x" } unless { principal.subject == "a" }"#,
            r#"permit (principal, action, resource) when { principal has trust_domain && principal.subject like "spiffe:*" }"#,
            r#"permit (principal, action, resource) when { principal in Issuer::"x" && principal.client_id == "a" }"#,
            r#"permit (principal, action, resource) when { context.actor.issuer == "x" && context.actor.subject == "a" }"#,
            // Compared with what the call says, it is about nobody by name.
            "permit (principal, action, resource) when { principal.subject == context.args.owner }",
            r#"permit (principal, action, resource) when { context.actors.contains({issuer: principal.issuer, subject: "a"}) }"#,
            r#"permit (principal, action, resource) when { context.args.subject == "a" }"#,
            "permit (principal, action, resource)",
            // Whoever is called so, anywhere.
            r#"forbid (principal, action, resource) when { principal.subject like "svc-*" }"#,
        ] {
            assert_eq!(found(rest)?, None, "{rest}");
        }
        Ok(())
    }
}
