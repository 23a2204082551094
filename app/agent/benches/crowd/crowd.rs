//! Containers, as many as wanted, each a small program that works when it is told to.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::host::Host;

/// Programs that a container starts when it works, and what each of them does besides.
pub(crate) const STARTS: u32 = 20;
pub(crate) const FACTS: u32 = 5;

/// Waits to be told to work; then starts itself, and what was started opens files and writes one.
const LIVE: &str = r#"
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int count, char **words)
{
	char text[64];
	if (count > 1) {
		for (int i = 0; i < 4; i++) {
			snprintf(text, sizeof(text), "/etc/setting-%d", i);
			close(open(text, O_RDONLY));
		}
		snprintf(text, sizeof(text), "/tmp/work-%s", words[1]);
		return open(text, O_WRONLY | O_CREAT, 0600) < 0;
	}
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	for (int got;;) {
		sigwait(&set, &got);
		for (int i = 0; i < 20; i++) {
			snprintf(text, sizeof(text), "%d", i);
			if (!vfork()) {
				execl("/bin/live", "live", text, "--level=3", NULL);
				_exit(1);
			}
			wait(NULL);
		}
	}
}
"#;

/// The image's files.
pub(crate) fn build_image(folder: &Path) {
    for path in ["bin", "etc", "tmp"] {
        fs::create_dir_all(folder.join(path)).expect("no folder");
    }
    for number in 0..4 {
        fs::write(folder.join(format!("etc/setting-{number}")), b"x").expect("no file");
    }
    let source = folder.join("live.c");
    fs::write(&source, LIVE).expect("no source");
    let program = folder.join("bin/live");
    let built = Command::new("cc").args(["-O1", "-static", "-o"]).args([&program, &source]).status();
    assert!(built.is_ok_and(|status| status.success()), "cc -static failed");
}

/// Where the unified hierarchy of control groups is mounted.
pub(crate) fn hierarchy() -> Option<PathBuf> {
    let mounts = fs::read_to_string("/proc/self/mounts").ok()?;
    let mut lines = mounts.lines().map(|line| line.split(' ').collect::<Vec<_>>());
    let line = lines.find(|fields| fields.get(2) == Some(&"cgroup2"))?;
    line.get(1).map(PathBuf::from)
}

pub(crate) struct Container {
    pub(crate) id: String,
    pub(crate) pid: u32,
    group: PathBuf,
    runtime: Child,
}

impl Container {
    pub(crate) fn start(host: &Host, hierarchy: &Path, number: usize) -> Self {
        let id = format!("{:032x}{number:032x}", std::process::id());
        let group = hierarchy.join("lazaret-crowd").join(&id);
        fs::create_dir_all(&group).expect("no control group");
        let place = host.at("containers").join(&id);
        for folder in ["upper", "work", "merged"] {
            fs::create_dir_all(place.join(folder)).expect("no folder");
        }
        let script = "echo $$ > \"$0/cgroup.procs\" && exec unshare --mount --pid --fork --kill-child -- sh -c '\
                      mount -t overlay overlay -o lowerdir=\"$1\",upperdir=\"$0/upper\",workdir=\"$0/work\" \
                      \"$0/merged\" && exec chroot \"$0/merged\" /bin/live' \"$1\" \"$2\"";
        let runtime = Command::new("/bin/sh")
            .args(["-c", script])
            .args([&group, &place, &host.at("image")])
            .stdin(Stdio::null())
            .spawn()
            .expect("no container");
        // From here on it is ended and cleared away whatever happens.
        let mut container = Self { id, pid: 0, group, runtime };
        let until = Instant::now() + Duration::from_secs(20);
        loop {
            let children = format!("/proc/{0}/task/{0}/children", container.runtime.id());
            let pid = fs::read_to_string(children).unwrap_or_default().trim().parse().ok();
            let lives =
                |pid: &u32| fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line == b"/bin/live\0");
            if let Some(pid) = pid.filter(lives) {
                container.pid = pid;
                return container;
            }
            assert!(Instant::now() < until, "the container does not start");
            std::thread::sleep(Duration::from_millis(2));
        }
    }

    pub(crate) fn work(&self) {
        let pid = nix::unistd::Pid::from_raw(self.pid.cast_signed());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGUSR1).expect("the container is gone");
    }
}

impl Drop for Container {
    fn drop(&mut self) {
        let _ = self.runtime.kill().and_then(|()| self.runtime.wait());
        for _ in 0..200 {
            if fs::remove_dir(&self.group).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}
