//! Where secrets come from: the configuration names them, the shell reads them. The configuration itself can be read by
//! others: Envoy shows it in its config dump.

/// Secrets by name. In the gateway: environment variables passed to the module.
pub trait Secrets {
    /// The secret called `name`, if it was passed.
    fn secret(&self, name: &str) -> Option<String>;
}

/// No secrets at all: for checking configurations that name none.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoSecrets;

impl Secrets for NoSecrets {
    fn secret(&self, _name: &str) -> Option<String> {
        None
    }
}
