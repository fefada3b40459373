//! What is decided ahead of policy, as far as a record says what it takes: which resource a request is for, whether anybody in it
//! is denied, whether who calls is let in. What else ended a request there ends it again.

use countersign_engine::config::Config;
use countersign_engine::permit::Unmatched;
use countersign_facts::check::Check;
use countersign_facts::headers::{Headers, RequestHead};
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Effect;
use countersign_policy::{Judgement, Missing};
use countersign_protocols::catalogue::Resource;
use countersign_protocols::route::{self, Target};
use countersign_rights::workload::Workload;
use countersign_rights::workload::register::Admission;

use super::facts;
use super::judge::{decided, deny, open};
use super::record::Record;

/// How far a request gets.
pub(super) enum Ahead<'c> {
    /// No further than this.
    Ends(Judgement),
    /// To what the catalogue and policies say of this resource.
    Reaches(&'c Resource, Target),
}

/// Where a request is addressed to.
enum Place<'c> {
    Resource(&'c Resource),
    /// An agent's card that everybody may see.
    Card,
    /// Somebody could take it for a resource.
    Nearly,
    Nowhere,
    /// The gateway's name for the route would say, which no record holds.
    Open,
}

/// How far the request of `record`, which ended with `reason`, gets with `config`.
pub(super) fn of<'c>(record: &Record, reason: Reason, config: &'c Config) -> Ahead<'c> {
    let check = reason.row().check;
    // How a head reads is not configured.
    if check == Some(Check::Request) {
        return Ahead::Ends(deny(reason));
    }
    let reached_catalogue = check >= Some(Check::Catalogue);
    let Some(target) = target(record) else {
        return Ahead::Ends(if reached_catalogue {
            open("method, host and path of the request")
        } else {
            deny(reason)
        });
    };
    let resource = match place(config, &target, reached_catalogue) {
        Place::Resource(resource) => resource,
        Place::Card => return Ahead::Ends(decided(Effect::Allow, None, Vec::new())),
        Place::Nearly => return Ahead::Ends(deny(Reason::NearMiss)),
        Place::Nowhere => return Ahead::Ends(nowhere(config.unmatched)),
        Place::Open => return Ahead::Ends(open("the gateway's name for the route")),
    };
    match admission(record, reason, config) {
        Some(judgement) => Ahead::Ends(judgement),
        None => Ahead::Reaches(resource, target),
    }
}

/// What ends a request for a resource before the catalogue is looked at, if anything does.
fn admission(record: &Record, reason: Reason, config: &Config) -> Option<Judgement> {
    let check = reason.row().check;
    let workload = record.workload.as_ref().and_then(|caller| facts::workload(caller, config));
    let is_denied = workload.as_ref().is_some_and(|workload| is_denied(record, workload, config));
    match check {
        // Nobody asked who called.
        Some(Check::Route) if reason != Reason::OriginRefused => Some(open("who called")),
        Some(Check::Workload) => {
            let admission = workload.map(|workload| config.workloads.admission(&workload, config.vouchers()));
            Some(match admission {
                Some(Admission::Refused) => deny(reason),
                Some(Admission::Claims(claims)) => {
                    Judgement::Open(claims.iter().map(|claim| Missing::Other(format!("the claim {claim}"))).collect())
                }
                // What it may do then is for its grants to say.
                Some(Admission::LetIn) => open("what the task's grants are"),
                None => open("who called"),
            })
        }
        Some(check) if check >= Check::Ledger && is_denied => Some(deny(Reason::Revoked)),
        Some(Check::Ledger) if reason == Reason::Revoked => Some(open("what the task's grants are")),
        Some(Check::Catalogue | Check::Authentication | Check::Policy | Check::Seen | Check::Approval) => None,
        Some(
            Check::Request
            | Check::Route
            | Check::Credential
            | Check::Possession
            | Check::Task
            | Check::Ledger
            | Check::Action
            | Check::Session
            | Check::Grants,
        )
        | None => Some(deny(reason)),
    }
}

fn is_denied(record: &Record, workload: &Workload, config: &Config) -> bool {
    let token = record.token.as_ref().and_then(|token| token.id.as_deref());
    config.denied.has(token, record.task.as_ref().map(|task| &*task.id), workload)
}

const fn nowhere(unmatched: Unmatched) -> Judgement {
    match unmatched {
        Unmatched::Deny => deny(Reason::NoResource),
        Unmatched::Pass => decided(Effect::Allow, None, Vec::new()),
    }
}

/// Where it was addressed to.
fn target(record: &Record) -> Option<Target> {
    let request = record.request.as_ref()?;
    let fields = [(":method", &request.method), (":authority", &request.host), (":path", &request.path)];
    let present = fields.into_iter().filter(|(_, value)| !value.is_empty());
    let headers: Headers = present.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    route::check_head(&RequestHead { headers, ..RequestHead::default() }, &[]).ok()
}

/// Where `target` leads. What never gets to the catalogue need not know which of several resources it is for.
fn place<'c>(config: &'c Config, target: &Target, which: bool) -> Place<'c> {
    let resources = &config.resources;
    let find = |name: Option<&str>| route::find(resources, target, name).map(|(_, resource)| resource);
    let plain = find(None);
    let mut routes = resources.iter().filter_map(|resource| resource.matching.route.as_deref());
    if routes.any(|name| find(Some(name)) != plain) && (which || plain.is_none()) {
        return Place::Open;
    }
    if route::nearly(resources, target, None, plain).is_some() {
        return Place::Nearly;
    }
    if resources.iter().any(|resource| route::asks_for_card(resource, target, None)) {
        return Place::Card;
    }
    plain.map_or(Place::Nowhere, Place::Resource)
}
