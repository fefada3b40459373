//! What is protected, how it is spoken to, and what is said: MCP, A2A, HTTP and gRPC, read strictly.
//!
//! [`catalogue`] says what there is, [`route`] which of it a request is for, [`action`] what it is about to do there, [`response`] what of the
//! answer passes, [`denial`] in whose words it is denied, and [`learned`] what lists have shown of tools. Outside of this room a
//! protocol has a name where somebody writes one: in a configuration, a scope, a case. It decides nothing about who may do any of it.
#![forbid(unsafe_code)]

#[cfg(all(feature = "test-support", target_family = "wasm"))]
compile_error!("the feature `test-support` is for tests: build what ships without it");

pub mod action;
pub mod bounds;
pub mod catalogue;
pub mod denial;
pub mod learned;
pub mod response;
pub mod route;
pub mod shape;
#[cfg(test)]
#[path = "../../../tokens/tests/tokens/spoil.rs"]
mod spoil;
