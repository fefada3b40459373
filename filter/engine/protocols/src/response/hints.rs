//! What an element of a list of tools says about the harm it can do: its `annotations`, and whether its schema takes URIs.
//!
//! Annotations are read strictly: each hint once, in one spelling, `true` or `false` (`null` says nothing). A schema is not: what
//! some reader could take for an argument that is a URI is one.

use std::fmt;

use countersign_facts::fold;
use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Element, Unreadable};
use crate::catalogue::Hints;

const ANNOTATIONS: &str = "annotations";
const SCHEMA: &str = "inputSchema";

/// The hints, in the order in which they are read.
const HINTS: [&str; 3] = ["readOnlyHint", "destructiveHint", "openWorldHint"];

/// The formats of URIs (JSON Schema 2020-12, Validation §7.3.5).
const FORMATS: [&str; 5] = ["uri", "uri-reference", "uri-template", "iri", "iri-reference"];

impl Element {
    /// What it says about itself; of its schema only with `schema`.
    pub fn hints(&self, schema: bool) -> Result<Hints, Unreadable> {
        let mut deserializer = serde_json::Deserializer::from_slice(&self.text);
        let said = OfElement.deserialize(&mut deserializer).map_err(|_| Unreadable)?;
        let takes_uris = schema && {
            let mut deserializer = serde_json::Deserializer::from_slice(&self.text);
            // Text that this reader does not take (a lone surrogate) may still be a schema to others.
            Schema::Element.deserialize(&mut deserializer).unwrap_or(true)
        };
        let [read_only, destructive, open_world] = said.unwrap_or_default();
        Ok(Hints { annotated: said.is_some(), read_only, destructive, open_world, takes_uris })
    }
}

/// Reads [`ANNOTATIONS`] of an element; none where it has none.
struct OfElement;

impl<'de> DeserializeSeed<'de> for OfElement {
    type Value = Option<[Option<bool>; 3]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for OfElement {
    type Value = Option<[Option<bool>; 3]>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an element of a list")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut said = None;
        while let Some(member) = access.next_key::<String>()? {
            if !fold::is_same(ANNOTATIONS, &member) {
                access.next_value::<IgnoredAny>()?;
            } else if member != ANNOTATIONS || said.is_some() {
                return Err(A::Error::custom("annotations that readers disagree about"));
            } else {
                said = Some(access.next_value_seed(OfAnnotations)?);
            }
        }
        Ok(said.flatten())
    }
}

/// Reads [`HINTS`] of annotations; none of `null`.
struct OfAnnotations;

impl<'de> DeserializeSeed<'de> for OfAnnotations {
    type Value = Option<[Option<bool>; 3]>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for OfAnnotations {
    type Value = Option<[Option<bool>; 3]>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("annotations of a tool")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Self::Value, A::Error> {
        let mut hints = [None, None, None];
        while let Some(member) = access.next_key::<String>()? {
            let found = HINTS.iter().zip(&mut hints).find(|(name, _)| fold::is_same(name, &member));
            let Some((name, slot)) = found else {
                access.next_value::<IgnoredAny>()?;
                continue;
            };
            if *name != member || slot.is_some() {
                return Err(A::Error::custom("a hint that readers disagree about"));
            }
            *slot = Some(access.next_value::<Option<bool>>()?);
        }
        Ok(Some(hints.map(Option::flatten)))
    }
}

/// Looks for an argument that is a URI; where in an element.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Schema {
    /// Among its members.
    Element,
    /// In its schema.
    Inside,
    /// At the value of a `format`.
    Format,
}

impl<'de> DeserializeSeed<'de> for Schema {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Schema {
    type Value = bool;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a schema")
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_str<E>(self, text: &str) -> Result<bool, E> {
        Ok(self == Self::Format && FORMATS.contains(&text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(item) = access.next_element_seed(Self::Inside)? {
            found |= item;
        }
        Ok(found)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<bool, A::Error> {
        let mut found = false;
        while let Some(member) = access.next_key::<String>()? {
            match self {
                Self::Element if !fold::is_same(SCHEMA, &member) => {
                    access.next_value::<IgnoredAny>()?;
                }
                Self::Inside | Self::Format if member == "format" => found |= access.next_value_seed(Self::Format)?,
                Self::Element | Self::Inside | Self::Format => found |= access.next_value_seed(Self::Inside)?,
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Listing;

    fn hints(text: &str) -> Result<Hints, Unreadable> {
        Element::read(Listing::Tools, text.as_bytes())?.hints(true)
    }

    #[test]
    fn what_is_said_is_read_and_what_is_not_is_left_open() {
        let annotated = Hints { annotated: true, ..Hints::default() };
        for (text, expected) in [
            (r#"{"name":"a"}"#, Hints::default()),
            (r#"{"name":"a","annotations":null}"#, Hints::default()),
            (r#"{"name":"a","annotations":{}}"#, annotated),
            (r#"{"annotations":{"title":"x","readOnlyHint":null},"name":"a"}"#, annotated),
            (
                r#"{"annotations":{"readOnlyHint":true,"destructiveHint":false,"openWorldHint":true,"more":[{"readOnlyHint":1}]}}"#,
                Hints { read_only: Some(true), destructive: Some(false), open_world: Some(true), ..annotated },
            ),
            (r#"{"annotation\u0073":{"destructive\u0048int":true}}"#, Hints { destructive: Some(true), ..annotated }),
            (r#"{"_meta":{"annotations":{"destructiveHint":true}}}"#, Hints::default()),
        ] {
            assert_eq!(hints(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn annotations_that_readers_disagree_about_are_unreadable() {
        for text in [
            r#"{"annotations":{},"annotations":{"destructiveHint":true}}"#,
            r#"{"annotations":null,"annotations":{"destructiveHint":true}}"#,
            r#"{"annotations":{"readOnlyHint":true},"Annotations":{"destructiveHint":true}}"#,
            r#"{"annotations":{"readOnlyHint":true,"readOnlyHint":false}}"#,
            r#"{"annotations":{"readOnlyHint":null,"readOnlyHint":false}}"#,
            r#"{"annotations":{"readOnlyHint":true,"readonlyHint":false}}"#,
            r#"{"annotations":{"readOnlyHint":"true"}}"#,
            r#"{"annotations":{"destructiveHint":0}}"#,
            r#"{"annotations":[]}"#,
            r#"{"annotations":"readOnlyHint"}"#,
        ] {
            assert_eq!(hints(text), Err(Unreadable), "{text}");
        }
    }

    #[test]
    fn an_argument_that_is_a_uri_is_found_wherever_it_is() {
        for (text, expected) in [
            (r#"{"inputSchema":{"properties":{"url":{"type":"string","format":"uri"}}}}"#, true),
            (r#"{"inputSchema":{"properties":{"to":{"items":[{"anyOf":[{"format":"iri-reference"}]}]}}}}"#, true),
            (r#"{"inputSchema":{"$defs":{"a":{"format":"date","format":"uri"}}}}"#, true),
            (r#"{"InputSchema":{"properties":{"url":{"format":"uri"}}}}"#, true),
            (r#"{"inputSchema":{"description":"\ud800"}}"#, true),
            (r#"{"inputSchema":{"properties":{"format":{"type":"string"},"uri":{"format":"date"}}}}"#, false),
            (r#"{"inputSchema":{"maximum":18446744073709551615,"minimum":-1.5,"default":null,"enum":["uri"]}}"#, false),
            (r#"{"outputSchema":{"properties":{"url":{"format":"uri"}}}}"#, false),
            (r#"{"inputSchema":true}"#, false),
        ] {
            assert_eq!(hints(text).map(|hints| hints.takes_uris), Ok(expected), "{text}");
        }
        let element = Element::read(Listing::Tools, br#"{"inputSchema":{"properties":{"url":{"format":"uri"}}}}"#);
        assert_eq!(element.and_then(|element| element.hints(false)), Ok(Hints::default()));
    }
}
