//! Where an issuer writes what a credential is for: a preset, or pointers to claims.

use countersign_rights::task::{ScopeClaim, TaskMapping, TaskSource};
use countersign_tokens::Profile;
#[cfg(test)]
use serde_json::{Value, json};

use crate::config::key::{Choice, Defaulted, Distinct, Flag, Key, Optional, Text};
use crate::config::key::{choice, defaulted, filled, keys, named, optional};
use crate::config::read::{Node, Object};

keys! {
    /// Where the credential says what task it was issued for: a preset, or JSON Pointers into its claims. Without this
    /// object, the scopes are the grants; a certificate has those of its workload.
    pub(super) struct TaskKeys => together();

    /// Instead of pointers. `scope`: the scopes are the grants. `aap`: the claims of draft-aap-oauth-profile.
    /// `authorization_details`: RFC 9396, of the `types` stated. `tctx`: a transaction token's `tctx.grants`, else its
    /// scopes. `workload`: not in the credential; the actions of the workload's entry are the grants.
    const PRESET: Optional<Choice<Preset>> = optional("preset", choice("preset", &PRESETS));

    /// With the preset `authorization_details`: the types that are ours.
    const TYPES: Optional<Distinct<Text>> = optional("types", Distinct(filled("type", Text)));

    /// The task's id. Unless stated: `jti`, or a digest of the credential.
    const ID: Optional<Text> = optional("id", Text) => json!({ "examples": ["/task/id"] });

    /// What the task is for, in words.
    const PURPOSE: Optional<Text> = optional("purpose", Text) => json!({ "examples": ["/task/purpose"] });

    /// What the task may do.
    const GRANTS: Optional<Text> = optional("grants", Text)
        => json!({ "examples": ["/task/grants", "/authorization_details"] });

    /// When the task ends, if that is before the credential does.
    const EXPIRES: Optional<Text> = optional("expires", Text) => json!({ "examples": ["/task/expires"] });

    /// Read grants from scopes. Unless stated: true without `grants`, false with it.
    const SCOPE: Optional<Flag> = optional("scope", Flag);

    /// The claim with the scopes, a text or a list: `scope` (RFC 9068), or `scp`, as Entra ID, Okta and Ory write it.
    /// Only with the preset `scope`, or where `scope` is true. A token in which both are and differ is refused.
    const SCOPE_CLAIM: Defaulted<Choice<ScopeClaim>> = defaulted(
        "scope_claim", named("claim with scopes", &ScopeClaim::ALL, ScopeClaim::name), ScopeClaim::Scope
    );
}

/// A preset says where things are, and so pointers go without.
#[cfg(test)]
fn together() -> Value {
    json!({
        "if": { "required": ["preset"] },
        "then": {
            "properties": { "id": false, "purpose": false, "grants": false, "expires": false, "scope": false },
            "allOf": [
                {
                    "if": { "properties": { "preset": { "const": "authorization_details" } } },
                    "then": { "required": ["types"] },
                    "else": { "properties": { "types": false } }
                },
                {
                    "if": { "properties": { "preset": { "const": "scope" } } },
                    "else": { "properties": { "scope_claim": false } }
                }
            ]
        },
        "else": {
            "properties": { "types": false },
            "if": {
                "anyOf": [
                    { "required": ["scope"], "properties": { "scope": { "const": false } } },
                    { "required": ["grants"], "not": { "required": ["scope"] } }
                ]
            },
            "then": { "properties": { "scope_claim": false } }
        }
    })
}

/// The words for presets.
#[derive(Clone, Copy)]
pub(super) enum Preset {
    Scope,
    Aap,
    AuthorizationDetails,
    Transaction,
    Workload,
}

const PRESETS: [(&str, Preset); 5] = [
    ("scope", Preset::Scope),
    ("aap", Preset::Aap),
    ("authorization_details", Preset::AuthorizationDetails),
    ("tctx", Preset::Transaction),
    ("workload", Preset::Workload),
];

/// Where it is written what a credential is for: a preset, or pointers to claims.
pub(super) fn task(node: &Node<'_>, profile: Option<&Profile>) -> Option<TaskSource> {
    node.object(|object| {
        let Some(preset) = object.member(&TaskKeys::PRESET) else {
            let why = "says which authorization details are ours; write `preset: authorization_details`";
            let pointless = object.forbid(&[TaskKeys::TYPES.name], why);
            let mapping = claims(object, profile);
            pointless?;
            let mapping = mapping?;
            if matches!(profile, Some(Profile::X509Svid { .. })) {
                return object.node().refuse("a certificate has no claims; write `{ preset: workload }`");
            }
            return Some(TaskSource::Claims(mapping));
        };
        let preset = TaskKeys::PRESET.read(&preset).and_then(|chosen| match (chosen, profile) {
            (Preset::Transaction, Some(profile)) if *profile != Profile::TxnToken => {
                preset.refuse("only transaction tokens have `tctx`; write `profile: txn-token`, or another preset")
            }
            (Preset::Scope | Preset::Aap | Preset::AuthorizationDetails, Some(Profile::X509Svid { .. })) => {
                preset.refuse("a certificate has no claims; write `preset: workload`")
            }
            (chosen, _) => Some(chosen),
        });
        let pointers = [
            TaskKeys::ID.name,
            TaskKeys::PURPOSE.name,
            TaskKeys::GRANTS.name,
            TaskKeys::EXPIRES.name,
            TaskKeys::SCOPE.name,
        ];
        let alone = object.forbid(&pointers, "the preset says where it is; remove one of the two");
        let scopes = match preset {
            Some(Preset::Scope) => scope_claim(object, profile),
            // One mistake is enough.
            None => object.member(&TaskKeys::SCOPE_CLAIM).map_or(Some(ScopeClaim::Scope), |_| None),
            Some(Preset::Aap | Preset::AuthorizationDetails | Preset::Transaction | Preset::Workload) => object
                .forbid(
                    &[TaskKeys::SCOPE_CLAIM.name],
                    "the preset does not read it; remove it, or write `preset: scope`",
                )
                .map(|()| ScopeClaim::Scope),
        };
        let source = match preset {
            Some(Preset::AuthorizationDetails) => {
                let types = object.demanded(&TaskKeys::TYPES, "write the `type` values that are ours", |node| {
                    TaskKeys::TYPES.read(node)
                });
                types.map(|types| TaskSource::AuthorizationDetails { types })
            }
            other => {
                let absent =
                    object.forbid(&[TaskKeys::TYPES.name], "is for `preset: authorization_details`; remove it");
                absent.and(other).map(|preset| match preset {
                    Preset::Scope | Preset::AuthorizationDetails => {
                        TaskSource::Claims(TaskMapping::default().with_scopes_in(scopes.unwrap_or(ScopeClaim::Scope)))
                    }
                    Preset::Aap => TaskSource::Aap,
                    Preset::Transaction => TaskSource::Transaction,
                    Preset::Workload => TaskSource::Workload,
                })
            }
        };
        let ((), _) = (alone?, scopes?);
        source
    })
}

/// `scope_claim`, of who reads scopes.
fn scope_claim(object: &mut Object<'_>, profile: Option<&Profile>) -> Option<ScopeClaim> {
    object.or_with(&TaskKeys::SCOPE_CLAIM, |node| {
        let claim = TaskKeys::SCOPE_CLAIM.read(node)?;
        if claim == ScopeClaim::Scp && profile == Some(&Profile::TxnToken) {
            return node.refuse("a transaction token's scopes are in `scope`; remove it");
        }
        Some(claim)
    })
}

fn claims(object: &mut Object<'_>, profile: Option<&Profile>) -> Option<TaskMapping> {
    let pointers = [TaskKeys::ID, TaskKeys::PURPOSE, TaskKeys::GRANTS, TaskKeys::EXPIRES];
    let claims = pointers.each_ref().map(|key| object.optional(key));
    let has_grants = object.member(&TaskKeys::GRANTS).is_some();
    // Scopes are the grants unless the issuer says where it writes grants.
    let scope = object.or_else(&TaskKeys::SCOPE, !has_grants, |node| TaskKeys::SCOPE.read(node));
    let scopes = match scope {
        Some(false) => object
            .forbid(&[TaskKeys::SCOPE_CLAIM.name], "scopes do not grant here; remove it, or write `scope: true`")
            .map(|()| ScopeClaim::Scope),
        Some(true) | None => scope_claim(object, profile),
    };
    let [id, purpose, grants, expires] = claims;
    let claims = [id?, purpose?, grants?, expires?];
    let [id, purpose, grants, expires] = claims.each_ref().map(Option::as_deref);
    match TaskMapping::new(id, purpose, grants, expires, Some(scope?)) {
        Ok(mapping) => Some(mapping.with_scopes_in(scopes?)),
        Err(errors) => {
            for error in errors {
                object.node().refuse_member::<()>(error.member, error.to_string());
            }
            None
        }
    }
}
