use sha2::{Digest as _, Sha256};

/// SHA-256.
pub type Hash = [u8; 32];

/// Hash of an entry. The first byte keeps leaves and inner nodes apart (RFC 6962, section 2.1).
pub fn leaf_hash(leaf: &[u8]) -> Hash {
    let mut hash = Sha256::new_with_prefix([0]);
    hash.update(leaf);
    hash.finalize().into()
}

pub(super) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut hash = Sha256::new_with_prefix([1]);
    hash.update(left);
    hash.update(right);
    hash.finalize().into()
}

/// A growing Merkle tree that keeps only its frontier: the roots of the perfect subtrees it is made of.
///
/// Memory and the cost of [`root`](Self::root) are logarithmic, appending is constant on average.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tree {
    size: u64,
    /// One for each bit set in `size`, largest subtree first.
    frontier: Vec<Hash>,
}

impl Tree {
    pub fn new() -> Self {
        Self::default()
    }

    /// A tree taken up again from what [`size`](Self::size) and [`frontier`](Self::frontier) said.
    /// `None` if they cannot belong together.
    pub fn from_frontier(size: u64, frontier: Vec<Hash>) -> Option<Self> {
        (u64::from(size.count_ones()) == frontier.len() as u64).then_some(Self { size, frontier })
    }

    /// Appends an entry.
    pub fn push(&mut self, leaf: &[u8]) {
        self.push_hash(leaf_hash(leaf));
    }

    /// Appends an entry of which only the [`leaf_hash`] is at hand.
    pub fn push_hash(&mut self, leaf: Hash) {
        let mut subtree = leaf;
        // As in adding one to a binary number: each trailing 1 is a subtree that the new one completes.
        for _ in 0..self.size.trailing_ones() {
            if let Some(left) = self.frontier.pop() {
                subtree = node_hash(&left, &subtree);
            }
        }
        self.frontier.push(subtree);
        self.size += 1;
    }

    /// Entries so far.
    pub fn size(&self) -> u64 {
        self.size
    }

    pub fn frontier(&self) -> &[Hash] {
        &self.frontier
    }

    /// The Merkle tree hash; of an empty tree the hash of nothing.
    pub fn root(&self) -> Hash {
        let subtrees = self.frontier.iter().rev().copied();
        subtrees.reduce(|right, left| node_hash(&left, &right)).unwrap_or_else(|| Sha256::digest([]).into())
    }
}

impl Extend<Hash> for Tree {
    fn extend<T: IntoIterator<Item = Hash>>(&mut self, leaves: T) {
        leaves.into_iter().for_each(|leaf| self.push_hash(leaf));
    }
}

impl FromIterator<Hash> for Tree {
    fn from_iter<T: IntoIterator<Item = Hash>>(leaves: T) -> Self {
        let mut tree = Self::new();
        tree.extend(leaves);
        tree
    }
}

#[cfg(test)]
pub(super) mod tests {
    use lazaret_model::Digest;

    use super::*;

    /// The eight leaves that Certificate Transparency implementations test with.
    pub(in super::super) const LEAVES: [&[u8]; 8] = [
        b"",
        b"\x00",
        b"\x10",
        b"\x20\x21",
        b"\x30\x31",
        b"\x40\x41\x42\x43",
        b"\x50\x51\x52\x53\x54\x55\x56\x57",
        b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
    ];

    /// Their roots for sizes 0 to 8.
    const ROOTS: [&str; 9] = [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];

    #[test]
    fn has_the_known_roots() {
        let mut tree = Tree::new();
        for (size, root) in ROOTS.iter().enumerate() {
            assert_eq!(Digest::from_bytes(tree.root()).hex(), *root, "size {size}");
            if let Some(leaf) = LEAVES.get(size) {
                tree.push(leaf);
            }
        }
    }

    /// The definition of RFC 6962, section 2.1, word by word.
    pub(in super::super) fn by_definition(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => Sha256::digest([]).into(),
            [leaf] => *leaf,
            _ => {
                let (left, right) = leaves.split_at(leaves.len().next_power_of_two() / 2);
                node_hash(&by_definition(left), &by_definition(right))
            }
        }
    }

    #[test]
    fn agrees_with_the_definition_and_goes_on_from_its_frontier() {
        let leaves: Vec<Hash> = (0..200u8).map(|n| leaf_hash(&[n])).collect();
        let mut tree = Tree::new();
        for size in 0..leaves.len() {
            assert_eq!(tree.root(), by_definition(&leaves[..size]), "size {size}");
            let mut again = Tree::from_frontier(tree.size(), tree.frontier().to_vec()).unwrap();
            tree.push_hash(leaves[size]);
            again.push_hash(leaves[size]);
            assert_eq!(again, tree);
        }
        assert_eq!(Tree::from_frontier(3, vec![[0; 32]]), None);
    }
}
