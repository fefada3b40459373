//! Policies over claims that configuration names.

use countersign_rights::claims::Claims;
use serde_json::{Value, json};

use super::{Outcome, World, among, call, catalogue, lines, spell};
use crate::config::{Config, NoSecrets};
use crate::policy::{Answer, CedarPolicy, Surroundings};

/// Two issuers of which one names `groups`, `tenant` and `level`, and both `tier`.
fn config() -> Result<Config, Box<dyn std::error::Error>> {
    let issuer = |name: &str, claims: Value| {
        json!({
            "name": name, "issuer": format!("https://{name}"), "profile": "access-token", "audiences": ["https://a"],
            "algorithms": ["ES256"], "keys": { "url": "https://a", "cluster": "a" }, "claims": claims,
        })
    };
    let tier = json!({ "at": "/tier", "type": "string", "required": true });
    let document = json!({
        "version": 1,
        "issuers": [
            issuer("platform", json!({
                "groups": { "at": "/groups", "type": ["string"] },
                "tenant": { "at": "/tid", "type": "string" },
                "level": { "at": "/level", "type": "integer", "required": true },
                "tier": tier,
            })),
            issuer("other", json!({ "tier": tier })),
        ],
        "resources": [{ "name": "api", "match": { "path": "/api" }, "protocol": "http" }],
        "policy": { "cedar": "permit (principal, action, resource);" },
    });
    Ok(Config::parse(document.to_string().as_bytes(), &NoSecrets)?)
}

fn compiled(text: &str) -> Result<Result<CedarPolicy, String>, Box<dyn std::error::Error>> {
    let (config, resources) = (config()?, catalogue());
    let around = Surroundings { issuers: Some(config.vouchers().collect()), ..among(&resources) };
    Ok(CedarPolicy::compile(text, &around).map_err(|errors| lines(&errors)))
}

/// What `condition` says of a permit for who has these `claims`.
fn say(condition: &str, claims: &Value) -> Result<String, Box<dyn std::error::Error>> {
    let text = format!(r#"@id("p") permit (principal, action, resource) when {{ {condition} }};"#);
    let policy = compiled(&text)??;
    let mut world = World::new();
    let rules = config()?.issuers.into_iter().next().map(|issuer| issuer.voucher.claims).unwrap_or_default();
    world.workload.claims = Claims::of(&rules, claims.as_object().ok_or("no object")?);
    let action = call("payments", "ping", json!({}));
    Ok(spell(&policy.decide(&world.facts(&action))))
}

const UNREADABLE: &str =
    "deny claim_unreadable [] the claim `groups` cannot be read: the credential says that it is elsewhere";

#[test]
fn whoever_looks_at_what_cannot_be_read_is_denied() -> Outcome {
    let elsewhere = json!({ "_claim_names": { "groups": "s" }, "tid": "home", "level": 1, "tier": "gold" });
    for reads in [
        r#"principal.claims has groups && principal.claims.groups.contains("a")"#,
        r#"!(principal.claims has groups && principal.claims.groups.contains("a"))"#,
        "principal.claims has groups",
        "!(principal has claims.groups)",
        "principal has claims.groups",
        r#"principal.claims.tier == "gold" || (principal.claims has groups)"#,
        r#"if principal.claims.tier == "gold" then true else principal.claims has groups"#,
        r#"(if principal.claims.tier == "gold" then principal else principal).claims has groups"#,
        r#"(if principal.claims.tier == "gold" then principal.claims else principal.claims) has groups"#,
        "{ it: principal }.it.claims has groups",
        "{ it: principal.claims }.it has groups",
        "{ it: { deeper: if principal.claims has tenant then principal else principal } }.it.deeper.claims has groups",
    ] {
        assert_eq!(say(reads, &elsewhere)?, UNREADABLE, "{reads}");
    }
    for reads_others in [
        "true",
        "principal has claims",
        r#"principal.claims.tier == "gold""#,
        r#"principal.claims has tenant && principal.claims.tenant == "home""#,
        r#"principal == Agent::"platform/alice" || principal in Kind::"agent""#,
        r#"principal.subject == "alice" && principal.issuer_name == "platform""#,
        r#"{ it: principal.subject }.it like "a*""#,
        "[principal].contains(principal)",
    ] {
        assert_eq!(say(reads_others, &elsewhere)?, "allow [p]", "{reads_others}");
    }
    Ok(())
}

#[test]
fn claims_have_the_types_that_configuration_says() -> Outcome {
    let claims = json!({ "groups": ["a", "b", "b"], "level": 5, "tier": "gold" });
    for holds in [
        r#"principal.claims has groups && principal.claims.groups == ["b", "a"]"#,
        "principal.claims has level && principal.claims.level * 2 == 10",
        r#"principal.claims.tier like "g*""#,
        "!(principal.claims has tenant)",
    ] {
        assert_eq!(say(holds, &claims)?, "allow [p]", "{holds}");
    }
    for (wrong, words) in [
        ("principal.claims.level > 1", "unable to guarantee safety of access to optional attribute"),
        (
            "principal.claims has level && principal.claims.level like \"5\"",
            "unexpected type: expected String but saw Long",
        ),
        ("principal.claims has group", "`principal.claims.group` is never there"),
        ("principal has claims.group", "`principal.claims.group` is never there"),
        ("principal.claims.group == \"a\"", "attribute `claims.group`"),
        (r#"Agent::"platform/alice".claims has group"#, "`Agent.claims.group` is never there"),
    ] {
        let text = format!("permit (principal, action, resource) when {{ {wrong} }};");
        let told = compiled(&text)?.err().unwrap_or_default();
        assert!(told.contains(words), "{wrong}: {told}");
    }
    Ok(())
}

#[test]
fn what_is_read_of_the_caller_is_said() -> Outcome {
    let text = r#"
        @id("p") permit (principal, action, resource)
        when { principal.claims has groups && principal.claims.groups.contains("a") && principal.issuer_name == "platform" };
    "#;
    let (policy, mut world) = (compiled(text)??, World::new());
    let rules = config()?.issuers.into_iter().next().map(|issuer| issuer.voucher.claims).unwrap_or_default();
    let action = call("payments", "ping", json!({}));
    for (claims, groups, answer) in [
        (json!({ "groups": ["a"] }), json!(["a"]), Answer::Applies),
        (json!({}), Value::Null, Answer::DoesNotApply),
        (
            json!({ "hasgroups": true }),
            Value::Null,
            Answer::Fails("the claim `groups` cannot be read: the credential says that it is elsewhere".to_owned()),
        ),
    ] {
        world.workload.claims = Claims::of(&rules, claims.as_object().ok_or("no object")?);
        let opinions = policy.opinions(&world.facts(&action));
        let opined = opinions.first().ok_or("no opinion")?;
        let reads = json!({ "principal.claims.groups": groups, "principal.issuer_name": "platform" });
        assert_eq!((&opined.answer, json!(opined.reads)), (&answer, reads));
    }
    Ok(())
}
