//! How a person must have authenticated, for a resource or for one tool.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_protocols::catalogue::Demand;
use countersign_tokens::Scalar;
#[cfg(test)]
use serde_json::json;

use super::distinct_scalars;
use crate::config::key::{Notation, Optional, Own, Span, duration, keys, optional};
use crate::config::read::Node;
#[cfg(test)]
use crate::config::schema::{Shown as _, reference};
use crate::config::text;

const AGE: RangeInclusive<Duration> = Duration::from_secs(1)..=Duration::from_hours(24 * 30);

keys! {
    /// How a person must have authenticated (RFC 9470); otherwise the client is told to have the person do so.
    pub(super) struct AuthenticationKeys => json!({ "minProperties": 1 });

    /// The value of `acr` is one of these, written as credentials have it: `2` is not `"2"`.
    const ACR_VALUES: Optional<Own> = optional("acr_values", Own) => json!({
        "type": "array",
        "uniqueItems": true,
        "items": { "anyOf": [text::SCOPE.schema(), reference("whole")] }
    });

    /// `auth_time` is not longer ago. {bounds}.
    const MAX_AGE: Optional<Span> = optional("max_age", duration(AGE));
}

/// The value of `authentication`.
pub(super) fn authentication(node: &Node<'_>) -> Option<Demand> {
    node.object(|object| {
        let classes = object.or_else(&AuthenticationKeys::ACR_VALUES, Vec::new(), |node| distinct_scalars(node, class));
        let max_age = object.optional(&AuthenticationKeys::MAX_AGE);
        let (classes, max_age) = (classes?, max_age?);
        if classes.is_empty() && max_age.is_none() {
            return object.node().refuse("demands nothing; write `acr_values`, `max_age` or both");
        }
        Some(Demand { classes, max_age })
    })
}

/// A value of `acr`.
fn class(node: &Node<'_>) -> Option<Scalar> {
    match node.scalar()? {
        Scalar::Text(_) => text::SCOPE.read(node).map(Scalar::Text),
        number @ Scalar::Number(_) => Some(number),
    }
}
