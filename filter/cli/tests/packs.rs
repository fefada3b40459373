//! What every shipped pack has: its three files, a line in the README, and for every policy a name and why it is there.

use std::error::Error;
use std::path::{Path, PathBuf};

use countersign_cli::document::Document;
use countersign_cli::pack::{configuration, read};
use countersign_cli::validate::{Present, load};

type Outcome = Result<(), Box<dyn Error>>;

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

#[test]
fn every_policy_has_a_name_and_a_reason() -> Outcome {
    for folder in packs()? {
        let (pack, cedar) = read(&folder)?;
        let loaded = load(&Document::of(configuration(&pack, &cedar)), &Present::default());
        let (_, policy) = loaded.map_err(|findings| format!("{}: {findings:?}", folder.display()))?;
        for described in policy.ok_or("no policy")?.policies(&cedar) {
            let place = format!("{}/policy.cedar:{}: {}", folder.display(), described.line, described.id);
            assert!(cedar.contains(&format!("@id(\"{}\")", described.id)), "{place}: no @id");
            assert!(
                described.reason.is_some_and(|reason| reason.ends_with('.')),
                "{place}: no @reason, or no sentence"
            );
        }
    }
    Ok(())
}

#[test]
fn every_pack_is_explained_and_listed() -> Outcome {
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    for folder in packs()? {
        let name = folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        assert!(readme.contains(&format!("](policies/{name})")), "{name} is not in README.md");
        let explained = std::fs::read_to_string(folder.join("README.md"))?;
        assert!(
            explained.contains(&format!("-- test policies/{}", if name == "starter" { "*/" } else { &name })),
            "{name}"
        );
    }
    Ok(())
}
