//! A policy text on its way to being compiled, in steps between which other things can be done.
//!
//! Cedar makes a schema in one go, which is the longest step (half a second for 1,000 tools); what takes longest altogether,
//! typing each policy, is a step for each. What is found does not depend on
//! who takes the steps, or when: [`CedarPolicy::compile`] takes all of them.

use cedar_policy::{Authorizer, Schema, SchemaFragment};
use countersign_facts::progress::{self, Progress};
use countersign_facts::rollout::Mode;

use super::Parts;
use super::catalogue::catalogue;
use super::cedar::{CedarPolicy, words};
use super::error::{LoadError, Problem};
use super::index::{Built, Index};
use super::load;
use super::rule::{Source, Written};
use super::schema::{self, Types};
use super::surroundings::Surroundings;
use super::typing::Typing;

/// How far it is.
#[derive(Default)]
pub(crate) enum Stage {
    #[default]
    Begin,
    /// The text is read.
    Read(Box<Written>),
    /// The schema of the catalogue is written,
    Catalogue(Box<Written>, Box<SchemaFragment>),
    /// and Cedar has made what it needs of it.
    Schema(Box<Written>, Schema),
    /// There is an index, and policies are typed.
    Types(Box<Typing>, Index),
}

impl Stage {
    /// The next step. `text` and what is `around` it are the same for each.
    pub(super) fn step(
        self,
        text: &str,
        around: &Surroundings<'_>,
    ) -> Result<Progress<CedarPolicy, Self>, Vec<LoadError>> {
        let resources = around.resources;
        match self {
            Self::Begin => {
                let (_, mut errors) = catalogue(resources);
                match load::load(text, around) {
                    Ok(written) if errors.is_empty() => Ok(Progress::More(Self::Read(Box::new(written)))),
                    told => {
                        errors.extend(told.map_or_else(|syntax| syntax, |written| written.errors));
                        Err(errors)
                    }
                }
            }
            Self::Read(written) => {
                let (declared, _) = catalogue(resources);
                let schema = schema::written(resources, &declared, &written.asked_for(), &around.claims());
                let schema = schema.map_err(|error| vec![refused(&error)])?;
                Ok(Progress::More(Self::Catalogue(written, Box::new(schema))))
            }
            Self::Catalogue(written, schema) => {
                let schema = schema::resolved(*schema).map_err(|error| vec![refused(&error)])?;
                Ok(Progress::More(Self::Schema(written, schema)))
            }
            Self::Schema(written, schema) => {
                let (declared, _) = catalogue(resources);
                let built = Index::build(&written.rules, &schema, resources, &declared);
                let Built { index, problems, idle } = built.map_err(|error| vec![error])?;
                let typing = Typing::new(*written, &Source::new(text), schema, problems, idle);
                Ok(Progress::More(Self::Types(Box::new(typing), index)))
            }
            Self::Types(mut typing, index) => {
                if typing.step(&Source::new(text)) {
                    return Ok(Progress::More(Self::Types(typing, index)));
                }
                let (rules, doubtful) = typing.finish(&Source::new(text))?;
                Ok(Progress::Done(CedarPolicy {
                    authorizer: Authorizer::new(),
                    types: Types::new().map_err(|error| vec![refused(&error)])?,
                    index,
                    doubtful,
                    audits: rules.iter().any(|rule| rule.mode == Mode::Audit),
                    rules: rules.into_iter().map(|rule| (rule.id.clone(), rule)).collect(),
                }))
            }
        }
    }
}

impl CedarPolicy {
    /// That of `parts`, if there is one; or everything that is wrong with it or the catalogue.
    pub fn of(parts: &Parts<'_>) -> Result<Option<Self>, Vec<LoadError>> {
        parts.policy.cedar.as_deref().map(|text| Self::compile(text, &Surroundings::of(parts))).transpose()
    }

    /// Compiles `text` for what is `around` it, or says everything that is wrong with either.
    ///
    /// Policies are typed only against a catalogue without errors.
    pub fn compile(text: &str, around: &Surroundings<'_>) -> Result<Self, Vec<LoadError>> {
        progress::finish(Stage::default(), |stage| stage.step(text, around))
    }
}

fn refused(error: &dyn std::error::Error) -> LoadError {
    LoadError::catalogue("resources", Problem::Cedar(words(error)))
}
