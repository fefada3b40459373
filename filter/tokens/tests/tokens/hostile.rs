//! Runs `tests/hostile.yaml`: every token in it is refused, with the words it says.

use std::collections::BTreeSet;

use countersign_tokens::{Algorithm, Profile, UnixTime};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::issuer::{Failure, Issuer, NOW, claims, encode, header, rules, svid, svid_claims, transaction_claims};
use crate::oracle::judged;

/// One token; see the head of the file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    section: String,
    #[serde(default)]
    profile: Kind,
    header: Option<String>,
    payload: Option<String>,
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    drop: Vec<String>,
    #[serde(default)]
    sign: Signature,
    shape: Option<String>,
    error: String,
    class: String,
}

#[derive(Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    AccessToken,
    Generic,
    JwtSvid,
    TxnToken,
}

impl Kind {
    /// `typ` of an acceptable header.
    fn header(self) -> String {
        match self {
            Self::AccessToken | Self::Generic => header(Algorithm::RS256),
            Self::JwtSvid => header(Algorithm::RS256).replace("at+jwt", "JWT"),
            Self::TxnToken => header(Algorithm::RS256).replace("at+jwt", "txntoken+jwt"),
        }
    }

    fn claims(self) -> Value {
        match self {
            Self::AccessToken | Self::Generic => claims(),
            Self::JwtSvid => svid_claims(),
            Self::TxnToken => transaction_claims(),
        }
    }
}

#[derive(Default, Deserialize)]
enum Signature {
    #[default]
    RS256,
    PS256,
    ES256,
    ES384,
    EdDSA,
    /// By another issuer's key of the header's algorithm.
    Stranger,
    /// 64 zero bytes.
    Zeros,
}

impl Case {
    fn token(&self, stranger: &Issuer) -> Result<String, Failure> {
        let issuer = Issuer::shared()?;
        let header = encode(self.header.clone().unwrap_or_else(|| self.profile.header()))?;
        let payload = encode(self.payload()?)?;
        let input = format!("{header}.{payload}");
        let signature = match self.sign {
            Signature::RS256 => issuer.sign(Algorithm::RS256, &input)?,
            Signature::PS256 => issuer.sign(Algorithm::PS256, &input)?,
            Signature::ES256 => issuer.sign(Algorithm::ES256, &input)?,
            Signature::ES384 => issuer.sign(Algorithm::ES384, &input)?,
            Signature::EdDSA => issuer.sign(Algorithm::EdDSA, &input)?,
            Signature::Stranger => stranger.sign(Algorithm::RS256, &input)?,
            Signature::Zeros => vec![0; 64],
        };
        let shape = self.shape.as_deref().unwrap_or("{header}.{payload}.{signature}");
        Ok(shape
            .replace("{header}", &header)
            .replace("{payload}", &payload)
            .replace("{signature}", &encode(signature)?))
    }

    fn payload(&self) -> Result<String, Failure> {
        if let Some(text) = &self.payload {
            return Ok(text.clone());
        }
        let mut claims = self.profile.claims();
        let members = claims.as_object_mut().ok_or("no object")?;
        members.extend(self.set.clone());
        for name in &self.drop {
            members.remove(name).ok_or_else(|| format!("{}: `{name}` is not there to drop", self.name))?;
        }
        Ok(claims.to_string())
    }

    /// What was wrong: the error's words and its class.
    fn outcome(&self, token: &str) -> Result<Option<(String, String)>, Failure> {
        let rules = rules(match self.profile {
            Kind::AccessToken => Profile::AccessToken,
            Kind::Generic => Profile::generic(),
            Kind::JwtSvid => svid()?,
            Kind::TxnToken => Profile::TxnToken,
        })?;
        let keys = Issuer::shared()?.keys()?;
        let outcome = judged(token, &rules, &keys, UnixTime::from_secs(NOW));
        Ok(outcome.err().map(|error| (error.to_string(), format!("{:?}", error.class()))))
    }
}

fn cases() -> Result<Vec<Case>, Failure> {
    Ok(serde_yaml_ng::from_str(include_str!("../hostile.yaml"))?)
}

/// Header, payload and token of every case: seeds for [`crate::fuzz`].
pub(crate) fn parts() -> Result<Vec<(String, String, String)>, Failure> {
    let stranger = Issuer::generate()?;
    let parts = |case: Case| {
        let header = case.header.clone().unwrap_or_else(|| case.profile.header());
        Ok((header, case.payload()?, case.token(&stranger)?))
    };
    cases()?.into_iter().map(parts).collect()
}

#[test]
fn every_hostile_token_is_refused_as_it_should_be() -> Result<(), Failure> {
    let stranger = Issuer::generate()?;
    let mut wrong = Vec::new();
    for case in cases()? {
        let outcome = case.outcome(&case.token(&stranger)?)?;
        let expected = Some((case.error.clone(), case.class.clone()));
        if outcome != expected {
            wrong.push(format!("{} ({})\n  expected {expected:?}\n  was      {outcome:?}", case.name, case.section));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    Ok(())
}

#[test]
fn every_hostile_token_has_a_name_of_its_own_and_cites_its_standard() -> Result<(), Failure> {
    let mut names = BTreeSet::new();
    for case in cases()? {
        assert!(case.section.contains('§'), "{}: `{}`", case.name, case.section);
        assert!(names.insert(case.name.clone()), "{}: twice", case.name);
    }
    Ok(())
}
