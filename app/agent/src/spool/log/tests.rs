//! A log that is written, killed, cut off and read again, against a model of what it promised.

use proptest::prelude::*;

use super::super::group::Builder;
use super::super::reader::{Cursor, View};
use super::*;

const LIMIT: u64 = 64 << 10;
const FRESH: Identity = [9; 16];

fn open(directory: &Path) -> (Log, Vec<String>) {
    Log::open(directory, LIMIT, FRESH).unwrap()
}

fn payload(seq: u64, size: usize) -> Vec<u8> {
    let mut payload = format!("{seq}:").into_bytes();
    payload.resize(payload.len() + size, b'x');
    payload
}

fn group(size: usize, importance: Importance) -> Group {
    Group { records: vec![Box::new(move |seq| payload(seq, size))], importance }
}

fn read_all(log: &Log) -> (Vec<(u64, Vec<u8>)>, u64) {
    let view = View {
        identity: *log.identity(),
        segments: log.segments(),
        last: log.last(),
        counted: log.counted(),
    };
    let mut cursor = Cursor::at(log.acked());
    let (mut records, mut unreadable) = (Vec::new(), 0);
    while cursor.after() < view.last {
        let batch = cursor.read(&view, 7, 4096);
        records.extend(batch.records);
        unreadable += batch.unreadable;
    }
    (records, unreadable)
}

#[derive(Debug, Clone)]
enum Step {
    Append(Vec<usize>),
    Ack(u64),
    Reopen,
    /// Rubbish behind the last record, as a write that was cut short leaves it.
    Torn(Vec<u8>),
    LoseMeta,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::collection::vec(0usize..3000, 1..8).prop_map(Step::Append),
        2 => (0u64..40).prop_map(Step::Ack),
        1 => Just(Step::Reopen),
        1 => proptest::collection::vec(any::<u8>(), 0..60).prop_map(Step::Torn),
        1 => Just(Step::LoseMeta),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// Whatever happens, what was answered for and not acknowledged is read back, once and in order.
    #[test]
    fn keeps_what_it_promised(steps in proptest::collection::vec(step(), 1..40)) {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = open(directory.path());
        let mut promised = Vec::new();
        let mut acked = 0;
        for step in steps {
            match step {
                Step::Append(sizes) => {
                    let groups = sizes.iter().map(|size| group(*size, Importance::Decision)).collect();
                    for (size, result) in sizes.iter().zip(log.append(groups)) {
                        match result {
                            Ok(seq) => promised.push((seq, payload(seq, *size))),
                            Err(error) => prop_assert_eq!(error, SpoolError::Full { mebibytes: 0 }),
                        }
                    }
                }
                Step::Ack(more) => {
                    acked = (acked + more).min(log.last());
                    log.ack(acked);
                    log.save_meta();
                }
                Step::Reopen => {
                    drop(log);
                    log = open(directory.path()).0;
                }
                Step::Torn(rubbish) => {
                    let end = log.segments.back().unwrap().bytes;
                    log.active.write_all_at(&rubbish, end).unwrap();
                    drop(log);
                    log = open(directory.path()).0;
                }
                Step::LoseMeta => {
                    drop(log);
                    std::fs::remove_file(directory.path().join("meta.json")).unwrap();
                    log = open(directory.path()).0;
                    prop_assert_eq!(log.identity(), &FRESH);
                    prop_assert!(log.acked() <= acked);
                }
            }
            let (records, unreadable) = read_all(&log);
            let unsent: Vec<_> = records.into_iter().filter(|(seq, _)| *seq > acked).collect();
            let expected: Vec<_> = promised.iter().filter(|(seq, _)| *seq > acked).cloned().collect();
            prop_assert_eq!(unsent, expected);
            prop_assert_eq!(unreadable, 0);
            prop_assert_eq!(log.lost(), 0);
        }
    }

    /// A crash at any byte leaves the records that were whole; the next number follows them.
    #[test]
    fn a_cut_at_any_byte_leaves_the_whole_records(sizes in proptest::collection::vec(0usize..300, 1..20), cut in any::<prop::sample::Index>()) {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = open(directory.path());
        let mut ends = Vec::new();
        for size in &sizes {
            log.append(vec![group(*size, Importance::Event)])[0].clone().unwrap();
            ends.push(log.segments.back().unwrap().bytes);
        }
        let segment = log.segments.back().unwrap().clone();
        drop(log);
        let cut = cut.index(usize::try_from(segment.bytes).unwrap()) as u64;
        OpenOptions::new().write(true).open(&segment.path).unwrap().set_len(cut).unwrap();
        let (mut log, damage) = open(directory.path());
        let whole = ends.iter().filter(|end| **end <= cut).count() as u64;
        prop_assert_eq!(log.last(), whole);
        prop_assert_eq!(damage.len(), 0);
        prop_assert_eq!(log.append(vec![group(5, Importance::Event)])[0].clone(), Ok(whole + 1));
        prop_assert_eq!(read_all(&log).0.len() as u64, whole + 1);
    }

    /// A flipped byte costs the record it is in, is counted once, and nothing else.
    #[test]
    fn damage_is_counted_not_hidden(sizes in proptest::collection::vec(0usize..300, 2..20), place in any::<prop::sample::Index>()) {
        let directory = tempfile::tempdir().unwrap();
        let (mut log, _) = open(directory.path());
        for size in &sizes {
            log.append(vec![group(*size, Importance::Event)])[0].clone().unwrap();
        }
        let segment = log.segments.back().unwrap().clone();
        drop(log);
        let mut bytes = std::fs::read(&segment.path).unwrap();
        let place = segment::HEADER_BYTES + place.index(bytes.len() - segment::HEADER_BYTES);
        bytes[place] ^= 0x20;
        std::fs::write(&segment.path, &bytes).unwrap();
        for _ in 0..2 {
            let (mut log, _) = open(directory.path());
            log.append(vec![group(0, Importance::Event)])[0].clone().unwrap();
            let (records, unreadable) = read_all(&log);
            prop_assert_eq!(unreadable, 0);
            prop_assert!(records.windows(2).all(|pair| pair[0].0 < pair[1].0));
            let own = |(seq, payload): &(u64, Vec<u8>)| payload.starts_with(format!("{seq}:").as_bytes());
            prop_assert!(records.iter().all(own));
            prop_assert!(log.lost() <= 1);
        }
    }
}

#[test]
fn the_last_eighth_is_for_decisions() {
    let directory = tempfile::tempdir().unwrap();
    let (mut log, _) = open(directory.path());
    while log.append(vec![group(500, Importance::Event)])[0].is_ok() {}
    assert_eq!(log.append(vec![group(500, Importance::Decision)])[0], Ok(log.last()));
    while log.append(vec![group(500, Importance::Decision)])[0].is_ok() {}
    log.ack(log.last());
    assert!(log.append(vec![group(500, Importance::Event)])[0].is_ok(), "acknowledged segments are deleted");
}

#[test]
fn a_group_is_kept_whole_or_not_at_all() {
    let directory = tempfile::tempdir().unwrap();
    let (mut log, _) = open(directory.path());
    let records: Vec<Builder> =
        vec![Box::new(|_| vec![0; 10]), Box::new(|_| vec![0; record::PAYLOAD_BYTES + 1])];
    assert_eq!(
        log.append(vec![Group { records, importance: Importance::Decision }])[0],
        Err(SpoolError::TooLong)
    );
    assert_eq!(log.last(), 0);
    assert_eq!(log.append(vec![group(1, Importance::Decision)])[0], Ok(1));
}
