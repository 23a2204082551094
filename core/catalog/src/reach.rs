//! What is wanted, and what is wanted by what is wanted: lock files name all, the tools that only developers need
//! included.

/// Which of `wants.len()` packages are reached from `roots`; `wants[n]` are the numbers of those that the n-th needs.
/// Numbers beyond the end lead nowhere.
pub(crate) fn reached(roots: impl IntoIterator<Item = usize>, wants: &[Vec<usize>]) -> Vec<bool> {
    let mut reached = vec![false; wants.len()];
    let mut next: Vec<usize> = roots.into_iter().collect();
    while let Some(number) = next.pop() {
        if let Some(seen) = reached.get_mut(number)
            && !std::mem::replace(seen, true)
        {
            next.extend(&wants[number]);
        }
    }
    reached
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn follows_circles_once() {
        let wants = [vec![1], vec![2, 0], vec![], vec![0], vec![9]];
        assert_eq!(reached([0], &wants), [true, true, true, false, false]);
        assert_eq!(reached([4, 7], &wants), [false, false, false, false, true]);
        assert!(reached([], &[]).is_empty());
    }
}
