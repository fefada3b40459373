//! The corpus of hostile tokens (`filter/tokens/tests/hostile.yaml`) against the whole filter: natively, as the built module with
//! and without the gateway's cryptography, and in real Envoys. None gets anything upstream; a good token of each profile does.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::drivers::envoy::RealEnvoy;
use countersign_host_tests::drivers::native::Native;
use countersign_host_tests::drivers::wasm::Wasm;
use countersign_host_tests::drivers::{Deployed, Deployment, Driver, Exchange};
use countersign_host_tests::envoy::versions;
use countersign_host_tests::scenario::approver::Reaction;
use countersign_host_tests::scenario::format::{DriverKind, KeyServer, Send, Signing, Token, UpstreamAnswer};
use countersign_host_tests::scenario::keys::{base64, key};
use countersign_host_tests::scenario::request::{Earlier, Request};
use countersign_host_tests::scenario::upstream::Response;
use p384::ecdsa::signature::Signer as _;
use p384::elliptic_curve::Generate as _;
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The corpus's present; drivers whose clock is another move its dates along.
const NOW: u64 = 1_800_000_000;
const ISSUER: &str = "https://sts.example.com";
const AUDIENCE: &str = "https://tools.example.com/mcp";

/// One token; the head of the corpus says what the members mean.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(rename = "section")]
    _section: String,
    #[serde(default)]
    profile: Kind,
    header: Option<String>,
    payload: Option<String>,
    #[serde(default)]
    set: Map<String, Value>,
    #[serde(default)]
    drop: Vec<String>,
    #[serde(default)]
    sign: Signer,
    shape: Option<String>,
    #[serde(rename = "error")]
    _error: String,
    class: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    #[default]
    AccessToken,
    Generic,
    JwtSvid,
    TxnToken,
}

#[derive(Clone, Copy, Default, Deserialize)]
enum Signer {
    #[default]
    RS256,
    PS256,
    ES256,
    ES384,
    EdDSA,
    Stranger,
    Zeros,
}

impl Kind {
    const ALL: [Self; 4] = [Self::AccessToken, Self::Generic, Self::JwtSvid, Self::TxnToken];

    fn header(self) -> String {
        let typ = match self {
            Self::AccessToken | Self::Generic => "at+jwt",
            Self::JwtSvid => "JWT",
            Self::TxnToken => "txntoken+jwt",
        };
        json!({ "alg": "RS256", "kid": "rs256", "typ": typ }).to_string()
    }

    fn claims(self) -> Value {
        match self {
            Self::AccessToken | Self::Generic => json!({
                "iss": ISSUER, "sub": "agent-7", "aud": AUDIENCE, "client_id": "planner", "jti": "f3a1",
                "iat": NOW - 60, "exp": NOW + 300,
            }),
            Self::JwtSvid => json!({ "sub": "spiffe://example.org/agents/seven", "aud": AUDIENCE, "exp": NOW + 300 }),
            Self::TxnToken => json!({
                "sub": "ada", "aud": AUDIENCE, "exp": NOW + 120, "iat": NOW - 5, "txn": "97053963-771d",
                "scope": "trade.stocks", "req_wl": "apigateway.trust-domain.example", "tctx": { "action": "BUY" },
            }),
        }
    }

    /// One issuer of this kind; whoever calls may do everything.
    fn configuration(self, keys: &Value) -> String {
        let mut issuer = json!({
            "name": "platform", "issuer": ISSUER, "audiences": ["https://other.example.com", AUDIENCE],
            "algorithms": ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384"],
            "keys": { "inline": keys }, "max_lifetime": "15m", "leeway": "30s", "task": { "preset": "workload" },
        });
        let more = match self {
            Self::AccessToken => json!({ "profile": "access-token" }),
            Self::Generic => json!({ "profile": "generic", "types": ["JWT"] }),
            Self::JwtSvid => json!({ "profile": "jwt-svid", "trust_domain": "example.org", "issuer": null }),
            Self::TxnToken => json!({ "profile": "txn-token" }),
        };
        countersign_host_tests::scenario::text::merge(&mut issuer, &more);
        json!({
            "version": 1,
            "issuers": [issuer],
            "workloads": [{
                "match": { "subject": "*" }, "kind": "agent",
                "actions": [{ "action": "http:GET", "resource": "tools" }],
            }],
            "resources": [{ "name": "tools", "match": { "path": "/*" }, "protocol": "http" }],
            "policy": { "cedar": "permit (principal, action, resource);" },
        })
        .to_string()
    }
}

/// Keys of every algorithm, each with its algorithm in lower case as `kid`.
struct Ring {
    p384: p384::ecdsa::SigningKey,
}

impl Ring {
    fn new() -> Self {
        Self { p384: p384::ecdsa::SigningKey::generate() }
    }

    /// For access tokens as JWKS, for SVIDs as a bundle.
    fn keys(&self, kind: Kind) -> Result<Value> {
        let mut keys = Vec::new();
        let mut add = |mut jwk: Value, algorithm: &str| {
            jwk["alg"] = algorithm.into();
            jwk["kid"] = algorithm.to_lowercase().into();
            jwk["use"] = if kind == Kind::JwtSvid { "jwt-svid" } else { "sig" }.into();
            keys.push(jwk);
        };
        for algorithm in ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512"] {
            add(key("rsa1")?.jwk("rsa1"), algorithm);
        }
        add(key("ec1")?.jwk("ec1"), "ES256");
        let point = self.p384.verifying_key().to_sec1_point(false);
        let (x, y) = (point.x().context("no x")?, point.y().context("no y")?);
        add(json!({ "kty": "EC", "crv": "P-384", "x": base64(x), "y": base64(y) }), "ES384");
        Ok(json!({ "keys": keys }))
    }

    fn sign(&self, signer: Signer, input: &str) -> Result<Vec<u8>> {
        let input = input.as_bytes();
        match signer {
            Signer::RS256 => key("rsa1")?.sign(Signing::Rs256, input),
            Signer::PS256 => key("rsa1")?.sign(Signing::Ps256, input),
            Signer::ES256 => key("ec1")?.sign(Signing::Es256, input),
            Signer::ES384 => {
                let signature: p384::ecdsa::Signature = self.p384.sign(input);
                Ok(signature.to_bytes().to_vec())
            }
            Signer::EdDSA => key("ed1")?.sign(Signing::EdDsa, input),
            Signer::Stranger => key("rsa2")?.sign(Signing::Rs256, input),
            Signer::Zeros => Ok(vec![0; 64]),
        }
    }

    fn token(&self, header: &str, payload: &str, signer: Signer, shape: &str) -> Result<String> {
        let (header, payload) = (base64(header.as_bytes()), base64(payload.as_bytes()));
        let signature = base64(&self.sign(signer, &format!("{header}.{payload}"))?);
        Ok(shape.replace("{header}", &header).replace("{payload}", &payload).replace("{signature}", &signature))
    }
}

/// Dates near the corpus's present, moved to another.
fn moved(text: &str, now: u64) -> String {
    let mut moved = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(|letter: char| letter.is_ascii_digit()) {
        let (before, from) = rest.split_at(start);
        let length = from.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(from.len());
        let (number, after) = from.split_at(length);
        moved.push_str(before);
        let date = number.parse::<u64>().ok().filter(|date| date.abs_diff(NOW) < 100_000_000 && number.len() == 10);
        moved.push_str(&date.map_or_else(|| number.to_owned(), |date| (date + now - NOW).to_string()));
        rest = after;
    }
    moved.push_str(rest);
    moved
}

impl Case {
    fn token(&self, ring: &Ring, now: u64) -> Result<String> {
        let header = self.header.clone().unwrap_or_else(|| self.profile.header());
        let payload = if let Some(text) = &self.payload {
            text.clone()
        } else {
            let mut claims = self.profile.claims();
            let members = claims.as_object_mut().context("no object")?;
            members.extend(self.set.clone());
            for name in &self.drop {
                members.remove(name).context("nothing to drop")?;
            }
            claims.to_string()
        };
        let shape = self.shape.as_deref().unwrap_or("{header}.{payload}.{signature}");
        ring.token(&header, &moved(&payload, now), self.sign, shape)
    }
}

/// Sends a token as its profile's are sent; whether it was let through.
fn lets_through(driver: &mut dyn Driver, kind: Kind, token: String) -> Result<bool> {
    let carrier = (kind == Kind::TxnToken).then(|| "txn-token".to_owned());
    let send = Send {
        method: Some("GET".to_owned()),
        path: Some("/".to_owned()),
        token: Token { raw: Some(token.into()), carrier, ..Token::default() },
        ..Send::default()
    };
    let request = Request::of(&send, driver.now_secs(), &Earlier::default())?;
    let upstream = Response::of(&UpstreamAnswer::default())?;
    let approve = Arc::new(|_: &_, _| Reaction::Reset);
    let exchange = Exchange { request: &request, approve, upstream: Some(&upstream), faults: &[], meanwhile: None };
    let observed = driver.exchange(&exchange)?;
    let status = observed.answer.map_or(0, |answer| answer.status);
    let arrived = observed.upstream.len();
    ensure!(arrived == 0 || status == 200, "{status}, and {arrived} requests arrived");
    ensure!(arrived == 1 || !observed.upstream_touched, "the upstream was touched");
    ensure!([200, 400, 401].contains(&status), "answered {status}: {:?}", observed.records);
    // What no header can hold an Envoy refuses before anybody is asked.
    let unasked = driver.kind() == DriverKind::Envoy && status == 400;
    ensure!(observed.records.len() == 1 || unasked, "{} records", observed.records.len());
    Ok(arrived == 1)
}

fn run(driver: &mut dyn Driver) -> Result<()> {
    let ring = Ring::new();
    let cases: Vec<Case> = serde_norway::from_str(include_str!("../../filter/tokens/tests/hostile.yaml"))?;
    ensure!(cases.len() > 100, "the corpus is gone");
    let keys = KeyServer::default();
    for kind in Kind::ALL {
        let configuration = kind.configuration(&ring.keys(kind)?);
        let deployment = Deployment { configuration: &configuration, keys: &keys, gateway: &[], isolated: false };
        let deployed = driver.deploy(&deployment)?;
        ensure!(deployed == Deployed::Running, "{kind:?}: {deployed:?}");
        let now = driver.now_secs();
        let (header, claims) = (kind.header(), moved(&kind.claims().to_string(), now));
        let header = if kind == Kind::Generic { header.replace("at+jwt", "JWT") } else { header };
        let good = ring.token(&header, &claims, Signer::RS256, "{header}.{payload}.{signature}")?;
        ensure!(lets_through(driver, kind, good)?, "{kind:?}: a good token is refused");
        for case in cases.iter().filter(|case| case.profile == kind) {
            // A real clock goes on meanwhile: what is too early by a second must stay too early.
            let early = if case.class == "NotYetValid" { 30 } else { 0 };
            let token = case.token(&ring, driver.now_secs() + early)?;
            let passed = lets_through(driver, kind, token).with_context(|| case.name.clone())?;
            ensure!(!passed, "{}: it was let through", case.name);
        }
    }
    Ok(())
}

#[test]
fn natively() -> Result<()> {
    run(&mut Native::at(NOW))
}

#[test]
fn in_the_built_module_with_the_gateways_cryptography() -> Result<()> {
    run(&mut Wasm::at(NOW)?)
}

#[test]
fn in_the_built_module_alone() -> Result<()> {
    run(&mut Wasm::without_native_crypto(NOW)?)
}

#[test]
fn in_every_envoy() -> Result<()> {
    for version in versions() {
        run(&mut RealEnvoy::new(&version)?).with_context(|| format!("Envoy {version}"))?;
    }
    Ok(())
}

#[test]
fn dates_move_along() -> Result<()> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    let text = r#"{"exp":1800000300,"iat":1799999940,"n":18000003000,"x":"1"}"#;
    let expected = format!(r#"{{"exp":{},"iat":{},"n":18000003000,"x":"1"}}"#, now + 300, now - 60);
    ensure!(moved(text, now) == expected, "{}", moved(text, now));
    Ok(())
}
