//! What the derived gateway keeps away from the filter and the upstream, in every Envoy that is tested.
//!
//! Requests here are for no resource and pass undecided (`unmatched: pass`), so that what is seen is the gateway's
//! doing alone.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::{Envoy, RunningEnvoy, module, versions};
use countersign_host_tests::fakes::{Answer, Authority, Server, Upstream};
use countersign_host_tests::gateway::{self, Options, PluginConfig, bootstrap};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(10);

/// A configuration that lets everything through and calls nothing while nobody asks.
fn config() -> PluginConfig {
    PluginConfig::from(json!({
        "version": 1,
        "issuers": [{
            "name": "sts",
            "issuer": "https://sts.example.com",
            "profile": "access-token",
            "audiences": ["https://tools.example.com/mcp"],
            "algorithms": ["ES256"],
            "keys": { "url": "https://sts.example.com/jwks", "cluster": "sts" },
            "max_lifetime": "15m",
            "task": { "id": "/task/id", "purpose": "/task/purpose", "grants": "/task/grants" },
        }],
        "resources": [{ "name": "tools", "match": { "path": "/mcp" }, "protocol": "mcp", "risk": "low" }],
        "unmatched": "pass",
        "policy": { "cedar": "permit (principal, action, resource);" },
    }))
}

fn document(upstream: SocketAddr) -> Result<Value> {
    document_with(upstream.into(), |_| {})
}

fn document_with(upstream: gateway::Upstream, change: impl FnOnce(&mut Options)) -> Result<Value> {
    let mut options = Options::new(module()?, upstream);
    // Nobody is there: keys are of no interest here.
    options.endpoints.insert("sts".to_owned(), "127.0.0.1:1".parse()?);
    change(&mut options);
    Ok(bootstrap(&config(), &options)?)
}

/// Runs `test` in every release, each with an upstream of its own.
fn in_every_envoy(
    test_name: &str,
    bootstrap: impl Fn(SocketAddr) -> Result<Value>,
    test: impl Fn(&RunningEnvoy, &Upstream) -> Result<()>,
) -> Result<()> {
    let logs = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for version in versions() {
        let upstream = Upstream::start()?;
        let envoy = Envoy::find(&version)?
            .start(&bootstrap(upstream.address())?, &logs.join(format!("{test_name}-{version}.log")))?;
        test(&envoy, &upstream).with_context(|| format!("Envoy {version}:\n{}", envoy.log().join("\n")))?;
    }
    Ok(())
}

/// The status of a request with these header fields.
fn status(envoy: &RunningEnvoy, path: &str, headers: &[(&str, &str)]) -> Result<u16> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build(),
    );
    let mut request = agent.get(format!("http://{}{path}", envoy.address()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Ok(request.call()?.status().as_u16())
}

/// The form people write in YAML: Envoy hands it over as protobuf.
#[test]
fn a_configuration_written_as_a_struct_is_the_same_configuration() -> Result<()> {
    let as_struct = |upstream| {
        let mut document = document(upstream)?;
        let place = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters/0/typed_config\
                     /config/configuration";
        let configuration = document.pointer_mut(place).context("no configuration")?;
        *configuration =
            json!({ "@type": "type.googleapis.com/google.protobuf.Struct", "value": config().value().clone() });
        Ok(document)
    };
    in_every_envoy("struct", as_struct, |envoy, upstream| {
        ensure!(status(envoy, "/mcp", &[])? == 401, "the resource is not protected");
        ensure!(upstream.saw_nothing(), "{} bytes reached the upstream", upstream.bytes());
        ensure!(status(envoy, "/elsewhere", &[])? == 200, "`unmatched: pass` is not read");
        Ok(())
    })
}

#[test]
fn nothing_is_executed_twice_whatever_the_client_or_the_route_asks_for() -> Result<()> {
    let retrying = |upstream| {
        let mut document = document(upstream)?;
        let route = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/route_config/virtual_hosts/0\
                     /routes/0/route";
        let route = document.pointer_mut(route).and_then(Value::as_object_mut).context("no route")?;
        route.insert("retry_policy".to_owned(), json!({ "retry_on": "5xx,reset", "num_retries": 2 }));
        Ok(document)
    };
    let once = |envoy: &RunningEnvoy, upstream: &Upstream| {
        for (answer, expected) in [(Answer::Json(503, json!({})), 503), (Answer::Reset, 503)] {
            let before = upstream.count();
            upstream.answer(move |_| answer.clone());
            let asks = [("x-envoy-retry-on", "5xx,reset"), ("x-envoy-max-retries", "5")];
            ensure!(status(envoy, "/once", &asks)? == expected);
            let executions = upstream.count() - before;
            ensure!(executions == 1, "executed {executions} times");
        }
        Ok(())
    };
    in_every_envoy("once", document, once)?;
    in_every_envoy("once-despite-route", retrying, once)
}

#[test]
fn what_can_be_read_in_two_ways_does_not_pass() -> Result<()> {
    in_every_envoy("two-ways", document, |envoy, upstream| {
        ensure!(status(envoy, "/x", &[("x_forwarded_user", "root")])? == 400);
        ensure!(status(envoy, "/a%2fb", &[])? == 400);
        ensure!(status(envoy, "/a%5cb", &[])? == 400);
        ensure!(upstream.saw_nothing(), "{} bytes reached the upstream", upstream.bytes());
        Ok(())
    })
}

#[test]
fn fields_that_steer_the_gateway_do_not_reach_the_upstream() -> Result<()> {
    in_every_envoy("steering", document, |envoy, upstream| {
        let steering = [
            ("x-envoy-upstream-rq-timeout-ms", "1"),
            ("X-Envoy-Internal", "true"),
            ("x-envoy-original-path", "/admin"),
        ];
        ensure!(status(envoy, "/x", &steering)? == 200);
        let seen = upstream.seen().pop().context("nothing reached the upstream")?;
        let steering: Vec<_> = seen.headers.iter().filter(|(name, _)| name.starts_with("x-envoy-")).collect();
        // The peer's address, which Envoy itself adds for clients that are not internal.
        let others: Vec<_> = steering.iter().filter(|(name, _)| name != "x-envoy-external-address").collect();
        ensure!(others.is_empty(), "{others:?}");
        Ok(())
    })
}

#[test]
fn the_access_log_has_the_decision_and_no_query() -> Result<()> {
    in_every_envoy("access-log", document, |envoy, _| {
        ensure!(status(envoy, "/x?account=secret", &[])? == 200);
        let line = envoy.wait_for(PATIENCE, |envoy| envoy.access().pop())?;
        let member = |name| line.get(name).and_then(Value::as_str).unwrap_or_default();
        ensure!((member("method"), member("path"), member("decision")) == ("GET", "/x", "allow"), "{line}");
        ensure!(!line.to_string().contains("secret"), "{line}");
        Ok(())
    })
}

#[test]
fn the_log_has_the_record() -> Result<()> {
    in_every_envoy("record", document, |envoy, upstream| {
        ensure!(status(envoy, "/x", &[])? == 200);
        ensure!(upstream.count() == 1);
        envoy.wait_for(PATIENCE, |envoy| envoy.records().pop())?;
        Ok(())
    })
}

#[test]
fn a_swapped_certificate_is_refused() -> Result<()> {
    let (ours, theirs) = (Authority::new("ours")?, Authority::new("theirs")?);
    let folder = tempfile::tempdir()?;
    let trusted = folder.path().join("ca.pem");
    ours.write_pem(&trusted)?;
    let cases = [
        ("ours", ours.issue("127.0.0.1")?, 200),
        ("somebody else's authority", theirs.issue("127.0.0.1")?, 503),
        ("somebody else's name", ours.issue("elsewhere.example.com")?, 503),
    ];
    for (what, identity, expected) in cases {
        let server = Server::start_tls(&identity, |_| Answer::Json(200, json!({})))?;
        let document = |_| {
            let upstream = gateway::Upstream { address: server.address().into(), tls: true };
            document_with(upstream, |options| options.trusted_ca.clone_from(&trusted))
        };
        let before = server.count();
        in_every_envoy("certificate", document, |envoy, _| {
            let status = status(envoy, "/x", &[])?;
            ensure!(status == expected, "{what}: {status}");
            Ok(())
        })?;
        let reached = server.count() - before;
        ensure!(reached == if expected == 200 { versions().len() } else { 0 }, "{what}: {reached} requests reached it");
    }
    Ok(())
}

/// From the origin that the configuration names a page may ask, and read every answer, refusals too; from another it may not, and
/// what it is answered it cannot read.
#[test]
fn pages_of_the_origins_that_are_named_may_ask() -> Result<()> {
    const PAGE: &str = "https://app.example.com";
    let document = |upstream: SocketAddr| {
        let mut config = config().value().clone();
        config["resources"][0]["allowed_origins"] = json!([PAGE]);
        let mut options = Options::new(module()?, upstream.into());
        options.endpoints.insert("sts".to_owned(), "127.0.0.1:1".parse()?);
        Ok(bootstrap(&PluginConfig::from(config), &options)?)
    };
    in_every_envoy("pages", document, |envoy, upstream| {
        let preflight = |origin: &str| {
            let asks = [
                ("origin", origin),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "authorization,content-type,mcp-session-id"),
            ];
            answer(envoy, "OPTIONS", "/mcp", &asks)
        };
        let (status, headers) = preflight(PAGE)?;
        let field = |headers: &Headers, name: &str| {
            headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.clone()).unwrap_or_default()
        };
        ensure!(status == 200 && field(&headers, "access-control-allow-origin") == PAGE, "{status} {headers:?}");
        let allowed = field(&headers, "access-control-allow-headers");
        ensure!(
            ["authorization", "content-type", "mcp-session-id"].iter().all(|name| allowed.contains(name)),
            "{allowed}"
        );
        ensure!(envoy.records().is_empty(), "a preflight is on record: {:?}", envoy.records());

        // The 401 that sends the page to get a token, and the fields that say where.
        let (status, headers) = answer(envoy, "GET", "/mcp", &[("origin", PAGE)])?;
        ensure!(status == 401 && field(&headers, "access-control-allow-origin") == PAGE, "{status} {headers:?}");
        let exposed = field(&headers, "access-control-expose-headers");
        for name in ["mcp-session-id", "www-authenticate", "mcp-protocol-version"] {
            ensure!(exposed.contains(name), "{exposed}");
        }
        ensure!(upstream.saw_nothing(), "{} bytes reached the upstream", upstream.bytes());

        // What the server says is for that page too, a session's id among it.
        upstream.answer(|_| Answer::Json(200, json!({})));
        let (status, headers) = answer(envoy, "GET", "/elsewhere", &[("origin", PAGE)])?;
        ensure!(status == 200 && field(&headers, "access-control-allow-origin") == PAGE, "{status} {headers:?}");

        let (status, headers) = preflight("https://evil.example.com")?;
        ensure!(status == 403 && field(&headers, "access-control-allow-origin").is_empty(), "{status} {headers:?}");
        Ok(())
    })
}

type Headers = Vec<(String, String)>;

/// Status and header fields of the answer to a request without a body.
fn answer(envoy: &RunningEnvoy, method: &str, path: &str, headers: &[(&str, &str)]) -> Result<(u16, Headers)> {
    let agent = ureq::Agent::new_with_config(
        ureq::Agent::config_builder().http_status_as_error(false).timeout_global(Some(PATIENCE)).build(),
    );
    let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", envoy.address()));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = agent.run(request.body(())?)?;
    let text = |value: &ureq::http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = answer.headers().iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect();
    Ok((answer.status().as_u16(), headers))
}
