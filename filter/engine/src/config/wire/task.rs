//! Where an issuer writes what a credential is for: a preset, or pointers to claims.

use countersign_rights::task::{ScopeClaim, TaskMapping, TaskSource};
use countersign_tokens::Profile;

use super::issuer::texts;
use crate::config::read::{Node, Object};

#[derive(Clone, Copy)]
enum Preset {
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
        let Some(preset) = object.member("preset") else {
            let pointless = object
                .forbid(&["types"], "says which authorization details are ours; write `preset: authorization_details`");
            let mapping = claims(object, profile);
            pointless?;
            let mapping = mapping?;
            if matches!(profile, Some(Profile::X509Svid { .. })) {
                return object.node().refuse("a certificate has no claims; write `{ preset: workload }`");
            }
            return Some(TaskSource::Claims(mapping));
        };
        let preset = preset.choice("preset", &PRESETS).and_then(|chosen| match (chosen, profile) {
            (Preset::Transaction, Some(profile)) if *profile != Profile::TxnToken => {
                preset.refuse("only transaction tokens have `tctx`; write `profile: txn-token`, or another preset")
            }
            (Preset::Scope | Preset::Aap | Preset::AuthorizationDetails, Some(Profile::X509Svid { .. })) => {
                preset.refuse("a certificate has no claims; write `preset: workload`")
            }
            (chosen, _) => Some(chosen),
        });
        let alone = object.forbid(
            &["id", "purpose", "grants", "expires", "scope"],
            "the preset says where it is; remove one of the two",
        );
        let scopes = match preset {
            Some(Preset::Scope) => scope_claim(object, profile),
            // One mistake is enough.
            None => object.member("scope_claim").map_or(Some(ScopeClaim::Scope), |_| None),
            Some(Preset::Aap | Preset::AuthorizationDetails | Preset::Transaction | Preset::Workload) => object
                .forbid(&["scope_claim"], "the preset does not read it; remove it, or write `preset: scope`")
                .map(|()| ScopeClaim::Scope),
        };
        let source = match preset {
            Some(Preset::AuthorizationDetails) => {
                let types =
                    object.required("types", "write the `type` values that are ours", |node| texts(node, "type"));
                types.map(|types| TaskSource::AuthorizationDetails { types })
            }
            other => {
                let absent = object.forbid(&["types"], "is for `preset: authorization_details`; remove it");
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
    object.or("scope_claim", ScopeClaim::Scope, |node| {
        let claim = node.choice("claim with scopes", &ScopeClaim::ALL.map(|claim| (claim.name(), claim)))?;
        if claim == ScopeClaim::Scp && profile == Some(&Profile::TxnToken) {
            return node.refuse("a transaction token's scopes are in `scope`; remove it");
        }
        Some(claim)
    })
}

fn claims(object: &mut Object<'_>, profile: Option<&Profile>) -> Option<TaskMapping> {
    let mut claim = |key| object.optional(key, |node| node.text().map(str::to_owned));
    let claims = [claim("id"), claim("purpose"), claim("grants"), claim("expires")];
    let has_grants = object.member("grants").is_some();
    // Scopes are the grants unless the issuer says where it writes grants.
    let scope = object.or("scope", !has_grants, Node::flag);
    let scopes = match scope {
        Some(false) => object
            .forbid(&["scope_claim"], "scopes do not grant here; remove it, or write `scope: true`")
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
