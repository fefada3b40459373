//! Readers of what comes back where the gateway asks: issuers, approvers, decision points; and of proofs, which say what they
//! are for.

use std::sync::LazyLock;
use std::time::Duration;

use countersign_facts::calls::CallOutcome;
use countersign_facts::digest;
use countersign_policy::test_support::decided;
use countersign_tokens::{
    CompactJws, Key, KeyFormat, KeySet, Proof, ProvenRequest, TokenError, UnixTime, Verifier, thumbprint,
};
use countersign_trust::introspection;
use countersign_trust::test_support;
use serde_json::json;

use super::readers::{MEMBERS, Reader, VALUES};
use crate::config::{Config, NoSecrets};
use crate::step_up;

const TEXTS: &[&str] = &["a", "\\n", "\\u0041", "\\ud800\\udc00", "\\\\", "\\\"", "\u{e9}", "\u{202e}", " ", "\\u0000"];
const URIS: &[&str] = &["https://", "a.test", "/", "//", "..", "%41", "%", "?", "#", "@", ":", "[", "]", "\u{e9}"];
const FIELD: &[&str] = &["max-age=9", ",", ";", "=", "\"", "\\", " ", "no-store", "application/json", "charset=", "9"];
/// Of a proof with the key of RFC 7515 A.3.
const PROOF_HEADER: &str = "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwiY3J2IjoiUC0yNTYiLCJ4IjoiZjgzT0ozRDJ4RjFCZzh2dWI5dExlMWdITXpWNzZlOFR1czl1UEh2UlZFVSIsInkiOiJ4X0ZFelJ1OW0zNkhMTl90dWU2NTlMTnBYVzZwQ3lTdGlrWWpLSVdJNWEwIn19";
const NOW: UnixTime = UnixTime::from_secs(1_795_428_000);

/// Every reader of an answer, and of proofs.
pub(super) const ASKED: &[Reader] = &[
    Reader::new("proof", 256, &["a", ".", "-", PROOF_HEADER, "e30", "_", "=", "\u{e9}"], proven),
    Reader::new("proof, its key", 256, VALUES, |text| {
        let header = format!(r#"{{"typ":"dpop+jwt","alg":"ES256","jwk":{{"kty":"EC","crv":"P-256","x":[{text}0]}}}}"#);
        proven(&format!("{}.e30.AAAA", digest::base64url(header.as_bytes())));
    }),
    Reader::new("proof, its URI", 96, URIS, |text| {
        let now = NOW.secs();
        let claims = format!(r#"{{"jti":"a","htm":"POST","iat":{now},"htu":"https://a.test/{text}","ath":"{text}"}}"#);
        proven(&format!("{PROOF_HEADER}.{}.AAAA", digest::base64url(claims.as_bytes())));
    }),
    Reader::new("proof, its claims", 96, VALUES, |text| {
        let claims = format!(r#"{{"jti":[{text}0],"x":[{text}0]}}"#);
        proven(&format!("{PROOF_HEADER}.{}.AAAA", digest::base64url(claims.as_bytes())));
    }),
    Reader::new("introspection", 4096, VALUES, |text| introspected(&format!(r#""x":[{text}0]"#))),
    Reader::new("introspection, a text", 4096, TEXTS, |text| {
        introspected(&format!(r#""sub":"{text}","scope":"{text}","client_id":"{text}""#));
    }),
    Reader::new("introspection, its form", 4096, MEMBERS, introspected),
    Reader::new("audience of a token", 4096, &["\"a\",", "\"https://a.test\",", "1,", "\"\\u0061\","], |text| {
        introspected(&format!(r#""aud":[{text}"b"]"#));
    }),
    Reader::new("answer of an approver", 1024, TEXTS, |text| {
        step_up::tests::answered(&format!(r#""reason":"{text}","decision":"denied""#));
        step_up::tests::answered(&format!(r#""approver":{{"iss":"{text}","sub":"{text}"}},"decision":"approved""#));
        step_up::tests::answered(&format!(r#""expires_at":"{text}","decision":"approved""#));
    }),
    Reader::new("approver, the form", 1024, MEMBERS, step_up::tests::answered),
    Reader::new("answer of a decision point", 4096, VALUES, |text| {
        for body in [
            format!(r#"{{"decision":false,"context":{{"reason":[{text}0],"obligations":[{text}0]}}}}"#),
            format!(r#"{{"result":{{"effect":"deny","reasons":[{text}0]}}}}"#),
        ] {
            decided(&[], &body);
        }
    }),
    Reader::new("decision point, a text", 4096, TEXTS, |text| {
        for body in [
            format!(r#"{{"decision":false,"context":{{"reason":"{text}"}}}}"#),
            format!(
                r#"{{"decision":false,"context":{{"access_request":{{"expires_at":"{text}","template":"{text}"}}}}}}"#
            ),
            format!(r#"{{"result":{{"effect":"deny","reasons":["{text}","{text}"],"policies":["{text}"]}}}}"#),
        ] {
            decided(&[], &body);
        }
    }),
    Reader::new("decision point, a field", 4096, FIELD, |text| {
        for name in ["cache-control", "age", "content-type"] {
            decided(&[(name, text)], r#"{"decision":true,"result":true}"#);
        }
    }),
    Reader::new("metadata of an issuer", 4096, URIS, |text| {
        let _ = test_support::located(&format!(
            r#"{{"issuer":"https://sts.example.com","jwks_uri":"https://sts.example.com/{text}"}}"#
        ));
    }),
];

/// The key in [`PROOF_HEADER`].
static KEY: LazyLock<Option<[u8; 32]>> = LazyLock::new(|| {
    let (x, y) = ("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU", "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0");
    let key = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
    let set = KeySet::from_value(&json!({ "keys": [key] }), KeyFormat::Jwks).ok()?;
    set.keys().first().map(thumbprint)
});

/// Every signature is right, so that what is behind it is read.
struct Right;

impl Verifier for Right {
    fn verify(&self, _: &CompactJws<'_>, _: &Key) -> Result<(), TokenError> {
        Ok(())
    }
}

fn proven(proof: &str) {
    let thumbprint = KEY.unwrap_or_default();
    let request = ProvenRequest { method: "POST", uri: "https://a.test/", access_token: "a", thumbprint: &thumbprint };
    let _ = Proof::new(proof).verify(&request, Duration::from_mins(5), Duration::from_secs(5), &Right, NOW);
}

/// An issuer of opaque tokens.
static ISSUERS: LazyLock<Result<Config, String>> = LazyLock::new(|| {
    let document = json!({
        "version": 1, "insecure_inline": true,
        "issuers": [{
            "name": "vault", "issuer": "https://sts.test", "profile": "opaque", "audiences": ["https://a.test"],
            "introspection": {
                "url": "https://sts.test/introspect", "cluster": "sts", "client_id": "gateway",
                "client_secret": { "inline": "not-a-secret" },
            },
        }],
        "resources": [{ "name": "a", "match": { "path": "/*" }, "protocol": "http" }],
        "policy": { "cedar": "permit (principal, action, resource);" },
    });
    Config::parse(document.to_string().as_bytes(), &NoSecrets).map_err(|errors| errors.to_string())
});

/// Reads the answer of an issuer that calls a token active and says this about it, too.
fn introspected(members: &str) {
    let Ok([issuer, ..]) = ISSUERS.as_ref().map(|config| config.issuers.as_slice()) else { return };
    let (since, until) = (NOW.secs(), NOW.secs() + 60);
    let body = format!(r#"{{"active":true,"iat":{since},"exp":{until},{members}}}"#);
    let headers = [("content-type".to_owned(), b"application/json".to_vec())].into_iter().collect();
    let outcome = CallOutcome::Response { status: 200, headers, body: body.into_bytes() };
    let _ = introspection::read(&outcome, &issuer.voucher.rules, NOW);
}

#[test]
fn what_is_read_is_read_to_its_end() -> Result<(), String> {
    assert!(KEY.is_some());
    ISSUERS.as_ref().map(drop).map_err(Clone::clone)
}
