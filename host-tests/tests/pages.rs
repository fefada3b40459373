//! What the pages show of a gateway is what happens: Envoy answers as in the examples, configuration can be loaded, scenarios
//! pass.
//!
//! What they show of the command line, and where their links lead, is tested in `filter/cli/tests/pages`.

#[expect(dead_code, reason = "links and headings are for the command line's tests")]
#[path = "../../filter/cli/tests/pages/page.rs"]
mod page;

use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, bail, ensure};
use countersign_engine::Engine;
use countersign_host_tests::drivers::native::{Native, ScenarioSecrets};
use countersign_host_tests::drivers::run;
use countersign_host_tests::envoy::{Envoy, PINNED, module, root};
use countersign_host_tests::gateway::{Options, PluginConfig, Upstream, bootstrap};
use countersign_host_tests::scenario::Library;
use countersign_host_tests::scenario::format::{DriverKind, Scenario};
use serde_json::{Value, json};

use page::{Block, Page};

/// The address in the examples.
const SHOWN: &str = "127.0.0.1:18080";

/// What the parts that pages show are parts of.
const COMPLETE: &str = "envoy/demo.yaml";

/// Every block of every page.
fn blocks() -> Result<Vec<Block>> {
    Ok(Page::all(&root())?.into_values().flat_map(|page| page.blocks).collect())
}

#[test]
fn configurations_shown_are_those_that_are_served() -> Result<()> {
    let mut count = 0;
    for block in blocks()? {
        let Some(path) = block.marked("configuration") else { continue };
        let served = std::fs::read_to_string(root().join(path)).with_context(|| format!("{}: {path}", block.place))?;
        ensure!(block.text.trim_end() == served.trim_end(), "{}: {path} says something else", block.place);
        count += 1;
    }
    ensure!(count > 0, "no page shows a whole configuration");
    Ok(())
}

#[test]
fn the_examples_answer_as_shown() -> Result<()> {
    let config = PluginConfig::read(&root().join(COMPLETE))?;
    // Nothing shown gets as far as the server.
    let options = Options::new(module()?, "127.0.0.1:1".parse::<Upstream>()?);
    let folder = tempfile::tempdir()?;
    let envoy = Envoy::find(PINNED)?
        .with_env("APPROVALS_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
        .start(&bootstrap(&config, &options)?, &folder.path().join("log"))?;
    let mut count = 0;
    for block in blocks()?.iter().filter(|block| block.marked("examples").is_some()) {
        for example in block.text.split("$ ").filter(|example| !example.trim().is_empty()) {
            let (command, shown) = example.split_once('\n').with_context(|| format!("{}: no answer", block.place))?;
            let command = command.replace(SHOWN, &envoy.address().to_string());
            let output = Command::new("bash").args(["-c", &command]).output()?;
            let answer = masked(&String::from_utf8(output.stdout)?);
            let same = answer.trim_end() == shown.trim_end();
            ensure!(same, "{}: {command}\nshown:  {shown}\nanswer: {answer}", block.place);
            count += 1;
        }
    }
    ensure!(count >= 5, "only {count} examples were found");
    Ok(())
}

/// Decision ids differ from run to run.
fn masked(answer: &str) -> String {
    const UUID: usize = 36;
    match answer.split_once("urn:uuid:") {
        Some((before, id)) => format!("{before}urn:uuid:<id>{}", id.get(UUID..).unwrap_or_default()),
        None => answer.to_owned(),
    }
}

/// A block that says its `version` is a whole configuration. All others are parts of one, together with [`COMPLETE`]: a list alone
/// is of resources, `binding` and `claims` belong to an issuer, and Cedar alone is the policy.
#[test]
fn configuration_shown_can_be_loaded() -> Result<()> {
    let mut whole = Whole::new()?;
    let mut count = 0;
    for block in blocks()?.iter().filter(|block| block.mark.is_none() && !is_about_a_pack(block)) {
        let part = match block.language.as_str() {
            "yaml" if !block.is_form_of_cases() => yaml(block)?,
            "cedar" => json!({ "policy": { "cedar": block.text } }),
            _ => continue,
        };
        if part.get("version").is_some() {
            Whole { configuration: part, places: vec![(String::new(), block.place.clone())] }.load()?;
        } else {
            whole.add(part, &block.place)?;
            count += 1;
        }
    }
    ensure!(count >= 10, "only {count} parts were found");
    whole.load()
}

#[test]
#[expect(clippy::disallowed_methods, reason = "scenarios begin now, as tokens in a real gateway do")]
fn scenarios_shown_pass() -> Result<()> {
    let library = Library::read()?;
    for block in blocks()?.iter().filter(|block| block.marked("scenario").is_some()) {
        let scenarios = match yaml(block)? {
            Value::Array(scenarios) => scenarios,
            scenario => vec![scenario],
        };
        for scenario in scenarios {
            let scenario: Scenario = serde_json::from_value(scenario).with_context(|| block.place.clone())?;
            if scenario.drivers.contains(&DriverKind::Native) {
                let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
                let place = || format!("{}: {}", block.place, scenario.name);
                run(&mut Native::at(now), &library, &scenario).with_context(place)?;
            }
        }
    }
    Ok(())
}

/// Whether it is on the page of a policy pack. Such blocks are tried with the pack's catalogue, by the command line's tests.
fn is_about_a_pack(block: &Block) -> bool {
    block.place.strip_prefix("policies/").is_some_and(|place| place.contains('/'))
}

/// What `block` says. A key that comes twice is an error; `<<` takes over the members of another map.
fn yaml(block: &Block) -> Result<Value> {
    let mut value: serde_norway::Value = serde_norway::from_str(&block.text).with_context(|| block.place.clone())?;
    value.apply_merge().with_context(|| block.place.clone())?;
    serde_json::to_value(value).with_context(|| block.place.clone())
}

/// A configuration made of parts.
struct Whole {
    configuration: Value,
    /// JSON Pointers into it, each with the place of the block that says what is there.
    places: Vec<(String, String)>,
}

impl Whole {
    fn new() -> Result<Self> {
        let mut configuration = PluginConfig::read(&root().join(COMPLETE))?.value().clone();
        configuration["issuers"][0]["name"] = "platform".into();
        Ok(Self { configuration, places: Vec::new() })
    }

    /// Adds `part`, which the block at `place` shows.
    fn add(&mut self, part: Value, place: &str) -> Result<()> {
        let part = if part.is_array() { json!({ "resources": part }) } else { part };
        let members = part.as_object().with_context(|| format!("{place}: neither a list nor a map"))?;
        for (key, value) in members {
            let parent = if matches!(key.as_str(), "binding" | "claims") { "/issuers/0" } else { "" };
            let whole = self.configuration.pointer_mut(parent).with_context(|| format!("nothing at {parent}"))?;
            let mut pointers = Vec::new();
            join(whole, &json!({ (key.as_str()): value }), parent, 0, &mut pointers);
            self.places.extend(pointers.into_iter().map(|pointer| (pointer, place.to_owned())));
        }
        Ok(())
    }

    /// Whether it can be loaded. Errors name the blocks that say what is wrong.
    fn load(&self) -> Result<()> {
        let text = self.configuration.to_string();
        let Err(errors) = Engine::load(text.as_bytes(), &ScenarioSecrets) else { return Ok(()) };
        let lines = errors.to_string();
        let placed = lines.lines().map(|error| {
            let is_in = |pointer: &str| error.strip_prefix(pointer).is_some_and(|rest| rest.starts_with(['/', ':']));
            let places = self.places.iter().filter(|(pointer, _)| is_in(pointer));
            let places: Vec<&str> = places.map(|(_, place)| place.as_str()).collect();
            format!("{error} ({})", places.join(", "))
        });
        bail!("{}", placed.collect::<Vec<_>>().join("\n"))
    }
}

/// Adds `part` to `whole`, which is at `pointer`, and notes the pointers to it. Maps and the maps in them get members, lists get
/// items, and policies in Cedar follow each other. Anything else is replaced.
fn join(whole: &mut Value, part: &Value, pointer: &str, depth: usize, pointers: &mut Vec<String>) {
    match (whole, part) {
        (Value::Object(known), Value::Object(members)) if depth < 2 => {
            for (key, value) in members {
                let member = known.entry(key.as_str()).or_insert(Value::Null);
                join(member, value, &format!("{pointer}/{key}"), depth + 1, pointers);
            }
        }
        (Value::Array(known), Value::Array(items)) if depth == 1 || pointer == "/policy/links" => {
            pointers.extend((known.len()..).take(items.len()).map(|index| format!("{pointer}/{index}")));
            known.extend(items.iter().cloned());
        }
        (Value::String(known), Value::String(text)) if pointer == "/policy/cedar" => {
            known.push('\n');
            known.push_str(text);
            pointers.push(pointer.to_owned());
        }
        (whole, part) => {
            whole.clone_from(part);
            pointers.push(pointer.to_owned());
        }
    }
}
