//! What messages are about: URIs in one spelling, templates, and subscriptions that name several things.

use super::eras::{message, send};
use super::*;
use crate::action::mcp::Era::{July2026, November2025};

#[test]
fn a_uri_is_read_in_normal_form_only() {
    for method in ["resources/read", "resources/subscribe", "resources/unsubscribe"] {
        for (uri, expected) in [
            ("file:///a/b", None),
            ("file:///a/../b", Some(Reason::AmbiguousUri)),
            ("file:///a%2Fb", Some(Reason::AmbiguousUri)),
            ("FILE:///a", Some(Reason::AmbiguousUri)),
            ("https://u@h/", None),
            ("https://H/", Some(Reason::AmbiguousUri)),
            ("greeting://World", None),
            ("s3://My-Bucket/a%2Fb", None),
            ("s3://My-Bucket/%41", Some(Reason::AmbiguousUri)),
            ("relative", Some(Reason::AmbiguousUri)),
            ("file:///é", Some(Reason::AmbiguousUri)),
            ("file:///a\u{0}", Some(Reason::MalformedMessage)),
            ("", Some(Reason::MalformedMessage)),
        ] {
            assert_eq!(reason(send(&message(November2025, method, json!({"uri": uri})))), expected, "{method} {uri}");
        }
    }
    assert_eq!(
        reason(send(&message(July2026, "resources/read", json!({"uri": "x:a/../b"})))),
        Some(Reason::AmbiguousUri)
    );
}

#[test]
fn a_completion_names_a_prompt_or_a_template() {
    for (reference, expected) in [
        (json!({"type": "ref/prompt", "name": "summary"}), Ok("summary")),
        (json!({"type": "ref/resource", "uri": "file:///reports/{name}"}), Ok("file:///reports/{name}")),
        (json!({"type": "ref/resource", "uri": "file:///reports/2026"}), Ok("file:///reports/2026")),
        (json!({"type": "ref/resource", "uri": "greeting://Hello-{name}"}), Ok("greeting://Hello-{name}")),
        (json!({"type": "ref/resource", "uri": "file:///../{name}"}), Err(Reason::AmbiguousUri)),
        (json!({"type": "ref/resource", "uri": "file:///{name"}), Err(Reason::AmbiguousUri)),
        (json!({"type": "ref/prompt", "name": "a", "URI": "b"}), Err(Reason::MalformedMessage)),
        (json!({"type": "ref/prompt", "uri": "x://a"}), Err(Reason::MalformedMessage)),
        (json!({"Type": "ref/prompt", "name": "a"}), Err(Reason::MalformedMessage)),
        (json!("ref/prompt"), Err(Reason::MalformedMessage)),
    ] {
        for era in Era::ALL {
            let read = send(&message(era, "completion/complete", json!({"ref": reference})));
            let object =
                read.as_ref().map(|action| action.object().unwrap_or_default()).map_err(|rejection| rejection.reason);
            assert_eq!(object, expected, "{reference}");
        }
    }
}

fn listen(notifications: &Value) -> Result<Action, Rejection> {
    send(&message(July2026, "subscriptions/listen", json!({"notifications": notifications})))
}

#[test]
fn a_subscription_names_every_uri_and_task() {
    let action =
        listen(&json!({"toolsListChanged": true, "resourceSubscriptions": ["x://a", "x://b"], "taskIds": ["t"]}));
    let Ok(Action { operation: Operation::Mcp(operation), .. }) = &action else { panic!("{action:?}") };
    assert_eq!((operation.class, operation.target.as_deref()), (Class::Read, None));
    assert_eq!(operation.several, ["x://a", "x://b", "t"]);
    let parts: Vec<_> = action.iter().flat_map(Action::parts).map(|part| part.object().map(str::to_owned)).collect();
    assert_eq!(parts, ["x://a", "x://b", "t"].map(|name| Some(name.to_owned())));

    let one = listen(&json!({"resourceSubscriptions": ["x://a"]}));
    assert_eq!(one.as_ref().ok().and_then(Action::object), Some("x://a"));
    assert_eq!(one.iter().flat_map(Action::parts).count(), 1);
}

#[test]
fn a_subscription_to_lists_is_control() {
    for notifications in
        [json!({"toolsListChanged": true, "promptsListChanged": false}), json!({}), json!({"taskIds": []})]
    {
        let action = listen(&notifications);
        let Ok(Action { operation: Operation::Mcp(operation), .. }) = &action else { panic!("{action:?}") };
        assert_eq!((operation.class, &operation.target, operation.several.len()), (Class::Control, &None, 0));
    }
}

#[test]
fn a_subscription_that_cannot_be_read_whole() {
    let many: Vec<String> = (0..65).map(|number| format!("x://{number}")).collect();
    for (notifications, expected) in [
        (json!({"resourceSubscriptions": ["x://a", "x://../b"]}), Reason::AmbiguousUri),
        (json!({"resourceSubscriptions": [1]}), Reason::MalformedMessage),
        (json!({"resourceSubscriptions": "x://a"}), Reason::MalformedMessage),
        (json!({"resourceSubscriptions": {"0": "x://a"}}), Reason::MalformedMessage),
        (json!({"ResourceSubscriptions": ["x://a"]}), Reason::MalformedMessage),
        (json!({"toolsListChanged": 1}), Reason::MalformedMessage),
        (json!({"resourceTemplates": ["x://{a}"]}), Reason::MalformedMessage),
        (json!({"somethingNew": true}), Reason::MalformedMessage),
        (json!({"resourceSubscriptions": many}), Reason::MalformedMessage),
        (json!([]), Reason::MalformedMessage),
        (json!(null), Reason::MalformedMessage),
    ] {
        assert_eq!(reason(listen(&notifications)), Some(expected), "{notifications}");
    }
    let read = send(&message(July2026, "subscriptions/listen", json!({})));
    assert_eq!(reason(read), Some(Reason::MalformedMessage));
}
