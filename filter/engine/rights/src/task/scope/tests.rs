use serde_json::json;

use super::*;
use crate::task::tests::task;
use crate::task::{Grants, TaskMapping};

type Outcome = Result<(), TaskError>;

#[test]
fn scopes_are_a_text_or_a_list_in_the_claim_that_is_configured() -> Outcome {
    let scp = || TaskMapping::default().with_scopes_in(ScopeClaim::Scp);
    let both = ["mcp:ping", "mcp:tool:a"].map(grant).into_iter().flatten().collect::<Vec<_>>();
    for scopes in
        [json!("mcp:ping mcp:tool:a"), json!(["mcp:ping", "mcp:tool:a"]), json!(["mcp:ping", "", "mcp:tool:a"])]
    {
        assert_eq!(task(&TaskMapping::default(), &json!({"scope": scopes}))?.grants, both.clone().into());
        assert_eq!(task(&scp(), &json!({"scp": scopes}))?.grants, both.clone().into());
        // The other claim says nothing, however it says it.
        assert_eq!(task(&scp(), &json!({"scope": scopes}))?.grants, Grants::default());
        assert_eq!(task(&TaskMapping::default(), &json!({"scp": scopes}))?.grants, Grants::default());
    }
    assert_eq!(task(&scp(), &json!({"scope": 7}))?.grants, Grants::default());
    assert_eq!(task(&scp(), &json!({"scp": []}))?.grants, Grants::default());
    for (scopes, place) in [
        (json!(1), "/scp"),
        (json!(null), "/scp"),
        (json!({"mcp:ping": true}), "/scp"),
        (json!(["mcp:ping mcp:tool:a"]), "/scp/0"),
        (json!(["mcp:ping", "mcp:tool:a\tmcp:tool:b"]), "/scp/1"),
        (json!(["mcp:ping", "mcp:tool:a\u{a0}b"]), "/scp/1"),
        (json!(["mcp:ping", 7]), "/scp/1"),
        (json!([["mcp:ping"]]), "/scp/0"),
    ] {
        let refused = task(&scp(), &json!({"scp": scopes}));
        assert_eq!(refused, Err(TaskError::unusable(format!("claim `{place}`"))), "{scopes}");
    }
    Ok(())
}

#[test]
fn two_claims_with_scopes_are_the_same_scopes() {
    for mapping in [TaskMapping::default(), TaskMapping::default().with_scopes_in(ScopeClaim::Scp)] {
        for (scope, scp) in [
            (json!("mcp:ping openid"), json!(["openid", "mcp:ping"])),
            (json!("mcp:ping  openid mcp:ping"), json!("openid mcp:ping")),
            (json!([]), json!("")),
        ] {
            assert!(task(&mapping, &json!({"scope": scope, "scp": scp})).is_ok(), "{scope} {scp}");
        }
        for (scope, scp) in [
            (json!("mcp:ping"), json!(["openid", "mcp:ping"])),
            (json!("mcp:ping"), json!("")),
            (json!("mcp:ping"), json!("MCP:ping")),
        ] {
            let refused = task(&mapping, &json!({"scope": scope, "scp": scp}));
            assert_eq!(refused, Err(TaskError::ScopesDiffer), "{scope} {scp}");
        }
    }
    // Nobody knows what the other one says.
    assert_eq!(task(&TaskMapping::default(), &json!({"scope": "mcp:ping", "scp": 7})), Err(TaskError::ScopesDiffer));
}
