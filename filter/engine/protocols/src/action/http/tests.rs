//! Endpoints: which a request is, and what of it is read.

use serde_json::json;

use super::*;
use crate::action::test_support::{resource, target, tool};
use crate::catalogue::{BodyKind, Endpoint};
use crate::catalogue::{Interface, PathMatch, Protocol, Template};
use countersign_tokens::json::Json;

fn api() -> Result<Resource, &'static str> {
    let endpoint = |name: &str, method: &str, path: &str, body| {
        Ok::<_, &'static str>(Endpoint {
            name: name.to_owned(),
            method: method.to_owned(),
            path: Template::parse(path)?,
            body,
        })
    };
    let endpoints = vec![
        endpoint("transfer", "POST", "/accounts/{id}/transfers", BodyKind::Json)?,
        endpoint("read", "GET", "/accounts/{id}", BodyKind::None)?,
    ];
    let mut api = resource();
    api.protocol = Protocol::Http;
    api.matching.path = PathMatch::Below(String::new());
    api.interface = Interface { endpoints, ..Interface::default() };
    let schema = json!({ "type": "object", "properties": { "id": { "type": "integer" } } });
    api.tools.insert("transfer".to_owned(), tool("transfer", Some(schema)));
    Ok(api)
}

fn at(method: &str, path: &str, query: Option<&str>) -> Target {
    let query = query.map(str::to_owned);
    Target { method: method.to_owned(), path: path.to_owned(), query, target: path.to_owned(), ..target(method) }
}

#[test]
fn an_endpoint_has_arguments_only_when_they_are_read() -> Result<(), &'static str> {
    let api = api()?;
    let headers: Headers = [("content-type".to_owned(), b"application/json".to_vec())].into_iter().collect();
    let target = at("POST", "/accounts/7/transfers", Some("dry_run=1"));
    let body = br#"{"amount": 5}"#;
    let action = read(&api, &target, Some(body)).map_err(|_| "refused")?;
    assert_eq!((action.name().as_str(), action.object()), ("http:POST", Some("transfer")));
    assert_eq!((action.other_object(), action.tool()), (Some("/accounts/7/transfers"), Some("transfer")));
    assert_eq!((action.arguments(), action.arguments_digest()), (None, None));
    let action = with_arguments(action, &api, &target, &headers, body).map_err(|_| "refused")?;
    let expected = json!({ "id": 7, "dry_run": "1", "amount": 5 });
    assert_eq!(action.arguments().cloned().map(|arguments| Json::from(arguments).shown()), Some(expected.clone()));
    assert_eq!(action.arguments_digest().copied(), Some(SentDigest::of(&expected.into())));
    Ok(())
}

#[test]
fn what_is_no_endpoint_is_method_and_path() -> Result<(), &'static str> {
    let mut api = api()?;
    for (method, path) in [("DELETE", "/accounts/7"), ("GET", "/accounts"), ("GET", "/accounts/7/transfers")] {
        let action = read(&api, &at(method, path, None), None).map_err(|_| "refused")?;
        assert_eq!(action.operation, Operation::Http { method: method.to_owned(), path: path.to_owned() });
        let same = with_arguments(action.clone(), &api, &at(method, path, None), &Headers::default(), b"x");
        assert_eq!(same, Ok(action));
    }
    assert_eq!(read(&api, &at("GET", "/accounts/7/", None), None), Err(Reason::NearMiss));
    api.matching.exact = true;
    assert!(read(&api, &at("GET", "/accounts/7/", None), None).is_ok());
    Ok(())
}

#[test]
fn a_tunnel_is_asked_of_whom_it_is_offered_by() -> Result<(), &'static str> {
    let mut api = api()?;
    assert_eq!(read(&api, &at("CONNECT", "", None), None), Err(Reason::MethodNotAllowed));
    api.interface.connect = true;
    assert_eq!(read(&api, &at("CONNECT", "", None), None).map(|action| action.name()), Ok("http:CONNECT".to_owned()));
    Ok(())
}

#[test]
fn known_methods_are_read() {
    for method in METHODS.map(|method| method.name).into_iter().filter(|method| *method != "CONNECT") {
        let action = read(&resource(), &target(method), Some(b"x"));
        let action = action.map(|action| (action.name(), action.object().map(str::to_owned), action.body_digest));
        let expected = (format!("http:{method}"), Some("/mcp".to_owned()), Some(digest::of_bytes(b"x")));
        assert_eq!(action, Ok(expected));
    }
}

#[test]
fn other_methods_are_refused() {
    for method in ["get", "TRACE", "CONNECT", "PROPFIND", "POST ", ""] {
        assert_eq!(read(&resource(), &target(method), None), Err(Reason::MethodNotAllowed), "{method}");
    }
}

#[test]
fn a_body_that_was_not_held_has_no_digest() {
    assert_eq!(read(&resource(), &target("PUT"), None).map(|action| action.body_digest), Ok(None));
}
