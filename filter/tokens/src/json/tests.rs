//! Each refusal with its example, and properties over texts nobody thought of.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn read(text: &str) -> Result<Value, JsonError> {
    parse(text.as_bytes(), &Limits::DEFAULT)
}

#[test]
fn reads_json() {
    let text = r#" {"a": [1, -2, 0.5, "\ud83d\ude00\u0000", true, null], "b": {"a": {}}} "#;
    assert_eq!(read(text), Ok(json!({"a": [1, -2, 0.5, "😀\0", true, null], "b": {"a": {}}})));
    // Guards against serde_json features that other crates could switch on, such as `arbitrary_precision`.
    assert!(read("7").is_ok_and(|value| value.is_u64()));
    assert!(read("-7").is_ok_and(|value| value.is_i64()));
    assert!(read("7.0").is_ok_and(|value| value.is_f64()));
}

#[test]
fn refuses_what_is_not_json() {
    for (text, line, column) in [
        ("", 1, 0),
        ("{", 1, 1),
        ("{} {}", 1, 4),
        ("[1,]", 1, 4),
        ("{\n\"a\":1,}", 2, 7),
        ("'a'", 1, 1),
        ("01", 1, 2),
        ("+1", 1, 1),
        (".5", 1, 1),
        ("NaN", 1, 1),
        ("Infinity", 1, 1),
        ("[1] // comment", 1, 5),
        ("\u{feff}{}", 1, 1),
        ("\"\t\"", 1, 2),
        (r#""\x41""#, 1, 3),
        (r#""\ud800""#, 1, 8),
        (r#""\udc00""#, 1, 7),
        (r#"{"\ud800":1}"#, 1, 9),
        (r#""\ud800\u0041""#, 1, 13),
    ] {
        assert_eq!(read(text), Err(JsonError::Syntax { line, column }), "{text:?}");
    }
}

#[test]
fn refuses_what_is_not_utf8() {
    for bytes in [&b"\"\xff\""[..], b"\"\xc0\xaf\"", b"\"\xed\xa0\x80\"", b"\xff\xfe{\0}\0"] {
        assert_eq!(parse(bytes, &Limits::DEFAULT), Err(JsonError::InvalidUtf8), "{bytes:?}");
    }
}

#[test]
fn refuses_members_that_come_twice() {
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"a":1,"b":2,"a":null}"#,
        r#"{"a":1,"\u0061":2}"#,
        r#"[{"b":{"":1,"":2}}]"#,
        r#"{"/":1,"\/":2}"#,
        r#"{"😀":1,"\ud83d\ude00":2}"#,
    ] {
        assert_eq!(read(text), Err(JsonError::DuplicateMember), "{text}");
    }
    // Names that only look alike are different names.
    assert!(read("{\"a\":1,\"A\":2,\"a \":3,\"\u{e9}\":4,\"e\u{301}\":5}").is_ok());
}

#[test]
fn refuses_numbers_that_readers_disagree_about() {
    for text in [
        "9007199254740992",
        "-9007199254740992",
        "18446744073709551616",
        "9223372036854775808",
        "-9223372036854775809",
        "9007199254740993.0",
        "1e16",
        "-1e300",
        "1e400",
        "-1e400",
        "[1E309]",
    ] {
        assert_eq!(read(text), Err(JsonError::Number), "{text}");
    }
    for (text, value) in [
        ("9007199254740991", json!(MAX_INTEGER)),
        ("-9007199254740991", json!(-9_007_199_254_740_991_i64)),
        ("9e15", json!(9e15)),
        ("5e-324", json!(5e-324)),
        // Read wrongly by one unit in the last place without `float_roundtrip`.
        ("0.4816356256797977", json!(0.481_635_625_679_797_7)),
    ] {
        assert_eq!(read(text), Ok(value), "{text}");
    }
}

#[test]
fn numbers_in_answers_spoil_nothing() {
    let text = br#"{"a":1,"b":[1e22,0.5,9007199254740993,-9223372036854775808,18446744073709551615],"c":1e400,"d":1234567890123456789012}"#;
    let nothing = json!([null]);
    let exact = json!([1e22, 0.5, 9_007_199_254_740_993_u64, i64::MIN, u64::MAX]);
    let expected = json!({"a": 1, "b": exact, "c": nothing, "d": nothing});
    assert_eq!(tolerant(text, &Limits::DEFAULT), Ok(expected));
    // Half of what is between it and the next double is nobody's.
    assert_eq!(tolerant(b"[9007199254740993.5]", &Limits::DEFAULT), Ok(json!([nothing])));
    assert_eq!(held(b"[1e22,9007199254740993]", &Limits::DEFAULT), Ok(json!([1e22, 9_007_199_254_740_993_u64])));
    for beyond in ["1e400", "1234567890123456789012", "9007199254740993.5", "18446744073709551616.0"] {
        assert_eq!(held(beyond.as_bytes(), &Limits::DEFAULT), Err(JsonError::Number), "{beyond}");
    }
    assert_eq!(parse(text, &Limits::DEFAULT), Err(JsonError::Number));
}

#[test]
fn every_number_is_kept_as_it_is_written() {
    let text = r#"{"a":[1,-0,1.50,1e400,{"1":"2e5"}],"b":12345678901234567890123,"c":-1E-999}"#;
    let read = exact(text.as_bytes(), &Limits::DEFAULT).map(|value| value.to_string());
    assert_eq!(read.as_deref(), Ok(text));
    for text in ["[01]", "[1.]", "[1e]", "[1e400", "[1e400,]", "[-]", "[+1]", "[1e400 1]", "1e400x"] {
        assert!(matches!(exact(text.as_bytes(), &Limits::DEFAULT), Err(JsonError::Syntax { .. })), "{text}");
    }
}

#[test]
fn minus_zero_is_zero() {
    for text in ["-0", "-0.0", "-0e1", "-1e-400"] {
        let number = read(text).ok().and_then(|value| value.as_f64());
        assert_eq!(number.map(f64::to_bits), Some(0.0_f64.to_bits()), "{text}");
    }
}

#[test]
fn refuses_what_exceeds_its_bounds() {
    let nested = |levels: usize| "[".repeat(levels) + &"]".repeat(levels);
    assert!(read(&nested(64)).is_ok());
    assert_eq!(read(&nested(65)), Err(JsonError::TooDeep { limit: 64 }));
    assert_eq!(read(&nested(100_000)), Err(JsonError::TooDeep { limit: 64 }));
    let unbounded = Limits { depth: usize::MAX, ..Limits::DEFAULT };
    assert_eq!(parse(nested(100).as_bytes(), &unbounded), Err(JsonError::TooDeep { limit: MAX_DEPTH }));
    let flat = Limits { depth: 0, ..Limits::DEFAULT };
    assert_eq!(parse(b"1", &flat), Ok(json!(1)));
    assert_eq!(parse(b"{}", &flat), Err(JsonError::TooDeep { limit: 0 }));

    let few = Limits { nodes: 4, ..Limits::DEFAULT };
    assert!(parse(br#"[1,{"a":2}]"#, &few).is_ok());
    assert_eq!(parse(br#"[1,{"a":2},3]"#, &few), Err(JsonError::TooManyNodes { limit: 4 }));

    let short = Limits { bytes: 3, ..Limits::DEFAULT };
    assert_eq!(parse(b"[1]", &short), Ok(json!([1])));
    assert_eq!(parse(b"[1] ", &short), Err(JsonError::TooLarge { limit: 3 }));
}

#[test]
fn a_longer_text_may_have_more_values() {
    assert_eq!([0, 1, 1 << 20].map(Limits::of).map(|limits| limits.nodes), [1 << 16; 3]);
    assert_eq!(Limits::of(1 << 20), Limits::DEFAULT);
    let long = |item: &str| format!("[{}0]", item.repeat((2 << 20) / item.len()));
    let read = |text: &str| parse(text.as_bytes(), &Limits::of(text.len())).map(|_| ());
    assert_eq!(read(&long("1234567890123456,")), Ok(()));
    assert_eq!(read(&long("1,")), Err(JsonError::TooManyNodes { limit: Limits::of((2 << 20) + 3).nodes }));
}

#[test]
fn says_why() {
    for (error, text) in [
        (JsonError::TooLarge { limit: 3 }, "JSON text is longer than 3 bytes"),
        (JsonError::InvalidUtf8, "JSON text is not UTF-8"),
        (JsonError::Syntax { line: 1, column: 2 }, "not JSON at line 1, column 2"),
        (JsonError::DuplicateMember, "an object has two members of the same name"),
        (JsonError::TooDeep { limit: 64 }, "arrays and objects are nested deeper than 64 levels"),
        (JsonError::TooManyNodes { limit: 4 }, "more than 4 values"),
        (JsonError::Number, "a number is outside the range that every reader keeps exact"),
    ] {
        assert_eq!(error.to_string(), text);
    }
}

fn values() -> impl Strategy<Value = Value> {
    let integers = -9_007_199_254_740_991_i64..=9_007_199_254_740_991;
    let leaves = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::Bool),
        integers.prop_map(|number| json!(number)),
        (-9e15..9e15_f64).prop_map(|number| json!(number)),
        ".{0,8}".prop_map(Value::String),
    ];
    leaves.prop_recursive(5, 48, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..6).prop_map(Value::Array),
            proptest::collection::btree_map(".{0,4}", inner, 0..6).prop_map(|members| json!(members)),
        ]
    })
}

/// `value` without the sign of zeros that have one: `-0` is the integer 0 here and a double to `serde_json`.
fn one_zero(value: Value) -> Value {
    match value {
        Value::Number(number) if number.as_f64().is_some_and(|zero| zero == 0.0 && zero.is_sign_negative()) => json!(0),
        Value::Array(items) => items.into_iter().map(one_zero).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, one_zero(value))).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value,
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..256)) {
        let _ = parse(&bytes, &Limits::DEFAULT);
    }

    /// Texts near JSON; whatever is accepted means what serde_json says it means.
    #[test]
    fn accepts_nothing_that_is_not_json(text in r#"[\[\]{},:"a\\u0-9eE.+\- ]{0,24}"#) {
        if let Ok(value) = read(&text) {
            let meant = serde_json::from_str::<Value>(&text).map_err(|error| error.to_string());
            prop_assert_eq!(Ok(one_zero(value)), meant.map(one_zero));
        }
    }

    #[test]
    fn reads_back_what_was_written(value in values()) {
        prop_assert_eq!(read(&value.to_string()), Ok(value.clone()));
        let pretty = serde_json::to_string_pretty(&value).unwrap_or_default();
        prop_assert_eq!(read(&pretty), Ok(value));
    }

    /// Whatever the object, a member repeated under another spelling of its name is found, at any depth.
    #[test]
    fn finds_every_duplicate(
        members in proptest::collection::btree_map("[a-z]{1,6}", values(), 1..6),
        pick in any::<prop::sample::Index>(),
        depth in 0_usize..20,
    ) {
        let name = members.keys().nth(pick.index(members.len())).cloned().unwrap_or_default();
        let escaped: Vec<String> = name.bytes().map(|byte| format!("\\u{byte:04x}")).collect();
        let object = json!(members).to_string();
        let open = object.strip_suffix('}').unwrap_or_default();
        let twice = format!("{open},\"{}\":0}}", escaped.concat());
        let text = "[".repeat(depth) + &twice + &"]".repeat(depth);
        prop_assert_eq!(read(&text), Err(JsonError::DuplicateMember));
    }
}
