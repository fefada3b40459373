//! Whose credentials they are, and of which kind: `profile`, and the `issuer`, `tenants`, `trust_domain` and `types` that go with it.

use countersign_tokens::{IssuerTemplate, Profile};

use super::IssuerKeys;
use crate::config::key::{Choice, Key, choice};
use crate::config::names::Names;
use crate::config::read::{Node, Object};
use crate::config::wire::seen::Seen;

const NO_TENANTS: &str = "only access tokens and generic JWTs have an `iss` for each tenant; remove it";

/// Who vouches, and with which kind of token.
pub(super) struct Who {
    pub(super) issuer: String,
    pub(super) profile: Profile,
    pub(super) tenants: Option<Tenants>,
}

/// That `issuer` is a template, and what it is filled with.
pub(super) struct Tenants {
    pub(super) template: IssuerTemplate,
    pub(super) listed: Vec<String>,
}

/// The words for profiles.
#[derive(Clone, Copy)]
pub(in crate::config::wire) enum Word {
    X509Svid,
    JwtSvid,
    Opaque,
    AccessToken,
    TxnToken,
    Generic,
}

/// How `profile` is written.
pub(super) const PROFILE: Choice<Word> = choice(
    "profile",
    &[
        ("x509-svid", Word::X509Svid),
        ("jwt-svid", Word::JwtSvid),
        ("opaque", Word::Opaque),
        ("access-token", Word::AccessToken),
        ("txn-token", Word::TxnToken),
        ("generic", Word::Generic),
    ],
);

/// `profile` and what goes with it: `trust_domain` of SVIDs, `issuer` of everything else, `types` of generic tokens.
pub(super) fn who(object: &mut Object<'_>, seen: &mut Seen) -> Option<Who> {
    let word = object.required_with(
        &IssuerKeys::PROFILE,
        "write `jwt-svid`, `x509-svid`, `access-token`, `txn-token`, `opaque` or `generic`",
        |node| {
            let word = IssuerKeys::PROFILE.read(node)?;
            match word {
                Word::TxnToken => seen.transactions.claim(node, "txn-token")?,
                Word::Opaque => seen.introspected.claim(node, "opaque")?,
                Word::X509Svid | Word::JwtSvid | Word::AccessToken | Word::Generic => {}
            }
            Some(word)
        },
    );
    let Some(word) = word else {
        // One mistake is enough: what depends on it is not blamed as well.
        let (_, _) = (object.member(&IssuerKeys::ISSUER), object.member(&IssuerKeys::TRUST_DOMAIN));
        let (_, _) = (object.optional_with(&IssuerKeys::TYPES, types), object.member(&IssuerKeys::TENANTS));
        return None;
    };
    let profile = match word {
        Word::AccessToken => fixed_type(object, Profile::AccessToken, "access-token"),
        Word::TxnToken => fixed_type(object, Profile::TxnToken, "txn-token"),
        Word::Opaque => fixed_type(object, Profile::Opaque, "opaque"),
        Word::Generic => {
            let types = object.demanded(&IssuerKeys::TYPES, "write the `typ` values accepted, such as [JWT]", types);
            types.map(|types| Profile::Generic { types })
        }
        Word::JwtSvid | Word::X509Svid => {
            let why = "an SVID is known by its trust domain; write `trust_domain: example.org` instead";
            let absent = object.forbid(&[IssuerKeys::ISSUER.name], why);
            let single = object.forbid(&[IssuerKeys::TENANTS.name], NO_TENANTS);
            let certificates = matches!(word, Word::X509Svid);
            let remedy = "write the trust domain, such as example.org";
            let trust_domain = object.demanded(&IssuerKeys::TRUST_DOMAIN, remedy, |node| {
                let domain = IssuerKeys::TRUST_DOMAIN.read(node)?;
                let seen = if certificates { &mut seen.certifiers } else { &mut seen.issuers };
                seen.claim(node, &domain.id())?;
                Some(domain)
            });
            let profile = fixed_type(object, (), if certificates { "x509-svid" } else { "jwt-svid" });
            let ((), (), (), trust_domain) = (absent?, single?, profile?, trust_domain?);
            let issuer = trust_domain.id();
            let profile =
                if certificates { Profile::X509Svid { trust_domain } } else { Profile::JwtSvid { trust_domain } };
            return Some(Who { issuer, profile, tenants: None });
        }
    };
    let why = "says whose SVIDs are accepted; remove it, or write `profile: jwt-svid`";
    let absent = object.forbid(&[IssuerKeys::TRUST_DOMAIN.name], why);
    let issuer = issuer(object, word, seen);
    let ((), (issuer, tenants), profile) = (absent?, issuer?, profile?);
    Some(Who { issuer, profile, tenants })
}

/// `issuer`, and `tenants` where it is a template for them.
fn issuer(object: &mut Object<'_>, word: Word, seen: &mut Seen) -> Option<(String, Option<Tenants>)> {
    let remedy = "write the credentials' `iss`";
    let issuer = object.demanded(&IssuerKeys::ISSUER, remedy, |node| Some((node.clone(), node.text()?)));
    let may_have_tenants = matches!(word, Word::AccessToken | Word::Generic);
    if !may_have_tenants {
        object.forbid(&[IssuerKeys::TENANTS.name], NO_TENANTS)?;
    }
    let listed = object.member(&IssuerKeys::TENANTS);
    let (node, issuer) = issuer?;
    let Some(listed) = listed else {
        if may_have_tenants && IssuerTemplate::is_meant(issuer) {
            return node.refuse("has a place for a tenant; list those that are trusted in `tenants`");
        }
        // One that issues tokens of both kinds has two entries.
        if !matches!(word, Word::Opaque) {
            seen.issuers.claim(&node, issuer)?;
        }
        return Some((issuer.to_owned(), None));
    };
    let template = node.parse(|text| IssuerTemplate::parse(text).map_err(|error| error.to_string()))?;
    let listed = listed.filled("tenant", |node| {
        let issuer = node.parse(|tenant| template.of(tenant).map_err(|error| error.to_string()))?;
        seen.issuers.claim(node, &issuer)?;
        node.text().map(str::to_owned)
    })?;
    Some((issuer.to_owned(), Some(Tenants { template, listed })))
}

fn fixed_type<T>(object: &mut Object<'_>, profile: T, name: &str) -> Option<T> {
    let why = format!("the profile {name} fixes the type; remove it, or write `profile: generic`");
    object.forbid(&[IssuerKeys::TYPES.name], &why)?;
    Some(profile)
}

/// The empty text stands for a credential without `typ`.
fn types(node: &Node<'_>) -> Option<Vec<String>> {
    let mut seen = Names::new("one mention is enough, remove one");
    node.filled("type", |node| {
        let Some(text) = node.value().as_str() else { return node.mismatch("text", "write it in quotes") };
        seen.claim(node, text)?;
        Some(text.to_owned())
    })
}
