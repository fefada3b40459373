//! What becomes of an answer by its head.

use countersign_facts::headers::{HeaderEdit, Headers};

use super::*;

const REQUEST: &str = "request";
const GET: &str = "GET";
const NOTIFICATION: &str = "notification";

/// In a word: `pass`, `refuse`, or how the body is read, and what of the head is edited.
fn fate(fields: &[(&str, &str)], to: &str, lists: &'static [Listing]) -> String {
    let headers =
        fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect::<Headers>();
    let awaited = match to {
        REQUEST => Awaited::Response(json!(1)),
        GET => Awaited::Stream,
        _ => Awaited::Nothing,
    };
    match treatment(&headers, false, &awaited, lists) {
        Treatment::Pass => "pass".to_owned(),
        Treatment::Refuse(Refused::Transport) => "elsewhere".to_owned(),
        Treatment::Refuse(_) => "refuse".to_owned(),
        Treatment::Read(content, edits) => {
            let private = edits.iter().any(|edit| matches!(edit, HeaderEdit::Set("cache-control", _)));
            let shorter = edits.iter().any(|edit| *edit == HeaderEdit::Remove("content-length".to_owned()));
            let edits = [(shorter, " without length"), (private, " private")];
            let edits: String = edits.into_iter().filter(|(has, _)| *has).map(|(_, what)| what).collect();
            content.form().to_owned() + &edits
        }
    }
}

#[test]
fn the_head_says_how_the_body_is_read() {
    const LIST: &[Listing] = &[Listing::Tools];
    let (json, stream) = ("application/json", "text/event-stream; charset=UTF-8");
    for (status, media, coding, to, lists, expected) in [
        ("200", json, "", REQUEST, &[][..], "json"),
        ("200", json, "identity", REQUEST, &[], "json"),
        ("500", json, "", REQUEST, &[], "json"),
        ("202", json, "", NOTIFICATION, &[], "json"),
        ("202", json, "", REQUEST, &[], "json"),
        ("202", stream, "", REQUEST, &[], "events without length"),
        // Who asks for something and is told to wait would hear it on a stream of another transport.
        ("202", "text/plain", "", REQUEST, &[], "elsewhere"),
        ("202", "", "", REQUEST, LIST, "elsewhere"),
        ("202", json, "gzip", REQUEST, &[], "refuse"),
        ("200", json, "", GET, &[], "json"),
        ("200", json, "", REQUEST, LIST, "json without length private"),
        ("200", stream, "", REQUEST, &[], "events without length"),
        ("200", stream, "", REQUEST, LIST, "events without length private"),
        ("200", stream, "", GET, &[], "events without length"),
        // Nobody can read it here, and somebody could there.
        ("200", json, "gzip", REQUEST, &[], "refuse"),
        ("200", stream, "br", GET, &[], "refuse"),
        ("200", "application/json; charset=utf-16", "", REQUEST, &[], "refuse"),
        ("200", "application/json-seq", "", REQUEST, &[], "refuse"),
        ("200", "application/a2a+json", "", REQUEST, &[], "refuse"),
        ("200", "text/plain; x=text/event-stream", "", REQUEST, &[], "refuse"),
        ("200", "text/html", "", GET, &[], "refuse"),
        ("", json, "gzip", REQUEST, &[], "refuse"),
        // Nobody reads it there, unless it looks like a message.
        ("404", "text/html; charset=iso-8859-1", "", REQUEST, &[], "unread without length"),
        ("502", "application/problem+json", "", REQUEST, &[], "unread without length"),
        ("302", "text/plain", "", GET, &[], "unread without length"),
        ("202", "text/plain", "", NOTIFICATION, &[], "unread without length"),
        ("500", json, "gzip", REQUEST, &[], "withheld without length"),
        ("500", "application/json; charset=utf-16", "", REQUEST, &[], "withheld without length"),
        ("202", json, "gzip", NOTIFICATION, &[], "withheld without length"),
        ("404", "text/html", "", REQUEST, LIST, "withheld without length private"),
    ] {
        let fields =
            [(":status", status), ("content-type", media), ("content-length", "9"), ("content-encoding", coding)];
        let fields: Vec<_> = fields.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        assert_eq!(fate(&fields, to, lists), expected, "{status} {media} {coding} to a {to}");
    }
    let twice = [(":status", "200"), ("content-type", json), ("content-type", "text/plain")];
    assert_eq!(fate(&twice, REQUEST, &[]), "refuse");
    assert_eq!(fate(&[(":status", "200")], REQUEST, &[]), "refuse");
    assert_eq!(fate(&[(":status", "202")], NOTIFICATION, &[]), "unread");
    assert_eq!(fate(&[(":status", "202")], REQUEST, &[]), "elsewhere");
    // Without a body, it matters whether there was to be one.
    for (media, passes) in [(json, true), (stream, true), ("text/plain", false), ("", false)] {
        let fields = [(":status", "202"), ("content-type", media)].into_iter().filter(|(_, value)| !value.is_empty());
        let headers = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect::<Headers>();
        let fate = treatment(&headers, true, &Awaited::Response(json!(1)), &[]);
        assert_eq!(matches!(fate, Treatment::Pass), passes, "{media}");
        assert!(matches!(treatment(&headers, true, &Awaited::Nothing, &[]), Treatment::Pass), "{media}");
    }
}
