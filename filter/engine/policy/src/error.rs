//! Why a policy text, or a catalogue for it, cannot be used: one variant per rule, each with its place.

use std::fmt;

use countersign_facts::mistakes::ConfigError;
use countersign_protocols::shape::SchemaProblem;

/// One reason why a policy cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{place}: {problem}")]
pub struct LoadError {
    /// Where.
    pub place: Place,
    /// What.
    pub problem: Problem,
}

/// Where a policy or a catalogue is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A position in the policy text, counted from 1 in lines and characters.
    Text { line: usize, column: usize },
    /// A policy, and the position in the text that is wrong with it.
    Policy { line: usize, column: usize, id: String },
    /// Names and JSON Schema keywords from the catalogue's root, as in `resources/payments/tools/transfer/input_schema`.
    Catalogue(String),
    /// One of the links of templates, counted from 0.
    Link(usize),
}

/// What is wrong there.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Problem {
    /// Not Cedar; Cedar's words.
    #[error("{0}")]
    Syntax(String),
    /// Cedar, but not for this catalogue (strict validation, warnings included); Cedar's words.
    #[error("{0}")]
    Invalid(String),
    /// Cedar refused what was made of the catalogue.
    #[error("{0}")]
    Cedar(String),
    /// A `?principal` or `?resource`, and nothing fills one.
    #[error("a template that no link uses")]
    Unlinked,
    /// A link to a template that there is not.
    #[error("no template is called `{0}`")]
    UnknownTemplate(String),
    /// A link leaves a slot of its template open.
    #[error("the template has a `?{0}`, which nothing fills")]
    EmptySlot(&'static str),
    /// A link fills a slot that its template has not.
    #[error("the template has no `?{0}` to fill")]
    NoSlot(&'static str),
    /// Two policies answer to one name.
    #[error("another policy has this `@id`")]
    DuplicateId,
    /// An annotation without meaning here.
    #[error("unknown annotation `@{0}` (@id, @maps, @mode, @reason, @sandbox, @step_up)")]
    UnknownAnnotation(String),
    /// An annotation whose value is its meaning has none.
    #[error("`@{0}` needs a value")]
    EmptyAnnotation(&'static str),
    /// An `@mode` that is none.
    #[error("unknown mode `{0}` (enforce, audit)")]
    UnknownMode(String),
    /// A word in `@maps` that is no identifier of `policies/frameworks.yaml`.
    #[error("`@maps` names no risk that there is: `{0}`")]
    UnknownRisk(String),
    /// Approvals lift forbids; a permit has nothing to lift.
    #[error("`@step_up` belongs on a forbid")]
    StepUpOnPermit,
    /// A step-up that does not read the approval cannot be lifted by one.
    #[error("no approval could lift this: `@step_up` needs `unless {{ context has approval }}`")]
    StepUpNeverLifted,
    /// What is forbidden goes nowhere.
    #[error("`@sandbox` belongs on a permit")]
    SandboxOnForbid,
    /// No route would lead there.
    #[error("no sandbox is called `{0}`; declare it in `sandboxes`")]
    UnknownSandbox(String),
    /// Not Rego; the library's words.
    #[error("{0}")]
    Rego(String),
    /// Rego, and this build has none.
    #[error("this build has no Rego")]
    RegoAbsent,
    /// Another package: nothing of it would be asked.
    #[error("not `package countersign`")]
    RegoPackage,
    /// Nothing decides.
    #[error("no rule `decision`")]
    RegoDecision,
    /// Neither a function of the module nor a builtin that there is here.
    #[error("unknown function `{0}`")]
    RegoFunction(String),
    /// A function that comes to calling itself.
    #[error("the function `{0}` calls itself")]
    RegoRecursion(String),
    /// A format that a request could bring, or that makes much of little.
    #[error("the format of `sprintf` is not written here, or has a width of more than three digits")]
    RegoFormat,
    /// By a `with` a function could be another one.
    #[error("`with` is not supported")]
    RegoWith,
    /// The policy names a resource, or a tool of one, that does not exist.
    #[error("`{0}` is in no resource of the catalogue")]
    UnknownResource(String),
    /// The policy names a kind of workload that there is not.
    #[error("`{0}` is no kind of workload (automation, agent)")]
    UnknownKind(String),
    /// The policy names an issuer or a trust domain that is not trusted.
    #[error("`{0}` is no configured issuer")]
    UnknownIssuer(String),
    /// A policy asks for an argument that one of its actions declares, and nobody can read it.
    #[error("`{name}` cannot be read: {why}")]
    Unreadable { name: String, why: String },
    /// A policy asks whether something is there that none of its actions declares.
    #[error("`{name}` is declared by no action of this policy{}", told(names))]
    NeverDeclared { name: String, names: Vec<String> },
    /// A policy asks whether something is there that nothing ever has.
    #[error("`{0}` is never there")]
    NeverThere(String),
    /// A part of a policy can never matter.
    #[error("{0}")]
    DeadPart(DeadPart),
    /// A policy compares with a word that is never there.
    #[error("{word:?} is not a word of `{name}` ({})", or_none(words))]
    UnknownWord { word: String, name: String, words: Vec<String> },
    /// The policy names a subject that some issuer's agent may have, and not the issuer.
    #[error("`{named}` does not say which issuer calls it so; write {qualified}")]
    BareAgent { named: String, qualified: String },
    /// The policy compares a subject with a text, and several issuers may give it.
    #[error(
        "`{name}` is compared with a text, and each of the configured issuers could call somebody so; ask for the issuer as well \
         (`principal in Issuer::\"{example}\"`, of actors `context.actor.issuer`), or name `Agent::\"{example}/…\"`"
    )]
    BareSubject { name: String, example: String },
    /// The policy compares a subject with a text, and several tenants of one issuer may give it.
    #[error(
        "`{name}` is compared with a text, and each tenant of `{issuer}` could call somebody so; ask for the tenant's `iss` as well \
         (`principal.issuer`, of actors `context.actor.issuer`), or name `Agent::\"{issuer}/<tenant>/…\"`"
    )]
    BareTenant { name: String, issuer: String },
    /// The policy names an entity, and none of its actions is ever asked about it.
    #[error("no action in its scope is ever asked about its resource")]
    NeverApplies,
    /// Policies could not tell this resource's tools from others'.
    #[error("a resource's name must have neither `/` nor `:`")]
    ResourceName,
    /// Two resources answer to one name.
    #[error("another resource has this name")]
    DuplicateResource,
    /// A JSON Schema that is not one, or that no arguments can be typed with.
    #[error(transparent)]
    Schema(#[from] SchemaProblem),
}

impl LoadError {
    /// In a configuration that has the text at the JSON Pointer `text`.
    pub(super) fn at(&self, text: &str) -> ConfigError {
        match self.place {
            Place::Link(position) => ConfigError::new(format!("/policy/links/{position}"), self.problem.to_string()),
            Place::Text { .. } | Place::Policy { .. } | Place::Catalogue(_) => ConfigError::new(text, self.to_string()),
        }
    }

    /// The policy in which something that is asked for can never be there, if that is it.
    pub(super) fn dead(&self) -> Option<String> {
        match (&self.place, &self.problem) {
            (
                Place::Policy { id, .. },
                Problem::Unreadable { .. } | Problem::NeverDeclared { .. } | Problem::NeverThere(_),
            ) => Some(id.clone()),
            _ => None,
        }
    }

    /// Whether `other` is about the same part of the same text, of a template for another of its links.
    pub(super) fn is_same_part(&self, other: &Self) -> bool {
        match (&self.problem, &other.problem) {
            (Problem::DeadPart(one), Problem::DeadPart(other_part)) => {
                one.part == other_part.part && self.place.is_at(&other.place)
            }
            _ => false,
        }
    }

    /// The policy it is about, if it is about one.
    pub(super) fn policy(&self) -> Option<&str> {
        match &self.place {
            Place::Policy { id, .. } => Some(id),
            Place::Text { .. } | Place::Catalogue(_) | Place::Link(_) => None,
        }
    }

    pub(super) fn catalogue(place: impl Into<String>, problem: impl Into<Problem>) -> Self {
        Self { place: Place::Catalogue(place.into()), problem: problem.into() }
    }
}

/// ` (one, other)`; nothing where there is nothing to tell.
fn told(names: &[String]) -> String {
    if names.is_empty() { String::new() } else { format!(" ({})", names.join(", ")) }
}

fn or_none(words: &[String]) -> String {
    if words.is_empty() { "it has none".to_owned() } else { words.join(", ") }
}

impl Place {
    /// Whether it is at the same position of the text as `other`, whatever the policy there is called.
    pub(super) fn is_at(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Policy { line, column, id: _ }, Self::Policy { line: of_other, column: other, id: _ }) => {
                (line, column) == (of_other, other)
            }
            _ => self == other,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text { line, column } => write!(out, "{line}:{column}"),
            Self::Policy { line, column, id } => write!(out, "{line}:{column}: policy `{id}`"),
            Self::Catalogue(place) => out.write_str(place),
            Self::Link(position) => write!(out, "links/{position}"),
        }
    }
}

/// A part that can never matter, as Cedar writes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadPart {
    pub part: String,
    pub why: Dead,
}

/// Why it cannot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Dead {
    /// It never holds, for this.
    Never(&'static str),
    /// It never holds where what stands before it is so.
    NeverThere,
    /// This always holds where it is asked, and then it is not.
    NeverAsked(String),
}

impl fmt::Display for DeadPart {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { part, why } = self;
        match why {
            Dead::Never(why) => write!(out, "`{part}` never holds: {why}"),
            Dead::NeverThere => write!(out, "`{part}` never holds where what stands before it is so"),
            Dead::NeverAsked(before) => write!(out, "`{part}` is never asked: `{before}` always holds there"),
        }
    }
}
