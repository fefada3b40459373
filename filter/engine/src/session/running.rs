//! A request that went upstream: nothing is decided about it any more, but its end may be worth a line, and what of the
//! response matters is looked after by [`Watch`].

use std::time::Duration;

use countersign_facts::headers::Headers;
use countersign_facts::rollout::Mode;
use countersign_protocols::response::TaskEnd;
use countersign_tokens::UnixTime;

use super::request::{UnsafeTrailer, check_trailers, without_identity};
use super::response::{HeadShows, Passed, Stop, Watch};
use super::{Next, State, Turn};
use crate::io::{Cut, Input, Step};
use crate::record::{self, Line};

/// A stream open for longer than this after its response began has outlived its decision.
const OUTLIVES: Duration = Duration::from_secs(5);

/// A forwarded stream.
pub(super) struct Running {
    mode: Mode,
    forwarded: UnixTime,
    response_began: Option<UnixTime>,
    /// Looks after the response, where it matters.
    watch: Option<Box<Watch>>,
    /// The A2A task that it said is over.
    ended: Option<TaskEnd>,
    /// How it would have been cut off, were it not only watched.
    spared: Option<&'static str>,
    /// How it ends, now that the client was told why.
    leaving: Option<&'static str>,
}

impl Running {
    pub(super) fn since(now: UnixTime, watch: Option<Box<Watch>>) -> Self {
        let (mode, response_began, ended, spared, leaving) = (Mode::Enforce, None, None, None, None);
        Self { mode, forwarded: now, response_began, watch, ended, spared, leaving }
    }

    /// Of a request that is only watched, and so is the response.
    pub(super) fn observed(now: UnixTime, watch: Option<Box<Watch>>) -> Self {
        Self { mode: Mode::Audit, ..Self::since(now, watch) }
    }

    pub(super) fn observes(&self) -> bool {
        self.watch.is_some()
    }

    /// Whether it is about to be cut off: what its client was told last is on its way.
    pub(super) fn leaves(&self) -> bool {
        self.leaving.is_some()
    }

    pub(super) fn handle(mut self, turn: &mut Turn<'_>, input: &Input<'_>) -> Next {
        match input {
            Input::ResponseHead { headers, end } => {
                self.response_began.get_or_insert(turn.now);
                let Some(watch) = self.watch.take() else { return Next::Wait(State::Running(self)) };
                match (watch.head(headers, *end), self.mode) {
                    (HeadShows::Nothing, _) => Next::Wait(State::Running(self)),
                    (HeadShows::Head(edits, watch), Mode::Enforce) => {
                        Next::Run(Self { watch, ..self }, Step::EditResponse(edits))
                    }
                    (HeadShows::Head(_, watch), Mode::Audit) => Next::Wait(State::Running(Self { watch, ..self })),
                    (HeadShows::Refused(watch, refused), Mode::Enforce) => {
                        let line = self.line(turn, refused.outcome());
                        Next::Done(Step::AnswerInstead(watch.refusal(turn, refused.reason(), line)))
                    }
                    (HeadShows::Refused(_, refused), Mode::Audit) => self.spare(refused.outcome()),
                }
            }
            Input::ResponseBody { .. } if self.leaves() => Next::Run(self, Step::ReplaceChunk(Vec::new())),
            Input::ResponseBody { chunk, end } => self.body(turn, chunk, *end),
            Input::Trailers(trailers) => self.trailers(turn, trailers),
            Input::Closed => match self.outcome(turn.now) {
                Some(outcome) => self.cut(turn, outcome, false),
                None => Next::Wait(State::Over),
            },
            Input::Tick(_) => match self.leaving {
                Some(outcome) => self.cut(turn, outcome, true),
                None => Next::Wait(State::Running(self)),
            },
            Input::Head(_) | Input::Body { .. } | Input::CallDone(..) => Next::Wait(State::Running(self)),
        }
    }

    /// The body was streamed past us and these come after it.
    fn trailers(self, turn: &Turn<'_>, trailers: &Headers) -> Next {
        match self.mode {
            Mode::Enforce => match check_trailers(trailers, &turn.engine.config) {
                Ok(()) => Next::Wait(State::Running(self)),
                // They can only be cut off.
                Err(UnsafeTrailer) => self.cut(turn, "unsafe_trailers", true),
            },
            Mode::Audit => {
                let edits = without_identity(trailers);
                if edits.is_empty() {
                    return Next::Wait(State::Running(self));
                }
                Next::Run(self, Step::EditTrailers(edits))
            }
        }
    }

    fn body(mut self, turn: &mut Turn<'_>, chunk: &[u8], end: bool) -> Next {
        let Some(watch) = &mut self.watch else { return Next::Wait(State::Running(self)) };
        match (watch.body(turn, chunk, end), self.mode) {
            (Ok(Passed::Instead(bytes)), Mode::Enforce) => Next::Run(self, Step::ReplaceChunk(bytes)),
            (Ok(Passed::AsItIs | Passed::Instead(_)), _) => Next::Wait(State::Running(self)),
            (Ok(Passed::Rest(ended)), _) => Next::Wait(State::Running(Self { watch: None, ended, ..self })),
            (Err(Stop { outcome, last: Some(last) }), Mode::Enforce) => {
                Next::Run(Self { leaving: Some(outcome), ..self }, Step::ReplaceChunk(last))
            }
            (Err(Stop { outcome, last: None }), Mode::Enforce) => self.cut(turn, outcome, true),
            (Err(Stop { outcome, last: _ }), Mode::Audit) => self.spare(outcome),
        }
    }

    /// Goes on where the stream would have been cut off, and looks at nothing more of it.
    fn spare(self, outcome: &'static str) -> Next {
        Next::Wait(State::Running(Self { watch: None, spared: Some(outcome), ..self }))
    }

    /// What of a stream that ended by itself is worth a line.
    fn outcome(&self, now: UnixTime) -> Option<&'static str> {
        let Some(began) = self.response_began else { return Some("outcome_unknown") };
        if let Some(notable) = self.watch.as_ref().and_then(|watch| watch.notable()) {
            return Some(notable);
        }
        let ended = self.ended.as_ref().map(|end| end.how.outcome());
        ended.or(self.leaving).or(self.spared).or((now.since(began) > OUTLIVES).then_some("closed"))
    }

    fn cut(self, turn: &Turn<'_>, outcome: &'static str, reset: bool) -> Next {
        Next::Done(Step::Cut(Cut { line: self.line(turn, outcome), reset }))
    }

    /// The record of its end.
    fn line(&self, turn: &Turn<'_>, outcome: &'static str) -> Line {
        let task = self.ended.as_ref().map(|end| end.task.as_str());
        record::ended(turn.id, turn.now, self.forwarded, self.mode, outcome, task)
    }
}
