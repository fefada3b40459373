//! What a list showed is known to every worker until it was not seen for a day, concerns who saw it, and others as far as several
//! saw it; a workload fills only its own share.

use std::time::Duration;

use countersign_facts::board::{ATTEMPTS, Posted, Posting};
use countersign_facts::ledger::MemoryLedger;

use super::document::{ENTRY_BYTES, MAGIC, MOST, SHARE};
use super::*;

const PIN: [u8; 32] = [7; 32];

/// Three workloads.
const A: Viewer = Viewer([1; 8]);
const B: Viewer = Viewer([2; 8]);
const C: Viewer = Viewer([3; 8]);

fn at(hours: u64) -> UnixTime {
    UnixTime::from_secs(hours * 3600)
}

fn call(viewer: Viewer, tool: &str) -> Call<'_> {
    Call { resource: "payments", scope: PinScope::Workload, viewer, tool, pin: Some(&PIN), rated: Risk::Low }
}

fn as_pinned(tool: &str) -> Sight {
    Sight::of_pin(tool, &PIN, true)
}

fn changed(tool: &str) -> Sight {
    Sight::of_pin(tool, &PIN, false)
}

/// What became of the calls of all three.
fn standing(board: &mut dyn Board, now: UnixTime, scope: PinScope) -> Result<[Option<Holds>; 3], LedgerError> {
    let mut of = |viewer| recall(board, now, &Call { scope, ..call(viewer, "echo") }).map(|learned| learned.changed);
    Ok([of(A)?, of(B)?, of(C)?])
}

fn warned(board: &mut dyn Board, now: UnixTime, viewer: Viewer) -> bool {
    let learned = recall(board, now, &call(viewer, "echo")).unwrap_or_default();
    learned.warnings.contains(&Warning::PinMismatchElsewhere)
}

/// Counts what is written, and lets others in between.
struct Counting {
    board: MemoryLedger,
    posts: usize,
    meddlers: usize,
    broken: bool,
}

impl Counting {
    fn new() -> Self {
        Self { board: MemoryLedger::new(1), posts: 0, meddlers: 0, broken: false }
    }
}

impl Board for Counting {
    fn read(&mut self, name: &str) -> Result<Option<Posted>, LedgerError> {
        if self.broken { Err(LedgerError::Unavailable) } else { self.board.read(name) }
    }

    fn post(&mut self, name: &str, document: &[u8], version: Option<u32>) -> Result<Posting, LedgerError> {
        self.posts += 1;
        if self.meddlers > 0 {
            self.meddlers -= 1;
            return Ok(Posting::Changed);
        }
        self.board.post(name, document, version)
    }
}

/// Workloads see faces one after the other; what holds then for each of them.
#[test]
fn whom_a_change_concerns() -> Result<(), LedgerError> {
    const FREE: Option<Holds> = None;
    const OWN: Option<Holds> = Some(Holds::ForADay);
    const OTHERS: Option<Holds> = Some(Holds::UntilListed);
    let (good, bad) = (as_pinned("echo"), changed("echo"));
    for (sights, expected) in [
        (&[][..], [FREE, FREE, FREE]),
        (&[(A, bad)][..], [OWN, FREE, FREE]),
        // Nobody un-sees what it saw.
        (&[(A, bad), (A, good)], [OWN, FREE, FREE]),
        (&[(A, good), (A, bad), (A, good)], [OWN, FREE, FREE]),
        // Two saw it: whoever did not look has to.
        (&[(A, bad), (B, bad)], [OWN, OWN, OTHERS]),
        // The same one, over and over, is one.
        (&[(A, bad), (A, bad), (A, bad)], [OWN, FREE, FREE]),
        // Who looked is not concerned, before and after.
        (&[(C, good), (A, bad), (B, bad)], [OWN, OWN, FREE]),
        (&[(A, bad), (B, bad), (C, good)], [OWN, OWN, FREE]),
        // Somebody saw it as it was since, so one alone saw it changed.
        (&[(A, bad), (B, good), (B, bad)], [OWN, OWN, FREE]),
        (&[(A, bad), (B, good), (B, bad), (A, bad)], [OWN, OWN, OTHERS]),
    ] {
        let mut board = MemoryLedger::new(1);
        for (viewer, sight) in sights {
            note(&mut board, at(0), "payments", *viewer, vec![*sight])?;
        }
        assert_eq!(standing(&mut board, at(1), PinScope::Workload)?, expected, "{sights:?}");
        let any = sights.iter().any(|(_, sight)| *sight == bad).then_some(Holds::ForADay);
        assert_eq!(standing(&mut board, at(1), PinScope::All)?, [any; 3], "{sights:?}");
        assert_eq!(standing(&mut board, at(24), PinScope::Workload)?, [FREE; 3], "{sights:?}");
        assert_eq!(standing(&mut board, at(24), PinScope::All)?, [FREE; 3], "{sights:?}");
    }
    Ok(())
}

#[test]
fn who_has_not_looked_since_is_warned() -> Result<(), LedgerError> {
    let mut board = MemoryLedger::new(1);
    let warned = |board: &mut MemoryLedger| [A, B, C].map(|viewer| warned(board, at(1), viewer));
    note(&mut board, at(0), "payments", C, vec![as_pinned("echo")])?;
    assert_eq!(warned(&mut board), [false; 3]);
    note(&mut board, at(0), "payments", A, vec![changed("echo")])?;
    assert_eq!(warned(&mut board), [false, true, true]);
    note(&mut board, at(0), "payments", C, vec![as_pinned("echo")])?;
    assert_eq!(warned(&mut board), [false, true, false]);
    note(&mut board, at(0), "payments", A, vec![as_pinned("echo"), changed("echo")])?;
    assert_eq!(warned(&mut board), [false, true, true]);
    Ok(())
}

#[test]
fn a_change_is_known_of_that_tool_under_that_pin() -> Result<(), LedgerError> {
    let mut board = MemoryLedger::new(1);
    note(&mut board, at(0), "payments", A, vec![changed("echo")])?;
    let call = call(A, "echo");
    let mut changed = |call: Call<'_>| recall(&mut board, at(1), &call).map(|learned| learned.changed.is_some());
    assert!(changed(call)?);
    for other in [
        Call { pin: Some(&[8; 32]), ..call },
        Call { pin: None, ..call },
        Call { tool: "other", ..call },
        Call { resource: "crm", ..call },
    ] {
        assert!(!changed(other)?, "{other:?}");
    }
    Ok(())
}

#[test]
fn every_sight_renews_it_and_few_are_written() -> Result<(), LedgerError> {
    for sight in [changed("echo"), Sight::raises("echo", Some(Risk::High))] {
        let mut board = Counting::new();
        for minutes in 0..240 {
            let now = at(0).plus(Duration::from_mins(minutes));
            for viewer in [A, B, C] {
                note(&mut board, now, "payments", viewer, vec![sight; 3])?;
            }
        }
        // Two who saw it and what three saw, every hour.
        assert_eq!(board.posts, 4 * 5);
        let learned = recall(&mut board, at(26), &call(C, "echo"))?;
        assert!(learned.changed.is_some() || learned.raised.is_some());
    }
    // What is as it should be is remembered of pinned tools alone, and told to nobody.
    let mut board = Counting::new();
    for _ in 0..3 {
        let sights = vec![as_pinned("echo"), Sight::raises("echo", None), Sight::claims("echo", None)];
        note(&mut board, at(0), "payments", A, sights)?;
    }
    assert_eq!(board.posts, 1);
    Ok(())
}

#[test]
fn what_a_chunk_brings_is_one_write_per_document() -> Result<(), LedgerError> {
    let mut board = Counting::new();
    let sights = (0..10_000).map(|tool| changed(&format!("tool-{tool}"))).collect();
    note(&mut board, at(0), "payments", A, sights)?;
    assert_eq!(board.posts, 2 * usize::from(SHARES));
    for tool in 0..10_000 {
        assert!(recall(&mut board, at(1), &call(A, &format!("tool-{tool}")))?.changed.is_some());
    }
    Ok(())
}

#[test]
fn a_workload_fills_its_own_share_and_nothing_is_lost_in_silence() -> Result<(), LedgerError> {
    let mut board = Counting::new();
    let flood = |from: usize, count: usize| (from..from + count).map(|tool| changed(&tool.to_string())).collect();
    for more in 0..4 {
        assert_eq!(note(&mut board, at(0), "payments", A, flood(more * 30_000, 30_000)), Err(LedgerError::Full));
    }
    // Nobody else is concerned, nor other resources.
    note(&mut board, at(0), "payments", B, flood(200_000, 10_000))?;
    note(&mut board, at(0), "crm", A, flood(0, 10_000))?;
    for share in 0..SHARES {
        for name in [elsewhere("payments", share), own("payments", share, A)] {
            let size = board.read(&name)?.map_or(0, |posted| posted.document.len());
            assert!(size <= MAGIC.len() + 8 + MOST * ENTRY_BYTES, "{size}");
        }
    }
    // What lapsed makes room.
    note(&mut board, at(24), "payments", A, flood(300_000, 10_000))
}

#[test]
fn what_speaks_for_tools_gives_way() -> Result<(), LedgerError> {
    let mut board = Counting::new();
    let share = share(&of_tool("echo"));
    let same: Vec<String> =
        (0..200_000).map(|tool| tool.to_string()).filter(|tool| super::share(&of_tool(tool)) == share).collect();
    for tool in same.iter().take(SHARE * 2) {
        note(&mut board, at(0), "payments", A, vec![as_pinned(tool)])?;
    }
    for tool in same.iter().take(SHARE) {
        note(&mut board, at(0), "payments", A, vec![changed(tool)])?;
    }
    assert_eq!(note(&mut board, at(0), "payments", A, vec![changed("echo")]), Err(LedgerError::Full));
    let first = same.first().map_or("", String::as_str);
    assert_eq!(recall(&mut board, at(1), &call(A, first))?.changed, Some(Holds::ForADay));
    Ok(())
}

#[test]
fn other_workers_in_between_are_not_overwritten() -> Result<(), LedgerError> {
    let mut board = Counting::new();
    board.meddlers = ATTEMPTS - 1;
    note(&mut board, at(0), "payments", A, vec![changed("echo")])?;
    note(&mut board, at(0), "payments", B, vec![changed("echo")])?;
    assert_eq!(standing(&mut board, at(0), PinScope::Workload)?[2], Some(Holds::UntilListed));
    board.meddlers = ATTEMPTS;
    assert_eq!(note(&mut board, at(0), "payments", A, vec![changed("c")]), Err(LedgerError::Unavailable));
    Ok(())
}

#[test]
fn what_cannot_be_read_is_an_error_and_left_as_it_is() {
    let tool = of_tool("echo");
    let one = [MAGIC.as_slice(), &[0; 8], &[0; ENTRY_BYTES]].concat();
    let many = [MAGIC.to_vec(), vec![0; 8 + ENTRY_BYTES * (MOST + 1)]].concat();
    for bad in [b"".as_slice(), b"cst1", b"cst2", one.get(..20).unwrap_or_default(), &many] {
        let mut board = MemoryLedger::new(1);
        let name = elsewhere("payments", share(&tool));
        assert_eq!(board.post(&name, bad, None), Ok(Posting::Done));
        assert_eq!(recall(&mut board, at(0), &call(A, "echo")), Err(LedgerError::Unavailable));
        assert_eq!(note(&mut board, at(0), "payments", A, vec![changed("echo")]), Err(LedgerError::Unavailable));
        assert_eq!(board.read(&name).ok().flatten().map(|posted| posted.document), Some(bad.to_vec()));
    }
    let mut broken = Counting { broken: true, ..Counting::new() };
    assert_eq!(recall(&mut broken, at(0), &call(A, "echo")), Err(LedgerError::Unavailable));
    assert_eq!(note(&mut broken, at(0), "payments", A, vec![changed("echo")]), Err(LedgerError::Unavailable));
}

#[test]
fn the_highest_risk_that_it_saw_holds_for_a_workload() -> Result<(), LedgerError> {
    let mut board = MemoryLedger::new(1);
    for (hours, sight) in [
        (0, Sight::raises("echo", Some(Risk::High))),
        (1, Sight::raises("echo", Some(Risk::Medium))),
        (1, Sight::claims("echo", Some(Risk::Medium))),
        (2, Sight::claims("echo", Some(Risk::Low))),
        (2, Sight::raises("other", Some(Risk::High))),
        (2, Sight::raises("echo", None)),
    ] {
        note(&mut board, at(hours), "payments", A, vec![sight])?;
    }
    let mut seen = |hours| recall(&mut board, at(hours), &call(A, "echo")).map(|seen| (seen.raised, seen.believed));
    assert_eq!(seen(2)?, (Some(Risk::High), Some(Risk::Medium)));
    assert_eq!(seen(24)?, (Some(Risk::Medium), Some(Risk::Medium)));
    assert_eq!(seen(25)?, (None, Some(Risk::Low)));
    assert_eq!(seen(26)?, (None, None));
    Ok(())
}

/// What others saw of what tools say about themselves: two of them raise, nobody lowers.
#[test]
fn what_others_saw_raises_by_two_and_lowers_nothing() -> Result<(), LedgerError> {
    let raises = |risk| Sight::raises("echo", risk);
    let claims = |risk| Sight::claims("echo", risk);
    let (medium, high) = (Some(Risk::Medium), Some(Risk::High));
    for (sights, raised, warned) in [
        (&[(A, raises(high))][..], None, true),
        (&[(A, raises(high)), (B, raises(high))], high, false),
        // Both saw medium at least.
        (&[(A, raises(high)), (B, raises(medium))], medium, true),
        (&[(A, raises(high)), (B, raises(high)), (B, raises(None))], None, true),
        (&[(A, raises(high)), (B, raises(high)), (C, raises(None))], None, false),
        (&[(A, claims(high)), (B, claims(high))], high, false),
        // No more than it is rated.
        (&[(A, claims(Some(Risk::Low)))], None, false),
    ] {
        let mut board = MemoryLedger::new(1);
        for (viewer, sight) in sights {
            note(&mut board, at(0), "payments", *viewer, vec![*sight])?;
        }
        let learned = recall(&mut board, at(1), &call(C, "echo"))?;
        let warnings = if warned { vec![Warning::RiskRaisedElsewhere] } else { Vec::new() };
        assert_eq!(learned, Learned { raised, warnings, ..Learned::default() }, "{sights:?}");
    }
    Ok(())
}

#[test]
fn nothing_learned_lowers_a_risk_but_of_what_a_trusted_server_has_undeclared() {
    for annotations in Annotations::ALL {
        for declared in [true, false] {
            for rated in Risk::ALL {
                for said in Risk::ALL {
                    let learned = Learned { raised: Some(said), believed: Some(said), ..Learned::default() };
                    let expected = match (annotations, declared) {
                        (Annotations::Ignore, _) => rated,
                        (Annotations::Trust, false) => said,
                        (Annotations::Raise, _) | (Annotations::Trust, true) => rated.max(said),
                    };
                    assert_eq!(learned.risk(annotations, declared, rated), expected, "{annotations:?} {declared}");
                    assert_eq!(Learned::default().risk(annotations, declared, rated), rated);
                }
            }
        }
    }
}

#[test]
fn faces_have_codes_of_their_own() {
    let faces: Vec<Face> = (0..=u8::MAX).filter_map(Face::of).collect();
    assert_eq!(faces.len(), 12);
    assert!(faces.iter().all(|face| Face::of(face.code()) == Some(*face)));
}
