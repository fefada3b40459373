//! What is unhealthy about a credential though it is good: on the record and for policies, never silently.
//!
//! Nothing is refused here; a policy can (`context.findings`).

use std::time::Duration;

use countersign_protocols::catalogue::Resource;
use countersign_tokens::VerifiedToken;
use percent_encoding::percent_decode_str;

use crate::task::{Grant, Object, Task};
use crate::workload::Voucher;
use crate::workload::register::WorkloadMatch;

/// What counts as unhealthy.
#[derive(Clone, Debug, PartialEq)]
pub struct Hygiene {
    /// A credential should not live longer.
    pub lifetime: Duration,
    /// A key should not sign for longer.
    pub key_age: Duration,
    /// Accounts that several workloads, or people, use.
    pub shared_accounts: Vec<WorkloadMatch>,
}

/// Something unhealthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Finding {
    /// It lives longer than it should, or does not say since when.
    LongLived,
    /// Nothing tells it from others: it cannot be revoked alone.
    NoId,
    /// A grant is for any object of an operation, or for a whole group of them.
    WildcardGrant,
    /// A grant is for a resource or tool that is not there: likely nobody needs it.
    DeadGrant,
    /// The key that signed it has been in use for long.
    OldKey,
    /// Its subject is an account that is shared.
    SharedAccount,
    /// It says which client it is for and not where: whatever takes that client's tokens takes it.
    AudienceByClient,
    /// The request's query holds what looks like a secret: it ends up in logs.
    SecretInQuery,
}

impl Finding {
    /// Every finding.
    pub const ALL: [Self; 8] = [
        Self::LongLived,
        Self::NoId,
        Self::WildcardGrant,
        Self::DeadGrant,
        Self::OldKey,
        Self::SharedAccount,
        Self::AudienceByClient,
        Self::SecretInQuery,
    ];

    /// As policies and records spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::LongLived => "long_lived",
            Self::NoId => "no_id",
            Self::WildcardGrant => "wildcard_grant",
            Self::DeadGrant => "dead_grant",
            Self::OldKey => "old_key",
            Self::SharedAccount => "shared_account",
            Self::AudienceByClient => "audience_by_client",
            Self::SecretInQuery => "secret_in_query",
        }
    }
}

impl Hygiene {
    /// What is unhealthy about `token`, whose key has been known for `key_age`.
    pub fn findings(
        &self,
        token: &VerifiedToken,
        issuer: &Voucher,
        task: Option<&Task>,
        key_age: Duration,
        resources: &[Resource],
    ) -> Vec<Finding> {
        let grants = task.map_or(&[][..], |task| task.grants.as_slice());
        let found = |finding| match finding {
            Finding::LongLived => token.issued.is_none_or(|issued| token.expires.since(issued) > self.lifetime),
            Finding::NoId => token.id.is_none(),
            Finding::WildcardGrant => grants.iter().any(is_wildcard),
            Finding::DeadGrant => grants.iter().any(|grant| grant.is_dead(resources)),
            Finding::OldKey => key_age > self.key_age,
            Finding::SharedAccount => self.shared_accounts.iter().any(|shared| shared.admits_subject(token, issuer)),
            Finding::AudienceByClient => issuer.rules.is_for_client(token),
            // Of a request, not of a credential.
            Finding::SecretInQuery => false,
        };
        Finding::ALL.into_iter().filter(|finding| found(*finding)).collect()
    }
}

fn is_wildcard(grant: &Grant) -> bool {
    match &grant.object {
        None | Some(Object::Prefix(_)) => true,
        Some(Object::Exact(_) | Object::Template(_)) => false,
    }
}

/// Whether a query has a parameter whose name says that it is a secret.
pub fn has_secret(query: &str) -> bool {
    const NAMES: [&str; 14] = [
        "apikey",
        "authorization",
        "clientsecret",
        "idtoken",
        "jwt",
        "passwd",
        "password",
        "privatekey",
        "pwd",
        "refreshtoken",
        "secret",
        "sessionid",
        "sessiontoken",
        "token",
    ];
    query.split(['&', ';']).any(|pair| {
        let name = pair.split('=').next().unwrap_or_default();
        let plain: String =
            percent_decode_str(name).decode_utf8_lossy().chars().filter(char::is_ascii_alphanumeric).collect();
        NAMES.contains(&plain.to_ascii_lowercase().as_str())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_in_queries_by_their_names() {
        for query in ["api_key=1", "a=1&X=2&API-Key=3", "client%5Fsecret=1", "token", "a;password=x", "apiKey=%20"] {
            assert!(has_secret(query), "{query}");
        }
        for query in ["", "page_token_count=3", "q=password", "keys=1", "tokens=2", "next=token"] {
            assert!(!has_secret(query), "{query}");
        }
    }
}
