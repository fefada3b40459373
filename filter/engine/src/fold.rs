//! Names in the eyes of a reader that does not mind case (Go's `encoding/json`, file systems, routers).

/// `name` without case: two names that any such reader takes for one have one fold.
///
/// Upper case first, so that `ſ` and the Kelvin sign end where `s` and `k` do.
pub(crate) fn fold(name: &str) -> String {
    name.to_uppercase().to_lowercase()
}

/// Whether `a` and `b` are one name to such a reader.
pub(crate) fn is_same(a: &str, b: &str) -> bool {
    if a.is_ascii() && b.is_ascii() { a.eq_ignore_ascii_case(b) } else { fold(a) == fold(b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_that_meet_in_one_case_are_one() {
        for (a, b) in [("taskId", "TASKID"), ("taskId", "ta\u{17f}kId"), ("key", "\u{212a}ey"), ("É", "é")] {
            assert!(is_same(a, b), "{a} {b}");
        }
        for (a, b) in [("taskId", "task_id"), ("é", "e"), ("\u{17f}", "\u{17f}\u{17f}")] {
            assert!(!is_same(a, b), "{a} {b}");
        }
    }
}
