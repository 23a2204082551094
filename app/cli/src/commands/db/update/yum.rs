//! What the repositories of yum, dnf and zypper gave.

use lazaret_advisory::{Builder, Feed};
use lazaret_source::yum::{self, YumError, YumFeed, YumProgress, YumRepository, YumRequest, YumUpdates};

use crate::commands::db::import_limits;
use crate::failure::{Code, Failure};
use crate::progress::Progress;
use crate::settings::Settings;

/// What became of a repository.
pub(super) struct Saved {
    pub(super) repository: YumRepository,
    /// Its rows, where the database has others.
    pub(super) updates: Option<YumUpdates>,
    /// What is known of the feed now, where that is something else than before.
    state: Option<Feed>,
    pub(super) problem: Option<String>,
}

impl Saved {
    /// Compares with what the database knows, and reads what is new.
    pub(super) fn new(repository: &YumRepository, known: &[Feed]) -> Self {
        let before = known.iter().find(|feed| feed.name == repository.feed);
        let is_known =
            repository.source.is_some() && before.is_some_and(|feed| feed.source == repository.source);
        let mut problem = repository.problem.clone();
        let mut updates = None;
        if !is_known && repository.source.is_some() {
            match repository.read(&import_limits()) {
                Ok(read) => updates = Some(read),
                Err(error) => problem = Some(error.to_string()),
            }
        }
        let state = match &updates {
            Some(_) => Some(Feed {
                source: repository.source,
                read: Some(jiff::Timestamp::now().to_string()),
                problem: problem.clone(),
                ..Feed::new(&repository.feed)
            }),
            None => {
                let known = before.cloned().unwrap_or_else(|| Feed::new(&repository.feed));
                (known.problem != problem).then(|| Feed { problem: problem.clone(), ..known })
            }
        };
        Self { repository: repository.clone(), updates, state, problem }
    }

    pub(super) fn feed(&self) -> &str {
        &self.repository.feed
    }

    pub(super) fn is_worth_writing(&self) -> bool {
        self.state.is_some()
    }

    pub(super) fn has_rows(&self) -> bool {
        self.updates.is_some()
    }

    pub(super) fn push_into(&self, builder: &mut Builder) {
        for row in self.updates.iter().flat_map(|updates| &updates.advisories) {
            // The feed is one repository, so that an update's id names one document.
            builder.push_of(row.aliases.first().unwrap_or(&row.id), row);
        }
        if let Some(state) = &self.state {
            builder.feed(state);
        }
    }
}

pub(super) async fn fetch(settings: &Settings, request: YumRequest) -> Result<YumFeed, Failure> {
    let progress = Progress::spinner(settings, "asking the repositories");
    let mut show = |step: YumProgress| match step {
        YumProgress::Waiting => progress.say("waiting for another update to end"),
        YumProgress::Asking { done, total } => progress.count(done as u64, total as u64),
    };
    let fetched = yum::fetch(&request, &mut show).await;
    fetched.map_err(|error| {
        let message = format!("the database was not updated: {error}");
        match error {
            YumError::NoRepositories { .. } => Failure::input(message)
                .hint("configure one in etc/yum.repos.d, or name another root with --root"),
            YumError::File { .. } => Failure::new(Code::Local, message),
        }
    })
}
