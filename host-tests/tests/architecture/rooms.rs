//! The rooms, and which of them may see which. Arrows point down only:
//!
//! ```text
//! tokens ← facts ← protocols ← rights ← {trust, policy} ← engine ← {shell, explain ← cli} ← host-tests
//! ```
//!
//! Trust and policy never see each other. Each room is a crate, so cargo holds most of it: it builds no crates that depend on each other in a
//! circle. What cargo would allow is refused here.

use std::fmt;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    /// Credential → verified claims.
    Tokens,
    /// The shared words and ports. It decides nothing.
    Facts,
    /// What is protected, how it is spoken to, and what is said: MCP, A2A, HTTP, gRPC.
    Protocols,
    /// Tasks, grants, the workload register, hygiene, risk, claims. It never sees a signature.
    Rights,
    /// Credentials, keys, introspection, possession. It never sees a policy.
    Trust,
    /// What policies may read, and who judges by them. It alone links Cedar and Rego.
    Policy,
    /// Configuration, sessions and all that is around a decision.
    Engine,
    /// The filter: the only one that talks to a gateway.
    Shell,
    /// Explaining, replaying and testing policies, over the engine.
    Explain,
    /// The command line.
    Cli,
    /// What tests all of it.
    HostTests,
}

impl Room {
    pub(crate) const ALL: [Self; 11] = [
        Self::Tokens,
        Self::Facts,
        Self::Protocols,
        Self::Rights,
        Self::Trust,
        Self::Policy,
        Self::Engine,
        Self::Shell,
        Self::Explain,
        Self::Cli,
        Self::HostTests,
    ];

    const fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Facts => "facts",
            Self::Protocols => "protocols",
            Self::Rights => "rights",
            Self::Trust => "trust",
            Self::Policy => "policy",
            Self::Engine => "engine",
            Self::Shell => "shell",
            Self::Explain => "explain",
            Self::Cli => "cli",
            Self::HostTests => "host-tests",
        }
    }

    /// The one that a package is.
    pub(crate) fn of(package: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|room| room.package() == package)
    }

    /// Its package.
    pub(crate) const fn package(self) -> &'static str {
        match self {
            Self::Tokens => "countersign-tokens",
            Self::Facts => "countersign-facts",
            Self::Protocols => "countersign-protocols",
            Self::Rights => "countersign-rights",
            Self::Trust => "countersign-trust",
            Self::Policy => "countersign-policy",
            Self::Engine => "countersign-engine",
            Self::Shell => "countersign-filter",
            Self::Explain => "countersign-explain",
            Self::Cli => "countersign-cli",
            Self::HostTests => "countersign-host-tests",
        }
    }

    /// The rooms right below it; it sees what they see.
    const fn below(self) -> &'static [Self] {
        match self {
            Self::Tokens => &[],
            Self::Facts => &[Self::Tokens],
            Self::Protocols => &[Self::Facts],
            Self::Rights => &[Self::Protocols],
            Self::Trust | Self::Policy => &[Self::Rights],
            Self::Engine => &[Self::Trust, Self::Policy],
            Self::Shell | Self::Explain => &[Self::Engine],
            Self::Cli => &[Self::Explain],
            Self::HostTests => &[Self::Shell, Self::Cli],
        }
    }

    /// Whether it may name what is in `other`.
    pub(crate) fn sees(self, other: Self) -> bool {
        self == other || self.below().iter().any(|room| room.sees(other))
    }
}

impl fmt::Display for Room {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

/// Crates that only one room may link.
const LINKED: &[(&str, Room)] = &[("cedar-policy", Room::Policy), ("regorus", Room::Policy)];

/// What is wrong with what a `package` depends on, in tests too: what depends back would be there twice, with two copies of each type.
pub(crate) fn dependencies<'d>(package: &str, dependencies: impl IntoIterator<Item = &'d str>) -> Vec<String> {
    let Some(here) = Room::of(package) else {
        return vec![format!("`{package}` is in no room: say in `Room` which it is, and what it may see")];
    };
    let wrong = |dependency: &str| match (Room::of(dependency), LINKED.iter().find(|(linked, _)| *linked == dependency))
    {
        (Some(there), _) if here.sees(there) => None,
        (Some(there), _) => Some(format!(
            "`{package}` depends on `{dependency}`: the room {here} must not see the room {there}. \
             Move what is needed to a room that {here} sees, or hand it in"
        )),
        (None, Some((_, room))) if *room != here => {
            Some(format!("`{package}` depends on `{dependency}`: only the room {room} links it"))
        }
        (None, _) if dependency.starts_with("countersign-") => {
            Some(format!("`{package}` depends on `{dependency}`, which is in no room: say in `Room` which it is"))
        }
        (None, _) => None,
    };
    dependencies.into_iter().filter_map(wrong).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The arrows between neighbours: who sees, and who is seen.
    const ARROWS: [(Room, Room); 12] = [
        (Room::Facts, Room::Tokens),
        (Room::Protocols, Room::Facts),
        (Room::Rights, Room::Protocols),
        (Room::Trust, Room::Rights),
        (Room::Policy, Room::Rights),
        (Room::Engine, Room::Trust),
        (Room::Engine, Room::Policy),
        (Room::Shell, Room::Engine),
        (Room::Explain, Room::Engine),
        (Room::Cli, Room::Explain),
        (Room::HostTests, Room::Shell),
        (Room::HostTests, Room::Cli),
    ];

    #[test]
    fn rooms_see_what_is_below_them_and_nothing_else() {
        for (above, below) in ARROWS {
            assert!(above.sees(below) && !below.sees(above), "{above} and {below}");
        }
        assert!(!Room::Trust.sees(Room::Policy) && !Room::Policy.sees(Room::Trust));
        assert!(!Room::Cli.sees(Room::Shell) && !Room::Shell.sees(Room::Explain));
        assert!(Room::ALL.into_iter().all(|room| room.sees(room) && Room::HostTests.sees(room)));
    }

    #[test]
    fn a_dependency_against_an_arrow_is_refused() {
        for from in Room::ALL {
            for to in Room::ALL {
                let refused = dependencies(from.package(), [to.package(), "serde"]);
                assert_eq!(refused.is_empty(), from.sees(to), "{from} and {to}: {refused:?}");
            }
        }
        assert!(dependencies("countersign-engine", ["countersign-elsewhere"]).concat().contains("is in no room"));
        assert!(dependencies("countersign-elsewhere", []).concat().contains("is in no room"));
    }

    #[test]
    fn engines_of_policies_are_linked_by_policy_alone() {
        for room in Room::ALL {
            for linked in ["cedar-policy", "regorus"] {
                let refused = dependencies(room.package(), [linked]);
                assert_eq!(refused.is_empty(), room == Room::Policy, "{room} and {linked}: {refused:?}");
            }
        }
    }
}
