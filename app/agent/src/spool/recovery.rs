//! What is found in a spool's directory when it is opened: whole records, torn tails, damage.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::meta::Meta;
use super::record::Identity;
use super::segment::{self, Segment};
use crate::files;

pub(super) struct Recovered {
    pub(super) meta: Meta,
    /// Oldest first, each as long as its whole records.
    pub(super) segments: VecDeque<Segment>,
    /// Number of the next record.
    pub(super) next: u64,
    /// What was damaged, one sentence each.
    pub(super) damage: Vec<String>,
}

pub(super) fn recover(directory: &Path, fresh: Identity) -> io::Result<Recovered> {
    let mut damage = Vec::new();
    let mut segments = list(directory)?;
    let mut meta = match Meta::load(directory) {
        Some(meta) => meta,
        None => {
            let known = segments.iter().find_map(|segment| read_identity(&segment.path));
            if known.is_some() {
                damage.push("the spool's meta.json was unreadable; events are sent again".to_owned());
            }
            Meta::new(known.unwrap_or(fresh))
        }
    };
    set_strangers_aside(&mut segments, &meta.identity, &mut damage)?;
    if let Some(oldest) = segments.front() {
        meta.acked = meta.acked.max(oldest.first - 1);
    }
    let last = measure(&mut segments, &mut meta, &mut damage)?;
    let next = last.max(meta.acked) + 1;
    meta.counted = next - 1;
    meta.save(directory)?;
    Ok(Recovered { meta, segments, next, damage })
}

/// The segments in a directory, oldest first, with the sizes of their files.
fn list(directory: &Path) -> io::Result<VecDeque<Segment>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let entry = entry?;
        if let Some(first) = entry.file_name().to_str().and_then(segment::first_of).filter(|first| *first > 0)
        {
            found.push(Segment { first, path: entry.path(), bytes: entry.metadata()?.len() });
        }
    }
    found.sort_by_key(|segment| segment.first);
    Ok(found.into())
}

fn read_identity(path: &Path) -> Option<Identity> {
    let mut header = [0; segment::HEADER_BYTES];
    File::open(path).and_then(|file| file.read_exact_at(&mut header, 0)).ok()?;
    segment::identity(&header)
}

/// Renames segments that are not of this spool, so that they are neither sent nor lost.
fn set_strangers_aside(
    found: &mut VecDeque<Segment>,
    identity: &Identity,
    damage: &mut Vec<String>,
) -> io::Result<()> {
    let newest = found.back().map(|segment| segment.first);
    let mut kept = VecDeque::new();
    for stranger in found.drain(..) {
        if read_identity(&stranger.path) == Some(*identity) {
            kept.push_back(stranger);
        } else if Some(stranger.first) == newest && stranger.bytes < segment::HEADER_BYTES as u64 {
            // Its creation was cut short: nothing was ever written to it.
            std::fs::remove_file(&stranger.path)?;
        } else {
            let aside = stranger.path.with_extension("damaged");
            std::fs::rename(&stranger.path, &aside)?;
            damage.push(format!(
                "a spool segment has no valid header and was set aside as {}",
                aside.display()
            ));
        }
    }
    *found = kept;
    Ok(())
}

/// Finds the end of each segment, counts records that are missing, and answers the last number.
fn measure(found: &mut VecDeque<Segment>, meta: &mut Meta, damage: &mut Vec<String>) -> io::Result<u64> {
    let bounds: Vec<u64> = found.iter().skip(1).map(|segment| segment.first).chain([u64::MAX]).collect();
    let mut last = meta.acked;
    let mut missing = 0;
    for (segment, until) in found.iter_mut().zip(bounds) {
        let bytes = files::read_bounded(&segment.path, 1 << 30)?;
        let scan = segment::scan(&meta.identity, &bytes, until);
        for seq in scan.seqs {
            let from = last.max(meta.counted) + 1;
            missing += seq.saturating_sub(from);
            last = last.max(seq);
        }
        if until != u64::MAX {
            missing += (until - 1).saturating_sub(last.max(meta.counted));
            last = last.max(until - 1);
        }
        segment.bytes = scan.end as u64;
    }
    // A segment's name is a promise too: numbers below it were given.
    last = last.max(found.back().map_or(0, |segment| segment.first - 1));
    if missing > 0 {
        meta.lost += missing;
        damage.push(format!("{missing} events in the spool were damaged on disk and are lost"));
    }
    Ok(last)
}

/// Opens the segment that is written on, without its torn tail.
pub(super) fn truncate(segment: &Segment) -> io::Result<File> {
    let file = OpenOptions::new().write(true).open(&segment.path)?;
    if file.metadata()?.len() != segment.bytes {
        file.set_len(segment.bytes)?;
        file.sync_all()?;
    }
    Ok(file)
}
