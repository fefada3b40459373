//! The packages of the workspace, as cargo understands their manifests.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use countersign_host_tests::envoy::root;
use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    pub(crate) name: String,
    manifest_path: PathBuf,
    pub(crate) dependencies: Vec<Dependency>,
    /// What each feature turns on.
    pub(crate) features: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Dependency {
    pub(crate) name: String,
    /// `dev` or `build`; of what ships there is none.
    pub(crate) kind: Option<String>,
    /// Those that are turned on in it.
    pub(crate) features: Vec<String>,
}

impl Package {
    pub(crate) fn folder(&self) -> &Path {
        self.manifest_path.parent().unwrap_or(&self.manifest_path)
    }

    /// The folder, from the root of the workspace.
    pub(crate) fn place(&self) -> String {
        self.folder().strip_prefix(root()).unwrap_or(self.folder()).display().to_string()
    }

    /// What of it ships depends on.
    pub(crate) fn shipped(&self) -> impl Iterator<Item = &Dependency> {
        self.dependencies.iter().filter(|dependency| dependency.kind.as_deref() != Some("dev"))
    }
}

/// All members of the workspace.
pub(crate) fn members() -> Result<Vec<Package>> {
    #[derive(Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    let cargo = std::env::var_os("CARGO").context("cargo runs tests")?;
    let asked = ["metadata", "--no-deps", "--format-version", "1", "--locked", "--offline"];
    let told = Command::new(cargo).args(asked).current_dir(root()).output()?;
    ensure!(told.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&told.stderr));
    Ok(serde_json::from_slice::<Metadata>(&told.stdout)?.packages)
}
