//! The arguments of a tool: what Cedar may see of them, and what of them a policy asks for.
//!
//! Decides which arguments fit; never coerces, rounds or guesses. JSON reaches Cedar only as expressions
//! built value by value from the declared type, so `{"__entity": …}` and `{"__extn": …}` are ordinary keys.
//! The rules are public and stand in [`policy`](super).

mod asked_for;
mod fit;

use std::collections::BTreeMap;
use std::sync::Arc;

use cedar_policy::RestrictedExpression;
use countersign_facts::rollout::Mode;
use countersign_protocols::action::{Action, DeclaredIn};
use countersign_protocols::catalogue::Resource;
use countersign_protocols::shape::{Effort, Property, Record, Rest, Shape};
use countersign_tokens::json::Members;
use serde_json::{Map, Value, json};

use super::catalogue::catalogue;
use super::error::LoadError;
use super::reads::Names;
pub(crate) use asked_for::Asked;
pub(super) use asked_for::AskedFor;
pub use asked_for::Carried;
pub(super) use fit::Unfit;

/// Arguments of which nothing is declared.
static UNDECLARED: Record = Record::open();

/// The arguments of one action: their types, and what the policies that can apply to it ask for.
#[derive(Clone, Debug)]
pub(super) struct Arguments {
    /// None where there is no schema.
    pub(super) types: Option<Arc<Record>>,
    /// By policies that are enforced, and by all of them.
    pub(super) asked: Arc<AskedFor>,
    pub(super) tried: Arc<AskedFor>,
}

impl Arguments {
    /// Of these types, and nobody asks for any.
    pub(super) fn of(types: &Arc<Record>) -> Self {
        Self { types: Some(Arc::clone(types)), asked: Arc::default(), tried: Arc::default() }
    }

    /// The members of `values` that are `wanted`, as one Cedar record, where there is a schema; an error if any member does not
    /// fit, read or not, or if nothing declares it and a policy asks for it.
    pub(super) fn fit(
        &self,
        values: &Members,
        wanted: &Names,
        mode: Mode,
    ) -> Result<Option<RestrictedExpression>, Unfit> {
        let fitted = fit::fit(self.record(), values, wanted, self.asked(mode))?;
        Ok(self.types.as_ref().map(|_| fitted))
    }

    /// As [`Self::fit`], of `values` that need not be all there are.
    pub(super) fn fit_known(&self, values: &Members, wanted: &Names) -> Result<Option<RestrictedExpression>, Unfit> {
        let fitted = fit::fit_known(self.record(), values, wanted, self.asked(Mode::Enforce))?;
        Ok(self.types.as_ref().map(|_| fitted))
    }

    /// That `action` carries nothing beside its arguments that a policy asks for.
    pub(super) fn check_carried(&self, action: &Action, mode: Mode) -> Result<(), Unfit> {
        let asked = self.asked(mode);
        let unread = action.carried.iter().find(|name| asked.is_meant(name));
        unread.map_or(Ok(()), |name| Err(Unfit::unread(name, remedy(action.declared_in()))))
    }

    /// What is asked for, by name.
    pub(super) fn names(&self) -> Asked<'_> {
        Asked { enforced: &self.asked, tried: &self.tried }
    }

    fn record(&self) -> &Record {
        self.types.as_deref().unwrap_or(&UNDECLARED)
    }

    fn asked(&self, mode: Mode) -> &AskedFor {
        match mode {
            Mode::Enforce => &self.asked,
            Mode::Audit => &self.tried,
        }
    }
}

/// What the catalogue says of arguments, for engines that do not say what they read.
#[derive(Clone, Debug)]
pub(super) struct Schemas {
    /// By resource and tool.
    arguments: BTreeMap<String, BTreeMap<String, Arguments>>,
}

impl Schemas {
    /// Those of `resources`, or everything that is wrong with them.
    pub(super) fn of(resources: &[Resource]) -> Result<Self, Vec<LoadError>> {
        let (declared, errors) = catalogue(resources);
        if !errors.is_empty() {
            return Err(errors);
        }
        let mut arguments: BTreeMap<String, BTreeMap<String, Arguments>> = BTreeMap::new();
        for ((resource, tool), types) in declared {
            arguments.entry(resource.to_owned()).or_default().insert(tool.to_owned(), Arguments::of(types));
        }
        Ok(Self { arguments })
    }

    /// That the arguments of `action`, where they were read, are what is declared.
    pub(super) fn check(&self, action: &Action) -> Result<(), Unfit> {
        let tools = self.arguments.get(&action.resource);
        let typed = tools.zip(action.tool()).and_then(|(tools, tool)| tools.get(tool));
        match (typed, action.arguments()) {
            (Some(typed), Some(values)) => typed.fit(values, &Names::default(), Mode::Enforce).map(drop),
            (None, _) | (_, None) => Ok(()),
        }
    }
}

/// How policies get to see what an action carries beside its arguments, which are `declared` there.
fn remedy(declared: DeclaredIn) -> &'static str {
    match declared {
        DeclaredIn::Schema => fit::IN_SCHEMA,
        DeclaredIn::Metadata => "declare it in the method's `metadata` and `input_schema`",
        DeclaredIn::Endpoint => "declare the endpoint, with it in `input_schema`",
        DeclaredIn::Nothing => {
            "prompts cannot be declared, so let the policy be about tools (`action in Action::\"mcp:tools/call\"`)"
        }
    }
}

/// `record` in Cedar's JSON schema format. Of a map it has the members that are `asked` for.
pub(super) fn cedar_type(record: &Record, asked: &AskedFor) -> Value {
    let mapped = match &record.rest {
        Rest::Map(property, _) => Some(asked.names().map(|name| (name, property.as_ref()))),
        Rest::Refused | Rest::Open(_) | Rest::Unasked => None,
    };
    let mapped = mapped.into_iter().flatten().filter(|(name, _)| !record.properties.contains_key(*name));
    let attributes: Map<String, Value> = record
        .properties
        .iter()
        .chain(mapped)
        .filter_map(|(name, property)| Some((name.clone(), property_type(property, asked.below(name))?)))
        .chain(record.derived.keys().map(|name| (name.clone(), json!({ "type": "Boolean" }))))
        .collect();
    json!({ "type": "Record", "attributes": attributes })
}

fn property_type(property: &Property, asked: &AskedFor) -> Option<Value> {
    let mut cedar_type = shape_type(&property.shape, asked)?;
    cedar_type.as_object_mut()?.insert("required".to_owned(), Value::Bool(property.required && !property.nullable));
    Some(cedar_type)
}

fn shape_type(shape: &Shape, asked: &AskedFor) -> Option<Value> {
    Some(match shape {
        Shape::Boolean => json!({ "type": "Boolean" }),
        Shape::Long => json!({ "type": "Long" }),
        Shape::Decimal => json!({ "type": "Extension", "name": "decimal" }),
        Shape::String(_) => json!({ "type": "String" }),
        Shape::Set(item) => json!({ "type": "Set", "element": shape_type(&item.shape, asked)? }),
        Shape::Record(record) => cedar_type(record, asked),
        Shape::Opaque(_) => return None,
    })
}
