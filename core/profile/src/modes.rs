use std::fmt;

use lazaret_model::Dimension;

/// What is done about a deviation.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Not looked at.
    Off,
    /// Taken into the profile.
    #[default]
    Learn,
    Alert,
    /// Answered with the dimension's [`Action`].
    Block,
}

impl Mode {
    pub const ALL: &[Self] = &[Self::Off, Self::Learn, Self::Alert, Self::Block];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Off => "off",
            Self::Learn => "learn",
            Self::Alert => "alert",
            Self::Block => "block",
        }
    }
}

/// How a deviation is answered.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    Alert,
    /// The caller gets an error.
    #[default]
    Deny,
    /// The process ends.
    Kill,
    /// The container is frozen until a person looks.
    Pause,
    /// The container sends nothing any more.
    Quarantine,
    /// A fresh container takes over.
    Replace,
}

impl Action {
    pub const ALL: &[Self] =
        &[Self::Alert, Self::Deny, Self::Kill, Self::Pause, Self::Quarantine, Self::Replace];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Alert => "alert",
            Self::Deny => "deny",
            Self::Kill => "kill",
            Self::Pause => "pause",
            Self::Quarantine => "quarantine",
            Self::Replace => "replace",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Mode and action of every dimension.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Modes([(Mode, Action); Dimension::ALL.len()]);

impl Modes {
    /// The same mode everywhere, answered with the default action.
    pub fn all(mode: Mode) -> Self {
        Self([(mode, Action::default()); Dimension::ALL.len()])
    }

    /// What holds before anything was learned: what the image alone tells is enforced, the rest is learned.
    pub fn derived() -> Self {
        let mut modes = Self::all(Mode::Learn);
        for dimension in [Dimension::Executables, Dimension::Libraries] {
            modes.set(dimension, Mode::Block);
        }
        modes.set(Dimension::Login, Mode::Alert);
        modes
    }

    pub fn of(&self, dimension: Dimension) -> Mode {
        self.0[dimension.index()].0
    }

    pub fn action(&self, dimension: Dimension) -> Action {
        self.0[dimension.index()].1
    }

    pub fn set(&mut self, dimension: Dimension, mode: Mode) {
        self.0[dimension.index()].0 = mode;
    }

    pub fn set_action(&mut self, dimension: Dimension, action: Action) {
        self.0[dimension.index()].1 = action;
    }
}
