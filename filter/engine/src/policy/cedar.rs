//! Cedar as the policy engine: what is compiled, and the questions it answers.
//!
//! Never decides here: [`decide`](super::decide) does.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use cedar_policy::Authorizer;
use countersign_facts::progress;
use countersign_protocols::action::Action;
use countersign_protocols::catalogue::Resource;
use countersign_protocols::shape::InputSchema;
use countersign_rights::claims::DeclaredClaims;
use countersign_rights::workload::Voucher;

use super::arguments::Asked;
use super::compiling::Stage;
use super::error::{LoadError, Problem};
use super::index::Index;
use super::load::{self, Rule};
use super::schema::{Declared, Types};
use super::templates::Link;
use super::{Parts, Sandbox};

/// A policy text, compiled for a catalogue.
#[derive(Clone, Debug)]
pub struct CedarPolicy {
    pub(super) authorizer: Authorizer,
    pub(super) types: Types,
    pub(super) index: Index,
    /// By id.
    pub(super) rules: HashMap<String, Rule>,
    /// Whether any of them is in audit.
    pub(super) audits: bool,
    pub(super) doubtful: Vec<LoadError>,
}

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

impl CedarPolicy {
    /// That of `parts`, if there is one; or everything that is wrong with it or the catalogue.
    pub fn of(parts: &Parts<'_>) -> Result<Option<Self>, Vec<LoadError>> {
        parts.policy.cedar.as_deref().map(|text| Self::compile(text, &Surroundings::of(parts))).transpose()
    }

    /// Compiles `text` for what is `around` it, or says everything that is wrong with either.
    ///
    /// Policies are typed only against a catalogue without errors.
    pub fn compile(text: &str, around: &Surroundings<'_>) -> Result<Self, Vec<LoadError>> {
        progress::finish(Stage::default(), |stage| stage.step(text, around))
    }

    /// What can be loaded and may not be meant, for people: texts that look like others (mixed scripts, bidirectional controls).
    pub fn doubtful(&self) -> &[LoadError] {
        &self.doubtful
    }

    /// What is wrong with `text` whatever the catalogue is: grammar and annotations. For a catalogue that is itself unusable.
    pub fn mistakes(text: &str) -> Vec<LoadError> {
        load::read(text).err().unwrap_or_default()
    }

    /// Whether a step-up could be asked for `action`: its whole body must be held.
    pub fn may_step_up(&self, action: &Action) -> bool {
        self.index.may_step_up(action)
    }

    /// Whether a policy that could apply to `action` reads its arguments.
    pub fn reads_arguments(&self, action: &Action) -> bool {
        self.index.reads_arguments(action)
    }

    /// The names that policies ask of the arguments of `action`.
    pub(crate) fn asked(&self, action: &Action) -> Asked<'_> {
        self.index.slot(action).map_or_else(Asked::default, |slot| slot.arguments.names())
    }

    /// `@maps` of the policies `ids`.
    pub(super) fn maps<'a>(&'a self, ids: &'a [String]) -> impl Iterator<Item = &'a [&'static str]> {
        ids.iter().filter_map(|id| self.rules.get(id)).map(|rule| rule.maps.as_slice())
    }
}

/// What is wrong with the catalogue that `resources` are, whoever decides.
pub fn catalogue_errors(resources: &[Resource]) -> Vec<LoadError> {
    catalogue(resources).1
}

/// The arguments of every declared tool, and what is wrong with the catalogue.
pub(super) fn catalogue(resources: &[Resource]) -> (Declared<'_>, Vec<LoadError>) {
    let mut declared = BTreeMap::new();
    let mut errors = Vec::new();
    let mut names = BTreeSet::new();
    for resource in resources {
        let place = format!("resources/{}", resource.name);
        if resource.name.contains(['/', ':']) {
            errors.push(LoadError::catalogue(&place, Problem::ResourceName));
        }
        if !names.insert(&resource.name) {
            errors.push(LoadError::catalogue(&place, Problem::DuplicateResource));
        }
        for (name, tool) in &resource.tools {
            match tool.input_schema.as_ref().map(InputSchema::types) {
                None => {}
                Some(Ok(record)) => {
                    declared.insert((resource.name.as_str(), name.as_str()), record);
                }
                Some(Err(problems)) => errors.extend(problems.iter().map(|(below, problem)| {
                    LoadError::catalogue(format!("{place}/tools/{name}/input_schema{below}"), problem.clone())
                })),
            }
        }
    }
    (declared, errors)
}

/// An error and its causes.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}
