//! What a test tells the host to get wrong, and what it can see afterwards.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ScriptedHost;
use super::state::{Delivered, Event, Forwarded, HttpCall, LocalReply, Status, StreamHandle, StreamState};

impl ScriptedHost {
    /// From now on the hostcall `function` (`proxy_define_metric`, …) answers `status` and does nothing.
    pub fn fail(&mut self, function: &str, status: Status) {
        self.state().failing.insert(function.to_owned(), status);
    }

    /// From now on `function` works again.
    pub fn heal(&mut self, function: &str) {
        self.state().failing.remove(function);
    }

    /// Whether every call is refused at dispatch.
    pub fn refuse_calls(&mut self, refuse: bool) {
        self.state().refuses_calls = refuse;
    }

    /// The gateway does not know this cluster.
    pub fn refuse_cluster(&mut self, cluster: &str) {
        self.state().refused_clusters.insert(cluster.to_owned());
    }

    /// The other end of the following requests' connections shows this certificate.
    pub fn present_certificate(&mut self, certificate: Option<(String, Option<String>)>) {
        self.state().options.certificate = certificate;
    }

    /// Body bytes are not handed over from now on, or are again.
    pub fn withhold_bodies(&mut self, withhold: bool) {
        self.state().options.withholds_bodies = withhold;
    }

    /// Time passes without a tick.
    pub fn advance(&mut self, passed: Duration) {
        let state = self.state();
        state.now = state.now.saturating_add(passed);
    }

    /// The clock is set back.
    pub fn set_back(&mut self, by: Duration) {
        let state = self.state();
        state.now = state.now.saturating_sub(by);
    }

    /// So much passes from now on whenever somebody looks at the clock: everything takes its time.
    pub fn slow_down(&mut self, passing: Duration) {
        self.state().passing = passing;
    }

    /// The calls that wait for an answer, oldest first.
    pub fn pending_calls(&self) -> Vec<HttpCall> {
        self.store.data().calls.values().cloned().collect()
    }

    /// What went upstream, as far as it has.
    pub fn forwarded(&self, stream: StreamHandle) -> Option<&Forwarded> {
        self.stream(stream)?.forwarded.as_ref()
    }

    /// What the client got of the upstream's response.
    pub fn delivered(&self, stream: StreamHandle) -> Option<&Delivered> {
        self.stream(stream).map(|state| &state.delivered)
    }

    /// How the module answered.
    pub fn reply(&self, stream: StreamHandle) -> Option<&LocalReply> {
        self.stream(stream)?.reply.as_ref()
    }

    /// Whether the module reset the stream.
    pub fn was_reset(&self, stream: StreamHandle) -> bool {
        self.stream(stream).is_some_and(|state| state.was_reset)
    }

    /// What access logs can read, as text.
    pub fn filter_state(&self, stream: StreamHandle) -> BTreeMap<String, String> {
        let fields = self.stream(stream).into_iter().flat_map(|state| &state.filter_state);
        fields.map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned())).collect()
    }

    /// The lines logged so far.
    pub fn logs(&self) -> Vec<String> {
        let line = |event: &Event| match event {
            Event::Log(_, line) => Some(line.clone()),
            Event::Forward(_) | Event::Reply(_) | Event::Reset(_) => None,
        };
        self.events().iter().filter_map(line).collect()
    }

    /// What happened so far, in order.
    pub fn events(&self) -> &[Event] {
        &self.store.data().events
    }

    /// How many hostcalls the module made so far, those of WASI for time and randomness among them.
    pub fn hostcalls(&self) -> u64 {
        self.store.data().hostcalls
    }

    /// Counters and gauges by name.
    pub fn counters(&self) -> BTreeMap<String, i64> {
        let metrics = self.store.data().metrics.iter().filter(|metric| metric.samples.is_empty());
        metrics.map(|metric| (metric.name.clone(), metric.value)).collect()
    }

    /// The values recorded in a histogram.
    pub fn samples(&self, name: &str) -> &[u64] {
        let metric = self.store.data().metrics.iter().find(|metric| metric.name == name);
        metric.map_or(&[], |metric| &metric.samples)
    }

    /// How often the module wants to tick.
    pub fn tick_period(&self) -> Option<Duration> {
        self.store.data().tick_period
    }

    fn stream(&self, stream: StreamHandle) -> Option<&StreamState> {
        let state = self.store.data();
        state.streams.get(&stream.0).or_else(|| state.past.get(&stream.0))
    }
}
