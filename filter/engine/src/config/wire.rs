//! The configuration as it is written, read into the domain: one function per written object.
//!
//! Every function asks for all members of its object before it answers, so that no mistake hides another.
//! Keys, defaults and bounds are described for people in `envoy/countersign.schema.json`; tests compare the two.

mod bundle;
mod claims;
mod denied;
mod endpoint;
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
mod workload;

use countersign_facts::rollout::Mode;
use countersign_protocols::bounds::ArgumentPlace;
use countersign_rights::risk::RiskRules;
use countersign_rights::workload::Denied;
use countersign_rights::workload::register::Register;
use countersign_tokens::Scalar;
use countersign_trust::credential::Issuer;
use countersign_trust::possession::ClientCertificate;

use self::policy::Several;
use self::secret::Source;
use self::seen::Seen;
use self::workload::Known;
use super::read::Node;
use super::secrets::Secrets;
use super::{Config, text};
use crate::forward::ForwardConfig;
use crate::permit::Unmatched;
use crate::record::RecordConfig;

/// The whole document.
pub(super) fn document(root: &Node<'_>, secrets: &dyn Secrets) -> Option<Config> {
    let mut seen = Seen::default();
    root.object(|object| {
        let version = object.required("version", "write `version: 1`", version);
        let mode = object.or("mode", Mode::Enforce, mode);
        let insecure_inline = object.or("insecure_inline", false, Node::flag);
        // Where the flag itself is unreadable, whatever depends on it is not blamed as well.
        let source = Source { secrets, inline: insecure_inline.unwrap_or(true) };
        let issuers = object.required("issuers", "name who may issue credentials", |node| {
            node.filled("issuer", |node| issuer::issuer(node, &source, &mut seen))
        });
        let resources = object.required("resources", "name what is protected", |node| {
            let issuers = issuers.as_deref().unwrap_or_default();
            node.filled("resource", |node| resource::resource(node, issuers, &mut seen))
        });
        let known = Known {
            issuers: issuers.as_ref().map(|_| &seen.issuer_names),
            resources: resources.as_ref().map(|_| &seen.resource_names),
            catalogue: resources.as_deref().unwrap_or_default(),
            trusted: issuers.as_deref().unwrap_or_default(),
        };
        let entries = object.or("workloads", Vec::new(), |node| workload::workloads(node, known));
        let actors = object.or("actors", workload::ACTORS, workload::actors);
        let hygiene = object.or("hygiene", workload::default_hygiene(), |node| workload::hygiene(node, known));
        let denied = object.or("denied", Denied::default(), denied::denied);
        let risk = object.or("risk", RiskRules::default(), |node| risk::rules(node, known));
        let unmatched = object.or("unmatched", Unmatched::Deny, |node| {
            node.choice("treatment", &[("deny", Unmatched::Deny), ("pass", Unmatched::Pass)])
        });
        let client_certificate = object.or("client_certificate", ClientCertificate::Connection, |node| {
            let sources = [("connection", ClientCertificate::Connection), ("xfcc", ClientCertificate::Xfcc)];
            node.choice("source", &sources)
        });
        let policy = object.required("policy", "write `policy: { cedar: \"permit (…);\" }`", |node| {
            let tenants = |issuer: &Issuer| issuer.voucher.rules.tenants().nth(1).is_some();
            let several = Several {
                issuers: issuers.as_ref().is_some_and(|issuers| issuers.len() > 1 || issuers.iter().any(tenants)),
                resources: resources.as_ref().is_some_and(|resources| resources.len() > 1),
            };
            policy::policy(node, several, &source, &mut seen)
        });
        let sandboxes = object.or("sandboxes", Vec::new(), sandbox::sandboxes);
        let step_up = object.optional("step_up", |node| step_up::step_up(node, &source, &mut seen));
        let sessions = object.or("sessions", sessions::default(), |node| sessions::sessions(node, &source));
        let record = object.or("record", RecordConfig::default(), record);
        let forward = object.or("forward", ForwardConfig::default(), |node| forward(node, &seen));
        let limits = object.or("limits", limits::default(), limits::limits);
        let bundle = object.optional("bundle", |node| bundle::bundle(node, &mut seen));
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
        1 => Some(()),
        other => node.refuse(format!("unknown version {other}; this release reads version 1")),
    }
}

/// Whether what is decided is done.
fn mode(node: &Node<'_>) -> Option<Mode> {
    node.choice("mode", &Mode::ALL.map(|mode| (mode.name(), mode)))
}

fn record(node: &Node<'_>) -> Option<RecordConfig> {
    node.object(|object| {
        let arguments = object.or("arguments", Vec::new(), pointers);
        let arguments = arguments?.iter().filter_map(|text| ArgumentPlace::parse(text)).collect();
        Some(RecordConfig { arguments })
    })
}

fn forward(node: &Node<'_>, seen: &Seen) -> Option<ForwardConfig> {
    node.object(|object| {
        let credential = object.or("credential", false, Node::flag);
        let routing_headers =
            object.or("routing_headers", Vec::new(), |node| distinct(node, |node| routing_header(node, seen)));
        Some(ForwardConfig { credential: credential?, routing_headers: routing_headers? })
    })
}

fn routing_header(node: &Node<'_>, seen: &Seen) -> Option<String> {
    let name = node.parse(text::routing_header)?;
    if seen.credential_headers.contains(&name) {
        return node.refuse("carries the tokens of an issuer, which names it as its `header`; name another");
    }
    Some(name)
}

/// A list of JSON Pointers into arguments.
fn pointers(node: &Node<'_>) -> Option<Vec<String>> {
    distinct(node, |node| node.parse(text::pointer))
}

/// A list of texts, each at most once.
fn distinct(node: &Node<'_>, read: impl Fn(&Node<'_>) -> Option<String>) -> Option<Vec<String>> {
    let mut seen = seen::Names::new("one mention is enough, remove one");
    node.list(|node| {
        let text = read(node)?;
        seen.claim(node, &text)?;
        Some(text)
    })
}

/// A list of texts and numbers, each at most once.
fn distinct_scalars<'a>(node: &Node<'a>, read: impl Fn(&Node<'a>) -> Option<Scalar>) -> Option<Vec<Scalar>> {
    let mut seen = seen::Names::new("one mention is enough, remove one");
    node.list(|node| {
        let scalar = read(node)?;
        // As JSON, where a text has quotes.
        seen.claim(node, &scalar.json().to_string())?;
        Some(scalar)
    })
}
