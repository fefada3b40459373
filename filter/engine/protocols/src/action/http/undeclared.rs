//! The names in a request for a path that is no endpoint: of its query's and form's parameters, of the members of its JSON.
//!
//! Policies ask for arguments by name, and nothing here says what those of such a path are. So every name is found under which
//! some server could look for it; what stands for it is never read, and what carries no name that is asked for passes as it
//! came. Whether the request may be made is not decided here.

mod broken;
mod text;

use std::fmt;

use countersign_facts::headers::Headers;
use countersign_facts::reason::Reason;
use percent_encoding::percent_decode;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::unread::form;
use crate::action::mcp::fields;
use crate::route::Target;

/// Ways to write ASCII's letters as ASCII does, by the names they have in media types.
const LETTERS: &[&str] = &["utf-8", "utf8", "us-ascii", "ascii", "iso-8859-1", "latin1", "iso-8859-15", "windows-1252"];

/// The byte that says what `body` begins as, or goes on as.
pub fn first(body: &[u8]) -> Option<u8> {
    text::first(body)
}

/// Whether a body with `headers` that begins with `first` may name arguments; none where more of it must be there to tell.
///
/// Some servers read JSON whatever the media type says, so that what begins as JSON does is taken for it.
pub fn may_name(headers: &Headers, first: Option<u8>) -> Option<bool> {
    if is_json(headers) || is_urlencoded(headers) {
        return Some(true);
    }
    first.map(|first| b"{[".contains(&first))
}

/// Tells `found` every name in the query and the `body`, each as any reader could see it.
///
/// # Errors
/// Where the body says that it is JSON and is not, or cannot be read for what it is coded in.
pub fn names(target: &Target, headers: &Headers, body: &[u8], found: &mut dyn FnMut(&str)) -> Result<(), Reason> {
    of_form(target.query.as_deref().unwrap_or_default().as_bytes(), found);
    if body.is_empty() {
        return Ok(());
    }
    let (json, urlencoded) = (is_json(headers), is_urlencoded(headers));
    if (json || urlencoded) && (fields::is_coded(headers)? || !is_in_letters(headers)) {
        return Err(Reason::MediaType);
    }
    if urlencoded {
        of_form(body, found);
    }
    if may_name(headers, first(body)) == Some(true) && !of_json(body, found) && json {
        return Err(Reason::MalformedJson);
    }
    Ok(())
}

/// `application/json`, `application/problem+json`, `text/x-json`, …
fn is_json(headers: &Headers) -> bool {
    let stated = stated(headers);
    stated.split(|byte| *byte == b';').next().is_some_and(|media| media.windows(4).any(|part| part == b"json"))
}

/// The media type as it is stated, in lower case.
fn stated(headers: &Headers) -> Vec<u8> {
    headers.single("content-type").ok().flatten().unwrap_or_default().to_ascii_lowercase()
}

/// Whether the media type names no other letters than those that are read here: in UTF-7 `+AHU-rl` is `url`.
fn is_in_letters(headers: &Headers) -> bool {
    let stated = stated(headers);
    let stated = String::from_utf8_lossy(&stated);
    stated.split("charset").skip(1).all(|rest| {
        let value = rest.trim_start_matches([' ', '\t', '=', '"', '\'']);
        let end = value.find([' ', '\t', ';', ',', '"', '\'']).unwrap_or(value.len());
        value.get(..end).is_some_and(|name| LETTERS.contains(&name))
    })
}

/// A form that can be read here: any but multipart.
fn is_urlencoded(headers: &Headers) -> bool {
    form(headers).is_some_and(|form| !form.starts_with("multipart/"))
}

/// Of a query or form: some readers split at `;` too.
fn of_form(form: &[u8], found: &mut dyn FnMut(&str)) {
    for field in form.split(|byte| b"&;".contains(byte)) {
        let name = field.split(|byte| *byte == b'=').next().unwrap_or_default();
        let spaced: Vec<u8> = name.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        read(percent_decode(&spaced).decode_utf8_lossy().trim(), found);
        if let Some(escaped) = unescaped(&String::from_utf8_lossy(&spaced)) {
            read(percent_decode(escaped.as_bytes()).decode_utf8_lossy().trim(), found);
        }
    }
}

/// `name` with what JavaScript's `escape` and ASP.NET have as `%uXXXX`, if there is such.
fn unescaped(name: &str) -> Option<String> {
    let mut parts = name.split("%u");
    let mut read = parts.next()?.to_owned();
    let mut any = false;
    for part in parts {
        let letter = part.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let letter = letter.and_then(|digits| u32::from_str_radix(digits, 16).ok()).and_then(char::from_u32);
        any |= letter.is_some();
        match letter {
            Some(letter) => read.extend([letter].into_iter().chain(part.chars().skip(4))),
            None => read.extend(["%u", part]),
        }
    }
    any.then_some(read)
}

/// `name` as it is, as the name of a list or an object (`name[]`, `name.x`, `[name]`), and as PHP has it (`na_me`).
fn read(name: &str, found: &mut dyn FnMut(&str)) {
    found(name);
    let inner = name.trim_start_matches('[');
    for end in [&['[', ']', '\0'][..], &['[', ']', '\0', '.']] {
        let Some((start, _)) = inner.split_once(end) else { continue };
        found(start);
        if start.contains([' ', '.']) {
            found(&start.replace([' ', '.'], "_"));
        }
    }
    if name.contains([' ', '.', '[']) {
        found(&name.replace([' ', '.', '['], "_"));
    }
}

/// Of every JSON value in `body`, one after the other; of a list those of what it lists. Whether all of it could be read.
fn of_json(body: &[u8], found: &mut dyn FnMut(&str)) -> bool {
    let text = text::text(body);
    let mut values = serde_json::Deserializer::from_str(&text).into_iter::<IgnoredAny>();
    let mut any = false;
    loop {
        let start = values.byte_offset();
        let read = values.next();
        let value = match &read {
            None => return any,
            Some(Ok(_)) => text.get(start..values.byte_offset()),
            // What is found before the mistake counts.
            Some(Err(_)) => text.get(start..),
        };
        let mut value = serde_json::Deserializer::from_str(value.unwrap_or_default());
        let all = Members(&mut *found).deserialize(&mut value);
        any = true;
        if read.is_some_and(|read| read.is_err()) || all.is_err() {
            broken::names(text.get(start..).unwrap_or_default(), found);
            return false;
        }
    }
}

/// Finds the names of an object's members, or of those that are listed, and looks at no value.
struct Members<'f>(&'f mut dyn FnMut(&str));

impl<'de> DeserializeSeed<'de> for Members<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, value: D) -> Result<(), D::Error> {
        value.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Members<'_> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<(), A::Error> {
        while let Some(name) = members.next_key::<String>()? {
            (self.0)(&name);
            members.next_value::<IgnoredAny>()?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Members(&mut *self.0))?.is_some() {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
