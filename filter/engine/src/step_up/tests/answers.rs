//! What counts as an answer: one rule broken at a time, and which rule speaks when two are broken.

use std::sync::LazyLock;

use countersign_facts::board::LedgerError;
use countersign_facts::calls::CallFailure;
use countersign_facts::digest;
use countersign_policy::Approval;
use proptest::prelude::*;

use super::*;

/// What is asked about, once.
pub(super) static ASKED: LazyLock<Result<Asked, String>> = LazyLock::new(Asked::new);

pub(super) struct Asked {
    case: Case,
    pub(super) challenge: Challenge,
}

impl Asked {
    fn new() -> Result<Self, String> {
        let case = Case::new()?;
        let (_, challenge) = case.ask().map_err(|reason| format!("{reason:?}"))?;
        Ok(Self { case, challenge })
    }

    /// An approval of exactly what was asked.
    fn approval(&self) -> Value {
        let Binding { call, body } = self.challenge.binding;
        json!({
            "challenge": self.challenge.id,
            "binding": {"call": digest::text(&call), "body": digest::text(&body)},
            "decision": "approved",
            "approver": {"iss": "https://id", "sub": "erin"},
        })
    }

    fn with(&self, changes: &Value) -> Result<Result<ApproverSays, Reason>, String> {
        self.status(200, changes)
    }

    /// The approval with these members replaced, or removed where null.
    fn status(&self, status: u16, changes: &Value) -> Result<Result<ApproverSays, Reason>, String> {
        let mut body = self.approval();
        for (member, value) in changes.as_object().into_iter().flatten() {
            if value.is_null() {
                body.as_object_mut().map(|members| members.remove(member));
            } else {
                body[member] = value.clone();
            }
        }
        Ok(self.read(&signed(status, body.to_string().as_bytes(), NOW)?))
    }

    pub(super) fn read(&self, outcome: &CallOutcome) -> Result<ApproverSays, Reason> {
        self.read_at(outcome, NOW)
    }

    fn read_at(&self, outcome: &CallOutcome, now: UnixTime) -> Result<ApproverSays, Reason> {
        let mut spent = |id: &str| match id {
            "chl_spent" => Ok(true),
            "chl_full" => Err(LedgerError::Unavailable),
            _ => Ok(false),
        };
        read_answer(outcome, &self.challenge, &self.case.config, &self.case.workload, now, &mut spent)
    }
}

#[test]
fn an_approval() -> Result<(), String> {
    let asked = Asked::new()?;
    let approval = |expires, stated| {
        Ok(ApproverSays::Approved(Approval {
            challenge: asked.challenge.id.clone(),
            approver: who("https://id", "erin"),
            expires,
            stated,
        }))
    };
    assert_eq!(asked.with(&json!({}))?, approval(asked.challenge.expires, false));
    assert_eq!(asked.with(&json!({"reason": "fine"}))?, approval(asked.challenge.expires, false));
    let later = json!({"expires_at": "2026-11-23T11:30:00+01:00"});
    assert_eq!(asked.with(&later)?, approval(NOW.plus(Duration::from_mins(30)), true));
    Ok(())
}

#[test]
fn a_refusal_and_a_maybe() -> Result<(), String> {
    let asked = Asked::new()?;
    let denied = asked.with(&json!({"decision": "denied", "reason": "no"}))?;
    assert_eq!(
        denied,
        Ok(ApproverSays::Denied { approver: who("https://id", "erin"), comment: Some("no".to_owned()) })
    );
    let pending = json!({"decision": "pending", "approver": null});
    assert_eq!(asked.with(&pending)?, Ok(ApproverSays::Pending));
    assert_eq!(asked.status(202, &pending)?, Ok(ApproverSays::Pending));
    Ok(())
}

#[test]
fn no_answer() -> Result<(), String> {
    let asked = Asked::new()?;
    let body = asked.approval().to_string();
    for (status, expected) in [
        (504, Reason::ApprovalTimeout),
        (0, Reason::ApproverUnreachable),
        (201, Reason::ApproverUnreachable),
        (204, Reason::ApproverUnreachable),
        (302, Reason::ApproverUnreachable),
        (401, Reason::ApproverUnreachable),
        (503, Reason::ApproverUnreachable),
    ] {
        assert_eq!(asked.read(&signed(status, body.as_bytes(), NOW)?), Err(expected), "{status}");
    }
    for (failure, expected) in [
        (CallFailure::NotDispatched, Reason::ApproverUnreachable),
        (CallFailure::NoAnswer, Reason::ApproverUnreachable),
        (CallFailure::TooLarge, Reason::ApprovalMalformed),
    ] {
        assert_eq!(asked.read(&CallOutcome::Failed(failure)), Err(expected), "{failure:?}");
    }
    Ok(())
}

#[test]
fn signatures() -> Result<(), String> {
    let asked = Asked::new()?;
    let body = asked.approval().to_string();
    let good = sign("msg_1", NOW, body.as_bytes())?;
    let stamp = NOW.secs().to_string();
    let read = |pairs: &[(&str, &str)]| {
        let headers = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
        asked.read(&CallOutcome::Response { status: 200, headers, body: body.clone().into_bytes() })
    };
    let id = ("webhook-id", "msg_1");
    let at = ("webhook-timestamp", stamp.as_str());
    let by = ("webhook-signature", good.as_str());
    assert!(read(&[id, at, by]).is_ok());
    let rotated = format!("v1,AAAA v1a,BBBB {good}");
    assert!(read(&[id, at, ("webhook-signature", &rotated)]).is_ok());
    let late = format!("{}{good}", "v1,AAAA ".repeat(8));
    let other_version = good.replace("v1,", "v2,");
    let bare = good.replace("v1,", "");
    let joined = good.replace("v1,", "v1,AAAA");
    let dotted_stamp = sign("msg_1.1", NOW, body.as_bytes())?;
    let long_stamp = format!("0{}", "9".repeat(30));
    for bad in [
        vec![],
        vec![id, at],
        vec![id, by],
        vec![at, by],
        vec![("webhook-id", "msg_2"), at, by],
        vec![("webhook-id", ""), at, by],
        vec![("webhook-id", "msg_1.1"), at, ("webhook-signature", &dotted_stamp)],
        vec![id, ("webhook-timestamp", "1795428001"), by],
        vec![id, ("webhook-timestamp", "+1795428000"), by],
        vec![id, ("webhook-timestamp", ""), by],
        vec![id, ("webhook-timestamp", &long_stamp), by],
        vec![id, at, ("webhook-signature", "")],
        vec![id, at, ("webhook-signature", "v1,")],
        vec![id, at, ("webhook-signature", &other_version)],
        vec![id, at, ("webhook-signature", &bare)],
        vec![id, at, ("webhook-signature", &joined)],
        vec![id, at, ("webhook-signature", &late)],
        vec![id, at, by, by],
        vec![id, at, by, ("Webhook_Id", "msg_1")],
    ] {
        assert_eq!(read(&bad), Err(Reason::ApprovalUnsigned), "{bad:?}");
    }
    Ok(())
}

#[test]
fn a_changed_body_or_another_secret_is_unsigned() -> Result<(), String> {
    let mut asked = Asked::new()?;
    let outcome = signed(200, asked.approval().to_string().as_bytes(), NOW)?;
    let CallOutcome::Response { status, headers, body } = outcome.clone() else { return Err("no response".to_owned()) };
    for change in [&b" "[..], b"\xff"] {
        let body = [&body[..], change].concat();
        let changed = CallOutcome::Response { status, headers: headers.clone(), body };
        assert_eq!(asked.read(&changed), Err(Reason::ApprovalUnsigned));
    }
    asked.case.config.secret = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA".to_owned();
    assert_eq!(asked.read(&outcome), Err(Reason::ApprovalUnsigned));
    asked.case.config.secret = String::new();
    assert_eq!(asked.read(&outcome), Err(Reason::Internal));
    Ok(())
}

#[test]
fn signatures_age() -> Result<(), String> {
    let asked = Asked::new()?;
    let body = asked.approval().to_string();
    for (at, expected) in [
        (NOW.minus(Duration::from_mins(5)), None),
        (NOW.plus(Duration::from_mins(5)), None),
        (NOW.minus(Duration::from_mins(5) + Duration::from_secs(1)), Some(Reason::ApprovalExpired)),
        (NOW.plus(Duration::from_mins(5) + Duration::from_secs(1)), Some(Reason::ApprovalExpired)),
    ] {
        assert_eq!(asked.read(&signed(200, body.as_bytes(), at)?).err(), expected, "{at:?}");
    }
    Ok(())
}

#[test]
fn shapes() -> Result<(), String> {
    let asked = Asked::new()?;
    let malformed = Err(Reason::ApprovalMalformed);
    for changes in [
        json!({"extra": 1}),
        json!({"challenge": null}),
        json!({"challenge": 1}),
        json!({"binding": null}),
        json!({"binding": {"call": "x"}}),
        json!({"binding": {"call": "x", "body": "y", "z": 1}}),
        json!({"binding": ["x", "y"]}),
        json!({"decision": null}),
        json!({"decision": "Approved"}),
        json!({"decision": "maybe"}),
        json!({"decision": true}),
        json!({"approver": null}),
        json!({"approver": null, "decision": "denied"}),
        json!({"approver": "erin"}),
        json!({"approver": {"iss": "https://id"}}),
        json!({"approver": {"iss": "", "sub": "erin"}}),
        json!({"approver": {"iss": "https://id", "sub": ""}}),
        json!({"approver": {"iss": "https://id", "sub": "erin", "name": "E"}}),
        json!({"expires_at": "tomorrow"}),
        json!({"expires_at": 1_795_428_000}),
        json!({"reason": 1}),
    ] {
        assert_eq!(asked.with(&changes)?, malformed, "{changes}");
    }
    assert_eq!(asked.status(202, &json!({}))?, malformed, "202 decides nothing");
    assert_eq!(asked.status(202, &json!({"decision": "denied"}))?, malformed, "202 decides nothing");
    let approval = asked.approval().to_string();
    let twice = approval.replacen('{', r#"{"decision":"denied","#, 1);
    let array = r#"["a",["b","c"],"approved",["d","e"],null,null]"#;
    for body in ["", "null", "{}", "[]", "approved", array, &twice, &format!("{approval}x")] {
        assert_eq!(asked.read(&signed(200, body.as_bytes(), NOW)?), malformed, "{body}");
    }
    let long = json!({"reason": "x".repeat(20_000)});
    assert_eq!(asked.with(&long)?, malformed, "bounded");
    Ok(())
}

#[test]
fn our_own_question_is_no_answer() -> Result<(), String> {
    let asked = Asked::new()?;
    let (call, _) = asked.case.ask().map_err(|reason| format!("{reason:?}"))?;
    let headers = call.headers.into_iter().map(|(name, value)| (name.to_owned(), value.into_bytes())).collect();
    let reflected = CallOutcome::Response { status: 200, headers, body: call.body };
    assert_eq!(asked.read(&reflected), Err(Reason::ApprovalMalformed));
    Ok(())
}

#[test]
fn answers_to_something_else() -> Result<(), String> {
    let asked = Asked::new()?;
    let binding = asked.approval()["binding"].clone();
    let other = digest::text(&[1; 32]);
    let other_call = json!({"call": other, "body": binding["body"]});
    let other_body = json!({"call": binding["call"], "body": other});
    for (changes, expected) in [
        (json!({"binding": other_call}), Reason::ApprovalForOtherCall),
        (json!({"binding": other_body}), Reason::ApprovalForOtherCall),
        (json!({"challenge": "chl_new"}), Reason::ApprovalForOtherCall),
        (json!({"challenge": "chl_spent"}), Reason::ApprovalReplayed),
        (json!({"challenge": "chl_full"}), Reason::LedgerUnavailable),
        (json!({"challenge": "chl_spent", "binding": other_call}), Reason::ApprovalForOtherCall),
        (json!({"challenge": "chl_spent", "binding": other_body}), Reason::ApprovalReplayed),
        (
            json!({"binding": other_body, "approver": {"iss": "https://sts", "sub": "user-7"}}),
            Reason::ApprovalForOtherCall,
        ),
        (json!({"binding": other_body, "decision": "denied"}), Reason::ApprovalForOtherCall),
    ] {
        assert_eq!(asked.with(&changes)?, Err(expected), "{changes}");
    }
    Ok(())
}

#[test]
fn nobody_involved_may_answer() -> Result<(), String> {
    let asked = Asked::new()?;
    for subject in ["user-7", "agent-1", "agent-2"] {
        for decision in ["approved", "denied", "pending"] {
            let changes = json!({"decision": decision, "approver": {"iss": "https://sts", "sub": subject}});
            assert_eq!(asked.with(&changes)?, Err(Reason::ApproverIsRequester), "{changes}");
        }
    }
    let namesake = json!({"approver": {"iss": "https://id", "sub": "user-7"}});
    assert!(asked.with(&namesake)?.is_ok());
    let expired = json!({"expires_at": "2020-01-01T00:00:00Z", "approver": {"iss": "https://sts", "sub": "user-7"}});
    assert_eq!(asked.with(&expired)?, Err(Reason::ApproverIsRequester));
    Ok(())
}

#[test]
fn approvals_expire() -> Result<(), String> {
    let asked = Asked::new()?;
    for at in ["2026-11-23T10:00:00Z", "2026-11-23T09:59:59.999Z", "1969-01-01T00:00:00Z"] {
        assert_eq!(asked.with(&json!({"expires_at": at}))?, Err(Reason::ApprovalExpired), "{at}");
    }
    assert!(asked.with(&json!({"expires_at": "2026-11-23T10:00:00.001Z"}))?.is_ok());
    let late = signed(200, asked.approval().to_string().as_bytes(), NOW)?;
    assert_eq!(asked.read_at(&late, asked.challenge.expires), Err(Reason::ApprovalExpired));
    let denied = asked.with(&json!({"decision": "denied", "expires_at": "2020-01-01T00:00:00Z"}))?;
    assert!(matches!(denied, Ok(ApproverSays::Denied { .. })));
    Ok(())
}

proptest! {
    #[test]
    fn any_signed_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..128), text in "[ -~]{0,64}") {
        let asked = Asked::new().map_err(TestCaseError::fail)?;
        for body in [body, text.into_bytes()] {
            let outcome = CallOutcome::Response { status: 200, headers: Headers::default(), body: body.clone() };
            prop_assert_eq!(asked.read(&outcome), Err(Reason::ApprovalUnsigned));
            if let Ok(outcome) = signed(200, &body, NOW) {
                prop_assert_eq!(asked.read(&outcome), Err(Reason::ApprovalMalformed));
            }
        }
    }
}
