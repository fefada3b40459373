use countersign_facts::digest;
use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;
use countersign_protocols::action::test_support::{resource, target};
use countersign_protocols::action::{Action, Rejection, http, mcp};
use countersign_protocols::bounds::TaskError;
use countersign_tokens::Scalar;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::test_support::token;

pub(super) fn task(mapping: &TaskMapping, claims: &Value) -> Result<Task, TaskError> {
    mapping.task(&token(claims), &|| [7; 32])
}

fn by_claim() -> Result<TaskMapping, Vec<MappingError>> {
    TaskMapping::new(Some("/task/id"), Some("/task/purpose"), Some("/task/grants"), Some("/task/exp"), None)
}

/// A task with these grants, by claim.
fn granted(grants: &Value) -> Result<Task, TaskError> {
    let mapping = TaskMapping::new(None, None, Some("/grants"), None, None).unwrap_or_default();
    task(&mapping, &json!({"grants": grants}))
}

fn scoped(scope: &str) -> Result<Task, TaskError> {
    task(&TaskMapping::default(), &json!({"scope": scope}))
}

fn message(method: &str, params: &Value) -> Result<Action, Rejection> {
    let mut body = json!({"jsonrpc": "2.0", "method": method, "params": params});
    if !method.starts_with("notifications/") {
        body["id"] = json!(1);
    }
    let headers: Headers = [("content-type".to_owned(), b"application/json".to_vec())].into_iter().collect();
    mcp::read(&resource(), &target("POST"), &headers, Some(body.to_string().as_bytes()))
}

pub(super) fn call(tool: &str, arguments: &Value) -> Result<Action, Rejection> {
    message("tools/call", &json!({"name": tool, "arguments": arguments}))
}

pub(super) fn request(method: &str, path: &str) -> Result<Action, Reason> {
    let mut target = target(method);
    path.clone_into(&mut target.path);
    http::read(&resource(), &target, None)
}

/// Whether the task's grants reach `action`, at noon, from nowhere, through nobody.
fn covers(task: &Task, action: &Action) -> Covers {
    let circumstances = Circumstances { now: UnixTime::from_secs(1000), source: None, depth: 0 };
    match task.grants.cover(action, &circumstances) {
        Coverage::Covered(_) => Covers::Covered,
        Coverage::NotGranted => Covers::NotGranted,
        Coverage::BeyondArguments => Covers::BeyondArguments,
        Coverage::BeyondCircumstances => Covers::BeyondCircumstances,
    }
}

/// [`Coverage`] without the grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Covers {
    Covered,
    NotGranted,
    BeyondArguments,
    BeyondCircumstances,
}

type Tested = Result<(), Box<dyn std::error::Error>>;

fn ok<T, E: std::fmt::Debug>(result: Result<T, E>) -> Result<T, String> {
    result.map_err(|error| format!("{error:?}"))
}

#[test]
fn claims_make_a_task() -> Tested {
    let grant = json!({"action": "mcp:tools/call", "resource": "payments"});
    let claims =
        json!({"scope": "mcp:ping", "task": {"id": "t-1", "purpose": "pay rent", "exp": 1500.9, "grants": [grant]}});
    let task = ok(task(&ok(by_claim())?, &claims))?;
    let end = UnixTime::from_secs(1500);
    assert_eq!(
        (task.id.as_str(), task.purpose.as_deref(), task.end, task.expires),
        ("t-1", Some("pay rent"), Some(end), end)
    );
    assert!(task.is_over(end) && !task.is_over(UnixTime::from_secs(1499)));
    let expected = Grant::plain("mcp:tools/call".to_owned(), Some("payments".to_owned()), None);
    assert_eq!(task.grants.as_slice(), [expected], "the scope claim does not grant beside a grants claim");
    Ok(())
}

#[test]
fn a_task_never_outlives_its_token() -> Tested {
    let mapping = ok(TaskMapping::new(None, None, None, Some("/end"), None))?;
    assert_eq!(ok(task(&mapping, &json!({"end": 99_999_999})))?.expires, UnixTime::from_secs(2000));
    let without = ok(task(&TaskMapping::default(), &json!({})))?;
    assert_eq!((without.end, without.expires), (None, UnixTime::from_secs(2000)));
    assert!(!without.is_over(UnixTime::from_secs(2001)), "the credential's end is judged with the credential");
    for bad in [json!("1500"), json!(-1), json!(1e300), json!(null), json!([1])] {
        assert_eq!(task(&mapping, &json!({"end": bad})), Err(TaskError::unusable("claim `/end`")), "{bad}");
    }
    Ok(())
}

#[test]
fn the_id_falls_back_to_jti_and_digest() -> Tested {
    let mut token = token(&json!({}));
    token.id = Some("jti-1".into());
    assert_eq!(ok(TaskMapping::default().task(&token, &|| [7; 32]))?.id, "jti-1");
    token.id = Some("a\nb".into());
    assert_eq!(TaskMapping::default().task(&token, &|| [7; 32]), Err(TaskError::unusable("claim `/jti`")));
    token.id = Some(Scalar::Number(7));
    let numbered = ok(TaskMapping::default().task(&token, &|| [7; 32]))?.id;
    token.id = Some("7".into());
    assert_ne!(ok(TaskMapping::default().task(&token, &|| [7; 32]))?.id, numbered);
    assert_eq!(numbered, digest::text(&digest::of_texts(&["jti", "7"])));
    token.id = None;
    assert_eq!(ok(TaskMapping::default().task(&token, &|| [7; 32]))?.id, digest::text(&[7; 32]));
    Ok(())
}

#[test]
fn what_is_configured_must_be_there_and_usable() -> Tested {
    let mapping = ok(by_claim())?;
    let whole = json!({"id": "t", "purpose": "p", "exp": 1, "grants": []});
    assert!(task(&mapping, &json!({"task": whole})).is_ok());
    for member in ["id", "purpose", "exp", "grants"] {
        let mut part = whole.clone();
        part.as_object_mut().map(|members| members.remove(member));
        let missing = task(&mapping, &json!({"task": part}));
        assert_eq!(missing, Err(TaskError::Missing(format!("/task/{member}"))));
        part[member] = json!({"x": 1});
        let unusable = task(&mapping, &json!({"task": part}));
        assert_eq!(unusable, Err(TaskError::unusable(format!("claim `/task/{member}`"))));
    }
    for id in ["", "a\u{7}", &"x".repeat(257)] {
        let mut part = whole.clone();
        part["id"] = json!(id);
        assert_eq!(task(&mapping, &json!({"task": part})), Err(TaskError::unusable("claim `/task/id`")), "{id}");
    }
    Ok(())
}

#[test]
fn every_bad_pointer_is_reported() {
    let error = |member, text: &str| MappingError { member, text: text.to_owned() };
    assert_eq!(
        TaskMapping::new(Some("id"), Some(""), Some("/ok"), Some("/~2"), None),
        Err(vec![error("id", "id"), error("purpose", ""), error("expires", "/~2")])
    );
    assert_eq!(error("id", "id").to_string(), "`id` is not a JSON Pointer to a claim (`/claim`, `/claim/member`)");
}

#[test]
fn grants_that_are_not_understood_refuse_the_token() {
    let base = json!({"action": "mcp:tools/call", "resource": "payments"});
    let with = |member: &str, value: Value| {
        let mut grant = base.clone();
        grant[member] = value;
        granted(&json!([base, grant])).err().map(|error| (error.reason(), error.to_string()))
    };
    let refused = |text: &str| Some((Reason::TaskRefused, text.to_owned()));
    assert_eq!(with("max_calls", json!(3)), refused("unusable member `max_calls` of a grant"));
    assert_eq!(with("action", json!("soap:SendMessage")), refused("unusable `action` of a grant"));
    assert_eq!(with("destination", json!(["a"])), refused("unusable `destination` of a grant"));
    assert_eq!(with("action", json!(1)), refused("unusable member of a grant that must be a string"));
    assert_eq!(with("resource", json!("")), refused("unusable member of a grant that must be a string"));
    assert_eq!(with("object", json!("a*b")), refused("unusable `object` of a grant"));
    assert_eq!(with("object", json!("a**")), refused("unusable `object` of a grant"));
    assert_eq!(with("arguments", json!([])), refused("unusable `arguments` of a grant"));
    assert_eq!(with("arguments", json!({"amount": {"max": 1}})), refused("unusable pointer of a constraint"));
    assert_eq!(with("arguments", json!({"/amount": {}})), refused("unusable constraint"));
    assert_eq!(with("arguments", json!({"/amount": 5})), refused("unusable constraint"));
    assert_eq!(with("arguments", json!({"/amount": {"max": "5"}})), refused("unusable operand of constraint `max`"));
    let unsupported = (Reason::ConstraintUnsupported, "constraint `regex` is not supported".to_owned());
    assert_eq!(with("arguments", json!({"/a": {"max": 1, "regex": "."}})), Some(unsupported));
    let elsewhere = json!([{"action": "mcp:prompts/get", "resource": "payments", "arguments": {"/a": {"max": 1}}}]);
    assert_eq!(granted(&elsewhere).map_err(|error| error.reason()), Err(Reason::ConstraintUnsupported));
    for bad in [json!(["x"]), json!([{"action": "mcp:ping"}]), json!([{"resource": "payments"}])] {
        assert_eq!(granted(&bad).map_err(|error| error.reason()), Err(Reason::TaskRefused), "{bad}");
    }
}

#[test]
fn a_pattern_over_uris_has_a_whole_authority_or_none_and_no_user() {
    let of =
        |action: &str, object: &str| granted(&json!([{"action": action, "resource": "payments", "object": object}]));
    let reads = |object: &str| of("mcp:resources/read", object).map(|_| ());
    let inside = "`object` of a grant ends inside an authority, so that others which begin alike are covered too; write all of it, and a \
                  `/` behind it";
    let user = "`object` of a grant has user information; name such a URI whole, without `*` and variables";
    for (object, refused) in [
        ("s3://My-Bu*", inside),
        ("https://api.example*", inside),
        ("https://api.example.com*", inside),
        ("https://api.example.com:8*", inside),
        ("s3://My-{rest}", inside),
        ("jdbc:postgresql://db.example*", inside),
        ("https://user@example.com/*", user),
        ("postgres://app@db/{table}", user),
        ("postgres://{name}@db/orders", user),
    ] {
        assert_eq!(reads(object).map_err(|error| error.to_string()), Err(refused.to_owned()), "{object}");
    }
    for object in [
        "*",
        "greeting:*",
        "greeting://*",
        "greeting://{name}",
        "https://{tenant}.example.com/a",
        "https://api.example.com/*",
        "https://api.example.com?q=*",
        "https://api.example.com",
        "postgres://app@db/orders",
        "file:///data/re*",
        "summ*",
    ] {
        assert_eq!(reads(object), Ok(()), "{object}");
    }
    // Of what are no URIs nothing is an authority.
    assert!(of("mcp:prompts/get", "s3://My-Bu*").is_ok());
    assert!(of("mcp:completion/complete", "s3://My-Bu*").is_err());
    assert!(of("mcp:subscriptions/listen", "s3://My-Bu*").is_err());
}

#[test]
fn user_information_is_covered_by_its_whole_uri_alone() -> Tested {
    let action = |uri: &str| message("resources/read", &json!({"uri": uri}));
    let (plain, with_user) = (ok(action("postgres://db/Orders"))?, ok(action("postgres://app@db/Orders"))?);
    for (grant, covers_plain, covers_with_user) in [
        (json!({}), Covers::Covered, Covers::NotGranted),
        (json!({"object": "*"}), Covers::Covered, Covers::NotGranted),
        (json!({"object": "postgres://*"}), Covers::Covered, Covers::NotGranted),
        (json!({"object": "postgres://db/*"}), Covers::Covered, Covers::NotGranted),
        (json!({"object": "postgres://db/{table}"}), Covers::Covered, Covers::NotGranted),
        (json!({"object": "postgres://app@db/Orders"}), Covers::NotGranted, Covers::Covered),
        (json!({"object": "postgres://app@db/orders"}), Covers::NotGranted, Covers::NotGranted),
    ] {
        let mut whole = json!({"action": "mcp:resources/read", "resource": "payments"});
        if let Some(object) = grant.get("object") {
            whole["object"] = object.clone();
        }
        let task = ok(granted(&json!([whole])))?;
        assert_eq!(covers(&task, &plain), covers_plain, "{grant}");
        assert_eq!(covers(&task, &with_user), covers_with_user, "{grant}");
    }
    // Of what is named beside URIs, a sign says nothing.
    let prompts = ok(granted(&json!([{"action": "mcp:prompts/get", "resource": "payments"}])))?;
    assert_eq!(covers(&prompts, &ok(message("prompts/get", &json!({"name": "a://b@c"})))?), Covers::Covered);
    Ok(())
}

#[test]
fn grants_and_constraints_are_bounded() {
    let grant = json!({"action": "mcp:tools/call", "resource": "payments"});
    assert!(granted(&json!(vec![grant.clone(); 256])).is_ok());
    assert_eq!(granted(&json!(vec![grant.clone(); 257])), Err(TaskError::TooMany("grants")));
    assert_eq!(scoped(&"mcp:ping ".repeat(257)), Err(TaskError::TooMany("grants")));
    let arguments: Value = (0..65).map(|index| (format!("/a{index}"), json!({"max": 1}))).collect();
    let many = json!([{"action": "mcp:tools/call", "resource": "payments", "arguments": arguments}]);
    assert_eq!(granted(&many), Err(TaskError::TooMany("constraints")));
}

#[test]
fn calls_are_covered_by_tool_and_arguments() -> Tested {
    let task = ok(granted(&json!([
        {"action": "mcp:tools/call", "resource": "payments", "object": "transfer",
         "arguments": {"/amount": {"min": 1, "max": 500}, "/to/currency": {"one_of": ["EUR"]}}},
        {"action": "mcp:tools/call", "resource": "payments", "object": "acc-*"},
        {"action": "mcp:tools/call", "resource": "other", "object": "delete"},
        {"action": "mcp:prompts/get", "resource": "payments", "object": "delete"},
    ])))?;
    for (tool, arguments, expected) in [
        ("transfer", json!({"amount": 500, "to": {"currency": "EUR"}, "note": "x"}), Covers::Covered),
        ("transfer", json!({"amount": 501, "to": {"currency": "EUR"}}), Covers::BeyondArguments),
        ("transfer", json!({"amount": 0, "to": {"currency": "EUR"}}), Covers::BeyondArguments),
        ("transfer", json!({"amount": "5", "to": {"currency": "EUR"}}), Covers::BeyondArguments),
        ("transfer", json!({"Amount": 5, "to": {"currency": "EUR"}}), Covers::BeyondArguments),
        ("transfer", json!({"amount": 5}), Covers::BeyondArguments),
        ("transfer", json!({}), Covers::BeyondArguments),
        ("acc-7", json!({}), Covers::Covered),
        ("acc-7/../transfer", json!({}), Covers::NotGranted),
        ("ACC-7", json!({}), Covers::NotGranted),
        ("Transfer", json!({}), Covers::NotGranted),
        ("delete", json!({}), Covers::NotGranted),
    ] {
        assert_eq!(covers(&task, &ok(call(tool, &arguments))?), expected, "{tool} {arguments}");
    }
    Ok(())
}

#[test]
fn any_one_grant_suffices_but_two_halves_do_not() -> Tested {
    let half =
        |pointer: &str| json!({"action": "mcp:tools/call", "resource": "payments", "arguments": {pointer: {"max": 1}}});
    let task = ok(granted(&json!([half("/a"), half("/b")])))?;
    assert_eq!(covers(&task, &ok(call("x", &json!({"a": 9, "b": 1})))?), Covers::Covered);
    assert_eq!(covers(&task, &ok(call("x", &json!({"a": 9, "b": 9})))?), Covers::BeyondArguments);
    Ok(())
}

#[test]
fn plumbing_and_lists_need_any_grant_of_the_resource() -> Tested {
    let task = ok(scoped("mcp:tool:transfer"))?;
    let elsewhere = ok(granted(&json!([{"action": "mcp:tools/call", "resource": "other"}])))?;
    let http = ok(scoped("http:POST:/mcp"))?;
    for method in ["initialize", "tools/list", "notifications/initialized"] {
        let action = ok(message(method, &json!({})))?;
        assert_eq!(covers(&task, &action), Covers::Covered, "{method}");
        assert_eq!(covers(&elsewhere, &action), Covers::NotGranted, "{method}");
        assert_eq!(covers(&http, &action), Covers::NotGranted, "{method}");
        assert_eq!(covers(&ok(scoped("openid"))?, &action), Covers::NotGranted, "{method}");
    }
    for (method, params) in [
        ("resources/read", json!({"uri": "file:///a"})),
        ("prompts/get", json!({"name": "transfer"})),
        ("tasks/cancel", json!({"taskId": "transfer"})),
        ("completion/complete", json!({"ref": {"type": "ref/prompt", "name": "transfer"}})),
    ] {
        assert_eq!(covers(&task, &ok(message(method, &params))?), Covers::NotGranted, "{method}");
    }
    Ok(())
}

#[test]
fn scope_tokens() -> Tested {
    let task = ok(scoped(
        "openid mcp:tool:transfer  mcp:resources/read http:GET:/api/* http:PUT:/api/x mcp:* mcp:tool:* mcp:tool: ",
    ))?;
    assert_eq!(task.grants.as_slice().len(), 4);
    for nothing in [
        "mcp:*",
        "mcp:tool:*",
        "mcp:tool:a*",
        "mcp:Tools/Call",
        "mcp:",
        "http:GET",
        "http:GET:",
        "http:GET:x",
        "http:GET:*",
        "http:GET:/a*",
        "http:*:/a",
        "http:get:/a",
        "http:GET:/*/a",
        "MCP:tool:transfer",
        "a2a:message/send",
        "a2a:*",
        "grpc:call",
        "grpc:*",
    ] {
        assert_eq!(ok(scoped(nothing))?.grants.as_slice(), [], "{nothing}");
    }
    for (action, expected) in [
        (ok(call("transfer", &json!({"any": 1})))?, Covers::Covered),
        (ok(call("delete", &json!({})))?, Covers::NotGranted),
        (ok(message("resources/read", &json!({"uri": "x://u"})))?, Covers::Covered),
        (ok(message("resources/subscribe", &json!({"uri": "x://u"})))?, Covers::NotGranted),
        (ok(request("GET", "/api/a/b"))?, Covers::Covered),
        (ok(request("GET", "/api"))?, Covers::NotGranted),
        (ok(request("GET", "/apis"))?, Covers::NotGranted),
        (ok(request("POST", "/api/a"))?, Covers::NotGranted),
        (ok(request("PUT", "/api/x"))?, Covers::Covered),
        (ok(request("PUT", "/api/x/y"))?, Covers::NotGranted),
    ] {
        assert_eq!(covers(&task, &action), expected, "{action:?}");
    }
    Ok(())
}

#[test]
fn claim_and_scope_together_when_configured() -> Tested {
    let mapping = ok(TaskMapping::new(None, None, Some("/grants"), None, Some(true)))?;
    let claims =
        json!({"scope": "mcp:tool:a", "grants": [{"action": "mcp:tools/call", "resource": "payments", "object": "b"}]});
    assert_eq!(ok(task(&mapping, &claims))?.grants.as_slice().len(), 2);
    let neither = ok(TaskMapping::new(None, None, None, None, Some(false)))?;
    assert_eq!(ok(task(&neither, &claims))?.grants.as_slice(), []);
    Ok(())
}

#[test]
fn the_scope_of_an_action_covers_it_or_is_not_given() -> Tested {
    for (action, expected) in [
        (ok(call("transfer", &json!({})))?, Some("mcp:tool:transfer")),
        (ok(call("two words", &json!({})))?, None),
        (ok(call("say\"", &json!({})))?, None),
        (ok(call("é", &json!({})))?, None),
        (ok(call("all*", &json!({})))?, None),
        (ok(message("resources/read", &json!({"uri": "x://u"})))?, Some("mcp:resources/read")),
        (ok(message("resources/read", &json!({"uri": "x://a@u"})))?, None),
        (ok(message("tools/list", &json!({})))?, Some("mcp:tools/list")),
        (ok(request("GET", "/api/a"))?, Some("http:GET:/api/a")),
        (ok(request("GET", "/api/*"))?, None),
    ] {
        assert_eq!(scope_for(&action).as_deref(), expected);
        if let Some(scope) = expected {
            assert_eq!(covers(&ok(scoped(scope))?, &action), Covers::Covered);
        }
    }
    Ok(())
}

proptest! {
    #[test]
    fn any_claims_are_survived(text in r#"[\[\]{}":,a-z/*0-9 ]{0,64}"#, scope in ".{0,32}") {
        let mapping = TaskMapping::new(None, None, Some("/grants"), None, Some(true)).unwrap_or_default();
        let grants: Value = serde_json::from_str(&text).unwrap_or_else(|_| json!([text]));
        let _ = task(&mapping, &json!({"grants": grants, "scope": scope}));
    }

    #[test]
    fn a_bound_is_a_bound(most in -1000_i64..1000, amount in -1000_i64..1000) {
        let grants = json!([{"action": "mcp:tools/call", "resource": "payments", "arguments": {"/amount": {"max": most}}}]);
        let covered = granted(&grants).ok().zip(call("x", &json!({"amount": amount})).ok()).map(|(task, action)| covers(&task, &action));
        let expected = if amount <= most { Covers::Covered } else { Covers::BeyondArguments };
        prop_assert_eq!(covered, Some(expected));
    }
}
