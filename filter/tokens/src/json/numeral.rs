//! Numbers as they are written: their text is kept, and they are compared by exactly the value that it has.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde::ser::Error as _;
use serde::{Serialize, Serializer};
use serde_json::Number;
use serde_json::value::RawValue;

use super::{JsonError, MAX_INTEGER};

/// Digits of an exponent. A number with more is refused: its place cannot be counted.
const EXPONENT_DIGITS: usize = 15;

/// Digits of the largest integer of 64 bits.
const LONG_DIGITS: i64 = 19;

/// Digits that are read behind a remainder of 18 before the next remainder: 128 bits hold 38.
const CHUNK: usize = 18;

/// A JSON number (RFC 8259 §6) of any size and precision. Two are equal if they are the same number, however they are written.
#[derive(Clone)]
pub struct Numeral(Repr);

#[derive(Clone)]
enum Repr {
    /// Written as integers are: most numbers.
    Integer(i64),
    Other(Box<Other>),
}

/// One that is written otherwise. Its value is worked out once: to compare it with many takes no longer for its length.
#[derive(Clone)]
struct Other {
    raw: Box<RawValue>,
    value: Decimal<'static>,
}

/// The value of a numeral: `0.DIGITS · 10^exponent`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Decimal<'t> {
    negative: bool,
    /// Without zeros at either end; empty of zero.
    digits: Cow<'t, str>,
    exponent: i64,
}

impl Numeral {
    /// The number that `text` is, and nothing else.
    ///
    /// # Errors
    /// [`JsonError::Syntax`] where it is none; [`JsonError::Number`] where its exponent has more than 15 digits.
    pub fn parse(text: &str) -> Result<Self, JsonError> {
        if let Some(integer) = plain_integer(text) {
            return Ok(Self(Repr::Integer(integer)));
        }
        let (_, _, exponent) = parts(text).ok_or(JsonError::Syntax { line: 1, column: 1 })?;
        if exponent.trim_start_matches(['+', '-', '0']).len() > EXPONENT_DIGITS {
            return Err(JsonError::Number);
        }
        let raw = RawValue::from_string(text.to_owned()).map_err(|_| JsonError::Syntax { line: 1, column: 1 })?;
        let value = Decimal::of(text).ok_or(JsonError::Number)?;
        Ok(Self(Repr::Other(Box::new(Other { raw, value }))))
    }

    /// As it is written.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Integer(integer) => integer.to_string().into(),
            Repr::Other(other) => other.raw.get().into(),
        }
    }

    /// The integer that it is, if it is written as one: without point and exponent.
    pub fn as_plain_integer(&self) -> Option<i64> {
        if let Repr::Integer(integer) = self.0 { Some(integer) } else { None }
    }

    /// The integer that it is, if it is one of 64 bits: `5`, `5.0` and `5e0` are.
    pub fn as_i64(&self) -> Option<i64> {
        match &self.0 {
            Repr::Integer(integer) => Some(*integer),
            Repr::Other(_) => self.decimal().scaled(0),
        }
    }

    /// Whether it has no fraction (JSON Schema validation §6.1.1), however large it is.
    pub fn is_integer(&self) -> bool {
        matches!(self.0, Repr::Integer(_)) || self.decimal().is_integer()
    }

    /// Whether a double is as large.
    pub fn is_finite(&self) -> bool {
        match &self.0 {
            Repr::Integer(_) => true,
            Repr::Other(other) => other.raw.get().parse::<f64>().is_ok_and(f64::is_finite),
        }
    }

    /// It times `10^places`, if that is an integer of 64 bits.
    pub fn scaled(&self, places: u32) -> Option<i64> {
        self.decimal().scaled(i64::from(places))
    }

    /// Whether it is so many times `one`; none where that is not above zero, or has more than 18 digits.
    pub fn is_multiple_of(&self, one: &Self) -> Option<bool> {
        let (value, one) = (self.decimal(), one.decimal());
        if one.negative || one.digits.is_empty() || one.length() >= LONG_DIGITS {
            return None;
        }
        // Both times the same power of ten, so that `one` is an integer that does not end in zero, or what it was.
        let places = one.length().checked_sub(one.exponent)?;
        let modulus = one.digits.parse::<u128>().ok()?;
        let Some(zeros) = value.exponent.checked_add(places).and_then(|exponent| exponent.checked_sub(value.length()))
        else {
            return Some(value.digits.is_empty());
        };
        let Ok(zeros) = u64::try_from(zeros) else { return Some(value.digits.is_empty()) };
        // As many digits at once as `one` may have: a remainder costs much more than they do.
        let rest = value.digits.as_bytes().chunks(CHUNK).fold(0, |rest: u128, digits| {
            let whole = |number: u128, digit: &u8| number * 10 + u128::from(digit - b'0');
            digits.iter().fold(rest, whole) % modulus
        });
        Some((rest * power_of_ten(zeros, modulus)).is_multiple_of(modulus))
    }

    /// As `serde_json` has it, if that is exactly this number: an integer of 64 bits, or a [double](Self::as_double).
    pub fn as_number(&self) -> Option<Number> {
        let text = match &self.0 {
            Repr::Integer(integer) => return Some((*integer).into()),
            Repr::Other(other) => other.raw.get(),
        };
        if text == "-0" {
            return Some(0.into());
        }
        text.parse::<u64>().ok().map(Number::from).or_else(|| Number::from_f64(self.as_double()?))
    }

    /// The double whose shortest form (RFC 8785 §3.2.2.3) has exactly the value that is written here, if there is one.
    pub fn as_double(&self) -> Option<f64> {
        if let Repr::Integer(integer) = self.0
            && integer.unsigned_abs() <= MAX_INTEGER
        {
            #[expect(clippy::cast_precision_loss, reason = "at most 2^53 - 1")]
            return Some(integer as f64);
        }
        // Adding zero turns -0 into 0 and nothing else into anything else.
        let double = self.text().parse::<f64>().ok()? + 0.0;
        let shortest = Number::from_f64(double)?;
        (Self::parse(&shortest.to_string()).is_ok_and(|same| same == *self)).then_some(double)
    }

    /// One text for one number, whatever its size: `-12e3` is -0.12 · 10^3.
    pub fn normal(&self) -> String {
        let Decimal { negative, digits, exponent } = self.decimal();
        if digits.is_empty() {
            return "0".to_owned();
        }
        format!("{}{digits}e{exponent}", if negative { "-" } else { "" })
    }

    /// For a serializer of JSON text.
    pub(super) fn written<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Integer(integer) => serializer.serialize_i64(*integer),
            Repr::Other(other) => other.raw.serialize(serializer),
        }
    }

    /// For a serializer of RFC 8785. One that has no such form is as large as anything.
    pub(super) fn canonical<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Integer(integer) => serializer.serialize_i64(*integer),
            Repr::Other(_) => serializer.serialize_f64(self.as_double().unwrap_or(f64::INFINITY)),
        }
    }

    /// For a serializer of RFC 8785, as the nearest double.
    ///
    /// # Errors
    /// Where there is none.
    pub(super) fn rounded<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let double = self.text().parse::<f64>().ok().filter(|double| double.is_finite());
        // Adding zero turns -0 into 0 and nothing else into anything else.
        serializer.serialize_f64(double.ok_or_else(|| S::Error::custom("no double is as large"))? + 0.0)
    }

    fn decimal(&self) -> Decimal<'_> {
        match &self.0 {
            Repr::Integer(integer) => Decimal::of(&integer.to_string()).unwrap_or(Decimal::ZERO),
            Repr::Other(other) => other.value.borrowed(),
        }
    }
}

impl Decimal<'_> {
    const ZERO: Decimal<'static> = Decimal { negative: false, digits: Cow::Borrowed(""), exponent: 0 };

    /// Of a text that is a number.
    fn of(text: &str) -> Option<Decimal<'static>> {
        let (whole, fraction, exponent) = parts(text)?;
        let negative = whole.starts_with('-');
        let whole = whole.trim_start_matches('-');
        let exponent = if exponent.is_empty() { 0 } else { exponent.parse::<i64>().ok()? };
        let point = exponent.checked_add(i64::try_from(whole.len()).ok()?)?;
        // Zeros behind the last other digit are none of the value's, nor are those before the first.
        let fraction = fraction.trim_end_matches('0');
        let digits = if fraction.is_empty() { whole.trim_end_matches('0') } else { whole };
        let digits = [digits, fraction].concat();
        let significant = digits.trim_start_matches('0');
        if significant.is_empty() {
            return Some(Self::ZERO);
        }
        let leading = i64::try_from(digits.len() - significant.len()).ok()?;
        Some(Decimal { negative, exponent: point.checked_sub(leading)?, digits: significant.to_owned().into() })
    }

    fn borrowed(&self) -> Decimal<'_> {
        let Self { negative, ref digits, exponent } = *self;
        Decimal { negative, digits: digits.as_ref().into(), exponent }
    }

    fn length(&self) -> i64 {
        i64::try_from(self.digits.len()).unwrap_or(i64::MAX)
    }

    fn is_integer(&self) -> bool {
        self.digits.is_empty() || self.exponent >= self.length()
    }

    /// It times `10^places`, if that is an integer of 64 bits.
    fn scaled(&self, places: i64) -> Option<i64> {
        if self.digits.is_empty() {
            return Some(0);
        }
        let exponent = self.exponent.checked_add(places)?;
        let zeros = usize::try_from(exponent.checked_sub(self.length())?).ok()?;
        if exponent > LONG_DIGITS {
            return None;
        }
        let sign = if self.negative { "-" } else { "" };
        format!("{sign}{}{}", self.digits, "0".repeat(zeros)).parse().ok()
    }

    fn magnitude(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Neither begins with a zero, so the one whose first digit is further left is larger.
            (false, false) => self.exponent.cmp(&other.exponent).then_with(|| self.digits.cmp(&other.digits)),
        }
    }
}

impl Ord for Numeral {
    fn cmp(&self, other: &Self) -> Ordering {
        if let (Repr::Integer(one), Repr::Integer(other)) = (&self.0, &other.0) {
            return one.cmp(other);
        }
        let (one, other) = (self.decimal(), other.decimal());
        match (one.negative, other.negative) {
            (false, false) => one.magnitude(&other),
            (true, true) => other.magnitude(&one),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Numeral {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Numeral {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Numeral {}

impl From<i64> for Numeral {
    fn from(integer: i64) -> Self {
        Self(Repr::Integer(integer))
    }
}

impl From<&Number> for Numeral {
    fn from(number: &Number) -> Self {
        match number.as_i64() {
            Some(integer) => integer.into(),
            // The shortest text of a number is one.
            None => Self::parse(&number.to_string()).unwrap_or(Self(Repr::Integer(0))),
        }
    }
}

impl fmt::Display for Numeral {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text())
    }
}

impl fmt::Debug for Numeral {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// `10^exponent` modulo a number of at most 18 digits.
fn power_of_ten(mut exponent: u64, modulus: u128) -> u128 {
    let (mut power, mut base) = (1 % modulus, 10 % modulus);
    while exponent > 0 {
        if exponent % 2 == 1 {
            power = power * base % modulus;
        }
        base = base * base % modulus;
        exponent /= 2;
    }
    power
}

/// `text` as an integer of 64 bits whose text it is.
fn plain_integer(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let plain = digits.bytes().all(|byte| byte.is_ascii_digit()) && (!digits.starts_with('0') || text == "0");
    plain.then(|| text.parse().ok()).flatten()
}

/// The digits before the point with their sign, those behind it, and the exponent with its sign; none where `text` is no number
/// (RFC 8259 §6).
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (number, exponent) = match text.split_once(['e', 'E']) {
        Some((number, exponent)) => {
            let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
            (number, is_digits(digits).then_some(exponent)?)
        }
        None => (text, ""),
    };
    let (whole, fraction) = match number.split_once('.') {
        Some((whole, fraction)) => (whole, is_digits(fraction).then_some(fraction)?),
        None => (number, ""),
    };
    let digits = whole.strip_prefix('-').unwrap_or(whole);
    let one_spelling = digits == "0" || !digits.starts_with('0');
    (is_digits(digits) && one_spelling).then_some((whole, fraction, exponent))
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The numbers of a JSON text, in its order, each with its offset. What is no JSON gives anything.
pub(super) struct Numerals<'t> {
    text: &'t str,
    next: usize,
}

impl<'t> Numerals<'t> {
    pub(super) fn of(text: &'t str) -> Self {
        Self { text, next: 0 }
    }
}

impl<'t> Iterator for Numerals<'t> {
    type Item = (usize, &'t str);

    fn next(&mut self) -> Option<(usize, &'t str)> {
        let (mut in_string, mut escaped) = (false, false);
        let begins = |byte: u8| {
            match byte {
                _ if escaped => escaped = false,
                b'\\' => escaped = in_string,
                b'"' => in_string = !in_string,
                b'-' | b'0'..=b'9' => return !in_string,
                _ => {}
            }
            false
        };
        let start = self.next + self.text.get(self.next..)?.bytes().position(begins)?;
        let rest = self.text.get(start..)?;
        let of_numbers = |byte: u8| byte.is_ascii_digit() || b"+-.eE".contains(&byte);
        let length = rest.bytes().position(|byte| !of_numbers(byte)).unwrap_or(rest.len());
        self.next = start + length;
        Some((start, rest.get(..length)?))
    }
}

#[cfg(test)]
mod tests;
