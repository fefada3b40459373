//! Path and query: accepted only in the one spelling that needs no normalisation.

use countersign_facts::reason::Reason;

/// Longer targets are refused: they end up in records, digests and policies.
const MAX_TARGET: usize = 8 * 1024;

/// Parameters that say another method than the request line, to frameworks that listen to them: Rails, Symfony, Spring and
/// others; ASP.NET, which reads its header fields as parameters too; Catalyst.
const OVERRIDES: &[&[u8]] =
    &[b"_method", b"x-http-method-override", b"x-http-method", b"x-method-override", b"x-tunneled-method"];

/// Splits `:path`; refuses whatever two readers could take for different paths. The query is as it may be.
pub(super) fn split(target: &[u8]) -> Result<(String, Option<String>), Reason> {
    // A blank could end the request line, a control character the head.
    if target.iter().any(|byte| byte.is_ascii_control() || *byte == b' ') {
        return Err(Reason::AmbiguousPath);
    }
    let (path, query) = match target.iter().position(|byte| *byte == b'?') {
        Some(at) => (target.get(..at).unwrap_or_default(), target.get(at + 1..)),
        None => (target, None),
    };
    let path = std::str::from_utf8(path).map_err(|_| Reason::AmbiguousHeaders)?;
    check_path(path)?;
    Ok((path.to_owned(), query.map(|query| String::from_utf8_lossy(query).into_owned())))
}

fn check_path(path: &str) -> Result<(), Reason> {
    if path.len() > MAX_TARGET || !path.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Reason::AmbiguousPath);
    }
    let Some(rest) = path.strip_prefix('/') else { return Err(Reason::AmbiguousPath) };
    // `;` starts path parameters that some servers cut away, after a filter has looked (`/admin;/..;/`).
    if path.contains(['\\', ';']) || path.contains("//") || rest.split('/').any(|segment| matches!(segment, "." | ".."))
    {
        return Err(Reason::AmbiguousPath);
    }
    let Some(Decoded { text, escaped }) = decode(path) else { return Err(Reason::AmbiguousPath) };
    // An escaped unreserved character is the same path in other words (RFC 3986 §6.2.2.2); an escaped delimiter
    // or control character is another path to whoever decodes early.
    let needless = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~/\\%;?#".contains(byte) || byte.is_ascii_control();
    if escaped.iter().any(needless) || std::str::from_utf8(&text).is_err() {
        return Err(Reason::AmbiguousPath);
    }
    Ok(())
}

/// Refuses what two readers could take for different parameters, and parameters that say what only the head may say.
pub(super) fn check_query(target: &str, query: Option<&str>) -> Result<(), Reason> {
    let query = query.unwrap_or_default();
    if target.len() > MAX_TARGET || !query.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#') {
        return Err(Reason::AmbiguousPath);
    }
    for pair in query.split(['&', ';']) {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        // Forms write a blank as `+`.
        let (Some(key), Some(_)) = (decode(&key.replace('+', " ")), decode(value)) else {
            return Err(Reason::AmbiguousPath);
        };
        check_parameter(&key.text)?;
    }
    Ok(())
}

/// That the decoded `name` of a parameter, in a query or in a form, says neither who asks nor that another method is meant.
pub(crate) fn check_parameter(name: &[u8]) -> Result<(), Reason> {
    // RFC 6750 §2.2 and §2.3 let a token travel here; MCP and RFC 9700 §2.1 do not.
    if is_taken_for(name, b"access_token") {
        return Err(Reason::ManyCredentials);
    }
    check_override(name)
}

/// That the decoded `name` of a parameter or member does not say that another method is meant.
pub(crate) fn check_override(name: &[u8]) -> Result<(), Reason> {
    if OVERRIDES.iter().any(|refused| is_taken_for(name, refused)) { Err(Reason::OverrideHeader) } else { Ok(()) }
}

/// Whether some server takes `key` for the parameter `name`: without case, without the blanks around it, with ` `, `.` or `[`
/// for `_` (PHP), or as the name of a list (`name[]`).
fn is_taken_for(key: &[u8], name: &[u8]) -> bool {
    let Some((start, rest)) = key.trim_ascii().split_at_checked(name.len()) else { return false };
    let same = |(byte, own): (&u8, &u8)| byte.eq_ignore_ascii_case(own) || (*own == b'_' && b" .[".contains(byte));
    start.iter().zip(name).all(same) && matches!(rest, [] | [b'[', ..])
}

struct Decoded {
    text: Vec<u8>,
    /// The bytes that were written as escapes.
    escaped: Vec<u8>,
}

/// Percent-decodes once; none for an escape that is not `%` and two hexadecimal digits.
fn decode(text: &str) -> Option<Decoded> {
    let mut decoded = Decoded { text: Vec::with_capacity(text.len()), escaped: Vec::new() };
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.text.push(byte);
            continue;
        }
        let (high, low) = (char::from(bytes.next()?).to_digit(16)?, char::from(bytes.next()?).to_digit(16)?);
        let byte = u8::try_from(high * 16 + low).ok()?;
        decoded.text.push(byte);
        decoded.escaped.push(byte);
    }
    Some(decoded)
}
