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
    let mut found = |name: &str| carries |= countersign_facts::fold::is_same(name, "url");
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
        "%u0075rl=1",
        "a%=%u&u%u0072%6C[]=1",
        "a=%zz&url=1",
        "\u{ff}=1&url=1",
    ] {
        assert_eq!(carries(query, JSON, b""), Ok(true), "{query}");
        assert_eq!(carries("", FORM, query.as_bytes()), Ok(true), "{query}");
    }
    for query in [
        "",
        "curl=1",
        "a=url",
        "a=1&b=url=2",
        "a[url]=1",
        "uri=1",
        "u.rl=1",
        "url_x=1",
        "a.url=1",
        "%u00rl=1",
        "a=%u0075rl",
    ] {
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
    // Where not all of it must be JSON, it is read as far as somebody else could.
    for body in [
        r#"{"url":1,}"#,
        r#"{"a":NaN,"url":1}"#,
        r#"{"a":{"b":[Infinity]}, "\u0075rl" :1}"#,
        r#"{"a":-Infinity}{"url":1}"#,
        r#"{"a":"\"}",/* "}*/"URL":1}"#,
        "{'a':1, // it's\n 'url':1}",
        "{ur: {}, url /**/ :1}",
        r#"{/**/"url":1}"#,
        r#"[NaN,{"url":1}]"#,
    ] {
        assert_eq!(carries("", "text/plain", body.as_bytes()), Ok(true), "{body}");
    }
    for body in [
        r#"{"a":NaN,"b":{"url":1}}"#,
        r#"{"a":NaN,"b":"url"}"#,
        r#"{"a":NaN,"b":"\"url\":1"}"#,
        r#"{"a":NaN,"url"#,
        "{a:'url:'}",
        "[a] url: 1",
    ] {
        assert_eq!(carries("", "text/plain", body.as_bytes()), Ok(false), "{body}");
    }
    for body in [&b"[core]\nurl = x"[..], b"{{url}}", b"url: x", b"\x00\x01"] {
        assert_eq!(carries("", "text/plain", body), Ok(false), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn a_member_is_found_in_every_encoding_that_some_server_knows_by_itself() {
    let pairs = |text: &str, bytes: fn(u16) -> [u8; 2]| text.encode_utf16().flat_map(bytes).collect::<Vec<_>>();
    let wide = |text: &str, bytes: fn(u32) -> [u8; 4]| text.chars().map(u32::from).flat_map(bytes).collect::<Vec<_>>();
    for (text, expected) in [(r#"{"url":1}"#, true), (" \n[{\"ü\":1,\"url\":NaN}]", true), (r#"{"uri":"url"}"#, false)]
    {
        for text in [text.to_owned(), format!("\u{feff}{text}")] {
            for body in [
                pairs(&text, u16::to_le_bytes),
                pairs(&text, u16::to_be_bytes),
                wide(&text, u32::to_le_bytes),
                wide(&text, u32::to_be_bytes),
            ] {
                let headers = headers(&[("content-type", "text/plain")]);
                assert_eq!(may_name(&headers, first(&body)), Some(true), "{body:?}");
                assert_eq!(carries("", "text/plain", &body), Ok(expected), "{body:?}");
            }
        }
    }
}

#[test]
fn what_says_that_it_is_in_letters_of_another_kind_is_refused() {
    for charset in ["utf-8", "\"UTF-8\"", "us-ascii", "ISO-8859-1", "utf-8; x=y"] {
        assert_eq!(carries("", &format!("{JSON}; charset={charset}"), br#"{"url":1}"#), Ok(true), "{charset}");
        assert_eq!(carries("", &format!("{FORM};charset={charset}"), b"uri=1"), Ok(false), "{charset}");
    }
    for charset in
        ["utf-7", "\"utf-7\"", "utf-16", "ibm037", "utf-8;charset=utf-7", "utf-8,charset=utf-7", " = utf-7", ""]
    {
        for (media, body) in [(JSON, &br#"{"+AHU-rl":1}"#[..]), (FORM, b"%A4%99%93=1")] {
            assert_eq!(carries("", &format!("{media}; charset={charset}"), body), Err(Reason::MediaType), "{charset}");
        }
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
        for other in [&b"\x89PNG{"[..], b"\xff\xd8\xff{", b"\0\0\0 ftypisom{", &[0; 512]] {
            assert_eq!(of(media, other), Some(false), "{media} {other:?}");
        }
    }
}
