//! What an element of a list is called: the one thing about it that decides whether it is shown.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, Visitor};

use super::{Listing, Unreadable};
use crate::fold;

/// The members that name an element.
const NAMES: [&str; 3] = ["name", "uri", "uriTemplate"];

/// One element of a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Element {
    /// As it came: one JSON object.
    pub(crate) text: Vec<u8>,
    names: [Option<String>; 3],
}

impl Element {
    /// The element that `text` is. Members that name it are there once and in one spelling.
    pub(super) fn read(text: &[u8]) -> Result<Self, Unreadable> {
        let mut deserializer = serde_json::Deserializer::from_slice(text);
        let names = Names.deserialize(&mut deserializer).map_err(|_| Unreadable)?;
        deserializer.end().map_err(|_| Unreadable)?;
        Ok(Self { text: text.to_vec(), names })
    }

    /// What is named to use it: of a tool or prompt its `name`, of a resource its `uri`, of a template its `uriTemplate`.
    pub(crate) fn name(&self, listing: Listing) -> Option<&str> {
        let [name, uri, template] = &self.names;
        match listing {
            Listing::Tools | Listing::Prompts => name.as_deref(),
            Listing::Resources => uri.as_deref(),
            Listing::Templates => template.as_deref(),
        }
    }
}

/// Reads [`NAMES`] of an object. What else is in it is only checked to be JSON: a list must not be lost because a schema in it
/// has a bound that some readers round.
struct Names;

impl<'de> DeserializeSeed<'de> for Names {
    type Value = [Option<String>; 3];

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Names {
    type Value = [Option<String>; 3];

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an element of a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut names = [None, None, None];
        while let Some(member) = access.next_key::<String>()? {
            let found = NAMES.iter().zip(&mut names).find(|(name, _)| fold::is_same(name, &member));
            let Some((name, slot)) = found else {
                access.next_value::<IgnoredAny>()?;
                continue;
            };
            if *name != member || slot.is_some() {
                return Err(A::Error::custom("a name that readers disagree about"));
            }
            *slot = Some(access.next_value::<String>()?);
        }
        Ok(names)
    }
}
