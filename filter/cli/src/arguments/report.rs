//! `countersign report`, as it is written.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Reports about configurations.
#[derive(Clone, Debug, Args)]
pub struct Report {
    #[command(subcommand)]
    pub about: About,
}

/// About what.
#[derive(Clone, Debug, Subcommand)]
pub enum About {
    Frameworks(Frameworks),
}

/// Says which risks of public frameworks a configuration answers, by which check or policy, and which it does not.
///
/// Frameworks are those of policies/frameworks.yaml: OWASP Top 10 for Agentic Applications (ASI), OWASP Agentic AI threats (T), CSA
/// MAESTRO, NIST AI RMF and the OWASP Non-Human Identities Top 10 (NHI). A policy answers what its `@maps` names; a built-in check
/// counts where the configuration can lead to it. What is in audit is only watched. That something answers a risk does not say that
/// nothing is left of it.
#[derive(Clone, Debug, Args)]
#[command(after_help = FRAMEWORKS)]
pub struct Frameworks {
    /// The plugin configuration.
    #[arg(value_name = "CONFIG")]
    pub config: PathBuf,
}

const FRAMEWORKS: &str = "\
Examples:
  countersign report frameworks envoy/demo.yaml
  countersign report frameworks --json production.yaml

Exit codes: 0 there is a report; 1 the configuration is not valid; 2 it cannot be read.";
