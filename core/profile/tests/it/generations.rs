//! From one build of an image to the next.

use lazaret_model::{Digest, Dimension, FileOperation};
use lazaret_profile::{ImageExecutable, Mode, Side, State, derive, diff, provisional};

use crate::shop;

#[test]
fn a_new_build_begins_with_what_its_predecessor_did() {
    let old = shop::profile(Mode::Block);
    let mut image = shop::image();
    image.config = Digest::from_bytes([10; 32]);
    // Perl was updated, the tool is gone, and a new program came.
    let executables = [
        ImageExecutable { path: "usr/bin/perl", sha256: [21; 32], mode: 0o755, capable: false },
        ImageExecutable { path: "usr/bin/ping", sha256: [22; 32], mode: 0o755, capable: true },
    ];
    let derived = derive(&image, &executables);
    let new = provisional(&old, &derived, &executables);
    assert_eq!(new.state, State::Provisional);
    assert_eq!(new.subject, derived.subject);
    assert_eq!(new.executables.set_user_id, ["/usr/bin/ping"]);
    let paths: Vec<_> =
        new.processes.iter().map(|process| (process.executable.as_str(), process.digest)).collect();
    assert_eq!(paths, [("/usr/bin/perl", Some(Digest::from_bytes([21; 32])))]);
    assert_eq!(new.files, old.files);
    assert_eq!(new.network, old.network);
    assert_eq!(new.modes.of(Dimension::Executables), Mode::Block);
    assert_eq!(new.modes.of(Dimension::Files), Mode::Alert);

    let mut gone = executables.to_vec();
    gone.remove(0);
    let without = provisional(&old, &derive(&image, &gone), &gone);
    assert!(without.files.is_empty() && without.secrets.is_empty() && without.network.connect.is_empty());
}

#[test]
fn differences_are_told_entry_by_entry() {
    let old = shop::profile(Mode::Alert);
    assert_eq!(diff(&old, &old), []);
    let mut new = old.clone();
    new.modes.set(Dimension::Network, Mode::Block);
    new.network.listen.clear();
    let mut rule = new.files[0].clone();
    rule.operations = vec![FileOperation::Read];
    new.files.push(rule);
    new.sort();
    let changes = diff(&old, &new);
    let told: Vec<_> = changes
        .iter()
        .map(|change| {
            let sign = if change.side == Side::Added { '+' } else { '-' };
            format!("{sign}{} {}", change.section, change.entry)
        })
        .collect();
    assert_eq!(
        told,
        [
            "-modes.network alert",
            "+modes.network block",
            "+files {path: /srv/data/app.pid, by: /usr/bin/perl, operations: [read]}",
            "-network.listen {transport: tcp, port: 8080, by: /usr/bin/perl}",
        ]
    );
}
