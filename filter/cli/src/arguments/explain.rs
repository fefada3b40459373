//! `countersign explain`, as it is written.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use countersign_explain::explanation;
use countersign_facts::clock;
use countersign_tokens::UnixTime;
use http::{HeaderName, HeaderValue, Method, Uri};

/// Says what becomes of one request, check by check, and what would have to change where it is denied.
///
/// The request is decided by the engine itself, as the filter would: every check in the order of the flow, how far each
/// grant reaches, and what each policy says that could apply. Nobody is asked and nothing is remembered: where an approver,
/// an issuer or a decision point would be asked, the answer says so. The credential and the values of headers are never
/// printed, and what was not verified is said.
#[derive(Clone, Debug, Args)]
#[command(after_help = EXPLAIN)]
pub struct Explain {
    /// The plugin configuration.
    #[arg(value_name = "CONFIG")]
    pub config: PathBuf,
    /// What is asked for: an absolute address, as the client knows it.
    #[arg(long)]
    pub url: Uri,
    /// POST where there is a body, else GET.
    #[arg(long)]
    pub method: Option<Method>,
    /// A header field; may be given several times.
    #[arg(long = "header", value_name = "NAME: VALUE", value_parser = field)]
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The body (`-` is standard input); `application/json` where no header says otherwise.
    #[arg(long, value_name = "FILE")]
    pub body: Option<PathBuf>,
    /// The credential (`-` is standard input). It has no place on a command line, which others can read.
    #[arg(long, value_name = "FILE")]
    pub token: Option<PathBuf>,
    /// What a credential would say, without one: nothing is verified.
    #[arg(long, value_name = "FILE", conflicts_with_all = ["token", "keys", "unverified"])]
    pub claims: Option<PathBuf>,
    /// The issuer's keys (a JWK Set, or a trust domain's bundle), where the gateway would fetch them.
    #[arg(long, value_name = "FILE")]
    pub keys: Option<PathBuf>,
    /// Believes the token's signature, and that of a proof, without verifying it.
    #[arg(long, requires = "token", conflicts_with = "keys")]
    pub unverified: bool,
    /// The configured name of the issuer, where there are several that sign.
    #[arg(long, value_name = "NAME")]
    pub issuer: Option<String>,
    /// How the credential is carried.
    #[arg(long, value_enum, default_value = "authorization")]
    pub carrier: Carrier,
    /// When: RFC 3339, or seconds since 1970. Now, if it is not given.
    #[arg(long, value_name = "TIME", value_parser = time)]
    pub now: Option<UnixTime>,
    /// Where the request comes from (`ip:port`), if the gateway says.
    #[arg(long, value_name = "ADDRESS")]
    pub source: Option<String>,
    /// The gateway's name for the route, if it says.
    #[arg(long, value_name = "NAME")]
    pub route: Option<String>,
}

/// Where a credential is carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Carrier {
    /// `Authorization: Bearer`, or `DPoP` where there is a field `DPoP`.
    Authorization,
    /// `Proxy-Authorization: Bearer` or `DPoP`, on the way out.
    ProxyAuthorization,
    /// `Txn-Token`.
    TxnToken,
}

impl From<Carrier> for explanation::Carrier {
    fn from(carrier: Carrier) -> Self {
        match carrier {
            Carrier::Authorization => Self::Authorization,
            Carrier::ProxyAuthorization => Self::ProxyAuthorization,
            Carrier::TxnToken => Self::TxnToken,
        }
    }
}

const EXPLAIN: &str = "\
Examples:
  countersign explain production.yaml --url https://tools.example.com/mcp --body call.json --token token.jwt --keys jwks.json
  countersign explain envoy/demo.yaml --url http://127.0.0.1:18080/mcp --body call.json --claims claims.json --now 1800000000
  kubectl exec agent -- cat /var/run/token | countersign explain --json production.yaml \\
    --url https://tools.example.com/mcp --body call.json --token - --unverified

Exit codes: 0 it is allowed; 1 it is denied, or somebody would have to be asked first; 2 a file cannot be read, or the
configuration is not valid.";

fn field(text: &str) -> Result<(HeaderName, HeaderValue), String> {
    let (name, value) = text.split_once(':').ok_or("write `NAME: VALUE`")?;
    let name = name.trim().parse().map_err(|_| "the name is none")?;
    Ok((name, value.trim().parse().map_err(|_| "the value is none")?))
}

pub(super) fn time(text: &str) -> Result<UnixTime, String> {
    let seconds = text.parse().ok().map(UnixTime::from_secs);
    seconds.or_else(|| clock::parse(text)).ok_or_else(|| "write RFC 3339 or seconds since 1970".to_owned())
}
