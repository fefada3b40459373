//! What follows from a credential alone, made once and kept with it.

use std::time::Duration;

use countersign_facts::reason::Reason;
use countersign_facts::weight;
use countersign_protocols::bounds::TaskError;
use countersign_rights::hygiene::Finding;
use countersign_rights::task::Task;
use countersign_rights::workload::register::{Ceiling, Standing};
use countersign_rights::workload::{Denied, Owner, TokenFacts, Workload};
use countersign_tokens::VerifiedToken;

use super::{Credential, Issuer, IssuerIndex, Trust};

/// A verified credential. Only [`Credential`] makes one.
///
/// ```compile_fail
/// # use countersign_trust::credential::Verified;
/// fn forged(one: Verified, other: Verified) -> Verified {
///     Verified { workload: other.workload, ..one }
/// }
/// ```
#[derive(Debug)]
pub struct Verified {
    pub workload: Workload,
    pub facts: TokenFacts,
    pub token: VerifiedToken,
    /// What it was issued for, if it says so usably.
    pub task: Result<Task, TaskError>,
    /// What is unhealthy about it.
    pub findings: Vec<Finding>,
    /// Why it, or its workload, is not let in, if so.
    pub refused: Option<Refused>,
    ceilings: Vec<Ceiling>,
    pub(super) issuer: IssuerIndex,
    owner: Owner,
    weight: usize,
}

/// Why a credential that its issuer signed is not let in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    pub reason: Reason,
    /// For the record.
    pub detail: Option<String>,
}

impl Verified {
    /// What bounds it, of the workloads' register.
    pub fn ceilings(&self) -> &[Ceiling] {
        &self.ceilings
    }

    /// Whose it is, of the configured issuers.
    pub fn issuer(&self) -> IssuerIndex {
        self.issuer
    }

    /// In whose name it holds what it holds.
    pub fn owner(&self) -> Owner {
        self.owner
    }

    /// Bytes of memory that its claims take.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Whether it, its task, or somebody in it is denied whatever else holds.
    pub fn is_denied(&self, denied: &Denied) -> bool {
        let task = self.task.as_ref().ok().map(|task| task.id.as_str());
        denied.has(self.facts.id.as_ref(), task, &self.workload)
    }

    /// What is made of `token`, which the issuer at `index` issued and whose key has been known for `key_age`.
    pub(super) fn of(
        token: VerifiedToken,
        credential: &Credential,
        index: IssuerIndex,
        issuer: &Issuer,
        trust: Trust<'_>,
        key_age: Duration,
    ) -> Self {
        let Standing { workload, entry, ceilings, refused } =
            trust.workloads.standing(&token, &issuer.voucher, &trust.vouchers());
        let pinned = entry.and_then(|number| trust.workloads.entry(number));
        let pinned = pinned.and_then(|entry| entry.governed.actions());
        let task = issuer.task.task(&token, &|| credential.sha256(trust), trust.resources, pinned);
        let findings = trust.hygiene.findings(&token, &issuer.voucher, task.as_ref().ok(), key_age, trust.resources);
        let facts = TokenFacts::of(&token);
        let lacks = workload.claims.missing(&issuer.voucher.claims).map(|rule| Refused {
            reason: Reason::ClaimRefused,
            detail: Some(format!("the claim `{}`, which is required, is not at {}", rule.name, rule.at)),
        });
        let refused = lacks.or(refused.map(|reason| Refused { reason, detail: None }));
        let (owner, weight) = (Owner::of(&workload), weight::of_members(&token.claims));
        Self { workload, facts, token, task, findings, refused, ceilings, issuer: index, owner, weight }
    }
}
