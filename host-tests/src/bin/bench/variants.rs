//! What is compared.

use std::fmt::Write as _;

use anyhow::{Context as _, Result};
use countersign_host_tests::cerbos::Cerbos;
use countersign_host_tests::envoy::module;
use countersign_host_tests::gateway::{Options, PluginConfig, Upstream, bootstrap};
use serde_json::{Value, json};

use crate::load::Tokens;
use crate::tokens::{AUDIENCE, ISSUER, Minted};

/// One row of the table.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    pub(crate) tokens: Tokens,
    pub(crate) bootstrap: Value,
}

/// The row everything is measured against.
pub(crate) const BASELINE: &str = "envoy alone";
/// The row ours is compared with.
pub(crate) const NATIVE: &str = "jwt_authn (cache) + mcp + rbac";

/// Policies beside the three that are about the call.
#[derive(Clone, Copy)]
enum Others {
    /// Each on a tool of its own, which is not called.
    Elsewhere(usize),
    /// All of them on the tool that is called.
    Here(usize),
}

/// Where a filter's HTTP filters are in a derived bootstrap.
const HTTP_FILTERS: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";

/// Every row, baseline first.
pub(crate) fn all(minted: &Minted, upstream: u16, cerbos: &Cerbos) -> Result<Vec<Variant>> {
    let ours = derived(minted, upstream, Others::Elsewhere(97))?;
    let rego = deployed(&with_policy(minted, &json!({ "rego": REGO }))?, upstream, None)?;
    let authzen = json!({ "authzen": { "url": "http://pdp.test", "cluster": PDP, "insecure_http": true } });
    let authzen = deployed(&with_policy(minted, &authzen)?, upstream, Some(cerbos))?;
    let with_policies = |name, others| {
        Ok::<_, anyhow::Error>(Variant { name, tokens: Tokens::Known, bootstrap: derived(minted, upstream, others)? })
    };
    let empty = std::env::temp_dir().join("countersign-bench-empty.wasm");
    std::fs::write(&empty, wat::parse_str(EMPTY_FILTER)?)?;
    let with = |filters: Vec<Value>| with_filters(&ours, filters);
    let jwt = |cache| jwt_authn(&minted.keys, cache);
    let portable = without_native_crypto(&ours)?;
    let native = |cache| with(vec![jwt(cache), mcp(), rbac()]);
    Ok(vec![
        Variant { name: BASELINE, tokens: Tokens::Known, bootstrap: with(Vec::new())? },
        Variant { name: "empty wasm filter", tokens: Tokens::Known, bootstrap: with(vec![empty_filter(&empty)])? },
        Variant { name: NATIVE, tokens: Tokens::Known, bootstrap: native(true)? },
        Variant { name: "jwt_authn (fresh RS256) + mcp + rbac", tokens: Tokens::Fresh, bootstrap: native(false)? },
        Variant { name: "jwt_authn (fresh ES256) + mcp + rbac", tokens: Tokens::FreshEs256, bootstrap: native(false)? },
        Variant { name: "countersign, known token", tokens: Tokens::Known, bootstrap: ours.clone() },
        Variant { name: "countersign, fresh RS256 token", tokens: Tokens::Fresh, bootstrap: ours.clone() },
        Variant { name: "countersign, fresh ES256 token", tokens: Tokens::FreshEs256, bootstrap: ours.clone() },
        with_policies("known token, 10 policies", Others::Elsewhere(7))?,
        with_policies("known token, 1,000 policies", Others::Elsewhere(997))?,
        with_policies("known token, 100 policies that all apply", Others::Here(97))?,
        Variant { name: "known token, the same three in Rego", tokens: Tokens::Known, bootstrap: rego },
        Variant { name: "known token, Cerbos over AuthZEN", tokens: Tokens::Known, bootstrap: authzen },
        Variant { name: "the same RS256, portable verifier", tokens: Tokens::Fresh, bootstrap: portable.clone() },
        Variant { name: "the same ES256, portable verifier", tokens: Tokens::FreshEs256, bootstrap: portable },
    ])
}

fn derived(minted: &Minted, upstream: u16, others: Others) -> Result<Value> {
    deployed(&configuration(minted, others)?, upstream, None)
}

fn deployed(configuration: &Value, upstream: u16, cerbos: Option<&Cerbos>) -> Result<Value> {
    let config = PluginConfig::from_yaml(&configuration.to_string())?;
    let mut options = Options::new(module()?, format!("127.0.0.1:{upstream}").parse::<Upstream>()?);
    if let Some(cerbos) = cerbos {
        options.endpoints.insert(PDP.to_owned(), format!("127.0.0.1:{}", cerbos.port()).parse()?);
    }
    Ok(bootstrap(&config, &options)?)
}

/// The configuration that decisions are counted with: that of the rows about tokens.
pub(crate) fn counted(minted: &Minted) -> Result<Value> {
    configuration(minted, Others::Elsewhere(97))
}

/// The catalogue of [`configuration`] without other tools, and another policy.
fn with_policy(minted: &Minted, policy: &Value) -> Result<Value> {
    let mut configuration = configuration(minted, Others::Elsewhere(0))?;
    configuration["policy"] = policy.clone();
    Ok(configuration)
}

/// The gateway's way to the decision point.
const PDP: &str = "pdp";

/// What [`configuration`] says in Cedar.
const REGO: &str = r#"package countersign

default decision := {"effect": "deny"}

args := input.context.args

decision := {"effect": "allow", "policies": ["transfers"]} if {
    input.action.name == "payments/transfer"
    args.amount <= 1000
    args.currency == "EUR"
    startswith(args.payee, "DE")
}
"#;

/// What [`configuration`] says for Cerbos.
pub(crate) const CERBOS: &str = r#"
apiVersion: api.cerbos.dev/v1
resourcePolicy:
  version: default
  resource: Tool
  rules:
    - actions: ["payments/transfer"]
      effect: EFFECT_ALLOW
      roles: ["*"]
      condition:
        match:
          all:
            of:
              - expr: R.attr.args.amount <= 1000
              - expr: R.attr.args.currency == "EUR"
              - expr: R.attr.args.payee.startsWith("DE")
"#;

/// Three policies about the call, and `others`.
fn configuration(minted: &Minted, others: Others) -> Result<Value> {
    let schema = json!({
        "type": "object",
        "properties": {
            "amount": {"type": "integer"}, "currency": {"type": "string"}, "payee": {"type": "string"},
            "reference": {"type": "string"}, "urgent": {"type": "boolean"}, "cost_center": {"type": "string"},
        },
        "required": ["amount", "currency", "payee"],
    });
    let mut tools = vec![json!({"name": "transfer", "risk": "high", "input_schema": schema})];
    let mut policies = String::from(
        r#"
        @id("transfers") permit (principal, action == Action::"payments/transfer", resource)
        when { context.args.amount <= 1000 };
        @id("euro-only") forbid (principal, action == Action::"payments/transfer", resource)
        when { context.args.currency != "EUR" };
        @id("known-payee") forbid (principal, action == Action::"payments/transfer", resource)
        unless { context.args.payee like "DE*" };
        "#,
    );
    let (count, elsewhere) = match others {
        Others::Elsewhere(count) => (count, true),
        Others::Here(count) => (count, false),
    };
    for number in 0..count {
        let tool = if elsewhere { format!("tool{number}") } else { "transfer".to_owned() };
        if elsewhere {
            tools.push(json!({"name": tool, "risk": "low", "input_schema": {
                "type": "object", "properties": {"amount": {"type": "integer"}}, "required": ["amount"],
            }}));
        }
        write!(
            policies,
            r#"@id("other-{number}") permit (principal, action == Action::"payments/{tool}", resource)
            when {{ context.args.amount < {number} }};"#
        )?;
    }
    Ok(json!({
        "version": 1,
        "issuers": [{
            "name": "bench", "issuer": ISSUER, "profile": "access-token", "audiences": [AUDIENCE],
            "algorithms": ["RS256", "ES256"], "keys": {"inline": minted.keys}, "max_lifetime": "2h",
            "task": {"id": "/task/id", "purpose": "/task/purpose", "grants": "/task/grants"},
        }],
        "resources": [{"name": "payments", "match": {"path": "/mcp"}, "protocol": "mcp", "tools": tools}],
        "policy": {"cedar": policies},
    }))
}

fn with_filters(bootstrap: &Value, mut filters: Vec<Value>) -> Result<Value> {
    let mut bootstrap = bootstrap.clone();
    let list = bootstrap
        .pointer_mut(HTTP_FILTERS)
        .and_then(Value::as_array_mut)
        .context("the derived bootstrap keeps its HTTP filters elsewhere")?;
    let router = list.pop().context("a listener without router")?;
    filters.push(router);
    *list = filters;
    Ok(bootstrap)
}

/// Ours in a gateway that is not asked about signatures: the capability is missing.
fn without_native_crypto(bootstrap: &Value) -> Result<Value> {
    let mut bootstrap = bootstrap.clone();
    let filter = bootstrap.pointer_mut(&format!("{HTTP_FILTERS}/0/typed_config/config"));
    let filter = filter.context("the derived bootstrap keeps its wasm filter elsewhere")?;
    let allowed = filter.pointer_mut("/capability_restriction_config/allowed_capabilities");
    let allowed = allowed.and_then(Value::as_object_mut).context("no allowed capabilities")?;
    allowed.remove("proxy_call_foreign_function").context("the capability has another name")?;
    Ok(bootstrap)
}

fn empty_filter(module: &std::path::Path) -> Value {
    json!({
        "name": "empty",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
            "config": {"vm_config": {"vm_id": "empty", "runtime": "envoy.wasm.runtime.v8", "code": {"local": {"filename": module}}}},
        },
    })
}

fn jwt_authn(keys: &Value, cache: bool) -> Value {
    let mut provider = json!({
        "issuer": ISSUER, "audiences": [AUDIENCE], "forward": false,
        "local_jwks": {"inline_string": keys.to_string()},
    });
    if cache {
        provider["jwt_cache_config"] = json!({"jwt_cache_size": 100});
    }
    json!({
        "name": "envoy.filters.http.jwt_authn",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.jwt_authn.v3.JwtAuthentication",
            "providers": {"sts": provider},
            "rules": [{"match": {"prefix": "/"}, "requires": {"provider_name": "sts"}}],
        },
    })
}

fn mcp() -> Value {
    json!({
        "name": "envoy.filters.http.mcp",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.mcp.v3.Mcp",
            "traffic_mode": "REJECT_NO_MCP",
        },
    })
}

/// The tool's name may be `transfer`.
fn rbac() -> Value {
    json!({
        "name": "envoy.filters.http.rbac",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC",
            "rules": {"action": "ALLOW", "policies": {"transfer": {
                "permissions": [{"sourced_metadata": {"metadata_matcher": {
                    "filter": "envoy.filters.http.mcp",
                    "path": [{"key": "params"}, {"key": "name"}],
                    "value": {"string_match": {"exact": "transfer"}},
                }}}],
                "principals": [{"any": true}],
            }}},
        },
    })
}

/// A filter that exports what a gateway asks for and does nothing: the price of calling into wasm at all.
const EMPTY_FILTER: &str = r#"
(module
  (memory (export "memory") 2)
  (global $next (mut i32) (i32.const 1024))
  (func (export "proxy_abi_version_0_2_1"))
  (func (export "_initialize"))
  (func (export "proxy_on_memory_allocate") (param $size i32) (result i32)
    (local $at i32)
    (local.set $at (global.get $next))
    (global.set $next (i32.add (global.get $next) (local.get $size)))
    (local.get $at))
  (func (export "proxy_on_context_create") (param i32 i32))
  (func (export "proxy_on_vm_start") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))
  (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_request_body") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_response_headers") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32) (i32.const 0))
  (func (export "proxy_on_done") (param i32) (result i32) (i32.const 1))
  (func (export "proxy_on_log") (param i32))
  (func (export "proxy_on_delete") (param i32)))
"#;
