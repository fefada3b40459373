use countersign_explain::cases::format::Pack;
use countersign_explain::document;

use super::*;

const CEDAR: &str = "@id(\"all\") permit (principal, action, resource);";

/// What is wrong with a pack of one case, `case`, beside the one of the same name as `beside`.
fn refused(cases: &str) -> anyhow::Result<String> {
    let text = format!(
        "resources: [{{ name: wiki, match: {{ path: /wiki }}, protocol: mcp, tools: [{{ name: search }}] }}]\n\
         given: {{ workload: {{ issuer: https://sts.example.com, subject: a }}, task: {{ id: t }} }}\n\
         cases:\n{cases}"
    );
    let pack: Pack = document::parse(&text)?;
    let error = of_pack("tried", &pack, &Policy::Cedar(CEDAR.to_owned())).err();
    Ok(error.map_or_else(|| "nothing".to_owned(), |error| format!("{error:#}")))
}

/// A case called `it` of a call that is allowed, with these members besides.
fn case(members: &str) -> String {
    format!(
        "  - {{ name: it, request: {{ resource: wiki, operation: mcp:tools/call, tool: search }}, \
         expect: {{ decision: allow }}{members} }}\n"
    )
}

#[test]
fn what_no_request_can_carry_is_refused_by_name() -> anyhow::Result<()> {
    let who = "issuer: https://sts.example.com, subject";
    let table = [
        ("", "nothing"),
        (", now: 1", "it: now: a request to a gateway comes when it comes; move the other times instead"),
        (", source: 192.0.2.1:1", "it: source: requests to a gateway come from 127.0.0.1 here"),
        (", source: 127.0.0.1:1", "nothing"),
        (", findings: [old_key]", "it: findings: no key has been in use for long here, so there is no `old_key`"),
        (", findings: [no_id], token: { id: x }", "it: token.id: a token with an id is no finding `no_id`"),
        (", task: { id: t, purpose: x }", "nothing"),
        (", token: { algorithm: none }", "it: token.algorithm: tokens are signed here, so it is never `none`"),
        (", token: { key_id: x }", "it: token.key_id: the key is called `ec1` here"),
        (
            &format!(", workload: {{ {who}: b, requester: x }}"),
            "it: workload.requester: only transaction tokens have one, and none are issued here",
        ),
        (
            &format!(", workload: {{ {who}: b, actors: [{{ {who}: c }}] }}"),
            "it: workload.actors[0].kind: is none, and who calls, this actor, is agent; only who is listed may call",
        ),
        (
            &format!(", workload: {{ {who}: b, actors: [{{ {who}: c, kind: agent }}, {{ {who}: d }}] }}"),
            "it: workload.classified: is false where the actors are these",
        ),
        (
            &format!(
                ", workload: {{ {who}: b, classified: false, actors: [{{ {who}: c, kind: agent }}, {{ {who}: d }}] }}"
            ),
            "it: workload.traits: an actor nobody knows has all of them",
        ),
        (
            &format!(", workload: {{ {who}: b, kind: automation, traits: [browsing] }}"),
            "it: workload.traits: nobody here can have browsing: an automation has no traits, and what an agent has it has in every \
             case",
        ),
        (
            ", workload: { issuer: https://else.example.com, subject: b, trust_domain: example.org }",
            "it: workload.issuer: of the trust domain `example.org` it is `spiffe://example.org`",
        ),
    ];
    for (members, problem) in table {
        assert_eq!(refused(&case(members))?, problem, "{members}");
    }
    Ok(())
}

#[test]
fn a_workload_is_the_same_in_every_case() -> anyhow::Result<()> {
    let who = "issuer: https://sts.example.com, subject: b";
    let other = case(&format!(", workload: {{ {who}, kind: automation }}"));
    assert_eq!(
        refused(&(case(&format!(", workload: {{ {who} }}")) + &other))?,
        "it: workload: `b` is of kind automation here and agent before"
    );
    let browses = case(&format!(", workload: {{ {who}, traits: [browsing] }}"));
    assert!(
        refused(&(case(&format!(", workload: {{ {who} }}")) + &browses))?.starts_with("it: workload.traits: nobody")
    );
    let named = case(", workload: { issuer: https://sts.example.com, issuer_name: other, subject: c }");
    assert!(refused(&(case("") + &named))?.contains("is called something else"));
    let explained = case(", task: { id: u, purpose: x }");
    assert_eq!(
        refused(&(case("") + &explained))?,
        "it: task.purpose: tokens of one issuer always say a purpose, or never; name another issuer"
    );
    let elsewhere = case(", workload: { issuer: https://else.example.com, subject: c }");
    assert!(refused(&(case("") + &elsewhere))?.contains("several issuers have one name"));
    Ok(())
}

#[test]
fn a_deny_in_spite_of_an_approval_needs_the_case_without_it() -> anyhow::Result<()> {
    let approved = ", approval: { issuer: https://people.example.com, subject: olivia }";
    let denied = |members: &str| case(members).replace("decision: allow", "decision: deny");
    assert_eq!(
        refused(&denied(approved))?,
        "it: approval: whether anybody is asked for it cannot be told; add the same case without the approval to the pack"
    );
    assert_eq!(refused(&(denied("") + &denied(approved)))?, "nothing");
    assert!(refused(&(case("") + &denied(approved)))?.contains("without it this is allowed"));
    Ok(())
}

#[test]
fn every_shipped_case_becomes_a_scenario() -> anyhow::Result<()> {
    let folder = crate::envoy::root().join("policies");
    let scenarios = scenarios(&folder)?;
    let mut cases = 0;
    for entry in std::fs::read_dir(folder)? {
        let folder = entry?.path();
        if folder.is_dir() {
            let (pack, policies) = pack::read(&folder)?;
            cases += pack.cases.len() * policies.len();
        }
    }
    assert_eq!(scenarios.len(), cases);
    assert!(scenarios.iter().all(|(_, scenario)| scenario.drivers.len() == 3 && scenario.steps.len() == 1));
    Ok(())
}
