//! The program as people and CI run it, word for word; and every shipped pack passes.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::Command;

type Outcome = Result<(), Box<dyn Error>>;

/// The project's top folder, which paths in answers are relative to.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// What it prints, both ways, and its exit code.
fn run(arguments: &[&str]) -> Result<(String, String, Option<i32>), Box<dyn Error>> {
    let output = Command::new(env!("CARGO_BIN_EXE_countersign")).args(arguments).current_dir(root()).output()?;
    Ok((String::from_utf8(output.stdout)?, String::from_utf8(output.stderr)?, output.status.code()))
}

/// The answer in `tests/golden/<name>`, and nothing else.
fn check(name: &str, arguments: &[&str], code: i32) -> Outcome {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    let expected = std::fs::read_to_string(&golden).map_err(|error| format!("{}: {error}", golden.display()))?;
    let (out, err, exit) = run(arguments)?;
    assert_eq!(out, expected, "{arguments:?}");
    assert_eq!((err.as_str(), exit), ("", Some(code)), "{arguments:?}");
    Ok(())
}

const BROKEN: &str = "filter/cli/tests/input/broken.yaml";
const MISTYPED: &str = "filter/cli/tests/input/mistyped.yaml";
const COVERAGE: &str = "filter/cli/tests/input/coverage.yaml";
const NOTES: &str = "filter/cli/tests/input/notes.yaml";
const FAILING: &str = "filter/cli/tests/input/failing";

#[test]
fn everything_wrong_is_said_with_place_and_remedy() -> Outcome {
    check("validate.txt", &["validate", BROKEN, MISTYPED, "envoy/demo.yaml"], 1)?;
    check("validate.json", &["validate", "--json", BROKEN, MISTYPED], 1)?;
    check("valid.txt", &["validate", "envoy/demo.yaml"], 0)
}

#[test]
fn every_argument_is_listed_with_who_asks_for_it() -> Outcome {
    check("coverage.txt", &["validate", "--coverage", COVERAGE], 0)?;
    check("coverage.json", &["validate", "--coverage", "--json", COVERAGE], 0)?;
    // Only what is likely not meant is told without.
    check("warnings.txt", &["validate", COVERAGE], 0)?;
    check("warnings.txt", &["validate", "--strict", COVERAGE], 1)
}

#[test]
fn what_is_likely_not_meant_is_noted() -> Outcome {
    check("notes.txt", &["validate", NOTES], 0)?;
    check("notes.txt", &["validate", "--strict", NOTES], 1)?;
    check("notes.json", &["validate", "--strict", "--json", NOTES], 1)?;
    check("valid.txt", &["validate", "--strict", "envoy/demo.yaml"], 0)
}

#[test]
fn how_a_text_looks_is_a_warning() -> Outcome {
    check("texts.txt", &["validate", "filter/cli/tests/input/texts.yaml"], 0)?;
    check("texts.txt", &["validate", "--strict", "filter/cli/tests/input/texts.yaml"], 1)
}

#[test]
fn what_cannot_be_read_is_another_exit_code() -> Outcome {
    check("unreadable.txt", &["validate", "nowhere.yaml", "envoy/demo.yaml"], 2)?;
    check("no-pack.txt", &["test", "envoy"], 2)?;
    let (_, err, exit) = run(&["validate"])?;
    assert!(err.contains("<CONFIG>"), "{err}");
    assert_eq!(exit, Some(2));
    Ok(())
}

#[test]
fn cases_that_fail_and_policies_without_cases_are_shown() -> Outcome {
    check("test.txt", &["test", FAILING], 1)?;
    check("test.json", &["test", "--json", FAILING], 1)
}

/// What is not in the catalogue, what it refuses before policy is asked, and policies that are not there.
#[test]
fn cases_that_name_nothing_fail_unless_they_say_so() -> Outcome {
    check("catalogue.txt", &["test", "filter/cli/tests/input/catalogue"], 1)
}

#[test]
fn cases_of_every_protocol_are_read_as_the_filter_reads_them() -> Outcome {
    check("protocols.txt", &["test", "filter/cli/tests/input/protocols"], 0)?;
    check("machines.txt", &["test", "filter/cli/tests/input/machines"], 0)
}

/// Explains what is in `tests/input/explain/<body>`, at a time when the token there is good.
fn explained(name: &str, body: &str, with: &[&str], code: i32) -> Outcome {
    explained_by("config.yaml", name, body, with, code)
}

/// As `tests/input/explain/<config>` has it.
fn explained_by(config: &str, name: &str, body: &str, with: &[&str], code: i32) -> Outcome {
    let input = |file: &str| format!("filter/cli/tests/input/explain/{file}");
    let (config, body) = (input(config), input(body));
    let with: Vec<String> = with.iter().map(|part| part.strip_prefix('@').map_or((*part).to_owned(), input)).collect();
    let fixed = ["explain", &config, "--url", "https://tools.example.com/mcp?key=s3cret", "--body", &body];
    let arguments: Vec<&str> = fixed.into_iter().chain(with.iter().map(String::as_str)).collect();
    check(name, &arguments, code)
}

const GOOD: [&str; 6] = ["--token", "@token.jwt", "--keys", "@jwks.json", "--now", "2027-01-15T08:00:10Z"];

#[test]
fn a_request_is_explained_check_by_check() -> Outcome {
    explained("explain-allow.txt", "5-DE89.json", &GOOD, 0)?;
    explained("explain-step-up.txt", "250-DE89.json", &GOOD, 1)?;
    explained("explain-policy.txt", "250-FR76.json", &GOOD, 1)?;
    explained("explain-policy.json", "250-FR76.json", &[&GOOD[..], &["--json"]].concat(), 1)?;
    explained("explain-grants.txt", "9000-DE89.json", &GOOD, 1)
}

#[test]
fn what_is_not_verified_is_said() -> Outcome {
    let at = ["--now", "1800000010"];
    explained("explain-claims.txt", "5-DE89.json", &[&["--claims", "@claims.json"], &at[..]].concat(), 0)?;
    explained(
        "explain-unverified.txt",
        "5-DE89.json",
        &[&["--token", "@token.jwt", "--unverified"], &at[..]].concat(),
        0,
    )?;
    // Nobody fetches keys here, and without a credential there is nothing to look at.
    explained("explain-keys.txt", "5-DE89.json", &[&["--token", "@token.jwt"], &at[..]].concat(), 1)?;
    explained("explain-anonymous.txt", "5-DE89.json", &at, 1)?;
    explained("explain-late.txt", "5-DE89.json", &[&GOOD[..4], &["--now", "1800000900"]].concat(), 1)
}

#[test]
fn claims_that_a_policy_reads_are_shown() -> Outcome {
    let with = |claims| ["--claims", claims, "--now", "1800000010"];
    explained_by("groups.yaml", "explain-groups.txt", "5-DE89.json", &with("@groups.json"), 0)?;
    explained_by("groups.yaml", "explain-overage.txt", "5-DE89.json", &with("@overage.json"), 1)
}

#[test]
fn neither_the_credential_nor_headers_are_printed() -> Outcome {
    let token = std::fs::read_to_string(root().join("filter/cli/tests/input/explain/token.jwt"))?;
    for body in ["5-DE89.json", "250-FR76.json"] {
        for form in ["--json", "--now=1800000900", "--now=1800000010"] {
            let body = format!("filter/cli/tests/input/explain/{body}");
            let (out, err, _) = run(&[
                "explain",
                "filter/cli/tests/input/explain/config.yaml",
                "--url=https://tools.example.com/mcp?api_key=s3cret",
                "--header=x-secret: s3cret",
                "--token=filter/cli/tests/input/explain/token.jwt",
                "--keys=filter/cli/tests/input/explain/jwks.json",
                &format!("--body={body}"),
                form,
            ])?;
            for part in token.trim().split('.').chain(["s3cret", "FR76"]) {
                assert!(!out.contains(part) && !err.contains(part), "{form} prints {part}: {out}{err}");
            }
        }
    }
    Ok(())
}

#[test]
fn risks_are_answered_by_checks_and_policies() -> Outcome {
    let config = "filter/cli/tests/input/frameworks.yaml";
    check("frameworks.txt", &["report", "frameworks", config], 0)?;
    check("frameworks.json", &["report", "frameworks", "--json", config], 0)?;
    check("frameworks-invalid.txt", &["report", "frameworks", "filter/cli/tests/input/unmapped.yaml"], 1)?;
    check("frameworks-unreadable.txt", &["report", "frameworks", "nowhere.yaml"], 2)?;
    check("unmapped.txt", &["validate", "filter/cli/tests/input/unmapped.yaml"], 1)
}

#[test]
fn recorded_decisions_are_judged_again_and_nothing_is_guessed() -> Outcome {
    let input = |file: &str| format!("filter/cli/tests/input/replay/{file}");
    let (next, decisions, settled) = (input("next.yaml"), input("decisions.jsonl"), input("settled.jsonl"));
    check("replay.txt", &["replay", &next, &decisions], 1)?;
    check("replay.json", &["replay", "--json", &next, &decisions], 1)?;
    check("replay-settled.txt", &["replay", &next, &settled], 0)?;
    check("replay-audit.txt", &["replay", &input("audit.yaml"), &input("audit.jsonl")], 1)?;
    check("replay-uris.txt", &["replay", &input("uris.yaml"), &input("uris.jsonl")], 1)?;
    check("replay-claims.txt", &["replay", &input("claims.yaml"), &input("claims.jsonl")], 1)?;
    check("replay-broken.txt", &["replay", &next, &settled, &input("broken.jsonl")], 2)?;
    check("replay-nothing.txt", &["replay", &next, &next], 2)?;
    check("replay-invalid.txt", &["replay", "filter/cli/tests/input/unmapped.yaml", &decisions], 2)
}

#[test]
fn help_shows_examples() -> Outcome {
    check("help.txt", &["--help"], 0)?;
    check("help-validate.txt", &["validate", "--help"], 0)?;
    check("help-test.txt", &["test", "--help"], 0)?;
    check("help-explain.txt", &["explain", "--help"], 0)?;
    check("help-replay.txt", &["replay", "--help"], 0)?;
    check("help-report.txt", &["report", "--help"], 0)?;
    check("help-frameworks.txt", &["report", "frameworks", "--help"], 0)
}

#[test]
fn every_shipped_pack_passes() -> Outcome {
    let mut packs = Vec::new();
    for entry in std::fs::read_dir(root().join("policies"))? {
        // Beside them is what is for all of them.
        packs.extend(Some(entry?.path()).filter(|path| path.is_dir()).map(|path| path.display().to_string()));
    }
    assert!(!packs.is_empty());
    let arguments: Vec<&str> = ["test"].into_iter().chain(packs.iter().map(String::as_str)).collect();
    let (out, _, exit) = run(&arguments)?;
    assert_eq!(exit, Some(0), "{out}");
    Ok(())
}

#[test]
fn every_shipped_policy_names_the_risks_that_it_answers() -> Outcome {
    for entry in std::fs::read_dir(root().join("policies"))? {
        let path = entry?.path().join("policy.cedar");
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        let (policies, maps) = (text.matches("@id(").count(), text.matches("@maps(").count());
        assert_eq!(policies, maps, "{}", path.display());
    }
    Ok(())
}
