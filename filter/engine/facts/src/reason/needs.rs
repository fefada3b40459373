//! What must be configured for a reason to happen. `Config::meets`, above, says whether it is.

/// One thing that some reasons need. A closed set: exactly what reports tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: it can always happen.
    Always,
    UnmatchedDenied,
    MaxLifetime,
    OneShot,
    Introspection,
    Denylist,
    BoundTokens,
    Workloads,
    ClassifiedActors,
    Automation,
    AgentActions,
    ClosedInterface,
    Authentication,
    Claims,
    Schema,
    Pin,
    SealedSessions,
    Mcp,
    A2a,
    McpOrA2a,
    HttpOrA2a,
    Pdp,
    MaxStale,
    StepUp,
    NoStepUp,
}

impl Needs {
    /// What it takes, in words that continue "only where"; none where it takes nothing.
    pub const fn words(self) -> Option<&'static str> {
        Some(match self {
            Self::Always => return None,
            Self::UnmatchedDenied => "`unmatched` is `deny`, as it is unless stated",
            Self::MaxLifetime => "an issuer has a `max_lifetime`",
            Self::OneShot => "an issuer says `one_shot: true`",
            Self::Introspection => "an issuer has `introspection`",
            Self::Denylist => "`denied` lists something, or there is a `bundle`",
            Self::BoundTokens => "an issuer's `binding.require` demands bound tokens",
            Self::Workloads => "`workloads` lists who is admitted",
            Self::ClassifiedActors => "`actors.unclassified` is `deny`",
            Self::Automation => "`workloads` lists an automation",
            Self::AgentActions => "`workloads` lists an agent with `actions`",
            Self::ClosedInterface => "a resource says `undeclared: deny`",
            Self::Authentication => "a resource, or what it declares, has `authentication`",
            Self::Claims => "an issuer has `claims`",
            Self::Schema => "something declared has an `input_schema`, or a resource says `protocol: a2a`",
            Self::Pin => "a tool has a `pin`",
            Self::SealedSessions => {
                "a resource says `protocol: mcp` and sessions are sealed (`sessions.seal`), as they are unless stated"
            }
            Self::Mcp => "a resource says `protocol: mcp`",
            Self::A2a => "a resource says `protocol: a2a`",
            Self::McpOrA2a => "a resource says `protocol: mcp` or `protocol: a2a`",
            Self::HttpOrA2a => "a resource says `protocol: http` or `protocol: a2a`",
            Self::Pdp => "`policy` has a decision point elsewhere (`authzen` or `opa`)",
            Self::MaxStale => "`bundle` has a `max_stale`",
            Self::StepUp => "`step_up` is configured",
            Self::NoStepUp => "`step_up` is not configured",
        })
    }
}
