//! The frameworks there are: `policies/frameworks.yaml`, which is part of this program.

use serde::Deserialize;

use crate::document::DocumentError;

use countersign_explain::document;

/// The file, as it was when this program was built.
const TEXT: &str = include_str!("../../../../policies/frameworks.yaml");

/// One framework.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Framework {
    /// What it is called, with its version.
    #[serde(rename = "framework")]
    pub name: String,
    /// Where its titles are from.
    pub source: String,
    pub entries: Vec<Risk>,
}

/// One thing in it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Risk {
    pub id: String,
    /// In the framework's own words.
    pub title: String,
}

/// Every framework.
///
/// # Errors
/// None that a test would not have found.
pub fn catalogue() -> Result<Vec<Framework>, DocumentError> {
    document::parse(TEXT)
        .map_err(|misplaced| DocumentError::Member { path: "policies/frameworks.yaml".into(), misplaced })
}

#[cfg(test)]
mod tests {
    use countersign_policy::frameworks::IDENTIFIERS;

    use super::*;

    #[test]
    fn the_engine_knows_every_identifier_and_no_other() -> Result<(), DocumentError> {
        let frameworks = catalogue()?;
        let risks: Vec<&Risk> = frameworks.iter().flat_map(|framework| &framework.entries).collect();
        let ids: Vec<&str> = risks.iter().map(|risk| risk.id.as_str()).collect();
        assert_eq!(ids, IDENTIFIERS);
        for risk in &risks {
            assert!(!risk.title.is_empty() && !risk.id.contains(char::is_whitespace), "{}", risk.id);
        }
        for framework in &frameworks {
            assert!(framework.source.starts_with("https://"), "{}", framework.source);
        }
        Ok(())
    }
}
