//! The table of reasons.
//!
//! Columns, in this order. A column with a usual value is left out where a row has that.
//!
//! | column | what it says | usual |
//! |---|---|---|
//! | the doc comment | what it means: for readers of the code and of the reference page | |
//! | `kind` | which way the decision went | |
//! | `code` | what records, counters and access logs call it | |
//! | `status` | the HTTP status of the answer; 0 if there is none | |
//! | `check` | the check that ends with it; `[]` if any can | |
//! | `maps` | the risks that its check answers, by their identifiers in the table of frameworks | |
//! | `needs` | what must be configured for it to happen | `Always` |
//! | `challenge` | how the client is told to authenticate | `None` |
//! | `retry_after` | after how many seconds the client may try again | not said |
//! | `json_rpc` | the code that JSON-RPC or MCP specifies for it | our own |
//! | `a2a` | the code and the name that A2A specifies for it | as `json_rpc` |
//! | `told` | whether the client learns of it | `AsItIs` |
//! | `detail` | for the client: what was wrong and what to do | |
//! | `advice` | for authors of agents and for operators: what to do; it may name the configuration | |
//!
//! The words for the client say what to do next and nothing about policy, catalogue or other tenants.

use super::{A2aError, Challenge, LineKind, Needs, Row, Told};
use crate::check::Check;

/// What parsers disagree about, and what nobody can read.
const READING: &[&str] = &["ASI07", "T16", "MAESTRO-L4", "MEASURE-2.7"];
/// What takes more than its share.
const LOAD: &[&str] = &["ASI08", "T4", "MAESTRO-L4"];
/// What is not offered.
const OFFER: &[&str] = &["ASI02", "T2", "MAESTRO-L4", "MAP-3.3"];
/// A credential that is not good.
const CREDENTIAL: &[&str] = &["ASI03", "T9", "MAESTRO-L6", "NHI4"];
/// A credential that lives too long.
const LIFETIME: &[&str] = &["ASI03", "T9", "MAESTRO-L6", "NHI7"];
/// A credential that its issuer or an operator took back.
const REVOKED: &[&str] = &["ASI03", "ASI10", "MAESTRO-L6", "MANAGE-2.4", "NHI1"];
/// A credential in the wrong hands.
const POSSESSION: &[&str] = &["ASI03", "T9", "MAESTRO-L6", "NHI2", "NHI4"];
/// Delegation through too many actors, or unknown ones.
const CHAIN: &[&str] = &["ASI03", "ASI07", "T3", "T14", "MAESTRO-L7"];
/// A task that cannot be used.
const TASK: &[&str] = &["ASI03", "T3", "MAESTRO-L6", "MAP-3.3", "NHI5"];
/// What is beyond a list of actions.
const GRANTS: &[&str] = &["ASI01", "ASI02", "ASI03", "T2", "T3", "T6", "MAESTRO-L7", "MAP-3.3", "NHI5"];
/// What is beyond a grant's constraints.
const CONSTRAINTS: &[&str] = &["ASI01", "ASI02", "T2", "T3", "T6", "MAESTRO-L7", "MAP-3.3", "NHI5"];
/// A response that is not passed shows nothing that its reader may not call.
const RESPONSES: &[&str] = &["ASI02", "T2", "MAESTRO-L3"];
/// What people decide.
const PEOPLE: &[&str] = &["ASI02", "ASI09", "MAESTRO-L6", "GOVERN-3.2", "MAP-3.5"];
/// An approval that does not count.
const APPROVALS: &[&str] = &["ASI03", "ASI09", "T8", "MAESTRO-L6", "GOVERN-3.2", "MAP-3.5"];
/// What cannot be answered denies.
const CLOSED: &[&str] = &["MAESTRO-L6", "MEASURE-2.6", "MEASURE-2.7"];

/// What a row says, or else what most rows say.
macro_rules! or {
    (; $usual:expr) => {
        $usual
    };
    ($said:expr; $usual:expr) => {
        $said
    };
}

macro_rules! reasons {
    ($(
        $(#[doc = $means:literal])+
        $name:ident {
            kind: $kind:ident, code: $code:literal, status: $status:literal, check: [$($check:ident)?], maps: $maps:expr,
            $(needs: $needs:ident,)?
            $(challenge: $challenge:ident,)?
            $(retry_after: $retry_after:literal,)?
            $(json_rpc: $json_rpc:literal,)?
            $(a2a: $a2a:expr,)?
            $(told: $told:ident,)?
            detail: $detail:literal,
            advice: $advice:literal,
        }
    )+) => {
        /// Why a decision ended as it did. Closed: records, counters and answers know no other.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $( $(#[doc = $means])+ $name, )+ }

        impl Reason {
            /// Every reason, in table order.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// This reason's row.
            pub const fn row(self) -> &'static Row {
                match self {
                    $( Self::$name => {
                        const ROW: &Row = &Row {
                            kind: LineKind::$kind,
                            code: $code,
                            status: $status,
                            check: or!($(Some(Check::$check))?; None),
                            maps: $maps,
                            needs: or!($(Needs::$needs)?; Needs::Always),
                            challenge: or!($(Challenge::$challenge)?; Challenge::None),
                            retry_after: or!($(Some($retry_after))?; None),
                            json_rpc: or!($(Some($json_rpc))?; None),
                            a2a: or!($(Some($a2a))?; None),
                            told: or!($(Told::$told)?; Told::AsItIs),
                            detail: $detail,
                        };
                        ROW
                    } )+
                }
            }

            /// The doc comment, as text. Beside the row, and for tests only: the filter does not carry what only pages say.
            #[cfg(test)]
            pub(super) const fn means(self) -> &'static str {
                match self {
                    $( Self::$name => concat!($($means),+).trim_ascii(), )+
                }
            }

            /// What to do, for authors of agents and for operators: it may name the configuration. Empty where nothing is to be
            /// done.
            #[cfg(test)]
            pub(super) const fn advice(self) -> &'static str {
                match self {
                    $( Self::$name => $advice, )+
                }
            }
        }
    };
}

reasons! {
    // Allowed.

    /// Policy allowed the request.
    Allowed {
        kind: Allow, code: "allowed", status: 0, check: [Seen], maps: &[],
        detail: "",
        advice: "",
    }

    /// Policy allowed the request after somebody approved it.
    Approved {
        kind: Allow, code: "approved", status: 0, check: [Approval], maps: &[],
        detail: "",
        advice: "",
    }

    /// The request is for no resource, and configuration lets such requests pass undecided.
    Unmatched {
        kind: Allow, code: "unmatched", status: 0, check: [Route], maps: &[],
        detail: "",
        advice: "Declare a resource for it if it is to be decided, or say `unmatched: deny`.",
    }

    /// The request is for an A2A agent's card, which configuration lets everybody see.
    AgentCard {
        kind: Allow, code: "agent_card", status: 0, check: [Route], maps: &[],
        detail: "",
        advice: "Say `agent_card: decide` on the resource if policy is to decide who sees the card.",
    }

    /// The filter itself served the metadata of a protected resource (RFC 9728).
    Metadata {
        kind: Served, code: "metadata", status: 200, check: [Route], maps: &[],
        detail: "",
        advice: "",
    }

    // The request itself.

    /// No resource matches the request, and the default is to deny.
    NoResource {
        kind: Deny, code: "no_resource", status: 403, check: [Route], maps: OFFER,
        needs: UnmatchedDenied,
        detail: "This address is not served to agents. Check host and path.",
        advice: "Add a resource whose `match` fits the host, the path and, if it names one, the route. `unmatched: pass` lets such requests go upstream undecided.",
    }

    /// The request asks for metadata of a protected resource (RFC 9728) that is not served here.
    NoMetadata {
        kind: Deny, code: "no_metadata", status: 404, check: [Route], maps: READING,
        needs: UnmatchedDenied,
        detail: "No protected resource has its metadata at this address. Ask for that of the resource itself: its path behind `/.well-known/oauth-protected-resource`.",
        advice: "Write `identifier` and `metadata` on the resource, and the filter serves it.",
    }

    /// A header that must come once came twice, or its value is not what it must be.
    AmbiguousHeaders {
        kind: Deny, code: "ambiguous_headers", status: 400, check: [Request], maps: READING,
        detail: "A security-relevant header is duplicated or malformed. Send it once.",
        advice: "Look for a proxy or a client that sends `Host`, `Content-Type`, `Content-Length` or a header of MCP or A2A a second time. `Host` must say what the request's authority says, and `Content-Length` must not come beside `Transfer-Encoding`.",
    }

    /// The path or the query can be read in two ways (encoded slashes, dot segments, double encoding, …).
    AmbiguousPath {
        kind: Deny, code: "ambiguous_path", status: 400, check: [Request], maps: READING,
        detail: "The path is ambiguous. Send it normalised, without encoded slashes, dot segments or double encoding.",
        advice: "Percent-encode what has to be, once, and leave out dot segments, empty segments, `;` and backslashes. Path and query together have at most 8 KiB.",
    }

    /// A lenient server takes the path for one that is protected under other rules.
    NearMiss {
        kind: Deny, code: "near_miss", status: 400, check: [Route], maps: READING,
        detail: "Some servers take this path for another one that is protected here. Send it exactly as it is published: the same case, no slash at its end and no escapes that are not part of it.",
        advice: "Ask for the path that the record's `detail` names. Where the server tells the two paths apart, say `exact: true` in the resource's `match`.",
    }

    /// A header or a parameter overrides the method, the path or the route.
    OverrideHeader {
        kind: Deny, code: "override_header", status: 400, check: [Request], maps: READING,
        detail: "Headers that override the method, the path or the route are not accepted. Remove them.",
        advice: "Leave out headers such as `X-HTTP-Method-Override` and `X-Original-URL`, those that `forward.routing_headers` names, and the parameter `_method`. Look for a proxy in front that adds them.",
    }

    /// The resource's protocol does not have this HTTP method.
    MethodNotAllowed {
        kind: Deny, code: "method_not_allowed", status: 405, check: [Action], maps: READING,
        detail: "This method is not available here.",
        advice: "Use POST for gRPC. Use GET, POST, DELETE or OPTIONS for MCP and A2A; in MCP 2026-07-28 there is no GET or DELETE.",
    }

    /// The request asks for an upgrade or a tunnel (CONNECT), and its resource allows none here.
    UpgradeRefused {
        kind: Deny, code: "upgrade_refused", status: 403, check: [Request], maps: READING,
        detail: "Protocol upgrades are not available here.",
        advice: "Say `upgrades: [websocket]` on the resource, or `connect: true` for tunnels. Nobody reads what passes afterwards, so a request that could need an approval is never upgraded.",
    }

    /// The body is larger than the filter holds.
    BodyTooLarge {
        kind: Deny, code: "body_too_large", status: 413, check: [Action], maps: LOAD,
        detail: "The body is larger than this gateway reads. Send a smaller request.",
        advice: "Send less at a time. Operators can raise `limits.body` (256KiB unless stated) up to the gateway's own buffer limit.",
    }

    /// The body did not arrive in time.
    BodyTimeout {
        kind: Deny, code: "body_timeout", status: 408, check: [Action], maps: LOAD,
        detail: "The body did not arrive in time. Try again.",
        advice: "Send the body without pauses. Operators can raise `limits.body_wait` (30s unless stated).",
    }

    /// The gateway does not hand bodies over while headers are held.
    BodyWithheld {
        kind: Deny, code: "body_withheld", status: 503, check: [Action], maps: CLOSED,
        retry_after: 1,
        detail: "This gateway is not set up to read bodies. Tell its operator.",
        advice: "Use Envoy 1.35 or later, and set `allow_on_headers_stop_iteration: true` as `envoy/envoy.yaml` does.",
    }

    /// The body is not of the media type that is read here, or it has a content coding.
    MediaType {
        kind: Deny, code: "media_type", status: 415, check: [Action], maps: READING,
        detail: "Send the body in the media type that is read here (application/json unless declared otherwise), without content coding.",
        advice: "Send `application/json`, or the form that the endpoint declares; to gRPC resources `application/grpc`. Where the record has a `detail`, it says what to declare so that the body passes.",
    }

    /// The body is not JSON, or it is JSON that parsers disagree about.
    MalformedJson {
        kind: Deny, code: "malformed_json", status: 400, check: [Action], maps: READING,
        json_rpc: -32700,
        detail: "The body is not JSON that every parser reads alike: check syntax, duplicate members, depth and numbers.",
        advice: "Look for members whose names are the same or differ only in case, for data behind the value, and for numbers and levels beyond the [limits](limits.md). Where the record has a `detail`, it says what to declare so that the body passes.",
    }

    /// The request has a body that nothing here reads and that could say something to its server: at an endpoint that
    /// declares none, or a form.
    UnreadBody {
        kind: Deny, code: "unread_body", status: 400, check: [Action], maps: READING,
        needs: HttpOrA2a,
        detail: "A body like this is not read here, so it is not passed on. Send none, or one of the media type that is published.",
        advice: "Leave the body out. Operators can declare it: `body: json`, `form` or `unread` on the endpoint, or `unread_forms` on the resource. Where the record has a `detail`, it says which.",
    }

    /// The body is a JSON-RPC batch.
    Batch {
        kind: Deny, code: "batch", status: 400, check: [Action], maps: READING,
        needs: McpOrA2a, json_rpc: -32600,
        detail: "JSON-RPC batches are not accepted. Send one message per request.",
        advice: "Send each message in a request of its own. Batches are refused in every revision of MCP.",
    }

    /// The body is JSON, but not a JSON-RPC message of the protocol.
    MalformedMessage {
        kind: Deny, code: "malformed_message", status: 400, check: [Action], maps: READING,
        needs: McpOrA2a, json_rpc: -32600,
        detail: "The body is not a valid message of this protocol. Its id, or a progress token, must be text or a whole number up to 2^53 - 1.",
        advice: "Check the message against the schema of its revision: its id, its `params`, and members that the method does not have. The [limits](limits.md) say how long names and ids may be.",
    }

    /// The protocol, as it is read here, does not have this method or operation.
    UnknownMethod {
        kind: Deny, code: "unknown_method", status: 403, check: [Action], maps: OFFER,
        json_rpc: -32601,
        detail: "This method is not available here.",
        advice: "Use a method of the revision that the request is in. There is no setting that lets others pass.",
    }

    /// The query, the form or the metadata can be read in two ways, or an argument comes from two places.
    AmbiguousArguments {
        kind: Deny, code: "ambiguous_arguments", status: 400, check: [Action], maps: READING,
        a2a: A2aError { code: -32602, name: None },
        detail: "An argument can be read in two ways. Send each once, in one place, under a plain name.",
        advice: "Send each argument once and in one place. Names that differ only in case count as one; names with brackets or blanks are refused.",
    }

    /// The request's revision of MCP (2026-07-28 or later, where that has a status of its own) does not have this
    /// method.
    MethodNotFound {
        kind: Deny, code: "method_not_found", status: 404, check: [Action], maps: READING,
        needs: Mcp, json_rpc: -32601,
        detail: "This method is not available here.",
        advice: "Use a method of that revision. There is no setting that lets others pass.",
    }

    /// A request of MCP 2026-07-28 comes without the `_meta` that each must have.
    MetaMissing {
        kind: Deny, code: "meta_missing", status: 400, check: [Action], maps: READING,
        needs: Mcp, json_rpc: -32602,
        detail: "The request does not say its protocol version and its client's capabilities. Send both in `params._meta`.",
        advice: "Send `io.modelcontextprotocol/protocolVersion` and `io.modelcontextprotocol/clientCapabilities` in `params._meta`.",
    }

    /// A server could take the URI for another one.
    AmbiguousUri {
        kind: Deny, code: "ambiguous_uri", status: 400, check: [Action], maps: READING,
        needs: Mcp, json_rpc: -32602,
        detail: "The URI is ambiguous. Send it absolute and normalised: lower-case scheme (and host, of http, https, ws, wss, ftp and file), no user information, fragment, backslash, dot or empty segments or needless escapes.",
        advice: "Send the URI in normal form. One with user information passes only where a grant names exactly that URI.",
    }

    /// A page in a browser asks, from an origin that may not.
    OriginRefused {
        kind: Deny, code: "origin_refused", status: 403, check: [Route], maps: READING,
        needs: Mcp,
        detail: "Pages from this origin may not ask here.",
        advice: "Name the page's origin in the resource's `allowed_origins`. Without that list a page may ask from the resource's `origin`, from that of its `identifier`, and from the host that the resource is matched by.",
    }

    /// A browser asks before its request (CORS preflight), and nothing in front of the filter answered.
    PreflightUnanswered {
        kind: Deny, code: "preflight_unanswered", status: 403, check: [Route], maps: READING,
        detail: "This is a browser's preflight (CORS), and nothing here answers it. The operator of this gateway has to allow the page's origin in the gateway's CORS filter, in front of this one.",
        advice: "Put Envoy's `cors` filter in front of this one, as `envoy/envoy.yaml` does, and name the page's origin there and in the resource's `allowed_origins`.",
    }

    /// The request, or the server's answer to `initialize`, names a protocol version that the filter does not read.
    UnsupportedVersion {
        kind: Deny, code: "unsupported_version", status: 400, check: [Action], maps: READING,
        needs: McpOrA2a, json_rpc: -32022, a2a: A2aError { code: -32009, name: Some("VERSION_NOT_SUPPORTED") },
        detail: "This protocol version is not supported here.",
        advice: "For MCP use a version that the error's `supported` lists; for A2A 1.0 or 0.3.",
    }

    /// Header and body name different things.
    HeaderBodyMismatch {
        kind: Deny, code: "header_body_mismatch", status: 400, check: [Action], maps: READING,
        needs: McpOrA2a, json_rpc: -32020,
        detail: "Headers and body disagree. Send the same method, name and version in both.",
        advice: "Repeat in `MCP-Protocol-Version`, `Mcp-Method`, `Mcp-Name` and the `Mcp-Param-…` of declared tools exactly what the body says, and send none of them where the body has nothing to repeat.",
    }

    /// There is no such MCP session, or it is not this caller's.
    UnknownSession {
        kind: Deny, code: "unknown_session", status: 404, check: [Session],
        maps: &["ASI03", "ASI07", "T9", "MAESTRO-L7"],
        needs: SealedSessions,
        detail: "There is no such session. Start a new one: send `initialize` without a session id.",
        advice: "Send `initialize` again, without a session id. A session is good for the workload, actor and resource that opened it. It ends with the gateway process, unless gateways share `sessions.secret`.",
    }

    /// The answer of an MCP server cannot be read, or nobody asked for it, so it is not passed. It is never on a
    /// decision's record.
    ResponseUnreadable {
        kind: Deny, code: "response_unreadable", status: 502, check: [], maps: RESPONSES,
        needs: Mcp,
        detail: "The server's answer cannot be read here, so it is not passed on.",
        advice: "Find the `ended` line with the decision's id. `response_unasked` there stands for a result that the request did not ask for; `response_unreadable` for a content coding, another media type or JSON that can be read in two ways. It is the server that has to change.",
    }

    /// An MCP server answers by the transport of 2024-11-05, HTTP with SSE. It is never on a decision's record.
    TransportUnsupported {
        kind: Deny, code: "transport_unsupported", status: 502, check: [], maps: RESPONSES,
        needs: Mcp,
        detail: "The server answers by the transport HTTP with SSE (MCP 2024-11-05), which is not supported here. Use Streamable HTTP: POST each message to the server's MCP address and read its answer there.",
        advice: "Have the server speak Streamable HTTP. The `ended` line with the decision's id says it too.",
    }

    // The credential.

    /// The request brings no credential.
    NoCredential {
        kind: Deny, code: "no_credential", status: 401, check: [Credential], maps: CREDENTIAL,
        challenge: Bare,
        detail: "Authenticate: send one access token as `Authorization: Bearer`.",
        advice: "Send `Authorization: Bearer` and the token; `DPoP` for a token that is bound to a key, `Txn-Token` for a transaction token, and `Proxy-Authorization` to a proxy for agents. Other schemes, such as `Basic`, do not count.",
    }

    /// The request brings two credentials, or one in a place where none may be.
    ManyCredentials {
        kind: Deny, code: "many_credentials", status: 400, check: [Credential], maps: CREDENTIAL,
        challenge: InvalidRequest,
        detail: "Send exactly one access token, in the Authorization header only.",
        advice: "Leave `access_token` out of query and form, and send one token. Where a proxy in front hands tokens over in a field of its own, name the other field in the resource's `strip_credentials`.",
    }

    /// The token is too long, or it is not a compact JWS that every parser reads alike.
    MalformedToken {
        kind: Deny, code: "malformed_token", status: 401, check: [Credential], maps: CREDENTIAL,
        challenge: InvalidToken,
        detail: "The access token is malformed. Get a new one.",
        advice: "Send the token as the issuer gave it. Encrypted tokens are not read; an issuer of opaque ones needs `profile: opaque`. `limits.token` says how long a token may be.",
    }

    /// No configured issuer issued the token.
    UnknownIssuer {
        kind: Deny, code: "unknown_issuer", status: 401, check: [Credential], maps: CREDENTIAL,
        challenge: InvalidToken,
        detail: "The access token is not from an issuer trusted here.",
        advice: "Compare the token's `iss` with `issuer` in the configuration, letter by letter, and with `tenants` where the issuer has several. Where the issuer has a `header`, its tokens are taken from that alone.",
    }

    /// The token's header has an algorithm, a `typ` or a parameter that is not accepted.
    TokenHeaderRefused {
        kind: Deny, code: "token_header_refused", status: 401, check: [Credential], maps: CREDENTIAL,
        challenge: InvalidToken,
        detail: "The access token is of a kind that is not accepted here.",
        advice: "Read the record's `detail`. Then compare `alg` with the issuer's `algorithms`, and `typ` with its `profile` (its `types` if that is `generic`).",
    }

    /// No key of the issuer has the token's key id.
    UnknownKey {
        kind: Deny, code: "unknown_key", status: 401, check: [Credential], maps: CREDENTIAL,
        challenge: InvalidToken,
        detail: "The access token is signed with a key that is not known here. Get a new one.",
        advice: "Get a new token. If that is refused too, see whether the issuer's `keys` lead to the key set that it signs with. Unknown keys are looked for once per `cooldown`.",
    }

    /// The token's signature does not verify.
    BadSignature {
        kind: Deny, code: "bad_signature", status: 401, check: [Credential], maps: CREDENTIAL,
        challenge: InvalidToken,
        detail: "The access token's signature is not valid. Get a new one.",
        advice: "Get a new token. If all tokens of an issuer are refused, see whether its `keys` lead to its own key set.",
    }

    /// The token's `exp` has passed.
    TokenExpired {
        kind: Deny, code: "token_expired", status: 401, check: [Credential], maps: LIFETIME,
        challenge: InvalidToken,
        detail: "The access token has expired. Get a new one.",
        advice: "Get a new token before the old one ends. If new ones are refused too, compare the clocks of gateway and issuer (`leeway`).",
    }

    /// The token's `nbf` or `iat` is in the future.
    TokenNotYetValid {
        kind: Deny, code: "token_not_yet_valid", status: 401, check: [Credential], maps: CREDENTIAL,
        challenge: InvalidToken,
        detail: "The access token is not valid yet. Check the clock.",
        advice: "Compare the clocks of gateway and issuer. They may differ by the issuer's `leeway` (30s unless stated).",
    }

    /// The token's `aud` does not name this resource.
    WrongAudience {
        kind: Deny, code: "wrong_audience", status: 401, check: [Credential],
        maps: &["ASI03", "T3", "MAESTRO-L6", "NHI8", "NHI9"],
        challenge: InvalidToken,
        detail: "The access token is for another audience. Request one for this resource.",
        advice: "Request a token for this resource. Operators list in the issuer's `audiences` what its tokens say, and name an `audience_claim` where they have no `aud`.",
    }

    /// The token lives longer than the issuer's rule allows.
    LifetimeTooLong {
        kind: Deny, code: "lifetime_too_long", status: 401, check: [Credential], maps: LIFETIME,
        needs: MaxLifetime, challenge: InvalidToken,
        detail: "The access token lives too long to be accepted here. Request a shorter one.",
        advice: "Request a token that lives shorter, or raise the issuer's `max_lifetime` (1h unless stated).",
    }

    /// A claim that the profile requires is missing, of the wrong type or not what it must be.
    ClaimRefused {
        kind: Deny, code: "claim_refused", status: 401, check: [Credential], maps: CREDENTIAL,
        challenge: InvalidToken,
        detail: "The access token lacks a claim that is required here, or has it in the wrong form.",
        advice: "Read the record's `detail`, which names the claim. What is required is in the issuer's `profile`, `required_claims`, and `claims` with `required: true`.",
    }

    /// The token is good for one request and was used before.
    TokenSpent {
        kind: Deny, code: "token_spent", status: 401, check: [Ledger],
        maps: &["ASI03", "T3", "MAESTRO-L6", "NHI2", "NHI7"],
        needs: OneShot, challenge: InvalidToken,
        detail: "The access token was good for one request and has been used. Get a new one.",
        advice: "Get a token for every request, or leave `one_shot` out on the issuer.",
    }

    /// The DPoP proof is not good for this request.
    ProofRefused {
        kind: Deny, code: "proof_refused", status: 401, check: [Possession], maps: POSSESSION,
        challenge: InvalidProof,
        detail: "The DPoP proof is not valid for this request and token. Make a new one.",
        advice: "Read the record's `detail`. A proof is for one method, one address and one token, and not older than `proof_age`. Where a proxy in front changes the address, say on the resource what clients use (`origin`). A token that is not bound to a key comes without a proof.",
    }

    /// The DPoP proof was used before.
    ProofReplayed {
        kind: Deny, code: "proof_replayed", status: 401, check: [Ledger], maps: POSSESSION,
        challenge: InvalidProof,
        detail: "The DPoP proof has been used. Make a new one for every request.",
        advice: "Make a proof with a `jti` of its own for every request, also for one that is sent again.",
    }

    /// The token is bound, and the request came without what it is bound to.
    ProofMissing {
        kind: Deny, code: "proof_missing", status: 401, check: [Possession], maps: POSSESSION,
        challenge: InvalidToken,
        detail: "The access token is bound to a key or a certificate. Present it with that.",
        advice: "Send the DPoP proof, or connect with the certificate. The record's `detail` says which. With a bound token in the issuer's own `header` no proof can come, so it is always refused.",
    }

    /// The DPoP proof has no nonce that was given out here, or an old one.
    ProofNonce {
        kind: Deny, code: "proof_nonce", status: 401, check: [Possession], maps: POSSESSION,
        challenge: UseNonce,
        detail: "The DPoP proof needs a nonce of this server. Make a new proof with the one in the field `DPoP-Nonce`.",
        advice: "Make the proof again, with the nonce in the answer's `DPoP-Nonce`. Where clients reach several gateways, give all of them the same `binding.nonce.secret`.",
    }

    /// The connection's certificate is not the one that the token is bound to, or it names another workload.
    CertificateMismatch {
        kind: Deny, code: "certificate_mismatch", status: 401, check: [Possession], maps: POSSESSION,
        challenge: InvalidToken,
        detail: "The access token is not for the certificate of this connection.",
        advice: "Connect with the certificate that the token was issued for. Behind a proxy that ends TLS and always replaces `x-forwarded-client-cert`, say `client_certificate: xfcc`; if clients can send that field, anybody can be anybody. With `same_workload: true` the SPIFFE ID in the certificate must be the token's `sub`.",
    }

    /// The token is a bearer token, and configuration asks for bound ones.
    TokenUnbound {
        kind: Deny, code: "token_unbound", status: 401, check: [Possession], maps: POSSESSION,
        needs: BoundTokens, challenge: InvalidToken,
        detail: "Bearer tokens are not accepted here. Request one that is bound to a key or a certificate.",
        advice: "Request a token that is bound as the issuer's `binding.require` says: to a key (DPoP), to a certificate, or to either.",
    }

    /// The issuer's keys cannot be had.
    KeysUnavailable {
        kind: Deny, code: "keys_unavailable", status: 503, check: [Credential], maps: CLOSED,
        retry_after: 1,
        detail: "Access tokens cannot be verified at the moment. Try again shortly.",
        advice: "Try again. Operators read the record's `detail` and the gateway's log, and look at the cluster in the issuer's `keys`. Keys are used for `max_stale` after they were last fetched.",
    }

    /// The issuer could not be asked about an opaque token, or its answer cannot be used.
    IntrospectionUnavailable {
        kind: Deny, code: "introspection_unavailable", status: 503, check: [Credential], maps: CLOSED,
        needs: Introspection, retry_after: 1,
        detail: "Access tokens cannot be verified at the moment. Try again shortly.",
        advice: "Try again. Operators look at the cluster, `client_id`, `client_secret` and `timeout` of the issuer's `introspection`. An answer counts with status 200, `application/json` and a boolean `active`.",
    }

    /// The issuer says that an opaque token is not active.
    TokenInactive {
        kind: Deny, code: "token_inactive", status: 401, check: [Credential], maps: REVOKED,
        needs: Introspection, challenge: InvalidToken,
        detail: "The access token is not active. Get a new one.",
        advice: "Get a new token. Issuers do not say whether the old one expired, was revoked or is not theirs.",
    }

    /// No person authenticated as the resource or tool demands, or it was too long ago.
    AuthenticationInsufficient {
        kind: Deny, code: "authentication_insufficient", status: 401, check: [Authentication],
        maps: &["ASI03", "T9", "MAESTRO-L6", "GOVERN-3.2"],
        needs: Authentication, challenge: InsufficientAuthentication,
        detail: "A more recent or a stronger authentication of the user is needed. Have the user authenticate as the challenge says.",
        advice: "Have the user authenticate as the challenge's `acr_values` and `max_age` say, and send the new token. Operators find the demand under `authentication`, on the resource or on the tool, endpoint, method or event.",
    }

    /// The credential, its task, or somebody in its delegation chain is on a denylist.
    Revoked {
        kind: Deny, code: "revoked", status: 401, check: [Ledger], maps: REVOKED,
        needs: Denylist, challenge: InvalidToken,
        detail: "The access token has been revoked. Get a new one, if you may.",
        advice: "To let it in again, take it off the list where it was put on: `denied` in the plugin configuration, or in the bundle. What either denies is denied.",
    }

    // The workload.

    /// Workloads are listed in the configuration, and the caller is not one of them.
    UnknownWorkload {
        kind: Deny, code: "unknown_workload", status: 403, check: [Workload],
        maps: &["ASI10", "T9", "T13", "MAESTRO-L7", "NHI1"],
        needs: Workloads,
        detail: "This workload is not admitted here.",
        advice: "Add an entry to `workloads` that matches who calls, which in a delegation is the current actor. The record's `workload` says who that is.",
    }

    /// The delegation chain has more actors than configured.
    ActorChainTooLong {
        kind: Deny, code: "actor_chain_too_long", status: 401, check: [Workload], maps: CHAIN,
        challenge: InvalidToken,
        detail: "The access token was delegated too often to be accepted here. Request one with fewer actors.",
        advice: "Delegate through fewer actors, or raise `actors.max_depth` (4 unless stated, 8 at most).",
    }

    /// An actor is not listed and does not say what it is, and configuration refuses such actors.
    ActorUnclassified {
        kind: Deny, code: "actor_unclassified", status: 403, check: [Workload], maps: CHAIN,
        needs: ClassifiedActors,
        detail: "An actor in the access token's delegation chain is not admitted here.",
        advice: "List the actor in `workloads`, or have its issuer write `sub_profile`. With `actors: { unclassified: strict }` such an actor counts as an agent with every trait.",
    }

    /// An automation does something that is not on its list.
    ActsLikeAnAgent {
        kind: Deny, code: "acts_like_an_agent", status: 403, check: [Grants],
        maps: &["ASI10", "T7", "T13", "MAESTRO-L7", "MAP-3.3", "NHI5"],
        needs: Automation,
        detail: "This workload may do a fixed set of things, and this is none of them.",
        advice: "Find out why it did. If it is meant to, add the action to `actions` of its entry in `workloads`.",
    }

    /// A workload in the delegation chain has a list of actions, and this is not on it.
    BeyondWorkload {
        kind: Deny, code: "beyond_workload", status: 403, check: [Grants], maps: GRANTS,
        needs: AgentActions,
        detail: "This workload, or one it acts for or through, may not do this.",
        advice: "Add the action to `actions` of that entry in `workloads`. Each entry in the chain that has a list must cover the call.",
    }

    // The task.

    /// The claims that say which task the token is for are missing or cannot be used.
    TaskRefused {
        kind: Deny, code: "task_refused", status: 403, check: [Task], maps: TASK,
        challenge: InsufficientScope,
        detail: "The access token does not say which task it is for, or says so unusably. Request one for a task.",
        advice: "Read the record's `detail`. The issuer's `task` says where the claims are, and [Grants](../policies/GRANTS.md) what they may say.",
    }

    /// The task that the token was issued for is over.
    TaskExpired {
        kind: Deny, code: "task_expired", status: 401, check: [Task],
        maps: &["ASI03", "ASI10", "MAESTRO-L6", "GOVERN-1.7", "MANAGE-2.4", "NHI1"],
        challenge: InvalidToken,
        detail: "The task this access token was issued for is over. Request a new one.",
        advice: "Request a token for a new task.",
    }

    /// A grant in the token has a constraint that is not understood.
    ConstraintUnsupported {
        kind: Deny, code: "constraint_unsupported", status: 403, check: [Task], maps: TASK,
        challenge: InsufficientScope,
        detail: "A grant in the access token cannot be enforced here. Request one without it.",
        advice: "Have the issuer leave the constraint out, or write it as [Grants](../policies/GRANTS.md) says. It is not ignored, because it was meant to narrow the grant.",
    }

    /// No grant of the task names the action.
    NotGranted {
        kind: Deny, code: "not_granted", status: 403, check: [Grants], maps: GRANTS,
        challenge: InsufficientScope,
        detail: "The task does not cover this. Request an access token whose task does.",
        advice: "Request a token whose task covers the action; where a scope would, the challenge's `scope` names it. `countersign explain` says which grant would cover the call.",
    }

    /// A grant names the action, but not with these arguments.
    ArgumentsBeyondGrant {
        kind: Deny, code: "arguments_beyond_grant", status: 403, check: [Grants], maps: CONSTRAINTS,
        challenge: InsufficientScope,
        detail: "The task covers this, but not with these arguments.",
        advice: "Stay within the grant's `arguments`, or request a task that allows more. `countersign explain` shows which argument it is.",
    }

    /// A grant covers the action, but not at this time, from this address or through so many actors.
    CircumstancesBeyondGrant {
        kind: Deny, code: "circumstances_beyond_grant", status: 403, check: [Grants], maps: CONSTRAINTS,
        challenge: InsufficientScope,
        detail: "The task covers this, but not now, from here or through so many actors.",
        advice: "Compare the call with the grant's `not_before`, `expires`, `source` and `max_depth`.",
    }

    /// Every grant that covers the call was used as often as it may be.
    CallLimitReached {
        kind: Deny, code: "call_limit_reached", status: 429, check: [Grants],
        maps: &["ASI02", "ASI08", "T2", "T4", "MAESTRO-L7", "MANAGE-2.4"],
        detail: "The task has used up its calls of this kind. Try again later, or request a new task.",
        advice: "Wait for the next minute, hour or day if the grant's `calls` say `per`; else request a new task. Each gateway process counts by itself.",
    }

    // Policy.

    /// Policy forbids the request, or nothing permits it.
    PolicyDenied {
        kind: Deny, code: "policy_denied", status: 403, check: [Policy],
        maps: &["ASI02", "T2", "MAESTRO-L6", "MANAGE-1.3"],
        detail: "This is not permitted.",
        advice: "Look at the record's `policies`: they name what forbids it, and if they are empty nothing permits it. `countersign explain` says what would have to be different.",
    }

    /// The resource declares everything that it offers, and this is not part of it.
    Undeclared {
        kind: Deny, code: "undeclared", status: 403, check: [Catalogue], maps: OFFER,
        needs: ClosedInterface, told: AsPolicyDenied,
        detail: "This is not permitted.",
        advice: "Declare the endpoint or the method, or say `undeclared: decide` on the resource, and policy decides.",
    }

    /// The tool is pinned, and a list from its server showed it changed: to the caller, or to others as `pin_scope`
    /// says.
    ToolChanged {
        kind: Deny, code: "tool_changed", status: 403, check: [Seen],
        maps: &["ASI04", "T17", "MAESTRO-L3", "GOVERN-6.1", "MANAGE-3.1", "NHI3"],
        needs: Pin,
        detail: "The server has changed this tool since it was reviewed, so it cannot be called. List the server's tools again; if it is refused still, tell the operator of this gateway.",
        advice: "Review the tool as the server shows it now, and write its new `pin`. Without a new pin, a caller is refused until 24 hours after its lists last showed the tool changed. With `pin_scope: workload`, a caller that is refused for what others saw can list the server's tools first.",
    }

    /// The message is for an A2A task that is over, as its agent said.
    AgentTaskOver {
        kind: Deny, code: "agent_task_over", status: 400, check: [Seen], maps: &["ASI07", "ASI08", "T12", "MAESTRO-L7"],
        needs: A2a, a2a: A2aError { code: -32004, name: Some("UNSUPPORTED_OPERATION") },
        detail: "The agent's task is over and takes no more messages. Send the message without a task to start another.",
        advice: "Send the message without a task to start another. The gateway process remembers ended tasks for 24 hours.",
    }

    /// Policy could not be evaluated.
    PolicyError {
        kind: Deny, code: "policy_error", status: 403, check: [Policy], maps: CLOSED,
        told: AsPolicyDenied,
        detail: "This is not permitted.",
        advice: "Read the record's `detail`, and `policies` for where it happened. Then mend the policy: ask with `has` for what can be absent, and send no call to two sandboxes.",
    }

    /// The decision point elsewhere did not answer, or its answer is not a decision.
    PdpUnavailable {
        kind: Deny, code: "pdp_unavailable", status: 503, check: [Policy], maps: CLOSED,
        needs: Pdp, retry_after: 1,
        detail: "This cannot be decided at the moment. Try again shortly.",
        advice: "Try again. Operators look at the cluster and `timeout` of `policy.authzen` or `policy.opa`, and at what the decision point answers.",
    }

    /// The newest bundle is older than bundles may be.
    PolicyStale {
        kind: Deny, code: "policy_stale", status: 503, check: [Policy], maps: CLOSED,
        needs: MaxStale, retry_after: 1,
        detail: "What this gateway knows is too old to decide by. Try again shortly; tell its operator if it stays so.",
        advice: "Publish a bundle at least every `bundle.max_stale`; the same revision, signed again with a later `iat`, is enough. With `when_stale: serve` the old one goes on deciding.",
    }

    /// A claim that policies read cannot be read: it is elsewhere, of another type or too large.
    ClaimUnreadable {
        kind: Deny, code: "claim_unreadable", status: 403, check: [Policy], maps: &["ASI03", "T3", "MAESTRO-L6"],
        needs: Claims,
        detail: "The access token does not say all that has to be known to decide this, or not in a form that is read here. Request one that does: its issuer can leave out what is not needed, such as some of many groups.",
        advice: "Read the record's `detail`, which names the claim. Have the issuer write it as the configured `claims` say, with at most 256 items and 8 KiB.",
    }

    /// The arguments do not fit what is declared, or one of them is not declared and policies ask for such a name.
    ArgumentsUnfit {
        kind: Deny, code: "arguments_unfit", status: 403, check: [Policy], maps: &["ASI02", "T2", "MAESTRO-L6"],
        needs: Schema, told: IfKnown,
        detail: "The arguments do not fit the tool's declared schema.",
        advice: "Correct the argument that the answer names: `argument` is its JSON Pointer, `problem` says what is wrong. `\"argument\": \"/limit\", \"problem\": \"not an integer\"` means: send `\"limit\": 7` and not `\"limit\": \"7\"`. Operators: compare `input_schema` with what the server takes. `additional_arguments: allow` lets an argument pass that the schema does not name, unless a policy, a grant or a risk rule asks for it.",
    }

    // Step-up.

    /// An approval is needed, and no approver is configured.
    ApprovalUnavailable {
        kind: Deny, code: "approval_unavailable", status: 403, check: [Approval], maps: CLOSED,
        needs: NoStepUp,
        detail: "This needs an approval, and nobody can be asked here.",
        advice: "Configure `step_up`, or take `@step_up` off the policies that the record names.",
    }

    /// Somebody would be asked for an approval. It happens in audit only, where nobody is asked.
    ApprovalNeeded {
        kind: StepUp, code: "approval_needed", status: 0, check: [Approval], maps: PEOPLE,
        needs: StepUp,
        detail: "",
        advice: "Nothing: once filter and resource say `mode: enforce`, the approver is asked.",
    }

    /// The approver refused the call.
    ApprovalDenied {
        kind: Deny, code: "approval_denied", status: 403, check: [Approval], maps: PEOPLE,
        needs: StepUp,
        detail: "The approver refused this call.",
        advice: "Do not send the call again as it is. The record's `detail` has the approver's comment, if there is one.",
    }

    /// The approver has not decided yet.
    ApprovalPending {
        kind: StepUp, code: "approval_pending", status: 403, check: [Approval], maps: PEOPLE,
        needs: StepUp, retry_after: 5,
        detail: "This waits for an approval. Try the same call again later.",
        advice: "Send exactly the same call again after `Retry-After`, until it is decided. Each time the approver is asked again about the same call ([approvals](APPROVALS.md)).",
    }

    /// The approver did not answer, or not in time.
    ApprovalTimeout {
        kind: Deny, code: "approval_timeout", status: 503, check: [Approval], maps: CLOSED,
        needs: StepUp, retry_after: 1,
        detail: "No approval arrived in time. Try again later.",
        advice: "Try again. Operators raise `step_up.hold` and the webhook's `timeout`, or have the webhook answer `pending` while a person decides.",
    }

    /// The approver could not be reached, or answered with an error status.
    ApproverUnreachable {
        kind: Deny, code: "approver_unreachable", status: 503, check: [Approval], maps: CLOSED,
        needs: StepUp, retry_after: 1,
        detail: "The approver cannot be reached. Try again later.",
        advice: "Try again. Operators look at `url` and `cluster` of `step_up.webhook`. Only 200 and 202 are answers; 504 counts as none in time.",
    }

    /// The approver's answer is not signed, or its signature is wrong.
    ApprovalUnsigned {
        kind: Deny, code: "approval_unsigned", status: 503, check: [Approval], maps: APPROVALS,
        needs: StepUp, retry_after: 1,
        detail: "The approval could not be verified. Try again later.",
        advice: "Sign the answer with the `secret` of `step_up.webhook`, as [approvals](APPROVALS.md) says.",
    }

    /// The approver's answer is not an answer, or is too large.
    ApprovalMalformed {
        kind: Deny, code: "approval_malformed", status: 503, check: [Approval], maps: APPROVALS,
        needs: StepUp, retry_after: 1,
        detail: "The approval could not be verified. Try again later.",
        advice: "Compare what the approver sends with [approvals](APPROVALS.md): one JSON object of at most 16 KiB, and with status 202 nothing but `pending`.",
    }

    /// The approver's answer is for another call.
    ApprovalForOtherCall {
        kind: Deny, code: "approval_for_other_call", status: 403, check: [Approval], maps: APPROVALS,
        needs: StepUp,
        detail: "The approval given is for another call.",
        advice: "Send the call again; it may have changed while it waited. Approvers repeat `challenge` and `binding` of the question in the answer.",
    }

    /// The approver's answer was used before.
    ApprovalReplayed {
        kind: Deny, code: "approval_replayed", status: 403, check: [Approval], maps: APPROVALS,
        needs: StepUp,
        detail: "The approval given has been used.",
        advice: "Answer each question by itself: an approval is good once, for one call.",
    }

    /// The approver's answer, or the approval in it, is too old.
    ApprovalExpired {
        kind: Deny, code: "approval_expired", status: 403, check: [Approval], maps: APPROVALS,
        needs: StepUp,
        detail: "The approval has expired. Try again to ask for a new one.",
        advice: "Send the call again. Operators compare the approver's clock, which may be 5 minutes off, and look at its `expires_at`.",
    }

    /// The approver is the requester, or in its delegation chain.
    ApproverIsRequester {
        kind: Deny, code: "approver_is_requester", status: 403, check: [Approval], maps: APPROVALS,
        needs: StepUp,
        detail: "Nobody may approve their own call.",
        advice: "Have somebody else approve the call.",
    }

    // Around it.

    /// The ledger did not answer or is full of what others hold, or the clock was set back.
    LedgerUnavailable {
        kind: Deny, code: "ledger_unavailable", status: 503, check: [Ledger], maps: CLOSED,
        retry_after: 1,
        detail: "This cannot be decided at the moment. Try again shortly.",
        advice: "Try again. Operators raise `limits.ledger` if it is full.",
    }

    /// The worker, or the gateway process, holds as much as it may.
    Overloaded {
        kind: Deny, code: "overloaded", status: 503, check: [], maps: LOAD,
        retry_after: 1,
        detail: "This gateway holds as much as it can at the moment. Try again shortly.",
        advice: "Try again after `Retry-After`. The record's `detail` names the [limit](limits.md).",
    }

    /// The workload holds as much as one may; before it is verified, its address does.
    ShareUsedUp {
        kind: Deny, code: "share_used_up", status: 429, check: [], maps: LOAD,
        retry_after: 1,
        detail: "You have as much under way here as one caller may. Wait for answers, then try again.",
        advice: "Wait for answers, then send less at a time. The record's `detail` names the [limit](limits.md). Where a load balancer hides addresses, raise `limits.refused_tokens.address`.",
    }

    /// The client left before the decision.
    ClientGone {
        kind: Deny, code: "client_gone", status: 0, check: [], maps: &[],
        detail: "",
        advice: "Nothing went upstream. If many clients leave, see how long they waited (`elapsed_us`).",
    }

    /// The filter met a state that it should not be in.
    Internal {
        kind: Deny, code: "internal", status: 500, check: [], maps: CLOSED,
        detail: "This cannot be decided at the moment.",
        advice: "Report it, with the decision's record. Nothing went upstream.",
    }
}
