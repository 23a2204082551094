//! Directories: OCI layouts, and trees that are no images.

use std::path::Path;
use std::process::Command;

use lazaret_source::{ErrorClass, Source, SourceError, Target, open};

use crate::made::{Made, Packing, write};
use crate::support::{essence, list, listed, listed_archive, options};

fn unpack(archive: &Path, into: &Path) {
    std::fs::create_dir(into).unwrap();
    let status = Command::new("tar").arg("-xf").arg(archive).arg("-C").arg(into).status().unwrap();
    assert!(status.success());
}

#[tokio::test]
async fn a_layout_is_the_same_image_as_its_archive() {
    let directory = tempfile::tempdir().unwrap();
    for packing in [Packing::Plain, Packing::Gzip, Packing::Zstd] {
        let name = format!("{packing:?}");
        let archive =
            write(directory.path(), &format!("{name}.tar"), &Made::small().layout(packing, "shop:1"));
        let layout = directory.path().join(&name);
        unpack(&archive, &layout);
        let expected = listed_archive(&archive).await.unwrap();
        let named =
            |image: Option<&str>| Target::Layout { path: layout.clone(), image: image.map(str::to_owned) };
        let detected = Target::Detect(layout.display().to_string());
        for target in [named(None), named(Some("shop:1")), detected] {
            let found = listed(&target, &options()).await.unwrap();
            assert_eq!((&found.lines, &found.problems), (&expected.lines, &Vec::new()), "{target}");
            assert_eq!(essence(&found.image), essence(&expected.image));
            assert_eq!(found.image.manifest, expected.image.manifest);
            assert_eq!(found.opened.source, Source::Layout);
        }
        let error = listed(&named(Some("other:1")), &options()).await.err().unwrap();
        assert!(matches!(error, SourceError::NotInArchive { .. }), "{error}");
    }
}

#[tokio::test]
async fn layouts_that_are_not_whole_are_refused() {
    let directory = tempfile::tempdir().unwrap();
    let image = Made::small();
    let archive = write(directory.path(), "image.tar", &image.layout(Packing::Plain, ""));
    let layout = directory.path().join("layout");
    unpack(&archive, &layout);
    let target = Target::Layout { path: layout.clone(), image: None };
    let config = layout.join("blobs/sha256").join(image.id().hex());
    std::fs::write(&config, "{}").unwrap();
    let error = open(&target, &options()).await.err().unwrap();
    assert!(error.to_string().contains("does not have the digest"), "{error}");
    std::fs::remove_file(&config).unwrap();
    let error = open(&target, &options()).await.err().unwrap();
    assert!(error.to_string().contains("lacks its member"), "{error}");
    // Waiting for the other end of a pipe would take forever.
    assert!(Command::new("mkfifo").arg(&config).status().unwrap().success());
    assert!(open(&target, &options()).await.is_err());
    std::fs::remove_file(layout.join("index.json")).unwrap();
    let error = open(&target, &options()).await.err().unwrap();
    assert!(matches!(error, SourceError::NotAnImage { .. }), "{error}");
    let none = Target::Layout { path: directory.path().join("none"), image: None };
    assert_eq!(open(&none, &options()).await.err().unwrap().class(), ErrorClass::Input);
}

#[tokio::test]
async fn a_directory_is_a_tree_without_an_image() {
    let directory = tempfile::tempdir().unwrap();
    std::fs::create_dir(directory.path().join("src")).unwrap();
    std::fs::write(directory.path().join("src/Cargo.lock"), "version = 4\n").unwrap();
    let path = directory.path().to_owned();
    let shown = path.display().to_string();
    for (target, source) in [
        (Target::Directory(path.clone()), Source::Directory),
        (Target::RootFileSystem(path.clone()), Source::RootFileSystem),
        (Target::Detect(shown.clone()), Source::Directory),
    ] {
        let mut opened = open(&target, &options()).await.unwrap();
        assert!(opened.image.is_none() && opened.reference.is_none());
        assert_eq!((opened.source, &opened.name), (source, &shown));
        let (lines, problems) = list(&mut *opened.tree);
        assert_eq!((lines.len(), problems.len()), (2, 0), "{lines:?} {problems:?}");
        assert!(lines[1].starts_with("\"src/Cargo.lock\" file:12 "), "{lines:?}");
    }
}

#[tokio::test]
async fn the_running_system_can_be_walked() {
    // Only what it takes to say that nothing below is followed or entered that should not be.
    let mut opened = open(&Target::RootFileSystem("/etc".into()), &options()).await.unwrap();
    let (lines, _) = list(&mut *opened.tree);
    let found = walkdir("/etc".as_ref());
    assert_eq!(lines.len(), found, "as many entries as `find` sees");
}

fn walkdir(path: &Path) -> usize {
    let found = Command::new("find").arg(path).args(["-mindepth", "1", "-printf", "x"]).output().unwrap();
    found.stdout.len()
}
