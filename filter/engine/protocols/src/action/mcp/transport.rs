//! The header fields of a request that are its transport's own: MCP's, HTTP's, and what the gateway says about the connection.
//!
//! Every other field is the client's choice, and a server may choose by it what it lists.

use countersign_facts::headers::same_name;

/// MCP (Streamable HTTP), RFC 9110, Fetch; the gateway's own fields. Pseudo-headers are the transport's too.
const FIELDS: [&str; 19] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "last-event-id",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "origin",
    "te",
    "trailer",
    "transfer-encoding",
    "x-forwarded-client-cert",
    "x-forwarded-proto",
    "x-request-id",
];

/// Whether the field called `name` is the transport's own.
pub fn is_own(name: &str) -> bool {
    name.starts_with(':') || FIELDS.iter().any(|field| same_name(field, name))
}
