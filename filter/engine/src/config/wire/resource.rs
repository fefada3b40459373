//! A protected resource: which requests are for it, how it is spoken to, and what its tools risk.

use std::collections::BTreeMap;

use super::seen::Names;
use super::{Seen, distinct, pointers};
use crate::catalogue::{Match, PathMatch, Protocol, Resource, Risk, Tool};
use crate::config::read::{Node, Object};
use crate::config::{address, text};

/// One entry of `resources`.
pub(super) fn resource(node: &Node<'_>, seen: &mut Seen) -> Option<Resource> {
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
        let protocol = object.required("protocol", "write `mcp` or `http`", |node| {
            node.choice("protocol", &[("mcp", Protocol::Mcp), ("http", Protocol::Http)])
        });
        let risk = object.or("risk", Risk::Medium, risk);
        let metadata_url = object.optional("metadata_url", |node| node.parse(address::metadata_url));
        let origin = object.optional("origin", |node| node.parse(address::origin));
        let tools = tools(object, protocol, risk.unwrap_or(Risk::Medium));
        Some(Resource {
            name: name?,
            matching: matching?,
            protocol: protocol?,
            tools: tools?,
            risk: risk?,
            metadata_url: metadata_url?,
            origin: origin?,
        })
    })
}

fn matching(node: &Node<'_>) -> Option<Match> {
    node.object(|object| {
        let host = object.optional("host", |node| node.parse(address::host));
        let path = object.optional("path", |node| node.parse(address::path_pattern));
        let route = object.optional("route", |node| node.text().map(str::to_owned));
        if let (Some(None), Some(None), Some(None)) = (&host, &path, &route) {
            return object.node().refuse("states nothing; state `host`, `path` or `route` (`path: /*` is every path)");
        }
        Some(Match { host: host?, path: path?.unwrap_or(PathMatch::Below(String::new())), route: route? })
    })
}

fn risk(node: &Node<'_>) -> Option<Risk> {
    node.choice("risk", &Risk::ALL.map(|risk| (risk.name(), risk)))
}

/// `default` is the risk of a tool that states none: its resource's.
fn tools(object: &mut Object<'_>, protocol: Option<Protocol>, default: Risk) -> Option<BTreeMap<String, Tool>> {
    if protocol == Some(Protocol::Http) {
        object.forbid(&["tools"], "only an MCP resource has tools; remove them, or write `protocol: mcp`")?;
    }
    let mut names = Names::new("names are unique, choose another");
    let tools = object.or("tools", Vec::new(), |node| node.list(|node| tool(node, default, &mut names)))?;
    Some(tools.into_iter().map(|tool| (tool.name.clone(), tool)).collect())
}

fn tool(node: &Node<'_>, default: Risk, names: &mut Names) -> Option<Tool> {
    node.object(|object| {
        let name = object.required("name", "write it as the server's tool list does", |node| {
            let name = node.parse(text::tool_name)?;
            names.claim(node, &name)?;
            Some(name)
        });
        let risk = object.or("risk", default, risk);
        let labels = object.or("labels", Vec::new(), |node| distinct(node, |node| node.text().map(str::to_owned)));
        let input_schema = object.optional("input_schema", |node| {
            if node.value().is_object() {
                return Some(node.value().clone());
            }
            node.mismatch("a JSON Schema", "copy the tool's `inputSchema`")
        });
        let redact = object.or("redact", Vec::new(), pointers);
        Some(Tool { name: name?, risk: risk?, labels: labels?, input_schema: input_schema?, redact: redact? })
    })
}
