//! The tables of `envoy/RECORD.md`, made of the members in `wire.rs`, and records that have all of them.
//!
//! Only tests make them: nothing that ships holds what a member means.

use std::borrow::Cow;
use std::fmt::Write as _;

use countersign_tokens::Scalar;
use countersign_tokens::json::Members;
use serde_json::{Map, Value, json};

/// The type of a member.
pub(super) trait Described {
    /// As the page calls it: `text`.
    fn one() -> String;

    /// As the page calls it in a list: `texts`.
    fn several() -> String {
        format!("{}s", Self::one())
    }

    /// What is in it, or in each of its items.
    fn members() -> Vec<Member> {
        Vec::new()
    }

    /// A value with everything in it.
    fn example() -> Value {
        Self::members().into_iter().map(|member| (member.name.to_owned(), member.example)).collect()
    }
}

/// A row of the page, and those of what is in it.
pub(super) struct Member {
    name: &'static str,
    kind: String,
    present: &'static str,
    means: &'static str,
    below: Vec<Self>,
    example: Value,
}

impl Member {
    pub(super) fn of<T: Described>(name: &'static str, present: &'static str, means: &'static str) -> Self {
        Self { name, kind: T::one(), present, means: means.trim(), below: T::members(), example: T::example() }
    }
}

macro_rules! described {
    ($($type:ty: $one:literal, $example:expr;)+) => { $(
        impl Described for $type {
            fn one() -> String {
                $one.to_owned()
            }

            fn example() -> Value {
                $example
            }
        }
    )+ };
}

described! {
    u16: "number", json!(1);
    u32: "number", json!(1);
    u64: "number", json!(1);
    bool: "true or false", json!(false);
    String: "text", json!("text");
    Cow<'_, str>: "text", json!("text");
    Cow<'_, Scalar>: "text or number", json!(7);
    Map<String, Value>: "object", json!({ "name": null });
    Members: "object", json!({ "/name": 0.5 });
}

/// It is left out where it has no value; in a list it is `null`.
impl<T: Described> Described for Option<T> {
    fn one() -> String {
        T::one()
    }

    fn several() -> String {
        format!("{} or `null`", T::several())
    }

    fn members() -> Vec<Member> {
        T::members()
    }

    fn example() -> Value {
        T::example()
    }
}

impl<T: Described> Described for Vec<T> {
    fn one() -> String {
        format!("list of {}", T::several())
    }

    fn members() -> Vec<Member> {
        T::members()
    }

    fn example() -> Value {
        json!([T::example()])
    }
}

impl<T: Described + Clone> Described for Cow<'_, [T]> {
    fn one() -> String {
        Vec::<T>::one()
    }

    fn members() -> Vec<Member> {
        T::members()
    }

    fn example() -> Value {
        Vec::<T>::example()
    }
}

/// The table of `T`, in Markdown.
fn table<T: Described>() -> String {
    let mut table = "| path | type | present | meaning |\n|---|---|---|---|\n".to_owned();
    rows(&mut table, "", &T::members());
    table
}

fn rows(table: &mut String, above: &str, members: &[Member]) {
    for Member { name, kind, present, means, below, example: _ } in members {
        // Writing to a text cannot fail.
        let _ = writeln!(table, "| `{above}{name}` | {kind} | {present} | {means} |");
        rows(table, &format!("{above}{name}."), below);
    }
}

mod tests {
    use std::error::Error;
    use std::fs;

    use countersign_facts::reason::Reason;
    use countersign_facts::test_support::made;
    use serde::Serialize;
    use serde::de::DeserializeOwned;

    use super::super::to_json;
    use super::super::wire::{Decision, Ended};
    use super::*;

    type Result<T = ()> = std::result::Result<T, Box<dyn Error>>;

    const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

    const PAGE: &str = "envoy/RECORD.md";

    /// What is before the table under `heading`, the table, and what is behind it.
    fn split<'p>(page: &'p str, heading: &str) -> Option<(&'p str, &'p str, &'p str)> {
        let under = page.find(&format!("\n{heading}\n"))?;
        let start = under + page.get(under..)?.find("\n| ")? + 1;
        let end = start + page.get(start..)?.find("|\n\n")? + 2;
        Some((page.get(..start)?, page.get(start..end)?, page.get(end..)?))
    }

    #[test]
    fn the_page_is_what_the_members_say() -> Result {
        for (heading, table) in [
            ("## Members of a decision", table::<Decision<'_>>()),
            ("## Members of an `ended` line", table::<Ended<'_>>()),
        ] {
            let page = fs::read_to_string(format!("{ROOT}/{PAGE}"))?;
            let (before, _, after) = split(&page, heading).ok_or_else(|| format!("no table under `{heading}`"))?;
            made(ROOT, PAGE, &[before, &table, after].concat())?;
        }
        Ok(())
    }

    #[test]
    fn the_example_on_the_page_is_a_record() -> Result {
        let page = fs::read_to_string(format!("{ROOT}/{PAGE}"))?;
        let (_, example) = page.split_once("```json\n").ok_or("no example")?;
        let decision = Decision::read(example)?.ok_or("no decision")?;
        assert_eq!(decision.reason(), Some(Reason::ArgumentsBeyondGrant));
        Ok(())
    }

    #[test]
    fn what_is_written_is_read() -> Result {
        fn again<T: Described + DeserializeOwned + Serialize>() -> Result {
            let read: T = serde_json::from_str(&T::example().to_string())?;
            assert_eq!(serde_json::from_str::<Value>(&to_json(&read))?, T::example());
            Ok(())
        }
        again::<Decision<'static>>()?;
        again::<Ended<'static>>()
    }
}
