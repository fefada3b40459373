//! Accepted connections that are counted, byte by byte, and can be reset by whoever answers on them.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll};

use axum::extract::connect_info::Connected;
use axum::serve::{IncomingStream, Listener};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// What went over a server's sockets.
#[derive(Debug, Default)]
pub(super) struct Traffic {
    connections: AtomicU64,
    bytes: AtomicU64,
}

impl Traffic {
    pub(super) fn connections(&self) -> u64 {
        self.connections.load(Ordering::SeqCst)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::SeqCst)
    }
}

/// Resets the connection that a request came on.
#[derive(Clone, Debug, Default)]
pub(super) struct Fuse(Arc<AtomicBool>);

impl Fuse {
    pub(super) fn blow(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn is_blown(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// Accepts for axum; a failed TLS handshake is counted and dropped.
pub(super) struct Sockets {
    listener: TcpListener,
    tls: Option<TlsAcceptor>,
    traffic: Arc<Traffic>,
}

impl Sockets {
    pub(super) fn new(listener: TcpListener, tls: Option<TlsAcceptor>, traffic: Arc<Traffic>) -> Self {
        Self { listener, tls, traffic }
    }

    async fn connection(&self, stream: TcpStream) -> io::Result<Connection> {
        self.traffic.connections.fetch_add(1, Ordering::SeqCst);
        let fuse = Fuse::default();
        let counted = Counted { stream, traffic: Arc::clone(&self.traffic), fuse: fuse.clone() };
        let stream = match &self.tls {
            None => Stream::Plain(counted),
            Some(tls) => Stream::Tls(Box::new(tls.accept(counted).await?)),
        };
        Ok(Connection { stream, fuse })
    }
}

impl Listener for Sockets {
    type Io = Connection;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Connection, SocketAddr) {
        loop {
            if let Ok((stream, peer)) = self.listener.accept().await
                && let Ok(connection) = self.connection(stream).await
            {
                return (connection, peer);
            }
        }
    }

    fn local_addr(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }
}

impl Connected<IncomingStream<'_, Sockets>> for Fuse {
    fn connect_info(stream: IncomingStream<'_, Sockets>) -> Self {
        stream.io().fuse.clone()
    }
}

/// One accepted connection.
pub(super) struct Connection {
    stream: Stream,
    fuse: Fuse,
}

enum Stream {
    Plain(Counted),
    Tls(Box<TlsStream<Counted>>),
}

struct Counted {
    stream: TcpStream,
    traffic: Arc<Traffic>,
    fuse: Fuse,
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let result = Pin::new(&mut self.stream).poll_read(context, buffer);
        let read = buffer.filled().len().saturating_sub(before);
        self.traffic.bytes.fetch_add(u64::try_from(read).unwrap_or(u64::MAX), Ordering::SeqCst);
        result
    }
}

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        if self.fuse.is_blown() {
            // RST instead of FIN: nothing that could pass for an answer.
            self.stream.set_zero_linger().ok();
            return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
        }
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Stream::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Stream::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_flush(context),
            Stream::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match &mut self.stream {
            Stream::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Stream::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
