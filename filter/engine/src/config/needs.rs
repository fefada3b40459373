//! Which reasons a configuration can lead to: a check that nothing asks for answers no risk.
//!
//! For reports. Nothing is decided with it.

use countersign_facts::reason::Needs;
use countersign_protocols::catalogue::{Protocol, Resource, Tool};
use countersign_rights::workload::Denied;
use countersign_rights::workload::register::{Governed, Unclassified};
use countersign_trust::credential::Issuer;
use countersign_trust::possession::Bound;

use super::Config;
use crate::permit::Unmatched;

impl Config {
    /// Whether it has what `needs` asks for.
    pub fn meets(&self, needs: Needs) -> bool {
        let issuer = |is: &dyn Fn(&Issuer) -> bool| self.issuers.iter().any(is);
        let resource = |is: &dyn Fn(&Resource) -> bool| self.resources.iter().any(is);
        let tool = |is: &dyn Fn(&Tool) -> bool| self.resources.iter().flat_map(|one| one.tools.values()).any(is);
        let spoken = |protocol: Protocol| resource(&|resource| resource.protocol == protocol);
        let entry = |is: &dyn Fn(&Governed) -> bool| self.workloads.entries.iter().any(|entry| is(&entry.governed));
        match needs {
            Needs::Always => true,
            Needs::UnmatchedDenied => self.unmatched == Unmatched::Deny,
            Needs::MaxLifetime => issuer(&|issuer| issuer.voucher.rules.max_lifetime().is_some()),
            Needs::OneShot => issuer(&|issuer| issuer.one_shot),
            Needs::Introspection => issuer(&|issuer| issuer.introspection.is_some()),
            Needs::Denylist => self.denied != Denied::default() || self.bundle.is_some(),
            Needs::BoundTokens => issuer(&|issuer| issuer.binding.require != Bound::Optional),
            Needs::Workloads => !self.workloads.entries.is_empty(),
            Needs::ClassifiedActors => self.workloads.actors.unclassified == Unclassified::Deny,
            Needs::Automation => entry(&|governed| matches!(governed, Governed::Automation { .. })),
            Needs::AgentActions => entry(&|governed| matches!(governed, Governed::Agent { actions: Some(_), .. })),
            Needs::ClosedInterface => resource(&|resource| resource.interface.closed),
            Needs::Authentication => {
                resource(&|resource| resource.authentication.is_some()) || tool(&|tool| tool.authentication.is_some())
            }
            Needs::Claims => issuer(&|issuer| !issuer.voucher.claims.is_empty()),
            Needs::Schema => tool(&|tool| tool.input_schema.is_some()) || spoken(Protocol::A2a),
            Needs::Pin => tool(&|tool| tool.pin.is_some()),
            Needs::SealedSessions => self.sessions.seal && spoken(Protocol::Mcp),
            Needs::Mcp => spoken(Protocol::Mcp),
            Needs::A2a => spoken(Protocol::A2a),
            Needs::McpOrA2a => spoken(Protocol::Mcp) || spoken(Protocol::A2a),
            Needs::HttpOrA2a => spoken(Protocol::Http) || spoken(Protocol::A2a),
            Needs::Pdp => self.policy.pdp.is_some(),
            Needs::MaxStale => self.bundle.as_ref().is_some_and(|bundle| bundle.max_stale.is_some()),
            Needs::StepUp => self.step_up.is_some(),
            Needs::NoStepUp => self.step_up.is_none(),
        }
    }
}
