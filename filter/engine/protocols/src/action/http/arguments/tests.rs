//! Every way to write arguments, and every way to write them so that two readers differ.

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn headers(media: &str) -> Headers {
    [("content-type".to_owned(), media.as_bytes().to_vec())].into_iter().collect()
}

fn form(form: &str) -> Result<Value, Reason> {
    let schema = json!({ "type": "object", "properties": {
        "n": { "type": "integer" }, "d": { "type": "number" }, "b": { "type": "boolean" }, "s": { "type": "string" },
        "m": { "type": ["integer", "null"] }, "u": { "type": ["integer", "string"] },
        "o": { "anyOf": [{ "$ref": "#/$defs/count" }, { "type": "null" }] },
    }, "$defs": { "count": { "type": "integer" } } });
    let schema = schema.into();
    let mut arguments = Arguments::new(Some(&schema));
    arguments.form(form.as_bytes())?;
    Ok(Json::from(arguments.finish()).shown())
}

#[test]
fn fields_are_text_unless_the_schema_types_them() {
    for (text, expected) in [
        ("", json!({})),
        ("a=1&x=", json!({ "a": "1", "x": "" })),
        ("flag", json!({ "flag": "" })),
        ("a=b%20c+d&e=%C3%a9", json!({ "a": "b c d", "e": "\u{e9}" })),
        ("n=5&d=1.50&b=true&s=5&m=-7", json!({ "n": 5, "d": 1.5, "b": true, "s": "5", "m": -7 })),
        ("n=9007199254740993", json!({ "n": 9_007_199_254_740_993_i64 })),
        ("a==&&c=%26", json!({ "a": "=", "c": "&" })),
    ] {
        assert_eq!(form(text), Ok(expected), "{text}");
    }
}

#[test]
fn text_that_is_not_exactly_of_its_type_stays_text() {
    for text in ["007", "+5", "1e3", "5.0", " 5", "5 ", "", "0x5", "-0", "5.", "NaN", "\u{665}"] {
        let expected = json!({ "n": text, "m": text });
        let field = text.replace('+', "%2B").replace(' ', "%20");
        assert_eq!(form(&format!("n={field}&m={field}")), Ok(expected), "{text}");
    }
    for text in ["1e3", ".5", "5.", "-0.0", "01.5", "1.5.5", "-"] {
        assert_eq!(form(&format!("d={text}")), Ok(json!({ "d": text })), "{text}");
    }
    for text in ["True", "1", "yes", ""] {
        assert_eq!(form(&format!("b={text}")), Ok(json!({ "b": text })), "{text}");
    }
    assert_eq!(form("u=5"), Ok(json!({ "u": "5" })));
}

#[test]
fn what_two_readers_differ_about_is_refused() {
    for text in [
        "a=1&a=2",
        "a=1&A=2",
        "a=1&%61=2",
        "a[]=1",
        "a[b]=1",
        "a%5B%5D=1",
        "a=1;b=2",
        "=1",
        "a=%",
        "a=%zz",
        "a=%f",
        "a=%ff",
        "a=%00",
        "a%00=1",
        "+a=1",
        "a%0a=1",
        "e%CC%81=1",
        "a=1&\u{ff}=%C3",
    ] {
        assert_eq!(form(text), Err(Reason::AmbiguousArguments), "{text}");
    }
    let many: Vec<String> = (0..=MAX_ARGUMENTS).map(|number| format!("a{number}=")).collect();
    assert_eq!(form(&many.join("&")), Err(Reason::AmbiguousArguments));
    assert_eq!(form(&format!("{}=1", "a".repeat(MAX_NAME + 1))), Err(Reason::AmbiguousArguments));
}

#[test]
fn a_name_comes_from_one_place() {
    for (kind, media, body) in [
        (BodyKind::Json, "application/json", r#"{"ID":1}"#),
        (BodyKind::Form, "application/x-www-form-urlencoded", "Id=1"),
    ] {
        let mut arguments = Arguments::new(None);
        assert_eq!(arguments.text("id", "7"), Ok(()));
        assert_eq!(arguments.body(kind, &headers(media), body.as_bytes()), Err(Reason::AmbiguousArguments), "{body}");
    }
}

#[test]
fn bodies_are_what_they_say_or_refused() {
    let form = "application/x-www-form-urlencoded";
    for (kind, media, body, expected) in [
        (BodyKind::Json, "application/json; charset=utf-8", r#"{"a":{"b":[1]}}"#, Ok(json!({ "a": { "b": [1] } }))),
        (BodyKind::Json, "application/json", "", Err(Reason::MalformedJson)),
        (BodyKind::Json, "application/json", r#"{"_method":"DELETE"}"#, Err(Reason::OverrideHeader)),
        (BodyKind::Json, "application/json", r#"{"a":{"_method":1}}"#, Ok(json!({ "a": { "_method": 1 } }))),
        (BodyKind::Json, "text/plain", "{}", Err(Reason::MediaType)),
        (BodyKind::Json, form, "{}", Err(Reason::MediaType)),
        (BodyKind::Json, "application/json", "[1]", Err(Reason::MalformedMessage)),
        (BodyKind::Json, "application/json", r#"{"a":1,"a":2}"#, Err(Reason::MalformedJson)),
        (BodyKind::Json, "application/json", r#"{"a":1,"\u0061":2}"#, Err(Reason::MalformedJson)),
        (BodyKind::Json, "application/json", r#"{"x":{"a":1,"A":2}}"#, Err(Reason::MalformedJson)),
        (BodyKind::Json, "application/json", "{} {}", Err(Reason::MalformedJson)),
        (BodyKind::Form, form, "a=1", Ok(json!({ "a": "1" }))),
        (BodyKind::Form, "application/json", "a=1", Err(Reason::MediaType)),
        (BodyKind::Form, "multipart/form-data", "a=1", Err(Reason::MediaType)),
        (BodyKind::Form, "application/x-www-form-urlencoded; charset=utf-7", "a=1", Err(Reason::MediaType)),
        (BodyKind::Form, "text/plain", "", Ok(json!({}))),
        (BodyKind::Form, form, "a=1&_method=DELETE", Err(Reason::OverrideHeader)),
        (BodyKind::Form, form, "a=1&%5Fmethod=", Err(Reason::OverrideHeader)),
        (BodyKind::Form, form, "X-HTTP-Method-Override=DELETE", Err(Reason::OverrideHeader)),
        (BodyKind::Form, form, "access_token=x", Err(Reason::ManyCredentials)),
        (BodyKind::None, "text/plain", "a=1", Err(Reason::UnreadBody)),
        (BodyKind::None, "text/plain", "", Ok(json!({}))),
        (BodyKind::Unread, "text/plain", "a=1", Ok(json!({}))),
    ] {
        let mut arguments = Arguments::new(None);
        let read = arguments.body(kind, &headers(media), body.as_bytes());
        assert_eq!(read.map(|()| Json::from(arguments.finish()).shown()), expected, "{media} {body}");
    }
    let encoded: Headers = [("content-type", form), ("content-encoding", "gzip")]
        .map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()))
        .into_iter()
        .collect();
    assert_eq!(Arguments::new(None).body(BodyKind::Form, &encoded, b"a=1"), Err(Reason::MediaType));
}

proptest! {
    /// Whatever is read, a reader that takes the first of two fields and one that takes the last see the same.
    #[test]
    fn first_and_last_are_the_same(text in "([ab%A6]{0,2}(=[a1%+2]{0,3})?&?){0,5}") {
        if let Ok(Value::Object(read)) = form(&text) {
            let plain = |part: &str| percent_encoding::percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned();
            let fields: Vec<(String, String)> = text
                .split('&')
                .filter(|field| !field.is_empty())
                .map(|field| field.split_once('=').unwrap_or((field, "")))
                .map(|(name, value)| (plain(name), plain(value)))
                .collect();
            for (name, value) in &read {
                let first = fields.iter().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
                let last = fields.iter().rev().find(|(field, _)| field == name).map(|(_, value)| value.as_str());
                prop_assert_eq!(first, value.as_str());
                prop_assert_eq!(last, value.as_str());
            }
            prop_assert_eq!(fields.len(), read.len());
        }
    }
}
