//! Programs: whether the image brought them, what starts them, and who they become.

use lazaret_model::{Actor, Dimension, Execution, FileOperation, FileOrigin, Mapping, Phase};

use super::compiled::ProcessRule;
use super::{Category, Circumstances, Compiled, Deviation, Words, listed, shown};
use crate::learn::Visit;
use crate::mask::masked;
use crate::pattern::Kind;
use crate::profile::{ANY, Arguments, Permission};

/// How far a rule is from a program that was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Fit {
    /// Nothing fits.
    Unknown,
    /// Started by this parent, with other arguments.
    Arguments,
    Whole,
}

impl Compiled {
    pub(super) fn exec(
        &self,
        execution: &Execution,
        actor: &Actor,
        circumstances: Circumstances,
        found: &mut Vec<Deviation>,
    ) {
        self.drift(execution, found);
        if circumstances.visit == Visit::Login && execution.entered {
            // Who comes in is told once; what is done inside is held against the profile as everything is.
            self.login(&execution.arguments, found);
        } else {
            self.process(execution, actor, circumstances.phase, found);
        }
        if execution.gains.is_some() && !self.executables.set_user_id.contains(&execution.executable) {
            self.deviates(Dimension::Executables, Category::SetUserId, found, || Words {
                what: format!(
                    "{} gave {} rights that it did not have",
                    execution.executable, actor.executable
                ),
                expected: listed(
                    &self.executables.set_user_id,
                    "the image brings no program that gives rights",
                ),
                remedy: "if the image was to bring it, build it into the image".to_owned(),
            });
        }
        let uid = execution.gains.map_or(actor.uid, |gain| gain.uid);
        // A strange program that runs as one of the container's users is strange, but no change of the user.
        let is_strange = !self.processes.contains_key(&execution.executable);
        if !(is_strange && execution.gains.is_none() && self.users.contains_key(&uid)) {
            self.user(uid, &execution.executable, circumstances.phase, found);
        }
    }

    fn drift(&self, execution: &Execution, found: &mut Vec<Deviation>) {
        let path = execution.executable.as_str();
        let (category, permission) = match execution.origin {
            FileOrigin::Image => return,
            FileOrigin::Nameless | FileOrigin::Kernel => (Category::Fileless, self.executables.memory),
            FileOrigin::Upper | FileOrigin::Mounted => {
                let is_brought = |digest: &[u8; 32]| {
                    self.image.brought(path, digest)
                        || self.executables.added.iter().any(|added| added.digest.as_bytes() == digest)
                };
                // Touched, but with the content that the image brought.
                if execution.digest.as_ref().is_some_and(|digest| is_brought(digest.as_bytes())) {
                    return;
                }
                let category = match () {
                    () if self.image.paths.contains_key(path) => Category::ModifiedBinary,
                    () if execution.interpreter.is_some() => Category::Script,
                    () => Category::NewBinary,
                };
                (category, self.executables.drift)
            }
        };
        if permission == Permission::Allow {
            return;
        }
        self.deviates(Dimension::Executables, category, found, || Words {
            what: match category {
                Category::Fileless => format!("{path} was executed, which is in no directory"),
                Category::ModifiedBinary => {
                    format!("{path} was executed, which was changed since the image was built")
                }
                _ => format!("{path} was executed, which the image did not bring"),
            },
            expected: match self.executables.listed {
                Some(listed) => format!("one of the {} programs of the image", listed.count),
                None => "a program of the image".to_owned(),
            },
            remedy: "build it into the image".to_owned(),
        });
    }

    fn process(&self, execution: &Execution, actor: &Actor, phase: Phase, found: &mut Vec<Deviation>) {
        if !self.looks_at(Dimension::Processes) {
            return;
        }
        let rules = self.processes.get(&execution.executable).map_or(&[][..], Vec::as_slice);
        let fit = rules.iter().map(|rule| rule.fit(execution, &actor.executable, phase)).max();
        match fit {
            Some(Fit::Whole) => {}
            Some(Fit::Arguments) => {
                self.deviates(Dimension::Processes, Category::UnexpectedArguments, found, || Words {
                    what: format!(
                        "{} was started as `{}`",
                        execution.executable,
                        shown(&execution.arguments)
                    ),
                    expected: expected_arguments(rules),
                    remedy: "if this is how it is used, add the arguments to `processes` of the profile"
                        .to_owned(),
                });
            }
            Some(Fit::Unknown) | None => {
                self.deviates(Dimension::Processes, Category::UnexpectedProcess, found, || Words {
                    what: format!(
                        "{} started {} as `{}`",
                        actor.executable,
                        execution.executable,
                        shown(&execution.arguments)
                    ),
                    expected: self.started_by(&actor.executable),
                    remedy: "if it belongs there, learn it or add it to `processes` of the profile"
                        .to_owned(),
                });
            }
        }
    }

    fn started_by(&self, parent: &str) -> String {
        let mut children: Vec<_> = self
            .processes
            .iter()
            .filter(|(_, rules)| {
                rules.iter().any(|rule| rule.process.parent == parent || rule.process.parent == ANY)
            })
            .map(|(path, _)| path.as_str())
            .collect();
        children.sort_unstable();
        let none = format!("{parent} starts nothing");
        listed(children, &none)
    }

    pub(super) fn user(&self, uid: u32, by: &str, phase: Phase, found: &mut Vec<Deviation>) {
        let allowed = self.users.get(&uid).is_some_and(|users| {
            users.iter().any(|(who, phases)| {
                (who == by || who == ANY) && (phases.is_empty() || phases.contains(phase))
            })
        });
        if allowed {
            return;
        }
        self.deviates(Dimension::Users, Category::UserChange, found, || Words {
            what: format!("{by} runs as user {uid}"),
            expected: {
                let mut users: Vec<_> = self.users.keys().collect();
                users.sort_unstable();
                listed(users.iter().map(|uid| format!("user {uid}")), "no user is known")
            },
            remedy: "if it is to run so, add it to `users` of the profile".to_owned(),
        });
    }

    pub(super) fn map(&self, mapping: &Mapping, by: &str, found: &mut Vec<Deviation>) {
        let is_brought = mapping.origin == FileOrigin::Image
            || mapping.digest.is_some_and(|digest| self.image.brought(&mapping.path, digest.as_bytes()));
        if mapping.as_program {
            let is_known = is_brought && self.processes.contains_key(&mapping.path);
            if self.executables.loader == Permission::Deny && !is_known {
                self.deviates(Dimension::Executables, Category::NewBinary, found, || Words {
                    what: format!("{by} ran {} past the kernel, by giving it to a loader", mapping.path),
                    expected: "programs are executed".to_owned(),
                    remedy: "execute it".to_owned(),
                });
            }
            return;
        }
        let is_allowed = is_brought
            || mapping.origin == FileOrigin::Kernel
            || self.outside_image == Permission::Allow
            || Phase::ALL
                .iter()
                .any(|phase| self.libraries.allows(by, &mapping.path, FileOperation::Read, *phase));
        if !is_allowed {
            self.deviates(Dimension::Libraries, Category::NewLibrary, found, || Words {
                what: format!("{by} loaded code from {}, which the image did not bring", mapping.path),
                expected: "code of the image".to_owned(),
                remedy: "build the library into the image".to_owned(),
            });
        }
    }
}

impl ProcessRule {
    fn fit(&self, execution: &Execution, parent: &str, phase: Phase) -> Fit {
        let rule = &self.process;
        let is_other = |(ours, theirs)| ours != theirs;
        let phases = rule.seen.phases;
        if (rule.parent != parent && rule.parent != ANY)
            || rule.digest.zip(execution.digest).is_some_and(is_other)
            || !(phases.is_empty() || phases.contains(phase))
        {
            return Fit::Unknown;
        }
        let Arguments::Only(lists) = &rule.arguments else { return Fit::Whole };
        let given = execution.arguments.get(1..).unwrap_or_default();
        if self.literal.as_ref().is_some_and(|literal| literal.contains(given)) {
            return if execution.arguments_cut { Fit::Arguments } else { Fit::Whole };
        }
        let matches = |list: &Vec<crate::Pattern>| {
            list.len() == given.len()
                && list.iter().zip(given).all(|(pattern, text)| pattern.matches(text, Kind::Argument))
        };
        match !execution.arguments_cut && lists.iter().any(matches) {
            true => Fit::Whole,
            false => Fit::Arguments,
        }
    }
}

fn expected_arguments(rules: &[ProcessRule]) -> String {
    let lists = rules.iter().filter_map(|rule| match &rule.process.arguments {
        Arguments::Only(lists) => Some(lists),
        Arguments::Any => None,
    });
    let lines = lists.flatten().map(|list| {
        let words: Vec<String> = list.iter().map(|pattern| masked(pattern.as_str())).collect();
        format!("`{}`", shown(&words))
    });
    listed(lines, "no arguments")
}
