//! From policy text to rules: parsed, named, annotated as allowed here and valid for the catalogue.
//!
//! Never stops at the first mistake; what Cedar only warns about is a mistake here, but for how texts look.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use cedar_policy::ffi::DetailedError;
use cedar_policy::{Effect, EntityUid, ParseErrors, Policy, PolicyId, PolicySet, PolicyToJsonError};
use countersign_facts::rollout::Mode;
use countersign_rights::workload::{Kind, Voucher, vouching};
use serde_json::Value;

use super::arguments::AskedFor;
use super::asks::{self, Ask, How};
use super::cedar::{CedarPolicy, Surroundings};
use super::error::{LoadError, Place, Problem};
use super::reads::Reads;
use super::schema;
use super::subjects;
use super::templates::Template;
use super::vocabulary;
use super::{Sandbox, declared};
use crate::frameworks;

/// One policy, ready to be indexed.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) policy: Policy,
    /// `@id`, or `policy` and its position among the policies; the link's, if it is of a template.
    pub(super) id: String,
    /// As written, with what fills its slots.
    pub(super) text: String,
    /// `@step_up`: who is to approve.
    pub(super) step_up: Option<String>,
    /// `@reason`.
    pub(super) reason: Option<String>,
    /// `@sandbox`: where what it permits goes.
    pub(super) sandbox: Option<String>,
    /// `@mode`.
    pub(super) mode: Mode,
    /// `@maps`: identifiers of [`frameworks`].
    pub(super) maps: Vec<&'static str>,
    pub(super) reads: Reads,
    /// What its conditions ask for, whatever the action.
    pub(super) asks: BTreeSet<Ask>,
    /// Where it starts in the text, in bytes.
    pub(super) offset: usize,
}

/// What a policy says about itself: for people, reports and tests; nothing is decided with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described<'a> {
    /// `@id`, or `policy` and its position among the policies; the link's, if it is of a template.
    pub id: &'a str,
    /// Where it, or its template, starts in the text, counted from 1 in lines and characters.
    pub line: usize,
    pub column: usize,
    /// Whether it permits; it forbids otherwise.
    pub permits: bool,
    /// `@reason`.
    pub reason: Option<&'a str>,
    /// `@step_up`: who is to approve.
    pub step_up: Option<&'a str>,
    /// `@sandbox`: where what it permits goes.
    pub sandbox: Option<&'a str>,
    /// `@mode`.
    pub mode: Mode,
    /// `@maps`: identifiers of [`frameworks`].
    pub maps: &'a [&'static str],
}

impl CedarPolicy {
    /// Every policy, in the order of `text`, which it was compiled from.
    pub fn policies(&self, text: &str) -> Vec<Described<'_>> {
        let mut rules: Vec<&Rule> = self.rules.values().collect();
        rules.sort_unstable_by_key(|rule| (rule.offset, &rule.id));
        let source = Source::new(text);
        rules.into_iter().map(|rule| rule.described(&source)).collect()
    }
}

impl Rule {
    /// `policy`, which starts at `offset` of the text.
    ///
    /// What is wrong with annotations is left to [`problems`].
    pub(super) fn new(policy: Policy, text: String, offset: usize, reads: Reads) -> Self {
        let asks = asks::anywhere(&conditions(&policy));
        let reads = Reads { claims: asks::claims(&asks), ..reads };
        let annotation = |name| policy.annotation(name).map(str::to_owned);
        let (step_up, reason, sandbox) = (annotation("step_up"), annotation("reason"), annotation("sandbox"));
        let mode = policy.annotation("mode").and_then(Mode::named).unwrap_or(Mode::Enforce);
        let maps = policy.annotation("maps").unwrap_or_default().split_whitespace();
        let maps = maps.filter_map(frameworks::identifier).collect();
        let id = policy.id().to_string();
        Self { policy, id, text, step_up, reason, sandbox, mode, maps, reads, asks, offset }
    }

    /// Its conditions in Cedar's JSON form.
    pub(super) fn conditions(&self) -> Value {
        conditions(&self.policy)
    }

    /// What it says about itself in `source`, which it is of.
    fn described(&self, source: &Source<'_>) -> Described<'_> {
        let (line, column) = source.position(self.offset);
        let (reason, step_up, sandbox) = (self.reason.as_deref(), self.step_up.as_deref(), self.sandbox.as_deref());
        let permits = self.policy.effect() == Effect::Permit;
        Described { id: &self.id, line, column, permits, reason, step_up, sandbox, mode: self.mode, maps: &self.maps }
    }
}

fn conditions(policy: &Policy) -> Value {
    // What cannot be written so was refused when its reads were looked for.
    policy.to_json().ok().and_then(|mut json| Some(json.get_mut("conditions")?.take())).unwrap_or_default()
}

/// Byte offsets as lines and columns.
pub(super) struct Source<'a>(&'a str);

impl<'a> Source<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self(text)
    }

    /// An error in `rule`.
    pub(super) fn error(&self, rule: &Rule, problem: Problem) -> LoadError {
        self.in_policy(&rule.id, rule.offset, problem)
    }

    /// An error in the policy `id`, at an offset.
    pub(super) fn in_policy(&self, id: impl fmt::Display, offset: usize, problem: Problem) -> LoadError {
        let (line, column) = self.position(offset);
        LoadError { place: Place::Policy { line, column, id: id.to_string() }, problem }
    }

    /// An error at an offset, in bytes.
    pub(super) fn in_text(&self, offset: usize, problem: Problem) -> LoadError {
        let (line, column) = self.position(offset);
        LoadError { place: Place::Text { line, column }, problem }
    }

    /// The text from an offset on.
    pub(super) fn after(&self, offset: usize) -> &'a str {
        self.0.get(offset..).unwrap_or_default()
    }

    fn position(&self, offset: usize) -> (usize, usize) {
        let before = self.0.get(..offset).unwrap_or(self.0);
        let last_line = before.rsplit('\n').next().unwrap_or_default();
        (before.matches('\n').count() + 1, last_line.chars().count() + 1)
    }
}

/// What `text` says: its rules, in its order, and those of its templates, in the order of the links. Types are not checked.
/// Errors: where it is not Cedar.
pub(super) fn load(text: &str, around: &Surroundings<'_>) -> Result<Written, Vec<LoadError>> {
    let source = Source::new(text);
    let mut written = Written::read(&source, Some(around.sandboxes))?;
    for rule in &written.rules {
        let strangers = strangers(rule, around).into_iter();
        written.errors.extend(strangers.map(|problem| source.error(rule, problem)));
    }
    written.link(&source, around);
    Ok(written)
}

/// The rules of `text`, whatever the catalogue is.
pub(super) fn read(text: &str) -> Result<Vec<Rule>, Vec<LoadError>> {
    Written::read(&Source::new(text), None)?.finish()
}

/// What a text says, and what is wrong with it.
#[derive(Default)]
pub(super) struct Written {
    pub(super) rules: Vec<Rule>,
    pub(super) templates: Vec<Template>,
    /// All of it by its names, as Cedar validates it.
    pub(super) set: PolicySet,
    pub(super) errors: Vec<LoadError>,
}

impl Written {
    /// Names the policies in the order of the text and checks what Cedar does not know about. Errors: where it is not Cedar.
    fn read(source: &Source<'_>, sandboxes: Option<&[Sandbox]>) -> Result<Self, Vec<LoadError>> {
        let set: PolicySet = source.0.parse().map_err(|errors: ParseErrors| {
            errors.iter().map(|error| syntax(source, &DetailedError::from(error))).collect::<Vec<_>>()
        })?;
        let mut written = Self::default();
        let mut end = 0;
        for number in 0..set.num_of_policies() + set.num_of_templates() {
            let default = PolicyId::new(format!("policy{number}"));
            let named = |id: Option<&str>| id.map_or_else(|| default.clone(), PolicyId::new);
            if let Some(template) = set.template(&default) {
                let offset = find(source, &template.to_string(), &mut end);
                let cedar = template.new_id(named(template.annotation("id")));
                let error = |problem| source.in_policy(cedar.id(), offset, problem);
                let annotations = cedar.annotations();
                if written.reads(error, cedar.to_json(), annotations, cedar.effect(), sandboxes).is_some() {
                    match written.set.add_template(cedar.clone()) {
                        Ok(()) => written.templates.push(Template { cedar, offset }),
                        Err(_) => written.errors.push(error(Problem::DuplicateId)),
                    }
                }
            } else if let Some(policy) = set.policy(&default) {
                let text = policy.to_string();
                let offset = find(source, &text, &mut end);
                let policy = policy.new_id(named(policy.annotation("id")));
                let error = |problem| source.in_policy(policy.id(), offset, problem);
                let annotations = policy.annotations();
                if let Some(reads) = written.reads(error, policy.to_json(), annotations, policy.effect(), sandboxes) {
                    match written.set.add(policy.clone()) {
                        Ok(()) => written.rules.push(Rule::new(policy, text, offset, reads)),
                        Err(_) => written.errors.push(error(Problem::DuplicateId)),
                    }
                }
            }
        }
        Ok(written)
    }

    /// What a policy or template reads; what is wrong with it by itself becomes an `error`. `json`: all that it says.
    fn reads<'p>(
        &mut self,
        error: impl Fn(Problem) -> LoadError,
        json: Result<Value, PolicyToJsonError>,
        annotations: impl Iterator<Item = (&'p str, &'p str)>,
        effect: Effect,
        sandboxes: Option<&[Sandbox]>,
    ) -> Option<Reads> {
        match json {
            Ok(json) => {
                let reads = Reads::of(&json);
                self.errors.extend(problems(annotations, effect, &reads, sandboxes).into_iter().map(error));
                Some(reads)
            }
            Err(cause) => {
                self.errors.push(error(Problem::Cedar(cause.to_string())));
                None
            }
        }
    }

    /// What all of it asks of arguments.
    pub(super) fn asked_for(&self) -> AskedFor {
        let mut asked = AskedFor::default();
        for ask in self.rules.iter().flat_map(|rule| &rule.asks) {
            if let Some(path) = ask.arguments() {
                asked.add(path, ask.how == How::Value);
            }
        }
        asked
    }

    /// Where the policy or template `id` starts.
    pub(super) fn start(&self, id: &PolicyId) -> usize {
        let rules = self.rules.iter().map(|rule| (rule.policy.id(), rule.offset));
        let mut all = rules.chain(self.templates.iter().map(|template| (template.cedar.id(), template.offset)));
        all.find(|(name, _)| *name == id).map_or(0, |(_, offset)| offset)
    }

    /// Its rules, or everything that is wrong with it.
    pub(super) fn finish(self) -> Result<Vec<Rule>, Vec<LoadError>> {
        if self.errors.is_empty() { Ok(self.rules) } else { Err(self.errors) }
    }
}

/// Where `text` starts at or after `end`; `end` moves behind it.
fn find(source: &Source<'_>, text: &str, end: &mut usize) -> usize {
    let offset = source.0.get(*end..).and_then(|rest| rest.find(text)).map_or(*end, |at| *end + at);
    *end = offset + text.len();
    offset
}

/// What is wrong with `annotations` on something that has this `effect` and `reads` this; sandboxes where they are known.
fn problems<'a>(
    annotations: impl Iterator<Item = (&'a str, &'a str)>,
    effect: Effect,
    reads: &Reads,
    sandboxes: Option<&[Sandbox]>,
) -> Vec<Problem> {
    let annotations: BTreeMap<&str, &str> = annotations.collect();
    let mut problems = Vec::new();
    for (&name, &value) in &annotations {
        match name {
            "id" if value.is_empty() => problems.push(Problem::EmptyAnnotation("id")),
            "step_up" if value.is_empty() => problems.push(Problem::EmptyAnnotation("step_up")),
            "sandbox" if value.is_empty() => problems.push(Problem::EmptyAnnotation("sandbox")),
            "mode" if Mode::named(value).is_none() => problems.push(Problem::UnknownMode(value.to_owned())),
            "maps" => {
                let unknown = value.split_whitespace().filter(|word| frameworks::identifier(word).is_none());
                problems.extend(unknown.map(|word| Problem::UnknownRisk(word.to_owned())));
            }
            "id" | "step_up" | "sandbox" | "reason" | "mode" => {}
            unknown => problems.push(Problem::UnknownAnnotation(unknown.to_owned())),
        }
    }
    if annotations.contains_key("step_up") {
        match effect {
            Effect::Permit => problems.push(Problem::StepUpOnPermit),
            Effect::Forbid if reads.context.contains("approval") => {}
            Effect::Forbid => problems.push(Problem::StepUpNeverLifted),
        }
    }
    if let Some(name) = annotations.get("sandbox") {
        if effect == Effect::Forbid {
            problems.push(Problem::SandboxOnForbid);
        }
        let unknown = sandboxes.is_some_and(|sandboxes| sandboxes.iter().all(|sandbox| sandbox.name != **name));
        if unknown && !name.is_empty() {
            problems.push(Problem::UnknownSandbox((*name).to_owned()));
        }
    }
    problems
}

/// Entities in `rule` that are not `around`: no resource of the catalogue is or has them, nobody is in them. A misspelt forbid
/// would forbid nothing.
pub(super) fn strangers(rule: &Rule, around: &Surroundings<'_>) -> Vec<Problem> {
    let named: BTreeSet<EntityUid> = rule.policy.entity_literals().into_iter().collect();
    let strangers = named.into_iter().filter_map(|uid| stranger(&uid, around));
    let claims = around.claims();
    let never = declared::never(&rule.asks, &claims).map(|ask| Problem::NeverThere(ask.spelled()));
    strangers
        .chain(never)
        .chain(vocabulary::unknown(&rule.conditions(), around))
        .chain(bare_subject(rule, around))
        .collect()
}

/// A subject that `rule` compares with a text, without its issuer where there are several.
fn bare_subject(rule: &Rule, around: &Surroundings<'_>) -> Option<Problem> {
    let issuers = around.issuers.as_deref()?;
    let several: Vec<&str> = issuers
        .iter()
        .filter(|issuer| issuer.rules.tenants().nth(1).is_some())
        .map(|issuer| issuer.name.as_str())
        .collect();
    let of_any = || subjects::bare(&rule.policy, &[]).filter(|_| issuers.len() > 1);
    if let (Some(name), Some(issuer)) = (of_any(), issuers.first()) {
        return Some(Problem::BareSubject { name, example: issuer.name.clone() });
    }
    let name = subjects::bare(&rule.policy, &several)?;
    Some(Problem::BareTenant { name, issuer: (*several.first()?).to_owned() })
}

fn stranger(uid: &EntityUid, Surroundings { resources, issuers, .. }: &Surroundings<'_>) -> Option<Problem> {
    let id = uid.id().unescaped();
    let declared = |name: &str| resources.iter().any(|resource| resource.name == name);
    let issuers = issuers.as_deref();
    let trusted = |is: &dyn Fn(&Voucher) -> bool| issuers.is_none_or(|issuers| issuers.iter().any(|issuer| is(issuer)));
    match uid.type_name().basename() {
        "Resource" if !declared(id) => Some(Problem::UnknownResource(uid.to_string())),
        "Tool" if !id.split_once('/').is_some_and(|(name, _)| declared(name)) => {
            Some(Problem::UnknownResource(uid.to_string()))
        }
        schema::KIND if Kind::ALL.into_iter().all(|kind| kind.name() != id) => {
            Some(Problem::UnknownKind(uid.to_string()))
        }
        schema::AGENT => bare_agent(uid, issuers),
        schema::ISSUER if !trusted(&|issuer| issuer.name == id) => Some(Problem::UnknownIssuer(uid.to_string())),
        schema::TRUST_DOMAIN if !trusted(&|issuer| issuer.trust_domain().is_some_and(|domain| domain.name() == id)) => {
            Some(Problem::UnknownIssuer(uid.to_string()))
        }
        _ => None,
    }
}

/// An agent without the issuer that calls it so: it would be nobody, and a misspelt forbid would forbid nothing.
fn bare_agent(uid: &EntityUid, issuers: Option<&[&Voucher]>) -> Option<Problem> {
    let id = uid.id().unescaped();
    let issuers = issuers?;
    if issuers.iter().any(|issuer| vouches_for(issuer, id)) {
        return None;
    }
    let qualified = issuers.iter().map(|issuer| {
        let tenant = issuer.rules.tenant_claim().map(|_| "<tenant>");
        format!("`{}::\"{}/{id}\"`", schema::AGENT, vouching(&issuer.name, tenant))
    });
    Some(Problem::BareAgent { named: uid.to_string(), qualified: qualified.collect::<Vec<_>>().join(" or ") })
}

/// Whether `id` is what policies call somebody whom `issuer` vouches for.
fn vouches_for(issuer: &Voucher, id: &str) -> bool {
    let names_somebody = |tenant: Option<&str>| {
        let rest = id.strip_prefix(vouching(&issuer.name, tenant).as_str());
        match rest.and_then(|rest| rest.split_at_checked(1)) {
            Some(("/", subject)) => !subject.is_empty(),
            Some(("#", machine)) => machine
                .split_once('/')
                .is_some_and(|(claim, id)| issuer.rules.machine_claim() == Some(claim) && !id.is_empty()),
            Some(_) | None => false,
        }
    };
    match issuer.rules.tenant_claim() {
        Some(_) => issuer.rules.tenants().any(|tenant| names_somebody(Some(tenant))),
        None => names_somebody(None),
    }
}

fn syntax(source: &Source<'_>, error: &DetailedError) -> LoadError {
    let offset = error.source_locations.first().map_or(0, |label| label.loc.start);
    source.in_text(offset, Problem::Syntax(words(error, "")))
}

/// Cedar's words and its advice, without a prefix that says what the place says already.
pub(super) fn words(error: &DetailedError, prefix: &str) -> String {
    let message = error.message.strip_prefix(prefix).unwrap_or(&error.message);
    match &error.help {
        Some(help) => format!("{message} ({})", help.strip_prefix(prefix).unwrap_or(help)),
        None => message.to_owned(),
    }
}
