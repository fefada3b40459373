//! Every file under `envoy/` as far as it can be checked here: loaded by real Envoys, compared with what the same
//! configuration derives, or read.

use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use countersign_host_tests::envoy::{Envoy, PINNED, Validation, module, root, versions};
use countersign_host_tests::fakes::Authority;
use countersign_host_tests::gateway::{self, CAPABILITIES, Options, PluginConfig, bootstrap};
use serde::Deserialize as _;
use serde_json::{Value, json};

/// Where the shipped files expect module and certificates.
const HOME: &str = "/etc/countersign";
const MANAGER: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";

/// A folder with everything that [`HOME`] is to hold.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        let at = |name: &str| folder.path().join(name);
        let authority = Authority::new("test")?;
        authority.write_pem(&at("ca.pem"))?;
        authority.issue("tools.example.com")?.write_pem(&at("tls.crt"), &at("tls.key"))?;
        std::fs::copy(module()?, at("countersign.wasm"))?;
        Ok(Self(folder))
    }

    /// `text` with this folder for [`HOME`].
    fn move_in(&self, text: &str) -> Result<String> {
        ensure!(text.contains(HOME), "{HOME} is not mentioned");
        Ok(text.replace(HOME, self.0.path().to_str().context("a folder that is not UTF-8")?))
    }
}

fn shipped(name: &str) -> Result<String> {
    let path = root().join("envoy").join(name);
    std::fs::read_to_string(&path).with_context(|| path.display().to_string())
}

/// Every document of a YAML file, merge keys applied.
fn documents(text: &str) -> Result<Vec<Value>> {
    let read = |document| -> Result<Value> {
        let mut value = serde_norway::Value::deserialize(document)?;
        value.apply_merge()?;
        Ok(serde_json::to_value(value)?)
    };
    serde_norway::Deserializer::from_str(text).map(read).collect()
}

fn only_document(text: &str) -> Result<Value> {
    let [document] =
        <[Value; 1]>::try_from(documents(text)?).map_err(|all| anyhow::anyhow!("{} documents", all.len()))?;
    Ok(document)
}

fn at<'a>(document: &'a Value, pointer: &str) -> Result<&'a Value> {
    document.pointer(pointer).with_context(|| format!("nothing at {pointer}"))
}

/// Where the filter's own configuration is.
fn filter_in(document: &Value) -> Result<String> {
    gateway::filter_in(document, MANAGER).context("no filter")
}

/// The plugin configuration inside a filter's.
fn handed_over(filter: &Value) -> Result<PluginConfig> {
    let text = at(filter, "/configuration/value")?.as_str().context("the configuration is no text")?;
    Ok(PluginConfig::from_json(text.to_owned())?)
}

/// Accepted by every release, and nothing in it on its way out, but for what 1.36 needs there.
fn ensure_loads(validate: impl Fn(&Envoy) -> Result<Validation>) -> Result<()> {
    for version in versions() {
        let validation = validate(&Envoy::find(&version)?)?;
        ensure!(validation.accepted, "Envoy {version}: {}", validation.output);
        let deprecated = validation.output.lines().filter(|line| line.contains("Deprecated field"));
        let others: Vec<_> = deprecated.filter(|line| !line.contains("capability_restriction_config")).collect();
        ensure!(others.is_empty(), "Envoy {version}: {others:?}");
    }
    Ok(())
}

#[test]
fn envoy_yaml_loads() -> Result<()> {
    let home = Home::new()?;
    let path = home.0.path().join("envoy.yaml");
    std::fs::write(&path, home.move_in(&shipped("envoy.yaml")?)?)?;
    ensure_loads(|envoy| with_secret(envoy, &path))
}

#[test]
fn egress_yaml_loads() -> Result<()> {
    let home = Home::new()?;
    let path = home.0.path().join("egress.yaml");
    std::fs::write(&path, home.move_in(&shipped("egress.yaml")?)?)?;
    ensure_loads(|envoy| envoy.validate_file(&path))
}

/// What the way out has in common with the way in is word for word the same.
#[test]
fn egress_yaml_is_as_strict_as_envoy_yaml() -> Result<()> {
    let (out, into) = (only_document(&shipped("egress.yaml")?)?, only_document(&shipped("envoy.yaml")?)?);
    let members = |document: &Value, pointer: &str, own: &[&str]| -> Result<Value> {
        let mut members =
            at(document, pointer)?.as_object().cloned().with_context(|| format!("{pointer}: no object"))?;
        members.retain(|key, _| !own.contains(&key.as_str()));
        Ok(Value::Object(members))
    };
    let own = ["http2_protocol_options", "upgrade_configs", "route_config", "http_filters"];
    assert_eq!(members(&out, MANAGER, &own)?, members(&into, MANAGER, &own)?);
    let own = ["configuration", "vm_config", "root_id"];
    let (here, there) = (filter_in(&out)?, filter_in(&into)?);
    assert_eq!(members(&out, &here, &own)?, members(&into, &there, &own)?);
    // In one Envoy, neither is a newer configuration of the other.
    assert_ne!(at(&out, &format!("{here}/root_id"))?, at(&into, &format!("{there}/root_id"))?);
    let vm = |filter: &str| format!("{filter}/vm_config");
    assert_eq!(members(&out, &vm(&here), &[])?, members(&into, &vm(&there), &["environment_variables"])?);
    for pointer in ["/admin", "/overload_manager", "/static_resources/clusters/1"] {
        assert_eq!(at(&out, pointer)?, at(&into, pointer)?, "{pointer}");
    }
    // What was judged is what is connected to: one cache for both.
    let cache = at(&out, &format!("{MANAGER}/http_filters/1/typed_config/dns_cache_config"))?;
    assert_eq!(at(&out, "/static_resources/clusters/0/cluster_type/typed_config/dns_cache_config")?, cache);
    assert_eq!(at(&out, &format!("{MANAGER}/http_filters/1/typed_config/save_upstream_address"))?, &json!(true));
    Ok(())
}

#[test]
fn sandbox_yaml_loads() -> Result<()> {
    let home = Home::new()?;
    let path = home.0.path().join("sandbox.yaml");
    std::fs::write(&path, home.move_in(&shipped("sandbox.yaml")?)?)?;
    ensure_loads(|envoy| envoy.validate_file(&path))
}

/// But for its routes, what it calls and what it says about that, it is envoy.yaml.
#[test]
fn sandbox_yaml_is_as_strict_as_envoy_yaml() -> Result<()> {
    let (with, without) = (only_document(&shipped("sandbox.yaml")?)?, only_document(&shipped("envoy.yaml")?)?);
    let members = |document: &Value, pointer: &str, own: &[&str]| -> Result<Value> {
        let mut members =
            at(document, pointer)?.as_object().cloned().with_context(|| format!("{pointer}: no object"))?;
        members.retain(|key, _| !own.contains(&key.as_str()));
        Ok(Value::Object(members))
    };
    let filter = filter_in(&without)?;
    assert_eq!(filter_in(&with)?, filter);
    let vm = format!("{filter}/vm_config");
    let own: [(&str, &[&str]); 3] = [
        (MANAGER, &["early_header_mutation_extensions", "access_log", "route_config", "http_filters"]),
        (&filter, &["configuration", "vm_config"]),
        (&vm, &["environment_variables"]),
    ];
    for (pointer, own) in own {
        assert_eq!(members(&with, pointer, own)?, members(&without, pointer, own)?, "{pointer}");
    }
    let pages = format!("{MANAGER}/route_config/virtual_hosts/0/typed_per_filter_config");
    let others = ["http_filters/0", "http_filters/2"].map(|filter| format!("{MANAGER}/{filter}"));
    let same = ["/admin", "/overload_manager", "/static_resources/clusters/0", &pages];
    for pointer in same.into_iter().chain(others.iter().map(String::as_str)) {
        assert_eq!(at(&with, pointer)?, at(&without, pointer)?, "{pointer}");
    }
    assert_eq!(at(&with, "/static_resources/clusters/2")?, at(&without, "/static_resources/clusters/1")?);
    let stripped = format!("{MANAGER}/early_header_mutation_extensions/0/typed_config/mutations");
    assert_eq!(at(&with, &format!("{stripped}/0"))?, at(&without, &format!("{stripped}/0"))?);
    // The way into the sandbox has everything that the ordinary one has, and nothing ordinary comes after its name.
    let routes = format!("{MANAGER}/route_config/virtual_hosts/0/routes");
    assert_eq!(at(&with, &format!("{routes}/2"))?, at(&without, &format!("{routes}/0"))?);
    assert_eq!(
        members(&with, &format!("{routes}/0/route"), &["cluster"])?,
        members(&without, &format!("{routes}/0/route"), &["cluster"])?
    );
    let (sandbox, ordinary) = (at(&with, "/static_resources/clusters/1")?, at(&with, "/static_resources/clusters/0")?);
    assert_eq!(sandbox.get("circuit_breakers"), ordinary.get("circuit_breakers"));
    Ok(())
}

fn with_secret(envoy: &Envoy, path: &Path) -> Result<Validation> {
    let secret = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=";
    envoy.clone().with_env("APPROVALS_SECRET", secret).validate_file(path)
}

#[test]
fn envoy_yaml_is_what_its_configuration_derives() -> Result<()> {
    let document = only_document(&shipped("envoy.yaml")?)?;
    let config = handed_over(at(&document, &filter_in(&document)?)?)?;
    let mut options = Options::new(format!("{HOME}/countersign.wasm"), "tools.internal:8080".parse()?);
    options.trusted_ca = format!("{HOME}/ca.pem").into();
    let derived = bootstrap(&config, &options)?;
    for pointer in [
        MANAGER,
        "/static_resources/clusters",
        "/static_resources/listeners/0/name",
        "/static_resources/listeners/0/per_connection_buffer_limit_bytes",
    ] {
        assert_eq!(at(&document, pointer)?, at(&derived, pointer)?, "{pointer}");
    }
    Ok(())
}

#[test]
fn demo_yaml_derives_what_loads() -> Result<()> {
    let config = PluginConfig::from_yaml(&shipped("demo.yaml")?)?;
    let home = Home::new()?;
    let path = home.0.path().join("demo.json");
    let options = Options::new(module()?, "127.0.0.1:18082".parse()?);
    std::fs::write(&path, bootstrap(&config, &options)?.to_string())?;
    ensure_loads(|envoy| with_secret(envoy, &path))
}

#[test]
fn a_configuration_that_the_filter_refuses_does_not_load() -> Result<()> {
    let mut value = PluginConfig::from_yaml(&shipped("demo.yaml")?)?.value().clone();
    value.as_object_mut().context("no object")?.insert("refuse-me".to_owned(), json!(true));
    let options = Options::new(module()?, "127.0.0.1:18082".parse()?);
    let home = Home::new()?;
    let path = home.0.path().join("refused.json");
    std::fs::write(&path, bootstrap(&PluginConfig::from(value), &options)?.to_string())?;
    for version in versions() {
        ensure!(!with_secret(&Envoy::find(&version)?, &path)?.accepted, "Envoy {version} would start");
    }
    Ok(())
}

#[test]
fn istio_yaml_patches_what_loads() -> Result<()> {
    let home = Home::new()?;
    let all = documents(&home.move_in(&shipped("istio.yaml")?)?)?;
    let filter = patch(&all, "HTTP_FILTER")?;
    let config = handed_over(at(filter, "/typed_config/config")?)?;
    let mut derived = bootstrap(&config, &Options::new(module()?, "127.0.0.1:8080".parse()?))?;
    let manager = derived.pointer_mut(MANAGER).context("no connection manager")?;
    // What Istio's own connection manager does not have is taken away, then patched in again.
    let patched = at(patch(&all, "NETWORK_FILTER")?, "/typed_config")?;
    for key in patched.as_object().context("no settings")?.keys().filter(|key| *key != "@type") {
        let removed = manager.as_object_mut().and_then(|members| members.remove(key)).unwrap_or_default();
        let mut expected = removed.clone();
        if key == "common_http_protocol_options" {
            // Istio sets its own idle timeout.
            expected.as_object_mut().and_then(|options| options.remove("idle_timeout"));
        }
        assert_eq!(patched.get(key), Some(&expected), "{key}");
        let members = manager.as_object_mut().context("no object")?;
        members.insert(key.clone(), patched.get(key).cloned().unwrap_or_default());
    }
    // Istio's own CORS filter is in front of it already.
    let in_place = manager.pointer_mut("/http_filters/1").context("no filter")?;
    *in_place = filter.clone();
    let path = home.0.path().join("istio.json");
    std::fs::write(&path, derived.to_string())?;
    ensure_loads(|envoy| with_secret(envoy, &path))
}

#[test]
fn istio_yaml_has_the_same_filter_and_no_retries() -> Result<()> {
    let all = documents(&shipped("istio.yaml")?)?;
    let stand_alone = only_document(&shipped("envoy.yaml")?)?;
    let mut filter = at(patch(&all, "HTTP_FILTER")?, "/typed_config/config")?.clone();
    // The clusters are Istio's, the rest is the same.
    let mut config = handed_over(&filter)?.value().clone();
    for (pointer, name) in [("/issuers/0/keys/cluster", "sts"), ("/step_up/webhook/cluster", "approvals")] {
        let cluster = config.pointer_mut(pointer).context("no cluster")?;
        assert_eq!(*cluster, json!(format!("outbound|443||{name}.example.com")));
        *cluster = json!(name);
        let rule = resource(&all, "DestinationRule", name)?;
        let tls = at(rule, "/spec/trafficPolicy/tls")?;
        ensure!(tls.get("subjectAltNames") == Some(&json!([format!("{name}.example.com")])), "{tls}");
        ensure!(tls.get("caCertificates").is_some_and(Value::is_string), "{tls}");
        resource(&all, "ServiceEntry", name)?;
    }
    let stand_alone = at(&stand_alone, &filter_in(&stand_alone)?)?;
    assert_eq!(&config, handed_over(stand_alone)?.value());
    let configuration = filter.pointer_mut("/configuration").context("no configuration")?;
    *configuration = at(stand_alone, "/configuration")?.clone();
    assert_eq!(&filter, stand_alone);
    assert_eq!(at(resource(&all, "VirtualService", "tools")?, "/spec/http/0/retries/attempts")?, &json!(0));
    Ok(())
}

/// Pages may ask from the same origins, with the same fields, by Envoy's filter, by Istio's and by ours; never from everywhere.
#[test]
fn the_shipped_files_name_the_origins_of_pages() -> Result<()> {
    let origins = json!(["https://app.example.com"]);
    let stand_alone = only_document(&shipped("envoy.yaml")?)?;
    let sandbox = only_document(&shipped("sandbox.yaml")?)?;
    for document in [&stand_alone, &sandbox] {
        let filters = at(document, &format!("{MANAGER}/http_filters"))?.as_array().context("no filters")?;
        let names: Vec<_> = filters.iter().filter_map(|filter| filter.get("name")?.as_str()).collect();
        assert_eq!(names, ["envoy.filters.http.cors", "countersign", "envoy.filters.http.router"]);
        let config = handed_over(at(document, &filter_in(document)?)?)?;
        assert_eq!(config.value().pointer("/resources/0/allowed_origins"), Some(&origins));
    }
    let hosts = format!("{MANAGER}/route_config/virtual_hosts/0/typed_per_filter_config/envoy.filters.http.cors");
    let policy = at(&stand_alone, &hosts)?;
    assert_eq!(policy.get("allow_origin_string_match"), Some(&json!([{ "exact": "https://app.example.com" }])));
    let all = documents(&shipped("istio.yaml")?)?;
    let of_istio = at(resource(&all, "VirtualService", "tools")?, "/spec/http/0/corsPolicy")?;
    assert_eq!(of_istio.get("allowOrigins"), policy.get("allow_origin_string_match"));
    let pairs =
        [("allowMethods", "allow_methods"), ("allowHeaders", "allow_headers"), ("exposeHeaders", "expose_headers")];
    for (of_istio_key, key) in pairs {
        let list = at(of_istio, &format!("/{of_istio_key}"))?.as_array().context("no list")?;
        let list: Vec<_> = list.iter().filter_map(Value::as_str).collect();
        assert_eq!(policy.get(key), Some(&json!(list.join(", "))), "{key}");
    }
    for field in ["mcp-session-id", "www-authenticate", "mcp-protocol-version"] {
        let exposed = at(policy, "/expose_headers")?.as_str().unwrap_or_default();
        ensure!(exposed.split(", ").any(|exposed| exposed == field), "`{field}` is not exposed");
    }
    for name in ["envoy.yaml", "sandbox.yaml", "istio.yaml", "egress.yaml"] {
        let text = shipped(name)?;
        let open =
            text.lines().filter(|line| line.to_ascii_lowercase().contains("origin")).any(|line| line.contains("\"*\""));
        ensure!(!open, "{name} lets every page ask");
    }
    Ok(())
}

fn resource<'a>(all: &'a [Value], kind: &str, name: &str) -> Result<&'a Value> {
    let matches = |document: &&Value| {
        document.get("kind") == Some(&json!(kind)) && document.pointer("/metadata/name") == Some(&json!(name))
    };
    all.iter().find(matches).with_context(|| format!("no {kind} {name}"))
}

fn patch<'a>(all: &'a [Value], apply_to: &str) -> Result<&'a Value> {
    let patches = at(resource(all, "EnvoyFilter", "countersign")?, "/spec/configPatches")?;
    let found = patches.as_array().into_iter().flatten().find(|patch| patch.get("applyTo") == Some(&json!(apply_to)));
    at(found.with_context(|| format!("no patch of {apply_to}"))?, "/patch/value")
}

#[test]
fn compose_yaml_names_what_exists() -> Result<()> {
    let document = only_document(&shipped("compose.yaml")?)?;
    let services = at(&document, "/services")?.as_object().context("no services")?;
    assert_eq!(at(&document, "/services/gateway/image")?, &json!(format!("envoyproxy/envoy:v{PINNED}")));
    let parts = root().join("host-tests/parts");
    for (name, service) in services {
        let texts = |key: &str| {
            let list = service.get(key).and_then(Value::as_array).into_iter().flatten();
            list.filter_map(Value::as_str).map(str::to_owned).collect::<Vec<_>>()
        };
        for mount in texts("volumes") {
            let source = root().join("envoy").join(mount.split(':').next().unwrap_or_default());
            // Whatever `scripts/build` makes is there after it, as every test here needs it.
            ensure!(source.exists(), "{name}: there is no {}", source.display());
        }
        for file in texts("command").iter().filter(|word| word.contains(".mjs") || *word == "clients.json") {
            let file = parts.join(file.strip_prefix("/parts/").unwrap_or(file));
            ensure!(file.is_file(), "{name}: there is no {}", file.display());
        }
        let shares = service.get("network_mode") == Some(&json!("service:gateway"));
        ensure!(shares != (name == "gateway"), "{name}: network_mode");
    }
    Ok(())
}

#[test]
fn compose_bootstrap_is_what_demo_yaml_derives() -> Result<()> {
    let committed: Value = serde_json::from_str(&shipped("compose.bootstrap.json")?)?;
    // Out of date? envoy/compose.yaml says how to derive it again.
    let config = handed_over(at(&committed, &filter_in(&committed)?)?)?;
    assert_eq!(config.value(), PluginConfig::from_yaml(&shipped("demo.yaml")?)?.value());
    let mut options = Options::new(format!("{HOME}/countersign.wasm"), "127.0.0.1:18082".parse()?);
    options.listen = "0.0.0.0:18080".parse()?;
    assert_eq!(committed, bootstrap(&config, &options)?);
    Ok(())
}

/// What the SDK imports for callbacks that are never made here, and what the standard library would end a process with
/// that has just panicked.
const NEVER_CALLED: [&str; 12] = [
    "proxy_dequeue_shared_queue",
    "proxy_done",
    "proxy_enqueue_shared_queue",
    "proxy_get_status",
    "proxy_grpc_call",
    "proxy_grpc_cancel",
    "proxy_grpc_close",
    "proxy_grpc_send",
    "proxy_grpc_stream",
    "proxy_register_shared_queue",
    "proxy_resolve_shared_queue",
    "proc_exit",
];

/// The SDK traps on a call that is refused, so that nothing the module calls may be missing; and nothing it does not
/// import may be there.
#[test]
fn the_capabilities_are_those_that_the_module_imports() -> Result<()> {
    let bytes = std::fs::read(module()?)?;
    let mut imported = Vec::new();
    for payload in wasmparser::Parser::new(0).parse_all(&bytes) {
        if let wasmparser::Payload::ImportSection(section) = payload? {
            for import in section.into_imports() {
                let import = import?;
                match import.module {
                    "env" | "wasi_snapshot_preview1" => imported.push(import.name.to_owned()),
                    other => bail!("imports `{}` from `{other}`, which gateways do not have", import.name),
                }
            }
        }
    }
    let missing: Vec<_> = imported
        .iter()
        .map(String::as_str)
        .filter(|name| !CAPABILITIES.contains(name) && !NEVER_CALLED.contains(name))
        .collect();
    ensure!(missing.is_empty(), "imported and not allowed: {missing:?}");
    let calls = CAPABILITIES.iter().filter(|name| !name.starts_with("proxy_on_"));
    let unused: Vec<_> = calls.filter(|name| !imported.iter().any(|imported| imported == *name)).collect();
    ensure!(unused.is_empty(), "allowed and not imported: {unused:?}");
    Ok(())
}
