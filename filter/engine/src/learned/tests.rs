//! What was seen is known to every worker until it was not seen for a day, and a server fills only its own documents.

use super::*;
use crate::board::Posted;
use crate::ledger::MemoryLedger;

const PIN: [u8; 32] = [7; 32];

fn at(hours: u64) -> UnixTime {
    UnixTime::from_secs(hours * 3600)
}

fn changed(board: &mut dyn Board, now: UnixTime, resource: &str, tool: &str, pin: &[u8; 32]) -> Option<bool> {
    recall(board, now, resource, tool, Some(pin)).ok().map(|learned| learned.changed)
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

#[test]
fn a_change_is_known_of_that_tool_under_that_pin_for_a_day() {
    let mut board = Counting::new();
    assert_eq!(changed(&mut board, at(0), "payments", "echo", &PIN), Some(false));
    assert_eq!(note(&mut board, at(0), "payments", vec![Mark::changed("echo", &PIN)]), Ok(()));
    assert_eq!(changed(&mut board, at(23), "payments", "echo", &PIN), Some(true));
    assert_eq!(changed(&mut board, at(24), "payments", "echo", &PIN), Some(false));
    assert_eq!(changed(&mut board, at(0), "payments", "echo", &[8; 32]), Some(false));
    assert_eq!(changed(&mut board, at(0), "payments", "other", &PIN), Some(false));
    assert_eq!(changed(&mut board, at(0), "crm", "echo", &PIN), Some(false));
}

#[test]
fn every_sight_renews_it_and_few_are_written() {
    let mut board = Counting::new();
    for minutes in 0..240 {
        let now = at(0).plus(Duration::from_mins(minutes));
        assert_eq!(note(&mut board, now, "payments", vec![Mark::changed("echo", &PIN); 3]), Ok(()));
    }
    assert_eq!(board.posts, 4);
    assert_eq!(changed(&mut board, at(26), "payments", "echo", &PIN), Some(true));
}

#[test]
fn what_a_chunk_brings_is_one_write_per_document() {
    let mut board = Counting::new();
    let marks = (0..10_000).map(|tool| Mark::changed(&format!("tool-{tool}"), &PIN)).collect();
    assert_eq!(note(&mut board, at(0), "payments", marks), Ok(()));
    assert_eq!(board.posts, usize::from(SHARES));
    let known = |tool: usize| changed(&mut board, at(1), "payments", &format!("tool-{tool}"), &PIN) == Some(true);
    assert!((0..10_000).all(known));
}

#[test]
fn a_server_fills_its_own_documents_and_nothing_is_lost_in_silence() {
    let mut board = Counting::new();
    let flood = |from: usize| (from..from + 20_000).map(|tool| Mark::changed(&tool.to_string(), &PIN)).collect();
    assert_eq!(note(&mut board, at(0), "hostile", flood(0)), Err(LedgerError::Full));
    assert_eq!(note(&mut board, at(0), "payments", vec![Mark::changed("echo", &PIN)]), Ok(()));
    for share in 0..SHARES {
        let size = board.read(&document("hostile", share)).ok().flatten().map_or(0, |posted| posted.document.len());
        assert!(size <= MAGIC.len() + MOST * ENTRY_BYTES, "{size}");
    }
    // What lapsed makes room.
    let few = |from: usize| (from..from + 10_000).map(|tool| Mark::changed(&tool.to_string(), &PIN)).collect();
    assert_eq!(note(&mut board, at(0), "later", few(0)), Ok(()));
    assert_eq!(note(&mut board, at(24), "later", few(10_000)), Ok(()));
}

#[test]
fn other_workers_in_between_are_not_overwritten() {
    let mut board = Counting::new();
    board.meddlers = ATTEMPTS - 1;
    assert_eq!(note(&mut board, at(0), "payments", vec![Mark::changed("a", &PIN)]), Ok(()));
    assert_eq!(note(&mut board, at(0), "payments", vec![Mark::changed("b", &PIN)]), Ok(()));
    assert_eq!(changed(&mut board, at(0), "payments", "a", &PIN), Some(true));
    board.meddlers = ATTEMPTS;
    assert_eq!(note(&mut board, at(0), "payments", vec![Mark::changed("c", &PIN)]), Err(LedgerError::Unavailable));
}

#[test]
fn what_cannot_be_read_is_an_error_and_left_as_it_is() {
    let mark = Mark::changed("echo", &PIN);
    let name = document("payments", mark.share);
    let one = [MAGIC.as_slice(), &[0; ENTRY_BYTES]].concat();
    let many = [MAGIC.to_vec(), vec![0; ENTRY_BYTES * (MOST + 1)]].concat();
    for bad in [b"".as_slice(), b"cst0", one.get(..20).unwrap_or_default(), &many] {
        let mut board = MemoryLedger::new(1);
        assert_eq!(board.post(&name, bad, None), Ok(Posting::Done));
        assert_eq!(recall(&mut board, at(0), "payments", "echo", Some(&PIN)), Err(LedgerError::Unavailable));
        assert_eq!(note(&mut board, at(0), "payments", vec![mark]), Err(LedgerError::Unavailable));
        assert_eq!(board.read(&name).ok().flatten().map(|posted| posted.document), Some(bad.to_vec()));
    }
    let mut broken = Counting { broken: true, ..Counting::new() };
    assert_eq!(recall(&mut broken, at(0), "payments", "echo", Some(&PIN)), Err(LedgerError::Unavailable));
    assert_eq!(note(&mut broken, at(0), "payments", vec![mark]), Err(LedgerError::Unavailable));
}

#[test]
fn the_highest_risk_that_was_seen_holds() {
    let mut board = MemoryLedger::new(1);
    let seen = |board: &mut MemoryLedger, hours| recall(board, at(hours), "payments", "echo", None);
    for (hours, mark) in [
        (0, Mark::raised("echo", Risk::High)),
        (1, Mark::raised("echo", Risk::Medium)),
        (1, Mark::believed("echo", Risk::Medium)),
        (2, Mark::believed("echo", Risk::Low)),
        (2, Mark::raised("other", Risk::High)),
        (2, Mark::changed("echo", &PIN)),
    ] {
        assert_eq!(note(&mut board, at(hours), "payments", vec![mark]), Ok(()));
    }
    let learned = |raised, believed| Ok(Learned { changed: false, raised, believed });
    assert_eq!(seen(&mut board, 2), learned(Some(Risk::High), Some(Risk::Medium)));
    assert_eq!(seen(&mut board, 24), learned(Some(Risk::Medium), Some(Risk::Medium)));
    assert_eq!(seen(&mut board, 25), learned(None, Some(Risk::Low)));
    assert_eq!(seen(&mut board, 26), learned(None, None));
}

#[test]
fn nothing_learned_lowers_a_risk_but_of_what_a_trusted_server_has_undeclared() {
    for annotations in Annotations::ALL {
        for declared in [true, false] {
            for rated in Risk::ALL {
                for said in Risk::ALL {
                    let learned = Learned { changed: false, raised: Some(said), believed: Some(said) };
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
fn facts_have_codes_of_their_own() {
    let facts: Vec<Fact> = (0..=u8::MAX).filter_map(Fact::of).collect();
    assert_eq!(facts.len(), 9);
    assert!(facts.iter().all(|fact| Fact::of(fact.code()) == Some(*fact)));
}
