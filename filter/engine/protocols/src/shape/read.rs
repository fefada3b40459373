//! From JSON Schema to types: reads what says something about types, reports everything unusable at once.
//!
//! A reference is read where it leads, within the same document. What leads back to itself, or to more than one schema may
//! hold, is unreadable from there on: it ends the reading, never the schema.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};

use countersign_facts::pointer::Pointer;
use percent_encoding::percent_decode_str;
use serde_json::{Map, Value};

use super::limits::{Limits, NOT_ENFORCED};
use super::{Property, Record, Rest, SchemaProblem, Shape, Unreadable, Why};

/// Schemas that are read of one document, each as often as it is referred to.
const MOST_SCHEMAS: usize = 4_096;
/// How deep they may lie in each other.
const DEEPEST: usize = 64;

/// Keywords of alternatives: one of them holds.
const ALTERNATIVES: [&str; 2] = ["anyOf", "oneOf"];
/// Other keywords that say more than `type`, `items` and `properties` do: where these say nothing, nobody knows the type.
const OPAQUE: [&str; 11] = [
    "$dynamicRef",
    "$recursiveRef",
    "allOf",
    "dependencies",
    "dependentSchemas",
    "else",
    "if",
    "not",
    "patternProperties",
    "prefixItems",
    "then",
];
/// Those in which members of the same object may be declared.
const DECLARING: [&str; 11] = [
    "$dynamicRef",
    "$recursiveRef",
    "$ref",
    "allOf",
    "anyOf",
    "dependencies",
    "dependentSchemas",
    "else",
    "if",
    "oneOf",
    "then",
];
/// The keyword for members that no other declares.
const ADDITIONAL: &str = "additionalProperties";
/// Keywords that say what type a value is, or what is in it.
const TELLING: [&str; 7] = ["type", "enum", "const", "properties", "required", "additionalProperties", "items"];

/// Problems, each with its place below the schema (`/properties/amount/type`).
type Problems = Vec<(String, SchemaProblem)>;

/// The types of a tool's arguments, or every problem; and where the
/// keywords are that are not enforced.
pub(super) fn read(schema: &Value) -> (Result<Record, Problems>, Vec<String>) {
    let mut reader = Reader {
        document: schema,
        problems: Vec::new(),
        not_enforced: BTreeSet::new(),
        references: Vec::new(),
        schemas: 0,
        depth: 0,
    };
    let record = reader.arguments(schema);
    let Reader { problems, not_enforced, .. } = reader;
    let read = match record {
        Some(record) if problems.is_empty() => Ok(record),
        _ => Err(problems),
    };
    (read, not_enforced.into_iter().collect())
}

struct Reader<'s> {
    document: &'s Value,
    problems: Problems,
    not_enforced: BTreeSet<String>,
    /// Those that are being followed.
    references: Vec<Cow<'s, str>>,
    schemas: usize,
    depth: usize,
}

/// What a schema says: its type, none where it is `null` alone, and whether it may be `null`.
#[derive(Clone, Debug)]
struct Read {
    shape: Option<Shape>,
    nullable: bool,
    limits: Limits,
}

impl<'s> Reader<'s> {
    fn problem(&mut self, place: impl Into<String>, problem: SchemaProblem) {
        self.problems.push((place.into(), problem));
    }

    fn arguments(&mut self, schema: &'s Value) -> Option<Record> {
        if !schema.is_object() {
            self.problem("", SchemaProblem::NotASchema);
            return None;
        }
        let Read { shape, nullable, limits: _ } = self.schema(schema, "", true)?;
        match shape {
            Some(Shape::Record(record)) if !nullable => return Some(record),
            Some(Shape::Opaque(unreadable)) => {
                let hidden = unreadable.keyword().filter(|keyword| *keyword != "type");
                let hidden = hidden.map(|keyword| SchemaProblem::OpaqueArguments(keyword.to_owned()));
                self.problem("", hidden.unwrap_or(SchemaProblem::NotAnObject));
            }
            _ => self.problem("", SchemaProblem::NotAnObject),
        }
        None
    }

    /// What `schema` says; none after a problem. `whole`: it is that of all arguments, which need not declare any.
    fn schema(&mut self, schema: &'s Value, place: &str, whole: bool) -> Option<Read> {
        let schema = match schema {
            Value::Bool(true) => return Some(Read::opaque(place, Why::Untyped)),
            Value::Object(schema) => schema,
            Value::Null | Value::Bool(false) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                self.problem(place, SchemaProblem::NotASchema);
                return None;
            }
        };
        self.schemas += 1;
        if self.schemas > MOST_SCHEMAS || self.depth >= DEEPEST {
            return Some(Read::opaque(place, Why::TooLarge));
        }
        self.depth += 1;
        let read = self.object(schema, place, whole);
        self.depth -= 1;
        let alone = schema.contains_key("$ref") && self.is_old();
        let limits = if alone { Limits::default() } else { self.limits(schema, place) };
        read.map(|read| Read { limits: limits.and(read.limits), ..read })
    }

    /// Whether the document is of a draft in which nothing beside `$ref` counts (draft 7 and older).
    fn is_old(&self) -> bool {
        let stated = self.document.get("$schema").and_then(Value::as_str);
        stated.is_some_and(|stated| {
            ["draft-03", "draft-04", "draft-06", "draft-07"].iter().any(|old| stated.contains(old))
        })
    }

    /// The bounds that `schema` itself has.
    fn limits(&mut self, schema: &'s Map<String, Value>, place: &str) -> Limits {
        let not_enforced = &mut self.not_enforced;
        let mut unknown = |keyword: &str| not_enforced.extend([format!("{place}/{keyword}")]);
        NOT_ENFORCED.into_iter().filter(|keyword| schema.contains_key(*keyword)).for_each(&mut unknown);
        Limits::read(schema, &mut unknown)
    }

    fn object(&mut self, schema: &'s Map<String, Value>, place: &str, whole: bool) -> Option<Read> {
        if let Some(reference) = schema.get("$ref")
            && !(schema.contains_key("type") && tells_more(schema, "$ref") && !self.is_old())
        {
            return self.reference(schema, reference, place, whole);
        }
        if let Some(Value::Array(members)) = schema.get("allOf")
            && let [only] = members.as_slice()
            && !tells_more(schema, "allOf")
        {
            return self.schema(only, &format!("{place}/allOf/0"), whole);
        }
        if let Some(keyword) = ALTERNATIVES.into_iter().find(|keyword| schema.contains_key(*keyword))
            && !tells_more(schema, keyword)
        {
            return self.alternatives(schema, keyword, place, whole);
        }
        let hiding = || {
            let keywords = ALTERNATIVES.iter().chain(&OPAQUE).chain(&["$ref"]);
            keywords.filter(|keyword| schema.contains_key(**keyword))
        };
        self.not_enforced.extend(hiding().map(|keyword| format!("{place}/{keyword}")));
        match (schema.get("type"), hiding().next()) {
            // All keywords of a schema hold: what the others say narrows this (JSON Schema §10.2).
            (Some(types), _) => self.types(schema, types, place, whole),
            (None, Some(keyword)) => {
                let why = if *keyword == "prefixItems" { Why::Tuple } else { Why::Hides };
                Some(Read::opaque(format!("{place}/{keyword}"), why))
            }
            (None, None) => Some(listed(schema, place)),
        }
    }

    /// What the schema says that `$ref` leads to.
    fn reference(
        &mut self,
        schema: &'s Map<String, Value>,
        reference: &'s Value,
        place: &str,
        whole: bool,
    ) -> Option<Read> {
        let here = format!("{place}/$ref");
        let Value::String(text) = reference else {
            self.problem(here, SchemaProblem::Keyword("a string"));
            return None;
        };
        if tells_more(schema, "$ref") {
            return Some(Read::opaque(here, Why::Beside));
        }
        let pointer = text.strip_prefix('#').and_then(|pointer| percent_decode_str(pointer).decode_utf8().ok());
        let found = pointer.and_then(|pointer| Some((self.document.pointer(&pointer)?, pointer)));
        let Some((target, pointer)) = found else { return Some(Read::opaque(here, Why::Elsewhere)) };
        if self.references.contains(&pointer) || pointer.is_empty() {
            return Some(Read::opaque(here, Why::Cycle));
        }
        self.references.push(pointer.clone());
        let read = self.schema(target, &pointer, whole);
        self.references.pop();
        read
    }

    /// What all alternatives of `keyword` say, if they say the same; `null` may be one.
    fn alternatives(
        &mut self,
        schema: &'s Map<String, Value>,
        keyword: &'static str,
        place: &str,
        whole: bool,
    ) -> Option<Read> {
        let here = format!("{place}/{keyword}");
        let Some(Value::Array(members)) = schema.get(keyword) else {
            self.problem(here, SchemaProblem::Keyword("an array of schemas"));
            return None;
        };
        let read: Vec<Option<Read>> = members
            .iter()
            .enumerate()
            .map(|(at, member)| self.schema(member, &format!("{here}/{at}"), whole))
            .collect();
        let read: Vec<Read> = read.into_iter().collect::<Option<_>>()?;
        let (several, mut differing) = (read.len(), BTreeSet::new());
        if let [first, others @ ..] = read.as_slice() {
            for other in others {
                first.differs(other, &mut differing);
            }
        }
        let read = Read::joined(read, &here);
        // Where alternatives differ in two places, a value that is in one as the first has it and in the other as the second passes.
        if several > 1 && (matches!(read.shape, Some(Shape::Opaque(_))) || differing.len() > 1) {
            self.not_enforced.insert(here);
        }
        Some(read)
    }

    /// What a schema with a `type` says.
    fn types(&mut self, schema: &'s Map<String, Value>, types: &'s Value, place: &str, whole: bool) -> Option<Read> {
        const KNOWN: [&str; 7] = ["string", "integer", "number", "boolean", "array", "object", "null"];
        let here = format!("{place}/type");
        let names = types.as_str().map(|name| vec![name]).or_else(|| strings(types));
        let Some(names) = names else {
            self.problem(here, SchemaProblem::Keyword("a string or an array of strings"));
            return None;
        };
        if let Some(unknown) = names.iter().find(|name| !KNOWN.contains(name)) {
            self.problem(here, SchemaProblem::UnknownType((*unknown).to_owned()));
            return None;
        }
        let nullable = names.contains(&"null");
        let mut read = Vec::new();
        for name in names {
            let shape = if name == "null" { None } else { Some(self.typed(name, nullable, schema, place, whole)?) };
            read.push(Read { nullable: shape.is_none(), shape, limits: Limits::default() });
        }
        Some(Read::joined(read, &here))
    }

    /// A value of the one type `name`.
    fn typed(
        &mut self,
        name: &str,
        nullable: bool,
        schema: &'s Map<String, Value>,
        place: &str,
        whole: bool,
    ) -> Option<Shape> {
        let opaque = |below: &str, why| Shape::Opaque(Unreadable::new(format!("{place}{below}"), why));
        Some(match name {
            "boolean" => Shape::Boolean,
            "integer" => Shape::Long,
            "number" => Shape::Decimal,
            "string" => string(schema, nullable, place),
            "array" if schema.contains_key("prefixItems") => opaque("/prefixItems", Why::Tuple),
            "array" => match schema.get("items") {
                None => opaque("", Why::NoItems),
                // A list of schemas is one type per position (draft 2019-09 and older).
                Some(Value::Array(_)) => opaque("/items", Why::Tuple),
                Some(items) => match self.schema(items, &format!("{place}/items"), false)? {
                    Read { shape: Some(shape @ Shape::Opaque(_)), .. } => shape,
                    Read { shape: Some(shape), nullable: false, limits } => {
                        Shape::Set(Box::new(Property { required: true, nullable: false, shape, limits }))
                    }
                    Read { .. } => opaque("/items", Why::NullItems),
                },
            },
            "object" => match self.record(schema, place)? {
                // Of an object that says nothing about its members nobody knows what they are.
                Record { rest: Rest::Refused | Rest::Open(_) | Rest::Unasked, .. }
                    if !whole && !schema.contains_key("properties") =>
                {
                    opaque("", Why::NoMembers)
                }
                record => Shape::Record(record),
            },
            _ => opaque("/type", Why::OnlyNull),
        })
    }

    /// An object with the declared members.
    fn record(&mut self, schema: &'s Map<String, Value>, place: &str) -> Option<Record> {
        let required = self.required(schema, place);
        let rest = self.rest(schema, place)?;
        let mut properties = BTreeMap::new();
        match schema.get("properties") {
            None => {}
            Some(Value::Object(declared)) => {
                for (name, schema) in declared {
                    let place = format!("{place}/properties/{}", Pointer::escaped(name));
                    if let Some(read) = self.schema(schema, &place, false) {
                        properties.insert(name.clone(), read.property(required.contains(&name.as_str()), &place));
                    }
                }
            }
            Some(_) => {
                self.problem(format!("{place}/properties"), SchemaProblem::Keyword("an object"));
                return None;
            }
        }
        let declared = schema.get("properties").and_then(Value::as_object);
        for name in required.into_iter().filter(|name| declared.is_none_or(|all| !all.contains_key(*name))) {
            let here = format!("{place}/required");
            let property = match &rest {
                Rest::Map(property, _) => Property { required: true, ..property.as_ref().clone() },
                Rest::Open(_) | Rest::Unasked => Read::opaque(here, Why::Undeclared).property(true, place),
                Rest::Refused => {
                    self.problem(here, SchemaProblem::UndeclaredRequired(name.to_owned()));
                    continue;
                }
            };
            properties.insert(name.to_owned(), property);
        }
        Some(Record { properties, rest, derived: BTreeMap::new() })
    }

    /// What is said of members that are not declared by name: where nothing is, they are refused. A type that cannot be read
    /// is not enforced, and neither are those that other keywords declare.
    fn rest(&mut self, schema: &'s Map<String, Value>, place: &str) -> Option<Rest> {
        // What it names is not additional.
        if schema.contains_key("patternProperties") {
            return Some(Rest::Open("patternProperties"));
        }
        Some(match schema.get(ADDITIONAL) {
            Some(Value::Bool(true)) => Rest::Open(ADDITIONAL),
            Some(members @ Value::Object(_)) if !is_never(members) => {
                let here = format!("{place}/{ADDITIONAL}");
                match self.schema(members, &here, false)?.property(false, &here) {
                    Property { shape: Shape::Opaque(unreadable), .. } => {
                        if unreadable.why != Why::Untyped {
                            self.not_enforced.insert(here);
                        }
                        Rest::Open(ADDITIONAL)
                    }
                    property => Rest::Map(Box::new(property), Unreadable::new(here, Why::Map)),
                }
            }
            Some(_) => Rest::Refused,
            None => DECLARING.into_iter().find(|keyword| declares(schema, keyword)).map_or(Rest::Refused, Rest::Open),
        })
    }

    fn required(&mut self, schema: &'s Map<String, Value>, place: &str) -> Vec<&'s str> {
        let Some(required) = schema.get("required") else { return Vec::new() };
        strings(required).unwrap_or_else(|| {
            self.problem(format!("{place}/required"), SchemaProblem::Keyword("an array of strings"));
            Vec::new()
        })
    }
}

impl Read {
    fn opaque(place: impl Into<String>, why: Why) -> Self {
        let shape = Some(Shape::Opaque(Unreadable::new(place, why)));
        Self { shape, nullable: false, limits: Limits::default() }
    }

    /// Notes the places, below a value, where it and `other` say different things of it.
    fn differs(&self, other: &Self, places: &mut BTreeSet<String>) {
        if self.shape.is_some() && other.shape.is_some() && self.limits != other.limits {
            places.insert(String::new());
        }
        if let (Some(one), Some(other)) = (&self.shape, &other.shape) {
            one.differs(other, "", places);
        }
    }

    /// What all of `several`, the alternatives at `place`, say.
    fn joined(several: Vec<Self>, place: &str) -> Self {
        let nullable = several.iter().any(|read| read.nullable);
        let typed = several.into_iter().filter_map(|read| Some((read.shape?, read.limits)));
        let (shapes, limits): (Vec<Shape>, Vec<Limits>) = typed.unzip();
        let limits = Limits::any_of(limits);
        let mut shapes = shapes.into_iter();
        let Some(first) = shapes.next() else { return Self { shape: None, nullable, limits } };
        let shape = shapes.try_fold(first, Shape::joined);
        let shape = shape.unwrap_or_else(|| Shape::Opaque(Unreadable::new(place, Why::Several)));
        Self { shape: Some(shape), nullable, limits }
    }

    /// As a member of an object that is read at `place`. What is opaque may be anything, `null` too.
    fn property(self, required: bool, place: &str) -> Property {
        let only_null = || Shape::Opaque(Unreadable::new(format!("{place}/type"), Why::OnlyNull));
        let shape = self.shape.unwrap_or_else(only_null);
        let nullable = self.nullable && !matches!(shape, Shape::Opaque(_));
        Property { required, nullable, shape, limits: self.limits }
    }
}

impl Shape {
    /// Notes the places, at `place` and below, where it and `other` differ.
    fn differs(&self, other: &Self, place: &str, places: &mut BTreeSet<String>) {
        match (self, other) {
            (Self::Record(one), Self::Record(other)) => one.differs(other, place, places),
            // Of two items each may be as another alternative has it.
            (Self::Set(one), Self::Set(other)) if one != other => {
                places.extend([format!("{place}/0"), format!("{place}/1")]);
            }
            (one, other) if one != other => {
                places.insert(place.to_owned());
            }
            _ => {}
        }
    }

    /// The one type of what is of the one or the other.
    fn joined(self, other: Self) -> Option<Self> {
        Some(match (self, other) {
            (Self::Opaque(unreadable), _) | (_, Self::Opaque(unreadable)) => Self::Opaque(unreadable),
            (Self::Long | Self::Decimal, Self::Decimal) | (Self::Decimal, Self::Long) => Self::Decimal,
            (Self::String(Some(mut listed)), Self::String(Some(more))) => {
                listed.extend(more);
                Self::String(Some(listed))
            }
            (Self::String(_), Self::String(_)) => Self::String(None),
            (Self::Set(one), Self::Set(other)) => {
                let (one, other) = (*one, *other);
                let limits = Limits::any_of(vec![one.limits, other.limits]);
                let shape = one.shape.joined(other.shape)?;
                Self::Set(Box::new(Property { required: true, nullable: false, shape, limits }))
            }
            (Self::Record(one), Self::Record(other)) => Self::Record(one.joined(other)?),
            (one, other) => return (one == other).then_some(one),
        })
    }
}

impl Record {
    fn differs(&self, other: &Self, place: &str, places: &mut BTreeSet<String>) {
        for (name, one) in &self.properties {
            let Some(other) = other.properties.get(name) else { continue };
            let here = format!("{place}/{}", Pointer::escaped(name));
            one.shape.differs(&other.shape, &here, places);
            if one.limits != other.limits {
                places.insert(here);
            }
        }
    }

    /// What is of the one or the other, where both declare the same.
    fn joined(self, mut other: Self) -> Option<Self> {
        let mut properties = BTreeMap::new();
        for (name, one) in self.properties {
            let other = other.properties.remove(&name)?;
            if (one.required, one.nullable) != (other.required, other.nullable) {
                return None;
            }
            let (limits, shape) = (Limits::any_of(vec![one.limits, other.limits]), one.shape.joined(other.shape)?);
            properties.insert(name, Property { required: one.required, nullable: one.nullable, shape, limits });
        }
        (other.properties.is_empty() && self.rest == other.rest).then_some(Self {
            properties,
            rest: self.rest,
            derived: BTreeMap::new(),
        })
    }
}

/// What `enum` or `const` says where there is no `type`.
fn listed(schema: &Map<String, Value>, place: &str) -> Read {
    let (keyword, values) = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(values)), _) => ("enum", values.as_slice()),
        (Some(_), _) => return Read::opaque(format!("{place}/enum"), Why::Listed),
        (None, Some(value)) => ("const", std::slice::from_ref(value)),
        (None, None) => return Read::opaque(place, Why::Untyped),
    };
    let here = format!("{place}/{keyword}");
    let one = |value: &Value| {
        let shape = match value {
            Value::Null => return Read { shape: None, nullable: true, limits: Limits::default() },
            Value::Bool(_) => Shape::Boolean,
            Value::Number(number) if number.is_i64() => Shape::Long,
            Value::Number(_) => Shape::Decimal,
            Value::String(text) => Shape::String(Some(vec![text.clone()])),
            Value::Array(_) | Value::Object(_) => return Read::opaque(here.clone(), Why::Listed),
        };
        Read { shape: Some(shape), nullable: false, limits: Limits::default() }
    };
    match Read::joined(values.iter().map(one).collect(), &here) {
        Read { shape: Some(Shape::Opaque(_)), .. } => Read::opaque(here, Why::Listed),
        read => read,
    }
}

/// A string, or one of those listed; opaque if something else is listed.
fn string(schema: &Map<String, Value>, nullable: bool, place: &str) -> Shape {
    let (keyword, listed) = match (schema.get("enum"), schema.get("const")) {
        (Some(Value::Array(listed)), _) => ("enum", listed.as_slice()),
        (Some(_), _) => return Shape::Opaque(Unreadable::new(format!("{place}/enum"), Why::Listed)),
        (None, Some(value)) => ("const", std::slice::from_ref(value)),
        (None, None) => return Shape::String(None),
    };
    let strings: Option<Vec<String>> = listed
        .iter()
        .filter(|value| !(nullable && value.is_null()))
        .map(|value| value.as_str().map(str::to_owned))
        .collect();
    let opaque = || Shape::Opaque(Unreadable::new(format!("{place}/{keyword}"), Why::Listed));
    strings.map_or_else(opaque, |strings| Shape::String(Some(strings)))
}

/// Whether members may be declared under `keyword` of `schema`. Alternatives that only require some declare none.
fn declares(schema: &Map<String, Value>, keyword: &str) -> bool {
    let requires = |schema: &Value| {
        let requires = |schema: &Map<String, Value>| schema.keys().all(|keyword| keyword == "required");
        schema.as_object().is_some_and(requires)
    };
    match schema.get(keyword) {
        None => false,
        Some(Value::Array(members)) => !members.iter().all(requires),
        Some(other) => !requires(other),
    }
}

/// Whether `schema` is `false` by other words, as generators write it.
fn is_never(schema: &Value) -> bool {
    let everything = |schema: &Value| schema.as_bool() == Some(true) || schema.as_object().is_some_and(Map::is_empty);
    schema.get("not").is_some_and(everything)
}

/// Whether anything beside `keyword` says something about the type.
fn tells_more(schema: &Map<String, Value>, keyword: &str) -> bool {
    let telling = TELLING.iter().chain(&OPAQUE).chain(&ALTERNATIVES).chain(&["$ref"]);
    telling.into_iter().any(|other| *other != keyword && schema.contains_key(*other))
}

fn strings(value: &Value) -> Option<Vec<&str>> {
    value.as_array()?.iter().map(Value::as_str).collect()
}
