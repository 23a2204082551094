//! The rows of the tables that this crate disagrees with, each with its reason.

/// Exceptions of a table, as the row is written (without quotes) and why.
pub(crate) fn of(table: &str) -> &'static [(&'static str, &'static str)] {
    match table {
        _ => &[],
    }
}
