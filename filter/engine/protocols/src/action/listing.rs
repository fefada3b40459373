//! The lists of an MCP server that show their reader only what it could use.

use super::mcp;
use super::method::Method;

/// Which list an element is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listing {
    Tools,
    Prompts,
    Resources,
    Templates,
    Tasks,
    Events,
}

impl Listing {
    /// Every list.
    pub(crate) const ALL: [Self; 6] =
        [Self::Tools, Self::Prompts, Self::Resources, Self::Templates, Self::Tasks, Self::Events];

    /// The member of a result that holds it.
    pub(crate) const fn member(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::Prompts => "prompts",
            Self::Resources => "resources",
            Self::Templates => "resourceTemplates",
            Self::Tasks => "tasks",
            Self::Events => "events",
        }
    }

    /// The member of an element that says what is named to use it.
    pub(crate) const fn named_by(self) -> &'static str {
        match self {
            Self::Tools | Self::Prompts | Self::Events => "name",
            Self::Resources => "uri",
            Self::Templates => "uriTemplate",
            Self::Tasks => "taskId",
        }
    }

    /// The methods that use its elements: who could do so by one of them sees the element.
    pub fn uses(self) -> impl Iterator<Item = Method> {
        mcp::uses(self)
    }

    /// Whether a request could name `name`, to use an element that is called so.
    pub fn can_name(self, name: &str) -> bool {
        mcp::can_be_named(name, self == Self::Tools)
    }
}
