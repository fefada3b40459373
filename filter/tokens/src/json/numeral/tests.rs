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
