//! The builtins that there are, and what each costs; each takes its steps before it runs.
//!
//! Those of OPA that are computed from their arguments alone. Left out is what makes large things of small ones
//! (`numbers.range`, `bits.lsh`, `units.parse`), what the library panics on (`regex.template_match`), and what is rarely needed.

use std::sync::Arc;

use anyhow::{Result, anyhow};
use regorus::unstable::{BUILTINS as LIBRARY, Expr, Ref, Source, Span};
use regorus::{Engine, Value};

use super::cost::{Cost, size};
use super::steps;

/// The builtin that charges what a comparison reads, and passes it on.
pub(super) const READ: &str = "countersign.read";
/// The builtin that charges what is put into a set, or looked up in one: that is compared again and again.
pub(super) const KEY: &str = "countersign.key";
/// How often a key is compared, at most.
const COMPARED: u64 = 16;

/// Every builtin, and its cost.
pub(crate) const BUILTINS: [(&str, Cost); 80] = [
    ("abs", Cost::Bytes(1)),
    ("array.concat", Cost::Bytes(8)),
    ("array.reverse", Cost::Bytes(8)),
    ("array.slice", Cost::Bytes(8)),
    ("base64.decode", Cost::Bytes(4)),
    ("base64.encode", Cost::Bytes(4)),
    ("base64.is_valid", Cost::Bytes(2)),
    ("base64url.decode", Cost::Bytes(4)),
    ("base64url.encode", Cost::Bytes(4)),
    ("base64url.encode_no_pad", Cost::Bytes(4)),
    ("bits.and", Cost::Bytes(1)),
    ("bits.negate", Cost::Bytes(1)),
    ("bits.or", Cost::Bytes(1)),
    ("bits.rsh", Cost::Bytes(1)),
    ("bits.xor", Cost::Bytes(1)),
    ("ceil", Cost::Bytes(1)),
    ("concat", Cost::Join),
    ("contains", Cost::Bytes(1)),
    ("count", Cost::Bytes(1)),
    ("endswith", Cost::Bytes(1)),
    ("floor", Cost::Bytes(1)),
    ("format_int", Cost::Bytes(16)),
    ("glob.match", Cost::Glob),
    ("glob.quote_meta", Cost::Glob),
    ("hex.decode", Cost::Bytes(4)),
    ("hex.encode", Cost::Bytes(4)),
    ("indexof", Cost::Product),
    ("indexof_n", Cost::Product),
    ("intersection", Cost::Items),
    ("is_array", Cost::Kind),
    ("is_boolean", Cost::Kind),
    ("is_null", Cost::Kind),
    ("is_number", Cost::Kind),
    ("is_object", Cost::Kind),
    ("is_set", Cost::Kind),
    ("is_string", Cost::Kind),
    ("json.filter", Cost::Bytes(32)),
    ("json.is_valid", Cost::Numbers),
    ("json.marshal", Cost::Bytes(8)),
    ("json.remove", Cost::Bytes(32)),
    ("json.unmarshal", Cost::Numbers),
    ("lower", Cost::Bytes(4)),
    ("max", Cost::Bytes(2)),
    ("min", Cost::Bytes(2)),
    ("object.filter", Cost::Bytes(32)),
    ("object.get", Cost::Key),
    ("object.keys", Cost::Bytes(32)),
    ("object.remove", Cost::Bytes(32)),
    ("object.subset", Cost::Windows),
    ("object.union", Cost::Bytes(32)),
    ("object.union_n", Cost::Items),
    ("product", Cost::Multiply),
    ("regex.find_n", Cost::SearchAll { pattern: 0, text: 1, by: None }),
    ("regex.is_valid", Cost::Pattern(0)),
    ("regex.match", Cost::Search { pattern: 0, text: 1 }),
    ("regex.replace", Cost::SearchAll { pattern: 1, text: 0, by: Some(2) }),
    ("regex.split", Cost::SearchAll { pattern: 0, text: 1, by: None }),
    ("replace", Cost::Replace),
    ("round", Cost::Bytes(1)),
    ("sort", Cost::Bytes(32)),
    ("split", Cost::Bytes(64)),
    ("sprintf", Cost::Format),
    ("startswith", Cost::Bytes(1)),
    ("strings.any_prefix_match", Cost::Product),
    ("strings.any_suffix_match", Cost::Product),
    ("strings.count", Cost::Windows),
    ("strings.replace_n", Cost::ReplaceEach),
    ("strings.reverse", Cost::Bytes(2)),
    ("substring", Cost::Bytes(4)),
    ("sum", Cost::Bytes(2)),
    ("to_number", Cost::Numbers),
    ("trim", Cost::Product),
    ("trim_left", Cost::Product),
    ("trim_prefix", Cost::Bytes(2)),
    ("trim_right", Cost::Product),
    ("trim_space", Cost::Bytes(2)),
    ("trim_suffix", Cost::Bytes(2)),
    ("type_name", Cost::Kind),
    ("union", Cost::Items),
    ("upper", Cost::Bytes(4)),
];

/// Whether there is a builtin called `name`.
pub(super) fn is_builtin(name: &str) -> bool {
    BUILTINS.iter().any(|(builtin, _)| *builtin == name)
}

/// Puts ours in the place of the library's: the engine looks for extensions before it looks for builtins.
pub(super) fn install(engine: &mut Engine) -> Result<()> {
    for (name, cost) in BUILTINS {
        let (run, parameters) = *LIBRARY.get(name).ok_or_else(|| anyhow!("there is no builtin `{name}`"))?;
        let place = Place::new(parameters)?;
        let call = move |arguments: Vec<Value>| {
            let bytes =
                cost.of(&arguments, steps::left_in_bytes()).ok_or_else(|| anyhow!("`{name}` panics on this"))?;
            steps::take(bytes)?;
            run(&place.span, &place.parameters, &arguments, true)
        };
        engine.add_extension(name.to_owned(), parameters, Box::new(call))?;
    }
    for (name, times) in [(READ, 1), (KEY, COMPARED)] {
        let pass = move |arguments: Vec<Value>| {
            let value = arguments.into_iter().next().unwrap_or(Value::Undefined);
            steps::take(size(&value, steps::left_in_bytes()).saturating_mul(times))?;
            Ok(value)
        };
        engine.add_extension(name.to_owned(), 1, Box::new(pass))?;
    }
    Ok(())
}

/// Where the library's words say that a call is; nobody sees them.
#[derive(Clone)]
struct Place {
    span: Span,
    parameters: Arc<[Ref<Expr>]>,
}

impl Place {
    fn new(parameters: u8) -> Result<Self> {
        let source = Source::from_contents("builtin".to_owned(), String::new())?;
        let span = Span { source, line: 1, col: 1, start: 0, end: 0 };
        let parameter = |_| Ref::new(Expr::Null { span: span.clone(), value: Value::Null, eidx: 0 });
        Ok(Self { parameters: (0..parameters).map(parameter).collect(), span })
    }
}
