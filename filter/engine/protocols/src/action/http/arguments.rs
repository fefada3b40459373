//! The arguments of an endpoint: path parameters, query parameters and members of the body, each name once.
//!
//! Two servers may read a query or a form differently: the first of two values or the last, `a[]` as a list or as a name,
//! `ID` as `id`. Whatever has two readings is refused, and so is a name that comes from two places: which of the two a server
//! prefers is its own business. Text is typed as the endpoint's schema says, if it is exactly a value of that type; a text
//! that is not stays text, which fits no number and no boolean. Nothing is decided here.

use std::borrow::Cow;
use std::collections::BTreeSet;

use countersign_facts::fold::fold;
use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;
use countersign_tokens::json::{Json, Members, Numeral};
use percent_encoding::percent_decode;
use unicode_normalization::is_nfc;

use crate::action::mcp::fields;
use crate::action::strict;
use crate::catalogue::BodyKind;
use crate::route::{check_override, check_parameter};
use crate::shape::{InputSchema, Shape};

/// The most arguments there can be.
const MAX_ARGUMENTS: usize = 256;
/// Bytes of an argument's name.
const MAX_NAME: usize = 256;

/// Arguments under construction.
pub(in crate::action) struct Arguments<'s> {
    schema: Option<&'s InputSchema>,
    values: Members,
    /// Names as a reader that does not mind case sees them.
    folded: BTreeSet<String>,
}

impl<'s> Arguments<'s> {
    /// None yet; `schema` is the JSON Schema that types text.
    pub(in crate::action) fn new(schema: Option<&'s InputSchema>) -> Self {
        Self { schema, values: Members::new(), folded: BTreeSet::new() }
    }

    /// One argument that is written as text; an error if there is one of this name.
    pub(in crate::action) fn text(&mut self, name: &str, text: &str) -> Result<(), Reason> {
        let value = typed(self.schema, name, text);
        self.add(name, value)
    }

    /// The fields of a query or form (WHATWG URL §5.1, `+` is a space).
    pub(in crate::action) fn form(&mut self, form: &[u8]) -> Result<(), Reason> {
        // Some readers split at `;` too.
        if form.contains(&b';') {
            return Err(Reason::AmbiguousArguments);
        }
        for field in form.split(|byte| *byte == b'&').filter(|field| !field.is_empty()) {
            let (name, text) = match field.iter().position(|byte| *byte == b'=') {
                Some(at) => (field.get(..at), field.get(at + 1..)),
                None => (Some(field), None),
            };
            let (name, text) = (decode(name.unwrap_or_default())?, decode(text.unwrap_or_default())?);
            check_parameter(name.as_bytes())?;
            self.text(&name, &text)?;
        }
        Ok(())
    }

    /// The members of `body`, read as `kind`; `headers` must say that it is one. An empty form has none.
    pub(in crate::action) fn body(&mut self, kind: BodyKind, headers: &Headers, body: &[u8]) -> Result<(), Reason> {
        match kind {
            BodyKind::None if !body.is_empty() => Err(Reason::UnreadBody),
            BodyKind::None | BodyKind::Unread => Ok(()),
            BodyKind::Json if body.is_empty() => Err(Reason::MalformedJson),
            BodyKind::Json => {
                fields::check_media(headers)?;
                strict::object(body)?.into_iter().try_for_each(|(name, value)| {
                    check_override(name.as_bytes())?;
                    self.add(&name, value)
                })
            }
            BodyKind::Form if body.is_empty() => Ok(()),
            BodyKind::Form => {
                fields::check_media_is(headers, b"application/x-www-form-urlencoded")?;
                self.form(body)
            }
        }
    }

    /// All of them.
    pub(in crate::action) fn finish(self) -> Members {
        self.values
    }

    fn add(&mut self, name: &str, value: Json) -> Result<(), Reason> {
        // Brackets make lists and objects of fields for some readers.
        let plain = !name.is_empty()
            && name.len() <= MAX_NAME
            && !name.contains(['[', ']'])
            && !name.chars().any(|c| c.is_control() || c.is_whitespace())
            && (name.is_ascii() || is_nfc(name));
        if !plain || self.values.len() >= MAX_ARGUMENTS || !self.folded.insert(fold(name)) {
            return Err(Reason::AmbiguousArguments);
        }
        self.values.insert(name.to_owned(), value);
        Ok(())
    }
}

/// One component of a form; not UTF-8, an escape that is none, or a control character have no one reading.
fn decode(component: &[u8]) -> Result<String, Reason> {
    let spaced: Cow<'_, [u8]> = if component.contains(&b'+') {
        component.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect::<Vec<_>>().into()
    } else {
        component.into()
    };
    let escaped = |part: &[u8]| part.first_chunk::<2>().is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit));
    if !spaced.split(|byte| *byte == b'%').skip(1).all(escaped) {
        return Err(Reason::AmbiguousArguments);
    }
    let text = percent_decode(&spaced).decode_utf8().map_err(|_| Reason::AmbiguousArguments)?;
    if text.contains('\0') { Err(Reason::AmbiguousArguments) } else { Ok(text.into_owned()) }
}

/// `text` as the value of the type that `schema` declares for `name`, if it is exactly one. `null` cannot be written as text.
fn typed(schema: Option<&InputSchema>, name: &str, text: &str) -> Json {
    let value = match schema.and_then(|schema| schema.argument(name)) {
        Some(Shape::Boolean) if matches!(text, "true" | "false") => Some(Json::Bool(text == "true")),
        Some(Shape::Long) if is_decimal(text, false) => Numeral::parse(text).ok().map(Json::Number),
        Some(Shape::Decimal) if is_decimal(text, true) => Numeral::parse(text).ok().map(Json::Number),
        Some(_) | None => None,
    };
    value.unwrap_or_else(|| Json::String(text.to_owned()))
}

/// Digits without leading zeros, an optional sign, an optional fraction; `-0` is another text for `0`.
fn is_decimal(text: &str, fraction: bool) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let (whole, rest) = text.split_once('.').map_or((text, None), |(whole, rest)| (whole, Some(rest)));
    let unsigned = whole.strip_prefix('-').unwrap_or(whole);
    digits(unsigned)
        && (unsigned == "0" || !unsigned.starts_with('0'))
        && rest.is_none_or(|rest| fraction && digits(rest))
        && !(whole == "-0" && rest.is_none_or(|rest| rest.bytes().all(|byte| byte == b'0')))
}

#[cfg(test)]
mod tests;
