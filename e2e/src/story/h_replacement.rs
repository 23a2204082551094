use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::{Built, Teller, promote_to_prod, seconds, wait_for_version};
use crate::http::Peer;
use crate::{Failure, Result, check};

/// What callers of the service noticed of a replacement.
#[derive(Debug, Clone, Copy, Default)]
pub struct Outage {
    pub asked: u32,
    pub unanswered: u32,
    /// The longest time without an answer.
    pub longest: Duration,
}

pub(super) fn step(teller: &mut Teller<'_>, built: &Built) -> Result<Outage> {
    teller
        .screen
        .say("The fixed image goes the same way to production (sign, attest, promote, without words):");
    promote_to_prod(teller.lab, &built.v2)?;
    teller.lab.docker.docker(["pull", "--quiet", &built.v2.by_digest]).ok()?;
    teller.screen.holds("version 1.1-1 is promoted to prod");

    let port = teller.lab.shop_port;
    let (replaced, outage) =
        while_asking(port, || teller.lazaret(["replace", "shop", "--with", &built.v2.by_digest], 0, 12));
    replaced?;
    wait_for_version(teller.lab, "1.1-1")?;
    let now = running(teller)?;
    let wanted =
        [("edge".to_owned(), built.edge.config.clone()), ("shop".to_owned(), built.v2.config.clone())];
    check!(now == wanted, "not edge and the new shop alone run: {now:?}");
    let Outage { asked, unanswered, longest } = outage;
    teller.screen.holds(&format!(
        "callers: {asked} requests, {unanswered} unanswered, at most {} without an answer",
        seconds(longest)
    ));

    teller.screen.say("And one that never becomes healthy:");
    promote_to_prod(teller.lab, &built.sick)?;
    teller.lab.docker.docker(["pull", "--quiet", &built.sick.by_digest]).ok()?;
    let before = running(teller)?;
    let (rolled_back, sick_outage) = while_asking(port, || {
        teller.lazaret(["replace", "shop", "--with", &built.sick.by_digest, "--health-timeout", "8"], 1, 12)
    });
    let said = rolled_back?.said();
    check!(said.contains("rolled back"), "the command does not say that it rolled back:\n{said}");
    wait_for_version(teller.lab, "1.1-1")?;
    check!(
        running(teller)? == before,
        "after the roll-back runs {:?} instead of {before:?}",
        running(teller)?
    );
    check!(sick_outage.unanswered == 0, "callers noticed the failed replacement: {sick_outage:?}");
    teller.screen.holds("the old container goes on, and nobody noticed");
    Ok(outage)
}

/// Name and image of every container that runs on the guarded host.
fn running(teller: &Teller<'_>) -> Result<Vec<(String, String)>> {
    let ids = teller.lab.docker.docker(["ps", "--quiet", "--no-trunc"]).ok()?.stdout;
    let mut found = Vec::new();
    for id in ids.lines() {
        let shown =
            teller.lab.docker.docker(["inspect", "--format", "{{.Name}} {{.Image}}", id]).ok()?.stdout;
        let (name, image) =
            shown.trim().split_once(' ').ok_or_else(|| Failure::new(format!("odd answer: {shown}")))?;
        found.push((name.trim_start_matches('/').to_owned(), image.to_owned()));
    }
    found.sort();
    Ok(found)
}

/// Does something while a caller asks the service for its version all the time.
fn while_asking<T>(port: u16, work: impl FnOnce() -> T) -> (T, Outage) {
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| {
            let (peer, mut outage, mut answered) = (Peer::loopback(port), Outage::default(), Instant::now());
            while !done.load(Ordering::Relaxed) {
                outage.asked += 1;
                if peer.get("/version").is_ok_and(|answer| answer.status == 200) {
                    answered = Instant::now();
                } else {
                    outage.unanswered += 1;
                }
                outage.longest = outage.longest.max(answered.elapsed());
                std::thread::sleep(Duration::from_millis(5));
            }
            outage
        });
        let result = work();
        done.store(true, Ordering::Relaxed);
        (result, asking.join().unwrap_or_default())
    })
}
