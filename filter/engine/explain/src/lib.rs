//! What the filter would make of a configuration, a policy or a request, without a gateway: for the command line, and for whatever else asks.
//!
//! [`validate`] says what is wrong with a configuration, [`explanation`] what becomes of one request, [`cases`] whether a policy decides as it is
//! meant to, [`replay`] which recorded decisions would be others. Nothing is decided here: every answer is the engine's, asked as the filter asks
//! it. It reads no file, no clock and no secret, and prints nothing.
#![forbid(unsafe_code)]

pub mod cases;
pub mod document;
pub mod explanation;
pub mod replay;
pub mod validate;
