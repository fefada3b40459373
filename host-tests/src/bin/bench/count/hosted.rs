//! The built module in the scripted host: which hostcalls a decision makes.

use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::scripted::{Module, Options, ScriptedHost};

use super::{PerStage, WARM, World};
use crate::load::{self, ANSWER};
use crate::tokens;

/// How many hostcalls the last of the first decisions about `world` makes, by stage.
pub(super) fn count(world: &World) -> Result<PerStage<u64>> {
    let options =
        Options { source: Some(load::PEER.to_owned()), now: Duration::from_secs(tokens::now()?), ..Options::default() };
    let mut host = ScriptedHost::new(Module::built()?, &serde_json::to_vec(&world.configuration)?, &[], options)?;
    host.tick(Duration::ZERO)?;
    let mut counted = PerStage::default();
    for token in world.tokens.iter().take(WARM) {
        counted = exchange(&mut host, world, token)?;
    }
    Ok(counted)
}

fn exchange(host: &mut ScriptedHost, world: &World, token: &str) -> Result<PerStage<u64>> {
    let fields = load::head(token);
    let head: Vec<_> = fields.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let answer = load::answer_head();
    let answer: Vec<_> = answer.iter().map(|(name, value)| (name.as_str(), value.as_slice())).collect();
    let before = host.hostcalls();
    let stream = host.request(&head, false)?;
    let after_head = host.hostcalls();
    host.body(stream, world.body.as_bytes(), true)?;
    let after_body = host.hostcalls();
    let logs = host.logs();
    ensure!(host.forwarded(stream).is_some(), "not forwarded: {}", logs.last().context("nothing is logged")?);
    host.response(stream, &answer, false)?;
    host.response_body(stream, ANSWER.as_bytes(), true)?;
    let after_response = host.hostcalls();
    host.close(stream)?;
    let after_end = host.hostcalls();
    Ok(PerStage([
        after_head - before,
        after_body - after_head,
        after_response - after_body,
        after_end - after_response,
    ]))
}
