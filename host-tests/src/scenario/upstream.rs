//! What the upstream answers, made of what a scenario says: the same bytes for every driver.

use anyhow::{Context, ensure};
use serde_json::json;

use super::format::UpstreamAnswer;
use super::request::{chunks, values};
use super::text::pieces;

/// An answer of the upstream.
#[derive(Clone, Debug, Default)]
pub struct Response {
    pub status: u16,
    /// In lower case, without `:status` and framing.
    pub headers: Vec<(String, Vec<u8>)>,
    pub body: Vec<u8>,
    /// The lengths of the pieces it comes in; they add up to it.
    pub chunks: Vec<usize>,
}

impl Response {
    /// The answer that `answer` describes.
    pub fn of(answer: &UpstreamAnswer) -> anyhow::Result<Self> {
        let UpstreamAnswer { status, resets: _, headers, json, text, chunks: cut } = answer;
        ensure!(json.is_none() || text.is_none(), "an answer has one body");
        let body = match (text, json) {
            (Some(text), _) => pieces(text)?.into_bytes(),
            (None, Some(json)) => json.to_string().into_bytes(),
            (None, None) => json!({ "upstream": true }).to_string().into_bytes(),
        };
        let mut fields = vec![("content-type".to_owned(), b"application/json".to_vec())];
        for (name, stated) in headers {
            fields.retain(|(candidate, _)| candidate != name);
            let stated = values(stated).with_context(|| format!("header `{name}`"))?;
            fields.extend(stated.into_iter().map(|value| (name.clone(), value)));
        }
        let chunks = chunks(cut, body.len())?;
        Ok(Self { status: status.unwrap_or(200), headers: fields, body, chunks })
    }

    /// What a gateway says for an upstream that resets.
    pub fn of_gateway() -> Self {
        let body = b"upstream connect error or disconnect/reset before headers".to_vec();
        let headers = vec![("content-type".to_owned(), b"text/plain".to_vec())];
        Self { status: 503, headers, chunks: vec![body.len()], body }
    }

    /// As a gateway hands it over.
    pub fn head(&self) -> Vec<(String, Vec<u8>)> {
        let status = (":status".to_owned(), self.status.to_string().into_bytes());
        [vec![status], self.headers.clone()].concat()
    }

    /// The body in its pieces.
    pub fn pieces(&self) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.body.as_slice();
        self.chunks.iter().map(move |length| {
            let (piece, after) = rest.split_at(*length);
            rest = after;
            piece
        })
    }
}
