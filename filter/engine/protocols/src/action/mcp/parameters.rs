//! `Mcp-Param-*`: header fields that repeat arguments of a tool, for proxies that do not read bodies.
//!
//! Where the tool's schema is known, a field must repeat the argument whose property carries its name in `x-mcp-header`, and
//! no other field may come. Where it is not known, fields pass as the specification demands of intermediaries: what they
//! say is not believed here, and the server compares them.
//!
//! Source: modelcontextprotocol/modelcontextprotocol, `docs/specification/2026-07-28/basic/transports/streamable-http.mdx`
//! (Custom Headers from Tool Parameters).

use std::collections::BTreeSet;

use countersign_facts::headers::{Headers, same_name};
use countersign_facts::reason::Reason;
use countersign_tokens::json::{Json, MAX_INTEGER, Members, Numeral};

use super::fields::{decode, single};
use crate::catalogue::Tool;

const PREFIX: &str = "mcp-param-";

/// Whether `name` is such a field, in any spelling.
pub fn is_parameter(name: &str) -> bool {
    name.get(..PREFIX.len()).is_some_and(|start| same_name(start, PREFIX))
}

/// Fields that come where no argument could be repeated.
pub(super) fn check_none(headers: &Headers) -> Result<(), Reason> {
    if headers.iter().any(|(name, _)| is_parameter(name)) { Err(Reason::HeaderBodyMismatch) } else { Ok(()) }
}

/// Fields of a call with `arguments` to `tool`, if that is declared; `required` where they may not be absent.
pub(super) fn check(headers: &Headers, tool: Option<&Tool>, arguments: &Members, required: bool) -> Result<(), Reason> {
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
fn find<'a>(arguments: &'a Members, path: &[String]) -> Option<&'a Json> {
    let (first, rest) = path.split_first()?;
    let start = arguments.get(first)?;
    rest.iter().try_fold(start, |value, key| value.as_object()?.get(key)).filter(|value| !value.is_null())
}

/// Integers are compared as numbers; what is no text, integer or boolean cannot be repeated.
fn repeats(text: &str, argument: &Json) -> bool {
    match argument {
        Json::String(argument) => text == argument,
        Json::Bool(argument) => text == if *argument { "true" } else { "false" },
        Json::Number(argument) => {
            // What is no integer is not repeated (draft of `x-mcp-header`), and beyond 2^53 - 1 readers differ.
            let integer = |number: &Numeral| number.as_i64().filter(|value| value.unsigned_abs() <= MAX_INTEGER);
            let stated = Numeral::parse(text).ok();
            integer(argument).is_some_and(|argument| stated.as_ref().and_then(integer) == Some(argument))
        }
        Json::Null | Json::Array(_) | Json::Object(_) => false,
    }
}
