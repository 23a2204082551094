//! What is mounted in a container, and how each mount is to be watched.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

/// The kernel allows 100,000 mounts in a namespace; a line has at most a few paths.
const TEXT_LIMIT: u64 = 64 << 20;

/// File systems that hold no content of their own that could be executed.
const WITHOUT_FILES: [&str; 18] = [
    "autofs",
    "binfmt_misc",
    "bpf",
    "cgroup",
    "cgroup2",
    "configfs",
    "debugfs",
    "devpts",
    "efivarfs",
    "fusectl",
    "mqueue",
    "nsfs",
    "proc",
    "pstore",
    "rpc_pipefs",
    "securityfs",
    "sysfs",
    "tracefs",
];

/// File systems whose content comes from another process or machine, which may fail to answer.
const REMOTE: [&str; 10] =
    ["9p", "afs", "ceph", "cifs", "fuse", "fuseblk", "gfs2", "lustre", "smb3", "virtiofs"];

/// One line of `/proc/PID/mountinfo`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Mount {
    pub(crate) id: u64,
    pub(crate) device: (u32, u32),
    pub(crate) point: PathBuf,
    pub(crate) kind: String,
}

/// How far a mark reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// All mounts of the file system, also those that the container makes later.
    FileSystem,
    /// This mount alone, because the host uses the file system too.
    Mount,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Target {
    pub(crate) mount: Mount,
    pub(crate) reach: Reach,
    pub(crate) remote: bool,
}

/// The mounts that the process can reach.
pub(crate) fn read(pid: u32) -> io::Result<Vec<Mount>> {
    let mut text = Vec::new();
    File::open(format!("/proc/{pid}/mountinfo"))?.take(TEXT_LIMIT + 1).read_to_end(&mut text)?;
    let whole = u64::try_from(text.len()).is_ok_and(|length| length <= TEXT_LIMIT);
    // Skipping a line would leave a mount unwatched.
    whole.then(|| parse(&text)).flatten().ok_or_else(|| io::ErrorKind::InvalidData.into())
}

fn parse(text: &[u8]) -> Option<Vec<Mount>> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parse_line).collect()
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime master:1 - ext3 /dev/root rw` (proc(5)): a variable number of fields
/// precedes the dash.
fn parse_line(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let mut next = || fields.next();
    let id = number(next()?)?;
    let _parent = next()?;
    let device = str::from_utf8(next()?).ok()?;
    let (major, minor) = device.split_once(':')?;
    let _root = next()?;
    let point = PathBuf::from(unescape(next()?));
    fields.find(|field| *field == b"-")?;
    let kind = String::from_utf8_lossy(fields.next()?).into_owned();
    Some(Mount { id, device: (major.parse().ok()?, minor.parse().ok()?), point, kind })
}

fn number(field: &[u8]) -> Option<u64> {
    str::from_utf8(field).ok()?.parse().ok()
}

/// Space, tab, newline, backslash and `#` are written as a backslash and three octal digits.
fn unescape(field: &[u8]) -> OsString {
    let mut bytes = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&byte, tail)) = rest.split_first() {
        match tail {
            [a @ b'0'..=b'3', b @ b'0'..=b'7', c @ b'0'..=b'7', after @ ..] if byte == b'\\' => {
                bytes.push((a - b'0') << 6 | (b - b'0') << 3 | (c - b'0'));
                rest = after;
            }
            _ => {
                bytes.push(byte);
                rest = tail;
            }
        }
    }
    OsString::from_vec(bytes)
}

/// What to mark so that nothing under `base`, as the container's process sees it, is executed unseen.
pub(crate) fn plan(container: &[Mount], host: &[Mount], base: &Path) -> Vec<Target> {
    let host_devices: HashSet<_> = host.iter().map(|mount| mount.device).collect();
    let host_root = host.iter().rev().find(|mount| mount.point == Path::new("/")).map(|mount| mount.device);
    let root = root_mount(container, base);
    let inside = container.iter().filter(|mount| is_inside(mount, base, root));
    let target = |mount: &Mount| {
        // An engine mounts a container's own layers where the host sees them too; still nobody else's files
        // are in there. Anything else that the host has mounted belongs to the host.
        let own_layers = Some(mount.id) == root
            && mount.kind == "overlay"
            && host_root.is_some_and(|host| host != mount.device);
        let own = own_layers || !host_devices.contains(&mount.device);
        Target {
            reach: if own { Reach::FileSystem } else { Reach::Mount },
            remote: is_remote(&mount.kind),
            mount: mount.clone(),
        }
    };
    inside.filter(|mount| !WITHOUT_FILES.contains(&mount.kind.as_str())).map(target).collect()
}

pub(super) fn is_inside(mount: &Mount, base: &Path, root: Option<u64>) -> bool {
    mount.point.starts_with(base) || Some(mount.id) == root
}

/// The mount on which `base` lies: the last one on the longest mount point.
pub(super) fn root_mount(container: &[Mount], base: &Path) -> Option<u64> {
    let around = container.iter().filter(|mount| base.starts_with(&mount.point));
    // Of equally long ones `max_by_key` takes the last, which covers the others.
    around.max_by_key(|mount| mount.point.as_os_str().as_bytes().len()).map(|mount| mount.id)
}

pub(crate) fn is_remote(kind: &str) -> bool {
    REMOTE.contains(&kind) || kind.starts_with("fuse.") || kind.starts_with("nfs")
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const HOST: &str = "\
21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
22 21 0:5 / /dev rw - devtmpfs devtmpfs rw
23 22 0:20 / /dev/shm rw - tmpfs tmpfs rw
24 21 0:50 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw,lowerdir=l
25 21 0:51 / /var/lib/docker/containers/c/mounts/shm rw - tmpfs shm rw
26 21 8:17 / /srv rw - ext4 /dev/sdb1 rw
";
    /// Before the change of root: the host's mounts are copied, the container's are below its root.
    const STARTING: &str = "\
121 1 8:1 / / rw,relatime master:1 - ext4 /dev/sda1 rw
124 121 0:50 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw
130 124 0:50 / /var/lib/docker/overlay2/abc/merged rw - overlay overlay rw
131 130 0:60 / /var/lib/docker/overlay2/abc/merged/proc rw - proc proc rw
132 130 0:61 / /var/lib/docker/overlay2/abc/merged/dev rw - tmpfs tmpfs rw
133 132 0:62 / /var/lib/docker/overlay2/abc/merged/dev/pts rw - devpts devpts rw
134 132 0:51 / /var/lib/docker/overlay2/abc/merged/dev/shm rw - tmpfs shm rw
135 130 8:1 /var/lib/docker/containers/c/hosts /var/lib/docker/overlay2/abc/merged/etc/hosts rw - ext4 /dev/sda1 rw
136 130 8:17 /my\\040data /var/lib/docker/overlay2/abc/merged/my\\040data rw - ext4 /dev/sdb1 rw
137 130 0:70 / /var/lib/docker/overlay2/abc/merged/mnt rw - fuse.sshfs x rw
";

    fn summary(targets: &[Target]) -> Vec<(u64, Reach, bool)> {
        targets.iter().map(|target| (target.mount.id, target.reach, target.remote)).collect()
    }

    #[test]
    fn a_starting_container_is_marked_without_touching_the_host() {
        let host = parse(HOST.as_bytes()).unwrap();
        let base = Path::new("/var/lib/docker/overlay2/abc/merged");
        let targets = plan(&parse(STARTING.as_bytes()).unwrap(), &host, base);
        assert_eq!(
            summary(&targets),
            [
                (124, Reach::Mount, false),
                (130, Reach::FileSystem, false),
                (132, Reach::FileSystem, false),
                (134, Reach::Mount, false),
                (135, Reach::Mount, false),
                (136, Reach::Mount, false),
                (137, Reach::FileSystem, true),
            ]
        );
        assert_eq!(targets[5].mount.point, base.join("my data"));
    }

    #[test]
    fn a_running_container_is_marked_from_its_root() {
        let host = parse(HOST.as_bytes()).unwrap();
        let text = STARTING
            .replace("/var/lib/docker/overlay2/abc/merged", "")
            .replace("/ rw - over", "// rw - over");
        let running: Vec<_> = text.lines().skip(2).map(|line| line.replace("0:50 //", "0:50 / /")).collect();
        let running = parse(running.join("\n").as_bytes()).unwrap();
        let targets = plan(&running, &host, Path::new("/"));
        assert_eq!(summary(&targets)[0], (130, Reach::FileSystem, false));
        assert_eq!(targets.len(), 6);
    }

    #[test]
    fn a_root_on_a_file_system_of_the_host_is_marked_by_its_mount_alone() {
        let host = parse(HOST.as_bytes()).unwrap();
        let bind = "121 1 8:1 / / rw - ext4 d rw\n140 121 8:1 /bundle/rootfs /bundle/rootfs rw - ext4 d rw\n";
        let targets = plan(&parse(bind.as_bytes()).unwrap(), &host, Path::new("/bundle/rootfs"));
        assert_eq!(summary(&targets), [(140, Reach::Mount, false)]);
        let plain = "121 1 8:1 / / rw - ext4 d rw\n";
        let targets = plan(&parse(plain.as_bytes()).unwrap(), &host, Path::new("/bundle/rootfs"));
        assert_eq!(summary(&targets), [(121, Reach::Mount, false)]);
        // A host that itself lives on an overlay.
        let overlay = parse(b"1 0 0:9 / / rw - overlay o rw\n").unwrap();
        assert_eq!(plan(&overlay, &overlay, Path::new("/"))[0].reach, Reach::Mount);
    }

    #[test]
    fn names_may_hold_escaped_characters() {
        assert_eq!(unescape(br"/a\040b\011\134\043"), "/a b\t\\#");
        assert_eq!(unescape(br"/a\04"), r"/a\04");
        assert_eq!(parse(b"36 35 x /a /b rw - ext4 d rw\n"), None);
    }

    proptest! {
        #[test]
        fn never_panics(text in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = parse(&text);
            let _ = parse_line(&text);
        }

        #[test]
        fn reads_any_mount_point(name in prop::collection::vec(1u8..=255, 1..40)) {
            let escaped: Vec<u8> = name
                .iter()
                .flat_map(|byte| match byte {
                    b' ' | b'\t' | b'\n' | b'\\' | b'#' => format!("\\{byte:03o}").into_bytes(),
                    _ => vec![*byte],
                })
                .collect();
            let mut line = b"1 0 0:9 / /".to_vec();
            line.extend(&escaped);
            line.extend(b" rw shared:2 - tmpfs t rw");
            let mount = parse(&line).unwrap().remove(0);
            prop_assert_eq!(&mount.point.as_os_str().as_bytes()[1..], &name[..]);
        }
    }
}
