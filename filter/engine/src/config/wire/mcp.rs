//! What only an MCP resource has: events, origins of pages, the form of denials, what annotations are worth, and arguments that
//! header fields repeat.

use std::collections::BTreeMap;

use countersign_protocols::action::mcp as action;
use countersign_protocols::catalogue::{Annotations, Denials, Mirrored, PinScope, Protocol, Tool};
use serde_json::Value;
#[cfg(test)]
use serde_json::json;

use super::resource::ResourceKeys;
#[cfg(test)]
use super::tool::{ToolKeys, of_tools, with_a_schema};
use super::tool::{Unstated, terms};
use crate::config::key::{Defaulted, Flag, Key, Optional, Own, Parsed, Required, defaulted, keys, optional, required};
use crate::config::names::Names;
use crate::config::read::{Node, Object};
#[cfg(test)]
use crate::config::schema::reference;
use crate::config::text;

keys! {
    /// How denials are put to clients of an MCP resource. Problems of credentials and messages keep their HTTP status.
    pub(super) struct DenialKeys;

    /// The JSON-RPC code of what is answered with HTTP status 403; not of the range that JSON-RPC and MCP keep for
    /// themselves (-32768 to -32020). Unless stated: -31403.
    const CODE: Optional<Own> = optional("code", Own) => json!({
        "type": "integer",
        "minimum": i32::MIN,
        "maximum": i32::MAX,
        "not": { "minimum": RESERVED.start(), "maximum": RESERVED.end() },
        "examples": [-32001]
    });

    /// Tell the model, in the tool's result (`isError`, HTTP status 200), what policy forbids, instead of the client in
    /// an error.
    const TOOL_RESULT: Defaulted<Flag> = defaulted("tool_result", Flag, false);
}

keys! {
    /// An event of an MCP resource.
    pub(super) struct EventKeys => with_a_schema();

    /// As the server's list of events spells it.
    const NAME: Required<Parsed<String>> = required("name", text::EVENT_NAME);

    /// The risk of everything that is about the event. Unless stated: the resource's.
    use ToolKeys::RISK;

    /// Words of your choice, for policies to read.
    use ToolKeys::LABELS;

    /// The JSON Schema of a subscription's arguments: the event's `inputSchema`. Without it, policy cannot read them.
    use ToolKeys::INPUT_SCHEMA;

    use ToolKeys::ADDITIONAL_ARGUMENTS => of_tools("additional_arguments");

    use ToolKeys::DERIVED => of_tools("derived");

    /// JSON Pointers to the arguments that say where something goes (URLs, addresses, hosts). Where events are
    /// delivered is one anyway.
    use ToolKeys::DESTINATIONS;

    use ToolKeys::AUTHENTICATION => reference("authentication");

    /// Arguments that approvers must not see.
    use ToolKeys::REDACT;
}

/// The property of a schema that names the header field (MCP 2026-07-28, Schema Extension).
const ANNOTATION: &str = "x-mcp-header";
/// JSON-RPC's own codes and those that MCP keeps for itself; -32019 to -32000 are implementations' of old.
const RESERVED: std::ops::RangeInclusive<i64> = -32768..=-32020;
/// Keywords whose values are data, not schemas.
const DATA: [&str; 4] = ["const", "default", "enum", "examples"];

/// Origins whose pages may ask, if they are stated, and how denials are put.
#[expect(clippy::option_option, reason = "unreadable and absent are different answers")]
pub(super) fn browsers_and_denials(
    object: &mut Object<'_>,
    protocol: Option<Protocol>,
) -> (Option<Option<Vec<String>>>, Option<Denials>) {
    if protocol == Some(Protocol::Http) {
        let remedy = "only an MCP resource has it; remove it, or write `protocol: mcp`";
        let absent = object.forbid(&[ResourceKeys::ALLOWED_ORIGINS.name, ResourceKeys::DENIALS.name], remedy);
        return (absent.map(|()| None), absent.map(|()| Denials::default()));
    }
    let origins = object.optional(&ResourceKeys::ALLOWED_ORIGINS);
    (origins, object.or_else(&ResourceKeys::DENIALS, Denials::default(), denials))
}

/// What its tools' annotations do to risk; unless stated, they raise it.
pub(super) fn annotations(object: &mut Object<'_>, protocol: Option<Protocol>) -> Option<Annotations> {
    only_of_mcp(object, protocol, ResourceKeys::ANNOTATIONS.name)?;
    object.or(&ResourceKeys::ANNOTATIONS)
}

/// Whose lists count for a call: unless stated, the caller's own.
pub(super) fn pin_scope(object: &mut Object<'_>, protocol: Option<Protocol>) -> Option<PinScope> {
    only_of_mcp(object, protocol, ResourceKeys::PIN_SCOPE.name)?;
    object.or(&ResourceKeys::PIN_SCOPE)
}

/// Fields that the server chooses lists by; of others only the transport's own go with a request for one where tools are `pinned`.
pub(super) fn list_headers(object: &mut Object<'_>, protocol: Option<Protocol>, pinned: bool) -> Option<Vec<String>> {
    only_of_mcp(object, protocol, ResourceKeys::LIST_HEADERS.name)?;
    object.or_with(&ResourceKeys::LIST_HEADERS, |node| {
        let fields = ResourceKeys::LIST_HEADERS.read(node)?;
        if !fields.is_empty() && !pinned {
            return node
                .refuse("only requests for lists of pinned tools go without others; `pin` a tool, or remove this");
        }
        Some(fields)
    })
}

/// Declared events, each under the name it has for every method that is about events. `unstated` is what the resource says of what does not say it itself.
pub(super) fn events(
    object: &mut Object<'_>,
    protocol: Option<Protocol>,
    unstated: Unstated,
) -> Option<BTreeMap<String, Tool>> {
    only_of_mcp(object, protocol, ResourceKeys::EVENTS.name)?;
    let mut names = Names::new("names are unique, choose another");
    let read = |node: &Node<'_>| node.list(|node| event(node, unstated, &mut names));
    let events = object.or_else(&ResourceKeys::EVENTS, Vec::new(), read)?;
    let of_methods = events.iter().flat_map(|event| {
        action::about_events().map(move |(method, _)| {
            let name = action::declared(method, &event.name);
            (name.clone(), Tool { name, ..event.clone() })
        })
    });
    Some(of_methods.collect())
}

fn event(node: &Node<'_>, unstated: Unstated, names: &mut Names) -> Option<Tool> {
    node.object(|object| {
        let name = object.required_with(&EventKeys::NAME, "write it as the server's list of events does", |node| {
            let name = EventKeys::NAME.read(node)?;
            names.claim(node, &name)?;
            Some(name)
        });
        terms(object, name, unstated)
    })
}

fn only_of_mcp(object: &mut Object<'_>, protocol: Option<Protocol>, key: &'static str) -> Option<()> {
    if protocol.is_none_or(|protocol| protocol == Protocol::Mcp) {
        return Some(());
    }
    object.forbid(&[key], "only an MCP resource has it; remove it, or write `protocol: mcp`")
}

fn denials(node: &Node<'_>) -> Option<Denials> {
    node.object(|object| {
        let code = object.optional_with(&DenialKeys::CODE, code);
        let tool_result = object.or(&DenialKeys::TOOL_RESULT);
        Some(Denials { code: code?, tool_result: tool_result? })
    })
}

fn code(node: &Node<'_>) -> Option<i32> {
    let Some(code) = node.value().as_i64() else {
        return node.mismatch("a whole number", "write a code such as `-32001`, without quotes");
    };
    match i32::try_from(code) {
        Ok(narrow) if !RESERVED.contains(&code) => Some(narrow),
        Ok(_) | Err(_) => node.refuse(format!(
            "`{code}` is out of bounds; choose a 32-bit code outside -32768 to -32020, which JSON-RPC and MCP keep for themselves"
        )),
    }
}

/// The arguments that `schema`, a tool's, wants repeated.
pub(super) fn mirrored(node: &Node<'_>, schema: &Value) -> Option<Vec<Mirrored>> {
    let mut found = Vec::new();
    match walk(schema, &mut Vec::new(), &mut found) {
        Ok(()) => Some(found),
        Err(message) => {
            node.refuse(format!("{message}; clients drop such a tool, copy its `inputSchema` as it should be"))
        }
    }
}

/// `path` leads to `schema` by properties alone.
fn walk(schema: &Value, path: &mut Vec<String>, found: &mut Vec<Mirrored>) -> Result<(), String> {
    let Value::Object(keywords) = schema else { return Ok(()) };
    if let Some(name) = keywords.get(ANNOTATION) {
        let field = field(name)?;
        let kind = keywords.get("type").and_then(Value::as_str).unwrap_or_default();
        if path.is_empty() || !["string", "integer", "boolean"].contains(&kind) {
            return Err(format!("`{ANNOTATION}` of `{field}` is not at a string, an integer or a boolean"));
        }
        if found.iter().any(|mirrored| mirrored.field == field) {
            return Err(format!("`{field}` is the header of two arguments"));
        }
        found.push(Mirrored { field, path: path.clone() });
    }
    for (keyword, value) in keywords {
        let keyword = keyword.as_str();
        if let ("properties", Value::Object(properties)) = (keyword, value) {
            for (name, property) in properties {
                path.push(name.clone());
                walk(property, path, found)?;
                path.pop();
            }
        } else if keyword != ANNOTATION && !DATA.contains(&keyword) && is_annotated(value) {
            return Err(format!("`{ANNOTATION}` is below `{keyword}`, where no single argument is meant"));
        }
    }
    Ok(())
}

fn field(name: &Value) -> Result<String, String> {
    let name = name.as_str().unwrap_or_default().to_ascii_lowercase();
    // Names that differ in `-` and `_` only are one name to some servers.
    let folded = name.replace('_', "-");
    match http::HeaderName::from_lowercase(folded.as_bytes()) {
        Ok(_) => Ok(format!("mcp-param-{folded}")),
        Err(_) => Err(format!("{name:?} as `{ANNOTATION}` is not the name of a header")),
    }
}

/// Whether anything in `value` is annotated, whatever it is.
fn is_annotated(value: &Value) -> bool {
    match value {
        Value::Object(members) => members.iter().any(|(key, value)| key == ANNOTATION || is_annotated(value)),
        Value::Array(items) => items.iter().any(is_annotated),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}
