//! Where Rego is not built in: there is no such policy, and a configuration that has one is refused.

use std::borrow::Cow;

use countersign_protocols::action::Action;
use countersign_protocols::catalogue::Resource;

use super::error::{LoadError, Place, Problem};
use super::{Facts, Sandbox, Verdict};

/// None can be made.
#[derive(Clone, Debug)]
pub enum RegoPolicy {}

impl RegoPolicy {
    /// Refuses every text.
    pub fn compile(_: &str, _: usize, _: &[Resource], _: &[Sandbox]) -> Result<Self, Vec<LoadError>> {
        Err(vec![LoadError { place: Place::Text { line: 1, column: 1 }, problem: Problem::RegoAbsent }])
    }

    /// There is none to ask.
    pub fn decide_all(&self, _: &Resource, _: &Facts<'_>, _: &[Cow<'_, Action>]) -> Verdict {
        match *self {}
    }
}
