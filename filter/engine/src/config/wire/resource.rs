//! A protected resource: which requests are for it, how it is spoken to, and what its tools risk.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::rollout::Mode;
use countersign_protocols::bounds::{ArgumentPlace, Bounds};
use countersign_protocols::catalogue::{Demand, Match, Metadata, PathMatch, Protocol, Resource, Risk, Tool};
use countersign_protocols::shape::InputSchema;
use countersign_tokens::Scalar;
use countersign_trust::credential::Issuer;
use countersign_trust::possession::Bound;

use super::interface::interface;
use super::seen::Names;
use super::{Seen, distinct, distinct_scalars, mcp, mode};
use crate::config::address::{self, Address};
use crate::config::read::{Node, Object};
use crate::config::text;

const AUTHENTICATION_AGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 30);

/// One entry of `resources`.
pub(super) fn resource(node: &Node<'_>, issuers: &[Issuer], seen: &mut Seen) -> Option<Resource> {
    node.object(|object| {
        let name = object.required("name", "choose one, for policies and records", |node| {
            let name = node.parse(text::name)?;
            seen.resource_names.claim(node, &name)?;
            Some(name)
        });
        let matching = object.required("match", "state `host`, `path` or `route`", |node| {
            let matching = matching(node)?;
            seen.matches.claim(node, &matching)?;
            Some(matching)
        });
        let protocol = object.required("protocol", "write `mcp`, `http`, `a2a` or `grpc`", |node| {
            let [mcp, http] = [("mcp", Protocol::Mcp), ("http", Protocol::Http)];
            node.choice("protocol", &[mcp, http, ("a2a", Protocol::A2a), ("grpc", Protocol::Grpc)])
        });
        let mode = object.or("mode", Mode::Enforce, mode);
        let risk = object.or("risk", Risk::Medium, risk);
        let identifier = object.optional("identifier", |node| {
            let address = node.parse(address::identifier)?;
            let text = node.text()?;
            seen.identifiers.claim(node, text)?;
            Some((text.to_owned(), address))
        });
        let metadata = object.optional("metadata", |node| {
            let known = identifier.as_ref().map(Option::as_ref);
            metadata(node, known, issuers)
        });
        let metadata_url = object.optional("metadata_url", |node| {
            if let Some(Some(_)) = metadata {
                return node.refuse("the filter serves the metadata itself; remove this, or `metadata`");
            }
            node.parse(address::metadata_url)
        });
        let authentication = object.optional("authentication", authentication);
        let origin = object.optional("origin", |node| node.parse(address::origin));
        let (allowed_origins, denials) = mcp::browsers_and_denials(object, protocol);
        let annotations = mcp::annotations(object, protocol);
        let pin_scope = mcp::pin_scope(object, protocol);
        let upgrades = upgrades(object, protocol);
        let additional = object.or("additional_arguments", false, additional);
        let unstated = Unstated { risk: risk.unwrap_or(Risk::Medium), additional: additional.unwrap_or(false) };
        let tools = tools(object, protocol, unstated);
        let events = mcp::events(object, protocol, unstated);
        let pinned = tools.as_ref().is_none_or(|tools| tools.values().any(|tool| tool.pin.is_some()));
        let list_headers = mcp::list_headers(object, protocol, pinned);
        let strip_credentials = object.or("strip_credentials", Vec::new(), |node| {
            distinct(node, |node| node.parse(|text| text::carrier(text, &seen.credential_headers)))
        });
        let interface = interface(object, protocol, matching.as_ref(), unstated);
        additional?;
        let metadata = metadata?;
        let served = metadata.as_ref();
        let (interface, declared) = interface?;
        let strip_credentials = strip_credentials?;
        if interface.egress && !strip_credentials.is_empty() {
            let told = "on the way out only `Proxy-Authorization` is a credential, and never goes on; remove it";
            return object.node().refuse_member("strip_credentials", told);
        }
        let mut arguments = interface.metadata.values().flatten();
        if let Some(name) = arguments.find(|name| seen.credential_headers.contains(name)) {
            let told =
                format!("`{name}` carries the tokens of an issuer, and arguments are for policies to read; remove it");
            return object.node().refuse_member("methods", told);
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
        let host = object.optional("host", |node| node.parse(address::host));
        let path = object.optional("path", |node| node.parse(address::path_pattern));
        let route = object.optional("route", |node| node.text().map(str::to_owned));
        let exact = object.or("exact", false, Node::flag);
        if let (Some(None), Some(None), Some(None)) = (&host, &path, &route) {
            return object.node().refuse("states nothing; state `host`, `path` or `route` (`path: /*` is every path)");
        }
        let path = path?.unwrap_or(PathMatch::Below(String::new()));
        Some(Match { host: host?, path, route: route?, exact: exact? })
    })
}

/// What is served about the resource, and where.
#[expect(clippy::option_option, reason = "unreadable and absent are different answers")]
fn metadata(
    node: &Node<'_>,
    identifier: Option<Option<&(String, Address)>>,
    issuers: &[Issuer],
) -> Option<(Metadata, String)> {
    node.object(|object| {
        let servers = object.or("authorization_servers", servers(issuers), |node| {
            node.filled("authorization server", |node| {
                node.parse(address::url)?;
                node.text().map(str::to_owned)
            })
        });
        let scopes = object.or("scopes", Vec::new(), |node| distinct(node, |node| node.parse(text::scope)));
        let documentation = object.optional("documentation", |node| {
            node.parse(address::url)?;
            node.text().map(str::to_owned)
        });
        let Some((_, Address { scheme, authority, path })) = identifier? else {
            let remedy = "write `identifier: https://host/path` beside it";
            return object.node().refuse(format!("metadata is about an `identifier`; {remedy}"));
        };
        let servers = servers?;
        if servers.is_empty() {
            return object
                .node()
                .refuse("no issuer is a URL that clients could be sent to; write `authorization_servers`");
        }
        let path = format!("/.well-known/oauth-protected-resource{}", path.trim_end_matches('/'));
        let url = format!("{scheme}://{authority}{path}");
        let all = |bound: Bound| !issuers.is_empty() && issuers.iter().all(|issuer| issuer.binding.require == bound);
        let metadata = Metadata {
            path,
            authorization_servers: servers,
            scopes: scopes?,
            documentation: documentation?,
            dpop_required: all(Bound::Dpop),
            certificate_required: all(Bound::Certificate),
        };
        Some((metadata, url))
    })
}

/// The issuers that clients can be sent to: those that are URLs. Nobody is told which tenants are trusted.
fn servers(issuers: &[Issuer]) -> Vec<String> {
    let issuers = issuers.iter().filter(|issuer| issuer.voucher.rules.tenant_claim().is_none());
    let issuers = issuers.map(|issuer| issuer.voucher.rules.issuer());
    issuers.filter(|issuer| address::url(issuer).is_ok()).map(str::to_owned).collect()
}

/// How a person must have authenticated.
fn authentication(node: &Node<'_>) -> Option<Demand> {
    node.object(|object| {
        let classes = object.or("acr_values", Vec::new(), |node| distinct_scalars(node, class));
        let max_age = object.optional("max_age", |node| node.duration(&AUTHENTICATION_AGE));
        let (classes, max_age) = (classes?, max_age?);
        if classes.is_empty() && max_age.is_none() {
            return object.node().refuse("demands nothing; write `acr_values`, `max_age` or both");
        }
        Some(Demand { classes, max_age })
    })
}

/// A value of `acr`.
fn class(node: &Node<'_>) -> Option<Scalar> {
    match node.scalar()? {
        Scalar::Text(_) => node.parse(text::scope).map(Scalar::Text),
        number @ Scalar::Number(_) => Some(number),
    }
}

/// How risky something is.
pub(super) fn risk(node: &Node<'_>) -> Option<Risk> {
    node.choice("risk", &Risk::ALL.map(|risk| (risk.name(), risk)))
}

/// What a connection may be upgraded to. Of MCP nothing: every message of it is decided.
fn upgrades(object: &mut Object<'_>, protocol: Option<Protocol>) -> Option<Vec<String>> {
    if protocol == Some(Protocol::Mcp) {
        let remedy = "only an HTTP resource upgrades; remove them, or write `protocol: http`";
        object.forbid(&["upgrades"], remedy)?;
    }
    object.or("upgrades", Vec::new(), |node| {
        distinct(node, |node| node.choice("upgrade", &[("websocket", "websocket")]).map(str::to_owned))
    })
}

/// What its resource says of a tool that does not say it itself.
#[derive(Clone, Copy)]
pub(super) struct Unstated {
    risk: Risk,
    /// Whether arguments pass that its schema does not name and nobody asks for.
    additional: bool,
}

/// Whether arguments pass that a schema does not name.
fn additional(node: &Node<'_>) -> Option<bool> {
    node.choice("treatment", &[("refuse", false), ("allow", true)])
}

fn tools(object: &mut Object<'_>, protocol: Option<Protocol>, unstated: Unstated) -> Option<BTreeMap<String, Tool>> {
    if protocol.is_some_and(|protocol| protocol != Protocol::Mcp) {
        object.forbid(&["tools"], "only an MCP resource has tools; remove them, or write `protocol: mcp`")?;
    }
    let mut names = Names::new("names are unique, choose another");
    let tools = object.or("tools", Vec::new(), |node| node.list(|node| tool(node, unstated, &mut names)))?;
    Some(tools.into_iter().map(|tool| (tool.name.clone(), tool)).collect())
}

fn tool(node: &Node<'_>, unstated: Unstated, names: &mut Names) -> Option<Tool> {
    node.object(|object| {
        let name = object.required("name", "write it as the server's tool list does", |node| {
            let name = node.parse(text::tool_name)?;
            names.claim(node, &name)?;
            Some(name)
        });
        let pin = object.optional("pin", |node| node.parse(text::digest));
        let tool = terms(object, name, unstated);
        Some(Tool { pin: pin?, ..tool? })
    })
}

/// What is said about a tool, an endpoint or a gRPC method besides its name and how it is asked for.
pub(super) fn terms(object: &mut Object<'_>, name: Option<String>, unstated: Unstated) -> Option<Tool> {
    let risk = object.or("risk", unstated.risk, risk);
    let labels = object.or("labels", Vec::new(), |node| distinct(node, |node| node.text().map(str::to_owned)));
    let input_schema = object.optional("input_schema", |node| {
        if node.value().is_object() {
            let mirrored = mcp::mirrored(node, node.value())?;
            return Some((node.value().clone(), mirrored));
        }
        node.mismatch("a JSON Schema", "copy the tool's `inputSchema`")
    });
    let (input_schema, mirrored) = input_schema.map(Option::unzip).unzip();
    let input_schema = input_schema.map(|schema| schema.map(InputSchema::from));
    let schema = input_schema.as_ref().and_then(Option::as_ref);
    let places = |node: &Node<'_>| distinct(node, |node| place(node, schema));
    let redact = object.or("redact", Vec::new(), places);
    let destinations = object.or("destinations", Vec::new(), places);
    let authentication = object.optional("authentication", authentication);
    let additional = object.or("additional_arguments", unstated.additional, |node| match &input_schema {
        Some(None) => node.refuse("without an `input_schema` every argument is additional; write one, or remove this"),
        Some(Some(_)) | None => additional(node),
    });
    let derived = object.or("derived", BTreeMap::new(), |node| match &input_schema {
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
    let text = node.parse(text::pointer)?;
    let place = ArgumentPlace::parse(&text)?;
    let declared = !place.may_be_one_item() || schema.is_some_and(|schema| schema.declares(&place));
    if declared { Some(text) } else { node.refuse(text::one_item(&place)) }
}
