//! Countersign in real gateways: what surrounds the filter, and the filter as people deploy it.
//!
//! [`gateway`] derives a complete Envoy bootstrap from a plugin configuration; [`envoy`] runs one; [`fakes`] are the
//! servers around it. [`scenario`] reads what must go in and come out, [`drivers`] run it in several hosts, of which
//! [`scripted`] fails on demand; [`packs`] makes scenarios of the shipped policies. Nothing here decides anything about a request: that is what is being tested.

pub mod cerbos;
#[cfg(feature = "scenarios")]
pub mod drivers;
pub mod envoy;
#[cfg(feature = "fakes")]
pub mod fakes;
pub mod gateway;
#[cfg(feature = "scenarios")]
pub mod packs;
pub mod part;
#[cfg(feature = "scenarios")]
pub mod platform;
#[cfg(feature = "scenarios")]
pub mod scenario;
#[cfg(feature = "scenarios")]
pub mod scripted;
pub mod wrk;
