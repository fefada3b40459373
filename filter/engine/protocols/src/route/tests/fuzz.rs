//! Fuzz targets: paths with queries, and authorities, spoilt.
//!
//! Nothing may panic, and whatever is accepted is the same to servers that normalise, decode early or read more than they
//! should.

use percent_encoding::percent_decode_str;

use super::*;
use crate::spoil::{INPUTS, Spoilt, fuzz};

const TARGETS: [&str; 9] = [
    "/",
    "/mcp",
    "/mcp?session=1&v=2",
    "/reports/2026/q1.json",
    "/reports/a%20b/",
    "/reports/%C3%A9?q=a%26b",
    "/admin/users/~root",
    "/a@b:c/d,e?x=/../&y=%2e",
    "/reports?q=%25&page=2;size=5",
];

const PIECES: [&str; 35] = [
    "/",
    "//",
    "/.",
    "/..",
    "/../",
    "/./",
    "%2e",
    "%2E%2e",
    "%2f",
    "%5c",
    "\\",
    "%25",
    "%252f",
    "%00",
    "%0d%0a",
    ";a=b",
    "%3b",
    "#",
    "?",
    "%3f",
    "%",
    "%c0%af",
    "%61",
    "%7e",
    "\u{e9}",
    " ",
    "+",
    "admin",
    "mcp",
    "&access_token=x",
    "&Access%5Ftoken=x",
    "&+access_token=x",
    "&access.token=x",
    "&access_token[]=x",
    "&.method=x",
];

/// What a server makes of a path that decodes it, cuts parameters away, takes `\` for `/`, merges slashes and removes dot
/// segments.
fn normalised(decoded: &str) -> String {
    let plain = decoded.replace('\\', "/");
    let mut kept = Vec::new();
    for segment in plain.split('/').map(|segment| segment.split(';').next().unwrap_or_default()) {
        match segment {
            "" | "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    let end = if plain.ends_with('/') && !kept.is_empty() { "/" } else { "" };
    format!("/{}{end}", kept.join("/"))
}

#[test]
fn targets() {
    let names = ["mcp", "reports", "admin"];
    let resources = [
        resource("mcp", None, exact("/mcp"), None),
        resource("reports", None, below("/reports"), None),
        resource("admin", None, below("/admin"), None),
    ];
    let seeds = TARGETS.map(|target| target.as_bytes().to_vec());
    fuzz!("route-targets", Spoilt, INPUTS, |spoilt| {
        let Ok(text) = String::from_utf8(spoilt.of(&seeds, &PIECES)) else { return };
        let Ok(target) = path(&text) else { return };
        let rest = target.query.as_ref().map(|query| format!("?{query}")).unwrap_or_default();
        assert_eq!(format!("{}{rest}", target.path), text, "not as it came");
        let decoded = percent_decode_str(&target.path).decode_utf8();
        let decoded = decoded.map(String::from).unwrap_or_default();
        assert_eq!(normalised(&decoded), decoded, "{text}");
        assert!(!decoded.chars().any(|c| c.is_ascii_control() || "?#%".contains(c)), "{text}");
        let other = Target { path: decoded, ..target.clone() };
        let name = |target: &Target| find(&resources, target, None).map(|(_, resource)| resource.name.clone());
        assert_eq!(name(&other), name(&target), "{text}");
        assert!(name(&target).is_none_or(|name| names.contains(&name.as_str())));
        assert_holds_no_token(target.query.as_deref().unwrap_or_default());
    });
}

/// Forms write a blank as `+`; PHP drops it in front of a name, and takes `.`, ` ` and a `[` that stays open for `_`.
fn assert_holds_no_token(query: &str) {
    for pair in query.split(['&', ';']) {
        let key = pair.split('=').next().unwrap_or_default().replace('+', " ");
        let key = percent_decode_str(&key).decode_utf8_lossy().trim_ascii().to_ascii_lowercase();
        let key = key.replace([' ', '.'], "_");
        for taken in [key.split('[').next().unwrap_or_default(), &key.replace('[', "_")] {
            assert!(!["access_token", "_method"].contains(&taken), "{query}");
        }
    }
}

#[test]
fn authorities() {
    let seeds = ["tools.example.com", "Tools.Example.com.:8443", "[::1]:80", "10.0.0.1:443", "a_b-c.test"];
    let seeds = seeds.map(|seed| seed.as_bytes().to_vec());
    let pieces =
        [":", ":443", ":0", "@", "[", "]", "[::1]", ".", "..", "%", ",", " ", "/", "\\", "\u{e9}", "99999", "#", "?"];
    fuzz!("route-authorities", Spoilt, INPUTS, |spoilt| {
        let Ok(text) = String::from_utf8(spoilt.of(&seeds, &pieces)) else { return };
        let head = with(&[(":method", "GET"), (":authority", &text), (":path", "/"), (":scheme", "https")], &[]);
        let Ok(target) = check_head(&head, &[]) else { return };
        let read = text.parse::<http::uri::Authority>();
        let read = read.as_ref().map(|read| (read.host().to_ascii_lowercase(), read.port_u16().unwrap_or(443)));
        let own = (split_port(&target.host).0, target.port);
        // The root's dot says nothing.
        let same = read.as_ref().is_ok_and(|(host, port)| (host.strip_suffix('.').unwrap_or(host), *port) == own);
        assert!(same, "{text}: {read:?} is not {own:?}");
    });
}

#[test]
fn every_target_is_accepted() {
    for target in TARGETS {
        assert!(path(target).is_ok(), "{target}");
    }
}
