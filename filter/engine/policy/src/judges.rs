//! Who decides: Cedar or Rego in here, a decision point elsewhere, or several of them, and then all must allow.
//!
//! What is in here is asked first: what it denies nobody else is asked about.

use std::borrow::{Borrow, Cow};
use std::fmt;

use countersign_facts::calls::{Call, CallId, CallOutcome};
use countersign_facts::mistakes::ConfigErrors;
use countersign_facts::progress::{self, Progress};
use countersign_facts::reason::Reason;
use countersign_facts::rollout::Flip;
use countersign_protocols::action::Action;
use countersign_protocols::bounds::ArgumentPlace;
use countersign_protocols::catalogue::Resource;
use countersign_protocols::shape::beside;
use countersign_rights::risk::RiskRules;
use countersign_tokens::UnixTime;

use super::arguments::{Asked, Schemas, Unfit};
use super::compiling::Stage;
use super::pdp::{Given, MOST_QUESTIONS, Pdp, Question};
use super::surroundings::Surroundings;
use super::{
    CedarPolicy, Deny, Facts, LoadError, Opined, Parts, PolicyConfig, RegoPolicy, Unknown, Verdict, basis, several,
};

/// What decides about every action; at least one of them.
#[derive(Debug)]
pub struct Judges {
    cedar: Option<CedarPolicy>,
    rego: Option<RegoPolicy>,
    pdp: Option<Pdp>,
    /// Where neither Cedar nor Rego holds arguments to what the catalogue declares.
    schemas: Option<Schemas>,
    /// Whether somebody can be asked for an approval at all.
    approvals: bool,
    revision: String,
}

/// What they say.
pub enum Opinion {
    Verdict(Verdict),
    /// The decision point is yet to be asked this.
    Ask(Question),
}

/// Judges on their way: Cedar's policy is compiled in steps.
#[derive(Default)]
pub struct Compiling(Stage);

impl Compiling {
    /// The next step. `parts` are the same for each.
    pub fn step(self, parts: &Parts<'_>) -> Result<Progress<Judges, Self>, ConfigErrors> {
        let Some(text) = &parts.policy.cedar else { return Ok(Progress::Done(Judges::with(None, parts)?)) };
        let step = self.0.step(text, &Surroundings::of(parts)).map_err(|errors| placed("/policy/cedar", &errors))?;
        Ok(match step {
            Progress::Done(cedar) => Progress::Done(Judges::with(Some(cedar), parts)?),
            Progress::More(stage) => Progress::More(Self(stage)),
        })
    }
}

impl fmt::Debug for Compiling {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Compiling").finish_non_exhaustive()
    }
}

/// Names the policies and the catalogue in `parts`, on every record: 16 hexadecimal digits of a SHA-256.
pub fn revision(parts: &Parts<'_>) -> String {
    let PolicyConfig { cedar, links, rego, rego_input: _, pdp } = parts.policy;
    let elsewhere =
        pdp.as_ref().map(|pdp| format!("{} {}{}", pdp.dialect.name(), pdp.endpoint.authority, pdp.endpoint.path));
    let renamed = pdp.iter().flat_map(|pdp| &pdp.names);
    let renamed: Vec<String> = renamed.map(|(member, name)| format!("{} {name}", member.key())).collect();
    let elsewhere = elsewhere.map(|elsewhere| [vec![elsewhere], renamed].concat().join(" "));
    let rules = (*parts.risk != RiskRules::default()).then(|| format!("{:?}", parts.risk));
    let links = links.as_ref().map(|links| format!("{links:?}"));
    let texts = [cedar.as_deref(), links.as_deref(), rego.as_deref(), elsewhere.as_deref(), rules.as_deref()];
    basis::revision(&texts.into_iter().flatten().collect::<Vec<_>>().join("\n"), parts.resources)
}

/// `errors` in the text at `pointer`.
fn placed(pointer: &str, errors: &[LoadError]) -> ConfigErrors {
    ConfigErrors::from(errors.iter().map(|error| error.at(pointer)).collect::<Vec<_>>())
}

impl Judges {
    /// Those for `parts`, or everything that is wrong with its policies and what they are about, each with the pointer to
    /// the text that it is about.
    pub fn new(parts: &Parts<'_>) -> Result<Self, ConfigErrors> {
        progress::finish(Compiling::default(), |compiling| compiling.step(parts))
    }

    /// Those for `parts`, of which `cedar` is compiled.
    fn with(cedar: Option<CedarPolicy>, parts: &Parts<'_>) -> Result<Self, ConfigErrors> {
        let PolicyConfig { cedar: _, links: _, rego: rego_text, rego_input, pdp } = parts.policy;
        let (resources, sandboxes) = (parts.resources, parts.sandboxes);
        let rego = rego_text.as_ref().map(|text| RegoPolicy::compile(text, *rego_input, resources, sandboxes));
        let rego = rego.transpose().map_err(|errors| placed("/policy/rego", &errors))?;
        let schemas = match pdp {
            Some(pdp) if cedar.is_none() && rego.is_none() => {
                let pointer = format!("/policy/{}", pdp.dialect.name());
                Some(Schemas::of(resources).map_err(|errors| placed(&pointer, &errors))?)
            }
            Some(_) | None => None,
        };
        let (approvals, revision) = (parts.approvals, revision(parts));
        Ok(Self { cedar, rego, pdp: pdp.clone().map(Pdp::new), schemas, approvals, revision })
    }

    /// What Cedar says about all of `parts` of an action, each with the other `facts`; none where it is not asked.
    pub fn cedar(&self, facts: &Facts<'_>, parts: &[Cow<'_, Action>]) -> Option<Verdict> {
        self.cedar.as_ref().map(|cedar| cedar.decide_all(facts, parts.iter().map(AsRef::as_ref)))
    }

    /// What they say about the same, of which Cedar says `cedar`.
    pub fn decide(
        &self,
        resource: &Resource,
        facts: &Facts<'_>,
        parts: &[Cow<'_, Action>],
        cedar: Option<Verdict>,
        given: &[Given],
    ) -> Opinion {
        if let Some(deny @ Verdict::Deny(_)) = cedar {
            return Opinion::Verdict(deny);
        }
        let mut verdicts: Vec<Verdict> = cedar.into_iter().collect();
        match self.rego.as_ref().map(|rego| rego.decide_all(resource, facts, parts)) {
            Some(deny @ Verdict::Deny(_)) => return Opinion::Verdict(deny),
            verdict => verdicts.extend(verdict),
        }
        let checked = self.schemas.as_ref().map_or(Ok(()), |schemas| schemas.check(facts.action));
        if let Err(unfit) = checked {
            return Opinion::Verdict(Verdict::Deny(unfit.into()));
        }
        if let Some(pdp) = &self.pdp {
            if parts.len() > MOST_QUESTIONS {
                let detail =
                    Some(format!("it names more than {MOST_QUESTIONS} things, which are asked about one by one"));
                return Opinion::Verdict(Verdict::Deny(Deny::by(Reason::PolicyError, Vec::new(), detail)));
            }
            for action in parts {
                match pdp.decide(resource, &Facts { action, ..*facts }, given) {
                    Ok(verdict) => verdicts.push(verdict),
                    Err(question) => return Opinion::Ask(question),
                }
            }
        }
        Opinion::Verdict(several::all(verdicts))
    }

    /// That the arguments that `facts` are about carry nothing at `places`, which a grant or a rule about risk asks for, that
    /// nothing declares and that its server could read there.
    pub fn check_bounded(
        resource: &Resource,
        facts: &Facts<'_>,
        places: impl Iterator<Item = impl Borrow<ArgumentPlace>>,
    ) -> Result<(), Deny> {
        let Some(arguments) = facts.action.arguments() else { return Ok(()) };
        let schema = facts.action.entry(resource).and_then(|tool| tool.input_schema.as_ref());
        let mut found = places.filter_map(|place| beside(place.borrow(), arguments, schema));
        found.next().map_or(Ok(()), |place| Err(Unfit::bounded(place).into()))
    }

    /// The call that asks `question`.
    pub fn call(&self, id: CallId, question: &Question, decision: &str) -> Option<Call> {
        self.pdp.as_ref().map(|pdp| pdp.call(id, question, decision))
    }

    /// Takes the answer to `question`.
    pub fn answered(&self, question: &Question, outcome: &CallOutcome, now: UnixTime) -> Result<Given, Reason> {
        self.pdp.as_ref().ok_or(Reason::Internal)?.answered(question, outcome, now)
    }

    /// Whether a step-up could be asked for `action`: its whole body must be held.
    pub fn may_step_up(&self, action: &Action) -> bool {
        (self.is_opaque() && self.approvals) || self.cedar.as_ref().is_some_and(|cedar| cedar.may_step_up(action))
    }

    /// Whether the arguments of `action` can matter.
    pub fn reads_arguments(&self, action: &Action) -> bool {
        self.is_opaque() || self.cedar.as_ref().is_some_and(|cedar| cedar.reads_arguments(action))
    }

    /// The names that Cedar's policies ask of the arguments of `action`.
    pub fn asked(&self, action: &Action) -> Asked<'_> {
        self.cedar.as_ref().map_or_else(Asked::default, |cedar| cedar.asked(action))
    }

    /// Whether nobody here can tell what one of them reads, and what it could ask for.
    fn is_opaque(&self) -> bool {
        self.rego.is_some() || self.pdp.is_some()
    }

    /// Whether what `facts` describe could be allowed, whatever `unknown` turns out to be. Neither Rego nor a
    /// decision point is asked about what is only shown: they decide when it is called.
    pub fn could_allow(&self, facts: &Facts<'_>, unknown: Unknown) -> bool {
        self.cedar.as_ref().is_none_or(|cedar| cedar.could_allow(facts, unknown))
    }

    /// Whether any policy is in audit.
    pub fn has_audited(&self) -> bool {
        self.cedar.as_ref().is_some_and(CedarPolicy::has_audited)
    }

    /// Whether a policy in audit could apply to `action`.
    pub fn tries(&self, action: &Action) -> bool {
        self.cedar.as_ref().is_some_and(|cedar| cedar.tries(action))
    }

    /// Whether one that could reads its arguments.
    pub fn tries_arguments(&self, action: &Action) -> bool {
        self.cedar.as_ref().is_some_and(|cedar| cedar.tries_arguments(action))
    }

    /// How policies in audit would have turned Cedar's `verdict`, which is about all of `parts`.
    pub fn flip(&self, facts: &Facts<'_>, parts: &[Cow<'_, Action>], verdict: &Verdict) -> Option<Flip> {
        self.cedar.as_ref()?.flip(facts, parts.iter().map(AsRef::as_ref), verdict)
    }

    /// That policies in audit could not be tried, because what they read cannot be had.
    pub fn untried(&self, action: &Action, verdict: &Verdict, reason: Reason) -> Option<Flip> {
        self.cedar.as_ref()?.untried(action, verdict, reason)
    }

    /// The risks that policies say they answer, of each that is Cedar's.
    pub fn maps<'a>(&'a self, ids: &'a [String]) -> impl Iterator<Item = &'a [&'static str]> {
        self.cedar.iter().flat_map(|cedar| cedar.maps(ids))
    }

    /// What each of Cedar's policies that could apply says by itself.
    pub fn opinions(&self, facts: &Facts<'_>) -> Vec<Opined<'_>> {
        self.cedar.as_ref().map(|cedar| cedar.opinions(facts)).unwrap_or_default()
    }

    /// Names texts and catalogue: 16 hexadecimal digits of a SHA-256.
    pub fn revision(&self) -> &str {
        &self.revision
    }
}
