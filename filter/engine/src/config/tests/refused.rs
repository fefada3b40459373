//! What is refused, with every word of the refusal. The last column says whether the schema refuses it too:
//! it cannot compare places or read durations.

mod interface;
mod issuers;
mod workloads;

use countersign_facts::mistakes::{ConfigError, ConfigErrors};
use serde_json::{Value, json};

use super::Edit::Remove;
use super::{Edit, Environment, Outcome, SECRET, edited, full, parse, schema, set};
use crate::config::Config;

pub(super) const SCHEMA_TOO: bool = true;
pub(super) const READER_ONLY: bool = false;

/// `full` after `edits` is refused with exactly `errors`.
pub(super) fn check(rows: &[(&[Edit], &str, bool)]) -> Outcome {
    check_of(&full(), rows)
}

/// `base` after `edits` is refused with exactly `errors`.
pub(super) fn check_of(base: &Value, rows: &[(&[Edit], &str, bool)]) -> Outcome {
    for (edits, errors, schema_too) in rows {
        let document = edited(base.clone(), edits)?;
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
fn numbers_that_gateways_round() -> Outcome {
    let most = |most: Value| {
        let grant = json!({ "action": "mcp:tools/call", "resource": "payments", "object": "transfer", "arguments": { "/a~1b": { "max": most } } });
        [set("/workloads/0/actions", json!([grant]))]
    };
    let refused = "/workloads/0/actions/0/arguments/~1a~01b/max: beyond ±(2^53 - 1), where gateways round numbers; write a \
                   smaller one";
    for beyond in [json!(9_007_199_254_740_992_u64), json!(-9_007_199_254_740_992_i64), json!(u64::MAX), json!(1e300)] {
        check(&[(&most(beyond), refused, READER_ONLY)])?;
    }
    assert!(parse(&edited(full(), &most(json!(9_007_199_254_740_991_u64)))?).is_ok());
    Ok(())
}

#[test]
fn versions_and_sections() -> Outcome {
    check(&[
        (&[set("/version", 2)], "/version: unknown version 2; this release reads version 1", SCHEMA_TOO),
        (&[set("/version", 1.5)], "/version: `1.5` is not a count; write a whole number", SCHEMA_TOO),
        (&[set("/version", -1)], "/version: `-1` is not a count; write a whole number", SCHEMA_TOO),
        (&[set("/issuers", json!([]))], "/issuers: empty; name at least one issuer", SCHEMA_TOO),
        (&[set("/resources", json!([]))], "/resources: empty; name at least one resource", SCHEMA_TOO),
        (&[set("/mode", "watch")], "/mode: unknown mode \"watch\" (enforce, audit)", SCHEMA_TOO),
        (
            &[set("/sandboxes", json!([{ "name": "a" }, { "name": "a" }]))],
            "/sandboxes/1/name: \"a\" is at /sandboxes/0/name already; names are unique, choose another",
            READER_ONLY,
        ),
        (
            &[set("/sandboxes", json!([{ "name": "a", "strip_headers": ["content-type"] }]))],
            "/sandboxes/0/strip_headers/0: the request is read by its `content-type`; name a header that it can do without",
            READER_ONLY,
        ),
        (
            &[set("/sandboxes", json!([{ "name": "a", "strip_headers": ["x-countersign-task"] }]))],
            "/sandboxes/0/strip_headers/0: `x-countersign-task` is never a client's; name a header that clients send",
            READER_ONLY,
        ),
        (&[set("/unmatched", "allow")], "/unmatched: unknown treatment \"allow\" (deny, pass)", SCHEMA_TOO),
        (&[set("/policy/cedar", "")], "/policy/cedar: empty; write some text, or leave the key out", SCHEMA_TOO),
        (
            &[Remove("/policy/cedar"), Remove("/policy/links"), Remove("/policy/rego"), Remove("/policy/authzen")],
            "/policy: nothing decides; write `cedar`, `rego`, `authzen` or `opa`",
            SCHEMA_TOO,
        ),
        (
            &[Remove("/policy/cedar")],
            "/policy/links: there are no templates to link; write them in `cedar`",
            SCHEMA_TOO,
        ),
        (
            &[set("/policy/links", json!([{ "id": "a", "principal": "alice", "resource": "Tool::payments" }]))],
            "/policy/links/0: `template` is missing; write the `@id` of the template
/policy/links/0/principal: not an entity; write its type and its id, such as `Agent::\"<issuer>/<subject>\"`
/policy/links/0/resource: not an entity; write its type and its id, such as `Agent::\"<issuer>/<subject>\"`",
            SCHEMA_TOO,
        ),
        (
            &[set("/policy/opa", json!({ "url": "https://opa.example.com/v1/data/a", "cluster": "opa" }))],
            "/policy: has both `authzen` and `opa`; ask one decision point",
            SCHEMA_TOO,
        ),
        (
            &[set("/policy/authzen/url", "https://pdp.example.com/a?b=c")],
            "/policy/authzen/url: a decision point's URL has no query; write `https://host/path`",
            READER_ONLY,
        ),
        (
            &[
                set("/policy/authzen/url", "http://pdp.example.com"),
                set("/policy/authzen/timeout", "31s"),
                set("/policy/authzen/cache", "61m"),
            ],
            "/policy/authzen/url: plain http, where anyone on the way can answer; write https, or say `insecure_http: true` \
             beside it\n\
             /policy/authzen/timeout: `31s` is out of bounds; choose 10ms to 30s\n\
             /policy/authzen/cache: `61m` is out of bounds; choose 0s to 1h",
            READER_ONLY,
        ),
        (
            &[set("/insecure_inline", true), set("/policy/authzen/token", json!({ "inline": "two words" }))],
            "/policy/authzen/token/inline: not a bearer token; it is printable ASCII without blanks",
            READER_ONLY,
        ),
        (
            &[set("/a~b", 1)],
            "/a~0b: unknown key; the keys here are version, mode, insecure_inline, issuers, resources, \
             workloads, actors, hygiene, denied, risk, unmatched, client_certificate, policy, sandboxes, step_up, sessions, \
             record, forward, limits, bundle",
            SCHEMA_TOO,
        ),
        (
            &[set(
                "/risk",
                json!([{ "name": "a", "raise_to": "hgih", "when": {} }, { "name": "a", "raise_to": "high", "when": 1 }]),
            )],
            "/risk/0/raise_to: unknown risk \"hgih\" (low, medium, high, critical)\n\
             /risk/0/when: holds always; raise the `risk` of the resource, or state when\n\
             /risk/1/name: \"a\" is at /risk/0/name already; names are unique, choose another\n\
             /risk/1/when: found a number where an object belongs; write keys and values",
            SCHEMA_TOO,
        ),
        (
            &[set(
                "/risk",
                json!([{ "name": "a", "raise_to": "high", "when": {
                    "tools": ["a*b"], "paths": ["x"], "classes": ["exec"], "outside": ["https://example.com"], "kinds": []
                } }]),
            )],
            "/risk/0/when/tools/0: \"a*b\" is not a tool; a `*` may only be at the end, where it stands for any ending\n\
             /risk/0/when/paths/0: \"x\" does not start with `/`; write `/mcp` for one path or `/api/*` for all below it\n\
             /risk/0/when/classes/0: unknown class \"exec\" (control, list, read, write, execute)\n\
             /risk/0/when/outside/0: \"https://example.com\" is not a domain; write one in lower case, such as \
             `example.com`, or `*.example.com` for what is below it\n\
             /risk/0/when/kinds: empty; name at least one kind",
            SCHEMA_TOO,
        ),
        (
            &[set("/risk", json!([{ "name": "a", "raise_to": "high", "when": { "resources": ["nowhere"] } }]))],
            "/risk/0/when/resources/0: no resource is called \"nowhere\"; name one that is configured",
            READER_ONLY,
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
            &[set("/limits/ledger_share", 256.0)],
            "/limits/ledger_share: shares follow from what all workloads hold; remove this, and write the size of the ledger in \
             `ledger` if the default of 64MiB does not fit",
            SCHEMA_TOO,
        ),
        (
            &[set("/limits/ledger", "4MiB")],
            "/limits/ledger: `4MiB` is out of bounds; choose 8MiB to 128MiB",
            READER_ONLY,
        ),
        (
            &[set("/limits/ledger", 64)],
            "/limits/ledger: found a number where a size belongs; write a whole number and a unit, such as `256KiB`",
            SCHEMA_TOO,
        ),
        (
            &[set("/limits/calls/worker", 0)],
            "/limits/calls/worker: `0` is out of bounds; choose 1 to 16384",
            SCHEMA_TOO,
        ),
        (
            &[set("/limits/held_streams/workload", 2049)],
            "/limits/held_streams/workload: more than `worker`; a share is at most all of it",
            READER_ONLY,
        ),
        (
            &[set("/limits/held_bytes/workload", "512KiB")],
            "/limits/held_bytes: no body of `limits.body` fits; raise this or lower that",
            READER_ONLY,
        ),
        (
            &[set("/limits/open_approvals/task", 9)],
            "/limits/open_approvals/task: more than `workload`; a share is at most all of it",
            READER_ONLY,
        ),
        (
            &[set("/limits/open_approvals/workload", 65)],
            "/limits/open_approvals/workload: more than `process`; a share is at most all of it",
            READER_ONLY,
        ),
        (
            &[set("/limits/refused_tokens/address", 0)],
            "/limits/refused_tokens/address: `0` is out of bounds; choose 1 to 60000",
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
             /resources/1/match: matches the very same requests as /resources/0/match; change or remove one of them\n\
             /resources/1/identifier: \"https://tools.example.com/api\" is at /resources/0/identifier already; one \
             identifier, one resource",
            READER_ONLY,
        ),
        (
            &[set("/resources/0/metadata_url", "https://tools.example.com/metadata")],
            "/resources/0/metadata_url: the filter serves the metadata itself; remove this, or `metadata`",
            READER_ONLY,
        ),
        (
            &[Remove("/resources/0/identifier")],
            "/resources/0/metadata: metadata is about an `identifier`; write `identifier: https://host/path` beside it",
            READER_ONLY,
        ),
        (
            &[set("/resources/0/identifier", "http://tools.example.com/api")],
            "/resources/0/identifier: a resource's identifier is an https URL (RFC 9728 §1.2); write `https://host/path`",
            READER_ONLY,
        ),
        (
            &[set("/resources/0/identifier", "https://tools.example.com/api?x=1")],
            "/resources/0/identifier: a resource's identifier has no query; write `https://host/path`",
            READER_ONLY,
        ),
        (
            &[set("/issuers/0/issuer", "sts"), Remove("/resources/0/metadata/authorization_servers")],
            "/resources/0/metadata: no issuer is a URL that clients could be sent to; write `authorization_servers`",
            READER_ONLY,
        ),
        (
            &[set("/resources/0/authentication", json!({}))],
            "/resources/0/authentication: demands nothing; write `acr_values`, `max_age` or both",
            SCHEMA_TOO,
        ),
        (
            &[set("/denied", json!({ "tokens": [7, "7", 7, 7.5, -7, true] }))],
            "/denied/tokens/2: \"7\" is at /denied/tokens/0 already; one mention is enough, remove one\n\
             /denied/tokens/3: not a whole number from 0 to 2^53 - 1; nothing has such an id\n\
             /denied/tokens/4: not a whole number from 0 to 2^53 - 1; nothing has such an id\n\
             /denied/tokens/5: found a boolean where text or a number belongs; write it as the credential has it, text in \
             quotes",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/tools/0/authentication/acr_values", json!(["a b"]))],
            "/resources/0/tools/0/authentication/acr_values/0: \"a b\" cannot be in a list of words; printable ASCII \
             without spaces, `\"` and `\\`",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/match", json!({}))],
            "/resources/0/match: states nothing; state `host`, `path` or `route` (`path: /*` is every path)",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/annotations", "believe")],
            "/resources/0/annotations: unknown use of annotations \"believe\" (ignore, raise, trust)",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/protocol", "soap")],
            "/resources/0/protocol: unknown protocol \"soap\" (mcp, http, a2a, grpc)",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/protocol", "http")],
            "/resources/0/allowed_origins: only an MCP resource has it; remove it, or write `protocol: mcp`\n\
             /resources/0/denials: only an MCP resource has it; remove it, or write `protocol: mcp`\n\
             /resources/0/annotations: only an MCP resource has it; remove it, or write `protocol: mcp`\n\
             /resources/0/pin_scope: only an MCP resource has it; remove it, or write `protocol: mcp`\n\
             /resources/0/tools: only an MCP resource has tools; remove them, or write `protocol: mcp`\n\
             /resources/0/events: only an MCP resource has it; remove it, or write `protocol: mcp`\n\
             /resources/0/list_headers: only an MCP resource has it; remove it, or write `protocol: mcp`",
            SCHEMA_TOO,
        ),
        (
            &[Remove("/resources/0/metadata"), set("/resources/0/metadata_url", "http://tools.example.com/m")],
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
fn sessions() -> Outcome {
    check(&[
        (
            &[set("/sessions/secret/env", "SHORT_SECRET")],
            "/sessions/secret/env: shorter than 32 bytes; make one with `openssl rand -base64 32`",
            READER_ONLY,
        ),
        (
            &[set("/sessions/seal", false)],
            "/sessions/secret: nothing is sealed, so there is nothing to seal with; remove it, or `seal: false`",
            READER_ONLY,
        ),
        (
            &[set("/sessions/seal", "no")],
            "/sessions/seal: found text where a boolean belongs; write `true` or `false`, without quotes",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn pins() -> Outcome {
    let pin = |value| set("/resources/0/tools/0/pin", value);
    let shape = "not a digest; it is `sha-256:` and 43 characters of base64url";
    check(&[
        (&[pin(json!("sha-256:abc"))], &format!("/resources/0/tools/0/pin: {shape}"), SCHEMA_TOO),
        (
            &[pin(json!("sha-1:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU"))],
            &format!("/resources/0/tools/0/pin: {shape}"),
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/events/1", json!({ "name": "incident.created" }))],
            "/resources/0/events/1/name: \"incident.created\" is at /resources/0/events/0/name already; names are unique, \
             choose another",
            READER_ONLY,
        ),
        (
            &[set("/resources/0/tools/0/name", "events/poll/incident.created")],
            "/resources/0/tools/0/name: an event's name, as policies have it; declare it under `events`",
            READER_ONLY,
        ),
        (
            &[set("/resources/0/pin_scope", "task")],
            "/resources/0/pin_scope: unknown scope \"task\" (workload, all)",
            SCHEMA_TOO,
        ),
        (
            &[Remove("/resources/0/tools/0/pin")],
            "/resources/0/list_headers: only requests for lists of pinned tools go without others; `pin` a tool, or \
             remove this",
            READER_ONLY,
        ),
        (
            &[set("/resources/0/list_headers", json!(["Accept-Language", "accept", "x-countersign-subject"]))],
            "/resources/0/list_headers/0: \"Accept-Language\" has a second spelling; write lower case and `-` for `_`: \
             all are covered\n\
             /resources/0/list_headers/1: `accept` is the transport's own and goes to the server anyway; remove it\n\
             /resources/0/list_headers/2: `x-countersign-subject` is never a client's; name a header that clients send",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn upgrades() -> Outcome {
    let upgrades = |value| set("/resources/0/upgrades", value);
    check(&[
        (
            &[upgrades(json!(["websocket"]))],
            "/resources/0/upgrades: only an HTTP resource upgrades; remove them, or write `protocol: http`",
            READER_ONLY,
        ),
        (
            &[
                Remove("/resources/0/tools"),
                Remove("/workloads/0/actions"),
                Remove("/resources/0/allowed_origins"),
                Remove("/resources/0/denials"),
                Remove("/resources/0/annotations"),
                Remove("/resources/0/pin_scope"),
                Remove("/resources/0/list_headers"),
                Remove("/resources/0/events"),
                set("/resources/0/protocol", "http"),
                upgrades(json!(["h2c"])),
            ],
            "/resources/0/upgrades/0: unknown upgrade \"h2c\" (websocket)",
            SCHEMA_TOO,
        ),
    ])
}

#[test]
fn an_error_is_one_line() {
    let errors = ConfigErrors::from(vec![ConfigError::new("/policy/cedar", "a\nb"), ConfigError::new("/a\r", "c; d")]);
    assert_eq!(errors.to_string(), "/policy/cedar: a\u{fffd}b\n/a\u{fffd}: c; d");
}

#[test]
fn what_only_mcp_resources_have() -> Outcome {
    let annotated = |schema| [set("/resources/0/tools/0/input_schema", schema)];
    check(&[
        (
            &[set("/resources/0/allowed_origins", json!(["https://a.test", "https://a.test/x"]))],
            "/resources/0/allowed_origins/1: an origin has no path; write `https://host` and nothing behind it",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/denials/code", -32020)],
            "/resources/0/denials/code: `-32020` is out of bounds; choose a 32-bit code outside -32768 to -32020, which \
             JSON-RPC and MCP keep for themselves",
            SCHEMA_TOO,
        ),
        (
            &[set("/resources/0/denials/code", 1.5)],
            "/resources/0/denials/code: found a number where a whole number belongs; write a code such as `-32001`, \
             without quotes",
            SCHEMA_TOO,
        ),
        (
            &annotated(json!({ "properties": { "a": { "type": "number", "x-mcp-header": "A" } } })),
            "/resources/0/tools/0/input_schema: `x-mcp-header` of `mcp-param-a` is not at a string, an integer or a \
             boolean; clients drop such a tool, copy its `inputSchema` as it should be",
            READER_ONLY,
        ),
        (
            &annotated(json!({ "properties": { "a": { "type": "string", "x-mcp-header": "a b" } } })),
            "/resources/0/tools/0/input_schema: \"a b\" as `x-mcp-header` is not the name of a header; clients drop such a \
             tool, copy its `inputSchema` as it should be",
            READER_ONLY,
        ),
        (
            &annotated(json!({ "properties": {
                "a": { "type": "string", "x-mcp-header": "A_b" }, "b": { "type": "string", "x-mcp-header": "a-B" }
            } })),
            "/resources/0/tools/0/input_schema: `mcp-param-a-b` is the header of two arguments; clients drop such a tool, \
             copy its `inputSchema` as it should be",
            READER_ONLY,
        ),
        (
            &annotated(json!({ "properties": {
                "a": { "type": "array", "items": { "type": "string", "x-mcp-header": "A" } }
            } })),
            "/resources/0/tools/0/input_schema: `x-mcp-header` is below `items`, where no single argument is meant; \
             clients drop such a tool, copy its `inputSchema` as it should be",
            READER_ONLY,
        ),
    ])
}

#[test]
fn the_words_of_a_decision_point() -> Outcome {
    check(&[
        (
            &[set("/policy/authzen/resource_type", "a{object}")],
            "/policy/authzen/resource_type: \"a{object}\" has a word that there is not here, `{object}` ({type}, {resource}); \
             write such as `user:{subject}`",
            READER_ONLY,
        ),
        (
            &[set("/policy/authzen/subject_id", "alice")],
            "/policy/authzen/subject_id: calls all of them the same, so that nobody could tell them apart; write a word in braces",
            SCHEMA_TOO,
        ),
        (
            &[
                Remove("/policy/authzen"),
                set(
                    "/policy/opa",
                    json!({ "url": "https://opa.example.com/v1/data/a", "cluster": "opa", "subject_type": "user" }),
                ),
            ],
            "/policy/opa/subject_type: only questions in AuthZEN are worded otherwise; remove it",
            SCHEMA_TOO,
        ),
    ])
}
