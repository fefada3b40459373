//! Templates: what links make of them, and what of them cannot be loaded.

use serde_json::json;

use super::{Failure, Outcome, World, among, call, catalogue, errors, lines, spell};
use crate::{CedarPolicy, Link, Surroundings, Verdict};

const TEXT: &str = r#"@id("all") permit(principal, action, resource);
  @id("little") @reason("not so much") @maps("ASI02")
  forbid(principal == ?principal, action == Action::"payments/transfer", resource in ?resource) when { context.args.amount > 10 };
@id("ask") @step_up("boss") forbid(principal in ?principal, action == Action::"payments/transfer", resource) unless { context has approval };"#;

fn link(template: &str, id: &str, principal: Option<&str>, resource: Option<&str>) -> Result<Link, Failure> {
    let (principal, resource) = (principal.map(str::parse).transpose()?, resource.map(str::parse).transpose()?);
    Ok(Link { template: template.to_owned(), id: id.to_owned(), principal, resource })
}

/// [`TEXT`] without the templates that `links` do not use.
fn used(links: &[Link]) -> String {
    let (all, rest) = TEXT.split_once('\n').unwrap_or_default();
    let (little, ask) = rest.rsplit_once('\n').unwrap_or_default();
    let uses = |template: &str| links.iter().any(|link| link.template == template);
    let templates = [("little", little), ("ask", ask)].into_iter().filter(|(name, _)| uses(name));
    [all].into_iter().chain(templates.map(|(_, text)| text)).collect::<Vec<_>>().join("\n")
}

fn linked(text: &str, links: &[Link]) -> Result<CedarPolicy, String> {
    let resources = catalogue();
    let around = Surroundings { links: Some(links), ..among(&resources) };
    CedarPolicy::compile(text, &around).map_err(|errors| lines(&errors))
}

#[test]
fn a_template_decides_only_what_it_is_linked_to() -> Outcome {
    let (payments, transfer) = (Some(r#"Resource::"payments""#), Some(r#"Tool::"payments/transfer""#));
    let (alice, bob) = (Some(r#"Agent::"platform/alice""#), Some(r#"Agent::"platform/bob""#));
    let agents = Some(r#"Kind::"agent""#);
    let little = "deny policy_denied [alice-pays-little] not so much";
    let cases = [
        (vec![], "allow [all]", "allow [all]"),
        (vec![link("little", "alice-pays-little", alice, payments)?], "allow [all]", little),
        (vec![link("little", "alice-pays-little", alice, transfer)?], "allow [all]", little),
        (vec![link("little", "bob-pays-little", bob, payments)?], "allow [all]", "allow [all]"),
        (
            vec![link("little", "a", alice, payments)?, link("little", "b", alice, transfer)?],
            "allow [all]",
            "deny policy_denied [a b] not so much; not so much",
        ),
        (vec![link("ask", "agents-ask", agents, None)?], "step_up [agents-ask] boss ", "step_up [agents-ask] boss "),
        (
            vec![link("ask", "agents-ask", agents, None)?, link("little", "alice-pays-little", alice, payments)?],
            "step_up [agents-ask] boss ",
            "deny policy_denied [agents-ask alice-pays-little] not so much",
        ),
        (vec![link("ask", "scripts-ask", Some(r#"Kind::"automation""#), None)?], "allow [all]", "allow [all]"),
    ];
    for (links, ten, eleven) in cases {
        let policy = linked(&used(&links), &links)?;
        for (amount, expected) in [(10, ten), (11, eleven)] {
            let action = call("payments", "transfer", json!({ "amount": amount }));
            assert_eq!(spell(&policy.decide(&World::new().facts(&action))), expected, "{amount} {links:?}");
        }
    }
    Ok(())
}

#[test]
fn a_link_is_a_policy_of_its_own_that_is_where_its_template_is() -> Outcome {
    let links = [
        link("little", "z", Some(r#"Agent::"platform/alice""#), Some(r#"Resource::"payments""#))?,
        link("little", "y", Some(r#"Agent::"platform/bob""#), Some(r#"Resource::"payments""#))?,
    ];
    let text = used(&links);
    let policy = linked(&text, &links)?;
    let described = policy.policies(&text);
    let told: Vec<_> = described.iter().map(|one| (one.id, one.line, one.column, one.reason, one.maps)).collect();
    let reason = Some("not so much");
    let expected: [(_, _, _, _, &[&str]); 3] =
        [("all", 1, 1, None, &[]), ("y", 2, 3, reason, &["ASI02"]), ("z", 2, 3, reason, &["ASI02"])];
    assert_eq!(told, expected);
    Ok(())
}

/// An approval holds for the policies that ask for it; who fills a template is part of them.
#[test]
fn other_links_are_another_policy_to_approve() -> Outcome {
    let digest = |principal, id| -> Result<[u8; 32], Failure> {
        let links = [link("ask", id, Some(principal), None)?];
        let policy = linked(&used(&links), &links)?;
        let action = call("payments", "transfer", json!({ "amount": 1 }));
        match policy.decide(&World::new().facts(&action)) {
            Verdict::StepUp(step_up) => Ok(step_up.basis),
            other @ (Verdict::Allow(_) | Verdict::Deny(_)) => Err(spell(&other).into()),
        }
    };
    let of_agents = digest(r#"Kind::"agent""#, "asks")?;
    assert_eq!(of_agents, digest(r#"Kind::"agent""#, "asks")?);
    assert_ne!(of_agents, digest(r#"Issuer::"platform""#, "asks")?);
    Ok(())
}

#[test]
fn a_part_of_a_template_is_dead_where_it_is_for_all_of_its_links() -> Outcome {
    let text = r#"@id("t") forbid(principal, action, resource == ?resource)
when { action == Action::"mcp:tools/list" || action == Action::"payments/transfer" || context.depth > 9 };"#;
    let tool = |id| link("t", id, None, Some(r#"Tool::"payments/transfer""#));
    let resource = link("t", "r", None, Some(r#"Resource::"payments""#))?;
    let list = r#"`action == Action::"mcp:tools/list"` never holds: no action in the policy's scope is that"#;
    let expected = Some(format!("2:8: policy `a`: {list}"));
    assert_eq!(linked(text, &[tool("a")?]).err(), expected);
    assert_eq!(linked(text, &[tool("a")?, tool("b")?]).err(), expected);
    assert_eq!(linked(text, &[tool("a")?, resource]).err(), None);
    Ok(())
}

#[test]
fn what_is_wrong_with_templates_and_links() -> Outcome {
    let (little, ask) =
        ("2:3: policy `little`: a template that no link uses", "4:1: policy `ask`: a template that no link uses");
    assert_eq!(errors(TEXT), format!("{little}\n{ask}"));
    assert_eq!(linked(TEXT, &[]).err(), Some(format!("{little}\n{ask}")));
    let of_agents = link("ask", "a", Some(r#"Kind::"agent""#), None)?;
    assert_eq!(linked(TEXT, &[of_agents]).err().as_deref(), Some(little));
    let (alice, payments) = (Some(r#"Agent::"platform/alice""#), Some(r#"Resource::"payments""#));
    let cases = [
        (link("litle", "a", alice, payments)?, "links/0: no template is called `litle`"),
        (link("all", "a", alice, payments)?, "links/0: no template is called `all`"),
        (link("little", "all", alice, payments)?, "links/0: another policy has this `@id`"),
        (link("little", "ask", alice, payments)?, "links/0: another policy has this `@id`"),
        (link("little", "a", alice, None)?, "links/0: the template has a `?resource`, which nothing fills"),
        (link("little", "a", None, payments)?, "links/0: the template has a `?principal`, which nothing fills"),
        (link("ask", "a", alice, payments)?, "links/0: the template has no `?resource` to fill"),
        (
            link("little", "a", alice, Some(r#"Resource::"paymnts""#))?,
            r#"links/0: `Resource::"paymnts"` is in no resource of the catalogue"#,
        ),
        (
            link("ask", "a", Some(r#"Kind::"script""#), None)?,
            r#"links/0: `Kind::"script"` is no kind of workload (automation, agent)"#,
        ),
        (
            link("little", "a", Some(r#"Group::"staff""#), payments)?,
            "2:3: policy `a`: unable to find an applicable action given the policy scope constraints
2:3: policy `a`: unrecognized entity type `Group` (did you mean `Tool`?)",
        ),
        (
            link("little", "a", Some(r#"Resource::"crm""#), payments)?,
            "2:3: policy `a`: unable to find an applicable action given the policy scope constraints",
        ),
        (
            link("little", "a", alice, Some(r#"Resource::"files""#))?,
            "2:3: policy `a`: no action in its scope is ever asked about its resource",
        ),
    ];
    for (link, expected) in cases {
        let links = std::slice::from_ref(&link);
        let told = linked(TEXT, links).err().unwrap_or_default();
        let told: Vec<&str> = told.lines().filter(|line| !line.ends_with("a template that no link uses")).collect();
        // Where a policy applies is said once nothing else is wrong.
        let told = if told.is_empty() { linked(&used(links), links).err() } else { Some(told.join("\n")) };
        assert_eq!(told.as_deref(), Some(expected), "{link:?}");
    }
    let twice = [link("ask", "a", alice, None)?, link("ask", "a", alice, None)?];
    assert_eq!(linked(&used(&twice), &twice).err().as_deref(), Some("links/1: another policy has this `@id`"));
    Ok(())
}

/// Once, however often it is linked, and also where it is not.
#[test]
fn what_is_wrong_with_a_template_is_where_it_is_written() -> Outcome {
    let text = r#"permit(principal, action, resource);
@id("x") @mode("watch") @sandbox("lab") forbid(principal == ?principal, action, resource in Resource::"files")
  when { context.nothing == 1 || resource == Resource::"fyles" };"#;
    let alice = Some(r#"Agent::"platform/alice""#);
    let links = [link("x", "a", alice, None)?, link("x", "b", alice, None)?];
    for (links, strangers) in [(&links[..], 1), (&[], 0)] {
        let told = linked(text, links).err().ok_or("nothing is wrong")?;
        let of_links = |line: &&str| !line.ends_with("a template that no link uses");
        let (strange, told): (Vec<&str>, Vec<&str>) =
            told.lines().filter(of_links).partition(|line| line.starts_with("links/0: "));
        // Cedar does not say which entities a template names.
        assert_eq!(strange, vec![r#"links/0: `Resource::"fyles"` is in no resource of the catalogue"#; strangers]);
        let [mode, sandbox, undeclared, attribute] = told[..] else { return Err(told.join("\n").into()) };
        assert_eq!(mode, "2:1: policy `x`: unknown mode `watch` (enforce, audit)");
        assert_eq!(sandbox, "2:1: policy `x`: `@sandbox` belongs on a permit");
        assert_eq!(undeclared, "2:1: policy `x`: no sandbox is called `lab`; declare it in `sandboxes`");
        assert!(attribute.starts_with("3:10: policy `x`: attribute `nothing` in context for"), "{attribute}");
    }
    Ok(())
}
