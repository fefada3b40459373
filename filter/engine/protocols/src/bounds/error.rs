//! Why a token makes no task, or what is written of bounds cannot be read.

use countersign_facts::reason::Reason;

/// Why a token makes no task.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TaskError {
    /// A configured claim is not in the token.
    #[error("claim `{0}` is missing")]
    Missing(String),
    /// A claim, or a part of a grant, is not what it must be.
    #[error("unusable {0}")]
    Unusable(String),
    /// More grants or constraints than are read.
    #[error("too many {0}")]
    TooMany(&'static str),
    /// A constraint on one item of a list: it looks as if it bound all of them.
    #[error("constraint at `{0}`, which is one item of a list; `*` stands for every item")]
    OneItem(String),
    /// A pattern that would cover other authorities than it looks like.
    #[error(
        "{0} ends inside an authority, so that others which begin alike are covered too; write all of it, and a `/` behind it"
    )]
    InsideAuthority(String),
    /// A pattern with user information.
    #[error("{0} has user information; name such a URI whole, without `*` and variables")]
    UserInformation(String),
    /// Scopes are in two claims that are not the same.
    #[error("claims `/scope` and `/scp` are not the same scopes")]
    ScopesDiffer,
    /// A grant demands what cannot be enforced.
    #[error("constraint `{0}` is not supported")]
    UnsupportedConstraint(String),
}

impl TaskError {
    pub fn unusable(what: impl Into<String>) -> Self {
        Self::Unusable(what.into())
    }

    /// How the request is answered.
    pub const fn reason(&self) -> Reason {
        match self {
            Self::Missing(_)
            | Self::Unusable(_)
            | Self::TooMany(_)
            | Self::OneItem(_)
            | Self::InsideAuthority(_)
            | Self::UserInformation(_)
            | Self::ScopesDiffer => Reason::TaskRefused,
            Self::UnsupportedConstraint(_) => Reason::ConstraintUnsupported,
        }
    }
}
