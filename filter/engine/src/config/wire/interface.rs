//! What an HTTP API, a gRPC service or an A2A agent declares of itself.

use std::collections::BTreeMap;

use countersign_protocols::catalogue::{
    BodyKind, Card, Endpoint, Interface, Match, Overlap, PathMatch, Protocol, Template, Tool,
};

use super::distinct;
use super::resource::{Unstated, terms};
use super::seen::Names;
use crate::config::address;
use crate::config::read::{Node, Object};
use crate::config::text;

/// The members of a resource besides its tools, and the tools they are.
///
/// `unstated` is what the resource says of what does not say it itself.
pub(super) fn interface(
    object: &mut Object<'_>,
    protocol: Option<Protocol>,
    matching: Option<&Match>,
    unstated: Unstated,
) -> Option<(Interface, BTreeMap<String, Tool>)> {
    let of = |wanted: Protocol| protocol.is_none_or(|protocol| protocol == wanted);
    let mut absent = Some(());
    let mut only = |wanted: bool, keys: &[&'static str], why: &str| {
        if !wanted && object.forbid(keys, why).is_none() {
            absent = None;
        }
    };
    only(of(Protocol::Http), &["endpoints"], "only an HTTP API has endpoints; remove them, or write `protocol: http`");
    only(of(Protocol::Grpc), &["methods"], "only a gRPC service has methods; remove them, or write `protocol: grpc`");
    let why = "only an HTTP resource is a way out; remove it, or write `protocol: http`";
    only(of(Protocol::Http), &["connect", "egress"], why);
    let why = "only of an HTTP resource bodies pass unread; remove it, or write `protocol: http`";
    only(of(Protocol::Http), &["unread_forms"], why);
    only(
        of(Protocol::Http) || of(Protocol::Grpc),
        &["undeclared"],
        "only HTTP APIs and gRPC services can be closed; remove it, and let policy decide",
    );
    only(
        protocol != Some(Protocol::A2a),
        &["additional_arguments"],
        "what arguments A2A operations have is A2A's to say; remove it",
    );
    only(of(Protocol::A2a), &["agent_card"], "only an A2A agent has a card; remove it, or write `protocol: a2a`");
    let mut names = Names::new("names are unique, choose another");
    let mut earlier = Vec::new();
    let endpoints = object.or("endpoints", Vec::new(), |node| {
        node.list(|node| endpoint(node, matching, unstated, &mut names, &mut earlier))
    });
    let methods = object.or("methods", Vec::new(), |node| node.list(|node| method(node, unstated, &mut names)));
    let words = [("decide", false), ("deny", true)];
    let closed = object.or("undeclared", false, |node| node.choice("treatment", &words));
    let connect = object.or("connect", false, |node| {
        let everywhere = matching.is_none_or(|matching| matching.path == PathMatch::Below(String::new()));
        match node.flag()? {
            true if !everywhere => node.refuse("a tunnel has no path; match `path: /*`, or remove this"),
            flag => Some(flag),
        }
    });
    let cards = [("public", Card::Public), ("decide", Card::Decided)];
    let unstated = if protocol == Some(Protocol::A2a) { Card::Public } else { Card::Decided };
    let card = object.or("agent_card", unstated, |node| node.choice("treatment", &cards));
    let egress = object.or("egress", false, Node::flag);
    let unread_forms = object.or("unread_forms", Vec::new(), |node| distinct(node, |node| node.parse(text::form)));
    let ((), closed, connect, egress, card) = (absent?, closed?, connect?, egress?, card?);
    let mut interface =
        Interface { closed, connect, egress, card, unread_forms: unread_forms?, ..Interface::default() };
    let mut tools = BTreeMap::new();
    for (endpoint, tool) in endpoints? {
        interface.endpoints.push(endpoint);
        tools.insert(tool.name.clone(), tool);
    }
    for (metadata, tool) in methods? {
        interface.metadata.insert(tool.name.clone(), metadata);
        tools.insert(tool.name.clone(), tool);
    }
    Some((interface, tools))
}

/// `earlier` are the templates before this one, with method and place.
fn endpoint(
    node: &Node<'_>,
    matching: Option<&Match>,
    unstated: Unstated,
    names: &mut Names,
    earlier: &mut Vec<(String, Template, String)>,
) -> Option<(Endpoint, Tool)> {
    const METHODS: [(&str, &str); 7] = [
        ("GET", "GET"),
        ("HEAD", "HEAD"),
        ("POST", "POST"),
        ("PUT", "PUT"),
        ("PATCH", "PATCH"),
        ("DELETE", "DELETE"),
        ("OPTIONS", "OPTIONS"),
    ];
    node.object(|object| {
        let name = object.required("name", "choose one, for policies, grants and records", |node| {
            let name = node.parse(text::name)?;
            names.claim(node, &name)?;
            Some(name)
        });
        let method = object.required("method", "write one, such as `POST`", |node| node.choice("method", &METHODS));
        let path = object.required("path", "write it with its parameters, such as `/accounts/{id}`", |node| {
            let path = template(node, matching)?;
            let method = method?;
            for (earlier_method, earlier, place) in earlier.iter() {
                if earlier_method == method && earlier.overlap(&path) == Overlap::Ambiguous {
                    return node.refuse(format!(
                        "matches paths that {place} matches too, and neither says more; change one of them"
                    ));
                }
            }
            earlier.push((method.to_owned(), path.clone(), node.pointer().to_owned()));
            Some(path)
        });
        let kinds = [
            ("none", BodyKind::None),
            ("unread", BodyKind::Unread),
            ("json", BodyKind::Json),
            ("form", BodyKind::Form),
        ];
        let body = object.or("body", BodyKind::None, |node| match (node.choice("body", &kinds)?, method) {
            (BodyKind::Json | BodyKind::Form, Some("GET" | "HEAD" | "OPTIONS")) => {
                node.refuse("requests of this method have no body that means anything; write `body: none`")
            }
            (kind, _) => Some(kind),
        });
        let tool = terms(object, name.clone(), unstated);
        Some((Endpoint { name: name?, method: method?.to_owned(), path: path?, body: body? }, tool?))
    })
}

fn template(node: &Node<'_>, matching: Option<&Match>) -> Option<Template> {
    node.parse(|text| {
        let template = Template::parse(text).map_err(|cause| {
            format!("{text:?} {cause}; write `/accounts/{{id}}/transfers`, a parameter for one whole segment")
        })?;
        // The same rules as for any path; a parameter stands for some segment.
        let plain: Vec<&str> = text.split('/').map(|part| if part.starts_with('{') { "x" } else { part }).collect();
        address::path_pattern(&plain.join("/"))?;
        let within = match matching.map(|matching| &matching.path) {
            None => true,
            Some(PathMatch::Exact(path)) => text == path,
            Some(PathMatch::Below(root)) => {
                text.strip_prefix(root.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        };
        if within {
            Ok(template)
        } else {
            Err(format!(
                "{text:?} is not below the resource's `match.path`, so it is never asked for; change one of them"
            ))
        }
    })
}

/// A gRPC method and the metadata that is its arguments.
fn method(node: &Node<'_>, unstated: Unstated, names: &mut Names) -> Option<(Vec<String>, Tool)> {
    node.object(|object| {
        let name = object.required("name", "write it as `package.Service/Method`", |node| {
            let name = node.parse(text::grpc_method)?;
            names.claim(node, &name)?;
            Some(name)
        });
        let metadata = object.or("metadata", Vec::new(), |node| distinct(node, |node| node.parse(text::grpc_metadata)));
        let tool = terms(object, name, unstated);
        Some((metadata?, tool?))
    })
}
