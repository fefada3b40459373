//! How far a stream got, and what the gateway is to do with it next. Decides nothing.

/// How far a stream got. It only moves down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// Held.
    Deciding,
    /// On its way upstream.
    Forwarded,
    /// Answered or reset: nothing but its end will come.
    Answered,
    /// Its end came.
    Closed,
}

/// What became of a stream by one input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Turn {
    /// It stays held.
    Hold,
    /// It was let go by this input.
    Release,
    /// It had been let go before, and runs on.
    Run,
    /// It was answered or reset, now or before.
    Stop,
}

impl Phase {
    /// What follows when nothing changes.
    pub(crate) fn turn(self) -> Turn {
        match self {
            Self::Deciding => Turn::Hold,
            Self::Forwarded => Turn::Run,
            Self::Answered | Self::Closed => Turn::Stop,
        }
    }
}

impl Turn {
    /// Whether the gateway may go on with what it just brought.
    pub(crate) fn goes_on(self) -> bool {
        match self {
            Self::Release | Self::Run => true,
            Self::Hold | Self::Stop => false,
        }
    }
}
