//! What callers may ask of an engine besides creating and starting containers.

use lazaret_model::{EngineAction, EngineOperation, Reason};

use crate::mistake::shorten;
use crate::policy::Policy;

/// A key of `engine:` with the actions that it governs.
#[derive(Debug, Clone, Copy)]
pub struct EngineGroup {
    pub key: &'static str,
    pub actions: &'static [EngineAction],
    /// Whether the actions are allowed when the key is absent.
    pub allowed: bool,
    pub meaning: &'static str,
    /// Ends the sentence of a refusal: what to do instead.
    pub instead: &'static str,
}

pub const ENGINE: &[EngineGroup] = &[
    EngineGroup {
        key: "login",
        actions: &[EngineAction::Exec, EngineAction::Attach],
        allowed: false,
        meaning: "Commands and input from outside into running containers.",
        instead: "nobody logs in to running containers: read its logs, or change the image and replace the container",
    },
    EngineGroup {
        key: "image-writes",
        actions: &[
            EngineAction::Build,
            EngineAction::Load,
            EngineAction::Import,
            EngineAction::Commit,
            EngineAction::Tag,
            EngineAction::Pull,
            EngineAction::Push,
        ],
        allowed: false,
        meaning: "Bringing images to the engine, naming them, and sending them away.",
        instead: "build and push on a build host",
    },
    EngineGroup {
        key: "image-removal",
        actions: &[EngineAction::RemoveImage, EngineAction::PruneImages],
        allowed: false,
        meaning: "Removing images and build caches.",
        instead: "have it allowed where disks need to be cleaned by hand",
    },
    EngineGroup {
        key: "copying",
        actions: &[EngineAction::CopyIn, EngineAction::CopyOut, EngineAction::Export],
        allowed: false,
        meaning: "Files into and out of containers.",
        instead: "put files into the image or a volume",
    },
    EngineGroup {
        key: "changes",
        actions: &[EngineAction::Update, EngineAction::Rename],
        allowed: false,
        meaning: "Changing limits and names of containers.",
        instead: "create the container anew with what it needs",
    },
    EngineGroup {
        key: "stopping",
        actions: &[
            EngineAction::Stop,
            EngineAction::Kill,
            EngineAction::Pause,
            EngineAction::Unpause,
            EngineAction::Remove,
            EngineAction::PruneContainers,
        ],
        // Nothing gets to run by it, and a person must be able to stop what goes wrong.
        allowed: true,
        meaning: "Stopping, pausing and removing containers.",
        instead: "use `lazaret replace`",
    },
    EngineGroup {
        key: "networks",
        actions: &[
            EngineAction::CreateNetwork,
            EngineAction::CreateSpecialNetwork,
            EngineAction::ConnectNetwork,
            EngineAction::DisconnectNetwork,
            EngineAction::RemoveNetwork,
        ],
        allowed: false,
        meaning: "Networks, and containers into and out of them.",
        instead: "name the network when the container is created",
    },
    EngineGroup {
        key: "volumes",
        actions: &[EngineAction::CreateVolume, EngineAction::RemoveVolume],
        allowed: false,
        meaning: "Volumes made and removed by themselves. (A container's own volumes are governed by `run: volumes`.)",
        instead: "name the volume when the container is created",
    },
    EngineGroup {
        key: "checkpoints",
        actions: &[EngineAction::Checkpoint],
        allowed: false,
        meaning: "Writing the memory of a container to disk, and starting from it.",
        instead: "start containers from images only",
    },
    EngineGroup {
        key: "plugins",
        actions: &[EngineAction::Plugin],
        allowed: false,
        meaning: "Installing, changing and removing plugins of the engine.",
        instead: "have the host's administrator do it",
    },
    EngineGroup {
        key: "swarm",
        actions: &[EngineAction::Swarm],
        allowed: false,
        meaning: "The engine's own clustering: what it starts is asked for on another host.",
        instead: "start containers one by one",
    },
    EngineGroup {
        key: "sessions",
        actions: &[EngineAction::Session],
        allowed: false,
        meaning: "Opaque streams to the engine's builder.",
        instead: "build on a build host, or with DOCKER_BUILDKIT=0 where building is allowed",
    },
    EngineGroup {
        key: "registry",
        actions: &[EngineAction::Registry],
        allowed: false,
        meaning: "Logging in to and searching registries through the engine.",
        instead: "log in on a build host",
    },
];

/// Decides one operation.
pub fn operation(policy: &Policy, operation: &EngineOperation) -> Result<(), Vec<Reason>> {
    if policy.engine.allowed.contains(&operation.action) {
        return Ok(());
    }
    let action = operation.action.name();
    let doing = format!("{} {}", doing(operation.action), shorten(&operation.subject));
    // A test holds that every action has its group.
    let group = ENGINE.iter().find(|group| group.actions.contains(&operation.action));
    let (key, instead) =
        group.map_or(("engine", "ask for it to be allowed"), |group| (group.key, group.instead));
    Err(vec![Reason {
        rule: format!("engine.{key}"),
        message: format!("{} is not allowed on this engine", doing.trim_end_matches([' ', ':'])),
        remedy: format!("{instead}; the policy allows it with `engine: {{{key}: {{allow: [{action}]}}}}`"),
    }])
}

/// Begins the sentence of a refusal; the subject follows.
const fn doing(action: EngineAction) -> &'static str {
    match action {
        EngineAction::Exec => "running a command in",
        EngineAction::Attach => "speaking to the input of",
        EngineAction::Build => "building images",
        EngineAction::Load => "loading images",
        EngineAction::Import => "importing an image",
        EngineAction::Commit => "making an image of container",
        EngineAction::Tag => "tagging image",
        EngineAction::Pull => "pulling image",
        EngineAction::Push => "pushing image",
        EngineAction::RemoveImage => "removing image",
        EngineAction::PruneImages => "removing unused images",
        EngineAction::CopyIn => "copying files into",
        EngineAction::CopyOut => "copying files out of",
        EngineAction::Export => "exporting the files of",
        EngineAction::Update => "changing the limits of",
        EngineAction::Rename => "renaming",
        EngineAction::Stop => "stopping",
        EngineAction::Kill => "sending a signal to",
        EngineAction::Pause => "pausing",
        EngineAction::Unpause => "resuming",
        EngineAction::Remove => "removing",
        EngineAction::PruneContainers => "removing stopped containers",
        EngineAction::CreateNetwork => "creating network",
        EngineAction::CreateSpecialNetwork => "creating, around the engine's bridge, network",
        EngineAction::ConnectNetwork => "connecting to a network container",
        EngineAction::DisconnectNetwork => "disconnecting from a network container",
        EngineAction::RemoveNetwork => "removing network",
        EngineAction::CreateVolume => "creating volume",
        EngineAction::RemoveVolume => "removing volume",
        EngineAction::Checkpoint => "checkpointing",
        EngineAction::Plugin => "changing plugins of the engine:",
        EngineAction::Swarm => "clustering by the engine:",
        EngineAction::Session => "an opaque stream to the builder:",
        EngineAction::Registry => "speaking to a registry through the engine:",
    }
}
