//! Why an issuer's rules cannot be applied: one variant per mistake in them.

/// Why rules cannot be applied.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RulesError {
    /// The issuer is empty: no token has an empty `iss`.
    #[error("issuer is empty")]
    NoIssuer,
    /// No audience: any token of the issuer would do, whoever it is for (RFC 8725 §3.9).
    #[error("no audience is listed")]
    NoAudience,
    /// An audience is empty.
    #[error("an audience is empty")]
    EmptyAudience,
    /// No algorithm: no token could be accepted (RFC 8725 §3.1).
    #[error("no algorithm is listed")]
    NoAlgorithm,
    /// More than [`MAX_LEEWAY`](super::MAX_LEEWAY).
    #[error("leeway is more than 60 seconds")]
    LeewayTooLong,
    /// No token could be accepted.
    #[error("maximum lifetime is zero")]
    NoLifetime,
    /// The generic profile accepts no `typ`: no token could be accepted.
    #[error("no type is listed")]
    NoType,
    /// A JWT-SVID is never signed so (JWT-SVID §2.1).
    #[error("a JWT-SVID is never signed with EdDSA")]
    SvidAlgorithm,
    /// Machines are named by what names or describes something else, or cannot be a claim's name.
    #[error("`{0}` is not a claim that names a client, such as `client_id`, `azp` or `cid`")]
    MachineClaim(String),
    /// Whom a token is for is said by what names or describes something else, or cannot be a claim's name.
    #[error("`{0}` is not a claim that names a client, such as `client_id` or `azp`")]
    AudienceClaim(String),
    /// Nothing tells an access token without `aud` from an ID token, which is for the same client (RFC 8725 §3.12).
    #[error(
        "without `required_claims` an ID token could pass for what has no `aud`; write what only access tokens say, such \
         as `required_claims: {{ token_use: access }}`"
    )]
    AnyAudience,
    /// Its tokens always have an `aud` (JWT-SVID §3, draft-ietf-oauth-transaction-tokens §10.1).
    #[error("tokens of this profile have an `aud`")]
    AlwaysAudience,
    /// No claim is required.
    #[error("empty; name a claim and what it must say, or leave it out")]
    NoRequiredClaim,
    /// A claim that is judged otherwise, or no name of a claim.
    #[error("`{0}` is judged by a rule of its own, or is not a claim's name; name one that tells tokens apart")]
    RequiredClaim(String),
    /// Tokens of this kind need not say whose they are.
    #[error("tokens of this profile may have no `iss` that names a tenant")]
    NoTenants,
    /// Its tenants cannot be told apart.
    #[error(transparent)]
    Tenants(#[from] TenantError),
    /// Its tokens always have a `sub` (JWT-SVID §3, draft-ietf-oauth-transaction-tokens §10.1).
    #[error("tokens of this profile have a `sub`")]
    NoMachines,
    /// Not what a `typ` can be.
    #[error("type `{0}` is not 1 to 256 printable ASCII characters")]
    Type(String),
    /// A kind of token that is not for resources (RFC 8725 §3.12).
    #[error("type `{0}` is a kind of token that must not be accepted as a generic credential")]
    ForeignType(String),
}

/// Why an issuer's tenants cannot be told apart.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TenantError {
    /// The issuer has no single place for a tenant, or that place is not a segment of its path.
    #[error(
        "not one `{{claim}}` that is a segment of its path; write it such as https://login.example.com/{{tid}}/v2.0, or remove \
         `tenants`"
    )]
    Template,
    /// Not a segment of a path that every reader takes for the same.
    #[error(
        "not one segment of a path; write each tenant by itself, in 1 to 128 characters `A-Z`, `a-z`, `0-9`, `-`, `.`, `_`, `~`"
    )]
    Name,
    /// More than [`MAX_TENANTS`](crate::MAX_TENANTS).
    #[error("more than 1000; give some of them an entry of their own")]
    TooMany,
}
