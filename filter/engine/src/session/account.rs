//! What is known of a request so far, and the record, answer or forward made of it.

use std::sync::Arc;

use countersign_facts::headers::{HeaderEdit, Headers, same_name};
use countersign_facts::ids::DecisionId;
use countersign_facts::ledger::Entry;
use countersign_facts::reason::{Mend, Reason};
use countersign_facts::rollout::{Flip, Mode};
use countersign_facts::weight;
use countersign_policy::frameworks;
use countersign_policy::{Approval, Facts};
use countersign_protocols::action::Action;
use countersign_protocols::catalogue::Resource;
use countersign_protocols::denial::DenialForm;
use countersign_protocols::learned::Warning;
use countersign_protocols::route::Target;
use countersign_rights::hygiene::{self, Finding};
use countersign_rights::risk::Rating;
use countersign_rights::task::{Task, scope_for};
use countersign_tokens::{Subject, UnixTime, VerifiedProof};
use countersign_trust::credential::{self, Verified};
use serde_json::Value;

use super::Turn;
use super::request::is_reserved;
use crate::config::Config;
use crate::record::{self, Line};
use crate::reply::{Addressee, Denial, Reply};
use crate::sessions::{Digester, Seal};

/// What is known so far. Filled step by step; whatever ends the request tells it.
#[derive(Default)]
pub(super) struct Account {
    pub(super) verified: Option<Arc<Verified>>,
    /// What is unhealthy about how the request was made and, once that is known, about the credential.
    pub(super) findings: Vec<Finding>,
    /// What others' lists showed of the tool that is called, and the caller's did not.
    pub(super) warnings: Vec<Warning>,
    /// Makes keyed digests for the record, of an action that names URIs.
    pub(super) digester: Option<Digester>,
    /// The DPoP proof, to be spent.
    pub(super) proof: Option<VerifiedProof>,
    /// Whether a DPoP proof was missing or not good.
    pub(super) wants_proof: bool,
    /// A nonce for the client's next proofs, where the one it has is not good, or not for long.
    pub(super) nonce: Option<String>,
    pub(super) action: Option<Action>,
    /// The JSON-RPC id, also of messages that were refused while being read.
    pub(super) rpc_id: Option<Value>,
    pub(super) rating: Option<Rating>,
    pub(super) policies: Vec<String>,
    /// The sandbox that policy allows it into, and nowhere else.
    pub(super) sandbox: Option<String>,
    /// What policies in audit would have changed.
    pub(super) flips: Vec<Flip>,
    pub(super) detail: Option<String>,
    /// What the caller can mend.
    pub(super) mend: Option<Mend>,
    /// The challenge put to an approver, answered or not.
    pub(super) challenge: Option<String>,
    pub(super) approval: Option<Approval>,
    /// The seal of MCP sessions, where the request has one or opens one, and the upstream's id of the one it has.
    pub(super) seal: Option<Seal>,
    pub(super) session: Option<String>,
    /// Whether the client knows of what it asks for: the task names it, or it could be allowed with other arguments.
    pub(super) known: bool,
    /// What is used up when the call is forwarded: each until then.
    pub(super) uses: Vec<(Entry, UnixTime)>,
}

/// The request an account is about.
#[derive(Clone, Copy)]
pub(super) struct About<'a> {
    pub(super) target: Option<&'a Target>,
    pub(super) resource: Option<&'a Resource>,
    /// Whether what is decided about it is done.
    pub(super) mode: Mode,
    pub(super) source: Option<&'a str>,
    pub(super) headers: &'a Headers,
    /// Whether it came with a DPoP proof.
    pub(super) dpop: bool,
    pub(super) arrived: UnixTime,
}

impl Account {
    /// What the credential was issued for, once that is known.
    pub(super) fn task(&self) -> Option<&Task> {
        self.verified.as_deref()?.task.as_ref().ok()
    }

    /// Bytes of memory that it takes while the request is held.
    pub(super) fn weight(&self) -> usize {
        let claims = self.verified.as_deref().map_or(0, Verified::weight);
        let arguments = self.action.as_ref().and_then(Action::arguments).map_or(0, weight::of_sent);
        let names = self
            .action
            .iter()
            .flat_map(|action| action.several().iter().chain(&action.carried))
            .map(|name| weight::of_text(name))
            .sum::<usize>();
        let id = self.rpc_id.as_ref().map_or(0, weight::of_value);
        [arguments, names, id].into_iter().fold(claims, usize::saturating_add)
    }

    /// What policies may read of a request for `resource` that came from `source`, once all of it is known.
    pub(super) fn facts<'a>(
        &'a self,
        now: UnixTime,
        resource: &'a Resource,
        source: Option<&'a str>,
        approval: Option<&'a Approval>,
    ) -> Option<Facts<'a>> {
        let (verified, action) = (self.verified.as_deref()?, self.action.as_ref()?);
        Some(Facts {
            now,
            workload: &verified.workload,
            token: &verified.facts,
            findings: &self.findings,
            task: self.task()?,
            action,
            risk: self.rating.as_ref()?.risk,
            labels: action.labels(resource),
            source,
            approval,
        })
    }

    /// Of a request of which only the head is known, so far as it could be read.
    pub(super) fn of(target: Option<&Target>) -> Self {
        let secret = target.and_then(|target| target.query.as_deref()).is_some_and(hygiene::has_secret);
        Self { findings: secret.then_some(Finding::SecretInQuery).into_iter().collect(), ..Self::default() }
    }

    /// Takes note of who calls.
    pub(super) fn admit(&mut self, verified: Arc<Verified>) {
        self.findings.extend_from_slice(&verified.findings);
        self.findings.sort_unstable();
        self.verified = Some(verified);
    }

    /// The answer that denies with `reason`, and its record.
    pub(super) fn reply(&self, turn: &Turn<'_>, about: About<'_>, reason: Reason) -> Reply {
        let told = reason.told(self.known);
        let form = DenialForm::of(about.resource, about.target, about.headers, self.action.as_ref());
        let denial = Denial::new(told, form);
        let line = self.line(turn, about, reason, denial.status);
        let scope = self.action.as_ref().and_then(scope_for);
        let entry = |resource| self.action.as_ref().and_then(|action| action.entry(resource));
        let demand = about.resource.and_then(|resource| resource.demand(entry(resource)));
        let addressee = Addressee {
            id: turn.id,
            denial,
            proxy: about.resource.is_some_and(|resource| resource.interface.egress),
            rpc_id: self.rpc_id.as_ref(),
            dpop: about.dpop || self.wants_proof,
            nonce: self.nonce.as_deref(),
            metadata_url: about.resource.and_then(|resource| resource.metadata_url.as_deref()),
            scope: scope.as_deref(),
            demand,
            mend: self.mend.as_ref().filter(|_| told == Reason::ArgumentsUnfit),
        };
        Reply::deny(line, told, &addressee)
    }

    /// The one record of the decision that ended with `reason`.
    pub(super) fn line(&self, turn: &Turn<'_>, about: About<'_>, reason: Reason, status: u16) -> Line {
        record::Decision {
            reason,
            mode: about.mode,
            flips: &self.flips,
            id: turn.id,
            now: turn.now,
            arrived: about.arrived,
            status,
            resource: about.resource.map(|resource| resource.name.as_str()),
            target: about.target,
            source: about.source,
            verified: self.verified.as_deref(),
            task: self.task(),
            findings: &self.findings,
            warnings: &self.warnings,
            digester: self.digester.as_ref(),
            action: self.action.as_ref(),
            rating: self.rating.as_ref(),
            policies: &self.policies,
            maps: frameworks::on_record(reason, turn.engine.policy.maps(&self.policies)),
            sandbox: self.sandbox.as_deref(),
            detail: self.detail.as_deref(),
            challenge: self.challenge.as_deref(),
            approval: self.approval.as_ref(),
            revision: turn.engine.policy_revision(),
            bundle: turn.engine.bundle(),
            recorded_arguments: &turn.engine.config.record.arguments,
        }
        .line()
    }

    /// What the upstream learns about the caller.
    pub(super) fn identity_headers(&self, id: DecisionId) -> Vec<HeaderEdit> {
        let mut edits = vec![HeaderEdit::Set("x-countersign-decision", id.to_string())];
        if let Some(verified) = &self.verified {
            let identity = &verified.workload.identity;
            edits.push(HeaderEdit::Set("x-countersign-issuer", header_text(&identity.issuer)));
            edits.push(named(&identity.subject, "x-countersign-subject"));
            if let Some(actor) = verified.workload.actors.first() {
                edits.push(named(&actor.identity.subject, "x-countersign-actor"));
            }
        }
        if let Some(task) = self.task() {
            edits.push(HeaderEdit::Set("x-countersign-task", header_text(&task.id)));
        }
        edits
    }
}

/// The header that names `subject`: a `sub` and a machine are never in the same.
fn named(subject: &Subject, of_sub: &'static str) -> HeaderEdit {
    match subject {
        Subject::Sub(sub) => HeaderEdit::Set(of_sub, header_text(sub)),
        Subject::Machine(machine) => HeaderEdit::Set("x-countersign-machine", header_text(&machine.id)),
    }
}

/// Removes what a client may not say: reserved names and what `resource` ignores always, the credential unless it is configured
/// to go on.
pub(super) fn stripped(
    headers: &Headers,
    config: &Config,
    resource: Option<&Resource>,
    keep_credential: bool,
) -> Vec<HeaderEdit> {
    HeaderEdit::removals(headers, |name| {
        is_reserved(name)
            || resource.is_some_and(|resource| resource.ignores(name))
            || !keep_credential && credential::fields(&config.credential_headers).any(|field| same_name(name, field))
    })
}

/// Removes what a client may not say in a request that is on its way out: only what is `reserved`, and the credential.
pub(super) fn stripped_on_the_way_out(
    headers: &Headers,
    config: &Config,
    dpop: bool,
    reserved: impl Fn(&str) -> bool,
) -> Vec<HeaderEdit> {
    HeaderEdit::removals(headers, |name| {
        reserved(name) || credential::is_the_proxys(name, &config.credential_headers, dpop)
    })
}

/// `text` as a header value: printable ASCII that no reader takes for another text, everything else percent-encoded (RFC 3986
/// §2.1). Spaces at its ends are: readers trim them (RFC 9110 §5.5).
fn header_text(text: &str) -> String {
    const UNSAFE: percent_encoding::AsciiSet = percent_encoding::CONTROLS.add(b'%');
    const OUTSIDE: percent_encoding::AsciiSet = UNSAFE.add(b' ');
    let inside = text.trim_matches(' ');
    let (before, after) = text.split_once(inside).filter(|_| !inside.is_empty()).unwrap_or((text, ""));
    let encoded = |text, set| percent_encoding::utf8_percent_encode(text, set).to_string();
    [encoded(before, &OUTSIDE), encoded(inside, &UNSAFE), encoded(after, &OUTSIDE)].concat()
}

#[cfg(test)]
mod tests {
    use super::header_text;

    #[test]
    fn no_two_texts_are_one_header() {
        for (text, header) in [
            ("", ""),
            ("agent-7", "agent-7"),
            ("Jane  Doe", "Jane  Doe"),
            (" agent-7", "%20agent-7"),
            ("agent-7  ", "agent-7%20%20"),
            (" a a ", "%20a a%20"),
            ("   ", "%20%20%20"),
            ("%20agent-7", "%2520agent-7"),
            ("\tagent-7\u{a0}", "%09agent-7%C2%A0"),
            ("\u{2003}é\u{feff}", "%E2%80%83%C3%A9%EF%BB%BF"),
        ] {
            assert_eq!(header_text(text), header);
        }
    }
}
