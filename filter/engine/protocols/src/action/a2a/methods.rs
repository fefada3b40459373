//! Every operation of A2A 1.0 with its name in 0.3, in one table. What is not in it is refused.

use crate::action::Class;

/// A row of the table.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Method {
    /// In A2A 1.0; also what records, grants and policies call it.
    pub(super) name: &'static str,
    /// In A2A 0.3 (JSON-RPC); none where it has no such operation.
    pub(super) old: Option<&'static str>,
    pub(super) class: Class,
    /// How it names its task.
    pub(super) task: Names,
}

/// How an operation names its task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// It is about none.
    Nothing,
    /// The message that it sends may.
    Message,
    /// In this member of `params`; the second is that of 0.3.
    Member(&'static str, &'static str),
}

macro_rules! methods {
    ($($name:literal, $old:expr, $class:ident, $task:expr;)+) => {
        /// Every operation by name, and what kind of thing it does. `AgentCard` is the public card.
        pub const METHODS: &[(&str, Class)] = &[$(($name, Class::$class)),+];

        const TABLE: &[Method] = &[
            $(Method { name: $name, old: $old, class: Class::$class, task: $task }),+
        ];
    };
}

// specification/a2a.proto of 1.0.1, `service A2AService`; 0.3.0, §7. Sending a message starts or continues work; a
// subscription reads it.
methods! {
    "SendMessage", Some("message/send"), Execute, Names::Message;
    "SendStreamingMessage", Some("message/stream"), Execute, Names::Message;
    "GetTask", Some("tasks/get"), Read, Names::Member("id", "id");
    "ListTasks", Some("tasks/list"), Read, Names::Nothing;
    "CancelTask", Some("tasks/cancel"), Write, Names::Member("id", "id");
    "SubscribeToTask", Some("tasks/resubscribe"), Read, Names::Member("id", "id");
    "CreateTaskPushNotificationConfig", Some("tasks/pushNotificationConfig/set"), Write, Names::Member("taskId", "taskId");
    "GetTaskPushNotificationConfig", Some("tasks/pushNotificationConfig/get"), Read, Names::Member("taskId", "id");
    "ListTaskPushNotificationConfigs", Some("tasks/pushNotificationConfig/list"), Read, Names::Member("taskId", "id");
    "DeleteTaskPushNotificationConfig", Some("tasks/pushNotificationConfig/delete"), Write, Names::Member("taskId", "id");
    "GetExtendedAgentCard", Some("agent/getAuthenticatedExtendedCard"), List, Names::Nothing;
    "AgentCard", None, List, Names::Nothing;
}

/// The row of an operation by the name a message gives, in the words of `version`.
pub(super) fn named(name: &str, version: Version) -> Option<&'static Method> {
    TABLE.iter().filter(|row| row.name != CARD).find(|row| match version {
        Version::V1 => row.name == name,
        Version::V03 => row.old == Some(name),
        Version::Unstated => row.name == name || row.old == Some(name),
    })
}

/// The row of an operation by its name in 1.0.
pub(super) fn row(name: &str) -> Option<&'static Method> {
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
        assert_eq!(TABLE.len(), METHODS.len());
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
}
