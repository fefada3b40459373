//! The engine in this process, as callgrind watches it: the same exchange again and again, each stage in a function of its
//! own that callgrind can be told to look at.

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, bail};
use countersign_engine::config::NoSecrets;
use countersign_engine::io::{Input, Step};
use countersign_engine::{Engine, Session};
use countersign_facts::headers::{Headers, RequestHead};
use countersign_facts::ids::DecisionId;
use countersign_facts::ledger::MemoryLedger;
use countersign_tokens::UnixTime;
use countersign_tokens::{CompactJws, Key, TokenError, Verifier};
use stats_alloc::{Region, Stats};

use super::{COUNTED, PerStage, Stage, WARM, World};
use crate::ALLOCATOR;
use crate::load::{self, ANSWER};
use crate::tokens;

/// A gateway's cryptography, which is not what is counted.
struct Believes;

impl Verifier for Believes {
    fn verify(&self, _jws: &CompactJws<'_>, _key: &Key) -> Result<(), TokenError> {
        Ok(())
    }
}

/// What runs a stage.
type Runs<'a> = &'a mut dyn FnMut(Stage, &mut dyn FnMut());

/// Decides about every token of the world in `file`, for callgrind.
pub(crate) fn run(file: &Path) -> Result<()> {
    decide(&serde_json::from_slice(&std::fs::read(file)?)?, &mut counted)
}

/// What each stage asks the allocator for, on average.
#[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
pub(super) fn allocations(world: &World) -> Result<PerStage<f64>> {
    let mut counted = PerStage::default();
    decide(world, &mut |stage, work| {
        let region = Region::new(ALLOCATOR);
        work();
        let Stats { allocations, reallocations, .. } = region.change();
        *counted.of(stage) += (allocations + reallocations) as f64 / COUNTED as f64;
    })?;
    Ok(counted)
}

/// Decides about every token of `world`; those after the first ones by way of `counted`.
fn decide(world: &World, counted: Runs<'_>) -> Result<()> {
    let configuration = serde_json::to_vec(&world.configuration)?;
    let engine = Engine::load_with(&configuration, &NoSecrets, Box::new(Believes))?.seeded([7; 32]);
    let mut ledger = MemoryLedger::of(engine.limits().ledger);
    let engine = Arc::new(engine);
    let now = UnixTime::from_secs(tokens::now()?);
    for (number, token) in world.tokens.iter().enumerate() {
        let runs: Runs<'_> = if number < WARM { &mut uncounted } else { counted };
        let id = DecisionId::from_random(u128::try_from(number)?.to_be_bytes());
        exchange(&engine, id, &mut ledger, now, &world.body, token, runs)?;
    }
    Ok(())
}

fn exchange(
    engine: &Arc<Engine>,
    id: DecisionId,
    ledger: &mut MemoryLedger,
    now: UnixTime,
    body: &str,
    token: &str,
    runs: Runs<'_>,
) -> Result<()> {
    let mut session = Session::new(Arc::clone(engine), id);
    let headers = Headers::new(load::head(token));
    let mut head = Some(RequestHead { headers, source: Some(load::PEER.to_owned()), ..RequestHead::default() });
    let mut step = Step::Wait;
    runs(Stage::Head, &mut || {
        if let Some(head) = head.take() {
            step = session.handle(engine, now, Input::Head(head), ledger);
        }
    });
    runs(Stage::Body, &mut || {
        step = session.handle(engine, now, Input::Body { chunk: body.as_bytes(), end: true }, ledger);
    });
    let Step::Forward(_) = step else { bail!("not forwarded: {step:?}") };
    let mut answer = Some(Headers::new(load::answer_head()));
    runs(Stage::Response, &mut || {
        let headers = answer.take().unwrap_or_default();
        drop(session.handle(engine, now, Input::ResponseHead { headers, end: false }, ledger));
        if session.observes() {
            step = session.handle(engine, now, Input::ResponseBody { chunk: ANSWER.as_bytes(), end: true }, ledger);
        }
    });
    if let Step::Cut(_) | Step::AnswerInstead(_) = step {
        bail!("not passed: {step:?}");
    }
    runs(Stage::End, &mut || step = session.handle(engine, now, Input::Closed, ledger));
    drop(session);
    Ok(())
}

fn uncounted(_: Stage, work: &mut dyn FnMut()) {
    work();
}

fn counted(stage: Stage, work: &mut dyn FnMut()) {
    match stage {
        Stage::Head => counted_head(work),
        Stage::Body => counted_body(work),
        Stage::Response => counted_response(work),
        Stage::End => counted_end(work),
    }
}

impl Stage {
    /// A pattern of callgrind's for the function below.
    pub(super) const fn function(self) -> &'static str {
        match self {
            Self::Head => "*counted_head*",
            Self::Body => "*counted_body*",
            Self::Response => "*counted_response*",
            Self::End => "*counted_end*",
        }
    }
}

// Different, or the compiler would make one function of them.

#[inline(never)]
fn counted_head(work: &mut dyn FnMut()) {
    black_box(Stage::Head);
    work();
}

#[inline(never)]
fn counted_body(work: &mut dyn FnMut()) {
    black_box(Stage::Body);
    work();
}

#[inline(never)]
fn counted_response(work: &mut dyn FnMut()) {
    black_box(Stage::Response);
    work();
}

#[inline(never)]
fn counted_end(work: &mut dyn FnMut()) {
    black_box(Stage::End);
    work();
}
