//! Secrets that count as present. None is ever read: what is noted is which ones a configuration names.

use std::cell::RefCell;
use std::collections::BTreeSet;

use countersign_engine::config::Secrets;

/// Fits every use of a secret: a Standard Webhooks secret of 32 bytes that nobody keeps.
const STAND_IN: &str = "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

/// Every secret there could be, and the names of those that were asked for.
#[derive(Debug, Default)]
pub struct Present(RefCell<BTreeSet<String>>);

impl Present {
    /// What was asked for.
    pub fn names(&self) -> Vec<String> {
        self.0.borrow().iter().cloned().collect()
    }
}

impl Secrets for Present {
    fn secret(&self, name: &str) -> Option<String> {
        self.0.borrow_mut().insert(name.to_owned());
        Some(STAND_IN.to_owned())
    }
}
