//! Which call a gateway's token belongs to.
//!
//! Decides nothing: an answer whose token is not here is late or was never asked for, and is dropped. How many there may be
//! is the engine's business.

use std::collections::BTreeMap;

use countersign_facts::calls::CallId;

/// Who asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// The stream with this context.
    Stream(u32),
    /// The background of the configuration installed as the n-th.
    Background(u32),
}

/// The calls in flight, by token.
#[derive(Debug, Default)]
pub(crate) struct Calls(BTreeMap<u32, (Owner, CallId)>);

impl Calls {
    /// A call was dispatched.
    pub(crate) fn add(&mut self, token: u32, owner: Owner, id: CallId) {
        self.0.insert(token, (owner, id));
    }

    /// Its answer arrived: who asked, once.
    pub(crate) fn take(&mut self, token: u32) -> Option<(Owner, CallId)> {
        self.0.remove(&token)
    }

    /// `owner` is gone. How many of its calls were in flight.
    pub(crate) fn forget(&mut self, owner: Owner) -> usize {
        let before = self.0.len();
        self.0.retain(|_, (who, _)| *who != owner);
        before.saturating_sub(self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_answered_once() {
        let mut calls = Calls::default();
        calls.add(5, Owner::Stream(2), CallId(1));
        assert_eq!(calls.take(4), None);
        assert_eq!(calls.take(5), Some((Owner::Stream(2), CallId(1))));
        assert_eq!(calls.take(5), None);
    }

    #[test]
    fn only_the_calls_of_who_left_are_forgotten() {
        let mut calls = Calls::default();
        calls.add(1, Owner::Stream(2), CallId(1));
        calls.add(2, Owner::Stream(3), CallId(1));
        calls.add(3, Owner::Background(2), CallId(1));
        calls.add(4, Owner::Stream(2), CallId(2));
        assert_eq!(calls.forget(Owner::Stream(2)), 2);
        assert_eq!(calls.take(1), None);
        assert_eq!(calls.take(2), Some((Owner::Stream(3), CallId(1))));
        assert_eq!(calls.take(3), Some((Owner::Background(2), CallId(1))));
    }
}
