//! Fuzz target: event streams with lists in them, spoilt.
//!
//! Nothing may panic, the pieces in which a stream comes change nothing, and a client never finds an event that is not one of
//! the stream, with what is hidden left out.

use std::sync::LazyLock;

use super::*;
use crate::spoil::{INPUTS, Spoilt, fuzz};

static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let list =
        r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"},{"name":"x"},{"name":"b"}],"cacheScope":"public"}}"#;
    let notification = r#"{"jsonrpc":"2.0","method":"notifications/message","params":{"data":"tools"}}"#;
    let pretty = list.replace(',', ",\ndata: ");
    let seeds = [
        format!("data: {list}\n\n"),
        format!("event: message\nid: 7\ndata:{list}\n\n"),
        format!(": hello\r\n\r\nretry: 10\r\ndata: {notification}\r\n\r\ndata: {list}\r\n\r\n"),
        format!("data: {pretty}\n\ndata: {notification}\n\n"),
        format!("id\rdata: {list}\r\rdata: {list}\r\r"),
        format!("data\n\ndata:\n\nid: 1\ndata: {list}\n\ndata: {{\"res"),
    ];
    seeds.map(String::into_bytes).to_vec()
});

const OF_STREAMS: [&str; 30] = [
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\ndata: ",
    "\ndata:",
    "\nData: ",
    "\ndata",
    "\nid: 2\n",
    "\nevent: endpoint\n",
    "\n: \n",
    "\nunknown: {}\n",
    "\ndata: {\"result\":{\"tools\":[{\"name\":\"x\"}]}}\n\n",
    "\u{feff}",
    "\0",
    " ",
    ":",
    "{\"name\":\"x\"},",
    "{\"name\":\"xx\"}",
    "\"name\":\"x\",",
    "\"Tools\":[{\"name\":\"x\"}],",
    "\"t\\u006fols\":[{\"name\":\"x\"}],",
    "\"result\":{},",
    "],\"prompts\":[",
    "\\",
    "\"",
    "[",
    "]",
    "{",
    "}",
];

/// The data of every event that a client dispatches (WHATWG HTML §9.2.6), with the event's name.
fn dispatched(stream: &[u8]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (mut events, mut name, mut data) = (Vec::new(), Vec::new(), Vec::new());
    let mut rest = stream.strip_prefix("\u{feff}".as_bytes()).unwrap_or(stream);
    // What no line end follows is no line yet.
    while let Some(end) = rest.iter().position(|byte| matches!(byte, b'\r' | b'\n')) {
        let (line, after) = rest.split_at(end);
        rest = after.strip_prefix(b"\r\n").or_else(|| after.get(1..)).unwrap_or_default();
        if line.is_empty() {
            if !data.is_empty() {
                data.pop();
                events.push((std::mem::take(&mut name), std::mem::take(&mut data)));
            }
            name.clear();
            continue;
        }
        let colon = line.iter().position(|byte| *byte == b':').unwrap_or(line.len());
        let (field, value) = line.split_at(colon);
        let value = value.get(1..).unwrap_or_default();
        let value = value.strip_prefix(b" ").unwrap_or(value);
        match field {
            b"event" => name = value.to_vec(),
            b"data" => data.extend(value.iter().chain(b"\n")),
            _ => {}
        }
    }
    events
}

/// The data as JSON, with what is hidden left out; none where there is none.
fn read(data: &[u8]) -> Option<Value> {
    serde_json::from_slice(data).ok().map(filtered)
}

/// Whether it is written again as it came.
fn is_plain(name: &[u8]) -> bool {
    std::str::from_utf8(name).is_ok_and(|name| !name.chars().any(char::is_control))
}

#[test]
fn event_streams() {
    fuzz!("response-event-streams", (Spoilt, u8), INPUTS, |(spoilt, length)| {
        let stream = spoilt.of(&SEEDS, &OF_STREAMS);
        let (out, ended) = passed(stream_of_lists(), &[&stream]);
        let pieces: Vec<&[u8]> = stream.chunks(usize::from(*length).max(1)).collect();
        let (in_pieces, ended_in_pieces) = passed(stream_of_lists(), &pieces);
        assert_eq!(ended, ended_in_pieces, "pieces of {length}");
        assert!(ended.is_err() || out == in_pieces, "pieces of {length}");
        let (sent, got) = (dispatched(&stream), dispatched(&out));
        let text = String::from_utf8_lossy(&stream);
        assert!(got.len() <= sent.len() && (ended.is_err() || got.len() == sent.len()), "{text}");
        for (index, (name, data)) in got.iter().enumerate() {
            // White space is no message. Half a pair of surrogates is text to us and none to serde_json; it is in nothing
            // that is read here.
            if data.trim_ascii().is_empty() || data.windows(2).any(|pair| pair == b"\\u") {
                continue;
            }
            let shown = serde_json::from_slice::<Value>(data).ok();
            assert!(shown.is_some() && shown == read(data), "something hidden: {}", String::from_utf8_lossy(data));
            let own = |(sent_name, sent): &(Vec<u8>, Vec<u8>)| {
                (sent_name == name || !is_plain(sent_name)) && read(sent) == shown
            };
            assert!(sent.get(index).is_some_and(own), "not an event of {text}");
        }
    });
}

#[test]
fn every_stream_is_passed() {
    for stream in SEEDS.iter() {
        let (out, ended) = passed(stream_of_lists(), &[stream]);
        assert!(ended.is_ok() && !dispatched(&out).is_empty(), "{}", String::from_utf8_lossy(stream));
    }
}
