//! The header fields of an MCP request: what they must be for the body to be read, and that they say the same.

use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

const ENCODED_START: &[u8] = b"=?base64?";
const ENCODED_END: &[u8] = b"?=";

/// `Content-Type` is JSON in UTF-8 and nothing else; the body is not encoded.
pub(in crate::action) fn check_media(headers: &Headers) -> Result<(), Reason> {
    check_media_is(headers, b"application/json")
}

/// `Content-Type` is `media` in UTF-8 and nothing else; the body is not encoded.
pub(in crate::action) fn check_media_is(headers: &Headers, media: &[u8]) -> Result<(), Reason> {
    let content_type = single(headers, "content-type")?.ok_or(Reason::MediaType)?;
    if is_coded(headers)? || !is_media(content_type, media) { Err(Reason::MediaType) } else { Ok(()) }
}

/// Whether the body is not written as it is meant.
pub(in crate::action) fn is_coded(headers: &Headers) -> Result<bool, Reason> {
    let encoded = match single(headers, "content-encoding")? {
        Some(coding) => !coding.trim_ascii().eq_ignore_ascii_case(b"identity"),
        None => false,
    };
    let transferred = match single(headers, "transfer-encoding")? {
        Some(coding) => !coding.trim_ascii().eq_ignore_ascii_case(b"chunked"),
        None => false,
    };
    Ok(encoded || transferred)
}

/// A leg has no body: nothing would read it before it is forwarded.
pub(in crate::action) fn check_bodiless(headers: &Headers, body: Option<&[u8]>) -> Result<(), Reason> {
    let announced = single(headers, "content-length")?.is_some_and(|length| length.trim_ascii() != b"0");
    if announced || headers.contains("transfer-encoding") || body.is_some_and(|body| !body.is_empty()) {
        return Err(Reason::MalformedMessage);
    }
    Ok(())
}

/// What the body says that header fields repeat.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) method: Option<&'a str>,
    pub(super) name: Option<&'a str>,
    /// The fields that may not be absent.
    pub(super) required: Required,
}

/// Which fields may not be absent, since 2026-07-28.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Required {
    #[default]
    Nothing,
    Method,
    MethodAndName,
}

/// `Mcp-Method` and `Mcp-Name`, if sent, repeat what the body says; a body that says nothing has nothing to repeat.
pub(super) fn check_mirrors(headers: &Headers, said: Said<'_>) -> Result<(), Reason> {
    let Said { method, name, required } = said;
    let fields = [
        ("mcp-method", method, required != Required::Nothing),
        ("mcp-name", name, required == Required::MethodAndName),
    ];
    for (field, expected, required) in fields {
        let agrees = match single(headers, field)? {
            Some(value) => expected.is_some() && decode(value).as_deref() == expected,
            None => !required,
        };
        if !agrees {
            return Err(Reason::HeaderBodyMismatch);
        }
    }
    Ok(())
}

/// The value of a mirrored field: visible ASCII and inner spaces, or `=?base64?…?=` around the UTF-8 of anything.
pub(super) fn decode(value: &[u8]) -> Option<String> {
    let bytes = match value.strip_prefix(ENCODED_START) {
        Some(rest) => STANDARD.decode(rest.strip_suffix(ENCODED_END)?).ok()?,
        None if value.iter().all(|byte| byte.is_ascii_graphic() || *byte == b' ') => value.to_vec(),
        None => return None,
    };
    String::from_utf8(bytes).ok()
}

fn is_media(content_type: &[u8], expected: &[u8]) -> bool {
    let mut parts = content_type.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
    let media = parts.next().unwrap_or_default();
    let parameter = parts.next();
    let utf8 = |parameter: &[u8]| {
        [b"charset=utf-8".as_slice(), b"charset=\"utf-8\""].iter().any(|utf8| parameter.eq_ignore_ascii_case(utf8))
    };
    media.eq_ignore_ascii_case(expected) && parameter.is_none_or(utf8) && parts.next().is_none()
}

/// The one value of `name`, if there is one.
pub(super) fn single<'a>(headers: &'a Headers, name: &'a str) -> Result<Option<&'a [u8]>, Reason> {
    headers.single(name).map_err(|_| Reason::AmbiguousHeaders)
}
