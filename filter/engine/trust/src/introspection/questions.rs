//! Which tokens issuers are asked about at the moment, and which they just called not good: one question for each token under
//! way, and none for a while about what was refused.
//!
//! Who sends tokens that no issuer knows has a budget of them, by address and all together: past it, unknown tokens are turned
//! away without a question. Tokens that were good before are never in it, so who is known goes on.
//!
//! Per worker, and bounded; what was forgotten is asked again.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use countersign_facts::fifo::Fifo;
use countersign_facts::reason::Reason;
use countersign_rights::workload::Owner;
use countersign_tokens::UnixTime;

use crate::carrier::CacheKey;

/// How long a token that is not good is not asked about again: short, because an issuer's servers may not agree yet on a new one.
const REMEMBERED: Duration = Duration::from_secs(5);

/// Refused tokens that are remembered.
const REFUSED: usize = 1024;

/// Addresses whose budgets are remembered: whoever is not among them has not used any.
const ADDRESSES: usize = 4096;

/// In which time a budget is used up, and is there again.
const PERIOD: Duration = Duration::from_mins(1);

/// How many tokens that are not good issuers are asked about, in a minute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Budget {
    /// By one worker.
    pub worker: u32,
    /// For one address.
    pub address: u32,
}

/// The questions of one worker.
#[derive(Debug)]
pub struct Questions {
    budget: Budget,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    next: u64,
    under_way: BTreeMap<CacheKey, Number>,
    refused: Fifo<CacheKey, Refused>,
    spent: Spent,
    spent_at: Fifo<Owner, Spent>,
}

/// Tells a question from every other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Number(u64);

/// What an issuer said of a token that is not good, or that it did not say anything.
#[derive(Clone, Copy, Debug)]
struct Refused {
    question: Number,
    reason: Reason,
    /// For whoever did not wait for this very answer.
    until: UnixTime,
}

/// When a budget is whole again.
#[derive(Clone, Copy, Debug, Default)]
struct Spent(UnixTime);

/// What becomes of a token that only its issuer can read.
#[derive(Debug)]
pub enum Ask {
    /// The issuer is to be asked.
    Now(Asking),
    /// Somebody else has asked.
    Wait(Number),
    /// The answer is known.
    Refused(Reason),
    /// It is one unknown token too many.
    Over(Over),
}

/// Whose budget is used up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Over {
    Worker,
    Address,
}

impl Over {
    pub fn reason(self) -> Reason {
        match self {
            Self::Worker => Reason::Overloaded,
            Self::Address => Reason::ShareUsedUp,
        }
    }
}

impl fmt::Display for Over {
    /// For the record: the limit to look at.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Worker => "limits.refused_tokens.worker is reached",
            Self::Address => "limits.refused_tokens.address is reached",
        })
    }
}

/// A question under way; over when this is dropped.
#[derive(Debug)]
pub struct Asking {
    questions: Arc<Questions>,
    key: CacheKey,
    number: Number,
    asker: Owner,
}

impl Questions {
    pub fn new(budget: Budget) -> Self {
        let state = State {
            next: 0,
            under_way: BTreeMap::new(),
            refused: Fifo::new(REFUSED),
            spent: Spent::default(),
            spent_at: Fifo::new(ADDRESSES),
        };
        Self { budget, state: Mutex::new(state) }
    }

    /// What becomes of the token `key` that `asker` presents, who has `waited` for an answer about it if for any.
    pub fn want(self: &Arc<Self>, key: CacheKey, asker: Owner, now: UnixTime, waited: Option<Number>) -> Ask {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(refused) = state.refused.get(key).filter(|refused| refused.holds(now, waited)) {
            return Ask::Refused(refused.reason);
        }
        if let Some(number) = state.under_way.get(&key) {
            return Ask::Wait(*number);
        }
        if let Some(over) = state.over(self.budget, asker, now) {
            return Ask::Over(over);
        }
        let number = Number(state.next);
        state.next = state.next.wrapping_add(1);
        state.under_way.insert(key, number);
        Ask::Now(Asking { questions: Arc::clone(self), key, number, asker })
    }

    /// Whether `number`, about the token `key`, is still under way.
    pub fn is_under_way(&self, key: CacheKey, number: Number) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.under_way.get(&key) == Some(&number)
    }
}

impl Asking {
    /// The answer is that the token is not good, or it is none, for `reason`.
    pub fn refused(self, reason: Reason, now: UnixTime) {
        let Self { key, number: question, asker, .. } = self;
        let budget = self.questions.budget;
        let mut state = self.questions.state.lock().unwrap_or_else(PoisonError::into_inner);
        // Whether a token is good that could not be asked about is as open as before.
        let unanswered = reason == Reason::IntrospectionUnavailable;
        let until = if unanswered { now } else { now.plus(REMEMBERED) };
        state.refused.insert(key, Refused { question, reason, until });
        if !unanswered {
            state.spend(budget, asker, now);
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.questions.state.lock().unwrap_or_else(PoisonError::into_inner).under_way.remove(&self.key);
    }
}

impl State {
    fn over(&self, budget: Budget, asker: Owner, now: UnixTime) -> Option<Over> {
        if asker.is_verified() {
            return None;
        }
        let at = self.spent_at.get(asker).copied().unwrap_or_default();
        // Who is nowhere is not told apart from others who are.
        if asker != Owner::Unknown && at.is_over(budget.address, now) {
            return Some(Over::Address);
        }
        self.spent.is_over(budget.worker, now).then_some(Over::Worker)
    }

    fn spend(&mut self, budget: Budget, asker: Owner, now: UnixTime) {
        if asker.is_verified() {
            return;
        }
        self.spent = self.spent.and_one(budget.worker, now);
        let at = self.spent_at.get(asker).copied().unwrap_or_default();
        self.spent_at.insert(asker, at.and_one(budget.address, now));
    }
}

impl Refused {
    /// A clock that was put back makes no token refused for longer.
    fn holds(&self, now: UnixTime, waited: Option<Number>) -> bool {
        waited == Some(self.question) || (now < self.until && self.until.since(now) <= REMEMBERED)
    }
}

impl Spent {
    /// How much of [`PERIOD`] is used up. Clocks jump back a little; where one was put back by more than that, what was spent
    /// before is forgiven.
    fn used(self, now: UnixTime) -> Duration {
        let used = self.0.since(now);
        if used > PERIOD.saturating_mul(2) { Duration::ZERO } else { used.min(PERIOD) }
    }

    fn is_over(self, budget: u32, now: UnixTime) -> bool {
        self.used(now) > PERIOD.saturating_sub(PERIOD / budget.max(1))
    }

    fn and_one(self, budget: u32, now: UnixTime) -> Self {
        let used = self.used(now).saturating_add(PERIOD / budget.max(1));
        Self(now.plus(used.min(PERIOD)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::Carrier;

    const BUDGET: Budget = Budget { worker: 6, address: 4 };

    fn key(token: &str) -> CacheKey {
        CacheKey::of(Carrier::Authorization, token)
    }

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(1_800_000_000 + secs)
    }

    fn address(number: u8) -> Owner {
        Owner::Address([192, 0, 2, number].into())
    }

    fn questions() -> Arc<Questions> {
        Arc::new(Questions::new(BUDGET))
    }

    /// Presents `token`, which is not good; whether the issuer was asked.
    fn refuse(questions: &Arc<Questions>, token: &str, asker: Owner, now: UnixTime) -> Result<bool, Over> {
        match questions.want(key(token), asker, now, None) {
            Ask::Now(asking) => {
                asking.refused(Reason::TokenInactive, now);
                Ok(true)
            }
            Ask::Wait(_) | Ask::Refused(_) => Ok(false),
            Ask::Over(over) => Err(over),
        }
    }

    /// The question that has to be waited for, if one has.
    fn waited_for(ask: &Ask) -> Option<Number> {
        match ask {
            Ask::Wait(number) => Some(*number),
            Ask::Now(_) | Ask::Refused(_) | Ask::Over(_) => None,
        }
    }

    #[test]
    fn one_question_for_each_token_under_way() {
        let questions = questions();
        let first = questions.want(key("a"), address(1), at(0), None);
        let number = waited_for(&questions.want(key("a"), address(2), at(0), None));
        let is_under_way = || number.is_some_and(|number| questions.is_under_way(key("a"), number));
        assert!(matches!(questions.want(key("b"), address(2), at(0), None), Ask::Now(_)));
        assert!(is_under_way());
        // Whoever asked is gone: somebody else asks.
        drop(first);
        assert!(!is_under_way());
        assert!(matches!(questions.want(key("a"), address(2), at(0), number), Ask::Now(_)));
    }

    #[test]
    fn a_refused_token_is_not_asked_about_again_for_a_moment() {
        let questions = questions();
        assert_eq!(refuse(&questions, "a", address(1), at(0)), Ok(true));
        for (secs, asked) in [(0, false), (4, false), (5, true), (6, false)] {
            assert_eq!(refuse(&questions, "a", address(2), at(secs)), Ok(asked), "after {secs} s");
        }
        // The clock is put back by an hour.
        let before = UnixTime::from_secs(1_800_000_000 - 3600);
        assert_eq!(refuse(&questions, "a", address(2), before), Ok(true));
    }

    #[test]
    fn no_answer_is_one_for_those_who_waited_for_it() {
        let questions = questions();
        let first = questions.want(key("a"), address(1), at(0), None);
        let number = waited_for(&questions.want(key("a"), address(2), at(0), None));
        if let Ask::Now(asking) = first {
            asking.refused(Reason::IntrospectionUnavailable, at(1));
        }
        let told = questions.want(key("a"), address(2), at(1), number);
        assert!(matches!(told, Ask::Refused(Reason::IntrospectionUnavailable)), "{told:?}");
        assert!(matches!(questions.want(key("a"), address(3), at(1), None), Ask::Now(_)));
    }

    #[test]
    fn an_address_and_all_of_them_have_a_budget_that_comes_back() {
        let questions = questions();
        let mut number = 0;
        let mut present = |asker, now| {
            number += 1;
            refuse(&questions, &format!("token {number}"), asker, now)
        };
        for _ in 0..4 {
            assert_eq!(present(address(1), at(0)), Ok(true));
        }
        assert_eq!(present(address(1), at(0)), Err(Over::Address));
        assert_eq!(present(address(2), at(0)), Ok(true));
        assert_eq!(present(Owner::Unknown, at(0)), Ok(true));
        assert_eq!(present(address(2), at(0)), Err(Over::Worker));
        // Who was known before is in no budget.
        assert_eq!(present(Owner::Workload([1; 32]), at(0)), Ok(true));
        assert_eq!(present(address(2), at(10)), Ok(true));
        assert_eq!(present(address(1), at(14)), Err(Over::Address));
        assert_eq!(present(address(1), at(20)), Ok(true));
        // A clock that jumps back gives nothing back, and one that was put back by an hour blocks nobody for an hour.
        for _ in 0..4 {
            assert_eq!(present(address(3), at(100)), Ok(true));
        }
        assert_eq!(present(address(3), at(99)), Err(Over::Address));
        assert_eq!(present(address(1), UnixTime::from_secs(1_800_000_000 - 3600)), Ok(true));
    }

    #[test]
    fn good_tokens_use_nothing_up() {
        let questions = questions();
        for number in 0..100 {
            let asked = questions.want(key(&number.to_string()), address(1), at(0), None);
            assert!(matches!(asked, Ask::Now(_)), "{asked:?}");
        }
    }
}
