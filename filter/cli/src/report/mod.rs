//! `countersign report`: what can be said about a configuration without a request.

mod catalogue;
mod frameworks;
mod text;

pub use catalogue::{Framework, Risk, catalogue};
pub use frameworks::{Answered, BuiltIn, Covered, Report};

use crate::arguments::{About, Report as Arguments};
use crate::output::Answer;

/// Makes the report of the command line.
pub fn answer(arguments: &Arguments) -> Answer {
    match &arguments.about {
        About::Frameworks(frameworks) => frameworks::answer(&frameworks.config),
    }
}
