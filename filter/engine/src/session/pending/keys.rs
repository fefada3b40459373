//! A held request whose token is signed with a key that is not known here: keys are being fetched.

use countersign_facts::reason::Reason;
use countersign_trust::credential::NeedKeys;
use countersign_trust::keys::{KeyStore, Wish};

use super::Pending;
use super::wait::{Ending, Wait};
use crate::session::{Next, Turn};

/// A fetch is under way, here or in another worker.
struct Coming(NeedKeys);

impl Pending {
    pub(super) fn await_keys(mut self: Box<Self>, turn: &mut Turn<'_>, need: NeedKeys) -> Next {
        let wish = if self.keys_awaited { Wish::Denied } else { turn.want_keys(need) };
        match wish {
            Wish::Coming => self.wait_for(turn, Wait::for_others(None, Coming(need))),
            // Another worker had newer ones; whether they are new enough is still open.
            Wish::Granted => self.advance(turn),
            Wish::Denied => {
                self.account.detail = turn.keys_of(need).and_then(KeyStore::trouble);
                // Where the newest keys could not be had, nobody knows whether the key is unknown.
                let failed = self.account.detail.is_some();
                self.deny(turn, if failed { Reason::KeysUnavailable } else { need.reason() })
            }
        }
    }
}

impl Ending for Coming {
    /// A fetch ends by itself: it is a call of the background's.
    fn is_over(&self, turn: &mut Turn<'_>) -> bool {
        !turn.keys_are_coming(self.0)
    }

    fn over(self: Box<Self>, mut pending: Box<Pending>, turn: &mut Turn<'_>) -> Next {
        pending.keys_awaited = true;
        pending.advance(turn)
    }
}

impl Turn<'_> {
    fn want_keys(&mut self, need: NeedKeys) -> Wish {
        let Some(store) = self.engine.keys.get(need.issuer.0) else { return Wish::Denied };
        store.want(need.seen, self.now, self.ledger)
    }

    fn keys_are_coming(&mut self, need: NeedKeys) -> bool {
        self.engine.keys.get(need.issuer.0).is_some_and(|store| store.is_coming(self.now, self.ledger))
    }

    fn keys_of(&self, need: NeedKeys) -> Option<&KeyStore> {
        self.engine.keys.get(need.issuer.0)
    }
}
