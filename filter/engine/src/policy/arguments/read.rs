//! From JSON Schema to types: reads what says something about types, reports everything unusable at once.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Property, Record, Shape};
use crate::policy::error::SchemaProblem;
use crate::task::Pointer;

/// Keywords through which a value's type, or which members it has, cannot be read from `type`, `items` and `properties` alone.
pub(super) const OPAQUE: [&str; 14] = [
    "$dynamicRef",
    "$recursiveRef",
    "$ref",
    "allOf",
    "anyOf",
    "dependencies",
    "dependentSchemas",
    "else",
    "if",
    "not",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "then",
];

/// The types of a tool's arguments, or every problem with its place below the schema (`/properties/amount/type`).
pub(in crate::policy) fn read(schema: &Value) -> Result<Record, Vec<(String, SchemaProblem)>> {
    let mut reader = Reader::default();
    let record = reader.arguments(schema);
    match record {
        Some(record) if reader.problems.is_empty() => Ok(record),
        _ => Err(reader.problems),
    }
}

#[derive(Default)]
struct Reader {
    problems: Vec<(String, SchemaProblem)>,
}

/// What `type` says.
enum Types<'a> {
    /// Nothing, or more than one type besides `null`.
    Unclear,
    One {
        name: &'a str,
        nullable: bool,
    },
}

impl Reader {
    fn problem(&mut self, place: impl Into<String>, problem: SchemaProblem) {
        self.problems.push((place.into(), problem));
    }

    fn arguments(&mut self, schema: &Value) -> Option<Record> {
        let Value::Object(schema) = schema else {
            self.problem("", SchemaProblem::NotASchema);
            return None;
        };
        if let Some(keyword) = opaque_keyword(schema) {
            self.problem("", SchemaProblem::OpaqueArguments(keyword.to_owned()));
        }
        match self.types(schema, "")? {
            Types::One { name: "object", nullable: false } => self.record(schema, ""),
            Types::One { .. } | Types::Unclear => {
                self.problem("", SchemaProblem::NotAnObject);
                None
            }
        }
    }

    /// An object with the declared members.
    fn record(&mut self, schema: &Map<String, Value>, place: &str) -> Option<Record> {
        let required = self.required(schema, place);
        let open = schema.get("additionalProperties") == Some(&Value::Bool(true));
        let none = Map::new();
        let declared = match schema.get("properties") {
            None => &none,
            Some(Value::Object(declared)) => declared,
            Some(_) => {
                self.problem(format!("{place}/properties"), SchemaProblem::Keyword("an object"));
                return None;
            }
        };
        let mut properties = BTreeMap::new();
        for (name, schema) in declared {
            if let Some((shape, nullable)) =
                self.shape(schema, &format!("{place}/properties/{}", Pointer::escaped(name)))
            {
                let required = required.contains(&name.as_str());
                properties.insert(name.clone(), Property { required, nullable, shape });
            }
        }
        for name in required.into_iter().filter(|name| !declared.contains_key(*name)) {
            if open {
                properties.insert(name.to_owned(), Property { required: true, nullable: false, shape: Shape::Opaque });
            } else {
                self.problem(format!("{place}/required"), SchemaProblem::UndeclaredRequired(name.to_owned()));
            }
        }
        Some(Record { properties, open })
    }

    fn required<'a>(&mut self, schema: &'a Map<String, Value>, place: &str) -> Vec<&'a str> {
        let Some(required) = schema.get("required") else { return Vec::new() };
        strings(required).unwrap_or_else(|| {
            self.problem(format!("{place}/required"), SchemaProblem::Keyword("an array of strings"));
            Vec::new()
        })
    }

    /// A value's type, and whether it may be `null`; none after a problem.
    fn shape(&mut self, schema: &Value, place: &str) -> Option<(Shape, bool)> {
        let schema = match schema {
            Value::Bool(true) => return Some((Shape::Opaque, false)),
            Value::Object(schema) => schema,
            Value::Null | Value::Bool(false) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.problem(place, SchemaProblem::NotASchema);
                return None;
            }
        };
        if opaque_keyword(schema).is_some() {
            return Some((Shape::Opaque, false));
        }
        match self.types(schema, place)? {
            Types::Unclear => {
                let listed = schema.get("type").is_none().then(|| schema.get("enum").and_then(strings)).flatten();
                let shape = listed.map_or(Shape::Opaque, |listed| Shape::String(Some(owned(&listed))));
                Some((shape, false))
            }
            Types::One { name, nullable } => {
                let shape = self.typed(name, nullable, schema, place)?;
                let nullable = nullable && shape != Shape::Opaque;
                Some((shape, nullable))
            }
        }
    }

    /// A value of the one type `name`.
    fn typed(&mut self, name: &str, nullable: bool, schema: &Map<String, Value>, place: &str) -> Option<Shape> {
        Some(match name {
            "boolean" => Shape::Boolean,
            "integer" => Shape::Long,
            "number" => Shape::Decimal,
            "string" => string(schema.get("enum"), nullable),
            "array" => match schema.get("items") {
                // A list of schemas is one type per position (draft 2019-09 and older).
                None | Some(Value::Array(_)) => Shape::Opaque,
                Some(items) => match self.shape(items, &format!("{place}/items"))? {
                    (Shape::Opaque, _) | (_, true) => Shape::Opaque,
                    (shape, false) => Shape::Set(Box::new(shape)),
                },
            },
            "object" if schema.contains_key("properties") => Shape::Record(self.record(schema, place)?),
            // `null` alone, or an object whose members are not declared.
            _ => Shape::Opaque,
        })
    }

    fn types<'a>(&mut self, schema: &'a Map<String, Value>, place: &str) -> Option<Types<'a>> {
        const KNOWN: [&str; 7] = ["string", "integer", "number", "boolean", "array", "object", "null"];
        let names = match schema.get("type") {
            None => return Some(Types::Unclear),
            Some(Value::String(name)) => Some(vec![name.as_str()]),
            Some(names) => strings(names),
        };
        let place = format!("{place}/type");
        let Some(names) = names else {
            self.problem(place, SchemaProblem::Keyword("a string or an array of strings"));
            return None;
        };
        if let Some(unknown) = names.iter().find(|name| !KNOWN.contains(name)) {
            self.problem(place, SchemaProblem::UnknownType((*unknown).to_owned()));
            return None;
        }
        let nullable = names.len() > 1 && names.contains(&"null");
        let rest: Vec<&str> = names.iter().copied().filter(|name| !nullable || *name != "null").collect();
        Some(match rest.as_slice() {
            [name] => Types::One { name, nullable },
            _ => Types::Unclear,
        })
    }
}

/// A string, or one of those listed; opaque if something else is listed.
fn string(listed: Option<&Value>, nullable: bool) -> Shape {
    let Some(listed) = listed else { return Shape::String(None) };
    let Value::Array(listed) = listed else { return Shape::Opaque };
    let strings: Option<Vec<String>> = listed
        .iter()
        .filter(|value| !(nullable && value.is_null()))
        .map(|value| value.as_str().map(str::to_owned))
        .collect();
    strings.map_or(Shape::Opaque, |strings| Shape::String(Some(strings)))
}

fn opaque_keyword(schema: &Map<String, Value>) -> Option<&'static str> {
    OPAQUE.into_iter().find(|keyword| schema.contains_key(*keyword))
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}

fn owned(strings: &[&str]) -> Vec<String> {
    strings.iter().map(|string| (*string).to_owned()).collect()
}
