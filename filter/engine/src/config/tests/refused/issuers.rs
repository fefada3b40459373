//! Issuers, their profiles and keys.

use std::error::Error;

use serde_json::{Value, json};

use super::{READER_ONLY, SCHEMA_TOO, check, check_of};
use crate::config::tests::Edit::{self, Remove};
use crate::config::tests::{Outcome, edited, full, key_set, parse, set};

#[test]
fn claims() -> Outcome {
    let other = |claims: Value| {
        json!({
            "name": "other", "issuer": "https://other.example.com", "profile": "access-token",
            "audiences": ["example.com"], "algorithms": ["ES256"], "keys": { "url": "https://a", "cluster": "a" },
            "claims": claims
        })
    };
    let many: serde_json::Map<String, Value> =
        (0..33).map(|number| (format!("c{number}"), json!({ "at": "/a", "type": "string" }))).collect();
    check(&[
        (
            &[set("/issuers/0/claims", json!({ "groups": { "at": "groups", "type": "text", "record": "yes" } }))],
            "/issuers/0/claims/groups/at: \"groups\" is not a JSON Pointer; it starts with `/`, and `~` is written `~0`\n\
             /issuers/0/claims/groups/type: unknown type \"text\" (string, integer, boolean)\n\
             /issuers/0/claims/groups/record: found text where a boolean belongs; write `true` or `false`, without quotes",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/claims", json!({ "groups": {} }))],
            "/issuers/0/claims/groups: `at` is missing; write a JSON Pointer, such as `/groups`\n\
             /issuers/0/claims/groups: `type` is missing; write `string`, `[string]`, `integer` or `boolean`",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/claims", json!({ "Groups": { "at": "/groups", "type": ["integer"] } }))],
            "/issuers/0/claims/Groups/type/0: unknown type of items \"integer\" (string)\n\
             /issuers/0/claims/Groups: \"Groups\" is not a claim's name; use a-z, 0-9, `_`, a letter first, at most 64 \
             characters",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/claims", json!({ "who": { "at": "/act/sub", "type": [] } }))],
            "/issuers/0/claims/who/at: `act` is about others, and claims are the subject's; name one of the subject's own\n\
             /issuers/0/claims/who/type: a list of one type; write `[string]`",
            SCHEMA_TOO,
        ),
        (&[set("/issuers/0/claims", many)], "/issuers/0/claims: 33 claims; name at most 32", SCHEMA_TOO),
        (
            &[set("/issuers/1", other(json!({ "groups": { "at": "/g", "type": "string" } })))],
            "/issuers/1/claims/groups: `groups` is string here and [string] at /issuers/0/claims/groups; choose another \
             name for one of them",
            READER_ONLY,
        ),
        (
            &[set(
                "/issuers/1",
                json!({ "name": "machines", "profile": "x509-svid", "trust_domain": "example.org", "claims": {} }),
            )],
            "/issuers/1/claims: a certificate has no claims; remove it",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn profiles() -> Outcome {
    check(&[
        (
            &[set("/issuers/0/profile", "jwt-svid")],
            "/issuers/0/issuer: an SVID is known by its trust domain; write `trust_domain: example.org` instead\n\
             /issuers/0: `trust_domain` is missing; write the trust domain, such as example.org\n\
             /issuers/0/types: the profile jwt-svid fixes the type; remove it, or write `profile: generic`",
            SCHEMA_TOO,
        ),
        (
            &[
                set("/issuers/0/profile", "jwt-svid"),
                Remove("/issuers/0/issuer"),
                Remove("/issuers/0/types"),
                set("/issuers/0/trust_domain", "spiffe://example.org"),
            ],
            "/issuers/0/trust_domain: not a trust domain; write 1 to 255 characters `a-z`, `0-9`, `.`, `-`, `_`, \
             without `spiffe://`",
            SCHEMA_TOO,
        ),
        (
            &[
                set("/issuers/0/profile", "jwt-svid"),
                Remove("/issuers/0/issuer"),
                Remove("/issuers/0/types"),
                set("/issuers/0/trust_domain", "example.org"),
                set("/issuers/0/algorithms", json!(["ES256", "EdDSA"])),
            ],
            "/issuers/0/algorithms: a JWT-SVID is never signed with EdDSA",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/trust_domain", "example.org")],
            "/issuers/0/trust_domain: says whose SVIDs are accepted; remove it, or write `profile: jwt-svid`",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/profile", "txn-token")],
            "/issuers/0/types: the profile txn-token fixes the type; remove it, or write `profile: generic`",
            SCHEMA_TOO,
        ),
        (
            &[
                set(
                    "/issuers/1",
                    json!({
                        "name": "tts", "issuer": "https://tts.example.com", "profile": "txn-token",
                        "audiences": ["example.com"], "algorithms": ["ES256"], "keys": { "inline": key_set() }
                    }),
                ),
                set(
                    "/issuers/2",
                    json!({
                        "name": "tts2", "issuer": "https://tts2.example.com", "profile": "txn-token",
                        "audiences": ["example.com"], "algorithms": ["ES256"], "keys": { "inline": key_set() }
                    }),
                ),
            ],
            "/issuers/2/profile: \"txn-token\" is at /issuers/1/profile already; a token without `iss` could be either's, \
             keep one",
            READER_ONLY,
        ),
    ])
}

#[test]
fn issuers() -> Outcome {
    check(&[
        (
            &[set("/issuers/0/name", "Platform")],
            "/issuers/0/name: \"Platform\" is not a name; use a-z, 0-9, `-`, `_`, `.`, at most 64 characters",
            SCHEMA_TOO,
        ),
        (
            &[
                set("/issuers/0/binding/require", "mtls"),
                set("/issuers/0/binding/proof_age", "0s"),
                set("/client_certificate", "header"),
                set("/resources/0/origin", "https://tools.example.com/"),
            ],
            "/issuers/0/binding/require: unknown binding \"mtls\" (optional, dpop, certificate, either)\n\
             /issuers/0/binding/proof_age: `0s` is out of bounds; choose 1s to 10m\n\
             /resources/0/origin: an origin has no path; write `https://host` and nothing behind it\n\
             /client_certificate: unknown source \"header\" (connection, xfcc)",
            SCHEMA_TOO,
        ),
        (
            &[set(
                "/issuers/0/binding/nonce",
                json!({ "lifetime": "2h", "secret": { "env": "SHORT_SECRET" }, "previous": "old" }),
            )],
            "/issuers/0/binding/nonce/lifetime: `2h` is out of bounds; choose 10s to 1h\n\
             /issuers/0/binding/nonce/secret/env: shorter than 32 bytes; make one with `openssl rand -base64 32`\n\
             /issuers/0/binding/nonce/previous: found text where an object belongs; secrets are named, not written: `{ env: \
             NAME }`",
            SCHEMA_TOO,
        ),
        (
            &[Remove("/issuers/0/binding/nonce/secret")],
            "/issuers/0/binding/nonce/previous: there is no `secret` that took its place; write it as `secret`, or remove it",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/profile", "jwt")],
            "/issuers/0/profile: unknown profile \"jwt\" (x509-svid, jwt-svid, opaque, access-token, txn-token, generic)",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/profile", "access-token")],
            "/issuers/0/types: the profile access-token fixes the type; remove it, or write `profile: generic`",
            SCHEMA_TOO,
        ),
        (
            &[Remove("/issuers/0/types")],
            "/issuers/0: `types` is missing; write the `typ` values accepted, such as [JWT]",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/types", json!(["logout+jwt"]))],
            "/issuers/0/types: type `logout+jwt` is a kind of token that must not be accepted as a generic credential",
            READER_ONLY,
        ),
        (
            &[set("/issuers/0/algorithms", json!(["HS256", "ES256", "ES256"]))],
            "/issuers/0/algorithms/0: unknown algorithm \"HS256\" (RS256, RS384, RS512, PS256, PS384, PS512, ES256, \
             ES384, EdDSA, Ed25519)\n\
             /issuers/0/algorithms/2: \"ES256\" is at /issuers/0/algorithms/1 already; one mention is enough, remove one",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/audiences", json!([]))],
            "/issuers/0/audiences: empty; name at least one audience",
            SCHEMA_TOO,
        ),
        (&[set("/issuers/0/leeway", "61s")], "/issuers/0/leeway: `61s` is out of bounds; choose 0s to 1m", READER_ONLY),
        (
            &[set("/issuers/0/max_lifetime", "0s")],
            "/issuers/0/max_lifetime: `0s` is out of bounds; choose 1s to 720h",
            READER_ONLY,
        ),
        (
            &[set("/issuers/0/task/id", "task")],
            "/issuers/0/task/id: `task` is not a JSON Pointer to a claim (`/claim`, `/claim/member`)",
            READER_ONLY,
        ),
        (&[set("/issuers/1", second_issuer()?)], TWO_ISSUERS, READER_ONLY),
    ])
}

const TWO_ISSUERS: &str = "/issuers/1/name: \"platform\" is at /issuers/0/name already; names are unique, choose another\n\
     /issuers/1/issuer: \"https://sts.example.com\" is at /issuers/0/issuer already; one issuer, one entry\n\
     /issuers/1/keys/cluster: cluster \"sts\" leads to https://elsewhere.example.com here and to \
     https://sts.example.com at /issuers/0/keys/cluster; name another cluster for one of them";

fn second_issuer() -> Result<Value, Box<dyn Error>> {
    let issuer = full().pointer("/issuers/0").cloned().ok_or("no issuer")?;
    edited(issuer, &[set("/keys/url", "https://elsewhere.example.com/")])
}

/// A configuration that can never accept a token does not load.
#[test]
fn inline_keys_for_none_of_the_algorithms() -> Outcome {
    let rsa = |more: Value| {
        let n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";
        merged(json!({ "kty": "RSA", "n": n, "e": "AQAB", "kid": "r" }), &more)
    };
    let p256 = |more: Value| merged(key_set().pointer("/keys/0").cloned().unwrap_or_default(), &more);
    let ed = |more: Value| {
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        merged(json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": "e" }), &more)
    };
    let inline = |algorithms: Value, keys: Value| {
        [set("/issuers/0/keys", json!({ "inline": { "keys": keys } })), set("/issuers/0/algorithms", algorithms)]
    };
    for (algorithms, keys) in [
        (json!(["PS256"]), json!([rsa(json!({}))])),
        (json!(["PS512", "RS256"]), json!([rsa(json!({}))])),
        (json!(["RS512"]), json!([rsa(json!({ "use": "sig", "key_ops": ["verify"] }))])),
        (json!(["Ed25519"]), json!([ed(json!({}))])),
        (json!(["EdDSA", "Ed25519"]), json!([ed(json!({ "alg": "Ed25519" }))])),
        (json!(["Ed25519"]), json!([ed(json!({ "alg": "EdDSA" }))])),
        (json!(["ES256"]), json!([p256(json!({ "kid": null }))])),
        (json!(["ES256"]), json!([p256(json!({ "kid": null })), p256(json!({}))])),
        (json!(["ES256"]), json!([p256(json!({})), rsa(json!({}))])),
    ] {
        parse(&edited(full(), &inline(algorithms.clone(), keys.clone()))?)
            .map_err(|errors| format!("{errors} {keys}"))?;
    }
    let other = |keys: &str, algorithms: &str| {
        format!(
            "/issuers/0/keys/inline: its keys are for {keys}, and `algorithms` has {algorithms}, so no token could be verified; \
             write what the issuer signs with in both"
        )
    };
    let below = |trouble: &str| format!("/issuers/0/keys/inline/keys/0: {trouble}; mend it or remove it");
    for (algorithms, keys, expected) in [
        (json!(["PS256"]), json!([rsa(json!({ "alg": "RS256" }))]), other("RS256", "PS256")),
        (json!(["RS256"]), json!([p256(json!({}))]), other("ES256", "RS256")),
        (json!(["ES384", "PS384"]), json!([p256(json!({})), ed(json!({}))]), other("ES256, EdDSA", "ES384, PS384")),
        (json!(["ES256"]), json!([rsa(json!({}))]), other("RS256", "ES256")),
        (
            json!(["ES256"]),
            json!([p256(json!({ "kid": null })), p256(json!({ "kid": null }))]),
            "/issuers/0/keys/inline: holds several keys without `kid`, and no token can say which signed it; give each its \
             `kid`"
                .to_owned(),
        ),
        (json!(["ES256"]), json!([p256(json!({ "use": "enc" }))]), below("`use` is not `sig`")),
        (json!(["ES256"]), json!([p256(json!({ "key_ops": ["sign"] }))]), below("`key_ops` does not have `verify`")),
        (
            json!(["ES256"]),
            json!([p256(json!({ "alg": "ES384" }))]),
            below("`alg` is not a supported algorithm of this type of key"),
        ),
        (
            json!(["ES256"]),
            json!([p256(json!({ "crv": "P-384" }))]),
            below("the coordinates are not a point of the curve"),
        ),
        (json!(["RS256"]), json!([rsa(json!({ "n": "AQAB" }))]), below("`n` is not an RSA modulus of 2048 to 4096 bits")),
    ] {
        let document = edited(full(), &inline(algorithms, keys))?;
        assert_eq!(parse(&document).err().map(|errors| errors.to_string()), Some(expected));
    }
    Ok(())
}

/// `value` with `more` over it; null takes a member away.
fn merged(mut value: Value, more: &Value) -> Value {
    for (name, change) in more.as_object().into_iter().flatten() {
        match value.as_object_mut() {
            Some(members) if change.is_null() => drop(members.remove(name)),
            Some(members) => drop(members.insert(name.clone(), change.clone())),
            None => {}
        }
    }
    value
}

#[test]
fn formats_of_keys() -> Outcome {
    let svids = || {
        vec![
            set("/issuers/0/profile", "jwt-svid"),
            Remove("/issuers/0/issuer"),
            Remove("/issuers/0/types"),
            Remove("/issuers/0/machine_claim"),
            Remove("/issuers/0/audience_claim"),
            set("/issuers/0/trust_domain", "example.org"),
        ]
    };
    let with = |more: Vec<Edit>| edited(full(), &[svids(), more].concat());
    for format in ["bundle", "jwks"] {
        parse(&with(vec![set("/issuers/0/keys/format", format)])?).map_err(|errors| errors.to_string())?;
    }
    let inline = json!({ "format": "jwks", "inline": key_set() });
    parse(&with(vec![set("/issuers/0/keys", inline)])?).map_err(|errors| errors.to_string())?;
    for (edit, expected) in [
        (
            set("/issuers/0/keys/format", "oidc"),
            "/issuers/0/keys/format: unknown format of keys \"oidc\" (bundle, jwks)",
        ),
        (
            set("/issuers/0/keys", json!({ "inline": key_set() })),
            "/issuers/0/keys/inline: holds no key whose `use` is `jwt-svid`; where it is a JWK Set, write `format: jwks` beside it",
        ),
        (
            set("/issuers/0/keys", json!({ "discovery": "https://a/metadata", "cluster": "a", "format": "jwks" })),
            "/issuers/0/keys/discovery: a trust domain's bundle is fetched directly; write `url`, the address of its bundle \
             endpoint",
        ),
    ] {
        let document = with(vec![edit])?;
        assert_eq!(parse(&document).err().map(|errors| errors.to_string()), Some(expected.to_owned()));
    }
    let elsewhere = edited(full(), &[set("/issuers/0/keys/format", "jwks")])?;
    let expected =
        "/issuers/0/keys/format: says how a trust domain publishes its keys; remove it, or write `profile: jwt-svid`";
    assert_eq!(parse(&elsewhere).err().map(|errors| errors.to_string()), Some(expected.to_owned()));
    Ok(())
}

#[test]
fn keys() -> Outcome {
    let keys = |value| set("/issuers/0/keys", value);
    check(&[
        (
            &[keys(json!({}))],
            "/issuers/0/keys: `url` is missing; write `url: https://host/path`\n\
             /issuers/0/keys: `cluster` is missing; name the gateway's cluster that leads to the URL's host",
            SCHEMA_TOO,
        ),
        (
            &[keys(json!({ "inline": key_set(), "url": "https://a/", "cluster": "a" }))],
            "/issuers/0/keys/url: has no meaning beside `inline`; remove one of the two\n\
             /issuers/0/keys/cluster: has no meaning beside `inline`; remove one of the two",
            SCHEMA_TOO,
        ),
        (&[keys(json!({ "inline": {} }))], "/issuers/0/keys/inline: key set has no array `keys`", SCHEMA_TOO),
        (
            &[keys(json!({ "inline": { "keys": [{ "kty": "EC" }, { "kty": "oct2" }] } }))],
            "/issuers/0/keys/inline/keys/0: `crv` is not P-256, P-384 or Ed25519; mend it or remove it\n\
             /issuers/0/keys/inline/keys/1: `kty` is not RSA, EC or OKP; mend it or remove it",
            READER_ONLY,
        ),
        (
            &[keys(json!({ "inline": { "keys": [] } }))],
            "/issuers/0/keys/inline: holds no key; write `{ keys: [{ kty: …, … }] }`",
            SCHEMA_TOO,
        ),
        (
            &[keys(
                json!({ "discovery": "https://a/.well-known/openid-configuration", "cluster": "a", "url": "https://a/" }),
            )],
            "/issuers/0/keys/url: has no meaning beside `discovery`; remove one of the two",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/keys/jwks", json!({ "origin": "https://b", "cluster": "b" }))],
            "/issuers/0/keys/jwks: says where the keys are that `discovery` finds; remove it, or write `discovery`",
            SCHEMA_TOO,
        ),
        (
            &[keys(json!({
                "discovery": "https://a/metadata", "cluster": "a",
                "jwks": { "origin": "https://b/keys", "cluster": "b" }
            }))],
            "/issuers/0/keys/jwks/origin: has a path, which the metadata says; remove it",
            SCHEMA_TOO,
        ),
        (
            &[keys(json!({
                "discovery": "https://a/metadata", "cluster": "a",
                "jwks": { "origin": "http://b", "cluster": "b" }
            }))],
            "/issuers/0/keys/jwks/cluster: `origin` is not https, as `discovery` is; write both alike",
            READER_ONLY,
        ),
        (
            &[set("/issuers/0/keys/max_stale", "1m")],
            "/issuers/0/keys/max_stale: shorter than `refresh` (2m), so keys would be missing in between; lengthen it",
            READER_ONLY,
        ),
        (
            &[set("/issuers/0/keys/cluster", "s ts")],
            "/issuers/0/keys/cluster: not a cluster's name; printable ASCII without spaces, at most 255 characters",
            SCHEMA_TOO,
        ),
    ])
}

/// Turns the issuer into one of opaque tokens.
fn opaque() -> Vec<Edit> {
    let introspection = json!({
        "url": "https://sts.example.com/introspect", "cluster": "sts", "client_id": "gateway",
        "client_secret": { "env": "APPROVALS_SECRET" }
    });
    vec![
        set("/issuers/0/profile", "opaque"),
        Remove("/issuers/0/types"),
        Remove("/issuers/0/algorithms"),
        Remove("/issuers/0/keys"),
        set("/issuers/0/introspection", introspection),
    ]
}

#[test]
fn opaque_tokens() -> Outcome {
    let with = |edits: &[Edit]| [&opaque(), edits].concat();
    check(&[
        (
            &[set("/issuers/0/profile", "opaque"), Remove("/issuers/0/types")],
            "/issuers/0/algorithms: an opaque token is not signed; remove it\n\
             /issuers/0/keys: an opaque token is not signed; remove it\n\
             /issuers/0: `introspection` is missing; write `introspection: { url: …, cluster: …, client_id: …, \
             client_secret: { env: … } }`",
            SCHEMA_TOO,
        ),
        (
            &with(&[set("/issuers/0/introspection/client_secret", "hush")]),
            "/issuers/0/introspection/client_secret: found text where an object belongs; secrets are named, not written: \
             `{ env: NAME }`",
            SCHEMA_TOO,
        ),
        (
            &with(&[set("/issuers/0/introspection/cache", "11m")]),
            "/issuers/0/introspection/cache: `11m` is out of bounds; choose 0s to 10m",
            READER_ONLY,
        ),
        (
            &[set("/issuers/0/introspection", json!({}))],
            "/issuers/0/introspection: asks about tokens that only their issuer can read; remove it, or write \
             `profile: opaque`",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn certificates() -> Outcome {
    let edits = |more: &[Edit]| {
        let mut edits: Vec<Edit> = [
            Remove("/issuers/0/issuer"),
            Remove("/issuers/0/types"),
            Remove("/issuers/0/audiences"),
            Remove("/issuers/0/audience_claim"),
            Remove("/issuers/0/required_claims"),
            Remove("/issuers/0/algorithms"),
            Remove("/issuers/0/keys"),
            Remove("/issuers/0/max_lifetime"),
            Remove("/issuers/0/leeway"),
            Remove("/issuers/0/machine_claim"),
            Remove("/issuers/0/one_shot"),
            Remove("/issuers/0/binding"),
            Remove("/issuers/0/claims"),
            Remove("/issuers/0/task"),
        ]
        .to_vec();
        edits.extend([set("/issuers/0/profile", "x509-svid"), set("/issuers/0/trust_domain", "example.org")]);
        edits.extend_from_slice(more);
        edits
    };
    check(&[
        (
            &edits(&[set("/issuers/0/keys", json!({ "inline": key_set() }))]),
            "/issuers/0/keys: the gateway verifies certificates; remove it",
            SCHEMA_TOO,
        ),
        (
            &edits(&[set("/issuers/0/one_shot", true)]),
            "/issuers/0/one_shot: a certificate is used for many requests; remove it",
            SCHEMA_TOO,
        ),
        (
            &edits(&[set("/issuers/0/binding", json!({}))]),
            "/issuers/0/binding: a certificate is its own proof; remove it",
            SCHEMA_TOO,
        ),
        (
            &edits(&[set("/issuers/0/leeway", "1s")]),
            "/issuers/0/leeway: is said of tokens; the gateway verifies certificates; remove it",
            SCHEMA_TOO,
        ),
        (
            &edits(&[set("/issuers/0/task", json!({ "preset": "scope" }))]),
            "/issuers/0/task/preset: a certificate has no claims; write `preset: workload`",
            SCHEMA_TOO,
        ),
        (
            &edits(&[set("/issuers/0/task", json!({ "id": "/jti" }))]),
            "/issuers/0/task: a certificate has no claims; write `{ preset: workload }`",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn machines() -> Outcome {
    let bad = |claim: &str| {
        format!(
            "/issuers/0/machine_claim: `{claim}` is not a claim that names a client, such as `client_id`, `azp` or `cid`"
        )
    };
    check(&[
        (&[set("/issuers/0/machine_claim", "sub")], &bad("sub"), SCHEMA_TOO),
        (&[set("/issuers/0/machine_claim", "/client_id")], &bad("/client_id"), SCHEMA_TOO),
        (
            &[
                set("/issuers/0/profile", "txn-token"),
                Remove("/issuers/0/types"),
                Remove("/issuers/0/task/scope_claim"),
                set("/issuers/0/machine_claim", "azp"),
            ],
            "/issuers/0/machine_claim: tokens of this profile have a `sub`",
            SCHEMA_TOO,
        ),
        (
            &[set("/denied/workloads/0/machine", json!({ "id": "cli" }))],
            "/denied/workloads/0/subject: is for credentials with `sub`, `machine` for those without; keep one\n\
             /denied/workloads/0/machine: `claim` is missing; write the claim that names it, such as client_id",
            SCHEMA_TOO,
        ),
        (
            &[set("/workloads/0/match/machine", "cli")],
            "/workloads/0/match: a credential names a `subject` or a `machine`; keep one",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn fields_that_carry_tokens() -> Outcome {
    let named = |name: &'static str| [Remove("/issuers/0/binding"), set("/issuers/0/header", name)];
    for name in [
        "authorization",
        "txn-token",
        "dpop",
        "proxy-authorization",
        "cookie",
        "host",
        "content-type",
        "mcp-session-id",
        "mcp-name",
        "a2a-version",
        "x-countersign-subject",
        "x-envoy-retry-on",
        "x-forwarded-client-cert",
        "x-forwarded-host",
        "x-http-method-override",
        "x-original-url",
        "traceparent",
        "upgrade",
        "te",
        "connection",
        "origin",
        "accept-language",
        "sec-fetch-site",
        "if-match",
        "user-agent",
        "x-request-id",
    ] {
        let told = format!(
            "/issuers/0/header: `{name}` has a meaning of its own; name the field that the proxy in front sets, such as \
             `cf-access-jwt-assertion`"
        );
        check(&[(&named(name), &told, SCHEMA_TOO)])?;
    }
    for name in ["Cf-Access-Jwt-Assertion", "cf_access_jwt_assertion"] {
        let told = format!(
            "/issuers/0/header: {name:?} has a second spelling; write lower case and `-` for `_`: all are covered"
        );
        check(&[(&named(name), &told, SCHEMA_TOO)])?;
    }
    let with = |more: &[Edit]| [&named("cf-access-jwt-assertion"), more].concat();
    check(&[
        (
            &[set("/issuers/0/header", "cf-access-jwt-assertion")],
            "/issuers/0/binding: no proof comes with a token in the field `header`; remove one of the two",
            SCHEMA_TOO,
        ),
        (
            &with(&[set("/forward/routing_headers", json!(["cf-access-jwt-assertion"]))]),
            "/forward/routing_headers/0: carries the tokens of an issuer, which names it as its `header`; name another",
            READER_ONLY,
        ),
        (
            &with(&[
                set("/issuers/0/profile", "txn-token"),
                Remove("/issuers/0/types"),
                Remove("/issuers/0/machine_claim"),
                Remove("/issuers/0/audience_claim"),
                Remove("/issuers/0/task/scope_claim"),
            ]),
            "/issuers/0/header: only access tokens, opaque tokens and generic JWTs come in another field; remove it",
            SCHEMA_TOO,
        ),
        (
            &with(&[set("/resources/0/strip_credentials", json!(["authorization", "x-other"]))]),
            "/resources/0/strip_credentials/1: `x-other` carries no token; name one of authorization, txn-token, \
             cf-access-jwt-assertion",
            READER_ONLY,
        ),
    ])?;
    let minimal = |more: &[Edit]| [&[set("/issuers/0/header", "x-token")], more].concat();
    check_of(
        &crate::config::tests::minimal(),
        &[
            (
                &minimal(&[
                    set("/resources/0/egress", true),
                    set("/resources/0/match/path", "/*"),
                    set("/resources/0/strip_credentials", json!(["x-token"])),
                ]),
                "/resources/0/strip_credentials: on the way out only `Proxy-Authorization` is a credential, and never goes on; \
                 remove it",
                SCHEMA_TOO,
            ),
            (
                &minimal(&[
                    set("/resources/0/protocol", "grpc"),
                    set("/resources/0/match/path", "/*"),
                    set("/resources/0/methods", json!([{ "name": "a.B/C", "metadata": ["x-token"] }])),
                ]),
                "/resources/0/methods: `x-token` carries the tokens of an issuer, and arguments are for policies to read; remove \
                 it",
                READER_ONLY,
            ),
        ],
    )
}

#[test]
fn tenants() -> Outcome {
    const ENTRA: &str = "https://login.example.com/{tid}/v2.0";
    let many = |more: &[Edit]| {
        [&[set("/issuers/0/issuer", ENTRA), set("/issuers/0/tenants", json!(["t1", "t2"]))], more].concat()
    };
    let other = |issuer: &str| {
        json!({
            "name": "other", "issuer": issuer, "profile": "access-token", "audiences": ["example.com"],
            "algorithms": ["ES256"], "keys": { "url": "https://a", "cluster": "a" }
        })
    };
    let nobody = "/issuers/0/tenants/0: not one segment of a path; write each tenant by itself, in 1 to 128 characters `A-Z`, \
                  `a-z`, `0-9`, `-`, `.`, `_`, `~`";
    let matching = |more: Value| {
        let mut matching = json!({ "issuer": "platform" });
        if let (Some(all), Some(more)) = (matching.as_object_mut(), more.as_object()) {
            all.extend(more.clone());
        }
        set("/workloads/0/match", matching)
    };
    check(&[
        (
            &[set("/issuers/0/issuer", ENTRA)],
            "/issuers/0/issuer: has a place for a tenant; list those that are trusted in `tenants`",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/tenants", json!(["t1"]))],
            "/issuers/0/issuer: not one `{claim}` that is a segment of its path; write it such as \
             https://login.example.com/{tid}/v2.0, or remove `tenants`",
            SCHEMA_TOO,
        ),
        (&many(&[set("/issuers/0/tenants", json!(["*"]))]), nobody, SCHEMA_TOO),
        (&many(&[set("/issuers/0/tenants", json!([".."]))]), nobody, SCHEMA_TOO),
        (&many(&[set("/issuers/0/tenants", json!(["t1/v2.0"]))]), nobody, SCHEMA_TOO),
        (
            &many(&[set("/issuers/0/tenants", json!([]))]),
            "/issuers/0/tenants: empty; name at least one tenant",
            SCHEMA_TOO,
        ),
        (
            &many(&[set("/issuers/0/tenants", json!(["t1", "t1"]))]),
            "/issuers/0/tenants/1: \"https://login.example.com/t1/v2.0\" is at /issuers/0/tenants/0 already; one issuer, one \
             entry",
            SCHEMA_TOO,
        ),
        (
            &many(&[
                matching(json!({ "subject": "*" })),
                set("/issuers/1", other("https://login.example.com/t2/v2.0")),
            ]),
            "/issuers/1/issuer: \"https://login.example.com/t2/v2.0\" is at /issuers/0/tenants/1 already; one issuer, one \
             entry",
            READER_ONLY,
        ),
        (
            &many(&[matching(json!({ "subject": "ada" }))]),
            "/workloads/0/match: `subject` does not say which tenant of `platform` calls it so; write `claim: { pointer: /tid, \
             value: … }` beside it",
            READER_ONLY,
        ),
        (
            &many(&[matching(json!({ "client_id": "app", "claim": { "pointer": "/oid", "value": "x" } }))]),
            "/workloads/0/match: `client_id` does not say which tenant of `platform` calls it so; write `claim: { pointer: \
             /tid, value: … }` beside it",
            READER_ONLY,
        ),
        (
            &many(&[
                matching(json!({ "subject": "ada", "claim": { "pointer": "/tid", "value": "t1" } })),
                set("/denied/workloads/0/issuer", ENTRA),
            ]),
            "/denied/workloads/0/issuer: is of many tenants; write the `iss` of the one that is meant",
            SCHEMA_TOO,
        ),
        (
            &many(&[
                matching(json!({ "subject": "*" })),
                set("/issuers/0/profile", "txn-token"),
                Remove("/issuers/0/types"),
                Remove("/issuers/0/machine_claim"),
                Remove("/issuers/0/audience_claim"),
                Remove("/issuers/0/task/scope_claim"),
            ]),
            "/issuers/0/tenants: only access tokens and generic JWTs have an `iss` for each tenant; remove it",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn whom_a_token_without_aud_is_for() -> Outcome {
    let unfit = |claim: &str| {
        format!("/issuers/0/audience_claim: `{claim}` is not a claim that names a client, such as `client_id` or `azp`")
    };
    let judged = |claim: &str| {
        format!(
            "/issuers/0/required_claims: `{claim}` is judged by a rule of its own, or is not a claim's name; name one that \
             tells tokens apart"
        )
    };
    let any = "/issuers/0/audience_claim: without `required_claims` an ID token could pass for what has no `aud`; write what \
               only access tokens say, such as `required_claims: { token_use: access }`";
    check(&[
        (&[Remove("/issuers/0/required_claims")], any, SCHEMA_TOO),
        (&[set("/issuers/0/required_claims", json!({ "client_id": "3n4b5u" }))], any, READER_ONLY),
        (&[set("/issuers/0/audience_claim", "aud")], &unfit("aud"), SCHEMA_TOO),
        (&[set("/issuers/0/audience_claim", "scope")], &unfit("scope"), SCHEMA_TOO),
        (
            &[
                set("/issuers/0/profile", "txn-token"),
                Remove("/issuers/0/types"),
                Remove("/issuers/0/machine_claim"),
                Remove("/issuers/0/task/scope_claim"),
            ],
            "/issuers/0/audience_claim: tokens of this profile have an `aud`",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/required_claims", json!({}))],
            "/issuers/0/required_claims: empty; name a claim and what it must say, or leave it out",
            SCHEMA_TOO,
        ),
        (&[set("/issuers/0/required_claims", json!({ "aud": "x" }))], &judged("aud"), SCHEMA_TOO),
        (&[set("/issuers/0/required_claims", json!({ "": "x" }))], &judged(""), SCHEMA_TOO),
        (
            &[set("/issuers/0/required_claims", json!({ "token_use": ["access"], "version": 2.5, "typ": "" }))],
            "/issuers/0/required_claims/token_use: found a list where text or a number belongs; write it as the credential \
             has it, text in quotes\n\
             /issuers/0/required_claims/typ: empty; write some text, or leave the key out\n\
             /issuers/0/required_claims/version: not a whole number from 0 to 2^53 - 1; nothing has such an id",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn task_presets() -> Outcome {
    check(&[
        (
            &[set("/issuers/0/task", json!({ "preset": "scope", "scope_claim": "scopes" }))],
            "/issuers/0/task/scope_claim: unknown claim with scopes \"scopes\" (scope, scp)",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/task", json!({ "preset": "aap", "scope_claim": "scp" }))],
            "/issuers/0/task/scope_claim: the preset does not read it; remove it, or write `preset: scope`",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/task", json!({ "grants": "/grants", "scope_claim": "scp" }))],
            "/issuers/0/task/scope_claim: scopes do not grant here; remove it, or write `scope: true`",
            SCHEMA_TOO,
        ),
        (
            &[
                set("/issuers/0/profile", "txn-token"),
                Remove("/issuers/0/types"),
                Remove("/issuers/0/machine_claim"),
                Remove("/issuers/0/audience_claim"),
                set("/issuers/0/task", json!({ "scope_claim": "scp" })),
            ],
            "/issuers/0/task/scope_claim: a transaction token's scopes are in `scope`; remove it",
            READER_ONLY,
        ),
        (
            &[set("/issuers/0/task", json!({ "preset": "app" }))],
            "/issuers/0/task/preset: unknown preset \"app\" (scope, aap, authorization_details, tctx, workload)",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/task", json!({ "preset": "aap", "id": "/task/id", "scope": true }))],
            "/issuers/0/task/id: the preset says where it is; remove one of the two\n\
             /issuers/0/task/scope: the preset says where it is; remove one of the two",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/task", json!({ "preset": "authorization_details" }))],
            "/issuers/0/task: `types` is missing; write the `type` values that are ours",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/task", json!({ "preset": "aap", "types": ["a"] }))],
            "/issuers/0/task/types: is for `preset: authorization_details`; remove it",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/task", json!({ "types": ["a"] }))],
            "/issuers/0/task/types: says which authorization details are ours; write `preset: authorization_details`",
            SCHEMA_TOO,
        ),
        (
            &[set("/issuers/0/task", json!({ "preset": "tctx" }))],
            "/issuers/0/task/preset: only transaction tokens have `tctx`; write `profile: txn-token`, or another preset",
            READER_ONLY,
        ),
    ])
}
