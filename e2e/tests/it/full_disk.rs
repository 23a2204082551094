use std::fs;
use std::path::{Path, PathBuf};

use lazaret_e2e::http::Peer;
use lazaret_e2e::lab::{Daemon, Folders, free_port};
use lazaret_e2e::{Context as _, Result, Run, check, program};
use nix::mount::{MntFlags, MsFlags, mount, umount2};

use crate::world::{Swept, World, folder};

/// A file system that is full.
struct Small(PathBuf);

impl Small {
    fn new(at: &Path, size: &str) -> Result<Self> {
        fs::create_dir_all(at).context(|| format!("cannot create {}", at.display()))?;
        let options = format!("size={size}");
        mount(Some("tmpfs"), at, Some("tmpfs"), MsFlags::empty(), Some(options.as_str()))
            .context(|| format!("cannot mount a small file system on {}", at.display()))?;
        Ok(Self(at.to_owned()))
    }

    /// Leaves no byte free.
    fn fill(&self) -> PathBuf {
        let filler = self.0.join("filler");
        let mut file = match fs::File::options().create(true).append(true).open(&filler) {
            Ok(file) => file,
            Err(_) => return filler,
        };
        while std::io::Write::write(&mut file, &[0; 4096]).is_ok_and(|written| written > 0) {}
        filler
    }

    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.0).into_iter().flatten().flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ = umount2(&self.0, MntFlags::MNT_DETACH);
    }
}

pub(crate) fn of_the_user_leaves_nothing_half_written(world: &mut World) -> Result<()> {
    let (lab, told) = world.told()?;
    let small = Small::new(&lab.folders.state().join("small"), "64k")?;
    small.fill();
    let at = |name: &str| small.0.join(name).display().to_string();
    let target = format!("docker:{}", told.built.v1.name);
    for arguments in [
        vec!["sbom", &target, "--out", &at("sbom.json")],
        vec!["audit", "export", "--out", &at("audit.json")],
        vec!["key", "generate", "--out", &at("keys")],
        vec![
            "db",
            "import",
            &lab.folders.state().join("advisory.json").display().to_string(),
            "--db",
            &at("db.lzdb"),
        ],
    ] {
        let ended = lab.lazaret(&arguments)?.code(7)?;
        check!(ended.stderr.contains("small"), "`{}` does not say where:\n{}", ended.shown, ended.stderr);
    }
    // The lock of a database is an empty file that stays beside it, so that two writers take turns.
    let expected = ["filler", "keys", "db.lzdb.lock"];
    let left: Vec<String> =
        small.names().into_iter().filter(|name| !expected.contains(&name.as_str())).collect();
    check!(left.is_empty(), "left half-written on the full disk: {left:?}");
    Ok(())
}

/// The server's disk fills up under it: it says so, acknowledges nothing that it did not keep, and goes on when there is
/// room again.
pub(crate) fn of_the_server_is_said_and_survived(_: &mut World) -> Result<()> {
    let state = folder("full");
    let _swept = Swept(state.clone());
    let folders = Folders::new(&state)?;
    folders.create()?;
    let keys = folders.keys().display().to_string();
    Run::new(program("lazaret")?).args(["key", "generate", "--out", &keys]).ok()?;
    let small = Small::new(&folders.server(), "6m")?;
    let port = free_port(0)?;
    let mut server = serve(&folders, port)?;
    let lazaret = |arguments: &[&str]| -> Result<Run> {
        let run = Run::new(program("lazaret")?);
        let run = run
            .env("LAZARET_SERVER", format!("http://127.0.0.1:{port}"))
            .env("LAZARET_TOKEN_FILE", folders.admin_token());
        Ok(run.args(arguments))
    };
    lazaret(&["token", "create", "--kind", "user", "--name", "before"])?.ok()?;

    let filler = small.fill();
    let mut refused = None;
    // SQLite's log has some room of its own: it takes a few until the disk is asked for more.
    for number in 0..2_000 {
        let name = format!("{number}-{}", "x".repeat(50));
        let ended = lazaret(&["token", "create", "--kind", "user", "--name", &name])?.end()?;
        if ended.code != 0 {
            refused = Some(ended);
            break;
        }
    }
    let Some(refused) = refused else { lazaret_e2e::fail!("the server keeps tokens on a full disk") };
    check!(
        refused.code == 6 || refused.code == 4,
        "the full disk of the server gives code {}:\n{}",
        refused.code,
        refused.said()
    );
    check!(
        refused.stderr.contains("disk")
            || refused.stderr.contains("space")
            || refused.stderr.contains("full"),
        "it does not say why:\n{}",
        refused.stderr
    );
    check!(server.is_alive(), "the server died of a full disk:\n{}", server.log_end());
    lazaret(&["ps"])?.ok()?;

    fs::remove_file(filler).context(|| "cannot make room".to_owned())?;
    lazaret(&["token", "create", "--kind", "user", "--name", "after"])?.ok()?;
    lazaret(&["audit", "verify"])?.ok()?;
    server.kill();
    let mut server = serve(&folders, port)?;
    lazaret(&["audit", "verify"])?.ok()?;
    server.stop(std::time::Duration::from_secs(5));
    Ok(())
}

fn serve(folders: &Folders, port: u16) -> Result<Daemon> {
    let arguments = [
        "serve",
        "--state",
        &folders.server().display().to_string(),
        "--listen",
        &format!("127.0.0.1:{port}"),
        "--trusted-key",
        &folders.public_key().display().to_string(),
    ]
    .map(str::to_owned);
    let mut daemon = Daemon::start("server", folders, &program("lazaret")?, &arguments)?;
    let peer = Peer::loopback(port);
    daemon.ready(std::time::Duration::from_secs(10), || peer.get("/v1/agents").is_ok())?;
    Ok(daemon)
}
