//! The form in which a gateway hands over the plugin configuration.
//!
//! Envoy passes a `google.protobuf.StringValue` on as its text, and a `google.protobuf.Struct` (what people write as YAML)
//! as protobuf bytes. Both become JSON text here; what the text says is read by the engine alone.

use prost::Message as _;
use prost_types::value::Kind;
use prost_types::{Struct, Value as Wire};
use serde_json::{Map, Number, Value};

/// The largest integer up to which every double is exact (RFC 7493 §2.2).
const MAX_INTEGER: f64 = 9_007_199_254_740_991.0;

/// JSON text; bytes that are no `Struct` are returned as they are.
pub(crate) fn as_json(bytes: Vec<u8>) -> Vec<u8> {
    // Every field of a `Struct` begins with this tag. In text it is a line break, and JSON behind one is no `Struct`:
    // the lengths that would have to follow are letters and punctuation.
    const FIELDS: u8 = 0x0a;
    if bytes.first() != Some(&FIELDS) {
        return bytes;
    }
    match Struct::decode(bytes.as_slice()) {
        Ok(document) => object(document).to_string().into_bytes(),
        Err(_) => bytes,
    }
}

fn object(document: Struct) -> Value {
    let Struct { fields } = document;
    Value::Object(fields.into_iter().map(|(name, wire)| (name, value(wire))).collect::<Map<_, _>>())
}

fn value(wire: Wire) -> Value {
    let Wire { kind } = wire;
    match kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(flag)) => Value::Bool(flag),
        Some(Kind::NumberValue(number)) => self::number(number),
        Some(Kind::StringValue(text)) => Value::String(text),
        Some(Kind::StructValue(document)) => object(document),
        Some(Kind::ListValue(list)) => Value::Array(list.values.into_iter().map(value).collect()),
    }
}

/// A `Struct` knows doubles only: `5` arrives as `5.0` and is written as `5` again.
fn number(number: f64) -> Value {
    if number.fract() == 0.0 && number.abs() <= MAX_INTEGER {
        #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 53 bits")]
        return Value::Number(Number::from(number as i64));
    }
    Number::from_f64(number).map_or(Value::Null, Value::Number)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(kind: Kind) -> Wire {
        Wire { kind: Some(kind) }
    }

    #[test]
    fn a_struct_becomes_the_json_it_was_written_as() {
        let list = prost_types::ListValue { values: vec![wire(Kind::NumberValue(0.5)), wire(Kind::NullValue(0))] };
        let inner = Struct { fields: [("on".to_owned(), wire(Kind::BoolValue(true)))].into() };
        let document = Struct {
            fields: [
                ("version".to_owned(), wire(Kind::NumberValue(1.0))),
                ("list".to_owned(), wire(Kind::ListValue(list))),
                ("inner".to_owned(), wire(Kind::StructValue(inner))),
                ("text".to_owned(), wire(Kind::StringValue("x".to_owned()))),
            ]
            .into(),
        };
        let json = as_json(document.encode_to_vec());
        let expected = br#"{"inner":{"on":true},"list":[0.5,null],"text":"x","version":1}"#;
        assert_eq!(String::from_utf8_lossy(&json), String::from_utf8_lossy(expected));
    }

    #[test]
    fn text_stays_text_whatever_it_begins_with() {
        for text in ["{}", "\n{\n  \"version\": 1\n}\n", "\n", "", "\n\n\n{\"version\":1}"] {
            assert_eq!(as_json(text.as_bytes().to_vec()), text.as_bytes(), "{text:?}");
        }
    }
}
