//! Where an issuer's metadata says its keys are (RFC 8414 §3, OpenID Connect Discovery §4).
//!
//! The document is believed about one thing only: the path of `jwks_uri`. Where that leads is configured, so nobody who
//! can write the document can make the gateway call somewhere else.

use countersign_facts::calls::Endpoint;
use countersign_tokens::IssuerRules;
use countersign_tokens::json::{self, Limits};
use http::Uri;

use super::FetchError;

/// Metadata documents are a few kilobytes.
const LIMITS: Limits = Limits { depth: 16, bytes: 64 * 1024, nodes: 4_096 };

/// The endpoint of the keys: `keys` with the path that `document`, which must be `issuer`'s own, names.
pub(crate) fn locate(document: &[u8], issuer: &IssuerRules, keys: &Endpoint) -> Result<Endpoint, FetchError> {
    let document = json::parse(document, &LIMITS).map_err(FetchError::Metadata)?;
    let member = |name| document.get(name).and_then(serde_json::Value::as_str);
    // RFC 8414 §3.3: identical, or it must not be used. Of many tenants it names all at once, as Entra ID does.
    if !member("issuer").is_some_and(|stated| issuer.is_stated_as(stated)) {
        return Err(FetchError::OtherIssuer);
    }
    let uri = member("jwks_uri").and_then(|uri| uri.parse::<Uri>().ok()).ok_or(FetchError::NoKeysUri)?;
    let leads = (uri.scheme_str(), uri.authority().map(|authority| authority.as_str().to_ascii_lowercase()));
    if leads != (Some(keys.scheme.as_str()), Some(keys.authority.clone())) {
        return Err(FetchError::ElsewhereKeysUri);
    }
    let path = uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    Ok(Endpoint { path, ..keys.clone() })
}

#[cfg(test)]
mod tests {
    use crate::test_support::located;

    #[test]
    fn only_the_path_is_believed() {
        let elsewhere = "the issuer's metadata names keys at another place than configured (`jwks`)";
        for (document, expected) in [
            (r#"{"issuer":"https://sts.example.com","jwks_uri":"https://STS.example.com/keys?v=1"}"#, Ok("/keys?v=1")),
            (r#"{"issuer":"https://sts.example.com","jwks_uri":"https://sts.example.com"}"#, Ok("/")),
            (r#"{"issuer":"https://sts.example.com","jwks_uri":"http://sts.example.com/keys"}"#, Err(elsewhere)),
            (r#"{"issuer":"https://sts.example.com","jwks_uri":"https://sts.example.com:8443/keys"}"#, Err(elsewhere)),
            (r#"{"issuer":"https://sts.example.com","jwks_uri":"https://169.254.169.254/keys"}"#, Err(elsewhere)),
            (r#"{"issuer":"https://sts.example.com","jwks_uri":"https://a@sts.example.com/keys"}"#, Err(elsewhere)),
            (r#"{"issuer":"https://sts.example.com","jwks_uri":"/keys"}"#, Err(elsewhere)),
            (
                r#"{"issuer":"https://sts.example.com/","jwks_uri":"https://sts.example.com/keys"}"#,
                Err("the issuer's metadata is another issuer's"),
            ),
            (r#"{"issuer":"https://sts.example.com"}"#, Err("the issuer's metadata has no `jwks_uri`")),
            ("[]", Err("the issuer's metadata is another issuer's")),
            ("<html>", Err("the issuer's metadata is unusable: not JSON at line 1, column 1")),
        ] {
            assert_eq!(located(document), expected.map(str::to_owned).map_err(str::to_owned), "{document}");
        }
    }
}
