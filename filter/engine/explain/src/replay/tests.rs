//! Records of every kind, judged by configurations that say something else about them.

use std::error::Error;

use countersign_policy::{self as policy, Missing};
use serde_json::{Value, json};

use super::judge::{Judge, Outcome};
use super::record::{self, Line};
use super::remedy::remedy;
use crate::document::Document;
use crate::validate::{self, Loaded, Present};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

/// What everything is judged by that says nothing else.
fn base() -> Value {
    json!({
        "version": 1,
        "issuers": [{
            "name": "platform", "issuer": "https://sts.example.com", "profile": "access-token",
            "audiences": ["https://tools.example.com/mcp"], "algorithms": ["ES256"],
            "keys": { "url": "https://sts.example.com/jwks.json", "cluster": "sts" },
        }],
        "resources": [{
            "name": "payments", "match": { "host": "tools.example.com", "path": "/mcp" }, "protocol": "mcp",
            "tools": [{
                "name": "transfer", "risk": "high",
                "input_schema": {
                    "type": "object", "properties": { "amount": { "type": "integer" } }, "required": ["amount"],
                },
            }],
        }],
        "policy": { "cedar": "
            @id(\"may\") permit (principal, action in Action::\"mcp:tools/call\", resource);
            @id(\"large\") @step_up(\"treasury\") forbid (principal, action == Action::\"payments/transfer\", resource)
            when { context.args.amount > 50 } unless { context has approval };" },
        "step_up": { "webhook": { "url": "https://approvals.example.com/ask", "cluster": "approvals", "secret": { "env": "S" } } },
    })
}

/// A call of `transfer` that ended with `reason`.
fn call(reason: &str) -> Value {
    json!({
        "countersign": 1, "kind": "deny", "reason": reason, "id": "decision", "time_ms": 1_800_000_000_000_u64,
        "resource": "payments",
        "workload": { "id": "platform/agent-7", "issuer": "https://sts.example.com", "subject": "agent-7", "kind": "agent" },
        "token": { "id": "token-1", "expires": 1_800_000_300 }, "task": { "id": "task-1" },
        "request": { "method": "POST", "host": "tools.example.com", "path": "/mcp" },
        "action": { "name": "mcp:tools/call", "object": "transfer" },
    })
}

/// `of` with `members`, which may be pointers.
fn with(mut of: Value, members: &[(&str, Value)]) -> Value {
    for (pointer, value) in members {
        let (place, name) = pointer.rsplit_once('/').unwrap_or(("", pointer));
        if let Some(Value::Object(object)) = of.pointer_mut(place) {
            object.insert(name.to_owned(), value.clone());
        }
    }
    of
}

/// What `configuration` makes of `record`: `allow → deny not_granted`, `same`, `not judged`, `lacks context.args.amount`.
fn judged(configuration: Value, record: &Value) -> Result<String> {
    let loaded = validate::load(&Document::of(configuration), &Present::default());
    let Loaded { config, cedar, rego: _ } = loaded.map_err(|findings| format!("{findings:?}"))?;
    let Line::Decision(record) = record::line(&told(record))? else { return Err("no decision".into()) };
    Ok(match Judge::new(&config, cedar.as_ref()).judge(&record) {
        Outcome::Same => "same".to_owned(),
        Outcome::NotJudged => "not judged".to_owned(),
        Outcome::Undetermined(names) => {
            format!("lacks {}", names.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "))
        }
        Outcome::Flips(turn) => {
            let reason = turn.reason.map(|reason| format!(" {reason}")).unwrap_or_default();
            format!("{} → {}{reason}", turn.from.name(), turn.to.name())
        }
    })
}

/// `record` as the filter writes it, its format first.
fn told(record: &Value) -> String {
    format!("{{\"countersign\":1,{}", record.to_string().trim_start_matches('{').replacen("\"countersign\":1,", "", 1))
}

fn watched(record: Value) -> Value {
    with(record, &[("mode", json!("audit"))])
}

/// With the revision of [`base`].
fn by_the_same(record: Value) -> Result<Value> {
    let loaded = validate::load(&Document::of(base()), &Present::default());
    let revision = policy::revision(&loaded.map_err(|findings| format!("{findings:?}"))?.config.parts());
    Ok(with(record, &[("policy_revision", json!(revision))]))
}

fn amount(record: Value, amount: &Value) -> Value {
    with(record, &[("/action/arguments", json!({ "/amount": amount }))])
}

#[test]
fn what_was_watched_was_let_through() -> Result {
    for (reason, args, expected) in [
        ("policy_denied", json!(5), "same"),
        ("policy_denied", json!(70), "allow → step_up"),
        ("approval_needed", json!(70), "allow → step_up"),
        ("arguments_unfit", json!("5"), "allow → deny arguments_unfit"),
        ("allowed", json!(5), "same"),
        // Ahead of policy, and behind it.
        ("not_granted", json!(5), "allow → deny not_granted"),
        ("token_expired", json!(5), "allow → deny token_expired"),
        ("ambiguous_path", json!(5), "allow → deny ambiguous_path"),
        ("batch", json!(5), "allow → deny batch"),
        ("share_used_up", json!(5), "allow → deny share_used_up"),
        ("tool_changed", json!(5), "allow → deny tool_changed"),
        // Nothing was refused.
        ("metadata", json!(5), "not judged"),
        ("client_gone", json!(5), "not judged"),
    ] {
        assert_eq!(judged(base(), &watched(amount(call(reason), &args)))?, expected, "{reason}");
    }
    Ok(())
}

#[test]
fn what_was_enforced_was_done() -> Result {
    for (reason, args, expected) in [
        ("policy_denied", json!(5), "deny → allow"),
        ("policy_denied", json!(70), "deny → step_up"),
        ("approved", json!(70), "same"),
        ("approved", json!(5), "step_up → allow"),
        ("allowed", json!(70), "allow → step_up"),
        ("not_granted", json!(5), "not judged"),
        ("token_expired", json!(5), "not judged"),
        ("share_used_up", json!(5), "not judged"),
        ("tool_changed", json!(5), "not judged"),
    ] {
        assert_eq!(judged(base(), &amount(call(reason), &args))?, expected, "{reason}");
    }
    Ok(())
}

#[test]
fn the_same_policies_and_catalogue_say_what_they_said() -> Result {
    for (reason, otherwise, same) in [
        ("arguments_unfit", "lacks context.args.amount", "deny arguments_unfit"),
        ("policy_denied", "lacks context.args.amount", "deny policy_denied"),
        ("approval_needed", "lacks context.args.amount", "step_up"),
    ] {
        assert_eq!(judged(base(), &watched(call(reason)))?, otherwise, "{reason}");
        let record = watched(by_the_same(call(reason))?);
        assert_eq!(judged(base(), &record)?, format!("allow → {same}"), "{reason}");
        let elsewhere = with(base(), &[("mode", json!("audit")), ("unmatched", json!("pass"))]);
        assert_eq!(judged(elsewhere, &record)?, format!("allow → {same}"), "{reason}");
        let other = with(base(), &[("/resources/0/risk", json!("critical"))]);
        assert_eq!(judged(other, &record)?, otherwise, "{reason}");
    }
    assert_eq!(judged(base(), &by_the_same(call("allowed"))?)?, "same");
    // Nobody can be asked any more.
    let mut unasked = base();
    unasked.as_object_mut().map(|members| members.remove("step_up"));
    let record = watched(by_the_same(call("approval_needed"))?);
    assert_eq!(judged(unasked, &record)?, "allow → deny approval_unavailable");
    Ok(())
}

#[test]
fn where_a_request_leads_is_judged_again() -> Result {
    let elsewhere = |unmatched: &str| {
        with(base(), &[("/resources/0/match/path", json!("/other")), ("unmatched", json!(unmatched))])
    };
    for (reason, configuration, expected) in [
        ("allowed", elsewhere("deny"), "allow → deny no_resource"),
        ("unmatched", elsewhere("deny"), "allow → deny no_resource"),
        ("unmatched", elsewhere("pass"), "same"),
        ("no_resource", elsewhere("pass"), "deny → allow"),
        ("token_expired", elsewhere("pass"), "deny → allow"),
        // Who called is on no record of what was for nobody.
        ("unmatched", base(), "lacks who called"),
        ("no_resource", base(), "lacks who called"),
    ] {
        assert_eq!(judged(configuration, &amount(call(reason), &json!(5)))?, expected, "{reason}");
    }
    let named = with(base(), &[("/resources/0/match/route", json!("payments"))]);
    assert_eq!(judged(named.clone(), &watched(call("allowed")))?, "lacks the gateway's name for the route");
    assert_eq!(judged(named, &watched(call("token_expired")))?, "lacks the gateway's name for the route");
    Ok(())
}

#[test]
fn who_is_denied_and_who_is_let_in_is_judged_again() -> Result {
    let allowed = amount(call("allowed"), &json!(5));
    for denied in [
        json!({ "tokens": ["token-1"] }),
        json!({ "tasks": ["task-1"] }),
        json!({ "workloads": [{ "issuer": "https://sts.example.com", "subject": "agent-7" }] }),
    ] {
        let configuration = with(base(), &[("denied", denied.clone())]);
        assert_eq!(judged(configuration.clone(), &allowed)?, "allow → deny revoked", "{denied}");
        assert_eq!(judged(configuration, &call("revoked"))?, "not judged", "{denied}");
    }
    assert_eq!(judged(base(), &call("revoked"))?, "lacks what the task's grants are");
    for (workloads, expected) in [
        (json!([{ "match": { "subject": "other" }, "kind": "agent" }]), "allow → deny unknown_workload"),
        (json!([{ "match": { "subject": "agent-*" }, "kind": "agent" }]), "lacks what the task's grants are"),
        (
            json!([{ "match": { "claim": { "pointer": "/team", "value": "x" } }, "kind": "agent" }]),
            "lacks the claim /team",
        ),
    ] {
        let configuration = with(base(), &[("workloads", workloads.clone())]);
        assert_eq!(judged(configuration, &watched(call("unknown_workload")))?, expected, "{workloads}");
    }
    Ok(())
}

#[test]
fn what_the_task_asks_for_it_asks_again() -> Result {
    let asked = |reason: &str| with(amount(call(reason), &json!(5)), &[("policies", json!(["may"]))]);
    assert_eq!(judged(base(), &asked("approval_pending"))?, "same");
    assert_eq!(judged(base(), &watched(asked("approval_needed")))?, "allow → step_up");
    assert_eq!(judged(base(), &asked("approval_unavailable"))?, "deny → step_up");
    Ok(())
}

#[test]
fn a_demand_that_is_gone_refuses_nobody() -> Result {
    let demanding = with(base(), &[("/resources/0/authentication", json!({ "acr_values": ["mfa"] }))]);
    let refused = amount(call("authentication_insufficient"), &json!(5));
    assert_eq!(judged(base(), &refused)?, "deny → allow");
    assert_eq!(judged(demanding.clone(), &refused)?, "not judged");
    assert_eq!(judged(demanding, &watched(refused))?, "allow → deny authentication_insufficient");
    Ok(())
}

#[test]
fn what_is_missing_comes_with_what_records_it() -> Result {
    let with_tool = with(
        with(base(), &[("/resources/0/tools/0/derived", json!({ "small": { "/amount": { "max": 5 } } }))]),
        &[("/issuers/0/claims", json!({ "tenant": { "at": "/tid", "type": "string" } }))],
    );
    let recorded = with(with_tool.clone(), &[("record", json!({ "arguments": ["/amount"] }))]);
    let recorded = with(recorded, &[("/issuers/0/claims/tenant/record", json!(true))]);
    let told = |configuration: &Value, missing: &Missing| {
        let loaded = validate::load(&Document::of(configuration.clone()), &Present::default());
        let Loaded { config, .. } = loaded.map_err(|findings| format!("{findings:?}"))?;
        Result::Ok(remedy(missing, &config))
    };
    let has = "records made with this configuration hold it: `record.arguments` has `/amount`";
    for (path, lacking, held) in [
        (&["context", "args", "amount"][..], Some("add `/amount` to `record.arguments`"), Some(has)),
        (&["context", "args", "small"], Some("add `/amount` to `record.arguments`"), Some(has)),
        (
            &["context", "args", "to/from", "iban"],
            Some("add `/to~1from` to `record.arguments`"),
            Some("add `/to~1from` to `record.arguments`"),
        ),
        (
            &["principal", "claims", "tenant"],
            Some("write `record: true` at `tenant` under `claims` of the issuer"),
            Some("records made with this configuration hold it: the claim has `record: true`"),
        ),
        (
            &["context", "token", "acr"],
            Some("no record holds `context.token.acr`: what it decides cannot be replayed"),
            Some("no record holds `context.token.acr`: what it decides cannot be replayed"),
        ),
        (&["principal", "issuer_name"], None, None),
    ] {
        let missing = Missing::read(path);
        assert_eq!(told(&with_tool, &missing)?.as_deref(), lacking, "{missing}");
        assert_eq!(told(&recorded, &missing)?.as_deref(), held, "{missing}");
    }
    assert_eq!(told(&recorded, &Missing::Other("who called".to_owned()))?, None);
    Ok(())
}
