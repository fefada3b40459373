//! What is known at load of a policy's conditions: whether they are about an action and what it is asked about.

use cedar_policy::EntityUid;
use serde_json::Value;

use super::scope::Object;
use crate::names::{ACTION, AGENT};
use crate::schema::ActionName;

/// An action, and what it is asked about.
pub(super) struct Asking<'a> {
    pub(super) action: &'a ActionName,
    pub(super) object: Object<'a>,
    /// Whether an entity is asked about elsewhere: a tool that is known by name.
    pub(super) is_elsewhere: &'a dyn Fn(&EntityUid) -> bool,
}

/// Whether the comparison or test `operator` of `operands`, in Cedar's JSON form, holds where this is asked; none where that
/// depends on the call.
pub(super) fn known(asking: &Asking<'_>, operator: &str, operands: &Value) -> Option<bool> {
    let (left, right) = (operands.get("left")?, operands.get("right"));
    match operator {
        "==" => asking.equals(left, right?),
        "!=" => asking.equals(left, right?).map(|equal| !equal),
        "in" => asking.is_in(left, right?),
        "is" => match (asking.is_of(left, operands.get("entity_type")?.as_str()?), operands.get("in")) {
            (Some(true), Some(above)) => asking.is_in(left, above),
            (is, _) => is,
        },
        _ => None,
    }
}

impl Asking<'_> {
    fn equals(&self, left: &Value, right: &Value) -> Option<bool> {
        let (name, uid) = entity(right).map(|uid| (left, uid)).or_else(|| Some((right, entity(left)?)))?;
        match variable(name)? {
            "action" => Some(uid.type_name().basename() == ACTION && uid.id().unescaped() == self.action.id),
            "resource" => self.is_about(&uid, self.object.uid == Some(&uid)),
            _ => None,
        }
    }

    fn is_in(&self, left: &Value, right: &Value) -> Option<bool> {
        if let Some(Value::Array(several)) = right.get("Set") {
            let each: Vec<Option<bool>> = several.iter().map(|one| self.is_in(left, one)).collect();
            let none = each.iter().all(|one| *one == Some(false)).then_some(false);
            return if each.contains(&Some(true)) { Some(true) } else { none };
        }
        let uid = entity(right)?;
        let id = uid.id().unescaped();
        match variable(left)? {
            "action" => {
                let named = id == self.action.id || self.action.groups.contains(&id);
                Some(uid.type_name().basename() == ACTION && named)
            }
            "resource" => self.is_about(&uid, self.object.is_in(&uid)),
            _ => None,
        }
    }

    /// `known`, unless `uid` may be a tool whose name only the call knows.
    fn is_about(&self, uid: &EntityUid, known: bool) -> Option<bool> {
        let open = self.object.uid.is_none() && uid.type_name() == self.object.kind && !(self.is_elsewhere)(uid);
        (!open).then_some(known)
    }

    fn is_of(&self, left: &Value, name: &str) -> Option<bool> {
        match variable(left)? {
            "action" => Some(name == ACTION),
            "principal" => Some(name == AGENT),
            "resource" => Some(self.object.kind.to_string() == name),
            _ => None,
        }
    }
}

fn variable(expression: &Value) -> Option<&str> {
    expression.get("Var")?.as_str()
}

fn entity(expression: &Value) -> Option<EntityUid> {
    let literal = expression.get("Value").filter(|value| value.get("__entity").is_some())?;
    EntityUid::from_json(literal.clone()).ok()
}
