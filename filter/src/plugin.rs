//! The root context: reads the configuration once and passes time on.
//!
//! Never serves with a configuration it could not use: `on_configure` answers `false`, which makes the gateway
//! refuse the configuration, and streams of an unconfigured root are answered 503.

use std::rc::Rc;

use countersign_engine::Engine;
use countersign_tokens::NativeFirst;
use proxy_wasm::traits::{Context, HttpContext, RootContext};
use proxy_wasm::types::{ContextType, LogLevel};

use crate::configuration;
use crate::host;
use crate::stream::HttpStream;
use crate::worker::Worker;

const UNNAMED: &str = "countersign: the plugin has no name, so what is held and connections that are open keep this \
    configuration when a newer one comes; set `name` in the Wasm PluginConfig";

/// Called once per VM, before any context exists.
pub(crate) fn start() {
    host::report_panics();
    proxy_wasm::set_root_context(|context| Box::new(Plugin { worker: Rc::new(Worker::new(context)) }));
}

struct Plugin {
    worker: Rc<Worker>,
}

impl RootContext for Plugin {
    fn on_configure(&mut self, size: usize) -> bool {
        let verifier = NativeFirst::probe(host::NativeCrypto);
        let native: Vec<_> = verifier.algorithms().iter().map(ToString::to_string).collect();
        let configuration = configuration::as_json(host::plugin_configuration(size));
        match Engine::load_with(&configuration, &host::Environment, Box::new(verifier)) {
            Ok(engine) => {
                let engine = match host::random() {
                    Some(seed) => engine.seeded(seed),
                    None => engine,
                };
                host::log(LogLevel::Info, &format!("countersign: the gateway verifies [{}] itself", native.join(", ")));
                self.worker.install(engine);
                self.succeed();
                true
            }
            Err(errors) => {
                for line in errors.to_string().lines() {
                    host::log(LogLevel::Error, &format!("countersign: configuration refused: {line}"));
                }
                false
            }
        }
    }

    fn on_tick(&mut self) {
        self.worker.tick();
    }

    fn create_http_context(&self, context: u32) -> Option<Box<dyn HttpContext>> {
        Some(Box::new(HttpStream::new(context, Rc::clone(&self.worker))))
    }

    fn get_type(&self) -> Option<ContextType> {
        Some(ContextType::HttpContext)
    }
}

impl Plugin {
    /// Decides from now on what older configurations of the same plugin have yet to decide.
    fn succeed(&self) {
        let Some(name) = host::plugin_name() else {
            host::log(LogLevel::Warn, UNNAMED);
            return;
        };
        let text =
            format!("countersign: decides from now on what older configurations of the plugin `{}` hold", name.name);
        let (line, older) = crate::worker::join(name, &self.worker);
        self.worker.belong(line);
        if older {
            host::log(LogLevel::Info, &text);
        }
    }
}

impl Context for Plugin {
    /// Answers to calls made from ticks arrive here, whoever asked.
    fn on_http_call_response(&mut self, token: u32, headers: usize, body_size: usize, _trailers: usize) {
        self.worker.answered(token, headers, body_size);
    }
}
