//! What has arrived of a request, and the checks its head must pass before anything else is looked at.

use countersign_facts::headers::{HeaderEdit, Headers, RequestHead, same_name};
use countersign_facts::reason::Reason;
use countersign_facts::weight;
use countersign_protocols::action::{Action, http, mcp};
use countersign_protocols::catalogue::{Card, Resource};
use countersign_protocols::route::{self, Target};
use countersign_tokens::{UnixTime, VerifiedProof};
use countersign_trust::credential::{self, Credential};

use super::remedy;
use crate::config::Config;
use crate::engine::{Engine, ResourceIndex};
use crate::permit::Unmatched;

/// Bytes of memory that any held request takes, here and in the shell.
const STREAM: usize = 4096;

/// A request for a known resource, carrying one credential.
pub(super) struct Request {
    pub(super) head: RequestHead,
    pub(super) target: Target,
    pub(super) resource: ResourceIndex,
    pub(super) credential: Credential,
    pub(super) arrived: UnixTime,
    /// The proof, by its id, that it came with and that was used up when it was first held.
    pub(super) shown: Option<[u8; 32]>,
    body: Vec<u8>,
    /// Whether bytes of it came, held or not.
    has_body: bool,
    /// The first of them that is not blank.
    first: Option<u8>,
    complete: bool,
    /// Why policies in audit that read the body are not tried.
    pub(super) untried: Option<Reason>,
    pub(super) trailers: Headers,
}

/// What a head turned out to be.
pub(super) enum Arrival {
    Request(Box<Request>),
    /// A question about a protected resource that anybody may ask.
    Metadata(Described),
    /// For no resource, or for a public card: configuration says whether that passes.
    Unmatched(Outsider),
    Refused(Refused),
}

/// A request that is not decided.
pub(super) struct Outsider {
    pub(super) head: RequestHead,
    pub(super) target: Target,
    /// Says whether it may go upstream; a permit needs it.
    pub(super) rule: Undecided,
}

/// Why a request is not decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Undecided {
    /// It is for no resource.
    Unmatched(Unmatched),
    /// It asks for the card of this agent.
    Card(ResourceIndex, Card),
}

/// A question for what is said about a protected resource.
pub(super) struct Described {
    pub(super) head: RequestHead,
    pub(super) target: Target,
    pub(super) resource: ResourceIndex,
}

/// A head that is refused by itself.
pub(super) struct Refused {
    pub(super) reason: Reason,
    /// For the record.
    pub(super) detail: Option<String>,
    pub(super) head: RequestHead,
    pub(super) target: Option<Target>,
    pub(super) resource: Option<ResourceIndex>,
}

/// A trailer field that would reach the upstream as if it were a checked header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct UnsafeTrailer;

/// Why a head that can be read is refused all the same.
struct Misfit {
    reason: Reason,
    detail: Option<String>,
    /// Whose rules refuse it.
    resource: Option<ResourceIndex>,
}

/// What a head that can be read is for.
enum Purpose<'e> {
    Metadata(ResourceIndex),
    Undecided(Undecided),
    Resource(ResourceIndex, &'e Resource),
}

impl Arrival {
    pub(super) fn of(head: RequestHead, engine: &Engine, now: UnixTime) -> Self {
        let config = &engine.config;
        let target = match route::addressed(&head, &config.forward.routing_headers) {
            Ok(target) => target,
            Err(reason) => return Self::Refused(Refused::of(reason, head)),
        };
        let (resource, found) = match Purpose::of(&head, &target, engine) {
            Ok(Purpose::Metadata(resource)) => return Self::Metadata(Described { head, target, resource }),
            Ok(Purpose::Undecided(rule)) => return Self::Unmatched(Outsider { head, target, rule }),
            Ok(Purpose::Resource(resource, found)) => (resource, found),
            Err(misfit) => return Self::Refused(misfit.refuse(head, target)),
        };
        match Credential::of(&head, &target, found, engine.trust(), now) {
            Ok(credential) => {
                let (body, complete, untried, trailers) = (Vec::new(), head.end, None, Headers::default());
                Self::Request(Box::new(Request {
                    head,
                    target,
                    resource,
                    credential,
                    arrived: now,
                    shown: None,
                    body,
                    has_body: false,
                    first: None,
                    complete,
                    untried,
                    trailers,
                }))
            }
            Err(Reason::NoCredential) if !found.interface.egress && route::is_preflight(&head, &target) => {
                Self::Refused(Misfit::of(Reason::PreflightUnanswered, Some(resource)).refuse(head, target))
            }
            Err(reason) => Self::Refused(Misfit::of(reason, Some(resource)).refuse(head, target)),
        }
    }
}

impl Refused {
    /// Of a head that names nothing.
    fn of(reason: Reason, head: RequestHead) -> Self {
        Self { reason, detail: None, head, target: None, resource: None }
    }
}

impl Misfit {
    fn of(reason: Reason, resource: Option<ResourceIndex>) -> Self {
        Self { reason, detail: None, resource }
    }

    /// Of a path that is nearly that of `resource`. Which of the two it is for is open, so it is refused in nobody's name.
    fn near(target: &Target, resource: &Resource) -> Self {
        let detail = Some(remedy::near_miss(target, resource));
        Self { reason: Reason::NearMiss, detail, resource: None }
    }

    fn refuse(self, head: RequestHead, target: Target) -> Refused {
        let Self { reason, detail, resource } = self;
        Refused { reason, detail, head, target: Some(target), resource }
    }
}

impl<'e> Purpose<'e> {
    /// Or why `head` is refused, and by which resource.
    fn of(head: &RequestHead, target: &Target, engine: &'e Engine) -> Result<Self, Misfit> {
        let Config { resources, unmatched, .. } = &engine.config;
        let route = head.route.as_deref();
        let found = route::find(resources, target, route).map(|(index, resource)| (ResourceIndex(index), resource));
        let refused = |reason| Misfit::of(reason, found.map(|(index, _)| index));
        if let Some(meant) = route::nearly(resources, target, route, found.map(|(_, resource)| resource)) {
            return Err(Misfit::near(target, meant));
        }
        route::check_rest(head, target).map_err(refused)?;
        check_tunnel(head, target, found.map(|(_, resource)| resource), engine)
            .map_err(|reason| if route::is_web_socket(head) { refused(reason) } else { Misfit::of(reason, None) })?;
        if let Some(index) = route::described(resources, target, found.map(|(_, resource)| resource)) {
            return Ok(Self::Metadata(ResourceIndex(index)));
        }
        let permitted = found.is_none() && *unmatched == Unmatched::Pass;
        if !permitted && route::asks_about_nothing(resources, target, found.map(|(_, resource)| resource)) {
            return Err(Misfit::of(Reason::NoMetadata, None));
        }
        let mut cards = resources.iter().enumerate();
        let card = cards.find(|(_, resource)| route::asks_for_card(resource, target, route));
        // With a body it would be something else than a question.
        if let Some((index, agent)) = card.filter(|_| head.end) {
            return Ok(Self::Undecided(Undecided::Card(ResourceIndex(index), agent.interface.card)));
        }
        let Some((index, resource)) = found else {
            // Browsers ask before they ask for metadata with a field of MCP's own.
            if !permitted && route::below_metadata(&target.path).is_some() && route::is_preflight(head, target) {
                return Err(Misfit::of(Reason::PreflightUnanswered, None));
            }
            return Ok(Self::Undecided(Undecided::Unmatched(*unmatched)));
        };
        route::check_origin(resource, target, &head.headers).map_err(refused)?;
        Ok(Self::Resource(index, resource))
    }
}

/// That `head` asks for no tunnel and no upgrade, or for one that `resource` allows, whatever becomes of other requests.
fn check_tunnel(
    head: &RequestHead,
    target: &Target,
    resource: Option<&Resource>,
    engine: &Engine,
) -> Result<(), Reason> {
    if target.method == "CONNECT" && !resource.is_some_and(|resource| resource.interface.connect) {
        return Err(Reason::UpgradeRefused);
    }
    if !head.headers.contains("upgrade") {
        return Ok(());
    }
    // A step-up is about all that is sent, and what follows an upgrade has no end.
    let may_ask = |resource: &Resource| {
        let foreseen = Action::foreseen(resource, target, &head.headers).ok().flatten();
        foreseen.is_none_or(|action| engine.policy.may_step_up(&action))
    };
    route::check_upgrade(head, resource.filter(|resource| !may_ask(resource)))
}

impl Request {
    /// Reads its head again, as one that arrives now; what is there of its body stays.
    pub(super) fn read_again(mut self, engine: &Engine) -> Arrival {
        match Arrival::of(std::mem::take(&mut self.head), engine, self.arrived) {
            Arrival::Request(read) => {
                let Self { head, target, resource, credential, .. } = *read;
                Arrival::Request(Box::new(Self { head, target, resource, credential, ..self }))
            }
            other @ (Arrival::Metadata(_) | Arrival::Unmatched(_) | Arrival::Refused(_)) => other,
        }
    }

    /// How many bytes of memory more it takes to hold `chunk` too; none where the body is then longer than `limit`.
    pub(super) fn growth(&mut self, chunk: &[u8], limit: usize) -> Option<usize> {
        if self.untried.is_some() {
            return Some(0);
        }
        self.has_body |= !chunk.is_empty();
        self.first = self.first.or_else(|| http::first(chunk));
        let (length, capacity) = (self.body.len().saturating_add(chunk.len()), self.body.capacity());
        if length > limit {
            return None;
        }
        // Doubled, so that what is there is moved a few times at most.
        let wanted = if length <= capacity { capacity } else { length.max(capacity.saturating_mul(2).min(limit)) };
        Some(wanted.saturating_sub(capacity))
    }

    /// Takes the next bytes of the body, for which memory has [grown](Self::growth) by `more`.
    pub(super) fn absorb(&mut self, chunk: &[u8], end: bool, more: usize) {
        if self.untried.is_some() {
            // Nobody reads it any more.
            return;
        }
        let spare = self.body.capacity().saturating_sub(self.body.len());
        self.body.reserve_exact(spare.saturating_add(more));
        self.body.extend_from_slice(chunk);
        self.complete |= end;
    }

    /// Trailers end the body.
    pub(super) fn absorb_trailers(&mut self, trailers: Headers, config: &Config) -> Result<(), Reason> {
        self.complete = self.untried.is_none();
        self.trailers = trailers;
        check_trailers(&self.trailers, config).map_err(|UnsafeTrailer| Reason::AmbiguousHeaders)
    }

    /// Whether `proof` was used up by itself already.
    pub(super) fn has_shown(&self, proof: &VerifiedProof) -> bool {
        self.shown == Some(proof.id)
    }

    /// Whether bytes of a body came, all of it or not.
    pub(super) fn has_body(&self) -> bool {
        self.has_body
    }

    /// Whether its body may name arguments, as far as no endpoint says what it is; none where that cannot be told yet.
    pub(super) fn may_name(&self) -> Option<bool> {
        http::may_name(&self.head.headers, self.first)
    }

    /// Whether what follows has no end: an upgrade or a tunnel.
    pub(super) fn is_endless(&self) -> bool {
        route::is_endless(&self.target, &self.head.headers)
    }

    /// Bytes of the body that are there.
    pub(super) fn length(&self) -> usize {
        self.body.len()
    }

    /// Bytes of memory that it takes while it is held.
    pub(super) fn weight(&self) -> usize {
        // What the head says is there twice: as it came, and as it was read.
        let head = weight::of_headers(&self.head.headers).saturating_mul(2);
        let trailers = weight::of_headers(&self.trailers);
        STREAM.saturating_add(head).saturating_add(trailers).saturating_add(self.body.capacity())
    }

    /// The whole body, once it is there.
    pub(super) fn body(&self) -> Option<&[u8]> {
        self.complete.then_some(self.body.as_slice())
    }
}

/// Names that are read, removed or set on the head; in trailers they would slip past that.
pub(super) fn check_trailers(trailers: &Headers, config: &Config) -> Result<(), UnsafeTrailer> {
    let refused = trailers.iter().any(|(name, _)| {
        let for_the_head = route::SINGLE.iter().chain(OTHER_CREDENTIALS).copied();
        let mut for_the_head = for_the_head.chain(credential::fields(&config.credential_headers));
        name.starts_with(':')
            || for_the_head.any(|field| same_name(field, name))
            || is_reserved(name)
            || mcp::is_parameter(name)
    });
    if refused { Err(UnsafeTrailer) } else { Ok(()) }
}

/// What says who calls, to others than us. With [`route::SINGLE`], which decides how the request is read, and the
/// credential's own [fields](credential::fields) these are for the head alone.
const OTHER_CREDENTIALS: &[&str] = &["proxy-authorization", "cookie"];

/// Header names only this filter and the gateway may set: identity headers and router instructions (ARCHITECTURE H17).
pub(super) fn is_reserved(name: &str) -> bool {
    is_identity(name) || begins(name, "x-envoy-")
}

/// Header names only this filter may set: what is said about who calls.
pub(super) fn is_identity(name: &str) -> bool {
    begins(name, "x-countersign-")
}

/// Removes what a request's `trailers` say that only this filter may say.
pub(super) fn without_identity(trailers: &Headers) -> Vec<HeaderEdit> {
    HeaderEdit::trailer_removals(trailers, is_identity)
}

fn begins(name: &str, prefix: &str) -> bool {
    name.get(..prefix.len()).is_some_and(|start| same_name(start, prefix))
}
