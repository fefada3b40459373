//! Files that are made of what the code says, for tests.

use std::{fs, io};

/// That `folder` has at `place` what is `made`; with `COUNTERSIGN_WRITE=1` in the environment it is written there.
#[expect(clippy::disallowed_methods, reason = "tests are told by their environment whether to write")]
pub fn made(folder: &str, place: &str, made: &str) -> io::Result<()> {
    let path = format!("{folder}/{place}");
    let found = fs::read_to_string(&path)?;
    if found == made {
        return Ok(());
    }
    if std::env::var_os("COUNTERSIGN_WRITE").is_some_and(|value| value == "1") {
        return fs::write(path, made);
    }
    let first = found.lines().zip(made.lines()).find(|(found, made)| found != made);
    let differs = format!(
        "{path} is not what the code says. Write it: COUNTERSIGN_WRITE=1 cargo test --workspace --lib the_page_is\n\
         The first line that differs, as it is and as it should be: {first:?}"
    );
    Err(io::Error::other(differs))
}
