//! Networks as they are written, and addresses in them.

use std::net::IpAddr;

use ipnet::IpNet;
use serde_json::Value;

/// A list of networks, at least one; an address is a network of one.
pub fn networks(value: &Value) -> Option<Vec<IpNet>> {
    let several = value.as_array().filter(|several| !several.is_empty())?;
    several.iter().map(|one| network(one.as_str()?)).collect()
}

fn network(text: &str) -> Option<IpNet> {
    let network = text.parse::<IpNet>().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))?;
    // `10.1.2.3/8` is likely a slip: what was meant, the address or the network?
    (network.trunc() == network).then_some(network)
}

/// Whether `address` is in one of `networks`; IPv4 in IPv6 is IPv4.
pub fn contains(networks: &[IpNet], address: &IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| network.contains(&address))
}
