//! The scope of a policy, apart from its principal: whether it covers an action on a resource.

use cedar_policy::{ActionConstraint, EntityTypeName, EntityUid, Policy, ResourceConstraint};

use crate::schema::ActionName;

/// What a policy's scope says about action and resource.
pub(super) struct Scope {
    actions: Actions,
    resource: ResourceConstraint,
}

/// Ids are enough: all actions are of one type.
enum Actions {
    Any,
    /// Exactly this one.
    One(String),
    /// These, and what is in them.
    In(Vec<String>),
}

/// What an action is asked about, as far as it is known at load.
pub(super) struct Object<'a> {
    /// None when only the call knows it, and no scope names it.
    pub(super) uid: Option<&'a EntityUid>,
    /// The resource it is, or is in.
    pub(super) parent: &'a EntityUid,
    pub(super) kind: &'a EntityTypeName,
}

impl Scope {
    pub(super) fn of(policy: &Policy) -> Self {
        let id = |uid: &EntityUid| uid.id().unescaped().to_owned();
        let actions = match policy.action_constraint() {
            ActionConstraint::Any => Actions::Any,
            ActionConstraint::Eq(uid) => Actions::One(id(&uid)),
            ActionConstraint::In(uids) => Actions::In(uids.iter().map(id).collect()),
        };
        Self { actions, resource: policy.resource_constraint() }
    }

    /// The one entity it is about, or below.
    pub(super) fn entity(&self) -> Option<&EntityUid> {
        match &self.resource {
            ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
            ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => Some(uid),
        }
    }

    pub(super) fn covers(&self, action: &ActionName, object: &Object<'_>) -> bool {
        self.actions.covers(action)
            && match &self.resource {
                ResourceConstraint::Any => true,
                ResourceConstraint::Eq(uid) => object.uid == Some(uid),
                ResourceConstraint::In(uid) => object.is_in(uid),
                ResourceConstraint::Is(kind) => object.kind == kind,
                ResourceConstraint::IsIn(kind, uid) => object.kind == kind && object.is_in(uid),
            }
    }
}

impl Actions {
    fn covers(&self, action: &ActionName) -> bool {
        match self {
            Self::Any => true,
            Self::One(id) => *id == action.id,
            Self::In(ids) => ids.iter().any(|id| *id == action.id || action.groups.contains(&id.as_str())),
        }
    }
}

impl Object<'_> {
    /// Whether it is this, or in it.
    pub(super) fn is_in(&self, uid: &EntityUid) -> bool {
        self.uid == Some(uid) || self.parent == uid
    }
}
