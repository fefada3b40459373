//! Places in the catalogue, which the engine names by what is there, as JSON Pointers into the configuration.

use countersign_protocols::action::mcp;
use serde_json::Value;

/// Where a resource lists what the engine calls its tools.
const LISTS: [&str; 3] = ["tools", "endpoints", "methods"];

/// The JSON Pointer of `names`, such as `resources/payments/tools/transfer/input_schema/type`. What cannot be found ends the
/// pointer: it then leads to what contains it.
pub(super) fn pointer(names: &str, document: &Value) -> String {
    let mut pointer = "/resources".to_owned();
    let resources = document.pointer(&pointer);
    let Some((index, resource, rest)) = named(resources, names.strip_prefix("resources/").unwrap_or_default()) else {
        return pointer;
    };
    pointer = format!("{pointer}/{index}");
    let Some(rest) = rest.strip_prefix("/tools/") else { return pointer };
    // An event is there once for every method.
    if let Some((index, _, below)) = mcp::event_name(rest).and_then(|event| named(resource.get("events"), event)) {
        return format!("{pointer}/events/{index}{below}");
    }
    for list in LISTS {
        if let Some((index, _, below)) = named(resource.get(list), rest) {
            return format!("{pointer}/{list}/{index}{below}");
        }
    }
    pointer
}

/// The item of `list` whose name `path` begins with, its position, and what follows; of several the longest name.
fn named<'v, 'p>(list: Option<&'v Value>, path: &'p str) -> Option<(usize, &'v Value, &'p str)> {
    let items = list?.as_array()?.iter().enumerate();
    let found = items.filter_map(|(index, item)| {
        let rest = path.strip_prefix(item.get("name")?.as_str()?)?;
        (rest.is_empty() || rest.starts_with('/')).then_some((index, item, rest))
    });
    found.min_by_key(|(_, _, rest)| rest.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::pointer;

    #[test]
    fn names_become_positions() {
        let document = json!({ "resources": [
            { "name": "a", "tools": [{ "name": "x" }, { "name": "events" }], "events": [{ "name": "y" }, { "name": "y/z" }] },
            { "name": "ab", "endpoints": [{ "name": "y" }, { "name": "x/y" }], "tools": [] },
        ] });
        for (names, expected) in [
            ("resources", "/resources"),
            ("resources/none", "/resources"),
            ("resources/ab", "/resources/1"),
            ("resources/a/tools/x/input_schema/type", "/resources/0/tools/0/input_schema/type"),
            ("resources/ab/tools/x/y/input_schema", "/resources/1/endpoints/1/input_schema"),
            ("resources/a/tools/events/poll/y/input_schema", "/resources/0/events/0/input_schema"),
            ("resources/a/tools/events/subscribe/y/z/input_schema", "/resources/0/events/1/input_schema"),
            ("resources/a/tools/y", "/resources/0"),
            ("resources/ab/tools/z", "/resources/1"),
        ] {
            assert_eq!(pointer(names, &document), expected, "{names}");
        }
    }
}
