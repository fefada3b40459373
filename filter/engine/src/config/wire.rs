//! The configuration as it is written, read into the domain: one function per written object.
//!
//! Every function asks for all members of its object before it answers, so that no mistake hides another. Above it is what the keys of
//! the object are: `envoy/countersign.schema.json` is made of these descriptions.

mod authentication;
mod bundle;
mod claims;
mod denied;
mod endpoint;
#[cfg(test)]
mod grant;
mod interface;
mod issuer;
mod keys;
mod limits;
mod mcp;
mod policy;
mod resource;
mod risk;
mod sandbox;
mod secret;
mod seen;
mod sessions;
mod step_up;
mod task;
mod tool;
mod workload;

use countersign_facts::rollout::Mode;
use countersign_protocols::bounds::ArgumentPlace;
use countersign_rights::risk::RiskRules;
use countersign_rights::workload::Denied;
use countersign_rights::workload::register::Register;
use countersign_tokens::Scalar;
use countersign_trust::credential::Issuer;
use countersign_trust::possession::ClientCertificate;
#[cfg(test)]
use serde_json::{Value, json};

#[cfg(test)]
use self::bundle::BundleKeys;
#[cfg(test)]
use self::denied::DeniedKeys;
use self::policy::Several;
#[cfg(test)]
use self::risk::RuleKeys;
#[cfg(test)]
use self::sandbox::SandboxKeys;
use self::secret::Source;
use self::seen::Seen;
use self::workload::Known;
#[cfg(test)]
use self::workload::{ActorKeys, HygieneKeys};
use super::key::{Choice, Defaulted, Defined, Distinct, Flag, Notation, Optional, Own, Parsed, Required};
use super::key::{choice, defaulted, distinct, keys, named, optional, required};
use super::names::Names;
use super::read::Node;
#[cfg(test)]
use super::schema::{Shown as _, merge, property, reference};
use super::secrets::Secrets;
use super::{Config, text};
use crate::forward::ForwardConfig;
use crate::permit::Unmatched;
use crate::record::RecordConfig;

/// Whether what is decided is done.
const MODE: Defined<Choice<Mode>> = Defined {
    notation: named("mode", &Mode::ALL, Mode::name),
    #[cfg(test)]
    name: "mode",
};

keys! {
    /// The configuration of the filter, as JSON text or as a google.protobuf.Struct written in YAML. Unknown keys are
    /// errors. What a schema cannot say (unique names, lengths that depend on each other, bounds of durations and
    /// sizes, one destination per cluster) the filter checks when it loads, and reports with every other mistake at
    /// once.
    pub(super) struct Keys;

    /// The version of this format.
    const VERSION: Required<Own> = required("version", Own) => json!({ "const": VERSION });

    /// Whether decisions are done. In `audit` every request is decided and recorded, with what enforcing would have
    /// changed (`flips`), and goes on as it came, without identity headers that clients made up: nobody is asked,
    /// nothing is spent, responses are not touched. Single policies are tried with `@mode("audit")`.
    const MODE: Defaulted<Defined<Choice<Mode>>> = defaulted("mode", MODE, Mode::Enforce);

    /// Who may issue credentials. A credential of anyone else is refused. The values of `name` and of `issuer` are
    /// unique.
    const ISSUERS: Required<Own> = required("issuers", Own) => some(&reference("issuer"));

    /// What is protected. Names are unique, and no two resources match the very same requests.
    const RESOURCES: Required<Own> = required("resources", Own) => some(&reference("resource"));

    /// Which workloads are admitted and how each is governed; the first entry that matches holds. Whoever calls (the
    /// current actor of a delegation, else the subject) must be in an entry. Without this list every workload is an
    /// agent.
    const WORKLOADS: Optional<Own> = optional("workloads", Own) => some(&reference("workload"));

    const ACTORS: Optional<Own> = optional("actors", Own) => ActorKeys::schema();

    const HYGIENE: Optional<Own> = optional("hygiene", Own) => HygieneKeys::schema();

    const DENIED: Optional<Own> = optional("denied", Own) => DeniedKeys::schema();

    const BUNDLE: Optional<Own> = optional("bundle", Own) => BundleKeys::schema();

    /// What raises the risk of an action above what the catalogue says. A rule only raises; its name is on the record
    /// where it did.
    const RISK: Optional<Own> = optional("risk", Own) => any(&RuleKeys::schema());

    /// Where a client's certificate is known from: the gateway's own mutual TLS, or the header x-forwarded-client-cert.
    /// The header is anybody's word unless the proxy in front replaces it (Envoy: SANITIZE_SET), and that proxy is the
    /// only way here.
    const CLIENT_CERTIFICATE: Defaulted<Choice<ClientCertificate>> = defaulted(
        "client_certificate",
        choice("source", &[("connection", ClientCertificate::Connection), ("xfcc", ClientCertificate::Xfcc)]),
        ClientCertificate::Connection
    );

    /// What happens to a request that is for no resource. `deny` refuses it; `pass` sends it upstream undecided,
    /// without spoofable headers, and records it.
    const UNMATCHED: Defaulted<Choice<Unmatched>> = defaulted(
        "unmatched", choice("treatment", &[("deny", Unmatched::Deny), ("pass", Unmatched::Pass)]), Unmatched::Deny
    );

    const POLICY: Required<Own> = required("policy", Own) => reference("policy");

    /// Where what is allowed and risky goes instead of the ordinary upstream. A permit with `@sandbox("<name>")` allows
    /// a call into one only: the request then has `x-countersign-sandbox: <name>`, by which the gateway must pick the
    /// route (envoy/sandbox.yaml). Names are unique.
    const SANDBOXES: Optional<Own> = optional("sandboxes", Own) => any(&SandboxKeys::schema());

    const STEP_UP: Optional<Own> = optional("step_up", Own) => reference("step_up");

    const SESSIONS: Optional<Own> = optional("sessions", Own) => reference("sessions");

    const RECORD: Optional<Own> = optional("record", Own) => reference("record");

    const FORWARD: Optional<Own> = optional("forward", Own) => reference("forward");

    const LIMITS: Optional<Own> = optional("limits", Own) => reference("limits");

    /// Allows secrets in the configuration. They then show in the gateway's config dump: for tests only.
    const INSECURE_INLINE: Defaulted<Flag> = defaulted("insecure_inline", Flag, false);
}

keys! {
    /// What decision records contain beyond digests.
    struct RecordKeys;

    /// Arguments whose values are recorded.
    const ARGUMENTS: Defaulted<Distinct<Parsed<String>>> =
        defaulted("arguments", distinct(text::POINTER), Vec::new());
}

keys! {
    /// What the upstream gets to see.
    struct ForwardKeys;

    /// Send the agent's credential on.
    const CREDENTIAL: Defaulted<Flag> = defaulted("credential", Flag, false);

    /// Headers that pick a route: refused from clients. Lower case, `-` for `_`.
    const ROUTING_HEADERS: Defaulted<Distinct<Parsed<String>>> =
        defaulted("routing_headers", distinct(text::ROUTING_HEADER), Vec::new())
        => json!({ "examples": [["x-tenant-route"]] });
}

/// The version of the format that is read here.
const VERSION: u64 = 1;

/// At least one of `items`.
#[cfg(test)]
fn some(items: &Value) -> Value {
    json!({ "type": "array", "minItems": 1, "items": items })
}

/// Any number of `items`.
#[cfg(test)]
fn any(items: &Value) -> Value {
    json!({ "type": "array", "default": [], "items": items })
}

/// What the schema defines under names of their own: objects, and keys that several objects have.
#[cfg(test)]
pub(super) fn definitions() -> Value {
    let mut risk = json!({ "description": "How much harm an action can do." });
    merge(&mut risk, resource::RISK.notation.schema());
    json!({
        "mode": MODE.notation.schema(),
        "risk": risk,
        "insecure_http": property(&endpoint::EndpointKeys::schema(), "insecure_http"),
        "workload": workload::WorkloadKeys::schema(),
        "workload_match": workload::MatchKeys::schema(),
        "grant": grant::GrantKeys::schema(),
        "authentication": authentication::AuthenticationKeys::schema(),
        "introspection": issuer::IntrospectionKeys::schema(),
        "issuer": issuer::IssuerKeys::schema(),
        "keys": keys::SourceKeys::schema(),
        "task": task::TaskKeys::schema(),
        "resource": resource::ResourceKeys::schema(),
        "endpoint": interface::HttpEndpointKeys::schema(),
        "grpc_method": interface::GrpcMethodKeys::schema(),
        "denials": mcp::DenialKeys::schema(),
        "event": mcp::EventKeys::schema(),
        "tool": tool::ToolKeys::schema(),
        "link": policy::LinkKeys::schema(),
        "policy": policy::PolicyKeys::schema(),
        "decision_point": policy::DecisionPointKeys::schema(),
        "step_up": step_up::StepUpKeys::schema(),
        "secret": secret::SecretKeys::schema(),
        "sessions": sessions::SessionKeys::schema(),
        "record": RecordKeys::schema(),
        "forward": ForwardKeys::schema(),
        "limits": limits::LimitKeys::schema()
    })
}

/// The whole document.
pub(super) fn document(root: &Node<'_>, secrets: &dyn Secrets) -> Option<Config> {
    let mut seen = Seen::default();
    root.object(|object| {
        let version = object.required_with(&Keys::VERSION, "write `version: 1`", version);
        let mode = object.or(&Keys::MODE);
        let insecure_inline = object.or(&Keys::INSECURE_INLINE);
        // Where the flag itself is unreadable, whatever depends on it is not blamed as well.
        let source = Source { secrets, inline: insecure_inline.unwrap_or(true) };
        let issuers = object.required_with(&Keys::ISSUERS, "name who may issue credentials", |node| {
            node.filled("issuer", |node| issuer::issuer(node, &source, &mut seen))
        });
        let resources = object.required_with(&Keys::RESOURCES, "name what is protected", |node| {
            let issuers = issuers.as_deref().unwrap_or_default();
            node.filled("resource", |node| resource::resource(node, issuers, &mut seen))
        });
        let known = Known {
            issuers: issuers.as_ref().map(|_| &seen.issuer_names),
            resources: resources.as_ref().map(|_| &seen.resource_names),
            catalogue: resources.as_deref().unwrap_or_default(),
            trusted: issuers.as_deref().unwrap_or_default(),
        };
        let entries = object.or_else(&Keys::WORKLOADS, Vec::new(), |node| workload::workloads(node, known));
        let actors = object.or_else(&Keys::ACTORS, workload::ACTORS, workload::actors);
        let hygiene =
            object.or_else(&Keys::HYGIENE, workload::default_hygiene(), |node| workload::hygiene(node, known));
        let denied = object.or_else(&Keys::DENIED, Denied::default(), denied::denied);
        let risk = object.or_else(&Keys::RISK, RiskRules::default(), |node| risk::rules(node, known));
        let unmatched = object.or(&Keys::UNMATCHED);
        let client_certificate = object.or(&Keys::CLIENT_CERTIFICATE);
        let policy = object.required_with(&Keys::POLICY, "write `policy: { cedar: \"permit (…);\" }`", |node| {
            let tenants = |issuer: &Issuer| issuer.voucher.rules.tenants().nth(1).is_some();
            let several = Several {
                issuers: issuers.as_ref().is_some_and(|issuers| issuers.len() > 1 || issuers.iter().any(tenants)),
                resources: resources.as_ref().is_some_and(|resources| resources.len() > 1),
            };
            policy::policy(node, several, &source, &mut seen)
        });
        let sandboxes = object.or_else(&Keys::SANDBOXES, Vec::new(), sandbox::sandboxes);
        let step_up = object.optional_with(&Keys::STEP_UP, |node| step_up::step_up(node, &source, &mut seen));
        let sessions = object.or_else(&Keys::SESSIONS, sessions::default(), |node| sessions::sessions(node, &source));
        let record = object.or_else(&Keys::RECORD, RecordConfig::default(), record);
        let forward = object.or_else(&Keys::FORWARD, ForwardConfig::default(), |node| forward(node, &seen));
        let limits = object.or_else(&Keys::LIMITS, limits::default(), limits::limits);
        let bundle = object.optional_with(&Keys::BUNDLE, |node| bundle::bundle(node, &mut seen));
        let ((), _) = (version?, insecure_inline?);
        Some(Config {
            mode: mode?,
            issuers: issuers?,
            credential_headers: seen.credential_headers,
            resources: resources?,
            workloads: Register { entries: entries?, actors: actors? },
            hygiene: hygiene?,
            denied: denied?,
            risk: risk?,
            unmatched: unmatched?,
            client_certificate: client_certificate?,
            policy: policy?,
            sandboxes: sandboxes?,
            step_up: step_up?,
            sessions: sessions?,
            record: record?,
            forward: forward?,
            limits: limits?,
            bundle: bundle?,
        })
    })
}

fn version(node: &Node<'_>) -> Option<()> {
    match node.count(&(0..=u64::MAX))? {
        VERSION => Some(()),
        other => node.refuse(format!("unknown version {other}; this release reads version {VERSION}")),
    }
}

fn record(node: &Node<'_>) -> Option<RecordConfig> {
    node.object(|object| {
        let arguments = object.or(&RecordKeys::ARGUMENTS);
        let arguments = arguments?.iter().filter_map(|text| ArgumentPlace::parse(text)).collect();
        Some(RecordConfig { arguments })
    })
}

fn forward(node: &Node<'_>, seen: &Seen) -> Option<ForwardConfig> {
    node.object(|object| {
        let credential = object.or(&ForwardKeys::CREDENTIAL);
        let routing_headers = object.or_with(&ForwardKeys::ROUTING_HEADERS, |node| {
            ForwardKeys::ROUTING_HEADERS.notation.read_with(node, |node| routing_header(node, seen))
        });
        Some(ForwardConfig { credential: credential?, routing_headers: routing_headers? })
    })
}

fn routing_header(node: &Node<'_>, seen: &Seen) -> Option<String> {
    let name = text::ROUTING_HEADER.read(node)?;
    if seen.credential_headers.contains(&name) {
        return node.refuse("carries the tokens of an issuer, which names it as its `header`; name another");
    }
    Some(name)
}

/// A list of texts and numbers, each at most once.
fn distinct_scalars<'a>(node: &Node<'a>, read: impl Fn(&Node<'a>) -> Option<Scalar>) -> Option<Vec<Scalar>> {
    let mut seen = Names::new("one mention is enough, remove one");
    node.list(|node| {
        let scalar = read(node)?;
        // As JSON, where a text has quotes.
        seen.claim(node, &scalar.json().to_string())?;
        Some(scalar)
    })
}
