//! URIs of MCP resources as records have them: without user information, values of queries and fragment, where secrets travel.
//! Names of query parameters stay.

use countersign_protocols::action::Action;

/// `name`, which `action` names, without these; none where it is told as it is.
pub(super) fn told(action: &Action, name: &str) -> Option<String> {
    if action.names_uris() { without_secrets(name) } else { None }
}

/// `uri` without these, if it has any; a template's expressions (RFC 6570) are no values.
fn without_secrets(uri: &str) -> Option<String> {
    let whole = uri;
    let (uri, _) = outside(uri, '#').unwrap_or((uri, ""));
    let (place, query) = outside(uri, '?').map_or((uri, None), |(place, query)| (place, Some(query)));
    let mut told = without_user(place);
    if let Some(query) = query {
        told.push('?');
        told.extend(query.split_inclusive(['&', ';']).map(parameter));
    }
    (told != whole).then_some(told)
}

/// A parameter and what ends it, without its value. What has no `=` may be a value as well as a name.
fn parameter(text: &str) -> String {
    let end = text.chars().last().filter(|last| ['&', ';'].contains(last)).map(String::from).unwrap_or_default();
    let name = text.split_once('=').map(|(name, _)| format!("{name}="));
    name.unwrap_or_default() + &end
}

/// `scheme://user@host/path` without its user.
fn without_user(place: &str) -> String {
    let Some((scheme, rest)) = place.split_once("://") else { return place.to_owned() };
    let end = rest.find(['/', '\\']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at_checked(end).unwrap_or((rest, ""));
    let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    format!("{scheme}://{host}{path}")
}

/// What is before and after the first `mark` that is in no expression of a template.
fn outside(text: &str, mark: char) -> Option<(&str, &str)> {
    let mut inside = false;
    for (at, character) in text.char_indices() {
        match character {
            '{' => inside = true,
            '}' => inside = false,
            _ if character == mark && !inside => {
                let (before, after) = text.split_at_checked(at)?;
                return Some((before, after.strip_prefix(mark)?));
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn names_of_parameters_stay_and_values_go() {
        for (uri, told) in [
            ("file:///invoices/1", None),
            ("https://api.test/v1/a%20b;v=1", None),
            ("urn:isbn:0451450523", None),
            ("file:///reports/{name}", None),
            ("https://api.test/search{?q,token}", None),
            ("https://api.test/a?token=", None),
            ("https://api.test/a?token=s3cr3t", Some("https://api.test/a?token=")),
            ("https://api.test/a?x=1&token=a=b;y=2", Some("https://api.test/a?x=&token=;y=")),
            ("https://api.test/a?x={x}&token=s3cr3t", Some("https://api.test/a?x=&token=")),
            ("https://api.test/a?s3cr3t", Some("https://api.test/a?")),
            ("https://api.test/a?s3cr3t&x=1", Some("https://api.test/a?&x=")),
            ("https://api.test/a#s3cr3t?x=1", Some("https://api.test/a")),
            ("https://me:s3cr3t@api.test:1/a@b", Some("https://api.test:1/a@b")),
            ("db://a@s3cr3t@api.test?x=s3cr3t#s3cr3t", Some("db://api.test?x=")),
            ("data:text/plain?x=s3cr3t", Some("data:text/plain?x=")),
        ] {
            assert_eq!(without_secrets(uri).as_deref(), told, "{uri}");
        }
    }
}
