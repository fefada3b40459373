//! What the README shows is what happens.

use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use countersign_engine::Engine;
use countersign_host_tests::drivers::native::ScenarioSecrets;
use countersign_host_tests::envoy::{Envoy, PINNED, module, root};
use countersign_host_tests::gateway::{Options, PluginConfig, Upstream, bootstrap};
use serde_json::Value;

/// The address in the README's examples.
const SHOWN: &str = "127.0.0.1:18080";

#[test]
fn the_configuration_shown_is_the_one_that_is_served() -> Result<()> {
    let shown = block(&readme()?, "<!-- configuration: envoy/demo.yaml -->", "```yaml\n")?;
    let served = std::fs::read_to_string(root().join("envoy/demo.yaml"))?;
    ensure!(shown.trim_end() == served.trim_end(), "README.md and envoy/demo.yaml differ");
    Ok(())
}

#[test]
fn the_examples_answer_as_shown() -> Result<()> {
    let examples = block(&readme()?, "<!-- examples -->", "```console\n")?;
    let config = PluginConfig::read(&root().join("envoy/demo.yaml"))?;
    // Nothing shown gets as far as the server.
    let options = Options::new(module()?, "127.0.0.1:1".parse::<Upstream>()?);
    let folder = tempfile::tempdir()?;
    let envoy = Envoy::find(PINNED)?
        .with_env("APPROVALS_SECRET", "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=")
        .start(&bootstrap(&config, &options)?, &folder.path().join("log"))?;
    let mut count = 0;
    for example in examples.split("$ ").filter(|example| !example.trim().is_empty()) {
        let (command, shown) = example.split_once('\n').context("an example without an answer")?;
        let command = command.replace(SHOWN, &envoy.address().to_string());
        let output = Command::new("bash").args(["-c", &command]).output()?;
        let answer = masked(&String::from_utf8(output.stdout)?);
        ensure!(answer.trim_end() == shown.trim_end(), "{command}\nshown:  {shown}\nanswer: {answer}");
        count += 1;
    }
    ensure!(count >= 5, "only {count} examples were found");
    Ok(())
}

/// Beside the whole configuration the README shows parts: lists are of resources, `binding` and `claims` are an issuer's, and all
/// of them together are one configuration.
#[test]
fn the_parts_shown_are_parts_of_a_configuration() -> Result<()> {
    let mut whole: Value = serde_json::from_str(PluginConfig::read(&root().join("envoy/demo.yaml"))?.text())?;
    whole["issuers"][0]["name"] = "platform".into();
    let readme = readme()?;
    let parts = readme.split("```yaml\n").skip(1).filter_map(|behind| Some(behind.split_once("```")?.0));
    // Cases are no configuration; the first policy has a test of its own.
    let parts: Vec<&str> =
        parts.filter(|part| !part.contains("\nversion: 1\n") && !part.contains("\ncases:\n")).collect();
    ensure!(parts.len() >= 4, "only {} parts were found", parts.len());
    for part in parts {
        // A list alone is no configuration for whoever reads one.
        let part = if part.starts_with("- ") { format!("resources:\n{part}") } else { part.to_owned() };
        let part: Value = serde_json::from_str(PluginConfig::from_yaml(&part)?.text())?;
        for (key, value) in part.as_object().context("a part that is neither list nor map")? {
            match (key.as_str(), value) {
                ("resources", Value::Array(shown)) => {
                    whole["resources"].as_array_mut().context("no resources")?.extend(shown.clone());
                }
                // Policies are shown in parts too.
                ("policy", value) => {
                    if let Some(shown) = value["cedar"].as_str() {
                        let all = format!("{}\n{shown}", whole["policy"]["cedar"].as_str().unwrap_or_default());
                        whole["policy"]["cedar"] = all.into();
                    }
                    for (key, value) in value.as_object().into_iter().flatten().filter(|(key, _)| *key != "cedar") {
                        whole["policy"][key] = value.clone();
                    }
                }
                ("binding" | "claims", value) => whole["issuers"][0][key] = value.clone(),
                (key, value) => whole[key] = value.clone(),
            }
        }
    }
    let loaded = Engine::load(whole.to_string().as_bytes(), &ScenarioSecrets);
    loaded.map(drop).map_err(|errors| anyhow::anyhow!("{errors}"))
}

fn readme() -> Result<String> {
    Ok(std::fs::read_to_string(root().join("README.md"))?)
}

/// The fenced block that begins with `fence` behind `mark`.
fn block(text: &str, mark: &str, fence: &str) -> Result<String> {
    let (_, behind) = text.split_once(mark).with_context(|| format!("README.md has no `{mark}`"))?;
    let (_, behind) = behind.split_once(fence).context("no block behind it")?;
    let (block, _) = behind.split_once("```").context("the block does not end")?;
    Ok(block.to_owned())
}

/// Decision ids differ from run to run.
fn masked(answer: &str) -> String {
    const UUID: usize = 36;
    match answer.split_once("urn:uuid:") {
        Some((before, id)) => format!("{before}urn:uuid:<id>{}", id.get(UUID..).unwrap_or_default()),
        None => answer.to_owned(),
    }
}
