//! The README's examples of the command line answer as they are shown, and pages name every key of the configuration.

use std::collections::BTreeSet;
use std::error::Error;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

type Outcome = Result<(), Box<dyn Error>>;

/// Marks an example; what follows is its name.
const MARK: &str = "<!-- command line: ";

/// The examples in `readme`: each the first code block behind a mark.
fn examples(readme: &str) -> Result<Vec<&str>, Box<dyn Error>> {
    let blocks = readme.split(MARK).skip(1).map(|behind| {
        let (_, behind) = behind.split_once("```console\n").ok_or("no block behind a mark")?;
        Ok(behind.split_once("```").ok_or("the block does not end")?.0)
    });
    blocks.collect()
}

#[test]
fn the_examples_answer_as_shown() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md"))?;
    let programs = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().ok_or("no folder")?;
    let path = format!("{}:{}", programs.display(), std::env!("PATH"));
    for example in examples(&readme)? {
        let (mut script, mut shown) = (String::new(), String::new());
        for line in example.lines() {
            let (to, line) = line.strip_prefix("$ ").map_or((&mut shown, line), |command| (&mut script, command));
            to.push_str(line);
            to.push('\n');
        }
        let output = Command::new("bash").args(["-c", &script]).env("PATH", &path).current_dir(&root).output()?;
        assert_eq!(String::from_utf8(output.stdout)?, shown, "{script}");
        assert_eq!(String::from_utf8(output.stderr)?, "", "{script}");
    }
    Ok(())
}

/// The text of every page: the README, and those beside what they are about.
fn pages(root: &Path) -> Result<String, Box<dyn Error>> {
    let mut text = std::fs::read_to_string(root.join("README.md"))?;
    let mut folders = vec![root.join("envoy"), root.join("policies")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                text.push_str(&std::fs::read_to_string(path)?);
            }
        }
    }
    Ok(text)
}

/// The names of all members that `schema` describes.
fn keys(schema: &Value, found: &mut BTreeSet<String>) {
    match schema {
        Value::Object(members) => {
            let described = members.get("properties").and_then(Value::as_object);
            found.extend(described.into_iter().flat_map(|described| described.keys().cloned()));
            members.values().for_each(|value| keys(value, found));
        }
        Value::Array(items) => items.iter().for_each(|item| keys(item, found)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_key_of_the_configuration_is_on_a_page() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let schema = std::fs::read_to_string(root.join("envoy/countersign.schema.json"))?;
    let (mut all, pages) = (BTreeSet::new(), pages(&root)?);
    keys(&serde_json::from_str(&schema)?, &mut all);
    assert!(all.len() > 150, "only {} keys were found", all.len());
    let words: BTreeSet<&str> = pages.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').collect();
    let nowhere: Vec<&String> = all.iter().filter(|key| !words.contains(key.as_str())).collect();
    assert!(nowhere.is_empty(), "no page has {nowhere:?}");
    Ok(())
}
