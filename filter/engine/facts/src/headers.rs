//! Header fields as the gateway holds them: bytes, in order, duplicates kept. The head that they are in, and edits of them.
//!
//! Names are compared the way an upstream that folds `_` to `-` would see them (`x_name` beside
//! `x-name`), so that a second spelling can never carry what the first may not.

/// Carries a credential (RFC 9110 §11.6.2).
pub const AUTHORIZATION: &str = "authorization";
/// Carries the proof that goes with `Authorization: DPoP` (RFC 9449 §4.1).
pub const PROOF: &str = "dpop";

/// Header fields in the order received, pseudo-headers (`:method`, `:path`, …) included.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Headers(Vec<(String, Vec<u8>)>);

/// The head of a request and what the gateway knows about its origin.
#[derive(Clone, Debug, Default)]
pub struct RequestHead {
    /// Header fields, pseudo-headers included.
    pub headers: Headers,
    /// Whether the request has neither body nor trailers.
    pub end: bool,
    /// The peer's address as the gateway prints it (`ip:port`), if it says.
    pub source: Option<String>,
    /// The gateway's name for the route it chose, if it says.
    pub route: Option<String>,
    /// The certificate of the connection's other end, which the gateway has verified, if there is one.
    pub peer: Option<Peer>,
}

/// The certificate of whoever the connection is with, which the gateway has verified.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Peer {
    /// SHA-256 of its DER form.
    pub sha256: Option<[u8; 32]>,
    /// Its first subject alternative name that is a URI.
    pub uri: Option<String>,
}

/// A field that may appear at most once appeared again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Duplicate;

impl Headers {
    /// From the gateway's pairs, in order.
    pub fn new(pairs: Vec<(String, Vec<u8>)>) -> Self {
        Self(pairs)
    }

    /// Every field in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// Every value of `name` (lower case, `-` not `_`), in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.iter().filter(move |(candidate, _)| same_name(candidate, name)).map(|(_, value)| value)
    }

    /// The one value of `name`, if present; an error when there are two.
    pub fn single<'a>(&'a self, name: &'a str) -> Result<Option<&'a [u8]>, Duplicate> {
        let mut values = self.all(name);
        let first = values.next();
        if values.next().is_some() { Err(Duplicate) } else { Ok(first) }
    }

    /// What `Content-Type` says without parameters, if it says one thing.
    pub fn media_type(&self) -> Option<&str> {
        let value = std::str::from_utf8(self.single("content-type").ok()??).ok()?;
        value.split(';').next().map(str::trim)
    }

    /// Whether any field is called `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }
}

/// One edit of a header map.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeaderEdit {
    /// Remove every value of this exact name, as the gateway spells it.
    Remove(String),
    /// Replace every value of this name by one.
    Set(&'static str, String),
    /// Remove every value of this exact name from the request's trailers.
    RemoveTrailer(String),
}

impl HeaderEdit {
    /// Removes every field of `headers` whose name is `chosen`, each spelling once.
    pub fn removals(headers: &Headers, chosen: impl Fn(&str) -> bool) -> Vec<Self> {
        Self::each(headers, chosen, Self::Remove)
    }

    /// Removes every field of a request's `trailers` whose name is `chosen`, each spelling once.
    pub fn trailer_removals(trailers: &Headers, chosen: impl Fn(&str) -> bool) -> Vec<Self> {
        Self::each(trailers, chosen, Self::RemoveTrailer)
    }

    fn each(fields: &Headers, chosen: impl Fn(&str) -> bool, edit: impl Fn(String) -> Self) -> Vec<Self> {
        let mut edits: Vec<Self> = Vec::new();
        for (name, _) in fields.iter().filter(|(name, _)| chosen(name)) {
            let edit = edit(name.to_owned());
            if !edits.contains(&edit) {
                edits.push(edit);
            }
        }
        edits
    }
}

/// Whether two field names are the same to anything behind the gateway: ASCII case and `_`/`-` folded.
pub fn same_name(a: &str, b: &str) -> bool {
    // Most are told apart by their length, and most of the others are spelled alike.
    a.len() == b.len() && (a == b || a.bytes().zip(b.bytes()).all(|(a, b)| fold(a) == fold(b)))
}

fn fold(byte: u8) -> u8 {
    if byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }
}

impl FromIterator<(String, Vec<u8>)> for Headers {
    fn from_iter<I: IntoIterator<Item = (String, Vec<u8>)>>(pairs: I) -> Self {
        Self(pairs.into_iter().collect())
    }
}
