//! Good messages, spoilt: whatever is still accepted names the same task to a reader whose last member wins, and to one that
//! does not tell `task_id` from `taskId`.

use proptest::prelude::*;

use super::*;

const SEEDS: [&str; 5] = [
    r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"taskId":"7","contextId":"c","parts":[{"text":"hi"}]}}}"#,
    r#"{"jsonrpc":"2.0","id":"a","method":"message/send","params":{"message":{"taskId":"7"},"configuration":{"pushNotificationConfig":{"url":"https://a"}}}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"7","historyLength":1}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tasks/pushNotificationConfig/get","params":{"id":"7","pushNotificationConfigId":"c"}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"CreateTaskPushNotificationConfig","params":{"taskId":"7","url":"https://a"}}"#,
];

const PIECES: [&str; 16] = [
    r#""task_id":"8","#,
    r#""taskId":"8","#,
    r#""TaskId":"8","#,
    r#""\u0074askId":"8","#,
    r#""id":"8","#,
    r#""url":"https://b","#,
    r#""URL":"https://b","#,
    r#""pushNotificationConfig":{"url":"https://b"},"#,
    r#""method":"CancelTask","#,
    r#""message":{"taskId":"8"},"#,
    "{",
    "}",
    "[",
    "]",
    "\"",
    "\\ud800",
];

/// What readers call a member alike.
fn alike(name: &str) -> String {
    name.replace('_', "").to_lowercase()
}

/// Every value of the members that are alike `wanted`, in `value`.
fn all<'v>(value: &'v Value, wanted: &str) -> Vec<&'v Value> {
    let members = value.as_object().into_iter().flatten();
    members.filter(|(key, _)| alike(key) == wanted).map(|(_, value)| value).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn what_is_accepted_names_one_task(
        seed in 0..SEEDS.len(),
        spoils in prop::collection::vec((any::<u16>(), 0..PIECES.len(), 0_u8..4, any::<u8>()), 0..4),
    ) {
        let mut bytes = SEEDS.get(seed).copied().unwrap_or_default().as_bytes().to_vec();
        for (at, piece, kind, byte) in spoils {
            let at = usize::from(at) % (bytes.len() + 1);
            match kind {
                0 => drop(bytes.splice(at..at, PIECES.get(piece).copied().unwrap_or_default().bytes())),
                // Behind a bracket, where a member can be.
                1 => {
                    let place = bytes.iter().enumerate().skip(at).find(|(_, byte)| **byte == b'{').map(|(at, _)| at + 1);
                    let place = place.unwrap_or(at);
                    drop(bytes.splice(place..place, PIECES.get(piece).copied().unwrap_or_default().bytes()));
                }
                2 => drop(bytes.drain(at..(at + usize::from(byte % 8)).min(bytes.len()))),
                _ => if let Some(target) = bytes.get_mut(at) { *target = byte },
            }
        }
        let read = read(&mounted(), &at("POST", "/a2a"), &headers(&[]), Some(&bytes));
        let Ok(Action { operation: Operation::A2a(operation), .. }) = read else { return Ok(()) };
        let plain: Value = serde_json::from_slice(&bytes).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let params = plain.get("params").cloned().unwrap_or_default();
        if let Some(message) = all(&params, "message").first().filter(|_| operation.method.starts_with("Send")) {
            let named: Vec<_> = all(message, "taskid").into_iter().filter_map(Value::as_str).filter(|id| !id.is_empty()).collect();
            prop_assert!(named.len() <= 1, "{}", String::from_utf8_lossy(&bytes));
            prop_assert_eq!(operation.target.as_deref(), named.first().copied());
            prop_assert_eq!(all(&params, "message").len(), 1);
        }
        if let Some(url) = operation.arguments.get("url") {
            let text = String::from_utf8_lossy(&bytes).to_lowercase();
            prop_assert!(operation.method.starts_with("Send") || all(&params, "url").len() <= 1, "{} {}", url, text);
        }
    }

    #[test]
    fn any_path_is_survived(path in "(/?(v1|tasks|message:send|acme|7|%3[Aa]cancel|:cancel|pushNotificationConfigs|card)){0,6}") {
        for method in ["GET", "POST", "DELETE"] {
            let target = at(method, &format!("/a2a{path}"));
            let read = read(&mounted(), &target, &headers(&[]), (method == "POST").then_some(b""));
            if let Ok(action) = read {
                // What is accepted is below the agent and names its task in the path.
                let named = action.object().is_none_or(|task| path.contains(task));
                prop_assert!(named && action.name().starts_with("a2a:"));
            }
        }
    }
}
