//! The authority of a URI, as far as patterns must know it.
//!
//! A pattern that ends inside an authority goes on as another one: `https://api.example*` would cover
//! `https://api.example.evil.test`, and `https://api.example@evil.test` too. What it looks like it covers, and what it does, are two things.

/// Whether what begins with `start` may have another authority than `start` shows.
pub fn ends_inside(start: &str) -> bool {
    authority(start).is_some_and(|(authority, after)| !authority.is_empty() && after.is_empty())
}

/// Whether the authority of `template` ends with a variable that is not all of it.
pub fn ends_with_variable(template: &str) -> bool {
    authority(template).is_some_and(|(authority, _)| authority.ends_with('}') && authority.rfind('{') != Some(0))
}

/// Whether `uri` has user information: it is there for secrets, and for eyes that take it for the host.
pub fn has_user(uri: &str) -> bool {
    authority(uri).is_some_and(|(authority, _)| authority.contains('@'))
}

/// What is between the `//` of a URI, or of a reference without its scheme, and the next `/`, `?` or `#` (RFC 3986 §3.2); and what
/// follows it.
fn authority(text: &str) -> Option<(&str, &str)> {
    let (schemes, rest) = text.split_once("//")?;
    let is_scheme = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.:".contains(&byte);
    let is_scheme = schemes.is_empty() || (schemes.ends_with(':') && schemes.bytes().all(is_scheme));
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    rest.split_at_checked(end).filter(|_| is_scheme)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_authority_ends_where_everybody_ends_it() {
        for (start, expected) in [
            ("s3://My-Bu", true),
            ("https://api.example", true),
            ("https://api.example.com", true),
            ("https://api.example.com:44", true),
            ("https://user@", true),
            ("HTTPS://API.example", true),
            ("//api.example", true),
            ("jdbc:postgresql://db.example", true),
            ("s3://My-Bucket/", false),
            ("s3://My-Bucket/ke", false),
            ("https://api.example.com?q=", false),
            ("https://", false),
            ("file:///data/re", false),
            ("jira:", false),
            ("urn:isbn:04", false),
            ("/data//re", false),
            ("see https://api.example", false),
            ("", false),
        ] {
            assert_eq!(ends_inside(start), expected, "{start}");
        }
    }

    #[test]
    fn a_variable_may_be_an_authority_or_begin_one() {
        for (template, expected) in [
            ("s3://My-{rest}", true),
            ("https://api.{domain}/a", true),
            ("https://{a}.{b}/c", true),
            ("https://api.example.com:{port}", true),
            ("greeting://{name}", false),
            ("db://{host}/t", false),
            ("https://{tenant}.example.com/a", false),
            ("s3://My-Bucket/{key}", false),
            ("urn:isbn:{isbn}", false),
        ] {
            assert_eq!(ends_with_variable(template), expected, "{template}");
        }
    }

    #[test]
    fn user_information_is_in_the_authority() {
        for (uri, expected) in [
            ("https://user@example.com/", true),
            ("postgres://app:pw@db", true),
            ("jdbc:postgresql://app@db/t", true),
            ("mailto:erin@example.com", false),
            ("x://a/b@c", false),
            ("x://a?b@c", false),
        ] {
            assert_eq!(has_user(uri), expected, "{uri}");
        }
    }
}
