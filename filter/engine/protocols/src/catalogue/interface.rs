//! What an HTTP API or a gRPC service declares of itself: which requests are which endpoint, and where arguments are.
//!
//! Templates are matched segment by segment on what a segment says after decoding, so that an escape that was not needed
//! leads to the same endpoint. What a lenient server would take for a declared endpoint (another case, a trailing slash, …)
//! is found to be so, and never taken for something else. Whether a request may be made is not decided here.

use std::collections::BTreeMap;
use std::fmt;

use countersign_facts::fold::fold;
use percent_encoding::percent_decode_str;

use super::nearly::folded;

/// What is declared of a resource beyond its tools.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Of an HTTP API. Each is a tool of the resource, too, under the same name.
    pub endpoints: Vec<Endpoint>,
    /// Of a gRPC service: by method, the metadata that is its arguments.
    pub metadata: BTreeMap<String, Vec<String>>,
    /// Whether what is not declared is denied.
    pub closed: bool,
    /// Whether it can be asked for a tunnel (`CONNECT`).
    pub connect: bool,
    /// Whether it is the way out: clients name it as their proxy, and what goes out is for somebody else.
    pub egress: bool,
    /// Of an A2A agent.
    pub card: Card,
    /// Media types of forms that pass unread where nothing reads them: `multipart/*` is every one of these.
    pub unread_forms: Vec<String>,
}

/// Who sees an agent's card.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Card {
    /// Whoever policy lets.
    #[default]
    Decided,
    /// Whoever asks, without a credential (A2A 1.0 §8.2).
    Public,
}

/// One endpoint of an HTTP API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    pub name: String,
    /// One of HTTP's [methods](crate::catalogue::Protocol::methods).
    pub method: String,
    pub path: Template,
    pub body: BodyKind,
}

impl Endpoint {
    /// Whether every argument is in the head.
    pub fn is_read_at_head(&self) -> bool {
        match self.body {
            BodyKind::None | BodyKind::Unread => true,
            BodyKind::Json | BodyKind::Form => false,
        }
    }
}

/// What of a body is arguments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyKind {
    /// Nothing, and there may be none.
    None,
    /// Nothing: it is never read, whatever it is.
    Unread,
    /// The members of a JSON object.
    Json,
    /// The fields of a form (`application/x-www-form-urlencoded`).
    Form,
}

/// A path with parameters: `/accounts/{id}/transfers`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Template(Vec<Segment>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Segment {
    /// This text, decoded.
    Literal(String),
    /// Any one segment that is not empty.
    Parameter(String),
}

/// How two templates share paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Overlap {
    /// No path is of both.
    None,
    /// One of them says more, and wins where both match.
    Specific,
    /// Neither says more.
    Ambiguous,
}

/// What a request is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found<'e> {
    /// This endpoint, with its path parameters.
    Endpoint(&'e Endpoint, Vec<(&'e str, String)>),
    /// Nothing that is declared.
    Undeclared,
    /// Nothing that is declared; to a lenient server, this endpoint.
    Nearly(&'e Endpoint),
}

impl Interface {
    /// The endpoint of `method` on `path` (as received, unambiguous, without query).
    ///
    /// `HEAD` is the endpoint of `GET` where it is not declared itself: servers run the one for the other (RFC 9110 §9.3.2).
    pub fn find(&self, method: &str, path: &str) -> Found<'_> {
        if self.endpoints.is_empty() {
            return Found::Undeclared;
        }
        let segments = split(path);
        let nearly: Vec<String> = split(path.trim_end_matches('/')).iter().map(|segment| folded(segment)).collect();
        for method in [Some(method), (method == "HEAD").then_some("GET")].into_iter().flatten() {
            let declared = || self.endpoints.iter().filter(|endpoint| endpoint.method == method);
            // Of two that match, one says more in every place, by construction of the catalogue.
            let matching = declared().filter(|endpoint| endpoint.path.matches(&segments));
            if let Some(endpoint) = matching.max_by_key(|endpoint| endpoint.path.literals()) {
                return Found::Endpoint(endpoint, endpoint.path.parameters(&segments));
            }
            if let Some(endpoint) = declared().find(|endpoint| endpoint.path.nearly_matches(&nearly)) {
                return Found::Nearly(endpoint);
            }
        }
        Found::Undeclared
    }

    /// The endpoint called `name`.
    pub fn endpoint(&self, name: &str) -> Option<&Endpoint> {
        self.endpoints.iter().find(|endpoint| endpoint.name == name)
    }
}

impl Template {
    /// `/accounts/{id}/transfers`; the error says what is wrong. Whether literals are normalised is not looked at.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let rest = text.strip_prefix('/').ok_or("does not start with `/`")?;
        let mut segments = Vec::new();
        for segment in rest.split('/') {
            let parameter = segment.strip_prefix('{').and_then(|segment| segment.strip_suffix('}'));
            segments.push(match parameter {
                Some(name) if is_name(name) => Segment::Parameter(name.to_owned()),
                None if !segment.contains(['{', '}', '*']) => Segment::Literal(decoded(segment)),
                Some(_) | None => return Err("has a segment that is neither text nor a `{parameter}`"),
            });
        }
        let template = Self(segments);
        let mut names: Vec<&str> = template.names().collect();
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        if names.len() == all { Ok(template) } else { Err("has the same parameter twice") }
    }

    /// The names of the parameters, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|segment| match segment {
            Segment::Parameter(name) => Some(name.as_str()),
            Segment::Literal(_) => None,
        })
    }

    /// `path`, as received, which is one of this template's, with `other` in place of each parameter that `is_hidden`.
    pub fn veiled(&self, path: &str, is_hidden: &dyn Fn(&str) -> bool, other: &str) -> String {
        let segments = path.strip_prefix('/').unwrap_or(path).split('/').zip(&self.0);
        let shown = segments.map(|(written, segment)| match segment {
            Segment::Parameter(name) if is_hidden(name) => other,
            Segment::Parameter(_) | Segment::Literal(_) => written,
        });
        format!("/{}", shown.collect::<Vec<_>>().join("/"))
    }

    /// How `self` and `other` share paths, also in the eyes of a server that does not mind case.
    pub fn overlap(&self, other: &Self) -> Overlap {
        if self.0.len() != other.0.len() {
            return Overlap::None;
        }
        let (mut more, mut less) = (false, false);
        for pair in self.0.iter().zip(&other.0) {
            match pair {
                (Segment::Literal(one), Segment::Literal(other)) if fold(one) != fold(other) => return Overlap::None,
                (Segment::Literal(_), Segment::Literal(_)) | (Segment::Parameter(_), Segment::Parameter(_)) => {}
                (Segment::Literal(_), Segment::Parameter(_)) => more = true,
                (Segment::Parameter(_), Segment::Literal(_)) => less = true,
            }
        }
        if more == less { Overlap::Ambiguous } else { Overlap::Specific }
    }

    fn matches(&self, segments: &[String]) -> bool {
        self.0.len() == segments.len()
            && self.0.iter().zip(segments).all(|(segment, text)| match segment {
                Segment::Literal(literal) => literal == text,
                Segment::Parameter(_) => !text.is_empty(),
            })
    }

    /// `segments` are folded and without a trailing slash.
    fn nearly_matches(&self, segments: &[String]) -> bool {
        let own = match self.0.as_slice() {
            [own @ .., Segment::Literal(last)] if last.is_empty() => own,
            own => own,
        };
        own.len() == segments.len()
            && own.iter().zip(segments).all(|(segment, text)| match segment {
                Segment::Literal(literal) => folded(literal) == *text,
                Segment::Parameter(_) => !text.is_empty(),
            })
    }

    fn literals(&self) -> usize {
        self.0.len() - self.names().count()
    }

    fn parameters(&self, segments: &[String]) -> Vec<(&str, String)> {
        self.0
            .iter()
            .zip(segments)
            .filter_map(|(segment, text)| match segment {
                Segment::Parameter(name) => Some((name.as_str(), text.clone())),
                Segment::Literal(_) => None,
            })
            .collect()
    }
}

impl fmt::Display for Template {
    /// As it is written, decoded.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|segment| match segment {
            Segment::Literal(text) => write!(formatter, "/{text}"),
            Segment::Parameter(name) => write!(formatter, "/{{{name}}}"),
        })
    }
}

fn split(path: &str) -> Vec<String> {
    path.strip_prefix('/').unwrap_or(path).split('/').map(decoded).collect()
}

/// Paths with escapes that are not UTF-8 are refused before.
fn decoded(segment: &str) -> String {
    percent_decode_str(segment).decode_utf8_lossy().into_owned()
}

fn is_name(name: &str) -> bool {
    name.len() <= 64
        && name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
}

#[cfg(test)]
mod tests;
