//! Drivers run scenarios: each puts a configuration into force and carries requests through one kind of host.
//!
//! A driver reports what could be observed from outside ([`Observed`]); whether that is right is decided in one place
//! for all of them, [`crate::scenario::expect`].

pub mod envoy;
pub mod native;
mod story;
pub mod wasm;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;

use crate::scenario::approver::{self, Asked, Reaction};
use crate::scenario::format::{Deviation, DriverKind, Fault, KeyServer};
use crate::scenario::request::Request;
use crate::scenario::upstream::Response;
use crate::scenario::{decision_point, introspector};

pub use story::{Report, run, run_all};

/// What the gateways of a fleet seal sessions with, as `SESSIONS_SECRET`.
const SESSIONS_SECRET: &str = "c2Vzc2lvbnMgb2YgYSBmbGVldCwgc2VhbGVkIGFsaWtl";

/// What the configurations of scenarios name, and what it is.
pub const SECRETS: [(&str, &str); 4] = [
    ("APPROVALS_SECRET", approver::SECRET),
    ("INTROSPECTION_SECRET", introspector::SECRET),
    ("PDP_TOKEN", decision_point::TOKEN),
    ("SESSIONS_SECRET", SESSIONS_SECRET),
];

/// A kind of host.
pub trait Driver {
    /// Which scenarios it can run.
    fn kind(&self) -> DriverKind;

    /// Puts a configuration into force, in a gateway whose keys have been fetched once if they can be had.
    fn deploy(&mut self, deployment: &Deployment<'_>) -> anyhow::Result<Deployed>;

    /// Seconds since the epoch, as the filter sees them.
    fn now_secs(&self) -> u64;

    /// Lets so much time pass.
    fn advance(&mut self, by: Duration) -> anyhow::Result<()>;

    /// Sets the clock back by so much.
    fn set_back(&mut self, by: Duration) -> anyhow::Result<()>;

    /// The key server behaves like this from now on.
    fn serve_keys(&mut self, keys: &KeyServer) -> anyhow::Result<()>;

    /// Carries one request through, until nothing more happens.
    fn exchange(&mut self, exchange: &Exchange<'_>) -> anyhow::Result<Observed>;
}

/// What is put into force.
#[derive(Clone, Debug)]
pub struct Deployment<'a> {
    /// The plugin configuration as it is handed over.
    pub configuration: &'a str,
    pub keys: &'a KeyServer,
    pub gateway: &'a [Deviation],
    /// Nothing of an earlier scenario may be remembered, nor anything of this one afterwards.
    pub isolated: bool,
}

/// Whether it is in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deployed {
    Running,
    /// With what was logged.
    Refused(Vec<String>),
}

/// How the approver reacts at a time (seconds since the epoch).
pub type Approve = Arc<dyn Fn(&Asked, u64) -> Reaction + Send + Sync>;

/// One request and how everybody around behaves meanwhile.
#[derive(Clone)]
pub struct Exchange<'a> {
    pub request: &'a Request,
    pub approve: Approve,
    /// What the upstream answers; none: it resets.
    pub upstream: Option<&'a Response>,
    pub faults: &'a [Fault],
    /// How the key server behaves once the approver is asked.
    pub meanwhile: Option<&'a KeyServer>,
}

/// What could be seen from outside.
#[derive(Clone, Debug, Default)]
pub struct Observed {
    /// What the client got; none when it got nothing.
    pub answer: Option<Answer>,
    /// The requests that arrived upstream.
    pub upstream: Vec<Received>,
    /// Connections and bytes that arrived upstream, requests or not.
    pub upstream_touched: bool,
    /// The records written, in order.
    pub records: Vec<Value>,
    /// What the key server and the approver were asked.
    pub asked: Vec<Asked>,
    /// Everything else that was logged.
    pub log: Vec<String>,
}

/// What a client got.
#[derive(Clone, Debug, Default)]
pub struct Answer {
    pub status: u16,
    /// Lower-case names.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// Its end never came.
    pub cut: bool,
}

/// What an upstream got.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub method: String,
    /// Path and query.
    pub path: String,
    pub host: String,
    /// Without pseudo-headers.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    pub trailers: Vec<(String, Vec<u8>)>,
}
