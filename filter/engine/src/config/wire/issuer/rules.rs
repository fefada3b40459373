//! On which terms an issuer's credentials are accepted: for whom, signed how, and for how long.

use std::time::Duration;

use countersign_tokens::{Algorithm, IssuerRules, Profile, RulesError, Scalar};

use super::IssuerKeys;
use super::who::{Tenants, Who};
use crate::config::key::Key;
use crate::config::names::Names;
use crate::config::read::{Node, Object};

/// The keys that say so, of an issuer that is `who`.
pub(super) fn rules(object: &mut Object<'_>, who: Option<Who>) -> Option<IssuerRules> {
    let profile = who.as_ref().map(|who| &who.profile);
    if matches!(profile, Some(Profile::X509Svid { .. })) {
        let pointless = [
            IssuerKeys::AUDIENCES.name,
            IssuerKeys::AUDIENCE_CLAIM.name,
            IssuerKeys::ALGORITHMS.name,
            IssuerKeys::MAX_LIFETIME.name,
            IssuerKeys::LEEWAY.name,
            IssuerKeys::MACHINE_CLAIM.name,
            IssuerKeys::REQUIRED_CLAIMS.name,
        ];
        object.forbid(&pointless, "is said of tokens; the gateway verifies certificates; remove it")?;
        let Who { issuer, profile, tenants: _ } = who?;
        return IssuerRules::new(issuer, profile, Vec::new(), Vec::new(), None, Duration::ZERO).ok();
    }
    let audiences = object.demanded(&IssuerKeys::AUDIENCES, "write the `aud` values that mean you", |node| {
        IssuerKeys::AUDIENCES.read(node)
    });
    let algorithms = if matches!(profile, Some(Profile::Opaque)) {
        object.forbid(&[IssuerKeys::ALGORITHMS.name], "an opaque token is not signed; remove it").map(|()| Vec::new())
    } else {
        object.demanded(&IssuerKeys::ALGORITHMS, "name what the issuer signs with, such as [ES256]", algorithms)
    };
    let max_lifetime = object.or(&IssuerKeys::MAX_LIFETIME);
    let leeway = object.or(&IssuerKeys::LEEWAY);
    let machine = object.optional(&IssuerKeys::MACHINE_CLAIM);
    let required = object.optional_with(&IssuerKeys::REQUIRED_CLAIMS, required_claims);
    let audience_claim = object.optional(&IssuerKeys::AUDIENCE_CLAIM);
    let Who { issuer, profile, tenants } = who?;
    let rules = IssuerRules::new(issuer, profile, audiences?, algorithms?, Some(max_lifetime?), leeway?);
    let (machine, required, audience_claim) = (machine?, required?, audience_claim?);
    let rules = rules
        .and_then(|rules| {
            let mut tenants = tenants.into_iter();
            tenants.try_fold(rules, |rules, Tenants { template, listed }| rules.with_tenants(template, listed))
        })
        .and_then(|rules| machine.into_iter().try_fold(rules, IssuerRules::with_machines))
        .and_then(|rules| required.into_iter().try_fold(rules, IssuerRules::with_required))
        .and_then(|rules| audience_claim.into_iter().try_fold(rules, IssuerRules::with_audience_claim));
    match rules {
        Ok(rules) => Some(rules),
        Err(error) => object.node().refuse_member(member(&error), error.to_string()),
    }
}

/// Where the values are written that `error` is about.
fn member(error: &RulesError) -> &'static str {
    match error {
        RulesError::NoIssuer => IssuerKeys::ISSUER.name,
        RulesError::NoAudience | RulesError::EmptyAudience => IssuerKeys::AUDIENCES.name,
        RulesError::NoAlgorithm | RulesError::SvidAlgorithm => IssuerKeys::ALGORITHMS.name,
        RulesError::MachineClaim(_) | RulesError::NoMachines => IssuerKeys::MACHINE_CLAIM.name,
        RulesError::NoTenants | RulesError::Tenants(_) => IssuerKeys::TENANTS.name,
        RulesError::NoRequiredClaim | RulesError::RequiredClaim(_) => IssuerKeys::REQUIRED_CLAIMS.name,
        RulesError::AudienceClaim(_) | RulesError::AnyAudience | RulesError::AlwaysAudience => {
            IssuerKeys::AUDIENCE_CLAIM.name
        }
        RulesError::LeewayTooLong => IssuerKeys::LEEWAY.name,
        RulesError::NoLifetime => IssuerKeys::MAX_LIFETIME.name,
        RulesError::NoType | RulesError::Type(_) | RulesError::ForeignType(_) => IssuerKeys::TYPES.name,
    }
}

/// Claims with what each must say.
fn required_claims(node: &Node<'_>) -> Option<Vec<(String, Scalar)>> {
    node.map(|name, node| Some((name.to_owned(), node.scalar()?)))
}

/// Some have two names.
pub(super) fn algorithm_words() -> Vec<(&'static str, Algorithm)> {
    let named = |algorithm: &Algorithm| algorithm.names().iter().map(|name| (*name, *algorithm)).collect::<Vec<_>>();
    Algorithm::ALL.iter().flat_map(named).collect()
}

fn algorithms(node: &Node<'_>) -> Option<Vec<Algorithm>> {
    let choices = algorithm_words();
    let mut seen = Names::new("one mention is enough, remove one");
    let named = node.filled("algorithm", |node| {
        let algorithm = node.choice("algorithm", &choices)?;
        seen.claim(node, node.text()?)?;
        Some(algorithm)
    })?;
    // Under both of its names one is still one.
    let mut algorithms: Vec<Algorithm> = Vec::new();
    for algorithm in named {
        if !algorithms.contains(&algorithm) {
            algorithms.push(algorithm);
        }
    }
    Some(algorithms)
}
