//! What a policy text is compiled for: the catalogue, who can call, and what is made of its templates.

use cedar_policy::EntityUid;
use countersign_protocols::catalogue::Resource;
use countersign_rights::claims::DeclaredClaims;
use countersign_rights::workload::Voucher;

use super::{Parts, Sandbox};

/// What a text is compiled for.
#[derive(Clone, Debug, Default)]
pub struct Surroundings<'a> {
    pub resources: &'a [Resource],
    /// What permits may name.
    pub sandboxes: &'a [Sandbox],
    /// Who callers can be from; none where nobody knows.
    pub issuers: Option<Vec<&'a Voucher>>,
    /// What is made of the text's templates; none where that is not said.
    pub links: Option<&'a [Link]>,
}

impl<'a> Surroundings<'a> {
    /// Those of the policy in `parts`.
    pub(super) fn of(parts: &Parts<'a>) -> Self {
        Self {
            resources: parts.resources,
            sandboxes: parts.sandboxes,
            issuers: Some(parts.issuers.clone()),
            links: parts.policy.links.as_deref(),
        }
    }

    /// What callers say about themselves; nothing where nobody knows who they can be from.
    pub(super) fn claims(&self) -> DeclaredClaims {
        let issuers = self.issuers.as_deref().unwrap_or_default();
        let machines = issuers.iter().any(|issuer| issuer.rules.machine_claim().is_some());
        DeclaredClaims::of(&issuers.iter().map(|issuer| issuer.claims.as_slice())).with_machines(machines)
    }
}

/// One policy made of a template.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// The template's `@id`, or `policy` and its position among the policies.
    pub template: String,
    /// What records call the policy; no other policy has it.
    pub id: String,
    /// What fills `?principal`, where the template has it.
    pub principal: Option<EntityUid>,
    /// What fills `?resource`, where the template has it.
    pub resource: Option<EntityUid>,
}

impl Link {
    /// What a link writes for `principal` or `resource`; or what is wrong with it.
    pub fn entity(text: &str) -> Result<EntityUid, String> {
        let wrong = |_| "not an entity; write its type and its id, such as `Agent::\"<issuer>/<subject>\"`".to_owned();
        text.parse().map_err(wrong)
    }
}
