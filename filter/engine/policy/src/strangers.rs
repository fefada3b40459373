//! What a policy names that is not there, or only with more than it says: a misspelt forbid would forbid nothing.

use std::collections::BTreeSet;

use cedar_policy::EntityUid;
use countersign_rights::workload::{Kind, Voucher, vouching};

use super::error::Problem;
use super::rule::Rule;
use super::surroundings::Surroundings;
use super::{declared, names, subjects, vocabulary};

/// Entities in `rule` that are not `around`: no resource of the catalogue is or has them, nobody is in them. A misspelt forbid
/// would forbid nothing.
pub(super) fn strangers(rule: &Rule, around: &Surroundings<'_>) -> Vec<Problem> {
    let named: BTreeSet<EntityUid> = rule.policy.entity_literals().into_iter().collect();
    let strangers = named.into_iter().filter_map(|uid| stranger(&uid, around));
    let claims = around.claims();
    let never = declared::never(&rule.asks, &claims).map(|ask| Problem::NeverThere(ask.spelled()));
    strangers
        .chain(never)
        .chain(vocabulary::unknown(&rule.conditions(), around))
        .chain(bare_subject(rule, around))
        .collect()
}

/// A subject that `rule` compares with a text, without its issuer where there are several.
fn bare_subject(rule: &Rule, around: &Surroundings<'_>) -> Option<Problem> {
    let issuers = around.issuers.as_deref()?;
    let several: Vec<&str> = issuers
        .iter()
        .filter(|issuer| issuer.rules.tenants().nth(1).is_some())
        .map(|issuer| issuer.name.as_str())
        .collect();
    let of_any = || subjects::bare(&rule.policy, &[]).filter(|_| issuers.len() > 1);
    if let (Some(name), Some(issuer)) = (of_any(), issuers.first()) {
        return Some(Problem::BareSubject { name, example: issuer.name.clone() });
    }
    let name = subjects::bare(&rule.policy, &several)?;
    Some(Problem::BareTenant { name, issuer: (*several.first()?).to_owned() })
}

fn stranger(uid: &EntityUid, Surroundings { resources, issuers, .. }: &Surroundings<'_>) -> Option<Problem> {
    let id = uid.id().unescaped();
    let declared = |name: &str| resources.iter().any(|resource| resource.name == name);
    let issuers = issuers.as_deref();
    let trusted = |is: &dyn Fn(&Voucher) -> bool| issuers.is_none_or(|issuers| issuers.iter().any(|issuer| is(issuer)));
    match uid.type_name().basename() {
        "Resource" if !declared(id) => Some(Problem::UnknownResource(uid.to_string())),
        "Tool" if !id.split_once('/').is_some_and(|(name, _)| declared(name)) => {
            Some(Problem::UnknownResource(uid.to_string()))
        }
        names::KIND if Kind::ALL.into_iter().all(|kind| kind.name() != id) => {
            Some(Problem::UnknownKind(uid.to_string()))
        }
        names::AGENT => bare_agent(uid, issuers),
        names::ISSUER if !trusted(&|issuer| issuer.name == id) => Some(Problem::UnknownIssuer(uid.to_string())),
        names::TRUST_DOMAIN if !trusted(&|issuer| issuer.trust_domain().is_some_and(|domain| domain.name() == id)) => {
            Some(Problem::UnknownIssuer(uid.to_string()))
        }
        _ => None,
    }
}

/// An agent without the issuer that calls it so: it would be nobody, and a misspelt forbid would forbid nothing.
fn bare_agent(uid: &EntityUid, issuers: Option<&[&Voucher]>) -> Option<Problem> {
    let id = uid.id().unescaped();
    let issuers = issuers?;
    if issuers.iter().any(|issuer| vouches_for(issuer, id)) {
        return None;
    }
    let qualified = issuers.iter().map(|issuer| {
        let tenant = issuer.rules.tenant_claim().map(|_| "<tenant>");
        format!("`{}::\"{}/{id}\"`", names::AGENT, vouching(&issuer.name, tenant))
    });
    Some(Problem::BareAgent { named: uid.to_string(), qualified: qualified.collect::<Vec<_>>().join(" or ") })
}

/// Whether `id` is what policies call somebody whom `issuer` vouches for.
fn vouches_for(issuer: &Voucher, id: &str) -> bool {
    let names_somebody = |tenant: Option<&str>| {
        let rest = id.strip_prefix(vouching(&issuer.name, tenant).as_str());
        match rest.and_then(|rest| rest.split_at_checked(1)) {
            Some(("/", subject)) => !subject.is_empty(),
            Some(("#", machine)) => machine
                .split_once('/')
                .is_some_and(|(claim, id)| issuer.rules.machine_claim() == Some(claim) && !id.is_empty()),
            Some(_) | None => false,
        }
    };
    match issuer.rules.tenant_claim() {
        Some(_) => issuer.rules.tenants().any(|tenant| names_somebody(Some(tenant))),
        None => names_somebody(None),
    }
}
