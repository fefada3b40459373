//! Very many requests at the same time, over HTTP/2: a hundred on a connection, so that file descriptors suffice.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use axum::body::Bytes;
use axum::http::Request;
use h2::client::SendRequest;
use parking_lot::Mutex;
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};

/// What the gateway allows on a connection.
const STREAMS: usize = 100;
const BETWEEN_LOOKS: Duration = Duration::from_millis(200);
/// No answer for so long: what is left is held.
const QUIET: Duration = Duration::from_secs(3);

/// One request.
#[derive(Clone, Debug)]
pub(crate) struct Shot {
    pub(crate) head: Request<()>,
    pub(crate) body: Bytes,
    /// Whether that is all of the body. Otherwise the rest never comes.
    pub(crate) whole: bool,
    /// Where it comes from.
    pub(crate) from: Ipv4Addr,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fate {
    /// The answer came to its end.
    Answered { status: u16, retry_after: bool },
    /// It began, and was cut off.
    Cut { status: u16 },
    /// The stream or its connection ended without an answer.
    Lost(String),
}

/// Requests under way; whatever is not answered yet is given up with this value.
#[derive(Debug)]
pub(crate) struct Flood {
    runtime: Option<Runtime>,
    fates: Arc<Mutex<Vec<Fate>>>,
    sent: usize,
}

impl Flood {
    /// Sends all of `shots` to `gateway` at once.
    pub(crate) fn start(gateway: SocketAddr, shots: &[Shot]) -> Result<Self> {
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let fates = Arc::new(Mutex::new(Vec::with_capacity(shots.len())));
        let mut rest = shots;
        while let Some(first) = rest.first() {
            let same = rest.iter().take(STREAMS).take_while(|shot| shot.from == first.from).count();
            let (volley, later) = rest.split_at(same);
            let (volley, fates) = (volley.to_vec(), Arc::clone(&fates));
            runtime.spawn(async move {
                let all = volley.len();
                if let Err(error) = fire(gateway, volley, &fates).await {
                    let lost = Fate::Lost(format!("{error:#}"));
                    fates.lock().extend(std::iter::repeat_n(lost, all));
                }
            });
            rest = later;
        }
        Ok(Self { runtime: Some(runtime), fates, sent: shots.len() })
    }

    /// Waits until no more than `held` requests are without an answer, and then until no more answers come.
    pub(crate) fn settle(&self, held: usize, patience: Duration) -> Result<()> {
        let began = Instant::now();
        let (mut news, mut known) = (began, 0);
        loop {
            let answered = self.fates.lock().len();
            if answered > known {
                (news, known) = (Instant::now(), answered);
            }
            let left = self.sent - answered;
            if left == 0 || (left <= held && news.elapsed() > QUIET) {
                return Ok(());
            }
            ensure!(began.elapsed() < patience, "of {} requests {left} have no answer, more than {held}", self.sent);
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// Closes every connection; what became of those that were answered before.
    pub(crate) fn leave(mut self) -> Vec<Fate> {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(10));
        }
        std::mem::take(&mut *self.fates.lock())
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

async fn fire(gateway: SocketAddr, volley: Vec<Shot>, fates: &Arc<Mutex<Vec<Fate>>>) -> Result<()> {
    let from = volley.first().context("no shots")?.from;
    let socket = TcpSocket::new_v4()?;
    socket.bind((from, 0).into())?;
    let stream = socket.connect(gateway).await.context("connecting")?;
    let (sender, connection) = h2::client::handshake(stream).await.context("beginning")?;
    tokio::spawn(connection);
    for shot in volley {
        let (sender, fates) = (sender.clone(), Arc::clone(fates));
        tokio::spawn(async move {
            let fate = shoot(sender, shot).await.unwrap_or_else(|error| Fate::Lost(error.to_string()));
            fates.lock().push(fate);
        });
    }
    Ok(())
}

async fn shoot(sender: SendRequest<Bytes>, shot: Shot) -> Result<Fate, h2::Error> {
    let Shot { head, body, whole, from: _ } = shot;
    let (response, mut stream) = sender.ready().await?.send_request(head, whole && body.is_empty())?;
    if !body.is_empty() {
        stream.send_data(body, whole)?;
    }
    let response = response.await?;
    let (status, retry_after) = (response.status().as_u16(), response.headers().contains_key("retry-after"));
    let mut body = response.into_body();
    while let Some(chunk) = body.data().await {
        let Ok(chunk) = chunk else { return Ok(Fate::Cut { status }) };
        body.flow_control().release_capacity(chunk.len())?;
    }
    Ok(Fate::Answered { status, retry_after })
}
