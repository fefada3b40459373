//! Risks of public frameworks: their identifiers, which policies may name (`@maps`), and which of them records answer. What the
//! built-in checks answer is in the table of reasons ([`Row::maps`](countersign_facts::reason::Row::maps)).
//!
//! For people, records and reports: nothing is decided with it. Titles and sources are in `policies/frameworks.yaml`, and a test of
//! the command line holds its identifiers and these together.

use std::borrow::Cow;

use countersign_facts::reason::Reason;
use countersign_rights::hygiene::Finding;

/// Every identifier there is, in the order of `policies/frameworks.yaml`.
pub const IDENTIFIERS: [&str; 63] = [
    "ASI01",
    "ASI02",
    "ASI03",
    "ASI04",
    "ASI05",
    "ASI06",
    "ASI07",
    "ASI08",
    "ASI09",
    "ASI10",
    "T1",
    "T2",
    "T3",
    "T4",
    "T5",
    "T6",
    "T7",
    "T8",
    "T9",
    "T10",
    "T11",
    "T12",
    "T13",
    "T14",
    "T15",
    "T16",
    "T17",
    "MAESTRO-L1",
    "MAESTRO-L2",
    "MAESTRO-L3",
    "MAESTRO-L4",
    "MAESTRO-L5",
    "MAESTRO-L6",
    "MAESTRO-L7",
    "GOVERN-1.7",
    "GOVERN-3.2",
    "GOVERN-4.3",
    "GOVERN-6.1",
    "MAP-3.3",
    "MAP-3.5",
    "MAP-4.2",
    "MEASURE-2.4",
    "MEASURE-2.6",
    "MEASURE-2.7",
    "MEASURE-2.8",
    "MEASURE-2.10",
    "MEASURE-3.1",
    "MANAGE-1.3",
    "MANAGE-2.3",
    "MANAGE-2.4",
    "MANAGE-3.1",
    "MANAGE-4.1",
    "MANAGE-4.3",
    "NHI1",
    "NHI2",
    "NHI3",
    "NHI4",
    "NHI5",
    "NHI6",
    "NHI7",
    "NHI8",
    "NHI9",
    "NHI10",
];

/// What one record for each decision, with its reason and whoever is behind it, answers by itself.
pub const OF_RECORDS: &[&str] = &["T8", "MAESTRO-L5", "GOVERN-4.3", "MEASURE-2.4", "MEASURE-2.8", "MANAGE-4.1"];

/// The identifier that is spelt `word`.
pub fn identifier(word: &str) -> Option<&'static str> {
    IDENTIFIERS.into_iter().find(|identifier| *identifier == word)
}

/// What it helps against that `finding` is on the record.
pub const fn of_finding(finding: Finding) -> &'static [&'static str] {
    match finding {
        Finding::LongLived | Finding::OldKey => &["MEASURE-3.1", "NHI7"],
        Finding::NoId => &["T8", "MEASURE-3.1", "NHI1"],
        Finding::WildcardGrant | Finding::DeadGrant => &["ASI03", "MEASURE-3.1", "NHI5"],
        Finding::SharedAccount => &["T8", "MEASURE-3.1", "NHI9", "NHI10"],
        Finding::AudienceByClient => &["ASI03", "MEASURE-3.1", "NHI9"],
        Finding::SecretInQuery => &["MEASURE-2.10", "MEASURE-3.1", "NHI2"],
    }
}

/// What is said on the record of a decision with `reason`: what its check answers and what its `policies` say they do, each once.
pub fn on_record<'p>(reason: Reason, policies: impl Iterator<Item = &'p [&'static str]>) -> Vec<Cow<'static, str>> {
    let mut maps: Vec<_> = reason.row().maps.iter().copied().map(Cow::Borrowed).collect();
    for identifier in policies.flatten().copied().map(Cow::Borrowed) {
        if !maps.contains(&identifier) {
            maps.push(identifier);
        }
    }
    maps
}

#[cfg(test)]
mod tests {
    use super::*;
    use countersign_facts::reason::LineKind;

    #[test]
    fn checks_name_what_there_is_and_every_denial_answers_something() {
        let named = Reason::ALL.iter().map(|reason| reason.row().maps);
        let named = named.chain(Finding::ALL.map(of_finding)).chain([OF_RECORDS]);
        for identifier in named.flatten() {
            assert_eq!(super::identifier(identifier), Some(*identifier));
        }
        for reason in Reason::ALL {
            let silent =
                matches!(reason.row().kind, LineKind::Allow | LineKind::Served) || *reason == Reason::ClientGone;
            assert_eq!(reason.row().maps.is_empty(), silent, "{reason:?}");
        }
    }

    #[test]
    fn a_record_names_each_once() {
        let policies: [&[&str]; 2] = [&["T2", "NHI5"], &["NHI5"]];
        assert_eq!(on_record(Reason::ArgumentsUnfit, policies.into_iter()), ["ASI02", "T2", "MAESTRO-L6", "NHI5"]);
        assert!(on_record(Reason::Allowed, [].into_iter()).is_empty());
    }
}
