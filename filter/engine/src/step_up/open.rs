//! Which approvals are open: what was asked and is not answered, in this gateway process.
//!
//! People are few. So an open question counts against its task, its workload and the process until it is answered or lapses,
//! whatever becomes of the request that asked it: who leaves has asked all the same. What an approver called pending counts for
//! a while, and once, however often the call is tried again.
//!
//! One document on the [`Board`]. Decides nothing else, and forgets nothing in silence.

use std::fmt;
use std::time::Duration;

use countersign_facts::board::{self, Board, Change, LedgerError};
use countersign_facts::digest;
use countersign_facts::reason::Reason;
use countersign_tokens::UnixTime;

use crate::shares::Room;

/// How long something that is pending counts after it was asked last.
const PENDING: Duration = Duration::from_mins(10);

/// Entries of the document, whatever is configured: with [`ENTRY_BYTES`] this bounds it to 132 KiB.
const MOST: usize = 4096;

const DOCUMENT: &str = "open-approvals";
/// First bytes of the document: anything else was not written by this version.
const MAGIC: [u8; 4] = *b"coa1";
const TAG_BYTES: usize = 8;
/// Workload, task, call, end, whether it is pending.
const ENTRY_BYTES: usize = 3 * TAG_BYTES + 8 + 1;

/// How many approvals may be open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OpenBounds {
    /// In one gateway process.
    pub process: usize,
    /// Of one workload.
    pub workload: usize,
    /// Of one task of it.
    pub task: usize,
}

/// What a question is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Subject {
    workload: [u8; TAG_BYTES],
    task: [u8; TAG_BYTES],
    call: [u8; TAG_BYTES],
}

/// What became of a question.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// It was answered, or could not be asked.
    Closed,
    /// Nobody has decided yet.
    Pending,
}

/// Too many are open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Full {
    Process,
    /// The process, but for what a workload with fewer may still open.
    ProcessNearly,
    Workload,
    Task,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    subject: Subject,
    until: UnixTime,
    pending: bool,
}

impl Subject {
    /// The call with this digest, of the workload with this one, for `task`.
    pub(crate) fn new(workload: &[u8; 32], task: &str, call: &[u8; 32]) -> Self {
        Self { workload: tag(workload), task: tag(&digest::of_texts(&[task])), call: tag(call) }
    }
}

impl Full {
    pub(crate) fn reason(self) -> Reason {
        match self {
            Self::Process | Self::ProcessNearly => Reason::Overloaded,
            Self::Workload | Self::Task => Reason::ShareUsedUp,
        }
    }
}

impl fmt::Display for Full {
    /// For the record: the limit to look at.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Process => "limits.open_approvals.process is reached",
            Self::ProcessNearly => "limits.open_approvals.process is reached but for callers that hold less",
            Self::Workload => "limits.open_approvals.workload is reached",
            Self::Task => "limits.open_approvals.task is reached",
        })
    }
}

/// Opens a question about `subject`, which lapses at `until`; or what is full, and then it is not to be asked.
pub(crate) fn open(
    board: &mut dyn Board,
    now: UnixTime,
    subject: Subject,
    until: UnixTime,
    bounds: &OpenBounds,
) -> Result<Result<(), Full>, LedgerError> {
    change(board, now, |entries| {
        if let Some(same) = entries.iter_mut().find(|entry| entry.pending && entry.subject == subject) {
            *same = Entry { subject, until, pending: false };
            return Ok(());
        }
        let of_workload = entries.iter().filter(|entry| entry.subject.workload == subject.workload);
        let of_task = of_workload.clone().filter(|entry| entry.subject.task == subject.task);
        let (of_workload, of_task) = (of_workload.count(), of_task.count());
        let room = Room::of(entries.len(), 1, bounds.process.min(MOST), of_workload);
        room.or(Full::ProcessNearly, Full::Process)?;
        if of_workload >= bounds.workload {
            return Err(Full::Workload);
        }
        if of_task >= bounds.task {
            return Err(Full::Task);
        }
        entries.push(Entry { subject, until, pending: false });
        Ok(())
    })
}

/// Takes note that a question about `subject` is not under way any more.
pub(crate) fn settle(
    board: &mut dyn Board,
    now: UnixTime,
    subject: Subject,
    outcome: Outcome,
) -> Result<(), LedgerError> {
    let settled = change(board, now, |entries| -> Result<(), Full> {
        let under_way = entries.iter().position(|entry| !entry.pending && entry.subject == subject);
        match (under_way, outcome) {
            (Some(index), Outcome::Closed) => drop(entries.swap_remove(index)),
            (Some(index), Outcome::Pending) => {
                let known = entries.iter().any(|entry| entry.pending && entry.subject == subject);
                if known {
                    entries.swap_remove(index);
                } else if let Some(entry) = entries.get_mut(index) {
                    *entry = Entry { subject, until: now.plus(PENDING), pending: true };
                }
            }
            // It lapsed meanwhile.
            (None, _) => {}
        }
        Ok(())
    });
    settled.map(|_| ())
}

/// Changes the document as `edit` says, unless it refuses; what lapsed is gone before.
fn change<E>(
    board: &mut dyn Board,
    now: UnixTime,
    edit: impl Fn(&mut Vec<Entry>) -> Result<(), E>,
) -> Result<Result<(), E>, LedgerError> {
    let changed = board::update(board, DOCUMENT, |posted| {
        let mut entries = posted.map_or(Ok(Vec::new()), decode).map_err(Err)?;
        entries.retain(|entry| entry.until > now);
        edit(&mut entries).map_err(Ok)?;
        Ok(((), Change::Post(encode(&entries))))
    });
    match changed? {
        Ok(()) => Ok(Ok(())),
        Err(Ok(refused)) => Ok(Err(refused)),
        Err(Err(unreadable)) => Err(unreadable),
    }
}

fn tag(digest: &[u8; 32]) -> [u8; TAG_BYTES] {
    let mut tag = [0; TAG_BYTES];
    tag.iter_mut().zip(digest).for_each(|(stored, byte)| *stored = *byte);
    tag
}

fn encode(entries: &[Entry]) -> Vec<u8> {
    let mut document = Vec::with_capacity(MAGIC.len().saturating_add(entries.len().saturating_mul(ENTRY_BYTES)));
    document.extend_from_slice(&MAGIC);
    for Entry { subject: Subject { workload, task, call }, until, pending } in entries {
        document.extend([workload, task, call].into_iter().flatten());
        document.extend_from_slice(&until.millis().to_le_bytes());
        document.push(u8::from(*pending));
    }
    document
}

/// What [`encode`] wrote; an error for anything that it cannot have written.
fn decode(document: &[u8]) -> Result<Vec<Entry>, LedgerError> {
    let (entries, rest) = document.strip_prefix(&MAGIC).ok_or(LedgerError::Unavailable)?.as_chunks::<ENTRY_BYTES>();
    let entries = entries.iter().map(decode_entry).collect::<Option<Vec<_>>>();
    entries.filter(|entries| rest.is_empty() && entries.len() <= MOST).ok_or(LedgerError::Unavailable)
}

fn decode_entry(bytes: &[u8; ENTRY_BYTES]) -> Option<Entry> {
    let (workload, rest) = bytes.split_first_chunk()?;
    let (task, rest) = rest.split_first_chunk()?;
    let (call, rest) = rest.split_first_chunk()?;
    let (until, rest) = rest.split_first_chunk()?;
    let subject = Subject { workload: *workload, task: *task, call: *call };
    let until = UnixTime::from_millis(u64::from_le_bytes(*until));
    match rest {
        [0] => Some(Entry { subject, until, pending: false }),
        [1] => Some(Entry { subject, until, pending: true }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_facts::board::{Posted, Posting};
    use countersign_facts::ledger::MemoryLedger;

    const BOUNDS: OpenBounds = OpenBounds { process: 7, workload: 4, task: 2 };

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(1_800_000_000 + secs)
    }

    fn subject(workload: u8, task: &str, call: u8) -> Subject {
        Subject::new(&[workload; 32], task, &[call; 32])
    }

    fn ask(board: &mut MemoryLedger, secs: u64, subject: Subject) -> Result<(), Full> {
        open(board, at(secs), subject, at(secs + 10), &BOUNDS).unwrap_or(Err(Full::Process))
    }

    #[test]
    fn a_task_a_workload_and_the_process_have_a_bound() {
        let mut board = MemoryLedger::new(1);
        for (workload, task, expected) in [
            (1, "a", Ok(())),
            (1, "a", Ok(())),
            (1, "a", Err(Full::Task)),
            (1, "b", Ok(())),
            (1, "b", Ok(())),
            (1, "c", Err(Full::Workload)),
            // A task belongs to its workload, whatever it is called.
            (2, "a", Ok(())),
            (2, "a", Ok(())),
            // The last one is for who has none.
            (2, "b", Err(Full::ProcessNearly)),
            (3, "a", Ok(())),
            (4, "a", Err(Full::Process)),
        ] {
            assert_eq!(ask(&mut board, 0, subject(workload, task, 1)), expected, "{workload} {task}");
        }
        // All of them lapsed.
        assert_eq!(ask(&mut board, 10, subject(4, "a", 1)), Ok(()));
    }

    #[test]
    fn what_is_answered_makes_room() {
        let mut board = MemoryLedger::new(1);
        assert_eq!(ask(&mut board, 0, subject(1, "a", 1)), Ok(()));
        assert_eq!(ask(&mut board, 0, subject(1, "a", 2)), Ok(()));
        assert_eq!(settle(&mut board, at(1), subject(1, "a", 1), Outcome::Closed), Ok(()));
        assert_eq!(ask(&mut board, 1, subject(1, "a", 3)), Ok(()));
        assert_eq!(ask(&mut board, 1, subject(1, "a", 4)), Err(Full::Task));
        // What is not open cannot be closed.
        assert_eq!(settle(&mut board, at(1), subject(1, "a", 9), Outcome::Closed), Ok(()));
        assert_eq!(ask(&mut board, 1, subject(1, "a", 4)), Err(Full::Task));
    }

    #[test]
    fn what_is_pending_counts_once_and_for_a_while() {
        let mut board = MemoryLedger::new(1);
        for secs in [0, 60, 120] {
            assert_eq!(ask(&mut board, secs, subject(1, "a", 1)), Ok(()), "after {secs} s");
            assert_eq!(settle(&mut board, at(secs + 1), subject(1, "a", 1), Outcome::Pending), Ok(()));
        }
        assert_eq!(ask(&mut board, 130, subject(1, "a", 2)), Ok(()));
        assert_eq!(ask(&mut board, 130, subject(1, "a", 3)), Err(Full::Task));
        assert_eq!(settle(&mut board, at(131), subject(1, "a", 2), Outcome::Pending), Ok(()));
        assert_eq!(ask(&mut board, 132, subject(1, "a", 3)), Err(Full::Task));
        // Ten minutes after the first was asked last.
        assert_eq!(ask(&mut board, 722, subject(1, "a", 3)), Ok(()));
    }

    #[test]
    fn the_same_call_many_times_at_once_is_as_many_questions() {
        let mut board = MemoryLedger::new(1);
        assert_eq!(ask(&mut board, 0, subject(1, "a", 1)), Ok(()));
        assert_eq!(ask(&mut board, 0, subject(1, "a", 1)), Ok(()));
        assert_eq!(ask(&mut board, 0, subject(1, "a", 1)), Err(Full::Task));
        // Two that are both pending are one.
        for _ in 0..2 {
            assert_eq!(settle(&mut board, at(1), subject(1, "a", 1), Outcome::Pending), Ok(()));
        }
        assert_eq!(ask(&mut board, 1, subject(1, "a", 2)), Ok(()));
    }

    #[test]
    fn a_document_of_another_version_is_an_error() {
        for document in [b"coa2".to_vec(), b"coa1x".to_vec(), [b"coa1".as_slice(), &[2; ENTRY_BYTES]].concat()] {
            let mut board = MemoryLedger::new(1);
            assert_eq!(board.post(DOCUMENT, &document, None), Ok(Posting::Done));
            let opened = open(&mut board, at(0), subject(1, "a", 1), at(1), &BOUNDS);
            assert_eq!(opened, Err(LedgerError::Unavailable), "{document:?}");
        }
    }

    /// A board on which somebody else is always quicker.
    struct Contended;

    impl Board for Contended {
        fn read(&mut self, _name: &str) -> Result<Option<Posted>, LedgerError> {
            Ok(None)
        }

        fn post(&mut self, _name: &str, _document: &[u8], _version: Option<u32>) -> Result<Posting, LedgerError> {
            Ok(Posting::Changed)
        }
    }

    #[test]
    fn without_the_board_nobody_is_asked() {
        let opened = open(&mut Contended, at(0), subject(1, "a", 1), at(1), &BOUNDS);
        assert_eq!(opened, Err(LedgerError::Unavailable));
    }
}
