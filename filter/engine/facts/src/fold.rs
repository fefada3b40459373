//! Names in the eyes of a reader that does not mind case (Go's `encoding/json`, file systems, routers).

/// `name` without case: two names that any such reader takes for one have one fold.
///
/// Upper case first, so that `ſ` and the Kelvin sign end where `s` and `k` do.
pub fn fold(name: &str) -> String {
    folded(name).collect()
}

/// Whether `a` and `b` are one name to such a reader.
pub fn is_same(a: &str, b: &str) -> bool {
    // Letter by letter: who compares many names with one is done with each where it differs.
    folded(a).eq(folded(b))
}

fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().flat_map(char::to_uppercase).flat_map(char::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_meet_in_one_case_are_one() {
        for (a, b) in [
            ("taskId", "TASKID"),
            ("taskId", "ta\u{17f}kId"),
            ("key", "\u{212a}ey"),
            ("É", "é"),
            ("ὁδός", "ὉΔΌΣ"),
            ("ὁδόσ", "ὁδός"),
        ] {
            assert!(is_same(a, b), "{a} {b}");
        }
        for (a, b) in [("taskId", "task_id"), ("é", "e"), ("\u{17f}", "\u{17f}\u{17f}")] {
            assert!(!is_same(a, b), "{a} {b}");
        }
    }
}
