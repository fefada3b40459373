//! Policy packs as scenarios: every case of `policies/<name>/cases.yaml` as one request with a signed token, in a gateway
//! whose configuration is made of the pack.
//!
//! A case tells policy what is so; here all of it has to come about: the token says it, the configuration knows it, an
//! approver is asked. What the filter read is on the record and compared as well, so that a case cannot pass for another
//! reason than its own. Nothing is decided here and no case is left out: what no request could carry is an error that names
//! the case.

mod configuration;
mod expected;
mod grants;
mod register;
mod said;
mod token;

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use countersign_cli::pack;
use countersign_engine::config::Config;
use countersign_explain::cases::format::Pack;
use countersign_explain::cases::{Policy, Sent, action};
use countersign_protocols::catalogue::Resource;
use serde_json::{Value, json};

use crate::drivers::native::ScenarioSecrets;
use crate::scenario::Scenario;
use said::Said;

/// The cases of every pack in `folder`, each with `policies/<pack>` for its file, packs in alphabetical order.
pub fn scenarios(folder: &Path) -> anyhow::Result<Vec<(String, Scenario)>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut folders = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<PathBuf>>>()?;
    // Beside them is what is for all of them.
    folders.retain(|folder| folder.is_dir());
    folders.sort();
    ensure!(!folders.is_empty(), "{}: there are no packs", folder.display());
    let mut scenarios = Vec::new();
    for folder in folders {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let (pack, policies) = pack::read(&folder)?;
        for policy in &policies {
            let called = format!("{name}{}", policy.suffix());
            let read = of_pack(&called, &pack, policy).with_context(|| folder.display().to_string())?;
            scenarios.extend(read.into_iter().map(|scenario| (format!("policies/{name}"), scenario)));
        }
    }
    Ok(scenarios)
}

/// The cases of `pack`, which is called `name`, with `policy`.
pub fn of_pack(name: &str, pack: &Pack, policy: &Policy) -> anyhow::Result<Vec<Scenario>> {
    let cases: Vec<Said<'_>> = pack.cases.iter().map(|case| Said::of(case, pack)).collect();
    for said in &cases {
        said.check().with_context(|| said.case.name.clone())?;
    }
    let configuration = configuration::of(pack, policy, &cases)?;
    let config = Config::parse(configuration.to_string().as_bytes(), &ScenarioSecrets)?;
    let scenario = |said: &Said<'_>| {
        let scenario = scenario(name, said, &cases, &config.resources, &configuration);
        scenario.with_context(|| said.case.name.clone())
    };
    cases.iter().map(scenario).collect()
}

fn scenario(
    pack: &str,
    said: &Said<'_>,
    all: &[Said<'_>],
    resources: &[Resource],
    configuration: &Value,
) -> anyhow::Result<Scenario> {
    let name = &said.case.request.resource;
    let resource = resources.iter().find(|resource| resource.name == *name);
    let resource = resource.with_context(|| format!("request.resource: `{name}` is in no catalogue of this pack"))?;
    let action = action(&said.case.request, resource, resources)?;
    let sent = Sent::of(&said.case.request, resource)?;
    let expected = expected::of(said, all, resource, &action, &sent)?;
    let scenario = json!({
        "name": format!("{pack}: {}", said.case.name),
        // The same text for every case of the pack: one deployment serves them all.
        "config_text": configuration.to_string(),
        "steps": [{
            "send": send(said, &sent, &token::of(said, &grants::of(said, &action))?),
            "approver": expected.approver,
            "expect": expected.expect,
        }],
    });
    Ok(serde_json::from_value(scenario)?)
}

fn send(said: &Said<'_>, sent: &Sent, token: &Value) -> Value {
    let headers: serde_json::Map<String, Value> =
        sent.headers.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
    json!({
        "method": sent.method,
        "host": sent.host,
        "path": said.path(&sent.path),
        "text": sent.body,
        "headers": headers,
        "token": token,
    })
}

#[cfg(test)]
mod tests;
