//! Templates: what they match, what they nearly match, and which two cannot stand together.

use countersign_facts::headers::{Headers, RequestHead};
use proptest::prelude::*;

use super::*;
use crate::route::check_head;

fn interface(endpoints: &[(&str, &str)]) -> Interface {
    let endpoint = |(method, path): &(&str, &str)| {
        let name = format!("{method} {path}");
        Template::parse(path).map(|path| Endpoint { name, method: (*method).to_owned(), path, body: BodyKind::None })
    };
    Interface { endpoints: endpoints.iter().filter_map(|entry| endpoint(entry).ok()).collect(), ..Interface::default() }
}

fn found<'e>(interface: &'e Interface, method: &str, path: &str) -> (&'e str, Vec<(&'e str, String)>) {
    match interface.find(method, path) {
        Found::Endpoint(endpoint, parameters) => (&endpoint.name, parameters),
        Found::Undeclared => ("undeclared", Vec::new()),
        Found::Nearly(_) => ("nearly", Vec::new()),
    }
}

#[test]
fn the_most_specific_template_wins() {
    let api = interface(&[("GET", "/a/{x}"), ("GET", "/a/b"), ("POST", "/a/{x}"), ("GET", "/"), ("GET", "/c/")]);
    for (method, path, name) in [
        ("GET", "/a/b", "GET /a/b"),
        ("GET", "/a/c", "GET /a/{x}"),
        ("POST", "/a/b", "POST /a/{x}"),
        ("HEAD", "/a/b", "GET /a/b"),
        ("GET", "/", "GET /"),
        ("GET", "/c/", "GET /c/"),
        ("PUT", "/a/b", "undeclared"),
        ("GET", "/a", "undeclared"),
        ("GET", "/a/b/c", "undeclared"),
    ] {
        assert_eq!(found(&api, method, path).0, name, "{method} {path}");
    }
}

#[test]
fn parameters_are_decoded_segments() {
    let api = interface(&[("GET", "/a/{x}/{y_1}")]);
    assert_eq!(
        found(&api, "GET", "/a/caf%C3%a9%20/b%24").1,
        [("x", "caf\u{e9} ".to_owned()), ("y_1", "b$".to_owned())]
    );
}

#[test]
fn a_needless_escape_leads_nowhere_else() {
    let api = interface(&[("POST", "/v1/pay:now"), ("POST", "/caf%C3%A9")]);
    for path in ["/v1/pay:now", "/v1/pay%3Anow", "/v1/pay%3anow"] {
        assert_eq!(found(&api, "POST", path).0, "POST /v1/pay:now", "{path}");
    }
    assert_eq!(found(&api, "POST", "/caf%c3%a9").0, "POST /caf%C3%A9");
}

#[test]
fn what_a_lenient_server_takes_for_it_is_nearly_it() {
    let api = interface(&[("POST", "/accounts/{id}/transfers"), ("GET", "/c/")]);
    for (method, path) in [
        ("POST", "/accounts/7/transfers/"),
        ("POST", "/Accounts/7/Transfers"),
        ("POST", "/accounts/7/TRANSFERS/"),
        ("POST", "/accounts/7/tran\u{17f}fers"),
        ("POST", "/accounts/7/transfers."),
        ("POST", "/accounts/7/transfers%20/"),
        ("POST", "/%EF%BD%81ccounts/7/transfers"),
        ("GET", "/c"),
        ("HEAD", "/C/"),
    ] {
        assert_eq!(found(&api, method, path).0, "nearly", "{method} {path}");
    }
    for path in ["/accounts//transfers", "/accounts/transfers", "/accounts/7/transfers/x", "/account/7/transfers"] {
        assert_eq!(found(&api, "POST", path).0, "undeclared", "{path}");
    }
}

#[test]
fn which_templates_overlap() {
    for (one, other, expected) in [
        ("/a", "/b", Overlap::None),
        ("/a", "/a/b", Overlap::None),
        ("/a/{x}", "/a/b", Overlap::Specific),
        ("/{x}/{y}", "/a/{y}", Overlap::Specific),
        ("/a/{x}", "/a/{y}", Overlap::Ambiguous),
        ("/a/{x}/c", "/a/b/{y}", Overlap::Ambiguous),
        ("/a", "/A", Overlap::Ambiguous),
        ("/a/{x}", "/A/b", Overlap::Specific),
    ] {
        let templates = Template::parse(one).and_then(|one| Ok((one, Template::parse(other)?)));
        assert_eq!(templates.map(|(one, other)| one.overlap(&other)), Ok(expected), "{one} {other}");
    }
}

#[test]
fn what_is_no_template() {
    for bad in ["", "a", "/{}", "/{x", "/x}", "/{x}y", "/a*", "/{a-b}", "/{1}", "/{a}/{a}", "/{a}:cancel"] {
        assert!(Template::parse(bad).is_err(), "{bad}");
    }
}

fn accepted(path: &str) -> Option<String> {
    let pairs = [(":method", "GET"), (":authority", "h"), (":path", path), (":scheme", "https")];
    let headers: Headers =
        pairs.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).collect();
    check_head(&RequestHead { headers, ..RequestHead::default() }, &[]).ok().map(|target| target.path)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(4_000), ..ProptestConfig::default() })]

    /// A path that a server could take for a declared endpoint is that endpoint, or refused: never something undeclared.
    #[test]
    fn no_spelling_leads_past_an_endpoint(
        spelling in prop::collection::vec(prop::sample::select(vec![
            "/", "/a", "/A", "/%61", "/b", "/B", "/x", "/.", "/..", "/%2e%2e", "//", "%2f", "%2Fb", ";v=1", "\\b", "/b:c", "/b%3Ac", "/b%3ac", "%", "%00", "?q", "#f",
        ]), 0..5),
    ) {
        let api = interface(&[("GET", "/a/b"), ("GET", "/a/{x}/b"), ("GET", "/a/b:c")]);
        let Some(path) = accepted(&spelling.concat()) else { return Ok(()) };
        // As lenient as servers get: decoded, empty and dot segments resolved, parameters and case dropped.
        let mut resolved: Vec<String> = Vec::new();
        let decoded = percent_decode_str(&path).decode_utf8_lossy().replace('\\', "/").to_lowercase();
        for segment in decoded.split('/').map(|segment| segment.split(';').next().unwrap_or_default()) {
            match segment {
                "" | "." => {}
                ".." => drop(resolved.pop()),
                other => resolved.push(other.to_owned()),
            }
        }
        let resolved: Vec<&str> = resolved.iter().map(String::as_str).collect();
        let lenient = matches!(resolved.as_slice(), ["a", "b" | "b:c"] | ["a", _, "b"]);
        let undeclared = matches!(api.find("GET", &path), Found::Undeclared);
        prop_assert!(lenient != undeclared, "{path} {resolved:?}");
    }
}
