//! What becomes of a response that may hold a list, by its head.
//!
//! | status | media type | |
//! |---|---|---|
//! | any | `application/json`, `text/event-stream`, UTF-8, not encoded | rewritten while it passes |
//! | any | none, and no body | passes |
//! | 2xx | anything else | not passed: the client gets an error instead |
//! | others | anything else | status and header fields pass, the body does not |

use super::event_stream::EventStream;
use super::list::Message;
use super::{Audience, Unreadable};
use crate::forward::HeaderEdit;
use crate::headers::{Headers, same_name};

/// Fields that are about the body as the upstream wrote it.
const OF_THE_BODY: &[&str] =
    &["content-length", "content-digest", "repr-digest", "digest", "content-md5", "etag", "accept-ranges"];

/// What is done with a response.
#[derive(Debug)]
pub(crate) enum Treatment {
    /// There is no body.
    Pass,
    /// The body is rewritten, after these edits of the head.
    Rewrite(Content, Vec<HeaderEdit>),
    /// It cannot be passed.
    Refuse,
}

/// A body being rewritten.
#[derive(Debug)]
pub(crate) enum Content {
    Json(Box<Message>),
    EventStream(Box<EventStream>),
    /// An error in a form that nobody reads here: nothing of it passes.
    Withheld,
}

impl Content {
    /// Takes the next bytes of the body; what the client gets instead.
    pub(crate) fn push(&mut self, chunk: &[u8], end: bool, audience: &mut dyn Audience) -> Result<Vec<u8>, Unreadable> {
        let mut out = Vec::with_capacity(chunk.len());
        match self {
            Self::Json(message) => {
                message.push(chunk, audience, &mut out)?;
                if end {
                    message.finish()?;
                }
            }
            // What follows the last whole event is discarded by whoever reads it.
            Self::EventStream(stream) => stream.push(chunk, audience, &mut out)?,
            Self::Withheld => {}
        }
        Ok(out)
    }
}

/// What becomes of a response with this head; `end` where there is no body.
pub(crate) fn treatment(headers: &Headers, end: bool) -> Treatment {
    if end {
        return Treatment::Pass;
    }
    let content = match media(headers) {
        Ok(Some(Media::Json)) => Content::Json(Box::new(Message::new())),
        Ok(Some(Media::EventStream)) => Content::EventStream(Box::new(EventStream::new())),
        Ok(Some(Media::A2aJson) | None) | Err(Unreadable) if is_error(headers) => Content::Withheld,
        Ok(Some(Media::A2aJson) | None) | Err(Unreadable) => return Treatment::Refuse,
    };
    let mut edits = HeaderEdit::removals(headers, |name| OF_THE_BODY.iter().any(|field| same_name(name, field)));
    // What one caller sees is not for the next (RFC 9111 §5.2.2).
    edits.push(HeaderEdit::Set("cache-control", "private, no-store".to_owned()));
    Treatment::Rewrite(content, edits)
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
    let utf8 = [b"charset=utf-8".as_slice(), b"charset=\"utf-8\"", b""];
    if !parts.all(|parameter| utf8.iter().any(|utf8| parameter.eq_ignore_ascii_case(utf8))) {
        return Err(Unreadable);
    }
    Ok(if media.eq_ignore_ascii_case(b"application/json") {
        Some(Media::Json)
    } else if media.eq_ignore_ascii_case(b"application/a2a+json") {
        Some(Media::A2aJson)
    } else if media.eq_ignore_ascii_case(b"text/event-stream") {
        Some(Media::EventStream)
    } else {
        None
    })
}

/// Whether the status is known and says that there is no list.
fn is_error(headers: &Headers) -> bool {
    let status = headers.single(":status").ok().flatten();
    status.is_some_and(|status| matches!(status, [b'3'..=b'5', _, _]))
}
