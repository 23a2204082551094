//! `cargo xtask kernels`: boots a kernel of Debian's in an emulator and runs the sensor's tests of enforcement in it
//! (`io/sensor/tests/guest`): that kernel takes programs that the one of the machine at hand may refuse.
//!
//! All it makes lies below `target/kernels`. It emulates the processor even where the machine could lend its own:
//! nested virtualisation is a lottery, and a boot takes seconds.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const TARGET: &str = "x86_64-unknown-linux-gnu";
/// Names the newest kernel of the series.
const PACKAGE: &str = "linux-image-cloud-amd64";
const PATIENCE: Duration = Duration::from_secs(600);
/// The last line of the guest, before the number of tests that failed.
const END: &str = "GUEST_EXIT=";

pub(crate) fn run(root: &Path) -> Result<bool, String> {
    let place = root.join("target/kernels");
    fs::create_dir_all(&place).map_err(|error| format!("{}: {error}", place.display()))?;
    let kernel = Kernel::fetch(&place)?;
    let guest = build_guest(root, &place)?;
    let act = place.join("act");
    let source = root.join("io/sensor/tests/it/act.c");
    succeed(Command::new("cc").args(["-O1", "-static", "-o"]).arg(&act).arg(source))?;
    let mut files = vec![("init", guest), ("act", act)];
    files.extend(kernel.overlay.map(|module| ("overlay.ko", module)));
    let archive = place.join("initramfs");
    fs::write(&archive, initramfs(&files)?).map_err(|error| format!("{}: {error}", archive.display()))?;
    println!("kernel {}", kernel.release);
    boot(&kernel.image, &archive)
}

struct Kernel {
    release: String,
    image: PathBuf,
    /// Where overlayfs is a module.
    overlay: Option<PathBuf>,
}

impl Kernel {
    /// From the package lists, unless it is here already.
    fn fetch(place: &Path) -> Result<Self, String> {
        let depends = output(Command::new("apt-cache").args(["depends", "--important", PACKAGE]))?;
        let package = depends
            .lines()
            .filter_map(|line| line.trim().strip_prefix("Depends: "))
            .find(|name| name.starts_with("linux-image-"))
            .ok_or_else(|| format!("the package lists have no {PACKAGE}: run apt-get update"))?;
        let release = package.trim_start_matches("linux-image-").to_owned();
        let unpacked = place.join(package);
        let image = unpacked.join(format!("boot/vmlinuz-{release}"));
        if !image.exists() {
            let download = place.join("download");
            let _ = fs::remove_dir_all(&download);
            fs::create_dir_all(&download).map_err(|error| format!("{}: {error}", download.display()))?;
            succeed(Command::new("apt-get").args(["download", "-qq", package]).current_dir(&download))?;
            let archives =
                fs::read_dir(&download).map_err(|error| format!("{}: {error}", download.display()))?;
            for archive in archives.flatten() {
                succeed(Command::new("dpkg").arg("-x").arg(archive.path()).arg(&unpacked))?;
            }
        }
        let module = unpacked.join(format!("lib/modules/{release}/kernel/fs/overlayfs/overlay.ko"));
        Ok(Self { release, image, overlay: Some(module).filter(|module| module.exists()) })
    }
}

/// Statically linked, because the machine has no libraries. In a directory of its own: the flags differ.
fn build_guest(root: &Path, place: &Path) -> Result<PathBuf, String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let words = ["build", "--release", "--locked", "-p", "lazaret-sensor", "--test", "guest"];
    let told = output(
        Command::new(program)
            .args(words)
            .args(["--target", TARGET, "--message-format", "json-render-diagnostics", "--target-dir"])
            .arg(place.join("build"))
            .env("CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUSTFLAGS", "-C target-feature=+crt-static")
            .current_dir(root),
    )?;
    told.lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter(|message| message["target"]["name"] == "guest")
        .find_map(|message| message["executable"].as_str().map(PathBuf::from))
        .ok_or_else(|| "cargo did not say where it put the guest".to_owned())
}

/// An archive in the form that the kernel unpacks (Documentation/driver-api/early-userspace/buffer-format.rst).
fn initramfs(files: &[(&str, PathBuf)]) -> Result<Vec<u8>, String> {
    let mut archive = Vec::new();
    for folder in ["dev", "proc", "sys", "tmp"] {
        add(&mut archive, folder, 0o040_755, &[])?;
    }
    for (name, path) in files {
        let content = fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
        add(&mut archive, name, 0o100_755, &content)?;
    }
    add(&mut archive, "TRAILER!!!", 0, &[])?;
    Ok(archive)
}

fn add(archive: &mut Vec<u8>, name: &str, mode: u32, content: &[u8]) -> Result<(), String> {
    let length = u32::try_from(content.len()).map_err(|_| format!("{name} is too large"))?;
    let name_length = u32::try_from(name.len() + 1).map_err(|_| format!("{name} is too long"))?;
    // Inode, mode, user, group, links, time, size, four numbers of devices, length of the name, checksum.
    let number = u32::try_from(archive.len()).unwrap_or(u32::MAX);
    let fields = [number, mode, 0, 0, 1, 0, length, 0, 0, 0, 0, name_length, 0];
    archive.extend_from_slice(b"070701");
    for field in fields {
        archive.extend_from_slice(format!("{field:08X}").as_bytes());
    }
    archive.extend_from_slice(name.as_bytes());
    archive.push(0);
    pad(archive);
    archive.extend_from_slice(content);
    pad(archive);
    Ok(())
}

fn pad(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

/// Shows what the guest says; `Ok(true)` if none of its tests failed.
fn boot(kernel: &Path, archive: &Path) -> Result<bool, String> {
    let words =
        "-accel tcg,thread=single -cpu max -M pc -smp 1 -m 512 -net none -nographic -no-reboot -append";
    let mut machine = Command::new("qemu-system-x86_64")
        .args(words.split(' '))
        .arg("console=ttyS0 quiet panic=-1 lsm=landlock,lockdown,yama,bpf")
        .arg("-kernel")
        .arg(kernel)
        .arg("-initrd")
        .arg(archive)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("cannot run qemu-system-x86_64 (scripts/setup.sh kernels): {error}"))?;
    let console = machine.stdout.take().ok_or("the machine has no console")?;
    let (ended, end) = std::sync::mpsc::channel();
    let reader = std::thread::spawn(move || {
        let mut failed = None;
        let mut screen = std::io::stdout();
        for line in BufReader::new(console).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).trim_end().to_owned();
            match line.split_once(END) {
                Some((_, number)) => failed = number.trim().parse::<u32>().ok(),
                None => drop(writeln!(screen, "{line}").and_then(|()| screen.flush())),
            }
        }
        let _ = ended.send(());
        failed
    });
    let begun = Instant::now();
    if end.recv_timeout(PATIENCE).is_err() {
        let _ = machine.kill();
    }
    let _ = machine.wait();
    match reader.join().ok().flatten() {
        Some(failed) => {
            println!("{failed} failed, {} s", begun.elapsed().as_secs());
            Ok(failed == 0)
        }
        None => Err("the machine ended before its tests did".to_owned()),
    }
}

fn succeed(command: &mut Command) -> Result<(), String> {
    output(command).map(|_| ())
}

fn output(command: &mut Command) -> Result<String, String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("cannot run `{name}` (scripts/setup.sh kernels installs it): {error}"))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(format!("`{name}` failed: {}", output.status)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_member_of_an_archive_begins_at_a_multiple_of_four() {
        let mut archive = Vec::new();
        add(&mut archive, "init", 0o100_755, b"12345").unwrap();
        assert_eq!((archive.len() % 4, &archive[..6]), (0, &b"070701"[..]));
        assert_eq!(archive[110..115], *b"init\0");
        assert_eq!(archive[116..121], *b"12345");
        assert_eq!(&archive[6 + 6 * 8..6 + 7 * 8], b"00000005");
    }
}
