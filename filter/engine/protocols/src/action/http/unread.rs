//! What may follow a head where nothing reads it.
//!
//! An endpoint that declares no body has none: some servers prefer a field of the body to one of the query, which was judged.
//! What a server reads as a form says to some frameworks which method is meant, or who asks, so none passes unread unless its
//! media type is allowed. Bodies of other kinds pass as they come. What is read is checked where it is read; whether the
//! request may be made is not decided here.

use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;

use crate::action::Following;
use crate::catalogue::{BodyKind, Endpoint, Resource};

/// Bytes of a media type that is told apart from others; it goes into records.
const MAX_MEDIA: usize = 64;
const URLENCODED: &str = "application/x-www-form-urlencoded";

/// What may follow a head with `headers`, at `endpoint` or at nothing that is declared; `end` if nothing does.
///
/// # Errors
/// Where a body must follow that cannot be what was declared.
pub(in crate::action) fn following(
    resource: &Resource,
    endpoint: Option<&Endpoint>,
    headers: &Headers,
    end: bool,
) -> Result<Following, Reason> {
    match endpoint.map(|endpoint| endpoint.body) {
        Some(BodyKind::None) => Ok(Following::Nothing),
        Some(BodyKind::Form) => Ok(Following::Message),
        Some(BodyKind::Json) if end => Err(Reason::MalformedJson),
        Some(BodyKind::Json) if form(headers).is_some() => Err(Reason::MediaType),
        Some(BodyKind::Unread | BodyKind::Json) => Ok(Following::Anything),
        None => {
            let admitted = form(headers).is_none_or(|form| is_admitted(&form, &resource.interface.unread_forms));
            Ok(if admitted { Following::Anything } else { Following::Nothing })
        }
    }
}

/// The media type of a form that some server reads a body with `headers` as, in lower case.
///
/// What a server makes of a body without a media type is its own business: Rack reads a form.
pub fn form(headers: &Headers) -> Option<String> {
    let stated = headers.single("content-type").ok().flatten().unwrap_or_default().trim_ascii();
    let ends = |byte: &u8| byte.is_ascii_whitespace() || b";,".contains(byte);
    let media = stated.split(ends).next().unwrap_or_default().to_ascii_lowercase();
    let media = String::from_utf8_lossy(&media);
    if media.starts_with("multipart/") {
        return Some(if media.len() <= MAX_MEDIA { media.into_owned() } else { "multipart/*".to_owned() });
    }
    let read =
        !media.contains('/') || [URLENCODED, "application/x-url-encoded"].iter().any(|form| media.starts_with(form));
    read.then(|| URLENCODED.to_owned())
}

fn is_admitted(form: &str, admitted: &[String]) -> bool {
    let every = form.starts_with("multipart/");
    admitted.iter().any(|admitted| admitted == form || (every && admitted == "multipart/*"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(media: &str) -> Headers {
        [("content-type".to_owned(), media.as_bytes().to_vec())].into_iter().collect()
    }

    #[test]
    fn what_some_server_reads_as_a_form() {
        for (media, expected) in [
            ("application/x-www-form-urlencoded", URLENCODED),
            (" Application/X-WWW-Form-Urlencoded; charset=utf-8", URLENCODED),
            ("application/x-www-form-urlencoded,text/plain", URLENCODED),
            ("application/x-www-form-urlencoded2", URLENCODED),
            ("application/x-url-encoded", URLENCODED),
            ("multipart/form-data; boundary=x", "multipart/form-data"),
            ("MULTIPART/Mixed boundary=x", "multipart/mixed"),
            ("", URLENCODED),
            (";multipart/form-data", URLENCODED),
            ("form", URLENCODED),
        ] {
            assert_eq!(form(&headers(media)).as_deref(), Some(expected), "{media}");
        }
        assert_eq!(form(&Headers::default()).as_deref(), Some(URLENCODED));
        for media in ["application/json", "text/plain", "application/octet-stream", "application/xml, multipart/mixed"]
        {
            assert_eq!(form(&headers(media)), None, "{media}");
        }
    }

    #[test]
    fn a_form_is_admitted_by_its_media_type() {
        let admitted = |list: &[&str]| list.iter().map(|media| (*media).to_owned()).collect::<Vec<_>>();
        let multipart = admitted(&["multipart/*"]);
        assert!(is_admitted("multipart/form-data", &multipart));
        assert!(!is_admitted(URLENCODED, &multipart));
        assert!(!is_admitted("multipart/mixed", &admitted(&["multipart/form-data", URLENCODED])));
        assert!(is_admitted(URLENCODED, &admitted(&[URLENCODED])));
    }
}
