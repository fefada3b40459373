//! The resource catalogue: what is protected, how it is spoken to, and how risky it is.

use std::collections::BTreeMap;

use serde_json::Value;

/// A protected resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    pub name: String,
    pub matching: Match,
    pub protocol: Protocol,
    /// Declared tools by name (MCP only).
    pub tools: BTreeMap<String, Tool>,
    /// The risk of whatever is not declared more exactly.
    pub risk: Risk,
    /// RFC 9728 metadata address named in challenges, if configured.
    pub metadata_url: Option<String>,
    /// Scheme and authority as clients know them, if the gateway does not: what DPoP proofs are for.
    pub origin: Option<String>,
}

/// Which requests are for a resource. Everything stated must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// `:authority`, lower case, port as written; any when absent.
    pub host: Option<String>,
    pub path: PathMatch,
    /// The gateway's route name; any when absent.
    pub route: Option<String>,
}

/// How the path (without query) must look.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathMatch {
    /// Exactly this path.
    Exact(String),
    /// This path (written `/api/*`, held as `/api`) or anything below it; every path (written `/*`) is held as
    /// the empty text.
    Below(String),
}

/// How a resource is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Http,
    Mcp,
}

/// A declared tool of an MCP resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    pub name: String,
    pub risk: Risk,
    pub labels: Vec<String>,
    /// The JSON Schema of its arguments; without one, policy cannot read them.
    pub input_schema: Option<Value>,
    /// RFC 6901 pointers into the arguments that approvers must not see.
    pub redact: Vec<String>,
}

/// How much harm an action can do. Ordered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Risk {
    Low,
    Medium,
    High,
    Critical,
}

impl Risk {
    /// Every risk, lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// As configuration, policies and records spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}
