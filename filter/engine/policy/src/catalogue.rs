//! What policies need of the catalogue: the arguments that are declared, and that there is one name for each thing.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use countersign_protocols::catalogue::Resource;
use countersign_protocols::shape::{InputSchema, Record};

use super::error::{LoadError, Problem};

/// The arguments of the declared tools that have a schema, by resource and tool.
pub(super) type Declared<'a> = BTreeMap<(&'a str, &'a str), &'a Arc<Record>>;

/// What is wrong with the catalogue that `resources` are, whoever decides.
pub fn catalogue_errors(resources: &[Resource]) -> Vec<LoadError> {
    catalogue(resources).1
}

/// The arguments of every declared tool, and what is wrong with the catalogue.
pub(super) fn catalogue(resources: &[Resource]) -> (Declared<'_>, Vec<LoadError>) {
    let mut declared = BTreeMap::new();
    let mut errors = Vec::new();
    let mut names = BTreeSet::new();
    for resource in resources {
        let place = format!("resources/{}", resource.name);
        if resource.name.contains(['/', ':']) {
            errors.push(LoadError::catalogue(&place, Problem::ResourceName));
        }
        if !names.insert(&resource.name) {
            errors.push(LoadError::catalogue(&place, Problem::DuplicateResource));
        }
        for (name, tool) in &resource.tools {
            match tool.input_schema.as_ref().map(InputSchema::types) {
                None => {}
                Some(Ok(record)) => {
                    declared.insert((resource.name.as_str(), name.as_str()), record);
                }
                Some(Err(problems)) => errors.extend(problems.iter().map(|(below, problem)| {
                    LoadError::catalogue(format!("{place}/tools/{name}/input_schema{below}"), problem.clone())
                })),
            }
        }
    }
    (declared, errors)
}
