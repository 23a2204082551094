//! The machine: what a first process has to do before anything works, and its end.

use std::ffi::CString;
use std::fs::{self, File};
use std::os::fd::AsRawFd;

use nix::mount::{MsFlags, mount};
use nix::sys::reboot::{RebootMode, reboot};

const NONE: Option<&str> = None;

pub(crate) fn prepare() {
    for (kind, point) in [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("tmpfs", "/tmp"),
        ("cgroup2", "/sys/fs/cgroup"),
        ("bpf", "/sys/fs/bpf"),
    ] {
        let _ = fs::create_dir_all(point);
        mount(Some(kind), point, Some(kind), MsFlags::empty(), NONE)
            .unwrap_or_else(|errno| panic!("{point}: {errno}"));
    }
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE).expect("own mounts");
    load_module("/overlay.ko");
    raise_loopback();
}

#[expect(unsafe_code, reason = "libc has no wrapper")]
fn load_module(path: &str) {
    let Ok(file) = File::open(path) else { return };
    let no_words = CString::default();
    // SAFETY: the descriptor is open, the text ends in a zero.
    let result = unsafe { libc::syscall(libc::SYS_finit_module, file.as_raw_fd(), no_words.as_ptr(), 0) };
    assert_eq!(result, 0, "{path}: {}", std::io::Error::last_os_error());
}

#[expect(unsafe_code, reason = "ioctl(2) is no matter of types")]
fn raise_loopback() {
    let socket = std::net::UdpSocket::bind("0.0.0.0:0").expect("a socket");
    // SAFETY: any bytes are one.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(b"lo") {
        *to = libc::c_char::try_from(*from).unwrap_or_default();
    }
    request.ifr_ifru.ifru_flags = libc::c_short::try_from(libc::IFF_UP).unwrap_or_default();
    // SAFETY: the descriptor is a socket, the request is whole.
    let result = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCSIFFLAGS, &raw const request) };
    assert_eq!(result, 0, "the loopback device: {}", std::io::Error::last_os_error());
}

pub(crate) fn power_off() {
    let _ = reboot(RebootMode::RB_POWER_OFF);
}
