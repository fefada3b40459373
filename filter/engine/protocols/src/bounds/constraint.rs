//! What a grant demands of one argument. Whatever cannot be compared exactly does not satisfy.

use countersign_tokens::json::{Json, Numeral};
use ipnet::IpNet;
use serde_json::Value;

use super::TaskError;
use super::glob::Glob;
use super::networks::{contains, networks};
use super::{authority, text};

/// A demand on one argument.
#[derive(Clone, Debug, PartialEq)]
pub enum Constraint {
    /// The same JSON value; `1` and `1.0` are the same.
    Equals(Json),
    /// The same as one of these.
    OneOf(Vec<Json>),
    /// A number, at least this.
    Min(Numeral),
    /// A number, at most this.
    Max(Numeral),
    /// A string that starts with this and does not climb out of it.
    Prefix(String),
    /// A string that matches this pattern, segment by segment.
    Glob(Glob),
    /// So many characters of a string, or items of a list, at least.
    MinLength(u64),
    /// So many at most.
    MaxLength(u64),
    /// A URL, e-mail address or host name that leads to one of these domains (`*.` for those below).
    Domain(Vec<String>),
    /// One that leads to none of these.
    NotDomain(Vec<String>),
    /// An address, or a URL with one, in one of these networks.
    Cidr(Vec<IpNet>),
}

impl Constraint {
    /// The constraint `kind` with its `operand`, as a claim spells them.
    pub(crate) fn parse(kind: &str, operand: &Value) -> Result<Self, TaskError> {
        match (kind, operand) {
            ("equals", value) if is_lost(value) => Err(unusable(kind)),
            ("equals", value) => Ok(Self::Equals(value.clone().into())),
            ("one_of", Value::Array(values)) if !values.is_empty() && !values.iter().any(is_lost) => {
                Ok(Self::OneOf(values.iter().cloned().map(Json::from).collect()))
            }
            ("min", Value::Number(number)) => Ok(Self::Min(number.into())),
            ("max", Value::Number(number)) => Ok(Self::Max(number.into())),
            ("prefix", Value::String(prefix)) if authority::ends_inside(prefix) => Err(ends_inside(kind)),
            ("prefix", Value::String(prefix)) => Ok(Self::Prefix(prefix.clone())),
            // A leading `!` would turn the meaning around.
            ("glob", Value::String(pattern)) if !pattern.is_empty() && !pattern.starts_with('!') => {
                let glob = Glob::parse(pattern).ok_or_else(|| unusable(kind))?;
                if glob.ends_inside_authority() { Err(ends_inside(kind)) } else { Ok(Self::Glob(glob)) }
            }
            ("min_length", operand) => operand.as_u64().map(Self::MinLength).ok_or_else(|| unusable(kind)),
            ("max_length", operand) => operand.as_u64().map(Self::MaxLength).ok_or_else(|| unusable(kind)),
            ("domain", operand) => domains(operand).map(Self::Domain).ok_or_else(|| unusable(kind)),
            ("not_domain", operand) => domains(operand).map(Self::NotDomain).ok_or_else(|| unusable(kind)),
            ("cidr", operand) => networks(operand).map(Self::Cidr).ok_or_else(|| unusable(kind)),
            ("one_of" | "min" | "max" | "prefix" | "glob", _) => Err(unusable(kind)),
            _ => Err(TaskError::UnsupportedConstraint(kind.to_owned())),
        }
    }

    /// Whether `argument` meets it.
    pub fn admits(&self, argument: &Json) -> bool {
        match self {
            Self::Equals(expected) => expected == argument,
            Self::OneOf(expected) => expected.contains(argument),
            Self::Min(least) => argument.as_number().is_some_and(|number| number >= least),
            Self::Max(most) => argument.as_number().is_some_and(|number| number <= most),
            Self::Prefix(prefix) => argument.as_str().is_some_and(|argument| text::is_below(prefix, argument)),
            Self::Glob(pattern) => argument.as_str().is_some_and(|argument| text::is_like(pattern, argument)),
            Self::MinLength(least) => length(argument).is_some_and(|length| length >= *least),
            Self::MaxLength(most) => length(argument).is_some_and(|length| length <= *most),
            Self::Domain(domains) => leads_to(argument, domains) == Some(true),
            // An argument that leads nowhere known may lead anywhere.
            Self::NotDomain(domains) => leads_to(argument, domains) == Some(false),
            Self::Cidr(networks) => {
                argument.as_str().and_then(text::address).is_some_and(|address| contains(networks, &address))
            }
        }
    }
}

/// Whether something in `operand` may have been a number that is held nowhere: a token's claims have a list of one null in its place,
/// which an argument could be.
fn is_lost(operand: &Value) -> bool {
    match operand {
        Value::Array(items) => matches!(items.as_slice(), [Value::Null]) || items.iter().any(is_lost),
        Value::Object(members) => members.values().any(is_lost),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

fn unusable(kind: &str) -> TaskError {
    TaskError::unusable(format!("operand of constraint `{kind}`"))
}

fn ends_inside(kind: &str) -> TaskError {
    TaskError::InsideAuthority(format!("operand of constraint `{kind}`"))
}

/// Whether `argument` leads to one of `domains`; none if nobody can tell where it leads.
fn leads_to(argument: &Json, domains: &[String]) -> Option<bool> {
    let host = text::host(argument.as_str()?)?;
    Some(domains.iter().any(|domain| text::is_in_domain(&host, domain)))
}

/// A list of domains, at least one, lower case.
fn domains(operand: &Value) -> Option<Vec<String>> {
    let domain = |domain: &Value| domain.as_str().filter(|domain| text::is_domain(domain)).map(str::to_owned);
    operand.as_array().filter(|domains| !domains.is_empty())?.iter().map(domain).collect()
}

/// Characters of a string, items of a list.
fn length(argument: &Json) -> Option<u64> {
    let length = match argument {
        Json::String(text) => text.chars().count(),
        Json::Array(items) => items.len(),
        Json::Null | Json::Bool(_) | Json::Number(_) | Json::Object(_) => return None,
    };
    u64::try_from(length).ok()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn admits(kind: &str, operand: &Value, argument: &Value) -> Result<bool, TaskError> {
        Constraint::parse(kind, operand).map(|constraint| constraint.admits(&argument.clone().into()))
    }

    #[test]
    fn each_kind() -> Result<(), TaskError> {
        for (kind, operand, inside, outside) in [
            ("equals", json!("EUR"), vec![json!("EUR")], vec![json!("eur"), json!(["EUR"]), json!(null)]),
            ("equals", json!(1), vec![json!(1), json!(1.0)], vec![json!("1"), json!(true), json!(1.000_000_1)]),
            (
                "equals",
                json!({"a": [1]}),
                vec![json!({"a": [1.0]})],
                vec![json!({"a": [1], "b": 2}), json!({"a": [1, 1]}), json!({"b": [1]})],
            ),
            ("equals", json!(null), vec![json!(null)], vec![json!(0), json!("")]),
            (
                "one_of",
                json!(["EUR", 2]),
                vec![json!("EUR"), json!(2.0)],
                vec![json!("USD"), json!("2"), json!(["EUR"])],
            ),
            (
                "min",
                json!(5),
                vec![json!(5), json!(5.0), json!(1e300)],
                vec![json!(4.999), json!(-6), json!("6"), json!(null), json!([6])],
            ),
            (
                "max",
                json!(500),
                vec![json!(500), json!(-1e300)],
                vec![json!(500.01), json!(501), json!("1"), json!(true)],
            ),
            ("max", json!(0.3), vec![json!(0.3), json!(0)], vec![json!(0.300_000_1), json!(1)]),
            (
                "prefix",
                json!("acc-"),
                vec![json!("acc-"), json!("acc-1")],
                vec![json!("ACC-1"), json!("xacc-1"), json!(1), json!(["acc-1"])],
            ),
            ("glob", json!("/data/*.csv"), vec![json!("/data/a.csv")], vec![json!("/data/b/a.csv"), json!(1)]),
            ("min_length", json!(2), vec![json!("ää"), json!([1, 2])], vec![json!("ä"), json!([1]), json!(22)]),
            ("max_length", json!(2), vec![json!("ää"), json!("")], vec![json!("äää"), json!([1, 2, 3]), json!({})]),
            (
                "domain",
                json!(["example.com", "*.example.org"]),
                vec![json!("https://example.com/x"), json!("a@b.example.org"), json!("EXAMPLE.com")],
                vec![
                    json!("https://a.example.com"),
                    json!("https://example.com@evil.test"),
                    json!("example.org"),
                    json!(1),
                ],
            ),
            (
                "not_domain",
                json!(["*.example.org"]),
                vec![json!("https://example.com/x"), json!("example.org")],
                vec![
                    json!("https://a.example.org"),
                    json!("https://example.com@a.example.org"),
                    json!("//a"),
                    json!(1),
                ],
            ),
            (
                "cidr",
                json!(["10.0.0.0/8", "2001:db8::/32"]),
                vec![
                    json!("10.1.2.3"),
                    json!("http://10.1.2.3:80/x"),
                    json!("2001:db8::1"),
                    json!("http://[2001:db8::1]/"),
                ],
                vec![
                    json!("11.1.2.3"),
                    json!("10.1.2"),
                    json!("0x0a000001"),
                    json!("012.0.0.1"),
                    json!("example.com"),
                    json!(10),
                ],
            ),
        ] {
            for argument in inside {
                assert!(admits(kind, &operand, &argument)?, "{kind} {operand} {argument}");
            }
            for argument in outside {
                assert!(!admits(kind, &operand, &argument)?, "{kind} {operand} {argument}");
            }
        }
        Ok(())
    }

    #[test]
    fn large_numbers_are_compared_exactly_or_not_at_all() -> Result<(), TaskError> {
        assert!(!admits("equals", &json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992_u64))?);
        assert!(!admits("equals", &json!(9_007_199_254_740_993_u64), &json!(9_007_199_254_740_992.0))?);
        assert!(!admits("max", &json!(9_007_199_254_740_992.0), &json!(9_007_199_254_740_993_u64))?);
        assert!(admits("max", &json!(u64::MAX), &json!(i64::MIN))?);
        Ok(())
    }

    #[test]
    fn a_pattern_has_a_whole_authority_or_none() -> Result<(), TaskError> {
        for (kind, operand) in [
            ("prefix", "https://api.example"),
            ("prefix", "https://api.example.com"),
            ("prefix", "//api.example"),
            ("glob", "s3://My-Bu*"),
            ("glob", "https://api.example*/**"),
            ("glob", "https://{www,api.*}/**"),
            ("glob", "http?://api.example.**"),
            ("glob", "//api.example*"),
        ] {
            let expected = Err(TaskError::InsideAuthority(format!("operand of constraint `{kind}`")));
            assert_eq!(admits(kind, &json!(operand), &json!("a")), expected, "{operand}");
        }
        for (kind, operand, inside, outside) in [
            (
                "prefix",
                "https://api.example.com/",
                &["https://api.example.com/a"][..],
                &["https://api.example.com"][..],
            ),
            ("prefix", "https://", &["https://a", "https://u@a/"], &["http://a"]),
            ("glob", "https://api.example.com", &["https://api.example.com"], &["https://api.example.com/"]),
            ("glob", "https://**", &["https://u@a/b?c"], &["http://a"]),
            (
                "glob",
                "https://*.example.com/**",
                &["https://a.example.com/b?c#d@e", "https://a.b.example.com/"],
                &[
                    "https://evil.test?.example.com/a",
                    "https://evil.test#.example.com/a",
                    "https://u@a.example.com/a",
                    "https://evil.test/.example.com/a",
                ],
            ),
            (
                "glob",
                "{http,https}://api.example.com:*0/**",
                &["http://api.example.com:80/a"],
                &["http://api.example.com:1@evil.test:80/a"],
            ),
            ("glob", "https://api.example.co?/**", &["https://api.example.com/a"], &["https://api.example.co?/a"]),
            ("glob", "https://[!a]pi.example/**", &["https://bpi.example/"], &["https://?pi.example/"]),
            ("glob", "https://api.example/a?b=*", &["https://api.example/a?b=c@d"], &[]),
            ("glob", "/data/**//*", &["/data/a//b?c@d"], &[]),
        ] {
            for text in inside {
                assert!(admits(kind, &json!(operand), &json!(text))?, "{operand} {text}");
            }
            for text in outside {
                assert!(!admits(kind, &json!(operand), &json!(text))?, "{operand} {text}");
            }
        }
        Ok(())
    }

    #[test]
    fn unknown_kinds_and_wrong_operands_are_errors() {
        assert_eq!(
            admits("regex", &json!("."), &json!("a")),
            Err(TaskError::UnsupportedConstraint("regex".to_owned()))
        );
        for (kind, operand) in [
            // What is left of `1e400`.
            ("equals", json!([null])),
            ("equals", json!({ "a": [1, [null]] })),
            ("one_of", json!([1, [null]])),
            ("one_of", json!([])),
            ("one_of", json!("a")),
            ("min", json!("5")),
            ("max", json!(null)),
            ("prefix", json!(1)),
            ("glob", json!("!x")),
            ("glob", json!("")),
            ("min_length", json!(-1)),
            ("max_length", json!("1")),
            ("domain", json!("example.com")),
            ("domain", json!([])),
            ("domain", json!(["Example.com"])),
            ("domain", json!(["https://example.com"])),
            ("domain", json!(["*"])),
            ("domain", json!(["*.*.example.com"])),
            ("cidr", json!(["10.0.0.1/8"])),
            ("cidr", json!([])),
        ] {
            let expected = Err(TaskError::unusable(format!("operand of constraint `{kind}`")));
            assert_eq!(admits(kind, &operand, &json!("a")), expected, "{kind} {operand}");
        }
    }
}
