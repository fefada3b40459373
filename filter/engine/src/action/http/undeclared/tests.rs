use super::*;
use crate::action::test_support;

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn headers(fields: &[(&str, &str)]) -> Headers {
    fields.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())).collect()
}

/// Whether `url` is among the names of a request.
fn carries(query: &str, media: &str, body: &[u8]) -> Result<bool, Reason> {
    let target = Target { query: Some(query.to_owned()), ..test_support::target("POST") };
    let mut carries = false;
    let mut found = |name: &str| carries |= crate::fold::is_same(name, "url");
    names(&target, &headers(&[("content-type", media)]), body, &mut found)?;
    Ok(carries)
}

#[test]
fn a_parameter_is_found_under_every_name_that_some_server_reads() {
    for query in [
        "url=1",
        "a=1&url",
        "%75rl=1",
        "URL=1",
        "a=1;url=2",
        "url[]=1",
        "url[x]=1",
        "[url]=1",
        "url.x=1",
        "+url=1",
        "url%20=1",
        "url%00x=1",
        "u%72l[a][b]=1",
        "a=%zz&url=1",
        "\u{ff}=1&url=1",
    ] {
        assert_eq!(carries(query, JSON, b""), Ok(true), "{query}");
        assert_eq!(carries("", FORM, query.as_bytes()), Ok(true), "{query}");
    }
    for query in ["", "curl=1", "a=url", "a=1&b=url=2", "a[url]=1", "uri=1", "u.rl=1", "url_x=1", "a.url=1"] {
        assert_eq!(carries(query, JSON, b""), Ok(false), "{query}");
        assert_eq!(carries("", FORM, query.as_bytes()), Ok(false), "{query}");
    }
    // As PHP reads it.
    for (query, name) in [("a.b=1", "a_b"), ("a+b=1", "a_b"), ("a[b=1", "a_b"), ("a.b[]=1", "a_b")] {
        let mut names = Vec::new();
        of_form(query.as_bytes(), &mut |name| names.push(name.to_owned()));
        assert!(names.iter().any(|found| found == name), "{query} {names:?}");
    }
}

#[test]
fn a_member_is_found_in_whatever_some_server_reads_as_json() {
    let deep = format!(r#"{{"a":{}1{},"url":1}}"#, "[".repeat(5_000), "]".repeat(5_000));
    for media in [JSON, "application/vnd.api+json", "text/plain", "application/octet-stream", "image/png", FORM] {
        for body in [
            &br#"{"url":1}"#[..],
            br#" {"a":{"b":[]},"\u0075rl":null}"#,
            br#"{"URL":1}"#,
            br#"[1,"x",{"a":1},{"url":1}]"#,
            br#"{"a":1}{"url":1}"#,
            b"{\"a\":1}\n{\"url\":1}\n",
            b"\xef\xbb\xbf{\"url\":1}",
            b"{\"a\":\"\xff\",\"url\":1}",
            br#"{"a":1.5e400,"url":1}"#,
            deep.as_bytes(),
        ] {
            assert_eq!(carries("", media, body), Ok(true), "{media} {}", String::from_utf8_lossy(body));
        }
        for body in [&br#"{"a":{"url":1}}"#[..], br#"{"a":"url"}"#, br#"["url"]"#, b"{}", b"[]", b"{\"a\":true}", b""] {
            assert_eq!(carries("", media, body), Ok(false), "{media} {}", String::from_utf8_lossy(body));
        }
    }
    // What is found before something that is not JSON counts, where not all of it must be.
    assert_eq!(carries("", "text/plain", br#"{"url":1,}"#), Ok(true));
    for body in [&b"[core]\nurl = x"[..], b"{{url}}", b"url: x", b"\x00\x01"] {
        assert_eq!(carries("", "text/plain", body), Ok(false), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn json_that_is_not_and_what_is_coded_is_refused() {
    for body in [&br#"{"a":1,}"#[..], br#"{"a":"#, b"a=1", br#"{"a":1} x"#, b" "] {
        assert_eq!(carries("", JSON, body), Err(Reason::MalformedJson), "{}", String::from_utf8_lossy(body));
    }
    for (media, expected) in [(JSON, Err(Reason::MediaType)), (FORM, Err(Reason::MediaType)), ("text/plain", Ok(()))] {
        let headers = headers(&[("content-type", media), ("content-encoding", "gzip")]);
        assert_eq!(names(&test_support::target("POST"), &headers, b"\x1f\x8b\x08", &mut |_| {}), expected, "{media}");
    }
}

#[test]
fn how_a_body_begins_says_whether_it_may_name_anything() {
    let of = |media: &str, body: &[u8]| may_name(&headers(&[("content-type", media)]), first(body));
    for media in [JSON, FORM, "text/json; charset=utf-8", "Application/Problem+JSON"] {
        assert_eq!(of(media, b""), Some(true), "{media}");
    }
    assert_eq!(may_name(&Headers::default(), None), Some(true));
    for media in ["text/plain", "image/png", "multipart/form-data; boundary=x"] {
        assert_eq!(of(media, b" \r\n\t"), None, "{media}");
        assert_eq!(of(media, b"\xef\xbb\xbf {"), Some(true), "{media}");
        assert_eq!(of(media, b"["), Some(true), "{media}");
        assert_eq!(of(media, b"\x89PNG{"), Some(false), "{media}");
    }
}
