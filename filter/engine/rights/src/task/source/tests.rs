use countersign_protocols::action::{Action, test_support};
use countersign_protocols::catalogue::{Protocol, Tool};
use countersign_tokens::UnixTime;
use serde_json::{Value, json};

use super::*;
use crate::task::tests::{call, request};
use crate::task::{Circumstances, Coverage};
use crate::test_support::token;

type Tested = Result<(), Box<dyn std::error::Error>>;

/// `payments` with a declared tool `fetch`, whose `/url` is a destination; `reports` is plain HTTP.
fn resources() -> Vec<Resource> {
    let mut payments = test_support::resource();
    payments.identifier = Some("https://tools.test/mcp".to_owned());
    let fetch = Tool { destinations: vec!["/url".to_owned()], ..test_support::tool("fetch", None) };
    payments.tools.insert(fetch.name.clone(), fetch);
    let reports = Resource { name: "reports".to_owned(), protocol: Protocol::Http, ..test_support::resource() };
    vec![payments, reports]
}

fn task(source: &TaskSource, claims: &Value) -> Result<Task, String> {
    source.task(&token(claims), &|| [7; 32], &resources(), None).map_err(|error| error.to_string())
}

fn tool(name: &str, arguments: &Value) -> Result<Action, String> {
    call(name, arguments).map_err(|rejection| format!("{:?}", rejection.reason))
}

fn coverage(task: &Task, action: &Action, secs: u64, source: &str) -> &'static str {
    let circumstances = Circumstances { now: UnixTime::from_secs(secs), source: source.parse().ok(), depth: 1 };
    match task.grants.cover(action, &circumstances) {
        Coverage::Covered(_) => "covered",
        Coverage::NotGranted => "not granted",
        Coverage::BeyondArguments => "arguments",
        Coverage::BeyondCircumstances => "circumstances",
    }
}

fn aap() -> Value {
    json!({
        "aap_agent": { "id": "agent-7", "type": "llm" },
        "aap_task": { "id": "t-1", "purpose": "read the news" },
        "aap_capabilities": [
            { "action": "payments.lookup" },
            { "action": "payments.fetch", "constraints": {
                "domains_allowed": ["example.org"], "domains_blocked": ["ads.example.org"],
                "max_requests_per_minute": 5, "ip_ranges_allowed": ["10.0.0.0/8"],
                "time_window": { "start": "1970-01-01T00:10:00Z", "end": "1970-01-01T00:20:00Z" }, "max_depth": 1 } },
            { "action": "reports.get", "constraints": { "allowed_methods": ["GET"] } },
            { "action": "elsewhere.do" }
        ],
        "aap_oversight": { "requires_human_approval_for": ["payments.fetch", "elsewhere.do"] },
        "aap_delegation": { "depth": 1, "max_depth": 2, "chain": ["a", "b"] }
    })
}

#[test]
fn an_aap_token_is_a_task() -> Tested {
    let task = task(&TaskSource::Aap, &aap())?;
    assert_eq!((task.id.as_str(), task.purpose.as_deref()), ("t-1", Some("read the news")));
    let fetch = |url: &str| tool("fetch", &json!({ "url": url }));
    for (action, secs, source, expected) in [
        (tool("lookup", &json!({}))?, 0, "", "covered"),
        (tool("transfer", &json!({}))?, 700, "10.1.1.1", "not granted"),
        (fetch("https://news.example.org/a")?, 700, "10.1.1.1", "covered"),
        (fetch("https://example.org/a")?, 600, "10.1.1.1", "covered"),
        (fetch("https://ads.example.org/a")?, 700, "10.1.1.1", "arguments"),
        (fetch("https://badexample.org/a")?, 700, "10.1.1.1", "arguments"),
        (tool("fetch", &json!({}))?, 700, "10.1.1.1", "arguments"),
        (fetch("https://example.org/a")?, 599, "10.1.1.1", "circumstances"),
        (fetch("https://example.org/a")?, 1200, "10.1.1.1", "circumstances"),
        (fetch("https://example.org/a")?, 700, "11.1.1.1", "circumstances"),
        (fetch("https://example.org/a")?, 700, "", "circumstances"),
    ] {
        assert_eq!(coverage(&task, &action, secs, source), expected, "{action:?} {secs} {source}");
    }
    assert!(task.asks.name(&fetch("https://example.org")?) && !task.asks.name(&tool("lookup", &json!({}))?));
    let mut get = request("GET", "/reports/1").map_err(|reason| format!("{reason:?}"))?;
    get.resource = "reports".to_owned();
    assert_eq!(coverage(&task, &get, 0, ""), "covered");
    let metered: Vec<_> = task.grants.as_slice().iter().filter_map(|grant| grant.metered.as_ref()).collect();
    assert_eq!(metered.len(), 1);
    Ok(())
}

#[test]
fn an_aap_token_must_be_whole() -> Tested {
    let changed = |pointer: &str, value: Value| -> Result<Value, String> {
        let mut claims = aap();
        let (parent, key) = pointer.rsplit_once('/').ok_or("no parent")?;
        let parent = if parent.is_empty() { Some(&mut claims) } else { claims.pointer_mut(parent) };
        let members = parent.and_then(Value::as_object_mut).ok_or("nothing there")?;
        if value.is_null() {
            members.remove(key)
        } else {
            members.insert(key.to_owned(), value)
        };
        Ok(claims)
    };
    let constraint = "/aap_capabilities/1/constraints";
    for (pointer, value, expected) in [
        ("/aap_agent", Value::Null, "claim `/aap_agent` is missing"),
        ("/aap_agent/id", Value::Null, "unusable `id` of an AAP claim"),
        ("/aap_task", json!("t"), "unusable claim `/aap_task`"),
        ("/aap_task/purpose", Value::Null, "unusable `purpose` of an AAP claim"),
        ("/aap_capabilities", Value::Null, "claim `/aap_capabilities` is missing"),
        ("/aap_capabilities/0/action", json!("payments..x"), "unusable action of an AAP claim"),
        ("/aap_capabilities/0/unless", json!(1), "unusable member `unless` of a capability"),
        ("/aap_delegation/depth", json!(3), "unusable claim `/aap_delegation`"),
        ("/aap_delegation/max_depth", json!(0), "unusable claim `/aap_delegation`"),
        ("/aap_delegation/chain", json!(["a"]), "unusable claim `/aap_delegation`"),
        ("/task", json!({ "id": "t-2" }), "unusable claim `/task` beside `/aap_task`"),
        ("/aap_context", json!({ "network_zone": "internal" }), "constraint `network_zone` is not supported"),
        (
            "/aap_oversight/requires_human_approval_for",
            json!("x"),
            "unusable `requires_human_approval_for` of an AAP claim",
        ),
    ] {
        assert_eq!(task(&TaskSource::Aap, &changed(pointer, value)?).err().as_deref(), Some(expected), "{pointer}");
    }
    for (name, value, expected) in [
        ("max_response_size", json!(1), "constraint `max_response_size` is not supported"),
        ("data_classification_max", json!("internal"), "constraint `data_classification_max` is not supported"),
        ("allowed_methods", json!(["GET"]), "constraint `allowed_methods` is not supported"),
        ("max_requests_per_day", json!(0), "unusable operand of constraint `max_requests_per_day`"),
        ("time_window", json!({ "start": "1970-01-01T00:10:00Z" }), "unusable operand of constraint `time_window`"),
        ("domains_allowed", json!(["https://example.org"]), ""),
        ("domains_allowed", json!([]), "unusable operand of constraint `domains_allowed`"),
    ] {
        let claims = changed(&format!("{constraint}/{name}"), value)?;
        assert_eq!(task(&TaskSource::Aap, &claims).err().unwrap_or_default(), expected, "{name}");
    }
    let undeclared = changed("/aap_capabilities/0/constraints", json!({ "domains_allowed": ["example.org"] }))?;
    let expected = "constraint `domains_allowed` is not supported";
    assert_eq!(task(&TaskSource::Aap, &undeclared).err().as_deref(), Some(expected), "no destination is declared");
    Ok(())
}

#[test]
fn authorization_details_are_grants() -> Tested {
    let source = TaskSource::AuthorizationDetails { types: vec!["tool_access".to_owned()] };
    let detail = json!({
        "type": "tool_access", "locations": ["https://tools.test/mcp"], "actions": ["mcp:tools/call"],
        "identifier": "transfer", "arguments": { "/amount": { "max": 5 } }, "calls": { "max": 2 }
    });
    let other = json!({ "type": "payment_initiation", "instructedAmount": { "currency": "EUR" } });
    let granted = task(&source, &json!({ "authorization_details": [detail, other] }))?;
    assert_eq!(granted.grants.as_slice().len(), 1);
    assert_eq!(coverage(&granted, &tool("transfer", &json!({ "amount": 5 }))?, 0, ""), "covered");
    assert_eq!(coverage(&granted, &tool("transfer", &json!({ "amount": 6 }))?, 0, ""), "arguments");
    assert_eq!(coverage(&granted, &tool("lookup", &json!({}))?, 0, ""), "not granted");
    let changed = |member: &str, value: Value| {
        let mut detail = detail.clone();
        detail[member] = value;
        task(&source, &json!({ "authorization_details": [detail] }))
    };
    let elsewhere = changed("locations", json!(["https://elsewhere.test"]))?;
    assert_eq!(elsewhere.grants.as_slice(), [], "for another resource");
    for (member, value, expected) in [
        ("privileges", json!(["admin"]), "unusable member `privileges` of a grant"),
        ("datatypes", json!(["x"]), "unusable member `datatypes` of a grant"),
        ("object", json!("lookup"), "unusable member of a detail: write `actions`, `identifier`, `locations`"),
        ("actions", json!([]), "unusable list of a detail"),
        ("actions", json!(["fly"]), "unusable `action` of a grant"),
        ("locations", json!("https://tools.test/mcp"), "unusable list of a detail"),
        ("arguments", json!({ "/amount": { "roughly": 5 } }), "constraint `roughly` is not supported"),
    ] {
        assert_eq!(changed(member, value).err().as_deref(), Some(expected), "{member}");
    }
    for bad in [json!(1), json!({}), json!(["x"]), json!([{ "actions": ["mcp:ping"] }])] {
        let refused = task(&source, &json!({ "authorization_details": bad })).err();
        assert_eq!(refused.as_deref(), Some("unusable claim `/authorization_details`"), "{bad}");
    }
    assert_eq!(task(&source, &json!({})).err().as_deref(), Some("claim `/authorization_details` is missing"));
    Ok(())
}

#[test]
fn a_transaction_is_in_its_context_else_in_its_scope() -> Tested {
    let grant = json!({ "action": "mcp:tools/call", "resource": "payments", "object": "lookup" });
    let scope = "mcp:tool:transfer";
    let by_context =
        task(&TaskSource::Transaction, &json!({ "scope": scope, "tctx": { "purpose": "p", "grants": [grant] } }))?;
    assert_eq!(by_context.purpose.as_deref(), Some("p"));
    assert_eq!(coverage(&by_context, &tool("lookup", &json!({}))?, 0, ""), "covered");
    assert_eq!(coverage(&by_context, &tool("transfer", &json!({}))?, 0, ""), "not granted");
    let by_scope = task(&TaskSource::Transaction, &json!({ "scope": scope, "tctx": { "ticker": "X" } }))?;
    assert_eq!(coverage(&by_scope, &tool("transfer", &json!({}))?, 0, ""), "covered");
    for (context, expected) in [
        (json!("x"), "unusable claim `/tctx`"),
        (json!({ "grants": {} }), "unusable claim `/tctx/grants`"),
        (json!({ "purpose": 1 }), "unusable claim `/tctx/purpose`"),
    ] {
        let refused = task(&TaskSource::Transaction, &json!({ "scope": scope, "tctx": context })).err();
        assert_eq!(refused.as_deref(), Some(expected));
    }
    Ok(())
}

#[test]
fn what_a_credential_does_not_say_the_workload_s_entry_does() -> Tested {
    let pinned = Grants::from(vec![Grant::plain("mcp:tools/call".to_owned(), None, None)]);
    let token = token(&json!({ "scope": "mcp:tool:transfer" }));
    let source = TaskSource::Workload;
    let task = source.task(&token, &|| [7; 32], &resources(), Some(&pinned)).map_err(|error| error.to_string())?;
    assert_eq!(task.grants, pinned);
    let nothing = source.task(&token, &|| [7; 32], &resources(), None).map_err(|error| error.to_string())?;
    assert_eq!(nothing.grants, Grants::default(), "no entry, no rights");
    Ok(())
}

#[test]
fn details_are_counted_before_they_are_written_out() {
    let source = TaskSource::AuthorizationDetails { types: vec!["tool_access".to_owned()] };
    let detail = |actions: usize| json!({ "authorization_details": [{ "type": "tool_access", "actions": vec!["mcp:tools/call"; actions] }] });
    assert_eq!(task(&source, &detail(256)).map(|task| task.grants.as_slice().len()), Ok(256));
    assert_eq!(task(&source, &detail(257)).err().as_deref(), Some("too many grants"));
}
