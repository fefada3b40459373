//! Replay never says what the decision would not have been, whatever is not known.

use std::collections::BTreeSet;

use countersign_facts::reason::Reason;
use countersign_facts::rollout::Effect;
use countersign_protocols::action::Action;
use serde_json::json;

use super::{Failure, Outcome, World, call, compile};
use crate::{CedarPolicy, Deny, Held, Judgement, Missing, StepUp, Verdict};

/// Everything but these paths is known.
struct Without(Vec<&'static [&'static str]>);

impl Held for Without {
    fn holds(&self, path: &[&str]) -> bool {
        // What is not known below is not known as a whole.
        !self.0.iter().any(|unknown| path.starts_with(unknown) || unknown.starts_with(path))
    }
}

const PERMITS: [&str; 3] = [
    "",
    r#"@id("all") permit (principal, action, resource);"#,
    r#"@id("small") permit (principal, action == Action::"payments/transfer", resource) when { context.args.amount < 50 };"#,
];

const FORBIDS: [&str; 8] = [
    "",
    r#"@id("ceiling") forbid (principal, action == Action::"payments/transfer", resource) when { context.args.amount > 100 };"#,
    r#"@id("ask") @step_up("boss") forbid (principal, action == Action::"payments/transfer", resource) when { context.args.amount > 10 } unless { context has approval };"#,
    r#"@id("risky") forbid (principal, action, resource) when { context.risk == "high" && context.request.port == 80 };"#,
    r#"@id("ask-mfa") @step_up("security") forbid (principal, action, resource) unless { context.token has acr && context.token.acr == "mfa" || context has approval };"#,
    r#"@id("overflow") forbid (principal, action == Action::"payments/transfer", resource) when { context.args.amount * 9223372036854775807 < 0 };"#,
    r#"@id("named") forbid (principal, action, resource) when { principal.issuer_name == "other" };"#,
    r#"@id("issued") forbid (principal in Issuer::"other", action, resource);"#,
];

const UNKNOWN: [&[&[&str]]; 6] = [
    &[],
    &[&["context", "args", "amount"]],
    &[&["context", "risk"]],
    &[&["context", "token", "acr"], &["context", "request", "port"]],
    &[&["principal", "issuer_name"]],
    &[&["context", "args"], &["context", "token", "acr"]],
];

fn transfer(amount: i64) -> Action {
    call("payments", "transfer", json!({ "amount": amount, "to": "DE" }))
}

/// A transfer without the arguments that are unknown.
fn recorded(amount: i64, unknown: &[&[&str]]) -> Action {
    let hidden = unknown.iter().any(|path| path.starts_with(&["context", "args"]));
    call("payments", "transfer", if hidden { json!({ "to": "DE" }) } else { json!({ "amount": amount, "to": "DE" }) })
}

fn effect(verdict: &Verdict) -> (Effect, Option<Reason>, &[String]) {
    match verdict {
        Verdict::Allow(allow) => (Effect::Allow, None, allow.determining()),
        Verdict::StepUp(StepUp { determining, .. }) => (Effect::StepUp, None, determining),
        Verdict::Deny(Deny { reason, determining, .. }) => (Effect::Deny, Some(*reason), determining),
    }
}

fn texts() -> impl Iterator<Item = String> {
    let pairs = FORBIDS.iter().enumerate();
    let pairs = pairs.flat_map(|(at, one)| FORBIDS.iter().skip(at).map(move |other| (*one, *other)));
    let pairs = pairs.map(|(one, other)| if one == other { one.to_owned() } else { format!("{one}\n{other}") });
    pairs
        .flat_map(|forbids| PERMITS.map(|permit| format!("{permit}\n{forbids}")))
        .filter(|text| !text.trim().is_empty())
}

fn judge(policy: &CedarPolicy, world: &World, action: &Action, held: &Without) -> Judgement {
    policy.judge(&world.facts(action), std::iter::once(action), held)
}

#[test]
fn what_is_said_is_what_is_decided() -> Outcome {
    let mut open = 0;
    for text in texts() {
        let policy = compile(&text)?;
        for (world, amount) in
            [World::new(), World::bare()].iter().flat_map(|world| [5, 11, 101].map(|one| (world, one)))
        {
            let action = transfer(amount);
            let verdict = policy.decide(&world.facts(&action));
            let (decided, why, determining) = effect(&verdict);
            for unknown in UNKNOWN {
                let held = Without(unknown.to_vec());
                match judge(&policy, world, &recorded(amount, unknown), &held) {
                    Judgement::Open(names) => {
                        assert!(!names.is_empty() && !unknown.is_empty(), "{text} {amount} {unknown:?} {names:?}");
                        open += 1;
                    }
                    Judgement::Decided { effect, reason, policies } => {
                        assert_eq!(effect, decided, "{text} {amount} {unknown:?}");
                        if unknown.is_empty() {
                            assert_eq!((reason, policies.as_slice()), (why, determining), "{text} {amount}");
                        }
                    }
                }
            }
        }
    }
    assert!(open > 100, "{open} answers were open");
    Ok(())
}

#[test]
fn what_is_missing_is_named() -> Result<(), Failure> {
    let text = format!("{}\n{}\n{}", PERMITS[1], FORBIDS[2], FORBIDS[3]);
    let (policy, world) = (compile(&text)?, World::new());
    let names = |unknown: &[&'static [&'static str]]| {
        let judgement = judge(&policy, &world, &recorded(101, unknown), &Without(unknown.to_vec()));
        match judgement {
            Judgement::Open(names) => names,
            Judgement::Decided { .. } => BTreeSet::new(),
        }
    };
    assert_eq!(names(UNKNOWN[1]), BTreeSet::from([Missing::read(&["context", "args", "amount"])]));
    assert_eq!(names(UNKNOWN[3]), BTreeSet::from([Missing::read(&["context", "request", "port"])]));
    assert!(names(UNKNOWN[4]).is_empty(), "no policy reads it");
    Ok(())
}

#[test]
fn what_is_missing_is_written_as_policies_write_it() {
    for (path, written) in [
        (&["context", "args", "amount"][..], "context.args.amount"),
        (&["principal", "claims", "groups"], "principal.claims.groups"),
        (&["context", "args", "at-once", "to"], r#"context.args["at-once"].to"#),
        (&["context", "args", "2nd"], r#"context.args["2nd"]"#),
        (&["context", "args", "a\"b"], r#"context.args["a\"b"]"#),
        (&["context", "args", ""], r#"context.args[""]"#),
        (&["context"], "context"),
    ] {
        assert_eq!(Missing::read(path).to_string(), written);
    }
}

/// Everything is known but what the issuer is called, as of a record whose issuer is configured twice.
struct Unnamed;

impl Held for Unnamed {
    fn holds(&self, path: &[&str]) -> bool {
        path != ["principal", "issuer_name"]
    }
}

#[test]
fn who_is_in_an_issuer_is_open_where_it_has_no_name() -> Outcome {
    let (world, action) = (World::new(), transfer(5));
    let said = |rest: &str| -> Result<_, Failure> {
        let policy = compile(&format!("{} forbid {rest};", PERMITS[1]))?;
        Ok(policy.judge(&world.facts(&action), std::iter::once(&action), &Unnamed))
    };
    let open = Judgement::Open(BTreeSet::from([Missing::read(&["principal", "issuer_name"])]));
    for rest in [
        r#"(principal in Issuer::"other", action, resource)"#,
        r#"(principal is Agent in Issuer::"other", action, resource)"#,
        r#"(principal, action, resource) when { principal in [Issuer::"mesh", Issuer::"other"] }"#,
        r#"(principal, action, resource) when { Agent::"platform/alice" in Issuer::"other" }"#,
        r#"(principal, action, resource) when { Agent::"platform/alice".issuer_name == "other" }"#,
    ] {
        assert_eq!(said(rest)?, open, "{rest}");
    }
    for rest in
        ["(principal in Kind::\"automation\", action, resource)", "(principal in TrustDomain::\"a\", action, resource)"]
    {
        assert!(matches!(said(rest)?, Judgement::Decided { effect: Effect::Allow, .. }), "{rest}");
    }
    Ok(())
}

#[test]
fn arguments_that_cannot_fit_are_refused_as_they_are() -> Outcome {
    let (policy, world) = (compile(PERMITS[1])?, World::new());
    let unfit = call("payments", "transfer", json!({ "to": 5 }));
    let held = Without(vec![&["context", "args", "amount"]]);
    let expected =
        Judgement::Decided { effect: Effect::Deny, reason: Some(Reason::ArgumentsUnfit), policies: Vec::new() };
    assert_eq!(judge(&policy, &world, &unfit, &held), expected);
    // One that is required is missing, or only not recorded.
    let partial = call("payments", "transfer", json!({ "to": "DE" }));
    assert_eq!(judge(&policy, &world, &partial, &Without(Vec::new())), expected);
    assert!(matches!(judge(&policy, &world, &partial, &held), Judgement::Decided { effect: Effect::Allow, .. }));
    Ok(())
}
