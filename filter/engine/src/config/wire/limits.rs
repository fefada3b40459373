//! Bounds; whatever is beyond one is denied.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::ledger::Capacity;
use countersign_trust::introspection::Budget;

use crate::config::Limits;
use crate::config::read::{Node, Object};
use crate::shares::{Bounds, Each};
use crate::step_up::OpenBounds;

const BODY: RangeInclusive<usize> = 1024..=10 * MIB;
const BODY_WAIT: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_mins(5);
const TOKEN: RangeInclusive<usize> = 256..=64 * 1024;
const CACHED_TOKENS: RangeInclusive<u64> = 1..=65_536;
/// In fewer, a bucket holds next to nothing; of more, one request would copy too much.
const LEDGER: RangeInclusive<usize> = 8 * MIB..=128 * MIB;
/// A gateway's virtual machine has 1 GiB.
const HELD_BYTES: RangeInclusive<usize> = 16 * 1024..=512 * MIB;
const HELD_STREAMS: RangeInclusive<u64> = 1..=65_536;
const CALLS: RangeInclusive<u64> = 1..=16_384;

const OPEN_APPROVALS: RangeInclusive<u64> = 1..=4096;
/// A workload's share was so many entries once.
const LEDGER_SHARE: &str = "shares follow from what all workloads hold; remove this, and write the size of the ledger in \
                            `ledger` if the default of 64MiB does not fit";

/// In a minute.
const REFUSED_TOKENS: RangeInclusive<u64> = 1..=60_000;

const MIB: usize = 1024 * 1024;

/// With room in a virtual machine of 1 GiB, also while an old configuration drains beside the new one.
pub(super) fn default() -> Limits {
    Limits {
        body_bytes: 256 * 1024,
        body_wait: Duration::from_secs(30),
        token_bytes: 16 * 1024,
        cached_tokens: 1024,
        ledger: Capacity::of_bytes(64 * MIB),
        shares: Each {
            held_bytes: Bounds { worker: 256 * MIB, workload: 32 * MIB },
            held_streams: Bounds { worker: 8192, workload: 1024 },
            calls: Bounds { worker: 512, workload: 64 },
            response_bytes: Bounds { worker: 128 * MIB, workload: 16 * MIB },
        },
        open_approvals: OpenBounds { process: 256, workload: 16, task: 4 },
        refused_tokens: Budget { worker: 6000, address: 60 },
    }
}

pub(super) fn limits(node: &Node<'_>) -> Option<Limits> {
    let Limits { body_bytes, body_wait, token_bytes, cached_tokens, ledger, shares, open_approvals, refused_tokens } =
        default();
    node.object(|object| {
        let body_bytes = object.or("body", body_bytes, |node| node.size(&BODY));
        let body_wait = object.or("body_wait", body_wait, |node| node.duration(&BODY_WAIT));
        let token_bytes = object.or("token", token_bytes, |node| node.size(&TOKEN));
        let cached_tokens = object.or("cached_tokens", cached_tokens, |node| entries(node, &CACHED_TOKENS));
        let ledger = object.or("ledger", ledger, |node| node.size(&LEDGER).map(Capacity::of_bytes));
        let retired = object.retired("ledger_share", LEDGER_SHARE);
        let shares = self::shares(object, shares);
        let open_approvals =
            object.or("open_approvals", open_approvals, |node| self::open_approvals(node, open_approvals));
        let refused_tokens =
            object.or("refused_tokens", refused_tokens, |node| self::refused_tokens(node, refused_tokens));
        let (body_bytes, shares) = (body_bytes?, shares?);
        retired?;
        if shares.held_bytes.workload < body_bytes {
            return object.node().refuse_below("held_bytes", "no body of `limits.body` fits; raise this or lower that");
        }
        Some(Limits {
            body_bytes,
            body_wait: body_wait?,
            token_bytes: token_bytes?,
            cached_tokens: cached_tokens?,
            ledger: ledger?,
            shares,
            open_approvals: open_approvals?,
            refused_tokens: refused_tokens?,
        })
    })
}

fn shares(object: &mut Object<'_>, default: Each<Bounds>) -> Option<Each<Bounds>> {
    let Each { held_bytes, held_streams, calls, response_bytes } = default;
    let held_bytes = object.or("held_bytes", held_bytes, |node| bound(node, held_bytes, |node| node.size(&HELD_BYTES)));
    let held_streams =
        object.or("held_streams", held_streams, |node| bound(node, held_streams, |node| entries(node, &HELD_STREAMS)));
    let calls = object.or("calls", calls, |node| bound(node, calls, |node| entries(node, &CALLS)));
    let response_bytes =
        object.or("response_bytes", response_bytes, |node| bound(node, response_bytes, |node| node.size(&HELD_BYTES)));
    Some(Each { held_bytes: held_bytes?, held_streams: held_streams?, calls: calls?, response_bytes: response_bytes? })
}

/// What there may be in a worker, and what of it one workload may have: by default no more than there is.
fn bound(node: &Node<'_>, default: Bounds, read: impl Fn(&Node<'_>) -> Option<usize>) -> Option<Bounds> {
    node.object(|object| {
        let worker = object.or("worker", default.worker, &read);
        let workload = object.optional("workload", &read);
        let worker = worker?;
        let workload = workload?.unwrap_or(default.workload.min(worker));
        if workload > worker {
            return object.node().refuse_member("workload", "more than `worker`; a share is at most all of it");
        }
        Some(Bounds { worker, workload })
    })
}

/// A share that is not named is by default no more than there is.
fn open_approvals(node: &Node<'_>, default: OpenBounds) -> Option<OpenBounds> {
    node.object(|object| {
        let process = object.or("process", default.process, |node| entries(node, &OPEN_APPROVALS));
        let workload = object.optional("workload", |node| entries(node, &OPEN_APPROVALS));
        let task = object.optional("task", |node| entries(node, &OPEN_APPROVALS));
        let process = process?;
        let workload = workload?.unwrap_or(default.workload.min(process));
        let task = task?.unwrap_or(default.task.min(workload));
        match (workload > process, task > workload) {
            (true, _) => object.node().refuse_member("workload", "more than `process`; a share is at most all of it"),
            (_, true) => object.node().refuse_member("task", "more than `workload`; a share is at most all of it"),
            (false, false) => Some(OpenBounds { process, workload, task }),
        }
    })
}

fn refused_tokens(node: &Node<'_>, default: Budget) -> Option<Budget> {
    let budget = |node: &Node<'_>| u32::try_from(node.count(&REFUSED_TOKENS)?).ok();
    node.object(|object| {
        let worker = object.or("worker", default.worker, budget);
        let address = object.or("address", default.address, budget);
        Some(Budget { worker: worker?, address: address? })
    })
}

/// A number of entries in a table.
fn entries(node: &Node<'_>, bounds: &RangeInclusive<u64>) -> Option<usize> {
    usize::try_from(node.count(bounds)?).ok()
}
