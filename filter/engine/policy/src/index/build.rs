//! Fills the index: one slot for every action on every resource.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use cedar_policy::{Effect, Entities, Entity, EntityUid, PolicySet, Schema};
use countersign_facts::rollout::Mode;
use countersign_protocols::catalogue::{Protocol, Resource};
use countersign_protocols::shape::Record;

use super::idle::Idle;
use super::judge::{Judge, OfAction};
use super::known::Asking;
use super::scope::{Object, Scope};
use super::{Asked, Candidates, Entry, Slot, Trial};
use crate::arguments::Arguments;
use crate::catalogue::Declared;
use crate::certain::{Certain, Unknown};
use crate::error::{LoadError, Problem};
use crate::reads::Reads;
use crate::rule::Rule;
use crate::schema::{ActionName, Types};
use crate::{basis, context, schema};

pub(super) struct Builder<'a> {
    rules: &'a [Rule],
    scopes: Vec<Scope>,
    judge: Judge,
    /// Of which nothing is known yet that they could apply to.
    idle: Idle,
    types: Types,
    /// Actions and tools.
    entities: HashMap<EntityUid, Entity>,
    /// Slots with the same candidates share them.
    candidates: BTreeMap<Vec<usize>, Arc<Candidates>>,
    /// Slots that need the same entities share them.
    selections: BTreeMap<BTreeSet<EntityUid>, Arc<Entities>>,
}

/// What a slot is made of besides candidates.
struct Place<'a> {
    resource: &'a Resource,
    action: ActionName,
    /// None for tools that nobody names.
    asked: Option<EntityUid>,
    types: Option<&'a Arc<Record>>,
    catalogue: [u8; 32],
}

impl<'a> Place<'a> {
    /// Something of `resource` that is not declared.
    fn undeclared(resource: &'a Resource, action: ActionName, asked: Option<EntityUid>) -> Self {
        Self { resource, action, asked, types: None, catalogue: basis::resource(resource) }
    }
}

impl<'a> Builder<'a> {
    pub(super) fn new(rules: &'a [Rule], schema: &Schema) -> Result<Self, LoadError> {
        let actions = schema.action_entities().map_err(refused)?;
        Ok(Self {
            rules,
            scopes: rules.iter().map(|rule| Scope::of(&rule.policy)).collect(),
            judge: Judge::new(rules),
            idle: Idle::new(rules),
            types: Types::new().map_err(refused)?,
            entities: actions.iter().map(|entity| (entity.uid(), entity.clone())).collect(),
            candidates: BTreeMap::new(),
            selections: BTreeMap::new(),
        })
    }

    /// Makes the tools of `resource` known: the declared ones, and those a policy names.
    pub(super) fn learn(&mut self, resource: &Resource) -> Result<(), LoadError> {
        let none = Vec::new();
        let named = self.named_tools(resource);
        let declared = resource.tools.iter().map(|(name, tool)| (name, tool.risk, &tool.labels));
        for (name, risk, labels) in declared.chain(named.iter().map(|name| (name, resource.risk, &none))) {
            let uid = self.types.tool(&resource.name, name);
            let parent = self.types.resource(&resource.name);
            let entity = context::tool(uid.clone(), parent, risk.name(), labels).map_err(refused)?;
            self.entities.insert(uid, entity);
        }
        Ok(())
    }

    pub(super) fn entry(&mut self, resource: &Resource, declared: &Declared<'_>) -> Result<Entry, LoadError> {
        let is_event = |(name, _): &(String, Slot)| resource.tools.contains_key(name) && resource.is_event(name);
        let (events, tools) = self.tools(resource, declared)?.into_iter().partition(is_event);
        let other = ActionName::undeclared_tool(resource.protocol);
        let other_tools = other.map(|action| self.slot(Place::undeclared(resource, action, None))).transpose()?;
        let methods = self.methods(resource)?;
        Ok(Entry { tools, other_tools, events, methods })
    }

    fn tools(&mut self, resource: &Resource, declared: &Declared<'_>) -> Result<HashMap<String, Slot>, LoadError> {
        let mut tools = HashMap::new();
        for (name, tool) in &resource.tools {
            let action = ActionName::tool(resource, name);
            let undeclared = Place::undeclared(resource, action, Some(self.types.tool(&resource.name, name)));
            let place = Place {
                types: declared.get(&(resource.name.as_str(), name.as_str())).copied(),
                catalogue: basis::tool(&undeclared.catalogue, tool),
                ..undeclared
            };
            tools.insert(name.clone(), self.slot(place)?);
        }
        for name in self.named_tools(resource) {
            let Some(action) = ActionName::undeclared_tool(resource.protocol) else { continue };
            let slot = self.slot(Place::undeclared(resource, action, Some(self.types.tool(&resource.name, &name))))?;
            tools.insert(name, slot);
        }
        Ok(tools)
    }

    fn methods(&mut self, resource: &Resource) -> Result<HashMap<Protocol, HashMap<&'static str, Slot>>, LoadError> {
        let mut methods: HashMap<Protocol, HashMap<&'static str, Slot>> = HashMap::new();
        let arguments = schema::method_arguments(resource.protocol);
        for method in resource.methods().filter(|method| !method.calls()) {
            let types = arguments.as_ref().filter(|_| method.protocol == resource.protocol);
            let asked = Some(self.types.resource(&resource.name));
            let undeclared = Place::undeclared(resource, ActionName::of(method), asked);
            methods.entry(method.protocol).or_default().insert(method.name, self.slot(Place { types, ..undeclared })?);
        }
        Ok(methods)
    }

    /// What is wrong with what rules ask for, by position.
    pub(super) fn problems(&self) -> Vec<(usize, Problem)> {
        self.judge.problems()
    }

    /// Positions of the rules that apply nowhere though they name something that actions are asked about.
    pub(super) fn idle(&self) -> impl Iterator<Item = usize> {
        self.idle.rules()
    }

    fn slot(&mut self, place: Place<'_>) -> Result<Slot, LoadError> {
        let Place { resource, action, asked, types, catalogue } = place;
        let parent = self.types.resource(&resource.name);
        let kind = asked.as_ref().map_or(&self.types.tool, EntityUid::type_name);
        let object = Object { uid: asked.as_ref(), parent: &parent, kind };
        let applying = self.scopes.iter().enumerate().filter(|(_, scope)| scope.covers(&action, &object));
        let applying: Vec<usize> = applying.map(|(number, _)| number).collect();
        let is_elsewhere = |uid: &EntityUid| self.entities.contains_key(uid) || !is_tool_of(uid, resource);
        let asking = Asking { action: &action, object, is_elsewhere: &is_elsewhere };
        let declared_at = format!("resources/{}/input_schema", action.id.replacen('/', "/tools/", 1));
        self.idle.action(&applying, &asking);
        let OfAction { asked: by_name, tried } =
            self.judge.action(&applying, &asking, types.map(AsRef::as_ref), &declared_at);
        let arguments = Arguments { types: types.cloned(), asked: by_name, tried };
        let candidates = self.candidates(applying)?;
        let action = self.types.action(&action.id);
        let reads = candidates.panel(Mode::Audit).reads;
        let entities = self.entities(reads, [Some(&action), asked.as_ref()])?;
        let other = || Asked::OtherTool { resource: parent, risk: resource.risk.name() };
        let asked = asked.map_or_else(other, Asked::Known);
        Ok(Slot { action, asked, entities, arguments, catalogue, candidates })
    }

    fn candidates(&mut self, numbers: Vec<usize>) -> Result<Arc<Candidates>, LoadError> {
        if let Some(shared) = self.candidates.get(&numbers) {
            return Ok(Arc::clone(shared));
        }
        let all: Vec<&Rule> = numbers.iter().filter_map(|number| self.rules.get(*number)).collect();
        let (rules, audited): (Vec<&Rule>, Vec<&Rule>) = all.iter().partition(|rule| rule.mode == Mode::Enforce);
        let (policies, reads) = together(&rules)?;
        let trial = if audited.is_empty() {
            None
        } else {
            let (policies, reads) = together(&all)?;
            let ids: BTreeSet<&String> = audited.iter().map(|rule| &rule.id).collect();
            Some(Trial { policies, reads, ids: ids.into_iter().cloned().collect() })
        };
        // Without a permit nothing can be allowed, so nobody is asked.
        let permits = rules.iter().any(|rule| rule.policy.effect() == Effect::Permit);
        let step_up = permits && rules.iter().any(|rule| rule.step_up.is_some());
        let certain_without_arguments = Certain::of(&rules, Unknown::Arguments).map_err(refused)?;
        let certain_without_target = Certain::of(&rules, Unknown::Target).map_err(refused)?;
        let candidates =
            Arc::new(Candidates { policies, reads, certain_without_arguments, certain_without_target, trial, step_up });
        self.candidates.insert(numbers, Arc::clone(&candidates));
        Ok(candidates)
    }

    fn entities(&mut self, reads: &Reads, own: [Option<&EntityUid>; 2]) -> Result<Arc<Entities>, LoadError> {
        let needed = reads.entities.iter().chain(own.into_iter().flatten());
        let needed: BTreeSet<EntityUid> = needed.filter(|uid| self.entities.contains_key(*uid)).cloned().collect();
        if let Some(shared) = self.selections.get(&needed) {
            return Ok(Arc::clone(shared));
        }
        let selected = needed.iter().filter_map(|uid| self.entities.get(uid)).cloned();
        let entities = Arc::new(Entities::from_entities(selected, None).map_err(refused)?);
        self.selections.insert(needed, Arc::clone(&entities));
        Ok(entities)
    }

    /// Tools of `resource` that are not declared and that a policy's scope names.
    fn named_tools(&self, resource: &Resource) -> BTreeSet<String> {
        let uids = self.scopes.iter().filter_map(Scope::entity).filter(|uid| *uid.type_name() == self.types.tool);
        uids.filter_map(|uid| uid.id().unescaped().split_once('/'))
            .filter(|(name, tool)| *name == resource.name && !resource.tools.contains_key(*tool))
            .map(|(_, tool)| tool.to_owned())
            .collect()
    }
}

/// Whether `uid` is called as a tool of `resource` is.
fn is_tool_of(uid: &EntityUid, resource: &Resource) -> bool {
    uid.id().unescaped().split_once('/').is_some_and(|(name, _)| name == resource.name)
}

/// `rules` as Cedar asks them, and what they read.
fn together(rules: &[&Rule]) -> Result<(PolicySet, Reads), LoadError> {
    let mut reads = Reads::default();
    for rule in rules {
        reads.add(&rule.reads);
    }
    let policies = PolicySet::from_policies(rules.iter().map(|rule| rule.policy.clone())).map_err(refused)?;
    Ok((policies, reads))
}

/// Cedar refused something made from a valid catalogue and valid policies.
fn refused(error: impl std::error::Error) -> LoadError {
    LoadError::catalogue("resources", Problem::Cedar(error.to_string()))
}
