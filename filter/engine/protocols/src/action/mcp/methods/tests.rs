//! The table against each revision's own list, written down from its schema.

use std::collections::BTreeSet;

use super::*;

/// `ClientRequest` of schema/2025-06-18/schema.ts, and of the two before it.
const JUNE_REQUESTS: &[&str] = &[
    "ping",
    "initialize",
    "completion/complete",
    "logging/setLevel",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "resources/subscribe",
    "resources/unsubscribe",
    "tools/call",
    "tools/list",
];
/// `ClientNotification` of the same.
const JUNE_NOTIFICATIONS: &[&str] = &[
    "notifications/cancelled",
    "notifications/progress",
    "notifications/initialized",
    "notifications/roots/list_changed",
];
/// What schema/2025-11-25/schema.ts adds to `ClientRequest`.
const NOVEMBER_REQUESTS: &[&str] = &["tasks/get", "tasks/result", "tasks/list", "tasks/cancel"];
/// What it adds to `ClientNotification`.
const NOVEMBER_NOTIFICATIONS: &[&str] = &["notifications/tasks/status"];
/// `ClientRequest` of schema/2026-07-28/schema.ts, and what the extension for tasks adds.
const JULY_REQUESTS: &[&str] = &[
    "server/discover",
    "completion/complete",
    "prompts/get",
    "prompts/list",
    "resources/list",
    "resources/templates/list",
    "resources/read",
    "subscriptions/listen",
    "tools/call",
    "tools/list",
    "tasks/get",
    "tasks/update",
    "tasks/cancel",
];
/// What SEP-3415 adds to it.
const EVENTS_REQUESTS: &[&str] =
    &["events/list", "events/poll", "events/stream", "events/subscribe", "events/unsubscribe"];
/// `ClientNotification` of the same.
const JULY_NOTIFICATIONS: &[&str] = &["notifications/cancelled"];

fn listed(era: Era, shape: Shape) -> BTreeSet<&'static str> {
    let rows = TABLE.iter().filter(|row| row.shape == shape && row.eras.contains(&era));
    rows.map(|row| row.name).collect()
}

fn set(lists: &[&[&'static str]]) -> BTreeSet<&'static str> {
    lists.concat().into_iter().collect()
}

#[test]
fn each_era_has_exactly_its_methods() {
    for (era, requests, notifications) in [
        (Era::November2024, set(&[JUNE_REQUESTS]), set(&[JUNE_NOTIFICATIONS])),
        (Era::March2025, set(&[JUNE_REQUESTS]), set(&[JUNE_NOTIFICATIONS])),
        (Era::June2025, set(&[JUNE_REQUESTS]), set(&[JUNE_NOTIFICATIONS])),
        (
            Era::November2025,
            set(&[JUNE_REQUESTS, NOVEMBER_REQUESTS]),
            set(&[JUNE_NOTIFICATIONS, NOVEMBER_NOTIFICATIONS]),
        ),
        (Era::July2026, set(&[JULY_REQUESTS, EVENTS_REQUESTS]), set(&[JULY_NOTIFICATIONS])),
    ] {
        assert_eq!(listed(era, Shape::Request), requests, "{era:?}");
        assert_eq!(listed(era, Shape::Notification), notifications, "{era:?}");
        // `ClientResult` is for servers that ask, which they cannot since 2026-07-28; nor are there other legs than POST.
        let sessions = !era.is_stateless();
        assert_eq!(response(era).is_some(), sessions, "{era:?}");
        let legs = if sessions { set(&[&["GET", "DELETE"]]) } else { BTreeSet::new() };
        assert_eq!(listed(era, Shape::Leg), legs, "{era:?}");
    }
}

#[test]
fn each_operation_has_one_row() {
    for (index, row) in TABLE.iter().enumerate() {
        assert!(TABLE.iter().skip(index + 1).all(|other| other.name != row.name), "{}", row.name);
    }
}

#[test]
fn what_reads_changes_or_runs_names_its_object() {
    let anonymous =
        |row: &&Row| matches!(row.class, Class::Read | Class::Write | Class::Execute) && row.names == Names::Nothing;
    assert!(TABLE.iter().find(anonymous).is_none());
}

#[test]
fn what_lists_says_what_it_lists() {
    for row in TABLE {
        let expected = match row.name {
            "GET" => Listing::ALL.to_vec(),
            "tools/list" => vec![Listing::Tools],
            "prompts/list" => vec![Listing::Prompts],
            "resources/list" => vec![Listing::Resources],
            "resources/templates/list" => vec![Listing::Templates],
            "tasks/list" => vec![Listing::Tasks],
            "events/list" => vec![Listing::Events],
            _ => Vec::new(),
        };
        assert_eq!(row.answer.lists(), expected, "{}", row.name);
        assert_eq!(row.class == Class::List, !expected.is_empty() && row.name != "GET", "{}", row.name);
    }
}

#[test]
fn an_element_is_used_by_what_names_it() {
    for (listing, expected) in [
        (Listing::Tools, &["tools/call"][..]),
        (Listing::Prompts, &["prompts/get"]),
        (Listing::Resources, &["resources/read"]),
        (Listing::Templates, &["resources/read"]),
        (Listing::Tasks, &["tasks/get"]),
        (Listing::Events, &["events/subscribe", "events/unsubscribe", "events/poll", "events/stream"]),
    ] {
        assert_eq!(uses(listing).map(|row| row.name).collect::<Vec<_>>(), expected, "{listing:?}");
    }
}

#[test]
fn what_is_about_an_event_can_be_declared() {
    for (method, class) in crate::action::mcp::about_events() {
        let name = crate::action::mcp::declared(method, "a/b");
        let found = crate::action::mcp::event(&name).map(|(method, event)| (method.action, event, method.class));
        assert_eq!(found, Some((format!("mcp:{method}").as_str(), "a/b", class)));
        assert_eq!(crate::action::mcp::declared(&format!("mcp:{method}"), "a/b"), name);
    }
    for other in ["events/list/a", "events/poll", "events/polled/a", "mcp:events/poll/a", "a"] {
        assert_eq!(crate::action::mcp::event(other), None, "{other}");
    }
}

#[test]
fn names_that_headers_repeat() {
    let mirrored = TABLE.iter().filter(|row| row.names.is_mirrored() && row.eras.contains(&Era::July2026));
    let mirrored: BTreeSet<_> = mirrored.map(|row| row.name).collect();
    let stated: &[&[&str]] =
        &[&["tools/call", "resources/read", "prompts/get"], &["tasks/get", "tasks/update", "tasks/cancel"]];
    assert_eq!(mirrored, set(stated));
}

#[test]
fn only_messages_need_a_body() {
    for row in TABLE {
        assert_eq!(row.shape.needs_body(), !["GET", "DELETE"].contains(&row.name), "{}", row.name);
    }
    let stated = ["POST", "GET", "DELETE", "PUT", "ping"].map(has_message);
    assert_eq!(stated, [Some(true), Some(false), Some(false), None, None]);
}

#[test]
fn messages_cannot_name_legs_or_responses() {
    for era in Era::ALL {
        assert!(["GET", "DELETE", "response", "tools/Call", ""].iter().all(|name| find(era, name).is_none()));
        assert!(leg(era, "tools/call").is_none() && leg(era, "response").is_none());
    }
}
