//! What answers are worth.

use std::time::Duration;

use countersign_facts::calls::{CallFailure, CallOutcome};
use countersign_facts::digest::SentDigest;
use countersign_facts::headers::Headers;
use countersign_tokens::UnixTime;
use serde_json::{Value, json};

use super::answer::{Asked, PdpSays, read};
use super::cache::Cache;
use super::test_support::answered;
use super::{Dialect, Key};

fn said(dialect: Dialect, body: &Value) -> Option<PdpSays> {
    read(dialect, &answered(&[], &body.to_string())).map(|(answer, _)| answer)
}

#[test]
fn what_is_no_decision_is_none() {
    let bad = [
        json!({}),
        json!({ "decision": null }),
        json!({ "decision": 1 }),
        json!({ "decision": "true" }),
        json!({ "decision": [true] }),
        json!({ "decision": true, "context": [] }),
        json!({ "result": true }),
    ];
    for body in bad {
        assert_eq!(said(Dialect::Authzen, &body), None, "{body}");
    }
    let bad = [
        json!({ "result": null }),
        json!({ "result": 1 }),
        json!({ "result": [] }),
        json!({ "result": {} }),
        json!({ "result": { "effect": true } }),
        json!({ "result": { "effect": "Allow" } }),
        json!({ "result": { "effect": "allow", "reasons": "because" } }),
        json!({ "result": { "effect": "allow", "reasons": [1] } }),
    ];
    for body in bad {
        assert_eq!(said(Dialect::Opa, &body), None, "{body}");
    }
    for failure in [CallFailure::NotDispatched, CallFailure::NoAnswer, CallFailure::TooLarge] {
        assert_eq!(read(Dialect::Authzen, &CallOutcome::Failed(failure)), None);
    }
    let other_status =
        CallOutcome::Response { status: 201, headers: Headers::default(), body: br#"{"decision":true}"#.to_vec() };
    assert_eq!(read(Dialect::Authzen, &other_status), None);
    assert_eq!(read(Dialect::Authzen, &answered(&[("content-type", "text/html")], r#"{"decision":true}"#)), None);
    for body in [r#"{"decision":false,"decision":true}"#, r#"{"decision":true} x"#, "", "true"] {
        assert_eq!(read(Dialect::Authzen, &answered(&[], body)), None, "{body}");
    }
}

#[test]
fn a_decision_with_a_member_that_nobody_knows_is_an_error() {
    let known =
        json!({ "effect": "allow", "policies": ["small"], "reasons": ["cheap"], "approvers": [], "obligations": [] });
    assert_eq!(
        said(Dialect::Opa, &json!({ "result": known, "decision_id": "4", "metrics": {} })),
        Some(PdpSays::Allow)
    );
    for (name, value) in [
        ("sandbox", json!("quarantine")),
        ("conditions", json!([])),
        ("obligation", json!({ "log": true })),
        ("Effect", json!("deny")),
        ("allow", json!(false)),
        ("expires", json!(null)),
        ("", json!(0)),
    ] {
        for effect in ["allow", "deny", "step_up"] {
            let decision = json!({ "effect": effect, name: value });
            let answer = said(Dialect::Opa, &json!({ "result": decision }));
            assert!(matches!(answer, Some(PdpSays::Error(_))), "{decision}: {answer:?}");
        }
    }
    for effect in ["allow", "deny"] {
        let answer = said(Dialect::Opa, &json!({ "result": { "effect": effect, "approvers": ["treasury"] } }));
        assert!(matches!(answer, Some(PdpSays::Error(_))), "{effect}: {answer:?}");
    }
    assert_eq!(said(Dialect::Opa, &json!({ "result": { "effect": "allow", "policies": [1] } })), None);
}

#[test]
fn reasons_are_short_and_offers_have_an_end() {
    let long = "x".repeat(1_000);
    let answer = said(Dialect::Authzen, &json!({ "decision": false, "context": { "reason": long } }));
    assert_eq!(answer, Some(PdpSays::Deny(Some("x".repeat(300)))));
    let offer = json!({ "decision": false, "context": { "access_request": { "expires_at": "2026-01-01T00:00:00Z" } } });
    let expires = Some(UnixTime::from_secs(1_767_225_600));
    let asked = Asked { approvers: vec!["approver".to_owned()], reasons: Vec::new(), expires };
    assert_eq!(said(Dialect::Authzen, &offer), Some(PdpSays::StepUp(asked)));
    for end in [json!("soon"), json!(1_767_225_600), json!(null)] {
        let offer = json!({ "decision": false, "context": { "access_request": { "expires_at": end } } });
        assert_eq!(said(Dialect::Authzen, &offer), Some(PdpSays::Deny(None)), "{end}");
    }
}

#[test]
fn an_answer_lasts_as_long_as_it_says() {
    let lasts = |fields: &[(&str, &str)], body: &str| {
        read(Dialect::Authzen, &answered(fields, body)).map(|(_, lasts)| lasts.as_secs())
    };
    let allow = r#"{"decision":true}"#;
    for (control, expected) in [
        ("max-age=60", 60),
        ("private, Max-Age=60", 60),
        ("max-age=0", 0),
        ("max-age=60, no-store", 0),
        ("max-age=60, no-cache=\"x\"", 0),
        ("max-age=60, max-age=5", 0),
        ("max-age=-1", 0),
        ("max-age=soon", 0),
        ("s-maxage=60", 0),
    ] {
        assert_eq!(lasts(&[("cache-control", control)], allow), Some(expected), "{control}");
    }
    assert_eq!(lasts(&[], allow), Some(0));
    assert_eq!(lasts(&[("cache-control", "max-age=60"), ("age", "50")], allow), Some(10));
    assert_eq!(lasts(&[("cache-control", "max-age=60"), ("age", "old")], allow), Some(0));
    assert_eq!(lasts(&[("cache-control", "max-age=60"), ("age", "5"), ("age", "6")], allow), Some(0));
    assert_eq!(lasts(&[("cache-control", "max-age=60"), ("cache-control", "max-age=5")], allow), Some(0));
    let offer = r#"{"decision":false,"context":{"access_request":{"expires_at":"2026-01-01T00:00:00Z"}}}"#;
    assert_eq!(lasts(&[("cache-control", "max-age=60")], offer), Some(0));
}

#[test]
fn the_memory_is_bounded_and_forgets_the_oldest() {
    let cache = Cache::new(2);
    let (now, key) = (UnixTime::from_secs(1_000), |number: u8| Key(SentDigest::of(&Value::from(number).into())));
    for number in 0..3 {
        cache.insert(key(number), &PdpSays::Allow, now, Duration::from_secs(5));
    }
    assert_eq!(cache.find(key(0), now), None);
    assert_eq!(cache.find(key(2), now), Some(PdpSays::Allow));
    assert_eq!(cache.find(key(2), now.plus(Duration::from_secs(5))), None);
    // A clock that was set back does not make it last longer.
    assert_eq!(cache.find(key(2), now.minus(Duration::from_secs(5))), None);
    cache.insert(key(2), &PdpSays::Deny(None), now, Duration::from_secs(9));
    assert_eq!(cache.find(key(2), now.plus(Duration::from_secs(5))), Some(PdpSays::Deny(None)));
    assert_eq!(cache.find(key(1), now), Some(PdpSays::Allow));
}
