//! Long answers through real Envoys: what the server streams arrives while the stream is open, and 100 MB of it leave the
//! gateway's memory as it was; of lists that are larger than anything Envoy buffers, what a task may use comes back.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::{RunningEnvoy, versions};
use countersign_host_tests::fakes::{Answer, Upstream};
use countersign_host_tests::platform::{self, Platform};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(20);
/// The letter that events are made of; no header field of an answer is counted, as they come before the body.
const FILLING: u8 = b'x';
/// What an event carries.
const EVENT: usize = 50_000;
/// How many of them are sent one by one, each when the one before has arrived.
const ONE_BY_ONE: usize = 20;
/// And then as fast as they go: 100 MB of the one, 20 MB of the others.
const AT_ONCE: usize = 2_000;
const FEWER_AT_ONCE: usize = 400;
/// How much more memory the gateway may have needed at any time: far more than what Envoy buffers of one stream.
const GROWTH: u64 = 8 << 20;

/// The requests whose answers are streams: a plain HTTP resource, a tool call, and the leg on which a server speaks up.
const REQUESTS: [(&str, &str); 3] = [
    ("http", "GET /feed HTTP/1.1\r\nhost: tools.test\r\naccept: text/event-stream\r\n"),
    (
        "tools/call",
        "POST /mcp HTTP/1.1\r\nhost: tools.test\r\naccept: application/json, text/event-stream\r\n\
         content-type: application/json\r\ncontent-length: {length}\r\n",
    ),
    ("leg", "GET /mcp HTTP/1.1\r\nhost: tools.test\r\naccept: text/event-stream\r\n"),
];
/// What is around the filling of an event: a message that a server may send on any stream.
const MESSAGE: (&[u8], &[u8]) =
    (br#"data: {"jsonrpc":"2.0","method":"notifications/message","params":{"level":"info","data":""#, b"\"}}\n\n");
const CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{}}}"#;

/// Tools in a list, of which one in so many is granted.
const TOOLS: usize = 10_000;
const GRANTED: usize = 10;
/// The media types a list can come in, and what is around it there.
const FORMS: [(&str, &str, &str); 2] =
    [("application/json", "", ""), ("text/event-stream", "event: message\ndata: ", "\n\n")];
/// What Envoy buffers of a connection unless it is told otherwise.
const BUFFER: usize = 1 << 20;

/// A server that sends one stream per connection, and goes on when it hears that what it sent has arrived.
struct Streamer {
    address: SocketAddr,
    /// What has been sent has arrived; how many events come at once when all of the first have.
    arrived: Sender<usize>,
}

impl Streamer {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0))?;
        let (address, (arrived, heard)) = (listener.local_addr()?, channel());
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A gateway that goes away ends the test elsewhere.
                serve(stream, &heard).ok();
            }
        });
        Ok(Self { address, arrived })
    }
}

fn serve(stream: TcpStream, heard: &Receiver<usize>) -> Result<()> {
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        ensure!(reader.read_line(&mut line)? > 0, "no request");
    }
    let mut stream = stream;
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n")?;
    let event = [MESSAGE.0, &vec![FILLING; EVENT], MESSAGE.1].concat();
    let chunk = [format!("{:x}\r\n", event.len()).as_bytes(), &event, b"\r\n"].concat();
    let mut rest = 0;
    for _ in 0..ONE_BY_ONE {
        stream.write_all(&chunk)?;
        rest = heard.recv_timeout(PATIENCE)?;
    }
    for _ in 0..rest {
        stream.write_all(&chunk)?;
    }
    stream.write_all(b"0\r\n\r\n")?;
    Ok(())
}

struct World {
    envoy: RunningEnvoy,
    token: String,
    _platform: Platform,
}

impl World {
    /// A gateway in front of `upstream`, and a token of a task with `grants`.
    fn start(name: &str, version: &str, upstream: SocketAddr, grants: &Value) -> Result<Self> {
        let platform = Platform::start()?;
        let resources = json!([
            { "name": "tools", "match": { "path": "/mcp" }, "protocol": "mcp", "risk": "low" },
            { "name": "feed", "match": { "path": "/feed" }, "protocol": "http", "risk": "low" },
        ]);
        let document = platform.bootstrap(&resources, upstream)?;
        let buffer = document.pointer("/static_resources/listeners/0/per_connection_buffer_limit_bytes");
        ensure!(buffer == Some(&json!(BUFFER)), "the buffer is not the usual one");
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{version}.log"));
        let envoy = platform.gateway(version, &document, &log)?;
        let token = platform::token(json!({ "task": { "grants": grants } }))?;
        Ok(Self { envoy, token, _platform: platform })
    }

    /// Sends `head` with a token and reads the stream of `upstream` to its end; answers how much the gateway's memory grew.
    fn stream(&self, upstream: &Streamer, head: &str, at_once: usize) -> Result<u64> {
        let mut stream = TcpStream::connect(self.envoy.address())?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let body = if head.starts_with("POST") { CALL } else { "" };
        write!(stream, "{head}connection: close\r\nauthorization: Bearer {}\r\n\r\n{body}", self.token)?;
        let mut reader = BufReader::with_capacity(1 << 16, stream);
        let mut line = String::new();
        reader.read_line(&mut line)?;
        ensure!(line.starts_with("HTTP/1.1 200"), "{line}");
        while line != "\r\n" {
            line.clear();
            ensure!(reader.read_line(&mut line)? > 0, "the head does not end");
        }
        let (mut seen, mut buffer) = (0, vec![0; 1 << 16]);
        let mut next = EVENT;
        let before = self.memory_anew()?;
        loop {
            let length = reader.read(&mut buffer).with_context(|| format!("after {seen} bytes"))?;
            if length == 0 {
                break;
            }
            seen += buffer.iter().take(length).filter(|byte| **byte == FILLING).count();
            while seen >= next && next <= EVENT * ONE_BY_ONE {
                upstream.arrived.send(at_once)?;
                next += EVENT;
            }
        }
        ensure!(seen == EVENT * (ONE_BY_ONE + at_once), "{seen} bytes arrived");
        Ok(self.envoy.memory("VmHWM")?.saturating_sub(before))
    }

    /// What the gateway needs now. The most so far was while it started; from here on it is counted again from nothing (proc(5)).
    fn memory_anew(&self) -> Result<u64> {
        std::fs::write(format!("/proc/{}/clear_refs", self.envoy.pid()), "5")?;
        self.envoy.memory("VmRSS")
    }

    /// The answer to `tools/list`: its status, its media type and its body.
    fn list(&self) -> Result<(u16, String, Vec<u8>)> {
        let config = ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build();
        let request = ureq::Agent::new_with_config(config)
            .post(format!("http://{}/mcp", self.envoy.address()))
            .header("host", "tools.test")
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json")
            .header("authorization", format!("Bearer {}", self.token));
        let mut answer = request.send(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#)?;
        let media = answer.headers().get("content-type").map(|media| media.to_str()).transpose()?;
        let media = media.unwrap_or_default().to_owned();
        let body = answer.body_mut().with_config().limit(64 << 20).read_to_vec()?;
        Ok((answer.status().as_u16(), media, body))
    }
}

fn name(number: usize) -> String {
    format!("{}-{number}", if number.is_multiple_of(GRANTED) { "granted" } else { "other" })
}

/// A list of tools as JSON-RPC, each with a schema of its own.
fn list() -> String {
    let tool = |number: usize| {
        let about = format!("Does the work of number {number}. {}", "It is described at length. ".repeat(16));
        let properties = json!({ "amount": { "type": "integer" }, "to": { "type": "string", "description": "whom" } });
        json!({
            "name": name(number),
            "description": about,
            "inputSchema": { "type": "object", "properties": properties, "required": ["amount"] },
        })
    };
    let tools: Vec<Value> = (0..TOOLS).map(tool).collect();
    json!({ "jsonrpc": "2.0", "id": 1, "result": { "tools": tools } }).to_string()
}

#[test]
fn what_is_streamed_arrives_at_once_and_is_not_kept() -> Result<()> {
    let grants = [("http:GET", "feed"), ("mcp:tools/call", "tools")]
        .map(|(action, resource)| json!({ "action": action, "resource": resource }));
    for version in versions() {
        let upstream = Streamer::start()?;
        let world = World::start("streams", &version, upstream.address, &json!(grants))?;
        for (what, head) in REQUESTS {
            let head = head.replace("{length}", &CALL.len().to_string());
            let at_once = if what == "tools/call" { AT_ONCE } else { FEWER_AT_ONCE };
            let began = Instant::now();
            let grown = world.stream(&upstream, &head, at_once);
            let grown = grown.with_context(|| format!("{what} in Envoy {version}"))?;
            println!("{what} in Envoy {version}: {:?}, {} KiB more at most", began.elapsed(), grown >> 10);
            ensure!(grown <= GROWTH, "{what} in Envoy {version}: {grown} bytes more");
        }
    }
    Ok(())
}

#[test]
fn of_ten_thousand_tools_those_come_back_that_are_granted() -> Result<()> {
    let list = list();
    ensure!(list.len() > 6 * BUFFER, "the list is short: {} bytes", list.len());
    for version in versions() {
        for (object, step) in [("granted-*", GRANTED), ("*", 1)] {
            let upstream = Upstream::start()?;
            let grants = json!([{ "action": "mcp:tools/call", "resource": "tools", "object": object }]);
            let world = World::start("lists", &version, upstream.address(), &grants)?;
            let expected: Vec<_> = (0..TOOLS).step_by(step).map(name).collect();
            for (media, before, after) in FORMS {
                let what = || format!("{media} of `{object}` in Envoy {version}");
                let sent = format!("{before}{list}{after}");
                let head = vec![("content-type".to_owned(), media.to_owned())];
                let length = sent.len();
                upstream.answer(move |_| Answer::Raw(200, head.clone(), sent.clone().into_bytes()));
                let (before_it, began) = (world.memory_anew()?, Instant::now());
                let (status, told, body) = world.list().with_context(what)?;
                let took = began.elapsed();
                let grown = world.envoy.memory("VmHWM")?.saturating_sub(before_it);
                let (out, grown_by) = (body.len(), grown >> 10);
                println!("{}: {length} bytes in, {out} out, {took:?}, {grown_by} KiB more at most", what());
                ensure!((status, told.as_str()) == (200, media), "{}: {status} {told}", what());
                check_list(&body, (before, after), &expected).with_context(what)?;
                ensure!(grown <= GROWTH, "{}: {grown} bytes more", what());
            }
            let failures = world.envoy.admin_get("/stats?filter=http.agents.downstream_rq_5xx")?;
            ensure!(failures.trim().ends_with(": 0"), "Envoy {version}: {failures}");
        }
    }
    Ok(())
}

/// It holds the tools that are expected, in the order they had, each as it was.
fn check_list(body: &[u8], (before, after): (&str, &str), expected: &[String]) -> Result<()> {
    let body = std::str::from_utf8(body)?;
    let message = body.strip_prefix(before).and_then(|body| body.strip_suffix(after)).context("another form")?;
    let shown: Value = serde_json::from_str(message)?;
    let tools = shown["result"]["tools"].as_array().context("no tools")?;
    ensure!(tools.iter().filter_map(|tool| tool["name"].as_str()).eq(expected.iter()), "{} tools", tools.len());
    ensure!(tools.iter().all(|tool| tool["inputSchema"]["required"] == json!(["amount"])), "tools are not whole");
    Ok(())
}
