//! Bounds; whatever is beyond one is denied.

use std::ops::RangeInclusive;
use std::time::Duration;

use countersign_facts::ledger::Capacity;
use countersign_trust::introspection::Budget;

use crate::config::Limits;
use crate::config::key::{Count, Defaulted, Notation, Optional, Own, Size, Span};
use crate::config::key::{count, defaulted, duration, keys, optional, size};
use crate::config::read::{Node, Object};
use crate::shares::{Bounds, Each};
use crate::step_up::OpenBounds;

keys! {
    /// Bounds; whatever is beyond one is denied.
    pub(super) struct LimitKeys;

    /// A held request body; JSON of this length is read. {bounds}; keep it below the gateway's own buffer limit
    /// (`per_connection_buffer_limit_bytes`).
    const BODY: Defaulted<Size> = defaulted("body", size(1024..=10 * MIB), 256 * 1024);

    /// How long a body may take to arrive. {bounds}.
    const BODY_WAIT: Defaulted<Span> = defaulted(
        "body_wait", duration(Duration::from_millis(100)..=Duration::from_mins(5)), Duration::from_secs(30)
    );

    /// A credential. {bounds}.
    const TOKEN: Defaulted<Size> = defaulted("token", size(256..=64 * 1024), 16 * 1024);

    /// Verified credentials remembered per worker.
    const CACHED_TOKENS: Defaulted<Count<usize>> = defaulted("cached_tokens", count(1..=65_536), 1024);

    /// Memory of what was spent: approvals, one-shot credentials, DPoP proofs, counted calls, ended A2A tasks; of one
    /// gateway process, all its workers together. 64MiB remember 2 million such things, as long as each matters. One
    /// workload has at most a third of what is free of others: over it 429 `share_used_up`. {bounds}.
    const LEDGER: Defaulted<Size> = defaulted("ledger", size(LEDGER), 64 * MIB);

    const HELD_BYTES: Optional<Own> = optional("held_bytes", Own) => HeldBytes::schema();

    const HELD_STREAMS: Optional<Own> = optional("held_streams", Own) => HeldStreams::schema();

    const CALLS: Optional<Own> = optional("calls", Own) => Calls::schema();

    const RESPONSE_BYTES: Optional<Own> = optional("response_bytes", Own) => ResponseBytes::schema();

    const OPEN_APPROVALS: Optional<Own> = optional("open_approvals", Own) => OpenApprovals::schema();

    const REFUSED_TOKENS: Optional<Own> = optional("refused_tokens", Own) => RefusedTokens::schema();
}

keys! {
    /// Memory of held requests: heads, bodies and what was read of them. Over `worker`: 503 `overloaded`; over
    /// `workload` (issuer, subject, outermost actor): 429 `share_used_up`. Who is not verified yet shares a tenth of
    /// `worker`, one address half of that. At least `body` for one workload.
    struct HeldBytes;

    /// In one worker of the gateway: with N workers N times as much. {bounds}.
    const WORKER: Defaulted<Size> = defaulted("worker", size(HELD), 256 * MIB);

    /// Of one workload in one worker; at most `worker`.
    const WORKLOAD: Defaulted<Size> = defaulted("workload", size(HELD), 32 * MIB);
}

keys! {
    /// Requests that are held for their body, for keys or for an answer; bounded as `held_bytes` are.
    struct HeldStreams;

    /// In one worker of the gateway.
    const WORKER: Defaulted<Count<usize>> = defaulted("worker", count(1..=65_536), 8192);

    /// Of one workload in one worker; at most `worker`.
    const WORKLOAD: Defaulted<Count<usize>> = defaulted("workload", count(1..=65_536), 1024);
}

keys! {
    /// Calls in flight for held requests: to approvers, to decision points, to issuers about tokens; bounded as
    /// `held_bytes` are. Their clusters need circuit breakers (`max_requests`) for as many as all workers may make.
    struct Calls;

    /// In one worker of the gateway.
    const WORKER: Defaulted<Count<usize>> = defaulted("worker", count(1..=16_384), 512);

    /// Of one workload in one worker; at most `worker`.
    const WORKLOAD: Defaulted<Count<usize>> = defaulted("workload", count(1..=16_384), 64);
}

keys! {
    /// Memory of responses that are looked at: what of them is kept until more arrives, such as an element of a list.
    /// Without room a request is refused as for `held_bytes`, and a response that wants more is cut off.
    struct ResponseBytes;

    /// In one worker of the gateway. {bounds}.
    const WORKER: Defaulted<Size> = defaulted("worker", size(HELD), 128 * MIB);

    /// Of one workload in one worker; at most `worker`.
    const WORKLOAD: Defaulted<Size> = defaulted("workload", size(HELD), 16 * MIB);
}

keys! {
    /// Approvals that were asked for and are neither answered nor lapsed, in one gateway process; what an approver
    /// called pending counts for ten minutes. Over `process`: 503 `overloaded`; over the others: 429 `share_used_up`.
    struct OpenApprovals;

    /// In one gateway process.
    const PROCESS: Defaulted<Count<usize>> = defaulted("process", count(1..=4096), 256);

    /// Of one workload; at most `process`.
    const WORKLOAD: Defaulted<Count<usize>> = defaulted("workload", count(1..=4096), 16);

    /// Of one task of it; at most `workload`.
    const TASK: Defaulted<Count<usize>> = defaulted("task", count(1..=4096), 4);
}

keys! {
    /// Opaque tokens in a minute that issuers are asked about and call not good; past them, tokens that were not good
    /// here before are turned away without a question. Behind a load balancer that hides addresses, `address` is for
    /// all of its clients.
    struct RefusedTokens;

    /// By one worker of the gateway. Over it: 503 `overloaded`.
    const WORKER: Defaulted<Count<u32>> = defaulted("worker", count(1..=60_000), 6000);

    /// For one address (IPv6: a network of 64 bits) in one worker. Over it: 429 `share_used_up`.
    const ADDRESS: Defaulted<Count<u32>> = defaulted("address", count(1..=60_000), 60);
}

/// In fewer, a bucket holds next to nothing; of more, one request would copy too much.
const LEDGER: RangeInclusive<usize> = 8 * MIB..=128 * MIB;

/// A gateway's virtual machine has 1 GiB.
const HELD: RangeInclusive<usize> = 16 * 1024..=512 * MIB;

const MIB: usize = 1024 * 1024;

/// A workload's share was so many entries once.
const LEDGER_SHARE: &str = "shares follow from what all workloads hold; remove this, and write the size of the ledger in \
                            `ledger` if the default of 64MiB does not fit";

/// With room in a virtual machine of 1 GiB, also while an old configuration drains beside the new one.
pub(super) fn default() -> Limits {
    Limits {
        body_bytes: LimitKeys::BODY.default,
        body_wait: LimitKeys::BODY_WAIT.default,
        token_bytes: LimitKeys::TOKEN.default,
        cached_tokens: LimitKeys::CACHED_TOKENS.default,
        ledger: Capacity::of_bytes(LimitKeys::LEDGER.default),
        shares: Each {
            held_bytes: unstated(&HeldBytes::WORKER, &HeldBytes::WORKLOAD),
            held_streams: unstated(&HeldStreams::WORKER, &HeldStreams::WORKLOAD),
            calls: unstated(&Calls::WORKER, &Calls::WORKLOAD),
            response_bytes: unstated(&ResponseBytes::WORKER, &ResponseBytes::WORKLOAD),
        },
        open_approvals: OpenBounds {
            process: OpenApprovals::PROCESS.default,
            workload: OpenApprovals::WORKLOAD.default,
            task: OpenApprovals::TASK.default,
        },
        refused_tokens: Budget { worker: RefusedTokens::WORKER.default, address: RefusedTokens::ADDRESS.default },
    }
}

fn unstated<N: Notation<Value = usize>>(worker: &Defaulted<N>, workload: &Defaulted<N>) -> Bounds {
    Bounds { worker: worker.default, workload: workload.default }
}

/// The value of `limits`.
pub(super) fn limits(node: &Node<'_>) -> Option<Limits> {
    node.object(|object| {
        let body_bytes = object.or(&LimitKeys::BODY);
        let body_wait = object.or(&LimitKeys::BODY_WAIT);
        let token_bytes = object.or(&LimitKeys::TOKEN);
        let cached_tokens = object.or(&LimitKeys::CACHED_TOKENS);
        let ledger = object.or(&LimitKeys::LEDGER);
        let retired = object.retired("ledger_share", LEDGER_SHARE);
        let unstated = default();
        let shares = shares(object, unstated.shares);
        let open_approvals = object.or_else(&LimitKeys::OPEN_APPROVALS, unstated.open_approvals, open_approvals);
        let refused_tokens = object.or_else(&LimitKeys::REFUSED_TOKENS, unstated.refused_tokens, refused_tokens);
        let (body_bytes, shares) = (body_bytes?, shares?);
        retired?;
        if shares.held_bytes.workload < body_bytes {
            let why = "no body of `limits.body` fits; raise this or lower that";
            return object.node().refuse_below(LimitKeys::HELD_BYTES.name, why);
        }
        Some(Limits {
            body_bytes,
            body_wait: body_wait?,
            token_bytes: token_bytes?,
            cached_tokens: cached_tokens?,
            ledger: Capacity::of_bytes(ledger?),
            shares,
            open_approvals: open_approvals?,
            refused_tokens: refused_tokens?,
        })
    })
}

fn shares(object: &mut Object<'_>, default: Each<Bounds>) -> Option<Each<Bounds>> {
    let Each { held_bytes, held_streams, calls, response_bytes } = default;
    let held_bytes = object
        .or_else(&LimitKeys::HELD_BYTES, held_bytes, |node| bound(node, &HeldBytes::WORKER, &HeldBytes::WORKLOAD));
    let held_streams = object.or_else(&LimitKeys::HELD_STREAMS, held_streams, |node| {
        bound(node, &HeldStreams::WORKER, &HeldStreams::WORKLOAD)
    });
    let calls = object.or_else(&LimitKeys::CALLS, calls, |node| bound(node, &Calls::WORKER, &Calls::WORKLOAD));
    let response_bytes = object.or_else(&LimitKeys::RESPONSE_BYTES, response_bytes, |node| {
        bound(node, &ResponseBytes::WORKER, &ResponseBytes::WORKLOAD)
    });
    Some(Each { held_bytes: held_bytes?, held_streams: held_streams?, calls: calls?, response_bytes: response_bytes? })
}

/// What there may be in a worker, and what of it one workload may have: by default no more than there is.
fn bound<N>(node: &Node<'_>, worker_key: &Defaulted<N>, workload_key: &Defaulted<N>) -> Option<Bounds>
where
    N: Notation<Value = usize>,
{
    node.object(|object| {
        let worker = object.or(worker_key);
        let workload = object.optional(workload_key);
        let worker = worker?;
        let workload = workload?.unwrap_or(workload_key.default.min(worker));
        if workload > worker {
            return object.node().refuse_member(workload_key.name, "more than `worker`; a share is at most all of it");
        }
        Some(Bounds { worker, workload })
    })
}

/// A share that is not named is by default no more than there is.
fn open_approvals(node: &Node<'_>) -> Option<OpenBounds> {
    const ALL_OF_PROCESS: &str = "more than `process`; a share is at most all of it";
    const ALL_OF_WORKLOAD: &str = "more than `workload`; a share is at most all of it";
    node.object(|object| {
        let process = object.or(&OpenApprovals::PROCESS);
        let workload = object.optional(&OpenApprovals::WORKLOAD);
        let task = object.optional(&OpenApprovals::TASK);
        let process = process?;
        let workload = workload?.unwrap_or(OpenApprovals::WORKLOAD.default.min(process));
        let task = task?.unwrap_or(OpenApprovals::TASK.default.min(workload));
        match (workload > process, task > workload) {
            (true, _) => object.node().refuse_member(OpenApprovals::WORKLOAD.name, ALL_OF_PROCESS),
            (_, true) => object.node().refuse_member(OpenApprovals::TASK.name, ALL_OF_WORKLOAD),
            (false, false) => Some(OpenBounds { process, workload, task }),
        }
    })
}

fn refused_tokens(node: &Node<'_>) -> Option<Budget> {
    node.object(|object| {
        let worker = object.or(&RefusedTokens::WORKER);
        let address = object.or(&RefusedTokens::ADDRESS);
        Some(Budget { worker: worker?, address: address? })
    })
}
