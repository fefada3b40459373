//! Fuzz target: MCP messages of every revision, spoilt.
//!
//! `cargo test` runs a bounded number of inputs; `cargo bolero test action::mcp::tests::fuzz::message` (on nightly) goes on for
//! as long as wanted, guided by coverage. Nothing may panic, and whatever is accepted must read the same elsewhere.

use std::sync::LazyLock;
use std::time::Duration;

use bolero::{TypeGenerator, check};

use super::differential::{assert_alike, fields};
use super::*;

/// Inputs in one run.
const INPUTS: usize = 20_000;

/// A run ends with its inputs; this is for machines that are very slow.
const LONGEST: Duration = Duration::from_mins(1);

/// Pieces that mean something.
const PIECES: [&str; 20] = [
    "\"method\":\"tools/call\",",
    "\"Method\":\"tools/call\",",
    "\"m\\u0065thod\":\"tools/list\",",
    "\"name\":\"other\",",
    "\"NAME\":\"other\",",
    "\"_meta\":{\"io.modelcontextprotocol/protocolVersion\":\"2025-11-25\"},",
    "\"requestState\":\"x\",",
    "\"inputResponses\":{},",
    "\"id\":null,",
    "\"id\":1.5,",
    "\"uri\":\"x://../a\",",
    "\"result\":{},",
    "9007199254740993",
    "1e999",
    "\\ud800",
    "\u{301}",
    "[",
    "]",
    "{",
    "}",
];

#[derive(Clone, Debug, TypeGenerator)]
enum Spoil {
    Flip { at: u16, bit: u8 },
    Splice { at: u16, piece: u8 },
    Delete { at: u16, length: u8 },
    Repeat { at: u16, length: u8 },
}

#[derive(Clone, Debug, TypeGenerator)]
struct Spoilt {
    seed: u16,
    spoils: Vec<Spoil>,
}

impl Spoil {
    fn apply(&self, bytes: &mut Vec<u8>) {
        let place = |at: u16, bytes: &[u8]| usize::from(at) % (bytes.len() + 1);
        match *self {
            Self::Flip { at, bit } => {
                let at = place(at, bytes);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= 1 << (bit % 8);
                }
            }
            Self::Splice { at, piece } => {
                // Where a member may begin, so that the rest stays JSON.
                let start = place(at, bytes);
                let begins = bytes.iter().enumerate().skip(start).find(|(_, byte)| [b'{', b','].contains(byte));
                let at = begins.map_or(start, |(at, _)| at + 1);
                bytes.splice(at..at, PIECES[usize::from(piece) % PIECES.len()].bytes());
            }
            Self::Delete { at, length } => {
                let at = place(at, bytes);
                bytes.drain(at..(at + usize::from(length % 16)).min(bytes.len()));
            }
            Self::Repeat { at, length } => {
                let at = place(at, bytes);
                let again = bytes[at..(at + usize::from(length % 16)).min(bytes.len())].to_vec();
                bytes.splice(at..at, again);
            }
        }
    }
}

/// Messages of every era: its method, and its bytes.
static SEEDS: LazyLock<Vec<(Era, &'static str, Vec<u8>)>> = LazyLock::new(|| {
    let params = json!({
        "name": "n", "uri": "x://a", "taskId": "t", "ref": {"type": "ref/resource", "uri": "x://{a}"},
        "notifications": {"resourceSubscriptions": ["x://a", "x://b"]},
    });
    let mut seeds = Vec::new();
    for era in Era::ALL {
        for (method, _) in METHODS {
            let params = match *method {
                "tools/call" => json!({"name": "n", "arguments": {"amount": 5, "to": ["a"]}}),
                _ => params.clone(),
            };
            seeds.push((era, *method, eras::message(era, method, params).1.to_string().into_bytes()));
        }
    }
    seeds
});

#[test]
fn message() {
    check!().with_type::<Spoilt>().with_test_time(LONGEST).with_iterations(INPUTS).for_each(|spoilt| {
        let Some((era, method, seed)) = SEEDS.get(usize::from(spoilt.seed) % SEEDS.len()) else { return };
        let mut body = seed.clone();
        for spoil in spoilt.spoils.iter().take(4) {
            spoil.apply(&mut body);
        }
        let headers = fields(*era, method, &body);
        if let Ok(action) = read(&resource(), &target("POST"), &headers, Some(&body)) {
            assert_alike(&action, &body);
        }
    });
}

#[test]
fn most_seeds_are_accepted() {
    let accepted = SEEDS.iter().filter(|(era, method, body)| {
        read(&resource(), &target("POST"), &fields(*era, method, body), Some(body)).is_ok()
    });
    assert!(accepted.count() * 3 > SEEDS.len());
}
