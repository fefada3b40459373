//! Who is there and what they may do: workloads, tasks with their grants, claims, and what is unhealthy about them.
//!
//! [`workload`] is the register, [`task`] what a credential was issued for and what its grants cover, [`claims`] what else it says of its bearer,
//! [`hygiene`] and [`risk`] what is wrong with either. It never sees a signature: what is given here was verified.
#![forbid(unsafe_code)]

#[cfg(all(feature = "test-support", target_family = "wasm"))]
compile_error!("the feature `test-support` is for tests: build what ships without it");

pub mod claims;
pub mod hygiene;
pub mod risk;
pub mod task;
#[cfg(any(test, feature = "test-support"))]
pub mod test_support;
pub mod workload;
