//! Rules that apply to nothing: a resource is named, in the scope or in a condition, that none of their actions is asked about.

use std::collections::BTreeMap;

use cedar_policy::{EntityUid, Policy};
use serde_json::Value;

use super::known::{Asking, known};
use crate::asks;
use crate::expression;
use crate::rule::Rule;

/// By position, the conditions of the rules that are not known to apply to anything yet.
pub(super) struct Idle(BTreeMap<usize, Value>);

impl Idle {
    /// Which actions a gateway is asked about depends on what is behind it, so that a rule about actions alone may wait for some.
    pub(super) fn new(rules: &[Rule]) -> Self {
        let naming = rules.iter().enumerate().filter(|(_, rule)| names_resource(&rule.policy));
        Self(naming.map(|(number, rule)| (number, rule.conditions())).collect())
    }

    /// The `applying` rules, by their scopes, are asked of an action.
    pub(super) fn action(&mut self, applying: &[usize], asking: &Asking<'_>) {
        for number in applying {
            let can_hold = |conditions: &Value| {
                expression::conditions(conditions).all(|condition| {
                    let holds = asks::holds(condition.body, &|operator, operands| known(asking, operator, operands));
                    holds != Some(!condition.when)
                })
            };
            if self.0.get(number).is_some_and(can_hold) {
                self.0.remove(number);
            }
        }
    }

    pub(super) fn rules(&self) -> impl Iterator<Item = usize> {
        self.0.keys().copied()
    }
}

fn names_resource(policy: &Policy) -> bool {
    let is_asked_about = |uid: &EntityUid| matches!(uid.type_name().basename(), "Resource" | "Tool");
    policy.entity_literals().iter().any(is_asked_about)
}
