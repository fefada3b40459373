//! Cedar as the policy engine: what is compiled, and the questions it answers.
//!
//! Never decides here: [`decide`](super::decide) does.

use std::collections::HashMap;

use cedar_policy::Authorizer;
use countersign_protocols::action::Action;

use super::arguments::Asked;
use super::error::LoadError;
use super::index::Index;
use super::load;
use super::rule::{Described, Rule, Source};
use super::schema::Types;

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

impl CedarPolicy {
    /// What can be loaded and may not be meant, for people: texts that look like others (mixed scripts, bidirectional controls).
    pub fn doubtful(&self) -> &[LoadError] {
        &self.doubtful
    }

    /// What is wrong with `text` whatever the catalogue is: grammar and annotations. For a catalogue that is itself unusable.
    pub fn mistakes(text: &str) -> Vec<LoadError> {
        load::read(text).err().unwrap_or_default()
    }

    /// Every policy, in the order of `text`, which it was compiled from.
    pub fn policies(&self, text: &str) -> Vec<Described<'_>> {
        let mut rules: Vec<&Rule> = self.rules.values().collect();
        rules.sort_unstable_by_key(|rule| (rule.offset, &rule.id));
        let source = Source::new(text);
        rules.into_iter().map(|rule| rule.described(&source)).collect()
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

/// An error and its causes.
pub(super) fn words(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |words, cause| format!("{words}: {cause}"))
}
