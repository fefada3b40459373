//! Reads the scenario files, and refuses what would test nothing: unknown members, unknown reasons, steps without
//! an expectation, expectations that contradict the table of answers.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use countersign_facts::reason::{LineKind, Reason};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::answers::Answers;
use super::format::{DriverKind, Expect, Scenario, Step};
use super::text::merge;
use crate::envoy::root;
use crate::packs;

/// Every scenario, and what belongs to all of them.
#[derive(Clone, Debug)]
pub struct Library {
    /// With the file each is in, files in alphabetical order.
    pub scenarios: Vec<(String, Scenario)>,
    pub answers: Answers,
    configs: BTreeMap<String, Value>,
}

impl Library {
    /// The library of this crate.
    pub fn read() -> anyhow::Result<Self> {
        Self::read_from(&Path::new(env!("CARGO_MANIFEST_DIR")).join("scenarios"))
    }

    /// The library in `folder`.
    pub fn read_from(folder: &Path) -> anyhow::Result<Self> {
        let answers = Answers::read(&folder.join("answers.yaml"))?;
        let mut configs = BTreeMap::new();
        for path in yaml_files(&folder.join("configs"))? {
            configs.insert(stem(&path), document(&path)?);
        }
        let mut scenarios = Vec::new();
        for path in yaml_files(folder)?.into_iter().filter(|path| stem(path) != "answers") {
            let read: Vec<Scenario> = typed(&path)?;
            scenarios.extend(read.into_iter().map(|scenario| (stem(&path), scenario)));
        }
        let library = Self { scenarios, answers, configs };
        library.check()?;
        Ok(library)
    }

    /// The library, and the cases of the shipped policy packs.
    pub fn with_packs() -> anyhow::Result<Self> {
        let mut library = Self::read()?;
        library.scenarios.extend(packs::scenarios(&root().join("policies"))?);
        library.check()?;
        Ok(library)
    }

    /// Keeps the scenarios whose file or name contains `wanted`.
    ///
    /// # Errors
    /// There is none.
    pub fn select(&mut self, wanted: &str) -> anyhow::Result<()> {
        self.scenarios.retain(|(file, scenario)| file.contains(wanted) || scenario.name.contains(wanted));
        anyhow::ensure!(!self.scenarios.is_empty(), "no scenario's file or name contains `{wanted}`");
        Ok(())
    }

    /// The plugin configuration `scenario` runs under, as text.
    pub fn configuration(&self, scenario: &Scenario) -> anyhow::Result<String> {
        if let Some(text) = &scenario.config_text {
            return Ok(text.clone());
        }
        let config = self.configs.get(&scenario.config);
        let mut config = config.with_context(|| format!("there is no `configs/{}.yaml`", scenario.config))?.clone();
        if let Some(patch) = &scenario.patch {
            merge(&mut config, patch);
        }
        Ok(config.to_string())
    }

    /// Every reason that some scenario of `driver` expects.
    pub fn expected_reasons(&self, driver: DriverKind) -> BTreeSet<&str> {
        let scenarios = self.scenarios.iter().map(|(_, scenario)| scenario);
        scenarios
            .filter(|scenario| scenario.drivers.contains(&driver))
            .flat_map(|scenario| &scenario.steps)
            .filter_map(|step| step.expect.as_ref())
            .flat_map(|expect| [expect.reason.as_deref(), expect.instead.as_deref()])
            .flatten()
            .collect()
    }

    fn check(&self) -> anyhow::Result<()> {
        let mut names = BTreeSet::new();
        for (file, scenario) in &self.scenarios {
            ensure!(names.insert(&scenario.name), "{file}: `{}` is there twice", scenario.name);
            self.check_scenario(scenario).with_context(|| format!("{file}: {}", scenario.name))?;
        }
        Ok(())
    }

    fn check_scenario(&self, scenario: &Scenario) -> anyhow::Result<()> {
        self.configuration(scenario)?;
        ensure!(!scenario.drivers.is_empty(), "no driver runs it");
        ensure!(
            scenario.refused.is_some() == scenario.steps.is_empty(),
            "it has steps, or its configuration is refused"
        );
        let travels = scenario.steps.iter().any(|step| step.advance.is_some());
        let fails = scenario.steps.iter().any(|step| !step.faults.is_empty());
        let deviates = !scenario.gateway.is_empty();
        ensure!(!deviates || scenario.drivers == [DriverKind::Envoy], "only Envoy can be set up otherwise");
        ensure!(!fails || !scenario.drivers.contains(&DriverKind::Envoy), "Envoy has no faults to order");
        let short = scenario.steps.iter().filter_map(|step| step.advance.as_deref()).all(|by| by.ends_with('s'));
        let set_back = scenario.steps.iter().any(|step| step.set_back.is_some());
        ensure!(!set_back || !scenario.drivers.contains(&DriverKind::Envoy), "Envoy's clock cannot be set back");
        ensure!(!travels || short || !scenario.drivers.contains(&DriverKind::Envoy), "Envoy's clock cannot be moved");
        for (index, step) in scenario.steps.iter().enumerate() {
            self.check_step(step).with_context(|| format!("step {}", index + 1))?;
        }
        Ok(())
    }

    fn check_step(&self, step: &Step) -> anyhow::Result<()> {
        let kinds = [step.send.is_some(), step.advance.is_some(), step.set_back.is_some(), step.keys.is_some()];
        ensure!(kinds.iter().filter(|kind| **kind).count() == 1, "a step is `send`, `advance`, `set_back` or `keys`");
        match (&step.send, &step.expect) {
            (Some(_), Some(expect)) => self.check_expect(expect),
            (Some(_), None) => bail!("nothing is expected"),
            (None, Some(_)) => bail!("there is no request to expect something of"),
            (None, None) => Ok(()),
        }
    }

    fn check_expect(&self, expect: &Expect) -> anyhow::Result<()> {
        let Some(code) = &expect.reason else { return Ok(()) };
        let reason = reason(code).with_context(|| format!("`{code}` is no reason"))?;
        if expect.audit {
            // It goes upstream as it was sent, whatever the reason.
            return Ok(());
        }
        let allowed = reason.row().kind == LineKind::Allow;
        ensure!(!allowed || expect.upstream.is_some() || expect.not_delivered, "an allow says what the upstream sees");
        ensure!(allowed || expect.upstream.is_none(), "what is denied goes nowhere");
        let instead = expect.instead.as_ref();
        ensure!(instead.is_none() || allowed, "only what was let through is answered by somebody else");
        if let Some(answer) = self.answers.get(instead.unwrap_or(code)) {
            let status = match (expect.grpc, expect.proxy, answer.status) {
                (Some(_), _, _) => 200,
                (None, true, 401) => 407,
                (None, _, status) => status,
            };
            ensure!(
                status == expect.status || expect.tool_result.is_some() || is_of_rpc(expect),
                "`{code}` is answered with {}, says answers.yaml",
                answer.status
            );
        }
        Ok(())
    }
}

/// Whether the answer is one of A2A's binding for JSON-RPC, which answers with 200 what is wrong with a message.
fn is_of_rpc(expect: &Expect) -> bool {
    expect.status == 200 && expect.a2a.is_some() && (expect.rpc_id.is_some() || expect.rpc_null)
}

/// The reason with this code.
pub fn reason(code: &str) -> Option<Reason> {
    Reason::ALL.iter().copied().find(|reason| reason.row().code == code)
}

fn yaml_files(folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut files = entries.map(|entry| Ok(entry?.path())).collect::<anyhow::Result<Vec<_>>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    Ok(files)
}

fn stem(path: &Path) -> String {
    path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
}

/// YAML as JSON; a key that comes twice is an error.
fn document(path: &Path) -> anyhow::Result<Value> {
    let place = || path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(place)?;
    let mut value: serde_norway::Value = serde_norway::from_str(&text).with_context(place)?;
    // `<<` takes over the members of another mapping.
    value.apply_merge().with_context(place)?;
    serde_json::to_value(value).with_context(place)
}

fn typed<T: DeserializeOwned>(path: &Path) -> anyhow::Result<T> {
    serde_path_to_error::deserialize(document(path)?).with_context(|| path.display().to_string())
}
