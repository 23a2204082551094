//! A profile from the image alone, before anything ran.

use lazaret_model::{Digest, Image, ImageConfiguration, RUNTIME, Transport};
use sha2::{Digest as _, Sha256};

use crate::modes::Modes;
use crate::pattern::Pattern;
use crate::profile::{
    ANY, Arguments, Coverage, Executables, Libraries, Listed, Listen, LoginRules, Network, Permission,
    Process, Profile, Resources, Seen, State, Subject, User, Variant, Volume,
};

/// An executable that the scan of the image found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ImageExecutable<'a> {
    /// Relative to the root or absolute.
    pub path: &'a str,
    pub sha256: [u8; 32],
    /// Permission bits.
    pub mode: u16,
    /// It has file capabilities (the extended attribute `security.capability`).
    pub capable: bool,
}

/// Set-user-id and set-group-id.
const SET_ID: u16 = 0o6000;

/// What the image says its containers do: what runs is what it brought, as whom, listening where, with which
/// volumes and health check. All the rest is to be learned.
pub fn derive(image: &Image, executables: &[ImageExecutable<'_>]) -> Profile {
    let configuration = &image.configuration;
    let variant = variant(image);
    let mut profile = Profile {
        users: users(&variant.user),
        processes: first_process(&variant.command, executables).into_iter().collect(),
        executables: Executables {
            listed: Some(listed(executables)),
            drift: Permission::Deny,
            memory: Permission::Deny,
            loader: Permission::Deny,
            set_user_id: set_user_id(executables),
            added: Vec::new(),
        },
        volumes: configuration
            .volumes
            .iter()
            .filter_map(|target| absolute(target))
            .map(|target| Volume { target, seen: Seen::default() })
            .collect(),
        network: Network {
            listen: configuration.exposed_ports.iter().flat_map(|port| exposed(port)).collect(),
            ..Network::default()
        },
        login: LoginRules { health_check: health_check(configuration) },
        ..empty(Subject { image: image.config, variant })
    };
    profile.sort();
    profile
}

/// A profile that knows nothing but whose it is.
pub(crate) fn empty(subject: Subject) -> Profile {
    Profile {
        subject,
        state: State::Derived,
        modes: Modes::derived(),
        coverage: None::<Coverage>,
        users: Vec::new(),
        processes: Vec::new(),
        executables: Executables::default(),
        libraries: Libraries { outside_image: Permission::Deny, added: Vec::new() },
        volumes: Vec::new(),
        files: Vec::new(),
        secrets: Vec::new(),
        network: Network::default(),
        capabilities: Vec::new(),
        system_calls: Vec::new(),
        kernel: Vec::new(),
        login: LoginRules::default(),
        resources: Resources::default(),
        wide: Vec::new(),
    }
}

/// How the image itself wants to be run.
pub fn variant(image: &Image) -> Variant {
    let configuration = &image.configuration;
    let user = configuration.user.trim();
    Variant {
        command: configuration.entrypoint.iter().chain(&configuration.command).cloned().collect(),
        user: if user.is_empty() { "root".to_owned() } else { user.to_owned() },
        architecture: image.platform.architecture.clone(),
    }
}

/// Only a number names a user without `/etc/passwd`, which a volume may replace.
fn users(user: &str) -> Vec<User> {
    let name = user.split(':').next().unwrap_or_default();
    let uid = if name == "root" { Some(0) } else { name.parse().ok() };
    uid.map(|uid| User { uid, by: ANY.to_owned(), seen: Seen::default() }).into_iter().collect()
}

/// The entrypoint, where it is a path: what a bare name means is found out by the runtime, in `PATH`.
fn first_process(command: &[String], executables: &[ImageExecutable<'_>]) -> Option<Process> {
    let (program, arguments) = command.split_first()?;
    let program = absolute(program)?;
    let digest = executables
        .iter()
        .find(|executable| executable.path.trim_start_matches('/') == program.trim_start_matches('/'))
        .map(|executable| Digest::from_bytes(executable.sha256));
    Some(Process {
        executable: program,
        digest,
        parent: RUNTIME.to_owned(),
        arguments: Arguments::Only(vec![arguments.iter().map(|text| Pattern::literal(text)).collect()]),
        seen: Seen::default(),
    })
}

fn absolute(path: &str) -> Option<String> {
    let path = path.trim_end_matches('/');
    let is_plain = path.starts_with('/')
        && !path.chars().any(|character| character.is_control() || character == '\\')
        && path.split('/').skip(1).all(|component| !matches!(component, "" | "." | ".."));
    is_plain.then(|| path.to_owned())
}

fn listed(executables: &[ImageExecutable<'_>]) -> Listed {
    let mut digests: Vec<_> = executables.iter().map(|executable| executable.sha256).collect();
    digests.sort_unstable();
    digests.dedup();
    let mut hash = Sha256::new();
    digests.iter().for_each(|digest| hash.update(digest));
    Listed {
        count: u32::try_from(digests.len()).unwrap_or(u32::MAX),
        digest: Digest::from_bytes(hash.finalize().into()),
    }
}

/// More programs that give rights than any image has use for: with more, none is allowed to.
const MOST_SET_USER_ID: usize = 256;

fn set_user_id(executables: &[ImageExecutable<'_>]) -> Vec<String> {
    let paths: Vec<_> = executables
        .iter()
        .filter(|executable| executable.mode & SET_ID != 0 || executable.capable)
        .filter_map(|executable| absolute(&format!("/{}", executable.path.trim_start_matches('/'))))
        .collect();
    if paths.len() > MOST_SET_USER_ID { Vec::new() } else { paths }
}

/// `80/tcp`, `53`, `8000-8010/udp`. A range that is not one is no fact.
fn exposed(text: &str) -> Vec<Listen> {
    let (ports, transport) = text.split_once('/').unwrap_or((text, "tcp"));
    let Some(transport) = Transport::ALL.iter().copied().find(|known| known.name() == transport) else {
        return Vec::new();
    };
    let (first, last) = ports.split_once('-').unwrap_or((ports, ports));
    let (Ok(first), Ok(last)) = (first.parse::<u16>(), last.parse::<u16>()) else { return Vec::new() };
    let listen = |port| Listen { transport, port, by: ANY.to_owned(), seen: Seen::default() };
    match last.checked_sub(first) {
        None => Vec::new(),
        Some(0..=31) => (first..=last).map(|port| listen(Some(port))).collect(),
        // A list of so many ports says nothing that `any` does not.
        Some(_) => vec![listen(None)],
    }
}

/// The program that the engine executes for it: `CMD-SHELL` goes through the shell.
fn health_check(configuration: &ImageConfiguration) -> Vec<String> {
    let Some(check) = &configuration.health_check else { return Vec::new() };
    match check.test.split_first() {
        Some((kind, arguments)) if kind == "CMD" => arguments.to_vec(),
        Some((kind, arguments)) if kind == "CMD-SHELL" => {
            ["/bin/sh", "-c"].into_iter().map(str::to_owned).chain(arguments.iter().cloned()).collect()
        }
        _ => Vec::new(),
    }
}
