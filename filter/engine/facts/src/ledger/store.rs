//! What a ledger is kept in: a key-value store with compare-and-set, as gateways have one for all their workers.
//!
//! It need not list, expire or delete. It must not lose what was written.

/// A key-value store with compare-and-set, shared by concurrent writers.
pub trait Store {
    /// The value of `key`, if there is one.
    fn fetch(&self, key: &str) -> Result<Option<Versioned>, StoreError>;

    /// Writes `key` if its number is still `cas`; with [`CREATE`](Self::CREATE) if it is not there.
    fn write(&mut self, key: &str, value: &[u8], cas: u32) -> Result<(), StoreError>;

    /// Fresh random bytes that nobody can guess, where there are any.
    fn random(&self) -> Option<[u8; 32]>;

    /// A number that no value has. 0 would overwrite (ARCHITECTURE H8).
    const CREATE: u32 = u32::MAX;
}

/// A value with the number that changes whenever it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned {
    pub value: Vec<u8>,
    pub cas: u32,
}

/// Why a store did not do what it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreError {
    /// Somebody else wrote the key.
    Changed,
    /// Anything else.
    Failed,
}
