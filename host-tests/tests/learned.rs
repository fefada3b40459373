//! Servers with very many tools: what their lists say is remembered of each, and what does not fit keeps the list back.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::drivers::native::Native;
use countersign_host_tests::drivers::wasm::Wasm;
use countersign_host_tests::drivers::{Deployed, Deployment, Driver, Exchange, Observed};
use countersign_host_tests::scenario::Library;
use countersign_host_tests::scenario::approver::Reaction;
use countersign_host_tests::scenario::format::{KeyServer, Send, UpstreamAnswer};
use countersign_host_tests::scenario::request::{Earlier, Request};
use countersign_host_tests::scenario::upstream::Response;
use serde_json::{Value, json};

/// As large as the pieces of a real gateway.
const CHUNK: usize = 16 * 1024;

#[expect(clippy::disallowed_methods, reason = "tokens begin now")]
fn now() -> Result<u64> {
    Ok(SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs())
}

#[test]
fn in_this_process() -> Result<()> {
    check(&mut Native::at(now()?))
}

#[test]
fn as_built() -> Result<()> {
    check(&mut Wasm::at(now()?)?)
}

fn check(driver: &mut dyn Driver) -> Result<()> {
    deploy(driver)?;
    let listed = list(driver, 0..10_000)?;
    let shown = listed.answer.as_ref().context("no list")?;
    ensure!(!shown.cut && shown.body == tools(0..10_000).into_bytes(), "the list is not whole");
    for tool in ["tool-0", "tool-4321", "tool-9999"] {
        let called = ask(driver, json!({ "call": tool }), "{}")?;
        ensure!(risk(&called) == Some("high"), "{tool}: {:?}", called.records);
    }
    ensure!(risk(&ask(driver, json!({ "call": "tool-10000" }), "{}")?) == Some("medium"), "it was in no list yet");

    let listed = list(driver, 10_000..30_000)?;
    ensure!(listed.answer.as_ref().is_some_and(|answer| answer.cut), "more was shown than is remembered");
    let outcome = listed.records.get(1).and_then(|record| record.get("outcome"));
    ensure!(outcome == Some(&json!("ledger_unavailable")), "{:?}", listed.records);

    // What the server filled is its own: calls are still counted, and what was seen is still known.
    let grant = json!({ "action": "mcp:tools/call", "resource": "payments", "object": "echo", "calls": { "max": 1 } });
    let token = json!({ "claims": { "task": { "grants": [grant] } } });
    let counted = ask(driver, json!({ "call": "echo", "token": token }), "{}")?;
    ensure!(risk(&counted) == Some("low") && counted.upstream.len() == 1, "{:?}", counted.records);
    ensure!(risk(&ask(driver, json!({ "call": "tool-4321" }), "{}")?) == Some("high"), "what was seen is forgotten");
    Ok(())
}

fn deploy(driver: &mut dyn Driver) -> Result<()> {
    let policy = json!({ "cedar": "permit (principal, action, resource);" });
    let scenario = serde_json::from_value(json!({ "name": "many tools", "patch": { "policy": policy } }))?;
    let configuration = Library::read()?.configuration(&scenario)?;
    let (keys, gateway) = (KeyServer::default(), []);
    let deployment = Deployment { configuration: &configuration, keys: &keys, gateway: &gateway, isolated: true };
    ensure!(driver.deploy(&deployment)? == Deployed::Running, "the configuration is refused");
    Ok(())
}

/// A list of tools that say they are destructive.
fn tools(numbers: std::ops::Range<usize>) -> String {
    let mut text = String::from("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"tools\":[");
    for number in numbers.clone() {
        let comma = if number == numbers.start { "" } else { "," };
        let _ = write!(text, "{comma}{{\"name\":\"tool-{number}\",\"annotations\":{{\"destructiveHint\":true}}}}");
    }
    text + "]}}"
}

fn list(driver: &mut dyn Driver, numbers: std::ops::Range<usize>) -> Result<Observed> {
    ask(driver, json!({ "mcp": "tools/list" }), &tools(numbers))
}

fn ask(driver: &mut dyn Driver, send: Value, answer: &str) -> Result<Observed> {
    let send: Send = serde_json::from_value(send)?;
    let request = Request::of(&send, driver.now_secs(), &Earlier::default())?;
    let answer = UpstreamAnswer { text: Some(answer.into()), ..UpstreamAnswer::default() };
    let mut response = Response::of(&answer)?;
    response.chunks = response.body.chunks(CHUNK).map(<[u8]>::len).collect();
    let approve = Arc::new(|_: &_, _| Reaction::Silence);
    driver.exchange(&Exchange { request: &request, approve, upstream: Some(&response), faults: &[], meanwhile: None })
}

fn risk(observed: &Observed) -> Option<&str> {
    observed.records.first()?.get("risk")?.as_str()
}
