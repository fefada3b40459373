//! Endpoints that say nothing of a body, though requests of their method mostly have one: each of those is refused.

use serde_json::Value;

use super::Finding;

/// Methods whose requests mostly have a body (RFC 9110 §9.3, RFC 5789).
const METHODS: [&str; 3] = ["POST", "PUT", "PATCH"];

/// A warning for each such endpoint in `document`, a configuration that can be loaded.
pub(super) fn unsaid(document: &Value) -> Vec<Finding> {
    let mut warnings = Vec::new();
    for (at, resource) in list(document, "resources") {
        for (number, endpoint) in list(resource, "endpoints") {
            let method = endpoint.get("method").and_then(Value::as_str).unwrap_or_default();
            if METHODS.contains(&method) && endpoint.get("body").is_none() {
                let cause = format!("without `body` a {method} that has one is refused: 400 `unread_body`");
                let remedy = "write `body: json` or `body: form` to have it read, `body: unread` to let it pass as it comes, or \
                              `body: none` if there is none";
                let pointer = format!("/resources/{at}/endpoints/{number}");
                warnings.push(Finding { remedy: Some(remedy.to_owned()), ..Finding::at(pointer, cause) });
            }
        }
    }
    warnings
}

fn list<'v>(value: &'v Value, name: &str) -> impl Iterator<Item = (usize, &'v Value)> {
    value.get(name).and_then(Value::as_array).into_iter().flatten().enumerate()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_endpoint_says_whether_there_is_a_body() {
        let endpoint = |method: &str, body: Option<&str>| {
            let endpoint = match body {
                Some(body) => json!({ "name": "a", "method": method, "path": "/a", "body": body }),
                None => json!({ "name": "a", "method": method, "path": "/a" }),
            };
            unsaid(&json!({ "resources": [{ "name": "x" }, { "endpoints": [{ "method": "GET" }, endpoint] }] }))
        };
        for method in METHODS {
            let told: Vec<String> = endpoint(method, None).into_iter().map(|warning| warning.pointer).collect();
            assert_eq!(told, ["/resources/1/endpoints/1"], "{method}");
            for body in ["none", "json", "form", "unread"] {
                assert_eq!(endpoint(method, Some(body)), [], "{method} {body}");
            }
        }
        for method in ["GET", "HEAD", "DELETE", "OPTIONS"] {
            assert_eq!(endpoint(method, None), [], "{method}");
        }
    }
}
