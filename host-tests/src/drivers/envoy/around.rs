//! The servers around an Envoy: upstream, key server, approver, over plain HTTP and over TLS.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use anyhow::ensure;
use parking_lot::Mutex;

use super::super::{Approve, Observed, Received};
use super::now_secs;
use crate::fakes::{Answer, Authority, Seen, Server};
use crate::gateway::{Destination, HostPort, PluginConfig, Upstream};
use crate::scenario::approver::{Asked, Reaction};
use crate::scenario::format::{Deviation, KeyServer};
use crate::scenario::upstream::Response;

/// The name in the upstream's certificate.
const UPSTREAM_NAME: &str = "upstream.test";
/// The cluster that leads to the key server.
const KEYS: &str = "keys";
/// How long a busy machine may take until the keys are fetched.
const PATIENCE: Duration = Duration::from_secs(20);

/// The servers, and what of them was looked at.
pub(super) struct Around {
    authority: Authority,
    stranger: Authority,
    upstream: Server,
    approver: Server,
    keys: Server,
    /// How that one behaves.
    serves: Arc<Mutex<KeyServer>>,
    introspector: Server,
    decision_point: Server,
    /// Over TLS, when a scenario needs them.
    tls: Vec<(&'static str, Server)>,
    looked: Looked,
}

#[derive(Default)]
struct Looked {
    upstream: usize,
    bytes: u64,
    connections: u64,
    keys: usize,
    approver: usize,
    introspector: usize,
    decision_point: usize,
}

impl Around {
    pub(super) fn start() -> anyhow::Result<Self> {
        let serves = Arc::new(Mutex::new(KeyServer::default()));
        let served = Arc::clone(&serves);
        Ok(Self {
            authority: Authority::new("scenarios")?,
            stranger: Authority::new("somebody else")?,
            upstream: Server::start(|_| hello(200))?,
            approver: Server::start(|_| Answer::Reset)?,
            keys: Server::start(move |seen| {
                let keys = served.lock();
                keys.react(&seen.target).map_or(Answer::Reset, answer)
            })?,
            serves,
            introspector: Server::start(|_| Answer::Reset)?,
            decision_point: Server::start(|_| Answer::Reset)?,
            tls: Vec::new(),
            looked: Looked::default(),
        })
    }

    /// Who vouches for servers.
    pub(super) fn authority(&self) -> &Authority {
        &self.authority
    }

    /// Where permitted requests go.
    pub(super) fn upstream(&mut self, gateway: &[Deviation]) -> anyhow::Result<Upstream> {
        if !gateway.contains(&Deviation::SwappedUpstreamCertificate) {
            return Ok(self.upstream.address().into());
        }
        let server = Server::start_tls(&self.stranger.issue("127.0.0.1")?, |_| hello(200))?;
        let upstream = Upstream { tls: true, ..server.address().into() };
        self.tls.push((UPSTREAM_NAME, server));
        Ok(upstream)
    }

    /// Where the clusters of the configuration really lead.
    pub(super) fn endpoints(
        &mut self,
        destinations: &[Destination],
        gateway: &[Deviation],
    ) -> anyhow::Result<BTreeMap<String, HostPort>> {
        let mut endpoints = BTreeMap::new();
        for destination in destinations {
            let address = match (destination.cluster.as_str(), destination.tls) {
                (KEYS, true) => self.tls_keys(destination, gateway)?,
                (KEYS, false) => self.keys.address(),
                ("introspection", _) => self.introspector.address(),
                ("pdp", _) => self.decision_point.address(),
                _ => self.approver.address(),
            };
            endpoints.insert(destination.cluster.clone(), address.into());
        }
        Ok(endpoints)
    }

    /// A key server over TLS that serves the usual keys.
    fn tls_keys(&mut self, destination: &Destination, gateway: &[Deviation]) -> anyhow::Result<std::net::SocketAddr> {
        let authority =
            if gateway.contains(&Deviation::SwappedKeysCertificate) { &self.stranger } else { &self.authority };
        let identity = authority.issue(&destination.address.host)?;
        let server = Server::start_tls(&identity, |seen| served(&KeyServer::default(), seen))?;
        let address = server.address();
        self.tls.push((KEYS, server));
        Ok(address)
    }

    /// The key server behaves like this from now on.
    pub(super) fn serve_keys(&self, keys: &KeyServer) -> anyhow::Result<()> {
        // What it says wrongly it says at once, not in the middle of a request.
        keys.react("/")?;
        keys.clone_into(&mut self.serves.lock());
        Ok(())
    }

    /// Waits until every issuer of `config` has what it first asks the key server for. Workers tell each other what they fetched.
    pub(super) fn wait_for_keys(&self, config: &PluginConfig) -> anyhow::Result<()> {
        let asking = config.plain_callers(KEYS);
        ensure!(
            self.keys.wait_for(self.looked.keys + asking, PATIENCE),
            "the keys of {asking} issuers were not fetched"
        );
        super::sleep(super::SETTLE);
        Ok(())
    }

    /// The next request meets these.
    pub(super) fn prepare(&self, approve: Approve, meanwhile: Option<&KeyServer>, upstream: Option<&Response>) {
        let (issuer, decide) = (Approve::clone(&approve), Approve::clone(&approve));
        self.decision_point.answer(move |seen| answer(decide(&asked("pdp", seen), now_secs())));
        self.introspector.answer(move |seen| answer(issuer(&asked("introspection", seen), now_secs())));
        let (serves, meanwhile) = (Arc::clone(&self.serves), meanwhile.cloned());
        self.approver.answer(move |seen| {
            if let Some(meanwhile) = &meanwhile {
                meanwhile.clone_into(&mut serves.lock());
            }
            answer(approve(&asked("approvals", seen), now_secs()))
        });
        let reaction = upstream.map_or(Answer::Reset, |response| {
            let headers = response.headers.iter();
            let headers = headers.map(|(name, value)| (name.clone(), String::from_utf8_lossy(value).into_owned()));
            let (status, headers) = (response.status, headers.collect());
            if response.chunks.len() < 2 {
                return Answer::Raw(status, headers, response.body.clone());
            }
            Answer::Pieces(status, headers, response.pieces().map(<[u8]>::to_vec).collect())
        });
        self.upstream.answer(move |_| reaction.clone());
    }

    /// What arrived since the last look.
    pub(super) fn collect(&mut self, observed: &mut Observed) {
        let seen = self.upstream.seen();
        observed.upstream = seen.get(self.looked.upstream..).unwrap_or_default().iter().map(received).collect();
        let tls = self.tls.iter().filter(|(name, _)| *name == UPSTREAM_NAME).map(|(_, server)| server);
        let servers: Vec<&Server> = tls.chain([&self.upstream]).collect();
        let bytes = servers.iter().map(|server| server.bytes()).sum();
        let connections = servers.iter().map(|server| server.connections()).sum();
        observed.upstream_touched = (bytes, connections) != (self.looked.bytes, self.looked.connections);
        let (keys, approver, introspector) = (self.keys.seen(), self.approver.seen(), self.introspector.seen());
        let asked_of = |cluster: &str, seen: &[Seen], looked: usize| {
            seen.get(looked..).unwrap_or_default().iter().map(|seen| asked(cluster, seen)).collect::<Vec<_>>()
        };
        observed.asked = asked_of("keys", &keys, self.looked.keys);
        observed.asked.extend(asked_of("approvals", &approver, self.looked.approver));
        observed.asked.extend(asked_of("introspection", &introspector, self.looked.introspector));
        let decision_point = self.decision_point.seen();
        observed.asked.extend(asked_of("pdp", &decision_point, self.looked.decision_point));
        self.looked = Looked {
            upstream: seen.len(),
            bytes,
            connections,
            keys: keys.len(),
            approver: approver.len(),
            introspector: introspector.len(),
            decision_point: decision_point.len(),
        };
    }
}

fn hello(status: u16) -> Answer {
    Answer::Json(status, serde_json::json!({ "upstream": true }))
}

fn served(keys: &KeyServer, seen: &Seen) -> Answer {
    keys.react(&seen.target).map_or(Answer::Reset, answer)
}

fn answer(reaction: Reaction) -> Answer {
    match reaction {
        Reaction::Answer { status, headers, body, after: None } => Answer::Raw(status, headers, body),
        Reaction::Answer { status, headers, body, after: Some(after) } => {
            Answer::Later(after, Box::new(Answer::Raw(status, headers, body)))
        }
        Reaction::Reset => Answer::Reset,
        Reaction::Silence => Answer::Hang,
    }
}

fn asked(cluster: &str, seen: &Seen) -> Asked {
    Asked {
        cluster: cluster.to_owned(),
        method: seen.method.clone(),
        path: seen.target.clone(),
        headers: seen.headers.clone(),
        body: seen.body.clone(),
    }
}

fn received(seen: &Seen) -> Received {
    Received {
        method: seen.method.clone(),
        path: seen.target.clone(),
        host: seen.header("host").join(", "),
        headers: seen.headers.clone(),
        body: seen.body.clone(),
        trailers: seen.trailers.clone(),
    }
}
