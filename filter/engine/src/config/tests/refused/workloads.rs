//! Workloads, delegation and hygiene.

use serde_json::json;

use super::{READER_ONLY, SCHEMA_TOO, check};
use crate::config::tests::Edit::Remove;
use crate::config::tests::{Outcome, set};

#[test]
fn workloads() -> Outcome {
    check(&[
        (&[set("/workloads", json!([]))], "/workloads: empty; name at least one workload", SCHEMA_TOO),
        (
            &[set("/workloads/0/match", json!({}))],
            "/workloads/0/match: states nothing; state `issuer`, `subject`, `machine`, `trust_domain`, `client_id` or `claim` \
             (`subject: \"*\"` is everybody)",
            SCHEMA_TOO,
        ),
        (
            &[set("/workloads/0/match/issuer", "platfrom")],
            "/workloads/0/match/issuer: no issuer is called \"platfrom\"; name one that is configured",
            READER_ONLY,
        ),
        (
            &[set("/workloads/0/match/subject", "a*b")],
            "/workloads/0/match/subject: \"a*b\" is not a subject; a `*` may only be at the end, where it stands for any \
             ending",
            SCHEMA_TOO,
        ),
        (
            &[set("/workloads/0/match/subject", "spiffe://example.o*")],
            "/workloads/0/match/subject: \"spiffe://example.o*\" ends inside an authority, so that others which begin alike are \
             meant too; write all of it, and `/*` behind it",
            READER_ONLY,
        ),
        (
            &[set("/workloads/0/kind", "automation")],
            "/workloads/0/traits: an automation has no traits; remove them, or write `kind: agent`",
            SCHEMA_TOO,
        ),
        (
            &[set("/workloads/0/kind", "automation"), Remove("/workloads/0/traits"), Remove("/workloads/0/actions")],
            "/workloads/0: `actions` is missing; list everything the automation does",
            SCHEMA_TOO,
        ),
        (
            &[set("/workloads/0/traits", json!(["browsing", "browsing"]))],
            "/workloads/0/traits: names a trait twice; remove one",
            SCHEMA_TOO,
        ),
        (
            &[set("/workloads/0/traits", json!(["flying"]))],
            "/workloads/0/traits/0: unknown trait \"flying\" (multi-agent, code-execution, browsing, infrastructure)",
            SCHEMA_TOO,
        ),
        (
            &[set("/workloads/0/actions", json!([{ "action": "mcp:tools/call", "resource": "pay" }]))],
            "/workloads/0/actions/0: no resource is called \"pay\"; name one that is configured",
            READER_ONLY,
        ),
        (
            &[set("/workloads/0/actions", json!([{ "action": "fly", "resource": "payments" }]))],
            "/workloads/0/actions/0: unusable `action` of a grant; write `{ action: mcp:tools/call, resource: …, object: … }`",
            SCHEMA_TOO,
        ),
        (
            &[set(
                "/workloads/0/actions",
                json!([
                    { "action": "mcp:resources/read", "resource": "payments", "object": "s3://My-Bu*" },
                    { "action": "mcp:resources/read", "resource": "payments", "object": "postgres://app@db/*" },
                    { "action": "mcp:tools/call", "resource": "payments", "arguments": { "/to": { "prefix": "https://api.example" } } },
                ]),
            )],
            "/workloads/0/actions/0: `object` of a grant ends inside an authority, so that others which begin alike are covered \
             too; write all of it, and a `/` behind it\n\
             /workloads/0/actions/1: `object` of a grant has user information; name such a URI whole, without `*` and \
             variables\n\
             /workloads/0/actions/2: operand of constraint `prefix` ends inside an authority, so that others which begin alike \
             are covered too; write all of it, and a `/` behind it",
            READER_ONLY,
        ),
        (
            &[set(
                "/workloads/0/actions",
                json!([{ "action": "mcp:tools/call", "resource": "payments", "calls": { "max": 3 } }]),
            )],
            "/workloads/0/actions/0: a workload has no end at which a count would; write `calls: { max: …, per: … }`",
            READER_ONLY,
        ),
    ])
}

#[test]
fn delegation_and_hygiene() -> Outcome {
    check(&[
        (&[set("/actors/max_depth", 9)], "/actors/max_depth: `9` is out of bounds; choose 0 to 8", SCHEMA_TOO),
        (
            &[set("/actors/unclassified", "allow")],
            "/actors/unclassified: unknown treatment \"allow\" (strict, deny)",
            SCHEMA_TOO,
        ),
        (
            &[set("/hygiene/key_age", "90s")],
            "/hygiene/key_age: `90s` is out of bounds; choose 1h to 87600h",
            READER_ONLY,
        ),
    ])
}
