//! What policies call the types of entities, and actions that are more than one.

use countersign_protocols::catalogue::Protocol;

/// The groups that methods of `protocol` are in, one for each class in the order of [`Class::ALL`](countersign_protocols::action::Class::ALL); HTTP's are all in one.
pub(super) const fn groups(protocol: Protocol) -> &'static [&'static str] {
    match protocol {
        Protocol::Http => &["http"; 5],
        Protocol::Mcp => &["mcp:control", "mcp:list", "mcp:read", "mcp:write", "mcp:execute"],
        Protocol::A2a => &["a2a:control", "a2a:list", "a2a:read", "a2a:write", "a2a:execute"],
        Protocol::Grpc => &[],
    }
}

/// The type of actions.
pub(super) const ACTION: &str = "Action";
/// The type of principals, and of what they are in.
pub(super) const AGENT: &str = "Agent";
pub(super) const ISSUER: &str = "Issuer";
pub(super) const KIND: &str = "Kind";
pub(super) const TRUST_DOMAIN: &str = "TrustDomain";
