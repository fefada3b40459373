//! What the credential was issued for: the task, and the grants that bound it.
//!
//! Grants only narrow: policy is asked about what they cover, and never about anything else.
//!
//! # Grants in a claim
//!
//! An array of objects; whoever issues tokens writes it, so its form is part of the public contract:
//!
//! ```json
//! [{ "action": "mcp:tools/call", "resource": "payments", "object": "transfer",
//!    "arguments": { "/amount": { "max": 500 }, "/currency": { "one_of": ["EUR", "USD"] } } }]
//! ```
//!
//! | member | meaning |
//! |---|---|
//! | `action` | the operation: `mcp:` and a method of MCP (or `GET`, `DELETE`), `http:` and an HTTP method, `a2a:` and an operation of A2A 1.0, `grpc:call` |
//! | `resource` | the resource's configured name |
//! | `object` | the tool, prompt, URI, task, event or gRPC method, an endpoint's name or a path; a trailing `*` stands for any ending; of resources of MCP also a template (RFC 6570 level 1), in which a variable stands for something within one segment (`file:///reports/{name}`); any object when absent. A URI with user information (`ssh://git@host/`) must be named whole |
//! | `arguments` | RFC 6901 pointers into the arguments of a tool, an event, an endpoint, an A2A operation or a gRPC method, and what must hold there; of MCP for `tools/call` and `events/*` only |
//! | `destination` | of `http:` actions, hosts the request may go to; of `mcp:events/subscribe` and `mcp:events/unsubscribe`, hosts of the webhook: `["api.example.com", "*.example.com:443"]`; without a port any; `*` is any host |
//! | `calls` | `{"max": 3}` in all, `{"max": 10, "per": "minute"}` (any 60 seconds), `"hour"`, `"day"` (by the clock, UTC); or a list of these |
//! | `not_before`, `expires` | `NumericDate`: holds from the one until the other |
//! | `source` | networks (`10.0.0.0/8`) or addresses of the peer |
//! | `max_depth` | the most actors there may be between the subject and the call |
//!
//! What must hold of an argument, all that is written:
//!
//! | constraint | the argument is |
//! |---|---|
//! | `equals`, `one_of` | this JSON value, or one of these; `1` and `1.0` are the same |
//! | `min`, `max` | a number in these bounds |
//! | `prefix` | a string that starts so |
//! | `glob` | a string of at most 16 KiB like this: `*` within a segment, `**` across, `?`, `[a-z]`, `{a,b}`; with all that braces stand for written out at most 64 alternatives and 256 signs |
//! | `min_length`, `max_length` | a string of so many characters, or a list of so many items |
//! | `domain`, `not_domain` | a URL, e-mail address or host name that leads to one of these, or to none (`*.example.com` is what is below) |
//! | `cidr` | an address, or a URL with one, in one of these networks |
//!
//! In a pointer `*` stands for every item of a list: `/paths/*` constrains each of them, and there must be one. A position
//! (`/paths/0`) would bind one item and look as if it bound all. It refuses the token, or the configuration, unless the grant names
//! a tool whose `input_schema` gives each position a type (`prefixItems`), or declares a member of that name.
//!
//! A URI's authority is written whole or not at all: `https://api.example.com/*`, `greeting://*`, `https://*.example.com/**` and
//! `greeting://{name}` are patterns, `https://api.example*` and the `prefix` `https://api.example.com` refuse the token, or the
//! configuration: they would cover `https://api.example.com.evil.test` too. In a `glob` what stands for something in an authority
//! stands for a host's and a port's characters: for no `@`, `?` or `#`.
//!
//! An argument that is spoken about must be there. An unknown member refuses the token, so does a constraint that is not
//! understood: it was meant to narrow. Where `*`, `prefix` or `glob` is given, an ending with `.` or `..` as a path segment,
//! escaped or not, is outside. Calls are counted when they are forwarded, per subject, task and gateway
//! process, until the task's own end, or the token's where the task's is not stated.
//!
//! # Grants in `scope` or `scp`
//!
//! Which of the two claims is read, configuration says; a text with blanks between scope tokens, or a list of them.
//!
//! `mcp:tool:<name>` is `tools/call` of that tool, `mcp:<method>` any object of a method (`mcp:resources/read`),
//! `http:<METHOD>:<path>` a path, `http:<METHOD>:<path>/*` what is below it, `a2a:<operation>` any object of an A2A operation,
//! `grpc:<package.Service/Method>` a gRPC method. They hold for every resource the token's
//! audience admits. Other scope tokens grant nothing; there is no `mcp:*`.

mod claims;
mod condition;
mod destination;
mod grant;
mod grants;
mod mapping;
mod never;
mod scope;
mod source;
mod template;

use countersign_tokens::UnixTime;

pub use condition::{Calls, Condition, Period};
pub use destination::Destination;
pub use grant::{Grant, Metered, Object};
pub use grants::{Circumstances, Coverage, Grants, Reach};
pub use mapping::{MappingError, TaskMapping};
pub use never::Never;
pub use scope::{ScopeClaim, scope_for};
pub use source::TaskSource;
pub use template::Template;

/// The unit of work a credential was issued for.
#[derive(Clone, Debug, PartialEq)]
pub struct Task {
    /// From the configured claim; else `jti`; else a digest of the credential.
    pub id: String,
    /// What it is for, in the issuer's words; for people and policies.
    pub purpose: Option<String>,
    /// What it may do; any one suffices.
    pub grants: Grants,
    /// What of it a person must approve, whatever policy says.
    pub asks: Grants,
    /// When the task itself ends, where the credential says so; the credential's own end is judged with it.
    pub end: Option<UnixTime>,
    /// The earlier of [`Task::end`] and the credential's `exp`: what policies are told.
    pub expires: UnixTime,
}

impl Task {
    /// Whether the task has ended. A credential that has expired is refused before, with the issuer's leeway.
    pub fn is_over(&self, now: UnixTime) -> bool {
        self.end.is_some_and(|end| end <= now)
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "serde_json indexes test documents by member")]
pub(crate) mod tests;
