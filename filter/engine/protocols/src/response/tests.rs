//! What is shown is what a whole reader would show, whatever the pieces; what cannot be read one way only is refused.

mod asked;
mod fuzz;
mod heads;
mod readers;
mod versions;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::awaited::Judge;
use super::*;

/// Sees elements whose name does not begin with `x`.
struct Picky;

impl Audience for Picky {
    fn sees(&mut self, listing: Listing, element: &Element) -> Result<bool, Unreadable> {
        let _ = listing;
        Ok(element.name.as_ref().is_some_and(|name| !name.starts_with('x')))
    }
}

/// Of an answer with any list, to whatever was asked before.
fn rest() -> Judge {
    Judge::new(Awaited::Rest, false)
}

fn json_of_lists() -> Content {
    Content::json(rest(), &Listing::ALL)
}

fn stream_of_lists() -> Content {
    Content::event_stream(rest(), &Listing::ALL)
}

/// What passes of a body in these pieces.
fn passed(mut content: Content, chunks: &[&[u8]]) -> (Vec<u8>, Result<(), Refused>) {
    let mut out = Vec::new();
    for chunk in chunks {
        match content.push(chunk, false, &mut Picky) {
            Ok(instead) => out.extend(instead.unwrap_or_else(|| chunk.to_vec())),
            Err(refused) => return (out, Err(refused)),
        }
    }
    let ended = content.push(b"", true, &mut Picky).map(drop);
    (out, ended)
}

fn text_of((out, ended): (Vec<u8>, Result<(), Refused>)) -> Result<String, Refused> {
    ended.and_then(|()| String::from_utf8(out).map_err(|_| Refused::Unreadable))
}

fn message(chunks: &[&[u8]]) -> Result<String, Refused> {
    text_of(passed(json_of_lists(), chunks))
}

fn events(chunks: &[&[u8]]) -> Result<String, Refused> {
    text_of(passed(stream_of_lists(), chunks))
}

fn whole(text: &str) -> Result<String, Refused> {
    message(&[text.as_bytes()])
}

#[test]
fn elements_are_left_out_and_nothing_else_changes() {
    for (text, expected) in [
        (
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}, {"name":"x"}, {"name":"b"}],"nextCursor":"c"}}"#,
            r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}, {"name":"b"}],"nextCursor":"c"}}"#,
        ),
        (r#"{"result":{"tools":[ {"name":"x"} , {"name":"b"} ]}}"#, r#"{"result":{"tools":[  {"name":"b"} ]}}"#),
        (r#"{"result":{"tools":[{"name":"x"},{"name":"x1"}]},"id":1}"#, r#"{"result":{"tools":[]},"id":1}"#),
        (r#"{"result":{"tools":[{"title":"nameless"}]}}"#, r#"{"result":{"tools":[]}}"#),
        (
            r#"{"result":{"prompts":[{"name":"x"}],"resources":[{"uri":"x:1","name":"a"},{"uri":"a:1","name":"x"}]}}"#,
            r#"{"result":{"prompts":[],"resources":[{"uri":"a:1","name":"x"}]}}"#,
        ),
        (
            r#"{"result":{"resourceTemplates":[{"uriTemplate":"x{a}"},{"uriTemplate":"a{x}"}]}}"#,
            r#"{"result":{"resourceTemplates":[{"uriTemplate":"a{x}"}]}}"#,
        ),
        // The name is what it says after unescaping, and so is the member.
        (r#"{"res\u0075lt":{"t\u006fols":[{"n\u0061me":"\u0078"}]}}"#, r#"{"res\u0075lt":{"t\u006fols":[]}}"#),
        (
            r#"{"result":{"cacheScope":"public","ttlMs":5,"tools":[]}}"#,
            r#"{"result":{"cacheScope":"private","ttlMs":5,"tools":[]}}"#,
        ),
        (r#"{"result":{"tools":null}}"#, r#"{"result":{"tools":null}}"#),
        (
            r#"{"id":1,"error":{"code":-32601,"message":"tools","data":{"tools":[{"name":"x"}]}}}"#,
            r#"{"id":1,"error":{"code":-32601,"message":"tools","data":{"tools":[{"name":"x"}]}}}"#,
        ),
        // Neither of these is a list of what there is.
        (
            r#"{"result":{"capabilities":{"tools":{"listChanged":true}}},"tools":[{"name":"x"}]}"#,
            r#"{"result":{"capabilities":{"tools":{"listChanged":true}}},"tools":[{"name":"x"}]}"#,
        ),
        // A bound that readers round is no reason to lose a list.
        (
            r#"{"result":{"tools":[{"name":"a","inputSchema":{"maximum":18446744073709551615}}]}}"#,
            r#"{"result":{"tools":[{"name":"a","inputSchema":{"maximum":18446744073709551615}}]}}"#,
        ),
    ] {
        assert_eq!(whole(text).as_deref(), Ok(expected), "{text}");
    }
}

#[test]
fn what_can_be_read_in_two_ways_is_refused() {
    let deep = format!(r#"{{"a":{}{}}}"#, "[".repeat(1024), "]".repeat(1024));
    let large = format!(r#"{{"result":{{"tools":[{{"name":"a","d":"{}"}}]}}}}"#, "d".repeat(ELEMENT_BYTES));
    let wide = format!(r#"{{"result":{{"tools":[{}]}}}}"#, " ".repeat(5000));
    for text in [
        r#"{"result":{"tools":[]},"result":{"tools":[{"name":"x"}]}}"#,
        r#"{"result":{"tools":[],"tools":[{"name":"x"}]}}"#,
        r#"{"result":{"tools":[],"t\u006fols":[{"name":"x"}]}}"#,
        r#"{"result":{"Tools":[{"name":"x"}]}}"#,
        r#"{"Result":{"tools":[{"name":"x"}]}}"#,
        "{\"result\":{\"tool\u{17f}\":[{\"name\":\"x\"}]}}",
        r#"{"result":{"nextCursor":"a","nextCursor":"b"}}"#,
        r#"{"result":{"tools":[{"name":"a","name":"x"}]}}"#,
        r#"{"result":{"tools":[{"name":"a","Name":"x"}]}}"#,
        r#"{"result":{"tools":[{"name":5}]}}"#,
        r#"{"result":{"tools":["x"]}}"#,
        r#"{"result":{"tools":[["x"]]}}"#,
        r#"{"result":{"tools":{"x":{"name":"x"}}}}"#,
        r#"{"result":{"tools":"x"}}"#,
        r#"{"result":[{"tools":[{"name":"x"}]}]}"#,
        r#"{"result":{"cacheScope":["public"]}}"#,
        r#"[{"result":{"tools":[{"name":"x"}]}}]"#,
        r#""x""#,
        "7",
        r#"{"a":1}{"result":{"tools":[{"name":"x"}]}}"#,
        r#"{"a":1} x"#,
        r#"{"a":1"#,
        r#"{"a" 1}"#,
        r#"{"a":1,}"#,
        r#"{"a":[1,]}"#,
        r#"{"a":01}"#,
        r#"{"a":tru}"#,
        r#"{"a":NaN}"#,
        r#"{"a":1]}"#,
        "{a:1}",
        "{'a':1}",
        r#"{/* */"a":1}"#,
        r#"{"a":"\x"}"#,
        r#"{"a":"\u12"}"#,
        "{\"a\":\"\n\"}",
        "\u{feff}{}",
        &deep,
        &large,
        &wide,
    ] {
        let shown: String = text.chars().take(80).collect();
        assert_eq!(whole(text), Err(Refused::Unreadable), "{shown}");
    }
    for bytes in [&b"{\"a\":\"\xff\"}"[..], b"{\"a\":\"\xc3\"}", b"{\"a\":\"\xed\xa0\x80\"}", b"{\"a\":1}\xc3"] {
        assert_eq!(message(&[bytes]), Err(Refused::Unreadable), "{bytes:?}");
    }
}

#[test]
fn events_are_rewritten_and_the_rest_of_the_stream_passes() {
    let list = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"x"},{"name":"a"}]}}"#;
    let shown = r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{"name":"a"}]}}"#;
    for (text, expected) in [
        (format!("event: message\ndata: {list}\n\n"), format!("event: message\ndata: {shown}\n\n")),
        (format!("data:{list}\r\n\r\n"), format!("data: {shown}\n\n")),
        (format!("data: {list}\rid: 7\r\r"), format!("data: {shown}\nid: 7\n\n")),
        // Whatever the event is called.
        (format!("event: other\ndata: {list}\n\n"), format!("event: other\ndata: {shown}\n\n")),
        (": ping\n\nid: 1\ndata\n\nretry: 5\n\n".to_owned(), ": ping\n\nid: 1\ndata:\n\nretry: 5\n\n".to_owned()),
        ("data: \n\n".to_owned(), "data:\n\n".to_owned()),
        // One message in several lines: not every reader joins them.
        (
            "data: {\"result\":\ndata: {\"tools\":[\ndata: {\"name\":\"x\"},\ndata: {\"name\":\"a\"}]}}\n\n".to_owned(),
            "data: {\"result\": {\"tools\":[ {\"name\":\"a\"}]}}\n\n".to_owned(),
        ),
        // No field of the format: nobody may read it.
        (format!("Data: {list}\ndata : {list}\nmessage: x\nnext\n\n"), "\n".to_owned()),
        (format!("\u{feff}\u{feff}data: {list}\n\n"), "\n".to_owned()),
        // A mark of the byte order is dropped (§9.2.5).
        (format!("\u{feff}data: {list}\n\n"), format!("data: {shown}\n\n")),
        // Two events; the second is cut off, and so is not one.
        (format!("data: {list}\n\ndata: {{\"result\""), format!("data: {shown}\n\ndata: {{\"result\"")),
    ] {
        assert_eq!(events(&[text.as_bytes()]).as_deref(), Ok(expected.as_str()), "{text}");
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        assert_eq!(events(&bytes).as_deref(), Ok(expected.as_str()), "{text}, byte by byte");
    }
    for refused in [
        "data: hello\n\n",
        "data: {\"result\":\n\n",
        "data: [{}]\n\n",
        "data: {}{}\n\n",
        "data: {\ndata: \"a\nid: 1\n\n",
    ] {
        assert_eq!(events(&[refused.as_bytes()]), Err(Refused::Unreadable), "{refused}");
    }
}

/// 10,000 tools of about 700 bytes in one message: what is held is one of them.
#[test]
fn ten_thousand_tools_pass_in_one_go_with_one_of_them_held() {
    const BOUND: usize = 16 * 1024;
    const CHUNK: usize = 16 * 1024;
    let schema =
        json!({ "type": "object", "properties": { "a": { "type": "string", "description": "d".repeat(500) } } });
    let tool = |number: usize| {
        let prefix = if number.is_multiple_of(3) { "x" } else { "t" };
        json!({ "name": format!("{prefix}{number}"), "description": "what it does", "inputSchema": schema })
    };
    let tools: Vec<Value> = (0..10_000).map(tool).collect();
    let text = json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } }).to_string();
    assert!(text.len() > 6_000_000);
    let event = format!("data: {text}\n\n");

    let (mut message, mut stream) = (json_of_lists(), stream_of_lists());
    let (mut of_message, mut of_stream) = (Vec::new(), Vec::new());
    for (chunk, same) in text.as_bytes().chunks(CHUNK).zip(event.as_bytes().chunks(CHUNK)) {
        of_message.extend(message.push(chunk, false, &mut Picky).ok().flatten().unwrap_or_default());
        of_stream.extend(stream.push(same, false, &mut Picky).ok().flatten().unwrap_or_default());
        assert!(message.held() <= BOUND, "{} bytes are held", message.held());
        assert!(stream.held() <= BOUND, "{} bytes are held", stream.held());
    }
    let shown: Value = serde_json::from_slice(&of_message).unwrap_or_default();
    let names = shown.pointer("/result/tools").and_then(Value::as_array).map(Vec::len);
    assert_eq!(names, Some(6_666));
    assert_eq!(of_stream.strip_prefix(b"data: ").and_then(|rest| rest.get(..of_message.len())), Some(&*of_message));
}

/// What a reader that has all of it shows.
fn filtered(mut value: Value) -> Value {
    for listing in Listing::ALL {
        let list = value.pointer_mut(&format!("/result/{}", listing.member()));
        if let Some(Value::Array(elements)) = list {
            let name = |element: &Value| element.get(listing.named_by()).and_then(Value::as_str).map(str::to_owned);
            elements.retain(|element| name(element).is_some_and(|name| !name.starts_with('x')));
        }
    }
    if let Some(scope) = value.pointer_mut("/result/cacheScope") {
        *scope = json!("private");
    }
    value
}

fn anything() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        any::<f32>().prop_map(|number| json!(f64::from(number))),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z\\\\\"é]{0,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

fn element() -> impl Strategy<Value = Value> {
    ("[xab][\\PC\"\\\\]{0,8}", "[xab]:[a-z{}]{0,8}", anything())
        .prop_map(|(name, uri, more)| json!({ "description": more, "name": name, "uri": uri, "uriTemplate": uri, "taskId": name }))
}

fn response() -> impl Strategy<Value = Value> {
    let list = prop::collection::vec(element(), 0..6);
    (list, prop::sample::select(&Listing::ALL), anything(), any::<bool>()).prop_map(|(list, listing, more, scope)| {
        let mut result = Map::new();
        result.insert("_meta".to_owned(), more.clone());
        result.insert(listing.member().to_owned(), Value::from(list));
        if scope {
            result.insert("cacheScope".to_owned(), json!("public"));
        }
        json!({ "jsonrpc": "2.0", "id": 1, "result": result, "more": more })
    })
}

fn cut(text: &[u8], at: &[prop::sample::Index]) -> Vec<Vec<u8>> {
    let mut places: Vec<usize> = at.iter().map(|at| at.index(text.len() + 1)).collect();
    places.sort_unstable();
    places.push(text.len());
    let mut start = 0;
    places
        .into_iter()
        .map(|end| {
            let piece = text.get(start..end).unwrap_or_default().to_vec();
            start = end;
            piece
        })
        .collect()
}

proptest! {
    #[test]
    fn any_pieces_give_what_a_whole_reader_shows(
        response in response(), pretty in any::<bool>(), at in prop::collection::vec(any::<prop::sample::Index>(), 0..8)
    ) {
        let text = if pretty { serde_json::to_string_pretty(&response)? } else { response.to_string() };
        let pieces = cut(text.as_bytes(), &at);
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let got = message(&pieces).map_err(|_| TestCaseError::fail("unreadable"))?;
        prop_assert_eq!(serde_json::from_str::<Value>(&got)?, filtered(response.clone()));
        prop_assert_eq!(&got, &whole(&text).unwrap_or_default());

        let lines: String = text.lines().flat_map(|line| ["data: ", line, "\n"]).collect();
        let stream = format!("id: 1\n{lines}\n");
        let pieces = cut(stream.as_bytes(), &at);
        let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
        let got = events(&pieces).map_err(|_| TestCaseError::fail("unreadable event"))?;
        let data: String = got.lines().filter_map(|line| line.strip_prefix("data: ")).collect::<Vec<_>>().join("\n");
        prop_assert_eq!(serde_json::from_str::<Value>(&data)?, filtered(response));
    }

    /// Whatever passes is JSON to a reader of all of it, and has no more in it than was shown.
    #[test]
    fn spoilt_responses_show_nothing_hidden(
        response in response(), spoils in prop::collection::vec((any::<prop::sample::Index>(), 0_usize..PIECES.len(), any::<bool>()), 1..4)
    ) {
        let mut text = response.to_string().into_bytes();
        for (at, piece, replace) in spoils {
            let at = at.index(text.len() + 1);
            let piece = PIECES.get(piece).copied().unwrap_or_default().as_bytes();
            let end = if replace { (at + piece.len()).min(text.len()) } else { at };
            text.splice(at..end, piece.iter().copied());
        }
        if let Ok(got) = message(&[&text]) {
            let read = serde_json::from_str::<Value>(&got);
            // Escapes without a partner are text to us and none to serde_json, and so are numbers beyond its own; they are in
            // nothing that is read here.
            let beyond = read.as_ref().is_err_and(|error| error.to_string().starts_with("number out of range"));
            if !got.contains("\\u") && !beyond {
                let read = read.map_err(|error| TestCaseError::fail(format!("{error}: {got}")))?;
                prop_assert_eq!(&filtered(read.clone()), &read);
            }
        }
    }
}

/// Pieces that mean something.
const PIECES: [&str; 24] = [
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    "\"",
    "\\",
    " ",
    "\n",
    "0",
    "-",
    "1e400",
    "null",
    "\"result\":{",
    "\"tools\":[",
    "{\"name\":\"x\"}",
    ",{\"name\":\"x\"}",
    "\"name\":\"x\",",
    "\"Tools\":[",
    "\\u0022",
    "/*",
    "\u{feff}",
    "é",
];
