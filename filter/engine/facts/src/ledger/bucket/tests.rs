use super::*;

const MIB: usize = 1024 * 1024;

fn at(seconds: u64) -> UnixTime {
    UnixTime::from_secs(seconds)
}

/// Thing number `tag` of `owner`, which needs room.
fn name(owner: u8, tag: u32) -> Name {
    let [t0, t1, t2, t3] = tag.to_le_bytes();
    Name { owner: [owner << 1, 0, 0, 0], tag: [t0, t1, t2, t3, 0, 0] }
}

fn spare(owner: u8, tag: u32) -> Name {
    let name = name(owner, tag);
    Name { owner: name.owner.map(|byte| byte | 1), ..name }
}

/// A bucket that lasts.
#[derive(Default)]
struct Kept(Vec<u8>);

impl Kept {
    fn bucket(&self) -> Bucket<'_> {
        if self.0.is_empty() { Bucket::EMPTY } else { Bucket::read(&self.0).unwrap_or(Bucket::EMPTY) }
    }

    /// Whether there was room.
    fn take(&mut self, name: Name, until: UnixTime, now: UnixTime, capacity: Capacity) -> bool {
        match self.bucket().with(name, until, now, capacity) {
            Ok(value) => {
                self.0 = value;
                true
            }
            Err(_) => false,
        }
    }

    fn fill(&mut self, names: impl Fn(u32) -> Name, capacity: Capacity) -> u32 {
        let mut taken = 0;
        while self.take(names(taken), at(100), at(0), capacity) {
            taken += 1;
        }
        taken
    }
}

#[test]
fn a_ledger_is_as_large_as_it_is_said_to_be() {
    for mib in [8, 16, 64, 128] {
        let Capacity { slots } = Capacity::of_bytes(mib * MIB);
        let each = HEAD_BYTES + slots * SLOT_BYTES + BYTES_BESIDE;
        assert!(each * usize::from(BUCKETS) <= mib * MIB, "{mib}MiB");
        assert!((each + SLOT_BYTES) * usize::from(BUCKETS) > mib * MIB || slots == MOST_SLOTS, "{mib}MiB");
    }
    assert_eq!(Capacity::of_bytes(64 * MIB), Capacity::of_slots(211));
    assert_eq!(Capacity::of_bytes(8 * MIB), Capacity::of_slots(12));
    assert_eq!(Capacity::of_bytes(128 * MIB), Capacity::of_slots(439));
    assert_eq!(Capacity::of_bytes(0), Capacity::of_slots(0));
    assert_eq!(Capacity::of_bytes(usize::MAX), Capacity::of_slots(MOST_SLOTS));
}

#[test]
fn who_holds_most_is_refused_first_and_leaves_room() {
    let capacity = Capacity::of_bytes(64 * MIB);
    let mut kept = Kept::default();
    // A third of the 185 for what is needed.
    assert_eq!(kept.fill(|tag| name(1, tag), capacity), 62);
    // The next ones get their part of what is left; the first one's does not grow.
    let rest = (2..12).map(|owner| kept.fill(|tag| name(owner, tag), capacity)).collect::<Vec<_>>();
    assert_eq!(rest, [41, 28, 18, 12, 8, 6, 4, 2, 2, 1]);
    assert!(!kept.take(name(1, 1000), at(100), at(0), capacity));
    assert!(kept.take(name(12, 0), at(100), at(0), capacity), "a newcomer");
    // What it holds already can be used again.
    assert!(kept.take(name(1, 0), at(100), at(0), capacity));
}

#[test]
fn what_is_spare_takes_no_room_of_what_is_needed() {
    let capacity = Capacity::of_bytes(64 * MIB);
    let mut kept = Kept::default();
    let taken: u32 = (0..100).map(|owner| kept.fill(|tag| spare(owner, tag), capacity)).sum();
    assert_eq!(taken, 26);
    assert_eq!(kept.fill(|tag| name(1, tag), capacity), 62);
    let mut kept = Kept::default();
    let taken: u32 = (0..100).map(|owner| kept.fill(|tag| name(owner, tag), capacity)).sum();
    assert_eq!(taken, 185);
    let refused = |name| kept.bucket().with(name, at(100), at(0), capacity).err();
    assert_eq!(refused(name(1, 1000)), Some(LedgerError::Full));
    assert_eq!(refused(name(101, 1)), Some(LedgerError::Unavailable), "others hold all of it");
    assert_eq!(refused(spare(1, 1)), None, "nor the other way");
}

#[test]
fn what_is_over_is_dropped_and_that_is_remembered() {
    let capacity = Capacity::of_slots(8);
    let mut kept = Kept::default();
    assert!(kept.take(name(1, 1), at(10), at(0), capacity));
    assert!(kept.take(name(2, 1), at(90), at(11), capacity));
    assert_eq!(kept.0.len(), HEAD_BYTES + 2 * SLOT_BYTES, "clocks differ");
    assert!(kept.take(name(2, 1), at(90), at(12), capacity));
    assert_eq!(kept.0.len(), HEAD_BYTES + SLOT_BYTES);
    let bucket = kept.bucket();
    assert_eq!(bucket.forgotten.time(), at(10));
    assert_eq!(bucket.uses(name(2, 1), at(89)), 2);
    assert_eq!(bucket.uses(name(2, 1), at(90)), 0);
}

/// The clock goes on, is set back by less than clocks differ, by more, and to before anything was forgotten.
#[test]
fn a_clock_that_was_set_back_makes_nothing_unspent() {
    let mut kept = Kept::default();
    assert!(kept.take(name(1, 1), at(10), at(0), Capacity::of_slots(8)));
    assert!(kept.take(name(1, 2), at(90), at(12), Capacity::of_slots(8)));
    let entry = |ends| Entry { partition: [0; 32], key: [0; 32], limit: 1, ends, room: Room::Needed };
    for (now, end, fixed, various) in [
        (12, 20, true, true),
        (10, 11, true, true),
        (9, 11, true, false),
        (9, 10, false, false),
        (3, 10, false, false),
        (0, 70, true, false),
        // It was over when it came.
        (12, 10, true, true),
    ] {
        assert_eq!(kept.bucket().can_tell(&entry(Ends::At(at(end))), at(now)), fixed, "{now} {end}");
        assert_eq!(kept.bucket().can_tell(&entry(Ends::Variously), at(now)), various, "{now}");
    }
}

#[test]
fn uses_are_counted_in_as_many_slots_as_they_need() {
    let mut kept = Kept::default();
    let full = Slot { name: name(1, 1), end: Hundredths::at_least(at(10)), count: MOST_COUNTED };
    assert!(kept.take(name(1, 2), at(10), at(0), Capacity::of_slots(8)));
    full.write(&mut kept.0);
    assert!(kept.take(name(1, 1), at(10), at(0), Capacity::of_slots(16)));
    assert!(kept.take(name(1, 1), at(10), at(0), Capacity::of_slots(16)));
    assert_eq!(kept.bucket().uses(name(1, 1), at(0)), MOST_COUNTED + 2);
    assert_eq!(kept.0.len(), HEAD_BYTES + 3 * SLOT_BYTES);
}

#[test]
fn ends_are_never_written_as_earlier() {
    for micros in [0, 1, 9_999, 10_000, 10_001, 1_800_000_000_123_456] {
        let stored = Hundredths::at_least(UnixTime::from_micros(micros));
        assert!((micros..micros + 10_000).contains(&stored.time().micros()), "{micros}");
        assert_eq!(Hundredths::read(stored.bytes()), stored);
    }
    assert_eq!(Hundredths::at_least(UnixTime::from_micros(u64::MAX)), Hundredths(LAST));
}

#[test]
fn what_nobody_wrote_is_not_read() {
    let mut kept = Kept::default();
    assert!(kept.take(name(1, 1), at(10), at(0), Capacity::of_slots(8)));
    let good = kept.0;
    assert!(Bucket::read(&good).is_some());
    let too_many = [good.as_slice(), &vec![0; MOST_SLOTS * SLOT_BYTES]].concat();
    let (cut, older) = (good.split_last().map_or(&[][..], |(_, rest)| rest), good.strip_prefix(b"csl3").unwrap_or(&[]));
    let older = [b"csl2", older].concat();
    for bad in [b"".as_slice(), b"csl3", cut, &[good.as_slice(), b"x"].concat(), &older, &too_many] {
        assert_eq!(Bucket::read(bad), None, "{} bytes", bad.len());
    }
}

#[test]
fn who_does_not_know_the_key_cannot_choose_the_place() {
    let entry = |partition, number: u32| {
        let mut key = [0; 32];
        key.iter_mut().zip(number.to_le_bytes()).for_each(|(stored, byte)| *stored = byte);
        Entry { partition: [partition; 32], key, limit: 1, ends: Ends::Variously, room: Room::Needed }
    };
    let place = |entry: &Entry| Place::of(entry, &[1; 32]);
    // Whose it is does not say where; of 1,000 things hardly two are in the same place.
    let buckets: std::collections::BTreeSet<_> = (0..1000).map(|number| place(&entry(1, number)).bucket).collect();
    assert!(buckets.len() > 950, "{}", buckets.len());
    let one = place(&entry(1, 1));
    assert_ne!(one.bucket, Place::of(&entry(1, 1), &[2; 32]).bucket, "the key does");
    assert_eq!(one.name.owner, place(&entry(1, 2)).name.owner);
    assert_ne!(one.name.owner, place(&entry(2, 1)).name.owner);
    assert_ne!(one.name.tag, place(&entry(2, 1)).name.tag);
    let spare = place(&Entry { room: Room::Spare, ..entry(1, 1) });
    assert_eq!((one.name.room(), spare.name.room()), (Room::Needed, Room::Spare));
    assert_ne!(spare.name.owner.map(|byte| byte & !1), one.name.owner.map(|byte| byte & !1));
}

/// Eight workloads at 1,000 proofs a second each and 1,000 at 10, which is what 64 MiB are for, and one that spends as fast as it
/// is let: as one of 128 buckets sees it, for three lives of a proof.
#[test]
fn one_that_takes_what_it_can_does_nothing_to_the_others() {
    const LIFE: u64 = 70_000;
    let capacity = Capacity::of_bytes(64 * MIB);
    let mut random = 1_u64;
    // Knuth's linear congruential generator: the upper bits are good.
    let mut draw = move |below: u64| {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (random >> 33) % below
    };
    let (mut most, mut hog) = (0, 0);
    for _ in 0..16 {
        let mut kept = Kept::default();
        let mut tag = 0;
        // A millisecond has 18 requests for 16,384 buckets.
        for now in (0..3 * LIFE).filter(|_| draw(16_384) < 18).collect::<Vec<_>>() {
            let time = |millis| UnixTime::from_millis(millis);
            tag += 1;
            // Half of them are of one of the eight.
            let owner = if draw(18) < 8 { 2 + draw(8) } else { 10 + draw(1000) };
            let [o0, o1, ..] = u32::try_from(owner * 2).unwrap_or_default().to_le_bytes();
            let name = Name { owner: [o0, o1, 1, 0], ..name(0, tag) };
            assert!(kept.take(name, time(now + LIFE), time(now), capacity), "refused at {now}");
            while kept.take(self::name(1, tag), time(now + LIFE), time(now), capacity) {
                tag += 1;
            }
            let slots = kept.bucket().slots().collect::<Vec<_>>();
            most = most.max(slots.len());
            hog = hog.max(slots.iter().filter(|slot| slot.name.owner == self::name(1, 0).owner).count());
        }
    }
    println!("most in a bucket: {most}, of the one: {hog}");
    assert!(hog > 30, "it took what it could");
}
