//! A host with Lazaret, the application that is attacked on it, and the machine on the network that attacks lead to.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lazaret_e2e::http::Peer;
use lazaret_e2e::image::release_base;
use lazaret_e2e::story::{Image, advisory, promote_to_prod, publish};
use lazaret_e2e::{Context, Failure, Lab, Result, Run, check, fail, until};
use serde_json::Value;

use super::corpus::Corpus;
use crate::world::{Swept, folder, fresh};

const NETWORK: &str = "sink";
/// As the cases name it.
const SINK: &str = "198.51.100.2";
const SINK_NAME: &str = "lz-sinkc";
/// What the application talks to when all is well.
const BACKEND: &str = "BACKEND=198.51.100.2:5432";
const PATIENCE: Duration = Duration::from_secs(30);

/// The cases name addresses, so that the network cannot be one that the laboratory chooses and removes.
const SUBNET: &str = "198.51.100.0/24";

/// What holds whatever is added: images come by the way of the stages, and run as root.
const POLICY: &str = "\
stages:
  - dev: {requires: [signature, sbom]}
  - qa: {requires: [signature, sbom, previous-stage]}
  - prod: {requires: [signature, sbom, previous-stage]}
scan:
  - id: read-whole
    incomplete: refuse
engine:
  login: allow
  image-writes: {allow: [pull]}
  networks: allow
run:
  users: {root: allow}
";

pub(crate) struct Host {
    pub(crate) lab: Lab,
    /// The application, and what its next build makes of it.
    pub(crate) first: Image,
    pub(crate) next: Image,
    place: PathBuf,
    _bridges: Bridges,
    _swept: Swept,
}

struct Bridges;

impl Drop for Bridges {
    fn drop(&mut self) {
        remove_bridges();
    }
}

fn remove_bridges() {
    let Ok(shown) = Run::new("ip").args(["-4", "-oneline", "addr", "show", "to", SUBNET]).ok() else {
        return;
    };
    for bridge in shown.stdout.lines().filter_map(|line| line.split_whitespace().nth(1)) {
        let _ = Run::new("ip").args(["link", "del", bridge]).end();
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Container {
    pub(crate) id: String,
    merged: PathBuf,
    address: SocketAddr,
}

/// What came of a wish for a container.
#[derive(Debug, Clone)]
pub(crate) enum Wish {
    Granted(String),
    /// With these words.
    Refused(String),
}

impl Host {
    pub(crate) fn start(corpus: &Corpus) -> Result<Self> {
        let swept = Swept(folder("a"));
        remove_bridges();
        let lab = fresh("a")?;
        let place = lab.folders.state().join("attacks");
        fs::create_dir_all(place.join("socket")).context(|| "cannot create a folder".to_owned())?;
        serve_bait(&place.join("socket/docker.sock"))?;
        let file = place.join("advisory.json");
        fs::write(&file, advisory()).context(|| "cannot write an advisory".to_owned())?;
        lab.lazaret(["db", "import", &text(&file)])?.ok()?;
        lab.build.docker(["import", &text(&release_base()?.archive), "debian:bookworm"]).ok()?;
        set_policy(&lab, "")?;
        let [first, next, sink] = images(&lab, corpus, &place)?;
        lab.docker.docker(["network", "create", "--internal", "--subnet", SUBNET, NETWORK]).ok()?;
        let host = Self { lab, first, next, place, _bridges: Bridges, _swept: swept };
        host.promote(&sink)?;
        let run = ["run", "-d", "--name", SINK_NAME, "--network", NETWORK, "--ip", SINK, &sink.by_digest];
        until("the other machine to be admitted", PATIENCE, || {
            host.lab.docker.docker(run).ok().inspect_err(|_| host.remove(SINK_NAME)).ok()
        })?;
        host.promote(&host.first)?;
        Ok(host)
    }

    /// From the build machine to this host.
    pub(crate) fn promote(&self, image: &Image) -> Result<()> {
        promote_to_prod(&self.lab, image)?;
        self.lab.docker.docker(["pull", "--quiet", &image.by_digest]).ok().map(drop)
    }

    /// Lets containers be created as the cases want them, as far as no whole host is given away; until then only as
    /// every careful policy would.
    pub(crate) fn be_careless(&self) -> Result<()> {
        let socket = text(&self.place.join("socket"));
        set_policy(
            &self.lab,
            &format!(
                "  capabilities: {{allow: [SYS_ADMIN, SYS_PTRACE, SYS_MODULE]}}\n  weakened: allow\n  escapes: allow\n  \
                 bind-mounts: {{allow: [{socket}]}}\n"
            ),
        )?;
        until("the host to know the careless policy", PATIENCE, || {
            match self.wish(&self.first, "--cap-add SYS_ADMIN").ok()? {
                Wish::Granted(id) => {
                    self.remove(&id);
                    Some(())
                }
                Wish::Refused(_) => None,
            }
        })
    }

    fn inspect(&self, what: &str) -> Result<Value> {
        let shown = self.lab.docker.docker(["inspect", what]).ok()?.json()?;
        shown.get(0).cloned().ok_or_else(|| Failure::new(format!("the engine does not know {what}")))
    }

    /// `docker create` and its arguments, those of a case among them.
    pub(crate) fn wish(&self, image: &Image, arguments: &str) -> Result<Wish> {
        let bait = text(&self.place.join("socket"));
        let arguments = arguments.replace("@FAKESOCK@", &bait);
        let created = self
            .lab
            .docker
            .docker(["create", "--network", NETWORK, "-e", BACKEND])
            .args(arguments.split_whitespace())
            .args([&image.by_digest])
            .end()?;
        let said = created.said();
        match created.code {
            0 => Ok(Wish::Granted(created.stdout.trim().to_owned())),
            _ if said.contains("lazaret") => Ok(Wish::Refused(said)),
            _ => fail!("the engine makes no container: {said}"),
        }
    }

    /// One that nobody has anything against.
    pub(crate) fn create(&self, image: &Image) -> Result<String> {
        match self.wish(image, "")? {
            Wish::Granted(id) => Ok(id),
            Wish::Refused(why) => fail!("a harmless container was refused: {why}"),
        }
    }

    /// Starts it and waits until it serves and its health check has passed.
    pub(crate) fn begin(&self, id: &str) -> Result<Container> {
        self.lab.docker.docker(["start", id]).ok()?;
        let shown = self.inspect(id)?;
        let address = shown["NetworkSettings"]["Networks"][NETWORK]["IPAddress"].as_str();
        let merged = shown["GraphDriver"]["Data"]["MergedDir"].as_str();
        let (Some(address), Some(merged)) = (address, merged) else {
            fail!("the engine does not say where {id} is: {shown}")
        };
        let address = format!("{address}:8080").parse().context(|| "the container's address".to_owned())?;
        let container = Container { id: id.to_owned(), merged: merged.into(), address };
        until("the application", PATIENCE, || container.get("/").ok())?;
        ["/health", "/work"].into_iter().try_for_each(|path| container.get(path).map(drop))?;
        self.health_check(&container)?;
        Ok(container)
    }

    /// As the engine does it, from time to time.
    pub(crate) fn health_check(&self, container: &Container) -> Result<()> {
        self.lab.docker.docker(["exec", &container.id, "/app/tool", "report"]).ok().map(drop)
    }

    pub(crate) fn stop(&self, container: &Container) -> Result<()> {
        self.lab.docker.docker(["stop", "-t", "3", &container.id]).ok().map(drop)
    }

    pub(crate) fn remove(&self, id: &str) {
        let _ = self.lab.docker.docker(["rm", "-f", "-v", id]).end();
    }
}

/// What looks like an engine's socket, and answers: whoever asks there does not wait for long.
fn serve_bait(path: &Path) -> Result<()> {
    let listener =
        UnixListener::bind(path).context(|| "cannot make the bait of an engine's socket".to_owned())?;
    std::thread::spawn(move || {
        for mut asked in listener.incoming().flatten() {
            let _ = asked.read(&mut [0; 1024]);
            let _ = asked.write_all(b"HTTP/1.0 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
        }
    });
    Ok(())
}

/// The application, its next build, and the other machine, in the registry.
fn images(lab: &Lab, corpus: &Corpus, place: &Path) -> Result<[Image; 3]> {
    let application = place.join("image");
    Run::new("cp").args(["-r", &text(&corpus.folder.join("image")), &text(&application)]).ok()?;
    let (program, source) = (text(&application.join("tool")), text(&application.join("helper.c")));
    Run::new("cc").args(["-O2", "-static", "-w", "-o", &program, &source]).ok()?;
    let build = |name: &str, context: &Path| {
        lab.build.docker(["build", "-q", "-t", name, &text(context)]).ok()?;
        publish(lab, name)
    };
    let first = build("victim:1", &application)?;
    write(&application.join("index.html"), "another page\n")?;
    let next = build("victim:2", &application)?;
    check!(first.config != next.config, "the next build is the first one");
    let machine = place.join("sink");
    fs::create_dir_all(&machine).context(|| "cannot create a folder".to_owned())?;
    Run::new("cp").args([&text(&corpus.folder.join("sink.pl")), &text(&machine)]).ok()?;
    write(
        &machine.join("Dockerfile"),
        "FROM debian:bookworm\nCOPY sink.pl /sink.pl\nENTRYPOINT [\"/usr/bin/perl\",\"/sink.pl\"]\n",
    )?;
    Ok([first, next, build("sink:1", &machine)?])
}

/// `more` goes on with what a container may ask of its host.
fn set_policy(lab: &Lab, more: &str) -> Result<()> {
    let policy = lab.folders.policy();
    write(&policy, &format!("{POLICY}{more}"))?;
    lab.lazaret(["policy", "push", &text(&policy)])?.ok().map(drop)
}

impl Container {
    pub(crate) fn get(&self, path: &str) -> Result<String> {
        Ok(Peer::Tcp(self.address).get(path)?.body)
    }

    /// Runs a shell command (`/rce`) or code of the application's own language (`/eval`) inside. What it said,
    /// or nothing if it did not live to say it.
    pub(crate) fn attack(&self, path: &str, body: &str) -> Option<String> {
        Peer::Tcp(self.address).request("POST", path, &[], body.as_bytes()).ok().map(|answer| answer.body)
    }

    /// A file of the image becomes one of the container's own layer, and holds what it held.
    pub(crate) fn touch(&self, path: &str) -> Result<()> {
        Run::new("touch").args([text(&self.merged.join(path))]).ok().map(drop)
    }
}

fn write(path: &Path, content: &str) -> Result<()> {
    let _ = fs::remove_file(path);
    fs::write(path, content).context(|| format!("cannot write {}", path.display()))
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
