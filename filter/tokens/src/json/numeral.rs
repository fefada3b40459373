//! Numbers as they are written: their text is kept, and they are compared by exactly the value that it has.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Number;
use serde_json::value::RawValue;

use super::{JsonError, MAX_INTEGER};

/// Digits of an exponent. A number with more is refused: its place cannot be counted.
const EXPONENT_DIGITS: usize = 15;

/// Digits of the largest integer of 64 bits.
const LONG_DIGITS: i64 = 19;

/// A JSON number (RFC 8259 §6) of any size and precision. Two are equal if they are the same number, however they are written.
#[derive(Clone)]
pub struct Numeral(Repr);

#[derive(Clone)]
enum Repr {
    /// Written as integers are: most numbers.
    Integer(i64),
    Other(Box<RawValue>),
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
        Ok(Self(Repr::Other(raw)))
    }

    /// As it is written.
    pub fn text(&self) -> Cow<'_, str> {
        match &self.0 {
            Repr::Integer(integer) => integer.to_string().into(),
            Repr::Other(raw) => raw.get().into(),
        }
    }

    /// The same of one that is written as integers are, without point and exponent.
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
        let rest = value.digits.bytes().fold(0, |rest: u128, digit| (rest * 10 + u128::from(digit - b'0')) % modulus);
        Some((rest * power_of_ten(zeros, modulus)).is_multiple_of(modulus))
    }

    /// As `serde_json` has it, if that is exactly this number: an integer of 64 bits, or a [double](Self::as_double).
    pub fn as_number(&self) -> Option<Number> {
        let text = match &self.0 {
            Repr::Integer(integer) => return Some((*integer).into()),
            Repr::Other(raw) => raw.get(),
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
            Repr::Other(raw) => raw.serialize(serializer),
        }
    }

    /// For a serializer of RFC 8785. One that has no such form is as large as anything.
    pub(super) fn canonical<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Repr::Integer(integer) => serializer.serialize_i64(*integer),
            Repr::Other(_) => serializer.serialize_f64(self.as_double().unwrap_or(f64::INFINITY)),
        }
    }

    fn decimal(&self) -> Decimal<'_> {
        match self.text() {
            Cow::Borrowed(text) => Decimal::of(text).unwrap_or(Decimal::ZERO),
            Cow::Owned(text) => Decimal::of(&text).map_or(Decimal::ZERO, Decimal::into_owned),
        }
    }
}

impl Decimal<'_> {
    const ZERO: Decimal<'static> = Decimal { negative: false, digits: Cow::Borrowed(""), exponent: 0 };

    /// Of a text that is a number.
    fn of(text: &str) -> Option<Decimal<'_>> {
        let (whole, fraction, exponent) = parts(text)?;
        let negative = whole.starts_with('-');
        let whole = whole.trim_start_matches('-');
        let exponent = if exponent.is_empty() { 0 } else { exponent.parse::<i64>().ok()? };
        let point = exponent.checked_add(i64::try_from(whole.len()).ok()?)?;
        let all: Cow<'_, str> = if fraction.is_empty() { whole.into() } else { format!("{whole}{fraction}").into() };
        let leading = all.len() - all.trim_start_matches('0').len();
        let end = all.trim_end_matches('0').len();
        if end <= leading {
            return Some(Self::ZERO);
        }
        let exponent = point.checked_sub(i64::try_from(leading).ok()?)?;
        let digits = match all {
            Cow::Borrowed(all) => all.get(leading..end)?.into(),
            Cow::Owned(all) => all.get(leading..end)?.to_owned().into(),
        };
        Some(Decimal { negative, digits, exponent })
    }

    fn into_owned(self) -> Decimal<'static> {
        let Self { negative, digits, exponent } = self;
        Decimal { negative, digits: digits.into_owned().into(), exponent }
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
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(text: &str) -> Result<Numeral, JsonError> {
        Numeral::parse(text)
    }

    #[test]
    fn numbers_are_the_same_however_they_are_written() -> Result<(), JsonError> {
        for same in [
            &["5", "5.0", "5e0", "50e-1", "0.5E+1", "0.005e3", "5.000"][..],
            &["0", "-0", "0.0", "-0e9", "0e-400", "0.000e400"],
            &["1e22", "10000000000000000000000", "1.0E22", "100e20"],
            &["-0.1", "-1e-1", "-0.10"],
            &["1e400", "10e399", "0.1e401"],
        ] {
            for (one, other) in same.iter().flat_map(|one| same.iter().map(move |other| (one, other))) {
                assert_eq!(read(one)?, read(other)?, "{one} {other}");
                assert_eq!(read(one)?.normal(), read(other)?.normal(), "{one} {other}");
            }
        }
        Ok(())
    }

    #[test]
    fn numbers_have_an_order() -> Result<(), JsonError> {
        let ordered = [
            "-1e400",
            "-9223372036854775809",
            "-9223372036854775808",
            "-100.5",
            "-1",
            "-1e-400",
            "0",
            "1e-400",
            "0.09",
            "0.1",
            "1",
            "1.5",
            "9",
            "10",
            "99.9",
            "100",
            "100.5",
            "100.500000000000001",
            "9007199254740992",
            "9007199254740993",
            "1e22",
            "1e400",
        ];
        for (at, one) in ordered.iter().enumerate() {
            for (beside, other) in ordered.iter().enumerate() {
                assert_eq!(read(one)?.cmp(&read(other)?), at.cmp(&beside), "{one} {other}");
            }
        }
        Ok(())
    }

    #[test]
    fn integers_of_64_bits() -> Result<(), JsonError> {
        for (text, integer) in [
            ("5.0", Some(5)),
            ("1e2", Some(100)),
            ("-0", Some(0)),
            ("-0.0e9", Some(0)),
            ("9223372036854775807", Some(i64::MAX)),
            ("9.223372036854775807e18", Some(i64::MAX)),
            ("-9223372036854775808", Some(i64::MIN)),
            ("9223372036854775808", None),
            ("1e19", None),
            ("1e999999", None),
            ("0.5", None),
            ("1e-1", None),
            ("100.500000000000001", None),
        ] {
            assert_eq!(read(text)?.as_i64(), integer, "{text}");
        }
        for (text, is) in [("1e400", true), ("1.5", false), ("15e-1", false), ("150e-1", true), ("1e-400", false)] {
            assert_eq!(read(text)?.is_integer(), is, "{text}");
        }
        for (text, scaled) in [("100.5", Some(1_005_000)), ("0.00001", None), ("-0.0001", Some(-1)), ("1e15", None)] {
            assert_eq!(read(text)?.scaled(4), scaled, "{text}");
        }
        Ok(())
    }

    #[test]
    fn multiples() -> Result<(), JsonError> {
        for (text, one, is) in [
            ("10", "5", Some(true)),
            ("11", "5", Some(false)),
            ("0", "5", Some(true)),
            ("-15", "5", Some(true)),
            ("0.3", "0.1", Some(true)),
            ("0.35", "0.1", Some(false)),
            ("19.99", "0.01", Some(true)),
            ("19.995", "0.01", Some(false)),
            ("1e400", "7", Some(false)),
            ("7e400", "7", Some(true)),
            ("1e400", "0.5", Some(true)),
            ("1e-400", "0.1", Some(false)),
            ("9007199254740993", "2", Some(false)),
            ("9007199254740992", "2", Some(true)),
            ("30", "1e1", Some(true)),
            ("35", "1e1", Some(false)),
            ("4.5", "1.5", Some(true)),
            ("1", "1e-20", Some(true)),
            ("1", "0", None),
            ("1", "-1", None),
            ("1", "1234567890123456789", None),
        ] {
            assert_eq!(read(text)?.is_multiple_of(&read(one)?), is, "{text} {one}");
        }
        Ok(())
    }

    #[test]
    fn what_others_hold_exactly() -> Result<(), JsonError> {
        for (text, number) in [
            ("0.1", Some(json!(0.1))),
            ("5.0", Some(json!(5.0))),
            ("1e22", Some(json!(1e22))),
            ("-0", Some(json!(0))),
            ("9007199254740993", Some(json!(9_007_199_254_740_993_i64))),
            ("9007199254740993.0", None),
            ("9223372036854775809", Some(json!(9_223_372_036_854_775_809_u64))),
            ("18446744073709551616", None),
            ("18446744073709552000", Some(json!(18_446_744_073_709_552_000.0))),
            ("100.500000000000001", None),
            ("0.10000000000000000001", None),
            ("1e400", None),
            ("1e-400", None),
        ] {
            assert_eq!(read(text)?.as_number().map(serde_json::Value::Number), number, "{text}");
        }
        Ok(())
    }

    #[test]
    fn what_is_no_number() {
        for text in ["", "-", "01", "-01", "+1", ".5", "5.", "1e", "1e+", "1e1.0", "NaN", "1 ", "0x1", "1_000", "٣"] {
            assert_eq!(read(text), Err(JsonError::Syntax { line: 1, column: 1 }), "{text:?}");
        }
        assert_eq!(read("1e1000000000000000"), Err(JsonError::Number));
        assert_eq!(read("1e-1000000000000000"), Err(JsonError::Number));
        assert!(read("1e00000000000000000000000005").is_ok_and(|numeral| numeral.as_i64() == Some(100_000)));
    }

    #[test]
    fn text_is_kept() -> Result<(), JsonError> {
        for text in ["5", "-0", "5.0", "1E+22", "100.50", "0.10000000000000000001", "123456789012345678901234567890"] {
            assert_eq!(read(text)?.to_string(), text);
            assert_eq!(crate::json::Json::Number(read(text)?).to_string(), text);
        }
        Ok(())
    }

    #[test]
    fn numbers_are_found_in_a_text() {
        let text = r#"{"a-1":-1,"b\"2":[2.50e+3,"3",{"\\":4}],"c":5}"#;
        assert_eq!(Numerals::of(text).collect::<Vec<_>>(), [(7, "-1"), (18, "2.50e+3"), (36, "4"), (44, "5")]);
    }

    #[test]
    fn doubles_with_a_canonical_form() -> Result<(), JsonError> {
        for (text, is) in [
            ("0.1", true),
            ("5.0", true),
            ("1e22", true),
            ("9007199254740992", true),
            ("9007199254740993", false),
            ("9007199254740994", true),
            ("9223372036854775808", false),
            ("100.500000000000001", false),
            ("1e400", false),
        ] {
            assert_eq!(read(text)?.as_double().is_some(), is, "{text}");
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_integers(one in any::<i64>(), other in any::<i64>(), places in 0_u32..30) {
            let spread = |number: i64| read(&format!("{number}{}e-{places}", "0".repeat(places as usize)));
            prop_assert_eq!(spread(one)?.cmp(&spread(other)?), one.cmp(&other));
            prop_assert_eq!(spread(one)?.cmp(&other.into()), one.cmp(&other));
            prop_assert_eq!(spread(one)?.as_i64(), Some(one));
            prop_assert_eq!(spread(one)? == spread(other)?, spread(one)?.normal() == spread(other)?.normal());
        }

        #[test]
        fn multiples_are_those_of_integers(one in 1_i64..100_000, times in any::<i32>(), beside in 0_i64..3) {
            let value = one * i64::from(times) + beside;
            prop_assert_eq!(Numeral::from(value).is_multiple_of(&one.into()), Some(value % one == 0));
            let tenths = |number: i64| read(&format!("{number}e-1"));
            prop_assert_eq!(tenths(value)?.is_multiple_of(&tenths(one)?), Some(value % one == 0));
        }

        #[test]
        fn doubles_come_back(double in any::<f64>().prop_filter("finite", |double| double.is_finite())) {
            let number = Number::from_f64(double + 0.0);
            let numeral = number.as_ref().map(Numeral::from);
            prop_assert_eq!(numeral.and_then(|numeral| numeral.as_number()).and_then(|number| number.as_f64()), Some(double + 0.0));
        }

        #[test]
        fn nothing_but_numbers_are_numbers(text in "[-+0-9.eE]{0,8}") {
            let read = read(&text);
            prop_assert_eq!(read.is_ok(), serde_json::from_str::<&RawValue>(&text).is_ok_and(|raw| raw.get() == text), "{}", text);
        }
    }
}
