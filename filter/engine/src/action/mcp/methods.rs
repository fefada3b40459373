//! Every message a client may send in the revisions we read, in one table. What is not in it is refused.

use crate::action::Class;

/// The method whose arguments grants and policies read.
pub(super) const TOOLS_CALL: &str = "tools/call";

/// A row of the table.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    pub(super) shape: Shape,
    pub(super) class: Class,
    pub(super) names: Names,
}

/// How a method travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shape {
    /// With an id.
    Request,
    /// Without an id.
    Notification,
    /// A client's answer to a request of the server: it has no method of its own.
    Response,
    /// An HTTP method of the transport, without a message.
    Leg,
}

/// Where a method names what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Nowhere.
    Nothing,
    /// In this member of `params`.
    Member(&'static str),
    /// In `params.ref`: a prompt's `name` or a resource's `uri`.
    Reference,
}

macro_rules! methods {
    ($($name:literal, $shape:ident, $class:ident, $names:expr;)+) => {
        /// Every operation of a client by name, and what kind of thing it does: methods, notifications, `response`
        /// (an answer to the server's own request) and the transport's legs `GET` and `DELETE`.
        pub const METHODS: &[(&str, Class)] = &[$(($name, Class::$class)),+];

        const TABLE: &[Method] =
            &[$(Method { name: $name, shape: Shape::$shape, class: Class::$class, names: $names }),+];
    };
}

// schema.ts of 2025-11-25, `ClientRequest`, `ClientNotification`, `ClientResult`; 2025-06-18 is a subset.
methods! {
    "initialize", Request, Control, Names::Nothing;
    "ping", Request, Control, Names::Nothing;
    "logging/setLevel", Request, Control, Names::Nothing;
    "tools/list", Request, List, Names::Nothing;
    "tools/call", Request, Execute, Names::Member("name");
    "resources/list", Request, List, Names::Nothing;
    "resources/templates/list", Request, List, Names::Nothing;
    "resources/read", Request, Read, Names::Member("uri");
    "resources/subscribe", Request, Read, Names::Member("uri");
    "resources/unsubscribe", Request, Control, Names::Member("uri");
    "prompts/list", Request, List, Names::Nothing;
    "prompts/get", Request, Read, Names::Member("name");
    "completion/complete", Request, Read, Names::Reference;
    "tasks/list", Request, List, Names::Nothing;
    "tasks/get", Request, Read, Names::Member("taskId");
    "tasks/result", Request, Read, Names::Member("taskId");
    "tasks/cancel", Request, Execute, Names::Member("taskId");
    "notifications/initialized", Notification, Control, Names::Nothing;
    "notifications/cancelled", Notification, Control, Names::Nothing;
    "notifications/progress", Notification, Control, Names::Nothing;
    "notifications/roots/list_changed", Notification, Control, Names::Nothing;
    "notifications/tasks/status", Notification, Control, Names::Nothing;
    "response", Response, Control, Names::Nothing;
    "GET", Leg, Control, Names::Nothing;
    "DELETE", Leg, Control, Names::Nothing;
}

/// The row of a client's response.
pub(super) const RESPONSE: &Method =
    &Method { name: "response", shape: Shape::Response, class: Class::Control, names: Names::Nothing };

/// The row of a method that a message may name.
pub(super) fn find(name: &str) -> Option<&'static Method> {
    TABLE.iter().find(|row| row.name == name && matches!(row.shape, Shape::Request | Shape::Notification))
}

/// The row of an HTTP method that is a leg of the transport.
pub(super) fn leg(method: &str) -> Option<&'static Method> {
    TABLE.iter().find(|row| row.name == method && row.shape == Shape::Leg)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_operation_has_one_row() {
        for (index, (name, _)) in METHODS.iter().enumerate() {
            assert!(METHODS.iter().skip(index + 1).all(|(other, _)| other != name), "{name}");
        }
        assert!(METHODS.contains(&(RESPONSE.name, RESPONSE.class)));
    }

    #[test]
    fn what_reads_or_runs_names_its_object() {
        let anonymous =
            |row: &&Method| matches!(row.class, Class::Read | Class::Execute) && row.names == Names::Nothing;
        assert!(TABLE.iter().find(anonymous).is_none());
    }

    #[test]
    fn messages_cannot_name_legs_or_responses() {
        assert!(["GET", "DELETE", "response", "tools/Call", ""].iter().all(|name| find(name).is_none()));
        assert!(leg("tools/call").is_none() && leg("response").is_none());
    }
}
