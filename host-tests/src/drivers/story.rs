//! Runs scenarios step by step on any driver, and reports every one that fails.

use std::fmt;
use std::sync::Arc;

use anyhow::{Context, bail, ensure};
use parking_lot::Mutex;

use super::{Approve, Deployed, Deployment, Driver, Exchange, Observed};
use crate::scenario::Library;
use crate::scenario::approver::{Asked, Reaction};
use crate::scenario::expect::{Expected, check};
use crate::scenario::format::{KeyServer, Scenario, Step};
use crate::scenario::request::{Earlier, Request};
use crate::scenario::text::duration;
use crate::scenario::upstream::Response;

/// How a run went.
#[derive(Debug, Default)]
pub struct Report {
    pub passed: usize,
    /// File, name and what was wrong.
    pub failed: Vec<(String, String, String)>,
}

/// Runs every scenario of `library` that `driver` can run.
pub fn run_all(driver: &mut dyn Driver, library: &Library) -> Report {
    let mut report = Report::default();
    for (file, scenario) in &library.scenarios {
        if !scenario.drivers.contains(&driver.kind()) {
            continue;
        }
        match run(driver, library, scenario) {
            Ok(()) => report.passed += 1,
            Err(error) => report.failed.push((file.clone(), scenario.name.clone(), format!("{error:#}"))),
        }
    }
    report
}

impl fmt::Display for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (file, name, error) in &self.failed {
            writeln!(formatter, "FAILED {file}: {name}\n    {}", error.replace('\n', "\n    "))?;
        }
        write!(formatter, "{} passed, {} failed", self.passed, self.failed.len())
    }
}

/// Runs one scenario.
///
/// # Errors
/// What was expected and is not so, with the step; or the driver cannot run it.
pub fn run(driver: &mut dyn Driver, library: &Library, scenario: &Scenario) -> anyhow::Result<()> {
    let configuration = library.configuration(scenario)?;
    let moves = |step: &Step| {
        step.advance.is_some() || step.set_back.is_some() || step.keys.is_some() || step.meanwhile.is_some()
    };
    let deployment = Deployment {
        configuration: &configuration,
        keys: &scenario.keys,
        gateway: &scenario.gateway,
        isolated: scenario.isolated || scenario.keys != KeyServer::default() || scenario.steps.iter().any(moves),
    };
    let deployed = driver.deploy(&deployment)?;
    if let Some(expected) = &scenario.refused {
        return refused(expected, &deployed);
    }
    ensure!(deployed == Deployed::Running, "the configuration is refused: {deployed:?}");
    let mut told = Told::default();
    for (index, step) in scenario.steps.iter().enumerate() {
        run_step(driver, library, step, &mut told).with_context(|| format!("step {}", index + 1))?;
    }
    Ok(())
}

/// Every line must be there and nothing besides. A line that ends in `…` needs only begin so.
fn refused(expected: &[String], deployed: &Deployed) -> anyhow::Result<()> {
    let Deployed::Refused(lines) = deployed else { bail!("the configuration is accepted") };
    let matches = |expected: &String, line: &String| match expected.strip_suffix('…') {
        Some(start) => line.starts_with(start),
        None => line == expected,
    };
    let same =
        expected.len() == lines.len() && expected.iter().zip(lines).all(|(expected, line)| matches(expected, line));
    ensure!(same, "expected it to be refused with\n{}\ngot\n{}", expected.join("\n"), lines.join("\n"));
    Ok(())
}

/// What earlier steps said: later ones can repeat it.
#[derive(Default)]
struct Told {
    earlier: Earlier,
    approvals: Vec<Option<Reaction>>,
}

fn run_step(driver: &mut dyn Driver, library: &Library, step: &Step, told: &mut Told) -> anyhow::Result<()> {
    let mut approval = None;
    let (mut credential, mut proof) = (String::new(), None);
    let (mut session, mut nonce) = (String::new(), String::new());
    if let Some(by) = &step.advance {
        driver.advance(duration(by)?)?;
    } else if let Some(by) = &step.set_back {
        driver.set_back(duration(by)?)?;
    } else if let Some(keys) = &step.keys {
        driver.serve_keys(keys)?;
    } else if let (Some(send), Some(expect)) = (&step.send, &step.expect) {
        let request = Request::of(send, driver.now_secs(), &told.earlier)?;
        let upstream = step.upstream.clone().unwrap_or_default();
        let response = Response::of(&upstream)?;
        let reaction = Arc::new(Mutex::new(None));
        let approve = approve(step, told.approvals.clone(), &reaction);
        let exchange = Exchange {
            request: &request,
            approve,
            upstream: (!upstream.resets).then_some(&response),
            faults: &step.faults,
            meanwhile: step.meanwhile.as_ref(),
        };
        let observed = driver.exchange(&exchange)?;
        approval = reaction.lock().take().transpose()?;
        check(&Expected { request: &request, expect, answers: &library.answers }, &observed)?;
        (credential, proof) = (request.credential, request.proof);
        session = told_in(&observed, "mcp-session-id");
        nonce = told_in(&observed, "dpop-nonce");
    }
    told.earlier.sessions.push(session);
    told.earlier.nonces.push(nonce);
    told.earlier.credentials.push(credential);
    told.earlier.proofs.push(proof.unwrap_or_default());
    told.approvals.push(approval);
    Ok(())
}

/// What the client got in `field`, if it got that.
fn told_in(observed: &Observed, field: &str) -> String {
    let headers = observed.answer.iter().flat_map(|answer| &answer.headers);
    let mut found = headers.filter(|(name, _)| name == field);
    found.next().map(|(_, value)| String::from_utf8_lossy(value).into_owned()).unwrap_or_default()
}

/// The approver of one step, and the issuer of its opaque token; what they said, or could not say, ends up in `said`.
fn approve(
    step: &Step,
    earlier: Vec<Option<Reaction>>,
    said: &Arc<Mutex<Option<anyhow::Result<Reaction>>>>,
) -> Approve {
    let (approver, issuer) = (step.approver.clone(), step.introspection.clone());
    let answers = Mutex::new(step.decision_point.clone().into_iter());
    let said = Arc::clone(said);
    Arc::new(move |asked: &Asked, now_secs: u64| {
        let reaction = match (asked.cluster.as_str(), &approver, &issuer) {
            ("introspection", _, Some(issuer)) => issuer.react(asked, now_secs),
            ("introspection", _, None) => {
                Err(anyhow::anyhow!("the issuer was asked, and the step does not say what it answers"))
            }
            ("pdp", _, _) => match answers.lock().next() {
                Some(answer) => answer.react(asked, now_secs),
                None => Err(anyhow::anyhow!("the decision point was asked, and the step does not say what it answers")),
            },
            (_, Some(approver), _) => approver.react(asked, now_secs, &earlier),
            (_, None, _) => Err(anyhow::anyhow!("the approver was asked, and the step does not say what it answers")),
        };
        let told = reaction.as_ref().map_or(Reaction::Reset, Clone::clone);
        // Later steps can repeat what an approver said.
        if asked.cluster != "pdp" || reaction.is_err() {
            *said.lock() = Some(reaction);
        }
        told
    })
}
