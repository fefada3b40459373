//! MCP sessions belong to the workload that opened them (MCP up to 2025-11-25, Streamable HTTP).
//!
//! The client never sees the upstream's session id but a sealed one: the id and a MAC over it, the resource and whoever
//! opened it. There is no table: what is not sealed for the caller is no session. Revision 2026-07-28 has no sessions.
//!
//! The key is made of a configured secret, for fleets; else it is random, made once for the whole gateway process. It also keys
//! digests on records, and nonces where these have none of their own.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use countersign_facts::board::{self, Board, Change};
use countersign_facts::digest;
use countersign_rights::workload::Workload;
use hmac::{Hmac, KeyInit as _, Mac as _};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::Sha256;

/// The field that carries the id, on requests and responses.
pub(crate) const FIELD: &str = "mcp-session-id";

/// Bytes of an upstream's session id.
const MAX_ID: usize = 1024;
const MAC_BYTES: usize = 32;
/// What the MAC is for: it is good for nothing else.
const PURPOSE: &[u8] = b"countersign session 1";

/// As of a session's MAC.
const RECORDS: &[u8] = b"countersign record 1";

/// Where the workers of a process find their key.
const DOCUMENT: &str = "session-key";
/// First bytes of the document: anything else was not written by this version.
const MAGIC: [u8; 4] = *b"css1";

/// MCP sessions.
#[derive(Clone, PartialEq, Eq)]
pub struct SessionsConfig {
    /// Clients get session ids that are good for whoever opened the session only.
    pub(crate) seal: bool,
    /// What every gateway of a fleet seals with; each process has its own key without it.
    pub secret: Option<String>,
}

impl fmt::Debug for SessionsConfig {
    /// Everything but the secret.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seal, secret } = self;
        let secret = secret.as_ref().map(|_| format_args!("…"));
        formatter.debug_struct("SessionsConfig").field("seal", seal).field("secret", &secret).finish()
    }
}

/// The key of this worker, and what it may be made of.
#[derive(Default)]
pub(crate) struct SessionKeys {
    known: Mutex<Option<[u8; 32]>>,
    seed: Option<[u8; 32]>,
}

/// There is no key at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NoKey;

/// Seals and opens session ids for one workload on one resource.
#[derive(Clone)]
pub(crate) struct Seal {
    key: [u8; 32],
    owner: [u8; 32],
}

/// Makes keyed digests of what records leave out: the same text has the same digest, and who guesses one cannot try it.
#[derive(Clone)]
pub(crate) struct Digester {
    key: [u8; 32],
}

impl SessionKeys {
    /// With a key made of `secret`, if there is one.
    pub(crate) fn new(secret: Option<&str>) -> Self {
        let key = secret.map(|secret| digest::of_texts(&["countersign sessions", secret]));
        Self { known: Mutex::new(key), seed: None }
    }

    /// Where nobody else made a key, `seed` becomes it.
    pub(crate) fn seed(&mut self, seed: [u8; 32]) {
        self.seed = Some(seed);
    }

    /// The seal for `workload` on `resource`.
    pub(crate) fn seal(&self, workload: &Workload, resource: &str, board: &mut dyn Board) -> Result<Seal, NoKey> {
        Ok(Seal { key: self.key(board)?, owner: owner(workload, resource) })
    }

    /// What makes digests for records.
    pub(crate) fn digester(&self, board: &mut dyn Board) -> Result<Digester, NoKey> {
        Ok(Digester { key: self.key(board)? })
    }

    /// What makes nonces where no other key is configured.
    pub(crate) fn nonce_key(&self, board: &mut dyn Board) -> Result<[u8; 32], NoKey> {
        self.key(board)
    }

    fn key(&self, board: &mut dyn Board) -> Result<[u8; 32], NoKey> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match *known {
            Some(key) => Ok(key),
            None => Ok(*known.insert(self.agree(board)?)),
        }
    }

    /// The key of the process: the first worker's.
    fn agree(&self, board: &mut dyn Board) -> Result<[u8; 32], NoKey> {
        let seed = self.seed.ok_or(NoKey)?;
        let agreed = board::update(board, DOCUMENT, |posted| match posted {
            Some(posted) => {
                let key = posted.strip_prefix(&MAGIC).and_then(|key| key.try_into().ok());
                Ok((key.ok_or(NoKey)?, Change::Keep))
            }
            None => Ok((seed, Change::Post([MAGIC.as_slice(), &seed].concat()))),
        });
        agreed.map_err(|_| NoKey).flatten()
    }
}

/// Who a session belongs to: the subject, and who acts for it now.
fn owner(workload: &Workload, resource: &str) -> [u8; 32] {
    digest::of_texts(&[resource].into_iter().chain(workload.texts()).collect::<Vec<_>>())
}

impl Seal {
    /// What the client gets instead of the upstream's `id`; none for what is no id.
    pub(crate) fn seal(&self, id: &[u8]) -> Option<String> {
        let usable = !id.is_empty() && id.len() <= MAX_ID && id.iter().all(u8::is_ascii_graphic);
        let mac = self.mac(id).filter(|_| usable)?.finalize().into_bytes();
        Some(URL_SAFE_NO_PAD.encode([&mac, id].concat()))
    }

    /// The upstream's id in `sealed`; none where it was not sealed for this owner.
    pub(crate) fn open(&self, sealed: &[u8]) -> Option<String> {
        let bytes = URL_SAFE_NO_PAD.decode(sealed).ok()?;
        let (mac, id) = bytes.split_at_checked(MAC_BYTES)?;
        self.mac(id)?.verify_slice(mac).ok()?;
        String::from_utf8(id.to_vec()).ok()
    }

    fn mac(&self, id: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(PURPOSE);
        mac.update(&self.owner);
        mac.update(id);
        Some(mac)
    }
}

impl Digester {
    /// `hmac-sha-256:` and the digest of `text` in base64url without padding.
    pub(crate) fn digest(&self, text: &str) -> Option<String> {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.key).ok()?;
        mac.update(RECORDS);
        mac.update(text.as_bytes());
        Some(format!("hmac-sha-256:{}", digest::base64url(&mac.finalize().into_bytes())))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use countersign_facts::board::{LedgerError, Posted, Posting};
    use countersign_facts::ledger::MemoryLedger;
    use countersign_rights::claims::Claims;
    use countersign_rights::workload::{Actor, Identity, Kind};

    use super::*;

    fn workload(subject: &str, actor: Option<&str>) -> Workload {
        let identity = |subject: &str| Identity { issuer: "https://sts.test".to_owned(), subject: subject.into() };
        Workload {
            identity: identity(subject),
            issuer_name: "platform".to_owned(),
            tenant: None,
            trust_domain: None,
            kind: Kind::Agent,
            traits: BTreeSet::new(),
            classified: true,
            actors: actor
                .map(|name| Actor { identity: identity(name), profile: None, kind: None })
                .into_iter()
                .collect(),
            client_id: None,
            requester: None,
            claims: Claims::default(),
        }
    }

    fn seal(keys: &SessionKeys, workload: &Workload, resource: &str, board: &mut dyn Board) -> Seal {
        keys.seal(workload, resource, board).unwrap_or(Seal { key: [0; 32], owner: [0; 32] })
    }

    #[test]
    fn only_its_owner_opens_a_session() {
        let keys = SessionKeys::new(Some("a secret of the fleet"));
        let mut board = MemoryLedger::new(1);
        let mine = seal(&keys, &workload("ada", None), "tools", &mut board);
        let sealed = mine.seal(b"upstream-1").unwrap_or_default();
        assert_eq!(mine.open(sealed.as_bytes()).as_deref(), Some("upstream-1"));
        for (subject, actor, resource) in
            [("bob", None, "tools"), ("ada", Some("agent-7"), "tools"), ("ada", None, "other")]
        {
            let other = seal(&keys, &workload(subject, actor), resource, &mut board);
            assert_eq!(other.open(sealed.as_bytes()), None, "{subject} {actor:?} {resource}");
        }
        let elsewhere = SessionKeys::new(Some("another secret"));
        assert_eq!(seal(&elsewhere, &workload("ada", None), "tools", &mut board).open(sealed.as_bytes()), None);
    }

    #[test]
    fn nothing_but_what_was_sealed_is_opened() {
        let keys = SessionKeys::new(Some("a secret of the fleet"));
        let seal = seal(&keys, &workload("ada", None), "tools", &mut MemoryLedger::new(1));
        let sealed = seal.seal(b"upstream-1").unwrap_or_default();
        let bytes = URL_SAFE_NO_PAD.decode(&sealed).unwrap_or_default();
        for at in 0..bytes.len() {
            let spoilt: Vec<u8> = bytes.iter().enumerate().map(|(i, b)| if i == at { b ^ 1 } else { *b }).collect();
            assert_eq!(seal.open(URL_SAFE_NO_PAD.encode(spoilt).as_bytes()), None, "byte {at}");
        }
        for other in ["", "upstream-1", "====", &format!("{sealed}="), &format!("{sealed}A")] {
            assert_eq!(seal.open(other.as_bytes()), None, "{other}");
        }
        for unusable in [b"".as_slice(), b"a b", b"caf\xc3\xa9", &[b'a'; MAX_ID + 1]] {
            assert_eq!(seal.seal(unusable), None, "{unusable:?}");
        }
    }

    #[test]
    fn workers_of_a_process_agree_on_a_key_and_none_is_made_of_nothing() {
        let (mut first, mut second) = (SessionKeys::new(None), SessionKeys::new(None));
        let mut board = MemoryLedger::new(1);
        assert_eq!(first.seal(&workload("ada", None), "tools", &mut board).err(), Some(NoKey));
        first.seed([1; 32]);
        second.seed([2; 32]);
        let sealed = seal(&first, &workload("ada", None), "tools", &mut board).seal(b"s").unwrap_or_default();
        let other = seal(&second, &workload("ada", None), "tools", &mut board);
        assert_eq!(other.open(sealed.as_bytes()).as_deref(), Some("s"));
    }

    /// A board that does not answer.
    struct Broken;

    impl Board for Broken {
        fn read(&mut self, _name: &str) -> Result<Option<Posted>, LedgerError> {
            Err(LedgerError::Unavailable)
        }

        fn post(&mut self, _name: &str, _document: &[u8], _version: Option<u32>) -> Result<Posting, LedgerError> {
            Err(LedgerError::Unavailable)
        }
    }

    #[test]
    fn without_the_board_there_is_no_key() {
        let mut keys = SessionKeys::new(None);
        keys.seed([1; 32]);
        assert_eq!(keys.seal(&workload("ada", None), "tools", &mut Broken).err(), Some(NoKey));
    }
}
