//! The index and the partial contexts against Cedar itself over all policies, all entities and the whole context.

use std::sync::LazyLock;

use cedar_policy::{AuthorizationError, Authorizer, Decision, Entities, PolicyId, PolicySet, Request, Schema};
use countersign_facts::rollout::Mode;
use countersign_protocols::action::{Action, Operation};
use countersign_rights::claims::DeclaredClaims;
use countersign_rights::workload::Kind;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Map, json};

use super::{Failure, World, call, catalogue, compile, http, mcp, spell};
use crate::arguments::{Arguments, AskedFor};
use crate::catalogue::catalogue as catalogue_types;
use crate::decide::hypothetical;
use crate::reads::Names;
use crate::schema::{self, ActionName, Types};
use crate::{Approval, context};
use crate::{Facts, Verdict};

const PRINCIPALS: [&str; 8] = [
    "principal",
    "principal",
    r#"principal == Agent::"platform/alice""#,
    r#"principal in Kind::"agent""#,
    r#"principal in Kind::"automation""#,
    r#"principal in Issuer::"platform""#,
    r#"principal is Agent in Issuer::"other""#,
    r#"principal in TrustDomain::"example.org""#,
];
const ACTIONS: [&str; 10] = [
    "action",
    r#"action == Action::"payments/transfer""#,
    r#"action == Action::"mcp:tools/call""#,
    r#"action in Action::"mcp:tools/call""#,
    r#"action in Action::"mcp:execute""#,
    r#"action in [Action::"payments/ping", Action::"mcp:list"]"#,
    r#"action in [Action::"crm/lookup"]"#,
    r#"action == Action::"mcp:tools/list""#,
    r#"action in Action::"http""#,
    r#"action == Action::"http:GET""#,
];
const RESOURCES: [&str; 8] = [
    "resource",
    r#"resource == Tool::"payments/transfer""#,
    r#"resource == Tool::"payments/other""#,
    r#"resource in Tool::"crm/lookup""#,
    r#"resource in Resource::"payments""#,
    r#"resource == Resource::"crm""#,
    "resource is Tool",
    r#"resource is Tool in Resource::"crm""#,
];
const CONDITIONS: [&str; 17] = [
    "",
    "when { context.args.amount > 5 }",
    "when { context.args.amount * 9223372036854775807 > 0 }",
    r#"when { context.args has memo && context.args.memo == "m" }"#,
    "when { context.args has fee }",
    r#"when { principal.issuer_name == "platform" && principal has client_id }"#,
    r#"when { principal in [Kind::"automation"] || principal is Agent in TrustDomain::"example.org" }"#,
    r#"when { Agent::"platform/alice" in Kind::"agent" }"#,
    r#"when { Agent::"platform/alice".issuer_name == "platform" }"#,
    "when { context has actor }",
    r#"when { context.request.path like "/payments/*" && context.now == 1000 }"#,
    r#"when { resource == Tool::"payments/transfer" || resource in Resource::"crm" }"#,
    r#"when { Tool::"payments/transfer".risk == "high" && action in Action::"mcp:execute" }"#,
    r#"when { Agent::"platform/nobody".issuer == "x" }"#,
    r#"when { context has approval && context.approval.approver == "carol" }"#,
    "when { context has approval && context.approval.expires * 9223372036854775807 > 0 }",
    r#"when { context has task.purpose && context.labels.contains("external") && context.risk == "high" }"#,
];

/// Every scope, apart from its principal, and condition that can be loaded together.
static BODIES: LazyLock<Vec<(String, &str)>> = LazyLock::new(|| {
    let scopes = ACTIONS.into_iter().flat_map(|action| RESOURCES.map(|resource| format!("{action}, {resource})")));
    let bodies = scopes.flat_map(|scope| CONDITIONS.map(|condition| (scope.clone(), condition)));
    bodies.filter(|(scope, condition)| compile(&format!("permit(principal, {scope} {condition};")).is_ok()).collect()
});

fn texts() -> impl Strategy<Value = Vec<String>> {
    let heads = select(vec!["permit", "permit", "forbid", "@step_up(\"m\") forbid"]);
    let policy = (heads, select(PRINCIPALS.as_slice()), select(BODIES.as_slice()));
    let policy = policy.prop_map(|(head, principal, (scope, condition))| match condition {
        // Lifted by what it is conditional on, it would be impossible.
        approval if head.starts_with('@') && approval.contains("approval") => {
            format!("forbid({principal}, {scope} {condition};")
        }
        _ if head.starts_with('@') => {
            format!("{head}({principal}, {scope} {condition} unless {{ context has approval }};")
        }
        _ => format!("{head}({principal}, {scope} {condition};"),
    });
    prop::collection::vec(policy, 0..7)
}

fn actions() -> impl Strategy<Value = Action> {
    let members = vec![("fee", json!(1.5)), ("memo", json!("m")), ("memo", json!(null)), ("to", json!("bob"))];
    let transfer = (0_i64..9, subsequence(members, 0..4)).prop_map(|(amount, members)| {
        let members = members.into_iter().map(|(name, value)| (name.to_owned(), value));
        let arguments = members.chain([("amount".to_owned(), json!(amount))]).collect::<Map<_, _>>();
        call("payments", "transfer", arguments.into())
    });
    let others = vec![
        call("payments", "ping", json!({ "x": 1 })),
        call("payments", "other", json!({})),
        call("payments", "lookup", json!({})),
        call("crm", "lookup", json!({ "amount": "a" })),
        call("crm", "transfer", json!({ "amount": 7 })),
        mcp("payments", "tools/list", None),
        mcp("crm", "tools/list", None),
        mcp("crm", "resources/read", Some("file:///a")),
        http("files", "GET"),
        http("files", "PUT"),
        http("payments", "OPTIONS"),
    ];
    prop_oneof![transfer, select(others)]
}

/// The verdict by the book.
fn by_the_book(text: &str, facts: &Facts<'_>) -> Result<String, Failure> {
    let set: PolicySet = text.parse()?;
    let first = plain(&set, facts, facts.approval)?;
    let step_up = |id: &String| set.annotation(&PolicyId::new(id), "step_up").is_some();
    match first {
        Plain::Deny(determining)
            if facts.approval.is_none() && !determining.is_empty() && determining.iter().all(step_up) =>
        {
            match plain(&set, facts, Some(&hypothetical(facts)))? {
                Plain::Allow(_) => Ok(format!("step_up {determining:?}")),
                Plain::Deny(_) => Ok(format!("deny {determining:?}")),
                Plain::Error(ids) => Ok(format!("error {ids:?}")),
            }
        }
        Plain::Deny(ids) => Ok(format!("deny {ids:?}")),
        Plain::Allow(ids) => Ok(format!("allow {ids:?}")),
        Plain::Error(ids) => Ok(format!("error {ids:?}")),
    }
}

enum Plain {
    Allow(Vec<String>),
    Deny(Vec<String>),
    Error(Vec<String>),
}

/// Cedar over everything; the request is checked against the schema, too.
fn plain(set: &PolicySet, facts: &Facts<'_>, approval: Option<&Approval>) -> Result<Plain, Failure> {
    let resources = catalogue();
    let (declared, _) = catalogue_types(&resources);
    let schema =
        schema::resolved(schema::written(&resources, &declared, &AskedFor::default(), &DeclaredClaims::default())?)?;
    let types = Types::new()?;
    let action = facts.action;
    let (name, resource) = match &action.operation {
        Operation::ToolCall(called) => {
            let declared =
                resources.iter().find(|one| one.name == action.resource && one.tools.contains_key(&called.tool));
            let name = declared.map_or_else(|| action.name(), |one| ActionName::tool(one, &called.tool).id);
            (name, types.tool(&action.resource, &called.tool))
        }
        Operation::Endpoint(called) => {
            let name = format!("{}/{}", action.resource, called.endpoint);
            (name, types.tool(&action.resource, &called.endpoint))
        }
        Operation::Event(_) | Operation::Mcp(_) | Operation::Http { .. } | Operation::A2a(_) | Operation::Grpc(_) => {
            (action.name(), types.resource(&action.resource))
        }
    };
    let principal = types.agent(facts.workload);
    let known = declared.get(&(action.resource.as_str(), action.object().unwrap_or_default()));
    let known = known.map(|types| Arguments::of(types)).zip(action.arguments());
    let values = known.map(|(typed, values)| typed.fit(values, &Names::All, Mode::Enforce)).transpose()?.flatten();
    let context = context::context(facts, approval, values, &Names::All)?;
    let request = Request::new(principal, types.action(&name), resource, context, Some(&schema))?;
    let response = Authorizer::new().is_authorized(&request, set, &everything(&schema, &types, facts)?);
    let mut errors: Vec<String> = response.diagnostics().errors().map(failed).collect();
    let mut ids: Vec<String> = response.diagnostics().reason().map(ToString::to_string).collect();
    errors.sort();
    ids.sort();
    Ok(match response.decision() {
        _ if !errors.is_empty() => Plain::Error(errors),
        Decision::Allow => Plain::Allow(ids),
        Decision::Deny => Plain::Deny(ids),
    })
}

fn failed(error: &AuthorizationError) -> String {
    match error {
        AuthorizationError::PolicyEvaluationError(error) => error.policy_id().to_string(),
    }
}

fn everything(schema: &Schema, types: &Types, facts: &Facts<'_>) -> Result<Entities, Failure> {
    let mut entities = vec![context::agent(types.agent(facts.workload), types, facts, &Names::All)?];
    for resource in catalogue() {
        let mut tools: Vec<(String, &str, Vec<String>)> =
            resource.tools.values().map(|tool| (tool.name.clone(), tool.risk.name(), tool.labels.clone())).collect();
        let called = facts.action.object().filter(|_| facts.action.arguments().is_some());
        if let Some(called) =
            called.filter(|called| facts.action.resource == resource.name && !resource.tools.contains_key(*called))
        {
            tools.push((called.to_owned(), resource.risk.name(), Vec::new()));
        }
        for (tool, risk, labels) in tools {
            let (uid, parent) = (types.tool(&resource.name, &tool), types.resource(&resource.name));
            entities.push(context::tool(uid, parent, risk, &labels)?);
        }
    }
    Ok(schema.action_entities()?.add_entities(entities, Some(schema))?)
}

fn brief(verdict: &Verdict) -> String {
    match verdict {
        Verdict::Allow(allow) => format!("allow {:?}", allow.determining()),
        Verdict::StepUp(step_up) => format!("step_up {:?}", step_up.determining),
        Verdict::Deny(deny) if deny.reason == countersign_facts::reason::Reason::PolicyError => {
            format!("error {:?}", deny.determining)
        }
        Verdict::Deny(deny) => format!("deny {:?}", deny.determining),
    }
}

#[test]
fn most_bodies_can_be_loaded() {
    assert!(BODIES.len() > 400, "{}", BODIES.len());
    for condition in CONDITIONS {
        assert!(BODIES.iter().any(|(_, other)| *other == condition), "{condition}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: ProptestConfig::default().cases.max(512), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn the_index_agrees_with_cedar(texts in texts(), action in actions(), bare: bool, approved: bool, automation: bool) {
        let text = texts.join("\n");
        let mut world = if bare { World::bare() } else { World::new() };
        if approved {
            world.approval = World::approved().approval;
        }
        if automation {
            world.workload.kind = Kind::Automation;
        }
        let facts = world.facts(&action);
        let policy = compile(&text).map_err(|error| TestCaseError::fail(error.to_string()))?;
        let verdict = policy.decide(&facts);
        let expected = by_the_book(&text, &facts).map_err(|error| TestCaseError::fail(error.to_string()))?;
        prop_assert_eq!(brief(&verdict), expected, "{}", spell(&verdict));
    }
}
