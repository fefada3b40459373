//! A client that writes the bytes it is told to: duplicate fields, any chunking, trailers, no politeness.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};

use super::super::Answer;
use super::sleep;
use crate::scenario::request::Request;

/// Longer than any answer takes.
const PATIENCE: Duration = Duration::from_secs(15);
/// Long enough for a piece to arrive by itself, short enough for many.
const BETWEEN_PIECES: Duration = Duration::from_millis(2);
/// How long a client that leaves stays: a call to the approver is under way by then.
const BEFORE_LEAVING: Duration = Duration::from_millis(700);
const MAX_HEADERS: usize = 64;

/// Sends `request`; the answer, unless the client left before it or the connection ended without one.
pub(super) fn send(server: SocketAddr, request: &Request) -> anyhow::Result<Option<Answer>> {
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_write_timeout(Some(PATIENCE))?;
    stream.set_read_timeout(Some(PATIENCE))?;
    // A gateway may answer and close while the request is still being written: what it said is read all the same.
    write_request(&mut stream, request).ok();
    if request.leaves_after_chunks.is_some() {
        sleep(BEFORE_LEAVING);
        stream.shutdown(Shutdown::Both)?;
        return Ok(None);
    }
    read_answer(&mut stream, request.method == "HEAD")
}

/// Reads until the answer is complete: gateways keep connections open for a while on which a request was cut short.
fn read_answer(stream: &mut TcpStream, bodiless: bool) -> anyhow::Result<Option<Answer>> {
    let mut bytes = Vec::new();
    let mut piece = vec![0; 16 * 1024];
    loop {
        if let Some(answer) = parse(&bytes, bodiless)? {
            return Ok(Some(answer));
        }
        match stream.read(&mut piece) {
            Ok(0) => break,
            Ok(length) => bytes.extend_from_slice(piece.get(..length).unwrap_or_default()),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => return Err(error).context("waiting for the answer"),
        }
    }
    half(&bytes)
}

/// What there is of an answer whose end never came.
fn half(bytes: &[u8]) -> anyhow::Result<Option<Answer>> {
    if bytes.is_empty() {
        return Ok(None);
    }
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut fields);
    let complete = head.parse(bytes)?.is_complete();
    ensure!(complete, "half an answer: {}", String::from_utf8_lossy(bytes));
    Ok(Some(Answer { status: head.code.context("an answer without a status")?, cut: true, ..Answer::default() }))
}

fn write_request(stream: &mut TcpStream, request: &Request) -> std::io::Result<()> {
    let chunked = is_chunked(request);
    stream.write_all(&head(request, chunked))?;
    if let Some(stalls) = request.stalls {
        sleep(stalls);
    }
    let pieces = request.pieces().count();
    for (index, piece) in request.pieces().enumerate() {
        if request.leaves_after_chunks.is_some_and(|chunks| index >= chunks) {
            return Ok(());
        }
        if chunked {
            let size = format!("{:x}\r\n", piece.len());
            stream.write_all(&[size.as_bytes(), piece, b"\r\n"].concat())?;
        } else {
            stream.write_all(piece)?;
        }
        if pieces > 1 {
            sleep(BETWEEN_PIECES);
        }
    }
    if chunked {
        stream.write_all(b"0\r\n")?;
        for (name, value) in &request.trailers {
            stream.write_all(format!("{name}: {value}\r\n").as_bytes())?;
        }
        stream.write_all(b"\r\n")?;
    }
    Ok(())
}

fn is_chunked(request: &Request) -> bool {
    request.chunks.len() > 1 || !request.trailers.is_empty() || request.leaves_after_chunks.is_some()
}

fn head(request: &Request, chunked: bool) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\nhost: {}\r\n", request.method, request.path, request.host).into_bytes();
    for (name, value) in &request.headers {
        head.extend([name.as_bytes(), b": ", value, b"\r\n"].concat());
    }
    match &request.body {
        Some(_) if chunked => head.extend(b"transfer-encoding: chunked\r\n"),
        Some(body) => head.extend(format!("content-length: {}\r\n", body.len()).into_bytes()),
        None => {}
    }
    head.extend(b"connection: close\r\n\r\n");
    head
}

/// The answer, once it is there whole.
fn parse(bytes: &[u8], bodiless: bool) -> anyhow::Result<Option<Answer>> {
    let mut fields = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut head = httparse::Response::new(&mut fields);
    let httparse::Status::Complete(length) = head.parse(bytes)? else { return Ok(None) };
    let status = head.code.context("an answer without a status")?;
    let headers: Vec<(String, Vec<u8>)> =
        head.headers.iter().map(|field| (field.name.to_ascii_lowercase(), field.value.to_vec())).collect();
    let rest = bytes.get(length..).unwrap_or_default();
    let value = |name: &str| headers.iter().find(|(candidate, _)| candidate == name).map(|(_, value)| value.as_slice());
    let body = if bodiless {
        Some(Vec::new())
    } else if value("transfer-encoding") == Some(b"chunked") {
        unchunked(rest)?
    } else {
        let length: usize = std::str::from_utf8(value("content-length").unwrap_or(b"0"))?.parse()?;
        rest.get(..length).map(<[u8]>::to_vec)
    };
    Ok(body.map(|body| Answer { status, headers, body, cut: false }))
}

fn unchunked(mut rest: &[u8]) -> anyhow::Result<Option<Vec<u8>>> {
    let mut body = Vec::new();
    loop {
        let size = httparse::parse_chunk_size(rest).map_err(|_| anyhow::anyhow!("a chunk without a size"))?;
        let httparse::Status::Complete((start, size)) = size else { return Ok(None) };
        if size == 0 {
            return Ok(Some(body));
        }
        let end = start.saturating_add(usize::try_from(size)?);
        let Some((chunk, after)) = rest.split_at_checked(end) else { return Ok(None) };
        body.extend_from_slice(chunk.get(start..).unwrap_or_default());
        let Some(after) = after.strip_prefix(b"\r\n") else { return Ok(None) };
        rest = after;
    }
}
