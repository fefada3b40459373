//! Policies in audit, tried on a request that is decided without them: what they would have changed is recorded.
//!
//! They may need more of the request than the decision does: the body of an HTTP endpoint. It is held for them, and a request
//! is never refused for it: where it is too large, unreadable or does not come, they are not tried, which is a flip too.

use std::borrow::Cow;

use countersign_facts::reason::Reason;
use countersign_facts::rollout::{Flip, Mode};
use countersign_policy::{Facts, Verdict};
use countersign_protocols::action::{Action, Beside};
use countersign_protocols::catalogue::Resource;

use super::Turn;
use super::request::Request;

impl Turn<'_> {
    /// Whether the body of `request`, which the decision does not need, is held for policies in audit.
    pub(super) fn holds_for_trial(&self, resource: &Resource, request: &Request) -> bool {
        if request.is_endless() || request.untried.is_some() || !self.engine.policy.has_audited() {
            return false;
        }
        let foreseen = Action::foreseen(resource, &request.target, &request.head.headers);
        foreseen.ok().flatten().is_some_and(|action| match (action.endpoint(resource), action.beside()) {
            (Some(endpoint), _) => !endpoint.is_read_at_head() && self.engine.policy.tries_arguments(&action),
            (None, Beside::Body) => {
                request.may_name() == Some(true) && self.engine.policy.asked(&action).any(Mode::Audit)
            }
            (None, Beside::Head | Beside::Nowhere) => false,
        })
    }

    /// What policies in audit would have made of Cedar's `verdict`, which is decided without them.
    pub(super) fn flips(&self, request: &Request, facts: &Facts<'_>, verdict: &Verdict) -> Vec<Flip> {
        let policy = &self.engine.policy;
        if !policy.tries(facts.action) {
            return Vec::new();
        }
        let flip = match self.tried(request, facts.action) {
            Ok(action) => {
                let parts = action.parts();
                policy.flip(&Facts { action: &action, ..*facts }, &parts, verdict)
            }
            Err(reason) => policy.untried(facts.action, verdict, reason),
        };
        flip.into_iter().collect()
    }

    /// `action` with what policies in audit read of it.
    fn tried<'a>(&self, request: &Request, action: &'a Action) -> Result<Cow<'a, Action>, Reason> {
        let resource = self.engine.resource(request.resource).ok_or(Reason::Internal)?;
        let asked = self.engine.policy.asked(action);
        let only_tried = asked.any(Mode::Audit) && !asked.any(Mode::Enforce);
        match (action.beside(), request.untried) {
            (Beside::Body, Some(reason)) if only_tried => return Err(reason),
            (Beside::Body | Beside::Head, _) if only_tried => {
                return self.with_carried(action.clone(), request, Mode::Audit).map(Cow::Owned);
            }
            _ => {}
        }
        let unread = action.arguments().is_none() && action.endpoint(resource).is_some();
        if !unread || !self.engine.policy.tries_arguments(action) {
            return Ok(Cow::Borrowed(action));
        }
        if let Some(reason) = request.untried {
            return Err(reason);
        }
        let body = request.body().ok_or(Reason::UpgradeRefused)?;
        action.clone().with_arguments(resource, &request.target, &request.head.headers, body).map(Cow::Owned)
    }
}
