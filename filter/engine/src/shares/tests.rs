use std::net::IpAddr;

use proptest::prelude::*;

use super::*;

const BOUNDS: Each<Bounds> = Each {
    held_bytes: Bounds { worker: 1000, workload: 400 },
    held_streams: Bounds { worker: 40, workload: 10 },
    calls: Bounds { worker: 20, workload: 20 },
    response_bytes: Bounds { worker: 100, workload: 50 },
};

fn workload(number: u8) -> Owner {
    Owner::Workload([number; 32])
}

fn address(number: u8) -> Owner {
    Owner::Address(IpAddr::from([192, 0, 2, number]))
}

fn bytes(held_bytes: usize) -> Each<usize> {
    Each { held_bytes, ..Each::default() }
}

fn shares() -> Arc<Shares> {
    Arc::new(Shares::new(BOUNDS))
}

/// What is said where `owner` wants so many bytes.
fn refused(shares: &Arc<Shares>, owner: Owner, wanted: usize) -> Option<(Reason, String)> {
    let over = Held::nothing(shares, owner).hold(owner, bytes(wanted)).err()?;
    Some((over.reason(), over.to_string()))
}

#[test]
fn a_workload_has_its_share_and_leaves_the_others_theirs() {
    let shares = shares();
    let mut held: Vec<_> = (0..2).map(|_| Held::nothing(&shares, workload(1))).collect();
    assert!(held.iter_mut().all(|held| held.hold(workload(1), bytes(200)).is_ok()));
    let used_up = (Reason::ShareUsedUp, "limits.held_bytes.workload is reached".to_owned());
    assert_eq!(refused(&shares, workload(1), 1), Some(used_up));
    assert_eq!(refused(&shares, workload(2), 400), None);
    drop(held);
    assert_eq!(refused(&shares, workload(1), 400), None);
}

#[test]
fn over_the_workers_bound_it_is_nobodys_fault() {
    let shares = shares();
    let mut held: Vec<_> = (0..3).map(|_| Held::nothing(&shares, Owner::Unknown)).collect();
    let taken = held.iter_mut().zip([1, 2, 3]).zip([400, 400, 200]);
    assert!(taken.map(|((held, owner), amount)| held.hold(workload(owner), bytes(amount))).all(|held| held.is_ok()));
    let overloaded = (Reason::Overloaded, "limits.held_bytes.worker is reached".to_owned());
    assert_eq!(refused(&shares, workload(4), 1), Some(overloaded));
}

/// Whoever holds nothing is let in where everybody else takes what they can get, a little at a time.
#[test]
fn who_holds_something_leaves_room_for_who_holds_nothing() {
    let bounds = Each {
        held_bytes: Bounds { worker: 100_000, workload: 10_000 },
        held_streams: Bounds { worker: 8192, workload: 1024 },
        calls: Bounds { worker: 512, workload: 64 },
        response_bytes: Bounds { worker: 50_000, workload: 5000 },
    };
    let strangers: [fn(u8) -> Owner; 2] = [workload, address];
    for (thing, owners) in Thing::ALL.into_iter().flat_map(|thing| strangers.map(|owners| (thing, owners))) {
        let shares = Arc::new(Shares::new(bounds));
        let amount = |of: usize| {
            let mut amount = Each::default();
            *amount.of_mut(thing) = of;
            amount
        };
        let mut held: Vec<_> = (0..46).map(|number| Held::nothing(&shares, owners(number))).collect();
        // Until nobody gets one more.
        let mut gets = true;
        while gets {
            gets = false;
            for one in &mut held {
                let more = amount(*one.amounts.of(thing) + 1);
                gets |= one.hold(one.owner(), more).is_ok();
            }
        }
        let greedy = Held::nothing(&shares, owners(0)).hold(owners(0), amount(1)).map_err(Over::reason);
        assert_eq!(greedy, Err(Reason::Overloaded), "{thing:?}");
        let mut modest = Held::nothing(&shares, owners(100));
        assert_eq!(modest.hold(owners(100), amount(1)), Ok(()), "{thing:?}");
    }
}

/// A workload that is alone does without what it would leave to others, and no more.
#[test]
fn who_is_alone_gets_nearly_everything() {
    let shares = shares();
    let mut held = Held::nothing(&shares, workload(1));
    let calls = (1..=20).take_while(|calls| held.hold(workload(1), Each { calls: *calls, ..Each::default() }).is_ok());
    assert_eq!(calls.count(), 18);
    let over = held.hold(workload(1), Each { calls: 19, ..Each::default() });
    let nearly = "limits.calls.worker is reached but for callers that hold less";
    assert_eq!(over.map_err(|over| over.to_string()), Err(nearly.to_owned()));
    assert_eq!(Held::nothing(&shares, workload(2)).hold(workload(2), Each { calls: 2, ..Each::default() }), Ok(()));
}

#[test]
fn who_is_not_verified_has_a_tenth_and_an_address_half_of_it() {
    let shares = shares();
    let mut held: Vec<_> = (0..2).map(|_| Held::nothing(&shares, Owner::Unknown)).collect();
    let taken = held.iter_mut().zip([1, 2]);
    assert!(taken.map(|(held, number)| held.hold(address(number), bytes(50))).all(|held| held.is_ok()));
    let pool = "callers not verified yet hold their tenth of limits.held_bytes.worker".to_owned();
    for owner in [address(1), address(3), Owner::Unknown] {
        assert_eq!(refused(&shares, owner, 1), Some((Reason::Overloaded, pool.clone())));
    }
    held.pop();
    let half = "callers not verified yet at this address hold half of a tenth of limits.held_bytes.worker".to_owned();
    assert_eq!(refused(&shares, address(1), 1), Some((Reason::ShareUsedUp, half)));
    assert_eq!(refused(&shares, Owner::Unknown, 50), None);
    assert_eq!(refused(&shares, workload(1), 400), None);
}

#[test]
fn what_is_verified_moves_to_its_workload_and_leaves_the_pool() {
    let shares = shares();
    let mut held = Held::nothing(&shares, Owner::Unknown);
    assert_eq!(held.hold(address(1), bytes(50)), Ok(()));
    assert_eq!(held.hold(workload(1), bytes(300)), Ok(()));
    assert_eq!(refused(&shares, address(1), 50), None);
    assert_eq!(refused(&shares, workload(1), 101).map(|(reason, _)| reason), Some(Reason::ShareUsedUp));
    // Where the share is full, it stays what and where it was.
    let mut other = Held::nothing(&shares, Owner::Unknown);
    assert_eq!(other.hold(address(1), bytes(50)), Ok(()));
    assert!(other.hold(workload(1), bytes(101)).is_err());
    assert_eq!((other.owner(), shares.taken()), (address(1), bytes(350)));
}

/// What one of several sessions does.
#[derive(Clone, Debug)]
enum Deed {
    Hold(Owner, Each<usize>),
    More(usize),
    End,
}

fn owner() -> impl Strategy<Value = Owner> {
    prop_oneof![(0..3u8).prop_map(workload), (0..3u8).prop_map(address), Just(Owner::Unknown)]
}

fn deed() -> impl Strategy<Value = Deed> {
    let amounts = (0..450usize, 0..12usize, 0..3usize, 0..60usize);
    let amounts = amounts.prop_map(|(held_bytes, held_streams, calls, response_bytes)| Each {
        held_bytes,
        held_streams,
        calls,
        response_bytes,
    });
    prop_oneof![
        4 => (owner(), amounts).prop_map(|(owner, amounts)| Deed::Hold(owner, amounts)),
        1 => (0..300usize).prop_map(Deed::More),
        1 => Just(Deed::End),
    ]
}

fn sum<'a>(held: impl Iterator<Item = &'a Held>) -> Each<usize> {
    held.fold(Each::default(), |mut sum, held| {
        sum.change(&Each::default(), &held.amounts);
        sum
    })
}

proptest! {
    #[test]
    fn what_is_counted_is_what_is_held_and_within_bounds(deeds in prop::collection::vec((0..8usize, deed()), 0..60)) {
        let shares = shares();
        let mut held: Vec<_> = (0..8).map(|_| Held::nothing(&shares, Owner::Unknown)).collect();
        for (index, deed) in deeds {
            let Some(one) = held.get_mut(index) else { continue };
            match deed {
                Deed::Hold(owner, amounts) => drop(one.hold(owner, amounts)),
                Deed::More(bytes) => drop(one.more_bytes(bytes)),
                Deed::End => *one = Held::nothing(&shares, Owner::Unknown),
            }
            prop_assert_eq!(shares.taken(), sum(held.iter()));
            for thing in Thing::ALL {
                let (bound, most) = (*BOUNDS.of(thing), *sum(held.iter()).of(thing));
                prop_assert!(most <= bound.worker);
                let unverified = sum(held.iter().filter(|held| !held.owner.is_verified()));
                prop_assert!(*unverified.of(thing) <= bound.worker / UNVERIFIED);
                for one in &held {
                    let owned = sum(held.iter().filter(|other| other.owner == one.owner));
                    prop_assert!(*owned.of(thing) <= share(one.owner, bound));
                }
            }
        }
        drop(held);
        let taken = shares.taken.lock().unwrap_or_else(PoisonError::into_inner);
        prop_assert_eq!((taken.all, taken.unverified), (Each::default(), Each::default()));
        prop_assert!(taken.owners.is_empty());
    }
}
