//! Whatever this reader accepts, a plain `serde_json` server reads alike.

use proptest::prelude::*;

use super::*;

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

fn any_message() -> impl Strategy<Value = String> {
    let method = prop_oneof![prop::sample::select(METHODS).prop_map(|(name, _)| name.to_owned()), "[a-z/]{0,8}",];
    let id = prop_oneof![3 => any::<u32>().prop_map(Value::from), 1 => any_json()];
    let parameters = (prop::option::of(any_json()), prop::option::of(any_json()), any_json(), any::<bool>());
    (method, prop::option::weighted(0.8, id), parameters).prop_map(|(method, id, (name, arguments, other, plain))| {
        let mut params = json!({"name": if plain { json!("tool") } else { other.clone() }, "uri": "u", "taskId": "t"});
        if method == "tools/call" {
            params = json!({"name": params["name"]});
        }
        if let (Some(arguments), Some(members)) = (arguments, params.as_object_mut()) {
            members.insert("arguments".to_owned(), arguments);
        }
        let mut message =
            json!({"jsonrpc": "2.0", "method": method, "params": if name.is_some() { other } else { params }});
        if let (Some(id), Some(members)) = (id, message.as_object_mut()) {
            members.insert("id".to_owned(), id);
        }
        message.to_string()
    })
}

proptest! {
    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..256), name in prop::collection::vec(any::<u8>(), 0..16)) {
        let headers: Headers =
            [("content-type", JSON.1.as_bytes().to_vec()), ("mcp-name", name)].map(|(n, v)| (n.to_owned(), v)).into_iter().collect();
        let _ = read(&resource(), &target("POST"), &headers, Some(&body));
    }

    #[test]
    fn what_is_accepted_reads_the_same_elsewhere(body in any_message()) {
        let plain: Value = serde_json::from_str(&body).unwrap_or_default();
        if let Ok(action) = post(&body) {
            prop_assert_eq!(Some(action.name()), plain["method"].as_str().map(|method| format!("mcp:{method}")));
            prop_assert_eq!(action.rpc_id(), plain.get("id"));
            if let Operation::ToolCall(call) = &action.operation {
                prop_assert_eq!(Some(call.tool.as_str()), plain["params"]["name"].as_str());
                let arguments = plain["params"].get("arguments").cloned().unwrap_or_else(|| json!({}));
                prop_assert_eq!(digest::of_json(&call.arguments), digest::of_json(&arguments));
                prop_assert_eq!(digest::of_json(&arguments), Ok(call.digest));
            }
        }
    }

    #[test]
    fn plain_calls_are_accepted(name in "[a-zA-Z][a-zA-Z0-9_.-]{0,63}", amount in -1_000_000_i64..1_000_000, id in any::<u32>()) {
        let body = json!({"jsonrpc": "2.0", "id": id, "method": "tools/call", "params": {"name": name, "arguments": {"amount": amount}}});
        let action = post(&body.to_string());
        prop_assert_eq!(action.as_ref().ok().and_then(Action::object), Some(name.as_str()));
    }
}
