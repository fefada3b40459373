//! What to do about each thing that can be wrong with a policy or the catalogue it is written for.

use countersign_policy::Problem;
use countersign_protocols::shape::SchemaProblem;

/// What to do about `problem`.
pub(super) const fn remedy(problem: &Problem) -> &'static str {
    match problem {
        Problem::Syntax(_) => "mend the Cedar text at this place",
        Problem::Invalid(_) => {
            "write the policy for what the catalogue declares; ask for optional attributes with `has` first"
        }
        Problem::Cedar(_) => "report it: a valid catalogue should not lead here",
        Problem::Unlinked => "fill its slots in `policy.links`, or write what is to be in them",
        Problem::UnknownTemplate(_) => "write the `@id` of a policy with `?principal` or `?resource`",
        Problem::EmptySlot(_) => {
            "name an entity for it, such as `Agent::\"<issuer>/<subject>\"` or `Resource::\"<name>\"`"
        }
        Problem::NoSlot(_) => "remove it from the link, or write the slot into the template",
        Problem::DuplicateId => "give each policy an `@id` of its own",
        Problem::UnknownAnnotation(_) => "remove it, or write one of those that mean something",
        Problem::EmptyAnnotation(_) => "write a value in parentheses and quotes, or remove it",
        Problem::StepUpOnPermit => "put it on a `forbid … unless { context has approval }` beside the permit",
        Problem::UnknownMode(_) => "write one of these modes, or remove `@mode`: without it the policy is enforced",
        Problem::UnknownRisk(_) => {
            "write identifiers of policies/frameworks.yaml, such as `ASI02 T2 NHI5`, with blanks between"
        }
        Problem::SandboxOnForbid => "put it on the permit whose requests it is for",
        Problem::UnknownSandbox(_) => "declare it under `sandboxes`, or name one that is declared there",
        Problem::StepUpNeverLifted => "end the forbid with `unless { context has approval }`, or remove `@step_up`",
        Problem::Rego(_) => "mend the Rego text at this place",
        Problem::RegoAbsent => "load `countersign-rego.wasm`, or write the policy in Cedar",
        Problem::RegoPackage => "begin with `package countersign`",
        Problem::RegoDecision => {
            "write `default decision := {\"effect\": \"deny\"}`, and rules of that name that allow"
        }
        Problem::RegoFunction(_) => "define it, or use a builtin that is computed from its arguments alone",
        Problem::RegoRecursion(_) => "write it without calling itself",
        Problem::RegoFormat => "write it as a text in quotes",
        Problem::RegoWith => "write a rule that takes what it needs as arguments",
        Problem::UnknownResource(_) => "name a resource of the configuration, or declare this one",
        Problem::UnknownIssuer(_) => "name an issuer, or the trust domain of one, of the configuration",
        Problem::BareAgent { .. } => "write the issuer's name and `/` before the subject",
        Problem::BareSubject { .. } | Problem::BareTenant { .. } => {
            "say whose subject it is: ask for the issuer in the same policy"
        }
        Problem::UnknownKind(_) => "write `Kind::\"automation\"` or `Kind::\"agent\"`",
        Problem::Unreadable { .. } => {
            "give it one type in `input_schema`, or name the actions whose arguments the policy can read"
        }
        Problem::NeverDeclared { .. } => {
            "correct the name, or declare it in the `input_schema` of an action that the policy is about"
        }
        Problem::NeverThere(_) => "correct the name: the documentation of policies has all that there are",
        Problem::UnknownWord { .. } => {
            "write one of these words; labels are those that a tool of the catalogue carries"
        }
        Problem::DeadPart(_) => {
            "remove it, or write what was meant: the policy does what it would do without this part"
        }
        Problem::NeverApplies => "name an action and a resource that go together, or remove the policy",
        Problem::ResourceName => "choose another name",
        Problem::DuplicateResource => "give each resource a name of its own",
        Problem::Schema(problem) => schema(problem),
    }
}

const fn schema(problem: &SchemaProblem) -> &'static str {
    match problem {
        SchemaProblem::NotASchema => "write an object such as `{ type: string }`",
        SchemaProblem::NotAnObject => "write `type: object` and `properties`",
        SchemaProblem::OpaqueArguments(_) => "write the arguments as plain `properties`, or leave `input_schema` out",
        SchemaProblem::Keyword(_) => "write what JSON Schema has there",
        SchemaProblem::UnknownType(_) => "write one of these types",
        SchemaProblem::UndeclaredRequired(_) => "declare it in `properties`, or do not require it",
    }
}
