//! What ends many requests at the same time ends a few in each callback: a gateway does what it is asked for when the callback
//! is over, each thing inside the one before it, and its stack is not endless. The scripted host refuses too many.

use std::time::Duration;

use anyhow::{Result, ensure};
use countersign_host_tests::scripted::{Answer, Module, Options, ScriptedHost};

const CONFIG: &str = r#"{
    "version": 1, "insecure_inline": true,
    "issuers": [{
        "name": "vault", "issuer": "https://as.test", "profile": "opaque", "audiences": ["a"],
        "introspection": {
            "url": "https://as.test/introspect", "cluster": "as", "client_id": "gateway",
            "client_secret": { "inline": "not-a-secret" }
        }
    }],
    "resources": [{ "name": "api", "match": { "path": "/*" }, "protocol": "http" }],
    "policy": { "cedar": "permit (principal, action, resource);" }
}"#;
const REQUESTS: usize = 300;

#[test]
fn many_that_wait_for_one_answer_are_answered() -> Result<()> {
    let options = Options { now: Duration::from_secs(1_800_000_123), ..Options::default() };
    let mut host = ScriptedHost::new(Module::built()?, CONFIG.as_bytes(), &[], options)?;
    let usual = host.tick_period();
    let head: [(&str, &[u8]); 5] = [
        (":method", b"GET"),
        (":path", b"/a"),
        (":authority", b"a.test"),
        (":scheme", b"https"),
        ("authorization", b"Bearer opaque-4f5e"),
    ];
    let streams = (0..REQUESTS).map(|_| host.request(&head, true)).collect::<Result<Vec<_>, _>>()?;
    let calls = host.pending_calls();
    ensure!(calls.len() == 1, "{} questions about one token", calls.len());
    for call in calls {
        let (headers, body) = (vec![("content-type".to_owned(), b"application/json".to_vec())], br#"{"active":false}"#);
        host.answer(call.token, Answer::Response { status: 200, headers, body: body.to_vec() })?;
    }
    let answered = |host: &ScriptedHost| streams.iter().filter(|stream| host.reply(**stream).is_some()).count();
    let (mut ticks, mut before) = (0, answered(&host));
    ensure!(before == 1, "{before} of them asked");
    while before < REQUESTS {
        host.tick(host.tick_period().unwrap_or_default())?;
        ticks += 1;
        let now = answered(&host);
        ensure!(now > before, "after {ticks} ticks {now} are answered");
        before = now;
        ensure!(before == REQUESTS || host.tick_period() < usual, "the rest waits for long");
    }
    host.tick(Duration::ZERO)?;
    ensure!(ticks > 1 && host.tick_period() == usual, "it goes on in a hurry");
    ensure!(host.counters().get("countersign.waiting_streams") == Some(&0), "{:?}", host.counters());
    Ok(())
}
