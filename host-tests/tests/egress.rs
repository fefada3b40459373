//! The shipped way out, in every Envoy that is tested: what names resolve to is judged after it was resolved, and tunnels
//! reach the filter before they are opened.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::{Envoy, RunningEnvoy, module, root, versions};
use countersign_host_tests::fakes::{Authority, Jwks, Upstream, Wire, wire};
use countersign_host_tests::platform;
use countersign_host_tests::scenario::format::KeyServer;
use serde_json::{Value, json};

const CHAIN: &str = "/static_resources/listeners/0/filter_chains/0";
const FILTERS: &str = "/static_resources/listeners/0/filter_chains/0/filters/0/typed_config/http_filters";
const ADDRESSES: &str = "/typed_config/rules/policies/public-addresses/permissions/0/and_rules/rules";
const ISSUER: &str = "/static_resources/clusters/1/load_assignment/endpoints/0/lb_endpoints/0/endpoint";
/// More than Envoy buffers of a connection.
const BYTES: usize = 4 << 20;
const PATIENCE: Duration = Duration::from_secs(10);

/// The shipped file without TLS at the front, and what its paths need in `home`.
fn shipped(home: &Path) -> Result<Value> {
    let authority = Authority::new("test")?;
    authority.write_pem(&home.join("ca.pem"))?;
    authority.issue("egress.example.com")?.write_pem(&home.join("tls.crt"), &home.join("tls.key"))?;
    let text = std::fs::read_to_string(root().join("envoy/egress.yaml"))?;
    let text = text.replace("/etc/countersign/countersign.wasm", &module()?.to_string_lossy());
    let text = text.replace("/etc/countersign", home.to_str().context("a folder that is not UTF-8")?);
    let mut document: Value = serde_json::to_value(serde_norway::from_str::<serde_norway::Value>(&text)?)?;
    let chain = document.pointer_mut(CHAIN).and_then(Value::as_object_mut).context("no filter chain")?;
    chain.remove("transport_socket").context("no TLS")?;
    Ok(document)
}

/// The document without the filter: its neighbours alone.
fn without_filter(mut document: Value) -> Result<Value> {
    let filters = document.pointer_mut(FILTERS).and_then(Value::as_array_mut).context("no filters")?;
    ensure!(filters.remove(0).get("name").and_then(Value::as_str) == Some("countersign"), "it is not the first");
    Ok(document)
}

/// The document without the list of special addresses.
fn without_list(mut document: Value) -> Result<Value> {
    let filters = document.pointer_mut(FILTERS).and_then(Value::as_array_mut).context("no filters")?;
    let rules = filters.iter_mut().find_map(|filter| filter.pointer_mut(ADDRESSES)).and_then(Value::as_array_mut);
    rules.context("no list of addresses")?.remove(1);
    Ok(document)
}

/// The blocks of IANA's IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890 and those that followed), multicast, what was
/// special once, and where clouds tell machines their secrets outside of these.
const SPECIAL: [&str; 52] = [
    // IPv4.
    "0.0.0.0/8",
    "0.0.0.0/32",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.0.0/29",
    "192.0.0.8/32",
    "192.0.0.9/32",
    "192.0.0.10/32",
    "192.0.0.170/32",
    "192.0.0.171/32",
    "192.0.2.0/24",
    "192.31.196.0/24",
    "192.52.193.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "192.175.48.0/24",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
    "255.255.255.255/32",
    // IPv6.
    "::1/128",
    "::/128",
    "::ffff:0:0/96",
    "64:ff9b::/96",
    "64:ff9b:1::/48",
    "100::/64",
    "100:0:0:1::/64",
    "2001::/23",
    "2001::/32",
    "2001:1::1/128",
    "2001:1::2/128",
    "2001:1::3/128",
    "2001:2::/48",
    "2001:3::/32",
    "2001:4:112::/48",
    "2001:10::/28",
    "2001:20::/28",
    "2001:30::/28",
    "2001:db8::/32",
    "2002::/16",
    "2620:4f:8000::/48",
    "3fff::/20",
    "5f00::/16",
    "fc00::/7",
    "fe80::/10",
    "ff00::/8",
];

/// Where clouds tell machines about themselves, and what they may do.
const METADATA: [&str; 12] = [
    "169.254.169.254/32", // AWS, Azure, Google Cloud, Oracle, and most others.
    "169.254.170.2/32",   // AWS, containers.
    "169.254.170.23/32",  // AWS, pods.
    "fd00:ec2::254/128",
    "fd00:ec2::23/128",
    "fd20:ce::254/128",   // Google Cloud.
    "168.63.129.16/32",   // Azure, WireServer.
    "100.100.100.200/32", // Alibaba.
    "192.0.0.192/32",     // Oracle.
    "fd00:c1::a9fe:a9fe/128",
    "169.254.0.23/32", // Tencent.
    "fd00:42::42/128", // Scaleway.
];

/// First and last address of a block, as numbers of its family's width.
fn bounds(block: &str) -> Result<(bool, u128, u128)> {
    let (address, length) = block.split_once('/').context("no prefix")?;
    let (number, width, four) = match address.parse()? {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32, true),
        IpAddr::V6(address) => (u128::from(address), 128, false),
    };
    let free: u32 = width - length.parse::<u32>()?;
    let rest = 1_u128.checked_shl(free).map_or(u128::MAX, |size| size - 1);
    ensure!(number & rest == 0, "{block} has bits beyond its prefix");
    Ok((four, number, number | rest))
}

#[test]
fn every_special_address_is_refused() -> Result<()> {
    let document: Value = serde_norway::from_str(&std::fs::read_to_string(root().join("envoy/egress.yaml"))?)?;
    let filters = document.pointer(FILTERS).and_then(Value::as_array).context("no filters")?;
    let listed = format!("{ADDRESSES}/1/not_rule/or_rules/rules");
    let listed = filters.iter().find_map(|filter| filter.pointer(&listed)).and_then(Value::as_array);
    let block = |rule: &Value| {
        let range = rule.pointer("/matcher/typed_config/upstream_ip")?;
        Some(format!("{}/{}", range.get("address_prefix")?.as_str()?, range.get("prefix_len")?))
    };
    let listed: Vec<String> = listed.context("no list")?.iter().filter_map(block).collect();
    let blocks: Vec<_> = listed.iter().map(|block| bounds(block)).collect::<Result<_>>()?;
    for special in SPECIAL.iter().chain(&METADATA) {
        let (four, first, last) = bounds(special)?;
        let covered = |(family, from, to): &(bool, u128, u128)| *family == four && *from <= first && last <= *to;
        ensure!(blocks.iter().any(covered), "{special} is not refused");
    }
    // What everybody reaches stays.
    for open in
        ["1.1.1.1/32", "8.8.8.8/32", "93.184.215.14/32", "168.63.129.17/32", "2606:4700::1111/128", "2a00::1/128"]
    {
        let (four, first, last) = bounds(open)?;
        ensure!(!blocks.iter().any(|(family, from, to)| *family == four && *from <= last && first <= *to), "{open}");
    }
    Ok(())
}

fn in_every_envoy(name: &str, document: &Value, test: impl Fn(&RunningEnvoy) -> Result<()>) -> Result<()> {
    for version in versions() {
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("egress-{name}-{version}.log"));
        let envoy = Envoy::find(&version)?.start(document, &log)?;
        test(&envoy).with_context(|| format!("Envoy {version}"))?;
    }
    Ok(())
}

/// The status line's code of what the proxy answers to `head`.
fn asked(proxy: SocketAddr, head: &str) -> Result<u16> {
    let mut stream = TcpStream::connect(proxy)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.write_all(head.as_bytes())?;
    let mut answer = Vec::new();
    let mut chunk = [0; 512];
    while !answer.windows(2).any(|pair| pair == b"\r\n") {
        let read = stream.read(&mut chunk)?;
        ensure!(read > 0, "the connection ended: {:?}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(chunk.get(..read).unwrap_or_default());
    }
    let text = String::from_utf8_lossy(&answer).into_owned();
    text.split(' ').nth(1).and_then(|code| code.parse().ok()).with_context(|| text.clone())
}

fn get(proxy: SocketAddr, authority: &str) -> Result<u16> {
    asked(proxy, &format!("GET http://{authority}/ HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n"))
}

fn connect(proxy: SocketAddr, authority: &str) -> Result<u16> {
    asked(proxy, &format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n\r\n"))
}

/// Names of this machine that a resolver knows, and spellings of its address.
fn spellings(upstream: &Upstream) -> [String; 5] {
    let port = upstream.address().port();
    ["localhost", "127.0.0.1", "2130706433", "[::1]", "[::ffff:127.0.0.1]"].map(|host| format!("{host}:{port}"))
}

#[test]
fn private_addresses_are_refused_after_resolution() -> Result<()> {
    let home = tempfile::tempdir()?;
    let upstream = Upstream::start()?;
    in_every_envoy("private", &without_filter(shipped(home.path())?)?, |envoy| {
        for authority in spellings(&upstream) {
            // A number is no address to Envoy's resolver, but a name that nobody has.
            let expected = if authority.starts_with("2130706433") { 503 } else { 403 };
            ensure!(get(envoy.address(), &authority)? == expected, "{authority}");
            ensure!(connect(envoy.address(), &authority)? == expected, "CONNECT {authority}");
        }
        ensure!(upstream.saw_nothing(), "something arrived");
        Ok(())
    })
}

/// It is the list that refuses, and what it lets through arrives: the test above could not tell otherwise.
#[test]
fn without_the_list_they_are_reached() -> Result<()> {
    let home = tempfile::tempdir()?;
    let document = without_list(without_filter(shipped(home.path())?)?)?;
    for version in versions() {
        let upstream = Upstream::start()?;
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("egress-open-{version}.log"));
        let envoy = Envoy::find(&version)?.start(&document, &log)?;
        let authority = format!("localhost:{}", upstream.address().port());
        ensure!(get(envoy.address(), &authority)? == 200, "Envoy {version}");
        ensure!(connect(envoy.address(), &authority)? == 200, "Envoy {version}: CONNECT");
        ensure!(upstream.count() == 1, "Envoy {version}");
    }
    Ok(())
}

/// With the filter nothing is even resolved for whoever shows no credential, and the record says what was asked.
#[test]
fn a_tunnel_reaches_the_filter_first() -> Result<()> {
    let home = tempfile::tempdir()?;
    in_every_envoy("filter", &shipped(home.path())?, |envoy| {
        ensure!(connect(envoy.address(), "api.example.org:443")? == 407, "CONNECT");
        ensure!(get(envoy.address(), "api.example.org")? == 407, "GET");
        // The gateway offers no upgrades but tunnels, and says so itself.
        let upgrade = "GET http://api.example.org/ HTTP/1.1\r\nhost: api.example.org\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n";
        ensure!(asked(envoy.address(), upgrade)? == 403, "an upgrade");
        // Records may be on their way to the log after the answer.
        let records = envoy.wait_for(PATIENCE, |envoy| Some(envoy.records()).filter(|records| records.len() >= 2))?;
        let told: Vec<(String, String)> = records
            .iter()
            .map(|record| {
                let text =
                    |pointer: &str| record.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
                (text("/request/method"), text("/reason"))
            })
            .collect();
        let expected = [("CONNECT", "no_credential"), ("GET", "no_credential")];
        ensure!(told == expected.map(|(method, reason)| (method.to_owned(), reason.to_owned())), "{told:?}");
        Ok(())
    })
}

/// The shipped file, whose issuer is `keys` and whose policy lets tunnels go to `port` instead of 443.
fn with_issuer(home: &Path, keys: &Jwks, port: u16) -> Result<Value> {
    let mut document = shipped(home)?;
    *document.pointer_mut(ISSUER).context("no issuer")? = json!({
        "address": { "socket_address": { "address": "127.0.0.1", "port_value": keys.address().port() } },
    });
    let configuration = format!("{FILTERS}/0/typed_config/config/configuration/value");
    let configuration = document.pointer_mut(&configuration).context("no configuration")?;
    let moved = configuration.as_str().unwrap_or_default().replace("port == 443", &format!("port == {port}"));
    ensure!(configuration.as_str() != Some(&moved), "the policy does not speak of 443");
    *configuration = moved.into();
    Ok(document)
}

/// A token of a task that may tunnel to these.
fn token(destinations: &[String]) -> Result<String> {
    let grant = json!({ "action": "http:CONNECT", "resource": "web", "destination": destinations });
    let claims = json!({
        "iss": "https://sts.example.com", "aud": "https://egress.example.com", "task": { "grants": [grant] },
    });
    platform::token(claims)
}

/// Reason and destination of every record so far.
fn told(envoy: &RunningEnvoy) -> Vec<(String, String)> {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    envoy.records().iter().map(|record| (text(record.get("reason")), text(record.pointer("/request/host")))).collect()
}

/// Tries tunnels in every Envoy: `open` is where the one leads that the filter allows; elsewhere none is opened. Answers
/// with what `allowed` makes of the allowed one.
fn tunnels(
    name: &str,
    document: impl Fn(Value) -> Result<Value>,
    allowed: impl Fn(&str, &str, &mut std::io::BufReader<TcpStream>, &Wire) -> Result<()>,
) -> Result<()> {
    for version in versions() {
        let (home, upstream, other) = (tempfile::tempdir()?, Wire::start()?, Wire::start()?);
        let authority = Authority::new("test")?;
        let keys = Jwks::start_tls(&authority.issue("sts.example.com")?, KeyServer::default().document()?)?;
        let document = document(with_issuer(home.path(), &keys, upstream.address().port())?)?;
        authority.write_pem(&home.path().join("ca.pem"))?;
        let log = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("egress-{name}-{version}.log"));
        let envoy = Envoy::find(&version)?.start(&document, &log)?;
        platform::keys_are_taken(&keys)?;
        let at = |wire: &Wire, host: &str| format!("{host}:{}", wire.address().port());
        let (here, there, elsewhere) =
            (at(&upstream, "localhost"), at(&other, "localhost"), at(&upstream, "127.0.0.1"));
        let token = token(&[here.clone(), there.clone()])?;
        let tunnel = |authority: &str| {
            let credential = format!("proxy-authorization: Bearer {token}");
            let head = format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n{credential}\r\n\r\n");
            wire::open(envoy.address(), &head)
        };
        let run = || -> Result<()> {
            for refused in [&there, &elsewhere] {
                ensure!(tunnel(refused)?.0.starts_with("HTTP/1.1 403 "), "{refused}");
            }
            ensure!(connect(envoy.address(), &here)? == 407, "without a credential");
            ensure!(upstream.heads().is_empty() && other.heads().is_empty(), "something arrived");
            let (head, mut stream) = tunnel(&here)?;
            allowed(&version, &head, &mut stream, &upstream)?;
            let expected =
                [("policy_denied", &there), ("not_granted", &elsewhere), ("no_credential", &here), ("allowed", &here)];
            let told = told(&envoy);
            let same = told.iter().map(|(reason, host)| (reason.as_str(), host)).eq(expected);
            ensure!(same && other.heads().is_empty(), "{told:?}");
            Ok(())
        };
        run().with_context(|| format!("Envoy {version}:\n{}", envoy.log().join("\n")))?;
    }
    Ok(())
}

/// The task names two destinations, of which policy allows one.
#[test]
fn a_tunnel_is_opened_to_where_the_task_may_go_and_nowhere_else() -> Result<()> {
    tunnels("tunnel", without_list, |version, head, stream, upstream| {
        ensure!(head.starts_with("HTTP/1.1 200 "), "{head}");
        wire::greeted(stream)?;
        wire::exchange(stream, BYTES)?;
        println!("Envoy {version}: {BYTES} bytes each way");
        ensure!(upstream.heads() == [""], "it arrived more than once");
        Ok(())
    })
}

/// What the filter allows is still refused where the name leads to this machine.
#[test]
fn an_allowed_tunnel_does_not_reach_a_private_address() -> Result<()> {
    tunnels("private-tunnel", Ok, |_, head, _, upstream| {
        ensure!(head.starts_with("HTTP/1.1 403 "), "{head}");
        ensure!(upstream.heads().is_empty(), "it arrived");
        Ok(())
    })
}
