//! Every message a client may send and every leg of the transport, in the revisions we read, in one table.
//!
//! What is not in it, or not in the message's own revision, is refused.
//!
//! Source: `ClientRequest`, `ClientNotification` and `ClientResult` in modelcontextprotocol/modelcontextprotocol,
//! `schema/<revision>/schema.ts`; for `tasks/*` of 2026-07-28, modelcontextprotocol/ext-tasks, `specification/2026-07-28/tasks.md`;
//! for `events/*`, SEP-3415 (Events Extension).

use super::Listing;
use super::era::Era;
use crate::action::Class;

/// The method whose arguments grants and policies read.
pub(super) const TOOLS_CALL: &str = "tools/call";
/// The notification that repeats a progress token.
pub(super) const PROGRESS: &str = "notifications/progress";
/// The method that opens a session.
pub const INITIALIZE: &str = "initialize";

/// A row of the table.
#[derive(Debug)]
pub(super) struct Method {
    pub(super) name: &'static str,
    /// The revisions that have it.
    pub(super) eras: &'static [Era],
    pub(super) shape: Shape,
    pub(super) class: Class,
    pub(super) names: Names,
    /// The lists that its answer may hold and that show their reader only what it could call.
    pub(super) lists: &'static [Listing],
    /// Where in `params` arguments are named that nothing can declare: pointers to an object, whose members they are, or to a
    /// name.
    pub(super) arguments: &'static [&'static str],
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

impl Shape {
    /// Whether the operation can only be read from the body. Where it is not, a request may not have one.
    pub(super) const fn needs_body(self) -> bool {
        match self {
            Self::Request | Self::Notification | Self::Response => true,
            Self::Leg => false,
        }
    }
}

/// Where a method names what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Names {
    /// Nowhere.
    Nothing,
    /// In this member of `params`; `Mcp-Name` repeats it.
    Member(&'static str),
    /// A URI in this member of `params`; `Mcp-Name` repeats it.
    Address(&'static str),
    /// In `params.ref`: a prompt's `name`, or a resource's `uri`, which may be a template.
    Reference,
    /// In `params.notifications`: any number of URIs and tasks.
    Subscriptions,
    /// An event in `params.name`, with arguments; `Mcp-Name` may repeat it. `delivers` where `params.delivery` says where to.
    Event { delivers: bool },
}

impl Names {
    /// Whether it may be a URI.
    const fn may_be_uris(self) -> bool {
        match self {
            Self::Address(_) | Self::Reference | Self::Subscriptions => true,
            Self::Nothing | Self::Member(_) | Self::Event { .. } => false,
        }
    }

    /// Whether `Mcp-Name` must repeat it, in the era that demands such headers.
    pub(super) const fn is_mirrored(self) -> bool {
        match self {
            Self::Member(_) | Self::Address(_) => true,
            Self::Nothing | Self::Reference | Self::Subscriptions | Self::Event { .. } => false,
        }
    }
}

/// Every revision.
const ALL: &[Era] = &[Era::November2024, Era::March2025, Era::June2025, Era::November2025, Era::July2026];
/// Those with sessions.
const SESSIONS: &[Era] = &[Era::November2024, Era::March2025, Era::June2025, Era::November2025];
/// Those with tasks, before and after they became an extension.
const TASKS: &[Era] = &[Era::November2025, Era::July2026];
const NOVEMBER: &[Era] = &[Era::November2025];
const STATELESS: &[Era] = &[Era::July2026];

/// An answer of which nothing is left out.
const NONE: &[Listing] = &[];
const TOOLS: &[Listing] = &[Listing::Tools];
const PROMPTS: &[Listing] = &[Listing::Prompts];
const RESOURCES: &[Listing] = &[Listing::Resources];
const TEMPLATES: &[Listing] = &[Listing::Templates];
const TASK_LIST: &[Listing] = &[Listing::Tasks];
const EVENTS: &[Listing] = &[Listing::Events];
/// No arguments, or such as are declared.
const NO_ARGUMENTS: &[&str] = &[];
const OF_PROMPT: &[&str] = &["/arguments"];
const OF_COMPLETION: &[&str] = &["/argument/name", "/context/arguments"];
/// A stream that is resumed brings the answers to whatever was asked before.
const ANY: &[Listing] = &Listing::ALL;

macro_rules! methods {
    ($($name:expr, $eras:ident, $shape:ident, $class:ident, $names:expr, $lists:ident, $arguments:ident;)+) => {
        /// Every operation of a client by name, and what kind of thing it does: methods, notifications, `response`
        /// (an answer to the server's own request) and the transport's legs `GET` and `DELETE`.
        pub const METHODS: &[(&str, Class)] = &[$(($name, Class::$class)),+];

        const TABLE: &[Method] =
            &[$(Method { name: $name, eras: $eras, shape: Shape::$shape, class: Class::$class, names: $names, lists: $lists, arguments: $arguments }),+];
    };
}

methods! {
    INITIALIZE, SESSIONS, Request, Control, Names::Nothing, NONE, NO_ARGUMENTS;
    "ping", SESSIONS, Request, Control, Names::Nothing, NONE, NO_ARGUMENTS;
    "logging/setLevel", SESSIONS, Request, Control, Names::Nothing, NONE, NO_ARGUMENTS;
    "server/discover", STATELESS, Request, Control, Names::Nothing, NONE, NO_ARGUMENTS;
    "tools/list", ALL, Request, List, Names::Nothing, TOOLS, NO_ARGUMENTS;
    "tools/call", ALL, Request, Execute, Names::Member("name"), NONE, NO_ARGUMENTS;
    "resources/list", ALL, Request, List, Names::Nothing, RESOURCES, NO_ARGUMENTS;
    "resources/templates/list", ALL, Request, List, Names::Nothing, TEMPLATES, NO_ARGUMENTS;
    "resources/read", ALL, Request, Read, Names::Address("uri"), NONE, NO_ARGUMENTS;
    "resources/subscribe", SESSIONS, Request, Read, Names::Address("uri"), NONE, NO_ARGUMENTS;
    "resources/unsubscribe", SESSIONS, Request, Control, Names::Address("uri"), NONE, NO_ARGUMENTS;
    "subscriptions/listen", STATELESS, Request, Read, Names::Subscriptions, NONE, NO_ARGUMENTS;
    "prompts/list", ALL, Request, List, Names::Nothing, PROMPTS, NO_ARGUMENTS;
    "prompts/get", ALL, Request, Read, Names::Member("name"), NONE, OF_PROMPT;
    "completion/complete", ALL, Request, Read, Names::Reference, NONE, OF_COMPLETION;
    "tasks/list", NOVEMBER, Request, List, Names::Nothing, TASK_LIST, NO_ARGUMENTS;
    "tasks/get", TASKS, Request, Read, Names::Member("taskId"), NONE, NO_ARGUMENTS;
    "tasks/result", NOVEMBER, Request, Read, Names::Member("taskId"), NONE, NO_ARGUMENTS;
    "tasks/update", STATELESS, Request, Write, Names::Member("taskId"), NONE, NO_ARGUMENTS;
    "tasks/cancel", TASKS, Request, Write, Names::Member("taskId"), NONE, NO_ARGUMENTS;
    "events/list", STATELESS, Request, List, Names::Nothing, EVENTS, NO_ARGUMENTS;
    "events/subscribe", STATELESS, Request, Write, Names::Event { delivers: true }, NONE, NO_ARGUMENTS;
    "events/unsubscribe", STATELESS, Request, Write, Names::Event { delivers: true }, NONE, NO_ARGUMENTS;
    "events/poll", STATELESS, Request, Read, Names::Event { delivers: false }, NONE, NO_ARGUMENTS;
    "events/stream", STATELESS, Request, Read, Names::Event { delivers: false }, NONE, NO_ARGUMENTS;
    "notifications/initialized", SESSIONS, Notification, Control, Names::Nothing, NONE, NO_ARGUMENTS;
    "notifications/cancelled", ALL, Notification, Control, Names::Nothing, NONE, NO_ARGUMENTS;
    PROGRESS, SESSIONS, Notification, Control, Names::Nothing, NONE, NO_ARGUMENTS;
    "notifications/roots/list_changed", SESSIONS, Notification, Control, Names::Nothing, NONE, NO_ARGUMENTS;
    "notifications/tasks/status", NOVEMBER, Notification, Control, Names::Nothing, NONE, NO_ARGUMENTS;
    "response", SESSIONS, Response, Control, Names::Nothing, NONE, NO_ARGUMENTS;
    "GET", SESSIONS, Leg, Control, Names::Nothing, ANY, NO_ARGUMENTS;
    "DELETE", SESSIONS, Leg, Control, Names::Nothing, NONE, NO_ARGUMENTS;
}

/// The row of a method that a message of `era` may name.
pub(super) fn find(era: Era, name: &str) -> Option<&'static Method> {
    row(era, name).filter(|row| matches!(row.shape, Shape::Request | Shape::Notification))
}

/// The row of an HTTP method that is a leg of the transport in `era`.
pub(super) fn leg(era: Era, method: &str) -> Option<&'static Method> {
    row(era, method).filter(|row| row.shape == Shape::Leg)
}

/// The row of a client's response, where the client is asked anything.
pub(super) fn response(era: Era) -> Option<&'static Method> {
    TABLE.iter().find(|row| row.shape == Shape::Response && row.eras.contains(&era))
}

/// Whether what `method` names may be URIs.
pub(super) fn names_uris(method: &str) -> bool {
    TABLE.iter().any(|row| row.name == method && row.names.may_be_uris())
}

/// Whether only the era without sessions has `method`.
pub(super) fn is_stateless(method: &str) -> bool {
    TABLE.iter().any(|row| row.name == method && row.eras.iter().all(|era| era.is_stateless()))
}

/// The rows of the methods that are about an event.
pub(super) fn about_events() -> impl Iterator<Item = &'static Method> {
    TABLE.iter().filter(|row| matches!(row.names, Names::Event { .. }))
}

/// Whether requests with this HTTP method have a message; none where no revision has such a method.
pub(super) fn has_message(method: &str) -> Option<bool> {
    let leg = TABLE.iter().find(|row| row.shape == Shape::Leg && row.name == method);
    if method == "POST" { Some(true) } else { leg.map(|leg| leg.shape.needs_body()) }
}

/// The lists in the answer to an operation of this name, in whichever era.
pub(super) fn lists(name: &str) -> &'static [Listing] {
    TABLE.iter().find(|row| row.name == name).map_or(NONE, |row| row.lists)
}

fn row(era: Era, name: &str) -> Option<&'static Method> {
    TABLE.iter().find(|row| row.name == name && row.eras.contains(&era))
}

#[cfg(test)]
mod tests;
