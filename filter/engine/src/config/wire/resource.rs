//! A protected resource: which requests are for it, how it is spoken to, and what its tools risk.

mod metadata;

use countersign_facts::rollout::Mode;
use countersign_protocols::catalogue::{Annotations, Card, Match, PathMatch, PinScope, Protocol, Resource, Risk};
use countersign_trust::credential::Issuer;
#[cfg(test)]
use serde_json::{Value, json};

#[cfg(test)]
use self::metadata::MetadataKeys;
use self::metadata::metadata;
use super::authentication::authentication;
use super::interface::interface;
use super::tool::{Unstated, tools};
use super::{MODE, Seen, mcp};
use crate::config::address::{self, Address};
use crate::config::key::{Choice, Defaulted, Defined, Distinct, Flag, Key, Optional, Own, Parsed, Required, Text};
use crate::config::key::{choice, defaulted, distinct, keys, named, optional, required};
use crate::config::read::{Node, Object};
#[cfg(test)]
use crate::config::schema::{pattern, reference};
use crate::config::text;

/// How much harm an action can do.
pub(super) const RISK: Defined<Choice<Risk>> = Defined {
    notation: named("risk", &Risk::ALL, Risk::name),
    #[cfg(test)]
    name: "risk",
};

/// Whether arguments pass that a schema does not name.
pub(super) const ADDITIONAL: Choice<bool> = choice("treatment", &[("refuse", false), ("allow", true)]);

const PROTOCOL: Choice<Protocol> = choice(
    "protocol",
    &[("mcp", Protocol::Mcp), ("http", Protocol::Http), ("a2a", Protocol::A2a), ("grpc", Protocol::Grpc)],
);

keys! {
    /// A protected resource: which requests are for it, how it is spoken to, and what its tools risk.
    pub(super) struct ResourceKeys => together();

    const NAME: Required<Parsed<String>> = required("name", text::NAME);

    const MATCH: Required<Own> = required("match", Own) => MatchKeys::schema();

    /// How the resource is spoken to.
    const PROTOCOL: Required<Choice<Protocol>> = required("protocol", PROTOCOL);

    /// Whether decisions about its requests are done, as the filter's own `mode` has it: a resource can be in audit by
    /// itself. Under an auditing filter every resource is.
    const MODE: Defaulted<Defined<Choice<Mode>>> = defaulted("mode", MODE, Mode::Enforce);

    /// The risk of whatever is not declared more exactly.
    const RISK: Defaulted<Defined<Choice<Risk>>> = defaulted("risk", RISK, Risk::Medium);

    /// What a connection may be upgraded to, with `protocol: http`. The request is decided; what is said afterwards is
    /// not seen, so nothing that can ask for a step-up is upgraded. The gateway must allow upgrades too
    /// (`upgrade_configs`).
    const UPGRADES: Optional<Distinct<Choice<&'static str>>> =
        optional("upgrades", distinct(choice("upgrade", &[("websocket", "websocket")])));

    /// Scheme and host as clients know them, which DPoP proofs are made for. Unless stated: the request's own.
    const ORIGIN: Optional<Parsed<String>> = optional("origin", address::ORIGIN)
        => json!({ "examples": ["https://tools.example.com"] });

    /// Where pages in browsers may ask an MCP resource from (`Origin`; others get 403). Unless stated: from its
    /// `origin`, that of its `identifier`, and the host it is matched by. An empty list: no page.
    const ALLOWED_ORIGINS: Optional<Distinct<Parsed<String>>> =
        optional("allowed_origins", distinct(address::ORIGIN))
        => json!({ "examples": [["https://app.example.com"]] });

    const DENIALS: Optional<Own> = optional("denials", Own) => reference("denials");

    /// What an MCP server's tool lists do to the risk of its tools. `raise`: a tool that says it is destructive is of
    /// high risk at least; one that says that it changes things or reaches into an open world, and an undeclared one
    /// with an argument that is a URI, of medium risk at least; nothing it says lowers a risk. `trust`: of a tool that
    /// is not declared and has annotations they are the risk (`readOnlyHint`: low; `destructiveHint: false`: medium;
    /// else high), those of declared tools raise. `ignore`: nothing. Whom it concerns, `pin_scope` says; what was seen
    /// holds for 24 hours after it was seen last.
    const ANNOTATIONS: Defaulted<Choice<Annotations>> = defaulted(
        "annotations",
        named("use of annotations", &Annotations::ALL, Annotations::name),
        Annotations::Raise
    );

    /// Whose lists of an MCP server's tools count for a call: what they showed of a pinned tool, and what annotations
    /// raise. `workload`: the caller's own (issuer, subject, outermost actor); what two others saw since anybody saw
    /// the tool otherwise holds for whoever did not list it, until they do. `all`: everybody's, so that one list that
    /// shows a pinned tool changed keeps all from calling it.
    const PIN_SCOPE: Defaulted<Choice<PinScope>> =
        defaulted("pin_scope", named("scope", &PinScope::ALL, PinScope::name), PinScope::Workload);

    /// Header fields by which an MCP server chooses what it lists, or the gateway its route. Where a tool is pinned,
    /// requests for lists go upstream without any others, but for the transport's own and those that say who calls.
    const LIST_HEADERS: Defaulted<Distinct<Parsed<String>>> =
        defaulted("list_headers", distinct(text::LIST_HEADER), Vec::new())
        => json!({ "examples": [["x-tenant"]] });

    /// Header fields that are no credential for it, whatever is in them: `authorization`, `txn-token`, or the `header`
    /// of an issuer. They are not looked at and do not go upstream, so that a request may have them beside its
    /// credential.
    const STRIP_CREDENTIALS: Defaulted<Distinct<Text>> =
        defaulted("strip_credentials", distinct(Text), Vec::new())
        => json!({ "items": pattern(text::HEADER), "examples": [["authorization"]] });

    /// What clients and issuers call it (RFC 9728 `resource`, RFC 9396 `locations`): an https URL without query.
    const IDENTIFIER: Optional<Parsed<Address>> = optional("identifier", address::IDENTIFIER)
        => json!({ "examples": ["https://tools.example.com/mcp"] });

    const METADATA: Optional<Own> = optional("metadata", Own) => MetadataKeys::schema();

    const AUTHENTICATION: Optional<Own> = optional("authentication", Own) => reference("authentication");

    /// The resource's RFC 9728 metadata where something else serves it, named to clients in challenges. https, or http
    /// on a loopback host. Not beside `metadata`.
    const METADATA_URL: Optional<Parsed<String>> = optional("metadata_url", address::METADATA_URL);

    /// Tools of an MCP resource, with unique names. A tool that is not declared has the resource's risk and no
    /// arguments that policy can read.
    const TOOLS: Optional<Own> = optional("tools", Own) => all(&reference("tool"));

    /// Events of an MCP resource (SEP-3415), with unique names. For policies each is
    /// `Action::"<resource>/events/subscribe/<name>"` and the same with `events/unsubscribe`, `events/poll` and
    /// `events/stream`. An event that is not declared has the resource's risk and no arguments that policy can read.
    const EVENTS: Optional<Own> = optional("events", Own) => all(&reference("event"));

    /// Endpoints of an HTTP API, with unique names. Of two templates that match the same paths one must say more in
    /// every segment, and wins.
    const ENDPOINTS: Optional<Own> = optional("endpoints", Own) => all(&reference("endpoint"));

    /// Methods of a gRPC service, with unique names. A method that is not declared has the resource's risk and no
    /// arguments.
    const METHODS: Optional<Own> = optional("methods", Own) => all(&reference("grpc_method"));

    /// What becomes of arguments that the `input_schema` of a tool, endpoint or method does not name, where that does
    /// not say it itself: `additional_arguments` there.
    const ADDITIONAL_ARGUMENTS: Defaulted<Choice<bool>> = defaulted("additional_arguments", ADDITIONAL, false);

    /// What happens to a request of an HTTP API or a gRPC service that is for nothing declared: policy decides about it
    /// by method and path, or it is denied.
    const UNDECLARED: Defaulted<Choice<bool>> =
        defaulted("undeclared", choice("treatment", &[("decide", false), ("deny", true)]), false);

    /// Whether an HTTP resource that matches every path can be asked for a tunnel (`CONNECT`). What is inside a tunnel
    /// is not seen.
    const CONNECT: Defaulted<Flag> = defaulted("connect", Flag, false);

    /// Whether an HTTP resource is the way out: clients name the gateway as their proxy. Its credential is in
    /// Proxy-Authorization, `Authorization` is for somebody else and goes on untouched, no identity headers are added,
    /// and challenges are 407.
    const EGRESS: Defaulted<Flag> = defaulted("egress", Flag, false);

    /// Media types of forms that pass unread where no endpoint declares them: `application/x-www-form-urlencoded` (a
    /// body without a media type counts as one), `multipart/form-data`, or `multipart/*` for all of these. Others are
    /// refused (`unread_body`): servers take a method, a credential or an argument from a form, whatever the head says.
    const UNREAD_FORMS: Defaulted<Distinct<Parsed<String>>> =
        defaulted("unread_forms", distinct(text::FORM), Vec::new());

    /// Who sees an A2A agent's card (`/.well-known/agent-card.json` on its host and below its path): whoever asks,
    /// without a credential, or whoever policy lets. An extended card is always decided.
    const AGENT_CARD: Defaulted<Choice<Card>> = defaulted(
        "agent_card", choice("treatment", &[("public", Card::Public), ("decide", Card::Decided)]), Card::Public
    );
}

/// Any number of `items`.
#[cfg(test)]
fn all(items: &Value) -> Value {
    json!({ "type": "array", "default": [], "items": items })
}

/// Which keys each protocol has.
#[cfg(test)]
fn together() -> Value {
    let of = |protocol: &str| json!({ "required": ["protocol"], "properties": { "protocol": { "const": protocol } } });
    json!({
        "allOf": [
            {
                "if": of("a2a"),
                "then": { "properties": { "additional_arguments": false } },
                "else": { "properties": { "agent_card": false } }
            },
            {
                "if": of("mcp"),
                "else": {
                    "properties": {
                        "tools": false,
                        "allowed_origins": false,
                        "denials": false,
                        "annotations": false,
                        "pin_scope": false,
                        "list_headers": false,
                        "events": false
                    }
                }
            },
            {
                "if": of("http"),
                "else": { "properties": { "endpoints": false, "connect": false, "egress": false, "unread_forms": false } }
            },
            {
                "if": { "required": ["egress"], "properties": { "egress": { "const": true } } },
                "then": { "properties": { "strip_credentials": { "maxItems": 0 } } }
            },
            { "if": of("grpc"), "else": { "properties": { "methods": false } } },
            {
                "if": { "required": ["protocol"], "properties": { "protocol": { "enum": ["http", "grpc"] } } },
                "else": { "properties": { "undeclared": false } }
            }
        ]
    })
}

keys! {
    /// Which requests are for the resource. Everything stated must match; at least one thing is stated.
    struct MatchKeys => json!({ "minProperties": 1 });

    /// The host clients name, with its port if they name one. No wildcards.
    const HOST: Optional<Parsed<String>> = optional("host", address::HOST)
        => json!({ "examples": ["tools.example.com", "localhost:8080"] });

    const PATH: Optional<Parsed<PathMatch>> = optional("path", address::PATH) => json!({ "default": "/*" });

    /// The gateway's name of the route it chose.
    const ROUTE: Optional<Text> = optional("route", Text);

    /// Whether the server is known to tell paths apart by case, by a slash at the end and by escapes. Unless it is,
    /// what a lenient server takes for the path, or for the path of an endpoint, and no path that says as much admits
    /// as it stands, is refused (`near_miss`): it would be done without the rules that are for it.
    const EXACT: Defaulted<Flag> = defaulted("exact", Flag, false);
}

/// One entry of `resources`.
pub(super) fn resource(node: &Node<'_>, issuers: &[Issuer], seen: &mut Seen) -> Option<Resource> {
    node.object(|object| {
        let name = object.required_with(&ResourceKeys::NAME, "choose one, for policies and records", |node| {
            let name = ResourceKeys::NAME.read(node)?;
            seen.resource_names.claim(node, &name)?;
            Some(name)
        });
        let matching = object.required_with(&ResourceKeys::MATCH, "state `host`, `path` or `route`", |node| {
            let matching = matching(node)?;
            seen.matches.claim(node, &matching)?;
            Some(matching)
        });
        let protocol = object.required(&ResourceKeys::PROTOCOL, "write `mcp`, `http`, `a2a` or `grpc`");
        let mode = object.or(&ResourceKeys::MODE);
        let risk = object.or(&ResourceKeys::RISK);
        let identifier = object.optional_with(&ResourceKeys::IDENTIFIER, |node| {
            let address = ResourceKeys::IDENTIFIER.read(node)?;
            let text = node.text()?;
            seen.identifiers.claim(node, text)?;
            Some((text.to_owned(), address))
        });
        let metadata = object.optional_with(&ResourceKeys::METADATA, |node| {
            let known = identifier.as_ref().map(Option::as_ref);
            metadata(node, known, issuers)
        });
        let metadata_url = object.optional_with(&ResourceKeys::METADATA_URL, |node| {
            if let Some(Some(_)) = metadata {
                return node.refuse("the filter serves the metadata itself; remove this, or `metadata`");
            }
            ResourceKeys::METADATA_URL.read(node)
        });
        let authentication = object.optional_with(&ResourceKeys::AUTHENTICATION, authentication);
        let origin = object.optional(&ResourceKeys::ORIGIN);
        let (allowed_origins, denials) = mcp::browsers_and_denials(object, protocol);
        let annotations = mcp::annotations(object, protocol);
        let pin_scope = mcp::pin_scope(object, protocol);
        let upgrades = upgrades(object, protocol);
        let additional = object.or(&ResourceKeys::ADDITIONAL_ARGUMENTS);
        let unstated = Unstated {
            risk: risk.unwrap_or(ResourceKeys::RISK.default),
            additional: additional.unwrap_or(ResourceKeys::ADDITIONAL_ARGUMENTS.default),
        };
        let tools = tools(object, protocol, unstated);
        let events = mcp::events(object, protocol, unstated);
        let pinned = tools.as_ref().is_none_or(|tools| tools.values().any(|tool| tool.pin.is_some()));
        let list_headers = mcp::list_headers(object, protocol, pinned);
        let strip_credentials = object.or_with(&ResourceKeys::STRIP_CREDENTIALS, |node| {
            let carrier = |text: &str| text::carrier(text, &seen.credential_headers);
            ResourceKeys::STRIP_CREDENTIALS.notation.read_with(node, |node| node.parse(carrier))
        });
        let interface = interface(object, protocol, matching.as_ref(), unstated);
        additional?;
        let metadata = metadata?;
        let served = metadata.as_ref();
        let (interface, declared) = interface?;
        let strip_credentials = strip_credentials?;
        if interface.egress && !strip_credentials.is_empty() {
            let told = "on the way out only `Proxy-Authorization` is a credential, and never goes on; remove it";
            return object.node().refuse_member(ResourceKeys::STRIP_CREDENTIALS.name, told);
        }
        let mut arguments = interface.metadata.values().flatten();
        if let Some(name) = arguments.find(|name| seen.credential_headers.contains(name)) {
            let told =
                format!("`{name}` carries the tokens of an issuer, and arguments are for policies to read; remove it");
            return object.node().refuse_member(ResourceKeys::METHODS.name, told);
        }
        let mut tools = tools?;
        tools.extend(declared);
        tools.extend(events?);
        Some(Resource {
            name: name?,
            matching: matching?,
            protocol: protocol?,
            mode: mode?,
            tools,
            interface,
            risk: risk?,
            metadata_url: metadata_url?.or_else(|| served.map(|(_, url)| url.clone())),
            identifier: identifier?.map(|(text, _)| text),
            metadata: metadata.map(|(metadata, _)| metadata),
            authentication: authentication?,
            origin: origin?,
            allowed_origins: allowed_origins?,
            denials: denials?,
            annotations: annotations?,
            pin_scope: pin_scope?,
            list_headers: list_headers?,
            strip_credentials,
            upgrades: upgrades?,
        })
    })
}

fn matching(node: &Node<'_>) -> Option<Match> {
    node.object(|object| {
        let host = object.optional(&MatchKeys::HOST);
        let path = object.optional(&MatchKeys::PATH);
        let route = object.optional(&MatchKeys::ROUTE);
        let exact = object.or(&MatchKeys::EXACT);
        if let (Some(None), Some(None), Some(None)) = (&host, &path, &route) {
            return object.node().refuse("states nothing; state `host`, `path` or `route` (`path: /*` is every path)");
        }
        let path = path?.unwrap_or(PathMatch::Below(String::new()));
        Some(Match { host: host?, path, route: route?, exact: exact? })
    })
}

/// What a connection may be upgraded to. Of MCP nothing: every message of it is decided.
fn upgrades(object: &mut Object<'_>, protocol: Option<Protocol>) -> Option<Vec<String>> {
    if protocol == Some(Protocol::Mcp) {
        let remedy = "only an HTTP resource upgrades; remove them, or write `protocol: http`";
        object.forbid(&[ResourceKeys::UPGRADES.name], remedy)?;
    }
    let upgrades = object.optional(&ResourceKeys::UPGRADES)?.unwrap_or_default();
    Some(upgrades.into_iter().map(str::to_owned).collect())
}
