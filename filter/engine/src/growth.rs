//! Every reader of what an agent, a server or an issuer wrote is linear in its length, or bounded and refuses
//! (invariant 14).
//!
//! [`READERS`] and [`ASKED`] have a row for each. Of a row's parts a thousand nasty texts are made: a beginning, some parts again and again, an
//! end. The one that takes longest is read again by itself under callgrind, at a length and at eight times that: the second may
//! execute at most ten times the instructions of the first.

mod asked;
mod readers;

use std::process::Command;
use std::time::{Duration, Instant};

use asked::ASKED;
use readers::{READERS, Reader};

type Failure = Box<dyn std::error::Error>;

/// Texts of one reader.
const TEXTS: u64 = 1000;
/// The longer of two texts, in lengths of the shorter.
const LONGER: usize = 8;
/// The most that it may cost, in costs of the shorter.
const MOST: f64 = 10.0;
/// What a process of its own is to read: the reader, the text's number, its length.
const TASK: &str = "COUNTERSIGN_GROWTH";

fn every() -> impl Iterator<Item = &'static Reader> {
    READERS.iter().chain(ASKED)
}

#[test]
#[ignore = "takes minutes, and valgrind: scripts/check --full"]
fn every_reader_is_linear_or_refuses() -> Result<(), Failure> {
    let mut grown = Vec::new();
    for reader in every() {
        let worst = worst(reader).ok_or("no texts")?;
        let (short, long) =
            (instructions(reader, worst, reader.length)?, instructions(reader, worst, reader.length * LONGER)?);
        #[expect(clippy::cast_precision_loss, reason = "a ratio of counts far below 2⁵²")]
        let ratio = long as f64 / short as f64;
        let line = format!("{:<28} {short:>12} {long:>12} {ratio:>6.2}  {}", reader.name, reader.shown(worst));
        println!("{line}");
        if ratio > MOST {
            grown.push(line);
        }
    }
    assert!(
        grown.is_empty(),
        "more than {MOST} times the instructions for {LONGER} times the text:\n{}",
        grown.join("\n")
    );
    Ok(())
}

/// What a process of its own reads.
#[test]
#[ignore = "only as a part of the other"]
#[expect(clippy::disallowed_methods, reason = "the harness takes no arguments but names")]
fn read_alone() -> Result<(), Failure> {
    let Ok(task) = std::env::var(TASK) else { return Ok(()) };
    let mut words = task.splitn(3, ' ');
    let (number, length) = (words.next().ok_or("no text")?.parse()?, words.next().ok_or("no length")?.parse()?);
    let name = words.next().ok_or("no reader")?;
    let reader = every().find(|reader| reader.name == name).ok_or("no such reader")?;
    // What is made once is not counted.
    reader.read(&reader.text(number, 16));
    measured(reader, &reader.text(number, length));
    Ok(())
}

/// Where callgrind counts.
#[inline(never)]
fn measured(reader: &Reader, text: &str) {
    reader.read(text);
}

/// Instructions of reading one text.
fn instructions(reader: &Reader, number: u64, length: usize) -> Result<u64, Failure> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*growth::measured*"])
        .arg(std::env::current_exe()?)
        .args(["--exact", "growth::read_alone", "--ignored", "--test-threads=1"])
        .env(TASK, format!("{number} {length} {}", reader.name))
        .output()?;
    let report = String::from_utf8_lossy(&output.stderr);
    let count = report.lines().find_map(|line| line.split_once("Collected :")).map(|(_, count)| count.trim().parse());
    count.ok_or_else(|| format!("{}: callgrind says nothing: {report}", reader.name))?.map_err(Into::into)
}

/// The text that takes longest. A text that is slow once may be unlucky: the slowest are read again.
fn worst(reader: &Reader) -> Option<u64> {
    let mut times: Vec<(Duration, u64)> = (0..TEXTS).map(|number| (time(reader, number), number)).collect();
    times.sort_unstable_by(|a, b| b.cmp(a));
    let again = |number| (0..3).map(|_| time(reader, number)).min();
    times.into_iter().take(10).map(|(_, number)| (again(number), number)).max().map(|(_, number)| number)
}

#[expect(clippy::disallowed_methods, reason = "a test may look at the clock")]
fn time(reader: &Reader, number: u64) -> Duration {
    let text = reader.text(number, reader.length * LONGER);
    let begun = Instant::now();
    reader.read(&text);
    begun.elapsed()
}
