//! How an input says which row of a table it is for, and how it holds several files.

/// The row that the first byte picks, and the rest.
pub(crate) fn pick<'r, 'i, T>(rows: &'r [T], input: &'i [u8]) -> Option<(&'r T, &'i [u8])> {
    let (first, rest) = input.split_first()?;
    let row = rows.get(usize::from(*first).checked_rem(rows.len())?)?;
    Some((row, rest))
}

/// The input that [`pick`] takes apart; tables with more than 256 rows would need two bytes.
pub(crate) fn picking(row: usize, rest: &[u8]) -> Vec<u8> {
    let row = u8::try_from(row).expect("a table has at most 256 rows");
    [&[row], rest].concat()
}

/// Stands between the files of one input.
const BETWEEN: &[u8] = b"\n\0next\0\n";

pub(crate) fn join<T: AsRef<[u8]>>(parts: &[T]) -> Vec<u8> {
    let mut joined = Vec::new();
    for (number, part) in parts.iter().enumerate() {
        if number > 0 {
            joined.extend_from_slice(BETWEEN);
        }
        joined.extend_from_slice(part.as_ref());
    }
    joined
}

pub(crate) fn split(mut input: &[u8], most: usize) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while parts.len() + 1 < most
        && let Some(at) = input.windows(BETWEEN.len()).position(|window| window == BETWEEN)
    {
        parts.push(&input[..at]);
        input = &input[at + BETWEEN.len()..];
    }
    parts.push(input);
    parts
}
