//! The members of a scenario file. Unknown ones are errors.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;

pub use super::decision_point::DecisionPoint;

/// What can run a scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DriverKind {
    /// The engine in this process, with a clock that can be moved.
    Native,
    /// The built module in a scripted host, which can also fail on demand.
    Wasm,
    /// The built module in a real Envoy.
    Envoy,
}

/// One story: a configuration and what happens under it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// A sentence. Unique.
    pub name: String,
    /// All when absent.
    #[serde(default = "every_driver")]
    pub drivers: Vec<DriverKind>,
    /// A file in `configs/`, without `.yaml`.
    #[serde(default = "base")]
    pub config: String,
    /// RFC 7396 merge patch for the configuration.
    #[serde(default)]
    pub patch: Option<Value>,
    /// The configuration as text instead, however broken.
    #[serde(default)]
    pub config_text: Option<String>,
    /// How the key server behaves from the start.
    #[serde(default)]
    pub keys: KeyServer,
    /// What it shows the gateway must not be known to other scenarios, nor what they showed to it.
    #[serde(default)]
    pub isolated: bool,
    /// How the gateway is set up other than shipped. Only in Envoy.
    #[serde(default)]
    pub gateway: Vec<Deviation>,
    /// The configuration is refused, with exactly these lines. There are no steps then.
    #[serde(default)]
    pub refused: Option<Vec<String>>,
    #[serde(default)]
    pub steps: Vec<Step>,
}

/// One thing that happens: exactly one of `send`, `advance`, `set_back` and `keys`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// A request; what else is in the step is about it.
    #[serde(default)]
    pub send: Option<Send>,
    /// So much time passes (`90s`); in Envoy whole seconds, ten at most.
    #[serde(default)]
    pub advance: Option<String>,
    /// The gateway's clock is set back by so much. Not in Envoy.
    #[serde(default)]
    pub set_back: Option<String>,
    /// The key server behaves like this from now on.
    #[serde(default)]
    pub keys: Option<KeyServer>,
    /// The key server behaves like this once the approver is asked about this request.
    #[serde(default)]
    pub meanwhile: Option<KeyServer>,
    /// How the approver answers this request.
    #[serde(default)]
    pub approver: Option<Approver>,
    /// What the issuer says about the opaque token of this request.
    #[serde(default)]
    pub introspection: Option<Introspector>,
    /// How the decision point answers the questions of this request, in order.
    #[serde(default)]
    pub decision_point: Vec<DecisionPoint>,
    /// How the upstream answers, if it is asked.
    #[serde(default)]
    pub upstream: Option<UpstreamAnswer>,
    /// What goes wrong in the host during this request. Not in Envoy.
    #[serde(default)]
    pub faults: Vec<Fault>,
    #[serde(default)]
    pub expect: Option<Expect>,
}

/// A request. Without anything: a valid token and an MCP `tools/call` of `payments`' tool `lookup`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Send {
    /// `POST` when absent.
    #[serde(default)]
    pub method: Option<String>,
    /// Path and query, `/mcp` when absent; `{token}` stands for the token.
    #[serde(default)]
    pub path: Option<String>,
    /// `tools.test` when absent.
    #[serde(default)]
    pub host: Option<String>,
    /// The body is an MCP `tools/call` of this tool, id 1.
    #[serde(default)]
    pub call: Option<String>,
    /// With `call`.
    #[serde(default)]
    pub arguments: Option<Value>,
    /// The body is an MCP request with this method, id 1.
    #[serde(default)]
    pub mcp: Option<String>,
    /// With `mcp`.
    #[serde(default)]
    pub params: Option<Value>,
    /// The revision of MCP that `call` or `mcp` is of: its header field, and for 2026-07-28 what else its requests must have.
    #[serde(default)]
    pub revision: Option<String>,
    /// The body is this, as JSON.
    #[serde(default)]
    pub json: Option<Value>,
    /// The body is this, as it stands: text, or a list of texts and `{repeat, times}`.
    #[serde(default)]
    pub text: Option<Value>,
    /// Bytes in standard base64.
    #[serde(default)]
    pub bytes: Option<String>,
    /// Over the defaults; null removes, a list sends several, `{bytes: base64}` sends bytes; `{session:STEP}` is the session id
    /// that the client got in that step (from 1).
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    #[serde(default)]
    pub token: Token,
    /// The client's certificate, verified by the gateway. Not in Envoy, where tests of their own open such connections.
    #[serde(default)]
    pub certificate: Option<Certificate>,
    /// How the body is cut: sizes in order, the rest in one piece; `[0]` for every byte by itself.
    #[serde(default)]
    pub chunks: Vec<usize>,
    #[serde(default)]
    pub trailers: BTreeMap<String, String>,
    /// The client leaves after the head, or after so many chunks.
    #[serde(default)]
    pub leaves_after_chunks: Option<usize>,
    /// The client sends the head, and then nothing for so long.
    #[serde(default)]
    pub stalls: Option<String>,
}

/// A token. Without anything: what `base` accepts for everything its resources offer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// No `Authorization` header (`{token}` can still be used elsewhere).
    #[serde(default)]
    pub absent: bool,
    /// The credential as it stands: text or pieces.
    #[serde(default)]
    pub raw: Option<Value>,
    /// `Bearer` when absent.
    #[serde(default)]
    pub scheme: Option<String>,
    /// The header that carries it, without a scheme, instead of `authorization`.
    #[serde(default)]
    pub carrier: Option<String>,
    /// A DPoP proof comes with it, and its scheme is `DPoP`.
    #[serde(default)]
    pub proof: Option<ProofSpec>,
    /// The key that signs: `rsa1` when absent.
    #[serde(default)]
    pub key: Option<String>,
    /// How it is signed; the key's own algorithm when absent.
    #[serde(default)]
    pub sign: Option<Signing>,
    /// Merge patch for the header `{alg, kid, typ: at+jwt}`.
    #[serde(default)]
    pub header: Option<Value>,
    /// Merge patch for the claims; `{jkt:ec2}` stands for the thumbprint of a key, `{unique}` for a text of its own, `now+300s` and `now-1h` stand for numeric dates, `{repeat, times}` for long text.
    #[serde(default)]
    pub claims: Option<Value>,
    /// The header's JSON as it stands.
    #[serde(default)]
    pub header_text: Option<String>,
    /// The claims' JSON as it stands, except that `{now+300s}` stands for a numeric date.
    #[serde(default)]
    pub claims_text: Option<String>,
    /// What is done to the finished token.
    #[serde(default)]
    pub spoil: Option<Spoil>,
    /// Exactly the token that step (from 1) sent.
    #[serde(default)]
    pub of_step: Option<usize>,
}

/// A DPoP proof (RFC 9449 §4.2). Without anything: a good one for this request.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProofSpec {
    /// The key that signs and is in the header: `ec2` when absent.
    #[serde(default)]
    pub key: Option<String>,
    /// How it signs; as its key does when absent.
    #[serde(default)]
    pub sign: Option<Signing>,
    /// Merge patch for the header `{typ, alg, jwk}`.
    #[serde(default)]
    pub header: Option<Value>,
    /// Merge patch for the claims `{jti, htm, htu, iat, ath}`; `now-2s` stands for a numeric date.
    #[serde(default)]
    pub claims: Option<Value>,
    /// Exactly the proof that step (from 1) sent.
    #[serde(default)]
    pub of_step: Option<usize>,
}

/// The certificate of the connection's other end.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Certificate {
    /// In hexadecimal.
    pub sha256: String,
    #[serde(default)]
    pub uri: Option<String>,
}

/// How a token is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signing {
    Rs256,
    Rs384,
    Rs512,
    Ps256,
    Es256,
    EdDsa,
    /// HMAC-SHA-256 with the key's public half in PEM as the secret.
    HmacWithPublicPem,
    /// HMAC-SHA-256 with the key's public modulus as in its JWK.
    HmacWithModulus,
    /// The signature is empty.
    None,
    /// The signature is as long as it should be, and zero.
    Zero,
}

/// What is done to a finished token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoil {
    /// The last bit of the signature is flipped.
    FlipSignature,
    /// The claims are replaced after signing (`sub` becomes `admin`).
    SwapClaims,
    /// `=` is appended to each part.
    Padding,
    /// A blank in the middle.
    Blank,
    /// A fourth part.
    FourthPart,
    /// The third part and its dot are cut off.
    TwoParts,
    /// Standard instead of URL-safe base64 in the signature.
    StandardAlphabet,
    /// The unused bits of the last character of the signature are set.
    LooseBits,
}

/// How the key server behaves.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyServer {
    /// Names of the keys it serves; the usual ones when absent.
    #[serde(default)]
    pub serves: Option<Vec<String>>,
    /// Merge patches for single keys, by name.
    #[serde(default)]
    pub edits: BTreeMap<String, Value>,
    /// Merge patch for the document with the keys.
    #[serde(default)]
    pub document: Option<Value>,
    /// Merge patch for the metadata it serves under `/.well-known/`.
    #[serde(default)]
    pub metadata: Option<Value>,
    /// The payload of the bundle of policies it serves under `/policies`; nothing newer when absent.
    #[serde(default)]
    pub policies: Option<Value>,
    /// Another status than 200.
    #[serde(default)]
    pub status: Option<u16>,
    /// Another body.
    #[serde(default)]
    pub text: Option<String>,
    /// Connections are closed.
    #[serde(default)]
    pub down: bool,
    /// It never answers.
    #[serde(default)]
    pub hangs: bool,
}

/// How the approver answers. Without anything: it approves, correctly signed, as somebody else.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Approver {
    /// `approved` (when absent), `denied`, `pending`, or anything.
    #[serde(default)]
    pub decision: Option<String>,
    /// Merge patch for the answer's JSON; `now+1m` stands for the time in RFC 3339.
    #[serde(default)]
    pub edit: Option<Value>,
    /// The body as it stands, signed.
    #[serde(default)]
    pub text: Option<String>,
    #[serde(default)]
    pub sign: AnswerSigning,
    /// What is in `webhook-timestamp`: `now` when absent, `now-11m`.
    #[serde(default)]
    pub stamped: Option<String>,
    /// The answer of that step (from 1), word for word.
    #[serde(default)]
    pub answer_of_step: Option<usize>,
    #[serde(default)]
    pub status: Option<u16>,
    /// It answers after so long.
    #[serde(default)]
    pub after: Option<String>,
    /// It never answers.
    #[serde(default)]
    pub hangs: bool,
    /// It closes the connection instead of answering.
    #[serde(default)]
    pub down: bool,
}

/// What an issuer says about an opaque token. Without anything: that it is active, and the claims of `base`'s tokens.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Introspector {
    /// Merge patch for the answer, `active` included; `now+300s` stands for a numeric date.
    #[serde(default)]
    pub says: Option<Value>,
    /// Another body.
    #[serde(default)]
    pub text: Option<String>,
    /// `application/json` when absent.
    #[serde(default)]
    pub media_type: Option<String>,
    #[serde(default)]
    pub status: Option<u16>,
    /// It never answers.
    #[serde(default)]
    pub hangs: bool,
    /// It closes the connection instead of answering.
    #[serde(default)]
    pub down: bool,
}

/// How the approver signs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerSigning {
    #[default]
    Right,
    /// No signature headers.
    Absent,
    /// With another secret.
    WrongSecret,
    /// Over another body than the one sent.
    OtherBody,
}

/// How the upstream answers.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct UpstreamAnswer {
    #[serde(default)]
    pub status: Option<u16>,
    /// It closes the connection when it has read the request.
    #[serde(default)]
    pub resets: bool,
    /// Over `content-type: application/json`; null removes, a list sends several.
    #[serde(default)]
    pub headers: BTreeMap<String, Value>,
    /// The body is this, as JSON; `{"upstream": true}` when nothing is said.
    #[serde(default)]
    pub json: Option<Value>,
    /// The body is this, as it stands: text, or a list of texts and `{repeat, times}`.
    #[serde(default)]
    pub text: Option<Value>,
    /// How the body is cut, as in `send`. In Envoy it comes as it comes.
    #[serde(default)]
    pub chunks: Vec<usize>,
}

/// What goes wrong in the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Calls are refused at dispatch.
    DispatchFails,
    /// Calls end without an answer (no headers at all).
    CallResets,
    /// The gateway answers for the callee: 504.
    CallTimesOut,
    /// Every answer comes twice.
    AnswersTwice,
    /// The answer comes after the stream is over.
    AnswersLate,
    /// Answers with tokens nobody asked for come first.
    StrayAnswers,
    /// Shared data does not work.
    NoSharedData,
    /// There are no properties to read.
    NoProperties,
    /// Properties cannot be set.
    NoExposure,
    /// Counters cannot be written.
    NoMetrics,
    /// Body bytes arrive and are not handed over (no `allow_on_headers_stop_iteration`).
    BodyWithheld,
}

/// A deviation from the shipped gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deviation {
    /// `allow_on_headers_stop_iteration` is not set.
    HoldsNoBodies,
    /// Underscores in header names are let through by the listener.
    PassesUnderscores,
    /// The route retries twice on 5xx and resets.
    Retries,
    /// The upstream's certificate is signed by somebody else.
    SwappedUpstreamCertificate,
    /// The key server's certificate is signed by somebody else.
    SwappedKeysCertificate,
}

/// What must come out of one request. A deny's exact answer is in `answers.yaml`, by reason.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expect {
    /// What the client gets; 0 when it gets nothing.
    pub status: u16,
    /// The code on the one record; absent when the gateway itself answers and there is no decision.
    #[serde(default)]
    pub reason: Option<String>,
    /// The answer is a JSON-RPC error with this id; otherwise it is problem details.
    #[serde(default)]
    pub rpc_id: Option<Value>,
    /// The answer is an A2A error: without `rpc_id` one of REST, with this status of `google.rpc`.
    #[serde(default)]
    pub a2a: Option<String>,
    /// The answer is a JSON-RPC error of A2A, with the id `null`.
    #[serde(default)]
    pub rpc_null: bool,
    /// The answer is headers only, with this gRPC status.
    #[serde(default)]
    pub grpc: Option<u32>,
    /// It asked its proxy, and is answered so: 407 for 401.
    #[serde(default)]
    pub proxy: bool,
    /// The scope named in the challenge.
    #[serde(default)]
    pub scope: Option<String>,
    /// The challenge is for the scheme DPoP.
    #[serde(default)]
    pub dpop: bool,
    /// The answer must be for a resource without `metadata_url`.
    #[serde(default)]
    pub no_metadata: bool,
    /// The client is answered as for this reason instead.
    #[serde(default)]
    pub told: Option<String>,
    /// The answer names this argument, and what is wrong with it.
    #[serde(default)]
    pub unfit: Option<(String, String)>,
    /// The answer names some argument, and what is wrong with it; or, to who could not call it at all, neither.
    #[serde(default)]
    pub unfit_any: bool,
    /// The answer has another JSON-RPC code than the table says.
    #[serde(default)]
    pub code: Option<i64>,
    /// Further members of the JSON-RPC error's `data`.
    #[serde(default)]
    pub data: BTreeMap<String, Value>,
    /// The answer has another `Allow` than the table says.
    #[serde(default)]
    pub allow: Option<String>,
    /// The answer is a tool's result that says it is an error, and with this `resultType` unless it is empty.
    #[serde(default)]
    pub tool_result: Option<String>,
    /// JSON pointers into an answer that no table of answers has.
    #[serde(default)]
    pub body: BTreeMap<String, Value>,
    /// Parameters that the challenge has besides, in this order: `acr_values="mfa"`.
    #[serde(default)]
    pub challenge: Vec<String>,
    /// The decision was only recorded: whatever it is, the request arrives as it was sent, but for identity headers; nobody
    /// was asked to approve it.
    #[serde(default)]
    pub audit: bool,
    /// What the upstream must see; only with an allow, or in audit.
    #[serde(default)]
    pub upstream: Option<Upstream>,
    /// JSON pointers into the record and what is there; null when nothing must be.
    #[serde(default)]
    pub record: BTreeMap<String, Value>,
    /// How many calls were made during this request, by cluster; what is not named is not checked.
    #[serde(default)]
    pub calls: BTreeMap<String, usize>,
    /// JSON pointers into what the approver was asked.
    #[serde(default)]
    pub asked: BTreeMap<String, Value>,
    /// Text that is in what the approver was asked, letter for letter.
    #[serde(default)]
    pub asked_text: Option<String>,
    /// It was let through, and no request arrived upstream all the same.
    #[serde(default)]
    pub not_delivered: bool,
    /// An `ended` line follows, with this outcome.
    #[serde(default)]
    pub ended: Option<String>,
    /// The A2A task that the `ended` line says is over; absent when it must say none.
    #[serde(default)]
    pub ended_task: Option<String>,
    /// The client is answered for this reason in place of the upstream, which was asked.
    #[serde(default)]
    pub instead: Option<String>,
    /// The client gets the head of the upstream's answer and then no end of it.
    #[serde(default)]
    pub cut: bool,
    /// What the client gets of the upstream's answer; header fields, also of any other.
    #[serde(default)]
    pub client: Option<Client>,
}

/// What the client gets of the upstream's answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Client {
    /// Exact single values; null for absence under every spelling.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// The whole body, as JSON; `{decision}` stands for the decision's id.
    #[serde(default)]
    pub json: Option<Value>,
    /// The whole body, as it stands; `{decision}` as in JSON.
    #[serde(default)]
    pub text: Option<String>,
}

/// What the upstream must see, besides the very bytes of the body and no credential.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Upstream {
    /// Exact single values; `{decision}` stands for the decision's id, null for absence under every spelling, also of what was
    /// sent.
    #[serde(default)]
    pub headers: BTreeMap<String, Option<String>>,
    /// The credential is forwarded as it came.
    #[serde(default)]
    pub credential: bool,
    /// It is on its way out: the proxy's credential is gone, `authorization` is not, and nothing says who asks.
    #[serde(default)]
    pub egress: bool,
}

fn every_driver() -> Vec<DriverKind> {
    vec![DriverKind::Native, DriverKind::Wasm, DriverKind::Envoy]
}

fn base() -> String {
    "base".to_owned()
}
