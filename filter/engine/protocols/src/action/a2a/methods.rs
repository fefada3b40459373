//! Every operation of A2A 1.0 with its name in 0.3, in one table. What is not in it is refused.

use crate::action::method::methods_of;
use crate::action::{Class, Method};
use crate::catalogue::Protocol;

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Row {
    /// In A2A 1.0; also what records, grants and policies call it.
    pub(super) name: &'static str,
    /// As actions are called by it.
    action: &'static str,
    /// In A2A 0.3 (JSON-RPC); none where it has no such operation.
    pub(super) old: Option<&'static str>,
    pub(super) class: Class,
    /// How it names its task.
    pub(super) task: Names,
    /// Whether it says where push notifications go; others may.
    pub(super) configures: bool,
    /// Whether its answer is about one task, and so can tell that it is over.
    pub(super) tells: bool,
}

/// How an operation names its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// It is about none.
    Nothing,
    /// The message that it sends may. A task that is over takes no more (1.0 §3.1.1, §3.1.2).
    Message,
    /// In this member of `params`; the second is that of 0.3.
    Member(&'static str, &'static str),
}

// What a row does not say is what most operations of its kind do.
//
// specification/a2a.proto of 1.0.1, `service A2AService`; 0.3.0, §7. Sending a message starts or continues work; a
// subscription reads it.
pub(super) const TABLE: &[Row] = &[
    message("a2a:SendMessage", "message/send"),
    message("a2a:SendStreamingMessage", "message/stream"),
    Row { tells: true, ..of_task("a2a:GetTask", "tasks/get", Class::Read) },
    row_of("a2a:ListTasks", Some("tasks/list"), Class::Read),
    Row { tells: true, ..of_task("a2a:CancelTask", "tasks/cancel", Class::Write) },
    Row { tells: true, ..of_task("a2a:SubscribeToTask", "tasks/resubscribe", Class::Read) },
    Row {
        task: Names::Member("taskId", "taskId"),
        configures: true,
        ..of_config("a2a:CreateTaskPushNotificationConfig", "tasks/pushNotificationConfig/set", Class::Write)
    },
    of_config("a2a:GetTaskPushNotificationConfig", "tasks/pushNotificationConfig/get", Class::Read),
    of_config("a2a:ListTaskPushNotificationConfigs", "tasks/pushNotificationConfig/list", Class::Read),
    of_config("a2a:DeleteTaskPushNotificationConfig", "tasks/pushNotificationConfig/delete", Class::Write),
    row_of("a2a:GetExtendedAgentCard", Some("agent/getAuthenticatedExtendedCard"), Class::List),
    row_of("a2a:AgentCard", None, Class::List),
];

/// An operation that is about no task.
const fn row_of(action: &'static str, old: Option<&'static str>, class: Class) -> Row {
    let Method { name, .. } = Method::new(Protocol::A2a, action, class);
    Row { name, action, old, class, task: Names::Nothing, configures: false, tells: false }
}

/// One that sends a message.
const fn message(action: &'static str, old: &'static str) -> Row {
    Row { task: Names::Message, tells: true, ..row_of(action, Some(old), Class::Execute) }
}

/// One about a task.
const fn of_task(action: &'static str, old: &'static str, class: Class) -> Row {
    Row { task: Names::Member("id", "id"), ..row_of(action, Some(old), class) }
}

/// One about where a task's push notifications go.
const fn of_config(action: &'static str, old: &'static str, class: Class) -> Row {
    Row { task: Names::Member("taskId", "id"), ..row_of(action, Some(old), class) }
}

/// What every protocol says of its methods.
#[expect(clippy::indexing_slicing, reason = "beyond the end of the table it would not compile")]
pub(super) static METHODS: [Method; TABLE.len()] = methods_of!(TABLE);

impl Row {
    /// What every protocol says of its methods.
    pub(super) const fn method(&self) -> Method {
        Method::new(Protocol::A2a, self.action, self.class)
    }
}

/// The row of an operation by the name a message gives, in the words of `version`.
pub(super) fn named(name: &str, version: Version) -> Option<&'static Row> {
    TABLE.iter().filter(|row| row.name != CARD).find(|row| match version {
        Version::V1 => row.name == name,
        Version::V03 => row.old == Some(name),
        Version::Unstated => row.name == name || row.old == Some(name),
    })
}

/// The row of an operation by its name in 1.0.
pub(super) fn row(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// The public agent card.
pub(super) const CARD: &str = "AgentCard";

/// Which A2A a request says it speaks (`A2A-Version`, 1.0 §3.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Version {
    V1,
    V03,
    /// 1.0 says that this is 0.3; 1.0 clients that leave the field out are common, and no name means two operations.
    Unstated,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// The methods of the service in `a2a.proto` 1.0.1, and of 0.3.0 §3.5.6 with `tasks/list` of its REST binding.
    const V1: [&str; 11] = [
        "SendMessage",
        "SendStreamingMessage",
        "GetTask",
        "ListTasks",
        "CancelTask",
        "SubscribeToTask",
        "CreateTaskPushNotificationConfig",
        "GetTaskPushNotificationConfig",
        "ListTaskPushNotificationConfigs",
        "DeleteTaskPushNotificationConfig",
        "GetExtendedAgentCard",
    ];
    const V03: [&str; 11] = [
        "message/send",
        "message/stream",
        "tasks/get",
        "tasks/list",
        "tasks/cancel",
        "tasks/resubscribe",
        "tasks/pushNotificationConfig/set",
        "tasks/pushNotificationConfig/get",
        "tasks/pushNotificationConfig/list",
        "tasks/pushNotificationConfig/delete",
        "agent/getAuthenticatedExtendedCard",
    ];

    #[test]
    fn both_versions_are_there_and_nothing_else() {
        let names: BTreeSet<&str> = TABLE.iter().map(|row| row.name).filter(|name| *name != CARD).collect();
        assert_eq!(names, V1.into_iter().collect());
        let old: BTreeSet<&str> = TABLE.iter().filter_map(|row| row.old).collect();
        assert_eq!(old, V03.into_iter().collect());
        assert_eq!(TABLE.len(), crate::action::a2a::methods().len());
    }

    #[test]
    fn a_name_means_one_operation_and_belongs_to_its_version() {
        for (name, version, expected) in [
            ("SendMessage", Version::V1, Some("SendMessage")),
            ("SendMessage", Version::V03, None),
            ("message/send", Version::V03, Some("SendMessage")),
            ("message/send", Version::V1, None),
            ("message/send", Version::Unstated, Some("SendMessage")),
            ("sendmessage", Version::Unstated, None),
            ("AgentCard", Version::Unstated, None),
            ("tools/call", Version::Unstated, None),
        ] {
            assert_eq!(named(name, version).map(|row| row.name), expected, "{name} {version:?}");
        }
        assert!(V1.iter().all(|name| V03.iter().all(|old| old != name)));
    }

    #[test]
    fn what_is_about_a_task_names_it() {
        let about_tasks = TABLE.iter().filter(|row| row.name.contains("Task") && row.name != "ListTasks");
        assert!(about_tasks.clone().all(|row| matches!(row.task, Names::Member(..))) && about_tasks.count() == 7);
    }

    #[test]
    fn what_tells_of_one_task_and_what_sends_it_a_message() {
        let names = |is: fn(&Row) -> bool| TABLE.iter().filter(|row| is(row)).map(|row| row.name).collect::<Vec<_>>();
        let messages = ["SendMessage", "SendStreamingMessage"];
        assert_eq!(names(|row| row.task == Names::Message), messages);
        assert_eq!(names(|row| row.tells), [&messages[..], &["GetTask", "CancelTask", "SubscribeToTask"]].concat());
    }
}
