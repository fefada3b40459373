//! The README's examples of the command line answer as they are shown.

use std::error::Error;
use std::path::Path;
use std::process::Command;

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
