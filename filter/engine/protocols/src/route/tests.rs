mod fuzz;

use proptest::prelude::*;

use super::*;
use crate::catalogue::Protocol;

fn head(extra: &[(&str, &str)]) -> RequestHead {
    with(&[(":method", "POST"), (":authority", "tools.example.com"), (":path", "/mcp")], extra)
}

fn with(base: &[(&str, &str)], extra: &[(&str, &str)]) -> RequestHead {
    let headers =
        base.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect();
    RequestHead { headers, ..RequestHead::default() }
}

fn path(path: &str) -> Result<Target, Reason> {
    check_head(&with(&[(":method", "GET"), (":authority", "h"), (":path", path)], &[]), &[])
}

fn authority(authority: &str) -> Result<String, Reason> {
    check_head(&with(&[(":method", "GET"), (":authority", authority), (":path", "/")], &[]), &[])
        .map(|target| target.host)
}

#[test]
fn a_plain_head_is_taken_apart() {
    let base = [(":method", "GET"), (":authority", "Tools.Example.com:8443"), (":path", "/a/b%20c/?q=%2F&x")];
    let target = check_head(&with(&base, &[(":scheme", "https"), ("host", "tools.example.com:8443")]), &[]);
    let expected = Target {
        method: "GET".to_owned(),
        authority: "Tools.Example.com:8443".to_owned(),
        host: "tools.example.com:8443".to_owned(),
        port: 8443,
        path: "/a/b%20c/".to_owned(),
        query: Some("q=%2F&x".to_owned()),
        target: "/a/b%20c/?q=%2F&x".to_owned(),
    };
    assert_eq!(target, Ok(expected));
}

#[test]
fn pseudo_headers_come_once() {
    let base = [(":method", "GET"), (":authority", "h"), (":path", "/")];
    for name in [":method", ":authority", ":path"] {
        let again: Vec<_> = base.iter().copied().filter(|(n, _)| *n == name).collect();
        assert_eq!(check_head(&with(&base, &again), &[]), Err(Reason::AmbiguousHeaders), "{name} twice");
        let without: Vec<_> = base.iter().copied().filter(|(n, _)| *n != name).collect();
        assert!(check_head(&with(&without, &[]), &[]).is_err(), "{name} missing");
    }
    let scheme = [(":scheme", "https"), (":scheme", "http")];
    assert_eq!(check_head(&head(&scheme), &[]), Err(Reason::AmbiguousHeaders));
    assert_eq!(check_head(&head(&[(":status", "200")]), &[]), Err(Reason::AmbiguousHeaders));
}

#[test]
fn pseudo_headers_are_text() {
    for name in [":method", ":authority", ":path"] {
        let mut pairs: Vec<(String, Vec<u8>)> =
            head(&[]).headers.iter().map(|(name, value)| (name.to_owned(), value.to_vec())).collect();
        pairs.iter_mut().filter(|(n, _)| n == name).for_each(|(_, value)| value.push(0xff));
        let head = RequestHead { headers: Headers::new(pairs), ..RequestHead::default() };
        assert_eq!(check_head(&head, &[]), Err(Reason::AmbiguousHeaders), "{name}");
    }
}

#[test]
fn upgrades_are_refused() {
    assert_eq!(check_head(&head(&[(":protocol", "websocket")]), &[]), Err(Reason::UpgradeRefused));
    let websockets = Resource {
        upgrades: vec!["websocket".to_owned()],
        ..resource("a", None, PathMatch::Below(String::new()), None)
    };
    let none = Resource { upgrades: Vec::new(), ..websockets.clone() };
    for (fields, expected) in [
        (vec![("upgrade", "websocket")], Ok(())),
        (vec![("Upgrade", "WebSocket")], Ok(())),
        (vec![("upgrade", "h2c")], Err(Reason::UpgradeRefused)),
        (vec![("upgrade", "websocket, h2c")], Err(Reason::UpgradeRefused)),
        (vec![("upgrade", "websocket"), ("upgrade", "h2c")], Err(Reason::AmbiguousHeaders)),
        (vec![], Ok(())),
    ] {
        assert_eq!(check_upgrade(&head(&fields), Some(&websockets)), expected, "{fields:?}");
        for other in [None, Some(&none)] {
            let expected = if fields.is_empty() { Ok(()) } else { expected.and(Err(Reason::UpgradeRefused)) };
            assert_eq!(check_upgrade(&head(&fields), other), expected, "{fields:?}");
        }
    }
}

#[test]
fn a_tunnel_is_an_authority_with_a_port() {
    let connect = |authority: &str, more: &[(&str, &str)]| {
        let pairs = [&[(":method", "CONNECT"), (":authority", authority)], more].concat();
        let pairs = pairs.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec()));
        check_head(&RequestHead { headers: pairs.collect(), ..RequestHead::default() }, &[])
    };
    let target = connect("API.example.com:8443", &[]);
    let read = target.as_ref().map(|target| (target.host.as_str(), target.port, target.path.as_str()));
    assert_eq!(read, Ok(("api.example.com:8443", 8443, "")));
    for (authority, more, reason) in [
        ("h:443", vec![(":path", "/")], Reason::AmbiguousPath),
        ("h:443", vec![(":path", ""), (":protocol", "websocket")], Reason::UpgradeRefused),
        ("h:443", vec![("host", "other:443")], Reason::AmbiguousHeaders),
        ("h", vec![], Reason::AmbiguousHeaders),
        ("h:0", vec![], Reason::AmbiguousHeaders),
        ("h:65536", vec![], Reason::AmbiguousHeaders),
        ("h:443,evil:443", vec![], Reason::AmbiguousHeaders),
        ("user@h:443", vec![], Reason::AmbiguousHeaders),
    ] {
        assert_eq!(connect(authority, &more), Err(reason), "{authority} {more:?}");
    }
}

#[test]
fn the_port_is_the_authoritys_or_the_schemes() {
    for (authority, scheme, port) in [
        ("h", "https", 443),
        ("h", "http", 80),
        ("h:8443", "https", 8443),
        ("h:80", "https", 80),
        ("[::1]:81", "http", 81),
    ] {
        let head = with(&[(":method", "GET"), (":authority", authority), (":path", "/"), (":scheme", scheme)], &[]);
        assert_eq!(check_head(&head, &[]).map(|target| target.port), Ok(port), "{authority} {scheme}");
    }
}

#[test]
fn ambiguous_paths_are_refused() {
    for bad in [
        "",
        "*",
        "mcp",
        "http://h/mcp",
        "//mcp",
        "/a//b",
        "/a/../b",
        "/a/./b",
        "/..",
        "/.",
        "/a/..",
        "/a\\b",
        "/a%2fb",
        "/a%2Fb",
        "/a%5cb",
        "/a%5Cb",
        "/%2e%2e/b",
        "/a/%2E",
        "/a%252fb",
        "/a%25",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a%00",
        "/a%0d%0a",
        "/a%7f",
        "/é",
        "/a b",
        "/a\tb",
        "/a\u{7f}",
        "/a;x=1",
        "/a;/..;/b",
        "/a%3bx",
        "/a#b",
        "/a?b#c",
        "/a%23",
        "/a%3fb",
        "/%6dcp",
        "/%4dcp",
        "/a%7e",
        "/%c0%af",
        "/%ff",
        "/a?x=%",
        "/a?x=%4",
        "/a?%g0=1",
    ] {
        assert_eq!(path(bad), Err(Reason::AmbiguousPath), "{bad}");
    }
    assert_eq!(path(&format!("/{}", "a".repeat(9000))), Err(Reason::AmbiguousPath));
}

#[test]
fn a_head_names_its_resource_unless_it_could_name_another() {
    let long = format!("/mcp?x={}", "a".repeat(9000));
    let at =
        |path: &str, extra: &[(&str, &str)]| with(&[(":method", "GET"), (":authority", "h"), (":path", path)], extra);
    let path = |path: &str| at(path, &[]);
    let own = [&long, "/mcp?access_token=x", "/mcp?_method=PUT", "/mcp?x=%zz", "/mcp?x=é", "/mcp?x#/other"].map(path);
    let fields = [("content-type", "a"), ("mcp-session-id", "a"), ("mcp-name", "a")];
    let own = own.into_iter().chain(fields.map(|field| at("/mcp", &[field, field])));
    for head in own.chain([at("/mcp", &[(":protocol", "websocket")])]) {
        assert_eq!(addressed(&head, &[]).map(|target| target.path), Ok("/mcp".to_owned()), "{head:?}");
        assert!(check_head(&head, &[]).is_err(), "{head:?}");
    }
    let other = ["/mcp#x", "/mcp?x y", "/mcp?x\r\ny", "/mcp/../x", "/mcp/%2e", "/%6dcp", "//mcp", "mcp"].map(path);
    let fields = [("host", "h"), ("content-length", "1"), ("transfer-encoding", "chunked")];
    let twice = fields.map(|field| at("/mcp", &[field, field]));
    let fields = [("host", "other"), ("x-original-url", "/x"), ("x-http-method-override", "PUT")];
    for head in other.into_iter().chain(twice).chain(fields.map(|field| at("/mcp", &[field]))) {
        assert!(addressed(&head, &[]).is_err(), "{head:?}");
    }
}

#[test]
fn plain_paths_pass() {
    for good in
        ["/", "/a/", "/a/b.json", "/a/...", "/..a", "/a%20b", "/%C3%A9", "/a@b:c", "/a%40b", "/a?x=/../&y=%2e%25", "/?"]
    {
        assert!(path(good).is_ok(), "{good}");
    }
}

#[test]
fn a_token_in_the_query_is_refused() {
    for bad in [
        "/?access_token=x",
        "/?a=1&access_token=x",
        "/?a;access_token=x",
        "/?access%5Ftoken=x",
        "/?%61ccess_token",
        "/?ACCESS_token=",
        "/?+access_token=x",
        "/?access+token=x",
        "/?access.token=x",
        "/?access%5Btoken=x",
        "/?access_token[]=x",
    ] {
        assert_eq!(path(bad), Err(Reason::ManyCredentials), "{bad}");
    }
    assert!(path("/?my_access_token=x&q=access_token&access_tokens=x&access-token=x&a").is_ok());
}

#[test]
fn overrides_are_refused() {
    for name in OVERRIDES {
        assert_eq!(check_head(&head(&[(name, "x")]), &[]), Err(Reason::OverrideHeader), "{name}");
        let folded = name.replace('-', "_").to_uppercase();
        assert_eq!(check_head(&head(&[(&folded, "x")]), &[]), Err(Reason::OverrideHeader), "{folded}");
    }
    for method in
        ["/?_method=DELETE", "/?.method=DELETE", "/?+_METHOD=DELETE", "/?a&X-HTTP-Method=PUT", "/?x-tunneled-method"]
    {
        assert_eq!(path(method), Err(Reason::OverrideHeader), "{method}");
    }
    let routing = ["x-tenant".to_owned()];
    assert_eq!(check_head(&head(&[("X_Tenant", "b")]), &routing), Err(Reason::OverrideHeader));
    assert!(check_head(&head(&[("X_Tenant", "b")]), &[]).is_ok());
}

#[test]
fn fields_that_decide_the_reading_come_once() {
    for name in SINGLE {
        let value = if *name == "host" { "tools.example.com" } else { "1" };
        let folded = name.replace('-', "_");
        assert!(check_head(&head(&[(name, value)]), &[]).is_ok(), "{name}");
        assert_eq!(check_head(&head(&[(name, value), (&folded, value)]), &[]), Err(Reason::AmbiguousHeaders), "{name}");
    }
    let both = [("content-length", "3"), ("transfer-encoding", "chunked")];
    assert_eq!(check_head(&head(&both), &[]), Err(Reason::AmbiguousHeaders));
    assert_eq!(check_head(&head(&[("host", "other.example.com")]), &[]), Err(Reason::AmbiguousHeaders));
}

#[test]
fn authorities() {
    assert_eq!(authority("Tools.Example.com."), Ok("tools.example.com".to_owned()));
    assert_eq!(authority("tools.example.com.:443"), Ok("tools.example.com:443".to_owned()));
    assert_eq!(authority("[::1]:80"), Ok("[::1]:80".to_owned()));
    assert_eq!(authority("[FE80::1]"), Ok("[fe80::1]".to_owned()));
    for bad in [
        "", "user@h", "h:", "h:x", "h:123456", "a,b", "h%41", "::1", "[::1", "[x]", "é", ".", "a..b", ".a", "h/x",
        "[::1]x",
    ] {
        assert_eq!(authority(bad), Err(Reason::AmbiguousHeaders), "{bad}");
    }
}

#[test]
fn the_method_is_a_token() {
    for bad in ["", "GE T", "GET\n", "Gét"] {
        let head = with(&[(":method", bad), (":authority", "h"), (":path", "/")], &[]);
        assert_eq!(check_head(&head, &[]), Err(Reason::AmbiguousHeaders), "{bad}");
    }
}

fn resource(name: &str, host: Option<&str>, path: PathMatch, route: Option<&str>) -> Resource {
    Resource {
        name: name.to_owned(),
        matching: Match { host: host.map(str::to_owned), path, route: route.map(str::to_owned), exact: false },
        protocol: Protocol::Http,
        ..crate::action::test_support::resource()
    }
}

fn exact(path: &str) -> PathMatch {
    PathMatch::Exact(path.to_owned())
}

fn below(path: &str) -> PathMatch {
    PathMatch::Below(path.to_owned())
}

fn found(resources: &[Resource], host: &str, path: &str, route: Option<&str>) -> Result<Option<String>, Reason> {
    let target = check_head(&with(&[(":method", "GET"), (":authority", host), (":path", path)], &[]), &[])?;
    Ok(find(resources, &target, route).map(|(_, resource)| resource.name.clone()))
}

#[test]
fn the_most_specific_resource_wins_in_any_order() -> Result<(), Reason> {
    let mut resources = vec![
        resource("all", None, below(""), None),
        resource("api", None, below("/api"), None),
        resource("api-host", Some("h"), below("/api"), None),
        resource("api-port", Some("h:81"), below("/api"), None),
        resource("api-route", Some("h"), below("/api"), Some("blue")),
        resource("long", None, below("/api/v1/admin"), None),
        resource("exact", None, exact("/api"), None),
    ];
    for _ in 0..2 {
        let name = |host, path, route| found(&resources, host, path, route).map(Option::unwrap_or_default);
        assert_eq!(name("x", "/other", None)?, "all");
        assert_eq!(name("x", "/apis", None)?, "all");
        assert_eq!(name("x", "/api/", None)?, "api");
        assert_eq!(name("h", "/api/v1?x", None)?, "api-host");
        assert_eq!(name("H:80", "/api/v1", Some("green"))?, "api-host");
        assert_eq!(name("h:81", "/api/v1", None)?, "api-port");
        assert_eq!(name("h", "/api/v1", Some("blue"))?, "api-route");
        assert_eq!(name("h", "/api/v1/admin/x", None)?, "long");
        assert_eq!(name("h", "/api", None)?, "exact");
        resources.reverse();
    }
    Ok(())
}

#[test]
fn everything_stated_must_match() -> Result<(), Reason> {
    let resources =
        [resource("one", Some("h:81"), exact("/a"), Some("blue")), resource("root", Some("r"), below("/"), None)];
    assert_eq!(found(&resources, "h:81", "/a", Some("blue"))?.as_deref(), Some("one"));
    for (host, path, route) in
        [("h", "/a", Some("blue")), ("h:81", "/a/", Some("blue")), ("h:81", "/a", None), ("hh:81", "/a", Some("blue"))]
    {
        assert_eq!(found(&resources, host, path, route)?, None, "{host} {path} {route:?}");
    }
    assert_eq!(found(&resources, "r:8080", "/", None)?.as_deref(), Some("root"));
    Ok(())
}

proptest! {
    #[test]
    fn any_target_is_survived_and_what_passes_needs_no_normalising(target in "/[ -~]{0,24}") {
        if let Ok(target) = path(&target) {
            prop_assert!(!target.path.contains("//"));
            prop_assert!(!target.path.split('/').any(|segment| segment == "." || segment == ".."));
            prop_assert!(!target.path.contains([';', '\\', '#']));
            let lower = target.path.to_ascii_lowercase();
            prop_assert!(!["%2e", "%2f", "%5c", "%25", "%00"].iter().any(|escape| lower.contains(escape)));
        }
    }

    #[test]
    fn any_bytes_are_survived(pairs in prop::collection::vec(("[:a-z_-]{0,12}", prop::collection::vec(any::<u8>(), 0..16)), 0..8)) {
        let head = RequestHead { headers: Headers::new(pairs), ..RequestHead::default() };
        let _ = check_head(&head, &[]);
    }
}
