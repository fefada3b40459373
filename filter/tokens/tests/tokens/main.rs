//! The crate as a gateway uses it, against keys made at the start of the tests.

#![expect(clippy::indexing_slicing, reason = "a test that indexes wrongly fails, as it should")]

mod accepted;
mod dpop;
mod fuzz;
mod hostile;
mod issuer;
mod key_sets;
mod oracle;
mod properties;
mod rules;
mod spoil;
mod standards;
