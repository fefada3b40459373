//! The answer to `initialize`: it passes if it is of a version that is read, whatever the pieces it comes in.

use super::*;

const INSTEAD: &str = r#"{"error":"of ours"}"#;

fn opens() -> Judge {
    Judge::new(Awaited::Session(Opening { id: json!(1), instead: INSTEAD.to_owned() }), false)
}

/// What passes of `text` in pieces of this length.
fn in_pieces(text: &str, length: usize, content: Content) -> Result<String, Refused> {
    text_of(passed(content, &text.as_bytes().chunks(length).collect::<Vec<_>>()))
}

#[test]
fn what_opens_a_session_passes_if_its_version_is_read() {
    for (text, expected) in [
        (r#"{"id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{}}}"#, None),
        (r#"{"id":1,"result":{"protocolVersion":"2024-11-05"}} "#, None),
        (r#"{"id":1,"result":{"protocolVersion":"2025\u002d06-18"}}"#, None),
        (r#" {"result":{"serverInfo":{"protocolVersion":"x"},"protocolVersion":"2025-03-26"},"id":1}"#, None),
        (r#"{"id":1,"error":{"code":-32602,"message":"protocolVersion"}}"#, None),
        (r#"{"method":"ping","id":"s","params":{"result":{"protocolVersion":"x"}}}"#, None),
        (r#"{"id":1,"result":{"protocolVersion":"2025-11-26"}}"#, Some(INSTEAD)),
        (r#"{"result":{"a":{"b":[1]},"protocolVersion":"","z":"z"},"id":1}"#, Some(INSTEAD)),
        (r#"{"id":1,"result":{"protocolVersion":20251125}}"#, Some(INSTEAD)),
        (r#"{"id":1,"result":{"protocolVersion":["2025-11-25"]}}"#, Some(INSTEAD)),
        (r#"{"id":1,"result":{"protocolVersion":{"a":"2025-11-25"}}}"#, Some(INSTEAD)),
        (r#"{"id":1,"result":{"capabilities":{"protocolVersion":"2025-11-25"}}}"#, Some(INSTEAD)),
        (r#"{"id":1,"result":{}}"#, Some(INSTEAD)),
        (r#"{"id":1,"result":"2025-11-25"}"#, Some(INSTEAD)),
        (r#"{"id":1,"result":null,"protocolVersion":"2025-11-25"}"#, Some(INSTEAD)),
    ] {
        let expected = expected.unwrap_or(text);
        for length in 1..=text.len() {
            let passed = in_pieces(text, length, Content::json(opens(), &[]));
            assert_eq!(passed.as_deref(), Ok(expected), "{length} {text}");
            let event = format!("id: 1\ndata: {text}\n\n");
            let expected = format!("id: 1\ndata: {}\n\n", expected.trim_start());
            let passed = in_pieces(&event, length, Content::event_stream(opens(), &[]));
            assert_eq!(passed.map(|text| text.replace("data:  ", "data: ")), Ok(expected), "{length} {text}");
        }
    }
}

#[test]
fn what_could_open_another_session_is_refused() {
    for (text, expected) in [
        (r#"{"id":1,"result":{"protocolVersion":"2025-11-25","protocolVersion":"2025-11-25"}}"#, Refused::Unreadable),
        (r#"{"id":1,"result":{"PROTOCOLVERSION":"2025-11-25"}}"#, Refused::Unreadable),
        (r#"{"id":1,"result":[{"protocolVersion":"2025-11-25"}]}"#, Refused::Unreadable),
        (r#"{"id":2,"result":{"protocolVersion":"2025-11-25"}}"#, Refused::Unasked),
        (r#"{"id":2,"result":{"protocolVersion":"x"}}"#, Refused::Unasked),
        (r#"{"id":1,"result":{"protocolVersion":"2025-11-25"},"error":{}}"#, Refused::Unreadable),
    ] {
        assert_eq!(in_pieces(text, 7, Content::json(opens(), &[])), Err(expected), "{text}");
    }
    let large = format!(r#"{{"id":1,"result":{{"instructions":"{}"#, "i".repeat(ELEMENT_BYTES));
    assert_eq!(in_pieces(&large, 4096, Content::json(opens(), &[])), Err(Refused::Unreadable));
    let known =
        format!(r#"{{"id":1,"result":{{"protocolVersion":"2025-11-25","i":"{}"}}}}"#, "i".repeat(2 * ELEMENT_BYTES));
    assert_eq!(in_pieces(&known, 4096, Content::json(opens(), &[])).as_deref(), Ok(known.as_str()));
}

#[test]
fn a_stream_that_is_resumed_brings_no_session_of_another_version() {
    for (text, expected) in [
        (r#"{"id":9,"result":{"protocolVersion":"2025-11-25"}}"#, Ok(())),
        (r#"{"id":9,"result":{"content":[],"structuredContent":{"protocolVersion":"x"}}}"#, Ok(())),
        (r#"{"id":9,"result":{"protocolVersion":"x"}}"#, Err(Refused::Version)),
        (r#"{"id":9,"result":{"protocolVersion":1}}"#, Err(Refused::Version)),
    ] {
        let content = Content::event_stream(rest(), &[]);
        let passed = in_pieces(&format!("data: {text}\n\n"), 5, content).map(drop);
        assert_eq!(passed, expected, "{text}");
    }
    // Of who asked for something else, nobody reads it as that.
    let other = Judge::new(Awaited::Response(json!(1)), false);
    let text = r#"{"id":1,"result":{"protocolVersion":"x"}}"#;
    assert_eq!(in_pieces(text, 5, Content::json(other, &[])).as_deref(), Ok(text));
}

#[test]
fn a_stream_of_another_transport_is_known_by_its_event_whatever_the_pieces() {
    let leg = || Content::event_stream(Judge::new(Awaited::Stream, false), &[]);
    for (stream, expected) in [
        (&b"event: endpoint\ndata: /messages\n\n"[..], Refused::Transport),
        (b"id: 1\revent:endpoint\rdata: {}\r\r", Refused::Transport),
        (b"event: endpoint\n\x80", Refused::Transport),
        (b"\x80event: endpoint\n", Refused::Unreadable),
        (b"data: /messages\nevent: endpoint\n\n", Refused::Unreadable),
    ] {
        for length in 1..=stream.len() {
            let (_, ended) = passed(leg(), &stream.chunks(length).collect::<Vec<_>>());
            assert_eq!(ended, Err(expected), "{length} {}", String::from_utf8_lossy(stream));
        }
    }
    let named = b"event: endpoints\ndata: {\"method\":\"m\"}\n\n";
    assert_eq!(passed(leg(), &[named]).1, Ok(()));
}
