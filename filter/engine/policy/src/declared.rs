//! Whether what a policy asks for is declared: of arguments by the action's schema, of everything else by ours.
//!
//! What is declared nowhere can never be there, and a policy that asks for it is a mistake.

use std::collections::BTreeSet;

use countersign_protocols::shape::{Record, Shape, Unreadable};
use countersign_rights::claims::DeclaredClaims;

use super::asks::{Ask, How, Subject};
use super::attributes;
use super::names;
use super::schema;

/// Whether a schema declares what is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look<'s> {
    Declared,
    Undeclared,
    /// It does, and a policy cannot read it.
    Unreadable(&'s Unreadable),
}

/// What `types`, those of an action's arguments, say about `path`, which is asked for so.
pub(super) fn look<'s>(types: Option<&'s Record>, path: &[String], how: How) -> Look<'s> {
    let Some(mut record) = types else { return Look::Undeclared };
    let Some((last, above)) = path.split_last() else { return whole(record.unreadable(), how) };
    for name in above {
        match record.member(name).map(|property| &property.shape) {
            None => return Look::Undeclared,
            Some(Shape::Opaque(unreadable)) => return Look::Unreadable(unreadable),
            Some(Shape::Record(below)) => record = below,
            // What has no members Cedar asks for none.
            Some(Shape::Boolean | Shape::Long | Shape::Decimal | Shape::String(_) | Shape::Set(_)) => {
                return Look::Declared;
            }
        }
    }
    match record.member(last).map(|property| &property.shape) {
        _ if record.derived.contains_key(last) => Look::Declared,
        None => Look::Undeclared,
        Some(Shape::Opaque(unreadable)) => Look::Unreadable(unreadable),
        Some(shape) => whole(shape.unreadable(), how),
    }
}

/// The names that are declared where the last of `path` is asked for.
pub(super) fn beside<'s>(types: Option<&'s Record>, path: &[String]) -> impl Iterator<Item = &'s String> {
    let above = path.split_last().map_or(path, |(_, above)| above);
    let record = types.and_then(|types| {
        above.iter().try_fold(types, |record, name| match &record.member(name)?.shape {
            Shape::Record(below) => Some(below),
            Shape::Boolean | Shape::Long | Shape::Decimal | Shape::String(_) | Shape::Set(_) | Shape::Opaque(_) => None,
        })
    });
    record.into_iter().flat_map(|record| record.properties.keys().chain(record.derived.keys()))
}

/// To know that it is there takes no reading of what is in it.
fn whole(unreadable: Option<&Unreadable>, how: How) -> Look<'_> {
    match (unreadable, how) {
        (Some(unreadable), How::Value) => Look::Unreadable(unreadable),
        (None, _) | (Some(_), How::Presence) => Look::Declared,
    }
}

/// Those of `asks` that ask whether something is there which nothing has, arguments and attributes of `resource` aside; callers
/// have `claims`.
pub(super) fn never<'a>(asks: &'a BTreeSet<Ask>, claims: &'a DeclaredClaims) -> impl Iterator<Item = &'a Ask> {
    asks.iter().filter(move |ask| match &ask.of {
        _ if ask.how == How::Value || ask.arguments().is_some() => false,
        Subject::Resource => false,
        Subject::Context => attributes::find(attributes::CONTEXT, &ask.path).is_none(),
        Subject::Principal => !schema::entity_has(names::AGENT, &ask.path, claims),
        Subject::Action => true,
        Subject::Entity(name) => !schema::entity_has(name, &ask.path, claims),
    })
}
