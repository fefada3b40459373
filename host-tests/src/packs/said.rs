//! What one case says: its own words, else those of `given`. What no request to a gateway could make so is refused.

use anyhow::{bail, ensure};
use countersign_explain::cases::format::{Caller, Case, Pack, Token, Work};
use countersign_rights::hygiene::Finding;
use countersign_rights::workload::{Kind, Trait};
use serde_json::Value;

/// Where requests come from that are sent here.
const HERE: &str = "127.0.0.1";
/// A parameter whose name says that its value should not be in a query.
const SECRET: &str = "api_key=of-a-case";

/// One case, whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Said<'a> {
    pub(super) case: &'a Case,
    /// Which claims policies may read, as an issuer's configuration has it.
    pub(super) claims: &'a Value,
    pub(super) workload: &'a Caller,
    pub(super) task: &'a Work,
    pub(super) token: &'a Token,
    pub(super) findings: &'a [Finding],
    source: Option<&'a str>,
    /// What the case's other times are relative to.
    now: u64,
}

impl<'a> Said<'a> {
    pub(super) fn of(case: &'a Case, pack: &'a Pack) -> Self {
        let given = &pack.given;
        Self {
            case,
            claims: &pack.claims,
            workload: case.workload.as_ref().unwrap_or(&given.workload),
            task: case.task.as_ref().unwrap_or(&given.task),
            token: case.token.as_ref().unwrap_or(&given.token),
            findings: &case.findings.as_ref().unwrap_or(&given.findings).0,
            source: case.source.as_deref().or(given.source.as_deref()),
            now: case.now.unwrap_or(given.now),
        }
    }

    /// Refuses what cannot be made so.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        ensure!(
            self.case.now.is_none(),
            "now: a request to a gateway comes when it comes; move the other times instead"
        );
        let address = self.source.map(|source| source.split(':').next().unwrap_or_default());
        ensure!(address.is_none_or(|address| address == HERE), "source: requests to a gateway come from {HERE} here");
        ensure!(
            self.workload.requester.is_none(),
            "workload.requester: only transaction tokens have one, and none are issued here"
        );
        ensure!(self.workload.named().is_some(), "workload: say `subject`, or `machine` of a credential without `sub`");
        if self.finds(Finding::OldKey) {
            bail!("findings: no key has been in use for long here, so there is no `{}`", Finding::OldKey.name());
        }
        self.check_chain()
    }

    fn check_chain(&self) -> anyhow::Result<()> {
        let Caller { kind, traits, classified, actors, .. } = self.workload;
        if let Some(actor) = actors.first() {
            let governed = actor.kind.as_ref().map(|word| word.0);
            let told = governed.map_or("none", Kind::name);
            ensure!(
                governed == Some(*kind),
                "workload.actors[0].kind: is {told}, and who calls, this actor, is {}; only who is listed may call",
                kind.name()
            );
        }
        let known = actors.iter().all(|actor| actor.kind.is_some() || actor.profile.is_some());
        ensure!(known == *classified, "workload.classified: is {known} where the actors are these");
        let all = Trait::ALL.into_iter().collect();
        ensure!(*classified || *traits == all, "workload.traits: an actor nobody knows has all of them");
        Ok(())
    }

    pub(super) fn finds(&self, finding: Finding) -> bool {
        self.findings.contains(&finding)
    }

    /// The time `secs`, as the scenario format writes it.
    pub(super) fn date(&self, secs: u64) -> String {
        match secs.checked_sub(self.now) {
            Some(ahead) => format!("now+{ahead}s"),
            None => format!("now-{}s", self.now.saturating_sub(secs)),
        }
    }

    /// Path and query as they are sent.
    pub(super) fn path(&self, plain: &str) -> String {
        match (self.finds(Finding::SecretInQuery), plain.contains('?')) {
            (true, false) => format!("{plain}?{SECRET}"),
            // With one of its own it says itself what is in it.
            (true, true) | (false, _) => plain.to_owned(),
        }
    }

    /// Whether `other` is the same but for an approval and what is expected.
    pub(super) fn is_about(&self, other: &Self) -> bool {
        let request = self.case.request == other.case.request;
        request && Self { case: other.case, ..*self } == *other
    }
}
