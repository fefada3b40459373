//! Digests of what a decision rests on: a change of any of it is a change of the digest.

use countersign_protocols::catalogue::{Demand, Interface, Match, PathMatch, Resource, Tool};
use countersign_protocols::shape::InputSchema;

use sha2::{Digest, Sha256};

/// SHA-256 over fields, each with its length: no two lists of fields give the same bytes.
#[derive(Clone, Default)]
pub(super) struct Fields(Sha256);

impl Fields {
    pub(super) fn add(&mut self, field: impl AsRef<[u8]>) {
        let field = field.as_ref();
        self.0.update(u64::try_from(field.len()).unwrap_or(u64::MAX).to_be_bytes());
        self.0.update(field);
    }

    pub(super) fn digest(self) -> [u8; 32] {
        self.0.finalize().into()
    }

    fn optional(&mut self, field: Option<&str>) {
        self.add(if field.is_some() { "some" } else { "none" });
        self.add(field.unwrap_or_default());
    }

    fn demand(&mut self, demand: Option<&Demand>) {
        self.add(if demand.is_some() { "some" } else { "none" });
        if let Some(Demand { classes, max_age }) = demand {
            // As JSON: a number is not the text of its digits.
            self.list(&classes.iter().map(|class| class.json().to_string()).collect::<Vec<_>>());
            self.optional(max_age.map(|age| age.as_millis().to_string()).as_deref());
        }
    }

    fn list(&mut self, fields: &[String]) {
        self.add(fields.len().to_string());
        for field in fields {
            self.add(field);
        }
    }
}

/// The catalogue entry of a resource, without its tools.
pub(super) fn resource(entry: &Resource) -> [u8; 32] {
    let Resource {
        name,
        matching,
        protocol,
        // What is decided is the same, whether it is done or not.
        mode: _,
        tools: _,
        interface,
        risk,
        identifier,
        metadata: _,
        metadata_url,
        authentication,
        origin,
        allowed_origins: _,
        denials: _,
        annotations,
        // Looked at again after every approval.
        pin_scope: _,
        list_headers: _,
        strip_credentials: _,
        upgrades,
    } = entry;
    let Match { host, path, route, exact } = matching;
    let mut fields = Fields::default();
    fields.add("resource");
    fields.add(name);
    fields.optional(host.as_deref());
    match path {
        PathMatch::Exact(path) => {
            fields.add("exact");
            fields.add(path);
        }
        PathMatch::Below(path) => {
            fields.add("below");
            fields.add(path);
        }
    }
    fields.optional(route.as_deref());
    fields.add(if *exact { "strict server" } else { "any server" });
    fields.add(protocol.name());
    let Interface { endpoints, metadata, closed, connect, egress, card: _, unread_forms } = interface;
    fields.add(if *closed { "closed" } else { "open" });
    fields.add(if *connect { "tunnels" } else { "no tunnels" });
    fields.add(if *egress { "egress" } else { "not egress" });
    // How arguments are read is part of what was approved.
    fields.list(&endpoints.iter().map(|endpoint| format!("{endpoint:?}")).collect::<Vec<_>>());
    fields.list(&metadata.iter().map(|entry| format!("{entry:?}")).collect::<Vec<_>>());
    fields.list(unread_forms);
    fields.add(risk.name());
    fields.optional(identifier.as_deref());
    fields.optional(metadata_url.as_deref());
    fields.demand(authentication.as_ref());
    fields.optional(origin.as_deref());
    fields.add(annotations.name());
    fields.list(upgrades);
    fields.digest()
}

/// The catalogue entry of a declared tool, in the resource with digest `resource`.
pub(super) fn tool(resource: &[u8; 32], entry: &Tool) -> [u8; 32] {
    let Tool { name, risk, labels, input_schema, redact, destinations, pin, authentication, mirrored: _ } = entry;
    let mut fields = Fields::default();
    fields.add("tool");
    fields.add(resource);
    fields.add(name);
    fields.add(risk.name());
    fields.list(labels);
    // The order of members is that of their names.
    fields.optional(input_schema.as_ref().map(|schema| schema.written().to_string()).as_deref());
    fields.list(redact);
    fields.list(destinations);
    fields.add(pin.as_ref().map_or(&[][..], |pin| pin));
    fields.demand(authentication.as_ref());
    let derived = input_schema.iter().flat_map(InputSchema::derived);
    let derived: Vec<String> = derived.map(|(name, bounds)| format!("{name} {bounds:?}")).collect();
    if !derived.is_empty() {
        fields.add("derived arguments");
        fields.list(&derived);
    }
    if input_schema.as_ref().is_some_and(InputSchema::admits_additional) {
        fields.add("additional arguments");
    }
    fields.digest()
}

/// The whole of a policy text and its catalogue, in 16 hexadecimal digits.
pub(super) fn revision(text: &str, resources: &[Resource]) -> String {
    let mut fields = Fields::default();
    fields.add(text);
    for entry in resources {
        let digest = resource(entry);
        fields.add(digest);
        for entry in entry.tools.values() {
            fields.add(tool(&digest, entry));
        }
    }
    let prefix = fields.digest().first_chunk().copied().map_or(0, u64::from_be_bytes);
    format!("{prefix:016x}")
}
