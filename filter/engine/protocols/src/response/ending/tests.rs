//! Every shape in which an agent says that a task is over is seen, in any pieces; what is not one says nothing.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn headers(media: &str) -> Headers {
    Headers::new(vec![("content-type".to_owned(), media.as_bytes().to_vec())])
}

fn look(media: &str, pieces: &[&[u8]]) -> Option<TaskEnd> {
    let mut endings = Endings::of(&headers(media))?;
    pieces.iter().find_map(|piece| match endings.push(piece) {
        Sight::End(end) => Some(end),
        Sight::More | Sight::Nothing => None,
    })
}

fn json(text: &str) -> Option<(String, Terminal)> {
    look("application/json", &[text.as_bytes()]).map(|TaskEnd { task, how }| (task, how))
}

#[test]
fn every_shape_of_both_versions_and_bindings() {
    use Terminal::{Canceled, Completed, Failed, Rejected};
    for (text, expected) in [
        // 1.0, JSON-RPC: SendMessage, GetTask, an event.
        (
            r#"{"jsonrpc":"2.0","id":"1","result":{"task":{"id":"t","contextId":"c","status":{"state":"TASK_STATE_COMPLETED"}}}}"#,
            Completed,
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{"id":"t","status":{"timestamp":"x","state":"TASK_STATE_FAILED"}}}"#,
            Failed,
        ),
        (
            r#"{"id":1,"result":{"statusUpdate":{"status":{"state":"TASK_STATE_CANCELED","message":{"taskId":"x"}},"taskId":"t"}}}"#,
            Canceled,
        ),
        // REST.
        (
            r#"{"task":{"status":{"state":"TASK_STATE_REJECTED"},"artifacts":[{"id":"a","status":{"state":"failed"}}],"id":"t"}}"#,
            Rejected,
        ),
        (r#"{"id":"t","status":{"state":"TASK_STATE_COMPLETED"},"history":[{"taskId":"x"}]}"#, Completed),
        (r#"{"status_update":{"task_id":"t","status":{"state":"TASK_STATE_COMPLETED"}}}"#, Completed),
        // 0.3.
        (r#"{"jsonrpc":"2.0","id":1,"result":{"kind":"task","id":"t","status":{"state":"rejected"}}}"#, Rejected),
        (
            r#"{"id":1,"result":{"kind":"status-update","taskId":"t","final":true,"status":{"state":"completed"}}}"#,
            Completed,
        ),
        // Names and values are what they are after unescaping.
        (r#"{"r\u0065sult":{"id":"\u0074","st\u0061tus":{"state":"f\u0061iled"}}}"#, Failed),
    ] {
        assert_eq!(json(text), Some(("t".to_owned(), expected)), "{text}");
        assert_eq!(look("application/a2a+json", &[text.as_bytes()]).map(|end| end.how), Some(expected), "{text}");
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(look("application/json", &bytes).map(|end| end.how), Some(expected), "{text}, byte by byte");
        let event = format!("id: 1\r\nevent: x\ndata: {{\"result\":{{}}}}\n\ndata: hello\n\ndata: {text}\n\n");
        let bytes: Vec<&[u8]> = event.as_bytes().chunks(1).collect();
        for pieces in [&[event.as_bytes()][..], &bytes] {
            let end = TaskEnd { task: "t".to_owned(), how: expected };
            assert_eq!(look("text/event-stream", pieces), Some(end), "{text}");
        }
    }
}

#[test]
fn what_is_not_over_or_could_be_read_in_two_ways_says_nothing() {
    for text in [
        r#"{"result":{"task":{"id":"t","status":{"state":"TASK_STATE_WORKING"}}}}"#,
        r#"{"result":{"task":{"id":"t","status":{"state":"TASK_STATE_INPUT_REQUIRED"}}}}"#,
        r#"{"result":{"task":{"id":"t","status":{"state":"TASK_STATE_AUTH_REQUIRED"}}}}"#,
        r#"{"result":{"id":"t","status":{"state":"auth-required"}}}"#,
        r#"{"result":{"id":"t","status":{"state":"COMPLETED"}}}"#,
        r#"{"result":{"id":"t","status":"completed"}}"#,
        r#"{"result":{"id":"t","state":"completed"}}"#,
        r#"{"result":{"status":{"state":"completed"}}}"#,
        r#"{"result":{"id":"","status":{"state":"completed"}}}"#,
        r#"{"result":{"id":7,"status":{"state":"completed"}}}"#,
        r#"{"result":{"id":["t"],"status":{"state":["completed"]}}}"#,
        // The id of the JSON-RPC message is not that of a task.
        r#"{"id":"t","result":{"status":{"state":"completed"}}}"#,
        // A task somewhere in what was said, and lists of them.
        r#"{"result":{"message":{"id":"t","status":{"state":"completed"}}}}"#,
        r#"{"result":{"tasks":[{"id":"t","status":{"state":"completed"}}]}}"#,
        r#"[{"id":"t","status":{"state":"completed"}}]"#,
        r#"{"error":{"data":{"id":"t","status":{"state":"completed"}}}}"#,
        // Two ways.
        r#"{"result":{"id":"t","id":"u","status":{"state":"completed"}}}"#,
        r#"{"result":{"id":"t","status":{"state":"working","state":"completed"}}}"#,
        r#"{"result":{"id":"t","status":{"state":"completed"},"Status":{"state":"working"}}}"#,
        r#"{"result":{"id":"t","taskId":"u","status":{"state":"completed"}}}"#,
        r#"{"result":{"statusUpdate":{"taskId":"t","status":{"state":"completed"}},"status_update":{}}}"#,
        r#"{"result":{"id":"t","status":{"state":"completed"}}"#,
        r#"{"result":{"id":"t","status":{"state":"completed"}},}"#,
        "hello",
    ] {
        assert_eq!(json(text), None, "{text}");
        let event = format!("data: {text}\n\n");
        assert_eq!(look("text/event-stream", &[event.as_bytes()]), None, "{text}");
    }
    let long = json!({ "result": { "id": "t".repeat(MAX_TEXT), "status": { "state": "completed" } } }).to_string();
    assert_eq!(json(&long), None);
    let ended = r#"{"id":"t","status":{"state":"completed"}}"#;
    for media in ["text/plain", "application/json; charset=utf-16", ""] {
        assert_eq!(look(media, &[ended.as_bytes()]), None, "{media}");
    }
    let coded = Headers::new(vec![
        ("content-type".to_owned(), b"application/json".to_vec()),
        ("content-encoding".to_owned(), b"gzip".to_vec()),
    ]);
    assert!(Endings::of(&coded).is_none());
    // An event that is cut off is none.
    assert_eq!(look("text/event-stream", &[format!("data: {ended}\n").as_bytes()]), None);
}

#[test]
fn a_large_answer_holds_next_to_nothing() {
    let artifact = json!({ "parts": [{ "text": "é\\\"".repeat(2_000_000) }], "id": "x".repeat(100_000) });
    let answer =
        json!({ "result": { "task": { "artifacts": [artifact], "id": "t", "status": { "state": "completed" } } } });
    let (mut message, text) = (Message::new(), answer.to_string());
    for chunk in text.as_bytes().chunks(16 * 1024) {
        message.push(chunk);
        let text = message.text.as_ref().map_or(0, Vec::capacity);
        assert!(text + message.name.capacity() + message.places.capacity() + message.seen.capacity() < 8 * 1024);
    }
    assert_eq!(message.end().map(|end| end.task).as_deref(), Some("t"));
}

proptest! {
    #[test]
    fn any_pieces_show_the_same(at in prop::collection::vec(0_usize..300, 0..6), before in "\\PC{0,40}", ends in any::<bool>()) {
        let state = if ends { "TASK_STATE_FAILED" } else { "TASK_STATE_WORKING" };
        let task = json!({ "id": "t\"\\é", "metadata": { "status": before }, "status": { "state": state } });
        let text = json!({ "jsonrpc": "2.0", "id": before, "result": { "task": task } }).to_string();
        let mut at: Vec<usize> = at.into_iter().map(|at| at.min(text.len())).collect();
        at.sort_unstable();
        at.push(text.len());
        let mut start = 0;
        let pieces: Vec<&[u8]> = at.into_iter().map(|end| {
            let piece = text.as_bytes().get(start..end).unwrap_or_default();
            start = end;
            piece
        }).collect();
        let expected = ends.then(|| TaskEnd { task: "t\"\\é".to_owned(), how: Terminal::Failed });
        prop_assert_eq!(look("application/json", &pieces), expected);
    }
}
