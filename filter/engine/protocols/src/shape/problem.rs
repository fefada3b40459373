//! Why a JSON Schema cannot be used, and why a type that it states cannot be read by policies.

use std::fmt;

/// Why a tool's JSON Schema cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaProblem {
    /// Something else stands where a schema must.
    #[error("not a JSON Schema (an object or `true`)")]
    NotASchema,
    /// The whole schema is not `type: object`.
    #[error("the arguments of a tool are an object: `type` must be `object`")]
    NotAnObject,
    /// A keyword of the whole schema that types cannot be read through.
    #[error("`{0}` hides the types of all arguments")]
    OpaqueArguments(String),
    /// A keyword's value is not what JSON Schema says it is.
    #[error("must be {0}")]
    Keyword(&'static str),
    /// A type JSON Schema does not have.
    #[error("unknown type `{0}` (string, integer, number, boolean, array, object, null)")]
    UnknownType(String),
    /// A required property that is not declared, so that no arguments would fit.
    #[error("`{0}` is not in `properties`")]
    UndeclaredRequired(String),
}

/// What makes a part of a schema unreadable, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// RFC 6901 pointer from the schema's root to the keyword, or to the schema that lacks one.
    pub place: String,
    pub why: Why,
}

/// What makes it unreadable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// No keyword says what type it is.
    Untyped,
    /// It is `null`, and nothing else.
    OnlyNull,
    /// A keyword allows several types besides `null`.
    Several,
    /// A keyword hides types, or members, from who reads `type` and `properties` alone.
    Hides,
    /// What is listed is not of the one type that is stated.
    Listed,
    /// An array whose items are not declared.
    NoItems,
    /// An array with a type of its own for each position.
    Tuple,
    /// An array in which `null` may stand.
    NullItems,
    /// An object whose members are not declared.
    NoMembers,
    /// A reference that leads to nothing in the same document.
    Elsewhere,
    /// A reference that leads back to where it stands.
    Cycle,
    /// A reference with keywords beside it that say more.
    Beside,
    /// Beyond what is read of one schema.
    TooLarge,
    /// A required member that is not declared.
    Undeclared,
    /// A map, which has as many members as a call likes.
    Map,
}

impl Unreadable {
    pub(super) fn new(place: impl Into<String>, why: Why) -> Self {
        Self { place: place.into(), why }
    }

    /// The keyword that it ends at; none where one is missing.
    pub(super) fn keyword(&self) -> Option<&str> {
        match self.why {
            Why::Untyped | Why::NoItems | Why::NoMembers | Why::TooLarge => None,
            Why::OnlyNull
            | Why::Several
            | Why::Hides
            | Why::Listed
            | Why::Tuple
            | Why::NullItems
            | Why::Elsewhere
            | Why::Cycle
            | Why::Beside
            | Why::Undeclared
            | Why::Map => self.place.rsplit('/').next(),
        }
    }
}

impl fmt::Display for Unreadable {
    /// `/properties/memo/anyOf: it allows several types`, below the schema.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.place, self.why)
    }
}

impl fmt::Display for Why {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Untyped => "nothing says what `type` it is",
            Self::OnlyNull => "it is `null` and nothing else",
            Self::Several => "it allows several types besides `null`",
            Self::Hides => "this keyword hides the type",
            Self::Listed => "what is listed is not of one type",
            Self::NoItems => "an array without `items`",
            Self::Tuple => "an array with a type for each position",
            Self::NullItems => "items of the array may be `null`",
            Self::NoMembers => "an object without `properties`",
            Self::Elsewhere => "the reference leads to nothing in this schema",
            Self::Cycle => "the reference leads back to itself",
            Self::Beside => "keywords beside the reference say more about the type",
            Self::TooLarge => "the schema is larger than what is read of it",
            Self::Undeclared => "it is required and not declared",
            Self::Map => "a map, whose members can only be asked for one by one",
        })
    }
}
