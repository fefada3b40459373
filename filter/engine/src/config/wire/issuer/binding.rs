//! What an issuer's credentials must be bound to, and what proofs of that must be.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_trust::possession::nonce::NonceRule;
use countersign_trust::possession::{Binding, Bound};
#[cfg(test)]
use serde_json::json;

use crate::config::key::{Choice, Defaulted, Flag, Optional, Own, Span};
use crate::config::key::{choice, defaulted, duration, keys, optional};
use crate::config::read::Node;
#[cfg(test)]
use crate::config::schema::reference;
use crate::config::wire::secret::{Source, secret};
use crate::config::wire::sessions;

const NONCE: RangeInclusive<Duration> = Duration::from_secs(10)..=Duration::from_hours(1);
const PROOF_AGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_mins(10);

keys! {
    /// What its credentials must be bound to. One that says what it is bound to (`cnf`) is refused without the proof,
    /// whatever is stated here.
    pub(super) struct BindingKeys;

    /// What every credential must be bound to: a DPoP key (RFC 9449), a certificate (RFC 8705), either, or whatever it
    /// says itself.
    const REQUIRE: Defaulted<Choice<Bound>> = defaulted(
        "require",
        choice(
            "binding",
            &[
                ("optional", Bound::Optional),
                ("dpop", Bound::Dpop),
                ("certificate", Bound::Certificate),
                ("either", Bound::Either),
            ]
        ),
        Bound::Optional
    );

    /// The SPIFFE ID in the client's certificate must be the credential's `sub`.
    const SAME_WORKLOAD: Defaulted<Flag> = defaulted("same_workload", Flag, false);

    /// How old a DPoP proof may be when its request arrives; by the issuer's `leeway` it may come from the future. It
    /// is used up when its call is first held or let go, and remembered until `proof_age` and 10 s after its `iat`: a
    /// call that still waits then for its issuer's keys, or its issuer's answer, is refused. {bounds}.
    const PROOF_AGE: Defaulted<Span> = defaulted("proof_age", duration(PROOF_AGE), Duration::from_mins(1));

    const NONCE: Optional<Own> = optional("nonce", Own) => NonceKeys::schema();
}

keys! {
    /// DPoP proofs need a nonce that was given out here (RFC 9449 §9): one without is answered with `use_dpop_nonce`
    /// and a `DPoP-Nonce`. Without this object none is asked for.
    struct NonceKeys => json!({ "dependentRequired": { "previous": ["secret"] } });

    /// For how long a nonce is good; a client whose nonce is past half of that gets the next one with its answer.
    /// {bounds}.
    const LIFETIME: Defaulted<Span> = defaulted("lifetime", duration(NONCE), Duration::from_mins(5));

    /// What nonces are made with, at least 32 bytes; the same for all gateways of a fleet. Unless stated: a key of the
    /// gateway process, of which its workers all know.
    const SECRET: Optional<Own> = optional("secret", Own) => reference("secret");

    /// Another secret whose nonces are accepted while the secret changes: first the new one goes here on every gateway,
    /// then the two change places, then the old one goes.
    const PREVIOUS: Optional<Own> = optional("previous", Own) => reference("secret");
}

/// Without `binding`; `leeway` is the issuer's.
pub(super) const fn default(leeway: Duration) -> Binding {
    Binding {
        require: BindingKeys::REQUIRE.default,
        same_workload: BindingKeys::SAME_WORKLOAD.default,
        proof_age: BindingKeys::PROOF_AGE.default,
        nonce: None,
        leeway,
    }
}

/// The value of `binding`; `leeway` is the issuer's.
pub(super) fn binding(node: &Node<'_>, leeway: Duration, source: &Source<'_>) -> Option<Binding> {
    node.object(|object| {
        let require = object.or(&BindingKeys::REQUIRE);
        let same_workload = object.or(&BindingKeys::SAME_WORKLOAD);
        let proof_age = object.or(&BindingKeys::PROOF_AGE);
        let nonce = object.optional_with(&BindingKeys::NONCE, |node| nonce(node, source));
        let (require, same_workload, proof_age) = (require?, same_workload?, proof_age?);
        Some(Binding { require, same_workload, proof_age, nonce: nonce?, leeway })
    })
}

fn nonce(node: &Node<'_>, source: &Source<'_>) -> Option<NonceRule> {
    node.object(|object| {
        let lifetime = object.or(&NonceKeys::LIFETIME);
        let current = object.optional_with(&NonceKeys::SECRET, |node| secret(node, source, sessions::usable));
        let previous = object.optional_with(&NonceKeys::PREVIOUS, |node| {
            if current == Some(None) {
                return node.refuse("there is no `secret` that took its place; write it as `secret`, or remove it");
            }
            secret(node, source, sessions::usable)
        });
        let (current, previous) = (current?, previous?);
        Some(NonceRule::new(lifetime?, current.as_deref(), previous.as_deref()))
    })
}
