//! One recorded decision, judged again: where it would go, what the catalogue says, what policies say.

use std::collections::BTreeSet;

use countersign_engine::catalogue::{Demand, Resource};
use countersign_engine::check::Check;
use countersign_engine::config::{Config, Unmatched};
use countersign_engine::headers::Headers;
use countersign_engine::io::RequestHead;
use countersign_engine::policy::{CedarPolicy, Facts, Judgement};
use countersign_engine::reason::Reason;
use countersign_engine::rollout::Effect;
use countersign_engine::route::{self, Target};

use super::Turn;
use super::facts::Known;
use super::record::Record;

/// What came of it.
pub(super) enum Outcome {
    Same,
    Flips(Turn),
    /// These are not recorded.
    Undetermined(Vec<String>),
    /// Policy had no part in it.
    NotJudged,
}

/// What `config` and its `policy` make of `record`.
pub(super) fn judge(record: &Record, config: &Config, policy: Option<&CedarPolicy>) -> Outcome {
    let Some(reason) = record.reason() else { return Outcome::NotJudged };
    let Some(from) = before(reason) else { return Outcome::NotJudged };
    let (to, reason, policies) = match again(record, reason, config, policy) {
        Judgement::Decided { effect, reason, policies } => (effect, reason, policies),
        Judgement::Open(names) => return Outcome::Undetermined(names.into_iter().collect()),
    };
    // The task itself had asked for the approval, of something that policies permit; it would ask again.
    let asked_by_task =
        from == Effect::StepUp && to == Effect::Allow && record.policies.iter().any(|id| policies.contains(id));
    if from == to || asked_by_task {
        return Outcome::Same;
    }
    let reason = reason.map(|reason| reason.row().code);
    Outcome::Flips(Turn { from: from.name(), to: to.name(), reason, policies, before: record.policies.clone() })
}

/// What catalogue and policies had said; none where something before them decided, or after them.
fn before(reason: Reason) -> Option<Effect> {
    match Check::of(reason)? {
        Check::Catalogue => Some(Effect::Deny),
        // Nobody was asked, or the decision point elsewhere said nothing.
        Check::Policy => (![Reason::PdpUnavailable, Reason::PolicyStale].contains(&reason)).then_some(Effect::Deny),
        Check::Seen => (reason == Reason::Allowed).then_some(Effect::Allow),
        Check::Approval if reason == Reason::ApprovalUnavailable => Some(Effect::Deny),
        Check::Approval => Some(Effect::StepUp),
        Check::Request
        | Check::Route
        | Check::Credential
        | Check::Possession
        | Check::Workload
        | Check::Task
        | Check::Ledger
        | Check::Action
        | Check::Session
        | Check::Grants
        | Check::Authentication => None,
    }
}

fn again(record: &Record, reason: Reason, config: &Config, policy: Option<&CedarPolicy>) -> Judgement {
    let Some(target) = target(record) else { return open("/request") };
    let Ok(found) = resource(config, &target) else { return open("/request/route") };
    let Some(resource) = found else {
        return match config.unmatched {
            Unmatched::Deny => deny(Reason::NoResource),
            Unmatched::Pass => decided(Effect::Allow, None, Vec::new()),
        };
    };
    let Some(known) = Known::of(record, resource, &target, config) else { return open("/action") };
    if resource.interface.closed && resource.declared(&known.action).is_none() {
        return deny(Reason::Undeclared);
    }
    let Some(policy) = policy else { return Judgement::Open(others(config)) };
    let facts = Facts {
        now: record.now(),
        workload: &known.workload,
        token: &known.token,
        findings: &known.findings,
        task: &known.task,
        action: &known.action,
        risk: known.risk,
        labels: resource.labels(&known.action),
        source: record.source.as_deref(),
        approval: None,
    };
    let judgement = policy.judge(&facts, known.action.parts().iter().map(AsRef::as_ref), &known);
    let unfit = reason == Reason::ArgumentsUnfit && !known.has_all_arguments();
    beside(judgement, resource.demand(Some(&known.action)), unfit, config)
}

/// What else has to hold besides policy: who authenticated, that arguments fit, that somebody can be asked.
fn beside(judgement: Judgement, demand: Option<&Demand>, unfit: bool, config: &Config) -> Judgement {
    let (effect, reason, policies) = match judgement {
        Judgement::Decided { effect, reason, policies } => (effect, reason, policies),
        open @ Judgement::Open(_) => return open,
    };
    if effect == Effect::Deny {
        return decided(effect, reason, policies);
    }
    let mut names = BTreeSet::new();
    if let Some(Demand { classes, max_age }) = demand {
        names.extend((!classes.is_empty()).then(|| "/token/acr".to_owned()));
        names.extend(max_age.map(|_| "/token/auth_time".to_owned()));
    }
    // They did not fit then; whether they do now only all of them say.
    names.extend(unfit.then(|| "/args".to_owned()));
    names.extend(others(config));
    if !names.is_empty() {
        return Judgement::Open(names);
    }
    if effect == Effect::StepUp && config.step_up.is_none() {
        return decided(Effect::Deny, Some(Reason::ApprovalUnavailable), policies);
    }
    decided(effect, reason, policies)
}

/// Those that decide besides Cedar: what they read nobody here knows, so nobody can say that it is recorded.
fn others(config: &Config) -> BTreeSet<String> {
    let rego = config.policy.rego.as_ref().map(|_| "what Rego reads".to_owned());
    let elsewhere = config.policy.pdp.as_ref().map(|_| "what the decision point elsewhere says".to_owned());
    rego.into_iter().chain(elsewhere).collect()
}

/// Where it was addressed to.
fn target(record: &Record) -> Option<Target> {
    let request = record.request.as_ref()?;
    let fields = [(":method", &request.method), (":authority", &request.host), (":path", &request.path)];
    let present = fields.into_iter().filter(|(_, value)| !value.is_empty());
    let headers: Headers = present.map(|(name, value)| (name.to_owned(), value.clone().into_bytes())).collect();
    route::check_head(&RequestHead { headers, ..RequestHead::default() }, &[]).ok()
}

/// Which resource of `config` it would be for.
///
/// # Errors
/// The gateway's name for the route would say, which no record holds.
fn resource<'c>(config: &'c Config, target: &Target) -> Result<Option<&'c Resource>, ()> {
    let find = |name: Option<&str>| route::find(&config.resources, target, name).map(|(_, resource)| resource);
    let plain = find(None);
    let mut routes = config.resources.iter().filter_map(|resource| resource.matching.route.as_deref());
    if routes.any(|name| find(Some(name)) != plain) { Err(()) } else { Ok(plain) }
}

fn decided(effect: Effect, reason: Option<Reason>, policies: Vec<String>) -> Judgement {
    Judgement::Decided { effect, reason, policies }
}

fn deny(reason: Reason) -> Judgement {
    decided(Effect::Deny, Some(reason), Vec::new())
}

fn open(name: &str) -> Judgement {
    Judgement::Open(BTreeSet::from([name.to_owned()]))
}
