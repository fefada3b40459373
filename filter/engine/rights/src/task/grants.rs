//! Several grants, any one of which suffices: whether they cover an action, and which of them do.

use std::net::IpAddr;

use countersign_facts::pointer::Pointer;
use countersign_protocols::action::Action;
use countersign_protocols::bounds::{ArgumentPlace, TaskError};
use countersign_protocols::catalogue::Resource;
use countersign_protocols::route;
use countersign_tokens::UnixTime;

use super::grant::{Grant, Object};

/// What may be done: by a task, or at most by a workload.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Grants(Vec<Grant>);

/// What else a grant may depend on.
#[derive(Clone, Copy, Debug)]
pub struct Circumstances {
    pub now: UnixTime,
    /// The peer, if the gateway says.
    pub source: Option<IpAddr>,
    /// Actors between the subject and the call.
    pub depth: usize,
}

impl Circumstances {
    /// Those of a request at `now`, whose peer is at `source` (`ip:port`), through `depth` actors.
    pub fn of(now: UnixTime, source: Option<&str>, depth: usize) -> Self {
        Self { now, source: source.and_then(route::address), depth }
    }
}

/// Whether grants reach an action.
#[derive(Clone, Debug, PartialEq)]
pub enum Coverage<'g> {
    /// Each of these covers all of it; none where only a grant on the resource was needed.
    Covered(Vec<&'g Grant>),
    /// No grant names it.
    NotGranted,
    /// A grant names it, and none admits its arguments.
    BeyondArguments,
    /// A grant admits it and its arguments, but not now, from here or through so many.
    BeyondCircumstances,
}

/// How far one grant reaches.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    Covers,
    /// It is about something else.
    Other,
    /// It is about this, but not with what is at these places of the arguments.
    OtherArguments(Vec<Pointer>),
    /// It is about this, but not now, from here or through so many.
    OtherCircumstances,
}

impl Grants {
    /// The grants as a slice.
    pub fn as_slice(&self) -> &[Grant] {
        &self.0
    }

    /// Whether any one grant covers `action`.
    ///
    /// Session plumbing and lists ([`Control`](countersign_protocols::action::Class::Control), [`List`](countersign_protocols::action::Class::List)) need any grant of their protocol on the resource, whatever
    /// it names.
    pub fn cover(&self, action: &Action, circumstances: &Circumstances) -> Coverage<'_> {
        let holds = |grant: &&Grant| grant.holds_in(circumstances);
        let name = action.name();
        let incidental = |grant: &Grant| grant.speaks(&name) && grant.is_on(&action.resource) && holds(&grant);
        if action.class().is_incidental() && self.0.iter().any(incidental) {
            return Coverage::Covered(Vec::new());
        }
        let naming: Vec<&Grant> = self.0.iter().filter(|grant| grant.names(&name, action)).collect();
        if naming.is_empty() {
            return Coverage::NotGranted;
        }
        let admitting: Vec<&Grant> = naming.into_iter().filter(|grant| grant.admits(action.arguments())).collect();
        if admitting.is_empty() {
            return Coverage::BeyondArguments;
        }
        let covering: Vec<&Grant> = admitting.into_iter().filter(holds).collect();
        if covering.is_empty() { Coverage::BeyondCircumstances } else { Coverage::Covered(covering) }
    }

    /// How far each of them reaches, for people; [`Self::cover`] decides.
    pub fn each(&self, action: &Action, circumstances: &Circumstances) -> impl Iterator<Item = (&Grant, Reach)> {
        let name = action.name();
        let incidental = action.class().is_incidental();
        let (arguments, circumstances) = (action.arguments(), *circumstances);
        self.0.iter().map(move |grant| {
            let spoken = incidental && grant.speaks(&name) && grant.is_on(&action.resource);
            let reach = if !spoken && !grant.names(&name, action) {
                Reach::Other
            } else if !spoken && !grant.admits(arguments) {
                Reach::OtherArguments(grant.unmet(arguments))
            } else if grant.holds_in(&circumstances) {
                Reach::Covers
            } else {
                Reach::OtherCircumstances
            };
            (grant, reach)
        })
    }

    /// Whether any of them that names `action` demands something of its arguments.
    pub fn restrict(&self, action: &Action) -> bool {
        let name = action.name();
        self.0.iter().any(|grant| !grant.arguments.is_empty() && grant.names(&name, action))
    }

    /// What any of them that names `action` demands something of.
    pub fn places(&self, action: &Action) -> impl Iterator<Item = &ArgumentPlace> {
        let name = action.name();
        let naming = self.0.iter().filter(move |grant| !grant.arguments.is_empty() && grant.names(&name, action));
        naming.flat_map(|grant| grant.arguments.iter().map(|(place, _)| place))
    }

    /// Whether any of them could cover `action`, its arguments aside.
    pub fn could_cover(&self, action: &Action, circumstances: &Circumstances) -> bool {
        let name = action.name();
        self.0.iter().any(|grant| grant.names(&name, action) && grant.holds_in(circumstances))
    }

    /// Whether any of them could cover the operation `name` on an object of `resource` that begins with `start`.
    pub fn could_cover_below(&self, name: &str, resource: &str, start: &str, circumstances: &Circumstances) -> bool {
        let reaches = |grant: &Grant| match &grant.object {
            None => true,
            Some(Object::Exact(object)) => object.starts_with(start),
            Some(Object::Template(template)) => overlaps(template.start(), start),
            Some(Object::Prefix(prefix)) => overlaps(prefix, start),
        };
        let covers = |grant: &&Grant| grant.action == name && grant.is_on(resource) && reaches(grant);
        self.0.iter().filter(covers).any(|grant| grant.holds_in(circumstances))
    }

    /// An error where a constraint of one of them is on one item of a list, as far as `resources` say.
    pub fn check(&self, resources: &[Resource]) -> Result<(), TaskError> {
        let one = self.0.iter().find_map(|grant| grant.one_item(resources));
        one.map_or(Ok(()), |place| Err(TaskError::OneItem(place.to_string())))
    }

    /// Whether any of them names `action`, whatever its arguments and circumstances.
    pub fn name(&self, action: &Action) -> bool {
        let name = action.name();
        self.0.iter().any(|grant| grant.names(&name, action))
    }
}

impl From<Vec<Grant>> for Grants {
    fn from(grants: Vec<Grant>) -> Self {
        Self(grants)
    }
}

/// Whether one may continue as the other.
fn overlaps(one: &str, other: &str) -> bool {
    one.starts_with(other) || other.starts_with(one)
}
