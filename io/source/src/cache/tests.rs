use std::os::unix::fs::PermissionsExt as _;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;

use super::*;
use crate::layer::Window;

fn cache(folder: &Path, most: u64) -> Cache {
    Cache::open(folder, "1", most).unwrap()
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort_unstable();
    names
}

#[test]
fn keeps_what_was_put() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("deep/er");
    let cache = cache(&folder, DEFAULT_BYTES);
    let key = cache.key(&[b"a", b"b"]);
    assert_eq!(cache.get(key), None);
    cache.put(key, b"content");
    assert_eq!(cache.get(key).as_deref(), Some(&b"content"[..]));
    cache.put(key, b"");
    assert_eq!(cache.get(key).as_deref(), Some(&b""[..]));
    assert_eq!(cache.get(cache.key(&[b"ab", b""])), None);
    assert_eq!(fs::metadata(&folder).unwrap().permissions().mode() & 0o777, 0o700);
    assert_eq!(cache.trouble(), None);
}

#[test]
fn another_version_finds_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let one = cache(directory.path(), DEFAULT_BYTES);
    one.put(one.key(&[b"a"]), b"x");
    let other = Cache::open(directory.path(), "2", DEFAULT_BYTES).unwrap();
    assert_eq!(other.get(other.key(&[b"a"])), None);
}

#[test]
fn a_folder_of_others_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let error = Cache::open(directory.path(), "1", 1).unwrap_err();
    assert!(matches!(error, CacheError::Untrusted { .. }), "{error}");
    let file = directory.path().join("file");
    fs::write(&file, "").unwrap();
    assert!(matches!(Cache::open(&file, "1", 1), Err(CacheError::Untrusted { .. })));
    assert!(matches!(Cache::open(&file.join("below"), "1", 1), Err(CacheError::Folder { .. })));
}

#[test]
fn what_was_not_used_for_longest_goes_first() {
    let directory = tempfile::tempdir().unwrap();
    let cache = cache(directory.path(), 10_000);
    let key = |number: u8| cache.key(&[&[number]]);
    for number in 0..8 {
        cache.put(key(number), &[number; 1_000]);
        let used = SystemTime::now() - Duration::from_secs(1_000 - u64::from(number));
        File::options().write(true).open(cache.path(key(number))).unwrap().set_modified(used).unwrap();
    }
    assert!(cache.get(key(0)).is_some());
    for number in 8..11 {
        cache.put(key(number), &[number; 1_000]);
    }
    let left: Vec<u8> = (0..11).filter(|number| cache.path(key(*number)).exists()).collect();
    assert!(left.contains(&0) && left.contains(&10) && !left.contains(&1), "{left:?}");
    assert!(left.len() <= 9);
    // What would push out all others is not kept at all.
    cache.put(key(99), &[0; 5_000]);
    assert_eq!((cache.get(key(99)), cache.trouble()), (None, None));
    assert!(!names(directory.path()).iter().any(|name| name.starts_with(folder::UNFINISHED)));
}

#[test]
fn what_nobody_finishes_is_removed_and_what_is_not_ours_stays() {
    let directory = tempfile::tempdir().unwrap();
    let at = |name: &str| directory.path().join(name);
    for name in ["unfinished-1-1", "unfinished-2-2", "notes.txt"] {
        fs::write(at(name), "x").unwrap();
    }
    let old = SystemTime::now() - Duration::from_secs(7_200);
    for name in ["unfinished-1-1", "notes.txt"] {
        File::options().write(true).open(at(name)).unwrap().set_modified(old).unwrap();
    }
    let cache = cache(directory.path(), 1);
    cache.put(cache.key(&[]), b"");
    cache.keep_within_bounds(1);
    assert_eq!(names(directory.path())[..], ["notes.txt", "unfinished-2-2"]);
}

#[test]
fn a_folder_that_went_away_is_told_once_and_stops_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let folder = directory.path().join("c");
    let cache = cache(&folder, DEFAULT_BYTES);
    fs::remove_dir(&folder).unwrap();
    let key = cache.key(&[b"a"]);
    cache.put(key, b"x");
    cache.put(key, b"y");
    assert_eq!(cache.get(key), None);
    assert!(cache.trouble().unwrap().contains(&*folder.to_string_lossy()));
}

#[test]
fn runs_side_by_side_see_whole_entries_only() {
    let directory = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4_u8 {
            let folder = directory.path();
            scope.spawn(move || {
                let cache = cache(folder, DEFAULT_BYTES);
                let key = cache.key(&[b"shared"]);
                for _ in 0..50 {
                    cache.put(key, &[writer; 10_000]);
                    let read = cache.get(key).unwrap();
                    assert!(read.len() == 10_000 && read.iter().all(|byte| *byte == read[0]));
                }
            });
        }
    });
    assert_eq!(names(directory.path()).len(), 1);
}

fn sound() -> Sound {
    Sound::new(true.into())
}

fn settled(path: &Path) -> Window {
    std::thread::sleep(Duration::from_millis(80));
    let file = File::open(path).unwrap();
    let length = file.metadata().unwrap().len();
    Window::new(Arc::new(file), length)
}

#[test]
fn a_file_that_changed_is_another_tree() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("image.tar");
    let config = Digest::from_bytes([1; 32]);
    fs::write(&path, "content").unwrap();
    let just_written = Window::new(Arc::new(File::open(&path).unwrap()), 7);
    assert!(Identity::of_windows(config, &[just_written], sound()).is_none());

    let window = settled(&path);
    let of = |windows: &[Window]| Identity::of_windows(config, windows, sound()).unwrap();
    let known = of(std::slice::from_ref(&window));
    assert_eq!(known.digest(), of(std::slice::from_ref(&settled(&path))).digest());
    assert_ne!(known.digest(), of(std::slice::from_ref(&window.part(1, 2))).digest());
    assert_ne!(known.digest(), of(&[window.clone(), window.clone()]).digest());
    assert!(known.holds());

    // The same size and the same time of content: what is left is the kernel's own clock.
    let modified = fs::metadata(&path).unwrap().modified().unwrap();
    fs::write(&path, "CONTENT").unwrap();
    File::options().write(true).open(&path).unwrap().set_modified(modified).unwrap();
    assert!(!known.holds());
    assert_ne!(known.digest(), of(std::slice::from_ref(&settled(&path))).digest());
}

#[test]
fn what_was_not_read_well_is_not_kept() {
    let config = Digest::from_bytes([1; 32]);
    let sound = Sound::default();
    let identity = Identity::of_blobs(config, &[config], Arc::clone(&sound));
    assert!(!identity.holds());
    sound.store(true, Ordering::Release);
    assert!(identity.holds());
    let engine = |socket: &str| Identity::of_engine(Path::new(socket), config, Arc::clone(&sound)).digest();
    assert_ne!(engine("/run/a.sock"), engine("/run/b.sock"));
    assert_ne!(engine("/run/a.sock"), identity.digest());
}

proptest! {
    #[test]
    fn any_damage_is_a_miss(content in prop::collection::vec(any::<u8>(), 0..300), at in any::<prop::sample::Index>(), bit in 0..8_u32, cut in any::<bool>()) {
        let directory = tempfile::tempdir().unwrap();
        let cache = cache(directory.path(), DEFAULT_BYTES);
        let key = cache.key(&[b"a"]);
        cache.put(key, &content);
        let mut bytes = fs::read(cache.path(key)).unwrap();
        let at = at.index(bytes.len());
        if cut {
            bytes.truncate(at);
        } else {
            bytes[at] ^= 1_u8 << bit;
        }
        fs::write(cache.path(key), bytes).unwrap();
        prop_assert_eq!(cache.get(key), None);
    }
}
