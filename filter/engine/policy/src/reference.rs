//! The reference page of what policies can read, for people: made of the rows of [`attributes`](super::attributes).

use std::fmt::Write as _;

use super::attributes::{AGENT, Attribute, CONTEXT, Value, Words};

const BEGIN: &str = "# What policies can read\n\n\
    For policy authors. Cedar has these as attributes of `principal` and of `context`; Rego has them as `input.subject.properties` and\n\
    `input.context`, a decision point elsewhere gets them in the decision document under the same names. What is optional may be\n\
    absent: Cedar asks with `has` first. A comparison with a word that is not among those listed is a load error.\n\n\
    This page is made of the table in the engine (`filter/engine/policy/src/attributes.rs`), and a test holds it to that.\n";

const ARGUMENTS: &str = "\n`context.args` holds the arguments of a call, typed by the `input_schema` of the tool, endpoint or method. `resource.risk` and\n\
    `resource.labels` of a `Tool` are as the catalogue has them.\n";

/// The page, in Markdown.
fn reference() -> String {
    let mut page = BEGIN.to_owned();
    section(&mut page, "principal", AGENT);
    section(&mut page, "context", CONTEXT);
    page.push_str(ARGUMENTS);
    page
}

fn section(page: &mut String, of: &str, rows: &[Attribute]) {
    // Writing to a text cannot fail.
    let _ = write!(page, "\n## `{of}`\n\n| attribute | type | |\n|---|---|---|\n");
    lines(page, "", rows);
}

fn lines(page: &mut String, above: &str, rows: &[Attribute]) {
    for row in rows {
        let name = format!("{above}{}", row.name);
        let optional = if row.always { "" } else { ", optional" };
        let _ = writeln!(page, "| `{name}` | {}{optional} | {}{} |", kind(&row.value), row.about, words(&row.words));
        if let Value::Record { there: _, attributes } = &row.value {
            lines(page, &format!("{name}."), attributes);
        }
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Text(_) => "`String`",
        Value::Number(_) => "`Long`",
        Value::Flag(_) => "`Bool`",
        Value::Address(_) => "`ipaddr`",
        Value::Texts(_) => "`Set<String>`",
        Value::Identities(_) => "`Set<{issuer: String, subject: String}>`",
        Value::Record { .. } | Value::Claims => "a record",
    }
}

fn words(words: &Words) -> String {
    match words {
        Words::Any => String::new(),
        Words::These(words) => {
            format!(": {}", words().iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", "))
        }
        Words::Labels => ": those that something in the catalogue carries".to_owned(),
        Words::Issuers => ": those of configured issuers".to_owned(),
        Words::TrustDomains => ": the configured ones".to_owned(),
    }
}

#[test]
fn the_page_is_what_the_table_says() -> std::io::Result<()> {
    countersign_facts::test_support::made(
        concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."),
        "policies/attributes.md",
        &reference(),
    )
}
