//! What is refused, with every word of the refusal. The last column says whether the schema refuses it too:
//! it cannot compare places or read durations.

use std::error::Error;

use serde_json::json;

use super::Edit::Remove;
use super::{Edit, Environment, Outcome, SECRET, edited, full, key_set, parse, schema, set};
use crate::config::{Config, ConfigError, ConfigErrors};

pub(super) const SCHEMA_TOO: bool = true;
pub(super) const READER_ONLY: bool = false;

/// `full` after `edits` is refused with exactly `errors`.
pub(super) fn check(rows: &[(&[Edit], &str, bool)]) -> Outcome {
    for (edits, errors, schema_too) in rows {
        let document = edited(full(), edits)?;
        let told = parse(&document).map(drop).map_err(|errors| errors.to_string());
        assert_eq!(told, Err((*errors).to_owned()), "{edits:?}");
        assert_eq!(!schema::accepts(&document)?, *schema_too, "the schema about {edits:?}");
    }
    Ok(())
}

#[test]
fn three_mistakes_in_three_places() -> Outcome {
    let tools = json!([{ "name": "a" }, { "name": "b" }, { "name": "c", "risk": "hgih" }]);
    let edits = [
        set("/issuers/0/keys/refersh", "5m"),
        set("/resources/0/tools", tools),
        set("/step_up/webhook/secret/env", "MISSING"),
    ];
    check(&[(
        &edits,
        "/issuers/0/keys/refersh: unknown key; did you mean `refresh`?\n\
         /resources/0/tools/2/risk: unknown risk \"hgih\" (low, medium, high, critical)\n\
         /step_up/webhook/secret/env: the environment variable `MISSING` is not passed to the filter; list it under \
         `vm_config.environment_variables.host_env_keys` (Envoy) or `vmConfig.env` with `valueFrom: HOST` (Istio), and \
         set it where the gateway runs",
        SCHEMA_TOO,
    )])
}

#[test]
fn text_that_is_no_document() {
    for (text, expected) in [
        ("", "(root): the configuration is empty; without one nothing can be decided"),
        (" \n", "(root): the configuration is empty; without one nothing can be decided"),
        ("[]", "(root): found a list where an object belongs; write keys and values"),
        ("{\"version\":1,\"version\":1}", "(root): an object has two members of the same name; write strict JSON"),
        ("{\"version\":1,}", "(root): not JSON at line 1, column 14; write strict JSON"),
        (
            "{}",
            "(root): `version` is missing; write `version: 1`\n\
             (root): `issuers` is missing; name who may issue credentials\n\
             (root): `resources` is missing; name what is protected\n\
             (root): `policy` is missing; write `policy: { cedar: \"permit (…);\" }`",
        ),
    ] {
        let told = Config::parse(text.as_bytes(), &Environment).map(drop).map_err(|errors| errors.to_string());
        assert_eq!(told, Err(expected.to_owned()));
    }
}

#[test]
fn versions_and_sections() -> Outcome {
    check(&[
        (&[set("/version", 2)], "/version: unknown version 2; this release reads version 1", SCHEMA_TOO),
        (&[set("/version", 1.5)], "/version: `1.5` is not a count; write a whole number", SCHEMA_TOO),
        (&[set("/version", -1)], "/version: `-1` is not a count; write a whole number", SCHEMA_TOO),
        (&[set("/issuers", json!([]))], "/issuers: empty; name at least one issuer", SCHEMA_TOO),
        (&[set("/resources", json!([]))], "/resources: empty; name at least one resource", SCHEMA_TOO),
        (&[set("/unmatched", "allow")], "/unmatched: unknown treatment \"allow\" (deny, pass)", SCHEMA_TOO),
        (&[set("/policy/cedar", "")], "/policy/cedar: empty; write some text, or leave the key out", SCHEMA_TOO),
        (&[Remove("/policy/cedar")], "/policy: `cedar` is missing; write the policy's text", SCHEMA_TOO),
        (
            &[set("/a~b", 1)],
            "/a~0b: unknown key; the keys here are version, issuers, resources, unmatched, client_certificate, policy, \
            insecure_inline, step_up, record, forward, limits",
            SCHEMA_TOO,
        ),
        (
            &[set("/record/arguments", json!(["amount", "/a~2", "/x", "/x"]))],
            "/record/arguments/0: \"amount\" is not a JSON Pointer; start with `/`, write `~` as `~0` and `/` in a key \
             as `~1`\n\
             /record/arguments/1: \"/a~2\" is not a JSON Pointer; start with `/`, write `~` as `~0` and `/` in a key \
             as `~1`\n\
             /record/arguments/3: \"/x\" is at /record/arguments/2 already; one mention is enough, remove one",
            SCHEMA_TOO,
        ),
        (
            &[set("/forward/routing_headers", json!(["X-Route", "x_route", "x route", ":path"]))],
            "/forward/routing_headers/0: \"X-Route\" has a second spelling; write lower case and `-` for `_`: all are \
             covered\n\
             /forward/routing_headers/1: \"x_route\" has a second spelling; write lower case and `-` for `_`: all are \
             covered\n\
             /forward/routing_headers/2: \"x route\" is not a header name; write one such as `x-tenant-route`\n\
             /forward/routing_headers/3: \":path\" is not a header name; write one such as `x-tenant-route`",
            SCHEMA_TOO,
        ),
        (
            &[set("/forward/routing_headers", json!(["authorization", "mcp-name"]))],
            "/forward/routing_headers/0: `authorization` is needed from clients; name a header that only picks a route\n\
             /forward/routing_headers/1: `mcp-name` is needed from clients; name a header that only picks a route",
            READER_ONLY,
        ),
    ])
}

#[test]
fn limits() -> Outcome {
    check(&[
        (&[set("/limits/body", "11MiB")], "/limits/body: `11MiB` is out of bounds; choose 1KiB to 10MiB", READER_ONLY),
        (&[set("/limits/body", "1023B")], "/limits/body: `1023B` is out of bounds; choose 1KiB to 10MiB", READER_ONLY),
        (
            &[set("/limits/body", "1MB")],
            "/limits/body: \"1MB\" is not a size; write a whole number and a unit (B, KiB, MiB), such as `256KiB`",
            SCHEMA_TOO,
        ),
        (
            &[set("/limits/body", 262_144)],
            "/limits/body: found a number where a size belongs; write a whole number and a unit, such as `256KiB`",
            SCHEMA_TOO,
        ),
        (
            &[set("/limits/body", "99999999999999999999MiB")],
            "/limits/body: \"99999999999999999999MiB\" is not a size; write a whole number and a unit (B, KiB, MiB), \
             such as `256KiB`",
            READER_ONLY,
        ),
        (
            &[set("/limits/body_wait", "6m")],
            "/limits/body_wait: `6m` is out of bounds; choose 100ms to 5m",
            READER_ONLY,
        ),
        (
            &[set("/limits/body_wait", "1m30s")],
            "/limits/body_wait: \"1m30s\" is not a duration; write a whole number and a unit (ms, s, m, h), such as \
             `30s`",
            SCHEMA_TOO,
        ),
        (
            &[set("/limits/body_wait", 30)],
            "/limits/body_wait: found a number where a duration belongs; write a whole number and a unit, such as `30s`",
            SCHEMA_TOO,
        ),
        (&[set("/limits/token", "1MiB")], "/limits/token: `1MiB` is out of bounds; choose 256B to 64KiB", READER_ONLY),
        (
            &[set("/limits/cached_tokens", 0)],
            "/limits/cached_tokens: `0` is out of bounds; choose 1 to 65536",
            SCHEMA_TOO,
        ),
        (
            &[set("/limits/ledger_share", 65_537.0)],
            "/limits/ledger_share: `65537` is out of bounds; choose 1 to 65536",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn profiles() -> Outcome {
    check(&[
        (
            &[set("/issuers/0/profile", "jwt-svid")],
            "/issuers/0/issuer: a JWT-SVID is known by its trust domain; write `trust_domain: example.org` instead\n\
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
            "/issuers/0/trust_domain: says whose JWT-SVIDs are accepted; remove it, or write `profile: jwt-svid`",
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
            &[set("/issuers/0/profile", "jwt")],
            "/issuers/0/profile: unknown profile \"jwt\" (jwt-svid, access-token, txn-token, generic)",
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
             ES384, EdDSA)\n\
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

fn second_issuer() -> Result<serde_json::Value, Box<dyn Error>> {
    let issuer = full().pointer("/issuers/0").cloned().ok_or("no issuer")?;
    edited(issuer, &[set("/keys/url", "https://elsewhere.example.com/")])
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

#[test]
fn resources() -> Outcome {
    let resource = full().pointer("/resources/0").cloned().ok_or("no resource")?;
    let same = edited(resource.clone(), &[set("/match/host", "tools.example.com:8443")])?;
    check(&[
        (
            &[set("/resources/1", same)],
            "/resources/1/name: \"payments\" is at /resources/0/name already; names are unique, choose another\n\
             /resources/1/match: matches the very same requests as /resources/0/match; change or remove one of them",
            READER_ONLY,
        ),
        (
            &[set("/resources/0/match", json!({}))],
            "/resources/0/match: states nothing; state `host`, `path` or `route` (`path: /*` is every path)",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/protocol", "a2a")],
            "/resources/0/protocol: unknown protocol \"a2a\" (mcp, http)",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/protocol", "http")],
            "/resources/0/tools: only an MCP resource has tools; remove them, or write `protocol: mcp`",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/metadata_url", "http://tools.example.com/m")],
            "/resources/0/metadata_url: metadata must be served over https (RFC 9728 §3); write an https URL",
            READER_ONLY,
        ),
        (
            &[set("/resources/0/tools/1", json!({ "name": "transfer", "labels": ["a", "a"] }))],
            "/resources/0/tools/1/name: \"transfer\" is at /resources/0/tools/0/name already; names are unique, choose \
             another\n\
             /resources/0/tools/1/labels/1: \"a\" is at /resources/0/tools/1/labels/0 already; one mention is enough, \
             remove one",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/tools/0/name", "a\u{7}b")],
            "/resources/0/tools/0/name: not a tool's name; at most 128 bytes, no control characters",
            READER_ONLY,
        ),
        (
            &[set("/resources/0/tools/0/input_schema", true)],
            "/resources/0/tools/0/input_schema: found a boolean where a JSON Schema belongs; copy the tool's \
             `inputSchema`",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn step_up() -> Outcome {
    let secret = |value| set("/step_up/webhook/secret", value);
    let shape = "not a Standard Webhooks secret; it is `whsec_` and the base64 of 24 to 64 random bytes";
    check(&[
        (
            &[set("/step_up/webhook/timeout", "13s")],
            "/step_up/webhook/timeout: `13s` is longer than the request is held (12s); shorten it, or lengthen `hold`",
            READER_ONLY,
        ),
        (&[set("/step_up/hold", "301s")], "/step_up/hold: `301s` is out of bounds; choose 100ms to 5m", READER_ONLY),
        (&[secret(json!({}))], "/step_up/webhook/secret: names no secret; write `{ env: NAME }`", SCHEMA_TOO),
        (
            &[secret(json!(SECRET))],
            "/step_up/webhook/secret: found text where an object belongs; secrets are named, not written: `{ env: NAME }`",
            SCHEMA_TOO,
        ),
        (
            &[secret(json!({ "inline": SECRET }))],
            "/step_up/webhook/secret/inline: a secret in the configuration shows in the gateway's config dump; write \
             `{ env: NAME }`, or say `insecure_inline: true` at the top",
            READER_ONLY,
        ),
        (
            &[set("/insecure_inline", true), secret(json!({ "inline": SECRET, "env": "APPROVALS_SECRET" }))],
            "/step_up/webhook/secret: has both `env` and `inline`; keep `env`",
            SCHEMA_TOO,
        ),
        (
            &[secret(json!({ "env": SECRET }))],
            "/step_up/webhook/secret/env: not the name of an environment variable; use A-Z, 0-9 and `_`; the secret \
             itself does not belong here",
            SCHEMA_TOO,
        ),
        (&[secret(json!({ "env": "SHORT_SECRET" }))], &format!("/step_up/webhook/secret/env: {shape}"), READER_ONLY),
        (
            &[set("/insecure_inline", true), secret(json!({ "inline": "whsec_hunter2 hunter2 hunter2 hunter2" }))],
            &format!("/step_up/webhook/secret/inline: {shape}"),
            READER_ONLY,
        ),
        (
            &[set("/step_up/webhook/cluster", "sts")],
            "/step_up/webhook/cluster: cluster \"sts\" leads to https://approvals.example.com here and to \
             https://sts.example.com at /issuers/0/keys/cluster; name another cluster for one of them",
            READER_ONLY,
        ),
    ])
}

#[test]
fn an_error_is_one_line() {
    let errors = ConfigErrors::from(vec![ConfigError::new("/policy/cedar", "a\nb"), ConfigError::new("/a\r", "c; d")]);
    assert_eq!(errors.to_string(), "/policy/cedar: a\u{fffd}b\n/a\u{fffd}: c; d");
}
