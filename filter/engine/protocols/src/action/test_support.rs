//! One resource, its tools and targets, for tests.

#[cfg(test)]
pub(crate) mod readers;

use std::collections::BTreeMap;

use countersign_facts::rollout::Mode;
use serde_json::Value;

use crate::catalogue::{Annotations, Denials, Match, PathMatch, PinScope, Protocol, Resource, Risk, Tool};
use crate::route::Target;
use crate::shape::InputSchema;

/// The MCP resource `payments` at `/mcp`.
pub fn resource() -> Resource {
    Resource {
        name: "payments".to_owned(),
        matching: Match { host: None, path: PathMatch::Exact("/mcp".to_owned()), route: None, exact: false },
        protocol: Protocol::Mcp,
        mode: Mode::Enforce,
        tools: BTreeMap::new(),
        interface: crate::catalogue::Interface::default(),
        risk: Risk::Low,
        identifier: None,
        metadata: None,
        metadata_url: None,
        authentication: None,
        origin: None,
        allowed_origins: None,
        denials: Denials::default(),
        annotations: Annotations::Raise,
        pin_scope: PinScope::Workload,
        list_headers: Vec::new(),
        strip_credentials: Vec::new(),
        upgrades: Vec::new(),
    }
}

/// A tool of low risk with nothing else said about it.
pub fn tool(name: &str, input_schema: Option<Value>) -> Tool {
    Tool {
        name: name.to_owned(),
        risk: Risk::Low,
        labels: Vec::new(),
        input_schema: input_schema.map(InputSchema::from),
        redact: Vec::new(),
        destinations: Vec::new(),
        pin: None,
        authentication: None,
        mirrored: Vec::new(),
    }
}

/// `method` on `https://tools.example.com/mcp?v=1`.
pub fn target(method: &str) -> Target {
    Target {
        method: method.to_owned(),
        authority: "tools.example.com".to_owned(),
        host: "tools.example.com".to_owned(),
        port: 443,
        path: "/mcp".to_owned(),
        query: Some("v=1".to_owned()),
        target: "/mcp?v=1".to_owned(),
    }
}
