//! Every way a decision can end, in one table: code for records and counters, status and words for the client.
//!
//! The words for the client say what to do next and nothing about policy, catalogue or other tenants.

use crate::record::Kind;

/// How an agent is answered beyond status and title.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Challenge {
    /// No `WWW-Authenticate`.
    None,
    /// `WWW-Authenticate: Bearer` without an error code: no credential was presented (RFC 6750 §3.1).
    Bare,
    /// With `error="invalid_request"`.
    InvalidRequest,
    /// With `error="invalid_token"`.
    InvalidToken,
    /// With `error="invalid_dpop_proof"` (RFC 9449 §7.1).
    InvalidProof,
    /// With `error="use_dpop_nonce"` (RFC 9449 §9).
    UseNonce,
    /// With `error="insufficient_scope"`.
    InsufficientScope,
    /// With `error="insufficient_user_authentication"` (RFC 9470 §3).
    InsufficientAuthentication,
}

/// What of a call that was refused its caller can mend: in their own words, and nothing about policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mend {
    /// RFC 6901 pointer into the arguments.
    pub argument: String,
    /// What is wrong with it.
    pub problem: String,
}

/// What the table says about one reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Which way the decision went.
    pub kind: Kind,
    /// In records, counters and access logs.
    pub code: &'static str,
    /// HTTP status of the answer; 0 where none is sent.
    pub status: u16,
    pub challenge: Challenge,
    /// For the client: what was wrong and what to do.
    pub detail: &'static str,
}

macro_rules! reasons {
    ($( $(#[$doc:meta])* $name:ident = $kind:ident, $code:literal, $status:literal, $challenge:ident, $detail:literal; )+) => {
        /// Why a decision ended as it did. Closed: records, counters and answers know no other.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Reason { $( $(#[$doc])* $name, )+ }

        impl Reason {
            /// Every reason, in table order.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// This reason's row.
            pub const fn row(self) -> Row {
                match self {
                    $( Self::$name => Row { kind: Kind::$kind, code: $code, status: $status, challenge: Challenge::$challenge, detail: $detail }, )+
                }
            }
        }
    };
}

reasons! {
    // Allowed.
    /// Policy allowed it.
    Allowed = Allow, "allowed", 0, None, "";
    /// Policy allowed it after an approval.
    Approved = Allow, "approved", 0, None, "";
    /// It is for no resource and configuration lets such requests pass.
    Unmatched = Allow, "unmatched", 0, None, "";
    /// It is for an agent's card, which configuration lets everybody see.
    AgentCard = Allow, "agent_card", 0, None, "";

    /// Metadata of a protected resource (RFC 9728).
    Metadata = Served, "metadata", 200, None, "";

    // The request itself.
    /// No resource matches and the default is to deny.
    NoResource = Deny, "no_resource", 403, None, "This address is not served to agents. Check host and path.";
    /// Metadata of a protected resource that is not served here (RFC 9728).
    NoMetadata = Deny, "no_metadata", 404, None, "No protected resource has its metadata at this address. Ask for that of the resource itself: its path behind `/.well-known/oauth-protected-resource`.";
    /// A header that must be single came twice, or is not what it must be.
    AmbiguousHeaders = Deny, "ambiguous_headers", 400, None, "A security-relevant header is duplicated or malformed. Send it once.";
    /// The path can be read in two ways (encoded slashes, dot segments, double encoding, …).
    AmbiguousPath = Deny, "ambiguous_path", 400, None, "The path is ambiguous. Send it normalised, without encoded slashes, dot segments or double encoding.";
    /// A lenient server takes the path for one that is protected under other rules.
    NearMiss = Deny, "near_miss", 400, None, "Some servers take this path for another one that is protected here. Send it exactly as it is published: the same case, no slash at its end and no escapes that are not part of it.";
    /// A header that overrides method, path or route.
    OverrideHeader = Deny, "override_header", 400, None, "Headers that override the method, the path or the route are not accepted. Remove them.";
    /// The resource's protocol has no such HTTP method.
    MethodNotAllowed = Deny, "method_not_allowed", 405, None, "This method is not available here.";
    /// An upgrade or CONNECT.
    UpgradeRefused = Deny, "upgrade_refused", 403, None, "Protocol upgrades are not available here.";
    /// The body is larger than the filter holds.
    BodyTooLarge = Deny, "body_too_large", 413, None, "The body is larger than this gateway reads. Send a smaller request.";
    /// The body did not arrive in time.
    BodyTimeout = Deny, "body_timeout", 408, None, "The body did not arrive in time. Try again.";
    /// The gateway does not hand bodies over while headers are held.
    BodyWithheld = Deny, "body_withheld", 503, None, "This gateway is not set up to read bodies. Tell its operator.";
    /// Not of the media type that is read, or encoded.
    MediaType = Deny, "media_type", 415, None, "Send the body in the media type that is read here (application/json unless declared otherwise), without content coding.";
    /// Not JSON, or JSON that parsers disagree about.
    MalformedJson = Deny, "malformed_json", 400, None, "The body is not JSON that every parser reads alike: check syntax, duplicate members, depth and numbers.";
    /// A body that nothing here reads, where one could say something to its server: of an endpoint that declares none, or a form.
    UnreadBody = Deny, "unread_body", 400, None, "A body like this is not read here, so it is not passed on. Send none, or one of the media type that is published.";
    /// A JSON-RPC batch.
    Batch = Deny, "batch", 400, None, "JSON-RPC batches are not accepted. Send one message per request.";
    /// JSON, but not a JSON-RPC message of the protocol.
    MalformedMessage = Deny, "malformed_message", 400, None, "The body is not a valid message of this protocol. Its id, or a progress token, must be text or a whole number up to 2^53 - 1.";
    /// A JSON-RPC method nobody declared.
    UnknownMethod = Deny, "unknown_method", 403, None, "This method is not available here.";
    /// Query, form or metadata that can be read in two ways, or an argument that comes from two places.
    AmbiguousArguments = Deny, "ambiguous_arguments", 400, None, "An argument can be read in two ways. Send each once, in one place, under a plain name.";
    /// A method that the request's revision of MCP (2026-07-28 or later, where that has a status of its own) does not have.
    MethodNotFound = Deny, "method_not_found", 404, None, "This method is not available here.";
    /// A request of MCP 2026-07-28 without the `_meta` that each must have.
    MetaMissing = Deny, "meta_missing", 400, None, "The request does not say its protocol version and its client's capabilities. Send both in `params._meta`.";
    /// A URI that servers could take for another one.
    AmbiguousUri = Deny, "ambiguous_uri", 400, None, "The URI is ambiguous. Send it absolute and normalised: lower-case scheme (and host, of http, https, ws, wss, ftp and file), no user information, fragment, backslash, dot or empty segments or needless escapes.";
    /// A page in a browser, from a place that may not ask.
    OriginRefused = Deny, "origin_refused", 403, None, "Pages from this origin may not ask here.";
    /// A browser's question before it asks (CORS preflight), which nobody in front of the filter answered.
    PreflightUnanswered = Deny, "preflight_unanswered", 403, None, "This is a browser's preflight (CORS), and nothing here answers it. The operator of this gateway has to allow the page's origin in the gateway's CORS filter, in front of this one.";
    /// A protocol version the filter does not read.
    UnsupportedVersion = Deny, "unsupported_version", 400, None, "This protocol version is not supported here.";
    /// Header and body name different things.
    HeaderBodyMismatch = Deny, "header_body_mismatch", 400, None, "Headers and body disagree. Send the same method, name and version in both.";

    /// The MCP session is not one of this caller's, or none.
    UnknownSession = Deny, "unknown_session", 404, None, "There is no such session. Start a new one: send `initialize` without a session id.";
    /// The answer of an MCP server cannot be read, so it is not passed. Never on a decision's record.
    ResponseUnreadable = Deny, "response_unreadable", 502, None, "The server's answer cannot be read here, so it is not passed on.";
    /// An MCP server answers by the transport of 2024-11-05, HTTP with SSE. Never on a decision's record.
    TransportUnsupported = Deny, "transport_unsupported", 502, None, "The server answers by the transport HTTP with SSE (MCP 2024-11-05), which is not supported here. Use Streamable HTTP: POST each message to the server's MCP address and read its answer there.";

    // The credential.
    /// None.
    NoCredential = Deny, "no_credential", 401, Bare, "Authenticate: send one access token as `Authorization: Bearer`.";
    /// Two, or one in a place where none may be.
    ManyCredentials = Deny, "many_credentials", 400, InvalidRequest, "Send exactly one access token, in the Authorization header only.";
    /// Not a compact JWS every parser reads alike, or too long.
    MalformedToken = Deny, "malformed_token", 401, InvalidToken, "The access token is malformed. Get a new one.";
    /// No configured issuer.
    UnknownIssuer = Deny, "unknown_issuer", 401, InvalidToken, "The access token is not from an issuer trusted here.";
    /// An algorithm, `typ` or header parameter that is not accepted.
    TokenHeaderRefused = Deny, "token_header_refused", 401, InvalidToken, "The access token is of a kind that is not accepted here.";
    /// No key of the issuer has this id.
    UnknownKey = Deny, "unknown_key", 401, InvalidToken, "The access token is signed with a key that is not known here. Get a new one.";
    /// The signature does not verify.
    BadSignature = Deny, "bad_signature", 401, InvalidToken, "The access token's signature is not valid. Get a new one.";
    /// `exp` has passed.
    TokenExpired = Deny, "token_expired", 401, InvalidToken, "The access token has expired. Get a new one.";
    /// `nbf` or `iat` in the future.
    TokenNotYetValid = Deny, "token_not_yet_valid", 401, InvalidToken, "The access token is not valid yet. Check the clock.";
    /// `aud` does not name this resource.
    WrongAudience = Deny, "wrong_audience", 401, InvalidToken, "The access token is for another audience. Request one for this resource.";
    /// It lives longer than the issuer's rule allows.
    LifetimeTooLong = Deny, "lifetime_too_long", 401, InvalidToken, "The access token lives too long to be accepted here. Request a shorter one.";
    /// A claim the profile requires is missing or of the wrong type.
    ClaimRefused = Deny, "claim_refused", 401, InvalidToken, "The access token lacks a claim that is required here, or has it in the wrong form.";
    /// A one-shot credential was used before.
    TokenSpent = Deny, "token_spent", 401, InvalidToken, "The access token was good for one request and has been used. Get a new one.";
    /// A DPoP proof is not good for this request.
    ProofRefused = Deny, "proof_refused", 401, InvalidProof, "The DPoP proof is not valid for this request and token. Make a new one.";
    /// A DPoP proof was used before.
    ProofReplayed = Deny, "proof_replayed", 401, InvalidProof, "The DPoP proof has been used. Make a new one for every request.";
    /// A token that is bound came without what it is bound to.
    ProofMissing = Deny, "proof_missing", 401, InvalidToken, "The access token is bound to a key or a certificate. Present it with that.";
    /// The proof has none of the nonces that are given out here, or an old one.
    ProofNonce = Deny, "proof_nonce", 401, UseNonce, "The DPoP proof needs a nonce of this server. Make a new proof with the one in the field `DPoP-Nonce`.";
    /// The connection's certificate is not what the token is bound to, or names another workload.
    CertificateMismatch = Deny, "certificate_mismatch", 401, InvalidToken, "The access token is not for the certificate of this connection.";
    /// A bearer token where configuration asks for bound ones.
    TokenUnbound = Deny, "token_unbound", 401, InvalidToken, "Bearer tokens are not accepted here. Request one that is bound to a key or a certificate.";
    /// The issuer's keys cannot be had.
    KeysUnavailable = Deny, "keys_unavailable", 503, None, "Access tokens cannot be verified at the moment. Try again shortly.";

    /// The issuer could not be asked about an opaque token.
    IntrospectionUnavailable = Deny, "introspection_unavailable", 503, None, "Access tokens cannot be verified at the moment. Try again shortly.";
    /// The issuer says that an opaque token is not active.
    TokenInactive = Deny, "token_inactive", 401, InvalidToken, "The access token is not active. Get a new one.";
    /// No person authenticated as the resource or tool demands, or too long ago.
    AuthenticationInsufficient = Deny, "authentication_insufficient", 401, InsufficientAuthentication, "A more recent or a stronger authentication of the user is needed. Have the user authenticate as the challenge says.";

    /// The credential, its task, or somebody in it, is on a denylist.
    Revoked = Deny, "revoked", 401, InvalidToken, "The access token has been revoked. Get a new one, if you may.";

    // The workload.
    /// Workloads are listed in the configuration, and the caller is none of them.
    UnknownWorkload = Deny, "unknown_workload", 403, None, "This workload is not admitted here.";
    /// More actors than configured.
    ActorChainTooLong = Deny, "actor_chain_too_long", 401, InvalidToken, "The access token was delegated too often to be accepted here. Request one with fewer actors.";
    /// An actor is neither listed nor says what it is, and configuration refuses such.
    ActorUnclassified = Deny, "actor_unclassified", 403, None, "An actor in the access token's delegation chain is not admitted here.";
    /// An automation does something that is not on its list.
    ActsLikeAnAgent = Deny, "acts_like_an_agent", 403, None, "This workload may do a fixed set of things, and this is none of them.";
    /// A workload in the chain has a list, and this is not on it.
    BeyondWorkload = Deny, "beyond_workload", 403, None, "This workload, or one it acts for or through, may not do this.";

    // The task.
    /// The task's claims are missing or unusable.
    TaskRefused = Deny, "task_refused", 403, InsufficientScope, "The access token does not say which task it is for, or says so unusably. Request one for a task.";
    /// The task is over.
    TaskExpired = Deny, "task_expired", 401, InvalidToken, "The task this access token was issued for is over. Request a new one.";
    /// A grant has a constraint that is not understood.
    ConstraintUnsupported = Deny, "constraint_unsupported", 403, InsufficientScope, "A grant in the access token cannot be enforced here. Request one without it.";
    /// No grant names the action.
    NotGranted = Deny, "not_granted", 403, InsufficientScope, "The task does not cover this. Request an access token whose task does.";
    /// A grant names the action, but not with these arguments.
    ArgumentsBeyondGrant = Deny, "arguments_beyond_grant", 403, InsufficientScope, "The task covers this, but not with these arguments.";

    /// A grant admits it, but not now, from here or through so many actors.
    CircumstancesBeyondGrant = Deny, "circumstances_beyond_grant", 403, InsufficientScope, "The task covers this, but not now, from here or through so many actors.";
    /// Every grant that covers it was used as often as it may be.
    CallLimitReached = Deny, "call_limit_reached", 429, None, "The task has used up its calls of this kind. Try again later, or request a new task.";

    // Policy.
    /// Policy denies, or permits nothing.
    PolicyDenied = Deny, "policy_denied", 403, None, "This is not permitted.";
    /// The resource declares what it offers, and this is none of it.
    Undeclared = Deny, "undeclared", 403, None, "This is not permitted.";
    /// The tool is pinned, and a list of its server's showed another: to the caller, or to others as configuration has it.
    ToolChanged = Deny, "tool_changed", 403, None, "The server has changed this tool since it was reviewed, so it cannot be called. List the server's tools again; if it is refused still, tell the operator of this gateway.";
    /// A message to an A2A task that is over, as its agent said.
    AgentTaskOver = Deny, "agent_task_over", 400, None, "The agent's task is over and takes no more messages. Send the message without a task to start another.";
    /// Policy could not be evaluated.
    PolicyError = Deny, "policy_error", 403, None, "This is not permitted.";
    /// The decision point elsewhere did not answer, or not with a decision.
    PdpUnavailable = Deny, "pdp_unavailable", 503, None, "This cannot be decided at the moment. Try again shortly.";
    /// Nothing newer was signed for longer than bundles may be old.
    PolicyStale = Deny, "policy_stale", 503, None, "What this gateway knows is too old to decide by. Try again shortly; tell its operator if it stays so.";
    /// A claim that policies read cannot be: it is elsewhere, of another type or too large.
    ClaimUnreadable = Deny, "claim_unreadable", 403, None, "The access token does not say all that has to be known to decide this, or not in a form that is read here. Request one that does: its issuer can leave out what is not needed, such as some of many groups.";
    /// Arguments do not have the declared types.
    ArgumentsUnfit = Deny, "arguments_unfit", 403, None, "The arguments do not fit the tool's declared schema.";

    // Step-up.
    /// Policy asks for an approval and no approver is configured.
    ApprovalUnavailable = Deny, "approval_unavailable", 403, None, "This needs an approval, and nobody can be asked here.";
    /// Somebody would be asked. Only of what is watched: nobody is.
    ApprovalNeeded = StepUp, "approval_needed", 0, None, "";
    /// The approver refused.
    ApprovalDenied = Deny, "approval_denied", 403, None, "The approver refused this call.";
    /// The approver has not decided yet.
    ApprovalPending = StepUp, "approval_pending", 403, None, "This waits for an approval. Try the same call again later.";
    /// No answer, or not in time.
    ApprovalTimeout = Deny, "approval_timeout", 503, None, "No approval arrived in time. Try again later.";
    /// The approver could not be reached or answered with an error status.
    ApproverUnreachable = Deny, "approver_unreachable", 503, None, "The approver cannot be reached. Try again later.";
    /// The answer is unsigned or its signature is wrong.
    ApprovalUnsigned = Deny, "approval_unsigned", 503, None, "The approval could not be verified. Try again later.";
    /// The answer is signed but not an answer.
    ApprovalMalformed = Deny, "approval_malformed", 503, None, "The approval could not be verified. Try again later.";
    /// The answer is for another call.
    ApprovalForOtherCall = Deny, "approval_for_other_call", 403, None, "The approval given is for another call.";
    /// The answer was used before.
    ApprovalReplayed = Deny, "approval_replayed", 403, None, "The approval given has been used.";
    /// The answer, or the approval in it, is too old.
    ApprovalExpired = Deny, "approval_expired", 403, None, "The approval has expired. Try again to ask anew.";
    /// The approver is the requester or in its actor chain.
    ApproverIsRequester = Deny, "approver_is_requester", 403, None, "Nobody may approve their own call.";

    // Around it.
    /// The ledger could not answer or is full.
    LedgerUnavailable = Deny, "ledger_unavailable", 503, None, "This cannot be decided at the moment. Try again shortly.";
    /// The worker holds as much as it may.
    Overloaded = Deny, "overloaded", 503, None, "This gateway holds as much as it can at the moment. Try again shortly.";
    /// The workload holds as much as one may; before it is verified, its address.
    ShareUsedUp = Deny, "share_used_up", 429, None, "You have as much under way here as one caller may. Wait for answers, then try again.";
    /// The client left before the decision.
    ClientGone = Deny, "client_gone", 0, None, "";
    /// The filter met a state it should not be in.
    Internal = Deny, "internal", 500, None, "This cannot be decided at the moment.";
}

impl Reason {
    /// As clients may see it, who know of what they ask for or do not: a policy that failed looks like one that denied,
    /// what is not declared looks like what is not permitted, and who could not call a tool whatever the arguments are does not
    /// learn from arguments that do not fit whether it is there.
    #[must_use]
    pub fn told(self, known: bool) -> Self {
        let hidden = matches!(self, Self::PolicyError | Self::Undeclared) || (self == Self::ArgumentsUnfit && !known);
        if hidden { Self::PolicyDenied } else { self }
    }
}
