//! What the sessions of one worker hold at a time, and whose it is: each thing has a bound for the worker and a share for every
//! workload, so that one caller cannot take what others need.
//!
//! Whoever is not verified yet counts in a pool of its own, a tenth of every bound, of which one address gets half: never in the
//! share of the workload that it claims to be. What is held is asked for before it is taken, and given back by being dropped:
//! a [`Held`] that is forgotten does not exist.
//!
//! It counts, and says no; never which request is worth more than another. What is counted per gateway process is on the
//! [`board`](countersign_facts::board).

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use countersign_facts::reason::Reason;
use countersign_rights::workload::Owner;

/// What is for those who are not verified yet: one in so many of each bound.
const UNVERIFIED: usize = 10;

/// What one address gets of that: one in so many.
const ADDRESSES: usize = 2;

/// What whoever holds something leaves for the others: one for so many of what it holds. So who holds little gets something
/// also where many hold what they may.
const LEAVES: usize = 16;

/// One value for each thing that is counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Each<T> {
    /// Bytes of held requests: heads, bodies, and what was read of them.
    pub held_bytes: T,
    /// Held requests.
    pub held_streams: T,
    /// Calls in flight for held requests.
    pub calls: T,
    /// Bytes of responses that are looked at: what of them is kept until more arrives.
    pub response_bytes: T,
}

/// How much there may be at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// In one worker.
    pub worker: usize,
    /// Of one workload, in one worker.
    pub workload: usize,
}

/// A thing that is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Thing {
    HeldBytes,
    HeldStreams,
    Calls,
    ResponseBytes,
}

impl Thing {
    const ALL: [Self; 4] = [Self::HeldBytes, Self::HeldStreams, Self::Calls, Self::ResponseBytes];

    /// As `limits` spells it.
    const fn name(self) -> &'static str {
        match self {
            Self::HeldBytes => "held_bytes",
            Self::HeldStreams => "held_streams",
            Self::Calls => "calls",
            Self::ResponseBytes => "response_bytes",
        }
    }
}

impl<T> Each<T> {
    fn of(&self, thing: Thing) -> &T {
        match thing {
            Thing::HeldBytes => &self.held_bytes,
            Thing::HeldStreams => &self.held_streams,
            Thing::Calls => &self.calls,
            Thing::ResponseBytes => &self.response_bytes,
        }
    }

    fn of_mut(&mut self, thing: Thing) -> &mut T {
        match thing {
            Thing::HeldBytes => &mut self.held_bytes,
            Thing::HeldStreams => &mut self.held_streams,
            Thing::Calls => &mut self.calls,
            Thing::ResponseBytes => &mut self.response_bytes,
        }
    }
}

impl Each<usize> {
    fn is_nothing(&self) -> bool {
        Thing::ALL.into_iter().all(|thing| *self.of(thing) == 0)
    }

    /// Takes away `before` and adds `after`, of each thing.
    fn change(&mut self, before: &Self, after: &Self) {
        for thing in Thing::ALL {
            let count = self.of_mut(thing);
            *count = count.saturating_sub(*before.of(thing)).saturating_add(*after.of(thing));
        }
    }
}

/// What is full where the share of `owner` is.
fn full(owner: Owner) -> Full {
    match owner {
        Owner::Workload(_) => Full::Workload,
        Owner::Address(_) => Full::Address,
        Owner::Unknown => Full::Unverified,
    }
}

/// How much of what is bounded by `bound` may be held in the name of `owner`.
fn share(owner: Owner, bound: Bounds) -> usize {
    match owner {
        Owner::Workload(_) => bound.workload,
        Owner::Address(_) => bound.worker / UNVERIFIED / ADDRESSES,
        Owner::Unknown => bound.worker / UNVERIFIED,
    }
}

/// There is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Over {
    thing: Thing,
    of: Full,
}

/// What is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Full {
    Worker,
    /// The worker, but for what whoever holds less may still take.
    WorkerNearly,
    Unverified,
    /// The pool, but for what an address that holds less may still take.
    UnverifiedNearly,
    Workload,
    Address,
}

impl Over {
    pub(crate) fn reason(self) -> Reason {
        match self.of {
            Full::Worker | Full::WorkerNearly | Full::Unverified | Full::UnverifiedNearly => Reason::Overloaded,
            Full::Workload | Full::Address => Reason::ShareUsedUp,
        }
    }
}

impl fmt::Display for Over {
    /// For the record: the limit to look at.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let thing = self.thing.name();
        match self.of {
            Full::Worker => write!(formatter, "limits.{thing}.worker is reached"),
            Full::WorkerNearly => {
                write!(formatter, "limits.{thing}.worker is reached but for callers that hold less")
            }
            Full::Unverified => write!(formatter, "callers not verified yet hold their tenth of limits.{thing}.worker"),
            Full::UnverifiedNearly => write!(
                formatter,
                "callers not verified yet hold their tenth of limits.{thing}.worker but for addresses that hold less"
            ),
            Full::Workload => write!(formatter, "limits.{thing}.workload is reached"),
            Full::Address => {
                write!(
                    formatter,
                    "callers not verified yet at this address hold half of a tenth of limits.{thing}.worker"
                )
            }
        }
    }
}

/// What is held in one worker.
#[derive(Debug)]
pub(crate) struct Shares {
    bounds: Each<Bounds>,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    all: Each<usize>,
    unverified: Each<usize>,
    /// Without those who hold nothing.
    owners: BTreeMap<Owner, Each<usize>>,
}

impl Shares {
    pub(crate) fn new(bounds: Each<Bounds>) -> Self {
        Self { bounds, taken: Mutex::default() }
    }

    /// What is held altogether.
    pub(crate) fn taken(&self) -> Each<usize> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// What `before` held becomes what `after` holds, unless there is no room for what is more.
    fn change(&self, before: (Owner, &Each<usize>), after: (Owner, &Each<usize>)) -> Result<(), Over> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.check(&self.bounds, before, after)?;
        taken.change(before, after);
        Ok(())
    }

    fn give_back(&self, owner: Owner, held: &Each<usize>) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.change((owner, held), (owner, &Each::default()));
    }
}

/// Whether there is room for more of something.
pub(crate) enum Room {
    Enough,
    /// Only for somebody who holds less.
    ForOthers,
    None,
}

impl Room {
    /// For `more` beside what is `taken` of `most`, for somebody who `holds` so much of it.
    pub(crate) fn of(taken: usize, more: usize, most: usize, holds: usize) -> Self {
        match most.checked_sub(taken.saturating_add(more)) {
            _ if more == 0 => Self::Enough,
            None => Self::None,
            Some(left) if left < holds.div_ceil(LEAVES) => Self::ForOthers,
            Some(_) => Self::Enough,
        }
    }

    /// That there is enough; else `nearly` or `full`.
    pub(crate) fn or<F>(self, nearly: F, full: F) -> Result<(), F> {
        match self {
            Self::Enough => Ok(()),
            Self::ForOthers => Err(nearly),
            Self::None => Err(full),
        }
    }
}

impl Taken {
    fn check(
        &self,
        bounds: &Each<Bounds>,
        (from, before): (Owner, &Each<usize>),
        (to, after): (Owner, &Each<usize>),
    ) -> Result<(), Over> {
        let of_owner = self.owners.get(&to).copied().unwrap_or_default();
        for thing in Thing::ALL {
            let (bound, before, after) = (*bounds.of(thing), *before.of(thing), *after.of(thing));
            let holds = *of_owner.of(thing);
            let over = |of| Err(Over { thing, of });
            // What it has already is nothing new to whom it stays with.
            let more = |stays: bool| if stays { after.saturating_sub(before) } else { after };
            let room = Room::of(*self.all.of(thing), more(true), bound.worker, holds);
            room.or(Full::WorkerNearly, Full::Worker).or_else(over)?;
            if !to.is_verified() {
                let pool = bound.worker / UNVERIFIED;
                let room = Room::of(*self.unverified.of(thing), more(!from.is_verified()), pool, holds);
                room.or(Full::UnverifiedNearly, Full::Unverified).or_else(over)?;
            }
            let more = more(from == to);
            if more > 0 && holds.saturating_add(more) > share(to, bound) {
                return over(full(to));
            }
        }
        Ok(())
    }

    fn change(&mut self, (from, before): (Owner, &Each<usize>), (to, after): (Owner, &Each<usize>)) {
        let nothing = Each::default();
        self.all.change(before, after);
        let unverified = |owner: Owner, held| if owner.is_verified() { &nothing } else { held };
        self.unverified.change(unverified(from, before), unverified(to, after));
        if from != to {
            self.change_owner(from, before, &nothing);
        }
        self.change_owner(to, if from == to { before } else { &nothing }, after);
    }

    fn change_owner(&mut self, owner: Owner, before: &Each<usize>, after: &Each<usize>) {
        let held = self.owners.entry(owner).or_default();
        held.change(before, after);
        if held.is_nothing() {
            self.owners.remove(&owner);
        }
    }
}

/// What one session holds. Dropped, it is given back.
#[derive(Debug)]
pub(crate) struct Held {
    shares: Arc<Shares>,
    owner: Owner,
    amounts: Each<usize>,
}

impl Held {
    /// Nothing yet, in the name of `owner`.
    pub(crate) fn nothing(shares: &Arc<Shares>, owner: Owner) -> Self {
        Self { shares: Arc::clone(shares), owner, amounts: Each::default() }
    }

    pub(crate) fn owner(&self) -> Owner {
        self.owner
    }

    /// Holds the same amounts in `shares`, if there is room.
    pub(crate) fn carried_to(self, shares: &Arc<Shares>) -> Result<Self, Over> {
        if Arc::ptr_eq(&self.shares, shares) {
            return Ok(self);
        }
        let mut carried = Self::nothing(shares, self.owner);
        carried.hold(self.owner, self.amounts)?;
        Ok(carried)
    }

    /// From now on it holds `amounts` in the name of `owner`; where there is no room, what it held before.
    pub(crate) fn hold(&mut self, owner: Owner, amounts: Each<usize>) -> Result<(), Over> {
        self.shares.change((self.owner, &self.amounts), (owner, &amounts))?;
        (self.owner, self.amounts) = (owner, amounts);
        Ok(())
    }

    /// It holds so many bytes of requests more.
    pub(crate) fn more_bytes(&mut self, bytes: usize) -> Result<(), Over> {
        let held_bytes = self.amounts.held_bytes.saturating_add(bytes);
        self.hold(self.owner, Each { held_bytes, ..self.amounts })
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.amounts.is_nothing() {
            return;
        }
        self.shares.give_back(self.owner, &self.amounts);
    }
}

#[cfg(test)]
mod tests;
