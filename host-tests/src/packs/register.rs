//! Who is who in a pack: one entry for every workload that some case says is governed somehow.
//!
//! A workload is the same in every case. Cases say which traits a whole chain has; each party is taken to have whatever every
//! case with it leaves room for, and where that comes to less than a case says there is no way in which all of them are true.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, ensure};
use countersign_explain::cases::format::{Actor, Caller};
use countersign_rights::workload::{Kind, Trait};
use serde_json::{Value, json};

use super::said::Said;

/// Issuer and who of it.
type Name<'a> = (&'a str, Who<'a>);

/// Whom a credential names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Who<'a> {
    Subject(&'a str),
    Machine(&'a str),
}

impl<'a> Who<'a> {
    /// The subject of the credential of `caller`.
    pub(super) fn of(caller: &'a Caller) -> Self {
        match &caller.machine {
            Some(machine) => Self::Machine(&machine.id),
            None => Self::Subject(caller.subject.as_deref().unwrap_or_default()),
        }
    }

    /// What matches it, of the issuer that is called so.
    pub(super) fn matching(self, issuer: Option<&str>) -> Value {
        let (member, name) = match self {
            Self::Subject(subject) => ("subject", subject),
            Self::Machine(id) => ("machine", id),
        };
        match issuer {
            Some(issuer) => json!({ "issuer": issuer, member: name }),
            None => json!({ member: name }),
        }
    }

    const fn text(self) -> &'a str {
        match self {
            Self::Subject(text) | Self::Machine(text) => text,
        }
    }
}

/// How everybody is governed that a configuration has to list.
#[derive(Debug, Default)]
pub(super) struct Register<'a>(BTreeMap<Name<'a>, Governed<'a>>);

#[derive(Debug)]
struct Governed<'a> {
    kind: Kind,
    traits: BTreeSet<Trait>,
    /// Operation and resource of the cases that it takes part in.
    does: BTreeSet<(&'a str, &'a str)>,
}

impl<'a> Register<'a> {
    /// The one of `cases`.
    pub(super) fn of(cases: &[Said<'a>]) -> anyhow::Result<Self> {
        let mut register = Self::default();
        for said in cases {
            register.list(said).with_context(|| said.case.name.clone())?;
        }
        for said in cases {
            register.narrow(said);
        }
        for said in cases {
            register.check(said).with_context(|| said.case.name.clone())?;
        }
        Ok(register)
    }

    /// The value of `workloads`.
    pub(super) fn entries(&self, issuer: &dyn Fn(&str) -> Option<String>) -> Vec<Value> {
        let entry = |((iss, who), governed): (&Name<'_>, &Governed<'_>)| {
            let Governed { kind, traits, does } = governed;
            // Somebody may be vouched for who never calls here: then the issuer is none that is configured.
            let matching = who.matching(issuer(iss).as_deref());
            let traits: Vec<&str> = traits.iter().map(|one| one.name()).collect();
            let actions = |(action, resource): &(&str, &str)| json!({ "action": action, "resource": resource });
            match kind {
                Kind::Agent => json!({ "match": matching, "kind": kind.name(), "traits": traits }),
                // Pinned to all that cases let it try, so that policy is asked.
                Kind::Automation => json!({
                    "match": matching, "kind": kind.name(), "actions": does.iter().map(actions).collect::<Vec<_>>(),
                }),
            }
        };
        self.0.iter().map(entry).collect()
    }

    /// Whoever calls, and every actor of whom the case says how it is governed.
    fn list(&mut self, said: &Said<'a>) -> anyhow::Result<()> {
        let workload = said.workload;
        let actors = workload.actors.iter();
        let listed = actors.filter_map(|actor| Some((named(actor), actor.kind.as_ref()?.0)));
        let alone = workload.actors.is_empty().then_some(((&*workload.issuer, Who::of(workload)), workload.kind));
        for (name, kind) in listed.chain(alone) {
            let traits = if kind == Kind::Agent { Trait::ALL.into_iter().collect() } else { BTreeSet::new() };
            let governed = self.0.entry(name).or_insert(Governed { kind, traits, does: BTreeSet::new() });
            let (subject, before) = (name.1.text(), governed.kind.name());
            ensure!(governed.kind == kind, "workload: `{subject}` is of kind {} here and {before} before", kind.name());
        }
        Ok(())
    }

    fn narrow(&mut self, said: &Said<'a>) {
        for name in parties(said) {
            let Some(governed) = self.0.get_mut(&name) else { continue };
            governed.does.insert((&*said.case.request.operation, &*said.case.request.resource));
            if said.workload.classified {
                governed.traits.retain(|one| said.workload.traits.contains(one));
            }
        }
    }

    fn check(&self, said: &Said<'a>) -> anyhow::Result<()> {
        let known = parties(said).filter_map(|name| self.0.get(&name));
        let traits: BTreeSet<Trait> = known.flat_map(|governed| governed.traits.iter().copied()).collect();
        let missing = said.workload.traits.difference(&traits).map(|one| one.name()).collect::<Vec<_>>().join(", ");
        ensure!(
            !said.workload.classified || missing.is_empty(),
            "workload.traits: nobody here can have {missing}: an automation has no traits, and what an agent has it has in every \
             case"
        );
        Ok(())
    }
}

/// The subject and every actor.
fn parties<'a>(said: &Said<'a>) -> impl Iterator<Item = Name<'a>> {
    let workload = said.workload;
    workload.actors.iter().map(named).chain([(&*workload.issuer, Who::of(workload))])
}

fn named(actor: &Actor) -> Name<'_> {
    (&actor.issuer, Who::Subject(&actor.subject))
}
