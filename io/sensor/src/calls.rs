//! Which system calls are looked at, and what is taken of each: the tables that `bpf/call.h` works by.
//!
//! A number means different calls on different architectures, and a 64-bit process of x86 may make 32-bit calls,
//! whose numbers are those of i386: both are translated into one operation.

use libc::c_long;

use crate::record::Kind;

pub(crate) const NUMBERS: usize = 512;
pub(crate) const OPERATIONS: usize = 96;
/// Bytes of `struct shape`.
pub(crate) const SHAPE: usize = 16;

/// `creat(2)` has no flags that would tell that it cuts the file.
pub(crate) const CREAT: usize = 2;
/// `open_by_handle_at(2)` names no path.
pub(crate) const HANDLE: usize = 5;

const NONE: u8 = 7;

const PLAIN: u8 = 0;
const OPEN: u8 = 1;
const MAP: u8 = 2;
const PROTECT: u8 = 3;
const IDENTITY: u8 = 4;
const LISTEN: u8 = 5;
const CONNECT: u8 = 6;
const SEND: u8 = 7;
const CLONE: u8 = 8;
const SOCKET: u8 = 9;
const DESCRIPTOR: u8 = 10;
const WRITE: u8 = 11;

/// Goes to the ring of alerts.
const ALERT: u8 = 1;
/// An attempt that fails is told too.
const FAILED: u8 = 2;
/// The argument before a text is the directory that it is relative to.
const AT: u8 = 4;
/// Told once in a while for each program, first argument and outcome.
const ONCE: u8 = 8;
/// Told of containers that are watched only: who builds an image, or unpacks one, does nothing else.
const ROUTINE: u8 = 16;
/// An attempt that fails is told of containers whose files Landlock holds.
const CHANGE: u8 = 32;
/// An attempt that fails is told of containers whose filter refuses it.
const ATTRIBUTE: u8 = 64;
/// An attempt that fails for want of permission is told.
const ATTEMPT: u8 = 128;

const PROT_EXEC: u64 = 4;
/// The two calls have these numbers on all architectures, and libc does not name the newer one.
const OPEN_TREE_ATTR: libc::c_long = 467;
const OPEN_TREE_CLONE: u64 = 1;
const NEW_NAMESPACES: u64 = 0x7e02_0080;
/// clone(2) has the signal of the child's end in its lowest byte.
const CLONE_NAMESPACES: u64 = 0x7e02_0000;

/// One operation: where it is found and what is taken of it.
#[derive(Clone, Copy)]
struct Operation {
    kind: Kind,
    handling: u8,
    /// Arguments that are texts; for [`OPEN`] where the flags are: behind a pointer, or by themselves.
    first: u8,
    second: u8,
    flags: u8,
    /// Told only if the argument has one of the bits.
    mask: (u8, u64),
    native: &'static [c_long],
    /// Numbers of i386.
    compat: &'static [u16],
}

const fn operation(kind: Kind, native: &'static [c_long], compat: &'static [u16]) -> Operation {
    Operation { kind, handling: PLAIN, first: NONE, second: NONE, flags: 0, mask: (0, 0), native, compat }
}

impl Operation {
    const fn by(mut self, handling: u8) -> Self {
        self.handling = handling;
        self
    }

    const fn takes(mut self, first: u8, second: u8) -> Self {
        (self.first, self.second) = (first, second);
        self
    }

    const fn with(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    const fn only(mut self, argument: u8, mask: u64) -> Self {
        self.mask = (argument, mask);
        self
    }
}

/// Calls that newer architectures do without.
#[cfg(target_arch = "x86_64")]
mod old {
    use libc::c_long;
    pub(super) const OPEN: &[c_long] = &[libc::SYS_open];
    pub(super) const CREAT: &[c_long] = &[libc::SYS_creat];
    pub(super) const RENAME: &[c_long] = &[libc::SYS_rename];
    pub(super) const LINK: &[c_long] = &[libc::SYS_link];
    pub(super) const SYMLINK: &[c_long] = &[libc::SYS_symlink];
    pub(super) const UNLINK: &[c_long] = &[libc::SYS_unlink, libc::SYS_rmdir];
    pub(super) const MKDIR: &[c_long] = &[libc::SYS_mkdir];
    pub(super) const CHMOD: &[c_long] = &[libc::SYS_chmod];
    pub(super) const CHOWN: &[c_long] = &[libc::SYS_chown, libc::SYS_lchown];
    pub(super) const MKNOD: &[c_long] = &[libc::SYS_mknod];
    pub(super) const UTIMES: &[c_long] = &[libc::SYS_utimes, libc::SYS_utime];
}
#[cfg(not(target_arch = "x86_64"))]
mod old {
    use libc::c_long;
    pub(super) const OPEN: &[c_long] = &[];
    pub(super) const CREAT: &[c_long] = &[];
    pub(super) const RENAME: &[c_long] = &[];
    pub(super) const LINK: &[c_long] = &[];
    pub(super) const SYMLINK: &[c_long] = &[];
    pub(super) const UNLINK: &[c_long] = &[];
    pub(super) const MKDIR: &[c_long] = &[];
    pub(super) const CHMOD: &[c_long] = &[];
    pub(super) const CHOWN: &[c_long] = &[];
    pub(super) const MKNOD: &[c_long] = &[];
    pub(super) const UTIMES: &[c_long] = &[];
}

/// An operation's number is its place here, plus one.
const TABLE: &[Operation] = &[
    operation(Kind::Open, old::OPEN, &[5]).by(OPEN).takes(NONE, 1).with(CHANGE | ATTEMPT),
    operation(Kind::Open, old::CREAT, &[8]).by(OPEN).takes(NONE, 1).with(CHANGE | ATTEMPT),
    operation(Kind::Open, &[libc::SYS_openat], &[295]).by(OPEN).takes(NONE, 2).with(CHANGE | ATTEMPT),
    operation(Kind::Open, &[libc::SYS_openat2], &[437]).by(OPEN).takes(2, 2).with(CHANGE | ATTEMPT),
    operation(Kind::Open, &[libc::SYS_open_by_handle_at], &[342]).by(OPEN).takes(NONE, 2).with(ATTEMPT),
    operation(Kind::MapCode, &[libc::SYS_mmap], &[192]).by(MAP).only(2, PROT_EXEC).with(ROUTINE),
    operation(Kind::MapCode, &[libc::SYS_mprotect, libc::SYS_pkey_mprotect], &[125, 380])
        .by(PROTECT)
        .only(2, PROT_EXEC)
        .with(ROUTINE),
    operation(Kind::Rename, old::RENAME, &[38]).takes(0, 1).with(ROUTINE | CHANGE),
    operation(Kind::Rename, &[libc::SYS_renameat, libc::SYS_renameat2], &[302, 353])
        .takes(1, 3)
        .with(AT | ROUTINE | CHANGE),
    operation(Kind::Link, old::LINK, &[9]).takes(0, 1).with(ROUTINE | CHANGE),
    operation(Kind::Link, &[libc::SYS_linkat], &[303]).takes(1, 3).with(AT | ROUTINE | CHANGE),
    operation(Kind::Symlink, old::SYMLINK, &[83]).takes(1, 0).with(ROUTINE | CHANGE),
    operation(Kind::Symlink, &[libc::SYS_symlinkat], &[304]).takes(2, 0).with(AT | ROUTINE | CHANGE),
    operation(Kind::Unlink, old::UNLINK, &[10, 40]).takes(0, NONE).with(ROUTINE | CHANGE),
    operation(Kind::Unlink, &[libc::SYS_unlinkat], &[301]).takes(1, NONE).with(AT | ROUTINE | CHANGE),
    operation(Kind::Directory, old::MKDIR, &[39]).takes(0, NONE).with(ROUTINE | CHANGE),
    operation(Kind::Directory, &[libc::SYS_mkdirat], &[296]).takes(1, NONE).with(AT | ROUTINE | CHANGE),
    operation(Kind::Mode, old::CHMOD, &[15]).takes(0, NONE).with(ROUTINE | ATTRIBUTE),
    operation(Kind::Mode, &[libc::SYS_fchmodat, libc::SYS_fchmodat2], &[306, 452])
        .takes(1, NONE)
        .with(AT | ROUTINE | ATTRIBUTE),
    operation(Kind::Node, old::MKNOD, &[14]).takes(0, NONE).with(ROUTINE | CHANGE),
    operation(Kind::Node, &[libc::SYS_mknodat], &[297]).takes(1, NONE).with(AT | ROUTINE | CHANGE),
    operation(Kind::Times, old::UTIMES, &[30, 271]).takes(0, NONE).with(ROUTINE | ATTRIBUTE),
    operation(Kind::Times, &[libc::SYS_utimensat], &[320, 412]).takes(1, NONE).with(AT | ROUTINE | ATTRIBUTE),
    operation(
        Kind::Credentials,
        &[
            libc::SYS_setuid,
            libc::SYS_setgid,
            libc::SYS_setreuid,
            libc::SYS_setregid,
            libc::SYS_setresuid,
            libc::SYS_setresgid,
            libc::SYS_setfsuid,
            libc::SYS_setfsgid,
            libc::SYS_capset,
        ],
        &[23, 46, 70, 71, 164, 170, 185, 203, 204, 208, 210, 213, 214],
    )
    .by(IDENTITY)
    .with(ROUTINE),
    operation(Kind::Ptrace, &[libc::SYS_ptrace], &[26]).with(ALERT | FAILED | ONCE),
    operation(Kind::ForeignMemory, &[libc::SYS_process_vm_readv, libc::SYS_process_vm_writev], &[347, 348])
        .with(ALERT | FAILED | ONCE),
    operation(Kind::Mount, &[libc::SYS_mount], &[21]).takes(1, 0).with(ALERT | FAILED | ROUTINE),
    operation(Kind::Mount, &[libc::SYS_move_mount], &[429]).takes(3, 1).with(ALERT | FAILED | ROUTINE),
    // A copy of a mount, reached through a descriptor.
    operation(Kind::Mount, &[libc::SYS_open_tree, OPEN_TREE_ATTR], &[428, 467])
        .only(2, OPEN_TREE_CLONE)
        .takes(1, NONE)
        .with(ALERT | FAILED | ROUTINE),
    operation(Kind::EnterNamespace, &[libc::SYS_setns], &[346]).with(ALERT | FAILED | ONCE),
    operation(Kind::NewNamespace, &[libc::SYS_unshare], &[310])
        .only(0, NEW_NAMESPACES)
        .with(ALERT | FAILED | ONCE),
    operation(Kind::NewNamespace, &[libc::SYS_clone], &[120])
        .by(CLONE)
        .only(0, CLONE_NAMESPACES)
        .with(ALERT | FAILED | ONCE),
    operation(Kind::NewNamespace, &[libc::SYS_clone3], &[435])
        .by(CLONE)
        .takes(NONE, 0)
        .only(0, NEW_NAMESPACES)
        .with(ALERT | FAILED | ONCE),
    operation(
        Kind::Module,
        &[libc::SYS_init_module, libc::SYS_finit_module, libc::SYS_delete_module, libc::SYS_kexec_load],
        &[128, 350, 129, 283],
    )
    .with(ALERT | FAILED),
    operation(Kind::Bpf, &[libc::SYS_bpf], &[357]).with(ALERT | FAILED | ONCE),
    operation(Kind::Memfd, &[libc::SYS_memfd_create], &[356]).takes(0, NONE).with(ALERT),
    operation(Kind::IoUring, &[libc::SYS_io_uring_setup], &[425]).with(ALERT | FAILED | ONCE),
    operation(Kind::Socket, &[libc::SYS_socket], &[359]).by(SOCKET).with(ALERT | FAILED | ONCE),
    operation(Kind::UnixConnect, &[libc::SYS_connect], &[362]).by(CONNECT).with(ATTEMPT),
    operation(Kind::Unmount, &[libc::SYS_umount2], &[22, 52]).takes(0, NONE).with(ALERT | FAILED | ROUTINE),
    operation(Kind::Truncate, &[libc::SYS_truncate], &[92, 193]).takes(0, NONE).with(ROUTINE | CHANGE),
    operation(Kind::Truncate, &[libc::SYS_ftruncate], &[93, 194]).by(DESCRIPTOR).with(ROUTINE),
    operation(Kind::Mode, &[libc::SYS_fchmod], &[94]).by(DESCRIPTOR).with(ROUTINE | ATTRIBUTE),
    operation(Kind::Owner, old::CHOWN, &[16, 182, 198, 212]).takes(0, NONE).with(ROUTINE | ATTRIBUTE),
    operation(Kind::Owner, &[libc::SYS_fchownat], &[298]).takes(1, NONE).with(AT | ROUTINE | ATTRIBUTE),
    operation(Kind::Owner, &[libc::SYS_fchown], &[95, 207]).by(DESCRIPTOR).with(ROUTINE | ATTRIBUTE),
    operation(Kind::Attribute, &[libc::SYS_setxattr, libc::SYS_lsetxattr], &[226, 227])
        .takes(0, 1)
        .with(ROUTINE | ATTRIBUTE),
    operation(Kind::Attribute, &[libc::SYS_removexattr, libc::SYS_lremovexattr], &[235, 236])
        .takes(0, 1)
        .with(ROUTINE | ATTRIBUTE),
    operation(Kind::Attribute, &[libc::SYS_fsetxattr, libc::SYS_fremovexattr], &[228, 237])
        .by(DESCRIPTOR)
        .takes(NONE, 1)
        .with(ROUTINE | ATTRIBUTE),
    operation(Kind::Dns, &[libc::SYS_write], &[4]).by(WRITE),
    operation(Kind::Dns, &[libc::SYS_writev], &[]).by(WRITE).takes(NONE, 1),
    operation(Kind::Listen, &[libc::SYS_listen], &[363]).by(LISTEN),
    operation(Kind::Dns, &[libc::SYS_sendto], &[369]).by(SEND).takes(NONE, 0),
    operation(Kind::Dns, &[libc::SYS_sendmsg, libc::SYS_sendmmsg], &[]).by(SEND).takes(NONE, 1),
    operation(Kind::ChangeRoot, &[libc::SYS_pivot_root, libc::SYS_chroot], &[217, 61])
        .takes(0, NONE)
        .with(ALERT | FAILED),
];

/// What the loader writes into the programs.
pub(crate) struct Tables {
    /// In the lower half the operation of the native call of this number, in the upper half that of the 32-bit one.
    pub(crate) operations: [u16; NUMBERS],
    pub(crate) shapes: [[u8; SHAPE]; OPERATIONS],
}

pub(crate) fn tables() -> Tables {
    let mut tables = Tables { operations: [0; NUMBERS], shapes: [[0; SHAPE]; OPERATIONS] };
    for (number, operation) in (1u8..).zip(TABLE) {
        for call in operation.native {
            if let Some(entry) = usize::try_from(*call).ok().and_then(|call| tables.operations.get_mut(call))
            {
                *entry |= u16::from(number);
            }
        }
        // Only processors of x86 run programs of i386 beside their own.
        if cfg!(target_arch = "x86_64") {
            for call in operation.compat {
                tables.operations[usize::from(*call)] |= u16::from(number) << 8;
            }
        }
        tables.shapes[usize::from(number)] = shape(operation);
    }
    tables
}

/// Whether the operation's paths come with the directories that they are relative to.
pub(crate) fn is_at(operation: u8) -> bool {
    let place = usize::from(operation).checked_sub(1);
    place.and_then(|place| TABLE.get(place)).is_some_and(|operation| operation.flags & AT != 0)
}

/// Whether the operation copies a mount, which has one path only.
pub(crate) fn is_copy(operation: u8) -> bool {
    let place = usize::from(operation).checked_sub(1);
    let operation = place.and_then(|place| TABLE.get(place));
    operation.is_some_and(|operation| operation.kind == Kind::Mount && operation.second == NONE)
}

/// Whether the operation's path is the kernel's, of a file that is named by a descriptor.
pub(crate) fn is_of_descriptor(operation: u8) -> bool {
    let place = usize::from(operation).checked_sub(1);
    place.and_then(|place| TABLE.get(place)).is_some_and(|operation| operation.handling == DESCRIPTOR)
}

/// `struct shape` of `bpf/call.h`.
fn shape(operation: &Operation) -> [u8; SHAPE] {
    let mut shape = [0; SHAPE];
    let (mask_argument, mask) = operation.mask;
    // The kinds of operations are below 256.
    let [kind, _] = (operation.kind as u16).to_le_bytes();
    shape[..6].copy_from_slice(&[
        kind,
        operation.handling,
        operation.first,
        operation.second,
        operation.flags,
        mask_argument,
    ]);
    shape[8..].copy_from_slice(&mask.to_ne_bytes());
    shape
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_number_leads_to_its_operation() {
        let tables = tables();
        assert!(TABLE.len() < OPERATIONS);
        let kind = |operation: u16| tables.shapes[usize::from(operation & 0xff)][0];
        let number = |call: c_long| usize::try_from(call).unwrap();
        for (call, expected) in [
            (libc::SYS_openat, Kind::Open),
            (libc::SYS_setns, Kind::EnterNamespace),
            (libc::SYS_bpf, Kind::Bpf),
            (libc::SYS_mprotect, Kind::MapCode),
        ] {
            assert_eq!(u16::from(kind(tables.operations[number(call)])), expected as u16);
        }
        assert_eq!(tables.operations[number(libc::SYS_read)] & 0xff, 0);
        let operations = TABLE.iter().flat_map(|operation| operation.native);
        let mut seen: Vec<_> = operations.collect();
        let all = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), all, "a call stands in the table once");
        let mut compat: Vec<_> = TABLE.iter().flat_map(|operation| operation.compat).collect();
        let all = compat.len();
        compat.sort_unstable();
        compat.dedup();
        assert_eq!(compat.len(), all);
    }

    #[test]
    #[cfg(target_arch = "x86_64")]
    fn what_has_a_place_of_its_own_is_there() {
        let programs = include_str!("../bpf/files.h");
        assert_eq!(TABLE[CREAT - 1].native, [libc::SYS_creat]);
        assert!(programs.contains(&format!("#define OPERATION_OF_CREAT {CREAT}\n")));
        assert_eq!(TABLE[HANDLE - 1].native, [libc::SYS_open_by_handle_at]);
        assert!(programs.contains(&format!("#define OPERATION_OF_HANDLE {HANDLE}\n")));
    }
}
