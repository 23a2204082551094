//! `lazaret db`.

use std::fmt::Write as _;
use std::path::PathBuf;

use clap::Subcommand;
use lazaret_advisory::feed::{FORMATS, KNOWLEDGE_FORMATS};

use super::{DatabaseArg, RegistryArgs, SourceArgs};

#[derive(Debug, Subcommand)]
pub(crate) enum DbCommand {
    /// Build the database from the package mirrors that this host or the images are configured for
    Update {
        #[command(flatten)]
        database: DatabaseArg,
        /// Only what concerns the packages of these images
        #[arg(long = "for", value_name = "TARGET")]
        targets: Vec<String>,
        /// Every source package of the mirror's security suite, not only the installed ones
        #[arg(long)]
        all: bool,
        /// Root whose etc/apt, etc/yum.repos.d and etc/zypp/repos.d name the mirrors
        #[arg(long, alias = "apt-root", default_value = "/", value_name = "DIR")]
        root: PathBuf,
        /// Believe rpm repositories that only an image names, although no key of this machine signed them
        #[arg(long)]
        trust_images: bool,
        /// Take what an rpm repository says even if it is older than what it said before
        #[arg(long)]
        allow_older: bool,
        /// Where indices and parsed changelogs are kept [default: beside the database]
        #[arg(long, value_name = "DIR")]
        cache: Option<PathBuf>,
        #[command(flatten)]
        source: Box<SourceArgs>,
    },
    /// Add what publishers of advisories publish: files, archives, directories
    #[command(after_help = import_help())]
    Import {
        #[arg(
            required = true,
            value_name = "PATH",
            help = "A document, an archive (zip, tar) or a directory of them; compressed or not. Or a whole database (.lzdb)"
        )]
        paths: Vec<PathBuf>,
        /// The feed it belongs to, where that is not to be told from the content
        #[arg(long, value_name = "FEED")]
        name: Option<String>,
        /// Read also what did not change since it was imported
        #[arg(long)]
        again: bool,
        #[command(flatten)]
        database: DatabaseArg,
    },
    /// What the database holds, feed by feed, and how old it is
    Status {
        #[command(flatten)]
        database: DatabaseArg,
    },
    /// Copy the database into a file for a machine without a network: `lazaret db import FILE` takes it there
    Export {
        #[arg(long, short, value_name = "FILE")]
        out: PathBuf,
        #[command(flatten)]
        database: DatabaseArg,
    },
    /// Store the database in a registry, from which others pull it; what is there already is not sent again
    Push {
        /// `registry/repository:tag`
        #[arg(value_name = "REFERENCE")]
        reference: String,
        /// Sign it with this private key (PKCS#8 PEM)
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        #[command(flatten)]
        database: DatabaseArg,
        #[command(flatten)]
        registries: RegistryArgs,
    },
    /// Take the database from a registry; what is here already is not fetched again
    Pull {
        /// `registry/repository:tag`, or `registry/repository@sha256:…`
        #[arg(value_name = "REFERENCE")]
        reference: String,
        /// Take only what this public key signed (SPKI PEM)
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        #[command(flatten)]
        database: DatabaseArg,
        #[command(flatten)]
        registries: RegistryArgs,
    },
    /// Serve the database over HTTP: `lazaret db pull HOST:PORT/lazaret/advisories`, or a download of /advisories.lzdb
    ///
    /// Whoever reaches the address may read it; nobody can write. A new database file is served as soon as it lies in
    /// its place, and the signature beside it (`.sig`) with it.
    Serve {
        /// Loopback unless told otherwise; a proxy in front brings TLS
        #[arg(long, default_value = "127.0.0.1:7310", value_name = "ADDRESS")]
        listen: std::net::SocketAddr,
        /// Sign what is served with this private key (PKCS#8 PEM)
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        #[command(flatten)]
        database: DatabaseArg,
    },
}

/// The formats are those of the tables that read them.
fn import_help() -> String {
    let mut text = String::from(
        "Formats, told by their content:\n  osv              OSV, JSON or YAML: osv.dev, GitHub, PyPA, Go and others\n",
    );
    let knowledge = KNOWLEDGE_FORMATS.iter().map(|format| (format.name, format.about));
    let published = FORMATS.iter().map(|format| (format.name, format.about));
    for (name, about) in knowledge.chain(published) {
        let _ = writeln!(text, "  {name:<18} {about}");
    }
    text.push_str(
        "\nAn archive or a directory is a whole feed and takes the place of what that feed said before; a document by \
         itself takes the place of its earlier version. Other feeds stay as they are, and so does a feed that cannot be \
         read to its end.\n\n  lazaret db import PyPI/all.zip epss_scores-current.csv.gz known_exploited_vulnerabilities.json",
    );
    text
}
