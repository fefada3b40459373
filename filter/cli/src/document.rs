//! Files as documents: plugin configurations in YAML or JSON, and other YAML held to a type.
//!
//! What a configuration says is not judged here: the engine gets JSON as it is written, and YAML as the JSON it means.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use serde_json::Value;

/// A plugin configuration.
#[derive(Clone, Debug)]
pub struct Document {
    /// JSON, for the engine.
    pub text: String,
    /// That text, parsed leniently, to find places in it. Null where it is not JSON.
    pub value: Value,
}

/// Why a file is no document.
#[derive(Debug, thiserror::Error)]
pub enum DocumentError {
    /// It cannot be read at all.
    #[error("{}: {cause}", .path.display())]
    Io { path: PathBuf, cause: std::io::Error },
    /// It is not YAML, says a key twice, or holds what JSON cannot.
    #[error("{}: not YAML: {problem}", .path.display())]
    Yaml { path: PathBuf, problem: String, line: Option<usize>, column: Option<usize> },
    /// It is YAML, and something in it is not what belongs there.
    #[error("{}: {place}: {problem}", .path.display())]
    Member { path: PathBuf, place: String, problem: String },
}

impl Document {
    /// The file at `path`: JSON if it begins with `{` and is not called otherwise, else YAML.
    pub fn read(path: &Path) -> Result<Self, DocumentError> {
        let text = read(path)?;
        let json = path.extension().is_none_or(|extension| extension == "json") && text.trim_start().starts_with('{');
        if json {
            // What is wrong with it, such as a key said twice, is for the engine to say.
            let value = serde_json::from_str(&text).unwrap_or_default();
            return Ok(Self { text, value });
        }
        let refused = |problem: String, location: Option<serde_norway::Location>| DocumentError::Yaml {
            path: path.to_owned(),
            problem,
            line: location.as_ref().map(serde_norway::Location::line),
            column: location.as_ref().map(serde_norway::Location::column),
        };
        let value: serde_norway::Value =
            serde_norway::from_str(&text).map_err(|error| refused(error.to_string(), error.location()))?;
        let value = serde_json::to_value(value).map_err(|error| refused(error.to_string(), None))?;
        Ok(Self { text: value.to_string(), value })
    }

    /// A document that says `value`.
    pub fn of(value: Value) -> Self {
        Self { text: value.to_string(), value }
    }
}

/// The YAML (or JSON) at `path`, held to the form of `T`; errors name the place.
pub fn typed<T: DeserializeOwned>(path: &Path) -> Result<T, DocumentError> {
    parse(&read(path)?, path)
}

/// `text`, read at `path`, held to the form of `T`.
pub fn parse<T: DeserializeOwned>(text: &str, path: &Path) -> Result<T, DocumentError> {
    serde_path_to_error::deserialize(serde_norway::Deserializer::from_str(text)).map_err(|error| {
        let place = match error.path().to_string() {
            root if root == "." => "(root)".to_owned(),
            place => place,
        };
        // The place is said once.
        let problem = error.into_inner().to_string();
        let problem = problem.strip_prefix(&format!("{place}: ")).map_or(problem.clone(), str::to_owned);
        DocumentError::Member { path: path.to_owned(), place, problem }
    })
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
