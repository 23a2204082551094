use super::tree::{Hash, Tree, node_hash};

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    #[error("the entry {index} is not in a log of {size} entries")]
    OutOfRange { index: u64, size: u64 },
    #[error("a log of {second} entries cannot have grown out of one of {first}")]
    Shrunk { first: u64, second: u64 },
    #[error("the proof has a wrong number of hashes")]
    Length,
    #[error("the proof does not lead to the signed root")]
    Root,
}

/// The hashes that, with the entry itself, give the root (RFC 6962, section 2.1.1), nearest first.
///
/// `leaves` are the leaf hashes of the whole tree; `None` if `index` is not among them.
pub fn inclusion_proof(leaves: &[Hash], index: usize) -> Option<Vec<Hash>> {
    if index >= leaves.len() {
        return None;
    }
    let (mut rest, mut index, mut proof) = (leaves, index, Vec::new());
    while rest.len() > 1 {
        let (left, right) = halves(rest);
        if index < left.len() {
            proof.push(root(right));
            rest = left;
        } else {
            proof.push(root(left));
            index -= left.len();
            rest = right;
        }
    }
    proof.reverse();
    Some(proof)
}

/// The hashes that show that the tree of the first `first` leaves grew into this one (section 2.1.2).
///
/// `None` if there are fewer leaves. Empty for an empty or an unchanged tree.
pub fn consistency_proof(leaves: &[Hash], first: usize) -> Option<Vec<Hash>> {
    if first > leaves.len() {
        return None;
    }
    if first == 0 {
        return Some(Vec::new());
    }
    let (mut rest, mut first, mut proof, mut whole) = (leaves, first, Vec::new(), true);
    while first < rest.len() {
        let (left, right) = halves(rest);
        if first <= left.len() {
            proof.push(root(right));
            rest = left;
        } else {
            proof.push(root(left));
            first -= left.len();
            rest = right;
            whole = false;
        }
    }
    // The verifier knows the old root, so the old tree is left out where it is one whole subtree.
    if !whole {
        proof.push(root(rest));
    }
    proof.reverse();
    Some(proof)
}

/// Checks that `leaf` is entry `index` of the log with `size` entries and `root` (RFC 9162, 2.1.3.2).
pub fn verify_inclusion(
    leaf: Hash,
    index: u64,
    size: u64,
    root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if index >= size {
        return Err(ProofError::OutOfRange { index, size });
    }
    let (mut node, mut last, mut hash) = (index, size - 1, leaf);
    for sibling in proof {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    match (last == 0, hash == root) {
        (false, _) => Err(ProofError::Length),
        (true, false) => Err(ProofError::Root),
        (true, true) => Ok(()),
    }
}

/// Checks that the log of `second` entries begins with the log of `first` (RFC 9162, 2.1.4.2).
pub fn verify_consistency(
    first: u64,
    first_root: Hash,
    second: u64,
    second_root: Hash,
    proof: &[Hash],
) -> Result<(), ProofError> {
    if first > second {
        return Err(ProofError::Shrunk { first, second });
    }
    if first == 0 || first == second {
        // Of an empty log everything is a continuation.
        let same = first == 0 || first_root == second_root;
        return match (proof.is_empty(), same) {
            (false, _) => Err(ProofError::Length),
            (true, false) => Err(ProofError::Root),
            (true, true) => Ok(()),
        };
    }
    let mut rest = proof.iter();
    let mut start = first_root;
    if !first.is_power_of_two() {
        start = *rest.next().ok_or(ProofError::Length)?;
    }
    let (mut node, mut last) = (first - 1, second - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (start, start);
    for sibling in rest {
        if last == 0 {
            return Err(ProofError::Length);
        }
        if node & 1 == 1 || node == last {
            old = node_hash(sibling, &old);
            new = node_hash(sibling, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    match (last == 0, old == first_root && new == second_root) {
        (false, _) => Err(ProofError::Length),
        (true, false) => Err(ProofError::Root),
        (true, true) => Ok(()),
    }
}

/// Splits at the largest power of two below the length, which is two or more.
fn halves(leaves: &[Hash]) -> (&[Hash], &[Hash]) {
    leaves.split_at(leaves.len().next_power_of_two() / 2)
}

fn root(leaves: &[Hash]) -> Hash {
    leaves.iter().copied().collect::<Tree>().root()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::tree::leaf_hash;
    use super::super::tree::tests::LEAVES;
    use super::*;

    const SIZES: usize = 70;

    fn leaves(count: usize) -> Vec<Hash> {
        (0..count).map(|n| leaf_hash(format!("entry {n}").as_bytes())).collect()
    }

    #[test]
    fn every_entry_of_every_size_is_proven_in_its_place_only() {
        let all = leaves(SIZES);
        for size in 1..=SIZES {
            let tree_root = root(&all[..size]);
            for index in 0..size {
                let proof = inclusion_proof(&all[..size], index).unwrap();
                let verify =
                    |leaf, at, size, proof: &[Hash]| verify_inclusion(leaf, at, size, tree_root, proof);
                assert_eq!(
                    verify(all[index], index as u64, size as u64, &proof),
                    Ok(()),
                    "{index} of {size}"
                );
                for other in (0..size).filter(|other| *other != index) {
                    assert!(
                        verify(all[index], other as u64, size as u64, &proof).is_err(),
                        "{index} as {other} of {size}"
                    );
                }
                assert!(verify(leaf_hash(b"x"), index as u64, size as u64, &proof).is_err());
                for at in 0..proof.len() {
                    let mut bad = proof.clone();
                    bad[at][31] ^= 1;
                    assert_eq!(verify(all[index], index as u64, size as u64, &bad), Err(ProofError::Root));
                    bad.remove(at);
                    assert!(verify(all[index], index as u64, size as u64, &bad).is_err());
                }
                let longer = [&proof[..], &[[0; 32]]].concat();
                assert_eq!(verify(all[index], index as u64, size as u64, &longer), Err(ProofError::Length));
            }
            assert_eq!(inclusion_proof(&all[..size], size), None);
        }
        assert_eq!(inclusion_proof(&[], 0), None);
    }

    #[test]
    fn every_pair_of_sizes_is_proven_consistent_and_no_other_history() {
        let all = leaves(SIZES);
        let forged: Vec<Hash> = leaves(SIZES + 1).split_off(1);
        for second in 0..=SIZES {
            let new = root(&all[..second]);
            for first in 0..=second {
                let proof = consistency_proof(&all[..second], first).unwrap();
                let old = root(&all[..first]);
                let (from, to) = (first as u64, second as u64);
                assert_eq!(verify_consistency(from, old, to, new, &proof), Ok(()), "{first} to {second}");
                let longer = [&proof[..], &[[0; 32]]].concat();
                assert_eq!(verify_consistency(from, old, to, new, &longer), Err(ProofError::Length));
                if first == 0 {
                    continue;
                }
                assert!(verify_consistency(from, root(&forged[..first]), to, new, &proof).is_err());
                assert!(verify_consistency(from, old, to, root(&forged[..second]), &proof).is_err());
                for at in 0..proof.len() {
                    let mut bad = proof.clone();
                    bad[at][0] ^= 1;
                    assert_eq!(verify_consistency(from, old, to, new, &bad), Err(ProofError::Root));
                    bad.remove(at);
                    assert!(verify_consistency(from, old, to, new, &bad).is_err());
                }
            }
            assert_eq!(consistency_proof(&all[..second], second + 1), None);
        }
        assert!(matches!(verify_consistency(2, [0; 32], 1, [0; 32], &[]), Err(ProofError::Shrunk { .. })));
    }

    #[test]
    fn has_the_known_proofs() {
        // The vectors of Certificate Transparency's own Merkle tree tests.
        let all: Vec<Hash> = LEAVES.iter().map(|leaf| leaf_hash(leaf)).collect();
        let hex = |proof: Vec<Hash>| {
            proof.iter().map(|h| lazaret_model::Digest::from_bytes(*h).hex()).collect::<Vec<_>>()
        };
        assert_eq!(
            hex(inclusion_proof(&all[..8], 5).unwrap()),
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        assert_eq!(
            hex(consistency_proof(&all[..8], 6).unwrap()),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
    }

    proptest! {
        #[test]
        fn verifiers_never_panic(
            a in any::<u64>(), b in any::<u64>(), proof in proptest::collection::vec(any::<Hash>(), 0..70)
        ) {
            let _ = verify_inclusion([0; 32], a, b, [1; 32], &proof);
            let _ = verify_consistency(a, [0; 32], b, [1; 32], &proof);
        }
    }
}
