//! The order of a profile's lists: equal profiles have equal texts.

use crate::profile::{Arguments, FileRule, Profile};

impl Profile {
    /// Brings all lists into their order and takes out repetitions.
    pub fn sort(&mut self) {
        self.users.sort_by(|a, b| (a.uid, &a.by).cmp(&(b.uid, &b.by)));
        for process in &mut self.processes {
            if let Arguments::Only(lists) = &mut process.arguments {
                lists.sort();
                lists.dedup();
            }
        }
        self.processes
            .sort_by(|a, b| (&a.executable, &a.parent, a.digest).cmp(&(&b.executable, &b.parent, b.digest)));
        self.executables.set_user_id.sort();
        self.executables.added.sort_by(|a, b| (&a.path, a.digest).cmp(&(&b.path, b.digest)));
        self.libraries.added.sort_by(|a, b| (&a.path, &a.by).cmp(&(&b.path, &b.by)));
        self.volumes.sort_by(|a, b| a.target.cmp(&b.target));
        sort_rules(&mut self.files);
        sort_rules(&mut self.secrets);
        let network = &mut self.network;
        network.listen.sort_by(|a, b| (a.transport, a.port, &a.by).cmp(&(b.transport, b.port, &b.by)));
        network
            .connect
            .sort_by(|a, b| (a.transport, &a.to, a.port, &a.by).cmp(&(b.transport, &b.to, b.port, &b.by)));
        network.lookup.sort_by(|a, b| a.name.cmp(&b.name));
        network.raw.sort_by(|a, b| a.by.cmp(&b.by));
        self.capabilities.sort();
        self.system_calls.sort();
        self.kernel.sort();
        self.wide.sort();
        self.users.dedup();
        self.processes.dedup();
        self.executables.set_user_id.dedup();
        self.executables.added.dedup();
        self.libraries.added.dedup();
        self.volumes.dedup();
        self.network.listen.dedup();
        self.network.connect.dedup();
        self.network.lookup.dedup();
        self.network.raw.dedup();
        self.capabilities.dedup();
        self.system_calls.dedup();
        self.kernel.dedup();
        self.wide.dedup();
    }
}

fn sort_rules(rules: &mut Vec<FileRule>) {
    for rule in rules.iter_mut() {
        rule.operations.sort();
        rule.operations.dedup();
    }
    rules.sort_by(|a, b| (&a.path, &a.by, &a.operations).cmp(&(&b.path, &b.by, &b.operations)));
    rules.dedup();
}
