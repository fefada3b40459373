//! The words that every room shares, and the ports to what is shared between workers. It decides nothing.
//!
//! Reasons and what each of them says, ids, headers, calls to others, digests, time as text, shared data ([`board`]) and what is counted
//! there ([`ledger`]).
#![forbid(unsafe_code)]

#[cfg(all(feature = "test-support", target_family = "wasm"))]
compile_error!("the feature `test-support` is for tests: build what ships without it");

pub mod board;
pub mod calls;
pub mod check;
pub mod clock;
pub mod digest;
pub mod escapes;
pub mod fifo;
pub mod fold;
pub mod headers;
pub mod ids;
pub mod ledger;
pub mod mistakes;
pub mod pointer;
pub mod progress;
pub mod reason;
pub mod rollout;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
pub mod weight;
