//! One thing a task may do. A grant that is not understood whole is an error: it was meant to narrow.

use std::fmt;

use countersign_facts::digest;
use countersign_facts::pointer::Pointer;
use countersign_protocols::action::{Action, Method, Spelled};
use countersign_protocols::bounds::text::is_below;
use countersign_protocols::bounds::{self, ArgumentPlace, Constraint, TaskError, authority, is_met};
use countersign_protocols::catalogue::{Resource, Tool};
use countersign_protocols::route::Endpoint;
use countersign_tokens::json::Members;
use serde_json::{Map, Value};

use super::condition::{Calls, Condition};
use super::destination::Destination;
use super::grants::Circumstances;
use super::template::Template;

/// One thing a task may do.
#[derive(Clone, Debug, PartialEq)]
pub struct Grant {
    /// The operation as [`Action::name`] spells it.
    pub action: String,
    /// The resource's configured name; every resource the token's audience admits when absent.
    pub resource: Option<String>,
    /// What may be acted on; anything when absent.
    pub object: Option<Object>,
    /// Where the request may go; anywhere when empty.
    pub destinations: Vec<Destination>,
    /// What must hold for the arguments; all of it.
    pub arguments: Vec<(ArgumentPlace, Constraint)>,
    /// What must hold around the call; all of it.
    pub conditions: Vec<Condition>,
    /// How often it can be used, if that is limited.
    pub metered: Option<Metered>,
}

/// A grant that can be used so often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Metered {
    /// Every limit holds.
    pub calls: Vec<Calls>,
    /// Tells the grant from others: a digest of how it is written.
    pub id: [u8; 32],
}

/// What a grant names below the resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Object {
    /// This name only.
    Exact(String),
    /// Written with a trailing `*`.
    Prefix(String),
    /// A URI with variables, where URIs are named.
    Template(Template),
}

impl Object {
    /// As a claim spells it; none for an empty name or a `*` elsewhere than at the end.
    pub fn parse(text: &str) -> Option<Self> {
        match text.strip_suffix('*') {
            Some(prefix) => (!prefix.contains('*')).then(|| Self::Prefix(prefix.to_owned())),
            None => (!text.is_empty() && !text.contains('*')).then(|| Self::Exact(text.to_owned())),
        }
    }

    /// As [`Self::parse`]; where `action` names URIs, braces are a template's, and a pattern has a whole authority or none.
    pub fn of_action(action: &str, text: &str) -> Result<Self, TaskError> {
        let place = "`object` of a grant";
        let addressed = names_uris(action);
        let is_template = addressed && text.contains(['{', '}']);
        let parsed = if is_template { Template::parse(text).map(Self::Template) } else { Self::parse(text) };
        let parsed = parsed.ok_or_else(|| TaskError::unusable(place))?;
        let ends_inside = match &parsed {
            Self::Prefix(prefix) => authority::ends_inside(prefix),
            Self::Template(_) => authority::ends_with_variable(text),
            Self::Exact(_) => return Ok(parsed),
        };
        if addressed && authority::has_user(text) {
            return Err(TaskError::UserInformation(place.to_owned()));
        }
        if addressed && ends_inside { Err(TaskError::InsideAuthority(place.to_owned())) } else { Ok(parsed) }
    }

    /// Whether it is any object at all.
    pub(crate) fn is_any(&self) -> bool {
        matches!(self, Self::Prefix(prefix) if prefix.is_empty())
    }

    /// Whether everything that `other` means is meant.
    pub fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (_, Self::Exact(exact)) => self.admits(exact),
            (Self::Prefix(prefix), Self::Prefix(longer)) => longer.starts_with(prefix),
            (Self::Template(_), Self::Template(_)) => self == other,
            (Self::Prefix(_), Self::Template(_)) => self.is_any(),
            (Self::Exact(_) | Self::Template(_), Self::Prefix(_) | Self::Template(_)) => false,
        }
    }

    /// Whether `object` is meant.
    pub fn admits(&self, object: &str) -> bool {
        match self {
            Self::Exact(exact) => exact == object,
            Self::Prefix(prefix) => is_below(prefix, object),
            Self::Template(template) => template.admits(object),
        }
    }
}

impl fmt::Display for Grant {
    /// What it is about, without what it demands: `mcp:tools/call payments transfer`.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.action, self.resource.as_deref().unwrap_or("(any resource)"))?;
        match &self.object {
            None => Ok(()),
            Some(Object::Exact(object)) => write!(out, " {object}"),
            Some(Object::Prefix(prefix)) => write!(out, " {prefix}*"),
            Some(Object::Template(template)) => write!(out, " {}…", template.start()),
        }
    }
}

impl Grant {
    /// Any arguments, any time, as often as wanted.
    pub(super) fn plain(action: String, resource: Option<String>, object: Option<Object>) -> Self {
        let (destinations, arguments, conditions) = (Vec::new(), Vec::new(), Vec::new());
        Self { action, resource, object, destinations, arguments, conditions, metered: None }
    }

    /// The grant that `value` spells; the form is documented in [`crate::task`].
    pub fn parse(value: &Value) -> Result<Self, TaskError> {
        let mut members = value.as_object().cloned().ok_or_else(|| TaskError::unusable("grant"))?;
        let resource =
            string(members.remove("resource"))?.ok_or_else(|| TaskError::unusable("`resource` of a grant"))?;
        Self::on(Some(resource), members)
    }

    /// The grant that the other `members` spell, on `resource` or on every one.
    pub(super) fn on(resource: Option<String>, mut members: Map<String, Value>) -> Result<Self, TaskError> {
        let id = members.contains_key("calls").then(|| digest::of_json(&(&resource, &members)));
        let id = id.transpose().map_err(|_| TaskError::unusable("grant"))?;
        let action = string(members.remove("action"))?.ok_or_else(|| TaskError::unusable("`action` of a grant"))?;
        let object = string(members.remove("object"))?.map(|object| Object::of_action(&action, &object)).transpose()?;
        let arguments = members.remove("arguments");
        let destinations = members.remove("destination");
        let calls = members.remove("calls").map(|calls| Calls::parse(&calls)).transpose()?;
        let mut conditions = Vec::new();
        for (name, value) in &members {
            let condition = Condition::parse(name, value);
            conditions.push(condition.ok_or_else(|| TaskError::unusable(format!("member `{name}` of a grant")))??);
        }
        let spelled = Spelled::parse(&action).ok_or_else(|| TaskError::unusable("`action` of a grant"))?;
        let destinations = destinations.map(|list| Destination::list(&list).filter(|_| spelled.leads()));
        let destinations = destinations.map(|list| list.ok_or_else(|| TaskError::unusable("`destination` of a grant")));
        let destinations = destinations.transpose()?.unwrap_or_default();
        let arguments = arguments.map_or(Ok(Vec::new()), |arguments| constraints(spelled, &arguments))?;
        let metered = calls.zip(id).map(|(calls, id)| Metered { calls, id });
        Ok(Self { action, resource, object, destinations, arguments, conditions, metered })
    }

    /// Whether it is about this operation on this object of this resource, arguments aside.
    pub(super) fn names(&self, name: &str, action: &Action) -> bool {
        self.action == name
            && self.is_on(&action.resource)
            && self.names_object(action)
            && self.names_destination(action)
    }

    /// Whether what `action` is about is meant. A URI with user information is only by its whole name.
    fn names_object(&self, action: &Action) -> bool {
        let mut objects = action.object().into_iter().chain(action.other_object());
        let has_user = |object: &str| authority::has_user(object) && names_uris(&self.action);
        match &self.object {
            Some(Object::Exact(exact)) => objects.any(|object| exact == object),
            Some(pattern) => objects.any(|object| pattern.admits(object) && !has_user(object)),
            None => !objects.any(has_user),
        }
    }

    fn names_destination(&self, action: &Action) -> bool {
        let admits = |host: &str, port| self.destinations.iter().any(|one| one.admits(&Endpoint { host, port }));
        match action.delivery() {
            _ if self.destinations.is_empty() => true,
            Some(delivery) => admits(&delivery.host, delivery.port),
            // Of an event in a list it is not known yet; a request always says it.
            None if method(&self.action).is_some_and(|method| method.delivers()) => true,
            None => action.host().is_some_and(|host| admits(&host, action.port)),
        }
    }

    /// Whether every constraint holds; an argument that is absent holds none.
    pub(super) fn admits(&self, arguments: Option<&Members>) -> bool {
        self.arguments.iter().all(|(place, constraint)| is_met(place, constraint, arguments))
    }

    /// Where a constraint does not hold, each place once.
    pub(super) fn unmet(&self, arguments: Option<&Members>) -> Vec<Pointer> {
        let unmet = self.arguments.iter().filter(|(place, constraint)| !is_met(place, constraint, arguments));
        let mut places: Vec<Pointer> = unmet.map(|(place, _)| place.pointer().clone()).collect();
        places.dedup();
        places
    }

    /// A constraint that is on one item of a list, as far as `resources` say: it looks as if it bound all of them.
    pub fn one_item(&self, resources: &[Resource]) -> Option<&ArgumentPlace> {
        let places = self.arguments.iter().map(|(place, _)| place).filter(|place| place.may_be_one_item());
        places.into_iter().find(|place| !self.is_declared(place, resources))
    }

    /// Whether all that it may be about declare `place`.
    fn is_declared(&self, place: &ArgumentPlace, resources: &[Resource]) -> bool {
        let mut meant = resources.iter().filter(|resource| self.is_on(&resource.name)).peekable();
        let declares = |resource: &Resource| {
            let schema = self.entry(resource).and_then(|tool| tool.input_schema.as_ref());
            schema.is_some_and(|schema| schema.declares(place))
        };
        meant.peek().is_some() && meant.all(declares)
    }

    /// What `resource` declares of the one thing that it names ([`Spelled::entry`]).
    pub(crate) fn entry<'r>(&self, resource: &'r Resource) -> Option<&'r Tool> {
        let Some(Object::Exact(name)) = &self.object else { return None };
        Spelled::parse(&self.action)?.entry(name, resource)
    }

    /// Whether every condition holds.
    pub(super) fn holds_in(&self, circumstances: &Circumstances) -> bool {
        self.conditions.iter().all(|condition| condition.holds_in(circumstances))
    }

    /// Whether it is about the protocol of `action`.
    pub(super) fn speaks(&self, action: &str) -> bool {
        self.action.split_once(':').map(|(protocol, _)| protocol)
            == action.split_once(':').map(|(protocol, _)| protocol)
    }

    pub(super) fn is_on(&self, resource: &str) -> bool {
        self.resource.as_deref().is_none_or(|granted| granted == resource)
    }
}

/// Whether what `action` is about may be URIs.
fn names_uris(action: &str) -> bool {
    method(action).is_some_and(|method| method.names_uris())
}

/// The method that is called `action`, if there is one.
fn method(action: &str) -> Option<Method> {
    Spelled::parse(action)?.known()
}

fn string(value: Option<Value>) -> Result<Option<String>, TaskError> {
    match value {
        None => Ok(None),
        Some(Value::String(text)) if !text.is_empty() => Ok(Some(text)),
        Some(_) => Err(TaskError::unusable("member of a grant that must be a string")),
    }
}

fn constraints(action: Spelled<'_>, arguments: &Value) -> Result<Vec<(ArgumentPlace, Constraint)>, TaskError> {
    if !action.has_arguments() {
        return Err(TaskError::UnsupportedConstraint(format!("arguments of {action}")));
    }
    bounds::constraints(arguments)
}
