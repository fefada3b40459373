//! Rules that could never be meant are refused when they are made.

use std::time::Duration;

use countersign_tokens::{Algorithm, IssuerRules, Profile, RulesError, TokenError, TokenErrorClass};

use crate::issuer::{AUDIENCE, ISSUER};

/// Acceptable but for what a case changes.
struct Case {
    issuer: &'static str,
    profile: Profile,
    audiences: Vec<&'static str>,
    algorithms: Vec<Algorithm>,
    max_lifetime: Option<Duration>,
    leeway: Duration,
}

impl Case {
    fn acceptable() -> Self {
        Self {
            issuer: ISSUER,
            profile: Profile::generic(),
            audiences: vec![AUDIENCE],
            algorithms: vec![Algorithm::ES256],
            max_lifetime: None,
            leeway: Duration::from_mins(1),
        }
    }

    fn build(self) -> Result<IssuerRules, RulesError> {
        let audiences = self.audiences.into_iter().map(str::to_owned).collect();
        IssuerRules::new(
            self.issuer.to_owned(),
            self.profile,
            audiences,
            self.algorithms,
            self.max_lifetime,
            self.leeway,
        )
    }
}

fn generic(types: &[&str]) -> Profile {
    Profile::Generic { types: types.iter().map(|typ| (*typ).to_owned()).collect() }
}

#[test]
fn acceptable_rules_are_kept_as_given() {
    let rules = Case::acceptable().build();
    assert!(rules.is_ok_and(|rules| {
        rules.issuer() == ISSUER
            && rules.profile() == &Profile::generic()
            && rules.audiences() == [AUDIENCE]
            && rules.algorithms() == [Algorithm::ES256]
            && rules.max_lifetime().is_none()
            && rules.leeway() == Duration::from_mins(1)
    }));
}

#[test]
fn unusable_rules_are_refused() {
    let base = Case::acceptable;
    for (case, error) in [
        (Case { issuer: "", ..base() }, "issuer is empty"),
        (Case { audiences: vec![], ..base() }, "no audience is listed"),
        (Case { audiences: vec![AUDIENCE, ""], ..base() }, "an audience is empty"),
        (Case { algorithms: vec![], ..base() }, "no algorithm is listed"),
        (Case { leeway: Duration::from_millis(60_001), ..base() }, "leeway is more than 60 seconds"),
        (Case { max_lifetime: Some(Duration::ZERO), ..base() }, "maximum lifetime is zero"),
        (Case { profile: generic(&[]), ..base() }, "no type is listed"),
        (Case { profile: generic(&["JWT\n"]), ..base() }, "type `JWT\n` is not 1 to 256 printable ASCII characters"),
    ] {
        assert_eq!(case.build().map_err(|refused| refused.to_string()).err().as_deref(), Some(error));
    }
    for typ in ["oauth-id-jag+jwt", "wit+jwt", "secevent+jwt", "application/DPoP+jwt", "logout+jwt", "txntoken+jwt"] {
        let refused = Case { profile: generic(&["JWT", typ]), ..base() }.build();
        assert_eq!(refused, Err(RulesError::ForeignType(typ.to_owned())));
    }
}

/// The engine's answers hang on these; the rest is covered by the hostile tokens.
#[test]
fn the_class_for_a_new_key_fetch_is_for_unknown_keys_only() {
    assert_eq!(TokenError::UnknownKey.class(), TokenErrorClass::UnknownKey);
    assert_eq!(TokenError::KeyAlgorithm.class(), TokenErrorClass::HeaderRefused);
    assert_eq!(TokenError::KeyIdRequired.class(), TokenErrorClass::HeaderRefused);
    assert_eq!(TokenError::BadSignature.class(), TokenErrorClass::BadSignature);
}
