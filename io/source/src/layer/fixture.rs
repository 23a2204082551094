//! Archives made by hand, for tests: also such as no archiver writes.

/// A tar archive under construction.
#[derive(Default)]
pub(crate) struct Tar(Vec<u8>);

impl Tar {
    pub(crate) fn file(self, name: &str, content: &[u8]) -> Self {
        self.member(b'0', name, "", 0o644, content)
    }

    pub(crate) fn program(self, name: &str, content: &[u8]) -> Self {
        self.member(b'0', name, "", 0o755, content)
    }

    pub(crate) fn directory(self, name: &str) -> Self {
        self.member(b'5', name, "", 0o755, b"")
    }

    pub(crate) fn symlink(self, name: &str, target: &str) -> Self {
        self.member(b'2', name, target, 0o777, b"")
    }

    pub(crate) fn hard_link(self, name: &str, target: &str) -> Self {
        self.member(b'1', name, target, 0o644, b"")
    }

    /// Extended header for the next member.
    pub(crate) fn pax(self, records: &[(&str, &[u8])]) -> Self {
        let body: Vec<u8> = records.iter().flat_map(|(key, value)| pax_record(key, value)).collect();
        self.member(b'x', "PaxHeaders/x", "", 0o644, &body)
    }

    pub(crate) fn member(self, flag: u8, name: &str, link: &str, mode: u32, content: &[u8]) -> Self {
        self.raw(flag, name, link, mode, content.len() as u64, content)
    }

    /// A member that may lie about its size.
    pub(crate) fn raw(
        mut self,
        flag: u8,
        name: &str,
        link: &str,
        mode: u32,
        size: u64,
        content: &[u8],
    ) -> Self {
        let mut header = Header::new(flag, name);
        header.set(157, link.as_bytes());
        header.set(100, format!("{mode:07o}\0").as_bytes());
        header.set(124, format!("{size:011o}\0").as_bytes());
        self.0.extend_from_slice(&header.finish());
        self.0.extend_from_slice(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    pub(crate) fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// Without an end mark.
    pub(crate) fn unfinished(self) -> Vec<u8> {
        self.0
    }

    pub(crate) fn finish(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }
}

/// One ustar header whose fields can be overwritten.
pub(crate) struct Header([u8; 512]);

impl Header {
    pub(crate) fn new(flag: u8, name: &str) -> Self {
        let mut header = Self([0; 512]);
        header.set(0, name.as_bytes());
        header.set(100, b"0000644\0");
        header.set(108, b"0000000\0");
        header.set(116, b"0000000\0");
        header.set(124, b"00000000000\0");
        header.set(136, b"00000000000\0");
        header.0[156] = flag;
        header.set(257, b"ustar\x0000");
        header
    }

    pub(crate) fn set(&mut self, offset: usize, field: &[u8]) {
        self.0[offset..offset + field.len()].copy_from_slice(field);
    }

    pub(crate) fn finish(mut self) -> [u8; 512] {
        self.set(148, b"        ");
        let sum: u32 = self.0.iter().map(|&byte| u32::from(byte)).sum();
        self.set(148, format!("{sum:06o}\0 ").as_bytes());
        self.0
    }
}

pub(crate) fn pax_record(key: &str, value: &[u8]) -> Vec<u8> {
    let body = key.len() + value.len() + 3;
    let digits = (1..).find(|&digits| (body + digits).to_string().len() == digits).unwrap_or(1);
    [format!("{} {key}=", body + digits).as_bytes(), value, b"\n"].concat()
}
