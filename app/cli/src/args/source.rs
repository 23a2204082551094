//! Where images come from and what they may cost. Without a default here, the library's counts
//! ([`OpenOptions`], [`Limits`]): there is one place for each.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use lazaret_model::{Limits, Platform};
use lazaret_source::{Mirror, OpenOptions, RegistryOptions};

use super::quantity;
use crate::environment;

#[derive(Debug, Clone, Default, Args)]
pub(crate) struct SourceArgs {
    #[command(flatten)]
    pub(crate) engines: EngineArgs,
    #[command(flatten)]
    pub(crate) registries: RegistryArgs,
    #[command(flatten)]
    pub(crate) limits: LimitArgs,
}

#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Engines")]
pub(crate) struct EngineArgs {
    /// Which image of several is meant, linux/arm64 [default: this machine's]
    #[arg(long, env = environment::PLATFORM, value_parser = quantity::platform, value_name = "OS/ARCH")]
    platform: Option<Platform>,
    /// Docker's socket [default: that of DOCKER_HOST, else /var/run/docker.sock]
    #[arg(long, env = environment::ENGINE_SOCKET, value_name = "SOCKET")]
    engine_socket: Option<PathBuf>,
    /// Podman's socket [default: that of CONTAINER_HOST, else the user's, else /run/podman/podman.sock]
    #[arg(long, env = environment::PODMAN_SOCKET, value_name = "SOCKET", hide_short_help = true)]
    podman_socket: Option<PathBuf>,
    /// containerd's socket [default: CONTAINERD_ADDRESS, else /run/containerd/containerd.sock]
    #[arg(long, env = environment::CONTAINERD_SOCKET, value_name = "SOCKET", hide_short_help = true)]
    containerd_socket: Option<PathBuf>,
    /// containerd's namespace: k8s.io has Kubernetes' images [default: CONTAINERD_NAMESPACE, else default]
    #[arg(long, env = environment::CONTAINERD_NAMESPACE, value_name = "NAME", hide_short_help = true)]
    containerd_namespace: Option<String>,
    /// Where containerd stores content [default: /var/lib/containerd]
    #[arg(long, env = environment::CONTAINERD_ROOT, value_name = "DIR", hide_short_help = true)]
    containerd_root: Option<PathBuf>,
}

/// Logins are those of `docker login` and `podman login`, helpers included.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Registries")]
pub(crate) struct RegistryArgs {
    /// Ask ADDRESS (host[:port][/path]) for images of REGISTRY first; may be given several times
    #[arg(long = "mirror", env = environment::MIRRORS, value_parser = quantity::mirror, value_delimiter = ',', value_name = "REGISTRY=ADDRESS")]
    mirrors: Vec<Mirror>,
    /// Trust the certificate authorities in this PEM file too; may be given several times
    #[arg(long = "ca-file", env = environment::CA_FILES, value_delimiter = ',', value_name = "FILE")]
    authorities: Vec<PathBuf>,
    /// Speak to this registry without TLS (loopback always is); may be given several times
    #[arg(long, env = environment::PLAIN_HTTP, value_delimiter = ',', value_name = "HOST[:PORT]")]
    plain_http: Vec<String>,
}

/// What lies beyond a bound is left out, and the report says that it is incomplete.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Limits for one target")]
pub(crate) struct LimitArgs {
    /// Longest time to read it [default: 10m]
    #[arg(long, env = environment::TIMEOUT, value_parser = quantity::duration, value_name = "TIME")]
    timeout: Option<Duration>,
    /// Largest layer or archive, uncompressed [default: 64GiB]
    #[arg(long, env = environment::MAX_LAYER, value_parser = quantity::size, value_name = "SIZE", hide_short_help = true)]
    max_layer: Option<u64>,
    /// Largest file that is read as a whole [default: 64MiB]
    #[arg(long, env = environment::MAX_FILE, value_parser = quantity::size, value_name = "SIZE", hide_short_help = true)]
    max_file: Option<u64>,
    /// Most file contents kept in memory at once [default: 256MiB]
    #[arg(long, env = environment::MAX_KEPT, value_parser = quantity::size, value_name = "SIZE", hide_short_help = true)]
    max_kept: Option<u64>,
    /// Largest manifest, configuration or attestation [default: 16MiB]
    #[arg(long, env = environment::MAX_DOCUMENT, value_parser = quantity::size, value_name = "SIZE", hide_short_help = true)]
    max_document: Option<u64>,
    /// Most files and directories [default: 10000000]
    #[arg(long, env = environment::MAX_ENTRIES, value_name = "COUNT", hide_short_help = true)]
    max_entries: Option<u64>,
    /// Most packages [default: 200000]
    #[arg(long, env = environment::MAX_PACKAGES, value_name = "COUNT", hide_short_help = true)]
    max_packages: Option<usize>,
    /// Deepest nesting of archives in archives [default: 8]
    #[arg(long, env = environment::MAX_DEPTH, value_name = "COUNT", hide_short_help = true)]
    max_depth: Option<u32>,
    /// Most bytes that one compressed byte may become [default: 2000]
    #[arg(long, env = environment::MAX_RATIO, value_name = "COUNT", hide_short_help = true)]
    max_ratio: Option<u32>,
}

impl SourceArgs {
    /// What was typed, before what the environment of other programs says.
    pub(crate) fn options(&self) -> OpenOptions {
        let mut options = OpenOptions::from_environment();
        let engines = &self.engines;
        set(&mut options.platform, engines.platform.as_ref());
        set(&mut options.engine_socket, engines.engine_socket.as_ref());
        if let Some(socket) = &engines.podman_socket {
            options.podman_sockets = vec![socket.clone()];
        }
        set(&mut options.containerd.socket, engines.containerd_socket.as_ref());
        set(&mut options.containerd.namespace, engines.containerd_namespace.as_ref());
        set(&mut options.containerd.root, engines.containerd_root.as_ref());
        options.limits = self.limits.limits();
        options.registry =
            RegistryOptions { document_bytes: options.limits.document_bytes, ..self.registries.options() };
        options
    }
}

impl RegistryArgs {
    pub(crate) fn options(&self) -> RegistryOptions {
        RegistryOptions {
            mirrors: self.mirrors.clone(),
            authorities: self.authorities.clone(),
            insecure: self.plain_http.clone(),
            ..RegistryOptions::from_environment()
        }
    }
}

impl LimitArgs {
    pub(crate) fn limits(&self) -> Limits {
        let mut limits = Limits::default();
        set(&mut limits.time, self.timeout.as_ref());
        set(&mut limits.archive_bytes, self.max_layer.as_ref());
        set(&mut limits.file_bytes, self.max_file.as_ref());
        set(&mut limits.kept_bytes, self.max_kept.as_ref());
        set(&mut limits.document_bytes, self.max_document.as_ref());
        set(&mut limits.entries, self.max_entries.as_ref());
        set(&mut limits.packages, self.max_packages.as_ref());
        set(&mut limits.depth, self.max_depth.as_ref());
        set(&mut limits.ratio, self.max_ratio.as_ref());
        limits
    }
}

fn set<T: Clone>(place: &mut T, value: Option<&T>) {
    if let Some(value) = value {
        place.clone_from(value);
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory as _, Parser as _};

    use super::*;
    use crate::args::{Arguments, Command};

    fn parse(options: &[&str]) -> SourceArgs {
        let line = ["lazaret", "scan", "x"].iter().chain(options);
        match Arguments::try_parse_from(line).unwrap().command {
            Command::Scan(args) => args.source,
            _ => unreachable!("the line says scan"),
        }
    }

    #[test]
    fn what_is_typed_is_what_is_used() {
        let options = parse(&[
            "--platform=linux/arm/v7",
            "--engine-socket=/a",
            "--podman-socket=/b",
            "--containerd-socket=/c",
            "--containerd-namespace=k8s.io",
            "--containerd-root=/d",
            "--mirror=docker.io=m1,quay.io=m2",
            "--mirror=docker.io=m3",
            "--ca-file=/ca.pem",
            "--plain-http=r:5000",
            "--timeout=90s",
            "--max-layer=1GiB",
            "--max-file=2MiB",
            "--max-kept=3MiB",
            "--max-document=4MiB",
            "--max-entries=5",
            "--max-packages=6",
            "--max-depth=7",
            "--max-ratio=8",
        ])
        .options();
        let expected = Limits {
            file_bytes: 2 << 20,
            kept_bytes: 3 << 20,
            archive_bytes: 1 << 30,
            ratio: 8,
            entries: 5,
            depth: 7,
            packages: 6,
            document_bytes: 4 << 20,
            time: Duration::from_secs(90),
            ..Limits::default()
        };
        assert_eq!(options.limits, expected);
        assert_eq!(options.registry.document_bytes, 4 << 20);
        assert_eq!(options.platform.to_string(), "linux/arm/v7");
        let containerd = options.containerd;
        assert_eq!((options.engine_socket, containerd.socket), ("/a".into(), "/c".into()));
        assert_eq!(options.podman_sockets, [PathBuf::from("/b")]);
        assert_eq!((containerd.namespace.as_str(), containerd.root), ("k8s.io", "/d".into()));
        let mirrors: Vec<_> = options.registry.mirrors.iter().map(|it| it.address.as_str()).collect();
        assert_eq!(mirrors, ["m1", "m2", "m3"]);
        assert_eq!(options.registry.authorities, [PathBuf::from("/ca.pem")]);
        assert_eq!(options.registry.insecure, ["r:5000"]);
    }

    /// The words of the help are the numbers of the library.
    #[test]
    fn documented_defaults_are_the_real_ones() {
        let limits = Limits::default();
        let mebibytes = |bytes: u64| format!("{}MiB", bytes >> 20);
        let expected = [
            ("timeout", format!("{}m", limits.time.as_secs() / 60)),
            ("max_layer", format!("{}GiB", limits.archive_bytes >> 30)),
            ("max_file", mebibytes(limits.file_bytes)),
            ("max_kept", mebibytes(limits.kept_bytes)),
            ("max_document", mebibytes(limits.document_bytes)),
            ("max_entries", limits.entries.to_string()),
            ("max_packages", limits.packages.to_string()),
            ("max_depth", limits.depth.to_string()),
            ("max_ratio", limits.ratio.to_string()),
            ("engine_socket", OpenOptions::default().engine_socket.display().to_string()),
            ("containerd_root", OpenOptions::default().containerd.root.display().to_string()),
        ];
        let command = Arguments::command();
        let scan = command.find_subcommand("scan").unwrap();
        for (name, default) in expected {
            let argument = scan.get_arguments().find(|argument| argument.get_id() == name).unwrap();
            let help = argument.get_help().unwrap().to_string();
            assert!(help.ends_with(&format!("{default}]")), "{help}");
        }
    }
}
