//! The credential, and the configuration with the keys that verify it.
//!
//! Where nothing is to be verified the configuration gets a stand-in key and the engine a verifier that believes every
//! signature: everything else about the token is still checked.

use countersign_engine::config::Config;
use countersign_tokens::{Algorithm, CompactJws, JwtSimple, Key, KeyFormat, KeySet, Profile, TokenError, Verifier};
use countersign_trust::carrier;
use countersign_trust::credential::Issuer;
use countersign_trust::keys::KeySource;
use serde_json::{Value, json};

use super::{Asked, Carrier, ExplainError, Presented};
use crate::document::Document;
use crate::validate;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The longest token that is looked at to see which key it names.
const MOST_BYTES: usize = 64 * 1024;

/// What a stand-in key is called, where nothing says.
const STAND_IN: &str = "unverified";

/// A credential ready to be presented. It has no `Debug`: it must not be printed.
pub(super) struct Credential {
    /// The field it comes in.
    pub(super) header: Option<(String, String)>,
    /// The configuration with its keys.
    pub(super) configuration: Document,
    /// What is taken for granted.
    pub(super) unverified: Vec<String>,
    believed: bool,
}

/// Believes every signature.
#[derive(Debug)]
struct Believing;

impl Verifier for Believing {
    fn verify(&self, _: &CompactJws<'_>, _: &Key) -> Result<(), TokenError> {
        Ok(())
    }
}

impl Credential {
    /// What is presented with what is `asked`, for the configuration that `document` is.
    pub(super) fn of(asked: &Asked, document: &Document) -> Result<Self, ExplainError> {
        match &asked.presented {
            Presented::Token { token, keys } => Self::verified(asked, document, token.clone(), keys.as_ref()),
            Presented::Believed(token) => Self::believed(asked, document, token.clone()),
            Presented::Claims(claims) => Self::of_claims(asked, document, claims),
        }
    }

    /// Verified with the keys that are configured, or given.
    fn verified(
        asked: &Asked,
        document: &Document,
        token: Option<String>,
        keys: Option<&Value>,
    ) -> Result<Self, ExplainError> {
        let mut configuration = document.clone();
        if let Some(keys) = keys {
            let config = config(document)?;
            let (index, issuer) = issuer(&config, asked, |issuer| matches!(issuer.keys, KeySource::Remote(_)))?;
            KeySet::from_value(keys, format(issuer))?;
            configuration = with_keys(document, index, keys);
        }
        let header = match token {
            Some(token) => {
                let config = config(document)?;
                let issuer = issuer_of(&token, &config).or_else(|| issuer(&config, asked, |_| true).ok());
                Some(field(asked, issuer.map(|(_, issuer)| (issuer, &config)), token))
            }
            None => None,
        };
        Ok(Self { header, configuration, unverified: Vec::new(), believed: false })
    }

    /// Not verified: a stand-in under the name of the token's own key.
    fn believed(asked: &Asked, document: &Document, token: String) -> Result<Self, ExplainError> {
        let config = config(document)?;
        let (algorithm, name) = {
            let jws = CompactJws::parse(&token, MOST_BYTES)?;
            (jws.header().algorithm(), jws.header().key_id().map(str::to_owned))
        };
        let (index, issuer) = issuer(&config, asked, signs)?;
        let unverified =
            vec!["the token's signature, and that of a proof: both are believed (--unverified)".to_owned()];
        let mut keys = stand_in(algorithm, name.as_deref().unwrap_or(STAND_IN), format(issuer));
        // Keys for none of the issuer's algorithms are no configuration, and it is the token that has another.
        let listed = issuer.voucher.rules.algorithms();
        if let (false, Some(listed)) = (listed.contains(&algorithm), listed.first()) {
            let mut other = stand_in(*listed, &format!("not-{}", name.as_deref().unwrap_or(STAND_IN)), format(issuer));
            let other = other.pointer_mut("/keys/0").map(Value::take);
            keys.pointer_mut("/keys")
                .and_then(Value::as_array_mut)
                .into_iter()
                .for_each(|keys| keys.extend(other.clone()));
        }
        let configuration = with_keys(document, index, &keys);
        Ok(Self {
            header: Some(field(asked, Some((issuer, &config)), token)),
            configuration,
            unverified,
            believed: true,
        })
    }

    /// A token that says `claims`, of a form that the issuer's profile accepts.
    fn of_claims(asked: &Asked, document: &Document, claims: &Value) -> Result<Self, ExplainError> {
        if !claims.is_object() {
            return Err(ExplainError::Claims);
        }
        let config = config(document)?;
        let (index, issuer) = issuer(&config, asked, signs)?;
        let unsigned = || ExplainError::Unsigned(issuer.voucher.name.clone());
        let algorithm = issuer.voucher.rules.algorithms().first().copied().ok_or_else(unsigned)?;
        let kind = match issuer.voucher.rules.profile() {
            Profile::AccessToken => "at+jwt",
            Profile::TxnToken => "txntoken+jwt",
            Profile::JwtSvid { .. } => "JWT",
            Profile::Generic { types } => types.iter().find(|kind| !kind.is_empty()).map_or("JWT", String::as_str),
            Profile::Opaque | Profile::X509Svid { .. } => return Err(unsigned()),
        };
        let header = json!({ "alg": algorithm.name(), "kid": STAND_IN, "typ": kind });
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let token = format!("{}.{}.{}", part(&header.to_string()), part(&claims.to_string()), part(STAND_IN));
        let unverified = vec!["that there is such a credential at all: its claims were given (--claims)".to_owned()];
        let configuration = with_keys(document, index, &stand_in(algorithm, STAND_IN, format(issuer)));
        Ok(Self {
            header: Some(field(asked, Some((issuer, &config)), token)),
            configuration,
            unverified,
            believed: true,
        })
    }

    /// Who verifies signatures.
    pub(super) fn verifier(&self) -> Box<dyn Verifier + Send + Sync> {
        if self.believed { Box::new(Believing) } else { Box::new(JwtSimple) }
    }
}

/// Who `token` says issued it, if it says.
fn issuer_of<'c>(token: &str, config: &'c Config) -> Option<(usize, &'c Issuer)> {
    let jws = CompactJws::parse(token, MOST_BYTES).ok()?;
    let stated = jws.unverified_issuer()?;
    config.issuers.iter().enumerate().find(|(_, issuer)| issuer.voucher.rules.is_issuer(stated))
}

/// The header field that carries `token`: some issuers' come in a field of their own, and nowhere else.
fn field(asked: &Asked, issuer: Option<(&Issuer, &Config)>, token: String) -> (String, String) {
    let own = issuer.and_then(|(issuer, config)| match issuer.carrier {
        carrier::Carrier::Authorization => None,
        carrier::Carrier::TxnToken => Some("txn-token"),
        carrier::Carrier::Field(number) => config.credential_headers.get(number).map(String::as_str),
    });
    if let Some(name) = own {
        return (name.to_owned(), token);
    }
    let proven = asked.headers.iter().any(|(name, _)| name.as_str() == "dpop");
    let scheme = if proven { "DPoP" } else { "Bearer" };
    let (name, value) = match asked.carrier {
        Carrier::Authorization => ("authorization", format!("{scheme} {token}")),
        Carrier::ProxyAuthorization => ("proxy-authorization", format!("{scheme} {token}")),
        Carrier::TxnToken => ("txn-token", token),
    };
    (name.to_owned(), value)
}

fn config(document: &Document) -> Result<Config, ExplainError> {
    let config = Config::parse(document.text.as_bytes(), &validate::Present::default());
    config.map_err(|errors| ExplainError::invalid(document, &errors))
}

/// The issuer that is named, else the only one that `may` be meant, with its position.
fn issuer<'c>(
    config: &'c Config,
    asked: &Asked,
    may: impl Fn(&Issuer) -> bool,
) -> Result<(usize, &'c Issuer), ExplainError> {
    let meant = |issuer: &Issuer| may(issuer) && asked.issuer.as_ref().is_none_or(|name| *name == issuer.voucher.name);
    let mut found = config.issuers.iter().enumerate().filter(|(_, issuer)| meant(issuer));
    if let (Some(one), None) = (found.next(), found.next()) {
        return Ok(one);
    }
    let possible = config.issuers.iter().filter(|issuer| may(issuer)).map(|issuer| issuer.voucher.name.as_str());
    Err(ExplainError::WhichIssuer(possible.collect::<Vec<_>>().join(", ")))
}

fn signs(issuer: &Issuer) -> bool {
    issuer.voucher.rules.profile().is_signed()
}

fn format(issuer: &Issuer) -> KeyFormat {
    match &issuer.keys {
        KeySource::Inline(set) => set.format(),
        KeySource::Remote(keys) => keys.format,
        KeySource::None => KeyFormat::Jwks,
    }
}

/// The configuration in which the issuer at `index` has these `keys`.
fn with_keys(document: &Document, index: usize, keys: &Value) -> Document {
    let mut value = document.value.clone();
    if let Some(place) = value.pointer_mut(&format!("/issuers/{index}/keys")) {
        let format = place.get("format").cloned();
        *place = json!({ "inline": keys });
        if let (Some(format), Some(place)) = (format, place.as_object_mut()) {
            place.insert("format".to_owned(), format);
        }
    }
    Document::of(value)
}

/// A public key for `algorithm` whose private half was thrown away when it was made.
fn stand_in(algorithm: Algorithm, name: &str, format: KeyFormat) -> Value {
    let purpose = match format {
        KeyFormat::Jwks => "sig",
        KeyFormat::SpiffeBundle => "jwt-svid",
    };
    let mut key = match algorithm {
        Algorithm::RS256
        | Algorithm::RS384
        | Algorithm::RS512
        | Algorithm::PS256
        | Algorithm::PS384
        | Algorithm::PS512 => json!({ "kty": "RSA", "e": "AQAB", "n": MODULUS }),
        Algorithm::ES256 => json!({
            "kty": "EC", "crv": "P-256",
            "x": "1tx2PVooMnME7dwO1_tE3bI-TTugTpU3wFd3wJqS9r4", "y": "PcZ62Q3t8EC9YocQkTwSnau4xnl0v_Bybz-NiK9X310",
        }),
        Algorithm::ES384 => json!({
            "kty": "EC", "crv": "P-384",
            "x": "OW1xOE_cyP0wOoA6Hgo0K10027Ud5iQ1gk5qu3EMzo2BxCvCklnECLv65e9NsRnZ",
            "y": "cZFb3OytBagCF_KYnp8Mj_ZR0lB8B6UhGm38-rexzFSiwGFw7OY49UsBgJdmIWuw",
        }),
        Algorithm::EdDSA => {
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "Ekpf9XPDulzcmNkg94u80gWI8Qs7MvnZk_Fr9z3gltQ" })
        }
    };
    if let Some(key) = key.as_object_mut() {
        key.insert("kid".to_owned(), json!(name));
        key.insert("use".to_owned(), json!(purpose));
        key.insert("alg".to_owned(), json!(algorithm.name()));
    }
    json!({ "keys": [key] })
}

const MODULUS: &str = "\
    xsXcOVgo2iWHagtjrUTNvvrNnXV4s2ZAG55zKEVc9J7Ur26LVADlP1uwXHmbPMaOMT-3WrUHaOEB0R7EyXMD6BFinM4lJ-INAG3FqUhHVcGo1u44FYHF7I_U\
    nAnKA51lnNt3X2VzutQaOnNoethPRIZj0-6iRgJEdb457UOZGhzsYyeuccI1r_DrX1KLaog0M3sc93uxz89HX5NDpUoHW7V8u7BDXN9bY6eAjY0ec1hoqjZS\
    df5pFPGxhuk0SPxYyxb4SDL31hiE8xmYMVPFCs8ad2OMntgHn2X-vMKlgc54gZx9Kso7HMSmCRLngtwoZ_Gz46ocSnlDgev1ebcQtQ";
