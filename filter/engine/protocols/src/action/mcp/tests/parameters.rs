//! `Mcp-Param-*` against the arguments they repeat.

use super::eras::message;
use super::*;
use crate::action::test_support::tool;
use crate::catalogue::Mirrored;

/// With `sql`, whose `/region`, `/at/shard` and `/dry` are repeated.
pub(super) fn declared() -> Resource {
    let mirrored = |field: &str, path: &[&str]| Mirrored {
        field: format!("mcp-param-{field}"),
        path: path.iter().map(|key| (*key).to_owned()).collect(),
    };
    let mut sql = tool("sql", Some(json!({})));
    sql.mirrored =
        vec![mirrored("region", &["region"]), mirrored("shard", &["at", "shard"]), mirrored("dry-run", &["dry"])];
    let mut resource = resource();
    resource.tools.insert("opaque".to_owned(), tool("opaque", None));
    resource.tools.insert("sql".to_owned(), sql);
    resource
}

fn call(era: Era, tool: &str, arguments: &Value, extra: &[(&str, &str)]) -> Option<Reason> {
    let (mut fields, message) = message(era, "tools/call", json!({"name": tool, "arguments": arguments}));
    fields.extend([JSON].iter().chain(extra).map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let fields: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    reason(read(&declared(), &target("POST"), &headers(&fields), Some(message.to_string().as_bytes())))
}

#[test]
fn fields_repeat_arguments() {
    const MISMATCH: Option<Reason> = Some(Reason::HeaderBodyMismatch);
    const MOST: u64 = (1 << 53) - 1;
    let region = |text: &str| json!({"region": text});
    let shard = |value: Value| json!({"at": {"shard": value}});
    for (arguments, fields, expected) in [
        (region("eu"), &[("mcp-param-region", "eu")][..], None),
        (region("eu"), &[("Mcp-Param-Region", "eu")], None),
        (region("eu"), &[("mcp_param_region", "eu")], None),
        (region("eu"), &[("mcp-param-region", "=?base64?ZXU=?=")], None),
        (region("été"), &[("mcp-param-region", "=?base64?w6l0w6k=?=")], None),
        (region("eu"), &[], MISMATCH),
        (region("eu"), &[("mcp-param-region", "us")], MISMATCH),
        (region("eu"), &[("mcp-param-region", "EU")], MISMATCH),
        (region("eu"), &[("mcp-param-region", "")], MISMATCH),
        (region("eu"), &[("mcp-param-region", "=?base64?ZXU?=")], MISMATCH),
        (region("été"), &[("mcp-param-region", "été")], MISMATCH),
        (region("eu"), &[("mcp-param-region", "eu"), ("mcp-param-tenant", "a")], MISMATCH),
        (json!({}), &[("mcp-param-region", "eu")], MISMATCH),
        (json!({"region": null}), &[], None),
        (json!({"region": null}), &[("mcp-param-region", "null")], MISMATCH),
        (json!({"region": ["eu"]}), &[("mcp-param-region", "eu")], MISMATCH),
        (json!({}), &[], None),
        (shard(json!(42)), &[("mcp-param-shard", "42")], None),
        (shard(json!(42)), &[("mcp-param-shard", "42.0")], None),
        (shard(json!(42.0)), &[("mcp-param-shard", "42")], None),
        (shard(json!(-7)), &[("mcp-param-shard", "-7")], None),
        (shard(json!(42)), &[("mcp-param-shard", "43")], MISMATCH),
        // As a double each of these is the argument.
        (shard(json!(42)), &[("mcp-param-shard", "42.00000000000000000001")], MISMATCH),
        (shard(json!(42)), &[("mcp-param-shard", "41.99999999999999999999")], MISMATCH),
        (shard(json!(MOST)), &[("mcp-param-shard", "9007199254740991.0000001")], MISMATCH),
        (shard(json!(MOST)), &[("mcp-param-shard", "9007199254740991")], None),
        (shard(json!(MOST + 1)), &[("mcp-param-shard", "9007199254740993")], MISMATCH),
        (shard(json!(0)), &[("mcp-param-shard", "1e-400")], MISMATCH),
        (shard(json!(0)), &[("mcp-param-shard", "-0")], None),
        (shard(json!(42)), &[("mcp-param-shard", "042")], MISMATCH),
        (shard(json!(42)), &[("mcp-param-shard", " 42")], MISMATCH),
        (shard(json!(42)), &[("mcp-param-shard", "42x")], MISMATCH),
        (shard(json!(42.5)), &[("mcp-param-shard", "42.5")], MISMATCH),
        (shard(json!("42")), &[("mcp-param-shard", "42.0")], MISMATCH),
        (json!({"at": 1}), &[("mcp-param-shard", "1")], MISMATCH),
        (json!({"dry": true}), &[("mcp-param-dry-run", "true")], None),
        (json!({"dry": true}), &[("mcp-param-dry_run", "true")], None),
        (json!({"dry": true}), &[("mcp-param-dry-run", "false")], MISMATCH),
        (json!({"dry": true}), &[("mcp-param-dry-run", "True")], MISMATCH),
        (region("eu"), &[("mcp-param-region", "eu"), ("mcp_param_region", "us")], Some(Reason::AmbiguousHeaders)),
    ] {
        assert_eq!(call(Era::July2026, "sql", &arguments, fields), expected, "{arguments} {fields:?}");
    }
}

#[test]
fn before_they_were_demanded_they_may_be_absent_and_not_wrong() {
    for (fields, expected) in [
        (&[][..], None),
        (&[("mcp-param-region", "eu")], None),
        (&[("mcp-param-region", "us")], Some(Reason::HeaderBodyMismatch)),
        (&[("mcp-param-other", "us")], Some(Reason::HeaderBodyMismatch)),
    ] {
        assert_eq!(call(Era::November2025, "sql", &json!({"region": "eu"}), fields), expected, "{fields:?}");
    }
}

#[test]
fn of_tools_without_a_schema_they_pass_once() {
    for tool in ["opaque", "undeclared"] {
        let once = ("mcp-param-region", "us");
        assert_eq!(call(Era::July2026, tool, &json!({"region": "eu"}), &[once]), None, "{tool}");
        assert_eq!(call(Era::July2026, tool, &json!({}), &[once, once]), Some(Reason::AmbiguousHeaders), "{tool}");
    }
}

#[test]
fn where_there_are_no_arguments_there_are_no_fields() {
    let (mut fields, message) = message(Era::July2026, "tools/list", json!({}));
    fields.push(("mcp-param-region".to_owned(), "eu".to_owned()));
    assert_eq!(reason(super::eras::send(&(fields, message))), Some(Reason::HeaderBodyMismatch));
    let fields = headers(&[("mcp-param-region", "eu")]);
    assert_eq!(reason(read(&resource(), &target("GET"), &fields, None)), Some(Reason::HeaderBodyMismatch));
    let response = br#"{"jsonrpc":"2.0","id":1,"result":{}}"#;
    assert_eq!(reason(post_with(&[("mcp-param-region", "eu")], response)), Some(Reason::HeaderBodyMismatch));
}
