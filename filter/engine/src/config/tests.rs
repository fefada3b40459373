//! Configurations as data: what is accepted, what is refused with which words, and that the schema agrees.

mod accepted;
mod addresses;
mod places;
mod refused;
mod schema;

use std::error::Error;

use countersign_facts::mistakes::ConfigErrors;
use serde_json::{Map, Value, json};

use super::{Config, Secrets};

type Outcome = Result<(), Box<dyn Error>>;

/// Of 32 bytes.
const SECRET: &str = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";

/// An environment with one good secret, one bad and nothing else.
struct Environment;

impl Secrets for Environment {
    fn secret(&self, name: &str) -> Option<String> {
        match name {
            "APPROVALS_SECRET" => Some(SECRET.to_owned()),
            "SHORT_SECRET" => Some("whsec_c2hvcnQ=".to_owned()),
            _ => None,
        }
    }
}

/// Every key there is, but for those that exclude another.
fn full() -> Value {
    json!({
        "version": 1,
        "mode": "audit",
        "issuers": [{
            "name": "platform",
            "issuer": "https://sts.example.com",
            "profile": "generic",
            "types": ["JWT", ""],
            "audiences": ["https://tools.example.com/mcp"],
            "audience_claim": "client_id",
            "required_claims": { "token_use": "access", "version": 2 },
            "algorithms": ["ES256", "RS256"],
            "keys": {
                "url": "https://STS.example.com/jwks.json?v=1", "cluster": "sts", "insecure_http": false,
                "refresh": "2m", "max_stale": "3h", "cooldown": "500ms", "timeout": "4s"
            },
            "max_lifetime": "15m",
            "leeway": "10s",
            "machine_claim": "azp",
            "one_shot": true,
            "binding": {
                "require": "dpop", "same_workload": true, "proof_age": "2m",
                "nonce": {
                    "lifetime": "3m", "secret": { "env": "APPROVALS_SECRET" }, "previous": { "env": "APPROVALS_SECRET" }
                }
            },
            "claims": { "groups": { "at": "/groups", "type": ["string"], "required": true, "record": true } },
            "task": {
                "id": "/task/id", "purpose": "/task/purpose", "grants": "/task/grants", "expires": "/task/expires",
                "scope": true, "scope_claim": "scp"
            }
        }],
        "resources": [{
            "name": "payments",
            "match": { "host": "Tools.example.com:8443", "path": "/api/*", "route": "tools", "exact": true },
            "protocol": "mcp",
            "mode": "audit",
            "risk": "low",
            "origin": "https://Tools.example.com",
            "identifier": "https://tools.example.com/api",
            "metadata": {
                "authorization_servers": ["https://sts.example.com"], "scopes": ["mcp:tools/list"],
                "documentation": "https://tools.example.com/about"
            },
            "authentication": { "acr_values": ["mfa"], "max_age": "1h" },
            "allowed_origins": ["https://app.example.com"],
            "denials": { "code": -32001, "tool_result": true },
            "annotations": "trust",
            "pin_scope": "all",
            "list_headers": ["x-tenant"],
            "strip_credentials": ["txn-token"],
            "events": [{
                "name": "incident.created", "risk": "high", "labels": ["paging"],
                "input_schema": { "type": "object", "required": ["to"], "additionalProperties": true }, "additional_arguments": "allow",
                "derived": { "home": { "/to": { "domain": ["example.com"] } } }, "redact": ["/note"],
                "destinations": ["/url"], "authentication": { "acr_values": ["hwk"], "max_age": "5m" }
            }],
            "additional_arguments": "allow",
            "tools": [{
                "name": "transfer", "risk": "high", "labels": ["external"],
                "input_schema": { "type": "object", "required": ["paths"], "additionalProperties": true }, "additional_arguments": "refuse", "derived": { "in_data": { "/paths/*": { "prefix": "/data/" } } }, "redact": ["/note", "/a~1b/~0"],
                "pin": "sha-256:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU",
                "destinations": ["/url"], "authentication": { "acr_values": ["hwk"], "max_age": "5m" }
            }]
        }],
        "workloads": [{
            "match": {
                "issuer": "platform", "subject": "batch-*", "trust_domain": "example.org", "client_id": "cli",
                "claim": { "pointer": "/groups", "value": "batch" }
            },
            "kind": "agent",
            "traits": ["browsing"],
            "actions": [{ "action": "mcp:tools/call", "resource": "payments", "calls": { "max": 9, "per": "hour" } }]
        }],
        "actors": { "max_depth": 2, "unclassified": "deny" },
        "hygiene": {
            "lifetime": "10m", "key_age": "720h",
            "shared_accounts": [{
                "issuer": "platform", "subject": "root", "trust_domain": "example.org", "client_id": "cli",
                "claim": { "pointer": "/shared", "value": "yes" }
            }]
        },
        "denied": {
            "tokens": ["t1"], "tasks": ["task-1"],
            "workloads": [{ "issuer": "https://sts.example.com", "subject": "agent-7" }]
        },
        "bundle": {
            "name": "edge", "url": "https://bundles.example.com/edge", "cluster": "bundles", "insecure_http": false,
                "timeout": "2s", "keys": key_set(), "refresh": "10s", "oldest": 3, "max_load": "4s", "max_stale": "10m",
        "when_stale": "serve"
            },
        "risk": [{
            "name": "outwards", "raise_to": "high",
            "when": {
                "resources": ["payments"], "tools": ["trans*"], "paths": ["/api/*"], "labels": ["external"],
                "classes": ["execute"], "destinations": ["*.example.com"], "outside": ["example.org"],
                "kinds": ["agent"], "traits": ["browsing"], "findings": ["long_lived"]
            }
        }],
        "unmatched": "pass",
        "client_certificate": "xfcc",
        "policy": {
            "cedar": "permit (principal, action, resource);",
            "links": [{
                "template": "own", "id": "alice-own", "principal": "Agent::\"platform/alice\"",
                "resource": "Resource::\"payments\""
            }],
            "rego": "package countersign", "rego_input": "32KiB",
            "authzen": {
                "url": "https://pdp.example.com/tenant/", "cluster": "pdp", "insecure_http": false, "timeout": "500ms",
                "token": { "env": "APPROVALS_SECRET" }, "cache": "5s",
                "subject_type": "user", "subject_id": "{issuer_name}:{subject}", "action_name": "can_{class}",
                "resource_type": "{resource}", "resource_id": "{object}"
            }
        },
        "sandboxes": [{ "name": "quarantine", "strip_headers": ["cookie"] }],
        "step_up": {
            "webhook": {
                "url": "https://approvals.example.com/ask", "cluster": "approvals", "insecure_http": false,
                "secret": { "env": "APPROVALS_SECRET" }, "timeout": "11s"
            },
            "hold": "12s"
        },
        "sessions": { "seal": true, "secret": { "env": "APPROVALS_SECRET" } },
        "record": { "arguments": ["/amount"] },
        "forward": { "credential": true, "routing_headers": ["x-tenant-route"] },
        "limits": {
            "body": "1MiB", "body_wait": "20s", "token": "8KiB", "cached_tokens": 10, "ledger": "32MiB",
            "held_bytes": { "worker": "64MiB", "workload": "8MiB" },
            "held_streams": { "worker": 2048, "workload": 256 },
            "calls": { "worker": 128, "workload": 16 },
            "response_bytes": { "worker": "32MiB", "workload": "4MiB" },
            "open_approvals": { "process": 64, "workload": 8, "task": 2 },
            "refused_tokens": { "worker": 600, "address": 10 }
        },
        "insecure_inline": false
    })
}

/// Only what must be there.
fn minimal() -> Value {
    json!({
        "version": 1,
        "issuers": [{
            "name": "platform", "issuer": "https://sts.example.com", "profile": "access-token",
            "audiences": ["https://tools.example.com/mcp"], "algorithms": ["ES256"],
            "keys": { "url": "https://sts.example.com", "cluster": "sts" }
        }],
        "resources": [{ "name": "api", "match": { "path": "/api" }, "protocol": "http" }],
        "policy": { "cedar": "permit (principal, action, resource);" }
    })
}

/// A JWK Set with the public key of RFC 7517 appendix A.1.
fn key_set() -> Value {
    json!({ "keys": [{
        "kty": "EC", "crv": "P-256", "use": "sig", "kid": "1",
        "x": "MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y": "4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"
    }] })
}

/// One change of a document.
#[derive(Clone, Debug)]
enum Edit {
    Set(&'static str, Value),
    Remove(&'static str),
}

fn set(pointer: &'static str, value: impl Into<Value>) -> Edit {
    Edit::Set(pointer, value.into())
}

/// The document after `edits`.
fn edited(mut document: Value, edits: &[Edit]) -> Result<Value, Box<dyn Error>> {
    for edit in edits {
        let (Edit::Set(pointer, _) | Edit::Remove(pointer)) = edit;
        let (parent, key) = pointer.rsplit_once('/').ok_or("no parent")?;
        let parent = document.pointer_mut(parent).ok_or_else(|| format!("nothing above {pointer}"))?;
        match (edit, parent) {
            (Edit::Set(_, value), Value::Object(members)) => drop(members.insert(key.to_owned(), value.clone())),
            (Edit::Set(_, value), Value::Array(items)) => match items.get_mut(key.parse::<usize>()?) {
                Some(item) => *item = value.clone(),
                None => items.push(value.clone()),
            },
            (Edit::Remove(_), Value::Object(members)) => {
                drop(members.remove(key).ok_or_else(|| format!("nothing at {pointer}"))?);
            }
            (Edit::Set(..) | Edit::Remove(_), parent) => return Err(format!("cannot edit {parent}").into()),
        }
    }
    Ok(document)
}

fn parse(document: &Value) -> Result<Config, ConfigErrors> {
    Config::parse(document.to_string().as_bytes(), &Environment)
}

/// Calls `visit` with every object the reader knows, by place; documents of others are left out.
fn objects<'a>(value: &'a Value, pointer: &str, visit: &mut dyn FnMut(&str, &'a Map<String, Value>)) {
    match value {
        Value::Object(members) => {
            // Its keys are names.
            if !["/claims", "/required_claims"].iter().any(|names| pointer.ends_with(names)) {
                visit(pointer, members);
            }
            let foreign = ["input_schema", "derived", "inline", "actions"];
            let is_foreign = |key: &str| foreign.contains(&key) || (pointer, key) == ("/bundle", "keys");
            for (key, value) in members.iter().filter(|(key, _)| !is_foreign(key)) {
                objects(value, &format!("{pointer}/{key}"), visit);
            }
        }
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                objects(item, &format!("{pointer}/{index}"), visit);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
