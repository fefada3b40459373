//! The plugin configuration of a pack: its catalogue, sandboxes and policies as they are, and around them the issuers, workloads
//! and shared accounts that its cases tell of, and somebody to ask for approvals.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use countersign_explain::cases::Policy;
use countersign_explain::cases::format::{Caller, Pack};
use countersign_rights::hygiene::Finding;
use serde_json::{Value, json};

use super::register::{Register, Who};
use super::said::Said;
use super::token::AUDIENCE;
use crate::scenario::text::merge;

/// The configuration in which all of `cases` are so.
pub(super) fn of(pack: &Pack, policy: &Policy, cases: &[Said<'_>]) -> anyhow::Result<Value> {
    let issuers = issuers(cases)?;
    let name = |iss: &str| issuers.get(iss).map(|issuer| issuer.name.to_owned());
    let shared = cases.iter().filter(|said| said.finds(Finding::SharedAccount)).map(|said| said.workload);
    let shared = shared.map(|caller| Who::of(caller).matching(Some(&caller.issuer_name)));
    Ok(json!({
        "version": 1,
        "issuers": issuers.iter().map(|(iss, issuer)| issuer.entry(iss, &pack.claims)).collect::<Vec<_>>(),
        "workloads": Register::of(cases)?.entries(&name),
        "hygiene": { "shared_accounts": shared.collect::<Vec<_>>() },
        "resources": pack.resources,
        "sandboxes": pack.sandboxes,
        "risk": pack.risk,
        "policy": policy.configured(pack),
        "step_up": {
            "webhook": {
                "url": "http://approvals.test/ask", "cluster": "approvals", "insecure_http": true,
                "secret": { "env": "APPROVALS_SECRET" }, "timeout": "2s",
            },
            "hold": "3s",
        },
    }))
}

/// Who vouches for workloads.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Issuer<'a> {
    /// In the configuration.
    name: &'a str,
    /// Of SVIDs.
    trust_domain: Option<&'a str>,
    /// Its tokens say what a task is for: where they are said to, one that does not is refused.
    purposes: bool,
    /// Its tokens need not have an id.
    without_ids: bool,
    /// What names a machine in its tokens.
    machines: Option<&'a str>,
}

impl Issuer<'_> {
    fn entry(&self, iss: &str, claims: &Value) -> Value {
        let keys = |path: &str| {
            let url = format!("http://sts.test{path}");
            json!({ "url": url, "cluster": "keys", "insecure_http": true, "timeout": "1s", "cooldown": "2s" })
        };
        let (jwks, algorithms) = (keys("/jwks.json"), ["ES256", "RS256", "EdDSA"]);
        let mut entry = match (self.trust_domain, self.without_ids) {
            // JWT-SVID §2.1 has no EdDSA.
            (Some(domain), _) => json!({
                "profile": "jwt-svid", "trust_domain": domain, "keys": keys("/bundle.json"), "algorithms": ["ES256", "RS256"],
            }),
            (None, false) => {
                json!({ "profile": "access-token", "issuer": iss, "keys": jwks, "algorithms": algorithms })
            }
            (None, true) => json!({
                "profile": "generic", "types": ["at+jwt"], "issuer": iss, "keys": jwks, "algorithms": algorithms,
            }),
        };
        let purpose = self.purposes.then_some("/task/purpose");
        let task =
            json!({ "id": "/task/id", "purpose": purpose, "grants": "/task/grants", "expires": "/task/expires" });
        merge(
            &mut entry,
            &json!({
                "name": self.name, "audiences": [AUDIENCE], "max_lifetime": "30h", "task": task, "claims": claims,
                // Null is a member that is not there.
                "machine_claim": self.machines,
            }),
        );
        entry
    }
}

/// By their `iss`.
fn issuers<'a>(cases: &[Said<'a>]) -> anyhow::Result<BTreeMap<&'a str, Issuer<'a>>> {
    let mut issuers: BTreeMap<&str, Issuer<'_>> = BTreeMap::new();
    for said in cases {
        let workload = said.workload;
        let issuer = issuer(workload, said).with_context(|| said.case.name.clone())?;
        let known = issuers.entry(&workload.issuer).or_insert_with(|| issuer.clone());
        known.without_ids |= issuer.without_ids;
        known.machines = known.machines.or(issuer.machines);
        let name = &said.case.name;
        ensure!(
            (known.name, known.trust_domain) == (issuer.name, issuer.trust_domain),
            "{name}: workload.issuer: `{}` is called something else, or vouches for another trust domain, in a case before",
            workload.issuer
        );
        ensure!(
            known.purposes == issuer.purposes,
            "{name}: task.purpose: tokens of one issuer always say a purpose, or never; name another issuer"
        );
    }
    let names: Vec<&str> = issuers.values().map(|issuer| issuer.name).collect();
    let twice = names.iter().enumerate().find(|(index, name)| names.iter().skip(index + 1).any(|other| other == *name));
    ensure!(twice.is_none(), "workload.issuer_name: several issuers have one name: {names:?}");
    Ok(issuers)
}

fn issuer<'a>(workload: &'a Caller, said: &Said<'_>) -> anyhow::Result<Issuer<'a>> {
    let trust_domain = workload.trust_domain.as_deref();
    if let Some(domain) = trust_domain {
        let id = format!("spiffe://{domain}");
        ensure!(workload.issuer == id, "workload.issuer: of the trust domain `{domain}` it is `{id}`");
    }
    let (purposes, without_ids) = (said.task.purpose.is_some(), said.finds(Finding::NoId));
    let machines = workload.machine.as_ref().map(|machine| machine.claim.as_str());
    Ok(Issuer { name: &workload.issuer_name, trust_domain, purposes, without_ids, machines })
}
