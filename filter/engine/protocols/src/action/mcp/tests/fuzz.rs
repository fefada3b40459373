//! Fuzz targets: MCP messages of every revision, and the header fields that repeat arguments, spoilt.
//!
//! Nothing may panic, and whatever is accepted must read the same elsewhere.

use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::differential::{assert_alike, fields};
use super::parameters::declared;
use super::*;
use crate::spoil::{INPUTS, Spoilt, fuzz};

/// Pieces that mean something.
const PIECES: [&str; 20] = [
    "\"method\":\"tools/call\",",
    "\"Method\":\"tools/call\",",
    "\"m\\u0065thod\":\"tools/list\",",
    "\"name\":\"other\",",
    "\"NAME\":\"other\",",
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2025-11-25\"},",
    "\"requestState\":\"x\",",
    "\"inputResponses\":{},",
    "\"id\":null,",
    "\"id\":1.5,",
    "\"uri\":\"x://../a\",",
    "\"result\":{},",
    "9007199254740993",
    "1e999",
    "\\ud800",
    "\u{301}",
    "[",
    "]",
    "{",
    "}",
];

/// Messages of every era: its method, and its bytes.
static SEEDS: LazyLock<Vec<(Era, &'static str, Vec<u8>)>> = LazyLock::new(|| {
    let params = json!({
        "name": "n", "uri": "x://a", "taskId": "t", "ref": {"type": "ref/resource", "uri": "x://{a}"},
        "notifications": {"resourceSubscriptions": ["x://a", "x://b"]},
    });
    let mut seeds = Vec::new();
    for era in Era::ALL {
        for method in methods::TABLE.iter().map(|row| row.name) {
            let params = match method {
                "tools/call" => json!({"name": "n", "arguments": {"amount": 5, "to": ["a"]}}),
                "events/poll" | "events/stream" => json!({"name": "n", "arguments": {"a": 5}, "cursor": null}),
                "events/subscribe" | "events/unsubscribe" => {
                    json!({"name": "n", "arguments": {"a": 5}, "delivery": {"url": "https://hooks.test/a", "secret": "s"}})
                }
                _ => params.clone(),
            };
            seeds.push((era, method, eras::message(era, method, params).1.to_string().into_bytes()));
        }
    }
    seeds
});

#[test]
fn message() {
    fuzz!("mcp-message", Spoilt, INPUTS, |spoilt| {
        let Some((era, method, seed)) = spoilt.seed(&SEEDS) else { return };
        let body = spoilt.done_to(seed, &PIECES);
        let headers = fields(*era, method, &body);
        if let Ok(action) = read(&resource(), &target("POST"), &headers, Some(&body)) {
            assert_alike(&action, &body);
        }
    });
}

/// Header fields, a line each, and after an empty line the arguments that they repeat.
static CALLS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let calls = [
        ("mcp-param-region: eu", r#"{"region":"eu"}"#),
        ("Mcp-Param-Region: =?base64?w6l0w6k=?=", r#"{"region":"\u00e9t\u00e9"}"#),
        ("mcp-param-shard: 42\nmcp-param-dry-run: true", r#"{"at":{"shard":42},"dry":true}"#),
        ("mcp-param-shard: -7", r#"{"at":{"shard":-7.0},"region":null}"#),
        (
            "mcp-param-shard: 9007199254740991\nmcp-param-region: a b",
            r#"{"at":{"shard":9007199254740991},"region":"a b"}"#,
        ),
        ("x-other: 1", "{}"),
    ];
    calls.iter().map(|(fields, arguments)| format!("{fields}\n\n{arguments}").into_bytes()).collect()
});

const OF_CALLS: [&str; 18] = [
    "\nmcp-param-region: eu",
    "\nMCP_PARAM_REGION: us",
    "\nmcp-param-dry_run: false",
    "\nmcp-param-tenant: a",
    "\nmcp-param-: ",
    "=?base64?ZXU=?=",
    "=?BASE64?ZXU=?=",
    "?=",
    "\"region\":\"us\",",
    "\"Region\":\"eu\",",
    "\"at\":{\"shard\":43},",
    "\"dry\":\"true\",",
    "null",
    "1e3",
    "0x2a",
    "\u{e9}",
    " ",
    "0",
];

/// What a server that compares them has of `fields` for the one whose name is `suffix`: every value.
fn sent<'f>(fields: &'f [(String, Vec<u8>)], suffix: &str) -> Vec<&'f [u8]> {
    let wanted = format!("mcp-param-{suffix}");
    let plain = |name: &str| name.to_lowercase().replace('_', "-");
    fields.iter().filter(|(name, _)| plain(name) == wanted).map(|(_, value)| value.as_slice()).collect()
}

/// Whether `value` says `argument` to a server that reads both.
fn says(value: &[u8], argument: &Value) -> bool {
    let text = match value.strip_prefix(b"=?base64?").and_then(|value| value.strip_suffix(b"?=")) {
        Some(encoded) => STANDARD.decode(encoded).ok().and_then(|bytes| String::from_utf8(bytes).ok()),
        None => String::from_utf8(value.to_vec()).ok(),
    };
    let Some(text) = text else { return false };
    match argument {
        Value::String(argument) => text == *argument,
        Value::Bool(argument) => text == argument.to_string(),
        Value::Number(argument) => text.parse::<f64>().is_ok_and(|stated| Some(stated) == argument.as_f64()),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// A call, and what is read of it.
struct Called {
    fields: Vec<(String, Vec<u8>)>,
    arguments: Value,
    read: Result<Action, Rejection>,
}

/// The call that `bytes` describe.
fn called(bytes: &[u8]) -> Option<Called> {
    let at = bytes.windows(2).position(|pair| pair == b"\n\n")?;
    let arguments: Value = serde_json::from_slice(&bytes[at + 2..]).ok().filter(Value::is_object)?;
    let lines = bytes[..at].split(|byte| *byte == b'\n');
    let field = |line: &[u8]| {
        let at = line.windows(2).position(|pair| pair == b": ")?;
        Some((String::from_utf8(line[..at].to_vec()).ok()?, line[at + 2..].to_vec()))
    };
    let sent: Vec<(String, Vec<u8>)> = lines.filter_map(field).collect();
    let (fields, message) = eras::message(Era::July2026, "tools/call", json!({"name": "sql", "arguments": arguments}));
    let own = [JSON].iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
    let eras = fields.into_iter().map(|(name, value)| (name, value.into_bytes()));
    let headers: Headers = own.chain(eras).chain(sent.clone()).collect();
    let read = read(&declared(), &target("POST"), &headers, Some(message.to_string().as_bytes()));
    Some(Called { fields: sent, arguments, read })
}

#[test]
fn parameters() {
    fuzz!("mcp-parameters", Spoilt, INPUTS, |spoilt| {
        let Some(Called { fields, arguments, read: Ok(_) }) = called(&spoilt.of(&CALLS, &OF_CALLS)) else { return };
        let repeated =
            [("region", &arguments["region"]), ("shard", &arguments["at"]["shard"]), ("dry-run", &arguments["dry"])];
        for (suffix, argument) in repeated {
            match sent(&fields, suffix).as_slice() {
                [] => assert!(argument.is_null(), "{suffix} is not repeated"),
                [value] => assert!(says(value, argument), "{suffix}: {value:?} for {argument}"),
                [..] => panic!("{suffix} came twice"),
            }
        }
        let is_known =
            |name: &str| repeated.iter().any(|(suffix, _)| !sent(&[(name.to_owned(), Vec::new())], suffix).is_empty());
        let others = fields.iter().filter(|(name, _)| name.to_lowercase().replace('_', "-").starts_with("mcp-param-"));
        assert!(others.clone().all(|(name, _)| is_known(name)), "a field that repeats nothing");
    });
}

#[test]
fn most_seeds_are_accepted() {
    let accepted = SEEDS.iter().filter(|(era, method, body)| {
        read(&resource(), &target("POST"), &fields(*era, method, body), Some(body)).is_ok()
    });
    assert!(accepted.count() * 3 > SEEDS.len());
}

#[test]
fn every_call_is_accepted() {
    assert!(CALLS.iter().all(|call| called(call).is_some_and(|called| called.read.is_ok())));
}
