//! What is said of each policy goes with what all of them decide.

use serde_json::json;

use super::{Outcome, World, call, compile, spell};
use crate::{Answer, Deny, Verdict};

const TEXT: &str = r#"
    @id("all") permit (principal, action, resource);
    @id("ask") @step_up("manager") forbid (principal, action == Action::"payments/transfer", resource)
    when { context.args.amount > 10 } unless { context has approval };
    @id("ceiling") @reason("too much") forbid (principal, action == Action::"payments/transfer", resource)
    when { context.args.amount > 100 };
    @id("overflow") forbid (principal, action == Action::"payments/transfer", resource)
    when { context.args.amount * 9223372036854775807 < 0 };
    @id("watched") @mode("audit") forbid (principal, action, resource) when { context.risk == "high" };
    @id("elsewhere") forbid (principal, action == Action::"crm/lookup", resource);
"#;

/// The policies that determine, as each says by itself.
fn of_opinions(amount: i64, world: &World) -> Result<(Vec<String>, String), Box<dyn std::error::Error>> {
    let (policy, action) = (compile(TEXT)?, call("payments", "transfer", json!({ "amount": amount })));
    let facts = world.facts(&action);
    let opinions = policy.opinions(&facts);
    let enforced = || opinions.iter().filter(|opined| opined.mode == countersign_facts::rollout::Mode::Enforce);
    let applying = |permits: bool| {
        let applying = enforced().filter(move |opined| opined.permits == permits && opined.answer == Answer::Applies);
        applying.map(|opined| opined.id.to_owned()).collect::<Vec<_>>()
    };
    let failing = enforced().filter(|opined| matches!(opined.answer, Answer::Fails(_)));
    let failing: Vec<String> = failing.map(|opined| opined.id.to_owned()).collect();
    let forbids = applying(false);
    let expected = match (failing.is_empty(), forbids.is_empty()) {
        (false, _) => failing,
        (true, false) => forbids,
        (true, true) => applying(true),
    };
    let verdict = policy.decide(&facts);
    let mut determining = match &verdict {
        Verdict::Allow(allow) => allow.determining().to_vec(),
        Verdict::Deny(Deny { determining, .. }) => determining.clone(),
        Verdict::StepUp(step_up) => step_up.determining.clone(),
    };
    determining.sort_unstable();
    assert_eq!(determining, expected, "{}", spell(&verdict));
    Ok((opinions.iter().map(|opined| opined.id.to_owned()).collect(), spell(&verdict)))
}

#[test]
fn opinions_agree_with_the_verdict() -> Outcome {
    for world in [World::new(), World::approved(), World::bare()] {
        for amount in [-1, 0, 1, 10, 11, 100, 101] {
            let (ids, _) = of_opinions(amount, &world)?;
            assert_eq!(
                ids,
                ["all", "ask", "ceiling", "overflow", "watched"],
                "in the order of the text, and no others"
            );
        }
    }
    Ok(())
}

#[test]
fn what_is_read_is_said_and_what_an_approval_lifts() -> Outcome {
    let text = TEXT.replace("* 9223372036854775807", "");
    let (policy, world) = (compile(&text)?, World::new());
    let action = call("payments", "transfer", json!({ "amount": 101, "memo": "private" }));
    let opinions = policy.opinions(&world.facts(&action));
    let said = opinions.iter().map(|opined| {
        json!([opined.id, opined.answer == Answer::Applies, opined.lifted, opined.step_up, opined.reason, opined.reads])
    });
    let expected = json!([
        ["all", true, false, null, null, {}],
        ["ask", true, true, "manager", null, { "approval": null, "args.amount": 101 }],
        ["ceiling", true, false, null, "too much", { "args.amount": 101 }],
        ["overflow", false, false, null, null, { "args.amount": 101 }],
        ["watched", true, false, null, null, { "risk": "high" }],
    ]);
    assert_eq!(serde_json::Value::Array(said.collect()), expected);
    Ok(())
}
