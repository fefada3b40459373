//! RFC 6901 pointers that name one thing inside a JSON object.

use std::fmt;

use serde_json::{Map, Value};

/// A JSON Pointer to something inside a document, never to the whole of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pointer(String);

impl Pointer {
    /// `text`, if it is a pointer (RFC 6901 §3) with at least one token.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('~');
        let escaped = parts.next().is_some() && parts.all(|part| part.starts_with(['0', '1']));
        (text.starts_with('/') && escaped).then(|| Self(text.to_owned()))
    }

    /// What it points to in `members`, if that is there.
    pub fn find<'v>(&self, members: &'v Map<String, Value>) -> Option<&'v Value> {
        let text = self.0.strip_prefix('/')?;
        let (first, rest) = text.find('/').map_or((text, ""), |at| text.split_at(at));
        members.get(&Self::unescaped(first))?.pointer(rest)
    }

    /// What its reference tokens stand for.
    pub fn tokens(&self) -> impl Iterator<Item = String> {
        self.0.split('/').skip(1).map(Self::unescaped)
    }

    /// One reference token as it is written in a pointer (RFC 6901 §3).
    pub fn escaped(token: &str) -> String {
        token.replace('~', "~0").replace('/', "~1")
    }

    /// What a reference token stands for (RFC 6901 §4): `~1` first, or `~01` would become a slash.
    pub fn unescaped(token: &str) -> String {
        token.replace("~1", "/").replace("~0", "~")
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn the_examples_of_rfc_6901() {
        let document = json!({"foo": ["bar", "baz"], "": 0, "a/b": 1, "c%d": 2, "e^f": 3, "m~n": 8, "d": {"~1": 9}});
        let members = document.as_object().cloned().unwrap_or_default();
        for (text, expected) in [
            ("/foo", Some(json!(["bar", "baz"]))),
            ("/foo/0", Some(json!("bar"))),
            ("/foo/00", None),
            ("/foo/-", None),
            ("/", Some(json!(0))),
            ("/a~1b", Some(json!(1))),
            ("/c%d", Some(json!(2))),
            ("/e^f", Some(json!(3))),
            ("/m~0n", Some(json!(8))),
            ("/d/~01", Some(json!(9))),
            ("/foo/0/x", None),
            ("/nothing", None),
        ] {
            assert_eq!(Pointer::parse(text).and_then(|pointer| pointer.find(&members).cloned()), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_pointer() {
        for bad in ["", "a", "a/b", "/a~", "/a~2", "/~/b"] {
            assert_eq!(Pointer::parse(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn finds_what_serde_json_finds(text in "(/[ab~01+]{0,3}){1,3}") {
            let document = json!({"a": {"b": [1, {"a": 2}], "~": 3}, "b": [[4]], "": {"": 5}, "~0": 6, "a/b": 7});
            let members = document.as_object().cloned().unwrap_or_default();
            if let Some(pointer) = Pointer::parse(&text) {
                prop_assert_eq!(pointer.to_string(), text.as_str());
                prop_assert_eq!(pointer.find(&members), document.pointer(&text));
            }
        }

        #[test]
        fn tokens_come_back_as_they_were(token in "[ab~01/]{0,6}") {
            let written = Pointer::escaped(&token);
            let members = Map::from_iter([(token.clone(), Value::Bool(true))]);
            let found = Pointer::parse(&format!("/{written}")).and_then(|pointer| pointer.find(&members).cloned());
            prop_assert_eq!(found, Some(Value::Bool(true)));
            prop_assert_eq!(Pointer::unescaped(&written), token);
        }
    }
}
