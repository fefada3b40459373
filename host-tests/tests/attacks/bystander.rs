//! Somebody honest, who calls all the time and is owed the right answer every time.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};

/// Between one answer and the next call.
const PAUSE: Duration = Duration::from_millis(50);
/// Longer than anything takes that is not lost.
const PATIENCE: Duration = Duration::from_mins(2);

/// A call, and what the answer must contain.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) token: String,
    pub(crate) body: String,
    pub(crate) answer: &'static str,
}

/// Somebody who calls until told to stop.
#[derive(Debug)]
pub(crate) struct Bystander {
    done: Arc<AtomicBool>,
    thread: JoinHandle<Served>,
}

/// How it was served.
#[derive(Debug, Default)]
pub(crate) struct Served {
    pub(crate) calls: usize,
    /// The longest that an answer took.
    pub(crate) longest: Duration,
    /// What was not the right answer.
    pub(crate) wrong: Vec<String>,
}

impl Bystander {
    /// Makes the calls that `next` says by their number, every other one on a connection of its own.
    pub(crate) fn start(gateway: SocketAddr, next: impl Fn(usize) -> Call + Send + 'static) -> Self {
        let done = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&done);
        let thread = thread::spawn(move || {
            let (kept, fresh) = (agent(1), agent(0));
            let mut served = Served::default();
            while !told.load(Ordering::SeqCst) {
                let began = Instant::now();
                let agent = if served.calls.is_multiple_of(2) { &kept } else { &fresh };
                if let Err(error) = call(agent, gateway, &next(served.calls)) {
                    served.wrong.push(format!("{error:#}"));
                }
                served.calls += 1;
                served.longest = served.longest.max(began.elapsed());
                thread::sleep(PAUSE);
            }
            served
        });
        Self { done, thread }
    }

    /// Ends after the answer that it waits for.
    pub(crate) fn stop(self) -> Result<Served> {
        self.done.store(true, Ordering::SeqCst);
        self.thread.join().ok().context("the bystander broke")
    }
}

fn agent(idle: usize) -> ureq::Agent {
    let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE));
    ureq::Agent::new_with_config(config.max_idle_connections(idle).max_idle_connections_per_host(idle).build())
}

fn call(agent: &ureq::Agent, gateway: SocketAddr, call: &Call) -> Result<()> {
    let request = agent
        .post(format!("http://{gateway}/mcp"))
        .header("host", "tools.test")
        .header("accept", "application/json, text/event-stream")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {}", call.token));
    let mut answer = request.send(&call.body)?;
    let (status, body) = (answer.status().as_u16(), answer.body_mut().read_to_string()?);
    ensure!(status == 200 && body.contains(call.answer), "{status} {body}");
    Ok(())
}
