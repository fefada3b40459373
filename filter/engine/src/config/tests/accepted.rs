//! What is accepted, and what it then means.

use std::time::Duration;

use countersign_facts::calls::Endpoint;
use countersign_facts::ledger::Capacity;
use countersign_facts::pointer::Pointer;
use countersign_policy::Dialect;
use countersign_protocols::bounds::{self, ArgumentPlace};
use countersign_protocols::catalogue::{
    Annotations, Denials, Match, Mirrored, PathMatch, PinScope, Protocol, Risk, Tool,
};
use countersign_protocols::shape::InputSchema;
use countersign_rights::claims::{ClaimKind, ClaimRule};
use countersign_rights::task::{Object, ScopeClaim, TaskMapping, TaskSource};
use countersign_rights::workload::Trait;
use countersign_rights::workload::register::{ActorRules, Governed, Register, Unclassified, WorkloadMatch};
use countersign_tokens::{Algorithm, KeyFormat, Profile, TokenError};
use countersign_trust::carrier::Carrier;
use countersign_trust::introspection::Budget;
use countersign_trust::keys::{KeyLocation, KeySource, RemoteKeys};
use countersign_trust::possession::nonce::NonceRule;
use countersign_trust::possession::{Binding, Bound, ClientCertificate};
use serde_json::{Value, json};

use super::{Edit, Outcome, SECRET, edited, full, key_set, minimal, parse, set};
use crate::config::{Config, Limits, NoSecrets};
use crate::forward::ForwardConfig;
use crate::permit::Unmatched;
use crate::record::RecordConfig;
use crate::sessions::SessionsConfig;
use crate::shares::{Bounds, Each};
use crate::step_up::OpenBounds;

#[test]
fn everything_stated_arrives() -> Outcome {
    let config = parse(&full())?;
    let issuer = config.issuers.first().ok_or("no issuer")?;
    assert_eq!((issuer.voucher.name.as_str(), issuer.one_shot), ("platform", true));
    assert_eq!(issuer.voucher.rules.issuer(), "https://sts.example.com");
    assert_eq!(issuer.voucher.rules.profile(), &Profile::Generic { types: vec!["JWT".to_owned(), String::new()] });
    assert_eq!(issuer.voucher.rules.audiences(), ["https://tools.example.com/mcp"]);
    assert_eq!(issuer.voucher.rules.algorithms(), [Algorithm::ES256, Algorithm::RS256]);
    assert_eq!(issuer.voucher.rules.max_lifetime(), Some(Duration::from_mins(15)));
    assert_eq!(issuer.voucher.rules.leeway(), Duration::from_secs(10));
    let KeySource::Remote(keys) = &issuer.keys else { return Err("inline keys".into()) };
    let endpoint = endpoint("sts", "sts.example.com", "/jwks.json?v=1", 4);
    let (refresh, max_stale) = (Duration::from_mins(2), Duration::from_hours(3));
    let location = KeyLocation::Direct(endpoint);
    let (format, cooldown) = (KeyFormat::Jwks, Duration::from_millis(500));
    let algorithms = vec![Algorithm::ES256, Algorithm::RS256];
    assert_eq!(**keys, RemoteKeys { location, format, algorithms, refresh: Some(refresh), max_stale, cooldown });
    let [id, purpose, grants, expires] = ["/task/id", "/task/purpose", "/task/grants", "/task/expires"].map(Some);
    assert_eq!(
        Ok(issuer.task.clone()),
        TaskMapping::new(id, purpose, grants, expires, Some(true))
            .map(|mapping| TaskSource::Claims(mapping.with_scopes_in(ScopeClaim::Scp)))
    );

    let at = Pointer::parse("/groups").ok_or("no pointer")?;
    let groups = ClaimRule { name: "groups".to_owned(), at, kind: ClaimKind::Texts, required: true, record: true };
    assert_eq!(issuer.voucher.claims, [groups]);

    assert_eq!(issuer.voucher.rules.machine_claim(), Some("azp"));
    assert_eq!(issuer.voucher.rules.audience_claim(), Some("client_id"));
    let refused = issuer.voucher.rules.describe(TokenError::OtherClaim { number: 1 });
    assert_eq!(refused, "claim `version` is not 2");
    let (require, leeway) = (Bound::Dpop, Duration::from_secs(10));
    let nonce = Some(NonceRule::new(Duration::from_mins(3), Some(SECRET), Some(SECRET)));
    let binding = Binding { require, same_workload: true, proof_age: Duration::from_mins(2), nonce, leeway };
    assert_eq!(issuer.binding, binding);

    assert_eq!((config.unmatched, config.client_certificate), (Unmatched::Pass, ClientCertificate::Xfcc));
    let pdp = config.policy.pdp.as_ref().ok_or("no decision point")?;
    assert_eq!((pdp.dialect, pdp.endpoint.path.as_str()), (Dialect::Authzen, "/tenant/access/v1/evaluation"));
    assert_eq!(pdp.cache, Duration::from_secs(5));
    assert!(!format!("{pdp:?}").contains(SECRET));
    assert_eq!(config.policy.cedar.as_deref(), Some("permit (principal, action, resource);"));
    let step_up = config.step_up.ok_or("no step_up")?;
    assert_eq!(step_up.endpoint, self::endpoint("approvals", "approvals.example.com", "/ask", 11));
    assert_eq!((step_up.secret.as_str(), step_up.hold), (SECRET, Duration::from_secs(12)));
    assert_eq!(config.record, RecordConfig { arguments: ArgumentPlace::parse("/amount").into_iter().collect() });
    assert_eq!(config.sessions, SessionsConfig { seal: true, secret: Some(SECRET.to_owned()) });
    assert!(!format!("{:?}", config.sessions).contains(SECRET));
    assert_eq!(config.forward, ForwardConfig { credential: true, routing_headers: vec!["x-tenant-route".to_owned()] });
    let body_wait = Duration::from_secs(20);
    let shares = Each {
        held_bytes: Bounds { worker: 64 << 20, workload: 8 << 20 },
        held_streams: Bounds { worker: 2048, workload: 256 },
        calls: Bounds { worker: 128, workload: 16 },
        response_bytes: Bounds { worker: 32 << 20, workload: 4 << 20 },
    };
    let limits = Limits {
        body_bytes: 1 << 20,
        body_wait,
        token_bytes: 8192,
        cached_tokens: 10,
        ledger: Capacity::of_bytes(32 * 1024 * 1024),
        shares,
        open_approvals: OpenBounds { process: 64, workload: 8, task: 2 },
        refused_tokens: Budget { worker: 600, address: 10 },
    };
    assert_eq!(config.limits, limits);
    Ok(())
}

#[test]
fn a_resource_arrives() -> Outcome {
    let config = parse(&full())?;
    let resource = config.resources.first().ok_or("no resource")?;
    assert_eq!((resource.name.as_str(), resource.protocol, resource.risk), ("payments", Protocol::Mcp, Risk::Low));
    let matching = Match {
        host: Some("tools.example.com:8443".to_owned()),
        path: PathMatch::Below("/api".to_owned()),
        route: Some("tools".to_owned()),
        exact: true,
    };
    assert_eq!(resource.matching, matching);
    let metadata_url = Some("https://tools.example.com/.well-known/oauth-protected-resource/api".to_owned());
    assert_eq!(resource.metadata_url, metadata_url);
    assert_eq!(resource.origin.as_deref(), Some("https://tools.example.com"));
    assert_eq!(resource.allowed_origins, Some(vec!["https://app.example.com".to_owned()]));
    assert_eq!(resource.denials, Denials { code: Some(-32001), tool_result: true });
    assert_eq!(resource.annotations, Annotations::Trust);
    assert_eq!((resource.pin_scope, resource.list_headers.as_slice()), (PinScope::All, &["x-tenant".to_owned()][..]));
    for method in ["subscribe", "unsubscribe", "poll", "stream"] {
        let event = resource.tools.get(&format!("events/{method}/incident.created")).ok_or("no event")?;
        assert_eq!((event.risk, event.labels.as_slice()), (Risk::High, &["paging".to_owned()][..]), "{method}");
    }
    let tool = resource.tools.get("transfer").ok_or("no tool")?;
    assert_eq!(
        (tool.name.as_str(), tool.risk, tool.labels.as_slice()),
        ("transfer", Risk::High, &["external".to_owned()][..])
    );
    let schema = tool.input_schema.as_ref().ok_or("no schema")?;
    let written = json!({ "type": "object", "required": ["paths"], "additionalProperties": true });
    assert_eq!((schema.written(), schema.admits_additional()), (&written, false));
    let derived: Vec<(&str, &bounds::Bounds)> =
        schema.derived().map(|(name, bounds)| (name.as_str(), bounds)).collect();
    assert_eq!(derived, [("in_data", &bounds::Bounds::parse(&json!({ "/paths/*": { "prefix": "/data/" } }))?)]);
    assert_eq!(tool.redact, ["/note", "/a~1b/~0"]);
    Ok(())
}

#[test]
fn additional_arguments_are_as_the_tool_says_or_its_resource() -> Outcome {
    let tools = json!([
        { "name": "unsaid", "input_schema": { "type": "object" } },
        { "name": "refuse", "input_schema": { "type": "object" }, "additional_arguments": "refuse" },
        { "name": "allow", "input_schema": { "type": "object" }, "additional_arguments": "allow" },
    ]);
    for (resource, admitting) in [("allow", &["allow", "unsaid"][..]), ("refuse", &["allow"])] {
        let edits = [
            set("/resources/0/protocol", "mcp"),
            set("/resources/0/tools", tools.clone()),
            set("/resources/0/additional_arguments", resource),
        ];
        let config = parse(&edited(minimal(), &edits)?)?;
        let tools = config.resources.first().ok_or("no resource")?.tools.values();
        let admits = |tool: &&Tool| tool.input_schema.as_ref().is_some_and(InputSchema::admits_additional);
        assert_eq!(tools.filter(admits).map(|tool| tool.name.as_str()).collect::<Vec<_>>(), admitting);
    }
    Ok(())
}

#[test]
fn arguments_that_headers_repeat() -> Outcome {
    let schema = json!({
        "type": "object",
        "properties": {
            "region": { "type": "string", "x-mcp-header": "Region" },
            "at": { "type": "object", "properties": { "shard": { "type": "integer", "x-mcp-header": "shard_no" } } },
            "x-mcp-header": { "type": "string" },
            "other": { "type": "object", "default": { "x-mcp-header": 1 } },
        },
    });
    let edits = [set("/resources/0/tools/0/input_schema", schema), Edit::Remove("/resources/0/tools/0/derived")];
    let config = parse(&edited(full(), &edits)?)?;
    let tool = config.resources.first().and_then(|resource| resource.tools.get("transfer")).ok_or("no tool")?;
    let mirrored = |field: &str, path: &[&str]| Mirrored {
        field: field.to_owned(),
        path: path.iter().map(|key| (*key).to_owned()).collect(),
    };
    let expected = [mirrored("mcp-param-region", &["region"]), mirrored("mcp-param-shard-no", &["at", "shard"])];
    assert_eq!(tool.mirrored.len(), 2);
    assert!(expected.iter().all(|expected| tool.mirrored.contains(expected)), "{:?}", tool.mirrored);
    Ok(())
}

/// A gateway hands `9223372036854775807` over as a double.
#[test]
fn schemas_bound_integers_of_64_bits() -> Outcome {
    for most in [json!(i64::MAX), json!(u64::MAX), json!(9.223_372_036_854_776e18), json!(1e300)] {
        let schema = json!({ "type": "object", "properties": { "n": { "type": "integer", "maximum": most, "minimum": i64::MIN } } });
        let edits = [set("/resources/0/tools/0/input_schema", schema), Edit::Remove("/resources/0/tools/0/derived")];
        let config = parse(&edited(full(), &edits)?)?;
        let tool = config.resources.first().and_then(|resource| resource.tools.get("transfer")).ok_or("no tool")?;
        assert_eq!(tool.input_schema.as_ref().map(|schema| schema.not_enforced().len()), Some(0), "{most}");
    }
    Ok(())
}

#[test]
fn defaults() -> Outcome {
    let config = Config::parse(minimal().to_string().as_bytes(), &NoSecrets)?;
    let issuer = config.issuers.first().ok_or("no issuer")?;
    assert_eq!(issuer.voucher.rules.profile(), &Profile::AccessToken);
    assert_eq!(issuer.voucher.rules.max_lifetime(), Some(Duration::from_hours(1)));
    assert_eq!(issuer.voucher.rules.leeway(), Duration::from_secs(30));
    assert!(!issuer.one_shot);
    assert_eq!(Ok(issuer.task.clone()), TaskMapping::new(None, None, None, None, Some(true)).map(TaskSource::Claims));
    let KeySource::Remote(keys) = &issuer.keys else { return Err("inline keys".into()) };
    let endpoint = endpoint("sts", "sts.example.com", "/", 5);
    let max_stale = Duration::from_hours(1);
    let location = KeyLocation::Direct(endpoint);
    let (format, cooldown) = (KeyFormat::Jwks, Duration::from_secs(10));
    let algorithms = issuer.voucher.rules.algorithms().to_vec();
    assert_eq!(**keys, RemoteKeys { location, format, algorithms, refresh: None, max_stale, cooldown });
    let resource = config.resources.first().ok_or("no resource")?;
    let matching = Match { host: None, path: PathMatch::Exact("/api".to_owned()), route: None, exact: false };
    assert_eq!((&resource.matching, resource.risk, resource.metadata_url.as_ref()), (&matching, Risk::Medium, None));
    let (require, leeway) = (Bound::Optional, Duration::from_secs(30));
    let binding = Binding { require, same_workload: false, proof_age: Duration::from_mins(1), nonce: None, leeway };
    assert_eq!((issuer.binding, resource.origin.as_ref()), (binding, None));
    assert_eq!((config.unmatched, config.client_certificate), (Unmatched::Deny, ClientCertificate::Connection));
    assert!(config.step_up.is_none());
    assert_eq!(config.sessions, SessionsConfig { seal: true, secret: None });
    assert_eq!(config.record, RecordConfig { arguments: Vec::new() });
    assert_eq!(config.forward, ForwardConfig { credential: false, routing_headers: Vec::new() });
    let body_wait = Duration::from_secs(30);
    let shares = Each {
        held_bytes: Bounds { worker: 256 << 20, workload: 32 << 20 },
        held_streams: Bounds { worker: 8192, workload: 1024 },
        calls: Bounds { worker: 512, workload: 64 },
        response_bytes: Bounds { worker: 128 << 20, workload: 16 << 20 },
    };
    let limits = Limits {
        body_bytes: 262_144,
        body_wait,
        token_bytes: 16_384,
        cached_tokens: 1024,
        ledger: Capacity::of_bytes(64 * 1024 * 1024),
        shares,
        open_approvals: OpenBounds { process: 256, workload: 16, task: 4 },
        refused_tokens: Budget { worker: 6000, address: 60 },
    };
    assert_eq!(config.limits, limits);
    Ok(())
}

#[test]
fn jwt_svids_are_known_by_their_trust_domain_and_its_bundle() -> Outcome {
    let edits = [
        set("/issuers/0/profile", "jwt-svid"),
        Edit::Remove("/issuers/0/issuer"),
        set("/issuers/0/trust_domain", "example.org"),
    ];
    let config = parse(&edited(minimal(), &edits)?)?;
    let issuer = config.issuers.first().ok_or("no issuer")?;
    assert_eq!(issuer.voucher.rules.profile(), &Profile::JwtSvid { trust_domain: "example.org".parse()? });
    assert_eq!(issuer.voucher.rules.issuer(), "spiffe://example.org");
    let KeySource::Remote(keys) = &issuer.keys else { return Err("inline keys".into()) };
    assert_eq!(keys.format, KeyFormat::SpiffeBundle);
    Ok(())
}

#[test]
fn keys_are_discovered_at_the_same_host_or_where_it_is_stated() -> Outcome {
    let metadata = "https://sts.example.com/.well-known/openid-configuration";
    for (jwks, cluster, authority) in [
        (None, "sts", "sts.example.com"),
        (Some(json!({ "origin": "https://Keys.example.com", "cluster": "keys" })), "keys", "keys.example.com"),
    ] {
        let mut keys = json!({ "discovery": metadata, "cluster": "sts", "timeout": "3s" });
        keys.as_object_mut().ok_or("no object")?.extend(jwks.map(|jwks| ("jwks".to_owned(), jwks)));
        let config = parse(&edited(minimal(), &[set("/issuers/0/keys", keys)])?)?;
        let issuer = config.issuers.first().ok_or("no issuer")?;
        let KeySource::Remote(keys) = &issuer.keys else { return Err("inline keys".into()) };
        let expected = KeyLocation::Discovery {
            metadata: endpoint("sts", "sts.example.com", "/.well-known/openid-configuration", 3),
            keys: endpoint(cluster, authority, "/", 3),
        };
        assert_eq!(keys.location, expected);
    }
    Ok(())
}

#[test]
fn defaults_that_depend_on_what_is_stated() -> Outcome {
    let edits = [
        set("/issuers/0/keys/refresh", "2h"),
        set("/issuers/0/task", json!({ "grants": "/g" })),
        set("/resources/0/risk", "critical"),
        set("/resources/0/protocol", "mcp"),
        set("/resources/0/tools", json!([{ "name": "wipe" }])),
        set("/resources/0/match", json!({ "route": "r" })),
    ];
    let config = parse(&edited(minimal(), &edits)?)?;
    let issuer = config.issuers.first().ok_or("no issuer")?;
    let KeySource::Remote(keys) = &issuer.keys else { return Err("inline keys".into()) };
    assert_eq!(keys.max_stale, Duration::from_hours(4));
    assert_eq!(
        Ok(issuer.task.clone()),
        TaskMapping::new(None, None, Some("/g"), None, Some(false)).map(TaskSource::Claims)
    );
    let resource = config.resources.first().ok_or("no resource")?;
    assert_eq!(resource.tools.get("wipe").map(|tool| tool.risk), Some(Risk::Critical));
    assert_eq!(resource.matching.path, PathMatch::Below(String::new()));
    Ok(())
}

#[test]
fn hold_and_timeout_fit_each_other() -> Outcome {
    for (hold, timeout, expected) in [
        (None, None, (20, 10)),
        (None, Some("40s"), (40, 40)),
        (Some("5s"), None, (5, 5)),
        (Some("5m"), Some("5m"), (300, 300)),
    ] {
        let mut document = full();
        let step_up = document.pointer_mut("/step_up").and_then(Value::as_object_mut).ok_or("no step_up")?;
        step_up.remove("hold");
        step_up.extend(hold.map(|hold| ("hold".to_owned(), json!(hold))));
        let webhook = step_up.get_mut("webhook").and_then(Value::as_object_mut).ok_or("no webhook")?;
        webhook.remove("timeout");
        webhook.extend(timeout.map(|timeout| ("timeout".to_owned(), json!(timeout))));
        let step_up = parse(&document)?.step_up.ok_or("no step_up")?;
        assert_eq!((step_up.hold.as_secs(), step_up.endpoint.timeout.as_secs()), expected, "{hold:?} {timeout:?}");
    }
    Ok(())
}

#[test]
fn inline_keys_and_secrets() -> Outcome {
    let edits = [
        set("/issuers/0/keys", json!({ "inline": key_set() })),
        set("/insecure_inline", true),
        set("/step_up/webhook/secret", json!({ "inline": SECRET.trim_start_matches("whsec_") })),
    ];
    let config = parse(&edited(full(), &edits)?)?;
    let issuer = config.issuers.first().ok_or("no issuer")?;
    let KeySource::Inline(keys) = &issuer.keys else { return Err("keys behind a URL".into()) };
    assert_eq!(keys.keys().first().and_then(|key| key.id()), Some("1"));
    assert_eq!(config.step_up.map(|step_up| step_up.secret).as_deref(), SECRET.strip_prefix("whsec_"));
    Ok(())
}

/// `google.protobuf.Struct` has no integers.
#[test]
fn whole_numbers_may_be_doubles() -> Outcome {
    let edits = [set("/version", 1.0), set("/limits/cached_tokens", 2048.0), set("/limits/calls/worker", 1e2)];
    let document = edited(full(), &edits)?;
    assert!(document.to_string().contains("\"version\":1.0"));
    let limits = parse(&document)?.limits;
    assert_eq!((limits.cached_tokens, limits.shares.calls.worker), (2048, 100));
    Ok(())
}

#[test]
fn the_secret_is_not_printed() -> Outcome {
    let config = parse(&full())?;
    let printed = format!("{config:?} {config:#?}");
    assert!(printed.contains("approvals.example.com"));
    assert!(!printed.contains("MDEyMzQ1"), "{printed}");
    Ok(())
}

fn endpoint(cluster: &str, authority: &str, path: &str, seconds: u64) -> Endpoint {
    Endpoint {
        cluster: cluster.to_owned(),
        scheme: "https".to_owned(),
        authority: authority.to_owned(),
        path: path.to_owned(),
        timeout: Duration::from_secs(seconds),
    }
}

#[test]
fn fields_that_carry_tokens_arrive() -> Outcome {
    let other = |name: &str, header: Value| {
        json!({
            "name": name, "issuer": format!("https://{name}.example.com"), "profile": "access-token", "header": header,
            "audiences": ["example.com"], "algorithms": ["ES256"], "keys": { "url": "https://a", "cluster": "a" }
        })
    };
    let edits = [
        set("/issuers/0/header", "x-a"),
        set("/issuers/1", other("b", json!("cf-access-jwt-assertion"))),
        set("/issuers/2", other("c", json!("x-a"))),
        set("/resources/0/strip_credentials", json!(["authorization", "x-a"])),
    ];
    let config = parse(&edited(minimal(), &edits)?)?;
    assert_eq!(config.credential_headers, ["x-a", "cf-access-jwt-assertion"]);
    let carriers: Vec<Carrier> = config.issuers.iter().map(|issuer| issuer.carrier).collect();
    assert_eq!(carriers, [Carrier::Field(0), Carrier::Field(1), Carrier::Field(0)]);
    let resource = config.resources.first().ok_or("no resource")?;
    for (field, ignored) in [
        ("Authorization", true),
        ("dpop", true),
        ("X_A", true),
        ("txn-token", false),
        ("cf-access-jwt-assertion", false),
    ] {
        assert_eq!(resource.ignores(field), ignored, "{field}");
    }
    Ok(())
}

#[test]
fn tenants_arrive() -> Outcome {
    let edits = [
        set("/issuers/0/issuer", "https://login.example.com/{tid}/v2.0"),
        set("/issuers/0/tenants", json!(["t2", "t1"])),
    ];
    let config = parse(&edited(minimal(), &edits)?)?;
    let rules = &config.issuers.first().ok_or("no issuer")?.voucher.rules;
    assert!(rules.tenants().eq(["t1", "t2"]));
    assert_eq!(rules.tenant_claim(), Some("tid"));
    assert_eq!(rules.tenant_of("https://login.example.com/t1/v2.0"), Some("t1"));
    assert!(!rules.is_issuer("https://login.example.com/{tid}/v2.0"));
    // Which tenants are trusted is told to nobody.
    let metadata =
        [set("/resources/0/identifier", "https://a.example.com/api"), set("/resources/0/metadata", json!({}))];
    let told = parse(&edited(edited(minimal(), &edits)?, &metadata)?).map(drop).map_err(|errors| errors.to_string());
    let expected =
        "/resources/0/metadata: no issuer is a URL that clients could be sent to; write `authorization_servers`";
    assert_eq!(told, Err(expected.to_owned()));
    Ok(())
}

#[test]
fn workloads_arrive() -> Outcome {
    let config = parse(&full())?;
    let Register { entries, actors } = &config.workloads;
    assert_eq!(*actors, ActorRules { max_depth: 2, unclassified: Unclassified::Deny });
    let entry = entries.first().ok_or("no entry")?;
    let expected = WorkloadMatch {
        machine: None,
        issuer: Some("platform".to_owned()),
        subject: Object::parse("batch-*"),
        trust_domain: "example.org".parse().ok(),
        client_id: Some("cli".to_owned()),
        claim: Pointer::parse("/groups").map(|pointer| (pointer, "batch".to_owned())),
    };
    assert_eq!(entry.matching, expected);
    let Governed::Agent { traits, actions } = &entry.governed else { return Err("no agent".into()) };
    assert_eq!(
        (traits, actions.as_ref().map(|actions| actions.as_slice().len())),
        (&[Trait::Browsing].into(), Some(1))
    );
    assert_eq!(config.hygiene.lifetime, Duration::from_mins(10));
    assert_eq!(config.hygiene.shared_accounts.len(), 1);
    Ok(())
}

#[test]
fn presets_arrive() -> Outcome {
    let types = vec!["tool_access".to_owned()];
    for (task, expected) in [
        (json!({ "preset": "scope" }), TaskSource::Claims(TaskMapping::default())),
        (
            json!({ "preset": "scope", "scope_claim": "scp" }),
            TaskSource::Claims(TaskMapping::default().with_scopes_in(ScopeClaim::Scp)),
        ),
        (json!({ "scope_claim": "scp" }), TaskSource::Claims(TaskMapping::default().with_scopes_in(ScopeClaim::Scp))),
        (json!({ "preset": "aap" }), TaskSource::Aap),
        (json!({ "preset": "workload" }), TaskSource::Workload),
        (
            json!({ "preset": "authorization_details", "types": ["tool_access"] }),
            TaskSource::AuthorizationDetails { types },
        ),
    ] {
        let config = parse(&edited(minimal(), &[set("/issuers/0/task", task)])?)?;
        assert_eq!(config.issuers.first().map(|issuer| &issuer.task), Some(&expected));
    }
    Ok(())
}

#[test]
fn metadata_is_derived() -> Outcome {
    let edits = [set("/resources/0/identifier", "https://tools.example.com/"), set("/resources/0/metadata", json!({}))];
    let config = parse(&edited(minimal(), &edits)?)?;
    let resource = config.resources.first().ok_or("no resource")?;
    let metadata = resource.metadata.as_ref().ok_or("no metadata")?;
    assert_eq!(metadata.path, "/.well-known/oauth-protected-resource");
    assert_eq!(metadata.authorization_servers, ["https://sts.example.com"]);
    assert!(!metadata.dpop_required && !metadata.certificate_required);
    let url = "https://tools.example.com/.well-known/oauth-protected-resource";
    assert_eq!(resource.metadata_url.as_deref(), Some(url));
    Ok(())
}
