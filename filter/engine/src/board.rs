//! What the workers of one gateway process tell each other: small documents by name, each replaced as a whole.
//!
//! Never decides. A gateway may have no memory that its workers share: whoever reads then goes on without, or denies.

use crate::ledger::LedgerError;

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

/// The board. Documents last as long as the process and are bounded by whoever posts them.
pub trait Board {
    /// The document called `name`, if there is one.
    fn read(&mut self, name: &str) -> Result<Option<Posted>, LedgerError>;

    /// Replaces the document if it is still of `version`; none: if there is none.
    fn post(&mut self, name: &str, document: &[u8], version: Option<u32>) -> Result<Posting, LedgerError>;
}
