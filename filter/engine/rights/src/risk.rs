//! Rules that raise the risk of an action above what the catalogue says: by what it does and where it leads, by who asks, and
//! by what is unhealthy about the credential.
//!
//! A rule only ever raises, so their order says nothing, and what nobody can tell (an argument that leads nowhere known) counts
//! as risky. What a risk means is for policies to say (`context.risk`); nothing is decided here.

use countersign_protocols::action::{Action, Class, Method};
use countersign_protocols::bounds::{ArgumentPlace, text};
use countersign_protocols::catalogue::{PathMatch, Resource, Risk, Tool};
use countersign_protocols::learned::Learned;
use countersign_tokens::json::Json;

use crate::hygiene::Finding;
use crate::task::Object;
use crate::workload::register::Register;
use crate::workload::{Kind, Trait, Workload};

/// All of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RiskRules(pub Vec<RiskRule>);

/// What makes an action at least so risky.
#[derive(Clone, Debug, PartialEq)]
pub struct RiskRule {
    /// For records.
    pub name: String,
    pub raise_to: Risk,
    pub when: When,
}

/// When a rule holds: whatever is stated must be met, each by one of its list.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct When {
    /// Configured names.
    pub resources: Option<Vec<String>>,
    /// Names of tools, endpoints and gRPC methods, declared or not.
    pub tools: Option<Vec<Object>>,
    /// Of the request.
    pub paths: Option<Vec<PathMatch>>,
    /// It has one of these.
    pub labels: Option<Vec<String>>,
    pub classes: Option<Vec<Class>>,
    /// It leads to one of these domains.
    pub destinations: Option<Vec<String>>,
    /// It leads to somewhere else than these.
    pub outside: Option<Vec<String>>,
    pub kinds: Option<Vec<Kind>>,
    /// The caller, or somebody it acts for or through, has one of these.
    pub traits: Option<Vec<Trait>>,
    pub findings: Option<Vec<Finding>>,
}

/// What rules are asked about.
#[derive(Clone, Copy, Debug)]
pub struct About<'a> {
    pub resource: &'a Resource,
    pub action: &'a Action,
    pub workload: &'a Workload,
    pub findings: &'a [Finding],
}

/// How risky an action is, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rating {
    pub risk: Risk,
    /// Whether it is what lists showed, and not the catalogue's.
    pub learned: bool,
    /// Names of the rules that raised it to that.
    pub rules: Vec<String>,
}

impl RiskRules {
    /// The catalogue's risk of what `about` is about, or what lists showed; raised as far as the rules that hold say.
    pub fn rate(&self, learned: &Learned, about: About<'_>) -> Rating {
        let About { resource, action, .. } = about;
        let tool = action.entry(resource);
        let catalogue = tool.map_or(resource.risk, |tool| tool.risk);
        let shown = learned.risk(resource.annotations, tool.is_some(), catalogue);
        let holding: Vec<&RiskRule> = self.0.iter().filter(|rule| rule.when.holds(about, tool)).collect();
        match holding.iter().map(|rule| rule.raise_to).max() {
            Some(highest) if highest > shown => {
                let raising = holding.iter().filter(|rule| rule.raise_to == highest);
                Rating { risk: highest, learned: false, rules: raising.map(|rule| rule.name.clone()).collect() }
            }
            Some(_) | None => Rating { risk: shown, learned: shown != catalogue, rules: Vec::new() },
        }
    }

    /// The risk of `action`, where no list showed anything.
    pub fn risk(&self, resource: &Resource, action: &Action, workload: &Workload, findings: &[Finding]) -> Risk {
        self.rate(&Learned::default(), About { resource, action, workload, findings }).risk
    }

    /// Whether one reads where the arguments of `tool` lead.
    pub fn read_arguments(&self, tool: Option<&Tool>) -> bool {
        self.places(tool).next().is_some()
    }

    /// The arguments of `tool` that one looks at.
    pub fn places(&self, tool: Option<&Tool>) -> impl Iterator<Item = ArgumentPlace> {
        let reads = self.0.iter().any(|rule| rule.when.destinations.is_some() || rule.when.outside.is_some());
        places(tool.filter(|_| reads))
    }
}

impl When {
    /// Whether it could hold of anything that `resources` are asked for by anybody in `register`, as far as that is plain. Tools that
    /// nobody declared may be called as it likes, where such are admitted.
    pub fn could_hold(&self, resources: &[Resource], register: &Register) -> bool {
        let Self { resources: named, kinds, .. } = self;
        let governed = |kind: Kind| register.could_be(kind);
        let met = |resource: &Resource| {
            resource.tools.values().map(Some).chain([None]).any(|tool| self.could(resource, tool))
        };
        kinds.as_ref().is_none_or(|kinds| kinds.iter().copied().any(governed))
            && resources.iter().any(|resource| one_of(named.as_ref(), |name| *name == resource.name) && met(resource))
    }

    /// Whether a call of `tool`, or of what `resource` does not declare, could meet it.
    fn could(&self, resource: &Resource, tool: Option<&Tool>) -> bool {
        let Self {
            resources: _,
            tools,
            paths,
            labels,
            classes,
            destinations,
            outside,
            kinds: _,
            traits: _,
            findings: _,
        } = self;
        let is_called = resource.protocol.call().is_some();
        let any_name = is_called && !resource.interface.closed;
        let is_event = tool.is_some_and(|tool| resource.is_event(&tool.name));
        let executes = is_called && (tool.is_some() || tools.is_some()) && !is_event;
        // What happens can be delivered to wherever a subscription says.
        let delivers = (tool.is_none() || is_event) && resource.protocol.methods().iter().any(Method::delivers);
        let declared = tool.is_some_and(|tool| !tool.destinations.is_empty());
        let leads = resource.interface.egress || declared || delivers;
        one_of(tools.as_ref(), |name| tool.map_or(any_name, |tool| name.admits(&tool.name)))
            && one_of(labels.as_ref(), |label| tool.is_some_and(|tool| tool.labels.contains(label)))
            && one_of(classes.as_ref(), |class| !executes || *class == Class::Execute)
            && one_of(paths.as_ref(), |path| path.meets(&resource.matching.path))
            && ((destinations.is_none() && outside.is_none()) || leads)
    }

    /// Each of its members alone, by the name that configuration has for it.
    pub fn each(&self) -> impl Iterator<Item = (&'static str, Self)> {
        let Self { resources, tools, paths, labels, classes, destinations, outside, kinds, traits, findings } =
            self.clone();
        let nothing = Self::default;
        let members = [
            resources.map(|all| ("resources", Self { resources: Some(all), ..nothing() })),
            tools.map(|all| ("tools", Self { tools: Some(all), ..nothing() })),
            paths.map(|all| ("paths", Self { paths: Some(all), ..nothing() })),
            labels.map(|all| ("labels", Self { labels: Some(all), ..nothing() })),
            classes.map(|all| ("classes", Self { classes: Some(all), ..nothing() })),
            destinations.map(|all| ("destinations", Self { destinations: Some(all), ..nothing() })),
            outside.map(|all| ("outside", Self { outside: Some(all), ..nothing() })),
            kinds.map(|all| ("kinds", Self { kinds: Some(all), ..nothing() })),
            traits.map(|all| ("traits", Self { traits: Some(all), ..nothing() })),
            findings.map(|all| ("findings", Self { findings: Some(all), ..nothing() })),
        ];
        members.into_iter().flatten()
    }

    fn holds(&self, about: About<'_>, tool: Option<&Tool>) -> bool {
        let Self { resources, tools, paths, labels, classes, destinations, outside, kinds, traits, findings } = self;
        let About { resource, action, workload, findings: found } = about;
        let path = action.target.split('?').next().unwrap_or_default();
        let named = |object: &Object| action.tool().is_some_and(|name| object.admits(name));
        let has = |label: &String| tool.is_some_and(|tool| tool.labels.contains(label));
        one_of(resources.as_ref(), |name| *name == resource.name)
            && one_of(tools.as_ref(), named)
            // Also what a lenient server takes for such a path: it would do there what the rule is about.
            && one_of(paths.as_ref(), |pattern| pattern.admits(path) || pattern.nearly_admits(path))
            && one_of(labels.as_ref(), has)
            && one_of(classes.as_ref(), |class| *class == action.class())
            && one_of(kinds.as_ref(), |kind| *kind == workload.kind)
            && one_of(traits.as_ref(), |one| workload.traits.contains(one))
            && one_of(findings.as_ref(), |finding| found.contains(finding))
            && destinations.as_ref().is_none_or(|domains| leads(about, tool, |host| is_in(host, domains)))
            && outside.as_ref().is_none_or(|domains| leads(about, tool, |host| !is_in(host, domains)))
    }
}

/// The arguments of `tool` that say where it goes.
fn places(tool: Option<&Tool>) -> impl Iterator<Item = ArgumentPlace> {
    tool.into_iter().flat_map(|tool| &tool.destinations).filter_map(|place| ArgumentPlace::parse(place))
}

fn one_of<T>(stated: Option<&Vec<T>>, meets: impl FnMut(&T) -> bool) -> bool {
    stated.is_none_or(|list| list.iter().any(meets))
}

fn is_in(host: &str, domains: &[String]) -> bool {
    domains.iter().any(|domain| text::is_in_domain(host, domain))
}

/// Whether it leads anywhere that `is_meant`: by the authority of a request on its way out, by where a subscription has events
/// delivered, or by the arguments that say where it goes. What cannot be read may lead anywhere.
fn leads(about: About<'_>, tool: Option<&Tool>, is_meant: impl Fn(&str) -> bool) -> bool {
    let could_lead = |value: &Json| match value.as_str().and_then(text::host) {
        Some(host) => is_meant(&host),
        None => true,
    };
    let leads = |value: &Json| match value {
        Json::Array(several) => several.iter().any(could_lead),
        // An optional argument that is not given.
        Json::Null => false,
        Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Object(_) => could_lead(value),
    };
    let outwards = about.resource.interface.egress && about.action.host().is_none_or(|host| is_meant(&host));
    let delivered = about.action.delivery().is_some_and(|delivery| is_meant(&delivery.host));
    outwards
        || delivered
        || places(tool).any(|place| about.action.arguments().is_some_and(|all| place.find(all).into_iter().any(leads)))
}
