//! What becomes of the answer of an MCP server, by its head.
//!
//! | status | media type | |
//! |---|---|---|
//! | any | `application/json`, `text/event-stream`, UTF-8, not encoded | read while it passes |
//! | 202, to a request | none, or anything else | not passed: its answer comes on another stream, as in the transport of 2024-11-05 |
//! | any | none, and no body | passes |
//! | of an error | anything else, not encoded | text passes, what could be a message does not; of lists nothing does |
//! | of an error | encoded, or those two in another character set | status and header fields pass, the body does not |
//! | 2xx, to what asked for nothing | anything else | as of an error |
//! | 2xx | anything else | not passed: the client gets an error instead |

use countersign_facts::headers::{HeaderEdit, Headers, same_name};

use super::awaited::{Awaited, Judge, Versions};
use super::content::{Content, Unread};
use super::{Refused, Unreadable};
use crate::action::Listing;

/// Fields that are about the body as the upstream wrote it.
const OF_THE_BODY: &[&str] =
    &["content-length", "content-digest", "repr-digest", "digest", "content-md5", "etag", "accept-ranges"];

/// What is done with an answer.
#[derive(Debug)]
pub enum Treatment {
    /// There is no body.
    Pass,
    /// The body is read, after these edits of the head.
    Read(Content, Vec<HeaderEdit>),
    /// It cannot be passed.
    Refuse(Refused),
}

/// What becomes of an answer with this head, in which these responses are awaited, with these lists; `end` where there is no body.
pub fn treatment(headers: &Headers, end: bool, awaited: &Awaited, lists: &'static [Listing]) -> Treatment {
    let accepted = awaited.id().is_some() && matches!(headers.single(":status"), Ok(Some(b"202")));
    // What says that it is a message, or a stream of them, is one, if an empty one.
    let elsewhere = accepted && matches!(media(headers), Ok(Some(Media::A2aJson) | None));
    if end {
        return if elsewhere { Treatment::Refuse(Refused::Transport) } else { Treatment::Pass };
    }
    let failed = is_error(headers);
    let judge = Judge::new(awaited.clone(), failed);
    let unread = failed || *awaited == Awaited::Nothing;
    let content = match media(headers) {
        // It is not rewritten.
        Ok(Some(Media::Json)) if lists.is_empty() && judge.versions() != Versions::Demanded => {
            return Treatment::Read(Content::json(judge, lists), Vec::new());
        }
        Ok(Some(Media::Json)) => Content::json(judge, lists),
        Ok(Some(Media::EventStream)) => Content::event_stream(judge, lists),
        Ok(Some(Media::A2aJson) | None) if unread && lists.is_empty() => Content::unread(judge, Unread::Blank),
        Ok(Some(Media::A2aJson) | None) | Err(Unreadable) if unread => Content::unread(judge, Unread::Withheld),
        Ok(Some(Media::A2aJson) | None) if elsewhere => return Treatment::Refuse(Refused::Transport),
        Ok(Some(Media::A2aJson) | None) | Err(Unreadable) => return Treatment::Refuse(Refused::Unreadable),
    };
    let mut edits = HeaderEdit::removals(headers, |name| OF_THE_BODY.iter().any(|field| same_name(name, field)));
    if !lists.is_empty() {
        // What one caller sees is not for the next (RFC 9111 §5.2.2).
        edits.push(HeaderEdit::Set("cache-control", "private, no-store".to_owned()));
    }
    Treatment::Read(content, edits)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    /// Of A2A's REST binding.
    A2aJson,
    EventStream,
}

/// The form of the body, if it is one that is read here.
pub(super) fn media(headers: &Headers) -> Result<Option<Media>, Unreadable> {
    let single = |name| headers.single(name).map_err(|_| Unreadable);
    if let Some(coding) = single("content-encoding")?
        && !coding.trim_ascii().eq_ignore_ascii_case(b"identity")
    {
        return Err(Unreadable);
    }
    let Some(content_type) = single("content-type")? else { return Ok(None) };
    let mut parts = content_type.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let media = parts.next().unwrap_or_default();
    let media = if media.eq_ignore_ascii_case(b"application/json") {
        Media::Json
    } else if media.eq_ignore_ascii_case(b"application/a2a+json") {
        Media::A2aJson
    } else if media.eq_ignore_ascii_case(b"text/event-stream") {
        Media::EventStream
    } else {
        return Ok(None);
    };
    let utf8 = [b"charset=utf-8".as_slice(), b"charset=\"utf-8\"", b""];
    let readable = parts.all(|parameter| utf8.iter().any(|utf8| parameter.eq_ignore_ascii_case(utf8)));
    if readable { Ok(Some(media)) } else { Err(Unreadable) }
}

/// Whether the status is known and is that of an error, or of an answer that is elsewhere.
fn is_error(headers: &Headers) -> bool {
    let status = headers.single(":status").ok().flatten();
    status.is_some_and(|status| matches!(status, [b'3'..=b'5', _, _]))
}
