//! Claims of credentials that configuration names, for policies to read. They are the subject's, never an actor's.

use std::collections::BTreeMap;
use std::fmt;

use countersign_facts::pointer::Pointer;
use serde_json::{Map, Value};

/// The most that an issuer may name.
pub const MOST: usize = 32;
/// The most items of a list,
const MOST_ITEMS: usize = 256;
/// and bytes of a claim's texts.
const MOST_BYTES: usize = 8 * 1024;

/// Whole numbers beyond this have neighbours that a double cannot tell from them (2^53 - 1).
const LARGEST_EXACT: f64 = 9_007_199_254_740_991.0;

/// Where an issuer writes something about the subject, and what policies call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClaimRule {
    pub name: String,
    pub at: Pointer,
    pub kind: ClaimKind,
    /// Credentials without it are refused.
    pub required: bool,
    /// It is on records.
    pub record: bool,
}

impl ClaimRule {
    /// The claim that it names, of which a credential says this.
    pub fn found(&self, value: Result<Option<Claim>, Unreadable>) -> NamedClaim {
        NamedClaim { name: self.name.clone(), value, record: self.record }
    }
}

/// Of which type a claim is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClaimKind {
    Text,
    /// A set; one text stands for a set of one.
    Texts,
    /// A whole number, 64 bits signed.
    Number,
    Flag,
}

impl ClaimKind {
    /// As configuration spells it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Text => "string",
            Self::Texts => "[string]",
            Self::Number => "integer",
            Self::Flag => "boolean",
        }
    }
}

/// A claim's value.
#[derive(Clone, PartialEq, Eq)]
pub enum Claim {
    Text(String),
    Texts(Vec<String>),
    Number(i64),
    Flag(bool),
}

impl Claim {
    /// As JSON has it.
    pub fn json(&self) -> Value {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Texts(texts) => texts.as_slice().into(),
            Self::Number(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
        }
    }
}

/// Why nobody knows what a claim says. Whatever policy reads it, the answer is no.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// OpenID Connect Core §5.6.2; where a subject has too many groups, Entra ID's tokens say so, or `hasgroups`.
    #[error("the credential says that it is elsewhere")]
    Elsewhere,
    #[error("it is not of the configured type")]
    OtherType,
    #[error("it has more than {MOST_ITEMS} items")]
    TooMany,
    #[error("it is longer than {MOST_BYTES} bytes")]
    TooLong,
}

/// A claim that is asked for and cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the claim `{name}` cannot be read: {why}")]
pub struct UnreadableClaim {
    pub name: String,
    pub why: Unreadable,
}

/// One claim that configuration names, in a credential.
#[derive(Clone, PartialEq, Eq)]
pub struct NamedClaim {
    pub name: String,
    /// None where it is absent.
    pub value: Result<Option<Claim>, Unreadable>,
    /// Whether it is on records.
    pub record: bool,
}

/// What the configured claims of one credential say.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Claims(Vec<NamedClaim>);

impl Claims {
    /// What `members`, the claims of a credential, say of what `rules` name.
    pub fn of(rules: &[ClaimRule], members: &Map<String, Value>) -> Self {
        rules.iter().map(|rule| rule.found(read(rule, members))).collect()
    }

    /// All that configuration names, there or not.
    pub fn iter(&self) -> impl Iterator<Item = &NamedClaim> {
        self.0.iter()
    }

    /// Those that are there and can be read.
    pub fn readable(&self) -> impl Iterator<Item = (&str, &Claim)> {
        self.0.iter().filter_map(|found| Some((found.name.as_str(), found.value.as_ref().ok()?.as_ref()?)))
    }

    /// That all which are `wanted` are absent or can be read.
    ///
    /// # Errors
    /// The first that cannot.
    pub fn check(&self, wanted: impl Fn(&str) -> bool) -> Result<(), UnreadableClaim> {
        let unreadable = |found: &NamedClaim| {
            let why = *found.value.as_ref().err().filter(|_| wanted(&found.name))?;
            Some(UnreadableClaim { name: found.name.clone(), why })
        };
        self.0.iter().find_map(unreadable).map_or(Ok(()), Err)
    }

    /// The first that `rules` require and that is absent.
    pub fn missing<'r>(&self, rules: &'r [ClaimRule]) -> Option<&'r ClaimRule> {
        let absent = |rule: &ClaimRule| self.0.iter().any(|found| found.name == rule.name && found.value == Ok(None));
        rules.iter().find(|rule| rule.required && absent(rule))
    }
}

impl FromIterator<NamedClaim> for Claims {
    fn from_iter<I: IntoIterator<Item = NamedClaim>>(found: I) -> Self {
        Self(found.into_iter().collect())
    }
}

impl fmt::Debug for Claims {
    /// Without values, which may be personal.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_set().entries(self.0.iter().map(|found| &found.name)).finish()
    }
}

/// The claims that policies may read, by name, each with its type and whether every caller has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeclaredClaims {
    named: BTreeMap<String, (ClaimKind, bool)>,
    /// Whether a caller may have no `sub`.
    pub machines: bool,
}

impl DeclaredClaims {
    /// Those of `issuers`, of which no two name one with different types.
    pub fn of<'r>(issuers: &(impl Iterator<Item = &'r [ClaimRule]> + Clone)) -> Self {
        let rules = issuers.clone().flatten();
        let has = |rules: &[ClaimRule], name: &str| rules.iter().any(|rule| rule.name == name && rule.required);
        let row = |rule: &ClaimRule| {
            let always = issuers.clone().all(|rules| has(rules, &rule.name));
            (rule.name.clone(), (rule.kind, always))
        };
        Self { named: rules.map(row).collect(), machines: false }
    }

    /// These claims, of callers without `sub` too if `machines` says so.
    #[must_use]
    pub fn with_machines(self, machines: bool) -> Self {
        Self { machines, ..self }
    }

    /// The type of the claim called `name`, if any issuer names it.
    pub fn kind(&self, name: &str) -> Option<ClaimKind> {
        self.named.get(name).map(|(kind, _)| *kind)
    }

    /// Names and types, and whether every caller has it.
    pub fn iter(&self) -> impl Iterator<Item = (&str, ClaimKind, bool)> {
        self.named.iter().map(|(name, (kind, always))| (name.as_str(), *kind, *always))
    }
}

fn read(rule: &ClaimRule, members: &Map<String, Value>) -> Result<Option<Claim>, Unreadable> {
    if rule.at.tokens().next().is_some_and(|first| is_elsewhere(&first, members)) {
        return Err(Unreadable::Elsewhere);
    }
    find(&rule.at, members)?.map_or(Ok(None), |value| claim(rule.kind, value))
}

/// What is at `place` of `members`, if anything is.
///
/// # Errors
/// Where something is on the way that has no such place: the issuer writes it otherwise, and nobody knows how.
fn find<'v>(place: &Pointer, members: &'v Map<String, Value>) -> Result<Option<&'v Value>, Unreadable> {
    let mut tokens = place.tokens();
    let mut found = tokens.next().and_then(|first| members.get(&first));
    for token in tokens {
        found = match found {
            None | Some(Value::Null) => return Ok(None),
            Some(Value::Object(members)) => members.get(&token),
            Some(Value::Array(items)) if token.bytes().all(|byte| byte.is_ascii_digit()) => token
                .parse()
                .ok()
                .and_then(|at: usize| items.get(at))
                .filter(|_| token == "0" || !token.starts_with('0')),
            Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => {
                return Err(Unreadable::OtherType);
            }
        };
    }
    Ok(found)
}

/// `value` as a claim of the type `kind`; null is absence.
///
/// # Errors
/// Where it is of another type, or larger than claims may be.
pub fn claim(kind: ClaimKind, value: &Value) -> Result<Option<Claim>, Unreadable> {
    let claim = match (kind, value) {
        (_, Value::Null) => return Ok(None),
        (ClaimKind::Text, Value::String(text)) => Ok(Claim::Text(bounded(text, &mut 0)?)),
        (ClaimKind::Texts, Value::String(text)) => Ok(Claim::Texts(vec![bounded(text, &mut 0)?])),
        (ClaimKind::Texts, Value::Array(items)) if items.len() > MOST_ITEMS => Err(Unreadable::TooMany),
        (ClaimKind::Texts, Value::Array(items)) => {
            let mut bytes = 0;
            let text = |item: &Value| bounded(item.as_str().ok_or(Unreadable::OtherType)?, &mut bytes);
            items.iter().map(text).collect::<Result<_, _>>().map(Claim::Texts)
        }
        (ClaimKind::Number, Value::Number(number)) => {
            let whole = number.as_i64().or_else(|| whole(number.as_f64()?));
            whole.map(Claim::Number).ok_or(Unreadable::OtherType)
        }
        (ClaimKind::Flag, Value::Bool(flag)) => Ok(Claim::Flag(*flag)),
        (ClaimKind::Text | ClaimKind::Texts | ClaimKind::Number | ClaimKind::Flag, _) => Err(Unreadable::OtherType),
    };
    claim.map(Some)
}

/// `text`, which is behind so many `bytes` of others.
fn bounded(text: &str, bytes: &mut usize) -> Result<String, Unreadable> {
    *bytes = bytes.saturating_add(text.len());
    if *bytes > MOST_BYTES { Err(Unreadable::TooLong) } else { Ok(text.to_owned()) }
}

/// `5.0` is a whole number (JSON Schema validation §6.1.1).
fn whole(double: f64) -> Option<i64> {
    let exact = double.fract() == 0.0 && double.abs() <= LARGEST_EXACT;
    #[expect(clippy::cast_possible_truncation, reason = "a whole number of at most 53 bits")]
    exact.then_some(double as i64)
}

/// Whether the credential says that its claim `name` has to be asked for elsewhere, and may not be all of it here.
fn is_elsewhere(name: &str, members: &Map<String, Value>) -> bool {
    let named = match members.get("_claim_names") {
        None | Some(Value::Null) => false,
        Some(Value::Object(names)) => names.contains_key(name),
        // It says so of something, and nobody can tell of what.
        Some(Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_)) => true,
    };
    let has_groups = || !matches!(members.get("hasgroups"), None | Some(Value::Null | Value::Bool(false)));
    named || (name == "groups" && has_groups())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rule(at: &str, kind: ClaimKind) -> Option<ClaimRule> {
        Some(ClaimRule { name: "it".to_owned(), at: Pointer::parse(at)?, kind, required: true, record: false })
    }

    fn found(at: &str, kind: ClaimKind, members: &Value) -> Option<Result<Option<Value>, Unreadable>> {
        let rules = [rule(at, kind)?];
        let claims = Claims::of(&rules, members.as_object()?);
        let found = claims.iter().next()?;
        assert_eq!(claims.missing(&rules).is_some(), found.value == Ok(None), "{members}");
        Some(found.value.clone().map(|claim| claim.map(|claim| claim.json())))
    }

    #[test]
    fn what_is_written_there() {
        use ClaimKind::{Flag, Number, Text, Texts};
        let members = json!({
            "groups": ["a", "b", "a"], "role": "admin", "level": 5, "double": 5.0, "part": 5.5, "vast": 1e300, "ok": true,
            "none": null, "realm_access": { "roles": ["r"] }, "https://example.com/tenant": "t", "mixed": ["a", 1],
            "empty": [], "odd": {},
        });
        for (at, kind, expected) in [
            ("/groups", Texts, Ok(Some(json!(["a", "b", "a"])))),
            ("/role", Texts, Ok(Some(json!(["admin"])))),
            ("/role", Text, Ok(Some(json!("admin")))),
            ("/level", Number, Ok(Some(json!(5)))),
            ("/double", Number, Ok(Some(json!(5)))),
            ("/part", Number, Err(Unreadable::OtherType)),
            ("/vast", Number, Err(Unreadable::OtherType)),
            ("/ok", Flag, Ok(Some(json!(true)))),
            ("/ok", Text, Err(Unreadable::OtherType)),
            ("/level", Text, Err(Unreadable::OtherType)),
            ("/role", Flag, Err(Unreadable::OtherType)),
            ("/groups", Text, Err(Unreadable::OtherType)),
            ("/mixed", Texts, Err(Unreadable::OtherType)),
            ("/odd", Texts, Err(Unreadable::OtherType)),
            ("/empty", Texts, Ok(Some(json!([])))),
            ("/none", Text, Ok(None)),
            ("/absent", Text, Ok(None)),
            ("/absent/deeper", Text, Ok(None)),
            ("/none/deeper", Text, Ok(None)),
            ("/realm_access/absent/deeper", Text, Ok(None)),
            ("/groups/7", Text, Ok(None)),
            ("/groups/01", Text, Ok(None)),
            // What is said otherwise is not absent.
            ("/role/deeper", Text, Err(Unreadable::OtherType)),
            ("/level/deeper", Text, Err(Unreadable::OtherType)),
            ("/groups/role", Text, Err(Unreadable::OtherType)),
            ("/realm_access/roles/r/x", Text, Err(Unreadable::OtherType)),
            ("/realm_access/roles", Texts, Ok(Some(json!(["r"])))),
            ("/groups/1", Text, Ok(Some(json!("b")))),
            ("/https:~1~1example.com~1tenant", Text, Ok(Some(json!("t")))),
        ] {
            assert_eq!(found(at, kind, &members), Some(expected), "{at} {kind:?}");
        }
    }

    #[test]
    fn what_is_elsewhere_is_not_here() {
        for (members, at, readable) in [
            (json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": {} }), "/groups", false),
            (json!({ "_claim_names": { "groups": "src1" }, "groups": ["a"] }), "/groups", false),
            (json!({ "_claim_names": { "groups": "src1" }, "roles": ["a"] }), "/roles", true),
            (json!({ "_claim_names": { "realm_access": "src1" } }), "/realm_access/roles", false),
            (json!({ "_claim_names": ["groups"], "groups": ["a"] }), "/groups", false),
            (json!({ "_claim_names": null, "groups": ["a"] }), "/groups", true),
            (json!({ "hasgroups": true }), "/groups", false),
            (json!({ "hasgroups": "true" }), "/groups", false),
            (json!({ "hasgroups": false, "groups": ["a"] }), "/groups", true),
            (json!({ "hasgroups": true, "roles": ["a"] }), "/roles", true),
        ] {
            let expected = if readable { Ok(Some(json!(["a"]))) } else { Err(Unreadable::Elsewhere) };
            assert_eq!(found(at, ClaimKind::Texts, &members), Some(expected), "{members}");
        }
    }

    #[test]
    fn no_more_than_that() {
        let of = |count: usize, length: usize| json!({ "groups": vec!["g".repeat(length); count], "one": "g".repeat(length) });
        for (members, at, expected) in [
            (of(256, 32), "/groups", Ok(())),
            (of(257, 1), "/groups", Err(Unreadable::TooMany)),
            (of(256, 33), "/groups", Err(Unreadable::TooLong)),
            (of(0, 8192), "/one", Ok(())),
            (of(0, 8193), "/one", Err(Unreadable::TooLong)),
        ] {
            let found = found(at, ClaimKind::Texts, &members).map(|value| value.map(|_| ()));
            assert_eq!(found, Some(expected), "{at}");
        }
    }

    #[test]
    fn everybody_has_what_every_issuer_requires() {
        let named = |name: &str, required| {
            rule("/x", ClaimKind::Text).map(|rule| ClaimRule { name: name.to_owned(), required, ..rule })
        };
        let rules = |names: &[(&str, bool)]| -> Vec<ClaimRule> {
            names.iter().filter_map(|(name, required)| named(name, *required)).collect()
        };
        let issuers = [rules(&[("a", true), ("b", true), ("c", true)]), rules(&[("a", true), ("b", false)])];
        let declared = DeclaredClaims::of(&issuers.iter().map(Vec::as_slice));
        let always: Vec<_> = declared.iter().map(|(name, _, always)| (name, always)).collect();
        assert_eq!(always, [("a", true), ("b", false), ("c", false)]);
    }

    #[test]
    fn values_are_not_in_debug_output() {
        let members = json!({ "it": "secret" });
        let rules: Vec<ClaimRule> = rule("/it", ClaimKind::Text).into_iter().collect();
        let claims = members.as_object().map(|members| Claims::of(&rules, members));
        assert_eq!(format!("{claims:?}"), r#"Some({"it"})"#);
    }
}
