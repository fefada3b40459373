//! `Mcp-Param-*`: header fields that repeat arguments of a tool, for proxies that do not read bodies.
//!
//! Where the tool's schema is known, a field must repeat the argument whose property carries its name in `x-mcp-header`, and
//! no other field may come. Where it is not known, fields pass as the specification demands of intermediaries: what they
//! say is not believed here, and the server compares them.
//!
//! Source: modelcontextprotocol/modelcontextprotocol, `docs/specification/2026-07-28/basic/transports/streamable-http.mdx`
//! (Custom Headers from Tool Parameters).

use std::collections::BTreeSet;

use serde_json::{Map, Number, Value};

use super::fields::{decode, single};
use crate::catalogue::Tool;
use crate::headers::{Headers, same_name};
use crate::reason::Reason;

const PREFIX: &str = "mcp-param-";
/// Integers beyond are not the same number to every reader: 2⁵³ − 1.
const MAX_INTEGER: i64 = 9_007_199_254_740_991;

/// Whether `name` is such a field, in any spelling.
pub(crate) fn is_parameter(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| same_name(start, PREFIX))
}

/// Fields that come where no argument could be repeated.
pub(super) fn check_none(headers: &Headers) -> Result<(), Reason> {
    if headers.iter().any(|(name, _)| is_parameter(name)) { Err(Reason::HeaderBodyMismatch) } else { Ok(()) }
}

/// Fields of a call with `arguments` to `tool`, if that is declared; `required` where they may not be absent.
pub(super) fn check(
    headers: &Headers,
    tool: Option<&Tool>,
    arguments: &Map<String, Value>,
    required: bool,
) -> Result<(), Reason> {
    let mut named = BTreeSet::new();
    let mut fields = headers.iter().map(|(name, _)| name).filter(|name| is_parameter(name));
    if !fields.all(|name| named.insert(name.to_ascii_lowercase().replace('_', "-"))) {
        return Err(Reason::AmbiguousHeaders);
    }
    let Some(mirrored) = tool.filter(|tool| tool.input_schema.is_some()).map(|tool| &tool.mirrored) else {
        return Ok(());
    };
    let is_known = |name: &str| mirrored.iter().any(|mirrored| same_name(&mirrored.field, name));
    if headers.iter().any(|(name, _)| is_parameter(name) && !is_known(name)) {
        return Err(Reason::HeaderBodyMismatch);
    }
    for mirrored in mirrored {
        let argument = find(arguments, &mirrored.path);
        let agrees = match (single(headers, &mirrored.field)?, argument) {
            (Some(value), Some(argument)) => decode(value).is_some_and(|text| repeats(&text, argument)),
            (None, None) => true,
            (Some(_), None) => false,
            (None, Some(_)) => !required,
        };
        if !agrees {
            return Err(Reason::HeaderBodyMismatch);
        }
    }
    Ok(())
}

/// The argument at `path`; `null` is absence.
fn find<'a>(arguments: &'a Map<String, Value>, path: &[String]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    let start = arguments.get(first)?;
    rest.iter().try_fold(start, |value, key| value.as_object()?.get(key)).filter(|value| !value.is_null())
}

/// Integers are compared as numbers; what is no text, integer or boolean cannot be repeated.
fn repeats(text: &str, argument: &Value) -> bool {
    match argument {
        Value::String(argument) => text == argument,
        Value::Bool(argument) => text == if *argument { "true" } else { "false" },
        Value::Number(argument) => {
            let stated = if text.contains(' ') { None } else { serde_json::from_str::<Number>(text).ok() };
            integer(argument).is_some_and(|argument| stated.as_ref().and_then(integer) == Some(argument))
        }
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn integer(number: &Number) -> Option<i64> {
    let value = number.as_i64().or_else(|| {
        // `42.0` is an integer to JSON Schema; whole numbers in these bounds are exact in both forms.
        let value = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 9.0e15)?;
        format!("{value:.0}").parse().ok()
    });
    value.filter(|value| (-MAX_INTEGER..=MAX_INTEGER).contains(value))
}
