//! Policies that let somebody in by a text that a subject is compared with, and do not say whose subject it is: at another
//! issuer it is somebody else's.
//!
//! What forbids more than was meant is not looked for: a forbid may be for whoever is called so, anywhere.

use cedar_policy::{Effect, EntityUid, Policy};
use serde_json::Value;

use super::expression::{self, Condition, Form};
use super::names::{AGENT, ISSUER, TRUST_DOMAIN};

/// Names that an issuer gives, and what of the same says which issuer.
const NAMES: [(&[&str], &[&[&str]]); 4] = [
    (&["principal", "subject"], OF_PRINCIPAL),
    (&["principal", "machine"], OF_PRINCIPAL),
    (&["principal", "client_id"], OF_PRINCIPAL),
    (&["context", "actor", "subject"], &[&["context", "actor", "issuer"]]),
];
const OF_PRINCIPAL: &[&[&str]] = &[&["principal", "issuer"], OF_NAME, &["principal", "trust_domain"]];
const OF_NAME: &[&str] = &["principal", "issuer_name"];

/// What of Cedar's JSON form compares.
const COMPARISONS: [&str; 6] = ["==", "!=", "like", "contains", "containsAny", "containsAll"];

/// The name by which `policy` lets somebody in without a word about the issuer; `several` are issuers of which it has to say the
/// tenant too, so that their name does not do.
pub(super) fn bare(policy: &Policy, several: &[&str]) -> Option<String> {
    let json = policy.to_json().ok()?;
    let conditions = json.get("conditions")?;
    let opening = opening(policy.effect(), conditions);
    let read = expression::paths(conditions);
    let says_whose =
        |names: &[&[&str]]| names.iter().any(|name| read.iter().any(|path| path.starts_with(&owned(name))));
    let of_issuer = |uid: &EntityUid| match uid.type_name().basename() {
        AGENT | TRUST_DOMAIN => true,
        ISSUER => !several.contains(&uid.id().unescaped()),
        _ => false,
    };
    let text = conditions.to_string();
    let names_several = several.iter().any(|name| text.contains(&format!("\"{name}\"")));
    let named = policy.entity_literals().iter().any(of_issuer);
    NAMES.iter().find_map(|(name, issuers)| {
        let of_principal = name.first() == Some(&"principal");
        let says_whose =
            |names: &[&[&str]]| names.iter().any(|name| !(names_several && *name == OF_NAME) && says_whose(&[*name]));
        let bare = opening.iter().any(|condition| compares(condition, name))
            && !says_whose(issuers)
            && !(of_principal && named);
        bare.then(|| name.join("."))
    })
}

/// What could let somebody in: the conditions of a permit, and what a forbid excepts.
fn opening(effect: Effect, conditions: &Value) -> Vec<&Value> {
    let mut opening = Vec::new();
    for Condition { when, body } in expression::conditions(conditions) {
        if effect == Effect::Permit || !when {
            opening.push(body);
        } else {
            // What of it holds of everybody but who is named.
            expression::walk(body, &mut |form, part| {
                let excepts = matches!(form, Form::Not(_) | Form::Other { operator: "!=", .. });
                opening.extend(excepts.then_some(part));
                !excepts
            });
        }
    }
    opening
}

fn owned(path: &[&str]) -> Vec<String> {
    path.iter().map(|name| (*name).to_owned()).collect()
}

/// Whether something in `expression` compares what is at `name` with what is written there.
fn compares(expression: &Value, name: &[&str]) -> bool {
    let mut compared = false;
    expression::walk(expression, &mut |form, _| {
        if let Form::Other { operator, operands } = form
            && COMPARISONS.contains(operator)
        {
            let sides = [operands.get("left"), operands.get("right")].into_iter().flatten();
            let is_it = |side: &Value| expression::path(side).is_some_and(|path| path == owned(name));
            let written = operands.get("pattern").is_some() || sides.clone().any(has_text);
            compared |= sides.clone().any(is_it) && written;
        }
        !compared
    });
    compared
}

/// Whether `operand` is a text, or a set with one.
fn has_text(operand: &Value) -> bool {
    match Form::of(operand) {
        Form::Literal(value) => value.is_string(),
        form @ Form::Other { operator: "Set", .. } => form.parts().into_iter().any(has_text),
        Form::Variable(_)
        | Form::Entity(_)
        | Form::Attribute { .. }
        | Form::Not(_)
        | Form::And(..)
        | Form::Or(..)
        | Form::If { .. }
        | Form::Other { .. }
        | Form::Unknown => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(rest: &str) -> Result<Option<String>, Box<dyn std::error::Error>> {
        Ok(bare(&Policy::parse(None, format!("{rest};"))?, &["many"]))
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
            r#"principal in Issuer::"many" && principal.subject == "a""#,
            r#"principal.issuer_name == "many" && principal.subject == "a""#,
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
            r#"permit (principal in Issuer::"many", action, resource) when { principal.issuer == "x" && principal.subject == "a" }"#,
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
