//! Who reads a list, and what of it they could call: what their grants reach with some arguments, and policy does not
//! deny whatever they are.
//!
//! What an approval could still allow is shown. Counts of calls are not looked at: they come and go.

use std::sync::Arc;

use countersign_facts::digest;
use countersign_policy::{Facts, Unknown};
use countersign_protocols::action::{Action, Listing, Method, Outline};
use countersign_protocols::catalogue::{Annotations, Resource};
use countersign_protocols::learned::{Learned, Sight, Viewer};
use countersign_protocols::response::{Audience, Element, Unreadable};
use countersign_protocols::route::Target;
use countersign_rights::hygiene::Finding;
use countersign_rights::risk::About;
use countersign_rights::task::{Circumstances, Grants, Task};
use countersign_tokens::UnixTime;
use countersign_tokens::json::{self, Limits};
use countersign_trust::credential::Verified;

use super::Turn;
use super::account::Account;
use super::request::Request;
use crate::engine::{Engine, ResourceIndex};

/// Who asked for a list, and how.
pub(super) struct Reader {
    resource: ResourceIndex,
    verified: Arc<Verified>,
    findings: Vec<Finding>,
    source: Option<String>,
    target: Target,
}

/// The reader at a time.
pub(super) struct ReaderNow<'a> {
    reader: &'a Reader,
    engine: &'a Engine,
    resource: &'a Resource,
    task: &'a Task,
    now: UnixTime,
    circumstances: Circumstances,
    /// What was met and is to be remembered: of no more than the elements of one chunk.
    sights: Vec<Sight>,
    /// Whether a tool was met that is not what it was pinned to.
    changed: bool,
}

impl Reader {
    /// Whoever `account` is about.
    pub(super) fn of(turn: &Turn<'_>, request: &Request, account: &Account) -> Option<Self> {
        turn.engine.resource(request.resource)?;
        Some(Self {
            resource: request.resource,
            verified: Arc::clone(account.verified.as_ref()?),
            findings: account.findings.clone(),
            source: request.head.source.clone(),
            target: request.target.clone(),
        })
    }

    /// As things are `now`.
    pub(super) fn at<'a>(&'a self, engine: &'a Engine, now: UnixTime) -> Result<ReaderNow<'a>, Unreadable> {
        let circumstances = Circumstances::of(now, self.source.as_deref(), self.verified.workload.actors.len());
        Ok(ReaderNow {
            reader: self,
            engine,
            resource: engine.resource(self.resource).ok_or(Unreadable)?,
            task: self.verified.task.as_ref().map_err(|_| Unreadable)?,
            now,
            circumstances,
            sights: Vec::new(),
            changed: false,
        })
    }
}

impl Audience for ReaderNow<'_> {
    fn sees(&mut self, listing: Listing, element: &Element) -> Result<bool, Unreadable> {
        let Some(name) = element.name.as_deref() else { return Ok(false) };
        if !listing.can_name(name) {
            return Ok(false);
        }
        Ok(match listing {
            Listing::Tools => {
                let pinned = self.is_as_pinned(name, element);
                let learned = self.learn(name, element)?;
                pinned && listing.uses().any(|method| self.could(method, name, &learned))
            }
            Listing::Templates => listing.uses().any(|method| self.could_below(method, name)),
            Listing::Prompts | Listing::Resources | Listing::Events | Listing::Tasks => {
                listing.uses().any(|method| self.could(method, name, &Learned::default()))
            }
        })
    }
}

impl<'a> ReaderNow<'a> {
    /// Whether a tool was met that is not what it was pinned to.
    pub(super) fn met_changed_tool(&self) -> bool {
        self.changed
    }

    /// Of which resource the list is, who reads it, and what was met in it that is to be remembered.
    pub(super) fn into_sights(self) -> (&'a str, Viewer, Vec<Sight>) {
        (&self.resource.name, Viewer::of(self.reader.verified.workload.texts()), self.sights)
    }

    /// A tool that was pinned is what it was: what changed afterwards, nobody has looked at.
    fn is_as_pinned(&mut self, name: &str, element: &Element) -> bool {
        let Some(pin) = self.resource.tools.get(name).and_then(|tool| tool.pin) else { return true };
        let tool = json::exact(&element.text, &Limits::DEFAULT);
        let same = tool.is_ok_and(|tool| tool.as_object().is_some_and(|tool| digest::of_tool(tool) == Ok(pin)));
        self.changed |= !same;
        self.sights.push(Sight::of_pin(name, &pin, same));
        same
    }

    /// What the tool says about the harm it can do. What earlier lists showed is not looked up: it matters when it is called.
    fn learn(&mut self, name: &str, element: &Element) -> Result<Learned, Unreadable> {
        let declared = self.resource.tools.get(name);
        let mut learned = Learned::default();
        match (self.resource.annotations, declared) {
            (Annotations::Ignore, _) => {}
            (Annotations::Raise, _) | (Annotations::Trust, Some(_)) => {
                // The schema of a declared tool was looked at by whoever declared it.
                let rated = declared.map_or(self.resource.risk, |tool| tool.risk);
                learned.raised = element.hints(declared.is_none())?.raised().filter(|risk| *risk > rated);
                self.sights.push(Sight::raises(name, learned.raised));
            }
            (Annotations::Trust, None) => {
                learned.believed = element.hints(true)?.believed();
                self.sights.push(Sight::claims(name, learned.believed));
            }
        }
        Ok(learned)
    }

    /// Whether `method` could be called with what is called `name`, whatever the arguments.
    fn could(&self, method: Method, name: &str, learned: &Learned) -> bool {
        self.action(method, name).is_some_and(|action| {
            self.every_grants(|grants| grants.could_cover(&action, &self.circumstances))
                && self.allowed(&action, learned, Unknown::Arguments)
        })
    }

    /// Whether `method` could be called with a URI that the `template` (RFC 6570) becomes: what is before its first expression
    /// is all that is certain.
    fn could_below(&self, method: Method, template: &str) -> bool {
        let start = template.split('{').next().unwrap_or_default();
        let reaches =
            |grants: &Grants| grants.could_cover_below(method.action, &self.resource.name, start, &self.circumstances);
        self.every_grants(reaches)
            && self
                .action(method, template)
                .is_some_and(|action| self.allowed(&action, &Learned::default(), Unknown::Target))
    }

    /// Whether the grants of the task, and those of everybody in the chain that has any, all do.
    fn every_grants(&self, cover: impl Fn(&Grants) -> bool) -> bool {
        let ceilings = self.reader.verified.ceilings().iter();
        let ceilings = ceilings.map(|ceiling| self.engine.config.workloads.entry(ceiling.entry));
        let ceilings = ceilings.map(|entry| entry.and_then(|entry| entry.governed.actions()));
        ceilings.chain([Some(&self.task.grants)]).all(|grants| grants.is_some_and(&cover))
    }

    fn allowed(&self, action: &Action, learned: &Learned, unknown: Unknown) -> bool {
        let (workload, findings) = (&self.reader.verified.workload, &self.reader.findings[..]);
        // Where the arguments lead nobody knows yet: a list shows what it could be at least.
        let rating =
            self.engine.config.risk.rate(learned, About { resource: self.resource, action, workload, findings });
        let facts = Facts {
            now: self.now,
            workload,
            token: &self.reader.verified.facts,
            findings,
            task: self.task,
            action,
            risk: rating.risk,
            labels: action.labels(self.resource),
            source: self.reader.source.as_deref(),
            approval: None,
        };
        self.engine.policy.could_allow(&facts, unknown)
    }

    /// The call of `method` with what is called `name`. Of arguments, as of a delivery, nothing is known yet.
    fn action(&self, method: Method, name: &str) -> Option<Action> {
        let outline = Outline { object: Some(name.to_owned()), ..Outline::default() };
        let action = Action::outlined(self.resource, &self.reader.target, method.spelled(), outline)?;
        Some(Action { method: "POST".to_owned(), ..action })
    }
}
