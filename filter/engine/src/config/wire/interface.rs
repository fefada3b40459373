//! What an HTTP API, a gRPC service or an A2A agent declares of itself.

use std::collections::BTreeMap;

use countersign_protocols::catalogue::{
    BodyKind, Card, Endpoint, Interface, Match, Overlap, PathMatch, Protocol, Template, Tool,
};
#[cfg(test)]
use serde_json::json;

use super::resource::ResourceKeys;
#[cfg(test)]
use super::tool::{ToolKeys, of_tools, with_a_schema};
use super::tool::{Unstated, terms};
use crate::config::address;
use crate::config::key::{Choice, Defaulted, Distinct, Key, Own, Parsed, Required};
use crate::config::key::{choice, defaulted, distinct, keys, required};
use crate::config::names::Names;
use crate::config::read::{Node, Object};
#[cfg(test)]
use crate::config::schema::reference;
use crate::config::text;

keys! {
    /// An endpoint of an HTTP API. Its arguments are its path parameters, the query's parameters and, where `body` says
    /// so, the members of the body; each name comes from one place.
    pub(super) struct HttpEndpointKeys => with_a_schema();

    const NAME: Required<Parsed<String>> = required("name", text::NAME);

    /// The HTTP method. `HEAD` is asked for as `GET` where it is not declared itself.
    const METHOD: Required<Choice<&'static str>> = required("method", choice("method", &METHODS));

    /// The path, below the resource's `match.path`; `{name}` stands for one whole segment.
    const PATH: Required<Own> = required("path", Own) => json!({
        "type": "string",
        "pattern": r"^/([^*?#{}]|\{[A-Za-z_][A-Za-z0-9_]*\})*$",
        "examples": ["/accounts/{id}/transfers"]
    });

    /// What of the body is arguments. `none`: there is no body, and one is refused (`unread_body`). `unread`: it passes
    /// unread, whatever it is. `json`: the members of a JSON object, read where a policy, a grant or an approval needs
    /// them; an empty body or a form is refused. `form`: the fields of a form, always read.
    const BODY: Defaulted<Choice<BodyKind>> = defaulted(
        "body",
        choice(
            "body",
            &[
                ("none", BodyKind::None),
                ("unread", BodyKind::Unread),
                ("json", BodyKind::Json),
                ("form", BodyKind::Form),
            ]
        ),
        BodyKind::None
    );

    /// The endpoint's risk. Unless stated: the resource's.
    use ToolKeys::RISK;

    use ToolKeys::LABELS => of_tools("labels");

    /// The JSON Schema of all its arguments. Text from path, query or form is a number or a boolean where the schema
    /// says so and it is exactly one.
    use ToolKeys::INPUT_SCHEMA;

    use ToolKeys::ADDITIONAL_ARGUMENTS => of_tools("additional_arguments");

    use ToolKeys::DERIVED => of_tools("derived");

    use ToolKeys::DESTINATIONS => of_tools("destinations");

    use ToolKeys::AUTHENTICATION => reference("authentication");

    use ToolKeys::REDACT => of_tools("redact");
}

keys! {
    /// A method of a gRPC service. Its arguments are the metadata listed; messages are never read.
    pub(super) struct GrpcMethodKeys => with_a_schema();

    /// Service and method, as in the path.
    const NAME: Required<Parsed<String>> = required("name", text::GRPC_METHOD)
        => json!({ "examples": ["bank.v1.Payments/Transfer"] });

    /// Names of metadata fields that are its arguments. Not binary ones.
    const METADATA: Defaulted<Distinct<Parsed<String>>> =
        defaulted("metadata", distinct(text::GRPC_METADATA), Vec::new())
        => json!({ "examples": [["x-account"]] });

    /// The method's risk. Unless stated: the resource's.
    use ToolKeys::RISK;

    use ToolKeys::LABELS => of_tools("labels");

    /// The JSON Schema of the metadata.
    use ToolKeys::INPUT_SCHEMA;

    use ToolKeys::ADDITIONAL_ARGUMENTS => of_tools("additional_arguments");

    use ToolKeys::DERIVED => of_tools("derived");

    use ToolKeys::DESTINATIONS => of_tools("destinations");

    use ToolKeys::AUTHENTICATION => reference("authentication");

    use ToolKeys::REDACT => of_tools("redact");
}

const METHODS: [(&str, &str); 7] = [
    ("GET", "GET"),
    ("HEAD", "HEAD"),
    ("POST", "POST"),
    ("PUT", "PUT"),
    ("PATCH", "PATCH"),
    ("DELETE", "DELETE"),
    ("OPTIONS", "OPTIONS"),
];

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
    let why = "only an HTTP API has endpoints; remove them, or write `protocol: http`";
    only(of(Protocol::Http), &[ResourceKeys::ENDPOINTS.name], why);
    let why = "only a gRPC service has methods; remove them, or write `protocol: grpc`";
    only(of(Protocol::Grpc), &[ResourceKeys::METHODS.name], why);
    let why = "only an HTTP resource is a way out; remove it, or write `protocol: http`";
    only(of(Protocol::Http), &[ResourceKeys::CONNECT.name, ResourceKeys::EGRESS.name], why);
    let why = "only of an HTTP resource bodies pass unread; remove it, or write `protocol: http`";
    only(of(Protocol::Http), &[ResourceKeys::UNREAD_FORMS.name], why);
    only(
        of(Protocol::Http) || of(Protocol::Grpc),
        &[ResourceKeys::UNDECLARED.name],
        "only HTTP APIs and gRPC services can be closed; remove it, and let policy decide",
    );
    only(
        protocol != Some(Protocol::A2a),
        &[ResourceKeys::ADDITIONAL_ARGUMENTS.name],
        "what arguments A2A operations have is A2A's to say; remove it",
    );
    let why = "only an A2A agent has a card; remove it, or write `protocol: a2a`";
    only(of(Protocol::A2a), &[ResourceKeys::AGENT_CARD.name], why);
    let mut names = Names::new("names are unique, choose another");
    let mut earlier = Vec::new();
    let endpoints = object.or_else(&ResourceKeys::ENDPOINTS, Vec::new(), |node| {
        node.list(|node| endpoint(node, matching, unstated, &mut names, &mut earlier))
    });
    let methods =
        object.or_else(&ResourceKeys::METHODS, Vec::new(), |node| node.list(|node| method(node, unstated, &mut names)));
    let closed = object.or(&ResourceKeys::UNDECLARED);
    let connect = object.or_with(&ResourceKeys::CONNECT, |node| {
        let everywhere = matching.is_none_or(|matching| matching.path == PathMatch::Below(String::new()));
        match node.flag()? {
            true if !everywhere => node.refuse("a tunnel has no path; match `path: /*`, or remove this"),
            flag => Some(flag),
        }
    });
    let card = &ResourceKeys::AGENT_CARD;
    let unstated = if protocol == Some(Protocol::A2a) { card.default } else { Card::Decided };
    let card = object.or_else(card, unstated, |node| card.read(node));
    let egress = object.or(&ResourceKeys::EGRESS);
    let unread_forms = object.or(&ResourceKeys::UNREAD_FORMS);
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
    node.object(|object| {
        let name =
            object.required_with(&HttpEndpointKeys::NAME, "choose one, for policies, grants and records", |node| {
                let name = HttpEndpointKeys::NAME.read(node)?;
                names.claim(node, &name)?;
                Some(name)
            });
        let method = object.required(&HttpEndpointKeys::METHOD, "write one, such as `POST`");
        let remedy = "write it with its parameters, such as `/accounts/{id}`";
        let path = object.required_with(&HttpEndpointKeys::PATH, remedy, |node| {
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
        let body = object.or_with(&HttpEndpointKeys::BODY, |node| match (HttpEndpointKeys::BODY.read(node)?, method) {
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
        let name = object.required_with(&GrpcMethodKeys::NAME, "write it as `package.Service/Method`", |node| {
            let name = GrpcMethodKeys::NAME.read(node)?;
            names.claim(node, &name)?;
            Some(name)
        });
        let metadata = object.or(&GrpcMethodKeys::METADATA);
        let tool = terms(object, name, unstated);
        Some((metadata?, tool?))
    })
}
