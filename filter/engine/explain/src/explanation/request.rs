//! The request as a gateway hands it over.

use countersign_facts::headers::{Headers, RequestHead};
use http::{HeaderName, HeaderValue, Method};

use super::{Asked, ExplainError};

/// One request, credential included. Its `Debug` would say that, so there is none.
pub(super) struct Request {
    pub(super) head: RequestHead,
    pub(super) body: Option<Vec<u8>>,
    /// Method and address, without the query: secrets end up there.
    pub(super) shown: String,
}

impl Request {
    /// What is `asked`, with the `credential`'s field.
    pub(super) fn of(asked: &Asked, credential: Option<&(String, String)>) -> Result<Self, ExplainError> {
        let body = asked.body.clone();
        let method = asked.method.clone().unwrap_or(if body.is_some() { Method::POST } else { Method::GET });
        let url = &asked.url;
        let (Some(scheme), Some(authority)) = (url.scheme_str(), url.authority()) else {
            return Err(ExplainError::NoAuthority);
        };
        let target = url.path_and_query().map_or("/", |target| target.as_str());
        let mut fields = vec![(":method", method.as_str()), (":scheme", scheme), (":authority", authority.as_str())];
        if method != Method::CONNECT {
            fields.push((":path", target));
        }
        if body.is_some() && !asked.headers.iter().any(|(name, _)| *name == http::header::CONTENT_TYPE) {
            fields.push(("content-type", "application/json"));
        }
        let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value.as_bytes().to_vec()));
        let given = |(name, value): &(HeaderName, HeaderValue)| (name.as_str().to_owned(), value.as_bytes().to_vec());
        let credential = credential.map(|(name, value)| (name.clone(), value.clone().into_bytes()));
        let headers: Headers = fields.chain(asked.headers.iter().map(given)).chain(credential).collect();
        let (source, route) = (asked.source.clone(), asked.route.clone());
        let head = RequestHead { headers, end: body.is_none(), source, route, peer: None };
        Ok(Self { head, body, shown: format!("{method} {scheme}://{authority}{}", url.path()) })
    }
}
