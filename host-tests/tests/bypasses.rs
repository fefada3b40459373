//! How gateways like this one have been bypassed, and which scenarios show that it fails here: in wasm and in Envoy.

use anyhow::{Result, ensure};
use countersign_host_tests::scenario::Library;
use countersign_host_tests::scenario::format::DriverKind;

/// A bypass, and the scenarios that try it.
const BYPASSES: &[(&str, &[&str])] = &[
    (
        "no rule means allow",
        &[
            "a policy that permits nothing denies",
            "no grants, no rights",
            "a host nobody protects",
            "a path nobody protects",
        ],
    ),
    ("an erroring deny rule is skipped", &["a forbid that fails to evaluate denies"]),
    (
        "only tools/call is checked; prompts, resources, GET and DELETE pass",
        &["not only tools/call is checked", "an unknown method is denied, not passed", "a leg with a body"],
    ),
    ("a JSON-RPC batch hides a call", &["a JSON-RPC batch hides nothing"]),
    (
        "a duplicate key: the filter reads the first, the server the last",
        &["a member that comes twice, also when one of them is escaped", "members that some parsers take for the same"],
    ),
    (
        "escapes and Unicode in names",
        &["escapes in a name name the same tool", "a name that is not composed as everybody composes it"],
    ),
    (
        "a POST that is not JSON passes unread",
        &["a body that is not JSON", "another media type, or a coded body, is not passed unread"],
    ),
    (
        "a path that a lenient server takes for the protected one",
        &[
            "what is nearly a protected path does not pass beside it",
            "nor into a resource that is matched by less",
            "what a lenient server takes for a declared endpoint is nothing else",
        ],
    ),
    (
        "a body on an endpoint that declares none",
        &[
            "a body on an endpoint that declares none",
            "a form that nobody reads",
            "a form that says another method, or who asks",
        ],
    ),
    (
        "a name that a rule asks for, where nothing declares it",
        &[
            "a name that a policy asks for is not passed unread",
            "a path that is no endpoint carries no name that a policy asks for",
            "prompts and gRPC methods that nobody declared carry no name that a policy asks for",
        ],
    ),
    ("headers say one tool, the body another", &["header and body disagree"]),
    (
        "a client sends the header that picks a route, or the identity that the upstream believes",
        &[
            "what is allowed as ever goes where it ever went, whatever a client says",
            "identity that a client made up is removed, and nothing else",
            "identity in trailers is removed from them, held or not",
        ],
    ),
    ("a body over the filter's limit passes", &["a body over the limit", "a body over the limit in small pieces"]),
    (
        "request trailers end the body unseen",
        &["trailers end the body, and it is judged", "trailers that would pass for checked headers"],
    ),
    (
        "headers are already upstream when the body is refused",
        &[
            "a body that is not JSON",
            "a body that does not arrive",
            "a client that leaves before its body is complete",
            "a gateway that holds no bodies refuses, and says what to set",
        ],
    ),
    (
        "two Authorization headers",
        &[
            "two Authorization headers",
            "a good and a bad Authorization header, in either order",
            "two tokens in one Authorization header",
        ],
    ),
    ("a token in the query", &["a token in the query"]),
    ("alg: none", &["no alg, alg: none, in any spelling"]),
    ("HS256 with a public key", &["HS256 with the public key as the secret"]),
    ("jku and x5u", &["a token that says where its key is"]),
    ("an embedded jwk", &["a token that brings its own key"]),
    ("a hostile kid", &["a hostile key id"]),
    ("crit", &["a critical extension nobody knows"]),
    ("whitespace and non-base64url in tokens", &["a token that parsers read differently"]),
    ("a token for another audience", &["a token for another audience"]),
    (
        "an ID-JAG or an ID token used as an access token",
        &["an ID token, an ID-JAG or a logout token is no access token"],
    ),
    ("a DPoP-bound token sent as Bearer", &["a token bound to a key, as a bearer token"]),
    (
        "spoofed identity headers",
        &[
            "identity headers of the client are removed",
            "identity headers with underscores and in other cases are removed",
            "header names with underscores, where the listener lets them through",
        ],
    ),
    (
        "an approval reused for other arguments",
        &["an approval is not good for other arguments", "an approval is not good for the same call again"],
    ),
    (
        "a response filter evaded by media type or status",
        &[
            "a list that cannot be read is not passed, whatever its status and media type",
            "a list that turns out unreadable on its way is cut off",
        ],
    ),
    (
        "a tool changes after it was reviewed, and its old face is shown to whoever looks",
        &[
            "a tool that changed under its pin is not called any more by who saw that, until it is pinned again",
            "nobody un-sees a changed tool by asking differently",
            "a changed tool in an event stream that is resumed is seen too",
        ],
    ),
    (
        "a server that calls its own tools harmless is believed",
        &[
            "what a tool says against itself raises its risk, for who read it, and for others once two did",
            "a tool that takes it back is of the risk that it said",
        ],
    ),
    (
        "a rule over an argument that policy cannot read, silently dead",
        &[
            "a name that a policy asks for is not passed unread",
            "endpoints and gRPC methods are asked as tools are, and bodies are read for it",
        ],
    ),
    (
        "a list answered on another stream",
        &[
            "a list in answer to something else does not reach the client",
            "nor on the stream on which the server speaks up by itself",
            "nor in answer to what asks for nothing",
        ],
    ),
    (
        "a refresh token that introspection calls active",
        &["refresh tokens, ID tokens and others that an issuer calls active are not credentials"],
    ),
    (
        "one agent's header that locks all others out of a pinned tool",
        &["one agent's list does not keep others from a pinned tool"],
    ),
    ("A2A AUTH_REQUIRED taken for a grant", &["what an agent says about AUTH_REQUIRED grants nothing"]),
    (
        "an approver who is the requester",
        &["nobody approves their own call", "the same name from another issuer is somebody else"],
    ),
    (
        "fail-open set silently",
        &[
            "keys over plain http without saying so",
            "a key server that is down",
            "nobody can be asked",
            "a gateway that holds no bodies refuses, and says what to set",
        ],
    ),
];

/// Those that no scenario tries, and why.
const WITHOUT_A_SCENARIO: &[(&str, &str)] = &[
    ("budgets multiplied by replicas", "what is spent is counted per gateway process, and README.md says so"),
    ("a metric label per user until memory is gone", "scenarios do not see metrics; load tests watch the memory"),
];

#[test]
fn every_bypass_is_tried_in_wasm_and_in_envoy() -> Result<()> {
    let library = Library::read()?;
    for (bypass, names) in BYPASSES {
        for driver in [DriverKind::Wasm, DriverKind::Envoy] {
            let mut tried = false;
            for name in *names {
                let found = library.scenarios.iter().find(|(_, scenario)| scenario.name == *name);
                ensure!(found.is_some(), "{bypass}: there is no scenario `{name}`");
                tried |= found.is_some_and(|(_, scenario)| scenario.drivers.contains(&driver));
            }
            ensure!(tried, "{bypass}: no scenario tries it in {driver:?}");
        }
        ensure!(WITHOUT_A_SCENARIO.iter().all(|(open, _)| open != bypass), "{bypass}: is tried");
    }
    ensure!(BYPASSES.len() + WITHOUT_A_SCENARIO.len() >= 31, "a bypass is missing");
    Ok(())
}
