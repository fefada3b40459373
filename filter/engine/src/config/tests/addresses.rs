//! URLs, hosts and path patterns that are refused, and why.

use super::refused::{READER_ONLY, SCHEMA_TOO, check};
use super::{Outcome, edited, full, parse, set};

#[test]
fn urls() -> Outcome {
    let relative = "not an absolute URL; write `https://host/path`";
    let port = "the URL's host or port is unusable; write `https://host/path` or `https://host:8443/path`";
    let characters = "the URL has characters that URLs cannot hold; percent-encode them";
    let http = "plain http, where anyone on the way can answer; write https, or say `insecure_http: true` beside it";
    for (url, message, schema_too) in [
        ("/jwks.json", relative, SCHEMA_TOO),
        ("sts.example.com", relative, SCHEMA_TOO),
        ("https://", relative, SCHEMA_TOO),
        ("https://a:b:c/", relative, READER_ONLY),
        ("ftp://sts.example.com/", "the URL is neither https nor http; write `https://host/path`", SCHEMA_TOO),
        ("https://sts.example.com/#k", "the URL has a fragment; remove `#` and what follows", SCHEMA_TOO),
        (
            "https://me:hunter2@sts.example.com/",
            "the URL has user information; remove it, credentials do not belong into URLs",
            SCHEMA_TOO,
        ),
        ("https://sts.example.com:0/", port, READER_ONLY),
        ("https://sts.example.com:65536/", port, READER_ONLY),
        ("https://sts.example.com:/", port, READER_ONLY),
        ("https://sts.example.com/ü", characters, READER_ONLY),
        ("https://sts.example.com/\"", characters, READER_ONLY),
        ("http://sts.example.com/", http, READER_ONLY),
        ("http://127.0.0.1/", http, READER_ONLY),
    ] {
        check(&[(&[set("/issuers/0/keys/url", url)], &format!("/issuers/0/keys/url: {message}"), schema_too)])?;
    }
    Ok(())
}

#[test]
fn paths_and_hosts() -> Outcome {
    let way_out = "write `/mcp` for one path or `/api/*` for all below it";
    let escapes = "is not normalised (percent-encode exactly what needs it, in upper case, and no slashes)";
    for (path, cause) in [
        ("mcp", "does not start with `/`"),
        ("*", "does not start with `/`"),
        ("/a*", "has a `*` that is not its last segment"),
        ("/*/a", "has a `*` that is not its last segment"),
        ("/*/*", "has a `*` that is not its last segment"),
        ("/a?b", "has a query or fragment"),
        ("/a//b", "is not normalised (empty, `.` or `..` segments)"),
        ("//*", "is not normalised (empty, `.` or `..` segments)"),
        ("/a/../b", "is not normalised (empty, `.` or `..` segments)"),
        ("/./*", "is not normalised (empty, `.` or `..` segments)"),
        ("/a%2Fb", escapes),
        ("/a%5Cb", escapes),
        ("/%61", escapes),
        ("/%c3%bc", escapes),
        ("/%C", escapes),
        ("/%0A", escapes),
        ("/ü", escapes),
        ("/a b", escapes),
    ] {
        let document = edited(full(), &[set("/resources/0/match/path", path)])?;
        let told = parse(&document).map(drop).map_err(|errors| errors.to_string());
        assert_eq!(told, Err(format!("/resources/0/match/path: {path:?} {cause}; {way_out}")));
    }
    for path in ["/", "/*", "/a/", "/a/*", "/%C3%BC", "/a:b@c", "/...", "/%20"] {
        parse(&edited(full(), &[set("/resources/0/match/path", path)])?)
            .map_err(|errors| format!("{path}: {errors}"))?;
    }
    for host in ["*.example.com", "a b", "me@host", "https://host", "host/", "host:", "host:0", "a,b", "", ":80"] {
        let document = edited(full(), &[set("/resources/0/match/host", host)])?;
        assert!(parse(&document).is_err(), "{host}");
    }
    check(&[(
        &[set("/resources/0/match/host", "*.example.com")],
        "/resources/0/match/host: \"*.example.com\" is not a host; write `host` or `host:port`, or leave it out to match \
         any",
        SCHEMA_TOO,
    )])
}
