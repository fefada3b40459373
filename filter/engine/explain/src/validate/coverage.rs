//! Which arguments of the catalogue policies can read, why not, and which policies ask for them.

use countersign_policy::Covered;
use serde::Serialize;
use serde_json::Value;

use super::{Finding, Loaded, place};

/// One argument of a tool, an endpoint or a gRPC method.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Argument {
    /// Where what has it is declared: a JSON Pointer into the configuration.
    pub pointer: String,
    /// A JSON Pointer into the arguments; none for what is not declared.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument: Option<String>,
    /// Why policies cannot read it; none where they can.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unreadable: Option<String>,
    /// Policies that ask for it.
    pub asked_by: Vec<String>,
}

/// Those of `loaded`, which is written in `document`; none where no policy is Cedar's.
pub(super) fn arguments(loaded: &Loaded, document: &Value) -> Vec<Argument> {
    let all = loaded.cedar.as_ref().map(|cedar| cedar.coverage(&loaded.config.resources)).unwrap_or_default();
    let argument = |covered: Covered| {
        let Covered { place, argument, unreadable, asked_by } = covered;
        Argument { pointer: place::pointer(&place, document), argument, unreadable, asked_by }
    };
    all.into_iter().map(argument).collect()
}

impl Argument {
    /// What is worth a warning: it is declared, and no policy can read it.
    pub(super) fn warning(&self) -> Option<Finding> {
        let (argument, why) = (self.argument.as_ref()?, self.unreadable.as_ref()?);
        let remedy = Some("declare one type for it, if a policy is ever to ask for it".to_owned());
        let cause = format!("policies cannot read the argument `{argument}`: input_schema{why}");
        Some(Finding { remedy, ..Finding::at(self.pointer.clone(), cause) })
    }
}
