//! The smallest program that runs: it ends at once, with success. Made here, because nothing may be assumed
//! to be installed where the sensor is tried.

const BASE: u64 = 0x40_0000;
const FILE_HEADER: u16 = 64;
const PROGRAM_HEADER: u16 = 56;

#[cfg(target_arch = "x86_64")]
const MACHINE: u16 = 62;
/// `xor edi, edi; mov eax, 60 /* exit */; syscall`
#[cfg(target_arch = "x86_64")]
const CODE: &[u8] = &[0x31, 0xff, 0xb8, 60, 0, 0, 0, 0x0f, 0x05];

#[cfg(target_arch = "aarch64")]
const MACHINE: u16 = 183;
/// `mov x0, 0; mov x8, 93 /* exit */; svc 0`
#[cfg(target_arch = "aarch64")]
const CODE: &[u8] = &[0x00, 0x00, 0x80, 0xd2, 0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4];

/// The program as a file. `mark` makes its content differ and changes nothing else.
pub(crate) fn program(mark: u64) -> Vec<u8> {
    let headers = u64::from(FILE_HEADER + PROGRAM_HEADER);
    let size = headers + CODE.len() as u64;
    let mut file = Vec::new();
    // elf(5): 64 bits, little-endian, version 1.
    file.extend([0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    file.extend(2u16.to_le_bytes()); // an executable with fixed addresses
    file.extend(MACHINE.to_le_bytes());
    file.extend(1u32.to_le_bytes());
    file.extend((BASE + headers).to_le_bytes()); // first instruction
    file.extend(u64::from(FILE_HEADER).to_le_bytes()); // program headers
    file.extend(0u64.to_le_bytes()); // no sections
    file.extend(0u32.to_le_bytes());
    for half in [FILE_HEADER, PROGRAM_HEADER, 1, 0, 0, 0] {
        file.extend(half.to_le_bytes());
    }
    file.extend(1u32.to_le_bytes()); // load
    file.extend(5u32.to_le_bytes()); // readable and executable
    for word in [0, BASE, BASE, size, size, 0x1000] {
        file.extend(word.to_le_bytes());
    }
    file.extend(CODE);
    file.extend(mark.to_le_bytes());
    file
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;
    use std::process::Command;

    use super::*;

    #[test]
    fn runs_and_succeeds() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("canary");
        fs::write(&path, program(7)).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        // Another test may fork while the file is open for writing: then the kernel says that it is busy.
        let mut status = Command::new(&path).status();
        while status.as_ref().is_err_and(|problem| problem.kind() == std::io::ErrorKind::ExecutableFileBusy) {
            status = Command::new(&path).status();
        }
        assert!(status.unwrap().success());
        assert_ne!(program(1), program(2));
    }
}
