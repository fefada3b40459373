//! Work that is done in steps, with other things between them.

/// What a step came to.
#[derive(Debug)]
pub enum Progress<T, Rest> {
    Done(T),
    /// There is more to do.
    More(Rest),
}

/// Takes `step` after `step` from `rest` on, until it is done.
pub fn finish<T, Rest, E>(mut rest: Rest, step: impl Fn(Rest) -> Result<Progress<T, Rest>, E>) -> Result<T, E> {
    loop {
        match step(rest)? {
            Progress::Done(done) => return Ok(done),
            Progress::More(more) => rest = more,
        }
    }
}
