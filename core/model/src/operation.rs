/// A wish to make an engine do something else than create or start a container.
///
/// What only reads is no operation. Engines' own words are translated at the edge.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EngineOperation {
    pub action: EngineAction,
    /// What it is done to: the name of a container, image, volume, network or plugin as the caller said it.
    pub subject: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EngineAction {
    /// Run a further command in a running container.
    Exec,
    /// Speak to the standard input of a running container. (Hearing its output only reads.)
    Attach,
    Build,
    Load,
    Import,
    /// Make an image of a container's present files.
    Commit,
    Tag,
    Pull,
    Push,
    RemoveImage,
    PruneImages,
    /// Write files into a container.
    CopyIn,
    /// Read files out of a container.
    CopyOut,
    /// Read all files of a container.
    Export,
    /// Change limits or the restart policy of a container.
    Update,
    Rename,
    Stop,
    Kill,
    Pause,
    Unpause,
    Remove,
    PruneContainers,
    /// A network of the engine's own bridge or none of the special drivers below.
    CreateNetwork,
    /// A network that reaches around the engine's bridge: `macvlan`, `ipvlan`, driver options and the like.
    CreateSpecialNetwork,
    ConnectNetwork,
    DisconnectNetwork,
    RemoveNetwork,
    CreateVolume,
    RemoveVolume,
    Checkpoint,
    /// Install, change or remove a plugin of the engine.
    Plugin,
    /// Anything of the engine's own clustering.
    Swarm,
    /// An opaque stream to the engine's builder: nothing after it can be seen.
    Session,
    /// Let the engine speak to a registry with given credentials or search it.
    Registry,
}

impl EngineAction {
    pub const ALL: &[Self] = &[
        Self::Exec,
        Self::Attach,
        Self::Build,
        Self::Load,
        Self::Import,
        Self::Commit,
        Self::Tag,
        Self::Pull,
        Self::Push,
        Self::RemoveImage,
        Self::PruneImages,
        Self::CopyIn,
        Self::CopyOut,
        Self::Export,
        Self::Update,
        Self::Rename,
        Self::Stop,
        Self::Kill,
        Self::Pause,
        Self::Unpause,
        Self::Remove,
        Self::PruneContainers,
        Self::CreateNetwork,
        Self::CreateSpecialNetwork,
        Self::ConnectNetwork,
        Self::DisconnectNetwork,
        Self::RemoveNetwork,
        Self::CreateVolume,
        Self::RemoveVolume,
        Self::Checkpoint,
        Self::Plugin,
        Self::Swarm,
        Self::Session,
        Self::Registry,
    ];

    /// The word in policies and events.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exec => "exec",
            Self::Attach => "attach",
            Self::Build => "build",
            Self::Load => "load",
            Self::Import => "import",
            Self::Commit => "commit",
            Self::Tag => "tag",
            Self::Pull => "pull",
            Self::Push => "push",
            Self::RemoveImage => "remove-image",
            Self::PruneImages => "prune-images",
            Self::CopyIn => "copy-in",
            Self::CopyOut => "copy-out",
            Self::Export => "export",
            Self::Update => "update",
            Self::Rename => "rename",
            Self::Stop => "stop",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Unpause => "unpause",
            Self::Remove => "remove",
            Self::PruneContainers => "prune-containers",
            Self::CreateNetwork => "create-network",
            Self::CreateSpecialNetwork => "create-special-network",
            Self::ConnectNetwork => "connect-network",
            Self::DisconnectNetwork => "disconnect-network",
            Self::RemoveNetwork => "remove-network",
            Self::CreateVolume => "create-volume",
            Self::RemoveVolume => "remove-volume",
            Self::Checkpoint => "checkpoint",
            Self::Plugin => "plugin",
            Self::Swarm => "swarm",
            Self::Session => "session",
            Self::Registry => "registry",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|action| action.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_complete() {
        for (index, action) in EngineAction::ALL.iter().enumerate() {
            assert_eq!(*action as usize, index, "ALL is out of order at {action:?}");
            assert_eq!(EngineAction::from_name(action.name()), Some(*action));
        }
        assert_eq!(EngineAction::ALL.len(), EngineAction::Registry as usize + 1);
    }
}
