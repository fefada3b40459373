//! Whoever reads, and of what parts texts are made that are hard to read.

use countersign_facts::digest::{self, SentDigest};
use countersign_facts::headers::{Headers, RequestHead};
use countersign_protocols::action::Listing;
use countersign_protocols::action::test_support::{resource, target, tool};
use countersign_protocols::action::{Action, a2a, grpc, http, mcp};
use countersign_protocols::bounds::text;
use countersign_protocols::catalogue::{Interface, PathMatch, Protocol, Resource};
use countersign_protocols::response::{Audience, Awaited, Element, Endings, Treatment, Unreadable, treatment};
use countersign_protocols::route::{self, Target};
use countersign_protocols::shape::{Effort, InputSchema};
use countersign_rights::hygiene;
use countersign_rights::task::{Circumstances, Grant, Grants, Object, TaskMapping, TaskSource, Template};
use countersign_rights::test_support::token;
use countersign_rights::workload::Owner;
use countersign_tokens::json::{self, Json, Limits, Numeral};
use countersign_tokens::{CompactJws, KeyFormat, KeySet, SpiffeId, UnixTime};
use serde_json::{Map, Value, json};

/// One reader.
pub(super) struct Reader {
    pub(super) name: &'static str,
    /// Bytes of a short text.
    pub(super) length: usize,
    parts: &'static [&'static str],
    read: fn(&str),
}

impl Reader {
    pub(super) const fn new(name: &'static str, length: usize, parts: &'static [&'static str], read: fn(&str)) -> Self {
        Self { name, length, parts, read }
    }

    pub(super) fn read(&self, text: &str) {
        (self.read)(text);
    }

    /// A text of about so many bytes.
    pub(super) fn text(&self, number: u64, length: usize) -> String {
        let [start, repeated, end] = self.pieces(number);
        let times = length.saturating_sub(start.len() + end.len()) / repeated.len().max(1);
        format!("{start}{}{end}", repeated.repeat(times.max(1)))
    }

    /// A text as people see what it is.
    pub(super) fn shown(&self, number: u64) -> String {
        let [start, repeated, end] = self.pieces(number);
        format!("{start:?} + {repeated:?} × n + {end:?}")
    }

    /// A beginning, what is repeated, an end: chosen by the text's number, the same every time.
    fn pieces(&self, number: u64) -> [String; 3] {
        // SplitMix64.
        let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let mut any = |most: u64| {
            state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (mixed ^ (mixed >> 31)) % most
        };
        let mut some = |least: u64, most: u64| {
            let times = least + any(most - least + 1);
            let part = |_| usize::try_from(any(self.parts.len() as u64)).ok().and_then(|at| self.parts.get(at));
            (0..times).filter_map(part).copied().collect::<String>()
        };
        [some(0, 2), some(1, 4), some(0, 2)]
    }
}

const ESCAPES: &[&str] = &["%25", "%", "25", "%2e", ".", "..", "/", "\\", "a", "%32", "%5c", "%00", "aa", "2"];
const PATTERN: &[&str] = &["*", "**", "**/", "/", "a", "aa", "?", "[a-b]", "{a,b}", "{,aa}", "b"];
const SIGNS: &[&str] = &["a", "b", "aa", "/", "ab", "a/", ".", "-"];
pub(super) const MEMBERS: &[&str] =
    &["{", "}", "[", "]", ",", ":", "\"a\"", "\"A\"", "1", "null", " ", "\"\\u0041\"", "[1]", "{}", "-"];
pub(super) const VALUES: &[&str] =
    &["\"a\",", "1,", "[],", "{},", "1.5,", "1e9,", "\"\\n\\u0041\",", "[[]],", "{\"a\":1},", "\"\u{17f}\",", "true,"];
const FIELDS: &[&str] = &["a=1&", "b=&", "=&", "a", "%41", "+", "&", ";", "%", "=", "b", "\u{e9}"];
const LINES: &[&str] =
    &["data: {\"a\":1}\n", "data:", "\n", "\r", "\r\n", ":c\n", "id: 1\n", "event: x\n", "{", "\"a\"", "[1,", "]", "x"];
const LISTED: &[&str] = &[
    "{\"name\":\"a\"},",
    "{\"name\":\"a\",\"inputSchema\":{\"format\":\"uri\"}},",
    "{\"annotations\":{\"readOnlyHint\":true}},",
    "{\"\u{17f}\":1},",
    ",",
    " ",
    "{",
    "}",
    "[",
    "{\"a\":[[[]]]},",
    "{\"name\":\"\\u0041\"},",
];
const URI: &[&str] =
    &["a", "/", "/a", "%C3%A9", ";", ".", "..", ":", "?", "{a}", "{", "}", "@", "\u{e9}", "e\u{301}", "-"];
const NAMES: &[&str] = &["x-a,", "mcp-param-a,", "mcp-param-b,", "X_A,", "x-envoy-a,", "a,", "accept,", "x-b,", ","];

/// Every reader of what comes unasked.
pub(super) const READERS: &[Reader] = &[
    Reader::new("prefix of a grant", 4096, ESCAPES, |text| {
        let _ = Object::parse("/data/*").map(|object| object.admits(&format!("/data/{text}")));
    }),
    Reader::new("glob of a token", 1024, PATTERN, |text| {
        argument(&json!({ "glob": text }), &"a/".repeat(text.len() / 2));
    }),
    Reader::new("glob, its text", 1024, SIGNS, |text| {
        for pattern in ["**/*a*a*a*b", "*a*a*a*a*a*a*a*b", "{a,aa,ab}{a,aa,ab}{a,aa}**/b", "**/a/**/a/**/b/**"] {
            argument(&json!({ "glob": pattern }), text);
        }
    }),
    Reader::new(
        "names of a path that is no endpoint",
        4096,
        &["{\"a\":", "[", "]", "}", "1 ", "a[b.c ", "=1&", "%25", "%u0061", "\"", "NaN,\"", "\\", "{}"],
        |text| {
            let (mut target, mut found) = (target("POST"), 0_usize);
            target.query = Some(text.to_owned());
            for media in ["application/json", "application/x-www-form-urlencoded"] {
                let _ = http::names(&target, &of_media(media), text.as_bytes(), &mut |_| found += 1);
            }
        },
    ),
    Reader::new("prefix of a token", 4096, ESCAPES, |text| argument(&json!({ "prefix": "" }), text)),
    Reader::new("domain of a token", 4096, &["a.", "https://", "a@", "/", ":", "1", "[", "]", ".", "a"], |text| {
        argument(&json!({ "domain": ["*.a.a"] }), text);
        argument(&json!({ "cidr": ["10.0.0.0/8"] }), text);
        let _ = text::is_domain(text);
    }),
    Reader::new("template of a token", 1024, &["{a}", "a", "aa", "-", "/", "{b}-", "b"], |text| {
        let template = Template::parse(&format!("x://{{a}}{text}"));
        let _ = template.map(|template| template.admits(&format!("x://{}", "a".repeat(text.len()))));
    }),
    Reader::new("template, its text", 1024, URI, |text| {
        let template = Template::parse("x://{a}a{b}aa{c}-{d}/{e}");
        let _ = template.map(|template| template.admits(&format!("x://{text}")));
    }),
    Reader::new("grants of a token", 2048, VALUES, |text| {
        let _ = task(TaskMapping::new(None, None, Some("/grants"), None, None).map(TaskSource::Claims).ok(), text);
    }),
    Reader::new("scope of a token", 2048, &["mcp:tool:a ", "http:GET:/a ", " ", "a", "mcp:", "*", ":"], |text| {
        let token = token(&json!({ "scope": text }));
        let _ = TaskSource::Claims(TaskMapping::default()).task(&token, &|| [0; 32], &[resource()], None);
    }),
    Reader::new("details of a token", 2048, &["\"mcp:tools/call\",", "\"a\","], |text| {
        let Ok(Value::Array(actions)) = serde_json::from_str(&format!("[{text}0]")) else { return };
        let actions: Vec<Value> = actions.into_iter().filter(Value::is_string).collect();
        let arguments: Map<String, Value> =
            (0..actions.len() / 64).map(|at| (format!("/{at}"), json!({ "max": 1 }))).collect();
        let detail = json!({ "type": "a", "actions": actions, "arguments": arguments });
        let token = token(&json!({ "authorization_details": [detail] }));
        let source = TaskSource::AuthorizationDetails { types: vec!["a".to_owned()] };
        let _ = source.task(&token, &|| [0; 32], &[resource()], None);
    }),
    Reader::new("capabilities of a token", 2048, &["{\"action\":\"payments.a\"},", "{},", "\"a\","], |text| {
        let capabilities: Value = serde_json::from_str(&format!("[{text}0]")).unwrap_or_default();
        let members = [
            ("aap_agent", json!({ "id": "a" })),
            ("aap_task", json!({ "id": "a", "purpose": "a" })),
            ("aap_capabilities", capabilities),
        ];
        let token = token(&members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect());
        let _ = TaskSource::Aap.task(&token, &|| [0; 32], &[resource()], None);
    }),
    Reader::new("JSON", 4096, MEMBERS, |text| drop(json::parse(text.as_bytes(), &Limits::DEFAULT))),
    Reader::new("JSON, an array", 4096, VALUES, |text| {
        let value = json::parse(format!("[{text}0]").as_bytes(), &Limits::DEFAULT);
        let _ = value.map(|value| digest::of_json(&value));
    }),
    Reader::new("JSON, a number", 4096, &["1", "0", "9", ".", "e", "-", "00", "123456789"], |text| {
        let _ = json::parse(text.as_bytes(), &Limits::DEFAULT);
    }),
    Reader::new(
        "JSON, numbers as written",
        4096,
        &["1e400,", "0.1,", "12345678901234567890123,", "1e-5,", "\"1\",", "-0,"],
        |text| {
            let value = json::exact(format!("[{text}0]").as_bytes(), &Limits::DEFAULT);
            let _ = value.map(|value| (SentDigest::of(&value), bounded(&json!({ "uniqueItems": true }), &value)));
        },
    ),
    Reader::new("a number as written", 4096, &["1", "0", "9", ".", "e", "-", "00", "5"], |text| {
        let Ok(number) = Numeral::parse(text) else { return };
        let value = Json::Number(number);
        for bound in [json!({ "minimum": 0.1 }), json!({ "multipleOf": 0.003 }), json!({ "enum": [1, 1e300] })] {
            bounded(&bound, &value);
        }
    }),
    Reader::new("text of a pattern", 2048, &["a", "b", "aa", "-", "é", " "], |text| {
        for pattern in ["(a+)+$", "^(a|aa)+$", "a.*b.*-", "^[^ ]{0,64} "] {
            bounded(&json!({ "pattern": pattern }), &text.into());
        }
    }),
    Reader::new("JSON, an object", 16 * 1024, &["\"a", "\"A", "\"\u{17f}", "b", "\":1,", "\":[],"], |text| {
        // Each member by its own name, so that none is refused for being there twice.
        let members: Map<String, Value> =
            text.split(',').enumerate().map(|(at, name)| (format!("{name}{at}"), Value::Null)).collect();
        let _ = mcp_call(&json!({ "name": "a", "arguments": members }).to_string());
    }),
    Reader::new("token", 1024, &["a", ".", "-", "eyJhbGciOiJFUzI1NiJ9", "e30", "_", "=", "é"], |text| {
        let _ = CompactJws::parse(text, usize::MAX);
    }),
    Reader::new("token, its claims", 2048, VALUES, |text| {
        let claims = digest::base64url(format!("{{\"aud\":[{text}\"a\"],\"scope\":\"a\"}}").as_bytes());
        let _ = CompactJws::parse(&format!("eyJhbGciOiJFUzI1NiJ9.{claims}.AAAA"), usize::MAX);
    }),
    Reader::new(
        "key set",
        8192,
        &["{\"kty\":\"EC\"},", "{},", "{\"kid\":\"a\"},", "[],", "{\"n\":\"AQAB\"},"],
        |text| {
            let set = format!("{{\"keys\":[{text}{{}}]}}");
            let _ = KeySet::read(set.as_bytes(), KeyFormat::Jwks);
            let _ = KeySet::read(set.as_bytes(), KeyFormat::SpiffeBundle);
        },
    ),
    Reader::new("SPIFFE ID", 240, &["a", "/", "/a", ".", "..", "%", "A", ":"], |text| {
        let _ = format!("spiffe://a/{text}").parse::<SpiffeId>();
    }),
    Reader::new("path", 1024, ESCAPES, |text| drop(route::check_head(&head(&format!("/{text}"), ""), &[]))),
    Reader::new("query", 1024, FIELDS, |text| {
        let _ = route::check_head(&head(&format!("/a?{text}"), ""), &[]);
        let _ = hygiene::has_secret(text);
    }),
    Reader::new("authority", 1024, &["a", ".", "a.", ":", "1", "[", "]", "@", "-"], |text| drop(route::host_of(text))),
    Reader::new("header fields", 2048, NAMES, |text| {
        let head = head("/mcp", text);
        let _ = route::check_head(&head, &["x-route".to_owned()]);
        let _ = mcp::read(&resource(), &target("POST"), &head.headers, Some(TOOL_CALL.as_bytes()));
        let _ = a2a::read(&agent(), &target("POST"), &head.headers, Some(b"{}"));
        let _ = treatment(&head.headers, false, &Awaited::Rest, LISTS);
    }),
    Reader::new("value of a field", 4096, &["a", ",", ";", "=", "\"", "\\", " ", "?=", "=?base64?", "YQ"], |text| {
        let fields = ["mcp-name", "mcp-method", "a2a-extensions", "content-type", "accept", "mcp-param-a"];
        for field in fields {
            let headers = json_headers().into_iter().chain([(field.to_owned(), text.as_bytes().to_vec())]);
            let headers = Headers::new(headers.collect());
            let _ = mcp::read(&resource(), &target("POST"), &headers, Some(TOOL_CALL.as_bytes()));
            let _ = a2a::read(&agent(), &target("POST"), &headers, Some(b"{}"));
        }
    }),
    Reader::new("MCP, arguments", 4096, VALUES, |text| {
        let _ = mcp_call(&format!("{{\"name\":\"a\",\"arguments\":{{\"a\":[{text}0]}}}}"));
    }),
    Reader::new("MCP, a URI", 256, URI, |text| {
        let read = |method: &str, params: Value| {
            let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params }).to_string();
            mcp::read(&resource(), &target("POST"), &Headers::new(json_headers()), Some(body.as_bytes()))
        };
        let _ = read("resources/read", json!({ "uri": format!("x://{text}") }));
        let reference = json!({ "type": "ref/resource", "uri": format!("x://{text}") });
        let _ = read("completion/complete", json!({ "ref": reference, "argument": {} }));
    }),
    Reader::new("MCP, a subscription", 2048, &["\"x://a\",", "\"x://b/%C3%A9\",", "\"a\","], |text| {
        let filter: Value = serde_json::from_str(&format!("[{text}\"x://a\"]")).unwrap_or_default();
        let params = json!({ "notifications": { "resourceSubscriptions": filter } });
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "subscriptions/listen", "params": params }).to_string();
        let headers = Headers::new(json_headers());
        let action = mcp::read(&resource(), &target("POST"), &headers, Some(body.as_bytes()));
        let _ = action.map(|action| action.parts().len());
    }),
    Reader::new("A2A", 4096, VALUES, |text| {
        let params = format!("{{\"message\":{{\"taskId\":\"a\",\"parts\":[{text}0]}},\"x\":[{text}0]}}");
        let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"SendMessage\",\"params\":{params}}}");
        let _ = a2a::read(&agent(), &at("POST", "/a2a"), &Headers::new(json_headers()), Some(body.as_bytes()));
    }),
    Reader::new("A2A, a path", 1024, &["/", "tasks", "/tasks/a", ":cancel", ":", "v1", "%41", "a"], |text| {
        let _ = a2a::read(&agent(), &at("GET", &format!("/a2a/{text}")), &Headers::default(), None);
    }),
    Reader::new("gRPC, a path", 1024, &["a", ".", "/", "_", "%"], |text| {
        let service = Resource { protocol: Protocol::Grpc, ..resource() };
        let headers = [("content-type".to_owned(), b"application/grpc".to_vec())];
        let _ = grpc::read(&service, &at("POST", &format!("/{text}")), &headers.into_iter().collect(), None);
    }),
    Reader::new("HTTP, a path", 1024, &["/", "a", "/a", "%C3%A9", "A", "\u{17f}"], |text| {
        let _ = endpoint(&at("GET", &format!("/accounts/{text}")), &[]);
    }),
    Reader::new("HTTP, a query", 1024, FIELDS, |text| {
        let _ = endpoint(&Target { query: Some(text.to_owned()), ..at("GET", "/accounts/a") }, &[]);
    }),
    Reader::new("HTTP, a form", 4096, FIELDS, |text| {
        let numbered = text.split('&').enumerate().map(|(at, field)| format!("f{at}{field}"));
        let form = numbered.collect::<Vec<_>>().join("&");
        let _ = endpoint(&at("POST", "/accounts/a"), form.as_bytes());
    }),
    Reader::new("list as JSON", 4096, LISTED, |text| {
        answer("application/json", &format!("{{\"result\":{{\"tools\":[{text}{{}}]}}}}"));
    }),
    Reader::new("list as an event stream", 4096, LINES, |text| answer("text/event-stream", text)),
    Reader::new("list in an event", 4096, LISTED, |text| {
        answer("text/event-stream", &format!("data: {{\"result\":{{\"tools\":[{text}{{}}]}}}}\n\n"));
    }),
    Reader::new("end of a task", 4096, MEMBERS, |text| {
        for (media, text) in [
            ("application/json", format!("{{\"result\":{{\"status\":[{text}]}},\"task\":{{\"id\":\"{text}\"}}}}")),
            ("text/event-stream", format!("data: {{\"task\":{{\"a\":[{text}]}}}}\n\n")),
        ] {
            let Some(mut endings) = Endings::of(&of_media(media)) else { continue };
            text.as_bytes().chunks(7).for_each(|chunk| drop(endings.push(chunk)));
        }
    }),
    Reader::new(
        "head of an answer",
        4096,
        &["text/event-stream", "application/json", ";", " ", "=", "\"", "charset=", ",", "utf-8"],
        |text| {
            for name in ["content-type", "content-encoding", "mcp-session-id"] {
                let fields = [(":status", "200"), ("content-type", "application/json"), (name, text)];
                let fields = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
                let headers = fields.into_iter().collect();
                let _ = treatment(&headers, false, &Awaited::Rest, LISTS);
                let _ = Endings::of(&headers);
            }
        },
    ),
    Reader::new(
        "form by its media type",
        4096,
        &["multipart/", "form-data", ";", " ", "boundary=", "\"", "a", ",", "\t"],
        |text| {
            let _ = http::form(&of_media(text));
        },
    ),
    Reader::new("origin", 4096, &["https://", "a.test", ":", "1", "/", "[", "]", "@", ".", "\u{e9}"], |text| {
        let fields = [("origin", text), (":scheme", "https")];
        let headers = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).into_iter().collect();
        let _ = route::check_origin(&resource(), &target("POST"), &headers);
    }),
    Reader::new("place of a tunnel", 1024, &["a", ".", "a.", ":", "1", "443", "[", "]", "::", "%", "@"], |text| {
        let fields = [(":method", "CONNECT"), (":authority", text)];
        let headers = fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).into_iter().collect();
        let _ = route::check_head(&RequestHead { headers, ..RequestHead::default() }, &[]);
    }),
    Reader::new("address of a peer", 1024, &["1", ".", ":", "127.0.0.1", "::", "[", "]", "%", "f"], |text| {
        let _ = Owner::at(Some(text));
        let _ = route::address(text);
    }),
    Reader::new("certificate in a field", 2048, &["Hash=", "URI=", ";", ",", "\"", "\\", "a", "="], |text| {
        let headers = [("x-forwarded-client-cert".to_owned(), text.as_bytes().to_vec())].into_iter().collect();
        let _ = countersign_trust::possession::xfcc::peer(&headers);
    }),
];

const TOOL_CALL: &str = r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"a","arguments":{"a":"a"}}}"#;

/// A call of `fetch` with `argument`, judged by a grant that demands `constraint` of it.
fn argument(constraint: &Value, argument: &str) {
    let grant = json!({
        "action": "mcp:tools/call", "resource": "payments", "object": "fetch", "arguments": { "/a": constraint },
    });
    let grants = Grant::parse(&grant).map(|grant| Grants::from(vec![grant]));
    let call = mcp_call(&json!({ "name": "fetch", "arguments": { "a": argument } }).to_string());
    if let (Ok(grants), Some(call)) = (grants, call) {
        let circumstances = Circumstances { now: UnixTime::from_secs(0), source: None, depth: 0 };
        let _ = grants.cover(&call, &circumstances);
    }
}

fn mcp_call(params: &str) -> Option<Action> {
    let body = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{params}}}");
    mcp::read(&resource(), &target("POST"), &Headers::new(json_headers()), Some(body.as_bytes())).ok()
}

fn json_headers() -> Vec<(String, Vec<u8>)> {
    vec![("content-type".to_owned(), b"application/json".to_vec())]
}

/// The task of a token whose claim `grants` has these values.
fn task(source: Option<TaskSource>, values: &str) -> Option<()> {
    let grants: Value = serde_json::from_str(&format!("[{values}0]")).ok()?;
    let token = token(&json!({ "grants": grants }));
    source?.task(&token, &|| [0; 32], &[resource()], None).ok().map(drop)
}

/// `POST` of `path`, with fields of the names in `names`.
fn head(path: &str, names: &str) -> RequestHead {
    let own = [(":method", "POST"), (":path", path), (":authority", "a.test"), ("content-type", "application/json")];
    let own = own.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
    // By their own names, so that none is refused for being there twice.
    let others = names.split(',').enumerate().map(|(at, name)| (format!("{name}{at}"), b"a".to_vec()));
    RequestHead { headers: own.into_iter().chain(others).collect(), ..RequestHead::default() }
}

fn agent() -> Resource {
    let mut agent = Resource { protocol: Protocol::A2a, ..resource() };
    agent.matching.path = PathMatch::Below("/a2a".to_owned());
    agent
}

fn at(method: &str, path: &str) -> Target {
    Target { path: path.to_owned(), target: path.to_owned(), query: None, ..target(method) }
}

/// A request of an API with endpoints that have parameters, and its arguments.
fn endpoint(target: &Target, form: &[u8]) -> Option<Action> {
    let mut api = Resource { protocol: Protocol::Http, ..resource() };
    let declared = |name: &str, method: &str, path: &str, body| {
        let path = countersign_protocols::catalogue::Template::parse(path).ok()?;
        Some(countersign_protocols::catalogue::Endpoint {
            name: name.to_owned(),
            method: method.to_owned(),
            path,
            body,
        })
    };
    let (none, form_body) =
        (countersign_protocols::catalogue::BodyKind::None, countersign_protocols::catalogue::BodyKind::Form);
    api.interface = Interface {
        endpoints: [
            declared("get", "GET", "/accounts/{id}", none),
            declared("pay", "POST", "/accounts/{id}", form_body),
        ]
        .into_iter()
        .flatten()
        .collect(),
        ..Interface::default()
    };
    api.tools.insert("get".to_owned(), tool("get", Some(json!({ "properties": { "a": { "type": "integer" } } }))));
    let action = http::read(&api, target, Some(form)).ok()?;
    http::with_arguments(action, &api, target, &of_media("application/x-www-form-urlencoded"), form).ok()
}

fn of_media(media: &str) -> Headers {
    let fields = [(":status", "200"), ("content-type", media)];
    fields.map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec())).into_iter().collect()
}

/// What the lists of answers are of.
const LISTS: &[Listing] = &[Listing::Tools];

/// What becomes of an answer that is a list and of one that is not, in pieces.
/// Holds `value` to the bounds of a schema.
fn bounded(schema: &Value, value: &Json) {
    let schema = InputSchema::from(json!({ "type": "object", "properties": { "p": schema } }));
    let _ = schema
        .types()
        .map(|record| record.member("p").map(|property| property.limits.broken(value, &Effort::default()).is_some()));
}

fn answer(media: &str, text: &str) {
    for (lists, piece) in [(LISTS, 1), (LISTS, 100), (LISTS, usize::MAX), (&[], 100)] {
        let Treatment::Read(mut content, _) = treatment(&of_media(media), false, &Awaited::Rest, lists) else { return };
        let _ =
            text.as_bytes().chunks(piece).try_for_each(|chunk| content.push(chunk, false, &mut Everybody).map(drop));
    }
}

/// Sees whatever can be read.
struct Everybody;

impl Audience for Everybody {
    fn sees(&mut self, _: Listing, element: &Element) -> Result<bool, Unreadable> {
        element.hints(true)?;
        Ok(element.name.as_deref().is_some_and(|name| Listing::Tools.can_name(name)))
    }
}
