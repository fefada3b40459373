//! Which recorded decisions would be others under another configuration.
//!
//! Nothing is decided here, and nothing guessed: the engine's policies are asked about what a record holds, and where they read
//! more than that there is no answer, only the name of what is missing.

mod ahead;
mod facts;
mod judge;
mod record;
mod remedy;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use countersign_engine::config::Config;
use countersign_facts::clock;
use countersign_facts::rollout::{Effect, Mode};
use countersign_policy::{CedarPolicy, Missing};
use serde::{Serialize, Serializer};

use self::judge::{Judge, Outcome};
use self::record::Record;
pub use self::record::{Line, RecordError, lines};
use crate::document::Document;
use crate::validate::{self, Finding, Loaded};

/// What came of all records.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Replayed {
    /// How many decisions there are.
    pub decisions: usize,
    /// How many of them stay as they are.
    pub unchanged: usize,
    pub flips: Vec<Flip>,
    pub undetermined: Vec<Undetermined>,
    /// Decisions in which policy has no part, by their reasons: they end as they did.
    pub not_judged: BTreeMap<String, usize>,
    /// Where the configuration says that it only watches: JSON Pointers. It is judged as if it were enforced.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub watches: Vec<String>,
    /// Lines that are not decisions: of a gateway's own log, or about the end of a stream.
    pub other_lines: usize,
}

/// Decisions that flip alike.
#[derive(Clone, Debug, Serialize)]
pub struct Flip {
    #[serde(flatten)]
    pub turn: Switch,
    pub decisions: Vec<Decision>,
}

/// From what to what, and by which policies.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Switch {
    /// What was done: of a decision in audit, that it was let through.
    #[serde(serialize_with = "name")]
    pub from: Effect,
    #[serde(serialize_with = "name")]
    pub to: Effect,
    /// Why it would be denied, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<&'static str>,
    /// Those that would determine it.
    pub policies: Vec<String>,
    /// The recorded reason.
    pub was: &'static str,
    /// Whether that was only recorded, and not done: in audit.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub watched: bool,
    /// The policies that determined it.
    pub before: Vec<String>,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands references over")]
fn name<S: Serializer>(effect: &Effect, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(effect.name())
}

/// Decisions about which the same is not known.
#[derive(Clone, Debug, Serialize)]
pub struct Undetermined {
    /// What is not recorded, as policies write it (`context.args.amount`), or in words.
    pub not_recorded: Vec<String>,
    /// What makes the filter record it from then on.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub remedies: BTreeSet<String>,
    pub decisions: Vec<Decision>,
}

/// One decision, so that it can be found.
#[derive(Clone, Debug, Serialize)]
pub struct Decision {
    pub id: String,
    /// RFC 3339.
    pub time: String,
    pub workload: String,
    pub action: String,
}

/// Why nothing is replayed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    #[error("the configuration is not valid")]
    Invalid(Vec<Finding>),
    #[error("there is no decision in the records")]
    NoDecision,
}

impl Replayed {
    /// What comes of the recorded `lines` where the configuration is `document`.
    pub fn of(document: &Document, lines: &[Line]) -> Result<Self, ReplayError> {
        let loaded = validate::load(document, &validate::Present::default());
        let Loaded { config, cedar, rego: _ } = loaded.map_err(ReplayError::Invalid)?;
        let replayed = Self::judged(lines, &config, cedar.as_ref());
        if replayed.decisions == 0 { Err(ReplayError::NoDecision) } else { Ok(replayed) }
    }

    fn judged(lines: &[Line], config: &Config, policy: Option<&CedarPolicy>) -> Self {
        let mut replayed = Self { watches: watches(config), ..Self::default() };
        let judge = Judge::new(config, policy);
        let mut flips: BTreeMap<Switch, Vec<Decision>> = BTreeMap::new();
        let mut undetermined: BTreeMap<BTreeSet<Missing>, Vec<Decision>> = BTreeMap::new();
        for line in lines {
            let record = match line {
                Line::Decision(record) => record,
                Line::Other => {
                    replayed.other_lines += 1;
                    continue;
                }
            };
            replayed.decisions += 1;
            match judge.judge(record) {
                Outcome::Same => replayed.unchanged += 1,
                Outcome::Flips(turn) => flips.entry(turn).or_default().push(Decision::of(record)),
                Outcome::Undetermined(missing) => undetermined.entry(missing).or_default().push(Decision::of(record)),
                Outcome::NotJudged => *replayed.not_judged.entry(record.reason.to_string()).or_default() += 1,
            }
        }
        replayed.flips = flips.into_iter().map(|(turn, decisions)| Flip { turn, decisions }).collect();
        let undetermined = undetermined.into_iter().map(|(missing, decisions)| Undetermined {
            not_recorded: missing.iter().map(ToString::to_string).collect(),
            remedies: missing.iter().filter_map(|one| remedy::remedy(one, config)).collect(),
            decisions,
        });
        replayed.undetermined = undetermined.collect();
        replayed
    }
}

/// Where `config` says that it only watches.
fn watches(config: &Config) -> Vec<String> {
    let resources = config.resources.iter().enumerate();
    let watched = resources.filter(|(_, resource)| resource.mode == Mode::Audit);
    let filter = (config.mode == Mode::Audit).then(|| "/mode".to_owned());
    filter.into_iter().chain(watched.map(|(index, _)| format!("/resources/{index}/mode"))).collect()
}

impl Decision {
    fn of(record: &Record) -> Self {
        let action = record.action.as_ref();
        let object = action.and_then(|action| action.object.as_ref()).map(|object| format!(" {object}"));
        Self {
            id: record.id.to_string(),
            time: clock::format(record.now()).unwrap_or_default(),
            workload: record
                .workload
                .as_ref()
                .and_then(record::Workload::subject)
                .map(|subject| subject.to_string())
                .unwrap_or_default(),
            action: action.map(|action| format!("{}{}", action.name, object.unwrap_or_default())).unwrap_or_default(),
        }
    }
}
