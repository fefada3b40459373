//! The README's first policy is one, and decides as it is shown.

use std::error::Error;
use std::path::Path;
use std::process::Command;

type Outcome = Result<(), Box<dyn Error>>;

/// The first code block of `readme` behind `mark`, without its fences.
fn block<'a>(readme: &'a str, mark: &str) -> Result<&'a str, Box<dyn Error>> {
    let (_, behind) = readme.split_once(mark).ok_or_else(|| format!("README.md has no `{mark}`"))?;
    let (_, behind) = behind.split_once("```").ok_or("no block behind it")?;
    let (_, behind) = behind.split_once('\n').ok_or("an empty block")?;
    Ok(behind.split_once("```").ok_or("the block does not end")?.0)
}

#[test]
fn the_first_policy_decides_as_shown() -> Outcome {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let readme = std::fs::read_to_string(root.join("README.md"))?;
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("first-policy");
    let folder = home.join("my-policy");
    std::fs::create_dir_all(&folder)?;
    for file in ["policy.cedar", "cases.yaml"] {
        std::fs::write(folder.join(file), block(&readme, &format!("<!-- first policy: {file} -->"))?)?;
    }
    let (command, shown) = block(&readme, "<!-- first policy: test -->")?.split_once('\n').ok_or("nothing shown")?;
    let arguments = command.split_once(" -- ").ok_or("another command")?.1.split(' ');
    let output = Command::new(env!("CARGO_BIN_EXE_countersign")).args(arguments).current_dir(&home).output()?;
    assert_eq!(String::from_utf8(output.stdout)?, shown);
    assert_eq!(output.status.code(), Some(0));
    Ok(())
}
