//! One caller, or one server, that wants all there is, at a real Envoy with two workers: no virtual machine traps, somebody
//! honest gets the right answer every time, every refusal is on record, and what was held is given back.
//!
//! Each attack prints what it came to. They take minutes: `scripts/check --full`.

mod bystander;
mod flood;
mod world;

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use axum::body::Bytes;
use countersign_host_tests::fakes::{Answer, Seen};
use countersign_host_tests::scenario::approver::{Asked, Reaction};
use countersign_host_tests::scenario::format::{Approver, Introspector};
use serde_json::{Value, json};

use bystander::Call;
use flood::{Fate, Shot};
use world::{BYSTANDER, World, asking, honest, shot, token, tool_call, whole};

/// Of Envoy's 1 GiB for each of its virtual machines; the rest of the process is in it, too.
const MOST_MEMORY: u64 = 1500 << 20;
/// `limits.body`, unless configured.
const BODY: usize = 256 * 1024;
const WORKERS: usize = 2;

/// Bodies as large as they may be, of which the last byte never comes.
fn unfinished_bodies(count: usize, token_of: impl Fn(usize) -> Result<String>) -> Result<Vec<Shot>> {
    let body = Bytes::from(vec![b' '; BODY - 1]);
    (0..count).map(|number| shot(&token_of(number)?, BODY, &body)).collect()
}

#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn large_bodies_of_one_agent_fill_its_share() -> Result<()> {
    let world = World::start("large-bodies-of-one", &json!({}))?;
    let agent = token("agent-1", "task-1")?;
    let outcome = world.attack(
        "4,600 bodies of 256 KiB, held",
        &unfinished_bodies(4600, |_| Ok(agent.clone()))?,
        WORKERS * (32 << 20) / (BODY - 1),
        honest(token(BYSTANDER, "task-b")?),
    )?;
    ensure!(outcome.answered(429) > 4000 && outcome.answered(503) == 0, "not its share");
    ensure!(outcome.most < MOST_MEMORY, "{} bytes", outcome.most);
    Ok(())
}

#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn large_bodies_of_many_agents_fill_the_workers_bound() -> Result<()> {
    let world = World::start("large-bodies-of-many", &json!({}))?;
    let agents = (0..46).map(|number| token(&format!("agent-{number}"), "task-1")).collect::<Result<Vec<_>>>()?;
    let outcome = world.attack(
        "4,600 bodies of 256 KiB, held",
        &unfinished_bodies(4600, |number| Ok(agents.get(number / 100).cloned().unwrap_or_default()))?,
        WORKERS * (256 << 20) / (BODY - 1),
        honest(token(BYSTANDER, "task-b")?),
    )?;
    ensure!(outcome.answered(503) > 2000, "the bound was not reached");
    ensure!(outcome.most < MOST_MEMORY, "{} bytes", outcome.most);
    Ok(())
}

#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn large_bodies_of_strangers_fill_their_pool() -> Result<()> {
    let world = World::start("large-bodies-of-strangers", &json!({}))?;
    world.issuer.answer(|_| Answer::Hang);
    let outcome = world.attack(
        "4,600 bodies of 256 KiB with tokens that nobody knows, held",
        &unfinished_bodies(4600, |number| Ok(format!("garbage-{number}")))?,
        WORKERS * 25,
        honest(token(BYSTANDER, "task-b")?),
    )?;
    ensure!(outcome.answered(429) > 4000, "not their pool");
    ensure!(outcome.most < MOST_MEMORY, "{} bytes", outcome.most);
    Ok(())
}

#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn streams_of_one_byte_fill_a_share() -> Result<()> {
    let world = World::start("streams", &json!({}))?;
    let one = shot(&token("agent-1", "task-1")?, 100, &Bytes::from_static(b"{"))?;
    let honest = honest(token(BYSTANDER, "task-b")?);
    let outcome = world.attack("16,384 streams of a byte", &vec![one; 16_384], WORKERS * 1024, honest)?;
    ensure!(outcome.answered(429) >= 16_384 - WORKERS * 1024, "more than its share is held");
    ensure!(outcome.most < MOST_MEMORY, "{} bytes", outcome.most);
    Ok(())
}

/// All of them time out at once.
#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn streams_that_wait_end_together() -> Result<()> {
    let world = World::start("ends", &json!({ "limits": { "body_wait": "5s" } }))?;
    let one = shot(&token("agent-1", "task-1")?, 100, &Bytes::from_static(b"{"))?;
    let honest = honest(token(BYSTANDER, "task-b")?);
    let outcome = world.attack("16,384 streams until they time out", &vec![one; 16_384], 0, honest)?;
    ensure!(outcome.answered(408) > WORKERS * 512, "hardly any timed out together");
    ensure!(outcome.most < MOST_MEMORY, "{} bytes", outcome.most);
    Ok(())
}

/// Approves what the bystander asks at once, and never what others do.
fn decides(seen: &Seen) -> Answer {
    if !String::from_utf8_lossy(&seen.body).contains(BYSTANDER) {
        return Answer::Hang;
    }
    react(&|asked, now| Approver::default().react(asked, now, &[]), seen)
}

/// Whether people were asked by somebody else than the bystander.
fn by_attackers(seen: &Seen) -> bool {
    !String::from_utf8_lossy(&seen.body).contains(BYSTANDER)
}

fn react(how: &dyn Fn(&Asked, u64) -> Result<Reaction>, seen: &Seen) -> Answer {
    let Seen { method, target, headers, body, trailers: _ } = seen.clone();
    let asked = Asked { cluster: String::new(), method, path: target, headers, body };
    match how(&asked, world::now()) {
        Ok(Reaction::Answer { status, headers, body, after: _ }) => Answer::Raw(status, headers, body),
        Ok(Reaction::Reset | Reaction::Silence) | Err(_) => Answer::Reset,
    }
}

#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn people_are_asked_a_few_times_by_one_agent() -> Result<()> {
    let world = World::start("step-ups", &json!({}))?;
    world.approver.answer(decides);
    let tokens = (0..21).map(|task| token("agent-1", &format!("task-{task}"))).collect::<Result<Vec<_>>>()?;
    let ask = |number: usize| {
        let token = tokens.get(number / 100).cloned().unwrap_or_default();
        whole(&token, &tool_call("transfer", &json!({ "number": number })))
    };
    let shots = (0..2100).map(ask).collect::<Result<Vec<_>>>()?;
    let outcome = world.attack("2,100 questions to people", &shots, 16, asking(token(BYSTANDER, "task-b")?))?;
    let asked = world.approver.seen().iter().filter(|seen| by_attackers(seen)).count();
    println!("   people were asked {asked} times by attackers");
    ensure!(asked == 16, "{asked} questions of one workload are open");
    ensure!(outcome.answered(429) == 2100 - 16, "not its share");
    ensure!(world.approver.count() - asked == outcome.served.calls, "the bystander's questions did not arrive");
    Ok(())
}

/// All of those who wait for people are told at once that nobody answers.
#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn people_are_asked_a_few_times_by_everybody() -> Result<()> {
    let world = World::start("step-ups-of-many", &json!({}))?;
    world.approver.answer(decides);
    let ask = |number: usize| {
        let agent = token(&format!("agent-{}", number / 14), &format!("task-{}", number % 14))?;
        whole(&agent, &tool_call("transfer", &json!({ "number": number })))
    };
    let shots = (0..2100).map(ask).collect::<Result<Vec<_>>>()?;
    let outcome = world.attack("2,100 questions of 150 agents", &shots, 0, honest(token(BYSTANDER, "task-b")?))?;
    let asked = world.approver.count();
    println!("   people were asked {asked} times");
    ensure!(asked == 256 && outcome.answered(503) + outcome.answered(429) == 2100, "{asked} questions are open");
    Ok(())
}

/// Knows tokens that begin with `good`, and takes its time over others.
fn introspects(seen: &Seen) -> Answer {
    let says = |says: Value| {
        let issuer = Introspector { says: Some(says), ..Introspector::default() };
        react(&|asked, now| issuer.react(asked, now), seen)
    };
    if String::from_utf8_lossy(&seen.body).starts_with("token=good") {
        return says(json!({ "iss": "https://as.test", "sub": BYSTANDER }));
    }
    Answer::Later(Duration::from_secs(1), Box::new(says(json!({ "active": false }))))
}

/// The tokens of the questions that were asked, without those of the bystander.
fn asked_about_garbage(world: &World) -> usize {
    world.issuer.seen().iter().filter(|seen| !String::from_utf8_lossy(&seen.body).starts_with("token=good")).count()
}

/// Every other call with a token that was never seen before.
fn known_and_new(number: usize) -> Call {
    let token = if number.is_multiple_of(2) { "good-known".to_owned() } else { format!("good-{number}") };
    honest(token)(number)
}

fn list(token: &str) -> Result<Shot> {
    whole(token, &tool_call("echo", &json!({})))
}

#[test]
#[ignore = "takes minutes: scripts/check --full"]
fn tokens_that_nobody_knows_do_not_hammer_their_issuer() -> Result<()> {
    let world = World::start("garbage", &json!({}))?;
    world.issuer.answer(introspects);
    let mut before = 0;
    for (what, count, token_of) in [
        ("7,617 tokens that nobody knows", 7617, (|number| format!("garbage-{number}")) as fn(usize) -> String),
        ("a token that nobody knows, 50 times", 50, |_| "inactive".to_owned()),
    ] {
        let began = Instant::now();
        let shots = (0..count).map(|number| list(&token_of(number))).collect::<Result<Vec<_>>>()?;
        world.attack(what, &shots, 0, known_and_new)?;
        let asked = asked_about_garbage(&world) - before;
        before += asked;
        // Sixty in a minute, for one address, in each worker; those under way when the budget was used up come on top.
        let minutes = usize::try_from(began.elapsed().as_secs() / 60)? + 1;
        let allowed = WORKERS * (60 * minutes + 25);
        println!("   the issuer was asked {asked} times about them, {allowed} allowed");
        ensure!(asked <= allowed, "the issuer was asked {asked} times");
    }
    Ok(())
}

#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn connections_with_garbage_leave_room_for_who_is_known() -> Result<()> {
    let world = World::start("connections", &json!({}))?;
    world.issuer.answer(introspects);
    let everywhere = |number: usize| {
        let address = u8::try_from(number / 100 + 1)?;
        // A hundred that wait for one answer.
        Ok(Shot { from: Ipv4Addr::new(127, 0, 2, address), ..list(&format!("shared-{address}"))? })
    };
    for (what, shots) in [
        (
            "2,100 tokens that nobody knows, at once",
            (0..2100).map(|number| list(&format!("garbage-{number}"))).collect(),
        ),
        ("the same from 21 addresses", (0..2100).map(everywhere).collect::<Result<Vec<_>>>()),
    ] {
        world.attack(what, &shots?, 0, honest("good-known".to_owned()))?;
    }
    Ok(())
}

#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn answers_that_never_end_fill_a_share() -> Result<()> {
    for (name, agents) in [("unfinished-lists-of-one", 1), ("unfinished-lists-of-many", 41)] {
        let world = World::start(name, &json!({}))?;
        let tokens = (0..agents).map(|agent| token(&format!("agent-{agent}"), "task-1")).collect::<Result<Vec<_>>>()?;
        let element = "x".repeat(250_000);
        let element_length = element.len();
        world.upstream.answer(move |seen| {
            if !String::from_utf8_lossy(&seen.body).contains("tools/list") {
                return world::answer(seen);
            }
            let media = ("content-type".to_owned(), "application/json".to_owned());
            let begun =
                format!(r#"{{"jsonrpc":"2.0","id":1,"result":{{"tools":[{{"name":"echo","description":"{element}"#);
            Answer::Unfinished(200, vec![media], begun.into_bytes())
        });
        let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
        let shots = (0..4070).map(|number| whole(tokens.get(number % agents).map_or("", String::as_str), &list));
        let shots = shots.collect::<Result<Vec<_>>>()?;
        let share = if agents == 1 { 16 << 20 } else { 128 << 20 };
        let (held, honest) = (WORKERS * share / element_length, honest(token(BYSTANDER, "task-b")?));
        let outcome = world.attack("4,070 lists that stop in an element", &shots, held, honest)?;
        let reason = if agents == 1 { "share_used_up" } else { "overloaded" };
        let cut = outcome.fates.get(&Fate::Cut { status: 200 }).copied().unwrap_or_default();
        ensure!(cut > 1000 && outcome.ended.get(reason) == Some(&cut), "{cut} were cut, ended {:?}", outcome.ended);
        ensure!(outcome.most < MOST_MEMORY, "{} bytes", outcome.most);
    }
    Ok(())
}

/// What Rego's builtins cost most.
const COSTLY: [(&str, &str); 3] = [
    ("contains for every item", "every x in args.list { not contains(args.big, x) }"),
    ("find", "count(regex.find_n(`.*[^a-z]|[a-z]`, args.big, -1)) > 0"),
    ("replace", "count(replace(args.big, \"x\", args.other)) > 0"),
];

#[test]
#[ignore = "takes a minute, and the module with Rego: scripts/check --full"]
fn costly_policies_in_rego_come_to_an_end() -> Result<()> {
    let calls = [
        json!({ "big": "x".repeat(120_000), "list": vec!["y"; 30_000] }),
        json!({ "big": "x".repeat(30_000), "list": vec!["y"; 7_000] }),
        json!({ "big": "x".repeat(60_000), "list": [] }),
        json!({ "big": "x".repeat(120_000), "other": "y".repeat(120_000), "list": [] }),
        json!({ "big": "x".repeat(30_000), "other": "y".repeat(30_000), "list": [] }),
    ];
    let agent = token("agent-1", "task-1")?;
    let shots =
        calls.iter().map(|arguments| whole(&agent, &tool_call("echo", arguments))).collect::<Result<Vec<_>>>()?;
    for (what, condition) in COSTLY {
        let rego = format!(
            "package countersign\n\nargs := input.context.args\n\ndefault decision := {{\"effect\": \"deny\"}}\n\n\
             decision := {{\"effect\": \"allow\"}} if {{ {condition} }}\n\n\
             decision := {{\"effect\": \"allow\"}} if {{ input.context.args.number >= 0 }}\n"
        );
        let world = World::start("rego", &json!({ "policy": { "rego": rego } }))?;
        let many: Vec<Shot> = shots.iter().cycle().take(100).cloned().collect();
        let outcome = world.attack(what, &many, 0, honest(token(BYSTANDER, "task-b")?))?;
        ensure!(outcome.most < MOST_MEMORY, "{} bytes", outcome.most);
    }
    Ok(())
}

#[test]
#[ignore = "takes a minute: scripts/check --full"]
fn costly_texts_under_grants_come_to_an_end() -> Result<()> {
    let world = World::start("grants", &json!({}))?;
    let escaped = format!("/data/%{}", "25".repeat(64_000));
    let shots = [json!({ "prefix": "/data/" }), json!({ "glob": "/data/**/*a*a*a*b" })].map(|constraint| {
        let grant = json!({
            "action": "mcp:tools/call", "resource": "payments", "object": "echo", "arguments": { "/path": constraint },
        });
        let agent = world::token_with("agent-1", "task-1", &json!([grant]))?;
        let long = ["a/".repeat(64_000), escaped.clone()];
        long.map(|path| whole(&agent, &tool_call("echo", &json!({ "path": path }))))
            .into_iter()
            .collect::<Result<Vec<_>>>()
    });
    let shots = shots.into_iter().collect::<Result<Vec<_>>>()?.concat();
    let many: Vec<Shot> = shots.iter().cycle().take(200).cloned().collect();
    let outcome =
        world.attack("paths of 128 KB under prefixes and globs", &many, 0, honest(token(BYSTANDER, "task-b")?))?;
    ensure!(outcome.most < MOST_MEMORY, "{} bytes", outcome.most);
    Ok(())
}
