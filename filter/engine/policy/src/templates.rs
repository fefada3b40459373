//! Cedar's templates: policies with slots, and the links that fill them.
//!
//! A linked policy is a rule like every other: written out, indexed, recorded by the link's id. A template decides nothing by
//! itself.

use std::collections::{BTreeSet, HashMap};

use cedar_policy::{Policy, PolicyId, SlotId};
use serde_json::Value;

use super::error::{LoadError, Place, Problem};
use super::reads::Reads;
use super::rule::{Rule, Source, Template, Written};
use super::strangers::strangers;
use super::surroundings::{Link, Surroundings};

impl Written {
    /// Adds the policies that the links make. A template that none of them uses would do nothing.
    pub(super) fn link(&mut self, source: &Source<'_>, around: &Surroundings<'_>) {
        let links = around.links.unwrap_or_default();
        let is_linked = |one: &Template| links.iter().any(|link| link.template == one.cedar.id().as_ref() as &str);
        let unlinked = self.templates.iter().filter(|one| !is_linked(one));
        self.errors.extend(unlinked.map(|one| source.in_policy(one.cedar.id(), one.offset, Problem::Unlinked)));
        for (position, link) in links.iter().enumerate() {
            match self.linked(link) {
                Ok(rule) => {
                    for problem in strangers(&rule, around) {
                        // What its template says it says as often as it is linked.
                        if self.errors.iter().all(|error| error.problem != problem) {
                            self.errors.push(LoadError { place: Place::Link(position), problem });
                        }
                    }
                    self.rules.push(rule);
                }
                Err(problem) => self.errors.push(LoadError { place: Place::Link(position), problem }),
            }
        }
    }

    fn linked(&mut self, link: &Link) -> Result<Rule, Problem> {
        let Link { template, id, principal, resource } = link;
        let (name, id) = (PolicyId::new(template), PolicyId::new(id));
        let found = self.templates.iter().find(|one| *one.cedar.id() == name);
        let Template { cedar, offset } = found.ok_or_else(|| Problem::UnknownTemplate(template.clone()))?;
        let offset = *offset;
        let mut values = HashMap::new();
        for (slot, what, filling) in
            [(SlotId::principal(), "principal", principal), (SlotId::resource(), "resource", resource)]
        {
            match (cedar.slots().any(|one| *one == slot), filling) {
                (true, Some(uid)) => drop(values.insert(slot, uid.clone())),
                (false, None) => {}
                (true, None) => return Err(Problem::EmptySlot(what)),
                (false, Some(_)) => return Err(Problem::NoSlot(what)),
            }
        }
        self.set.link(name, id.clone(), values).map_err(|_| Problem::DuplicateId)?;
        let policy = self.set.policy(&id).ok_or(Problem::DuplicateId)?;
        // Written out, it can be indexed.
        let text = policy.to_string();
        let written = Policy::parse(Some(id), &text).map_err(|error| Problem::Cedar(error.to_string()))?;
        let json = told(&written)?;
        if !is_same(policy, &written) || told(policy)?.get(CONDITIONS) != json.get(CONDITIONS) {
            return Err(Problem::Cedar(format!("what this template is linked to cannot be written: {text}")));
        }
        Ok(Rule::new(written, text, offset, Reads::of(&json)))
    }
}

const CONDITIONS: &str = "conditions";

/// What a policy says, in Cedar's JSON form.
fn told(policy: &Policy) -> Result<Value, Problem> {
    policy.to_json().map_err(|error| Problem::Cedar(error.to_string()))
}

/// Whether they differ in their conditions at most.
fn is_same(one: &Policy, other: &Policy) -> bool {
    let annotations =
        |policy: &Policy| policy.annotations().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    let (first, second): (BTreeSet<_>, BTreeSet<_>) = (annotations(one), annotations(other));
    one.effect() == other.effect()
        && one.principal_constraint() == other.principal_constraint()
        && one.action_constraint() == other.action_constraint()
        && one.resource_constraint() == other.resource_constraint()
        && first == second
}
