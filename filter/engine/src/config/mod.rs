//! The plugin configuration, parsed: whatever is represented here is usable.
//!
//! Reading never stops at the first mistake: every error is reported at once, each with its place.

mod address;
mod base;
mod key;
mod names;
mod needs;
mod numbers;
mod read;
#[cfg(test)]
mod schema;
mod secrets;
mod text;
mod wire;

#[cfg(test)]
mod tests;

use std::time::Duration;

use countersign_facts::ledger::Capacity;
use countersign_facts::mistakes::{ConfigError, ConfigErrors};
use countersign_facts::rollout::Mode;
use countersign_policy::{Parts, PolicyConfig, Sandbox};
use countersign_protocols::catalogue::Resource;
use countersign_rights::hygiene::Hygiene;
use countersign_rights::risk::RiskRules;
use countersign_rights::workload::register::Register;
use countersign_rights::workload::{Denied, Voucher};
use countersign_tokens::json;
use countersign_trust::credential::Issuer;
use countersign_trust::introspection::Budget;
use countersign_trust::possession::ClientCertificate;

use crate::bundle::BundleConfig;
use crate::forward::ForwardConfig;
use crate::permit::Unmatched;
use crate::record::RecordConfig;
use crate::sessions::SessionsConfig;
use crate::shares::{Bounds, Each};
use crate::step_up::{OpenBounds, StepUpConfig};
pub(crate) use base::{Base, Keeping};
pub use secrets::{NoSecrets, Secrets};

/// Bounds of the document itself; policies and tool schemas are written in it.
const DOCUMENT: json::Limits = json::Limits { depth: 64, bytes: 4 * 1024 * 1024, nodes: 200_000 };

/// One plugin configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Of everything; a resource can be in audit by itself.
    pub mode: Mode,
    pub issuers: Vec<Issuer>,
    /// Header fields that issuers name for their tokens, in lower case.
    pub credential_headers: Vec<String>,
    pub resources: Vec<Resource>,
    pub workloads: Register,
    pub hygiene: Hygiene,
    pub denied: Denied,
    pub risk: RiskRules,
    pub unmatched: Unmatched,
    pub client_certificate: ClientCertificate,
    pub policy: PolicyConfig,
    /// What permits of Cedar may name.
    pub sandboxes: Vec<Sandbox>,
    pub step_up: Option<StepUpConfig>,
    pub sessions: SessionsConfig,
    pub record: RecordConfig,
    pub forward: ForwardConfig,
    pub limits: Limits,
    /// Where newer policy and catalogue are fetched.
    pub bundle: Option<BundleConfig>,
}

impl Config {
    /// Reads the plugin configuration; `secrets` holds what it names and does not say.
    ///
    /// Errors: everything wrong with it, each with its place.
    pub fn parse(bytes: &[u8], secrets: &dyn Secrets) -> Result<Self, ConfigErrors> {
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Err(ConfigError::new("", "the configuration is empty; without one nothing can be decided").into());
        }
        let document = json::held(bytes, &DOCUMENT)
            .map_err(|error| ConfigError::new("", format!("{error}; write strict JSON")))?;
        let report = read::Report::default();
        let root = read::Node::root(&document, &report);
        let (kept, config) = (numbers::check(&root), wire::document(&root, secrets));
        report.finish(kept.and(config))
    }

    /// What its policies are made for.
    pub fn parts(&self) -> Parts<'_> {
        Parts {
            policy: &self.policy,
            resources: &self.resources,
            sandboxes: &self.sandboxes,
            issuers: self.vouchers().collect(),
            risk: &self.risk,
            approvals: self.step_up.is_some(),
        }
    }

    /// Who vouches for workloads: its issuers.
    pub fn vouchers(&self) -> impl Iterator<Item = &Voucher> + Clone {
        self.issuers.iter().map(|issuer| &issuer.voucher)
    }
}

/// Bounds; each denies when reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a held request body.
    pub(crate) body_bytes: usize,
    /// How long the body may take to arrive.
    pub(crate) body_wait: Duration,
    /// Bytes of a credential.
    pub token_bytes: usize,
    /// Verified tokens remembered per worker.
    pub(crate) cached_tokens: usize,
    /// What is remembered of what was spent, per gateway process.
    pub ledger: Capacity,
    /// What is held at a time.
    pub shares: Each<Bounds>,
    /// Approvals that are asked for and not answered.
    pub(crate) open_approvals: OpenBounds,
    /// Opaque tokens that issuers are asked about and call not good.
    pub(crate) refused_tokens: Budget,
}
