//! What an MCP server says about the harm its tools can do, and what that is worth.
//!
//! Servers are not believed (MCP 2025-11-25, `ToolAnnotations`): what they say can raise a risk, and lowers none but of tools
//! that nobody declared, where configuration trusts the server. Decides no call.
//!
//! | a tool says | raises to | of a trusted server's undeclared tool |
//! |---|---|---|
//! | `destructiveHint: true` | high | high, but for one that only reads |
//! | `readOnlyHint: false` | medium | medium if not destructive, which must be said: else high |
//! | `readOnlyHint: true` | | low |
//! | `openWorldHint: true`, or its schema has an argument that is a URI | medium | at least medium |

use super::Risk;

/// What a resource's `annotations` do to risk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Annotations {
    /// Nothing.
    Ignore,
    /// They raise it.
    Raise,
    /// They are the risk of tools that are not declared, and raise that of the others.
    Trust,
}

impl Annotations {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Ignore, Self::Raise, Self::Trust];

    /// As configuration spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ignore => "ignore",
            Self::Raise => "raise",
            Self::Trust => "trust",
        }
    }
}

/// Whose lists count for a call: what they showed of a pinned tool, or of the harm that a tool can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PinScope {
    /// The caller's own; those of others where two of them saw it and the caller did not look.
    Workload,
    /// Everybody's.
    All,
}

impl PinScope {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Workload, Self::All];

    /// As configuration spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Workload => "workload",
            Self::All => "all",
        }
    }
}

/// What a tool says about itself; `None` of what it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hints {
    /// Whether it has annotations at all.
    pub annotated: bool,
    pub(crate) read_only: Option<bool>,
    pub(crate) destructive: Option<bool>,
    pub(crate) open_world: Option<bool>,
    /// Whether its schema has an argument that is a URI.
    pub(crate) takes_uris: bool,
}

impl Hints {
    /// The least risk that a tool has which says this, whoever says it: only what is said against it counts.
    pub fn raised(&self) -> Option<Risk> {
        let Self { annotated: _, read_only, destructive, open_world, takes_uris } = *self;
        if destructive == Some(true) {
            return Some(Risk::High);
        }
        let medium = read_only == Some(false) || open_world == Some(true) || takes_uris;
        medium.then_some(Risk::Medium)
    }

    /// The risk of a tool that says this and is believed; none where it says nothing. What it leaves out is as MCP has it.
    pub fn believed(&self) -> Option<Risk> {
        let Self { annotated, read_only, destructive, open_world, takes_uris } = *self;
        if !annotated {
            return None;
        }
        let harm = match (read_only, destructive) {
            (Some(true), _) => Risk::Low,
            (Some(false) | None, Some(false)) => Risk::Medium,
            (Some(false) | None, Some(true) | None) => Risk::High,
        };
        Some(if open_world.unwrap_or(takes_uris) { harm.max(Risk::Medium) } else { harm })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hints(read_only: Option<bool>, destructive: Option<bool>, open_world: Option<bool>) -> Hints {
        Hints { annotated: true, read_only, destructive, open_world, takes_uris: false }
    }

    #[test]
    fn what_is_said_against_a_tool_raises_its_risk_and_nothing_else_does() {
        let (yes, no) = (Some(true), Some(false));
        for (hints, expected) in [
            (Hints::default(), None),
            (hints(None, None, None), None),
            (hints(yes, None, None), None),
            (hints(yes, no, no), None),
            (hints(None, no, no), None),
            (hints(no, None, None), Some(Risk::Medium)),
            (hints(no, no, no), Some(Risk::Medium)),
            (hints(yes, no, yes), Some(Risk::Medium)),
            (Hints { takes_uris: true, ..hints(yes, no, no) }, Some(Risk::Medium)),
            (hints(None, yes, None), Some(Risk::High)),
            // It contradicts itself: the stricter.
            (hints(yes, yes, no), Some(Risk::High)),
        ] {
            assert_eq!(hints.raised(), expected, "{hints:?}");
        }
    }

    #[test]
    fn who_is_believed_sets_the_risk_and_what_is_left_out_is_as_the_standard_has_it() {
        let (yes, no) = (Some(true), Some(false));
        for (hints, expected) in [
            (Hints::default(), None),
            (Hints { takes_uris: true, ..Hints::default() }, None),
            (hints(None, None, None), Some(Risk::High)),
            (hints(no, None, None), Some(Risk::High)),
            (hints(None, yes, None), Some(Risk::High)),
            (hints(None, no, None), Some(Risk::Medium)),
            (hints(yes, None, None), Some(Risk::Low)),
            (hints(yes, yes, None), Some(Risk::Low)),
            (hints(yes, None, yes), Some(Risk::Medium)),
            (Hints { takes_uris: true, ..hints(yes, None, None) }, Some(Risk::Medium)),
            (Hints { takes_uris: true, ..hints(yes, None, no) }, Some(Risk::Low)),
        ] {
            assert_eq!(hints.believed(), expected, "{hints:?}");
        }
    }
}
