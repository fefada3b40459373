//! Files as documents.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use countersign_explain::document::{self, Document, Malformed, Misplaced};
use serde::de::DeserializeOwned;

/// Why a file is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be read at all.
    #[error("{}: {cause}", .path.display())]
    Io { path: PathBuf, cause: std::io::Error },
    #[error("{}: {malformed}", .path.display())]
    Yaml { path: PathBuf, malformed: Malformed },
    #[error("{}: {misplaced}", .path.display())]
    Member { path: PathBuf, misplaced: Misplaced },
}

/// The plugin configuration at `path`: JSON if it begins with `{` and is not called otherwise, else YAML.
pub fn configuration(path: &Path) -> Result<Document, DocumentError> {
    let text = read(path)?;
    let json = path.extension().is_none_or(|extension| extension == "json") && text.trim_start().starts_with('{');
    if json {
        return Ok(Document::json(text));
    }
    Document::yaml(&text).map_err(|malformed| DocumentError::Yaml { path: path.to_owned(), malformed })
}

/// The YAML (or JSON) at `path`, held to the form of `T`; errors name the place.
pub fn typed<T: DeserializeOwned>(path: &Path) -> Result<T, DocumentError> {
    document::parse(&read(path)?).map_err(|misplaced| DocumentError::Member { path: path.to_owned(), misplaced })
}

/// The text of the file at `path`; `-` is standard input.
pub fn read(path: &Path) -> Result<String, DocumentError> {
    let read = if path == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(path)
    };
    read.map_err(|cause| DocumentError::Io { path: path.to_owned(), cause })
}
