//! What a decision point elsewhere calls those whom it is asked about, where that is not what they are called here.
//!
//! Only names are written otherwise: what else a question says stays. Two subjects that are called alike are one to whoever is
//! asked, so a name that leaves out the issuer is for where only one is trusted, or where the others' subjects are the same people.

use std::fmt;

use countersign_protocols::catalogue::Resource;
use countersign_rights::workload::vouching;
use countersign_tokens::json::{Json, Members};
use countersign_tokens::{Machine, Subject};

use super::super::Facts;
use super::super::schema::ActionName;

/// What names are written with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    /// As it is without a mapping: the id, the type or the action's name.
    Plain,
    /// Of the subject, as its token has them.
    Issuer,
    Subject,
    /// The issuer as configured, and which of its tenants.
    IssuerName,
    Kind,
    /// The configured name of the resource.
    Resource,
    /// What is acted on below the resource: the tool, the path, the URI; the resource where nothing is.
    Object,
    /// The operation as records spell it.
    Operation,
    Class,
}

/// A member of the question that can be written otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Member {
    SubjectType,
    SubjectId,
    ActionName,
    ResourceType,
    ResourceId,
}

impl Member {
    /// Every one.
    pub const ALL: [Self; 5] =
        [Self::SubjectType, Self::SubjectId, Self::ActionName, Self::ResourceType, Self::ResourceId];

    /// As configuration spells it.
    pub const fn key(self) -> &'static str {
        match self {
            Self::SubjectType => "subject_type",
            Self::SubjectId => "subject_id",
            Self::ActionName => "action_name",
            Self::ResourceType => "resource_type",
            Self::ResourceId => "resource_id",
        }
    }

    /// Where it is in the question.
    const fn place(self) -> (&'static str, &'static str) {
        match self {
            Self::SubjectType => ("subject", "type"),
            Self::SubjectId => ("subject", "id"),
            Self::ActionName => ("action", "name"),
            Self::ResourceType => ("resource", "type"),
            Self::ResourceId => ("resource", "id"),
        }
    }

    /// The words that mean something in it.
    const fn words(self) -> &'static [(&'static str, Word)] {
        match self {
            Self::SubjectType => &[("type", Word::Plain), ("kind", Word::Kind)],
            Self::SubjectId => &[
                ("id", Word::Plain),
                ("issuer", Word::Issuer),
                ("issuer_name", Word::IssuerName),
                ("subject", Word::Subject),
            ],
            Self::ActionName => &[("name", Word::Plain), ("operation", Word::Operation), ("class", Word::Class)],
            Self::ResourceType => &[("type", Word::Plain), ("resource", Word::Resource)],
            Self::ResourceId => &[("id", Word::Plain), ("resource", Word::Resource), ("object", Word::Object)],
        }
    }
}

/// How one member is written: text, and words in braces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(Vec<Part>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    Text(String),
    Word(Word),
}

impl Name {
    /// `user:{subject}`, for `member`; the error says what is wrong.
    pub fn parse(member: Member, text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (word, after) = after.split_once('}').ok_or("has a `{` without `}`")?;
            let known = member.words().iter().find(|(name, _)| *name == word);
            let names = || member.words().iter().map(|(name, _)| format!("{{{name}}}")).collect::<Vec<_>>().join(", ");
            let (_, word) =
                known.ok_or_else(|| format!("has a word that there is not here, `{{{word}}}` ({})", names()))?;
            parts.extend((!before.is_empty()).then(|| Part::Text(before.to_owned())));
            parts.push(Part::Word(*word));
            rest = after;
        }
        parts.extend((!rest.is_empty()).then(|| Part::Text(rest.to_owned())));
        if parts.iter().any(|part| matches!(part, Part::Text(text) if text.contains('}'))) {
            return Err("has a `}` without `{`".to_owned());
        }
        Ok(Self(parts))
    }

    /// Whether every subject, action or resource is called the same.
    pub fn is_fixed(&self) -> bool {
        self.0.iter().all(|part| matches!(part, Part::Text(_)))
    }

    /// Whether subjects of two issuers are called differently, whatever either calls its own: by the plain id, or by the issuer first
    /// and behind it what no issuer's name, or `iss`, has in it.
    pub fn says_whose(&self) -> bool {
        let mut words = self.0.iter().filter(|part| matches!(part, Part::Word(_)));
        if let (Some(Part::Word(Word::Plain)), None) = (words.next(), words.next()) {
            return true;
        }
        let first = self.0.iter().position(|part| matches!(part, Part::Word(_))).unwrap_or_default();
        let (whose, behind) = (self.0.get(first), self.0.get(first + 1));
        let Some(Part::Text(text)) = behind else { return false };
        match whose {
            Some(Part::Word(Word::IssuerName)) => !text.starts_with(is_in_name),
            Some(Part::Word(Word::Issuer)) => text.starts_with(['#', '|', ' ']),
            Some(_) | None => false,
        }
    }

    /// Whether objects of two resources are called differently, of which this is the id: it says which resource.
    pub fn says_where(&self) -> bool {
        self.0.iter().any(|part| matches!(part, Part::Word(Word::Plain | Word::Resource)))
    }

    fn written(&self, plain: &str, resource: &Resource, facts: &Facts<'_>) -> String {
        let word = |word: &Word| match word {
            Word::Plain => plain.to_owned(),
            Word::Issuer => facts.workload.identity.issuer.clone(),
            Word::Subject => subject(&facts.workload.identity.subject),
            Word::IssuerName => vouching(&facts.workload.issuer_name, facts.workload.tenant.as_deref()),
            Word::Kind => facts.workload.kind.name().to_owned(),
            Word::Resource => resource.name.clone(),
            Word::Object => facts.action.object().unwrap_or(&resource.name).to_owned(),
            Word::Operation => facts.action.name(),
            Word::Class => facts.action.class().name().to_owned(),
        };
        let part = |part: &Part| match part {
            Part::Text(text) => text.clone(),
            Part::Word(one) => word(one),
        };
        self.0.iter().map(part).collect()
    }
}

/// What the name of an issuer, with or without its tenant, can have in it.
fn is_in_name(character: char) -> bool {
    character.is_alphanumeric() || "._~-/".contains(character)
}

/// `sub` as it is; a machine as `#claim/id`, which no `sub` is written as.
fn subject(subject: &Subject) -> String {
    match subject {
        Subject::Sub(sub) if sub.starts_with('#') => format!("#{sub}"),
        Subject::Sub(sub) => sub.clone(),
        Subject::Machine(Machine { claim, id }) => format!("#{claim}/{id}"),
    }
}

impl fmt::Display for Name {
    /// As it is told from others in a revision.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{:?}", self.0)
    }
}

/// Writes the `names` that there are into the question `document` about `facts`.
pub(super) fn write(names: &[(Member, Name)], document: &mut Members, resource: &Resource, facts: &Facts<'_>) {
    for (member, name) in names {
        let (of, key) = member.place();
        let Some(Json::Object(of)) = document.get_mut(of) else { continue };
        let plain = match of.get(key) {
            Some(Json::String(plain)) => plain.clone(),
            _ => ActionName::of_action(resource, facts.action).id,
        };
        of.insert(key.to_owned(), Json::String(name.written(&plain, resource, facts)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_never_called_as_a_person_is() {
        let machine = Machine { claim: "azp".to_owned(), id: "alice".to_owned() };
        let names = [Subject::from("alice"), Subject::from("#azp/alice"), Subject::Machine(machine)];
        assert_eq!(names.map(|name| subject(&name)), ["alice", "##azp/alice", "#azp/alice"]);
    }

    #[test]
    fn nobody_of_one_issuer_is_called_as_somebody_of_another() {
        for (text, says) in [
            ("{id}", true),
            ("user:{id}", true),
            ("{issuer_name}:{subject}", true),
            ("user:{issuer_name}|{subject}", true),
            ("{issuer}#{subject}", true),
            ("{subject}", false),
            ("{subject}@{issuer_name}", false),
            ("{issuer_name}{subject}", false),
            ("{issuer_name}-{subject}", false),
            ("{issuer_name}/{subject}", false),
            ("{issuer}/{subject}", false),
            ("{issuer}:{subject}", false),
            ("{subject}{id}", false),
            ("{issuer_name}", false),
        ] {
            assert_eq!(Name::parse(Member::SubjectId, text).map(|name| name.says_whose()), Ok(says), "{text}");
        }
    }

    #[test]
    fn a_name_is_text_and_words() {
        for (member, text) in [
            (Member::SubjectType, "user"),
            (Member::SubjectId, "user:{subject}@{issuer_name}"),
            (Member::ResourceId, "{resource}|{object}"),
            (Member::ActionName, "can_{class}"),
            (Member::SubjectId, "{id}"),
        ] {
            assert!(Name::parse(member, text).is_ok(), "{text}");
        }
        for (member, text, problem) in [
            (
                Member::SubjectId,
                "{object}",
                "has a word that there is not here, `{object}` ({id}, {issuer}, {issuer_name}, {subject})",
            ),
            (Member::ResourceType, "a{type", "has a `{` without `}`"),
            (Member::ResourceType, "a}{type}", "has a `}` without `{`"),
            (Member::ActionName, "{}", "has a word that there is not here, `{}` ({name}, {operation}, {class})"),
        ] {
            assert_eq!(Name::parse(member, text), Err(problem.to_owned()), "{text}");
        }
    }
}
