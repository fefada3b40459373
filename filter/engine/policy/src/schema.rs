//! The catalogue as a Cedar schema: which actions exist, what they are asked about and what their context holds.
//!
//! Types only: of what they are is said in [`attributes`](super::attributes), the values are made in
//! [`context`](super::context).

use std::collections::HashSet;
use std::sync::Arc;

use cedar_policy::{EntityId, EntityTypeName, EntityUid, ParseErrors, Schema, SchemaError, SchemaFragment};
use countersign_protocols::action::{Action, Class, Method, Spelled};
use countersign_protocols::catalogue::{Protocol, Resource};
use countersign_protocols::shape::Record;
use countersign_rights::claims::{ClaimKind, DeclaredClaims};
use countersign_rights::workload::Workload;
use serde_json::{Map, Value, json};

use super::arguments::{self, AskedFor};
use super::attributes::{self, Attribute};
use super::catalogue::Declared;
use super::names::{ACTION, AGENT, ISSUER, KIND, TRUST_DOMAIN, groups};

/// Names of entity types, parsed once.
#[derive(Clone, Debug)]
pub(super) struct Types {
    action: EntityTypeName,
    agent: EntityTypeName,
    issuer: EntityTypeName,
    kind: EntityTypeName,
    trust_domain: EntityTypeName,
    pub(super) resource: EntityTypeName,
    pub(super) tool: EntityTypeName,
}

/// An action policies can speak about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ActionName {
    /// `mcp:tools/list`, `payments/transfer`.
    pub(super) id: String,
    /// The groups it is in, nearest first.
    pub(super) groups: Vec<&'static str>,
}

impl Types {
    pub(super) fn new() -> Result<Self, Box<ParseErrors>> {
        Ok(Self {
            action: ACTION.parse()?,
            agent: AGENT.parse()?,
            issuer: ISSUER.parse()?,
            kind: KIND.parse()?,
            trust_domain: TRUST_DOMAIN.parse()?,
            resource: "Resource".parse()?,
            tool: "Tool".parse()?,
        })
    }

    pub(super) fn action(&self, id: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.action.clone(), EntityId::new(id))
    }

    pub(super) fn agent(&self, workload: &Workload) -> EntityUid {
        EntityUid::from_type_name_and_id(self.agent.clone(), EntityId::new(workload.id()))
    }

    /// What the agent that is `workload` is in.
    pub(super) fn above(&self, workload: &Workload) -> HashSet<EntityUid> {
        let uid = |name: &EntityTypeName, id: &str| EntityUid::from_type_name_and_id(name.clone(), EntityId::new(id));
        let issuer = uid(&self.issuer, &workload.issuer_name);
        let kind = uid(&self.kind, workload.kind.name());
        let trust_domain = workload.trust_domain.as_deref().map(|name| uid(&self.trust_domain, name));
        [issuer, kind].into_iter().chain(trust_domain).collect()
    }

    pub(super) fn resource(&self, name: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.resource.clone(), EntityId::new(name))
    }

    pub(super) fn tool(&self, resource: &str, tool: &str) -> EntityUid {
        EntityUid::from_type_name_and_id(self.tool.clone(), EntityId::new(format!("{resource}/{tool}")))
    }
}

impl ActionName {
    /// The action of a declared tool, event, endpoint or gRPC method.
    pub(super) fn tool(resource: &Resource, tool: &str) -> Self {
        let id = format!("{}/{tool}", resource.name);
        let method = resource.method_of(tool);
        let class = method.map_or(Class::Execute, |method| method.class);
        let groups = method.map(|method| method.action).into_iter().chain(group(resource.protocol, class)).collect();
        Self { id, groups }
    }

    /// The action of every tool or gRPC method that is not declared; none where there are no such.
    pub(super) fn undeclared_tool(protocol: Protocol) -> Option<Self> {
        protocol.call().map(Self::of)
    }

    /// The action of a method.
    pub(super) fn of(method: Method) -> Self {
        Self::new(method.spelled(), method.class)
    }

    /// The action that policies are asked about when `action` is.
    pub(super) fn of_action(resource: &Resource, action: &Action) -> Self {
        match action.tool().filter(|tool| resource.tools.contains_key(*tool)) {
            Some(declared) => Self::tool(resource, declared),
            None => Self::new(action.spelled(), action.class()),
        }
    }

    fn new(method: Spelled<'_>, class: Class) -> Self {
        Self { id: method.to_string(), groups: group(method.protocol, class).into_iter().collect() }
    }
}

/// The group of what methods of `protocol` do that is of this `class`.
fn group(protocol: Protocol, class: Class) -> Option<&'static str> {
    let mut groups = Class::ALL.into_iter().zip(groups(protocol));
    groups.find_map(|(known, group)| (known == class).then_some(*group))
}

/// The schema of `resources` as it is written, for policies that ask for what is `asked` of arguments, and callers who have
/// `claims`.
pub(super) fn written(
    resources: &[Resource],
    declared: &Declared<'_>,
    asked: &AskedFor,
    claims: &DeclaredClaims,
) -> Result<SchemaFragment, Box<SchemaError>> {
    let mut actions = Map::new();
    for id in Protocol::ALL.into_iter().flat_map(groups) {
        actions.insert((*id).to_owned(), json!({}));
    }
    let mut add = |name: ActionName, resource: &str, record: Option<&Record>| {
        // The nearest group is in the others itself.
        let groups: Vec<Value> = name.groups.first().iter().map(|id| json!({ "id": id })).collect();
        let applies = json!({ "principalTypes": [AGENT], "resourceTypes": [resource], "context": context(record.map(|record| arguments::cedar_type(record, asked))) });
        actions.insert(name.id, json!({ "memberOf": groups, "appliesTo": applies }));
    };
    for protocol in Protocol::ALL {
        let arguments = method_arguments(protocol);
        for method in protocol.methods().iter().copied() {
            let kind = if method.calls() { "Tool" } else { "Resource" };
            add(ActionName::of(method), kind, arguments.as_deref());
        }
    }
    for resource in resources {
        for tool in resource.tools.keys() {
            let record = declared.get(&(resource.name.as_str(), tool.as_str()));
            add(ActionName::tool(resource, tool), "Tool", record.copied().map(AsRef::as_ref));
        }
    }
    let schema =
        SchemaFragment::from_json_value(json!({ "": { "entityTypes": entity_types(claims), "actions": actions } }));
    schema.map_err(Box::new)
}

/// As Cedar validates with it.
pub(super) fn resolved(written: SchemaFragment) -> Result<Schema, Box<SchemaError>> {
    Schema::from_schema_fragments([written]).map_err(Box::new)
}

/// The arguments that every method of `protocol` has, if that is the same for each.
pub(super) fn method_arguments(protocol: Protocol) -> Option<Arc<Record>> {
    // They are ours and readable; a test says so.
    protocol.arguments().map(|schema| schema.types().map_or_else(|_| Arc::new(Record::open()), Arc::clone))
}

/// Whether entities of the type `name` have what is at `path`, where callers have `claims`.
pub(super) fn entity_has(name: &str, path: &[String], claims: &DeclaredClaims) -> bool {
    match (name, path) {
        (AGENT, [of, claim]) if of == attributes::CLAIMS => claims.kind(claim).is_some(),
        (AGENT, path) => attributes::find(attributes::AGENT, path).is_some(),
        (other, path) => resource_has(other, path),
    }
}

/// Whether what is acted on, of the type `name`, has what is at `path`.
pub(super) fn resource_has(name: &str, path: &[String]) -> bool {
    matches!((name, path), ("Tool", [name]) if TOOL.iter().any(|(known, _)| name == known))
}

/// The attributes of tools, and whether each is a set.
const TOOL: [(&str, bool); 2] = [("risk", false), ("labels", true)];

fn entity_types(claims: &DeclaredClaims) -> Value {
    let tool = TOOL.map(|(name, is_set)| (name, if is_set { set(&string()) } else { string() }));
    json!({
        AGENT: { "memberOfTypes": [ISSUER, KIND, TRUST_DOMAIN], "shape": rows(attributes::AGENT, claims) },
        ISSUER: {},
        KIND: {},
        TRUST_DOMAIN: {},
        "Tool": { "memberOfTypes": ["Resource"], "shape": record(tool) },
        "Resource": {},
    })
}

fn context(arguments: Option<Value>) -> Value {
    let mut context = rows(attributes::CONTEXT, &DeclaredClaims::default());
    if let (Some(arguments), Some(fields)) = (arguments, context.pointer_mut("/attributes")) {
        fields["args"] = arguments;
    }
    context
}

/// A record of these attributes; of callers who have `claims`.
fn rows(attributes: &[Attribute], claims: &DeclaredClaims) -> Value {
    record(attributes.iter().map(|attribute| {
        let kind = kind(&attribute.value, claims);
        let named_otherwise = claims.machines && attribute.name == attributes::SUBJECT;
        (attribute.name, if attribute.always && !named_otherwise { kind } else { optional(kind) })
    }))
}

fn kind(value: &attributes::Value, claims: &DeclaredClaims) -> Value {
    match value {
        attributes::Value::Text(_) => string(),
        attributes::Value::Number(_) => long(),
        attributes::Value::Flag(_) => boolean(),
        attributes::Value::Address(_) => json!({ "type": "Extension", "name": "ipaddr" }),
        attributes::Value::Texts(_) => set(&string()),
        attributes::Value::Identities(_) => set(&record([("issuer", string()), ("subject", string())])),
        attributes::Value::Record { there: _, attributes } => rows(attributes, claims),
        attributes::Value::Claims => record(claims.iter().map(|(name, kind, always)| {
            let kind = match kind {
                ClaimKind::Text => string(),
                ClaimKind::Texts => set(&string()),
                ClaimKind::Number => long(),
                ClaimKind::Flag => boolean(),
            };
            (name, if always { kind } else { optional(kind) })
        })),
    }
}

fn string() -> Value {
    json!({ "type": "String" })
}

fn long() -> Value {
    json!({ "type": "Long" })
}

fn boolean() -> Value {
    json!({ "type": "Boolean" })
}

fn set(element: &Value) -> Value {
    json!({ "type": "Set", "element": element })
}

fn record<'n>(fields: impl IntoIterator<Item = (&'n str, Value)>) -> Value {
    let attributes: Map<String, Value> = fields.into_iter().map(|(name, kind)| (name.to_owned(), kind)).collect();
    json!({ "type": "Record", "attributes": attributes })
}

/// As an attribute that may be absent.
fn optional(mut kind: Value) -> Value {
    if let Some(kind) = kind.as_object_mut() {
        kind.insert("required".to_owned(), Value::Bool(false));
    }
    kind
}
