//! What an element of a list is called: the one thing about it that decides whether it is shown.

use std::fmt;

use countersign_facts::fold;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::Unreadable;
use crate::action::Listing;

/// One element of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    /// As it came: one JSON object.
    pub text: Vec<u8>,
    /// What is named to use it.
    pub name: Option<String>,
}

impl Element {
    /// The element of `listing` that `text` is. The member that names it is there once and in one spelling.
    pub(super) fn read(listing: Listing, text: &[u8]) -> Result<Self, Unreadable> {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let name = Name(listing.named_by()).deserialize(&mut deserializer).map_err(|_| Unreadable)?;
        deserializer.end().map_err(|_| Unreadable)?;
        Ok(Self { text: text.to_vec(), name })
    }
}

/// Reads this member of an object. What else is in it is only checked to be JSON: a list must not be lost because a schema in it
/// has a bound that some readers round.
struct Name(&'static str);

impl<'de> DeserializeSeed<'de> for Name {
    type Value = Option<String>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Name {
    type Value = Option<String>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an element of a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut name = None;
        while let Some(member) = access.next_key::<String>()? {
            if !fold::is_same(self.0, &member) {
                access.next_value::<IgnoredAny>()?;
            } else if self.0 != member || name.is_some() {
                return Err(A::Error::custom("a name that readers disagree about"));
            } else {
                name = Some(access.next_value::<String>()?);
            }
        }
        Ok(name)
    }
}
