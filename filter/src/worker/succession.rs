//! Who decides for whom: a gateway that takes a new configuration of a plugin keeps the root context of the one before, which
//! goes on serving the connections that are open. Whatever such an older one has yet to decide, the newest decides.
//!
//! The plugins of a VM are told apart by root id and name (Envoy: `PluginConfig.name`, unique among those that share a VM and a
//! root id). One without a name has no successor.
//!
//! Never hands a stream over: only the engine that decides is the newest's.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::{Rc, Weak};

use super::Worker;
use crate::host::PluginName;

/// The root contexts of one plugin in this VM, in the order in which they were configured.
#[derive(Default)]
pub(crate) struct Line(RefCell<Vec<Weak<Worker>>>);

thread_local! {
    /// There is one thread in a VM.
    static LINES: RefCell<BTreeMap<PluginName, Rc<Line>>> = const { RefCell::new(BTreeMap::new()) };
}

/// `worker`, which has just been configured, is the newest of the plugin `name` from now on. Also says whether there are older
/// ones.
pub(crate) fn join(name: PluginName, worker: &Rc<Worker>) -> (Rc<Line>, bool) {
    let line = LINES.with_borrow_mut(|lines| {
        // Of plugins that are gone nothing is left.
        lines.retain(|known, line| *known == name || line.newest().is_some());
        Rc::clone(lines.entry(name).or_default())
    });
    let older = line.push(worker);
    (line, older)
}

impl Line {
    /// The one that was configured last, of those that the gateway still has.
    pub(crate) fn newest(&self) -> Option<Rc<Worker>> {
        self.0.borrow().iter().rev().find_map(Weak::upgrade)
    }

    fn push(&self, worker: &Rc<Worker>) -> bool {
        let mut workers = self.0.borrow_mut();
        workers.retain(|known| known.upgrade().is_some_and(|known| !Rc::ptr_eq(&known, worker)));
        let older = !workers.is_empty();
        workers.push(Rc::downgrade(worker));
        older
    }
}
