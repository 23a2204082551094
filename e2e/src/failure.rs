use std::fmt;

/// Why the laboratory or a step of the story could not go on, in words for the person who reads the log.
pub struct Failure {
    text: String,
}

pub type Result<T> = std::result::Result<T, Failure>;

impl Failure {
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Failure {}

/// Names what was being done when something outside failed.
pub trait Context<T> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T>;
}

impl<T, E: fmt::Display> Context<T> for std::result::Result<T, E> {
    fn context(self, doing: impl FnOnce() -> String) -> Result<T> {
        self.map_err(|error| Failure::new(format!("{}: {error}", doing())))
    }
}

/// Ends the function with a [`Failure`].
#[macro_export]
macro_rules! fail {
    ($($text:tt)*) => { return Err($crate::Failure::new(format!($($text)*))) };
}

/// An assertion of the story: says what was expected when it does not hold.
#[macro_export]
macro_rules! check {
    ($holds:expr, $($text:tt)*) => { if !$holds { $crate::fail!($($text)*); } };
}
