//! Whom a sight concerns: what is told to others, what who saw it keeps, and what follows for a caller.

use std::collections::BTreeSet;

use countersign_facts::board::LedgerError;
use countersign_tokens::UnixTime;

use super::document::{Document, Entry, Key, LIFETIME};
use super::{Call, Holds, PIN, Viewer};
use crate::catalogue::PinScope;

/// So many must have seen something before it holds for who did not look.
const WITNESSES: usize = 2;

/// Where a sight stands among those of others.
#[derive(Clone, Copy, Debug)]
pub(super) struct Told {
    order: u64,
    until: UnixTime,
    /// The order of the newest sight that says more against the tool.
    worse: u64,
}

/// What follows for a caller, of one way in which its tool was looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Verdict {
    /// How much is held against the tool.
    pub(super) degree: u8,
    pub(super) holds: Holds,
    /// Whether others saw worse since the caller looked.
    pub(super) worse_elsewhere: bool,
}

/// Tells others what `viewer` saw; none where nobody has to remember it.
pub(super) fn tell(
    document: &mut Document,
    now: UnixTime,
    viewer: Viewer,
    key: Key,
) -> Result<Option<Told>, LedgerError> {
    let newest = |document: &Document, is_meant: &dyn Fn(u8) -> bool| {
        let meant = document.of_same(&key).filter(|entry| is_meant(entry.key.degree()));
        meant.map(|entry| entry.order).max().unwrap_or(0)
    };
    let degree = key.degree();
    let worse = newest(document, &|other| other > degree);
    if degree == 0 && worse == 0 {
        // Nothing speaks against it. That it was as pinned is remembered for what may come.
        let told = Told { order: document.order(), until: now.plus(LIFETIME), worse };
        return Ok(key.is_way(PIN).then_some(told));
    }
    let better = newest(document, &|other| other < degree);
    let enough = if degree == 0 { 1 } else { WITNESSES };
    let fresh = document
        .of_same(&key)
        .filter(|entry| entry.key == key && entry.is_fresh(now) && entry.order > better.max(worse));
    let fresh: Vec<Entry> = fresh.copied().collect();
    if fresh.len() >= enough || fresh.iter().any(|entry| entry.viewer == viewer) {
        let last = fresh.iter().max_by_key(|entry| entry.order);
        return Ok(last.map(|last| Told { order: last.order, until: last.until, worse }));
    }
    // Who saw it last but this one stays; for what speaks against nothing one is enough.
    let others = document.of_same(&key).filter(|entry| entry.key == key && entry.viewer != viewer);
    let last = others.map(|entry| entry.order).max().filter(|_| degree > 0);
    document.remove(|entry| entry.key == key && Some(entry.order) != last);
    let (order, until) = (document.next_order(), now.plus(LIFETIME));
    document.add(Entry { viewer, key, until, order })?;
    Ok(Some(Told { order, until, worse }))
}

/// Keeps what `viewer` saw, as it was `told`.
pub(super) fn keep(
    document: &mut Document,
    now: UnixTime,
    viewer: Viewer,
    key: Key,
    told: Told,
) -> Result<(), LedgerError> {
    let Told { order, until, worse } = told;
    let is_same = |entry: &Entry| entry.viewer == viewer && entry.key == key;
    if document.entries().any(|entry| is_same(entry) && entry.is_fresh(now) && entry.order >= worse) {
        return Ok(());
    }
    document.remove(is_same);
    document.add(Entry { viewer, key, until, order })
}

impl Verdict {
    /// Of what the caller's `own` lists showed and what was `shown` to anybody, all of it about one key. What others saw is worse
    /// from above `floor`.
    pub(super) fn of(call: &Call<'_>, floor: u8, own: &[Entry], shown: &[Entry]) -> Self {
        let highest = |entries: &[Entry]| entries.iter().map(|entry| entry.key.degree()).max();
        if call.scope == PinScope::All {
            return Self { degree: highest(shown).unwrap_or(0), holds: Holds::ForADay, worse_elsewhere: false };
        }
        let worse_than = |degree: u8, since: u64| {
            let worse = |entry: &Entry| entry.viewer != call.viewer && entry.key.degree() > degree.max(floor);
            shown.iter().any(|entry| worse(entry) && entry.order > since)
        };
        let own: Vec<Entry> = own.iter().filter(|entry| entry.viewer == call.viewer).copied().collect();
        if let Some(degree) = highest(&own) {
            let listed = own.iter().map(|entry| entry.order).max().unwrap_or(0);
            return Self { degree, holds: Holds::ForADay, worse_elsewhere: worse_than(degree, listed) };
        }
        let mut degrees = (1..=highest(shown).unwrap_or(0)).rev();
        let degree = degrees.find(|degree| witnesses(shown, *degree) >= WITNESSES).unwrap_or(0);
        Self { degree, holds: Holds::UntilListed, worse_elsewhere: worse_than(degree, 0) }
    }
}

/// How many saw at least `degree` since anybody saw less.
fn witnesses(shown: &[Entry], degree: u8) -> usize {
    let (worse, better): (Vec<&Entry>, Vec<&Entry>) = shown.iter().partition(|entry| entry.key.degree() >= degree);
    let otherwise = better.iter().map(|entry| entry.order).max().unwrap_or(0);
    let viewers: BTreeSet<Viewer> =
        worse.iter().filter(|entry| entry.order > otherwise).map(|entry| entry.viewer).collect();
    viewers.len()
}
