//! From what was collected to the file: everything is sorted, then numbered in the order of its first use, so
//! that what is read together lies together and the order of pushing does not show.

use std::cmp::Ordering;

use jiff::Timestamp;

use super::builder::{BuildError, Builder, PendingRow, PendingVulnerability};
use super::find;
use super::layout::{
    ALIASES, BUCKETS, FEEDS, IDS, Layout, MEMBERS, NOTE_ROWS, NOTES, PACKAGES, RELEASES, ROWS, SECTIONS,
    TEXTS, VECTORS, VULNERABILITIES, WIDTHS,
};
use super::record::{NONE, Note, Row, VulnerabilityRecord};
use super::texts::Texts;

/// Writes the whole file.
pub(super) fn file(builder: Builder, built: Timestamp) -> Result<Vec<u8>, BuildError> {
    let (rows, vulnerabilities) = remaining(&builder);
    let ranks = ranks(&builder, &rows, &vulnerabilities);
    let feeds = feed_order(&builder);
    let rows = sorted(&builder, &ranks, rows);
    let vulnerabilities = sorted_vulnerabilities(&builder, &ranks, &feeds, vulnerabilities);
    let mut writer = Writer {
        texts: vec![NONE; builder.texts.count()],
        sections: [const { Vec::new() }; SECTIONS],
        builder: &builder,
    };
    writer.feeds(&feeds, &rows, &vulnerabilities)?;
    let order = writer.rows(&rows)?;
    writer.notes(&order, &ranks, &feeds, &rows, &vulnerabilities)?;
    writer.vulnerabilities(&feeds, &vulnerabilities)?;
    let sections = writer.sections;
    let too_long = sections.iter().any(|section| u32::try_from(section.len()).is_err());
    if too_long { Err(BuildError::TooMany("bytes")) } else { Ok(Layout::write(built, &sections)) }
}

fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn to_u32(number: usize, what: &'static str) -> Result<u32, BuildError> {
    u32::try_from(number).map_err(|_| BuildError::TooMany(what))
}

/// What was not forgotten after it was pushed.
fn remaining(builder: &Builder) -> (Vec<PendingRow>, Vec<PendingVulnerability>) {
    let bound =
        |feed: u32, document: u32| builder.forgotten.get(&(feed, document)).copied().unwrap_or_default();
    let rows = builder.rows.iter().enumerate().filter(|(at, row)| {
        let note = &builder.notes[index(row.note)];
        builder.forgotten.is_empty() || *at >= bound(note.feed, note.document).0
    });
    let vulnerabilities = builder.vulnerabilities.iter().enumerate();
    let vulnerabilities = vulnerabilities.filter(|(at, vulnerability)| {
        builder.forgotten.is_empty() || *at >= bound(vulnerability.feed, vulnerability.document).1
    });
    (rows.map(|(_, row)| *row).collect(), vulnerabilities.map(|(_, it)| *it).collect())
}

/// The place of each text that something is sorted by, among all such texts.
fn ranks(builder: &Builder, rows: &[PendingRow], vulnerabilities: &[PendingVulnerability]) -> Vec<u32> {
    let mut wanted = vec![false; builder.texts.count()];
    let mut want = |text: u32| wanted[index(text)] = true;
    for row in rows {
        want(row.release);
        want(row.package);
    }
    for note in &builder.notes {
        want(note.id);
        want(note.document);
        builder.alias_lists[index(note.aliases)].iter().for_each(|alias| want(*alias));
    }
    for vulnerability in vulnerabilities {
        want(vulnerability.id);
        want(vulnerability.document);
    }
    let numbered = (0_u32..).zip(&wanted).filter(|(_, wanted)| **wanted);
    let mut texts: Vec<(&str, u32)> =
        numbered.map(|(number, _)| (builder.texts.text(number), number)).collect();
    texts.sort_unstable();
    let mut ranks = vec![NONE; wanted.len()];
    for (rank, (_, number)) in (0_u32..).zip(texts) {
        ranks[index(number)] = rank;
    }
    ranks
}

/// The feeds by name: for each of the builder's, its place.
fn feed_order(builder: &Builder) -> Vec<u32> {
    let mut order: Vec<usize> = (0..builder.feeds.len()).collect();
    order.sort_unstable_by_key(|at| builder.texts.text(builder.feeds[*at].name));
    let mut places = vec![0; order.len()];
    for (place, at) in (0_u32..).zip(order) {
        places[at] = place;
    }
    places
}

/// By kind, release, package and id; one vulnerability's stretches from the lowest version to the highest.
fn sorted(builder: &Builder, ranks: &[u32], rows: Vec<PendingRow>) -> Vec<PendingRow> {
    let rank = |text: u32| ranks[index(text)];
    let mut keyed: Vec<_> = rows
        .into_iter()
        .map(|row| {
            let id = builder.notes[index(row.note)].id;
            ((row.kind, rank(row.release), rank(row.package), rank(id)), row)
        })
        .collect();
    keyed.sort_unstable_by_key(|(key, _)| *key);
    for group in keyed.chunk_by_mut(|(a, _), (b, _)| a == b) {
        if group.len() > 1 {
            group.sort_by(|(_, a), (_, b)| by_version(builder, a, b));
        }
    }
    let mut rows: Vec<PendingRow> = keyed.into_iter().map(|(_, row)| row).collect();
    rows.dedup();
    rows
}

/// Lowest stretch first; equal versions in other spellings, and everything else, by their text.
fn by_version(builder: &Builder, a: &PendingRow, b: &PendingRow) -> Ordering {
    let text = |number: u32| builder.texts.text(number);
    let optional = |number: Option<u32>| number.map(text);
    let ecosystem = a.kind.ecosystem();
    let versions = |a: Option<&str>, b: Option<&str>| match (a, b, ecosystem) {
        (Some(a), Some(b), Some(ecosystem)) => ecosystem.compare(a, b),
        _ => Ordering::Equal,
    };
    let (note, other) = (&builder.notes[index(a.note)], &builder.notes[index(b.note)]);
    let details = |of: &PendingRow| {
        let note = &builder.notes[index(of.note)];
        let aliases = &builder.alias_lists[index(note.aliases)];
        let aliases: Vec<&str> = aliases.iter().map(|alias| text(*alias)).collect();
        (text(note.document), optional(note.module), of.status, note.severity, aliases)
    };
    a.introduced
        .is_some()
        .cmp(&b.introduced.is_some())
        .then_with(|| versions(optional(a.introduced), optional(b.introduced)))
        .then_with(|| b.end.is_some().cmp(&a.end.is_some()))
        .then_with(|| versions(optional(a.end), optional(b.end)))
        .then_with(|| a.inclusive.cmp(&b.inclusive))
        .then_with(|| {
            text(builder.feeds[index(note.feed)].name).cmp(text(builder.feeds[index(other.feed)].name))
        })
        .then_with(|| details(a).cmp(&details(b)))
        .then_with(|| optional(a.introduced).cmp(&optional(b.introduced)))
        .then_with(|| optional(a.end).cmp(&optional(b.end)))
        .then_with(|| optional(note.published).cmp(&optional(other.published)))
        .then_with(|| text(note.summary).cmp(text(other.summary)))
}

/// By id, feed and document.
fn sorted_vulnerabilities(
    builder: &Builder,
    ranks: &[u32],
    feeds: &[u32],
    mut all: Vec<PendingVulnerability>,
) -> Vec<PendingVulnerability> {
    let text = |number: u32| builder.texts.text(number);
    let optional = |number: Option<u32>| number.map(text);
    let vectors = |of: &PendingVulnerability| -> Vec<(&str, &str)> {
        vectors(builder, of).iter().map(|(who, vector)| (text(*who), text(*vector))).collect()
    };
    let key =
        |of: &PendingVulnerability| (ranks[index(of.id)], feeds[index(of.feed)], ranks[index(of.document)]);
    all.sort_unstable_by(|a, b| {
        key(a).cmp(&key(b)).then_with(|| {
            let details = |of: &PendingVulnerability| {
                (of.severity, of.ssvc, of.withdrawn, of.epss, optional(of.exploited), optional(of.published))
            };
            details(a)
                .cmp(&details(b))
                .then_with(|| text(a.summary).cmp(text(b.summary)))
                .then_with(|| vectors(a).cmp(&vectors(b)))
        })
    });
    all.dedup_by(|a, b| {
        PendingVulnerability { first_vector: b.first_vector, ..*a } == *b && vectors(a) == vectors(b)
    });
    all
}

fn vectors<'b>(builder: &'b Builder, of: &PendingVulnerability) -> &'b [(u32, u32)] {
    &builder.vectors[of.first_vector..of.first_vector + usize::from(of.vectors)]
}

struct Writer<'b> {
    builder: &'b Builder,
    /// Where each text of the builder begins in the section, once it was written.
    texts: Vec<u32>,
    sections: [Vec<u8>; SECTIONS],
}

impl Writer<'_> {
    fn text(&mut self, number: u32) -> Result<u32, BuildError> {
        let known = self.texts[index(number)];
        if known != NONE {
            return Ok(known);
        }
        let section = &mut self.sections[TEXTS];
        let at = to_u32(section.len(), "bytes of text")?;
        Texts::write(section, self.builder.texts.text(number));
        self.texts[index(number)] = at;
        Ok(at)
    }

    fn optional(&mut self, number: Option<u32>) -> Result<Option<u32>, BuildError> {
        number.map(|number| self.text(number)).transpose()
    }

    fn put(&mut self, section: usize, numbers: &[u32]) {
        self.sections[section].extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
    }

    fn count(&self, section: usize) -> Result<u32, BuildError> {
        to_u32(self.sections[section].len() / WIDTHS[section], "elements")
    }

    fn feeds(
        &mut self,
        feeds: &[u32],
        rows: &[PendingRow],
        vulnerabilities: &[PendingVulnerability],
    ) -> Result<(), BuildError> {
        let mut counts = vec![[0_u32; 2]; feeds.len()];
        for row in rows {
            counts[index(self.builder.notes[index(row.note)].feed)][0] += 1;
        }
        for vulnerability in vulnerabilities {
            counts[index(vulnerability.feed)][1] += 1;
        }
        let mut order: Vec<usize> = (0..feeds.len()).collect();
        order.sort_unstable_by_key(|at| feeds[*at]);
        for at in order {
            let feed = self.builder.feeds[at];
            let name = self.text(feed.name)?;
            let mut fields = [name, NONE, NONE, NONE, counts[at][0], counts[at][1]];
            for (field, text) in fields[1..4].iter_mut().zip(feed.state.into_iter().flatten()) {
                *field = self.optional(text)?.unwrap_or(NONE);
            }
            self.put(FEEDS, &fields);
        }
        Ok(())
    }

    /// Writes releases, packages, rows and the index of packages. Returns the notes in their new order.
    fn rows(&mut self, rows: &[PendingRow]) -> Result<Vec<u32>, BuildError> {
        let mut places = vec![NONE; self.builder.notes.len()];
        let mut order = Vec::new();
        let mut hashes = Vec::new();
        for of_release in rows.chunk_by(|a, b| (a.kind, a.release) == (b.kind, b.release)) {
            let release = [of_release[0].kind.0, self.text(of_release[0].release)?, self.count(PACKAGES)?];
            self.put(RELEASES, &release);
            for of_package in of_release.chunk_by(|a, b| a.package == b.package) {
                let name = of_package[0].package;
                hashes.push(find::hash(self.builder.texts.text(name)));
                let package = [self.text(name)?, self.count(ROWS)?];
                self.put(PACKAGES, &package);
                for row in of_package {
                    let place = &mut places[index(row.note)];
                    if *place == NONE {
                        *place = to_u32(order.len(), "notes")?;
                        order.push(row.note);
                    }
                    let note = *place;
                    let (introduced, end) = (self.optional(row.introduced)?, self.optional(row.end)?);
                    let PendingRow { status, inclusive, .. } = *row;
                    Row { introduced, end, note, status, inclusive }.write(&mut self.sections[ROWS]);
                }
            }
        }
        let (buckets, members) = find::index(&hashes)?;
        self.put(BUCKETS, &buckets);
        self.put(MEMBERS, &members);
        Ok(order)
    }

    fn notes(
        &mut self,
        order: &[u32],
        ranks: &[u32],
        feeds: &[u32],
        rows: &[PendingRow],
        vulnerabilities: &[PendingVulnerability],
    ) -> Result<(), BuildError> {
        let mut first_vulnerability = vec![NONE; self.builder.texts.count()];
        for (at, vulnerability) in (0_u32..).zip(vulnerabilities) {
            let first = &mut first_vulnerability[index(vulnerability.id)];
            *first = (*first).min(at);
        }
        let mut rows_of: Vec<Vec<u32>> = vec![Vec::new(); self.builder.notes.len()];
        for (at, row) in (0_u32..).zip(rows) {
            rows_of[index(row.note)].push(at);
        }
        let mut lists = vec![NONE; self.builder.alias_lists.len()];
        let mut ids: Vec<(u32, u32, u32)> = Vec::new();
        // The texts that are looked up come before those that are only shown.
        for number in order {
            let note = &self.builder.notes[index(*number)];
            self.text(note.id)?;
            self.text(note.document)?;
        }
        for (at, number) in (0_u32..).zip(order) {
            let note = self.builder.notes[index(*number)];
            let list = &self.builder.alias_lists[index(note.aliases)];
            if lists[index(note.aliases)] == NONE {
                lists[index(note.aliases)] = self.count(ALIASES)?;
                for alias in list {
                    let alias = self.text(*alias)?;
                    self.put(ALIASES, &[alias]);
                }
            }
            for id in [note.id, note.document].iter().chain(list) {
                ids.push((ranks[index(*id)], self.text(*id)?, at));
            }
            let first_row = self.count(NOTE_ROWS)?;
            self.put(NOTE_ROWS, &rows_of[index(*number)]);
            let first = first_vulnerability[index(note.id)];
            let written = Note {
                id: self.text(note.id)?,
                document: self.text(note.document)?,
                summary: self.text(note.summary)?,
                published: self.optional(note.published)?,
                module: self.optional(note.module)?,
                feed: feeds[index(note.feed)],
                first_alias: lists[index(note.aliases)],
                first_row,
                vulnerability: (first != NONE).then_some(first),
                aliases: u16::try_from(list.len()).map_err(|_| BuildError::TooMany("aliases"))?,
                severity: note.severity,
            };
            written.write(&mut self.sections[NOTES]);
        }
        ids.sort_unstable();
        ids.dedup();
        for (_, id, note) in ids {
            self.put(IDS, &[id, note]);
        }
        Ok(())
    }

    fn vulnerabilities(&mut self, feeds: &[u32], all: &[PendingVulnerability]) -> Result<(), BuildError> {
        for of in all {
            let first_vector = self.count(VECTORS)?;
            for (who, vector) in vectors(self.builder, of) {
                let pair = [self.text(*who)?, self.text(*vector)?];
                self.put(VECTORS, &pair);
            }
            let record = VulnerabilityRecord {
                id: self.text(of.id)?,
                document: self.text(of.document)?,
                summary: self.text(of.summary)?,
                published: self.optional(of.published)?,
                exploited: self.optional(of.exploited)?,
                epss: of.epss,
                feed: feeds[index(of.feed)],
                first_vector,
                vectors: of.vectors,
                severity: of.severity,
                ssvc: of.ssvc,
                withdrawn: of.withdrawn,
            };
            record.write(&mut self.sections[VULNERABILITIES]);
        }
        Ok(())
    }
}
