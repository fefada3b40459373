//! What policies decide, and what they can read.

use countersign_rights::workload::Kind;
use countersign_tokens::Scalar;
use serde_json::json;

use super::{Outcome, World, call, compile, holds, http, mcp, say, spell};

#[test]
fn nothing_is_permitted_by_default() -> Outcome {
    let transfer = call("payments", "transfer", json!({ "amount": 1 }));
    assert_eq!(say("", &transfer)?, "deny policy_denied [] -");
    let other = r#"permit(principal, action == Action::"payments/ping", resource);"#;
    assert_eq!(say(other, &transfer)?, "deny policy_denied [] -");
    let all = "permit(principal, action, resource);";
    assert_eq!(say(all, &transfer)?, "allow [policy0]");
    for strange in [
        call("nowhere", "t", json!({})),
        http("files", "TRACE"),
        mcp("payments", "x/y", None),
        call("files", "t", json!({})),
    ] {
        assert_eq!(say(all, &strange)?, "deny policy_denied [] -", "{strange:?}");
    }
    Ok(())
}

#[test]
fn a_forbid_wins_and_says_why() -> Outcome {
    let text = r#"
        @id("all") permit(principal, action, resource);
        @id("big") @reason("too much") forbid(principal, action == Action::"payments/transfer", resource) when { context.args.amount > 100 };
        @id("bob") @reason("not alice") forbid(principal == Agent::"platform/alice", action, resource) when { context.now == 1000 && context.risk == "high" };
    "#;
    assert_eq!(
        say(text, &call("payments", "transfer", json!({ "amount": 101 })))?,
        "deny policy_denied [big bob] too much; not alice"
    );
    let only = r#"@id("big") @reason("too much") forbid(principal, action, resource);"#;
    assert_eq!(say(only, &call("payments", "transfer", json!({ "amount": 1 })))?, "deny policy_denied [big] too much");
    Ok(())
}

#[test]
fn any_evaluation_error_denies() -> Outcome {
    let permit = r#"@id("all") permit(principal, action, resource);"#;
    let overflow = "context.args.amount * 9223372036854775807 > 0";
    let transfer = |amount: i64| call("payments", "transfer", json!({ "amount": amount }));
    let forbid = format!(
        "{permit} @id(\"f\") forbid(principal, action == Action::\"payments/transfer\", resource) when {{ {overflow} }};"
    );
    assert_eq!(say(&forbid, &transfer(0))?, "allow [all]");
    assert_eq!(say(&forbid, &transfer(1))?, "deny policy_denied [f] -");
    assert_eq!(say(&forbid, &transfer(2))?, "deny policy_error [f] policy `f`: integer overflow");
    let second = format!(
        "{permit} @id(\"p\") permit(principal, action == Action::\"payments/transfer\", resource) when {{ {overflow} }};"
    );
    assert_eq!(say(&second, &transfer(2))?, "deny policy_error [p] policy `p`: integer overflow");
    let extension = format!(
        "{permit} @id(\"d\") forbid(principal, action == Action::\"payments/transfer\", resource) when {{ duration(\"9223372036854775807ms\").toMilliseconds() + context.args.amount > 0 }};"
    );
    assert_eq!(say(&extension, &transfer(1))?, "deny policy_error [d] policy `d`: integer overflow");
    let literal = format!(
        "{permit} @id(\"l\") forbid(principal, action, resource) when {{ Agent::\"nobody\".issuer == \"x\" }};"
    );
    assert_eq!(say(&literal, &transfer(1))?, "deny policy_error [l] policy `l`: an entity does not exist");
    Ok(())
}

#[test]
fn every_operation_has_its_action() -> Outcome {
    let cases = [
        (
            "action == Action::\"payments/transfer\", resource == Tool::\"payments/transfer\"",
            call("payments", "transfer", json!({ "amount": 1 })),
            true,
        ),
        (
            "action in Action::\"mcp:tools/call\", resource in Resource::\"payments\"",
            call("payments", "transfer", json!({ "amount": 1 })),
            true,
        ),
        ("action == Action::\"mcp:tools/call\", resource", call("payments", "transfer", json!({ "amount": 1 })), false),
        ("action == Action::\"mcp:tools/call\", resource", call("payments", "other", json!({})), true),
        (
            "action == Action::\"mcp:tools/call\", resource == Tool::\"payments/other\"",
            call("payments", "other", json!({})),
            true,
        ),
        (
            "action == Action::\"mcp:tools/call\", resource == Tool::\"payments/other\"",
            call("payments", "another", json!({})),
            false,
        ),
        (
            "action == Action::\"mcp:tools/call\", resource == Tool::\"payments/other\"",
            call("crm", "other", json!({})),
            false,
        ),
        (
            "action in Action::\"mcp:execute\", resource is Tool in Resource::\"crm\"",
            call("crm", "a/b", json!({})),
            true,
        ),
        (
            "action in Action::\"mcp:execute\", resource is Tool in Resource::\"crm\"",
            call("payments", "a/b", json!({})),
            false,
        ),
        ("action in Action::\"mcp:read\", resource == Resource::\"crm\"", mcp("crm", "prompts/get", Some("p")), true),
        (
            "action in Action::\"mcp:read\", resource == Resource::\"crm\"",
            mcp("payments", "prompts/get", Some("p")),
            false,
        ),
        ("action in [Action::\"mcp:list\", Action::\"mcp:control\"], resource", mcp("crm", "GET", None), true),
        ("action == Action::\"mcp:GET\", resource", http("files", "GET"), false),
        ("action == Action::\"http:GET\", resource == Resource::\"files\"", http("files", "GET"), true),
        ("action in Action::\"http\", resource", http("files", "DELETE"), true),
        ("action == Action::\"http:OPTIONS\", resource == Resource::\"payments\"", http("payments", "OPTIONS"), true),
    ];
    for (scope, action, allowed) in cases {
        let said = say(&format!("permit(principal, {scope});"), &action)?;
        assert_eq!(said, if allowed { "allow [policy0]" } else { "deny policy_denied [] -" }, "{scope} {action:?}");
    }
    Ok(())
}

#[test]
fn undeclared_tools_have_their_resources_risk_and_no_labels() -> Outcome {
    let text = r#"permit(principal, action in Action::"mcp:tools/call", resource) when { resource.risk == "medium" && resource.labels.isEmpty() };"#;
    assert_eq!(say(text, &call("payments", "other", json!({})))?, "allow [policy0]");
    assert_eq!(say(text, &call("payments", "ping", json!({})))?, "deny policy_denied [] -");
    let declared = r#"permit(principal, action in Action::"mcp:tools/call", resource) when { resource.risk == "high" && resource.labels.contains("external") };"#;
    assert_eq!(say(declared, &call("payments", "ping", json!({})))?, "allow [policy0]");
    Ok(())
}

#[test]
fn a_number_is_not_the_text_of_its_digits() -> Outcome {
    let mut world = World::new();
    world.token.id = Some(Scalar::Number(7));
    world.token.authentication.class = Some(Scalar::Number(2));
    for condition in [
        "context.token has id_number && context.token.id_number == 7 && !(context.token has id)",
        "context.token has acr_number && context.token.acr_number == 2 && !(context.token has acr)",
    ] {
        assert!(holds(&world, condition, json!({ "amount": 3, "to": "bob" }))?, "{condition}");
    }
    Ok(())
}

#[test]
fn every_documented_field_can_be_read() -> Outcome {
    let conditions = [
        r#"principal.issuer == "https://sts" && principal.issuer_name == "platform" && principal.subject == "alice""#,
        r#"principal has client_id && principal.client_id == "cli""#,
        r#"context.task.id == "task-1" && context.task has purpose && context.task.purpose == "refunds" && context.task.expires == 1400"#,
        r#"context.token has id && context.token.id == "t1" && context.token has key_id && context.token.key_id == "k1""#,
        "!(context.token has id_number) && !(context.token has acr_number)",
        r#"context.token.algorithm == "ES256" && context.token.expires == 1500"#,
        "context.token has issued && context.token.issued == 900 && context.token has lifetime && context.token.lifetime == 600",
        r#"context.actors.contains({ issuer: "https://sts", subject: "gateway" })"#,
        r#"context.actors == [{ issuer: "https://sts", subject: "gateway" }, { issuer: "https://sts", subject: "planner" }]"#,
        r#"context has actor && context.actor.subject == "planner" && context has actor.issuer"#,
        r#"context.request.method == "POST" && context.request.host == "tools.example.com" && context.request.path == "/payments/mcp""#,
        r#"context.request has source && context.request.source.isInRange(ip("10.0.0.0/8"))"#,
        r#"context.risk == "high" && context.labels == ["external"] && context.now == 1000"#,
        "!(context has approval) && !(context.request has target)",
        r#"context.args.amount == 3 && context.args has to && context.args.to like "b*b""#,
    ];
    let arguments = json!({ "amount": 3, "to": "bob" });
    for condition in conditions {
        assert!(holds(&World::new(), condition, arguments.clone())?, "{condition}");
    }
    let approved = r#"context has approval && context.approval.challenge == "c1" && context.approval.approver_issuer == "https://desk"
        && context.approval.approver == "carol" && context.approval.expires == 1060"#;
    assert!(holds(&World::approved(), approved, arguments.clone())?);
    let absent = "!(principal has client_id) && !(context.task has purpose) && !(context.token has id) && !(context.token has key_id)
        && !(context.token has issued) && !(context.token has lifetime) && !(context has actor) && context.actors.isEmpty()
        && !(context.request has source)";
    assert!(holds(&World::bare(), absent, arguments)?);
    let text = r#"permit(principal, action == Action::"mcp:resources/read", resource) when { context.request has target && context.request.target == "file:///a" };"#;
    assert_eq!(say(text, &mcp("crm", "resources/read", Some("file:///a")))?, "allow [policy0]");
    Ok(())
}

#[test]
fn a_caller_is_in_its_issuer_its_kind_and_its_trust_domain() -> Outcome {
    let scripted = |mut world: World| {
        world.workload.kind = Kind::Automation;
        world
    };
    let worlds = [World::new(), scripted(World::new()), World::bare(), scripted(World::bare())];
    // Of an agent and an automation, with a trust domain and without.
    let cases = [
        (r#"in Issuer::"platform""#, [true; 4]),
        (r#"in Issuer::"mesh""#, [false; 4]),
        (r#"in Issuer::"https://sts""#, [false; 4]),
        (r#"in Kind::"agent""#, [true, false, true, false]),
        (r#"in Kind::"automation""#, [false, true, false, true]),
        (r#"in TrustDomain::"example.org""#, [true, true, false, false]),
        (r#"in TrustDomain::"example.com""#, [false; 4]),
        (r#"is Agent in Kind::"agent""#, [true, false, true, false]),
        ("is Agent", [true; 4]),
        (r#"== Agent::"platform/alice""#, [true; 4]),
        // Whoever is called like a kind is not of it.
        (r#"in Agent::"agent""#, [false; 4]),
    ];
    // The last is a tool that only the call knows.
    let actions = [call("payments", "ping", json!({})), http("files", "GET"), call("crm", "other", json!({}))];
    for (constraint, expected) in cases {
        let scope = format!("permit(principal {constraint}, action, resource);");
        let condition = format!("permit(principal, action, resource) when {{ principal {constraint} }};");
        for text in [scope, condition] {
            // The validator knows what holds of all of them.
            if text.contains("when { principal is Agent }") {
                continue;
            }
            let policy = compile(&text)?;
            for (world, expected) in worlds.iter().zip(expected) {
                for action in &actions {
                    let said = spell(&policy.decide(&world.facts(action)));
                    let expected = if expected { "allow [policy0]" } else { "deny policy_denied [] -" };
                    assert_eq!(said, expected, "{text} {:?} {action:?}", world.workload);
                }
            }
        }
    }
    let text = r#"@id("all") permit(principal, action, resource);
        @id("scripts-read") @reason("no script writes") forbid(principal in Kind::"automation", action in Action::"http", resource) when { context.request.method != "GET" };"#;
    let policy = compile(text)?;
    let said = |world: &World| spell(&policy.decide(&world.facts(&http("files", "PUT"))));
    let told: Vec<String> = worlds.iter().map(said).collect();
    let forbidden = "deny policy_denied [scripts-read] no script writes";
    assert_eq!(told, ["allow [all]", forbidden, "allow [all]", forbidden]);
    Ok(())
}

#[test]
fn a_source_that_is_no_address_is_absent() -> Outcome {
    let text = r#"permit(principal, action, resource) when { context.request has source && context.request.source == ip("192.0.2.1") };"#;
    let policy = compile(text)?;
    for (source, said) in [
        ("192.0.2.1:80", "allow [policy0]"),
        ("192.0.2.1", "allow [policy0]"),
        ("[::ffff:192.0.2.1]:1", "allow [policy0]"),
        ("[2001:db8::1]:80", "deny policy_denied [] -"),
        ("@pipe", "deny policy_denied [] -"),
    ] {
        let world = World { source: Some(source.to_owned()), ..World::new() };
        let action = http("files", "GET");
        assert_eq!(spell(&policy.decide(&world.facts(&action))), said, "{source}");
    }
    Ok(())
}
