//! The schema that people edit with is what the keys say, and the reader reads these keys and no others.

use std::collections::BTreeSet;
use std::error::Error;
use std::sync::LazyLock;

use countersign_facts::test_support::made;
use jsonschema::Validator;
use serde_json::{Map, Value, json};

use super::{Edit, Outcome, edited, full, key_set, minimal, objects, parse, set};

/// Whether the schema accepts `document`.
pub(super) fn accepts(document: &Value) -> Result<bool, Box<dyn Error>> {
    Ok(validator()?.is_valid(document))
}

static SCHEMA: LazyLock<Value> = LazyLock::new(crate::config::schema::document);

fn validator() -> Result<Validator, Box<dyn Error>> {
    Ok(jsonschema::options().should_validate_formats(true).build(&SCHEMA)?)
}

#[test]
fn the_page_is_what_the_keys_say() -> Outcome {
    let said = crate::config::schema::text();
    assert_eq!(serde_json::from_str::<Value>(&said)?, *SCHEMA);
    Ok(made(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."), "envoy/countersign.schema.json", &said)?)
}

#[test]
fn the_schema_is_one() {
    assert!(jsonschema::meta::is_valid(&SCHEMA));
}

#[test]
fn what_the_reader_accepts_validates() -> Outcome {
    let inline = [
        set("/issuers/0/keys", json!({ "inline": key_set() })),
        set("/insecure_inline", true),
        set("/step_up/webhook/secret", json!({ "inline": super::SECRET })),
    ];
    let doubles = [set("/version", 1.0), set("/limits/calls/worker", 1e2)];
    let http = [set("/issuers/0/keys/insecure_http", true), set("/issuers/0/keys/url", "http://[::1]:80?x=@")];
    for document in [
        full(),
        minimal(),
        edited(full(), &inline)?,
        edited(full(), &doubles)?,
        edited(minimal(), &http)?,
        api()?,
        service()?,
    ] {
        parse(&document)?;
        let validator = validator()?;
        let errors: Vec<String> = validator.iter_errors(&document).map(|error| error.to_string()).collect();
        assert_eq!(errors, Vec::<String>::new(), "{document}");
    }
    Ok(())
}

/// The reader lists its keys when it meets one unlike any of them; the schema's are looked up by following it.
#[test]
fn both_know_the_same_keys() -> Outcome {
    let document = full();
    let mut places = Vec::new();
    objects(&document, "", &mut |pointer, _| places.push((document.clone(), pointer.to_owned())));
    assert_eq!(places.len(), 49);
    let keys = json!({
        "discovery": "https://a/metadata", "cluster": "a", "jwks": { "origin": "https://b", "cluster": "b" }
    });
    places.push((edited(full(), &[set("/issuers/0/keys", keys)])?, "/issuers/0/keys/jwks".to_owned()));
    let machine = json!([{ "issuer": "https://sts", "machine": { "claim": "azp", "id": "cli" } }]);
    places.push((edited(full(), &[set("/denied/workloads", machine)])?, "/denied/workloads/0/machine".to_owned()));
    places.push((opaque()?, "/issuers/0/introspection".to_owned()));
    places.push((api()?, "/resources/0/endpoints/0".to_owned()));
    places.push((service()?, "/resources/0/methods/0".to_owned()));
    for (document, place) in places {
        let stranger = format!("{place}/zzzzzzzzzzzzzzzz");
        let mut unknown = document.clone();
        let members = unknown.pointer_mut(&place).and_then(Value::as_object_mut).ok_or("no object")?;
        members.insert("zzzzzzzzzzzzzzzz".to_owned(), json!(1));
        let errors = parse(&unknown).err().ok_or_else(|| format!("{stranger} is accepted"))?;
        let prefix = format!("{stranger}: unknown key; the keys here are ");
        let told = errors.to_string();
        let keys = told.strip_prefix(&prefix).ok_or_else(|| told.clone())?;
        let known: BTreeSet<&str> = keys.split(", ").collect();
        let described = described(&place)?;
        assert_eq!(known, described.keys().map(String::as_str).collect(), "{place}");
        assert!(!accepts(&unknown)?, "the schema accepts {stranger}");
    }
    Ok(())
}

/// `full` is what makes the test above complete: it has every key, but for those that exclude others.
#[test]
fn the_full_configuration_is_full() -> Outcome {
    let document = full();
    let mut missing = Vec::new();
    let mut places = Vec::new();
    objects(&document, "", &mut |pointer, members| places.push((pointer.to_owned(), members)));
    for (place, members) in places {
        let absent = described(&place)?.keys().filter(|key| !members.contains_key(*key));
        missing.extend(absent.map(|key| format!("{place}/{key}")));
    }
    let exclusive = [
        "/issuers/0/header",
        "/issuers/0/tenants",
        "/issuers/0/trust_domain",
        "/issuers/0/introspection",
        "/issuers/0/keys/discovery",
        "/issuers/0/keys/jwks",
        "/issuers/0/keys/inline",
        "/issuers/0/task/preset",
        "/issuers/0/task/types",
        "/workloads/0/match/machine",
        "/hygiene/shared_accounts/0/machine",
        "/denied/workloads/0/machine",
        "/resources/0/metadata_url",
        "/resources/0/endpoints",
        "/resources/0/methods",
        "/resources/0/undeclared",
        "/resources/0/connect",
        "/resources/0/egress",
        "/resources/0/agent_card",
        "/resources/0/unread_forms",
        "/resources/0/upgrades",
        "/policy/opa",
        "/policy/authzen/token/inline",
        "/issuers/0/keys/format",
        "/issuers/0/binding/nonce/secret/inline",
        "/issuers/0/binding/nonce/previous/inline",
        "/sessions/secret/inline",
        "/step_up/webhook/secret/inline",
    ];
    missing.sort_unstable();
    let mut exclusive = exclusive.map(str::to_owned);
    exclusive.sort_unstable();
    assert_eq!(missing, exclusive);
    Ok(())
}

/// [`minimal`] with an issuer whose tokens only it can read.
fn opaque() -> Result<Value, Box<dyn Error>> {
    let introspection = json!({
        "url": "https://sts.example.com/introspect", "cluster": "sts", "client_id": "gateway",
        "client_secret": { "env": "APPROVALS_SECRET" }, "timeout": "2s", "cache": "10s", "insecure_http": false
    });
    let edits = [
        set("/issuers/0/profile", "opaque"),
        set("/issuers/0/introspection", introspection),
        Edit::Remove("/issuers/0/algorithms"),
        Edit::Remove("/issuers/0/keys"),
    ];
    edited(minimal(), &edits)
}

/// [`minimal`] with an endpoint that says everything.
fn api() -> Result<Value, Box<dyn Error>> {
    let endpoint = json!({
        "name": "transfer", "method": "POST", "path": "/api/{id}/transfers", "body": "json", "risk": "high",
        "labels": ["external"], "input_schema": { "type": "object" }, "redact": ["/note"], "destinations": ["/url"],
        "authentication": { "max_age": "5m" }
    });
    let edits = [
        set("/resources/0/match/path", "/*"),
        set("/resources/0/endpoints", json!([endpoint])),
        set("/resources/0/undeclared", "deny"),
        set("/resources/0/connect", true),
        set("/resources/0/egress", true),
        set("/resources/0/unread_forms", json!(["multipart/*"])),
    ];
    edited(minimal(), &edits)
}

/// [`minimal`] with a gRPC method that says everything.
fn service() -> Result<Value, Box<dyn Error>> {
    let method = json!({
        "name": "bank.v1.Payments/Transfer", "metadata": ["x-amount"], "risk": "high", "labels": ["external"],
        "input_schema": { "type": "object" }, "redact": ["/x-amount"], "destinations": ["/x-amount"],
        "authentication": { "max_age": "5m" }
    });
    let edits = [
        set("/resources/0/protocol", "grpc"),
        set("/resources/0/match/path", "/*"),
        set("/resources/0/methods", json!([method])),
        set("/resources/0/undeclared", "decide"),
    ];
    edited(minimal(), &edits)
}

/// The descriptions of the keys of the object at `place`.
fn described(place: &str) -> Result<&'static Map<String, Value>, Box<dyn Error>> {
    let mut node = &*SCHEMA;
    for token in place.split('/').skip(1) {
        let below = if token == "0" { "/items".to_owned() } else { format!("/properties/{token}") };
        // The keys of some objects are names: what all of them stand for is described.
        let named = || node.get("additionalProperties").filter(|described| described.is_object());
        node = node.pointer(&below).or_else(named).ok_or_else(|| format!("{place} is not described"))?;
        while let Some(reference) = node.get("$ref").and_then(Value::as_str) {
            node = SCHEMA.pointer(reference.trim_start_matches('#')).ok_or("dangling reference")?;
        }
    }
    assert_eq!(node.get("additionalProperties"), Some(&json!(false)), "{place}");
    Ok(node.get("properties").and_then(Value::as_object).ok_or_else(|| format!("{place} has no properties"))?)
}

/// Stating what the schema calls a default changes nothing.
#[test]
fn the_defaults_described_are_the_defaults() -> Outcome {
    let mut base =
        edited(minimal(), &[set("/record", json!({})), set("/forward", json!({})), set("/limits", json!({}))])?;
    let webhook = json!({
        "url": "https://approvals.example.com/", "cluster": "approvals", "secret": { "env": "APPROVALS_SECRET" }
    });
    base = edited(base, &[set("/step_up", json!({ "webhook": webhook })), set("/resources/0/protocol", "mcp")])?;
    base = edited(base, &[set("/resources/0/match", json!({ "route": "r" })), set("/issuers/0/binding", json!({}))])?;
    let claims = json!({ "groups": { "at": "/groups", "type": ["string"] } });
    base = edited(base, &[set("/issuers/0/claims", claims)])?;
    base = edited(base, &[set("/resources/0/tools", json!([{ "name": "t" }]))])?;
    let everybody = json!([{ "match": { "subject": "*" }, "kind": "agent" }]);
    base = edited(base, &[set("/actors", json!({})), set("/hygiene", json!({})), set("/workloads", everybody)])?;
    let identifier = set("/resources/0/identifier", "https://tools.example.com/api");
    base = edited(base, &[identifier, set("/resources/0/metadata", json!({}))])?;
    let expected = format!("{:?}", parse(&base)?);
    let mut stated = Vec::new();
    let mut places = Vec::new();
    objects(&base, "", &mut |pointer, _| places.push(pointer.to_owned()));
    for place in places {
        for (key, description) in described(&place)? {
            let referred = description.get("$ref").and_then(Value::as_str).map(|at| at.trim_start_matches('#'));
            let own = description.get("default");
            let Some(default) = own.or_else(|| SCHEMA.pointer(referred?)?.get("default")) else { continue };
            if [
                "tools",
                "endpoints",
                "methods",
                "undeclared",
                "connect",
                "egress",
                "agent_card",
                "unread_forms",
                "format",
            ]
            .contains(&key.as_str())
            {
                continue;
            }
            let mut document = base.clone();
            let members = document.pointer_mut(&place).and_then(Value::as_object_mut).ok_or("no object")?;
            members.insert(key.clone(), default.clone());
            assert_eq!(format!("{:?}", parse(&document)?), expected, "{place}/{key}");
            stated.push(key.clone());
        }
    }
    assert_eq!(stated.len(), 50, "{stated:?}");
    Ok(())
}
