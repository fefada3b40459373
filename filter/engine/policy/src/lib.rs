//! The policy's part of the decision: what the configured engine says about one action in context.
//!
//! Whatever the engine cannot answer (an evaluation error, arguments that do not fit their schema)
//! is a deny with its own reason; nothing here ever turns a failure into an allow.
//!
//! # What a Cedar policy can say
//!
//! `principal` is `Agent::"<issuer>/<subject>"`: the issuer's name as configured, and the credential's `sub`. A subject is only
//! unique together with its issuer, so an `Agent` without one is a load error; where several issuers are configured, so is a text
//! that `principal.subject`, `principal.client_id` or `context.actor.subject` is compared with in a permit, or in what a forbid
//! excepts, unless the same policy asks for the issuer or the trust domain too.
//!
//! | entity | attributes |
//! |---|---|
//! | `Agent`, in its `Issuer`, its `Kind` and, if it has one, its `TrustDomain` | see below |
//! | `Tool`, in its `Resource`: a tool, an endpoint of an HTTP API, a method of a gRPC service | `risk: String`, `labels: Set<String>`; as the catalogue has them; of an undeclared one its resource's risk and no labels |
//! | `Resource` | none |
//! | `Issuer::"<name>"` (as configured), `Kind::"automation"`, `Kind::"agent"`, `TrustDomain::"<trust domain>"` (of SVIDs) | none |
//!
//! So `principal in Kind::"automation"` is a scope. A policy that names a kind that there is not, or an issuer, a trust domain or a
//! resource that is not configured, is a load error: a misspelt forbid would forbid nothing. So is one that names a resource or a
//! tool which none of its actions is asked about, in its scope or as a condition.
//!
//! A template (`principal == ?principal`, `resource in ?resource`) decides nothing by itself. Each of its [links](Link) is a policy
//! like every other, under the link's id. One without links is a load error.
//!
//! | `action` | in | asked about |
//! |---|---|---|
//! | `Action::"<resource>/<tool>"`, one for each declared tool | `Action::"mcp:tools/call"`, `Action::"mcp:execute"` | `Tool::"<resource>/<tool>"` |
//! | `Action::"mcp:tools/call"`, for tools nobody declared | `Action::"mcp:execute"` | `Tool::"<resource>/<tool>"` |
//! | `Action::"mcp:<method>"`, one for each other MCP method, `mcp:GET` and `mcp:DELETE` for the transport's legs | `Action::"mcp:control"`, `Action::"mcp:list"`, `Action::"mcp:read"`, `Action::"mcp:write"` or `Action::"mcp:execute"`, by class | `Resource::"<resource>"` |
//! | `Action::"<resource>/<endpoint>"`, one for each declared endpoint | `Action::"http:<METHOD>"` of its method, `Action::"http"` | `Tool::"<resource>/<endpoint>"` |
//! | `Action::"http:GET"`, `HEAD`, `POST`, `PUT`, `PATCH`, `DELETE`, `OPTIONS`, `CONNECT`, for what is no declared endpoint | `Action::"http"` | `Resource::"<resource>"` |
//! | `Action::"a2a:<operation>"`, one for each operation of A2A 1.0, whatever version a request is in, and `a2a:AgentCard` | `Action::"a2a:list"`, `Action::"a2a:read"`, `Action::"a2a:write"` or `Action::"a2a:execute"`, by class | `Resource::"<resource>"` |
//! | `Action::"<resource>/<package.Service/Method>"`, one for each declared gRPC method | `Action::"grpc:call"` | `Tool::"<resource>/<package.Service/Method>"` |
//! | `Action::"grpc:call"`, for methods nobody declared | | `Tool::"<resource>/<package.Service/Method>"` |
//!
//! `action == Action::"http:POST"` is about paths that are not declared; `action in Action::"http:POST"` is about both. The same
//! holds of `mcp:tools/call` and `grpc:call`. A `HEAD` request for an endpoint that is declared for `GET` is that endpoint.
//!
//! What `principal` and `context` hold is the table in [`attributes`], and for people the page `policies/attributes.md`, which is
//! made of it. Beside that `context.args` is a record, only of declared tools, endpoints and gRPC methods with an `input_schema`,
//! and of A2A operations, typed from it, see below.
//!
//! Strict validation holds policies to these types: an optional attribute must be asked for with `has`, and a policy that reads
//! `context.args` must be about declared tools that have what it reads.
//!
//! # Claims
//!
//! `principal.claims` has what the issuers' `claims` name, each of the type that is said there (`[string]` is a set): group
//! memberships, roles, a tenant. They are the subject's; an actor has none. A claim that the caller's issuer does not name is
//! absent, whatever the credential says. Whether it is asked for with `has` is a matter of its type: only what every configured
//! issuer names as required is always there.
//!
//! A claim can be *unreadable*: the credential says that it is elsewhere (OpenID Connect Core §5.6.2, as Entra ID does for who is
//! in more than 200 groups), it or what it should be in is not of the configured type, or it is too large. Absence would be a lie then, also under `!`.
//! So a request is denied ([`Reason::ClaimUnreadable`]) where a policy that could apply reads it or asks whether it is there, and
//! wherever Rego or a decision point elsewhere is asked, who could read all of them. What nobody reads spoils nothing.
//!
//! # Arguments
//!
//! | JSON Schema | Cedar | fits |
//! |---|---|---|
//! | `string`, with or without an `enum` of strings | `String` | a string, one of the `enum` |
//! | `boolean` | `Bool` | `true`, `false` |
//! | `integer` | `Long` | a number without fraction, however it is written: `5`, `5.0`, `1e2`; where policies read it, one of 64 bits |
//! | `number` | `decimal` | a number; where policies read it, one that is exactly a decimal of 4 fraction digits and at most ±922337203685477.5807 |
//! | `array` with `items` | `Set` (neither order nor repetition) | an array whose every item fits |
//! | `object` with `properties` | a record | an object whose every member fits |
//! | `object` with `additionalProperties: <schema>` | a record of the members that policies ask for by name, each optional | an object whose every other member fits that schema |
//! | `enum`, `const` without `type` | the type of what is listed | of strings one that is listed, else any of the type |
//! | `["T", "null"]`, `anyOf` or `oneOf` of T and `null` | T, optional | `null`, which is absence, or what fits T |
//! | `anyOf` or `oneOf` of one type, `["integer", "number"]` | that type; of both numbers `decimal` | what fits one of them |
//! | `$ref` within the document (`#/$defs/…`), `allOf` of one schema | what is written there | what fits that |
//!
//! Declared types hold for every argument, read or not. How large and how precise a number is matters only where somebody reads it
//! or asks whether it is there: it is then exactly what was written, or the call is denied ([`Reason::ArgumentsUnfit`]). A list is
//! there whatever numbers are in it. Grants, mirrored headers and bounds of the schema compare exactly. Approvers, decision points and
//! records get every number as it was written, records one that is larger than every double as its text; where a Rego module is asked,
//! a number that is neither an integer of 64 bits nor a double is denied. `arguments_digest`
//! is `sha-256:` of the RFC 8785 form, or `sha-256-exact:` where that form of a number would have another value. An exponent of more than
//! 15 digits is refused. A JSON-RPC id or progress token that is a number is a whole one up to ±(2^53 − 1); key sets and configuration
//! but for `input_schema` have numbers up to that and fractions as the nearest double. So do claims that have a meaning here; one that `claims` names is an integer of 64 bits, and a number that
//! nobody reads spoils no token.
//!
//! What is not in `required` is optional. A member that is not declared fits only where the schema admits such: where
//! `additionalProperties` is `true`, `{}` or of a type that cannot be read, where `patternProperties` stands, or, without
//! `additionalProperties`, where another keyword beside `properties` may declare some (`allOf`, `if`, `$ref`, …); or where
//! configuration says `additional_arguments: allow` and neither a policy that can apply nor a grant for the action nor a rule about
//! risk asks for its name. No policy sees it. A call whose arguments do not fit is denied ([`Reason::ArgumentsUnfit`]), whoever
//! decides: a decision point elsewhere is not asked about it. Who could call the tool with other arguments is told which argument
//! it is, and what is wrong with it.
//!
//! Unions of types, references that lead out of the document or back to themselves, `prefixItems`, arrays without `items` or with
//! items that may be `null`, objects without members and schemas without `type` make their property *opaque*: calls may carry it,
//! policies cannot read it. Around the whole schema they are a load error. Of one schema 4,096 subschemas are read, 64 deep; what
//! is beyond is opaque. Keywords that narrow what `type` says (`anyOf` beside it, `not`, `if`, …) are not enforced, and hide nothing.
//!
//! Keywords about one value are enforced, exactly: `enum`, `const`, `minimum`, `maximum`, `exclusiveMinimum`, `exclusiveMaximum` (as
//! a number, or as draft 4 has them), `multipleOf`, `minLength`, `maxLength`, `pattern`, `minItems`, `maxItems`, `uniqueItems`; of
//! alternatives of one type those of one of them, at each place by itself. A `pattern` is ECMA-262's without looking around or back,
//! compiled to at most 64 KiB, and looked for in texts of at most 64 KiB; the compiled bytes of all patterns of a call times those of
//! the texts that they are looked for in are at most 2^31, so that no call takes long. `countersign validate` names every keyword
//! that is not enforced (`format`, `propertyNames`, alternatives of several types or that differ in several places, a `pattern` that is
//! none of these, …) with its place.
//!
//! ## What a policy asks for
//!
//! Every name that a policy asks of `args`, with `has` too, is judged for each action that the policy can apply to. A part that
//! is about another action or resource (`action == …`, `resource in …`) asks nothing of this one.
//!
//! | the action's schema | | |
//! |---|---|---|
//! | declares it, readable | the policy reads it | |
//! | declares it, opaque | load error | with the keyword that makes it unreadable |
//! | does not declare it, nor does that of another action of the policy | load error | it is misspelt |
//! | does not declare it, and another does | a call that carries it is denied ([`Reason::ArgumentsUnfit`]) | also where there is no schema, where it is open, and of tools that nobody declared: declare it |
//!
//! The last row holds as well of what nothing can declare: names in the query, form or JSON of a path that is no endpoint,
//! arguments of prompts and their completions, metadata of gRPC calls beside what is declared. Their case does not tell them
//! apart. The body of such a path is held where policies ask for a name and it is JSON or a form, or begins as JSON does, in
//! UTF-8, UTF-16 or UTF-32; if it says that it is JSON and is not, or if it says that it is coded or in other letters than
//! UTF-8's or Latin ones (`charset=utf-7`), it is refused. Other bodies, multipart too, pass as they come.
//!
//! A part of a policy that never holds for any action in its scope, for its types or for what stands before it, is a load error;
//! so is one that is never asked because what stands before it always holds. What is written out as `true` or `false` is not, nor
//! what of a template is there for some of its links.
//!
//! Whoever reads all of an object (`context.args == { … }`) asks for every name in it. Attributes of anything else that are never
//! there are load errors behind `has`, too. So are words that are never there: other risks, kinds, traits, findings and HTTP
//! methods than there are, labels that nothing in the catalogue carries, issuers and trust domains that are not configured, whether they
//! are compared with `==`, `like`, `contains`, `containsAll` or `containsAny`.
//!
//! ## Of HTTP APIs, gRPC and A2A
//!
//! An endpoint's arguments are its path parameters, the query's parameters and, with `body: json` or `form`, the members of the
//! body. One name comes from one place, once, in any case; otherwise the request is refused ([`Reason::AmbiguousArguments`]).
//! What is written as text (path, query, form, gRPC metadata) is a string, unless the schema says `integer`, `number` or `boolean`
//! (or that and `null`) and the text is exactly one: decimal digits without needless zeros, sign or exponent; `true`, `false`.
//! Any other text stays a string, which does not fit the type, so that the call is denied.
//!
//! They are read only where something needs them: a policy that can apply reads `context.args`, a grant constrains them, or an
//! approval can be asked for. Where all of them are in the head (`body: none` or `unread`) and there is a schema they are always
//! read, and so is a form. JSON that nobody needs is not held, not read and not held to the schema.
//!
//! Of A2A operations all arguments are optional: `task`, `context`, `tenant`, `url` (where push notifications are to go), which are
//! strings, and `extensions`, a set of them.
//!
//! # What a decision point elsewhere is told
//!
//! The decision document (AuthZEN 1.0 §5; OPA gets it as `input`) holds the same under the same names, whole:
//!
//! | member | |
//! |---|---|
//! | `subject` | `type`: `Agent`; `id`: as in `Agent::"<id>"`; `properties`: the attributes of `Agent`, `claims` among them, and `kind`, `traits` and `classified` of the context |
//! | `action` | `name`: the action's id; `properties.groups`: what it is in, nearest first; `properties.operation`: as records spell it, such as `mcp:tools/call` |
//! | `resource` | `type`: `Tool` or `Resource`; `id`; `properties`: `resource` (its name), `risk`, `labels`, and `args` as below, for engines that read no context |
//! | `context` | everything that the context has; `args` as they were sent; `request.source` is text; `approval` has `id` and `approved_until` (RFC 3339) besides |
//!
//! What is optional above is absent where there is nothing to say.
//!
//! # Annotations
//!
//! `@id` names a policy, `@reason` says why (for records and approvers), `@step_up("<who approves>")` makes a forbid one that an
//! approval lifts, `@sandbox("<name>")` makes a permit one for a sandbox (below), `@mode("audit")` makes a policy one that is only tried (`@mode("enforce")` is what holds without), `@maps("ASI02 T2")`
//! names risks that it answers, by identifiers of `policies/frameworks.yaml`: they are on the records of what it determines and in
//! `countersign report frameworks`. Others are refused. A step-up is tried with an approval by nobody (empty strings) that expires in
//! a minute; only if that would allow is anybody asked. So `unless { context has approval }` may ask for the approval's
//! presence or expiry; a policy that insists on one approver by name is never lifted, and its calls are denied unasked.
//!
//! ## Sandboxes
//!
//! What is allowed and still risky can be sent somewhere else: `@sandbox("<name>") permit (…)` allows it into the sandbox of that
//! name, which is declared in the configuration (`sandboxes`). The request then has `x-countersign-sandbox: <name>`, by which the
//! gateway picks the route, and goes without the header fields that the sandbox is declared to strip. If any of the permits that
//! allow a call names a sandbox, the call goes there: the stricter of two permits wins. If they name two, or the parts of one
//! request do, nobody can say where it belongs: denied ([`Reason::PolicyError`]).
//!
//! ## Policies in audit
//!
//! `@mode("audit")` is how a policy is tried on what really happens before it is enforced. Decisions are made without it: an
//! audited permit grants nothing, an audited forbid denies nothing and asks nobody, lists show what they showed, and no call is
//! refused because of what it reads. Where such a policy could apply, everything is decided once more as if all of them were
//! enforced; a verdict that differs is a *flip*, on the record (`flips: [{policies, from, to}]`, `policies` being those in audit
//! that made the difference) and counted (`countersign.flips.policy.<from>.<to>`). `from` is `allow`, `deny` or `step_up`; `to`
//! may be `error` too: one of them cannot be evaluated. That one policy in audit denies what another would let a person approve
//! is their business: they are tried together.
//!
//! Policies are asked about what the task's grants cover; what fails before that is not tried. A policy in audit that reads
//! `context.args` of an endpoint needs the body, which is then held as for an enforced one. Where it is too large, cannot be read
//! or does not come in time the request goes on as it would have without the policy, from there unheld: a flip to `error`, with
//! the `reason`.
#![forbid(unsafe_code)]

#[cfg(all(feature = "test-support", target_family = "wasm"))]
compile_error!("the feature `test-support` is for tests: build what ships without it");

mod arguments;
mod asks;
mod attributes;
mod basis;
mod catalogue;
mod cedar;
mod certain;
mod compiling;
mod context;
mod coverage;
mod dead;
mod decide;
mod declared;
mod document;
mod effort;
mod error;
mod explain;
mod expression;
pub mod frameworks;
mod index;
mod joined;
mod judges;
mod load;
mod names;
mod pdp;
mod possible;
mod reads;
#[cfg(test)]
mod reference;
#[cfg(feature = "rego")]
mod rego;
#[cfg(not(feature = "rego"))]
#[path = "rego_absent.rs"]
mod rego;
mod replay;
mod rule;
mod schema;
mod several;
mod strangers;
mod subjects;
mod surroundings;
mod templates;
#[cfg(test)]
mod tests;
mod trial;
mod typing;
mod vocabulary;

use countersign_facts::reason::{Mend, Reason};
use countersign_protocols::action::Action;
use countersign_protocols::catalogue::{Resource, Risk};
use countersign_rights::hygiene::Finding;
use countersign_rights::risk::RiskRules;
use countersign_rights::task::Task;
use countersign_rights::workload::{Identity, TokenFacts, Voucher, Workload};
use countersign_tokens::UnixTime;

pub use arguments::Carried;
pub use attributes::on_records;
pub use catalogue::catalogue_errors;
pub use cedar::CedarPolicy;
pub use certain::Unknown;
pub use coverage::Covered;
pub use effort::effort;
pub use error::{Dead, DeadPart, LoadError, Place, Problem};
pub use explain::{Answer, Opined};
pub use judges::revision;
pub use judges::{Compiling, Judges, Opinion};
#[cfg(any(test, feature = "test-support"))]
pub use pdp::test_support;
pub use pdp::{Dialect, Member, Name, PdpConfig};
pub use pdp::{Given, MOST_QUESTIONS, Question};
pub use rego::RegoPolicy;
pub use replay::{Held, Judgement, Missing};
pub use rule::Described;
pub use surroundings::{Link, Surroundings};

/// An approval of exactly one call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    /// The challenge it answers.
    pub challenge: String,
    /// Who approved.
    pub approver: Identity,
    /// Until when it holds.
    pub expires: UnixTime,
    /// Whether the approver said so. Otherwise it is when nobody waits for the answer any more.
    pub stated: bool,
}

/// What decides: at least one of them; all where there are several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyConfig {
    /// Cedar policy text.
    pub cedar: Option<String>,
    /// What is made of its templates.
    pub links: Option<Vec<Link>>,
    /// Rego policy text.
    pub rego: Option<String>,
    /// The most bytes that it is asked about, arguments included.
    pub rego_input: usize,
    /// A decision point elsewhere.
    pub pdp: Option<PdpConfig>,
}

/// Where what is allowed and risky goes instead of the ordinary upstream: the gateway's route for it is picked by its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sandbox {
    pub name: String,
    /// What clients send there and what does not arrive.
    pub strip_headers: Vec<String>,
}

/// What policies are made for: what there is of a configuration that they depend on.
#[derive(Clone, Debug)]
pub struct Parts<'a> {
    pub policy: &'a PolicyConfig,
    pub resources: &'a [Resource],
    pub sandboxes: &'a [Sandbox],
    /// Who callers can be from.
    pub issuers: Vec<&'a Voucher>,
    pub risk: &'a RiskRules,
    /// Whether somebody can be asked for an approval at all.
    pub approvals: bool,
}

/// Everything a policy may read.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub now: UnixTime,
    pub workload: &'a Workload,
    pub token: &'a TokenFacts,
    /// What is unhealthy about the credential or the request.
    pub findings: &'a [Finding],
    pub task: &'a Task,
    pub action: &'a Action,
    pub risk: Risk,
    /// The labels of the tool, if it is declared.
    pub labels: &'a [String],
    /// The peer's address (`ip:port`), if the gateway says.
    pub source: Option<&'a str>,
    /// The approval of exactly this action, after a step-up.
    pub approval: Option<&'a Approval>,
}

/// What policy says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Allow(Allow),
    Deny(Deny),
    /// Every determining forbid asks for an approval, and with one the action would be allowed.
    StepUp(StepUp),
}

/// An allow. Only policies make one; a permit is made of nothing else.
///
/// ```compile_fail
/// let forged = countersign_policy::Allow { determining: Vec::new(), sandbox: None };
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allow {
    pub(crate) determining: Vec<String>,
    pub(crate) sandbox: Option<String>,
}

impl Allow {
    /// Ids of the determining policies.
    pub fn determining(&self) -> &[String] {
        &self.determining
    }

    /// The sandbox that it is for, and for nothing else.
    pub fn sandbox(&self) -> Option<&str> {
        self.sandbox.as_deref()
    }
}

/// A deny.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deny {
    /// [`Reason::PolicyDenied`], [`Reason::PolicyError`], [`Reason::ClaimUnreadable`] or [`Reason::ArgumentsUnfit`].
    pub reason: Reason,
    /// Ids of the determining policies, or of those that failed to evaluate.
    pub determining: Vec<String>,
    /// For the record only, never for the client: the policies' `@reason` texts or what went wrong.
    pub detail: Option<String>,
    /// Of [`Reason::ArgumentsUnfit`], for who could call it with others.
    pub mend: Option<Mend>,
}

/// A demand for approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StepUp {
    pub determining: Vec<String>,
    /// The determining policies' `@step_up` values, sorted, each once: who is to approve.
    pub approvers: Vec<String>,
    /// The determining policies' `@reason` texts: shown to the approver.
    pub reasons: Vec<String>,
    /// SHA-256 over the texts of the determining policies and the catalogue entry of the action:
    /// an approval does not survive a change of either.
    pub basis: [u8; 32],
}
