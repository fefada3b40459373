//! The small notations in scenario values: durations, numeric dates, pieces of text, merge patches.

use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

/// `250ms`, `90s`, `10m`, `2h`.
pub fn duration(text: &str) -> anyhow::Result<Duration> {
    let units = [("ms", 1), ("s", 1_000), ("m", 60_000), ("h", 3_600_000)];
    units
        .iter()
        .find_map(|(unit, factor)| text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(*factor))
        .map(Duration::from_millis)
        .with_context(|| format!("`{text}` is not a duration"))
}

/// Seconds since the epoch for `now`, `now+300s`, `now-1h`; none for anything else.
pub fn numeric_date(text: &str, now_secs: u64) -> Option<u64> {
    let rest = text.strip_prefix("now")?;
    if rest.is_empty() {
        return Some(now_secs);
    }
    let (sign, by) = rest.split_at_checked(1)?;
    let by = duration(by).ok()?.as_secs();
    match sign {
        "+" => now_secs.checked_add(by),
        "-" => now_secs.checked_sub(by),
        _ => None,
    }
}

/// RFC 3339, in UTC.
pub fn rfc3339(secs: u64) -> anyhow::Result<String> {
    let instant = time::OffsetDateTime::from_unix_timestamp(i64::try_from(secs)?)?;
    Ok(instant.format(&time::format_description::well_known::Rfc3339)?)
}

/// `value` with every text replaced by what `other` makes of it, if it makes something of it; and with every
/// `{repeat, times}` replaced by the text it stands for.
pub fn with_texts(value: Value, other: &dyn Fn(&str) -> Option<Value>) -> Value {
    match value {
        Value::String(text) => other(&text).unwrap_or(Value::String(text)),
        Value::Array(items) => items.into_iter().map(|item| with_texts(item, other)).collect(),
        Value::Object(members) => match piece(&Value::Object(members.clone())) {
            Ok(text) => Value::String(text),
            Err(_) => members.into_iter().map(|(name, value)| (name, with_texts(value, other))).collect(),
        },
        other @ (Value::Null | Value::Bool(_) | Value::Number(_)) => other,
    }
}

/// [`with_texts`] for numeric dates.
pub fn with_dates(value: Value, now_secs: u64) -> Value {
    with_texts(value, &|text| numeric_date(text, now_secs).map(Value::from))
}

/// `text` with every `{now…}` replaced by the numeric date.
pub fn fill_dates(text: &str, now_secs: u64) -> String {
    let mut filled = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("{now") {
        filled.push_str(before);
        let date =
            after.split_once('}').and_then(|(by, rest)| Some((numeric_date(&format!("now{by}"), now_secs)?, rest)));
        if let Some((date, after)) = date {
            filled.push_str(&date.to_string());
            rest = after;
        } else {
            filled.push_str("{now");
            rest = after;
        }
    }
    filled.push_str(rest);
    filled
}

/// Text as written, or a list of texts and `{repeat, times}`.
pub fn pieces(value: &Value) -> anyhow::Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Array(items) => items.iter().map(piece).collect(),
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
            bail!("`{other}` is neither text nor a list of pieces")
        }
    }
}

fn piece(value: &Value) -> anyhow::Result<String> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Object(members) if members.len() == 2 => {
            let text = members.get("repeat").and_then(Value::as_str);
            let times = members.get("times").and_then(Value::as_u64).and_then(|times| usize::try_from(times).ok());
            text.zip(times).map(|(text, times)| text.repeat(times)).context("a piece is `{repeat, times}`")
        }
        other @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_)) => {
            bail!("`{other}` is no piece of text")
        }
    }
}

/// RFC 7396.
pub fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(members) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Value::Object(object) = target else { return };
    for (name, value) in members {
        if value.is_null() {
            object.remove(name);
        } else {
            merge(object.entry(name.clone()).or_insert(Value::Null), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn dates_are_relative_to_now() {
        assert_eq!(numeric_date("now", 1000), Some(1000));
        assert_eq!(numeric_date("now+2m", 1000), Some(1120));
        assert_eq!(numeric_date("now-10s", 1000), Some(990));
        assert_eq!(numeric_date("nowhere", 1000), None);
        assert_eq!(fill_dates(r#"{"exp":{now+5s},"x":"{nowhere}"}"#, 10), r#"{"exp":15,"x":"{nowhere}"}"#);
    }

    #[test]
    fn merge_patches_follow_rfc_7396() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1]});
        merge(&mut target, &json!({"a": {"b": null, "e": 3}, "d": [2]}));
        assert_eq!(target, json!({"a": {"c": 2, "e": 3}, "d": [2]}));
    }

    #[test]
    fn pieces_repeat() -> anyhow::Result<()> {
        assert_eq!(pieces(&json!(["<", {"repeat": "ab", "times": 3}, ">"]))?, "<ababab>");
        assert!(pieces(&json!([1])).is_err());
        Ok(())
    }
}
