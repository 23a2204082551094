//! The plan of the house as tables: which crate may lean on which, and what the core may use at all.
//! ARCHITECTURE.md says the same in words.

/// Who may depend on whom (normal and build dependencies inside the workspace), in the order of the flow.
pub(crate) const ARROWS: &[(&str, &[&str])] = &[
    ("core/version", &[]),
    ("core/model", &["version"]),
    ("core/catalog", &["model"]),
    ("core/advisory", &["model", "version"]),
    ("core/policy", &["model"]),
    ("core/profile", &["model"]),
    ("core/trust", &["model"]),
    ("core/fleet", &["model", "version"]),
    ("core/format", &["model"]),
    ("io/source", &["model", "version", "advisory"]),
    ("io/store", &["model"]),
    ("io/engine", &["model"]),
    ("io/sensor", &["model"]),
    ("app/pipeline", &["model", "version", "catalog", "advisory", "policy", "trust", "format"]),
    (
        "app/server",
        &[
            "model", "pipeline", "policy", "profile", "trust", "advisory", "fleet", "format", "store",
            "source", "engine",
        ],
    ),
    // Root code stays small: the agent never links the server, the store, the catalogers or the feeds.
    ("app/agent", &["model", "engine", "sensor", "policy", "profile", "trust", "format"]),
    (
        "app/cli",
        &[
            "model", "pipeline", "server", "source", "engine", "format", "policy", "profile", "trust",
            "advisory",
        ],
    ),
    // The end-to-end tests see what users see: the two programs.
    ("e2e", &[]),
    ("xtask", &[]),
];

/// Crates from outside that `core` may use: none of them reads a file, a clock, the network or the environment
/// unless asked to, and `core/clippy.toml` forbids the asking.
pub(crate) const CORE_DEPENDENCIES: &[&str] = &[
    "anstyle",
    "base64",
    "ed25519-dalek",
    "flate2",
    "fst",
    "hex",
    "jiff",
    "liblzma",
    "memchr",
    "memmap2",
    "p256",
    "quick-xml",
    "regex",
    "roaring",
    "serde",
    "serde-saphyr",
    "serde_json",
    "sha2",
    "thiserror",
    "toml",
    "unicode-width",
    "utoipa",
    "zstd",
];

/// Where `unsafe` is allowed: the kernel interface, and one memory map.
pub(crate) const UNSAFE_ALLOWED: &[&str] = &["io/sensor/", "core/advisory/src/mapped.rs"];

/// What the file that keeps `core` pure must forbid at least.
pub(crate) const CORE_FORBIDS: &[&str] = &[
    "std::fs::File",
    "std::fs::OpenOptions",
    "std::fs::read",
    "std::fs::write",
    "std::net::TcpStream",
    "std::net::TcpListener",
    "std::net::UdpSocket",
    "std::env::var",
    "std::env::args",
    "std::process::Command",
    "std::time::SystemTime",
    "std::time::Instant",
    "jiff::Timestamp::now",
    "jiff::Zoned::now",
];

/// Licences that a linked crate may offer (SPDX); the same list is in `deny.toml`.
pub(crate) const LICENCES: &[&str] = &[
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
    "bzip2-1.0.6",
];

/// One provider of cryptography and TLS (aws-lc-rs): what must not be linked, and why it could creep in.
pub(crate) const NEVER_LINKED: &[(&str, &str)] = &[
    ("ring", "rustls without the aws-lc-rs feature"),
    ("openssl", "a client with default TLS features"),
    ("openssl-sys", "a client with default TLS features"),
    ("native-tls", "reqwest or oci-client with default features"),
    ("libgcrypt-sys", "nothing here needs it"),
    ("sqlite3-src", "a second SQLite"),
];

/// Crates that must be linked in one version only.
pub(crate) const LINKED_ONCE: &[&str] =
    &["libsqlite3-sys", "rustls", "aws-lc-rs", "aws-lc-sys", "tokio", "sqlx"];

pub(crate) const MAX_FILE_LINES: usize = 400;
pub(crate) const MAX_LIB_LINES: usize = 150;

/// Words that no tracked file may hold, with the reason. Split so that this file does not hold them itself.
pub(crate) const FORBIDDEN: &[(&[&str], &str)] = &[
    (&["todo", "!("], "no stubs: what exists works"),
    (&["unimplemented", "!("], "no stubs: what exists works"),
    (&["#[", "ignore"], "a test that needs something says `SKIPPED:` loudly instead"),
    (&["deb.debian", ".org"], "mirrors are read from the configuration of the machine"),
    (&["security.debian", ".org"], "mirrors are read from the configuration of the machine"),
    (&["archive.ubuntu", ".com"], "mirrors are read from the configuration of the machine"),
    (&["registry.npmjs", ".org"], "mirrors are read from the configuration of the machine"),
    (&["files.pythonhosted", ".org"], "mirrors are read from the configuration of the machine"),
    (&["proxy.golang", ".org"], "no public registry is needed"),
];
