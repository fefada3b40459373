//! The token of a case, as the scenario format writes one: signed with a real key, and saying what the case says.

use anyhow::{Context, bail, ensure};
use countersign_explain::cases::format::{Actor, Machine, Token, Work};
use countersign_facts::pointer::Pointer;
use countersign_rights::hygiene::Finding;
use countersign_tokens::Scalar;
use serde_json::{Value, json};

use super::said::Said;
use crate::scenario::text::merge;

/// What tokens are for.
pub(super) const AUDIENCE: &str = "https://tools.example.com";
/// Access tokens name a client (RFC 9068 §2.2); this one where a case names none.
const CLIENT: &str = "agents";
/// When tokens and tasks end that do not say.
const SOON: &str = "now+5m";

/// The token with these grants.
pub(super) fn of(said: &Said<'_>, grants: &[Value]) -> anyhow::Result<Value> {
    let Token { id: _, key_id, algorithm, issued: _, expires: _, acr: _, auth_time: _ } = said.token;
    let key = match algorithm.map(|algorithm| algorithm.0.map(countersign_tokens::Algorithm::name)) {
        None | Some(Some("ES256")) => "ec1",
        Some(Some("RS256")) => "rsa1",
        Some(Some("EdDSA")) => "ed1",
        Some(None) => bail!("token.algorithm: tokens are signed here, so it is never `none`"),
        Some(Some(other)) => bail!("token.algorithm: no key signs with {other} here (ES256, RS256, EdDSA)"),
    };
    ensure!(key_id.as_ref().is_none_or(|id| id == key), "token.key_id: the key is called `{key}` here");
    let header = if said.workload.trust_domain.is_some() { json!({ "typ": "JWT" }) } else { json!({}) };
    Ok(json!({ "key": key, "header": header, "claims": claims(said, grants)? }))
}

/// A merge patch for the scenarios' usual claims: null removes one.
fn claims(said: &Said<'_>, grants: &[Value]) -> anyhow::Result<Value> {
    let Token { id, key_id: _, algorithm: _, issued, expires, acr, auth_time } = said.token;
    let workload = said.workload;
    let svid = workload.trust_domain.is_some();
    let client = workload.client().or((!svid).then_some(CLIENT));
    let named = match (said.finds(Finding::NoId), id) {
        (true, Some(_)) => bail!("token.id: a token with an id is no finding `{}`", Finding::NoId.name()),
        (true, None) => Value::Null,
        (false, Some(id)) => id.json(),
        (false, None) => json!("{unique}"),
    };
    let end = match expires {
        Some(expires) => said.date(*expires),
        // Longer than `hygiene.lifetime` says where nothing is configured: an hour.
        None if said.finds(Finding::LongLived) => "now+2h".to_owned(),
        None => SOON.to_owned(),
    };
    let mut claims = json!({
        "iss": (!svid).then_some(&workload.issuer),
        "sub": workload.subject,
        "aud": AUDIENCE,
        "client_id": client,
        "act": act(&workload.actors),
        "iat": issued.map_or("now".to_owned(), |issued| said.date(issued)),
        "exp": end,
        "jti": named,
        "acr": acr.as_ref().map(Scalar::json),
        "auth_time": auth_time.map(|time| said.date(time)),
        "task": task(said, grants),
    });
    if let Some(Machine { claim, id }) = &workload.machine {
        merge(&mut claims, &json!({ claim: id }));
    }
    for (name, value) in &workload.claims {
        merge(
            &mut claims,
            &tokens(said, name)?.iter().rev().fold(value.clone(), |below, token| json!({ token: below })),
        );
    }
    for name in &workload.claims_elsewhere {
        merge(
            &mut claims,
            &json!({ "_claim_names": { tokens(said, name)?.first().context("no pointer")?: "source" } }),
        );
    }
    Ok(claims)
}

/// Where the claim that policies call `name` is in a token.
fn tokens(said: &Said<'_>, name: &str) -> anyhow::Result<Vec<String>> {
    let at = said.claims.get(name).and_then(|claim| claim.get("at")).and_then(Value::as_str);
    let at = at.and_then(Pointer::parse).with_context(|| format!("workload.claims.{name}: is not among `claims`"))?;
    Ok(at.tokens().collect())
}

fn task(said: &Said<'_>, grants: &[Value]) -> Value {
    let Work { id, purpose, expires } = said.task;
    let end = expires.map_or(SOON.to_owned(), |expires| said.date(expires));
    json!({ "id": id, "purpose": purpose, "expires": end, "grants": grants })
}

/// RFC 8693 §4.1: the current actor outermost.
fn act(actors: &[Actor]) -> Option<Value> {
    let (Actor { issuer, subject, profile, kind: _ }, before) = actors.split_first()?;
    let mut claim = json!({ "iss": issuer, "sub": subject });
    if let Some(members) = claim.as_object_mut() {
        members.extend(profile.iter().map(|profile| ("sub_profile".to_owned(), json!(profile))));
        members.extend(act(before).map(|before| ("act".to_owned(), before)));
    }
    Some(claim)
}
