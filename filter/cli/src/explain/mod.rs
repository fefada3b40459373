//! `countersign explain`: what becomes of one request, check by check.
//!
//! Never prints a credential, nor the value of a header.

mod text;

use countersign_explain::explanation::{Asked, Decision, ExplainError, Explanation, Presented};
use countersign_explain::validate::Finding;
use countersign_tokens::UnixTime;
use serde_json::json;

use crate::arguments::Explain;
use crate::document::{self, DocumentError};
use crate::output::{Answer, Verdict};
use crate::validate;

/// Explains the request of the command line, at `now` where it does not say.
pub fn answer(arguments: &Explain, now: UnixTime) -> Answer {
    let hindered = |problem: &str, findings: &[Finding]| validate::hindered("cannot be explained", &problem, findings);
    let read = document::configuration(&arguments.config).and_then(|document| Ok((document, asked(arguments)?)));
    let (document, asked) = match read {
        Ok(read) => read,
        Err(error) => return hindered(&error.to_string(), &[]),
    };
    match Explanation::of(&document, &asked, arguments.now.unwrap_or(now)) {
        Ok(explanation) => {
            let verdict = Verdict::of(!matches!(explanation.decision, Decision::Allow | Decision::Served));
            Answer { text: text::text(&explanation), json: json!(explanation), verdict }
        }
        Err(error) => {
            let findings = if let ExplainError::Invalid(findings) = &error { findings.as_slice() } else { &[] };
            let problem = option(&error).map_or_else(|| error.to_string(), |option| format!("{option}: {error}"));
            hindered(&problem, findings)
        }
    }
}

/// The request of the command line, with what is in its files.
fn asked(arguments: &Explain) -> Result<Asked, DocumentError> {
    let token = arguments.token.as_deref().map(document::read).transpose()?;
    let token = token.map(|token| token.trim().to_owned());
    let presented = match (&arguments.claims, token) {
        (Some(claims), _) => Presented::Claims(document::typed(claims)?),
        (None, Some(token)) if arguments.unverified => Presented::Believed(token),
        (None, token) => Presented::Token { token, keys: arguments.keys.as_deref().map(document::typed).transpose()? },
    };
    Ok(Asked {
        url: arguments.url.clone(),
        method: arguments.method.clone(),
        headers: arguments.headers.clone(),
        body: arguments.body.as_deref().map(document::read).transpose()?.map(String::into_bytes),
        source: arguments.source.clone(),
        route: arguments.route.clone(),
        presented,
        carrier: arguments.carrier.into(),
        issuer: arguments.issuer.clone(),
    })
}

/// The option that is to blame, if it is one.
const fn option(error: &ExplainError) -> Option<&'static str> {
    match error {
        ExplainError::Invalid(_) => None,
        ExplainError::NoAuthority => Some("--url"),
        ExplainError::Token(_) => Some("--token"),
        ExplainError::Keys(_) => Some("--keys"),
        ExplainError::Claims | ExplainError::Unsigned(_) => Some("--claims"),
        ExplainError::WhichIssuer(_) => Some("--issuer"),
    }
}
