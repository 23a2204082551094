use std::time::{Duration, Instant};

use super::{Built, Image, Teller, bypass, seconds};
use crate::http::Peer;
use crate::{Ended, Lab, Result, check, until};

/// The service as it runs.
#[derive(Debug, Clone)]
pub struct Running {
    /// The engine's id of the container.
    pub container: String,
    pub name: String,
}

/// Between a promotion and its being known on every host.
const KNOWN_LIMIT: Duration = Duration::from_secs(10);

pub(super) fn step(teller: &mut Teller<'_>, built: &Built) -> Result<Running> {
    teller.screen.say("An image that was not promoted:");
    teller.lab.docker.docker(["pull", "--quiet", &built.old.by_digest]).ok()?;
    let refused = teller.docker(["run", "--detach", &built.old.by_digest], 125, 6)?;
    refusal(&refused, &["not promoted to prod", "lazaret promote"])?;

    teller.screen.say("The promoted one, by its digest:");
    teller.docker(["network", "create", NETWORK], 0, 0)?;
    let running = run_shop(teller, &built.v1)?;
    run_edge(teller, &built.edge)?;
    let time = wait_for_version(teller.lab, "1.0-1")?;
    teller.screen.holds(&format!(
        "it answers on http://127.0.0.1:{} ({} later)",
        teller.lab.shop_port,
        seconds(time)
    ));

    teller.screen.say("Nobody logs in, and nothing reaches for the host:");
    refusal(&teller.docker(["exec", &running.name, "id"], 1, 4)?, &["exec"])?;
    let image = &built.v1.by_digest;
    refusal(&teller.docker(["run", "--detach", "--privileged", image], 125, 4)?, &["privileged"])?;
    refusal(&teller.docker(["run", "--detach", "--volume", "/:/host", image], 125, 4)?, &["the whole host"])?;

    teller.screen.say("Requests that mean another thing to the engine than they seem to say:");
    for attempt in bypass::attempts(image).iter().filter(|attempt| attempt.in_story) {
        let message = attempt.refused(&teller.lab.docker)?;
        teller.screen.holds(&format!("{}: refused: {message}", attempt.what));
    }
    let left = teller.lab.docker.docker(["ps", "--all", "--quiet", "--no-trunc"]).ok()?.stdout;
    check!(left.lines().count() == 2, "one of the refused requests made a container:\n{left}");
    Ok(running)
}

/// The refusal reached the user, says what it is about, and that it was Lazaret.
fn refusal(ended: &Ended, words: &[&str]) -> Result<()> {
    let said = ended.said();
    check!(said.contains("lazaret"), "`{}` does not say who refused:\n{said}", ended.shown);
    for word in words {
        check!(said.contains(word), "`{}` was refused without saying `{word}`:\n{said}", ended.shown);
    }
    Ok(())
}

/// The network on which the shop is known by its name.
const NETWORK: &str = "market";

/// `docker run` of the image as `shop`.
pub fn run_shop_once(lab: &Lab, image: &Image) -> Result<Ended> {
    let options = ["run", "--detach", "--name", "shop", "--network", NETWORK, "--network-alias", "shop"];
    lab.docker.docker(options).args([&image.by_digest]).end()
}

fn run_edge(teller: &Teller<'_>, image: &Image) -> Result<()> {
    teller.lab.docker.docker(["pull", "--quiet", &image.by_digest]).ok()?;
    let port = format!("127.0.0.1:{}:8080", teller.lab.shop_port);
    let options =
        ["run", "--detach", "--name", "edge", "--network", NETWORK, "--publish", &port, &image.by_digest];
    teller.docker(options, 0, 0).map(drop)
}

fn run_shop(teller: &Teller<'_>, image: &Image) -> Result<Running> {
    teller.lab.docker.docker(["pull", "--quiet", &image.by_digest]).ok()?;
    // The promotion travels to the host by itself; how long it took is said.
    let begun = Instant::now();
    let ended = until("the promotion to arrive at the host", KNOWN_LIMIT, || {
        match run_shop_once(teller.lab, image) {
            Ok(ended) if ended.code == 0 => Some(Ok(ended)),
            Ok(ended) if begun.elapsed() > KNOWN_LIMIT - Duration::from_secs(1) => Some(ended.expect_code(0)),
            Ok(_) => {
                // What was created and could not be started would keep the name.
                let _ = teller.lab.docker.docker(["rm", "--force", "shop"]).end();
                None
            }
            Err(failure) => Some(Err(failure)),
        }
    })??;
    teller.screen.command("host", &ended, 2);
    Ok(Running { container: ended.stdout.trim().to_owned(), name: "shop".to_owned() })
}

/// Asks the service through its published port until it answers with this version.
pub fn wait_for_version(lab: &Lab, version: &str) -> Result<Duration> {
    let (peer, begun) = (Peer::loopback(lab.shop_port), Instant::now());
    until(&format!("version {version} of the shop"), Duration::from_secs(30), || {
        peer.get("/version").ok().filter(|answer| answer.body.contains(version)).map(|_| begun.elapsed())
    })
}
