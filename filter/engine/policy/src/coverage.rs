//! Which arguments policies can read, and which policies ask for them: for people. Nothing is decided with it.

use countersign_facts::pointer::Pointer;
use countersign_facts::rollout::Mode;
use countersign_protocols::catalogue::{Resource, Tool};
use countersign_protocols::shape::{Record, Rest, Shape};

use super::asks::{Ask, How};
use super::cedar::CedarPolicy;
use super::index::Slot;

/// An argument of something in the catalogue, or all that is not declared there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Covered {
    /// Names from the catalogue's root, as in `resources/payments/tools/transfer`.
    pub place: String,
    /// RFC 6901 pointer into the arguments; none for what is not declared.
    pub argument: Option<String>,
    /// Why no policy can read it, with where that is in the schema; none where policies can.
    pub unreadable: Option<String>,
    /// The policies that can apply and ask for it, in the order of the text.
    pub asked_by: Vec<String>,
}

impl CedarPolicy {
    /// Every argument that `resources`, which this was compiled for, declare, and what calls may carry beside them.
    pub fn coverage(&self, resources: &[Resource]) -> Vec<Covered> {
        let mut all = Vec::new();
        for resource in resources {
            for (name, tool) in &resource.tools {
                let place = format!("resources/{}/tools/{name}", resource.name);
                let asks = self.index.tool(&resource.name, name).map(|slot| self.asks(slot)).unwrap_or_default();
                Listing { place, asks, all: &mut all }.tool(tool);
            }
        }
        all
    }

    /// What each policy that can apply asks for.
    fn asks(&self, slot: &Slot) -> Vec<(&str, &Ask)> {
        let rules = self.candidates(slot, Mode::Audit).into_iter();
        rules.flat_map(|rule| rule.asks.iter().map(|ask| (rule.id.as_str(), ask))).collect()
    }
}

/// What is said about one tool.
struct Listing<'a> {
    place: String,
    asks: Vec<(&'a str, &'a Ask)>,
    all: &'a mut Vec<Covered>,
}

impl Listing<'_> {
    fn tool(&mut self, tool: &Tool) {
        match tool.input_schema.as_ref().map(|schema| schema.types()) {
            Some(Ok(types)) => self.record(types, &mut Vec::new()),
            Some(Err(_)) => {}
            None => self.add(None, Some("it has no `input_schema`".to_owned()), &[]),
        }
    }

    fn record(&mut self, record: &Record, path: &mut Vec<String>) {
        for (name, property) in &record.properties {
            path.push(name.clone());
            match &property.shape {
                Shape::Record(below) => {
                    if below.properties.is_empty() && !matches!(below.rest, Rest::Map(..)) {
                        self.add(Some(pointer(path)), None, path);
                    }
                    self.record(below, path);
                }
                Shape::Boolean | Shape::Long | Shape::Decimal | Shape::String(_) | Shape::Set(_) | Shape::Opaque(_) => {
                    let unreadable = property.shape.unreadable().map(ToString::to_string);
                    self.add(Some(pointer(path)), unreadable, path);
                }
            }
            path.pop();
        }
        for name in record.derived.keys() {
            let path = [name.clone()];
            self.add(Some(pointer(&path)), None, &path);
        }
        match &record.rest {
            Rest::Refused => {}
            Rest::Map(..) => self.add(Some(format!("{}/*", pointer(path))), None, path),
            rest @ (Rest::Open(_) | Rest::Unasked) => {
                let beside = pointer(path);
                let beside = if beside.is_empty() {
                    "what is not declared".to_owned()
                } else {
                    format!("what is not declared in `{beside}`")
                };
                let by = if let Rest::Open(keyword) = rest { *keyword } else { "additional_arguments" };
                self.add(None, Some(format!("{beside} is admitted by `{by}`")), &[]);
            }
        }
    }

    fn add(&mut self, argument: Option<String>, unreadable: Option<String>, path: &[String]) {
        let asks = |ask: &Ask| {
            let reads_all = |asked: &[String]| ask.how == How::Value && path.starts_with(asked);
            ask.arguments().is_some_and(|asked| !path.is_empty() && (asked.starts_with(path) || reads_all(asked)))
        };
        let mut asked_by: Vec<String> =
            self.asks.iter().filter(|(_, ask)| asks(ask)).map(|(id, _)| (*id).to_owned()).collect();
        asked_by.dedup();
        self.all.push(Covered { place: self.place.clone(), argument, unreadable, asked_by });
    }
}

fn pointer(path: &[String]) -> String {
    path.iter().fold(String::new(), |pointer, name| format!("{pointer}/{}", Pointer::escaped(name)))
}
