//! What the schema says of keys and of the notations of their values.

use serde_json::{Value, json};

use super::{merge, reference};
use crate::config::key::{
    Choice, Count, Defaulted, Defined, Distinct, Document, Flag, Key, List, Notation, Optional, Own, Parsed, Required,
    Size, Span, Text,
};
use crate::config::text::{spell_duration, spell_size};

/// A key, for the schema.
pub(in crate::config) trait Described: Key {
    fn required(&self) -> bool;

    fn bounds(&self) -> Option<String>;

    /// How its value is written, and the default.
    fn schema(&self) -> Value;
}

impl<N: Shown> Described for Required<N> {
    fn required(&self) -> bool {
        true
    }

    fn bounds(&self) -> Option<String> {
        self.notation.bounds()
    }

    fn schema(&self) -> Value {
        self.notation.schema()
    }
}

impl<N: Shown> Described for Optional<N> {
    fn required(&self) -> bool {
        false
    }

    fn bounds(&self) -> Option<String> {
        self.notation.bounds()
    }

    fn schema(&self) -> Value {
        self.notation.schema()
    }
}

impl<N: Shown + Written> Described for Defaulted<N> {
    fn required(&self) -> bool {
        false
    }

    fn bounds(&self) -> Option<String> {
        self.notation.bounds()
    }

    fn schema(&self) -> Value {
        let mut schema = self.notation.schema();
        merge(&mut schema, json!({ "default": self.notation.written(&self.default) }));
        schema
    }
}

/// A notation, for the schema.
pub(in crate::config) trait Shown {
    fn schema(&self) -> Value;

    /// The bounds in words, where the schema cannot state them otherwise.
    fn bounds(&self) -> Option<String> {
        None
    }
}

/// A notation in which defaults are written.
pub(super) trait Written: Notation {
    fn written(&self, value: &Self::Value) -> Value;
}

impl Shown for Own {
    fn schema(&self) -> Value {
        json!({})
    }
}

impl Shown for Document {
    fn schema(&self) -> Value {
        json!({ "type": "object" })
    }
}

impl Shown for Span {
    fn schema(&self) -> Value {
        reference("duration")
    }

    fn bounds(&self) -> Option<String> {
        Some(format!("{} to {}", spell_duration(*self.bounds.start()), spell_duration(*self.bounds.end())))
    }
}

impl Written for Span {
    fn written(&self, value: &Self::Value) -> Value {
        spell_duration(*value).into()
    }
}

impl Shown for Size {
    fn schema(&self) -> Value {
        reference("size")
    }

    fn bounds(&self) -> Option<String> {
        Some(format!("{} to {}", spell_size(*self.bounds.start()), spell_size(*self.bounds.end())))
    }
}

impl Written for Size {
    fn written(&self, value: &Self::Value) -> Value {
        spell_size(*value).into()
    }
}

impl<T: Copy + TryInto<u64>> Count<T> {
    fn ends(&self) -> [Option<u64>; 2] {
        [*self.bounds.start(), *self.bounds.end()].map(|end| end.try_into().ok())
    }
}

impl<T: Copy + TryInto<u64>> Shown for Count<T> {
    fn schema(&self) -> Value {
        match self.ends() {
            [least, Some(u64::MAX)] => json!({ "type": "integer", "minimum": least }),
            [least, most] => json!({ "type": "integer", "minimum": least, "maximum": most }),
        }
    }

    fn bounds(&self) -> Option<String> {
        let [least, most] = self.ends();
        Some(format!("{} to {}", least?, most?))
    }
}

impl<T: Copy + TryFrom<u64> + TryInto<u64>> Written for Count<T> {
    fn written(&self, value: &T) -> Value {
        json!((*value).try_into().ok())
    }
}

impl Shown for Flag {
    fn schema(&self) -> Value {
        json!({ "type": "boolean" })
    }
}

impl Written for Flag {
    fn written(&self, value: &bool) -> Value {
        (*value).into()
    }
}

impl<T: Copy> Shown for Choice<T> {
    fn schema(&self) -> Value {
        json!({ "enum": self.words().iter().map(|(word, _)| *word).collect::<Vec<_>>() })
    }
}

impl<T: Copy + PartialEq> Written for Choice<T> {
    fn written(&self, value: &T) -> Value {
        json!(self.words().iter().find(|(_, choice)| choice == value).map(|(word, _)| *word))
    }
}

impl Shown for Text {
    fn schema(&self) -> Value {
        reference("text")
    }
}

impl<T> Shown for Parsed<T> {
    fn schema(&self) -> Value {
        (self.schema)()
    }
}

impl<N: Shown> Shown for List<N> {
    fn schema(&self) -> Value {
        let mut schema = json!({ "type": "array" });
        if self.filled.is_some() {
            merge(&mut schema, json!({ "minItems": 1 }));
        }
        merge(&mut schema, json!({ "items": self.items.schema() }));
        schema
    }
}

impl<N: Notation + Written> Written for List<N> {
    fn written(&self, value: &Self::Value) -> Value {
        value.iter().map(|item| self.items.written(item)).collect()
    }
}

impl<N: Shown> Shown for Distinct<N> {
    fn schema(&self) -> Value {
        let mut schema = self.0.schema();
        merge(&mut schema, json!({ "uniqueItems": true }));
        schema
    }
}

impl<N: Notation<Value: AsRef<str>>> Written for Distinct<N> {
    fn written(&self, value: &Self::Value) -> Value {
        value.iter().map(AsRef::as_ref).collect()
    }
}

impl<N> Shown for Defined<N> {
    fn schema(&self) -> Value {
        reference(self.name)
    }
}

impl<N: Written> Written for Defined<N> {
    fn written(&self, value: &Self::Value) -> Value {
        self.notation.written(value)
    }
}

/// Notations that the schema defines under names of their own.
pub(super) fn definitions() -> Value {
    json!({
        "name": {
            "description": "A short name, for policies, records and counters.",
            "type": "string",
            "pattern": "^[a-z0-9_.-]{1,64}$"
        },
        "text": { "type": "string", "minLength": 1 },
        "whole": { "type": "integer", "minimum": 0, "maximum": 9_007_199_254_740_991_u64 },
        "path": {
            "description": "`/mcp` is this path, `/api/*` is /api and everything below it, `/*` is every path. Normalised, without query.",
            "type": "string",
            "pattern": "^/[^*?#]*\\*?$",
            "examples": ["/mcp", "/api/*"]
        },
        "domain": {
            "description": "A host name in lower case, or `*.` and one for what is below it.",
            "type": "string",
            "pattern": "^(\\*\\.)?[a-z0-9_-]+(\\.[a-z0-9_-]+)*$",
            "examples": ["example.com", "*.example.com"]
        },
        "duration": {
            "description": "A whole number and a unit: ms, s, m or h.",
            "type": "string",
            "pattern": "^[0-9]+(ms|s|m|h)$",
            "examples": ["500ms", "30s", "15m", "1h"]
        },
        "size": {
            "description": "A whole number and a unit: B, KiB or MiB.",
            "type": "string",
            "pattern": "^[0-9]+(B|KiB|MiB)$",
            "examples": ["512B", "256KiB", "1MiB"]
        },
        "pointer": {
            "description": "A JSON Pointer (RFC 6901) to a value below the top.",
            "type": "string",
            "pattern": "^/([^~]|~[01])*$",
            "examples": ["/amount", "/recipient/iban"]
        },
        "url": {
            "description": "An absolute URL without user information and fragment.",
            "type": "string",
            "pattern": "^[hH][tT][tT][pP][sS]?://[^@#/?]+([/?][^#]*)?$",
            "examples": ["https://sts.example.com/jwks.json"]
        },
        "cluster": {
            "description": "The gateway's cluster that leads to the URL's host. All uses of a cluster have the same scheme and host.",
            "type": "string",
            "pattern": "^[!-~]{1,255}$",
            "examples": ["sts", "outbound|443||sts.example.com"]
        }
    })
}
