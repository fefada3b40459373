//! Policies over claims that configuration names.

use std::time::Duration;

use countersign_facts::pointer::Pointer;
use countersign_rights::claims::{ClaimKind, ClaimRule, Claims};
use countersign_rights::workload::Voucher;
use countersign_tokens::{Algorithm, IssuerRules, Profile};
use serde_json::{Value, json};

use super::{Outcome, World, among, call, catalogue, lines, spell};
use crate::{Answer, CedarPolicy, Surroundings};

/// Two issuers of which one names `groups`, `tenant` and `level`, and both `tier`.
fn vouchers() -> Result<[Voucher; 2], Box<dyn std::error::Error>> {
    let voucher = |name: &str, claims: &[(&str, &str, ClaimKind, bool)]| {
        let (audiences, algorithms) = (vec!["https://a".to_owned()], vec![Algorithm::ES256]);
        let issuer = format!("https://{name}");
        let rules = IssuerRules::new(issuer, Profile::AccessToken, audiences, algorithms, None, Duration::ZERO)?;
        let claim = |(name, at, kind, required): &(&str, &str, ClaimKind, bool)| {
            let at = Pointer::parse(at).ok_or_else(|| format!("no pointer: {at}"))?;
            Ok(ClaimRule { name: (*name).to_owned(), at, kind: *kind, required: *required, record: false })
        };
        let claims = claims.iter().map(claim).collect::<Result<_, String>>()?;
        Ok::<_, Box<dyn std::error::Error>>(Voucher { name: name.to_owned(), rules, claims })
    };
    let tier = ("tier", "/tier", ClaimKind::Text, true);
    let platform = [
        ("groups", "/groups", ClaimKind::Texts, false),
        ("tenant", "/tid", ClaimKind::Text, false),
        ("level", "/level", ClaimKind::Number, true),
        tier,
    ];
    Ok([voucher("platform", &platform)?, voucher("other", &[tier])?])
}

fn compiled(text: &str) -> Result<Result<CedarPolicy, String>, Box<dyn std::error::Error>> {
    let (vouchers, resources) = (vouchers()?, catalogue());
    let around = Surroundings { issuers: Some(vouchers.iter().collect()), ..among(&resources) };
    Ok(CedarPolicy::compile(text, &around).map_err(|errors| lines(&errors)))
}

/// What the first issuer's `claims` are to policies.
fn read(claims: &Value) -> Result<Claims, Box<dyn std::error::Error>> {
    let [platform, _] = vouchers()?;
    Ok(Claims::of(&platform.claims, claims.as_object().ok_or("no object")?))
}

/// What `condition` says of a permit for who has these `claims`.
fn say(condition: &str, claims: &Value) -> Result<String, Box<dyn std::error::Error>> {
    let text = format!(r#"@id("p") permit (principal, action, resource) when {{ {condition} }};"#);
    let policy = compiled(&text)??;
    let mut world = World::new();
    world.workload.claims = read(claims)?;
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
        world.workload.claims = read(&claims)?;
        let opinions = policy.opinions(&world.facts(&action));
        let opined = opinions.first().ok_or("no opinion")?;
        let reads = json!({ "principal.claims.groups": groups, "principal.issuer_name": "platform" });
        assert_eq!((&opined.answer, json!(opined.reads)), (&answer, reads));
    }
    Ok(())
}
