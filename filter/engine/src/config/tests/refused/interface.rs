//! Endpoints, gRPC methods and what else is only of some protocols.

use serde_json::{Value, json};

use super::{READER_ONLY, SCHEMA_TOO, check_of};
use crate::config::tests::{Outcome, minimal, set};

fn endpoint(path: &str) -> Value {
    json!({ "name": "e", "method": "GET", "path": path })
}

#[test]
fn endpoints() -> Outcome {
    let list = |endpoints: Value| [set("/resources/0/match/path", "/api/*"), set("/resources/0/endpoints", endpoints)];
    let twice = |one: &str, other: &str| list(json!([endpoint(one), { "name": "f", "method": "GET", "path": other }]));
    check_of(
        &minimal(),
        &[
            (
                &list(json!([endpoint("/api/{a}"), endpoint("/api/b")])),
                "/resources/0/endpoints/1/name: \"e\" is at /resources/0/endpoints/0/name already; names are unique, choose another",
                READER_ONLY,
            ),
            (
                &twice("/api/{a}/x", "/api/y/{b}"),
                "/resources/0/endpoints/1/path: matches paths that /resources/0/endpoints/0/path matches too, and neither says \
             more; change one of them",
                READER_ONLY,
            ),
            (
                &twice("/api/{a}", "/api/{b}"),
                "/resources/0/endpoints/1/path: matches paths that /resources/0/endpoints/0/path matches too, and neither says \
             more; change one of them",
                READER_ONLY,
            ),
            (
                &list(json!([endpoint("/other/{a}")])),
                "/resources/0/endpoints/0/path: \"/other/{a}\" is not below the resource's `match.path`, so it is never asked for; \
             change one of them",
                READER_ONLY,
            ),
            (
                &list(json!([endpoint("/api/{a}:cancel")])),
                "/resources/0/endpoints/0/path: \"/api/{a}:cancel\" has a segment that is neither text nor a `{parameter}`; write \
             `/accounts/{id}/transfers`, a parameter for one whole segment",
                READER_ONLY,
            ),
            (
                &list(json!([{ "name": "e", "method": "get", "path": "/api/a" }])),
                "/resources/0/endpoints/0/method: unknown method \"get\" (GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS)",
                SCHEMA_TOO,
            ),
            (
                &list(json!([{ "name": "e", "method": "GET", "path": "/api/a", "body": "json" }])),
                "/resources/0/endpoints/0/body: requests of this method have no body that means anything; write `body: none`",
                READER_ONLY,
            ),
            (
                &[set("/resources/0/unread_forms", json!(["application/json"]))],
                "/resources/0/unread_forms/0: \"application/json\" is not a form; write `application/x-www-form-urlencoded`, \
             `multipart/form-data` or `multipart/*`; all else passes as it is",
                SCHEMA_TOO,
            ),
            (
                &[set("/resources/0/protocol", "a2a"), set("/resources/0/additional_arguments", "allow")],
                "/resources/0/additional_arguments: what arguments A2A operations have is A2A's to say; remove it",
                SCHEMA_TOO,
            ),
            (
                &list(json!([{ "name": "e", "method": "GET", "path": "/api/a", "additional_arguments": "allow" }])),
                "/resources/0/endpoints/0/additional_arguments: without an `input_schema` every argument is additional; write one, \
             or remove this",
                SCHEMA_TOO,
            ),
            (
                &[set("/resources/0/additional_arguments", "pass")],
                "/resources/0/additional_arguments: unknown treatment \"pass\" (refuse, allow)",
                SCHEMA_TOO,
            ),
            (
                &[set("/resources/0/connect", true)],
                "/resources/0/connect: a tunnel has no path; match `path: /*`, or remove this",
                READER_ONLY,
            ),
        ],
    )
}

#[test]
fn what_is_of_another_protocol() -> Outcome {
    check_of(
        &minimal(),
        &[
            (
                &[set("/resources/0/methods", json!([]))],
                "/resources/0/methods: only a gRPC service has methods; remove them, or write `protocol: grpc`",
                SCHEMA_TOO,
            ),
            (
                &[set("/resources/0/agent_card", "public")],
                "/resources/0/agent_card: only an A2A agent has a card; remove it, or write `protocol: a2a`",
                SCHEMA_TOO,
            ),
            (
                &[
                    set("/resources/0/protocol", "a2a"),
                    set("/resources/0/undeclared", "deny"),
                    set("/resources/0/egress", true),
                ],
                "/resources/0/egress: only an HTTP resource is a way out; remove it, or write `protocol: http`\n\
             /resources/0/undeclared: only HTTP APIs and gRPC services can be closed; remove it, and let policy decide",
                SCHEMA_TOO,
            ),
            (
                &[set("/resources/0/protocol", "mcp"), set("/resources/0/endpoints", json!([]))],
                "/resources/0/endpoints: only an HTTP API has endpoints; remove them, or write `protocol: http`",
                SCHEMA_TOO,
            ),
        ],
    )
}

#[test]
fn grpc_methods() -> Outcome {
    let list = |methods: Value| [set("/resources/0/protocol", "grpc"), set("/resources/0/methods", methods)];
    check_of(
        &minimal(),
        &[
            (
                &list(json!([{ "name": "Payments.Transfer" }])),
                "/resources/0/methods/0/name: \"Payments.Transfer\" is not a gRPC method; write `package.Service/Method`",
                SCHEMA_TOO,
            ),
            (
                &list(json!([{ "name": "p.S/M", "metadata": ["x-key-bin", "grpc-timeout"] }])),
                "/resources/0/methods/0/metadata/0: \"x-key-bin\" cannot be an argument; name a field in lower case that is text and \
             the caller's own\n\
             /resources/0/methods/0/metadata/1: \"grpc-timeout\" cannot be an argument; name a field in lower case that is text \
             and the caller's own",
                READER_ONLY,
            ),
        ],
    )
}
