//! Keys: what each is called, how its value is written, and what holds without it.
//!
//! A key is described once, in a block of [`keys!`] beside the function that reads its object. The reader takes the name, the bounds, the
//! words and the default from there, and so does `envoy/countersign.schema.json`, which a test makes of all blocks. Words for people are
//! compiled into tests only.

use std::ops::RangeInclusive;
use std::time::Duration;

use super::names::Names;
use super::read::Node;

/// How a value is written.
pub(super) trait Notation {
    /// What is read.
    type Value;

    /// Reads it, or notes what is wrong with it.
    fn read(&self, node: &Node<'_>) -> Option<Self::Value>;
}

/// The member of an object that a description is about.
pub(super) trait Key {
    type Notation;

    fn name(&self) -> &'static str;

    fn notation(&self) -> &Self::Notation;

    /// Reads the value of the key, which is at `node`.
    fn read(&self, node: &Node<'_>) -> Option<<Self::Notation as Notation>::Value>
    where
        Self::Notation: Notation,
    {
        self.notation().read(node)
    }
}

/// A key that must be there.
pub(super) struct Required<N> {
    pub(super) name: &'static str,
    pub(super) notation: N,
}

/// A key that may be absent. What holds then depends on other keys, or is nothing.
pub(super) struct Optional<N> {
    pub(super) name: &'static str,
    pub(super) notation: N,
}

/// A key that may be absent, and then has this value.
pub(super) struct Defaulted<N: Notation> {
    pub(super) name: &'static str,
    pub(super) notation: N,
    pub(super) default: N::Value,
}

pub(super) const fn required<N>(name: &'static str, notation: N) -> Required<N> {
    Required { name, notation }
}

pub(super) const fn optional<N>(name: &'static str, notation: N) -> Optional<N> {
    Optional { name, notation }
}

pub(super) const fn defaulted<N: Notation>(name: &'static str, notation: N, default: N::Value) -> Defaulted<N> {
    Defaulted { name, notation, default }
}

impl<N> Key for Required<N> {
    type Notation = N;

    fn name(&self) -> &'static str {
        self.name
    }

    fn notation(&self) -> &N {
        &self.notation
    }
}

impl<N> Key for Optional<N> {
    type Notation = N;

    fn name(&self) -> &'static str {
        self.name
    }

    fn notation(&self) -> &N {
        &self.notation
    }
}

impl<N: Notation> Key for Defaulted<N> {
    type Notation = N;

    fn name(&self) -> &'static str {
        self.name
    }

    fn notation(&self) -> &N {
        &self.notation
    }
}

/// What a function of its own reads, such as an object. The block of its key says how it is written.
pub(super) struct Own;

/// An object whose keys are named elsewhere, such as a JSON Schema.
pub(super) struct Document;

/// A duration such as `30s`.
pub(super) struct Span {
    pub(super) bounds: RangeInclusive<Duration>,
}

pub(super) const fn duration(bounds: RangeInclusive<Duration>) -> Span {
    Span { bounds }
}

impl Notation for Span {
    type Value = Duration;

    fn read(&self, node: &Node<'_>) -> Option<Duration> {
        node.duration(&self.bounds)
    }
}

/// A number of bytes such as `256KiB`.
pub(super) struct Size {
    pub(super) bounds: RangeInclusive<usize>,
}

pub(super) const fn size(bounds: RangeInclusive<usize>) -> Size {
    Size { bounds }
}

impl Notation for Size {
    type Value = usize;

    fn read(&self, node: &Node<'_>) -> Option<usize> {
        node.size(&self.bounds)
    }
}

/// A whole number.
pub(super) struct Count<T> {
    pub(super) bounds: RangeInclusive<T>,
}

pub(super) const fn count<T>(bounds: RangeInclusive<T>) -> Count<T> {
    Count { bounds }
}

impl<T: Copy + TryFrom<u64> + TryInto<u64>> Notation for Count<T> {
    type Value = T;

    fn read(&self, node: &Node<'_>) -> Option<T> {
        let bound = |bound: &T| (*bound).try_into().unwrap_or(u64::MAX);
        T::try_from(node.count(&(bound(self.bounds.start())..=bound(self.bounds.end())))?).ok()
    }
}

/// `true` or `false`.
pub(super) struct Flag;

impl Notation for Flag {
    type Value = bool;

    fn read(&self, node: &Node<'_>) -> Option<bool> {
        node.flag()
    }
}

/// One of several words.
pub(super) struct Choice<T: 'static> {
    /// What they are.
    what: &'static str,
    words: Words<T>,
}

enum Words<T: 'static> {
    Listed(&'static [(&'static str, T)]),
    Named(&'static [T], fn(T) -> &'static str),
}

/// One of the `words` that are listed with what each stands for.
pub(super) const fn choice<T>(what: &'static str, words: &'static [(&'static str, T)]) -> Choice<T> {
    Choice { what, words: Words::Listed(words) }
}

/// One of `all`, by its name.
pub(super) const fn named<T>(what: &'static str, all: &'static [T], name: fn(T) -> &'static str) -> Choice<T> {
    Choice { what, words: Words::Named(all, name) }
}

impl<T: Copy> Choice<T> {
    /// Every word, with what it stands for.
    pub(super) fn words(&self) -> Vec<(&'static str, T)> {
        match self.words {
            Words::Listed(words) => words.to_vec(),
            Words::Named(all, name) => all.iter().map(|one| (name(*one), *one)).collect(),
        }
    }
}

impl<T: Copy> Notation for Choice<T> {
    type Value = T;

    fn read(&self, node: &Node<'_>) -> Option<T> {
        node.choice(self.what, &self.words())
    }
}

/// What the schema defines under a name of its own.
pub(super) struct Defined<N> {
    pub(super) notation: N,
    #[cfg(test)]
    pub(super) name: &'static str,
}

impl<N: Notation> Notation for Defined<N> {
    type Value = N::Value;

    fn read(&self, node: &Node<'_>) -> Option<N::Value> {
        self.notation.read(node)
    }
}

/// Text that is not empty.
pub(super) struct Text;

impl Notation for Text {
    type Value = String;

    fn read(&self, node: &Node<'_>) -> Option<String> {
        node.text().map(str::to_owned)
    }
}

/// Text in a notation of its own.
pub(super) struct Parsed<T> {
    /// Answers with `<cause>; <remedy>` when it cannot read the text.
    pub(super) parse: fn(&str) -> Result<T, String>,
    #[cfg(test)]
    pub(super) schema: fn() -> serde_json::Value,
}

/// The notation that a function reads, and what the schema says of it.
macro_rules! parsed {
    ($parse:path, $schema:expr) => {
        $crate::config::key::Parsed {
            parse: $parse,
            #[cfg(test)]
            schema: || $schema,
        }
    };
}

impl<T> Notation for Parsed<T> {
    type Value = T;

    fn read(&self, node: &Node<'_>) -> Option<T> {
        node.parse(self.parse)
    }
}

/// A list.
pub(super) struct List<N> {
    pub(super) items: N,
    /// What each is, where there must be one.
    pub(super) filled: Option<&'static str>,
}

pub(super) const fn list<N>(items: N) -> List<N> {
    List { items, filled: None }
}

/// A list with at least one item; `what` each is.
pub(super) const fn filled<N>(what: &'static str, items: N) -> List<N> {
    List { items, filled: Some(what) }
}

impl<N> List<N> {
    fn read_with<T>(&self, node: &Node<'_>, read: impl FnMut(&Node<'_>) -> Option<T>) -> Option<Vec<T>> {
        match self.filled {
            Some(what) => node.filled(what, read),
            None => node.list(read),
        }
    }
}

impl<N: Notation> Notation for List<N> {
    type Value = Vec<N::Value>;

    fn read(&self, node: &Node<'_>) -> Option<Self::Value> {
        self.read_with(node, |node| self.items.read(node))
    }
}

/// A list of texts, none twice.
pub(super) struct Distinct<N>(pub(super) List<N>);

pub(super) const fn distinct<N>(items: N) -> Distinct<N> {
    Distinct(list(items))
}

impl<N> Distinct<N> {
    /// Reads it where a function of its own reads the items.
    pub(super) fn read_with<T: AsRef<str>>(
        &self,
        node: &Node<'_>,
        read: impl Fn(&Node<'_>) -> Option<T>,
    ) -> Option<Vec<T>> {
        let mut seen = Names::new("one mention is enough, remove one");
        self.0.read_with(node, |node| {
            let text = read(node)?;
            seen.claim(node, text.as_ref())?;
            Some(text)
        })
    }
}

impl<N: Notation<Value: AsRef<str>>> Notation for Distinct<N> {
    type Value = Vec<N::Value>;

    fn read(&self, node: &Node<'_>) -> Option<Self::Value> {
        self.read_with(node, |node| self.0.items.read(node))
    }
}

/// Describes the keys of one object, in the order that people should read them in.
///
/// ```text
/// keys! {
///     /// Bounds; whatever is beyond one is denied.
///     pub(super) struct LimitKeys => json!({ "minProperties": 1 });
///
///     /// How long a body may take to arrive. {bounds}.
///     const BODY_WAIT: Defaulted<Span> = defaulted("body_wait", duration(WAIT), Duration::from_secs(30));
///
///     /// Names of headers.
///     const HEADERS: Optional<Own> = optional("headers", Own) => json!({ "type": "array" });
///
///     use EndpointKeys::INSECURE_HTTP => reference("insecure_http");
/// }
/// ```
///
/// - A comment is the description for people. `{bounds}` and `{default}` in it are the key's own.
/// - A constant is what the reader uses: `object.or(&LimitKeys::BODY_WAIT)`.
/// - Behind `=>` is what the schema says besides: of the object, what its keys must be together; of a key, what its notation does not
///   say, such as examples.
/// - `use` is for a key that several objects have. Its notation and default are the schema's, or what is behind `=>` instead of them.
macro_rules! keys {
    (
        $(#[doc = $about:literal])*
        $vis:vis struct $object:ident $(=> $together:expr)?;
        $($keys:tt)*
    ) => {
        $vis struct $object;

        impl $object {
            $crate::config::key::keys!(@constants $($keys)*);

            /// What the schema says of the object.
            #[cfg(test)]
            pub(in $crate::config) fn schema() -> serde_json::Value {
                let mut object = $crate::config::schema::Object::new(&[$($about),*]);
                $crate::config::key::keys!(@described object $($keys)*);
                object.finish([$($together)?])
            }
        }
    };

    (@constants) => {};
    (@constants $(#[$doc:meta])* const $name:ident: $type:ty = $key:expr $(=> $more:expr)?; $($keys:tt)*) => {
        pub(in $crate::config) const $name: $type = $key;
        $crate::config::key::keys!(@constants $($keys)*);
    };
    (@constants $(#[$doc:meta])* use $shared:path $(=> $instead:expr)?; $($keys:tt)*) => {
        $crate::config::key::keys!(@constants $($keys)*);
    };

    (@described $object:ident) => {};
    (
        @described $object:ident
        $(#[doc = $doc:literal])* const $name:ident: $type:ty = $key:expr $(=> $more:expr)?; $($keys:tt)*
    ) => {
        $object.key(&Self::$name, &[$($doc),*], [$($more)?]);
        $crate::config::key::keys!(@described $object $($keys)*);
    };
    (
        @described $object:ident
        $(#[doc = $doc:literal])* use $shared:path $(=> $instead:expr)?; $($keys:tt)*
    ) => {
        $object.shared(&$shared, &[$($doc),*], [$($instead)?]);
        $crate::config::key::keys!(@described $object $($keys)*);
    };
}

pub(super) use {keys, parsed};
