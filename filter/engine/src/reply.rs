//! An answer to the client instead of forwarding.

use crate::record::Line;

/// Everything the shell does to answer a request itself.
#[derive(Debug)]
pub struct Reply {
    /// Written before the answer is sent.
    pub line: Line,
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(&'static str, String)>,
    pub body: Vec<u8>,
}
