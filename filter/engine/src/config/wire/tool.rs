//! A tool: what it risks, what its arguments are, and what is said of them. Endpoints, methods and events say most of that alike.

use std::collections::BTreeMap;

use countersign_protocols::bounds::{ArgumentPlace, Bounds};
use countersign_protocols::catalogue::{Protocol, Risk, Tool};
use countersign_protocols::shape::InputSchema;
#[cfg(test)]
use serde_json::{Value, json};

use super::authentication::authentication;
use super::mcp;
use super::resource::{ADDITIONAL, RISK, ResourceKeys};
use crate::config::key::{
    Choice, Defaulted, Defined, Distinct, Document, Key, Notation, Optional, Own, Parsed, Required, Text,
};
use crate::config::key::{defaulted, distinct, keys, optional, required};
use crate::config::names::Names;
use crate::config::read::{Node, Object};
#[cfg(test)]
use crate::config::schema::reference;
use crate::config::text;

keys! {
    /// A tool of an MCP resource.
    pub(super) struct ToolKeys => with_a_schema();

    /// As the server's tool list spells it.
    const NAME: Required<Parsed<String>> = required("name", text::TOOL_NAME);

    /// The tool's risk. Unless stated: the resource's.
    const RISK: Optional<Defined<Choice<Risk>>> = optional("risk", RISK);

    /// Words of your choice, for policies to read.
    const LABELS: Defaulted<Distinct<Text>> = defaulted("labels", distinct(Text), Vec::new())
        => json!({ "examples": [["external"]] });

    /// The JSON Schema of the tool's arguments: the tool's `inputSchema`. Without it, policy cannot read them.
    const INPUT_SCHEMA: Optional<Document> = optional("input_schema", Document);

    /// What becomes of arguments that `input_schema` does not name, in objects within them too. `refuse`: a call with
    /// one is refused (`arguments_unfit`, and the answer names the argument), but where the schema says
    /// `additionalProperties: true`. `allow`: they pass, but for names that a policy which can apply, a grant for the
    /// action or a rule about risk asks for, in any case. Unless stated: as the resource has it.
    const ADDITIONAL_ARGUMENTS: Optional<Choice<bool>> = optional("additional_arguments", ADDITIONAL);

    /// What policies read of the arguments that Cedar cannot say itself, such as that every path of a list is below
    /// /data: for each name (`context.args.<name>`, true or false) what must hold, as grants write it. Of an argument
    /// that is absent, or an empty list, nothing holds. A call cannot carry an argument of such a name.
    const DERIVED: Optional<Own> = optional("derived", Own) => json!({
        "type": "object",
        "minProperties": 1,
        "propertyNames": { "pattern": "^[a-z][a-z0-9_]*$", "maxLength": 64 },
        "additionalProperties": { "$ref": "#/$defs/grant/properties/arguments", "minProperties": 1 },
        "examples": [{ "in_data": { "/paths/*": { "prefix": "/data/" } } }]
    });

    /// What the server must say about the tool: SHA-256 of the RFC 8785 form of its `name`, `description`,
    /// `inputSchema` and `annotations`. A list that shows it otherwise leaves it out and has an `ended` line that says
    /// `tool_changed`; calls of it by whoever got that list are refused from then on, until it is pinned again or was
    /// not seen changed for 24 hours (`pin_scope` says whom else it concerns).
    const PIN: Optional<Parsed<[u8; 32]>> = optional("pin", text::DIGEST)
        => json!({ "examples": ["sha-256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"] });

    /// JSON Pointers to the arguments that say where a call goes (URLs, addresses, hosts).
    const DESTINATIONS: Defaulted<Distinct<Parsed<String>>> =
        defaulted("destinations", distinct(text::POINTER), Vec::new());

    const AUTHENTICATION: Optional<Own> = optional("authentication", Own) => reference("authentication");

    /// Arguments that approvers must not see.
    const REDACT: Defaulted<Distinct<Parsed<String>>> =
        defaulted("redact", distinct(text::POINTER), Vec::new());
}

/// What the schema says of `key` of tools.
#[cfg(test)]
pub(super) fn of_tools(key: &str) -> Value {
    reference(&format!("tool/properties/{key}"))
}

/// Where no arguments are declared, there is nothing to say of them.
#[cfg(test)]
pub(super) fn with_a_schema() -> Value {
    json!({ "dependentRequired": { "additional_arguments": ["input_schema"], "derived": ["input_schema"] } })
}

/// What its resource says of a tool that does not say it itself.
#[derive(Clone, Copy)]
pub(super) struct Unstated {
    pub(super) risk: Risk,
    /// Whether arguments pass that its schema does not name and nobody asks for.
    pub(super) additional: bool,
}

/// The list `tools`, by name.
pub(super) fn tools(
    object: &mut Object<'_>,
    protocol: Option<Protocol>,
    unstated: Unstated,
) -> Option<BTreeMap<String, Tool>> {
    if protocol.is_some_and(|protocol| protocol != Protocol::Mcp) {
        let why = "only an MCP resource has tools; remove them, or write `protocol: mcp`";
        object.forbid(&[ResourceKeys::TOOLS.name], why)?;
    }
    let mut names = Names::new("names are unique, choose another");
    let read = |node: &Node<'_>| node.list(|node| tool(node, unstated, &mut names));
    let tools = object.or_else(&ResourceKeys::TOOLS, Vec::new(), read)?;
    Some(tools.into_iter().map(|tool| (tool.name.clone(), tool)).collect())
}

fn tool(node: &Node<'_>, unstated: Unstated, names: &mut Names) -> Option<Tool> {
    node.object(|object| {
        let name = object.required_with(&ToolKeys::NAME, "write it as the server's tool list does", |node| {
            let name = ToolKeys::NAME.read(node)?;
            names.claim(node, &name)?;
            Some(name)
        });
        let pin = object.optional(&ToolKeys::PIN);
        let tool = terms(object, name, unstated);
        Some(Tool { pin: pin?, ..tool? })
    })
}

/// What is said about a tool, an endpoint or a gRPC method besides its name and how it is asked for.
pub(super) fn terms(object: &mut Object<'_>, name: Option<String>, unstated: Unstated) -> Option<Tool> {
    let risk = object.or_else(&ToolKeys::RISK, unstated.risk, |node| ToolKeys::RISK.read(node));
    let labels = object.or(&ToolKeys::LABELS);
    let input_schema = object.optional_with(&ToolKeys::INPUT_SCHEMA, |node| {
        if node.value().is_object() {
            let mirrored = mcp::mirrored(node, node.value())?;
            return Some((node.value().clone(), mirrored));
        }
        node.mismatch("a JSON Schema", "copy the tool's `inputSchema`")
    });
    let (input_schema, mirrored) = input_schema.map(Option::unzip).unzip();
    let input_schema = input_schema.map(|schema| schema.map(InputSchema::from));
    let schema = input_schema.as_ref().and_then(Option::as_ref);
    let mut places = |key: &Defaulted<Distinct<Parsed<String>>>| {
        object.or_with(key, |node| key.notation.read_with(node, |node| place(node, schema)))
    };
    let (redact, destinations) = (places(&ToolKeys::REDACT), places(&ToolKeys::DESTINATIONS));
    let authentication = object.optional_with(&ToolKeys::AUTHENTICATION, authentication);
    let additional = object.or_else(&ToolKeys::ADDITIONAL_ARGUMENTS, unstated.additional, |node| match &input_schema {
        Some(None) => node.refuse("without an `input_schema` every argument is additional; write one, or remove this"),
        Some(Some(_)) | None => ToolKeys::ADDITIONAL_ARGUMENTS.read(node),
    });
    let derived = object.or_else(&ToolKeys::DERIVED, BTreeMap::new(), |node| match &input_schema {
        Some(None) => node.refuse("there are no arguments to derive from; write an `input_schema`, or remove this"),
        Some(Some(schema)) => derived(node, schema),
        None => None,
    });
    let (input_schema, additional, derived) = (input_schema?, additional?, derived?);
    let input_schema = input_schema.map(|schema| if derived.is_empty() { schema } else { schema.deriving(derived) });
    Some(Tool {
        name: name?,
        risk: risk?,
        labels: labels?,
        input_schema: if additional { input_schema.map(InputSchema::admitting_additional) } else { input_schema },
        redact: redact?,
        destinations: destinations?,
        pin: None,
        authentication: authentication?,
        mirrored: mirrored?.unwrap_or_default(),
    })
}

/// What is worked out of arguments that have this `schema`: by name, what must hold.
fn derived(node: &Node<'_>, schema: &InputSchema) -> Option<BTreeMap<String, Bounds>> {
    let all = node.map(|name, node| {
        if text::claim(name).is_err() {
            return node.refuse(format!("{name:?} is not a name that policies could use; use a-z, 0-9 and `_`"));
        }
        if schema.argument(name).is_some() {
            return node.refuse("`input_schema` declares an argument of this name; choose another");
        }
        let bounds = match Bounds::parse(node.value()) {
            Ok(bounds) => bounds,
            Err(error) => {
                let form = "write it as a grant's `arguments`, such as `{ /paths/*: { prefix: /data/ } }`";
                return node.refuse(format!("{error}; {form}"));
            }
        };
        for place in bounds.places() {
            if place.may_be_one_item() && !schema.declares(place) {
                return node.refuse(text::one_item(place));
            }
            if schema.types().is_ok() && !schema.could_have(place) {
                return node.refuse(format!("`input_schema` declares nothing at `{place}`; correct the pointer"));
            }
        }
        Some((name.to_owned(), bounds))
    })?;
    if all.is_empty() { node.refuse("names nothing; remove it") } else { Some(all.into_iter().collect()) }
}

/// A place in arguments that have this `schema`.
fn place(node: &Node<'_>, schema: Option<&InputSchema>) -> Option<String> {
    let text = text::POINTER.read(node)?;
    let place = ArgumentPlace::parse(&text)?;
    let declared = !place.may_be_one_item() || schema.is_some_and(|schema| schema.declares(&place));
    if declared { Some(text) } else { node.refuse(text::one_item(&place)) }
}
