//! A program of `host-tests/parts` that takes JSON commands and gives JSON answers, a line each.

use std::io::{BufRead as _, BufReader, Lines, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, Result};
use serde_json::Value;

use crate::envoy::root;

/// A running program; gone with this value.
#[derive(Debug)]
pub struct Part {
    process: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Part {
    /// Starts `program` with Node.
    pub fn node(program: &str) -> Result<Self> {
        Self::start(Command::new("node").arg(root().join("host-tests/parts").join(program)))
            .with_context(|| format!("starting {program}; `scripts/setup node` installs what it needs"))
    }

    /// Starts `command`, which speaks lines.
    pub fn start(command: &mut Command) -> Result<Self> {
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn()?;
        let input = process.stdin.take().context("no standard input")?;
        let output = BufReader::new(process.stdout.take().context("no standard output")?).lines();
        Ok(Self { process, input, output })
    }

    /// The answer to `command`.
    pub fn ask(&mut self, command: &Value) -> Result<Value> {
        writeln!(self.input, "{command}")?;
        self.input.flush()?;
        let line = self.output.next().with_context(|| format!("it ended over {command}"))??;
        serde_json::from_str(&line).with_context(|| format!("{command}: {line}"))
    }

    /// The text `name` of the answer to `command`.
    pub fn text(&mut self, command: &Value, name: &str) -> Result<String> {
        let answer = self.ask(command)?;
        let text = answer.get(name).and_then(Value::as_str);
        Ok(text.with_context(|| format!("no `{name}` in {answer}"))?.to_owned())
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
