//! A server of bytes: what is at the other end of a tunnel or a websocket.
//!
//! It speaks first, and sends back every byte inverted, so that nothing on the way can be mistaken for it.

use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use parking_lot::Mutex;

/// What it says first.
const GREETING: &[u8] = b"ready";
const PATIENCE: Duration = Duration::from_secs(20);

/// A running server; its thread ends with the process.
#[derive(Debug)]
pub struct Wire {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    /// Bytes from the first one on.
    pub fn start() -> Result<Self> {
        Self::with(false)
    }

    /// Bytes behind a request that is answered with 101 (RFC 6455 §4.2); the frames are nobody's business here.
    pub fn start_websocket() -> Result<Self> {
        Self::with(true)
    }

    fn with(upgrades: bool) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let (address, heads) = (listener.local_addr()?, Arc::new(Mutex::new(Vec::new())));
        let seen = Arc::clone(&heads);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(io::Result::ok) {
                let seen = Arc::clone(&seen);
                // A connection that ends early is missed by whoever is at its other end.
                thread::spawn(move || serve(&stream, upgrades, &seen));
            }
        });
        Ok(Self { address, heads })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads of the requests so far, or for each connection without one an empty text.
    pub fn heads(&self) -> Vec<String> {
        self.heads.lock().clone()
    }
}

fn serve(stream: &TcpStream, upgrades: bool, seen: &Mutex<Vec<String>>) -> io::Result<()> {
    let (mut reader, mut writer) = (BufReader::new(stream), stream);
    let head = if upgrades { head(&mut reader)? } else { String::new() };
    seen.lock().push(head);
    if upgrades {
        writer.write_all(b"HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: upgrade\r\n\r\n")?;
    }
    writer.write_all(GREETING)?;
    let mut buffer = vec![0; 1 << 14];
    loop {
        let length = reader.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        for byte in &mut buffer {
            *byte = !*byte;
        }
        writer.write_all(buffer.get(..length).unwrap_or_default())?;
    }
}

/// Sends `head` to `gateway`; answers the head that comes back, and the connection behind it.
pub fn open(gateway: SocketAddr, head: &str) -> Result<(String, BufReader<TcpStream>)> {
    let mut stream = TcpStream::connect(gateway)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(head.as_bytes())?;
    let mut reader = BufReader::new(stream);
    Ok((self::head(&mut reader)?, reader))
}

/// Hears what a [`Wire`] at the other end of `stream` says first.
pub fn greeted(stream: &mut BufReader<TcpStream>) -> Result<()> {
    let mut greeting = [0; GREETING.len()];
    stream.read_exact(&mut greeting).context("it does not speak")?;
    ensure!(greeting == GREETING, "it says {:?}", String::from_utf8_lossy(&greeting));
    Ok(())
}

/// Sends `length` bytes of every value to a [`Wire`] at the other end of `stream`, and has them back.
pub fn exchange(stream: &mut BufReader<TcpStream>, length: usize) -> Result<()> {
    let sent: Vec<u8> = (0..=u8::MAX).cycle().take(length).collect();
    let (mut writer, copy) = (stream.get_ref().try_clone()?, sent.clone());
    let writing = thread::spawn(move || writer.write_all(&copy));
    let mut back = vec![0; length];
    stream.read_exact(&mut back).context("not all of it comes back")?;
    ensure!(back.iter().zip(&sent).all(|(back, sent)| *back == !*sent), "something else comes back");
    writing.join().ok().context("the writer broke")??;
    Ok(())
}

fn head(reader: &mut impl io::BufRead) -> io::Result<String> {
    let (mut head, mut start) = (String::new(), usize::MAX);
    // The line that is empty ends it, or the connection does.
    while head.len() != start && !head.ends_with("\r\n\r\n") {
        start = head.len();
        reader.read_line(&mut head)?;
    }
    Ok(head)
}
