//! Texts as documents: plugin configurations in YAML or JSON, and other YAML held to a type.
//!
//! What a configuration says is not judged here: the engine gets JSON as it is written, and YAML as the JSON it means.

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

/// It is not YAML, says a key twice, or holds what JSON cannot.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not YAML: {problem}")]
pub struct Malformed {
    pub problem: String,
    pub line: Option<usize>,
    pub column: Option<usize>,
}

/// It is YAML, and something in it is not what belongs there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct Misplaced {
    pub place: String,
    pub problem: String,
}

impl Document {
    /// The one that is written as JSON. What is wrong with it, such as a key said twice, is for the engine to say.
    pub fn json(text: String) -> Self {
        let value = serde_json::from_str(&text).unwrap_or_default();
        Self { text, value }
    }

    /// The one that is written as YAML.
    pub fn yaml(text: &str) -> Result<Self, Malformed> {
        let refused = |problem: String, location: Option<serde_norway::Location>| Malformed {
            problem,
            line: location.as_ref().map(serde_norway::Location::line),
            column: location.as_ref().map(serde_norway::Location::column),
        };
        let value: serde_norway::Value =
            serde_norway::from_str(text).map_err(|error| refused(error.to_string(), error.location()))?;
        let value = serde_json::to_value(value).map_err(|error| refused(error.to_string(), None))?;
        Ok(Self::of(value))
    }

    /// A document that says `value`.
    pub fn of(value: Value) -> Self {
        Self { text: value.to_string(), value }
    }
}

/// YAML (or JSON), held to the form of `T`; errors name the place.
pub fn parse<T: DeserializeOwned>(text: &str) -> Result<T, Misplaced> {
    serde_path_to_error::deserialize(serde_norway::Deserializer::from_str(text)).map_err(|error| {
        let place = match error.path().to_string() {
            root if root == "." => "(root)".to_owned(),
            place => place,
        };
        // The place is said once.
        let problem = error.into_inner().to_string();
        let problem = problem.strip_prefix(&format!("{place}: ")).map_or(problem.clone(), str::to_owned);
        Misplaced { place, problem }
    })
}
