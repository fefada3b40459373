//! Credential → who is calling, verified now.
//!
//! [`credential`] finds exactly one and verifies it with what [`keys`] hold or by [`introspection`], in the hands of whoever it is bound to
//! ([`possession`]). It never sees an action or a policy, and token text leaves it for a verifier only.
#![forbid(unsafe_code)]

#[cfg(all(feature = "test-support", target_family = "wasm"))]
compile_error!("the feature `test-support` is for tests: build what ships without it");

pub mod carrier;
pub mod credential;
pub mod introspection;
pub mod keys;
pub mod possession;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
