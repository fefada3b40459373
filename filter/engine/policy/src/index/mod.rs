//! Which policies can apply to which action on which resource, worked out at load.
//!
//! Cedar's cost is linear in the policies evaluated (ARCHITECTURE H12). Only the scope of a policy is looked at: what
//! its conditions narrow further is left to the evaluation, so a policy that could apply is never left out.

mod build;
mod idle;
mod judge;
mod known;
mod scope;

use std::collections::HashMap;
use std::sync::Arc;

use cedar_policy::{Entities, EntityUid, PolicySet, Schema};
use countersign_facts::rollout::Mode;
use countersign_protocols::action::{Action, Key, Spelled};
use countersign_protocols::catalogue::{Protocol, Resource};

use super::arguments::Arguments;
use super::catalogue::Declared;
use super::certain::Certain;
use super::error::{LoadError, Problem};
use super::reads::Reads;
use super::rule::Rule;
use build::Builder;

/// Every action policies can speak about, by what it is asked about.
#[derive(Clone, Debug, Default)]
pub(super) struct Index {
    resources: HashMap<String, Entry>,
}

/// An index, and what was found out about rules while it was built, by position.
pub(super) struct Built {
    pub(super) index: Index,
    /// What they ask for, and cannot read or never find.
    pub(super) problems: Vec<(usize, Problem)>,
    /// Those that apply nowhere.
    pub(super) idle: Vec<(usize, Problem)>,
}

#[derive(Clone, Debug)]
struct Entry {
    /// Declared tools, and others that a policy's scope names.
    tools: HashMap<String, Slot>,
    /// Tools that nobody names; where there are tools at all.
    other_tools: Option<Slot>,
    /// Declared events, by method and name.
    events: HashMap<String, Slot>,
    /// Every other method that it can be asked for, by protocol.
    methods: HashMap<Protocol, HashMap<&'static str, Slot>>,
}

/// One action on one resource.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) action: EntityUid,
    pub(super) asked: Asked,
    /// What evaluation needs to know and is known at load: ancestors of the action, attributes of the tool.
    pub(super) entities: Arc<Entities>,
    pub(super) arguments: Arguments,
    /// SHA-256 of the catalogue entry.
    pub(super) catalogue: [u8; 32],
    pub(super) candidates: Arc<Candidates>,
}

/// What an action is asked about.
#[derive(Clone, Debug)]
pub(super) enum Asked {
    /// An entity known at load.
    Known(EntityUid),
    /// A tool whose name only the call knows, in a resource of this risk.
    OtherTool { resource: EntityUid, risk: &'static str },
}

/// The policies that can apply. Those in audit are in [`Candidates::trial`] alone.
#[derive(Clone, Debug)]
pub(super) struct Candidates {
    pub(super) policies: PolicySet,
    pub(super) reads: Reads,
    /// Those of them that can be asked before that is known; none where all can.
    pub(super) certain_without_arguments: Option<Certain>,
    pub(super) certain_without_target: Option<Certain>,
    /// None where no policy in audit can apply.
    pub(super) trial: Option<Trial>,
    step_up: bool,
}

/// All policies that can apply, those in audit among them.
#[derive(Clone, Debug)]
pub(super) struct Trial {
    pub(super) policies: PolicySet,
    pub(super) reads: Reads,
    /// Of those in audit, sorted.
    pub(super) ids: Vec<String>,
}

/// Policies that are asked together, and what they read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Panel<'a> {
    pub(super) policies: &'a PolicySet,
    pub(super) reads: &'a Reads,
}

impl Candidates {
    /// Those that decide; in audit all of them, as if they did.
    pub(super) fn panel(&self, mode: Mode) -> Panel<'_> {
        match (mode, &self.trial) {
            (Mode::Audit, Some(Trial { policies, reads, ids: _ })) => Panel { policies, reads },
            (Mode::Audit, None) | (Mode::Enforce, _) => Panel { policies: &self.policies, reads: &self.reads },
        }
    }
}

impl Index {
    /// The index of `rules` for `resources`. Errors: what Cedar refuses to make of them.
    pub(super) fn build(
        rules: &[Rule],
        schema: &Schema,
        resources: &[Resource],
        declared: &Declared<'_>,
    ) -> Result<Built, LoadError> {
        let mut builder = Builder::new(rules, schema)?;
        for resource in resources {
            builder.learn(resource)?;
        }
        let mut index = Self::default();
        for resource in resources {
            index.resources.insert(resource.name.clone(), builder.entry(resource, declared)?);
        }
        let idle = builder.idle().map(|number| (number, Problem::NeverApplies)).collect();
        Ok(Built { index, problems: builder.problems(), idle })
    }

    /// The slot of `action`; none where nothing can be permitted.
    pub(super) fn slot(&self, action: &Action) -> Option<&Slot> {
        let entry = self.resources.get(&action.resource)?;
        let method = || {
            let Spelled { protocol, method } = action.spelled();
            entry.methods.get(&protocol)?.get(method)
        };
        match action.key() {
            Key::Tool(name) => entry.tools.get(name).or(entry.other_tools.as_ref()),
            Key::Event(name) => entry.events.get(name).or_else(method),
            Key::Method => method(),
        }
    }

    /// Every slot of what `resource` can be asked for in its own protocol.
    pub(super) fn slots(&self, resource: &Resource) -> impl Iterator<Item = &Slot> {
        self.resources.get(&resource.name).into_iter().flat_map(|entry| {
            let Entry { tools, other_tools, events, methods } = entry;
            let own = methods.get(&resource.protocol).into_iter().flat_map(HashMap::values);
            tools.values().chain(other_tools).chain(events.values()).chain(own)
        })
    }

    /// The slot of a tool that is declared.
    pub(super) fn tool(&self, resource: &str, name: &str) -> Option<&Slot> {
        let entry = self.resources.get(resource)?;
        entry.tools.get(name).or_else(|| entry.events.get(name))
    }

    /// Whether a step-up can apply to `action`.
    pub(super) fn may_step_up(&self, action: &Action) -> bool {
        self.slot(action).is_some_and(|slot| slot.candidates.step_up)
    }

    /// Whether a policy that can apply to `action` reads its arguments.
    pub(super) fn reads_arguments(&self, action: &Action) -> bool {
        self.slot(action).is_some_and(|slot| slot.candidates.reads.context.contains("args"))
    }
}
