//! Real clients find the events of a stream in different ways. Whatever the stream, none of them finds a response that was not
//! asked for.

use std::sync::LazyLock;

use super::*;
use crate::spoil::{INPUTS, Spoilt, fuzz};

/// How a client reads.
struct Reader {
    name: &'static str,
    /// Whether a line ends here.
    ends: fn(char) -> bool,
    /// The messages that an event's lines of data are.
    messages: fn(&[&str]) -> Vec<String>,
}

const READERS: [Reader; 4] = [
    Reader { name: "the format", ends: is_end, messages: |data| vec![data.join("\n")] },
    Reader { name: "Python's splitlines", ends: is_end_in_python, messages: |data| vec![data.join("\n")] },
    Reader { name: "the last line of data", ends: is_end, messages: |data| each(data.last()) },
    Reader { name: "every line by itself", ends: is_end_in_python, messages: |data| each(data) },
];

fn each<'a>(lines: impl IntoIterator<Item = &'a &'a str>) -> Vec<String> {
    lines.into_iter().map(|line| (*line).to_owned()).collect()
}

fn is_end(end: char) -> bool {
    matches!(end, '\r' | '\n')
}

fn is_end_in_python(end: char) -> bool {
    matches!(end, '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{1c}'..='\u{1e}' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

static SEEDS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let seeds = [
        format!("data: {NOTE}\n\nevent: message\nid: 7\ndata: {OWN}\n\n"),
        format!("\u{feff}: hello\r\n\r\nretry: 10\r\ndata: {OWN}\r\n\r\n"),
        format!("id: 1\u{85}data: {OTHER}\u{85}\u{85}\n\n"),
        format!(": \u{2028}\u{2028}data: {OTHER}\u{2028}\u{2028}\n\n"),
        format!("data: {{\"method\":\"m\",\"params\":[\ndata: {OTHER}\ndata: ]}}\n\n"),
        "data: {\"method\":\"m\",\"params\":\"\u{2028}\u{2028}data: {}\u{2028}\u{2028}\"}\n\n".to_owned(),
        format!("data: {{\"method\":\"m\",\ndata: \"params\":{OTHER}}}"),
    ];
    seeds.map(String::into_bytes).to_vec()
});

const NOTE: &str = r#"{"method":"notifications/message","params":{"data":"d"}}"#;
const OWN: &str = r#"{"jsonrpc":"2.0","id":1,"result":{"own":true}}"#;
const OTHER: &str = r#"{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"hidden"}]}}"#;

const PIECES: [&str; 24] = [
    "\n",
    "\r",
    "\r\n",
    "\n\n",
    "\u{b}",
    "\u{c}",
    "\u{1e}",
    "\u{85}",
    "\u{2028}",
    "\u{2029}\u{2029}",
    "\ndata: ",
    "\ndata:",
    "\nid: ",
    "\nevent: x",
    ": ",
    "\u{feff}",
    "\0",
    OTHER,
    OWN,
    "\"id\":2,",
    "\"result\":{},",
    "\"Result\":{},",
    "]}",
    "\\u2028",
];

/// The messages that a reader finds in `stream`: whole events, and what is left at its end.
fn found(stream: &str, reader: &Reader) -> Vec<String> {
    let (mut found, mut data) = (Vec::new(), Vec::new());
    let mut lines: Vec<&str> = stream.strip_prefix('\u{feff}').unwrap_or(stream).split(reader.ends).collect();
    lines.push("");
    for line in lines {
        if line.is_empty() {
            found.extend((reader.messages)(&data));
            data.clear();
        }
        data.extend(line.strip_prefix("data:").map(|value| value.strip_prefix(' ').unwrap_or(value)));
    }
    found
}

/// The id of the response that `message` is, if it is one.
fn answered(message: &str) -> Option<Value> {
    let message: Value = serde_json::from_str(message).ok()?;
    message.get("result").map(|_| message.get("id").cloned().unwrap_or_default())
}

#[test]
fn no_reader_finds_what_was_not_asked_for() {
    fuzz!("response-readers", (Spoilt, u8), INPUTS, |(spoilt, length)| {
        let stream = spoilt.of(&SEEDS, &PIECES);
        let pieces: Vec<&[u8]> = stream.chunks(usize::from(*length).max(1)).collect();
        let judge = Judge::new(Awaited::Response(json!(1)), false);
        let (out, _) = passed(Content::event_stream(judge, &[]), &pieces);
        let out = String::from_utf8_lossy(&out);
        for reader in READERS {
            let answered: Vec<Value> = found(&out, &reader).iter().filter_map(|text| answered(text)).collect();
            assert!(
                answered.len() <= 1 && answered.iter().all(|id| *id == 1),
                "{}: {answered:?} in {out}",
                reader.name
            );
        }
    });
}

/// There are seeds by which one of the readers is deceived, and another is not.
#[test]
fn the_readers_differ() {
    let deceived = |stream: &Vec<u8>| {
        let stream = String::from_utf8_lossy(stream);
        let finds = |reader| found(&stream, reader).iter().filter_map(|text| answered(text)).any(|id| id != 1);
        READERS.iter().any(finds)
    };
    assert!(SEEDS.iter().filter(|seed| deceived(seed)).count() >= 3);
}
