//! What is nearly a configured path, what is not, and that no spelling of one leads past it.

use proptest::prelude::*;

use super::*;

fn exact(path: &str) -> PathMatch {
    PathMatch::Exact(path.to_owned())
}

fn below(path: &str) -> PathMatch {
    PathMatch::Below(path.to_owned())
}

#[test]
fn what_a_lenient_server_takes_for_it() {
    for (own, path) in [
        (exact("/mcp"), "/mcp"),
        (exact("/mcp"), "/MCP"),
        (exact("/mcp"), "/mcp/"),
        (exact("/mcp"), "/mCp/"),
        (exact("/mcp"), "/mcp."),
        (exact("/mcp"), "/mcp%20"),
        (exact("/mcp"), "/mcp+"),
        (exact("/mcp/"), "/mcp"),
        (exact("/tas\u{6b}"), "/ta\u{17f}\u{212a}"),
        (exact("/task"), "/ta%C5%BFk"),
        (exact("/mcp"), "/%EF%BD%8D%EF%BD%83%EF%BD%90"),
        (exact("/caf%C3%A9"), "/CAF%C3%89"),
        (exact("/caf%C3%A9"), "/cafe%CC%81"),
        (exact("/pay:now"), "/pay%3Anow"),
        (exact("/a%20b"), "/a+b"),
        (below("/api"), "/API"),
        (below("/api"), "/API/x"),
        (below("/api/v1"), "/Api/V1/x/Y"),
        (below(""), "/x"),
        (exact("/"), "/"),
    ] {
        assert!(own.nearly_admits(path), "{own:?} {path}");
    }
}

#[test]
fn what_no_server_takes_for_it() {
    for (own, path) in [
        (exact("/mcp"), "/"),
        (exact("/mcp"), ""),
        (exact("/mcp"), "/mcp/x"),
        (exact("/mcp"), "/mcps"),
        (exact("/mcp"), "/a/mcp"),
        (exact("/mcp"), "/.mcp"),
        (exact("/mcp"), "/m.cp"),
        (exact("/"), "/x"),
        (exact("/"), ""),
        (below("/api"), "/apis/x"),
        (below("/api/v1"), "/api"),
        (below("/api/v1"), "/api/v2"),
        (below(""), ""),
    ] {
        assert!(!own.nearly_admits(path), "{own:?} {path}");
    }
}

#[test]
fn a_longer_path_says_more_and_an_exact_one_more_than_a_subtree() {
    let sorted = [below(""), exact("/"), below("/a"), exact("/a"), below("/a/b"), exact("/a/b")];
    assert!(sorted.is_sorted_by_key(PathMatch::says));
    assert_eq!(exact("/a/").says(), exact("/A").says());
}

proptest! {
    /// However a server folds a spelling of the path, it is nearly that path.
    #[test]
    fn no_spelling_leads_past_a_path(
        spelling in prop::collection::vec((0..4_u8, any::<bool>()), 9),
        slash in any::<bool>(),
    ) {
        let own = "/api/v1@xy";
        let written = own.chars().zip(spelling.iter().cycle());
        let mut path: String = written.map(|(letter, (how, upper))| match (how, letter) {
            (_, '/') => "/".to_owned(),
            (0, _) => format!("%{:02X}", u32::from(letter)),
            (1, _) => format!("%{:02x}", u32::from(letter)),
            _ if *upper => letter.to_ascii_uppercase().to_string(),
            _ => letter.to_string(),
        }).collect();
        path.push_str(if slash { "/" } else { "" });
        prop_assert!(exact(own).nearly_admits(&path), "{path}");
        prop_assert!(below("/api").nearly_admits(&path), "{path}");
    }

    /// What is admitted as it stands is nearly admitted, too.
    #[test]
    fn what_is_the_path_is_nearly_the_path(own in "(/[a-zA-Z.%+]{1,3}){1,3}/?", rest in "(/[a-z]{0,2}){0,2}") {
        let path = format!("{own}{rest}");
        for pattern in [exact(&own), below(own.trim_end_matches('/'))] {
            if pattern.admits(&path) && !path.contains("//") {
                prop_assert!(pattern.nearly_admits(&path), "{pattern:?} {path}");
            }
        }
    }
}
