//! An HTTP server (1.1 and 2) that records every request and answers as it is told.

use std::convert::Infallible;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Result;
use axum::body::{Body, Bytes};
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, Response, StatusCode};
use http_body_util::{BodyExt as _, Limited};
use parking_lot::{Condvar, Mutex};
use serde_json::Value;
use tokio::net::TcpSocket;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::mpsc;

use super::socket::{Fuse, Sockets, Traffic};
use super::tls::Identity;

/// More than any test sends.
const BODY_LIMIT: usize = 64 * 1024 * 1024;
/// Connections that may wait to be accepted.
const BACKLOG: u32 = 4096;

/// One request as it arrived.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The HTTP method.
    pub method: String,
    /// Path and query as received.
    pub target: String,
    /// Header fields in the order received per name, names in lower case, `host` for `:authority`.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The whole body.
    pub body: Vec<u8>,
    /// Trailer fields, if the body ended with any.
    pub trailers: Vec<(String, Vec<u8>)>,
}

/// What to answer.
#[derive(Clone, Debug)]
pub enum Answer {
    /// A JSON document.
    Json(u16, Value),
    /// Anything: status, header fields, body.
    Raw(u16, Vec<(String, String)>, Vec<u8>),
    /// Status, header fields, and a body in pieces that follow each other closely.
    Pieces(u16, Vec<(String, String)>, Vec<Vec<u8>>),
    /// The beginning of a body whose end never comes.
    Unfinished(u16, Vec<(String, String)>, Vec<u8>),
    /// A 200 `text/event-stream`: each event with the time to wait before it; `open` keeps it open afterwards.
    Sse {
        /// `data:` of each event.
        events: Vec<(Duration, String)>,
        /// Whether the stream stays open after the last event.
        open: bool,
    },
    /// Another answer, after a while.
    Later(Duration, Box<Answer>),
    /// Nothing, ever; the connection stays open.
    Hang,
    /// The connection is reset.
    Reset,
}

type Handler = dyn Fn(&Seen) -> Answer + Send + Sync;

/// A server; gone with this value.
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    runtime: Option<Runtime>,
}

struct Shared {
    seen: Mutex<Vec<Seen>>,
    arrived: Condvar,
    traffic: Arc<Traffic>,
    handler: Mutex<Arc<Handler>>,
}

impl Server {
    /// Plain HTTP.
    pub fn start(handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Result<Self> {
        Self::with(None, Arc::new(handler))
    }

    /// HTTPS as `identity`.
    pub fn start_tls(identity: &Identity, handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Result<Self> {
        Self::with(Some(identity), Arc::new(handler))
    }

    fn with(identity: Option<&Identity>, handler: Arc<Handler>) -> Result<Self> {
        let tls = identity.map(Identity::acceptor).transpose()?;
        let traffic = Arc::new(Traffic::default());
        let shared = Arc::new(Shared {
            seen: Mutex::default(),
            arrived: Condvar::new(),
            traffic: Arc::clone(&traffic),
            handler: Mutex::new(handler),
        });
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build()?;
        let entered = runtime.enter();
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(BACKLOG)?;
        drop(entered);
        let address = listener.local_addr()?;
        let for_requests = Arc::clone(&shared);
        runtime.spawn(async move {
            let sockets = Sockets::new(listener, tls, traffic);
            let app = axum::Router::new().fallback(move |ConnectInfo(fuse): ConnectInfo<Fuse>, request: Request| {
                let shared = Arc::clone(&for_requests);
                async move { shared.serve(&fuse, request).await }
            });
            axum::serve(sockets, app.into_make_service_with_connect_info::<Fuse>()).await
        });
        Ok(Self { address, shared, runtime: Some(runtime) })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers differently from now on.
    pub fn answer(&self, handler: impl Fn(&Seen) -> Answer + Send + Sync + 'static) {
        *self.shared.handler.lock() = Arc::new(handler);
    }

    /// Every complete request so far, oldest first.
    pub fn seen(&self) -> Vec<Seen> {
        self.shared.seen.lock().clone()
    }

    /// How many complete requests came so far.
    pub fn count(&self) -> usize {
        self.shared.seen.lock().len()
    }

    /// Whether `count` requests have come, waiting for them up to `patience`.
    pub fn wait_for(&self, count: usize, patience: Duration) -> bool {
        let mut seen = self.shared.seen.lock();
        !self.shared.arrived.wait_while_for(&mut seen, |seen| seen.len() < count, patience).timed_out()
    }

    /// Connections accepted so far, failed TLS handshakes included.
    pub fn connections(&self) -> u64 {
        self.shared.traffic.connections()
    }

    /// Bytes received so far on all connections, below TLS.
    pub fn bytes(&self) -> u64 {
        self.shared.traffic.bytes()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Not waited for: tests may drop this on a runtime of their own.
            runtime.shutdown_background();
        }
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Server").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Shared {
    async fn serve(&self, fuse: &Fuse, request: Request) -> Response<Body> {
        // An aborted body is no request; its bytes are counted all the same.
        let Ok(seen) = read(request).await else {
            fuse.blow();
            return Response::default();
        };
        let handler = Arc::clone(&self.handler.lock());
        let mut answer = handler(&seen);
        self.seen.lock().push(seen);
        self.arrived.notify_all();
        loop {
            answer = match answer {
                Answer::Later(wait, then) => {
                    tokio::time::sleep(wait).await;
                    *then
                }
                Answer::Hang => std::future::pending().await,
                Answer::Reset => {
                    fuse.blow();
                    return Response::default();
                }
                Answer::Json(status, value) => {
                    let content_type = ("content-type".to_owned(), "application/json".to_owned());
                    return response(status, &[content_type], Body::from(value.to_string()));
                }
                Answer::Raw(status, headers, body) => return response(status, &headers, Body::from(body)),
                Answer::Pieces(status, headers, pieces) => return response(status, &headers, in_pieces(pieces)),
                Answer::Unfinished(status, headers, piece) => return response(status, &headers, unfinished(piece)),
                Answer::Sse { events, open } => {
                    let content_type = ("content-type".to_owned(), "text/event-stream".to_owned());
                    return response(200, &[content_type], event_stream(events, open));
                }
            };
        }
    }
}

async fn read(request: Request) -> Result<Seen> {
    let (parts, body) = request.into_parts();
    let mut headers = pairs(&parts.headers);
    if let (Some(authority), false) = (parts.uri.authority(), parts.headers.contains_key("host")) {
        headers.push(("host".to_owned(), authority.as_str().as_bytes().to_vec()));
    }
    let target = parts.uri.path_and_query().map_or("/", axum::http::uri::PathAndQuery::as_str).to_owned();
    let body = Limited::new(body, BODY_LIMIT).collect().await.map_err(|error| anyhow::anyhow!(error))?;
    let trailers = body.trailers().map(pairs).unwrap_or_default();
    Ok(Seen { method: parts.method.as_str().to_owned(), target, headers, body: body.to_bytes().to_vec(), trailers })
}

fn pairs(headers: &HeaderMap) -> Vec<(String, Vec<u8>)> {
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec())).collect()
}

fn response(status: u16, headers: &[(String, String)], body: Body) -> Response<Body> {
    let mut response = Response::builder().status(status);
    for (name, value) in headers {
        response = response.header(name, value);
    }
    response.body(body).unwrap_or_else(|error| {
        let mut unusable = Response::new(Body::from(format!("the test's answer is unusable: {error}")));
        *unusable.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        unusable
    })
}

fn event_stream(events: Vec<(Duration, String)>, open: bool) -> Body {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        for (wait, data) in events {
            tokio::time::sleep(wait).await;
            if sender.send(Bytes::from(format!("data: {data}\n\n"))).await.is_err() {
                return;
            }
        }
        if open {
            sender.closed().await;
        }
    });
    Body::from_stream(Events(receiver))
}

fn in_pieces(pieces: Vec<Vec<u8>>) -> Body {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        for piece in pieces {
            if sender.send(Bytes::from(piece)).await.is_err() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    });
    Body::from_stream(Events(receiver))
}

fn unfinished(piece: Vec<u8>) -> Body {
    let (sender, receiver) = mpsc::channel::<Bytes>(1);
    tokio::spawn(async move {
        if sender.send(Bytes::from(piece)).await.is_ok() {
            sender.closed().await;
        }
    });
    Body::from_stream(Events(receiver))
}

struct Events(mpsc::Receiver<Bytes>);

impl futures_core::Stream for Events {
    type Item = Result<Bytes, Infallible>;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<Self::Item>> {
        self.0.poll_recv(context).map(|chunk| chunk.map(Ok))
    }
}

impl Seen {
    /// Every value of `name` (lower case), in order, bytes that are not UTF-8 replaced.
    pub fn header(&self, name: &str) -> Vec<String> {
        let values = self.headers.iter().filter(|(candidate, _)| candidate == name);
        values.map(|(_, value)| String::from_utf8_lossy(value).into_owned()).collect()
    }

    /// The body as JSON.
    pub fn json(&self) -> Result<Value, serde_json::Error> {
        serde_json::from_slice(&self.body)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;
    use std::time::Duration;

    use anyhow::Result;

    use super::{Answer, Server};

    /// Everything that comes back within half a second, and whether the connection was reset.
    fn exchange(server: &Server, request: &str) -> Result<(String, bool)> {
        let mut stream = TcpStream::connect(server.address())?;
        stream.set_read_timeout(Some(Duration::from_millis(500)))?;
        stream.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let end = stream.read_to_end(&mut answer);
        let reset = end.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset);
        Ok((String::from_utf8_lossy(&answer).into_owned(), reset))
    }

    #[test]
    fn bytes_are_counted_even_where_no_request_is_complete() -> Result<()> {
        let server = Server::start(|_| Answer::Hang)?;
        assert_eq!((server.connections(), server.bytes()), (0, 0));
        exchange(&server, "POST / HTTP/1.1\r\n")?;
        assert_eq!((server.connections(), server.bytes(), server.count()), (1, 17, 0));
        Ok(())
    }

    #[test]
    fn it_hangs_resets_and_streams_as_told() -> Result<()> {
        let server = Server::start(|_| Answer::Hang)?;
        let request = "GET /x?y HTTP/1.1\r\nhost: a\r\nX_Twice: 1\r\nx_twice: 2\r\n\r\n";
        assert_eq!(exchange(&server, request)?, (String::new(), false));
        server.answer(|_| Answer::Reset);
        assert_eq!(exchange(&server, request)?, (String::new(), true));
        let events = vec![(Duration::ZERO, "one".to_owned()), (Duration::from_millis(10), "two".to_owned())];
        server.answer(move |_| Answer::Sse { events: events.clone(), open: true });
        let (answer, _) = exchange(&server, request)?;
        assert!(answer.contains("data: one\n\n") && answer.contains("data: two\n\n"), "{answer}");
        let seen = server.seen();
        assert!(server.wait_for(3, Duration::ZERO) && seen.len() == 3);
        assert!(seen.iter().all(|seen| seen.target == "/x?y" && seen.header("x_twice") == ["1", "2"]));
        Ok(())
    }
}
