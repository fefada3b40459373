//! A gateway that does what a test says: the built module on `wasmtime`, proxy-wasm ABI 0.2.1.
//!
//! It stands where Envoy would, for what Envoy does not do on demand: refused dispatches, resets, late answers,
//! withheld bodies, failing hostcalls, any chunking, any time. It follows Envoy where that matters (ARCHITECTURE H1 to
//! H9): bodies accumulate while a stream is held, replies and resumes take effect after the callback, shared data
//! compares numbers. What no gateway forgives ends in [`HostError::Violation`]: a second answer, a second resume, a
//! header edited after its request has gone, a map or range of a buffer that is not there.
//!
//! It decides nothing and expects nothing; tests do, from what it observed.

mod crypto;
mod data;
mod flow;
mod gateway;
mod memory;
mod observe;
mod script;
mod shared;
mod state;
mod wasi;

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::gateway::REGO_MODULE;

pub use gateway::ScriptedHost;
pub use shared::SharedData;
pub use state::{Answer, Delivered, Event, Forwarded, HttpCall, LocalReply, Options, Pairs, Status, StreamHandle};

/// Why the host stopped. After any of these but [`HostError::NoSuchCall`] the module must not be used any more.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum HostError {
    /// The module cannot be loaded.
    #[error("the module cannot be loaded: {0}")]
    Load(String),
    /// `on_configure` answered `false`; with the log so far.
    #[error("the module refused its configuration: {0:?}")]
    ConfigurationRefused(Vec<String>),
    /// The module did what no gateway forgives.
    #[error("the module broke the protocol: {0}")]
    Violation(String),
    /// The module trapped: in a gateway every stream of the worker would now fail.
    #[error("the module trapped: {0}")]
    Trapped(String),
    /// No call with this token is waiting for an answer; the module was told nothing.
    #[error("no call with token {0} is waiting for an answer")]
    NoSuchCall(u32),
}

/// A compiled module.
#[derive(Clone)]
pub struct Module {
    pub(crate) engine: wasmtime::Engine,
    pub(crate) module: wasmtime::Module,
}

impl Module {
    /// Compiles a module, binary or text.
    pub fn new(bytes: &[u8]) -> Result<Self, HostError> {
        let engine = wasmtime::Engine::default();
        let module = wasmtime::Module::new(&engine, bytes).map_err(|error| HostError::Load(format!("{error:#}")))?;
        Ok(Self { engine, module })
    }

    /// The filter as `scripts/build` left it (or [`module_path()`] says), compiled once per process.
    pub fn built() -> Result<&'static Self, HostError> {
        static BUILT: OnceLock<Result<Module, HostError>> = OnceLock::new();
        BUILT.get_or_init(|| Self::read(&module_path())).as_ref().map_err(Clone::clone)
    }

    /// The one with Rego, which is beside it.
    pub fn with_rego() -> Result<&'static Self, HostError> {
        static BUILT: OnceLock<Result<Module, HostError>> = OnceLock::new();
        let path = || module_path().with_file_name(REGO_MODULE);
        BUILT.get_or_init(|| Self::read(&path())).as_ref().map_err(Clone::clone)
    }

    /// What the module needs from a gateway: module and name of each import.
    pub fn imports(&self) -> Vec<(String, String)> {
        self.module.imports().map(|import| (import.module().to_owned(), import.name().to_owned())).collect()
    }

    fn read(path: &Path) -> Result<Self, HostError> {
        let bytes = std::fs::read(path).map_err(|error| {
            HostError::Load(format!("{}: {error}; run `scripts/build` and `scripts/build --rego`", path.display()))
        })?;
        Self::new(&bytes)
    }
}

/// Where the built filter is: `COUNTERSIGN_WASM`, or where `scripts/build` puts it.
#[expect(clippy::disallowed_methods, reason = "tests are told by their environment which module to test")]
pub fn module_path() -> PathBuf {
    std::env::var_os("COUNTERSIGN_WASM").map_or_else(
        || Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("target").join("countersign.wasm"),
        PathBuf::from,
    )
}
