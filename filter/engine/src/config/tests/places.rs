//! Every value of a configuration is strict, and every mistake is told at its place.

use serde_json::{Map, Value, json};

use super::{Outcome, full, objects, parse, schema};

/// Calls `visit` with the place and value of every member the reader knows.
fn members(document: &Value) -> Vec<(String, Value)> {
    let mut members = Vec::new();
    objects(document, "", &mut |pointer, object: &Map<String, Value>| {
        members.extend(object.iter().map(|(key, value)| (format!("{pointer}/{key}"), value.clone())));
    });
    members
}

#[test]
fn no_value_may_be_of_another_type() -> Outcome {
    let document = full();
    let members = members(&document);
    assert_eq!(members.len(), 227);
    for (place, value) in members {
        let replacements = [Value::Null, json!(true), json!(7), json!("x y"), json!(["x y"]), json!({ "x y": 1 })];
        for replacement in replacements.into_iter().filter(|other| kind(other) != kind(&value)) {
            let mut wrong = document.clone();
            *wrong.pointer_mut(&place).ok_or("no such place")? = replacement.clone();
            let errors = parse(&wrong).err().ok_or_else(|| format!("{place} may be {replacement}"))?;
            let told: Vec<&str> = errors.iter().map(countersign_facts::mistakes::ConfigError::pointer).collect();
            assert_eq!(told.first().copied(), Some(place.as_str()), "{errors}");
            assert!(!schema::accepts(&wrong)?, "the schema accepts {replacement} at {place}");
        }
    }
    Ok(())
}

#[test]
fn one_letter_off_is_suggested() -> Outcome {
    let document = full();
    for (place, value) in members(&document) {
        let (parent, key) = place.rsplit_once('/').ok_or("no parent")?;
        if key == "id" {
            continue; // Too short to tell.
        }
        let mut wrong = document.clone();
        let members = wrong.pointer_mut(parent).and_then(Value::as_object_mut).ok_or("no object")?;
        members.insert(format!("{key}s"), value);
        let expected = format!("{place}s: unknown key; did you mean `{key}`?");
        assert_eq!(parse(&wrong).map(drop).map_err(|errors| errors.to_string()), Err(expected));
        assert!(!schema::accepts(&wrong)?, "the schema accepts {place}s");
    }
    Ok(())
}

fn kind(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}
