//! What a call uses up: a proof when the call is first held, everything else when it is let go; all of it, or nothing.
//!
//! A proof is judged by when its request came, however long that is held, and remembered for as long as another request with it
//! could come, or come to be judged. So it is used up before anything is waited for: were it used up when the call is let go, two
//! calls with one proof could both outlast its end, and neither would be known to the other. What a call that is not let go has
//! taken is given back, so that nothing is lost by an answer such as `share_used_up`; but a proof that was shown stays shown.

use std::time::Duration;

use countersign_facts::board::LedgerError;
use countersign_facts::ledger::{Entry, Spent};
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Mode;
use countersign_tokens::{UnixTime, VerifiedProof};
use countersign_trust::credential::Verified;

use super::Turn;
use super::account::Account;
use super::decide::{entry, one_shot_entry, proof_entry};
use super::request::Request;

/// How long a spent approval is remembered after it lapsed: answers older than this are refused by their timestamp.
const ANSWER_LIFETIME: Duration = Duration::from_mins(10);

/// How long a proof is remembered after it ended: for so long a call that came with it may wait until its issuer's keys, or what
/// its issuer says about the token, are there.
const UNJUDGED: Duration = Duration::from_secs(10);

/// One thing to be used up.
struct Use {
    entry: Entry,
    /// For so long it is remembered.
    until: UnixTime,
    /// What is told to whoever finds it used up.
    before: Reason,
}

/// Until when `proof` is remembered once it was used.
pub(super) fn remembered(proof: &VerifiedProof) -> UnixTime {
    proof.expires.plus(UNJUDGED)
}

impl Turn<'_> {
    /// Uses up the proof that `request` came with, if that is not done yet; it is about to be held. What is only watched uses up
    /// nothing.
    pub(super) fn show_proof(&mut self, request: &mut Request, account: &Account) -> Result<(), Reason> {
        let Some(proof) = account.proof.as_ref().filter(|proof| !request.has_shown(proof)) else { return Ok(()) };
        if self.engine.mode(self.engine.resource(request.resource)) == Mode::Audit {
            return Ok(());
        }
        let verified = account.verified.as_deref().ok_or(Reason::Internal)?;
        self.spend_once(&Use::of_proof(verified, proof))?;
        request.shown = Some(proof.id);
        Ok(())
    }

    /// Uses up what may be used once, at the last moment before forwarding.
    pub(super) fn spend(&mut self, request: &Request, account: &Account) -> Result<(), Reason> {
        let uses = self.uses_of(request, account)?;
        for (number, wanted) in uses.iter().enumerate() {
            if let Err(reason) = self.spend_once(wanted) {
                for taken in uses.iter().take(number) {
                    // What cannot be given back stays used up.
                    let _ = self.ledger.give_back(&taken.entry, taken.until);
                }
                return Err(reason);
            }
        }
        Ok(())
    }

    fn uses_of(&self, request: &Request, account: &Account) -> Result<Vec<Use>, Reason> {
        let verified = account.verified.as_deref().ok_or(Reason::Internal)?;
        let issuer = self.engine.config.issuers.get(verified.issuer().0).ok_or(Reason::Internal)?;
        let mut uses: Vec<Use> = Vec::new();
        if let Some(proof) = account.proof.as_ref().filter(|proof| !request.has_shown(proof)) {
            uses.push(Use::of_proof(verified, proof));
        }
        let counted =
            |(entry, until): &(Entry, UnixTime)| Use { entry: *entry, until: *until, before: Reason::CallLimitReached };
        uses.extend(account.uses.iter().map(counted));
        if issuer.one_shot {
            let entry = one_shot_entry(verified).ok_or(Reason::ClaimRefused)?;
            let until = verified.facts.expires.plus(issuer.voucher.rules.leeway());
            uses.push(Use { entry, until, before: Reason::TokenSpent });
        }
        if let Some(approval) = &account.approval {
            // Something else may have been waited for since it was given.
            if approval.stated && approval.expires <= self.now {
                return Err(Reason::ApprovalExpired);
            }
            let until = approval.expires.plus(ANSWER_LIFETIME);
            let entry = entry(verified, &["approval", &approval.challenge]);
            uses.push(Use { entry, until, before: Reason::ApprovalReplayed });
        }
        Ok(uses)
    }

    fn spend_once(&mut self, Use { entry, until, before }: &Use) -> Result<(), Reason> {
        match self.ledger.spend(self.now, entry, *until) {
            Ok(Spent::Now) => Ok(()),
            Ok(Spent::Before) => Err(*before),
            Err(LedgerError::Full) => Err(Reason::ShareUsedUp),
            Err(LedgerError::Unavailable) => Err(Reason::LedgerUnavailable),
        }
    }
}

impl Use {
    fn of_proof(verified: &Verified, proof: &VerifiedProof) -> Self {
        Self { entry: proof_entry(verified, proof), until: remembered(proof), before: Reason::ProofReplayed }
    }
}
