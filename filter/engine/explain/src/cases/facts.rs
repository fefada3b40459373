//! From what a case says to what a policy may read.

use std::time::Duration;

use countersign_engine::config::Config;
use countersign_policy::Approval;
use countersign_protocols::catalogue::Authentication;
use countersign_rights::claims::{self, ClaimRule, Claims, Unreadable};
use countersign_rights::task::{Grants, Task};
use countersign_rights::workload::{self, Identity, TokenFacts, Workload};
use countersign_tokens::UnixTime;
use countersign_tokens::{Algorithm, Subject};

use super::CaseError;
use super::format::{Actor, Caller, Machine, Named, Token, Work};

/// How long credentials, tasks and approvals last that do not say.
const LIFETIME: Duration = Duration::from_mins(5);

/// Who calls a gateway with `config`.
pub(super) fn workload(caller: &Caller, config: &Config) -> Result<Workload, CaseError> {
    let Caller {
        issuer,
        issuer_name,
        subject: _,
        machine,
        client_id: _,
        requester,
        trust_domain,
        kind,
        traits,
        classified,
        actors,
        claims: _,
        claims_elsewhere: _,
    } = caller;
    if let Some(machine) = machine {
        check(machine, caller, config)?;
    }
    // Every issuer of a pack names the same.
    let rules = config.vouchers().next().map_or(&[][..], |issuer| &issuer.claims);
    Ok(Workload {
        identity: identity(issuer, caller.named().ok_or(CaseError::NobodyNamed)?),
        issuer_name: issuer_name.clone(),
        tenant: None,
        trust_domain: trust_domain.clone(),
        kind: *kind,
        traits: traits.clone(),
        classified: *classified,
        actors: actors.iter().map(actor).collect(),
        client_id: caller.client().map(str::to_owned),
        requester: requester.clone(),
        claims: claims(caller, rules)?,
    })
}

/// That credentials of the issuer of `caller` can name `machine`.
fn check(machine: &Machine, caller: &Caller, config: &Config) -> Result<(), CaseError> {
    if caller.trust_domain.is_some() {
        return Err(CaseError::MachineOfSvid);
    }
    let issuer = config.vouchers().find(|issuer| issuer.rules.is_issuer(&caller.issuer));
    match issuer.and_then(|issuer| issuer.rules.machine_claim()) {
        Some(claim) if claim != machine.claim => Err(CaseError::OtherMachineClaim(claim.to_owned())),
        Some(_) | None
            if caller.client().is_some_and(|client| machine.claim == "client_id" && client != machine.id) =>
        {
            Err(CaseError::OtherClient(machine.id.clone()))
        }
        Some(_) | None => Ok(()),
    }
}

fn claims(caller: &Caller, rules: &[ClaimRule]) -> Result<Claims, CaseError> {
    let Caller { claims, claims_elsewhere, .. } = caller;
    let named = |name: &&String| rules.iter().any(|rule| rule.name == **name);
    if let Some(stranger) = claims.keys().chain(claims_elsewhere).find(|name| !named(name)) {
        return Err(CaseError::UnknownClaim(stranger.clone()));
    }
    let found = |rule: &ClaimRule| {
        let value = match claims.get(&rule.name) {
            _ if claims_elsewhere.contains(&rule.name) => Err(Unreadable::Elsewhere),
            None => Ok(None),
            Some(value) => claims::claim(rule.kind, value),
        };
        if rule.required && value == Ok(None) {
            return Err(CaseError::ClaimMissing(rule.name.clone()));
        }
        Ok(rule.found(value))
    };
    rules.iter().map(found).collect()
}

fn actor(actor: &Actor) -> workload::Actor {
    let Actor { issuer, subject, profile, kind } = actor;
    workload::Actor {
        identity: identity(issuer, subject.as_str().into()),
        profile: profile.clone(),
        kind: kind.as_ref().map(|word| word.0),
    }
}

pub(super) fn task(purpose: &Work, now: UnixTime) -> Task {
    let Work { id, purpose, expires } = purpose;
    let end = expires.map(UnixTime::from_secs);
    Task {
        id: id.clone(),
        purpose: purpose.clone(),
        // A case shows what policy says about a call that the task covers.
        grants: Grants::default(),
        asks: Grants::default(),
        end,
        expires: end.unwrap_or(now.plus(LIFETIME)),
    }
}

pub(super) fn token(token: &Token, now: UnixTime) -> TokenFacts {
    let Token { id, key_id, algorithm, issued, expires, acr, auth_time } = token;
    TokenFacts {
        id: id.clone(),
        key_id: key_id.clone(),
        algorithm: algorithm.map_or("ES256", |algorithm| algorithm.0.map_or("none", Algorithm::name)),
        issued: issued.map(UnixTime::from_secs),
        expires: expires.map_or(now.plus(LIFETIME), UnixTime::from_secs),
        authentication: Authentication { class: acr.clone(), time: auth_time.map(UnixTime::from_secs) },
    }
}

pub(super) fn approval(approver: &Named, now: UnixTime) -> Approval {
    let Named { issuer, subject } = approver;
    Approval {
        challenge: "challenge".to_owned(),
        approver: identity(issuer, subject.as_str().into()),
        expires: now.plus(LIFETIME),
        stated: true,
    }
}

fn identity(issuer: &str, subject: Subject) -> Identity {
    Identity { issuer: issuer.to_owned(), subject }
}
