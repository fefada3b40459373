//! What lists of MCP servers showed of their tools, and to whom, for the calls that follow: remembered for a day in this gateway
//! process.
//!
//! What a list showed holds for who saw it: (issuer, subject, outermost actor). The worst of it holds until it was not seen for a
//! day, so nobody un-sees what a server once showed by asking differently. Of who saw nothing, others' lists hold where two saw it
//! since anybody saw the tool otherwise; what one saw is a [`Warning`]. With [`PinScope::All`] everybody's lists hold for all.
//!
//! | documents on the [`Board`] of a resource | which one | what they hold |
//! |---|---|---|
//! | `tools/<resource>/<n>` | by tool | the two who saw each face last, and that it was seen otherwise since |
//! | `tools/<resource>/own/<n>` | by tool and viewer | what each of them saw |
//!
//! A call costs one read where nothing was shown against its tool. Each workload has a share of every document: who fills it gets
//! no more lists, and nobody else is concerned.
//!
//! Decides nothing.

mod document;

mod told;

use countersign_facts::board::{Board, LedgerError};
use countersign_facts::digest;
use countersign_tokens::UnixTime;

use self::document::{Document, Key};
use self::told::{Told, Verdict};
use crate::catalogue::{Annotations, PinScope, Risk};

/// Documents of each kind of one resource.
const SHARES: u8 = 64;

/// How a tool looked in a list: in one of three ways in which it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Face {
    /// It is what it was pinned to.
    AsPinned,
    /// It is not.
    Changed,
    /// What it says about itself raises its risk to this, if to anything.
    Raises(Option<Risk>),
    /// It says that its risk is this, if it says anything, and is believed.
    Claims(Option<Risk>),
}

impl Face {
    /// As stored: the way in the high half, how much it says against the tool in the low half.
    fn code(self) -> u8 {
        match self {
            Self::AsPinned => PIN,
            Self::Changed => PIN | 1,
            Self::Raises(risk) => RAISES | degree(risk),
            Self::Claims(risk) => CLAIMS | degree(risk),
        }
    }

    /// What is stored as `code`.
    fn of(code: u8) -> Option<Self> {
        let risks = Risk::ALL.into_iter().map(Some).chain([None]);
        let faces = risks.flat_map(|risk| [Self::Raises(risk), Self::Claims(risk)]);
        [Self::AsPinned, Self::Changed].into_iter().chain(faces).find(|face| face.code() == code)
    }
}

/// The ways in which a tool is looked at.
const PIN: u8 = 0x10;
const RAISES: u8 = 0x20;
const CLAIMS: u8 = 0x30;

/// How much `risk` says against a tool.
fn degree(risk: Option<Risk>) -> u8 {
    match risk {
        None => 0,
        Some(Risk::Low) => 1,
        Some(Risk::Medium) => 2,
        Some(Risk::High) => 3,
        Some(Risk::Critical) => 4,
    }
}

/// A tool as a list showed it, to be remembered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sight {
    share: u8,
    key: Key,
}

impl Sight {
    /// That `tool` is what `pin` says, or is not. Another pin is another thing: whoever looked at the tool again pins it again.
    pub fn of_pin(tool: &str, pin: &[u8; 32], same: bool) -> Self {
        let face = if same { Face::AsPinned } else { Face::Changed };
        Self { share: share(&of_tool(tool)), key: Key::new(face.code(), &of_pinned(tool, pin)) }
    }

    /// That what `tool` says about itself raises its risk to `risk`, if to anything.
    pub fn raises(tool: &str, risk: Option<Risk>) -> Self {
        let tool = of_tool(tool);
        Self { share: share(&tool), key: Key::new(Face::Raises(risk).code(), &tool) }
    }

    /// That `tool` says that its risk is `risk`, and is believed.
    pub fn claims(tool: &str, risk: Option<Risk>) -> Self {
        let tool = of_tool(tool);
        Self { share: share(&tool), key: Key::new(Face::Claims(risk).code(), &tool) }
    }
}

/// Who saw a list: nobody else has its sights.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Viewer([u8; 8]);

impl Viewer {
    /// Whom these `texts` tell from all others: the subject, and who acts for it now.
    pub fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let [b0, b1, b2, b3, b4, b5, b6, b7, ..] = digest::of_texts(&texts.collect::<Vec<_>>());
        Self([b0, b1, b2, b3, b4, b5, b6, b7])
    }
}

/// Something that a record warns of. Policies do not read it: what others saw must not decide about who did not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Warning {
    /// A list that somebody else got showed the pinned tool changed, and the caller has not listed it since.
    PinMismatchElsewhere,
    /// A list that somebody else got raises the tool's risk, and the caller has not listed it since.
    RiskRaisedElsewhere,
}

impl Warning {
    /// As records spell it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PinMismatchElsewhere => "pin_mismatch_elsewhere",
            Self::RiskRaisedElsewhere => "risk_raised_elsewhere",
        }
    }
}

/// How long something holds against a caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// Until it was not seen for a day.
    ForADay,
    /// Until the caller lists the tool: only others saw it.
    UntilListed,
}

/// What is known of a tool, as it concerns the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Learned {
    /// It is not what it is pinned to.
    pub changed: Option<Holds>,
    /// What raises its risk, if anything does: the highest.
    pub raised: Option<Risk>,
    /// The risk that it says it has, if it was believed: the highest.
    pub believed: Option<Risk>,
    pub warnings: Vec<Warning>,
}

impl Learned {
    /// The risk of a tool that the catalogue rates as `rated`, itself if it is `declared`, else as its resource.
    pub fn risk(&self, annotations: Annotations, declared: bool, rated: Risk) -> Risk {
        let raised = self.raised.map_or(rated, |risk| risk.max(rated));
        match (annotations, declared) {
            (Annotations::Ignore, _) => rated,
            (Annotations::Raise, _) | (Annotations::Trust, true) => raised,
            (Annotations::Trust, false) => self.believed.unwrap_or(raised),
        }
    }

    fn add(&mut self, face: Face, verdict: Verdict) {
        match (face, verdict.holds) {
            (Face::AsPinned, _) => {}
            (Face::Changed, holds) => self.changed = Some(holds),
            // What others saw a tool say of itself can only raise.
            (Face::Raises(risk), _) | (Face::Claims(risk), Holds::UntilListed) => self.raised = self.raised.max(risk),
            (Face::Claims(risk), Holds::ForADay) => self.believed = risk,
        }
        let warning = match face {
            Face::AsPinned | Face::Changed => Warning::PinMismatchElsewhere,
            Face::Raises(_) | Face::Claims(_) => Warning::RiskRaisedElsewhere,
        };
        if verdict.worse_elsewhere && !self.warnings.contains(&warning) {
            self.warnings.push(warning);
        }
    }
}

/// Who is about to call which tool.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    pub resource: &'a str,
    pub scope: PinScope,
    pub viewer: Viewer,
    pub tool: &'a str,
    /// What it is pinned to, if to anything.
    pub pin: Option<&'a [u8; 32]>,
    /// Its risk without lists.
    pub rated: Risk,
}

/// What is known of a tool, as it concerns who calls it.
pub fn recall(board: &mut dyn Board, now: UnixTime, call: &Call<'_>) -> Result<Learned, LedgerError> {
    let tool = of_tool(call.tool);
    let rated = degree(Some(call.rated));
    let pinned = call.pin.map(|pin| (PIN, Key::new(PIN, &of_pinned(call.tool, pin)), 0));
    let said = [RAISES, CLAIMS].map(|way| Some((way, Key::new(way, &tool), rated)));
    let ways = || said.iter().chain([&pinned]).flatten();
    let share = share(&tool);
    let shown = Document::read(board, now, &elsewhere(call.resource, share))?;
    let mut learned = Learned::default();
    if !ways().any(|(_, key, _)| shown.of_same(key).next().is_some()) {
        // Whatever anybody saw against it is here.
        return Ok(learned);
    }
    let own = match call.scope {
        PinScope::Workload => Document::read(board, now, &own(call.resource, share, call.viewer))?,
        PinScope::All => Document::default(),
    };
    for (way, key, floor) in ways() {
        let of_key = |document: &Document| document.of_same(key).copied().collect::<Vec<_>>();
        let verdict = Verdict::of(call, *floor, &of_key(&own), &of_key(&shown));
        learned.add(Face::of(way | verdict.degree).ok_or(LedgerError::Unavailable)?, verdict);
    }
    Ok(learned)
}

/// Remembers what a list of `resource` showed to `viewer`: all that is against a tool, or an error. Documents are written only where
/// that adds something.
pub fn note(
    board: &mut dyn Board,
    now: UnixTime,
    resource: &str,
    viewer: Viewer,
    mut sights: Vec<Sight>,
) -> Result<(), LedgerError> {
    sights.sort_unstable();
    sights.dedup();
    for sights in sights.chunk_by(|one, other| one.share == other.share) {
        let Some(first) = sights.first() else { continue };
        // What others go by comes first: nothing is anybody's own that is not there.
        let told = Document::change(board, now, &elsewhere(resource, first.share), |document| {
            sights.iter().map(|sight| told::tell(document, now, viewer, sight.key)).collect::<Result<Vec<_>, _>>()
        })?;
        let told: Vec<(Key, Told)> =
            sights.iter().zip(told).filter_map(|(sight, told)| Some((sight.key, told?))).collect();
        if !told.is_empty() {
            Document::change(board, now, &own(resource, first.share, viewer), |document| {
                told.iter().try_for_each(|(key, told)| told::keep(document, now, viewer, *key, *told))
            })?;
        }
    }
    Ok(())
}

/// The document by which others go.
fn elsewhere(resource: &str, share: u8) -> String {
    format!("tools/{resource}/{share}")
}

/// The document that holds what `viewer` saw.
fn own(resource: &str, share: u8, viewer: Viewer) -> String {
    let Viewer([first, ..]) = viewer;
    format!("tools/{resource}/own/{}", share ^ (first % SHARES))
}

fn of_tool(tool: &str) -> [u8; 32] {
    digest::of_texts(&[tool])
}

fn of_pinned(tool: &str, pin: &[u8; 32]) -> [u8; 32] {
    digest::of_texts(&[tool, &digest::text(pin)])
}

fn share(of_tool: &[u8; 32]) -> u8 {
    let [first, ..] = of_tool;
    first % SHARES
}

#[cfg(test)]
mod tests;
