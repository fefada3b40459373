//! Requests that end at their head: refused by themselves, answered to whoever asks, or let through undecided.

use countersign_facts::headers::RequestHead;
use countersign_facts::reason::Reason;
use countersign_protocols::catalogue::Resource;
use countersign_protocols::route::Target;

use super::account::{About, Account, stripped};
use super::request::{Described, Outsider, Refused, Undecided};
use super::running::Running;
use super::{Next, Turn};
use crate::forward::Forward;
use crate::io::Step;
use crate::permit::Permit;
use crate::reply::Reply;

impl Turn<'_> {
    /// Answers a head that is refused by itself.
    pub(super) fn refuse(&self, refused: &Refused) -> Next {
        let Refused { reason, detail, head, target, resource } = refused;
        let resource = resource.and_then(|index| self.engine.resource(index));
        self.turn_away(self.outside(head, target.as_ref(), resource), *reason, detail.clone())
    }

    /// Answers what was refused without a look at who asks.
    fn turn_away(&self, about: About<'_>, reason: Reason, detail: Option<String>) -> Next {
        let account = Account { detail, ..Account::of(about.target) };
        let observed = self.observe(&account, about, reason);
        observed.unwrap_or_else(|| Next::Done(Step::Reply(account.reply(self, about, reason))))
    }

    /// What is known of a request that is not held.
    fn outside<'a>(
        &self,
        head: &'a RequestHead,
        target: Option<&'a Target>,
        resource: Option<&'a Resource>,
    ) -> About<'a> {
        let (source, headers) = (head.source.as_deref(), &head.headers);
        let mode = self.engine.mode(resource);
        About { target, resource, mode, source, headers, dpop: false, arrived: self.arrived }
    }

    /// Answers a question for a resource's metadata.
    pub(super) fn describe(&self, described: &Described) -> Next {
        let Described { head, target, resource } = described;
        let resource = self.engine.resource(*resource);
        let about = self.outside(head, Some(target), resource);
        let known = resource.and_then(|resource| resource.identifier.as_deref().zip(resource.metadata.as_ref()));
        let Some((identifier, metadata)) = known else { return self.turn_away(about, Reason::Internal, None) };
        let account = Account::of(about.target);
        if let Some(observed) = self.observe(&account, about, Reason::Metadata) {
            return observed;
        }
        let line = account.line(self, about, Reason::Metadata, Reason::Metadata.row().status);
        Next::Done(Step::Reply(Reply::metadata(line, identifier, metadata)))
    }

    /// Lets a request for no resource, or for a public card, through where configuration says so; else refuses it.
    pub(super) fn unmatched(&self, outsider: &Outsider) -> Next {
        let Outsider { head, target, rule } = outsider;
        let (permit, reason, resource) = match rule {
            Undecided::Unmatched(rule) => (Permit::for_unmatched(*rule), Reason::Unmatched, None),
            Undecided::Card(index, card) => (Permit::for_card(*card), Reason::AgentCard, self.engine.resource(*index)),
        };
        let about = self.outside(head, Some(target), resource);
        let Some(permit) = permit else { return self.turn_away(about, Reason::NoResource, None) };
        let account = Account::of(about.target);
        if let Some(observed) = self.observe(&account, about, reason) {
            return observed;
        }
        let line = account.line(self, about, reason, 0);
        // What is for no resource carries no credential of ours to protect; an agent needs none for its card. What either says
        // about identity is still not believed.
        let edits = stripped(&head.headers, &self.engine.config, resource, resource.is_none());
        Next::Run(Running::since(self.now, None), Step::Forward(Forward::new(permit, line, edits)))
    }
}
