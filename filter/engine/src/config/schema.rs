//! The JSON Schema of the configuration, made of the blocks of [`keys!`](super::key::keys): for editors and for people who look a key up.

use serde_json::{Map, Value, json};

use super::wire;

mod layout;
mod notation;

pub(super) use notation::{Described, Shown};

/// The text of `envoy/countersign.schema.json`.
pub(super) fn text() -> String {
    layout::text(&document())
}

/// The schema.
pub(super) fn document() -> Value {
    let mut document = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Countersign plugin configuration"
    });
    merge(&mut document, wire::Keys::schema());
    merge(&mut document, json!({ "$defs": definitions() }));
    document
}

/// What more than one key refers to.
fn definitions() -> Value {
    let mut all = notation::definitions();
    merge(&mut all, wire::definitions());
    all
}

/// `{ "$ref": … }` to the definition `name`, or to what is at this path in it.
pub(super) fn reference(name: &str) -> Value {
    json!({ "$ref": format!("#/$defs/{name}") })
}

/// Text that the regular expression matches.
pub(super) fn pattern(expression: &str) -> Value {
    json!({ "type": "string", "pattern": expression })
}

/// What the schema of an object says of `key`.
pub(super) fn property(object: &Value, key: &str) -> Value {
    object.pointer(&format!("/properties/{key}")).cloned().unwrap_or_default()
}

/// Adds the members of `more`; those that are there already are replaced.
pub(super) fn merge(into: &mut Value, more: Value) {
    if let (Value::Object(into), Value::Object(more)) = (into, more) {
        into.extend(more);
    }
}

/// What the schema says of one object, as it is gathered.
pub(super) struct Object {
    about: String,
    required: Vec<&'static str>,
    properties: Map<String, Value>,
}

impl Object {
    pub(super) fn new(about: &[&str]) -> Self {
        Self { about: joined(about), required: Vec::new(), properties: Map::new() }
    }

    /// Adds a key; `more` is what else is said of it.
    pub(super) fn key<const N: usize>(&mut self, key: &impl Described, words: &[&str], more: [Value; N]) {
        let mut schema = key.schema();
        for more in more {
            merge(&mut schema, more);
        }
        self.add(key, words, schema);
    }

    /// Adds a key that is described elsewhere, unless it is described `instead`.
    pub(super) fn shared<const N: usize>(&mut self, key: &impl Described, words: &[&str], instead: [Value; N]) {
        let schema = instead.into_iter().next().unwrap_or_else(|| key.schema());
        self.add(key, words, schema);
    }

    fn add(&mut self, key: &impl Described, words: &[&str], schema: Value) {
        let name = key.name();
        assert_ne!(schema, json!({}), "nothing says how `{name}` is written");
        let default = schema.get("default").and_then(Value::as_str).map(str::to_owned);
        let mut words = joined(words);
        for (word, value) in [("{bounds}", key.bounds()), ("{default}", default)] {
            assert!(value.is_some() || !words.contains(word), "`{name}` has no {word} to describe");
            words = words.replace(word, &value.unwrap_or_default());
        }
        let mut described = json!({});
        if !words.is_empty() {
            merge(&mut described, json!({ "description": words }));
        }
        merge(&mut described, schema);
        if key.required() {
            self.required.push(name);
        }
        let earlier = self.properties.insert(name.to_owned(), described);
        assert!(earlier.is_none(), "`{name}` is described twice");
    }

    /// The whole; `together` is what is said of keys together.
    pub(super) fn finish<const N: usize>(self, together: [Value; N]) -> Value {
        let Self { about, required, properties } = self;
        let mut schema = json!({});
        if !about.is_empty() {
            merge(&mut schema, json!({ "description": about }));
        }
        merge(&mut schema, json!({ "type": "object", "additionalProperties": false }));
        if !required.is_empty() {
            merge(&mut schema, json!({ "required": required }));
        }
        for together in together {
            merge(&mut schema, together);
        }
        merge(&mut schema, json!({ "properties": properties }));
        schema
    }
}

/// The lines of a comment as one text.
fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
}
