//! The reference page of reasons, for authors of agents and for operators: made of the rows of [`Reason`].

use std::fmt::Write as _;

use super::{A2aError, Challenge, Reason, Row, Told};
use crate::check::Check;

const BEGIN: &str = "# Reasons\n\n\
    For authors of agents that were refused, and for operators who read records. Look up the code that you saw: this page says what it means,\n\
    what the client was told, and what to do.\n\n\
    Every decision ends with exactly one reason. The [record](RECORD.md) has the true one. The answer has it too, in the words of its protocol:\n\n\
    | answer | where the reason is |\n\
    |---|---|\n\
    | HTTP APIs, and wherever the resource is not known yet | problem details (RFC 9457): `\"type\": \"urn:countersign:<code>\"` |\n\
    | MCP | `error.data.reason` of a JSON-RPC error; problem details if the request's id was not read |\n\
    | MCP with `denials: { tool_result: true }`, for a call that is answered 403 without a challenge | nowhere: a tool result with `isError` has the words and the decision's id |\n\
    | A2A | `reason` of a `google.rpc.ErrorInfo`, in upper case; an error of A2A's own where this page names one |\n\
    | gRPC | nowhere: `grpc-message` has the words |\n\n\
    Below each code are the record's `kind`, the HTTP status, the `error` of the challenge in `WWW-Authenticate`, `Retry-After` in seconds, and the code that\n\
    JSON-RPC, MCP or A2A specifies. The HTTP status is not sent as it is in these cases:\n\n\
    - A proxy for agents (`egress: true`) answers 407 instead of 401, and its challenges are in `Proxy-Authenticate`.\n\
    - gRPC answers with status 200 and a `grpc-status`. What is not gRPC (`media_type`) gets the status below.\n\
    - A2A's JSON-RPC endpoint answers with status 200 where this page names a code of JSON-RPC or A2A.\n\
    - A tool result has status 200.\n\n\
    A JSON-RPC error has the code that this page names. Otherwise its code is -31000 minus the status, such as -31403; for 403 MCP resources can choose another\n\
    (`denials: { code: … }`).\n\n\
    This page is made of the table in the engine (`filter/engine/facts/src/reason/table.rs`), and a test holds it to that.\n\n\
    ## All reasons\n\n\
    In the order of the checks that a request passes:\n\n";

const ANYWHERE: &str = "any check";

/// The page, in Markdown.
fn reference() -> String {
    let mut page = BEGIN.to_owned();
    let checks = || Check::ALL.into_iter().map(Some).chain([None]);
    for check in checks() {
        let codes: Vec<String> = of_check(check).map(|reason| format!("[`{0}`](#{0})", reason.row().code)).collect();
        let name = check.map_or(ANYWHERE, Check::name);
        // Writing to a text cannot fail.
        let _ = writeln!(page, "- [{name}](#{}): {}", name.replace(' ', "-"), codes.join(", "));
    }
    for check in checks() {
        let _ = match check {
            Some(check) => write!(page, "\n## {}\n\nPassed means: {}.\n", check.name(), check.claim()),
            None => write!(page, "\n## {ANYWHERE}\n\nThese belong to no single check.\n"),
        };
        for reason in of_check(check) {
            entry(&mut page, reason);
        }
    }
    page
}

fn of_check(check: Option<Check>) -> impl Iterator<Item = Reason> {
    Reason::ALL.iter().copied().filter(move |reason| reason.row().check == check)
}

fn entry(page: &mut String, reason: Reason) {
    let row = reason.row();
    let notes = [
        ("The client is told", told(row)),
        ("What to do", reason.advice().to_owned()),
        ("Only where", row.needs.words().map(|words| format!("{words}.")).unwrap_or_default()),
    ];
    let _ = write!(page, "\n### `{}`\n\n{}\n\n{}\n", row.code, facts(row), reason.means());
    let notes = notes.iter().filter(|(_, words)| !words.is_empty());
    for (number, (what, words)) in notes.enumerate() {
        let space = if number == 0 { "\n" } else { "" };
        let _ = writeln!(page, "{space}- {what}: {words}");
    }
}

/// What is short enough for one line.
fn facts(row: &Row) -> String {
    let mut facts = vec![format!("`{}`", row.kind.name())];
    if row.status != 0 {
        facts.push(format!("HTTP {}", row.status));
    }
    let error = row.challenge.error().map(|error| format!("challenge `{error}`"));
    let bare = (row.challenge == Challenge::Bare).then(|| "challenge without an error".to_owned());
    facts.extend(error.or(bare));
    facts.extend(row.retry_after.map(|seconds| format!("`Retry-After: {seconds}`")));
    facts.extend(row.json_rpc.map(|code| format!("JSON-RPC {code}")));
    facts.extend(row.a2a.map(|A2aError { code, name }| match name {
        Some(name) => format!("A2A {code} `{name}`"),
        None => format!("A2A {code}"),
    }));
    facts.join(", ")
}

fn told(row: &Row) -> String {
    match row.told {
        Told::AsItIs => row.detail.to_owned(),
        Told::AsPolicyDenied => format!("{} For the client the code is `policy_denied`.", row.detail),
        Told::IfKnown => {
            format!(
                "{} A caller that could not call it with any arguments is told what `policy_denied` says.",
                row.detail
            )
        }
    }
}

#[test]
fn the_page_is_what_the_table_says() -> std::io::Result<()> {
    crate::test_support::made(concat!(env!("CARGO_MANIFEST_DIR"), "/../../.."), "envoy/REASONS.md", &reference())
}
