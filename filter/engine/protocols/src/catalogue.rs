//! The resource catalogue: what is protected, how it is spoken to, and how risky it is.

mod annotations;
mod interface;
mod nearly;

use std::collections::BTreeMap;
use std::time::Duration;

use countersign_facts::headers::{AUTHORIZATION, PROOF, same_name};
use countersign_facts::rollout::Mode;
use countersign_tokens::{Scalar, UnixTime};

use crate::shape::InputSchema;
pub use annotations::{Annotations, Hints, PinScope};
pub use interface::{BodyKind, Card, Endpoint, Found, Interface, Overlap, Template};

/// A protected resource.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    pub name: String,
    pub matching: Match,
    pub protocol: Protocol,
    /// Of requests for it; under an auditing filter all are only watched.
    pub mode: Mode,
    /// Declared tools by name: of MCP, endpoints of HTTP APIs, methods of gRPC services.
    pub tools: BTreeMap<String, Tool>,
    /// What else is declared of an HTTP API or a gRPC service.
    pub interface: Interface,
    /// The risk of whatever is not declared more exactly.
    pub risk: Risk,
    /// What clients and issuers call it: an absolute URL (RFC 9728 §1.2).
    pub identifier: Option<String>,
    /// What is said about it to whoever asks (RFC 9728), if that is served here.
    pub metadata: Option<Metadata>,
    /// RFC 9728 metadata address named in challenges, if there is one.
    pub metadata_url: Option<String>,
    /// How a person must have authenticated for anything that does not say otherwise.
    pub authentication: Option<Demand>,
    /// Scheme and authority as clients know them, if the gateway does not: what DPoP proofs are for.
    pub origin: Option<String>,
    /// Where pages of browsers may ask from (MCP only); its own origin alone when absent.
    pub allowed_origins: Option<Vec<String>>,
    pub denials: Denials,
    /// What becomes of what its server says about the harm its tools can do (MCP only).
    pub annotations: Annotations,
    /// Whose lists count for a call (MCP only).
    pub pin_scope: PinScope,
    /// Fields that its server chooses lists by, beside the transport's own (MCP only).
    pub list_headers: Vec<String>,
    /// Fields that carry no token for it whatever is in them, and do not go on: a proxy in front has its own.
    pub strip_credentials: Vec<String>,
    /// Protocols that a connection may be upgraded to (HTTP only): what is said in them nobody reads.
    pub upgrades: Vec<String>,
}

impl Resource {
    /// Whether `field` is not looked at for a token, and does not go on: it is stripped, or the proof that comes with what is.
    pub fn ignores(&self, field: &str) -> bool {
        let goes_with = if same_name(field, PROOF) { AUTHORIZATION } else { field };
        self.strip_credentials.iter().any(|name| same_name(name, goes_with))
    }

    /// Whether any of its tools is pinned.
    pub fn has_pins(&self) -> bool {
        self.tools.values().any(|tool| tool.pin.is_some())
    }

    /// What a request of `method` on `path` is, of what is declared ([`Interface::find`]).
    pub fn find(&self, method: &str, path: &str) -> Found<'_> {
        match self.interface.find(method, path) {
            Found::Nearly(_) if self.matching.exact => Found::Undeclared,
            found @ (Found::Endpoint(..) | Found::Nearly(_) | Found::Undeclared) => found,
        }
    }

    /// How a person must have authenticated for a call of `tool`, if that is declared: as it says, else as the resource does.
    pub fn demand<'d>(&'d self, tool: Option<&'d Tool>) -> Option<&'d Demand> {
        tool.and_then(|tool| tool.authentication.as_ref()).or(self.authentication.as_ref())
    }
}

/// How a denial is put to MCP clients, where they can choose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Denials {
    /// The JSON-RPC code of what is forbidden; made of the HTTP status when absent.
    pub code: Option<i32>,
    /// Whether the model is told in a tool result what policy forbids, with HTTP status 200.
    pub tool_result: bool,
}

/// RFC 9728 §2: how clients get a credential for a resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metadata {
    /// Where it is served, on the resource's own host: `/.well-known/oauth-protected-resource` and the identifier's path.
    pub path: String,
    /// Issuers that clients are sent to.
    pub authorization_servers: Vec<String>,
    /// Scopes that clients may ask for; whoever asks sees them.
    pub scopes: Vec<String>,
    /// A page for people.
    pub documentation: Option<String>,
    /// Whether credentials must be bound to a DPoP key, or to a certificate.
    pub dpop_required: bool,
    pub certificate_required: bool,
}

/// How and when a person authenticated, if the credential says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Authentication {
    pub class: Option<Scalar>,
    pub time: Option<UnixTime>,
}

/// How a person must have authenticated (RFC 9470).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Demand {
    /// One of these classes (`acr`), if any are stated.
    pub classes: Vec<Scalar>,
    /// Not longer ago, if stated.
    pub max_age: Option<Duration>,
}

impl Demand {
    /// Whether `authentication` meets it at `now`.
    pub fn is_met_by(&self, authentication: &Authentication, now: UnixTime) -> bool {
        let Self { classes, max_age } = self;
        let class = classes.is_empty() || authentication.class.as_ref().is_some_and(|class| classes.contains(class));
        let young = max_age
            .is_none_or(|max_age| authentication.time.is_some_and(|time| time <= now && now.since(time) <= max_age));
        class && young
    }
}

/// Which requests are for a resource. Everything stated must match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Match {
    /// `:authority`, lower case, port as written; any when absent.
    pub host: Option<String>,
    pub path: PathMatch,
    /// The gateway's route name; any when absent.
    pub route: Option<String>,
    /// Whether its server is known to tell paths apart by case, slashes and escapes: nothing is nearly the path then.
    pub exact: bool,
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

impl PathMatch {
    /// Whether there are paths that look like both.
    pub fn meets(&self, other: &Self) -> bool {
        let (Self::Exact(one) | Self::Below(one), Self::Exact(another) | Self::Below(another)) = (self, other);
        self.admits(another) || other.admits(one)
    }

    /// Whether `path` (without query) looks like it.
    pub fn admits(&self, path: &str) -> bool {
        match self {
            Self::Exact(exact) => path == exact,
            Self::Below(root) => {
                let rest = path.strip_prefix(root.trim_end_matches('/'));
                rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            }
        }
    }
}

/// How a resource is spoken to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    Http,
    Mcp,
    A2a,
    Grpc,
}

impl Protocol {
    /// Every protocol.
    pub const ALL: [Self; 4] = [Self::Http, Self::Mcp, Self::A2a, Self::Grpc];

    /// As configuration spells it, and as operations begin (`mcp:tools/call`).
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Mcp => "mcp",
            Self::A2a => "a2a",
            Self::Grpc => "grpc",
        }
    }

    /// What configuration calls the things that a resource declares by name, if there are such.
    pub const fn declares(self) -> Option<&'static str> {
        match self {
            Self::Http => Some("endpoints"),
            Self::Mcp => Some("tools"),
            Self::Grpc => Some("methods"),
            Self::A2a => None,
        }
    }
}

/// A declared tool of an MCP resource, endpoint of an HTTP API or method of a gRPC service.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool {
    pub name: String,
    pub risk: Risk,
    pub labels: Vec<String>,
    /// The JSON Schema of its arguments; without one, policy cannot read them.
    pub input_schema: Option<InputSchema>,
    /// Places in the arguments that approvers must not see: RFC 6901 pointers in which `*` is every item of a list.
    pub redact: Vec<String>,
    /// Such places of the arguments that say where it goes: URLs, addresses, hosts.
    pub destinations: Vec<String>,
    /// What its server must say about it in lists: [`digest::of_tool`](countersign_facts::digest::of_tool).
    pub pin: Option<[u8; 32]>,
    /// How a person must have authenticated for it, instead of what its resource says.
    pub authentication: Option<Demand>,
    /// Arguments that header fields repeat: `x-mcp-header` in its schema.
    pub mirrored: Vec<Mirrored>,
}

/// An argument that a header field repeats (MCP 2026-07-28, Custom Headers from Tool Parameters).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirrored {
    /// `mcp-param-` and its name, in lower case.
    pub field: String,
    /// Where the argument is: the names of properties from the root.
    pub path: Vec<String>,
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
