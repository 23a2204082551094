//! A database in pieces, so that of a new one only what changed need travel.
//!
//! A database file itself has little in common with the next one: its elements are numbered, and one more advisory
//! moves the numbers behind it. So the content is cut up before it is numbered: packages in the order of the file
//! (then vulnerabilities in theirs), with a cut after those whose *name* hashes to a certain value. One more advisory
//! changes the piece that it falls into and no other. The last piece holds what is known of the feeds themselves.
//!
//! Each piece is a database file of its own, with the time of building zero: equal contents give equal bytes, a
//! reader for it is there already, and put together again in any order they give the very bytes of the whole.

use jiff::Timestamp;

use super::builder::{BuildError, Builder, PendingRow};
use super::find::hash;
use super::layout::{DatabaseError, NOTES, RELEASES, VULNERABILITIES};
use super::read::Database;

/// Why a database cannot be taken apart or put together.
#[derive(Debug, thiserror::Error)]
pub enum PieceError {
    #[error(transparent)]
    Damaged(#[from] DatabaseError),
    #[error(transparent)]
    Build(#[from] BuildError),
}

/// One package in so many is the last one of a piece, and one vulnerability in so many.
const PACKAGES_A_PIECE: u64 = 128;
const VULNERABILITIES_A_PIECE: u64 = 1024;
/// Rows after which a piece ends in any case.
const MOST_ROWS: usize = 16_384;

impl Database {
    /// Takes the database apart; each piece is given as it is made.
    pub fn pieces(&self, visit: &mut dyn FnMut(Vec<u8>)) -> Result<(), PieceError> {
        let mut piece = Builder::new();
        for release in 0..self.count(RELEASES) {
            let (_, key) = self.release_key(release)?;
            for package in self.packages_of(release)? {
                piece.keep_package(self, release, package)?;
                let is_last = is_cut(&[key, self.package_name(package)?], PACKAGES_A_PIECE);
                if is_last || piece.rows.len() >= MOST_ROWS {
                    visit(std::mem::take(&mut piece).piece()?);
                }
            }
        }
        if !piece.rows.is_empty() {
            visit(std::mem::take(&mut piece).piece()?);
        }
        for at in 0..self.count(VULNERABILITIES) {
            let record = self.vulnerability_record(at)?;
            let feed = piece.feed_index(self.feed_name(record.feed)?)?;
            piece.keep_vulnerability(self, &record, feed)?;
            // What several feeds say of one vulnerability may be cut apart: nobody reads a piece by itself.
            if is_cut(&[self.text(record.id)?], VULNERABILITIES_A_PIECE)
                || piece.vulnerabilities.len() >= MOST_ROWS
            {
                visit(std::mem::take(&mut piece).piece()?);
            }
        }
        if !piece.vulnerabilities.is_empty() {
            visit(std::mem::take(&mut piece).piece()?);
        }
        self.feeds()?.iter().for_each(|feed| piece.feed(feed));
        visit(piece.piece()?);
        Ok(())
    }
}

impl Builder {
    fn piece(self) -> Result<Vec<u8>, BuildError> {
        self.build(Timestamp::UNIX_EPOCH)
    }

    fn keep_package(
        &mut self,
        database: &Database,
        release: usize,
        package: usize,
    ) -> Result<(), DatabaseError> {
        let (kind, key) = database.release_key(release)?;
        let (release, name) = (self.taken(key), self.taken(database.package_name(package)?));
        for at in database.rows_of_package(package)? {
            let row = database.row(at)?;
            let note = database.note(row.note)?;
            let feed = self.feed_index(database.feed_name(note.feed)?);
            let feed = self.or_failure(feed);
            let pending = PendingRow {
                kind,
                release,
                package: name,
                introduced: self.taken_optional(database.optional_text(row.introduced)?),
                end: self.taken_optional(database.optional_text(row.end)?),
                note: self.kept_note(database, &note, feed)?,
                status: row.status,
                inclusive: row.inclusive,
            };
            self.rows.push(pending);
        }
        Ok(())
    }

    /// Adds a piece. All of them, [built](Self::build) with the time of the whole, are the whole.
    pub fn keep_piece(&mut self, piece: &Database) -> Result<(), DatabaseError> {
        // Pieces with content know nothing of the feeds' states.
        match piece.count(NOTES) + piece.count(VULNERABILITIES) {
            0 => self.keep_all_but(piece, &[]),
            _ => {
                let known: Vec<_> = self.feeds.iter().map(|feed| feed.state).collect();
                self.keep_all_but(piece, &[])?;
                for (feed, state) in self.feeds.iter_mut().zip(known) {
                    feed.state = state;
                }
                Ok(())
            }
        }
    }
}

/// Whether a piece ends here: told by names alone, so that neither what is before nor what is behind matters.
fn is_cut(names: &[&str], one_in: u64) -> bool {
    let mut mixed = names.iter().fold(0_u64, |mixed, name| mixed.rotate_left(17) ^ hash(name));
    // Names that differ in their last letter differ in few bits of that hash: finished as in SplitMix64.
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    (mixed ^ mixed >> 31).is_multiple_of(one_in)
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Advisory, Ecosystem, Vulnerability};

    use super::*;
    use crate::Feed;

    fn database(count: usize, more: &[&str]) -> Database {
        let mut builder = Builder::new();
        let names = (0..count)
            .map(|number| format!("package-{number}"))
            .chain(more.iter().map(|it| (*it).to_owned()));
        for (number, name) in names.enumerate() {
            let of = |feed: &str, fixed: &str| Advisory {
                feed: feed.to_owned(),
                fixed: Some(fixed.to_owned()),
                aliases: vec![format!("DSA-{name}")],
                ..Advisory::new(format!("CVE-{name}"), Ecosystem::Deb, "debian:12", &name)
            };
            builder.push_of("a", &of("one", "1.0"));
            builder.push_of("b", &of("two", "2.0"));
            if number % 2 == 0 {
                let known = Vulnerability {
                    summary: name.clone(),
                    epss: Some(7),
                    ..Vulnerability::new(format!("CVE-{name}"))
                };
                builder.push_vulnerability("nvd", &name, &known);
            }
        }
        for name in ["one", "two", "nvd", "empty"] {
            builder.feed(&Feed { read: Some("2026-01-01T00:00:00Z".to_owned()), ..Feed::new(name) });
        }
        Database::open(builder.build(Timestamp::from_second(1_000).unwrap()).unwrap()).unwrap()
    }

    fn pieces(database: &Database) -> Vec<Vec<u8>> {
        let mut all = Vec::new();
        database.pieces(&mut |piece| all.push(piece)).unwrap();
        all
    }

    fn joined<'p>(pieces: impl Iterator<Item = &'p Vec<u8>>, built: Timestamp) -> Vec<u8> {
        let mut builder = Builder::new();
        for piece in pieces {
            let piece = Database::open(piece.clone()).unwrap();
            piece.verify().unwrap();
            builder.keep_piece(&piece).unwrap();
        }
        builder.build(built).unwrap()
    }

    #[test]
    fn the_pieces_are_the_whole_in_any_order() {
        for count in [0, 1, 3_000] {
            let whole = database(count, &[]);
            let pieces = pieces(&whole);
            for bytes in [joined(pieces.iter(), whole.built()), joined(pieces.iter().rev(), whole.built())] {
                let again = Database::open(bytes).unwrap();
                assert_eq!(
                    (again.snapshot(), again.feeds().unwrap()),
                    (whole.snapshot(), whole.feeds().unwrap())
                );
                again.verify().unwrap();
            }
        }
    }

    #[test]
    fn one_more_advisory_changes_few_pieces() {
        let (before, after) = (pieces(&database(5_000, &[])), pieces(&database(5_000, &["package-77b"])));
        // 5,000 in pieces of 128 on average, some more for the vulnerabilities, one for the feeds.
        assert!((25..70).contains(&before.len()), "{}", before.len());
        let longest = before.iter().map(Vec::len).max().unwrap_or_default();
        assert!(longest * 5 < before.iter().map(Vec::len).sum::<usize>(), "{longest}");
        let new = after.iter().filter(|piece| !before.contains(piece)).count();
        // That of the package, that of the vulnerability, and the numbers of rows of the feeds.
        assert!(new <= 3, "{new} of {}", after.len());
    }
}
