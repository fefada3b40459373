//! Small stateful servers for what stands around a gateway: the upstream, an issuer's keys, an approver.
//!
//! Each binds 127.0.0.1 on a free port, records what it saw (down to the bytes on its sockets) and is gone, with every
//! connection, when it is dropped. They run on threads of their own, so tests may block. None verifies anything: what
//! they answer is the test's business.

mod approver;
mod jwks;
mod server;
mod socket;
mod tls;
mod upstream;
pub mod wire;

pub use approver::Approver;
pub use jwks::Jwks;
pub use server::{Answer, Seen, Server};
pub use tls::{Authority, Identity};
pub use upstream::Upstream;
pub use wire::Wire;
