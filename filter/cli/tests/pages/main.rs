//! What the pages show of the command line is what happens, and what they link to is there.
//!
//! What they show of a gateway is tested in `host-tests/tests/pages.rs`.

mod page;

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

use countersign_cli::pack;
use countersign_explain::cases;
use countersign_explain::document::{self, Document};
use countersign_explain::validate::{Present, load};
use serde_json::{Map, Value};

use page::{Block, Link, Page};

type Outcome = Result<(), Box<dyn Error>>;

/// The page where everybody starts.
const START: &str = "README.md";

/// Its largest size, in bytes.
const MOST_OF_START: usize = 9 * 1024;

/// Every page can be reached from the first one with so many.
const CLICKS: usize = 2;

/// Pages that may link to code. Nobody has to read code to use any other page.
const ABOUT_CODE: [&str; 2] = ["filter/ARCHITECTURE.md", ".github/CONTRIBUTING.md"];

/// What the project's own folders begin with, where a command names a file.
const FOLDERS: [&str; 5] = ["envoy/", "filter/", "host-tests/", "policies/", "scripts/"];

/// Language and mark of the blocks that tests run. `configuration`, `examples`, `scenario` and unmarked configuration are run by
/// `host-tests/tests/pages.rs`, all others here.
const RUN: &[(&str, &str)] = &[
    ("cedar", ""),
    ("cedar", "first policy"),
    ("console", "command line"),
    ("console", "examples"),
    ("console", "first policy"),
    ("yaml", ""),
    ("yaml", "configuration"),
    ("yaml", "first policy"),
    ("yaml", "scenario"),
];

/// Languages of the unmarked blocks that no test runs, and why. Forms of cases are not run either: they hold words in place of
/// values. The cases of the packs are run.
const NOT_RUN: &[(&str, &str)] = &[
    ("console", "it takes a network, a machine or minutes; that what it names exists is tested below"),
    ("http", "header fields of a message; scenarios compare those of every answer"),
    ("js", "a server of the reader's, to begin with"),
    ("json", "answers, records and documents, cut where they are long; scenarios compare whole ones"),
    ("text", "drawings and forms"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The blocks marked as `kind`, each with the value of its mark.
fn marked<'a>(pages: &'a BTreeMap<String, Page>, kind: &str) -> Vec<(&'a str, &'a Block)> {
    let blocks = pages.values().flat_map(|page| &page.blocks);
    blocks.filter_map(|block| Some((block.marked(kind)?, block))).collect()
}

#[test]
fn commands_answer_as_shown() -> Outcome {
    let programs = Path::new(env!("CARGO_BIN_EXE_countersign")).parent().ok_or("no folder")?;
    let path = format!("{}:{}", programs.display(), env!("PATH"));
    let pages = Page::all(&root())?;
    let examples = marked(&pages, "command line");
    assert!(examples.len() >= 3, "only {} examples were found", examples.len());
    for (_, block) in examples {
        let (mut script, mut shown) = (String::new(), String::new());
        for line in block.text.lines() {
            let (to, line) = line.strip_prefix("$ ").map_or((&mut shown, line), |command| (&mut script, command));
            to.push_str(line);
            to.push('\n');
        }
        let output = Command::new("bash").args(["-c", &script]).env("PATH", &path).current_dir(root()).output()?;
        assert_eq!(String::from_utf8(output.stdout)?, shown, "{}", block.place);
        assert_eq!(String::from_utf8(output.stderr)?, "", "{}", block.place);
    }
    Ok(())
}

#[test]
fn the_first_policy_decides_as_shown() -> Outcome {
    let pages = Page::all(&root())?;
    let blocks: BTreeMap<&str, &Block> = marked(&pages, "first policy").into_iter().collect();
    let block = |name: &str| blocks.get(name).ok_or_else(|| format!("no page has `<!-- first policy: {name} -->`"));
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-policy");
    let folder = home.join("my-policy");
    std::fs::create_dir_all(&folder)?;
    for file in ["policy.cedar", "cases.yaml"] {
        std::fs::write(folder.join(file), &block(file)?.text)?;
    }
    let test = block("test")?;
    let (command, shown) = test.text.split_once('\n').ok_or_else(|| format!("{}: nothing is shown", test.place))?;
    let (_, arguments) = command.split_once(" -- ").ok_or_else(|| format!("{}: another command", test.place))?;
    let output =
        Command::new(env!("CARGO_BIN_EXE_countersign")).args(arguments.split(' ')).current_dir(&home).output()?;
    assert_eq!(String::from_utf8(output.stdout)?, shown, "{}", test.place);
    assert_eq!(output.status.code(), Some(0), "{}", test.place);
    Ok(())
}

/// A pack's page may show what a configuration needs besides the pack. It is tried with the pack's own catalogue and policy.
#[test]
fn configuration_on_the_page_of_a_pack_fits_the_pack() -> Outcome {
    for (path, page) in Page::all(&root())? {
        let Some((folder, _)) = path.strip_prefix("policies/").and_then(|path| path.split_once('/')) else { continue };
        let (pack, policies) = pack::read(&root().join("policies").join(folder))?;
        let policy = policies.first().ok_or_else(|| format!("{path}: no policy"))?;
        for block in &page.blocks {
            if block.language != "yaml" || block.mark.is_some() || block.is_form_of_cases() {
                continue;
            }
            let part: Map<String, Value> =
                document::parse(&block.text).map_err(|error| format!("{}: {error}", block.place))?;
            let mut configuration = cases::configuration(&pack, policy);
            configuration.as_object_mut().ok_or("no members")?.extend(part);
            let loaded = load(&Document::of(configuration), &Present::default());
            loaded.map_err(|findings| format!("{}: {findings:?}", block.place))?;
        }
    }
    Ok(())
}

#[test]
fn every_block_is_run_or_has_a_reason_not_to_be() -> Outcome {
    let mut problems = Vec::new();
    for page in Page::all(&root())?.values() {
        for block in &page.blocks {
            let Block { place, mark, language, text: _ } = block;
            let kind = mark.as_ref().map_or("", |mark| mark.kind.as_str());
            let unmarked = mark.is_none() && NOT_RUN.iter().any(|(known, _)| known == language);
            let excused = unmarked || block.is_form_of_cases();
            if !excused && !RUN.contains(&(language.as_str(), kind)) {
                problems.push(format!("{place}: no test runs `{language}` marked `{kind}`, and no reason is given"));
            }
        }
        let lost = page.idle.iter().filter(|mark| RUN.iter().any(|(_, kind)| *kind == mark.kind));
        problems.extend(lost.map(|mark| format!("{}: no block follows this mark", mark.place)));
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}

/// Commands that no test runs must name files that exist, unless they are the reader's own (`policies/my-pack`), and
/// subcommands that `countersign` has.
#[test]
fn commands_that_are_not_run_name_what_exists() -> Outcome {
    let mut problems = Vec::new();
    let pages = Page::all(&root())?;
    let blocks = pages.values().flat_map(|page| &page.blocks);
    for block in blocks.filter(|block| block.mark.is_none() && block.language == "console") {
        let place = &block.place;
        for command in block.text.lines().filter_map(|line| line.strip_prefix("$ ")) {
            let command = command.split(" #").next().unwrap_or_default();
            let files = command.split(' ').filter(|word| FOLDERS.iter().any(|folder| word.starts_with(folder)));
            let ours = files.filter(|file| !file.contains("/my-"));
            let missing = ours.filter(|file| !root().join(file.split('*').next().unwrap_or_default()).exists());
            problems.extend(missing.map(|file| format!("{place}: there is no {file}")));
            let (_, behind) = command.split_once("countersign-cli -- ").unwrap_or_default();
            let called = command.strip_prefix("countersign ").unwrap_or(behind);
            if let Some(name) = called.split_whitespace().next() {
                let asked = Command::new(env!("CARGO_BIN_EXE_countersign")).args([name, "--help"]).output()?;
                if !asked.status.success() {
                    problems.push(format!("{place}: countersign has no `{name}`"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
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
    let schema = std::fs::read_to_string(root().join("envoy/countersign.schema.json"))?;
    let (mut all, pages) = (BTreeSet::new(), Page::all(&root())?);
    keys(&serde_json::from_str(&schema)?, &mut all);
    assert!(all.len() > 150, "only {} keys were found", all.len());
    let text = pages.values().map(|page| page.text.as_str());
    let words: BTreeSet<&str> =
        text.flat_map(|text| text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect();
    let nowhere: Vec<&String> = all.iter().filter(|key| !words.contains(key.as_str())).collect();
    assert!(nowhere.is_empty(), "no page has {nowhere:?}");
    Ok(())
}

#[test]
fn the_first_page_is_short() -> Outcome {
    let pages = Page::all(&root())?;
    let length = pages.get(START).ok_or("there is no README.md")?.text.len();
    assert!(length <= MOST_OF_START, "{START} has {length} bytes, which are more than {MOST_OF_START}");
    Ok(())
}

#[test]
fn every_link_leads_to_what_is_there() -> Outcome {
    let pages = Page::all(&root())?;
    let problem = |link: &Link| {
        let Some(path) = link.path() else { return Some("leads out of the project") };
        if !root().join(&path).exists() {
            return Some("leads to nothing");
        }
        let there = |anchor: &str| pages.get(&path).is_some_and(|page| page.anchors.contains(anchor));
        link.anchor().is_some_and(|anchor| !there(anchor)).then_some("leads to a heading that is not there")
    };
    let links = pages.values().flat_map(|page| &page.links).filter(|link| !link.is_external());
    let problems = links.filter_map(|link| Some(format!("{}: `{}` {}", link.place(), link.target, problem(link)?)));
    let problems: Vec<String> = problems.collect();
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    Ok(())
}

#[test]
fn only_pages_about_code_lead_into_it() -> Outcome {
    let pages = Page::all(&root())?;
    let pages = pages.iter().filter(|(path, _)| !ABOUT_CODE.contains(&path.as_str()));
    let is_code = |path: &String| Path::new(path).extension().is_some_and(|extension| extension == "rs");
    let links = pages.flat_map(|(_, page)| &page.links).filter(|link| link.path().as_ref().is_some_and(is_code));
    let problems: Vec<String> = links.map(|link| format!("{}: `{}`", link.place(), link.target)).collect();
    assert!(problems.is_empty(), "these lead into code:\n{}", problems.join("\n"));
    Ok(())
}

#[test]
fn every_page_is_near_the_first_one() -> Outcome {
    let pages = Page::all(&root())?;
    let mut reached = BTreeSet::from([START.to_owned()]);
    for _ in 0..CLICKS {
        let links = reached.iter().filter_map(|path| pages.get(path)).flat_map(|page| &page.links);
        // A folder shows its own page.
        let next = links.filter_map(Link::path).flat_map(|path| [format!("{path}/{START}"), path]);
        let next: Vec<String> = next.filter(|path| pages.contains_key(path)).collect();
        reached.extend(next);
    }
    let far: Vec<&String> = pages.keys().filter(|path| !reached.contains(*path)).collect();
    assert!(far.is_empty(), "{START} and {CLICKS} clicks do not lead to {far:?}");
    Ok(())
}
