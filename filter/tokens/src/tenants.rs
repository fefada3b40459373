//! An issuer of many tenants, each with an `iss` of its own that has the tenant in it: Microsoft Entra ID's
//! `https://login.microsoftonline.com/{tid}/v2.0`, where the token's claim `tid` is the tenant.
//!
//! It decides which tenant an `iss` is of. A tenant is trusted only where it is listed, so that nobody becomes trusted by
//! opening an account somewhere. It never takes one tenant for another, whatever keys they share.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::error::TokenError;
use crate::required::names_clients;
use crate::rules_error::TenantError;

/// Most tenants of one issuer.
pub const MAX_TENANTS: usize = 1000;

/// Longest name of a tenant, in bytes.
const MAX_NAME: usize = 128;

/// An `iss` with a place for a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssuerTemplate {
    before: String,
    claim: String,
    after: String,
}

/// An issuer's template, and the tenants that are trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Tenants {
    template: IssuerTemplate,
    listed: BTreeSet<String>,
}

impl IssuerTemplate {
    /// Whether `issuer` has a place for a tenant, or something like it.
    pub fn is_meant(issuer: &str) -> bool {
        issuer.contains(['{', '}'])
    }

    /// A URL with `{claim}` as one segment of its path.
    pub fn parse(text: &str) -> Result<Self, TenantError> {
        let (before, claim, after) = placeholder(text).ok_or(TenantError::Template)?;
        let (_, rest) = before.split_once("://").ok_or(TenantError::Template)?;
        let in_path = rest.find('/').is_some_and(|end| end > 0) && !rest.contains(['?', '#']);
        let whole = before.ends_with('/') && (after.is_empty() || after.starts_with('/'));
        if !in_path || !whole || !names_clients(claim) {
            return Err(TenantError::Template);
        }
        Ok(Self { before: before.to_owned(), claim: claim.to_owned(), after: after.to_owned() })
    }

    /// The claim that is the tenant.
    pub fn claim(&self) -> &str {
        &self.claim
    }

    /// The `iss` of `tenant`, which is one segment of a path.
    pub fn of(&self, tenant: &str) -> Result<String, TenantError> {
        let letter = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let named = (1..=MAX_NAME).contains(&tenant.len()) && tenant.bytes().all(letter);
        if !named || tenant.bytes().all(|byte| byte == b'.') {
            return Err(TenantError::Name);
        }
        Ok(format!("{}{tenant}{}", self.before, self.after))
    }
}

impl Tenants {
    pub(crate) fn new(template: IssuerTemplate, listed: Vec<String>) -> Result<Self, TenantError> {
        if listed.len() > MAX_TENANTS {
            return Err(TenantError::TooMany);
        }
        listed.iter().try_for_each(|tenant| template.of(tenant).map(drop))?;
        Ok(Self { template, listed: listed.into_iter().collect() })
    }

    pub(crate) fn claim(&self) -> &str {
        &self.template.claim
    }

    pub(crate) fn listed(&self) -> impl Iterator<Item = &str> {
        self.listed.iter().map(String::as_str)
    }

    /// The tenant that `issuer` is the `iss` of, if it is one that is listed.
    pub(crate) fn tenant<'i>(&self, issuer: &'i str) -> Option<&'i str> {
        let tenant = issuer.strip_prefix(self.template.before.as_str())?.strip_suffix(self.template.after.as_str())?;
        self.listed.contains(tenant).then_some(tenant)
    }

    /// The tenant of a token with `claims` whose `iss` is `issuer`: both must name the same.
    pub(crate) fn judge(&self, issuer: &str, claims: &Map<String, Value>) -> Result<String, TokenError> {
        let tenant = self.tenant(issuer).ok_or(TokenError::WrongIssuer)?;
        let claimed = claims.get(&self.template.claim).and_then(Value::as_str);
        if claimed == Some(tenant) { Ok(tenant.to_owned()) } else { Err(TokenError::OtherTenant) }
    }

    /// Whether `stated`, an issuer in a document about all tenants, is every tenant's.
    pub(crate) fn is_everybodys(&self, stated: &str) -> bool {
        self.listed.iter().all(|tenant| self.template.of(tenant).is_ok_and(|issuer| is_for(stated, tenant, &issuer)))
    }
}

/// Whether a key for `stated`, as whoever publishes it says, may sign for `issuer` and its `tenant`: one with a place for a tenant is
/// everybody's, and so is none of somebody else's. Tokens of Entra ID's older form name another URL (`https://sts.windows.net/{tid}/`)
/// than the keys they are signed with.
pub(crate) fn is_key_for(stated: &str, tenant: Option<&str>, issuer: &str) -> bool {
    let of_tenant = || tenant.is_some_and(|tenant| stated.split('/').any(|segment| segment == tenant));
    stated == issuer || placeholder(stated).is_some() || of_tenant()
}

/// Whether `stated`, which an issuer's metadata says, is the issuer `issuer` of `tenant`: itself, or with the tenant in its place,
/// whatever that is called there.
fn is_for(stated: &str, tenant: &str, issuer: &str) -> bool {
    match placeholder(stated) {
        Some((before, _, after)) => {
            issuer.strip_prefix(before).and_then(|rest| rest.strip_suffix(after)) == Some(tenant)
        }
        None => stated == issuer,
    }
}

/// What is before, in and after the only pair of braces.
fn placeholder(text: &str) -> Option<(&str, &str, &str)> {
    let (before, rest) = text.split_once('{')?;
    let (name, after) = rest.split_once('}')?;
    let others = [before, name, after].iter().any(|part| part.contains(['{', '}']));
    (!others).then_some((before, name, after))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENTRA: &str = "https://login.microsoftonline.com/{tid}/v2.0";

    fn tenants(template: &str, listed: &[&str]) -> Result<Tenants, TenantError> {
        Tenants::new(IssuerTemplate::parse(template)?, listed.iter().map(|tenant| (*tenant).to_owned()).collect())
    }

    #[test]
    fn a_tenant_is_one_segment_of_the_path() {
        for template in [
            ENTRA,
            "https://sts.windows.net/{tid}/",
            "https://kc.example.com/realms/{realm}",
            "https://[::1]:8443/{a.b:c-d_e}",
        ] {
            assert!(IssuerTemplate::parse(template).is_ok(), "{template}");
        }
        for template in [
            "https://login.example.com/v2.0",
            "https://{tid}.example.com/v2.0",
            "https://{tid}/v2.0",
            "https://login.example.com/t-{tid}/v2.0",
            "https://login.example.com/{tid}.v2",
            "https://login.example.com/{tid}/{tid}",
            "https://login.example.com/{tid}}/",
            "https://login.example.com/{{tid}/",
            "https://login.example.com/{}/v2.0",
            "https://login.example.com/{iss}/v2.0",
            "https://login.example.com/?t={tid}",
            "https://login.example.com/?/{tid}",
            "https:///{tid}",
            "urn:tenant:{tid}",
            "{tid}",
        ] {
            assert_eq!(IssuerTemplate::parse(template), Err(TenantError::Template), "{template}");
        }
    }

    #[test]
    fn a_key_is_for_whom_its_publisher_says() {
        let (v2, v1) = ("https://login.microsoftonline.com/t1/v2.0", "https://sts.windows.net/t1/");
        for (stated, tenant, issuer, may) in [
            (ENTRA, Some("t1"), v2, true),
            (ENTRA, Some("t1"), v1, true),
            (ENTRA, None, v2, true),
            (v2, Some("t1"), v2, true),
            (v2, Some("t1"), v1, true),
            (v2, None, v2, true),
            ("https://login.microsoftonline.com/t2/v2.0", Some("t1"), v2, false),
            ("https://login.microsoftonline.com/t2/v2.0", None, v2, false),
            ("https://login.microsoftonline.com/t10/v2.0", Some("t1"), v1, false),
            ("https://login.microsoftonline.com/{a}/{b}", Some("t1"), v2, false),
            ("", Some("t1"), v2, false),
            ("", None, v2, false),
        ] {
            assert_eq!(is_key_for(stated, tenant, issuer), may, "{stated} {tenant:?} {issuer}");
        }
    }

    #[test]
    fn only_who_is_listed_and_says_so_twice() -> Result<(), TenantError> {
        let tenants = tenants(ENTRA, &["t1", "t2"])?;
        let judged = |issuer: &str, tid: Value| {
            let claims = json!({ "tid": tid });
            tenants.judge(issuer, claims.as_object().unwrap_or(&Map::new()))
        };
        let of = |tenant: &str| format!("https://login.microsoftonline.com/{tenant}/v2.0");
        assert_eq!(judged(&of("t1"), json!("t1")), Ok("t1".to_owned()));
        for tid in [json!("t2"), json!("T1"), json!(["t1"]), json!(null), json!("{tid}")] {
            assert_eq!(judged(&of("t1"), tid.clone()), Err(TokenError::OtherTenant), "{tid}");
        }
        for issuer in ["t3", "T1", "", "t1/t1", "{tid}", "t1/v2.0/../t1", "*"].map(of) {
            let tid = issuer.strip_prefix("https://login.microsoftonline.com/").unwrap_or_default();
            let tid = json!(tid.strip_suffix("/v2.0").unwrap_or_default());
            assert_eq!(judged(&issuer, tid), Err(TokenError::WrongIssuer), "{issuer}");
        }
        assert_eq!(judged("https://login.microsoftonline.com/v2.0", json!("")), Err(TokenError::WrongIssuer));
        Ok(())
    }

    #[test]
    fn names_that_a_reader_could_take_for_something_else() {
        for name in ["", ".", "..", "a/b", "a%2Fb", "*", "ä", "a b", &"a".repeat(129)] {
            assert_eq!(tenants(ENTRA, &[name]), Err(TenantError::Name), "{name}");
        }
        let many: Vec<String> = (0..1001).map(|number| number.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(tenants(ENTRA, &many), Err(TenantError::TooMany));
    }

    #[test]
    fn what_documents_say_about_whom_they_are_for() -> Result<(), TenantError> {
        let (one, two) = (tenants(ENTRA, &["t1"])?, tenants(ENTRA, &["t1", "t2"])?);
        for (stated, of_one, of_two) in [
            ("https://login.microsoftonline.com/{tenantid}/v2.0", true, true),
            (ENTRA, true, true),
            ("https://login.microsoftonline.com/t1/v2.0", true, false),
            ("https://login.microsoftonline.com/t3/v2.0", false, false),
            ("https://login.microsoftonline.com/{tenantid}/v1.0", false, false),
            ("https://evil.example.com/{tenantid}/v2.0", false, false),
            ("https://login.microsoftonline.com/{tenantid}", false, false),
            ("https://{host}/t1/v2.0", false, false),
            ("{all}", false, false),
            ("", false, false),
        ] {
            assert_eq!((one.is_everybodys(stated), two.is_everybodys(stated)), (of_one, of_two), "{stated}");
        }
        Ok(())
    }
}
