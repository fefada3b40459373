//! Which messages pass in answer to what, whatever their form and their pieces.

use super::*;

/// What becomes of one message in answer to each kind of request: to the request `1`, on a stream that is resumed, on the
/// standalone stream, and to a notification.
type Fates = [Result<(), Refused>; 4];

const PASSES: Result<(), Refused> = Ok(());
const UNASKED: Result<(), Refused> = Err(Refused::Unasked);
const UNREADABLE: Result<(), Refused> = Err(Refused::Unreadable);

fn kinds(id: &Value) -> [Awaited; 4] {
    [Awaited::Response(id.clone()), Awaited::Rest, Awaited::Stream, Awaited::Nothing]
}

fn in_json(text: &str, awaited: Awaited, failed: bool) -> Result<(), Refused> {
    passed(Content::json(Judge::new(awaited, failed), &[]), &[text.as_bytes()]).1
}

fn in_events(text: &str, awaited: Awaited) -> Result<(), Refused> {
    let stream = Content::event_stream(Judge::new(awaited, false), &[]);
    // Not even an end that some clients take for one is needed.
    passed(stream, &[format!("event: message\ndata: {text}").as_bytes()]).1
}

#[test]
fn a_response_is_for_who_asked() {
    let rows: &[(&str, Fates)] = &[
        (r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}"#, [PASSES, PASSES, UNASKED, UNASKED]),
        (r#"{"result":{"tools":[]},"id":1,"jsonrpc":"2.0"}"#, [PASSES, PASSES, UNASKED, UNASKED]),
        (r#"{"id":2,"result":{}}"#, [UNASKED, PASSES, UNASKED, UNASKED]),
        (r#"{"id":"1","result":{}}"#, [UNASKED, PASSES, UNASKED, UNASKED]),
        (r#"{"id":1.0,"result":{}}"#, [UNASKED, PASSES, UNASKED, UNASKED]),
        (r#"{"id":1e0,"result":{}}"#, [UNASKED, PASSES, UNASKED, UNASKED]),
        (r#"{"id":[1],"result":{}}"#, [UNASKED, PASSES, UNASKED, UNASKED]),
        (r#"{"id":true,"result":{}}"#, [UNASKED, PASSES, UNASKED, UNASKED]),
        (r#"{"id":null,"result":{}}"#, [UNASKED, PASSES, UNASKED, UNASKED]),
        (r#"{"result":{}}"#, [UNASKED, PASSES, UNASKED, UNASKED]),
        (r#"{"id":1,"result":null}"#, [PASSES, PASSES, UNASKED, UNASKED]),
        (r#"{"id":1,"r\u0065sult":[]}"#, [PASSES, PASSES, UNASKED, UNASKED]),
        // Readers disagree about these.
        (r#"{"id":1,"result":{},"error":{}}"#, [UNREADABLE; 4]),
        (r#"{"id":1,"result":{},"error":null}"#, [UNREADABLE; 4]),
        (r#"{"id":1,"method":"ping","result":{}}"#, [UNREADABLE; 4]),
        (r#"{"id":1,"result":{},"id":2}"#, [UNREADABLE; 4]),
        (r#"{"id":1,"result":{},"Id":2}"#, [UNREADABLE; 4]),
        (r#"{"id":1,"Result":{}}"#, [UNREADABLE; 4]),
        (r#"{"id":1,"result":{},"result":{}}"#, [UNREADABLE; 4]),
        (r#"[{"id":1,"result":{}}]"#, [UNREADABLE; 4]),
        (r#"{"id":1,"result":{}} {"id":1,"result":{}}"#, [UNREADABLE, UNREADABLE, UNASKED, UNASKED]),
        // Errors.
        (r#"{"id":1,"error":{"code":1,"message":"m"}}"#, [PASSES; 4]),
        (r#"{"id":null,"error":{"code":1,"message":"m"}}"#, [PASSES; 4]),
        (r#"{"error":{"code":1,"message":"m"}}"#, [PASSES; 4]),
        (r#"{"id":2,"error":{"code":1,"message":"m"}}"#, [UNASKED, PASSES, PASSES, PASSES]),
        (r#"{"id":"server-error","error":{"code":1,"message":"m"}}"#, [UNASKED, PASSES, PASSES, PASSES]),
        // The server's own requests and notifications, whose ids are its own.
        (r#"{"id":1,"method":"sampling/createMessage","params":{"result":{}}}"#, [PASSES; 4]),
        (r#"{"id":"x","method":"roots/list"}"#, [PASSES; 4]),
        (r#"{"method":"notifications/message","params":{"data":{"id":1,"result":{"tools":[]}}}}"#, [PASSES; 4]),
        // No message of the protocol, and nothing that could be a response.
        (r#"{"upstream":true}"#, [PASSES; 4]),
        (r#"{"error":"invalid_token","error_description":"d"}"#, [PASSES; 4]),
        ("{}", [PASSES; 4]),
    ];
    for (text, fates) in rows {
        for (awaited, fate) in kinds(&json!(1)).into_iter().zip(fates) {
            assert_eq!(in_json(text, awaited.clone(), false), *fate, "{awaited:?}: {text}");
            assert_eq!(in_events(text, awaited.clone()), *fate, "{awaited:?}, in an event: {text}");
        }
    }
}

#[test]
fn ids_are_compared_by_type_and_value() {
    let long = "i".repeat(256);
    for (asked, sent, same) in [
        (json!("a"), r#""a""#.to_owned(), true),
        (json!("a"), r#""\u0061""#.to_owned(), true),
        (json!("a"), r#""A""#.to_owned(), false),
        (json!("\u{e9}"), "\"e\u{301}\"".to_owned(), false),
        (json!("1"), "1".to_owned(), false),
        (json!(""), r#""""#.to_owned(), true),
        (json!(-1), "-1".to_owned(), true),
        (json!(0), "-0".to_owned(), false),
        (json!(9_007_199_254_740_993_u64), "9007199254740993".to_owned(), true),
        (json!(9_007_199_254_740_993_u64), "9007199254740992".to_owned(), false),
        (json!(long), format!("\"{long}\""), true),
        (json!(long), format!("\"{}\"", "\\u0069".repeat(256)), true),
        (json!(long), format!("\"{}\"", "i".repeat(3000)), false),
    ] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":{sent},"result":{{}}}}"#);
        let fate = if same { PASSES } else { UNASKED };
        assert_eq!(in_json(&text, Awaited::Response(asked.clone()), false), fate, "{asked} {sent}");
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        let content = Content::json(Judge::new(Awaited::Response(asked.clone()), false), &[]);
        assert_eq!(passed(content, &bytes).1, fate, "{asked} {sent}, byte by byte");
    }
}

#[test]
fn there_is_one_response_and_any_number_of_other_messages() {
    let note = r#"data: {"method":"notifications/message","params":{}}"#;
    let ask = r#"data: {"id":1,"method":"elicitation/create","params":{}}"#;
    let (result, error) = (r#"data: {"id":1,"result":{}}"#, r#"data: {"id":1,"error":{}}"#);
    let of_nobody = r#"data: {"id":null,"error":{}}"#;
    for (events, fate) in [
        (vec![note, ask, note, result, note], PASSES),
        (vec![of_nobody, of_nobody, result], PASSES),
        (vec![result, result], UNASKED),
        (vec![error, result], UNASKED),
        (vec![result, note, error], UNASKED),
    ] {
        let text = events.join("\n\n") + "\n\n";
        let content = || Content::event_stream(Judge::new(Awaited::Response(json!(1)), false), &[]);
        assert_eq!(passed(content(), &[text.as_bytes()]).1, fate, "{text}");
        // What was right before passes, and of what was not its last brace does not.
        let bytes: Vec<&[u8]> = text.as_bytes().chunks(1).collect();
        let (out, ended) = passed(content(), &bytes);
        assert_eq!(ended, fate, "{text}, byte by byte");
        let whole =
            if fate.is_ok() { text.as_bytes() } else { text.as_bytes().strip_suffix(b"}\n\n").unwrap_or_default() };
        assert_eq!(String::from_utf8_lossy(&out), String::from_utf8_lossy(whole));
    }
    let resumed = Content::event_stream(rest(), &[]);
    assert_eq!(passed(resumed, &[format!("{result}\n\n{error}\n\n{result}\n\n").as_bytes()]).1, PASSES);
}

/// The SDKs before 2026 answer what they cannot read with an id of their own.
#[test]
fn an_answer_that_fails_has_an_error_for_whomever() {
    let awaited = || Awaited::Response(json!(1));
    assert_eq!(in_json(r#"{"jsonrpc":"2.0","id":"server-error","error":{"code":-32600}}"#, awaited(), true), PASSES);
    assert_eq!(in_json(r#"{"jsonrpc":"2.0","id":"server-error","result":{}}"#, awaited(), true), UNASKED);
    assert_eq!(in_json(r#"{"jsonrpc":"2.0","id":1,"result":{}}"#, awaited(), true), PASSES);
}

/// Answers that nobody reads are written in many ways; a response is one all the same.
#[test]
fn what_nobody_reads_need_not_be_a_message() {
    for text in ["null", r#""Accepted""#, "true", " ", ""] {
        assert_eq!(in_json(text, Awaited::Nothing, false), PASSES, "{text}");
    }
    for text in ["null", r#""Accepted""#] {
        assert_eq!(in_json(text, Awaited::Stream, false), UNREADABLE, "{text}");
        assert_eq!(in_json(text, Awaited::Response(json!(1)), false), UNREADABLE, "{text}");
    }
}

/// What is not read need not be within bounds of ours: depth, digits and members of results are the server's own.
#[test]
fn results_pass_whatever_is_in_them() {
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let digits = "9".repeat(400);
    let twice = r#"{"a":1,"a":2,"tools":"x","Tools":[5],"result":1,"result":2,"id":7,"id":8}"#;
    for inside in [deep.as_str(), &digits, "1e999", twice, r#""\ud800""#] {
        let text = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"structuredContent":{inside}}}}}"#);
        assert_eq!(in_json(&text, Awaited::Response(json!(1)), false), PASSES, "{inside}");
        assert_eq!(in_events(&text, Awaited::Response(json!(1))), PASSES, "{inside}");
    }
}

/// A result of 32 MB in JSON and in an event: nothing of it is held, and of JSON nothing is copied.
#[test]
fn large_results_pass_without_being_held() {
    const CHUNK: usize = 16 * 1024;
    let text = format!(
        r#"{{"jsonrpc":"2.0","result":{{"content":[{{"type":"text","text":"{}"}}]}},"id":1}}"#,
        "large \\u00e9 \u{e9} ".repeat(2 << 20)
    );
    let judge = || Judge::new(Awaited::Response(json!(1)), false);
    let (mut json, mut stream) = (Content::json(judge(), &[]), Content::event_stream(judge(), &[]));
    let mut written = 0;
    for chunk in text.as_bytes().chunks(CHUNK) {
        assert_eq!(json.push(chunk, false, &mut Picky), Ok(None));
        let event = if written == 0 { [b"data: ", chunk].concat() } else { chunk.to_vec() };
        written += stream.push(&event, false, &mut Picky).ok().flatten().map_or(0, |passed| passed.len());
        assert!(json.held() <= 64 && stream.held() <= 64, "{} and {} bytes are held", json.held(), stream.held());
    }
    assert_eq!(json.push(b"", true, &mut Picky), Ok(None));
    assert_eq!(written, text.len() + b"data: ".len());
}

/// A list is filtered in answer to the method that has it, and on a stream that is resumed.
#[test]
fn lists_are_those_of_the_method() {
    let text = r#"{"id":1,"result":{"tools":[{"name":"x"}],"tasks":[{"taskId":"x"},{"taskId":"a"}]}}"#;
    let shown = |lists, awaited| text_of(passed(Content::json(Judge::new(awaited, false), lists), &[text.as_bytes()]));
    let tasks = r#"{"id":1,"result":{"tools":[{"name":"x"}],"tasks":[{"taskId":"a"}]}}"#;
    let all = r#"{"id":1,"result":{"tools":[],"tasks":[{"taskId":"a"}]}}"#;
    let one = || Awaited::Response(json!(1));
    assert_eq!(shown(&[Listing::Tasks], one()).as_deref(), Ok(tasks));
    assert_eq!(shown(&Listing::ALL, Awaited::Rest).as_deref(), Ok(all));
    assert_eq!(shown(&[], one()).as_deref(), Ok(text));
}

#[test]
fn text_that_nobody_reads_passes_unless_it_could_be_a_message() {
    for (text, passes) in [
        ("upstream connect error", true),
        (" \n<html>{}</html>", true),
        ("\n {\"id\":1,\"result\":{}}", false),
        ("[{\"id\":1,\"result\":{}}]", false),
        ("\u{feff}{}", false),
    ] {
        let expected = if passes { text } else { text.trim_matches(|c: char| !c.is_whitespace()) };
        for pieces in [vec![text.as_bytes()], text.as_bytes().chunks(1).collect()] {
            let content = Content::unread(rest(), content::Unread::Blank);
            let (out, ended) = passed(content, &pieces);
            assert_eq!(ended, Ok(()));
            let out = String::from_utf8_lossy(&out).into_owned();
            assert!(if passes { out == expected } else { out.trim().is_empty() }, "{text}: {out}");
        }
    }
}
