//! Work that is done in steps, with other things between them.

/// What a step came to.
#[derive(Debug)]
pub(crate) enum Progress<T, Rest> {
    Done(T),
    /// There is more to do.
    More(Rest),
}
