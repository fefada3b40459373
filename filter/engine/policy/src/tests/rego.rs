//! Rego: what is a decision, what denies, and what is refused when it is loaded.

use std::borrow::Cow;

use super::*;
use crate::rego::BUILTINS;
use crate::{RegoPolicy, Sandbox};

/// The most bytes that a module is asked about.
const INPUT: usize = 64 * 1024;

fn load(rules: &str) -> Result<RegoPolicy, Failure> {
    let sandboxes = [Sandbox { name: "lab".to_owned(), strip_headers: Vec::new() }];
    let text = format!("package countersign\n\n{rules}");
    RegoPolicy::compile(&text, INPUT, &catalogue(), &sandboxes).map_err(|errors| lines(&errors).into())
}

fn said(rules: &str, world: &World, action: &Action) -> Result<String, Failure> {
    Ok(spell(&load(rules)?.decide(&payments()?, &world.facts(action))))
}

fn payments() -> Result<Resource, Failure> {
    Ok(catalogue().into_iter().next().ok_or("no resource")?)
}

fn transfer(amount: i64) -> Action {
    call("payments", "transfer", json!({ "amount": amount }))
}

/// Allowed to 100, with an approval to 1000.
const TRANSFERS: &str = r#"
default decision := {"effect": "deny", "reasons": ["too much"]}

amount := input.context.args.amount

decision := {"effect": "allow", "policies": ["small"]} if {
    input.action.name == "payments/transfer"
    amount <= 100
}

decision := {"effect": "step_up", "policies": ["large"], "approvers": ["treasury"], "reasons": ["a lot"]} if {
    amount > 100
    not input.context.approval
}

decision := {"effect": "allow", "policies": ["approved"], "obligations": [{"sandbox": "lab"}]} if {
    amount > 100
    amount <= 1000
    input.context.approval
}
"#;

#[test]
fn decisions() -> Outcome {
    for (world, amount, expected) in [
        (World::new(), 100, "allow [small]"),
        (World::new(), 500, "step_up [large] treasury a lot"),
        // Nobody is asked about what an approval would not lift.
        (World::new(), 5000, "deny policy_denied [large] a lot"),
        (World::approved(), 500, "allow [approved]"),
        (World::approved(), 5000, "deny policy_denied [rego] too much"),
    ] {
        assert_eq!(said(TRANSFERS, &world, &transfer(amount))?, expected, "{amount}");
    }
    let approved = World::approved();
    let action = transfer(500);
    let verdict = load(TRANSFERS)?.decide(&payments()?, &approved.facts(&action));
    assert!(matches!(&verdict, Verdict::Allow(allow) if allow.sandbox() == Some("lab")), "{verdict:?}");
    Ok(())
}

#[test]
fn arguments_fit_their_schema_or_the_call_is_denied() -> Outcome {
    let action = call("payments", "transfer", json!({ "amount": "5" }));
    let expected = "deny arguments_unfit [] argument `/amount`: not an integer";
    assert_eq!(said(TRANSFERS, &World::new(), &action)?, expected);
    assert_eq!(
        said(TRANSFERS, &World::new(), &call("payments", "ping", json!({})))?,
        "deny policy_denied [rego] too much"
    );
    Ok(())
}

#[test]
fn whatever_is_no_decision_denies() -> Outcome {
    let form = "`decision` is not { effect, policies, reasons, approvers, obligations }";
    for (decision, detail) in [
        (r#"{"effect": "allow"} if input.nothing"#, "it says nothing: `decision` is undefined"),
        ("true", form),
        (r#""allow""#, form),
        (r#"{"effect": "Allow"}"#, form),
        (r#"{"effect": "allow", "obligation": []}"#, form),
        (r#"{"effect": "allow", "obligations": [{"log": "x"}]}"#, form),
        (r#"{"effect": "allow", "obligations": ["sandbox"]}"#, form),
        (r#"{"effect": "allow", "reasons": "because"}"#, form),
        (r#"{"effect": "allow", "obligations": [{"sandbox": "moon"}]}"#, "it is for a sandbox that is not declared"),
        (r#"{"effect": "allow", "obligations": [{"sandbox": "lab"}, {"sandbox": "moon"}]}"#, "it is for two sandboxes"),
        (r#"{"effect": "step_up"}"#, "it asks for an approval by nobody"),
        (
            r#"{"effect": "allow", "approvers": ["a"]}"#,
            "approvers are for `step_up` only, and a sandbox is for `allow`",
        ),
        (
            r#"{"effect": "deny", "obligations": [{"sandbox": "lab"}]}"#,
            "approvers are for `step_up` only, and a sandbox is for `allow`",
        ),
        (r#"{"effect": "allow", "reasons": [to_number("x")]}"#, "it cannot be evaluated"),
        (r#"{"effect": "allow", "reasons": [nobody]}"#, "it cannot be evaluated"),
        ("{\"effect\": \"allow\"}\n\ndecision := {\"effect\": \"deny\"}", "two of its rules say two things"),
    ] {
        let told = said(&format!("decision := {decision}"), &World::new(), &transfer(1))?;
        assert_eq!(told, format!("deny policy_error [rego] {detail}"), "{decision}");
    }
    Ok(())
}

#[test]
fn evaluation_has_an_end() -> Outcome {
    let rules = r#"
many := [x | some x in split("x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x,x", ",")]
decision := {"effect": "allow"} if count([1 | some a in many; some b in many; some c in many; some d in many]) > 0
"#;
    let policy = load(rules)?;
    let (action, world) = (transfer(1), World::new());
    // Each evaluation has all of them: what one used, the next does not lack.
    for _ in 0..2 {
        let verdict = policy.decide(&payments()?, &world.facts(&action));
        assert_eq!(spell(&verdict), "deny policy_error [rego] it took too many steps");
    }
    assert_eq!(said(TRANSFERS, &World::new(), &transfer(1))?, "allow [small]");
    Ok(())
}

/// A call of a tool whose arguments nobody declared.
fn lookup(arguments: Value) -> Action {
    call("payments", "lookup", arguments)
}

/// A module that allows where `condition` holds of the arguments.
fn allowed_if(condition: &str) -> String {
    format!(
        "args := input.context.args\n\nnumbers := [1, 2, 3, 4]\n\ndecision := {{\"effect\": \"allow\"}} if {{ {condition} }}"
    )
}

#[test]
fn what_builtins_read_and_make_takes_steps() -> Outcome {
    let list = vec!["y"; 3_000];
    let arguments = json!({
        "big": "x".repeat(20_000), "other": format!("{}y", "x".repeat(10_000)), "list": list, "many": vec!["z"; 3_000],
        "digits": "9".repeat(4_000),
    });
    let action = lookup(arguments);
    for condition in [
        // Each of these held a worker for seconds.
        "every x in args.list { not contains(args.big, x) }",
        "count(regex.find_n(`.*[^a-z]|[a-z]`, args.big, -1)) > 0",
        "replace(args.big, \"x\", args.other) != \"\"",
        "every x in args.list { not x in args.many }",
        "every x in args.list { args.big != concat(\"\", [args.other, x]) }",
        "every x in args.list { not startswith(concat(\"\", args.many), x) }",
        "every x in args.list { count(args.many) > 1; sort(args.many) }",
        "count({[args.big, x, y] | some x in args.list; some y in [1, 2]}) > 0",
        "count({[args.big, i]: 1 | some i, _ in args.list}) > 0",
        "every x in args.list { count({\"a\"} | {y | some y in args.many}) == 2 }",
        "strings.replace_n({s: args.other | some s in [\"x\", \"y\"]}, args.big) != \"\"",
        "count(indexof_n(args.big, args.other)) == 0",
        "trim(args.big, args.other) != \"\"",
        "concat(args.other, args.list) != \"\"",
        "count(split(concat(\"\", [args.big | some i in numbers; some j in numbers]), \"\")) > 0",
        "product([to_number(args.digits) | some x in args.list]) > 0",
    ] {
        let told = said(&allowed_if(condition), &World::new(), &action)?;
        assert_eq!(told, "deny policy_error [rego] it took too many steps", "{condition}");
    }
    Ok(())
}

#[test]
fn honest_policies_have_steps_enough() -> Outcome {
    let item = |at| json!({ "id": format!("item-{at}"), "amount": at, "tags": ["a"] });
    let items: Vec<Value> = (0..1_000).map(item).collect();
    let arguments = json!({
        "path": "/reports/2026/q1.pdf", "email": "erin@example.com", "items": items, "text": "word ".repeat(2_000),
    });
    let action = lookup(arguments);
    for condition in [
        "startswith(args.path, \"/reports/\"); endswith(args.path, \".pdf\"); not contains(args.path, \"..\")",
        "regex.match(`^[a-z0-9._%+-]{1,64}@[a-z0-9.-]{1,255}$`, args.email)",
        "regex.replace(args.path, `[0-9]+`, \"n\") == \"/reports/n/qn.pdf\"",
        "glob.match(\"/reports/**\", [\"/\"], args.path)",
        "split(args.email, \"@\")[1] in {\"example.com\", \"example.org\"}",
        "every item in args.items { item.amount < 1000; \"a\" in item.tags; startswith(item.id, \"item-\") }",
        "sum([item.amount | some item in args.items]) == 499500",
        "count({item.id | some item in args.items}) == 1000",
        "not contains(lower(args.text), \"secret\")",
        "not regex.match(`(?i)secret|password`, args.text)",
        "args.items[_].id == args.items[3].id",
        "({\"a\"} | {tag | some tag in args.items[0].tags}) - {\"b\"} == {\"a\"}",
        "args.items[1].amount + args.items[2].amount == args.items[3].amount",
        "object.get(args, [\"items\", 2, \"amount\"], 0) == 2",
        "object.subset({\"a\": [1, 2]}, {\"a\": [1]})",
        "sprintf(\"%s has %d\", [args.email, count(args.items)]) == \"erin@example.com has 1000\"",
        "strings.count(args.path, \"/\") == 3",
        "not args.nothing == args.path",
        "some i, item in args.items; i == item.amount; item.id == args.items[i].id",
    ] {
        let told = said(&allowed_if(condition), &World::new(), &action)?;
        assert_eq!(told, "allow [rego]", "{condition}");
    }
    Ok(())
}

#[test]
fn what_the_library_panics_on_is_an_error() -> Outcome {
    let action = lookup(json!({ "empty": "", "none": [], "path": "a" }));
    for condition in [
        "strings.count(args.path, args.empty) == 0",
        "object.subset([1], args.none)",
        "object.subset({\"a\": [1]}, {\"a\": args.none})",
    ] {
        let told = said(&allowed_if(condition), &World::new(), &action)?;
        assert_eq!(told, "deny policy_error [rego] it cannot be evaluated", "{condition}");
    }
    Ok(())
}

#[test]
fn nobody_asks_it_about_more_than_it_is_to_read() -> Outcome {
    let rules = "decision := {\"effect\": \"allow\"}";
    let text = |length: usize| lookup(json!({ "text": "x".repeat(length) }));
    assert_eq!(said(rules, &World::new(), &text(INPUT - 2_000))?, "allow [rego]");
    let told = said(rules, &World::new(), &text(INPUT))?;
    assert!(told.starts_with("deny policy_error [rego] it is asked about 66"), "{told}");
    assert!(told.ends_with(" bytes, more than the 65536 of `policy.rego_input`"), "{told}");
    Ok(())
}

#[test]
fn several_things_are_all_allowed_or_none() -> Outcome {
    let rules = r#"decision := {"effect": "allow"} if input.context.request.target == "a""#;
    let policy = load(rules)?;
    let (world, payments) = (World::new(), payments()?);
    let (a, b) = (mcp("payments", "resources/read", Some("a")), mcp("payments", "resources/read", Some("b")));
    let all = |parts: &[&Action]| {
        let parts: Vec<Cow<'_, Action>> = parts.iter().map(|part| Cow::Borrowed(*part)).collect();
        spell(&policy.decide_all(&payments, &world.facts(&a), &parts))
    };
    assert_eq!(all(&[&a, &a]), "allow [rego]");
    assert_eq!(all(&[&a, &b]), "deny policy_error [rego] it says nothing: `decision` is undefined");
    assert_eq!(all(&[]), "deny internal [] -");
    Ok(())
}

#[test]
fn what_is_refused_when_it_is_loaded() {
    for (text, expected) in [
        ("package countersign\ndecision :=", "2:12: expecting expression"),
        ("package other\ndecision := {}", "1:9: not `package countersign`"),
        ("package countersign\nallow := true", "1:1: no rule `decision`"),
        ("package countersign\ndecision := http.send({})", "2:13: unknown function `http.send`"),
        ("package countersign\ndecision := units.parse(\"1e1000000000\")", "2:13: unknown function `units.parse`"),
        (
            "package countersign\ndecision := sprintf(input.context.args.format, [1])",
            "2:13: the format of `sprintf` is not written here, or has a width of more than three digits",
        ),
        ("package countersign\ndecision := numbers.range(1, 9)", "2:13: unknown function `numbers.range`"),
        (
            "package countersign\ndecision := regex.template_match(\"a{.*}\", \"\", \"{\", \"}\")",
            "2:13: unknown function `regex.template_match`",
        ),
        (
            "package countersign\ndecision := sprintf(\"%1000000000d\", [1])",
            "2:13: the format of `sprintf` is not written here, or has a width of more than three digits",
        ),
        ("package countersign\ndecision := [f(1)]", "2:14: unknown function `f`"),
        (
            "package countersign\nf(x) := g(x)\ng(x) := f(x)\ndecision := f(1)",
            "1:1: the function `f` calls itself\n1:1: the function `g` calls itself",
        ),
        ("package countersign\nf(x) := data.countersign.f(x)\ndecision := f(1)", "1:1: the function `f` calls itself"),
        ("package countersign\nf(x) := data[\"countersign\"].f(x)\ndecision := f(1)", "2:9: unknown function ``"),
        ("package countersign\ng(x) := 1\ndecision := 1 if g(1) == 1 with g as count", "3:28: `with` is not supported"),
    ] {
        let told = RegoPolicy::compile(text, INPUT, &catalogue(), &[])
            .map_or_else(|errors| lines(&errors), |_| "no error".to_owned());
        assert_eq!(told, expected, "{text}");
    }
}

#[test]
fn every_builtin_named_exists() -> Outcome {
    for (builtin, _) in BUILTINS {
        let call = if builtin == "sprintf" { "sprintf(\"\")".to_owned() } else { format!("{builtin}()") };
        let told = said(&format!("decision := {call}"), &World::new(), &transfer(1))?;
        assert_eq!(told, "deny policy_error [rego] it cannot be evaluated", "{builtin}");
        // A wrong number of arguments is found before the function is called, and only of one that exists.
        let mut engine = regorus::Engine::new();
        engine.add_policy("p".to_owned(), format!("package p\nx := {call}"))?;
        let error = engine.eval_rule("data.p.x".to_owned()).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(!error.contains("could not find function"), "{builtin}: {error}");
    }
    Ok(())
}
