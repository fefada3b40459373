//! The revisions of MCP that are read, and which of them a request is of.
//!
//! A request says its revision in `MCP-Protocol-Version`; since 2026-07-28 the body says it too, and both must say the
//! same ([`agree`]). So the header alone tells the era of whatever is read at all. One without the header is of the sessions'
//! eras (`initialize` has none), and is accepted only if its body names no revision either.
//!
//! Source: modelcontextprotocol/modelcontextprotocol, `docs/specification/2026-07-28/basic/index.mdx` (`_meta`) and
//! `basic/transports/streamable-http.mdx` (Protocol Version Header).

use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;
use countersign_tokens::json::{Json, Members};
use serde_json::{Value, json};

use super::fields::single;
use super::message::{member, object};

const HEADER: &str = "mcp-protocol-version";
const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
/// Characters of a version that is repeated to whoever asked for it.
const MAX_VERSION: usize = 32;

/// A revision of the protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Era {
    /// 2024-11-05, over Streamable HTTP: its own transport, HTTP with SSE, is not read.
    November2024,
    /// 2025-03-26.
    March2025,
    /// 2025-06-18.
    June2025,
    /// 2025-11-25.
    November2025,
    /// 2026-07-28: without sessions, each request says everything itself.
    July2026,
}

impl Era {
    /// Every revision that is read, newest first.
    pub const ALL: [Self; 5] =
        [Self::July2026, Self::November2025, Self::June2025, Self::March2025, Self::November2024];

    /// As messages spell it.
    pub const fn version(self) -> &'static str {
        match self {
            Self::November2024 => "2024-11-05",
            Self::March2025 => "2025-03-26",
            Self::June2025 => "2025-06-18",
            Self::November2025 => "2025-11-25",
            Self::July2026 => "2026-07-28",
        }
    }

    /// Whether a request is read without any other before it.
    pub const fn is_stateless(self) -> bool {
        match self {
            Self::November2024 | Self::March2025 | Self::June2025 | Self::November2025 => false,
            Self::July2026 => true,
        }
    }

    /// The era that `headers` tell; the newest of those with sessions where they say nothing.
    pub fn of(headers: &Headers) -> Result<Self, Reason> {
        single(headers, HEADER)?.map_or(Ok(Self::November2025), Self::parse)
    }

    /// Whether `headers` are those of a request that is read without any other before it.
    pub fn stateless(headers: &Headers) -> bool {
        Self::of(headers).is_ok_and(Self::is_stateless)
    }

    fn parse(version: &[u8]) -> Result<Self, Reason> {
        let known = Self::ALL.into_iter().find(|era| era.version().as_bytes() == version);
        known.ok_or(Reason::UnsupportedVersion)
    }
}

/// What a client says with each request of the era without sessions: a field with the version, and `_meta`.
pub fn said_without_session() -> ([(&'static str, &'static str); 1], Value) {
    let version = Era::July2026.version();
    ([(HEADER, version)], json!({ VERSION: version, CAPABILITIES: {} }))
}

/// The version that `headers` ask for, as far as it can be repeated in an answer.
pub(crate) fn requested(headers: &Headers) -> Option<&str> {
    std::str::from_utf8(headers.single(HEADER).ok()??).ok().filter(|version| is_plain(version))
}

/// Whether `version`, read or not, can be repeated in an answer.
pub(super) fn is_plain(version: &str) -> bool {
    version.len() <= MAX_VERSION && version.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte))
}

/// The era that header and body agree on.
pub(super) fn agree(headers: &Headers, params: Option<&Members>) -> Result<Era, Reason> {
    let stated = single(headers, HEADER)?;
    let meta = meta(params)?;
    if let Some(version) = meta.map(|meta| member(meta, VERSION)).transpose()?.flatten() {
        let version = version.as_str().ok_or(Reason::MetaMissing)?;
        if stated != Some(version.as_bytes()) {
            return Err(Reason::HeaderBodyMismatch);
        }
    }
    Era::of(headers)
}

/// A request of the stateless era says its version and what its client can do.
pub(super) fn check_request(params: Option<&Members>) -> Result<(), Reason> {
    let meta = meta(params)?.ok_or(Reason::MetaMissing)?;
    let (version, capabilities) = (member(meta, VERSION)?, member(meta, CAPABILITIES)?);
    if version.is_some() && capabilities.is_some_and(Json::is_object) { Ok(()) } else { Err(Reason::MetaMissing) }
}

fn meta(params: Option<&Members>) -> Result<Option<&Members>, Reason> {
    match params {
        None => Ok(None),
        Some(params) => object(member(params, "_meta")?),
    }
}
