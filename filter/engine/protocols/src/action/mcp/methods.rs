//! Every message a client may send and every leg of the transport, in the revisions we read, in one table.
//!
//! What is not in it, or not in the message's own revision, is refused.
//!
//! Source: `ClientRequest`, `ClientNotification` and `ClientResult` in modelcontextprotocol/modelcontextprotocol,
//! `schema/<revision>/schema.ts`; for `tasks/*` of 2026-07-28, modelcontextprotocol/ext-tasks, `specification/2026-07-28/tasks.md`;
//! for `events/*`, SEP-3415 (Events Extension).

use super::era::Era;
use crate::action::method::{Subject, methods_of};
use crate::action::{Class, Listing, Method};
use crate::catalogue::Protocol;

/// The notification that repeats a progress token.
pub(super) const PROGRESS: &str = "notifications/progress";

/// A row of the table.
#[derive(Debug)]
pub(super) struct Row {
    /// As messages spell it.
    pub(super) name: &'static str,
    /// As actions are called by it.
    action: &'static str,
    /// The revisions that have it.
    pub(super) eras: &'static [Era],
    pub(super) shape: Shape,
    pub(super) class: Class,
    pub(super) names: Names,
    /// Where in `params` arguments are named that nothing can declare: pointers to an object, whose members they are, or to a
    /// name.
    pub(super) arguments: &'static [&'static str],
    pub(super) answer: Answer,
    /// The lists that show an element to whoever could name it here.
    shows: &'static [Listing],
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
    /// A tool in `params.name`, with arguments; `Mcp-Name` repeats it.
    Tool,
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
    /// What kind of thing it is.
    const fn subject(self) -> Subject {
        match self {
            Self::Tool => Subject::Tool,
            Self::Event { delivers } => Subject::Event { delivers },
            Self::Address(_) | Self::Reference | Self::Subscriptions => Subject::Uri,
            Self::Nothing | Self::Member(_) => Subject::Other,
        }
    }

    /// Whether `Mcp-Name` must repeat it, in the era that demands such headers.
    pub(super) const fn is_mirrored(self) -> bool {
        match self {
            Self::Tool | Self::Member(_) | Self::Address(_) => true,
            Self::Nothing | Self::Reference | Self::Subscriptions | Self::Event { .. } => false,
        }
    }
}

/// What of the answer to a method is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// That it is the response which was asked for.
    Response,
    /// These lists in it, which show their reader only what it could use.
    Lists(&'static [Listing]),
    /// The version of the session that it opens.
    Session,
    /// A stream on which the server speaks up by itself. One that is resumed brings the answers to whatever was asked before.
    Stream,
    /// Nothing was asked.
    Nothing,
}

impl Answer {
    /// The lists that it may hold.
    pub(crate) const fn lists(self) -> &'static [Listing] {
        match self {
            Self::Lists(lists) => lists,
            Self::Stream => &Listing::ALL,
            Self::Response | Self::Session | Self::Nothing => &[],
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

/// Where arguments of prompts are named.
const OF_PROMPT: &[&str] = &["/arguments"];
const OF_COMPLETION: &[&str] = &["/argument/name", "/context/arguments"];

/// The method whose arguments grants and policies read.
pub(super) const TOOLS_CALL: Row =
    Row { names: Names::Tool, shows: &[Listing::Tools], ..request("mcp:tools/call", ALL, Class::Execute) };

/// A method has one row. What it does not say there is what most methods of its kind do.
pub(super) const TABLE: &[Row] = &[
    Row { answer: Answer::Session, ..request("mcp:initialize", SESSIONS, Class::Control) },
    request("mcp:ping", SESSIONS, Class::Control),
    request("mcp:logging/setLevel", SESSIONS, Class::Control),
    request("mcp:server/discover", STATELESS, Class::Control),
    list("mcp:tools/list", ALL, &[Listing::Tools]),
    TOOLS_CALL,
    list("mcp:resources/list", ALL, &[Listing::Resources]),
    list("mcp:resources/templates/list", ALL, &[Listing::Templates]),
    Row {
        names: Names::Address("uri"),
        shows: &[Listing::Resources, Listing::Templates],
        ..request("mcp:resources/read", ALL, Class::Read)
    },
    Row { names: Names::Address("uri"), ..request("mcp:resources/subscribe", SESSIONS, Class::Read) },
    Row { names: Names::Address("uri"), ..request("mcp:resources/unsubscribe", SESSIONS, Class::Control) },
    Row { names: Names::Subscriptions, ..request("mcp:subscriptions/listen", STATELESS, Class::Read) },
    list("mcp:prompts/list", ALL, &[Listing::Prompts]),
    Row {
        names: Names::Member("name"),
        arguments: OF_PROMPT,
        shows: &[Listing::Prompts],
        ..request("mcp:prompts/get", ALL, Class::Read)
    },
    Row { names: Names::Reference, arguments: OF_COMPLETION, ..request("mcp:completion/complete", ALL, Class::Read) },
    list("mcp:tasks/list", NOVEMBER, &[Listing::Tasks]),
    Row { shows: &[Listing::Tasks], ..of_task("mcp:tasks/get", TASKS, Class::Read) },
    of_task("mcp:tasks/result", NOVEMBER, Class::Read),
    of_task("mcp:tasks/update", STATELESS, Class::Write),
    of_task("mcp:tasks/cancel", TASKS, Class::Write),
    list("mcp:events/list", STATELESS, &[Listing::Events]),
    of_event("mcp:events/subscribe", Class::Write, true),
    of_event("mcp:events/unsubscribe", Class::Write, true),
    of_event("mcp:events/poll", Class::Read, false),
    of_event("mcp:events/stream", Class::Read, false),
    other("mcp:notifications/initialized", SESSIONS, Shape::Notification),
    other("mcp:notifications/cancelled", ALL, Shape::Notification),
    other("mcp:notifications/progress", SESSIONS, Shape::Notification),
    other("mcp:notifications/roots/list_changed", SESSIONS, Shape::Notification),
    other("mcp:notifications/tasks/status", NOVEMBER, Shape::Notification),
    other("mcp:response", SESSIONS, Shape::Response),
    Row { answer: Answer::Stream, ..other("mcp:GET", SESSIONS, Shape::Leg) },
    other("mcp:DELETE", SESSIONS, Shape::Leg),
];

/// A request that names nothing.
const fn request(action: &'static str, eras: &'static [Era], class: Class) -> Row {
    let Method { name, .. } = Method::new(Protocol::Mcp, action, class);
    let (shape, names, answer) = (Shape::Request, Names::Nothing, Answer::Response);
    Row { name, action, eras, shape, class, names, arguments: &[], answer, shows: &[] }
}

/// A request for `lists`.
const fn list(action: &'static str, eras: &'static [Era], lists: &'static [Listing]) -> Row {
    Row { answer: Answer::Lists(lists), ..request(action, eras, Class::List) }
}

/// A request about a task.
const fn of_task(action: &'static str, eras: &'static [Era], class: Class) -> Row {
    Row { names: Names::Member("taskId"), ..request(action, eras, class) }
}

/// A request about an event; it may say where what happens is sent if it `delivers`.
const fn of_event(action: &'static str, class: Class, delivers: bool) -> Row {
    Row { names: Names::Event { delivers }, shows: &[Listing::Events], ..request(action, STATELESS, class) }
}

/// What is no request.
const fn other(action: &'static str, eras: &'static [Era], shape: Shape) -> Row {
    Row { shape, answer: Answer::Nothing, ..request(action, eras, Class::Control) }
}

/// Every operation of a client, for what is the same in all protocols: methods, notifications, `response` (an answer to the server's own
/// request) and the transport's legs `GET` and `DELETE`.
#[expect(clippy::indexing_slicing, reason = "beyond the end of the table it would not compile")]
pub(super) static METHODS: [Method; TABLE.len()] = methods_of!(TABLE);

impl Row {
    /// What every protocol says of its methods.
    pub(super) const fn method(&self) -> Method {
        Method { subject: self.names.subject(), ..Method::new(Protocol::Mcp, self.action, self.class) }
    }
}

/// The row of a method that a message of `era` may name.
pub(super) fn find(era: Era, name: &str) -> Option<&'static Row> {
    row(era, name).filter(|row| matches!(row.shape, Shape::Request | Shape::Notification))
}

/// The row of an HTTP method that is a leg of the transport in `era`.
pub(super) fn leg(era: Era, method: &str) -> Option<&'static Row> {
    row(era, method).filter(|row| row.shape == Shape::Leg)
}

/// The row of a client's response, where the client is asked anything.
pub(super) fn response(era: Era) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.shape == Shape::Response && row.eras.contains(&era))
}

/// The row of an operation of this name, in whichever era.
pub(super) fn named(name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name)
}

/// Whether only the era without sessions has `method`.
pub(super) fn is_stateless(method: &str) -> bool {
    named(method).is_some_and(|row| row.eras.iter().all(|era| era.is_stateless()))
}

/// The rows of the methods that are about an event.
pub(super) fn about_events() -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(|row| matches!(row.names, Names::Event { .. }))
}

/// Whether requests with this HTTP method have a message; none where no revision has such a method.
pub(super) fn has_message(method: &str) -> Option<bool> {
    let leg = TABLE.iter().find(|row| row.shape == Shape::Leg && row.name == method);
    if method == "POST" { Some(true) } else { leg.map(|leg| leg.shape.needs_body()) }
}

/// The rows of the methods that use the elements of `listing`.
pub(super) fn uses(listing: Listing) -> impl Iterator<Item = &'static Row> {
    TABLE.iter().filter(move |row| row.shows.contains(&listing))
}

fn row(era: Era, name: &str) -> Option<&'static Row> {
    TABLE.iter().find(|row| row.name == name && row.eras.contains(&era))
}

#[cfg(test)]
mod tests;
