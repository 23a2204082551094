//! From a package's name to its rows.
//!
//! Every package of the file stands in one of a power of two of buckets, by a hash of its name. Within a bucket
//! packages are in the order of the file, so that names which share a bucket, by chance or by intent, cost a
//! binary search and no more.

use std::ops::Range;

use super::builder::BuildError;
use super::codes::Kind;
use super::layout::{BUCKETS, DatabaseError, MEMBERS, PACKAGES, RELEASES, ROWS};
use super::read::{Database, to_index};

/// FNV-1a of 64 bits over the name's bytes (<http://www.isthe.com/chongo/tech/comp/fnv/>).
pub(super) fn hash(name: &str) -> u64 {
    name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// The bucket of a hash among a power of two of them: its high and low half, folded.
fn bucket(hash: u64, buckets: usize) -> usize {
    let folded = hash ^ hash >> 32;
    usize::try_from(folded & u64::from(u32::MAX)).unwrap_or_default() & buckets.wrapping_sub(1)
}

/// How many buckets a number of packages has.
pub(super) fn buckets_of(packages: usize) -> usize {
    packages.next_power_of_two()
}

/// Where each bucket begins in the list of members, with the end of the last one; and that list.
pub(super) fn index(hashes: &[u64]) -> Result<(Vec<u32>, Vec<u32>), BuildError> {
    let buckets = buckets_of(hashes.len());
    let mut members: Vec<(usize, u32)> =
        hashes.iter().map(|hash| bucket(*hash, buckets)).zip(0_u32..).collect();
    members.sort_unstable();
    let mut starts = Vec::with_capacity(buckets + 1);
    for (at, (bucket, _)) in members.iter().enumerate() {
        let at = u32::try_from(at).map_err(|_| BuildError::TooMany("packages"))?;
        starts.resize((*bucket + 1).max(starts.len()), at);
    }
    let end = u32::try_from(members.len()).map_err(|_| BuildError::TooMany("packages"))?;
    starts.resize(buckets + 1, end);
    Ok((starts, members.into_iter().map(|(_, member)| member).collect()))
}

/// One release, or one ecosystem of a language: the packages that stand under it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Release {
    pub(crate) kind: Kind,
    pub(crate) packages: Range<usize>,
}

impl Database {
    /// The release of this kind and key, if the database knows anything of it.
    pub(crate) fn release(&self, kind: Kind, key: &str) -> Result<Option<Release>, DatabaseError> {
        let at = self.partition(0..self.count(RELEASES), |at| {
            let (known, text) = self.release_key(at)?;
            Ok((known, text) < (kind, key))
        })?;
        if at == self.count(RELEASES) || self.release_key(at)? != (kind, key) {
            return Ok(None);
        }
        Ok(Some(Release { kind, packages: self.packages_of(at)? }))
    }

    pub(super) fn release_key(&self, at: usize) -> Result<(Kind, &str), DatabaseError> {
        Ok((Kind(self.number(RELEASES, at, 0)?), self.text(self.number(RELEASES, at, 4)?)?))
    }

    pub(super) fn packages_of(&self, release: usize) -> Result<Range<usize>, DatabaseError> {
        let first = to_index(self.number(RELEASES, release, 8)?);
        let end = match release + 1 {
            next if next < self.count(RELEASES) => to_index(self.number(RELEASES, next, 8)?),
            _ => self.count(PACKAGES),
        };
        if first >= end || end > self.count(PACKAGES) {
            return Err(DatabaseError::section(RELEASES, "the packages of a release are outside the table"));
        }
        Ok(first..end)
    }

    /// Indices of the rows of one package of a release.
    pub(crate) fn rows_of(&self, release: &Release, name: &str) -> Result<Range<usize>, DatabaseError> {
        let buckets = self.count(BUCKETS).saturating_sub(1);
        if buckets == 0 {
            return Ok(0..0);
        }
        let bucket = bucket(hash(name), buckets);
        let limit = |at| self.number(BUCKETS, at, 0).map(to_index);
        let (start, end) = (limit(bucket)?, limit(bucket + 1)?);
        let member = |at| self.number(MEMBERS, at, 0).map(to_index);
        let at = self.partition(start..end, |at| {
            let package = member(at)?;
            Ok(package < release.packages.start
                || (package < release.packages.end && self.package_bytes(package)? < name.as_bytes()))
        })?;
        if at >= end {
            return Ok(0..0);
        }
        let package = member(at)?;
        let is_it = release.packages.contains(&package) && self.package_bytes(package)? == name.as_bytes();
        if is_it { self.rows_of_package(package) } else { Ok(0..0) }
    }

    pub(super) fn package_name(&self, at: usize) -> Result<&str, DatabaseError> {
        self.text(self.number(PACKAGES, at, 0)?)
    }

    /// A name to compare with, which need not be UTF-8.
    fn package_bytes(&self, at: usize) -> Result<&[u8], DatabaseError> {
        self.text_bytes(self.number(PACKAGES, at, 0)?)
    }

    pub(super) fn rows_of_package(&self, at: usize) -> Result<Range<usize>, DatabaseError> {
        let first = to_index(self.number(PACKAGES, at, 4)?);
        let end = match at + 1 {
            next if next < self.count(PACKAGES) => to_index(self.number(PACKAGES, next, 4)?),
            _ => self.count(ROWS),
        };
        if first >= end || end > self.count(ROWS) {
            return Err(DatabaseError::section(PACKAGES, "the rows of a package are outside the table"));
        }
        Ok(first..end)
    }

    /// The package that a row belongs to.
    pub(super) fn package_of_row(&self, row: usize) -> Result<usize, DatabaseError> {
        let after =
            self.partition(0..self.count(PACKAGES), |at| Ok(to_index(self.number(PACKAGES, at, 4)?) <= row))?;
        after.checked_sub(1).ok_or(DatabaseError::section(PACKAGES, "a row belongs to no package"))
    }

    /// The release that a package belongs to.
    pub(super) fn release_of_package(&self, package: usize) -> Result<usize, DatabaseError> {
        let after = self.partition(0..self.count(RELEASES), |at| {
            Ok(to_index(self.number(RELEASES, at, 8)?) <= package)
        })?;
        after.checked_sub(1).ok_or(DatabaseError::section(RELEASES, "a package belongs to no release"))
    }

    /// First element of a sorted range that is not before what is looked for.
    pub(super) fn partition(
        &self,
        range: Range<usize>,
        is_before: impl Fn(usize) -> Result<bool, DatabaseError>,
    ) -> Result<usize, DatabaseError> {
        let Range { start: mut low, end: mut high } = range;
        while low < high {
            let middle = low + (high - low) / 2;
            if is_before(middle)? {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_package_is_in_its_bucket() {
        for count in [0, 1, 2, 3, 100] {
            let hashes: Vec<u64> = (0..count).map(|number: i32| hash(&number.to_string())).collect();
            let (starts, members) = index(&hashes).unwrap();
            assert_eq!(starts.len(), buckets_of(hashes.len()) + 1);
            for (at, package) in hashes.iter().enumerate() {
                let bucket = bucket(*package, starts.len() - 1);
                let range = starts[bucket] as usize..starts[bucket + 1] as usize;
                assert!(members[range].contains(&u32::try_from(at).unwrap()));
            }
        }
    }

    #[test]
    fn the_hash_is_the_published_one() {
        assert_eq!(hash(""), 0xcbf2_9ce4_8422_2325);
        assert_eq!(hash("a"), 0xaf63_dc4c_8601_ec8c);
    }
}
