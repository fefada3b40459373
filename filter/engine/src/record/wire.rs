//! The record's format. Each member stands here once: the filter writes by it, `replay` reads by it, and the tables of
//! `envoy/RECORD.md` are made of it.
//!
//! A member is one row:
//!
//! ```text
//! /// what it means, as the page says it
//! name: Type, "when it is there";
//! ```
//!
//! Members are added and never renamed, and their types stay. A new one is an `Option`, or it has `#[serde(default)]`:
//! older records lack it and are read, too. Where such a member is there "always", newer records always have it.

use std::borrow::Cow;

use countersign_tokens::Scalar;
use countersign_tokens::json::{self, Members};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

#[cfg(test)]
use super::reference::{Described, Member};

/// Structs that are written and read and, in tests only, describe their members.
macro_rules! members {
    ($(
        $(#[doc = $about:literal])+
        $visible:vis struct $name:ident<$life:lifetime> {
            $(
                $(#[doc = $means:literal])+
                $(#[serde($($serde:tt)+)])?
                $member:ident: $type:ty, $present:literal;
            )+
        }
    )+) => { $(
        $(#[doc = $about])+
        #[derive(Debug, Deserialize, Serialize)]
        $visible struct $name<$life> {
            $(
                $(#[doc = $means])+
                #[serde(skip_serializing_if = "Absent::is_absent" $(, $($serde)+)?)]
                $visible $member: $type,
            )+
        }

        impl Absent for $name<'_> {}

        #[cfg(test)]
        impl<$life> Described for $name<$life> {
            fn one() -> String {
                "object".to_owned()
            }

            fn members() -> Vec<Member> {
                vec![$( Member::of::<$type>(stringify!($member), $present, concat!($($means),+)) ),+]
            }
        }
    )+ };
}

members! {
    /// How a request was decided.
    pub struct Decision<'a> {
        /// version of the format: 1
        countersign: u32, "always";
        /// `allow`, `deny`, `step_up` or `served`
        kind: Cow<'a, str>, "always";
        /// how the decision ended: [all reasons](REASONS.md)
        #[serde(default)]
        reason: Cow<'a, str>, "always";
        /// `audit`: the filter or the resource only watches, so nothing came of the decision
        mode: Option<Cow<'a, str>>, "in audit only";
        /// the decision's UUID (random, version 4): [where else it is](#follow-one-decision)
        id: Cow<'a, str>, "always";
        /// when it was decided, in milliseconds since 1970
        time_ms: u64, "always";
        /// microseconds from the arrival of the request's head to the decision, waiting included
        #[serde(default)]
        elapsed_us: u64, "always";
        /// the HTTP status that the client got; absent when the request went upstream and when the client had left
        status: Option<u16>, "when the filter answered";
        /// the configured name of the protected resource; absent for `no_resource`, `near_miss`, `unmatched` and heads
        /// that could name several
        resource: Option<Cow<'a, str>>, "when it is known";
        /// the peer's address as the gateway prints it: `ip:port`
        source: Option<Cow<'a, str>>, "when the gateway says it";
        /// who called; also on records of refusals that came later
        workload: Option<Workload<'a>>, "once a credential is verified";
        /// the credential
        token: Option<Token<'a>>, "with `workload`";
        /// what the credential was issued for
        task: Option<Task<'a>>, "when the credential's task could be read";
        /// where the request was addressed
        request: Option<Request<'a>>, "unless the head does not say beyond doubt where it is addressed";
        /// what the request was about to do
        action: Option<Action<'a>>, "once the request was read";
        /// `low`, `medium`, `high` or `critical`, as policy saw it
        risk: Option<Cow<'a, str>>, "with `action`";
        /// `tool_list`: the risk is what the server's tool lists say
        risk_from: Option<Cow<'a, str>>, "when it is not the catalogue's";
        /// names of the rules under `risk` that raised it to that
        #[serde(default)]
        risk_rules: Cow<'a, [String]>, "when rules raised the risk";
        /// what is [unhealthy](#findings-and-warnings) about the credential or the request
        #[serde(default)]
        findings: Vec<Cow<'a, str>>, "when there are any";
        /// what [other callers' tool lists](#findings-and-warnings) showed of the tool; policies do not read it
        #[serde(default)]
        warnings: Vec<Cow<'a, str>>, "when there are any";
        /// their ids: the permits that allowed, the forbids that denied or asked, or those that failed. `authzen` or
        /// `opa` stand for a decision point; Rego gives its own names, else `rego`
        #[serde(default)]
        policies: Cow<'a, [String]>, "when policies determined the decision";
        /// identifiers of [public risk frameworks](../policies/frameworks.yaml) that the check which ended it, and the
        /// policies named above, answer
        #[serde(default)]
        maps: Cow<'a, [Cow<'static, str>]>, "when there are any";
        /// the sandbox's configured name
        sandbox: Option<Cow<'a, str>>, "when it was allowed into one";
        /// what enforcing it would have changed
        #[serde(default)]
        flips: Vec<Flip<'a>>, "when something is in audit and would have changed the outcome";
        /// for operators: which limit, which check of which issuer, a policy's `@reason`, the decision point's reason,
        /// the approver's comment, what to configure. A client is told at most which argument does not fit, and why
        detail: Option<Cow<'a, str>>, "when there is more to say";
        /// the question's id (`chl_…`), also when nobody answered
        challenge: Option<Cow<'a, str>>, "when an approver was asked";
        /// the approval; the decision was made again with it, and `reason` says how that ended
        approval: Option<Approval<'a>>, "when an approver approved";
        /// names policy, risk rules and catalogue in force: 16 hexadecimal digits; the same texts have the same name on
        /// every gateway
        policy_revision: Option<Cow<'a, str>>, "always";
        /// its `revision`
        bundle_revision: Option<u64>, "when a bundle is in force";
    }

    /// Who called.
    pub struct Workload<'a> {
        /// what policies call it: `<issuer's configured name>/<sub>`, of a machine `<name>#<claim>/<id>`; `/<tenant>`
        /// follows the name where the issuer has `tenants`
        id: Option<Cow<'a, str>>, "always";
        /// `iss`; of SVIDs the trust domain
        issuer: Cow<'a, str>, "always";
        /// `sub`, or the SPIFFE ID
        subject: Option<Cow<'a, str>>, "when the credential has one";
        /// what names the caller instead
        machine: Option<Machine<'a>>, "when there is no `sub`";
        /// `client_id`
        client_id: Option<Cow<'a, str>>, "when the credential has one";
        /// `req_wl`: who asked for the token
        requester: Option<Cow<'a, str>>, "of transaction tokens";
        /// the SPIFFE trust domain that vouched
        trust_domain: Option<Cow<'a, str>>, "of SVIDs";
        /// `automation` or `agent`: how the current actor, else the subject, is governed
        kind: Cow<'a, str>, "always";
        /// `multi-agent`, `code-execution`, `browsing`, `infrastructure`: what the caller, or anybody it acts for or
        /// through, could do
        #[serde(default)]
        traits: Vec<Cow<'a, str>>, "when there are any";
        /// an actor in the chain is in no entry of `workloads` and does not say what it is
        classified: Option<bool>, "only as `false`";
        /// the `act` chain, the current actor first
        #[serde(default)]
        actors: Vec<Actor<'a>>, "when there are any";
        /// claims that an issuer's `claims` configures with `record: true`, by their configured names; `null` means
        /// that the credential does not have the claim
        #[serde(default)]
        claims: Map<String, Value>, "when there are any";
    }

    /// A caller without `sub`.
    pub struct Machine<'a> {
        /// the claim that names it: `client_id`, `azp`, …
        claim: Cow<'a, str>, "always";
        /// what the claim says
        id: Cow<'a, str>, "always";
    }

    /// Who acts for the caller, or for the actor before.
    pub struct Actor<'a> {
        /// who vouches for the actor
        issuer: Cow<'a, str>, "always";
        /// the actor's `sub`
        subject: Cow<'a, str>, "always";
        /// what the actor says it is (`sub_profile`)
        profile: Option<Cow<'a, str>>, "when the credential says it";
        /// `automation` or `agent`
        kind: Option<Cow<'a, str>>, "when `workloads` has an entry for it";
    }

    /// A credential.
    pub struct Token<'a> {
        /// `jti`, written as the credential has it; of transaction tokens `txn`; of certificates the SHA-256 of the
        /// certificate in base64url
        id: Option<Cow<'a, Scalar>>, "when it has one";
        /// `kid`
        key_id: Option<Cow<'a, str>>, "of signed tokens that name one";
        /// `exp`, in seconds since 1970; of certificates one minute after the check
        expires: u64, "always";
    }

    /// What a credential was issued for.
    pub struct Task<'a> {
        /// the task's id; where the credential does not name a task, its `jti`, or a digest (`sha-256:…`) that stands
        /// for the credential
        id: Cow<'a, str>, "always";
        /// what the task is for
        purpose: Option<Cow<'a, str>>, "when it has one";
    }

    /// Where a request was addressed.
    pub struct Request<'a> {
        /// the HTTP method as received
        method: Cow<'a, str>, "always";
        /// `:authority` as received
        host: Cow<'a, str>, "always";
        /// the path as received, without the query; empty for `CONNECT`
        path: Cow<'a, str>, "always";
    }

    /// What a request was about to do.
    pub struct Action<'a> {
        /// protocol and operation: `mcp:tools/call`, `mcp:GET`, `a2a:SendMessage`, `http:POST`, `grpc:call`
        name: Cow<'a, str>, "always";
        /// the tool, prompt, resource URI, task or event; of HTTP the endpoint's configured name (of undeclared paths
        /// see `request.path`); of gRPC `package.Service/Method`
        object: Option<Cow<'a, str>>, "when one thing is named";
        /// all of them, instead of `action.object`
        #[serde(default)]
        objects: Vec<Cow<'a, str>>, "when more than one thing is named";
        /// [keyed digests](#digests) of the whole URIs, in the order of those URIs in `action.object` and
        /// `action.objects` from which something was left out; `null` where there was no key
        #[serde(default)]
        uri_digests: Vec<Option<Cow<'a, str>>>, "when parts of a URI are left out";
        /// the host that the server is told to send to, with its port unless that is 443
        delivery: Option<Cow<'a, str>>, "of event subscriptions with a webhook";
        /// [their digest](#digests)
        arguments_digest: Option<Cow<'a, str>>, "when there are arguments or parameters";
        /// [digest of the body](#digests)
        body_digest: Option<Cow<'a, str>>, "when the body was held";
        /// values of arguments by the configured JSON Pointers; one with `*` has the list of all values that it finds
        #[serde(default, serialize_with = "finite")]
        arguments: Members, "when `record.arguments` names some that are there";
    }

    /// What enforcing something that is in audit would have changed.
    pub struct Flip<'a> {
        /// their ids; absent where the filter's or resource's own `mode` is the cause
        #[serde(default)]
        policies: Cow<'a, [String]>, "of policies in audit";
        /// what was done: `allow`, `deny` or `step_up`
        from: Cow<'a, str>, "always";
        /// what enforcing would have done: `allow`, `deny`, `step_up`, `served`, or `error` where a policy could not be
        /// evaluated
        to: Cow<'a, str>, "always";
        /// the [reason](REASONS.md) why: what they read could not be had
        reason: Option<Cow<'a, str>>, "when policies could not be tried";
    }

    /// What an approver said yes to.
    pub struct Approval<'a> {
        /// who approved
        approver: Approver<'a>, "always";
        /// until when it is good, in seconds since 1970
        expires: u64, "always";
    }

    /// Who approved.
    pub struct Approver<'a> {
        /// who vouches for the approver
        issuer: Cow<'a, str>, "always";
        /// the approver
        subject: Cow<'a, str>, "always";
    }

    /// That a forwarded stream is over.
    pub(super) struct Ended<'a> {
        /// version of the format: 1
        countersign: u32, "always";
        /// `ended`
        kind: Cow<'a, str>, "always";
        /// the `id` of the decision that let the request go
        id: Cow<'a, str>, "always";
        /// when the stream ended, in milliseconds since 1970
        time_ms: u64, "always";
        /// microseconds from forwarding the request to the end of the stream
        elapsed_us: u64, "always";
        /// `audit`: the stream was only watched; where `outcome` names a refusal, the stream went on all the same
        mode: Option<Cow<'a, str>>, "in audit only";
        /// how it ended: [all outcomes](#outcomes-of-ended-lines)
        outcome: Cow<'a, str>, "always";
        /// the task's id
        agent_task: Option<Cow<'a, str>>, "of an A2A task that is over";
    }
}

/// Whether a member has no value, and is left out.
trait Absent {
    fn is_absent(&self) -> bool {
        false
    }
}

impl Absent for u32 {}

impl Absent for u64 {}

impl Absent for Cow<'_, str> {}

impl<T> Absent for Option<T> {
    fn is_absent(&self) -> bool {
        self.is_none()
    }
}

impl<T> Absent for Vec<T> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl<T: Clone> Absent for Cow<'_, [T]> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for Map<String, Value> {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

impl Absent for Members {
    fn is_absent(&self) -> bool {
        self.is_empty()
    }
}

/// Numbers as they are written, unless whoever collects records could not read one for them.
fn finite<S: Serializer>(members: &Members, serializer: S) -> Result<S::Ok, S::Error> {
    json::finite(members).serialize(serializer)
}
