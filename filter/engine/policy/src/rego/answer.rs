//! What the policy says, read strictly: one decision in a form that is known, or an error.

use serde::Deserialize;

/// Of the reasons, approvers and policies; and the characters of each: they go into the record.
const MOST: usize = 8;
const LONGEST: usize = 300;

/// A decision and why.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) answer: RegoSays,
    /// Names of what determined it.
    pub(super) policies: Vec<String>,
    pub(super) reasons: Vec<String>,
}

/// A decision.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum RegoSays {
    Allow { sandbox: Option<String> },
    Deny,
    StepUp { approvers: Vec<String> },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    effect: Effect,
    policies: Option<Vec<String>>,
    #[serde(default)]
    reasons: Vec<String>,
    #[serde(default)]
    approvers: Vec<String>,
    #[serde(default)]
    obligations: Vec<Obligation>,
}

#[derive(Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Effect {
    Allow,
    Deny,
    StepUp,
}

/// What must be done besides.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Obligation {
    /// It goes there.
    Sandbox(String),
}

/// The decision that `value` is; why it is none, without values.
pub(super) fn read(value: &regorus::Value) -> Result<Told, &'static str> {
    if *value == regorus::Value::Undefined {
        return Err("it says nothing: `decision` is undefined");
    }
    let json = value.to_json_str().map_err(|_| "`decision` is not JSON")?;
    let form = "`decision` is not { effect, policies, reasons, approvers, obligations }";
    let Document { effect, policies, reasons, approvers, obligations } =
        serde_json::from_str(&json).map_err(|_| form)?;
    let sandboxes: Vec<String> = obligations.into_iter().map(|Obligation::Sandbox(name)| name).collect();
    let answer = match (effect, sandboxes.as_slice(), approvers.as_slice()) {
        (Effect::Allow, [], []) => RegoSays::Allow { sandbox: None },
        (Effect::Allow, [name], []) => RegoSays::Allow { sandbox: Some(name.clone()) },
        (Effect::Allow, [_, _, ..], []) => return Err("it is for two sandboxes"),
        (Effect::Deny, [], []) => RegoSays::Deny,
        (Effect::StepUp, [], [_, ..]) => RegoSays::StepUp { approvers: short(approvers) },
        (Effect::StepUp, [], []) => return Err("it asks for an approval by nobody"),
        (Effect::Allow, _, [_, ..]) | (Effect::Deny, ..) | (Effect::StepUp, [_, ..], _) => {
            return Err("approvers are for `step_up` only, and a sandbox is for `allow`");
        }
    };
    let policies = policies.map_or_else(|| vec![super::NAME.to_owned()], short);
    Ok(Told { answer, policies, reasons: short(reasons) })
}

fn short(texts: Vec<String>) -> Vec<String> {
    let mut texts: Vec<String> =
        texts.into_iter().take(MOST).map(|text| text.chars().take(LONGEST).collect()).collect();
    texts.sort_unstable();
    texts.dedup();
    texts
}
