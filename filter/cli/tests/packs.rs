//! What every shipped pack has: its three files, a line in `policies/README.md`, and of every policy why it is there and
//! which risk it answers.

use std::error::Error;
use std::path::{Path, PathBuf};

use countersign_cli::pack::read;
use countersign_explain::cases::{Policy, configuration};
use countersign_explain::document::Document;
use countersign_explain::validate::{Present, load};

type Outcome = Result<(), Box<dyn Error>>;

/// OWASP Top 10 for Agentic Applications 2026: ASI01 to ASI10.
const RISKS: usize = 10;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn packs() -> Result<Vec<PathBuf>, Box<dyn Error>> {
    let mut packs = Vec::new();
    for entry in std::fs::read_dir(root().join("policies"))? {
        packs.push(entry?.path());
    }
    // Beside them is what is for all of them.
    packs.retain(|path| path.is_dir());
    Ok(packs)
}

fn is_risk(word: &str) -> bool {
    (1..=RISKS).any(|number| word == format!("ASI{number:02}"))
}

#[test]
fn every_policy_has_a_name_a_reason_and_the_risks_it_answers() -> Outcome {
    for folder in packs()? {
        let (pack, policies) = read(&folder)?;
        let Some(policy @ Policy::Cedar(cedar)) = policies.first() else { return Err("no Cedar".into()) };
        let loaded = load(&Document::of(configuration(&pack, policy)), &Present::default());
        let loaded = loaded.map_err(|findings| format!("{}: {findings:?}", folder.display()))?;
        for described in loaded.cedar.ok_or("no policy")?.policies(cedar) {
            let place = format!("{}/policy.cedar:{}: {}", folder.display(), described.line, described.id);
            assert!(cedar.contains(&format!("@id(\"{}\")", described.id)), "{place}: no @id");
            assert!(
                described.reason.is_some_and(|reason| reason.ends_with('.')),
                "{place}: no @reason, or no sentence"
            );
            assert!(described.maps.iter().any(|word| is_risk(word)), "{place}: no risk in @maps");
        }
    }
    Ok(())
}

#[test]
fn every_pack_is_explained_and_listed() -> Outcome {
    let list = std::fs::read_to_string(root().join("policies/README.md"))?;
    for folder in packs()? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let linked = [format!("]({name})"), format!("]({name}/README.md)")].iter().any(|link| list.contains(link));
        assert!(linked, "{name} is not in policies/README.md");
        let explained = std::fs::read_to_string(folder.join("README.md"))?;
        assert!(
            explained.contains(&format!("-- test policies/{}", if name == "starter" { "*/" } else { &name })),
            "{name}"
        );
    }
    Ok(())
}
