//! What the schema says of a grant. `Grant::parse` reads it, as it reads those in credentials.

use serde_json::json;

use crate::config::key::{Count, Document, Optional, Own, Parsed, Required, Text, count, keys, optional, required};
use crate::config::text;

keys! {
    /// One thing that may be done, as credentials spell it (`policies/GRANTS.md`).
    pub(super) struct GrantKeys;

    /// `mcp:` and a method of MCP, `http:` and an HTTP method, `a2a:` and an operation, `grpc:call`.
    const ACTION: Required<Own> = required("action", Own)
        => json!({ "type": "string", "pattern": "^(mcp|http|a2a|grpc):" });

    /// The name of a configured resource.
    const RESOURCE: Required<Parsed<String>> = required("resource", text::NAME);

    /// The tool, endpoint, prompt, URI, task, gRPC method or path; a trailing `*` stands for any ending. Of a URI a
    /// pattern has a whole authority or none, and no user information.
    const OBJECT: Optional<Text> = optional("object", Text);

    /// JSON Pointers into the arguments, and what must hold there; `*` stands for every item of a list. A position in a
    /// list is refused, unless `input_schema` gives each position a type.
    const ARGUMENTS: Optional<Document> = optional("arguments", Document);

    /// Where it may lead: hosts (`*.example.com` for those below), with a port if one is meant.
    const DESTINATION: Optional<Own> = optional("destination", Own)
        => json!({ "type": "array", "minItems": 1, "items": { "type": "string" } });

    /// How often: `max`, and `per` (minute, hour, day); or a list of these.
    const CALLS: Optional<Own> = optional("calls", Own) => json!({ "type": ["object", "array"] });

    /// Seconds since 1970.
    const NOT_BEFORE: Optional<Own> = optional("not_before", Own) => json!({ "type": "number" });

    /// Seconds since 1970.
    const EXPIRES: Optional<Own> = optional("expires", Own) => json!({ "type": "number" });

    /// Networks of the peer.
    const SOURCE: Optional<Own> = optional("source", Own)
        => json!({ "type": "array", "minItems": 1, "items": { "type": "string" } });

    /// The most actors.
    const MAX_DEPTH: Optional<Count<u64>> = optional("max_depth", count(0..=u64::MAX));
}
