//! Mutual TLS with real Envoys: who a connection's certificate says is there, and tokens that are bound to it.
//!
//! Certificates are made by authorities that exist for one test. Whether a certificate is good is Envoy's to say; what
//! follows from it is the filter's.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::{Envoy, RunningEnvoy, module, versions};
use countersign_host_tests::fakes::{Answer, Authority, Identity, Jwks, Upstream};
use countersign_host_tests::gateway::{Options, PluginConfig, bootstrap};
use countersign_host_tests::scenario::format::{KeyServer, Token};
use countersign_host_tests::scenario::token::mint;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(10);
const BATCH: &str = "spiffe://example.org/batch/nightly";
const AGENT: &str = "spiffe://example.org/agents/seven";

fn config(client_certificate: &str) -> PluginConfig {
    let keys = json!({ "url": "http://sts.test/jwks.json", "cluster": "keys", "insecure_http": true });
    let issuer = |name: &str, issuer: &str, binding: Value| {
        json!({
            "name": name, "issuer": issuer, "profile": "access-token", "audiences": ["https://tools.test/mcp"],
            "algorithms": ["RS256"], "keys": keys, "task": { "grants": "/task/grants" }, "binding": binding,
        })
    };
    PluginConfig::from(json!({
        "version": 1,
        "issuers": [
            { "name": "machines", "profile": "x509-svid", "trust_domain": "example.org" },
            issuer("platform", "https://sts.test", json!({})),
            issuer("strict", "https://strict.test", json!({ "same_workload": true })),
        ],
        "client_certificate": client_certificate,
        "workloads": [
            {
                "match": { "trust_domain": "example.org", "subject": "spiffe://example.org/batch/*" },
                "kind": "automation",
                "actions": [{ "action": "http:GET", "resource": "tools" }],
            },
            { "match": { "subject": "*" }, "kind": "agent" },
        ],
        "resources": [{ "name": "tools", "match": { "path": "/*" }, "protocol": "http" }],
        "policy": { "cedar": "permit (principal, action, resource);" },
    }))
}

/// Two authorities, one of which the gateway trusts, and who they issued certificates to.
struct World {
    trusted: Authority,
    server: Identity,
    batch: Identity,
    agent: Identity,
    stranger: Identity,
}

impl World {
    fn new() -> Result<Self> {
        let (trusted, other) = (Authority::new("mesh")?, Authority::new("somebody else")?);
        Ok(Self {
            server: trusted.issue("127.0.0.1")?,
            batch: trusted.issue_svid(BATCH)?,
            agent: trusted.issue_svid(AGENT)?,
            stranger: other.issue_svid(BATCH)?,
            trusted,
        })
    }

    /// One listener that asks for certificates and accepts those of the trusted authority, or none.
    fn listening(&self, mut document: Value, folder: &Path) -> Result<Value> {
        let path = |name: &str| folder.join(name);
        let (certificate, key, ca) = (path("server.pem"), path("server.key"), path("mesh.pem"));
        self.server.write_pem(&certificate, &key)?;
        self.trusted.write_pem(&ca)?;
        let chain = document.pointer_mut("/static_resources/listeners/0/filter_chains/0").context("no listener")?;
        chain["transport_socket"] = json!({
            "name": "envoy.transport_sockets.tls",
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext",
                "require_client_certificate": false,
                "common_tls_context": {
                    "tls_certificates": [{
                        "certificate_chain": { "filename": certificate }, "private_key": { "filename": key },
                    }],
                    "validation_context": { "trusted_ca": { "filename": ca } },
                },
            },
        });
        Ok(document)
    }

    fn client(&self, identity: Option<&Identity>) -> Result<Arc<ClientConfig>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.trusted.pem().as_bytes())?)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots);
        let config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let (certificate, key) = identity.pem();
                let certificate = CertificateDer::from_pem_slice(certificate.as_bytes())?;
                builder.with_client_auth_cert(vec![certificate], PrivateKeyDer::from_pem_slice(key.as_bytes())?)?
            }
        };
        Ok(Arc::new(config))
    }

    /// The status of one request; none where the handshake or the connection fails.
    fn status(&self, address: SocketAddr, identity: Option<&Identity>, head: &[String]) -> Result<Option<u16>> {
        let tcp = TcpStream::connect(address)?;
        tcp.set_read_timeout(Some(PATIENCE))?;
        let connection = ClientConnection::new(self.client(identity)?, "127.0.0.1".try_into()?)?;
        let mut stream = StreamOwned::new(connection, tcp);
        let request = format!("{}\r\nhost: tools.test\r\nconnection: close\r\n\r\n", head.join("\r\n"));
        if stream.write_all(request.as_bytes()).is_err() {
            return Ok(None);
        }
        let mut answer = Vec::new();
        // The other end need not say goodbye.
        let _ = stream.read_to_end(&mut answer);
        let line = String::from_utf8_lossy(&answer).lines().next().unwrap_or_default().to_owned();
        Ok(line.split(' ').nth(1).and_then(|status| status.parse().ok()))
    }
}

fn token(claims: Value) -> Result<String> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH)?.as_secs();
    let mut all = json!({ "task": { "grants": [{ "action": "http:GET", "resource": "tools" }] } });
    if let (Some(all), Value::Object(claims)) = (all.as_object_mut(), claims) {
        all.extend(claims);
    }
    mint(&Token { claims: Some(all), ..Token::default() }, now, &[])
}

/// Runs `test` in every release; `client_certificate` is the configuration's, `xfcc replaced` where the listener says who it
/// saw.
fn in_every_envoy(
    name: &str,
    client_certificate: &str,
    test: impl Fn(&World, &RunningEnvoy) -> Result<()>,
) -> Result<()> {
    let logs = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for version in versions() {
        let (world, folder) = (World::new()?, tempfile::tempdir()?);
        let (upstream, keys) = (Upstream::start()?, Jwks::start(KeyServer::default().document()?)?);
        upstream.answer(|_| Answer::Json(200, json!({})));
        let mut options = Options::new(module()?, upstream.address().into());
        options.endpoints.insert("keys".to_owned(), keys.address().into());
        let (source, replaced) = client_certificate.split_once(' ').unwrap_or((client_certificate, ""));
        let mut document = world.listening(bootstrap(&config(source), &options)?, folder.path())?;
        if !replaced.is_empty() {
            let manager = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config";
            let manager = document.pointer_mut(manager).context("no connection manager")?;
            manager["forward_client_cert_details"] = "SANITIZE_SET".into();
            manager["set_current_client_cert_details"] = json!({ "uri": true });
        }
        let envoy = Envoy::find(&version)?.start(&document, &logs.join(format!("{name}-{version}.log")))?;
        ensure!(keys.wait_for(1, PATIENCE), "nobody fetched the keys");
        test(&world, &envoy).with_context(|| format!("Envoy {version}:\n{}", envoy.log().join("\n")))?;
    }
    Ok(())
}

#[test]
fn a_certificate_alone_is_who_calls() -> Result<()> {
    in_every_envoy("svid", "connection", |world, envoy| {
        let ask = |identity: Option<&Identity>, line: &str| world.status(envoy.address(), identity, &[line.to_owned()]);
        let get = "GET / HTTP/1.1";
        ensure!(ask(Some(&world.batch), get)? == Some(200), "the automation does what it is pinned to");
        ensure!(ask(Some(&world.batch), "DELETE / HTTP/1.1")? == Some(403), "and nothing else");
        ensure!(
            ask(Some(&world.agent), get)? == Some(403),
            "a workload without actions has no rights by its certificate"
        );
        ensure!(ask(None, get)? == Some(401), "no certificate, no credential");
        ensure!(ask(Some(&world.stranger), get)?.is_none(), "Envoy lets a stranger's certificate through");
        let reasons: Vec<_> =
            envoy.records().iter().map(|record| record["reason"].as_str().unwrap_or_default().to_owned()).collect();
        ensure!(reasons == ["allowed", "acts_like_an_agent", "not_granted", "no_credential"], "{reasons:?}");
        Ok(())
    })
}

#[test]
fn a_bound_token_is_good_over_its_own_connection_only() -> Result<()> {
    in_every_envoy("bound", "connection", |world, envoy| {
        let bound = token(json!({ "cnf": { "x5t#S256": world.agent.thumbprint() } }))?;
        let same = token(json!({ "iss": "https://strict.test", "sub": AGENT }))?;
        let ask = |identity: Option<&Identity>, token: &str| {
            let head = ["GET / HTTP/1.1".to_owned(), format!("authorization: Bearer {token}")];
            world.status(envoy.address(), identity, &head)
        };
        ensure!(ask(Some(&world.agent), &bound)? == Some(200), "with its certificate");
        ensure!(ask(Some(&world.batch), &bound)? == Some(401), "with another certificate");
        ensure!(ask(None, &bound)? == Some(401), "without one");
        ensure!(ask(Some(&world.agent), &same)? == Some(200), "token and certificate name the same workload");
        ensure!(ask(Some(&world.batch), &same)? == Some(401), "they do not");
        ensure!(ask(None, &same)? == Some(401), "there is none");
        Ok(())
    })
}

/// The header is anybody's word: it counts only where configuration says that a proxy in front replaces it.
#[test]
fn a_forwarded_certificate_counts_only_where_configured() -> Result<()> {
    let xfcc = |world: &World| {
        let hash: String = world.agent.digest().iter().map(|byte| format!("{byte:02x}")).collect();
        format!("x-forwarded-client-cert: Hash={hash};URI={AGENT}")
    };
    let ask = |world: &World, envoy: &RunningEnvoy| {
        let bound = token(json!({ "cnf": { "x5t#S256": world.agent.thumbprint() } }))?;
        let head = ["GET / HTTP/1.1".to_owned(), format!("authorization: Bearer {bound}"), xfcc(world)];
        world.status(envoy.address(), None, &head)
    };
    in_every_envoy("not-forwarded", "connection", |world, envoy| {
        ensure!(ask(world, envoy)? == Some(401), "believed though nothing was configured");
        Ok(())
    })?;
    // The listener that is shipped removes the header from clients, whatever the filter is told.
    in_every_envoy("sanitized", "xfcc", |world, envoy| {
        ensure!(ask(world, envoy)? == Some(401), "a client can say who it is");
        Ok(())
    })?;
    // One that replaces it by what it saw itself.
    in_every_envoy("replaced", "xfcc replaced", |world, envoy| {
        let bound = token(json!({ "cnf": { "x5t#S256": world.agent.thumbprint() } }))?;
        let head = ["GET / HTTP/1.1".to_owned(), format!("authorization: Bearer {bound}"), xfcc(world)];
        ensure!(world.status(envoy.address(), Some(&world.agent), &head)? == Some(200), "its own certificate");
        ensure!(world.status(envoy.address(), Some(&world.batch), &head)? == Some(401), "another's");
        ensure!(world.status(envoy.address(), None, &head)? == Some(401), "none");
        Ok(())
    })
}
