//! What makes the filter record what a record lacks, to be pasted where it says. It helps with decisions from then on only.

use std::collections::BTreeSet;

use countersign_engine::config::Config;
use countersign_facts::pointer::Pointer;
use countersign_policy::{self as policy, Missing};
use countersign_rights::claims::ClaimRule;

/// What to do so that records hold `missing`; none where the filter records it already, or it is nothing that policies read.
pub(super) fn remedy(missing: &Missing, config: &Config) -> Option<String> {
    let Missing::Read(path) = missing else { return None };
    let names: Vec<&str> = path.iter().map(String::as_str).collect();
    match names.as_slice() {
        ["context", "args"] => {
            Some("add every argument of the tool to `record.arguments`, such as `/amount`".to_owned())
        }
        ["context", "args", name, ..] => Some(arguments(name, config)),
        ["principal", "claims"] => Some("write `record: true` at every claim under `claims` of the issuer".to_owned()),
        ["principal", "claims", name, ..] => Some(claim(name, config)),
        names if policy::on_records(names) => None,
        _ => Some(format!("no record holds `{missing}`: what it decides cannot be replayed")),
    }
}

/// Of the argument called `name`, which may be worked out of others.
fn arguments(name: &str, config: &Config) -> String {
    let tools = config.resources.iter().flat_map(|resource| resource.tools.values());
    let schemas = tools.filter_map(|tool| tool.input_schema.as_ref());
    let deriving = schemas.filter(|schema| schema.derived().any(|(derived, _)| derived == name));
    let properties = deriving.filter_map(|schema| schema.written().get("properties")?.as_object());
    let sources: BTreeSet<&String> = properties.flat_map(|properties| properties.keys()).collect();
    let of = |name: &str| format!("/{}", Pointer::escaped(name));
    // What is worked out is known where all arguments are.
    let needed: Vec<String> =
        if sources.is_empty() { vec![of(name)] } else { sources.into_iter().map(|name| of(name)).collect() };
    let recorded = |pointer: &String| config.record.arguments.iter().any(|place| place.to_string() == *pointer);
    let (there, absent): (Vec<String>, Vec<String>) = needed.into_iter().partition(recorded);
    match (there.as_slice(), absent.as_slice()) {
        (there, []) => {
            format!("records made with this configuration hold it: `record.arguments` has {}", listed(there))
        }
        (_, absent) => format!("add {} to `record.arguments`", listed(absent)),
    }
}

fn listed(pointers: &[String]) -> String {
    pointers.iter().map(|pointer| format!("`{pointer}`")).collect::<Vec<_>>().join(", ")
}

/// Of the claim that configuration calls `name`.
fn claim(name: &str, config: &Config) -> String {
    let rules: Vec<&ClaimRule> =
        config.vouchers().flat_map(|issuer| &issuer.claims).filter(|rule| rule.name == name).collect();
    if rules.iter().all(|rule| rule.record) {
        "records made with this configuration hold it: the claim has `record: true`".to_owned()
    } else {
        format!("write `record: true` at `{name}` under `claims` of the issuer")
    }
}
