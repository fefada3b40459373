//! What of a request's body its protocol needs, by the head alone. What policies need beside that is not known here.

use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;

use super::{Action, a2a, http};
use crate::catalogue::{Protocol, Resource};
use crate::route::{self, Target};

/// What may follow a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Following {
    /// What must be read, all of it, needed or not: a message, or a form.
    Message,
    /// Nothing.
    Nothing,
    /// Nothing that belongs to the request: a tunnel, or what is said after an upgrade. It has no end.
    Endless,
    /// Whatever comes.
    Anything,
}

impl Following {
    /// What may follow a head with `headers`, whose action is `foreseen` if it says that; `end` if nothing does.
    ///
    /// # Errors
    /// Where a body must follow that cannot be what was declared, and where one is announced that may not.
    pub fn of(
        resource: &Resource,
        foreseen: Option<&Action>,
        target: &Target,
        headers: &Headers,
        end: bool,
    ) -> Result<Self, Reason> {
        let is_endless = || route::is_endless(target, headers);
        match resource.protocol {
            Protocol::Mcp => Ok(Self::Message),
            Protocol::A2a if a2a::needs_body(target)? => Ok(Self::Message),
            Protocol::A2a => Ok(if is_endless() { Self::Endless } else { Self::Nothing }),
            Protocol::Grpc => Ok(Self::Anything),
            // Nothing comes before it is open.
            Protocol::Http if target.method == "CONNECT" => Ok(Self::Endless),
            Protocol::Http => {
                let endpoint = foreseen.and_then(|action| action.endpoint(resource));
                match http::following(resource, endpoint, headers, end)? {
                    // What is said after an upgrade nobody reads; before it there may be no body that others would read.
                    Self::Nothing if is_endless() => http::check_bodiless(headers).map(|()| Self::Endless),
                    following @ (Self::Message | Self::Nothing | Self::Endless | Self::Anything) => Ok(following),
                }
            }
        }
    }
}
