//! What the workers of one gateway process tell each other: small documents by name, each replaced as a whole.
//!
//! Never decides. A gateway may have no memory that its workers share: whoever reads then goes on without, or denies.

/// A document and which version of it this is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Posted {
    pub document: Vec<u8>,
    pub version: u32,
}

/// Whether a document was replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posting {
    Done,
    /// Somebody else replaced it since it was read.
    Changed,
}

/// What becomes of a document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It stays as it is.
    Keep,
    /// It is replaced by this one.
    Post(Vec<u8>),
}

/// How often another worker may be quicker before an [`update`] gives up.
pub const ATTEMPTS: usize = 8;

/// The board. Documents last as long as the process and are bounded by whoever posts them.
pub trait Board {
    /// The document called `name`, if there is one.
    fn read(&mut self, name: &str) -> Result<Option<Posted>, LedgerError>;

    /// Replaces the document if it is still of `version`; none: if there is none.
    fn post(&mut self, name: &str, document: &[u8], version: Option<u32>) -> Result<Posting, LedgerError>;
}

/// The ledger cannot say; the request is denied.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LedgerError {
    /// The workload holds so much that what is left is for others.
    #[error("the workload's share of the ledger is full")]
    Full,
    /// The store behind the ledger failed, is full of what others hold, or kept changing under concurrent writers; or the clock was
    /// set back, and what was forgotten until then may have been this.
    #[error("the ledger's store did not answer")]
    Unavailable,
}

/// Makes of the document called `name`, if there is one, what `change` says, which is asked again where another worker was quicker;
/// what it said beside that.
///
/// # Errors
/// Outside: the board cannot be read or written, or others were quicker [`ATTEMPTS`] times. Inside: `change` refused.
pub fn update<T, E>(
    board: &mut dyn Board,
    name: &str,
    mut change: impl FnMut(Option<&[u8]>) -> Result<(T, Change), E>,
) -> Result<Result<T, E>, LedgerError> {
    for _ in 0..ATTEMPTS {
        let posted = board.read(name)?;
        let (said, change) = match change(posted.as_ref().map(|posted| posted.document.as_slice())) {
            Ok(changed) => changed,
            Err(refused) => return Ok(Err(refused)),
        };
        let Change::Post(document) = change else { return Ok(Ok(said)) };
        match board.post(name, &document, posted.map(|posted| posted.version))? {
            Posting::Done => return Ok(Ok(said)),
            Posting::Changed => {}
        }
    }
    Err(LedgerError::Unavailable)
}
