//! Host and port, as people write them and as Envoy reads them.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use serde_json::{Value, json};
use url::{Host, Url};

/// A host name or IP address with a port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPort {
    /// A DNS name or an IP address without brackets.
    pub host: String,
    /// Never 0.
    pub port: u16,
}

/// Where permitted requests go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The server.
    pub address: HostPort,
    /// Whether it is spoken to over TLS, with its name verified.
    pub tls: bool,
}

/// Text that is no address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not HOST:PORT, http://HOST[:PORT] or https://HOST[:PORT]")]
pub struct AddressError(String);

impl HostPort {
    /// From an absolute URL's host and port.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let host = match url.host()? {
            Host::Domain(name) => name.to_owned(),
            Host::Ipv4(address) => address.to_string(),
            Host::Ipv6(address) => address.to_string(),
        };
        let port = url.port_or_known_default().filter(|port| *port != 0)?;
        Some(Self { host, port })
    }

    /// The address, if the host is one.
    pub(super) fn ip(&self) -> Option<IpAddr> {
        self.host.parse().ok()
    }

    /// As Envoy's `core.v3.Address`.
    pub(super) fn to_envoy(&self) -> Value {
        json!({ "socket_address": { "address": self.host, "port_value": self.port } })
    }
}

impl FromStr for HostPort {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let url = Url::parse(&format!("tcp://{text}")).map_err(|_| AddressError(text.to_owned()))?;
        let bare = url.path().is_empty() && url.query().is_none() && url.username().is_empty();
        Self::of(&url).filter(|_| bare).ok_or_else(|| AddressError(text.to_owned()))
    }
}

impl std::fmt::Display for HostPort {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') { write!(formatter, "[{host}]:{port}") } else { write!(formatter, "{host}:{port}") }
    }
}

impl From<SocketAddr> for HostPort {
    fn from(address: SocketAddr) -> Self {
        Self { host: address.ip().to_string(), port: address.port() }
    }
}

impl From<SocketAddr> for Upstream {
    fn from(address: SocketAddr) -> Self {
        Self { address: address.into(), tls: false }
    }
}

impl FromStr for Upstream {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || AddressError(text.to_owned());
        if !text.contains("://") {
            return Ok(Self { address: text.parse()?, tls: false });
        }
        let url = Url::parse(text).map_err(|_| error())?;
        // A path would be ignored: Envoy forwards the client's.
        let bare = matches!(url.path(), "" | "/") && url.query().is_none() && url.username().is_empty();
        let tls = match url.scheme() {
            "http" => false,
            "https" => true,
            _ => return Err(error()),
        };
        let address = HostPort::of(&url).filter(|_| bare).ok_or_else(error)?;
        Ok(Self { address, tls })
    }
}

impl std::fmt::Display for Upstream {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{}://{}", if self.tls { "https" } else { "http" }, self.address)
    }
}

/// Where to listen, as Envoy's `core.v3.Address`.
pub(super) fn socket_address(address: SocketAddr) -> Value {
    json!({ "socket_address": { "address": address.ip().to_string(), "port_value": address.port() } })
}

#[cfg(test)]
mod tests {
    use super::{HostPort, Upstream};

    #[test]
    fn addresses_are_read_or_refused() {
        let read = |text: &str| text.parse::<Upstream>().map(|upstream| upstream.to_string());
        for (text, expected) in [
            ("127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("[::1]:8080", "http://[::1]:8080"),
            ("tools.internal:80", "http://tools.internal:80"),
            ("https://tools.example.com", "https://tools.example.com:443"),
            ("http://tools.example.com:8080/", "http://tools.example.com:8080"),
        ] {
            assert_eq!(read(text).as_deref(), Ok(expected));
        }
        for text in ["", "8080", "host", "host:0", "ftp://host:1", "http://host/path", "user@host:1", "host:1/path"] {
            assert!(read(text).is_err(), "{text}");
        }
        assert_eq!(
            "host".parse::<HostPort>().map_err(|error| error.to_string()),
            Err("`host` is not HOST:PORT, http://HOST[:PORT] or https://HOST[:PORT]".to_owned())
        );
    }
}
