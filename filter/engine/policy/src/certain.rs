//! The policies that can be asked before all of a call is known.

use cedar_policy::{Effect, PolicySet, PolicySetError};

use super::attributes;
use super::rule::Rule;

/// What of a call is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The arguments of a tool or an event, and where that is delivered.
    Arguments,
    /// What an MCP method names.
    Target,
}

impl Unknown {
    /// The attributes of the context that are not known.
    const fn attributes(self) -> &'static [&'static str] {
        match self {
            Self::Arguments => &["args", attributes::DELIVERY],
            Self::Target => &["request"],
        }
    }
}

/// The candidates that do not read what is unknown, and what was left out.
#[derive(Clone, Debug)]
pub(super) struct Certain {
    pub(super) policies: PolicySet,
    /// Whether a permit was left out, and whether a step-up was.
    pub(super) permit: bool,
    pub(super) step_up: bool,
}

impl Certain {
    /// Those of `rules` that can be asked while `unknown` is not known; none where that is all of them.
    pub(super) fn of(rules: &[&Rule], unknown: Unknown) -> Result<Option<Self>, Box<PolicySetError>> {
        let reads = |rule: &&Rule| unknown.attributes().iter().any(|name| rule.reads.context.contains(name));
        let (left_out, certain): (Vec<&Rule>, Vec<&Rule>) = rules.iter().copied().partition(reads);
        if left_out.is_empty() {
            return Ok(None);
        }
        let policies = PolicySet::from_policies(certain.iter().map(|rule| rule.policy.clone())).map_err(Box::new)?;
        Ok(Some(Self {
            policies,
            permit: left_out.iter().any(|rule| rule.policy.effect() == Effect::Permit),
            step_up: left_out.iter().any(|rule| rule.step_up.is_some()),
        }))
    }
}
