use std::error::Error;

use serde_json::{Value, json};

use super::notes;
use crate::document::Document;
use crate::validate::{Present, load};

type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

const PERMIT: &str = "@id(\"may\") permit (principal, action, resource);";

/// A configuration about which there is nothing to note, with `members` besides.
fn base(members: &Value) -> Value {
    let mut all = json!({
        "version": 1,
        "issuers": [{
            "name": "platform", "issuer": "https://sts.example.com", "profile": "access-token",
            "audiences": ["https://tools.example.com/mcp"], "algorithms": ["ES256"],
            "keys": { "url": "https://sts.example.com/jwks.json", "cluster": "sts" },
        }],
        "resources": [
            {
                "name": "bank", "match": { "path": "/mcp" }, "protocol": "mcp",
                "tools": [{
                    "name": "transfer", "risk": "high", "labels": ["external"],
                    "input_schema": { "type": "object", "properties": { "amount": { "type": "integer" } }, "required": ["amount"] },
                }],
            },
            { "name": "wiki", "match": { "path": "/wiki" }, "protocol": "mcp" },
            {
                "name": "api", "match": { "path": "/api/*" }, "protocol": "http",
                "endpoints": [{ "name": "report", "method": "PUT", "path": "/api/reports/{name}", "body": "json" }],
            },
        ],
        "policy": { "cedar": PERMIT },
        "step_up": { "webhook": { "url": "https://approvals.example.com/ask", "cluster": "a", "secret": { "env": "S" } } },
    });
    if let (Some(all), Some(members)) = (all.as_object_mut(), members.as_object()) {
        all.extend(members.clone());
    }
    all
}

/// Where `base` with `members` is noted.
fn places(members: &Value) -> Result<Vec<String>> {
    let document = Document::of(base(members));
    let loaded = load(&document, &Present::default()).map_err(|findings| format!("{members}: {findings:?}"))?;
    let text = document.value.pointer("/policy/cedar").and_then(Value::as_str);
    let told = notes(&loaded, &document.value, text).into_iter();
    Ok(told.map(|note| note.policy.map_or(note.pointer, |policy| format!("policy {policy}"))).collect())
}

#[test]
fn nothing_is_noted_of_what_is_in_order() -> Result {
    assert_eq!(places(&json!({}))?, [""; 0]);
    for members in [
        json!({ "workloads": [
            { "match": { "subject": "batch-7" }, "kind": "agent" },
            { "match": { "subject": "batch-*", "client_id": "a" }, "kind": "agent" },
            { "match": { "subject": "batch-*" }, "kind": "agent" },
            { "match": { "client_id": "a" }, "kind": "agent" },
            { "match": { "subject": "*" }, "kind": "agent" },
        ] }),
        json!({ "workloads": [{ "match": { "subject": "*" }, "kind": "agent", "actions": [
            { "action": "mcp:tools/call", "resource": "bank", "object": "transfer", "arguments": { "/amount": { "max": 5 } } },
            { "action": "mcp:tools/call", "resource": "bank", "object": "trans*" },
            // Nobody said which tools there are.
            { "action": "mcp:tools/call", "resource": "wiki", "object": "search", "arguments": { "/words": { "max_length": 5 } } },
            { "action": "mcp:resources/read", "resource": "wiki", "object": "wiki://pages/{name}" },
            { "action": "http:PUT", "resource": "api", "object": "report" },
            { "action": "http:GET", "resource": "api", "object": "/api/*" },
        ] }] }),
        json!({ "risk": [
            { "name": "a", "raise_to": "high", "when": { "tools": ["delete_*"] } },
            { "name": "b", "raise_to": "high", "when": { "labels": ["external"], "classes": ["execute"] } },
            { "name": "c", "raise_to": "high", "when": { "paths": ["/api/reports/*"], "classes": ["write"] } },
            { "name": "d", "raise_to": "high", "when": { "paths": ["/*"], "kinds": ["agent"], "traits": ["browsing"] } },
            { "name": "e", "raise_to": "high", "when": { "resources": ["wiki"], "classes": ["read"], "findings": ["no_id"] } },
        ] }),
        json!({ "denied": { "workloads": [{ "issuer": "https://sts.example.com", "subject": "a" }] } }),
        json!({
            "sandboxes": [{ "name": "box" }],
            "policy": { "cedar": "@sandbox(\"box\") permit (principal, action, resource);" },
        }),
    ] {
        assert_eq!(places(&members)?, [""; 0], "{members}");
    }
    Ok(())
}

#[test]
fn entries_that_nobody_reaches_are_noted() -> Result {
    let entry = |matching: Value| json!({ "match": matching, "kind": "agent" });
    for (first, second, place) in [
        (json!({ "subject": "*" }), json!({ "machine": "a" }), "/workloads/1"),
        (json!({ "subject": "batch-*" }), json!({ "subject": "batch-7*", "client_id": "x" }), "/workloads/1"),
        (json!({ "client_id": "x" }), json!({ "client_id": "x", "issuer": "platform" }), "/workloads/1"),
        (json!({ "subject": "other" }), json!({ "machine": "a" }), "/workloads/1/match/machine"),
        (json!({ "subject": "other" }), json!({ "trust_domain": "example.org" }), "/workloads/1/match/trust_domain"),
    ] {
        let members = json!({ "workloads": [entry(first), entry(second)] });
        assert_eq!(places(&members)?, [place], "{members}");
    }
    Ok(())
}

#[test]
fn rules_and_grants_that_nothing_meets_are_noted() -> Result {
    for (when, place) in [
        (json!({ "labels": ["extrenal"] }), "/risk/0/when/labels"),
        (json!({ "paths": ["/vault/*"] }), "/risk/0/when/paths"),
        (json!({ "kinds": ["automation"] }), "/risk/0/when/kinds"),
        (json!({ "resources": ["api"], "destinations": ["example.com"] }), "/risk/0/when"),
        (json!({ "resources": ["wiki"], "labels": ["external"] }), "/risk/0/when"),
        (json!({ "resources": ["api"], "tools": ["raport"] }), "/risk/0/when"),
        (json!({ "tools": ["transfer"], "classes": ["write"] }), "/risk/0/when"),
    ] {
        let members = json!({ "risk": [{ "name": "a", "raise_to": "high", "when": when }] });
        assert_eq!(places(&members)?, [place], "{members}");
    }
    for grant in [
        json!({ "action": "mcp:tools/call", "resource": "bank", "object": "transfr" }),
        json!({ "action": "mcp:tools/cal", "resource": "bank" }),
        json!({ "action": "http:FETCH", "resource": "api" }),
        json!({ "action": "http:GET", "resource": "bank" }),
        json!({ "action": "http:GET", "resource": "api", "object": "report" }),
        json!({ "action": "mcp:tools/call", "resource": "bank", "object": "transfer", "arguments": { "/amuont": { "max": 5 } } }),
    ] {
        let entry = json!({ "match": { "subject": "*" }, "kind": "automation", "actions": [grant] });
        assert_eq!(places(&json!({ "workloads": [entry] }))?, ["/workloads/0/actions/0"], "{entry}");
    }
    Ok(())
}

/// Names are each operation's own: a tool may be called like an event, and like an endpoint of another resource.
#[test]
fn what_a_grant_names_is_looked_up_by_its_operation() -> Result {
    let schema = |argument: &str| json!({ "type": "object", "properties": { argument: { "type": "integer" } } });
    let resources = json!([
        {
            "name": "bank", "match": { "path": "/mcp" }, "protocol": "mcp",
            "tools": [{ "name": "paid", "input_schema": schema("amount") }],
            "events": [{ "name": "paid", "input_schema": schema("above") }, { "name": "closed", "input_schema": schema("year") }],
        },
        {
            "name": "api", "match": { "path": "/api/*" }, "protocol": "http",
            "endpoints": [{ "name": "paid", "method": "GET", "path": "/api/paid", "input_schema": schema("since") }],
        },
        {
            "name": "ledger", "match": { "path": "/bank.v1.Ledger/*" }, "protocol": "grpc", "undeclared": "deny",
            "methods": [{ "name": "bank.v1.Ledger/Paid" }],
        },
        { "name": "news", "match": { "path": "/news" }, "protocol": "mcp", "events": [{ "name": "paid", "input_schema": schema("above") }] },
    ]);
    let told = |grant: Value| {
        let entry = json!({ "match": { "subject": "*" }, "kind": "automation", "actions": [grant] });
        let document = Document::of(base(&json!({ "resources": resources, "workloads": [entry] })));
        let loaded = load(&document, &Present::default()).map_err(|findings| format!("{grant}: {findings:?}"))?;
        let text = document.value.pointer("/policy/cedar").and_then(Value::as_str);
        let told = notes(&loaded, &document.value, text).into_iter().map(|note| note.cause);
        Result::Ok(told.collect::<Vec<_>>().join("; "))
    };
    let on = |action: &str, resource: &str, object: &str, argument: &str| json!({ "action": action, "resource": resource, "object": object, "arguments": { argument: { "max": 5 } } });
    for (grant, expected) in [
        (on("mcp:tools/call", "bank", "paid", "/amount"), ""),
        (on("mcp:events/subscribe", "bank", "paid", "/above"), ""),
        (on("mcp:events/poll", "news", "paid", "/above"), ""),
        (on("http:GET", "api", "paid", "/since"), ""),
        // Asked like `GET`.
        (on("http:HEAD", "api", "paid", "/since"), ""),
        // Where only events are declared, nobody said which tools there are.
        (on("mcp:tools/call", "news", "publish", "/amount"), ""),
        (
            on("mcp:tools/call", "bank", "paid", "/above"),
            "covers nothing: it bounds `/above`, which the `input_schema` of `paid` does not declare, so no call has it",
        ),
        (
            on("mcp:events/subscribe", "bank", "paid", "/amount"),
            "covers nothing: it bounds `/amount`, which the `input_schema` of `paid` does not declare, so no call has it",
        ),
        (
            on("mcp:events/stream", "bank", "closed", "/yaer"),
            "covers nothing: it bounds `/yaer`, which the `input_schema` of `closed` does not declare, so no call has it",
        ),
        (
            on("http:HEAD", "api", "paid", "/amount"),
            "covers nothing: it bounds `/amount`, which the `input_schema` of `paid` does not declare, so no call has it",
        ),
        (
            on("mcp:tools/call", "bank", "events/subscribe/paid", "/above"),
            "covers nothing that is declared: `events/subscribe/paid` is not among the `tools` of `bank`",
        ),
        (
            on("http:POST", "api", "paid", "/since"),
            "covers nothing: the endpoint `paid` is `http:GET`, and this is `http:POST`",
        ),
        (
            on("http:GET", "api", "piad", "/since"),
            "covers nothing that is declared: `piad` is not among the `endpoints` of `api`",
        ),
        (
            on("http:GET", "bank", "paid", "/since"),
            "covers nothing: `bank` has `protocol: mcp`, and `http:GET` is of another",
        ),
        (
            json!({ "action": "grpc:call", "resource": "ledger", "object": "bank.v1.Ledger/Piad" }),
            "covers nothing that is declared: `bank.v1.Ledger/Piad` is not among the `methods` of `ledger`",
        ),
        (
            json!({ "action": "mcp:tool/call", "resource": "bank" }),
            "covers nothing: `mcp:tool/call` is not an operation",
        ),
    ] {
        assert_eq!(told(grant.clone())?, expected, "{grant}");
    }
    Ok(())
}

/// Notes about two step-ups: who is asked, their scopes and conditions.
fn together(one: [&str; 3], other: [&str; 3]) -> Result<Vec<String>> {
    let forbid = |id: &str, [approver, scope, when]: [&str; 3]| {
        format!(
            "@id(\"{id}\") @step_up(\"{approver}\") forbid ({scope}, resource) when {{ {when} }} unless {{ context has approval }};"
        )
    };
    let text = [PERMIT.to_owned(), forbid("one", one), forbid("other", other)].join("\n");
    places(&json!({ "policy": { "cedar": text } }))
}

#[test]
fn step_ups_that_one_answer_lifts_are_noted() -> Result {
    const TRANSFER: &str = "principal, action == Action::\"bank/transfer\"";
    const CALLS: &str = "principal, action in Action::\"mcp:tools/call\"";
    let large = ["treasury", TRANSFER, "context.args.amount > 100"];
    for other in [
        ["security", TRANSFER, "context.args.amount > 1000"],
        ["security", CALLS, "context.labels.contains(\"external\")"],
        ["security", TRANSFER, "context.args.amount <= 101"],
    ] {
        assert_eq!(together(large, other)?, ["policy other"], "{other:?}");
    }
    for other in [
        // The same person answers both.
        ["treasury", TRANSFER, "context.args.amount > 1000"],
        // Never about the same call.
        ["security", TRANSFER, "context.args.amount <= 100"],
        ["security", TRANSFER, "100 >= context.args.amount && context.risk == \"high\""],
        ["security", TRANSFER, "context.args.amount == 7"],
        ["security", "principal, action == Action::\"mcp:resources/read\"", "context.risk == \"high\""],
    ] {
        assert_eq!(together(large, other)?, [""; 0], "{other:?}");
    }
    let risky =
        |risk| ["operator", CALLS, if risk { "context.risk == \"high\"" } else { "context.risk == \"medium\"" }];
    assert_eq!(together(risky(true), ["security", CALLS, "context.risk == \"critical\""])?, [""; 0]);
    assert_eq!(together(risky(false), ["security", CALLS, "context.risk == \"medium\""])?, ["policy other"]);
    let kind = |kind: &str| format!("principal in Kind::\"{kind}\", action");
    let (agents, automations) = (kind("agent"), kind("automation"));
    let condition = "context.risk == \"high\"";
    assert_eq!(together(["a", &agents, condition], ["b", &automations, condition])?, [""; 0]);
    assert_eq!(together(["a", &agents, condition], ["b", CALLS, condition])?, ["policy other"]);
    Ok(())
}

#[test]
fn approvals_nobody_can_give_and_what_nothing_permits_are_noted() -> Result {
    let mut members = base(&json!({ "policy": { "cedar": format!(
        "{PERMIT} @id(\"asks\") @step_up(\"anybody\") forbid (principal, action, resource) unless {{ context has approval }};"
    ) } }));
    assert_eq!(places(&members)?, [""; 0]);
    members.as_object_mut().map(|all| all.remove("step_up"));
    let document = Document::of(members);
    let loaded = load(&document, &Present::default()).map_err(|findings| format!("{findings:?}"))?;
    let text = document.value.pointer("/policy/cedar").and_then(Value::as_str);
    let told = notes(&loaded, &document.value, text);
    assert_eq!(told.iter().map(|note| note.policy.as_deref()).collect::<Vec<_>>(), [Some("asks")]);

    let permits = |text: &str| places(&json!({ "policy": { "cedar": text } }));
    assert_eq!(
        permits("permit (principal, action, resource in Resource::\"bank\");")?,
        ["/resources/1", "/resources/2"]
    );
    assert_eq!(permits("permit (principal, action in Action::\"http\", resource);")?, ["/resources/0", "/resources/1"]);
    assert_eq!(permits("@mode(\"audit\") permit (principal, action, resource);")?, ["/policy/cedar"]);
    assert_eq!(permits("forbid (principal, action, resource);")?, ["/policy/cedar"]);
    assert_eq!(places(&json!({ "sandboxes": [{ "name": "box" }] }))?, ["/sandboxes/0"]);
    Ok(())
}

#[test]
fn a_denial_by_an_issuers_name_says_what_to_write() -> Result {
    let told = |members: Value| {
        let document = Document::of(base(&members));
        let loaded = load(&document, &Present::default()).map_err(|findings| format!("{members}: {findings:?}"))?;
        let told = notes(&loaded, &document.value, Some(PERMIT)).into_iter();
        Result::Ok(told.map(|note| format!("{}; {}", note.cause, note.remedy.unwrap_or_default())).collect::<Vec<_>>())
    };
    let denied = |issuer: &str| json!({ "workloads": [{ "issuer": issuer, "subject": "a" }] });
    let called = |name: &str| {
        format!(
            "denies no caller, at most an actor in a token's `act`: `{name}` is what an issuer is called here, not the `iss` of its credentials"
        )
    };
    assert_eq!(
        told(json!({ "denied": denied("platform") }))?,
        [format!("{}; write `issuer: \"https://sts.example.com\"`", called("platform"))]
    );
    let entra = json!([{
        "name": "entra", "issuer": "https://login.example.com/{tid}/v2.0", "tenants": ["t1", "t2"],
        "profile": "access-token", "audiences": ["https://tools.example.com/mcp"], "algorithms": ["RS256"],
        "keys": { "url": "https://login.example.com/keys", "cluster": "entra" },
    }]);
    assert_eq!(
        told(json!({ "issuers": entra, "denied": denied("entra") }))?,
        [format!(
            "{}; write the `iss` of the tenant that is meant, such as `https://login.example.com/t1/v2.0`",
            called("entra")
        )]
    );
    let mesh = json!([{
        "name": "mesh", "trust_domain": "example.org", "profile": "jwt-svid",
        "audiences": ["https://tools.example.com/mcp"], "algorithms": ["ES256"],
        "keys": { "url": "https://spire.example.com/bundle", "cluster": "spire" },
    }]);
    assert_eq!(
        told(json!({ "issuers": mesh, "denied": denied("mesh") }))?,
        [format!("{}; write `issuer: \"spiffe://example.org\"`", called("mesh"))]
    );
    Ok(())
}

#[test]
fn denials_of_nobody_are_noted() -> Result {
    for (denied, place) in [
        (json!({ "issuer": "platform", "subject": "a" }), "/denied/workloads/0/issuer"),
        (json!({ "issuer": "https://elsewhere.example.com", "subject": "a" }), "/denied/workloads/0/issuer"),
        (
            json!({ "issuer": "https://sts.example.com", "machine": { "claim": "azp", "id": "a" } }),
            "/denied/workloads/0/machine/claim",
        ),
    ] {
        assert_eq!(places(&json!({ "denied": { "workloads": [denied] } }))?, [place], "{denied}");
    }
    Ok(())
}
