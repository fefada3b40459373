//! Keywords of tools' schemas that nothing here enforces, though whoever pasted the schema may think so.

use countersign_engine::config::Config;
use countersign_protocols::shape::InputSchema;
use serde_json::Value;

use super::{Finding, place};

/// A warning for each tool of `config` that has such, which is written in `document`.
pub(super) fn not_enforced(config: &Config, document: &Value) -> Vec<Finding> {
    let mut warnings = Vec::new();
    for resource in &config.resources {
        for (name, tool) in &resource.tools {
            let keywords = tool.input_schema.as_ref().map(InputSchema::not_enforced).unwrap_or_default();
            if keywords.is_empty() {
                continue;
            }
            let pointer = place::pointer(&format!("resources/{}/tools/{name}/input_schema", resource.name), document);
            let cause = format!("not enforced: {}", keywords.join(", "));
            let remedy =
                "hold calls to it with a policy or a grant where it matters, or leave it to the server".to_owned();
            warnings.push(Finding { remedy: Some(remedy), ..Finding::at(pointer, cause) });
        }
    }
    warnings
}
