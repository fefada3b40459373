//! What policies ask for, judged action by action: read, refused at load, or refused where a call carries it.

use countersign_facts::rollout::Mode;
use countersign_protocols::action::Action;
use countersign_protocols::catalogue::{Protocol, Resource};
use serde_json::{Value, json};

use super::{
    Failure, Outcome, World, among, call, catalogue, compile, decide, errors, http, lines, mcp, resource, spell, tool,
};
use crate::{Answer, Carried, CedarPolicy, Unknown};

const ALLOW: &str = "allow [policy0]";

/// `payments`, `crm` and an MCP server `x` with an open tool and one whose `blob` nobody can read.
fn open() -> Vec<Resource> {
    let open = json!({ "type": "object", "properties": {
        "n": { "type": "integer" },
        "options": { "type": "object", "properties": { "m": { "type": "integer" } }, "additionalProperties": true },
    }, "additionalProperties": true });
    let mut resources = catalogue();
    resources.push(resource("x", Protocol::Mcp, vec![tool("open", Some(open)), tool("bare", None)]));
    resources
}

fn guarded(guard: &str) -> Result<CedarPolicy, String> {
    let text = format!(
        "permit(principal, action, resource); forbid(principal, action in Action::\"mcp:tools/call\", resource) when {{ {guard} }};"
    );
    CedarPolicy::compile(&text, &among(&open())).map_err(|errors| lines(&errors))
}

fn say(guard: &str, resource: &str, tool: &str, arguments: Value) -> Result<String, Failure> {
    Ok(spell(&decide(&guarded(guard)?, &call(resource, tool, arguments))))
}

fn refused(place: &str) -> String {
    format!(
        "deny arguments_unfit [] argument `{place}`: a policy asks for it and nothing declares it; declare it in `input_schema`"
    )
}

#[test]
fn names_that_only_others_declare_are_refused_where_they_are_carried() -> Outcome {
    let guard = "context has args && context.args has memo && context.args.memo like \"*secret*\"";
    let nested =
        "context has args && context.args has options && context.args.options has m && context.args.options.m > 3";
    for (guard, resource, tool, arguments, expected) in [
        (
            guard,
            "payments",
            "transfer",
            json!({ "amount": 1, "memo": "a secret" }),
            "deny policy_denied [policy1] -".to_owned(),
        ),
        (guard, "payments", "transfer", json!({ "amount": 1, "memo": "dinner" }), ALLOW.to_owned()),
        (guard, "payments", "ping", json!({ "memo": "dinner" }), refused("/memo")),
        (guard, "payments", "ping", json!({ "memo": null }), refused("/memo")),
        (guard, "payments", "ping", json!({ "text": "dinner" }), ALLOW.to_owned()),
        (guard, "payments", "other", json!({ "memo": "dinner" }), refused("/memo")),
        // Some servers read names whatever their case.
        (guard, "payments", "other", json!({ "Memo": "dinner" }), refused("/Memo")),
        (guard, "x", "open", json!({ "MEMO": "dinner" }), refused("/MEMO")),
        (guard, "x", "open", json!({ "memo": "dinner" }), refused("/memo")),
        (guard, "x", "open", json!({ "n": 1, "options": { "memo": "dinner" } }), ALLOW.to_owned()),
        (guard, "crm", "lookup", json!({ "amount": "1" }), ALLOW.to_owned()),
        (nested, "x", "open", json!({ "options": { "m": 4 } }), "deny policy_denied [policy1] -".to_owned()),
        (nested, "x", "open", json!({ "options": { "z": 4 } }), ALLOW.to_owned()),
        (nested, "x", "bare", json!({ "options": { "m": 1 } }), refused("/options")),
        (nested, "x", "bare", json!({ "m": 1 }), ALLOW.to_owned()),
    ] {
        assert_eq!(say(guard, resource, tool, arguments.clone())?, expected, "{guard} {tool} {arguments}");
    }
    Ok(())
}

#[test]
fn however_it_is_asked_it_is_asked() -> Outcome {
    let memo = "context has args && context.args has memo";
    for guard in [
        format!("context.depth > 9 || ({memo} && context.args.memo == \"x\")"),
        format!("if {memo} then context.args.memo == \"x\" else false"),
        format!("!(!({memo} && context.args.memo == \"x\"))"),
        "context has args && context.args has \"memo\" && context[\"args\"][\"memo\"] == \"x\"".to_owned(),
        "context has args.memo && context.args.memo == \"x\"".to_owned(),
        format!("{memo} && [context.args.memo].contains(\"x\")"),
        format!("{memo} && {{ Value: context.args.memo }} == {{ Value: \"x\" }}"),
        format!("{memo} && (if context.depth > 9 then \"x\" else context.args.memo) == \"x\""),
        "context has args && (if context.depth > 9 then context.args else context.args) has memo".to_owned(),
    ] {
        assert_eq!(say(&guard, "payments", "ping", json!({ "memo": "y" }))?, refused("/memo"), "{guard}");
        assert_eq!(say(&guard, "payments", "ping", json!({ "text": "y" }))?, ALLOW, "{guard}");
    }
    Ok(())
}

#[test]
fn what_is_about_another_action_asks_nothing() -> Outcome {
    let memo = "context has args && context.args has memo && context.args.memo == \"x\"";
    for guard in [
        format!("action == Action::\"payments/transfer\" && {memo}"),
        format!("{memo} && Action::\"payments/transfer\" == action"),
        format!("action in [Action::\"payments/transfer\", Action::\"mcp:read\"] && {memo}"),
        format!("resource == Tool::\"payments/transfer\" && {memo}"),
        format!("!(resource != Tool::\"payments/transfer\") && {memo}"),
        format!("if resource == Tool::\"payments/transfer\" then {memo} else false"),
    ] {
        for (resource, tool) in [("payments", "ping"), ("payments", "other"), ("x", "open")] {
            assert_eq!(say(&guard, resource, tool, json!({ "memo": "x" }))?, ALLOW, "{guard} {tool}");
        }
        let transfer = say(&guard, "payments", "transfer", json!({ "amount": 1, "memo": "x" }))?;
        assert_eq!(transfer, "deny policy_denied [policy1] -", "{guard}");
    }
    Ok(())
}

#[test]
fn what_no_action_declares_is_a_mistake() {
    let forbid = "forbid(principal, action == Action::\"payments/transfer\", resource) when";
    let declared = "(amount, fee, memo, to)";
    for (policy, expected) in [
        (format!("{forbid} {{ context.args.amount > 5 || context.args has mmo }};"), format!("`context.args.mmo` is declared by no action of this policy {declared}")),
        (format!("{forbid} {{ context.args has mmo && context.args.mmo like \"*\" }};"), format!("`context.args.mmo` is declared by no action of this policy {declared}")),
        (format!("{forbid} {{ context.depth > 9 }} unless {{ context.depth < 3 || context.args has mmo }};"), format!("`context.args.mmo` is declared by no action of this policy {declared}")),
        (format!("@mode(\"audit\") {forbid} {{ context.args.amount > 5 || context.args has \"a b\" }};"), format!("`context.args[\"a b\"]` is declared by no action of this policy {declared}")),
        ("forbid(principal, action == Action::\"payments/ping\", resource) when { context.depth > 9 || context has args };".to_owned(), "`context.args` is declared by no action of this policy".to_owned()),
        ("forbid(principal, action in Action::\"http\", resource) when { context.depth > 9 || resource has risk };".to_owned(), "`resource.risk` is declared by no action of this policy".to_owned()),
        ("forbid(principal, action, resource) when { context.depth > 9 || resource has owner };".to_owned(), "`resource.owner` is declared by no action of this policy".to_owned()),
        ("forbid(principal, action, resource) when { context.depth > 9 || context.token has audience };".to_owned(), "`context.token.audience` is never there".to_owned()),
        ("forbid(principal, action, resource) when { context.depth > 9 || context has actor.name };".to_owned(), "`context.actor.name` is never there".to_owned()),
        ("forbid(principal, action, resource) when { context.depth > 9 || principal has department };".to_owned(), "`principal.department` is never there".to_owned()),
        ("forbid(principal, action, resource) when { context.depth > 9 || Agent::\"a\" has department };".to_owned(), "`Agent.department` is never there".to_owned()),
        ("forbid(principal, action, resource) when { context.depth > 9 || (resource has risk && resource.risk == \"high\") };".to_owned(), "no error".to_owned()),
        ("forbid(principal, action, resource) when { context.depth > 9 || (context has actor && context.actor has kind) };".to_owned(), "no error".to_owned()),
    ] {
        let told = errors(&policy);
        let told = told.strip_prefix("1:1: policy `policy0`: ").unwrap_or(&told);
        assert_eq!(told, expected, "{policy}");
    }
}

#[test]
fn lists_explanations_and_decisions_agree() -> Outcome {
    let policy = guarded("context has args && context.args has memo && context.args.memo like \"*secret*\"")?;
    let world = World::new();
    let carrying = call("payments", "ping", json!({ "memo": "a secret" }));
    // Some call of it can be allowed: one that does not carry the name.
    assert!(policy.could_allow(&world.facts(&carrying), Unknown::Arguments));
    for opinion in policy.opinions(&world.facts(&carrying)) {
        assert!(matches!(&opinion.answer, Answer::Fails(why) if why.contains("/memo")), "{opinion:?}");
    }
    assert!(policy.reads_arguments(&carrying));
    let listed = mcp("payments", "tools/list", None);
    assert_eq!(spell(&policy.decide(&world.facts(&listed))), ALLOW);
    Ok(())
}

#[test]
fn words_that_are_never_there_are_mistakes() {
    let of = |condition: &str| errors(&format!("forbid(principal, action, resource) when {{ {condition} }};"));
    for (condition, word, name) in [
        ("context.risk == \"critcal\"", "critcal", "context.risk"),
        ("\"critcal\" != context.risk", "critcal", "context.risk"),
        ("resource is Tool && resource.risk == \"hihg\"", "hihg", "resource.risk"),
        ("[\"high\", \"crit\"].contains(context.risk)", "crit", "context.risk"),
        ("context.risk like \"crit?*\"", "crit?*", "context.risk"),
        ("context.findings.contains(\"sharedaccount\")", "sharedaccount", "context.findings"),
        ("context.findings == [\"stale\"]", "stale", "context.findings"),
        ("[\"browse\"].containsAny(context.traits)", "browse", "context.traits"),
        ("context.labels.containsAll([\"external\", \"extrenal\"])", "extrenal", "context.labels"),
        ("context.labels.contains(if context.depth > 1 then \"external\" else \"pii\")", "pii", "context.labels"),
        (
            "context has actor && context.actor has kind && context.actor.kind == \"robot\"",
            "robot",
            "context.actor.kind",
        ),
        ("(if context.depth > 1 then context.kind else \"agent\") == \"human\"", "human", "context.kind"),
        ("context.request.method == \"post\"", "post", "context.request.method"),
    ] {
        let told = of(condition);
        let expected = format!("1:1: policy `policy0`: {word:?} is not a word of `{name}` (");
        assert!(told.starts_with(&expected), "{condition}: {told}");
    }
    for condition in [
        "context.risk like \"*i*\" && context.findings.contains(\"shared_account\")",
        "[\"high\", \"critical\"].contains(context.risk) && context.labels.contains(\"external\")",
        "context.request.method == \"DELETE\" && context.traits.containsAny([\"browsing\", \"multi-agent\"])",
        "context.request.host == \"anything.example\" && context.task.id like \"x*\"",
    ] {
        assert_eq!(of(condition), "no error", "{condition}");
    }
}

#[test]
fn what_is_impossible_says_which_part() -> Outcome {
    let of = |policy: &str| errors(policy).replace("1:1: policy `policy0`: policy is impossible: ", "");
    for (policy, expected) in [
        ("permit(principal, action, resource) when { context.depth > 1 && 1 == 2 };", "`when { 1 == 2 }` never holds"),
        (
            "permit(principal, action, resource) when { context.depth > 1 } unless { true };",
            "`unless { true }` never holds",
        ),
        (
            "permit(principal, action, resource) when { context.depth > 1 && action == Action::\"mcp:tools/list\" && resource is Tool };",
            "`when { resource is Tool }` never holds where what stands before it does",
        ),
    ] {
        assert_eq!(of(policy), expected, "{policy}");
    }
    // Of what can be, nothing is said.
    compile("permit(principal, action, resource) when { context.depth > 1 };").map(drop)
}

#[test]
fn a_part_that_never_holds_is_a_mistake_wherever_it_stands() {
    let principal = "a principal is an `Agent`, in an `Issuer`, a `Kind` and, of SVIDs, a `TrustDomain`";
    let resource = "no action in the policy's scope is asked about such a resource";
    let action = "no action in the policy's scope is that";
    let tools = "action in Action::\"mcp:tools/call\"";
    for (scope, condition, part, why) in [
        ("action", "when { context.depth > 9 || principal is Tool }", "principal is Tool", principal),
        (
            "action",
            "when { context.depth > 9 || principal.hasTag(\"a\") }",
            "principal.hasTag(\"a\")",
            "nothing has tags",
        ),
        (
            "action",
            "when { context.depth > 9 || principal in Resource::\"payments\" }",
            "principal in Resource::\"payments\"",
            principal,
        ),
        ("action", "when { context.depth > 9 || resource is Agent }", "resource is Agent", resource),
        (
            "action",
            "when { context.depth > 9 || resource in Kind::\"agent\" }",
            "resource in Kind::\"agent\"",
            resource,
        ),
        (tools, "when { context.depth > 9 || resource is Resource }", "resource is Resource", resource),
        (
            tools,
            "when { context.depth > 9 || action == Action::\"mcp:tools/list\" }",
            "action == Action::\"mcp:tools/list\"",
            action,
        ),
        (
            tools,
            "when { context.depth > 9 || action in [Action::\"mcp:read\", Action::\"http\"] }",
            "action in [Action::\"mcp:read\", Action::\"http\"]",
            action,
        ),
        (
            tools,
            "when { context.depth > 9 || !(action in Action::\"mcp:tools/call\") }",
            "!(action in Action::\"mcp:tools/call\")",
            "its types say so for each action in the policy's scope",
        ),
        ("action", "when { !(principal is Tool && context.depth > 9) }", "principal is Tool", principal),
        ("action", "when { !(principal is Tool) }", "principal is Tool", principal),
        (
            "action",
            "when { if principal is Tool then context.depth > 9 else context.depth > 3 }",
            "principal is Tool",
            principal,
        ),
        (
            "action",
            "when { if context.depth > 9 then principal is Tool else context.depth > 3 }",
            "principal is Tool",
            principal,
        ),
        ("action", "when { context.depth > 9 } unless { principal is Tool }", "principal is Tool", principal),
        ("action", "unless { context has approval || principal is Tool }", "principal is Tool", principal),
        (
            "action",
            "unless { context has approval && (context.depth > 9 || resource is Kind) }",
            "resource is Kind",
            resource,
        ),
    ] {
        let policy = format!("forbid(principal, {scope}, resource) {condition};");
        let column = policy.find(part).map_or(1, |at| at + 1);
        assert_eq!(errors(&policy), format!("1:{column}: policy `policy0`: `{part}` never holds: {why}"), "{policy}");
    }
    for (condition, expected) in [
        (
            "context.depth > 9 || (action == Action::\"mcp:tools/list\" && resource is Tool)",
            "policy `policy0`: `resource is Tool` never holds where what stands before it is so",
        ),
        (
            "(principal is Agent || context.depth > 9) && context.depth < 20",
            "policy `policy0`: `context.depth > 9` is never asked: `principal is Agent` always holds there",
        ),
        (
            "if principal is Agent then context.depth > 9 else context.depth > 3",
            "policy `policy0`: `context.depth > 3` is never asked: `principal is Agent` always holds there",
        ),
    ] {
        let policy = format!("forbid(principal, action, resource) when {{ {condition} }};");
        let part = expected.split('`').nth(3).unwrap_or_default();
        let column = policy.find(part).map_or(1, |at| at + 1);
        assert_eq!(errors(&policy), format!("1:{column}: {expected}"), "{policy}");
    }
}

#[test]
fn a_part_that_holds_for_some_action_or_that_somebody_wrote_out_is_none() {
    let tools = "action in Action::\"mcp:tools/call\"";
    for (scope, condition) in [
        ("action", "when { context.depth > 9 || resource is Tool }"),
        ("action", "when { context.depth > 9 || (resource is Tool && resource.risk == \"high\") }"),
        ("action", "when { context.depth > 9 || action == Action::\"mcp:tools/list\" || action in Action::\"http\" }"),
        ("action", "when { if resource is Tool then resource.risk == \"high\" else context.depth > 9 }"),
        ("action", "when { context.depth > 9 || principal in Kind::\"agent\" || principal == Agent::\"platform/a\" }"),
        ("action", "unless { resource in Resource::\"payments\" || !(resource is Tool) }"),
        ("action", "when { !(action == Action::\"mcp:tools/call\" || action == Action::\"payments/transfer\") }"),
        ("action", "when { context.depth > 9 || false }"),
        ("action", "when { (true || context.depth > 9) && context.depth > 3 }"),
        ("action", "when { if false then principal is Tool else context.depth > 3 }"),
        ("action", "when { principal is Agent && context.depth > 9 }"),
        (
            tools,
            "when { resource is Tool && action in Action::\"mcp:execute\" && (context.depth > 9 || action == Action::\"crm/lookup\") }",
        ),
        (
            tools,
            "when { context has args && context.args has memo && (context.args.memo == \"x\" || resource == Tool::\"payments/ping\") }",
        ),
    ] {
        let policy = format!("forbid(principal, {scope}, resource) {condition};");
        assert_eq!(errors(&policy), "no error", "{policy}");
    }
}

#[test]
fn what_is_carried_where_nothing_can_declare_it_is_refused_with_its_remedy() -> Outcome {
    let text = "permit(principal, action, resource);
        forbid(principal, action, resource) when { context has args && context.args has memo && context.args.memo == \"x\" };
        @mode(\"audit\") forbid(principal, action, resource) when { context has args && context.args has to && context.args.to == \"x\" };";
    let policy = compile(text)?;
    let carrying = |action: Action, names: &[&str]| Action {
        carried: names.iter().map(|name| (*name).to_owned()).collect(),
        ..action
    };
    let unread = "deny arguments_unfit [] argument `/memo`: a policy asks for it and nothing declares it; ";
    let path = format!("{unread}declare the endpoint, with it in `input_schema`");
    let prompt = format!(
        "{unread}prompts cannot be declared, so let the policy be about tools (`action in Action::\"mcp:tools/call\"`)"
    );
    let get = || mcp("payments", "prompts/get", Some("p"));
    for (action, expected) in [
        (carrying(http("files", "POST"), &["memo"]), path.as_str()),
        (carrying(http("files", "POST"), &["to", "memo"]), &path),
        (carrying(http("files", "POST"), &["to"]), ALLOW),
        (carrying(http("files", "POST"), &[]), ALLOW),
        (carrying(get(), &["memo"]), &prompt),
        (carrying(get(), &["text"]), ALLOW),
    ] {
        assert_eq!(spell(&decide(&policy, &action)), expected, "{:?}", action.carried);
    }
    let asked = policy.asked(&http("files", "POST"));
    assert!(asked.any(Mode::Enforce));
    let mut carried = Carried::default();
    for name in ["a", "to", "MEMO", "memo"] {
        asked.note(name, &mut carried);
    }
    assert_eq!(carried.names(), ["MEMO", "to"]);
    // What is about tools alone asks nothing of paths.
    assert!(!guarded("context has args && context.args has memo")?.asked(&http("files", "POST")).any(Mode::Audit));
    Ok(())
}
