//! The proxy-wasm filter: carries what happens on a stream into the engine and what the engine wants out of it.
//!
//! Nothing is decided here. Whatever the shell cannot do (no configuration, a full table, a gateway that
//! withholds bodies) ends in an answer of its own, never in forwarding: a request goes upstream only for a
//! [`Forward`](countersign_engine::forward::Forward), which only the engine can make.
//!
//! * `plugin`: the root context: configuration and ticks.
//! * `stream`: the HTTP context: callbacks into the engine's loop, Pause, Continue and resume out of it.
//! * `gateway`: what that loop needs of the gateway, for one stream.
//! * `worker`: what the contexts of one worker share: the held streams, the calls, the background.
//! * `calls`: which call a token belongs to.
//! * `worker/succession`: whose configuration decides, where the gateway has several of one plugin.
//! * `stats`: counters, the gauge and the histogram.
//! * `configuration`: the forms in which a gateway hands over the configuration.
//! * `host`: every hostcall.

mod calls;
mod configuration;
mod gateway;
mod host;
mod plugin;
mod stats;
mod stream;
mod worker;

mod entry {
    proxy_wasm::main! {{ crate::plugin::start(); }}
}
