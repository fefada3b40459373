//! A request that went upstream: nothing is decided any more, but its end may be worth a line.

use std::time::Duration;

use countersign_tokens::UnixTime;

use super::account::ended_line;
use super::request::{UnsafeTrailer, check_trailers};
use super::{Next, State, Turn};
use crate::io::{Cut, Input, Step};

/// A stream open for longer than this after its response began has outlived its decision.
const OUTLIVES: Duration = Duration::from_secs(5);

/// A forwarded stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Running {
    forwarded: UnixTime,
    response_began: Option<UnixTime>,
}

impl Running {
    pub(super) fn since(now: UnixTime) -> Self {
        Self { forwarded: now, response_began: None }
    }

    pub(super) fn handle(mut self, turn: &Turn<'_>, input: &Input<'_>) -> Next {
        match input {
            Input::ResponseHead { .. } => {
                self.response_began.get_or_insert(turn.now);
                Next::Wait(State::Running(self))
            }
            // The body was streamed past us and these come after it: they can only be cut off.
            Input::Trailers(trailers) => match check_trailers(trailers) {
                Ok(()) => Next::Wait(State::Running(self)),
                Err(UnsafeTrailer) => self.cut(turn, "unsafe_trailers", true),
            },
            Input::Closed => match self.response_began {
                None => self.cut(turn, "outcome_unknown", false),
                Some(began) if turn.now.since(began) > OUTLIVES => self.cut(turn, "closed", false),
                Some(_) => Next::Wait(State::Over),
            },
            Input::Head(_) | Input::Body { .. } | Input::CallDone(..) | Input::Tick(_) | Input::ResponseBody { .. } => {
                Next::Wait(State::Running(self))
            }
        }
    }

    fn cut(self, turn: &Turn<'_>, outcome: &'static str, reset: bool) -> Next {
        let line = ended_line(turn, turn.now.since(self.forwarded), outcome);
        Next::Done(Step::Cut(Cut { line, reset }))
    }
}
