//! What policies call the types of entities, and actions that are more than one.

/// The group of declared tools' actions, and the action of tools nobody declared.
pub(super) const TOOLS_CALL: &str = "mcp:tools/call";
/// The group of all HTTP requests.
pub(super) const HTTP: &str = "http";
/// HTTP methods policies can speak about, with the action of each; no other is ever allowed.
pub(super) const HTTP_METHODS: [(&str, &str); 8] = [
    ("GET", "http:GET"),
    ("HEAD", "http:HEAD"),
    ("POST", "http:POST"),
    ("PUT", "http:PUT"),
    ("PATCH", "http:PATCH"),
    ("DELETE", "http:DELETE"),
    ("OPTIONS", "http:OPTIONS"),
    ("CONNECT", "http:CONNECT"),
];

/// The type of actions.
pub(super) const ACTION: &str = "Action";
/// The type of principals, and of what they are in.
pub(super) const AGENT: &str = "Agent";
pub(super) const ISSUER: &str = "Issuer";
pub(super) const KIND: &str = "Kind";
pub(super) const TRUST_DOMAIN: &str = "TrustDomain";
