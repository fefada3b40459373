//! An issuer and what its metadata says, for tests.

use std::time::Duration;

use countersign_facts::calls::Endpoint;
use countersign_tokens::{Algorithm, IssuerRules, Profile, RulesError};

use crate::keys::discovery::locate;

/// Rules of the issuer that is called `issuer`.
pub fn rules(issuer: &str) -> Result<IssuerRules, RulesError> {
    let (audiences, algorithms) = (vec!["here".to_owned()], vec![Algorithm::ES256]);
    IssuerRules::new(issuer.to_owned(), Profile::AccessToken, audiences, algorithms, None, Duration::ZERO)
}

/// The path of the keys in an issuer's metadata.
pub fn located(document: &str) -> Result<String, String> {
    let keys = Endpoint {
        cluster: "sts".to_owned(),
        scheme: "https".to_owned(),
        authority: "sts.example.com".to_owned(),
        path: "/".to_owned(),
        timeout: Duration::from_secs(1),
    };
    let issuer = rules("https://sts.example.com").map_err(|error| error.to_string())?;
    let found = locate(document.as_bytes(), &issuer, &keys);
    found.map(|endpoint| endpoint.path).map_err(|error| error.to_string())
}
