//! The host itself: contexts, callbacks, and what becomes of a stream after each.

use std::time::Duration;

use wasmtime::{Instance, Linker, Store, WasmParams, WasmResults};

use super::state::{Answer, Deferred, Event, Forwarded, Pairs, Place, Shown, State, StreamHandle, StreamState};
use super::{HostError, Module, Options, crypto, data, flow, observe, wasi};

/// The first context of the plugin.
const ROOT: u32 = 1;

const CONTINUE: i32 = 0;

/// What may be asked for in one callback. Envoy does it afterwards, each thing inside the one before it, until its stack is used
/// up: with some 300 it was (measured in 1.40.0).
const AT_ONCE: usize = 32;

/// One worker of a gateway with the filter in it.
pub struct ScriptedHost {
    pub(super) store: Store<State>,
    instance: Instance,
    next_context: u32,
    /// Why it cannot be used any more.
    broken: Option<HostError>,
}

impl ScriptedHost {
    /// Starts the module with this plugin configuration and these environment variables.
    pub fn new(
        module: &Module,
        configuration: &[u8],
        environment: &[(&str, &str)],
        options: Options,
    ) -> Result<Self, HostError> {
        let mut store = Store::new(&module.engine, State::new(configuration, environment, options));
        let load = |error: wasmtime::Error| HostError::Load(format!("{error:#}"));
        let instance = link(module).and_then(|linker| linker.instantiate(&mut store, &module.module)).map_err(load)?;
        let mut host = Self { store, instance, next_context: ROOT, broken: None };
        host.call::<_, ()>(0, "_initialize", ())?;
        host.root(true)?;
        Ok(host)
    }

    /// A newer configuration of the plugin: it gets a context of its own, and every new stream. The older ones stay, as
    /// while a gateway drains.
    pub fn reconfigure(&mut self, configuration: &[u8]) -> Result<(), HostError> {
        self.state().configuration = configuration.to_vec();
        self.root(false)
    }

    /// The newest context is gone: the gateway did not take what came with it.
    pub fn take_back(&mut self) -> Result<(), HostError> {
        let Some(root) = self.state().roots.pop() else { return Ok(()) };
        self.call::<_, i32>(root, "proxy_on_done", root)?;
        self.call::<_, ()>(root, "proxy_on_delete", root)
    }

    /// A context for the configuration that is there.
    fn root(&mut self, starts: bool) -> Result<(), HostError> {
        let root = self.next_context;
        self.next_context = root.saturating_add(1);
        self.call::<_, ()>(root, "proxy_on_context_create", (root, 0_u32))?;
        if starts {
            self.call::<_, i32>(root, "proxy_on_vm_start", (root, 0_u32))?;
        }
        self.state().roots.push(root);
        let size = self.state().configuration.len();
        let size = u32::try_from(size).map_err(|error| HostError::Load(error.to_string()))?;
        if self.call::<_, i32>(root, "proxy_on_configure", (root, size))? == 0 {
            self.take_back()?;
            return Err(HostError::ConfigurationRefused(self.logs()));
        }
        Ok(())
    }

    /// A request's header section arrives. Pseudo-headers included; `end` when nothing follows.
    pub fn request(&mut self, headers: &[(&str, &[u8])], end: bool) -> Result<StreamHandle, HostError> {
        let stream = StreamHandle(self.next_context);
        self.next_context = self.next_context.saturating_add(1);
        let headers = owned(headers);
        let count = count(&headers);
        self.state().streams.insert(stream.0, StreamState::new(headers, end));
        let root = self.state().roots.last().copied().unwrap_or(ROOT);
        self.call::<_, ()>(root, "proxy_on_context_create", (stream.0, root))?;
        let action = self.call(stream.0, "proxy_on_request_headers", (stream.0, count, i32::from(end)))?;
        self.follow(stream, action)?;
        Ok(stream)
    }

    /// More of the body arrives.
    pub fn body(&mut self, stream: StreamHandle, chunk: &[u8], end: bool) -> Result<(), HostError> {
        let withholds = self.state().options.withholds_bodies;
        let Some(state) = self.state().streams.get_mut(&stream.0) else { return Ok(()) };
        state.received = state.received.saturating_add(chunk.len());
        state.request_ended = end;
        match state.place {
            Place::Ended => return Ok(()),
            Place::Held => {
                state.held.extend_from_slice(chunk);
                if withholds {
                    return Ok(());
                }
                state.visible.clone_from(&state.held);
            }
            Place::Upstream => state.visible = chunk.to_vec(),
        }
        self.deliver_body(stream, end)
    }

    /// The trailers arrive; they end the request, and `end` is never said (ARCHITECTURE H7).
    pub fn trailers(&mut self, stream: StreamHandle, trailers: &[(&str, &[u8])]) -> Result<(), HostError> {
        let trailers = owned(trailers);
        let count = count(&trailers);
        let withholds = self.state().options.withholds_bodies;
        let Some(state) = self.state().streams.get_mut(&stream.0) else { return Ok(()) };
        state.request_ended = true;
        state.trailers = Some(trailers);
        if state.place == Place::Ended || (state.place == Place::Held && withholds) {
            return Ok(());
        }
        let streamed = state.place == Place::Upstream;
        let action = self.call(stream.0, "proxy_on_request_trailers", (stream.0, count))?;
        self.follow(stream, action)?;
        let edited = self.state().streams.get(&stream.0).and_then(|state| state.trailers.clone());
        if let Some(forwarded) = self.upstream(stream).filter(|_| streamed && action == CONTINUE) {
            forwarded.trailers = edited;
            forwarded.ended = true;
        }
        Ok(())
    }

    /// The upstream's response begins. Whether the client gets it.
    pub fn response(&mut self, stream: StreamHandle, headers: &[(&str, &[u8])], end: bool) -> Result<bool, HostError> {
        let headers = owned(headers);
        let count = count(&headers);
        if let Some(state) = self.state().streams.get_mut(&stream.0) {
            state.response_headers = Some(headers);
            state.shows = Some(Shown::ResponseHead);
        }
        let action: i32 = self.call(stream.0, "proxy_on_response_headers", (stream.0, count, i32::from(end)))?;
        self.passes(stream, action, |state| {
            state.delivered.headers = state.response_headers.clone().unwrap_or_default();
            state.delivered.ended = end;
        })
    }

    /// More of the response body. Whether the client gets it.
    pub fn response_body(&mut self, stream: StreamHandle, chunk: &[u8], end: bool) -> Result<bool, HostError> {
        let size = u32::try_from(chunk.len()).map_err(|error| HostError::Violation(error.to_string()))?;
        if let Some(state) = self.state().streams.get_mut(&stream.0) {
            state.response_chunk = chunk.to_vec();
            state.shows = Some(Shown::ResponseBody);
        }
        let action: i32 = self.call(stream.0, "proxy_on_response_body", (stream.0, size, i32::from(end)))?;
        let passes = self.passes(stream, action, |state| {
            state.delivered.body.append(&mut state.response_chunk);
            state.delivered.ended = end;
        })?;
        if passes && end {
            self.check_length(stream)?;
        }
        Ok(passes)
    }

    /// What a callback of the response answered; `deliver` where the client gets it.
    fn passes(
        &mut self,
        stream: StreamHandle,
        action: i32,
        deliver: impl FnOnce(&mut StreamState),
    ) -> Result<bool, HostError> {
        let Some(state) = self.state().streams.get_mut(&stream.0) else { return Ok(false) };
        state.shows = None;
        let over = state.was_reset || state.reply.is_some();
        match (action == CONTINUE, over) {
            (true, false) => {
                deliver(state);
                Ok(true)
            }
            (true, true) => self.violate("a response goes on that was answered or reset").map(|()| false),
            (false, true) => Ok(false),
            (false, false) => self.violate("a response is held").map(|()| false),
        }
    }

    /// A length that is announced is that of what the client got (RFC 9112 §6.2).
    fn check_length(&mut self, stream: StreamHandle) -> Result<(), HostError> {
        let Some(state) = self.state().streams.get(&stream.0) else { return Ok(()) };
        let length = state.delivered.body.len().to_string();
        let announced = state.delivered.headers.iter().find(|(name, _)| name == "content-length");
        if announced.is_some_and(|(_, value)| *value != length.as_bytes()) {
            return self.violate("a response is not as long as it says");
        }
        Ok(())
    }

    /// The stream is over, whether complete or because the client left: `on_log`, `on_done`, deletion (ARCHITECTURE
    /// H16).
    pub fn close(&mut self, stream: StreamHandle) -> Result<(), HostError> {
        self.call::<_, ()>(stream.0, "proxy_on_log", stream.0)?;
        self.call::<_, i32>(stream.0, "proxy_on_done", stream.0)?;
        self.call::<_, ()>(stream.0, "proxy_on_delete", stream.0)?;
        let state = self.state();
        if let Some(over) = state.streams.remove(&stream.0) {
            state.past.insert(stream.0, over);
        }
        Ok(())
    }

    /// Time passes and the plugin ticks once, in each of its contexts.
    pub fn tick(&mut self, passed: Duration) -> Result<(), HostError> {
        self.advance(passed);
        for root in self.state().roots.clone() {
            self.call::<_, ()>(root, "proxy_on_tick", root)?;
        }
        Ok(())
    }

    /// The call with `token` ends. Like in a gateway, once.
    pub fn answer(&mut self, token: u32, answer: Answer) -> Result<(), HostError> {
        match self.state().calls.remove(&token) {
            Some(_) => self.answer_unasked(token, answer),
            None => Err(HostError::NoSuchCall(token)),
        }
    }

    /// As [`Self::answer`], whether or not there is such a call. Gateways never do this, and SDK 0.2.5 traps on it.
    pub fn answer_unasked(&mut self, token: u32, answer: Answer) -> Result<(), HostError> {
        let (headers, body) = match answer {
            Answer::Reset => (Vec::new(), Vec::new()),
            Answer::Timeout => (status(504), b"upstream request timeout".to_vec()),
            Answer::Response { status: code, headers, body } => ([status(code), headers].concat(), body),
        };
        let (count, size) = (count(&headers), u32::try_from(body.len()).unwrap_or(u32::MAX));
        self.state().answer = (count > 0).then_some((headers, body));
        let called = self.call(ROOT, "proxy_on_http_call_response", (ROOT, token, count, size, 0_u32));
        self.state().answer = None;
        called
    }

    pub(super) fn state(&mut self) -> &mut State {
        self.store.data_mut()
    }

    /// Calls the module, about `context`, and does what it asked for meanwhile.
    fn call<P: WasmParams, R: WasmResults>(&mut self, context: u32, name: &str, arguments: P) -> Result<R, HostError> {
        if let Some(broken) = &self.broken {
            return Err(broken.clone());
        }
        self.state().effective = context;
        let function = self.instance.get_typed_func::<P, R>(&mut self.store, name);
        let result = function.and_then(|function| function.call(&mut self.store, arguments)).map_err(|error| {
            let violation = self.store.data().violation.clone();
            violation.map_or_else(|| HostError::Trapped(format!("{error:#}")), HostError::Violation)
        });
        if let Err(error) = &result {
            self.broken = Some(error.clone());
        }
        let deferred = std::mem::take(&mut self.state().deferred);
        if deferred.len() > AT_ONCE {
            self.violate("more is asked for in one callback than a gateway's stack holds")?;
        }
        for deferred in deferred {
            // A trap undoes nothing, but what was to happen after the callback does not happen.
            if self.broken.is_none() {
                self.perform(deferred)?;
            }
        }
        result
    }

    fn perform(&mut self, deferred: Deferred) -> Result<(), HostError> {
        match deferred {
            Deferred::Resume(stream) => self.release(stream),
            Deferred::Reply(stream) => {
                let Some(state) = self.state().streams.get_mut(&stream.0) else { return Ok(()) };
                state.response_headers = state.reply.as_ref().map(|reply| reply.headers.clone());
                let count = state.response_headers.as_ref().map_or(0, count);
                self.call::<_, i32>(stream.0, "proxy_on_response_headers", (stream.0, count, 1_i32)).map(drop)
            }
        }
    }

    /// What a callback of the request answered.
    fn follow(&mut self, stream: StreamHandle, action: i32) -> Result<(), HostError> {
        let Some(state) = self.state().streams.get_mut(&stream.0) else { return Ok(()) };
        match (action, state.place) {
            (CONTINUE, Place::Held) => {
                state.place = Place::Upstream;
                self.release(stream)
            }
            (CONTINUE, Place::Ended) => self.violate("a stream that was answered or reset goes on"),
            (CONTINUE, Place::Upstream) | (_, Place::Held | Place::Ended) => Ok(()),
            (_, Place::Upstream) => self.violate("a request that went upstream is held again"),
        }
    }

    fn violate(&mut self, what: &str) -> Result<(), HostError> {
        let error = HostError::Violation(what.to_owned());
        self.broken = Some(error.clone());
        Err(error)
    }

    /// The held request goes upstream. What was withheld passes the module on its way.
    fn release(&mut self, stream: StreamHandle) -> Result<(), HostError> {
        let state = self.state();
        let withheld = state.options.withholds_bodies;
        state.events.push(Event::Forward(stream));
        let Some(state) = state.streams.get_mut(&stream.0) else { return Ok(()) };
        let held = std::mem::take(&mut state.held);
        let (headers, ended) = (state.headers.clone(), state.request_ended);
        let (trailers, passes) = (state.trailers.clone(), withheld && !held.is_empty());
        state.visible = if passes { held.clone() } else { Vec::new() };
        let body = if passes { Vec::new() } else { held };
        state.forwarded = Some(Forwarded { headers, body, trailers, ended });
        if passes { self.deliver_body(stream, ended) } else { Ok(()) }
    }

    /// Shows the module what is visible of the body; once the request has gone, that goes too.
    fn deliver_body(&mut self, stream: StreamHandle, end: bool) -> Result<(), HostError> {
        let streamed = self.upstream(stream).is_some();
        let Some(state) = self.state().streams.get(&stream.0) else { return Ok(()) };
        let visible = state.visible.clone();
        let size = u32::try_from(visible.len()).map_err(|error| HostError::Violation(error.to_string()))?;
        let action = self.call(stream.0, "proxy_on_request_body", (stream.0, size, i32::from(end)))?;
        self.follow(stream, action)?;
        if let Some(forwarded) = self.upstream(stream).filter(|_| streamed && action == CONTINUE) {
            forwarded.body.extend_from_slice(&visible);
            forwarded.ended = end;
        }
        Ok(())
    }

    fn upstream(&mut self, stream: StreamHandle) -> Option<&mut Forwarded> {
        self.state().streams.get_mut(&stream.0)?.forwarded.as_mut()
    }
}

fn link(module: &Module) -> wasmtime::Result<Linker<State>> {
    let mut linker = Linker::new(&module.engine);
    observe::link(&mut linker)?;
    crypto::link(&mut linker)?;
    data::link(&mut linker)?;
    flow::link(&mut linker)?;
    wasi::link(&mut linker)?;
    // The SDK imports what it never calls for us; `tests/architecture` knows which these are.
    linker.define_unknown_imports_as_traps(&module.module)?;
    Ok(linker)
}

fn owned(headers: &[(&str, &[u8])]) -> Pairs {
    headers.iter().map(|(name, value)| ((*name).to_owned(), value.to_vec())).collect()
}

fn count(headers: &Pairs) -> u32 {
    u32::try_from(headers.len()).unwrap_or(u32::MAX)
}

fn status(code: u16) -> Pairs {
    vec![(":status".to_owned(), code.to_string().into_bytes())]
}
