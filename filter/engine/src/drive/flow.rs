//! How far a stream got, and what its host is to do with it next. Decides nothing.

/// How far a stream got. It only moves down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Held.
    Deciding,
    /// On its way upstream.
    Forwarded,
    /// Answered or reset: only its end is still to come.
    Answered,
    /// Its end came.
    Closed,
}

/// What became of a stream by one event.
#[must_use]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It stays held.
    Hold,
    /// This event let it go: a host that is not in a callback of the stream has to resume it.
    Release,
    /// It was let go before, and runs on.
    Run,
    /// It was answered or reset, now or before.
    Stop,
}

impl Phase {
    /// What follows when nothing changes.
    pub(super) fn flow(self) -> Flow {
        match self {
            Self::Deciding => Flow::Hold,
            Self::Forwarded => Flow::Run,
            Self::Answered | Self::Closed => Flow::Stop,
        }
    }
}

impl Flow {
    /// Whether the gateway may go on with what it just brought.
    pub fn goes_on(self) -> bool {
        match self {
            Self::Release | Self::Run => true,
            Self::Hold | Self::Stop => false,
        }
    }
}
