//! Nonces for DPoP proofs (RFC 9449 §9): a proof with one was made after it was given out and not longer ago than it is good
//! for, whatever the client's clock says.
//!
//! A nonce is the second in which it was given out and a MAC over that. Nothing is remembered of it, so it is nobody's in
//! particular and good for any number of proofs; that each proof is good once is for the ledger to know. All workers of a
//! gateway process have one key. A fleet has a configured one, and beside it another that is accepted while it changes.

use std::fmt;
use std::time::Duration;

use countersign_facts::digest;
use countersign_tokens::UnixTime;
use hmac::{Hmac, KeyInit as _, Mac as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Sha256;

/// The field that gives one out (RFC 9449 §8.1).
pub const FIELD: &str = "dpop-nonce";

/// What the MAC is for: it is good for nothing else.
const PURPOSE: &[u8] = b"countersign dpop nonce 1";
const TIME_BYTES: usize = 8;
/// Half of it is kept: whoever guesses has to ask here, and cannot for longer than a nonce is good.
const MAC_BYTES: usize = 16;

type Key = [u8; 32];

/// That an issuer's proofs need a nonce.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct NonceRule {
    /// For how long one is good.
    pub lifetime: Duration,
    configured: Option<Configured>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Configured {
    current: Key,
    previous: Option<Key>,
}

/// Gives nonces out, and knows them again.
pub struct Nonces {
    lifetime: Duration,
    keys: Configured,
}

/// What a nonce is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Worth {
    Good,
    /// For proofs too, but not for much longer.
    Aging,
    Nothing,
}

impl NonceRule {
    /// With keys made of `secret` and of the one `previous` to it; without, of the gateway process.
    pub fn new(lifetime: Duration, secret: Option<&str>, previous: Option<&str>) -> Self {
        let key = |secret| digest::of_texts(&["countersign dpop nonces", secret]);
        let configured = secret.map(|secret| Configured { current: key(secret), previous: previous.map(key) });
        Self { lifetime, configured }
    }

    /// What gives them out; `process` is asked where no key is configured.
    pub fn nonces<E>(&self, process: impl FnOnce() -> Result<Key, E>) -> Result<Nonces, E> {
        let keys = match self.configured {
            Some(keys) => keys,
            None => Configured { current: process()?, previous: None },
        };
        Ok(Nonces { lifetime: self.lifetime, keys })
    }
}

impl fmt::Debug for NonceRule {
    /// Without keys.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("NonceRule").field("lifetime", &self.lifetime).finish_non_exhaustive()
    }
}

impl Nonces {
    /// A new one.
    pub fn give(&self, now: UnixTime) -> Option<String> {
        let time = now.secs().to_be_bytes();
        let mac = mac(&self.keys.current, &time)?.finalize().into_bytes();
        Some(URL_SAFE_NO_PAD.encode([time.as_slice(), mac.get(..MAC_BYTES)?].concat()))
    }

    /// What `nonce` is good for at `now`; another gateway's clock may differ by `leeway`.
    pub fn worth(&self, nonce: &str, leeway: Duration, now: UnixTime) -> Worth {
        let Some(given) = self.given(nonce).filter(|given| *given <= now.plus(leeway)) else { return Worth::Nothing };
        if given.plus(self.lifetime) <= now {
            Worth::Nothing
        } else if given.plus(self.lifetime / 2) <= now {
            Worth::Aging
        } else {
            Worth::Good
        }
    }

    /// When it was given out, if it was.
    fn given(&self, nonce: &str) -> Option<UnixTime> {
        let bytes = URL_SAFE_NO_PAD.decode(nonce).ok()?;
        let (time, shown) = bytes.split_at_checked(TIME_BYTES).filter(|(_, shown)| shown.len() == MAC_BYTES)?;
        let made_it = |key: &Key| mac(key, time).is_some_and(|mac| mac.verify_truncated_left(shown).is_ok());
        let Configured { current, previous } = &self.keys;
        if !made_it(current) && !previous.as_ref().is_some_and(made_it) {
            return None;
        }
        Some(UnixTime::from_secs(u64::from_be_bytes(time.try_into().ok()?)))
    }
}

fn mac(key: &Key, time: &[u8]) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).ok()?;
    mac.update(PURPOSE);
    mac.update(time);
    Some(mac)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use super::*;

    const LIFETIME: Duration = Duration::from_mins(5);
    const LEEWAY: Duration = Duration::from_secs(10);

    fn nonces(secret: Option<&str>, previous: Option<&str>, process: Key) -> Nonces {
        let Ok(nonces) = NonceRule::new(LIFETIME, secret, previous).nonces(|| Ok::<_, Infallible>(process));
        nonces
    }

    fn at(secs: u64) -> UnixTime {
        UnixTime::from_secs(secs)
    }

    #[test]
    fn one_is_good_for_its_lifetime_with_every_worker() -> Result<(), &'static str> {
        let (one, other) = (nonces(None, None, [7; 32]), nonces(None, None, [7; 32]));
        let nonce = one.give(at(1000)).ok_or("no nonce")?;
        for (now, worth) in [
            (989, Worth::Nothing),
            (990, Worth::Good),
            (1000, Worth::Good),
            (1149, Worth::Good),
            (1150, Worth::Aging),
            (1299, Worth::Aging),
            (1300, Worth::Nothing),
        ] {
            assert_eq!(other.worth(&nonce, LEEWAY, at(now)), worth, "{now}");
        }
        assert_ne!(one.give(at(1001)), Some(nonce));
        Ok(())
    }

    #[test]
    fn a_key_is_changed_without_losing_what_was_given_out() -> Result<(), &'static str> {
        let (old, new) = ("the secret before, at least this long", "the secret after, at least this long");
        let before = nonces(Some(old), None, [0; 32]);
        let (during, after) = (nonces(Some(new), Some(old), [0; 32]), nonces(Some(new), None, [0; 32]));
        let (first, second) = (before.give(at(1000)).ok_or("none")?, during.give(at(1000)).ok_or("none")?);
        let worth = |nonces: &Nonces, nonce: &str| nonces.worth(nonce, LEEWAY, at(1010));
        assert_eq!((worth(&during, &first), worth(&during, &second)), (Worth::Good, Worth::Good));
        assert_eq!((worth(&after, &first), worth(&after, &second)), (Worth::Nothing, Worth::Good));
        assert_eq!((worth(&before, &first), worth(&before, &second)), (Worth::Good, Worth::Nothing));
        Ok(())
    }

    #[test]
    fn what_was_not_given_out_is_worth_nothing() -> Result<(), &'static str> {
        let nonces = nonces(None, None, [7; 32]);
        let nonce = nonces.give(at(1000)).ok_or("no nonce")?;
        let bytes = URL_SAFE_NO_PAD.decode(&nonce).map_err(|_| "no base64")?;
        for index in 0..bytes.len() {
            let spoilt: Vec<u8> = bytes.iter().enumerate().map(|(at, byte)| byte ^ u8::from(at == index)).collect();
            assert_eq!(nonces.worth(&URL_SAFE_NO_PAD.encode(spoilt), LEEWAY, at(1000)), Worth::Nothing, "{index}");
        }
        for strange in
            ["", "a", "=", nonce.trim_start_matches('A'), &format!("{nonce}A"), &format!("{nonce}="), &"A".repeat(2048)]
        {
            assert_eq!(nonces.worth(strange, LEEWAY, at(1000)), Worth::Nothing, "{strange}");
        }
        Ok(())
    }

    #[test]
    fn keys_are_not_in_debug_output() {
        let rule = NonceRule::new(LIFETIME, Some("secret"), None);
        assert_eq!(format!("{rule:?}"), "NonceRule { lifetime: 300s, .. }");
    }
}
