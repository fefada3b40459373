//! Whatever this reader accepts, other readers read alike: `serde_json`, where the last of two members counts, one where the
//! first does, and one that takes members for the same whatever their case.

use proptest::prelude::*;

use super::*;
use crate::action::test_support::readers::{is_beyond_doubles, is_digest_of, readings};

/// What a reader of `document` does: method, what it is about, arguments, inputs, id, version.
fn done(document: &Value) -> Value {
    let params = &document["params"];
    let version = &params["_meta"]["io.modelcontextprotocol/protocolVersion"];
    json!([
        document["method"],
        params["name"],
        params["uri"],
        params["taskId"],
        params["ref"],
        params["notifications"],
        params["arguments"],
        params["delivery"],
        params["inputResponses"],
        params["requestState"],
        document["id"],
        version,
    ])
}

/// Panics unless every reader does what `action` says, which was read from `body`.
pub(super) fn assert_alike(action: &Action, body: &[u8]) {
    if is_beyond_doubles(body) {
        return;
    }
    let Some([last, first, folded]) = readings(body) else { panic!("accepted, and no JSON") };
    assert_eq!(done(&last), done(&first));
    assert_eq!(done(&last), done(&folded));
    if action.name() == "mcp:response" {
        return assert!(last.get("method").is_none());
    }
    assert_eq!(Some(action.name()), last["method"].as_str().map(|method| format!("mcp:{method}")));
    assert_eq!(action.rpc_id(), last.get("id"));
    let params = &last["params"];
    match &action.operation {
        Operation::ToolCall(call) => {
            assert_eq!(Some(call.tool.as_str()), params["name"].as_str());
            let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
            assert!(is_digest_of(&SentDigest::of_members(&call.arguments), &arguments));
        }
        Operation::Event(call) => {
            assert_eq!(Some(call.event.as_str()), params["name"].as_str());
            let url = call.delivery.as_ref().map(|delivery| delivery.url.as_str());
            assert_eq!(url, params["delivery"]["url"].as_str());
            let arguments = params.get("arguments").cloned().unwrap_or_else(|| json!({}));
            assert!(is_digest_of(&SentDigest::of_members(&call.arguments), &arguments));
        }
        Operation::Mcp(operation) => {
            assert_eq!(operation.digest.is_some(), last.get("params").is_some());
            assert!(
                operation.digest.zip(last.get("params")).is_none_or(|(digest, params)| is_digest_of(&digest, params))
            );
            let named = operation.target.iter().chain(&operation.several);
            for name in named {
                let filter = &params["notifications"];
                let mut places = vec![
                    &params["name"],
                    &params["uri"],
                    &params["taskId"],
                    &params["ref"]["name"],
                    &params["ref"]["uri"],
                ];
                places.extend(
                    ["resourceSubscriptions", "taskIds"].iter().filter_map(|key| filter[*key].as_array()).flatten(),
                );
                assert!(places.iter().any(|place| place.as_str() == Some(name)), "{name}");
            }
        }
        Operation::Http { .. } | Operation::Endpoint(_) | Operation::A2a(_) | Operation::Grpc(_) => {
            panic!("an MCP message is nothing else")
        }
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1000_i32..1000).prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-zA-Zé\u{301}\"\\\\/]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::hash_map("[a-cA-C]{1,2}", inner, 0..4).prop_map(|map| map.into_iter().collect()),
        ]
    })
}

/// Members, of which the second text of each is the value as JSON; a key may come again, escaped or in another case.
fn any_object(
    members: Vec<(&'static str, BoxedStrategy<String>)>,
    again: BoxedStrategy<Option<usize>>,
) -> impl Strategy<Value = String> {
    let keys: Vec<&str> = members.iter().map(|(key, _)| *key).collect();
    let values: Vec<BoxedStrategy<Option<String>>> =
        members.into_iter().map(|(_, value)| prop::option::weighted(0.9, value).boxed()).collect();
    let spelling = prop_oneof![Just(0_u8), Just(1), Just(2)];
    (values, again, spelling, any_json()).prop_map(move |(values, again, spelling, other)| {
        let mut written: Vec<String> = keys
            .iter()
            .zip(&values)
            .filter_map(|(key, value)| value.as_ref().map(|value| format!("{}:{value}", json!(key))))
            .collect();
        if let Some(key) = again.and_then(|again| keys.get(again)) {
            let escaped = key.chars().map(|c| format!("\\u{:04x}", u32::from(c))).collect::<Vec<_>>().concat();
            let key = [(*key).to_owned(), escaped, key.to_uppercase()]
                .get(usize::from(spelling))
                .cloned()
                .unwrap_or_default();
            written.push(format!("\"{key}\":{other}"));
        }
        format!("{{{}}}", written.join(","))
    })
}

fn often(good: &'static [&'static str]) -> BoxedStrategy<String> {
    prop_oneof![6 => prop::sample::select(good).prop_map(str::to_owned), 1 => any_json().prop_map(|json| json.to_string())].boxed()
}

fn seldom(members: usize) -> BoxedStrategy<Option<usize>> {
    prop::option::weighted(0.15, 0..members).boxed()
}

fn any_meta() -> BoxedStrategy<String> {
    let version = often(&["\"2026-07-28\"", "\"2025-11-25\""]);
    let capabilities = often(&["{}", "{\"elicitation\":{}}"]);
    let members = vec![
        ("io.modelcontextprotocol/protocolVersion", version),
        ("io.modelcontextprotocol/clientCapabilities", capabilities),
    ];
    any_object(members, seldom(2)).boxed()
}

fn any_params(method: &str) -> BoxedStrategy<String> {
    let mut members = match method {
        "tools/call" => vec![
            ("name", often(&["\"tool\"", "\"to\\u006fl\""])),
            ("arguments", often(&["{}", "{\"amount\":5.0}", "{\"a\":[1,{\"b\":null}]}"])),
        ],
        "prompts/get" => vec![("name", often(&["\"prompt\""]))],
        "events/poll" | "events/stream" => {
            vec![("name", often(&["\"event\""])), ("arguments", often(&["{}", "{\"a\":[1]}"]))]
        }
        "events/subscribe" | "events/unsubscribe" => vec![
            ("name", often(&["\"event\""])),
            ("arguments", often(&["{}", "{\"a\":[1]}"])),
            (
                "delivery",
                often(&["{\"url\":\"https://hooks.test/a\"}", "{\"mode\":\"webhook\",\"url\":\"https://h\"}"]),
            ),
        ],
        "completion/complete" => vec![("ref", often(&["{\"type\":\"ref/prompt\",\"name\":\"p\"}"]))],
        "subscriptions/listen" => vec![("notifications", often(&["{\"taskIds\":[\"a\",\"b\"]}", "{}"]))],
        other if other.starts_with("resources/") => vec![("uri", often(&["\"x://a\""]))],
        _ => vec![("taskId", often(&["\"t\""]))],
    };
    if method == "tools/call" || method == "prompts/get" {
        members.push(("inputResponses", often(&["{}", "{\"k\":{\"action\":\"accept\"}}"])));
        members.push(("requestState", often(&["\"s\""])));
    }
    members.push(("_meta", any_meta()));
    let count = members.len();
    any_object(members, seldom(count)).boxed()
}

fn any_message() -> impl Strategy<Value = (&'static str, String)> {
    let methods: Vec<&'static str> = methods::TABLE.iter().map(|row| row.name).collect();
    // Half of them calls, where most can go wrong.
    let method = prop_oneof![Just("tools/call"), prop::sample::select(methods)];
    method.prop_flat_map(|method| {
        let name = prop_oneof![9 => Just(json!(method).to_string()), 1 => any_json().prop_map(|json| json.to_string())];
        let members = vec![
            ("jsonrpc", often(&["\"2.0\""])),
            ("id", often(&["1", "\"a\""])),
            ("method", name.boxed()),
            (
                "params",
                prop_oneof![9 => any_params(method), 1 => any_json().prop_map(|json| json.to_string()).boxed()].boxed(),
            ),
        ];
        any_object(members, seldom(4)).prop_map(move |body| (method, body))
    })
}

/// The header fields of `era` that go with a message of `method`.
pub(super) fn fields(era: Era, method: &str, body: &[u8]) -> Headers {
    let body = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let named = ["name", "uri", "taskId"].iter().find_map(|key| body["params"][*key].as_str());
    let mut pairs = vec![JSON, ("mcp-protocol-version", era.version())];
    if era.is_stateless() {
        pairs.push(("mcp-method", method));
        pairs.extend(named.map(|name| ("mcp-name", name)));
    }
    headers(&pairs)
}

proptest! {
    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..256), name in prop::collection::vec(any::<u8>(), 0..16)) {
        let headers: Headers =
            [("content-type", JSON.1.as_bytes().to_vec()), ("mcp-name", name)].map(|(n, v)| (n.to_owned(), v)).into_iter().collect();
        let _ = read(&resource(), &target("POST"), &headers, Some(&body));
    }

    #[test]
    fn what_is_accepted_reads_the_same_elsewhere((method, body) in any_message()) {
        for era in Era::ALL {
            let headers = fields(era, method, body.as_bytes());
            if let Ok(action) = read(&resource(), &target("POST"), &headers, Some(body.as_bytes())) {
                assert_alike(&action, body.as_bytes());
            }
        }
    }

    #[test]
    fn plain_calls_are_accepted(name in "[a-zA-Z][a-zA-Z0-9_.-]{0,63}", amount in -1_000_000_i64..1_000_000) {
        for era in Era::ALL {
            let sent = eras::message(era, "tools/call", json!({"name": name, "arguments": {"amount": amount}}));
            let action = eras::send(&sent);
            prop_assert_eq!(action.as_ref().ok().and_then(Action::object), Some(name.as_str()));
        }
    }
}

/// The generator above makes messages that are accepted, in every era, and others whose readers disagree.
#[test]
fn the_messages_are_worth_reading() {
    use proptest::strategy::ValueTree;
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let (mut accepted, mut ambiguous) = ([0; 3], 0);
    for _ in 0..3_000 {
        let Ok(tree) = any_message().new_tree(&mut runner) else { panic!("no message") };
        let (method, body) = tree.current();
        for (era, count) in Era::ALL.into_iter().zip(&mut accepted) {
            let headers = fields(era, method, body.as_bytes());
            *count += u32::from(read(&resource(), &target("POST"), &headers, Some(body.as_bytes())).is_ok());
        }
        let differ = readings(body.as_bytes())
            .is_some_and(|[last, first, folded]| done(&last) != done(&first) || done(&last) != done(&folded));
        ambiguous += u32::from(differ);
    }
    assert!(accepted.iter().all(|count| *count > 30) && ambiguous > 100, "{accepted:?} {ambiguous}");
}
