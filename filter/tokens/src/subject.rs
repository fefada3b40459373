//! Whom a token names: its `sub`, or, of a machine's token that has none, what another claim says.
//!
//! The two are never the same, whatever their texts: a client that is called `alice` is not the user `alice`.

use std::fmt;

/// Whom a token names.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Subject {
    /// `sub`: non-empty, at most 2,048 bytes, no control characters.
    Sub(String),
    /// Of a token without `sub`: a machine, by a claim that is not `sub`.
    Machine(Machine),
}

/// A machine as an issuer knows it, in a token without `sub`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Machine {
    /// The claim that names it.
    pub claim: String,
    /// What that claim says, as [`Subject::Sub`].
    pub id: String,
}

impl Subject {
    /// `sub`, if the token has one.
    pub fn sub(&self) -> Option<&str> {
        match self {
            Self::Sub(sub) => Some(sub),
            Self::Machine(_) => None,
        }
    }

    /// The machine, if it is one.
    pub fn machine(&self) -> Option<&Machine> {
        match self {
            Self::Sub(_) => None,
            Self::Machine(machine) => Some(machine),
        }
    }

    /// Texts that tell it from every other subject of its issuer. No `sub` is empty, so no list of one begins as one of a machine.
    pub fn texts(&self) -> impl Iterator<Item = &str> {
        let (sub, machine) = match self {
            Self::Sub(sub) => (sub.as_str(), None),
            Self::Machine(Machine { claim, id }) => ("", Some([claim.as_str(), id.as_str()])),
        };
        [sub].into_iter().chain(machine.into_iter().flatten())
    }
}

impl From<&str> for Subject {
    /// `sub`.
    fn from(sub: &str) -> Self {
        Self::Sub(sub.to_owned())
    }
}

impl fmt::Display for Subject {
    /// For people. It is not an identity: a `sub` may be any text.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sub(sub) => formatter.write_str(sub),
            Self::Machine(Machine { claim, id }) => write!(formatter, "{id} ({claim})"),
        }
    }
}
