//! Answers of a decision point, for tests.

use countersign_facts::calls::CallOutcome;
use countersign_facts::headers::Headers;

use super::Dialect;
use super::answer::read;

/// One with these header fields.
pub(super) fn answered(fields: &[(&str, &str)], body: &str) -> CallOutcome {
    let fields = [("content-type", "application/json")].iter().chain(fields);
    let headers: Headers = fields.map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    CallOutcome::Response { status: 200, headers, body: body.as_bytes().to_vec() }
}

/// Reads an answer in either dialect.
pub fn decided(fields: &[(&str, &str)], body: &str) {
    for dialect in [Dialect::Authzen, Dialect::Opa] {
        let _ = read(dialect, &answered(fields, body));
    }
}
