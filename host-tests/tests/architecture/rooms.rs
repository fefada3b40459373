//! The rooms, and which of them may see which. Arrows point down only:
//!
//! ```text
//! tokens ← facts ← protocols ← rights ← {trust, policy} ← engine ← {shell, explain ← cli} ← host-tests
//! ```
//!
//! Trust and policy never see each other. A room is a crate, or still modules of the engine's crate; [`ROOMS`] says which.

use std::fmt;

use super::names::{Import, Name};

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

    /// The package that it is, or will be.
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

/// Where the modules of the engine's crate belong. Of several rows that hold, the longest counts.
pub(crate) const ROOMS: &[(&str, Room)] = &[
    ("background", Room::Engine),
    ("bundle", Room::Engine),
    ("config", Room::Engine),
    ("drive", Room::Engine),
    ("engine", Room::Engine),
    ("forward", Room::Engine),
    ("frameworks", Room::Policy),
    ("io", Room::Engine),
    ("permit", Room::Engine),
    ("policy", Room::Policy),
    ("record", Room::Engine),
    ("reply", Room::Engine),
    ("session", Room::Engine),
    ("sessions", Room::Engine),
    ("shares", Room::Engine),
    ("step_up", Room::Engine),
];

/// Crates that only one room may link.
const LINKED: &[(&str, Room)] = &[("cedar_policy", Room::Policy), ("regorus", Room::Policy)];

/// The room of a module or item of the engine's crate. The root, and what is only there, is the engine's.
pub(crate) fn room_of(name: &Name) -> Room {
    let rows = ROOMS.iter().filter(|(module, _)| name.is_within(&Name::of(module)));
    rows.max_by_key(|(module, _)| module.len()).map_or(Room::Engine, |(_, room)| *room)
}

/// Those of `imports` that go against the arrows.
pub(crate) fn upward(imports: Vec<Import>) -> Vec<Import> {
    imports.into_iter().filter(|import| !room_of(&import.from).sees(room_of(&import.to))).collect()
}

/// What is wrong with an import that goes against the arrows, and what to do about it.
pub(crate) fn refusal(Import { file, line, written, from, to }: &Import) -> String {
    let (here, there) = (room_of(from), room_of(to));
    format!(
        "{file}:{line}: `{written}`: `{from}` is in the room {here}, which must not see the room {there}. \
         Move `{to}` to a room that {here} sees, or hand in what is needed of it"
    )
}

/// What is wrong with `imports` of other crates, which only one room may link.
pub(crate) fn linked(imports: &[Import]) -> Vec<String> {
    let wrong = |Import { file, line, written, from, to }: &Import| {
        let (linked, room) =
            LINKED.iter().find(|(linked, room)| to.top() == Some(*linked) && room_of(from) != *room)?;
        let here = room_of(from);
        Some(format!(
            "{file}:{line}: `{written}`: only the room {room} links `{linked}`, and `{from}` is in the room {here}"
        ))
    };
    imports.iter().filter_map(wrong).collect()
}

/// What is wrong with what a `package` depends on.
pub(crate) fn dependencies(package: &str, dependencies: &[String]) -> Vec<String> {
    let room_of = |package: &str| Room::ALL.into_iter().find(|room| room.package() == package);
    let Some(here) = room_of(package) else {
        return vec![format!("`{package}` is in no room: say in `Room` which it is, and what it may see")];
    };
    let wrong = |dependency: &String| match room_of(dependency) {
        Some(there) if here.sees(there) => None,
        Some(there) => Some(format!(
            "`{package}` depends on `{dependency}`: the room {here} must not see the room {there}. \
             Move what is needed to a room that {here} sees, or hand it in"
        )),
        None if dependency.starts_with("countersign-") => {
            Some(format!("`{package}` depends on `{dependency}`, which is in no room: say in `Room` which it is"))
        }
        None => None,
    };
    dependencies.iter().filter_map(wrong).collect()
}

#[cfg(test)]
mod tests {
    use anyhow::{Context as _, Result};

    use super::super::sources::Sources;
    use super::*;

    /// The rooms that are modules of the engine's crate.
    const INSIDE: [Room; 2] = [Room::Policy, Room::Engine];

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

    fn module_in(room: Room) -> Result<&'static str> {
        let row = ROOMS.iter().find(|(_, other)| *other == room);
        Ok(row.with_context(|| format!("no module is in the room {room}"))?.0)
    }

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
    fn an_import_against_an_arrow_is_refused_however_it_is_written() -> Result<()> {
        for from in INSIDE {
            for to in INSIDE {
                let (here, there) = (module_in(from)?, module_in(to)?);
                let place = format!("{here}/part.rs");
                for text in [
                    format!("\nuse crate::{there}::Thing;"),
                    format!("\nuse crate::{{{there}::{{Thing}}}};"),
                    format!("\nfn f() {{ super::super::{there}::thing() }}"),
                    format!("\nfn f() {{ vec![crate::{there}::thing()] }}"),
                    // Through the root, which may see everything.
                    "\nuse crate::Thing;".to_owned(),
                ] {
                    let root = format!("mod {here}; mod {there}; pub use {there}::Thing;");
                    let module = format!("{there}.rs");
                    let files = [("lib.rs", root.as_str()), (module.as_str(), ""), (place.as_str(), text.as_str())];
                    let refused: Vec<String> = upward(Sources::of(&files)?.imports()).iter().map(refusal).collect();
                    if from.sees(to) {
                        assert!(refused.is_empty(), "{text} in {place}: {refused:?}");
                        continue;
                    }
                    let [refused] = refused.as_slice() else { anyhow::bail!("{text} in {place}: {refused:?}") };
                    let expected = format!("`{here}::part` is in the room {from}, which must not see the room {to}. ");
                    assert!(refused.starts_with(&format!("{place}:2: `")) && refused.contains(&expected), "{refused}");
                }
            }
        }
        Ok(())
    }

    #[test]
    fn a_dependency_against_an_arrow_is_refused() {
        for from in Room::ALL {
            for to in Room::ALL {
                let named = [to.package().to_owned(), "serde".to_owned()];
                let refused = dependencies(from.package(), &named);
                assert_eq!(refused.is_empty(), from.sees(to), "{from} and {to}: {refused:?}");
            }
        }
        let named = ["countersign-elsewhere".to_owned()];
        assert!(dependencies("countersign-engine", &named).concat().contains("is in no room"));
        assert!(dependencies("countersign-elsewhere", &[]).concat().contains("is in no room"));
    }

    #[test]
    fn engines_of_policies_are_linked_by_policy_alone() -> Result<()> {
        for (place, refused) in [("policy/cedar.rs", 0), ("action.rs", 3), ("session.rs", 3)] {
            let text = "use cedar_policy::{Policy, PolicySet};\nfn f(value: regorus::Value) { Policy::new(std::x()) }";
            let found = linked(&Sources::of(&[("policy/mod.rs", "mod cedar;"), (place, text)])?.other_crates());
            assert_eq!(found.len(), refused, "{place}: {found:?}");
        }
        Ok(())
    }
}
