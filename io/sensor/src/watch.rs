//! The thread that watches containers come and go.

use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::eventfd::EventFd;
use tokio::sync::mpsc;
use tracing::{debug, warn};

use crate::domain::is_starter;
use crate::enforce::{Refusals, Starts};
use crate::event::{Gap, SensorEvent};
use crate::evidence::Evidence;
use crate::ledger::{RINGS, Ring};
use crate::namespaces::{self, Host, Identity, Member, ProcessId};
use crate::observation::Sighting;
use crate::process::Ticks;
use crate::record::Kind;
use crate::sys;
use crate::tracer::Tracer;
use crate::tracker::{Arrival, Departure, Tracker, alive};

const STOP: u64 = u64::MAX;
/// The kernel program does not wake the reader (that costs ten times the program itself): it comes by.
const POLL_MILLISECONDS: u8 = 20;
/// Records of one ring that are taken before the others have their turn.
const BATCH: usize = 4096;
const CHECK_COUNTS: Duration = Duration::from_secs(1);
/// If nothing came meanwhile. Each control group costs two system calls.
const CHECK_QUIET_COUNTS: Duration = Duration::from_secs(30);
/// A process may also enter a namespace without starting a program.
const SCAN: Duration = Duration::from_secs(30);
/// Without the kernel program, or after somebody was met who had only just begun.
const SCAN_SOON: Duration = Duration::from_secs(1);
/// Nanoseconds.
const YOUNG: u64 = 1_000_000_000;

pub(crate) struct Watch {
    host: Host,
    tracer: Option<Tracer>,
    tracker: Tracker,
    epoll: Epoll,
    leads: HashMap<u64, Lead>,
    next_token: u64,
    /// Leading processes that have ended, to be dealt with together: that may cost a walk through `/proc`.
    ended: Vec<(Identity, ProcessId)>,
    /// Leading processes for which the kernel gave no descriptor (too many are open): looked at now and then.
    unwatched: Vec<(Identity, ProcessId)>,
    events: mpsc::Sender<SensorEvent>,
    /// Refusals that the enforcer could not tell.
    untold: Arc<AtomicU64>,
    refusals: Arc<Refusals>,
    /// Told of every program start.
    starts: Arc<Starts>,
    evidence: Evidence,
    missed: u64,
    /// Records are left in a ring that was not emptied for too long.
    behind: bool,
    /// Something came since the counts were compared last, at this time.
    unchecked: bool,
    compared: Instant,
}

struct Lead {
    identity: Identity,
    process: ProcessId,
    /// Open as long as the kernel watches the process for us.
    _descriptor: OwnedFd,
}

/// The receiver of events is gone.
struct Closed;

impl Watch {
    pub(crate) fn new(
        host: Host,
        tracer: Option<Tracer>,
        (events, sightings): (mpsc::Sender<SensorEvent>, Option<mpsc::Sender<Sighting>>),
        (untold, refusals): (Arc<AtomicU64>, Arc<Refusals>),
        starts: Arc<Starts>,
    ) -> nix::Result<Self> {
        Ok(Self {
            host,
            evidence: Evidence::new(tracer.as_ref(), sightings),
            tracer,
            tracker: Tracker::new(host),
            epoll: Epoll::new(nix::sys::epoll::EpollCreateFlags::EPOLL_CLOEXEC)?,
            leads: HashMap::new(),
            next_token: 0,
            ended: Vec::new(),
            unwatched: Vec::new(),
            events,
            untold,
            refusals,
            starts,
            missed: 0,
            behind: false,
            unchecked: true,
            compared: Instant::now(),
        })
    }

    /// Works until `stop` is raised or nobody listens any more.
    pub(crate) fn run(mut self, stop: &EventFd) {
        if let Err(problem) = self.epoll.add(stop, EpollEvent::new(EpollFlags::EPOLLIN, STOP)) {
            warn!(%problem, "the container watch cannot be stopped by itself");
        }
        if self.work().is_err() {
            debug!("nobody receives the sensor's events any more");
        }
    }

    fn work(&mut self) -> Result<(), Closed> {
        if self.tracer.is_none() {
            self.gap(
                "program starts are not traced: a container that lives for less than a second may be missed",
                1,
            )?;
        }
        let mut next_scan = Instant::now() + self.scan()?;
        let mut checked = Instant::now();
        loop {
            let ended = match self.wait() {
                Some(ended) => ended,
                None => return Ok(()),
            };
            // All programs that a process started are in the ring before its end is told. In this order a
            // container is never told to be gone and then seen again because of its last words.
            self.drain(BATCH)?;
            let leads = ended.into_iter().filter_map(|token| self.leads.remove(&token));
            self.ended.extend(leads.map(|lead| (lead.identity, lead.process)));
            if checked.elapsed() >= CHECK_COUNTS {
                checked = Instant::now();
                self.check_counts()?;
                for (identity, process) in std::mem::take(&mut self.unwatched) {
                    self.follow(identity, process);
                }
            }
            if Instant::now() >= next_scan {
                next_scan = Instant::now() + self.scan()?;
            }
            self.settle()?;
        }
    }

    /// The tokens of processes that ended; `None` to stop.
    fn wait(&self) -> Option<Vec<u64>> {
        let mut ready = [EpollEvent::empty(); 64];
        let timeout = EpollTimeout::from(if self.behind { 1 } else { POLL_MILLISECONDS });
        let count = match self.epoll.wait(&mut ready, timeout) {
            Ok(count) => count,
            Err(Errno::EINTR) => 0,
            Err(problem) => {
                warn!(%problem, "the container watch stops");
                return None;
            }
        };
        let tokens: Vec<_> = ready.iter().take(count).map(EpollEvent::data).collect();
        (!tokens.contains(&STOP)).then_some(tokens)
    }

    /// Takes at most `limit` records out of each ring; tells which were emptied.
    fn drain(&mut self, limit: usize) -> Result<[bool; RINGS], Closed> {
        let mut emptied = [true; RINGS];
        // What the kernel told before them is in its rings by now.
        let refusals = self.refusals.take();
        let Some(tracer) = &mut self.tracer else {
            refusals.into_iter().for_each(|refusal| self.evidence.refused(refusal));
            return Ok(emptied);
        };
        let (mut records, mut unreadable) = (Vec::new(), 0);
        for ring in Ring::ALL {
            // Facts wait for their reader in the kernel; the others are counted if they find no room.
            let mut left = if ring == Ring::Facts { limit.min(self.evidence.room()) } else { limit };
            if left == 0 {
                emptied[ring as usize] = false;
                continue;
            }
            tracer.drain(ring, |record| {
                match record {
                    Some(record) => records.push((ring, record)),
                    None => unreadable += 1,
                }
                left -= 1;
                if left == 0 {
                    emptied[ring as usize] = false;
                    return ControlFlow::Break(());
                }
                ControlFlow::Continue(())
            });
        }
        self.unchecked |= !records.is_empty() || unreadable > 0;
        // What came by different ways is put in order, so that nobody ends before he does his last deed.
        records.sort_by_key(|(_, record)| record.at);
        let mut arrivals = Vec::new();
        for (ring, record) in &records {
            if record.kind == Kind::Exec {
                self.starts.note(record.pid, record.at);
                // A container that is held has its program still to come.
                if !is_starter(record) {
                    arrivals.extend(self.tracker.started(record));
                }
            }
            self.evidence.receive(record, *ring, &self.tracker);
        }
        for refusal in refusals {
            self.evidence.refused(refusal);
        }
        self.behind = emptied.contains(&false);
        for arrival in arrivals {
            self.arrived(arrival)?;
        }
        self.gap("program starts that could not be read", unreadable)?;
        Ok(emptied)
    }

    /// Looks for containers in `/proc`; returns when to do so again.
    fn scan(&mut self) -> Result<Duration, Closed> {
        // A process may be met on its way into the container, between two system calls of the runtime: what it
        // starts then tells better what it is.
        let young = Ticks::from_nanoseconds(sys::boot_clock().saturating_sub(YOUNG));
        let mut next = if self.tracer.is_some() { SCAN } else { SCAN_SOON };
        for member in members(&self.host) {
            if self.tracer.is_some() && member.process.started > young {
                // A walk through /proc costs most of what this thread does: not for what is known anyway.
                if !self.tracker.knows(&member) {
                    next = SCAN_SOON;
                }
            } else if let Some(arrival) = self.tracker.found(&member) {
                self.arrived(arrival)?;
            }
        }
        Ok(next)
    }

    fn arrived(&mut self, arrival: Arrival) -> Result<(), Closed> {
        self.send(SensorEvent::ContainerSeen(arrival.seen))?;
        self.follow(arrival.identity, arrival.lead);
        Ok(())
    }

    /// Waits for the end of the process, or notes that it has come.
    fn follow(&mut self, identity: Identity, process: ProcessId) {
        let descriptor = match sys::pidfd_open(process.pid) {
            Ok(descriptor) if alive(process) => descriptor,
            Ok(_) => return self.ended.push((identity, process)),
            Err(problem) if problem.raw_os_error() == Some(libc::ESRCH) => {
                return self.ended.push((identity, process));
            }
            Err(_) => return self.unwatched.push((identity, process)),
        };
        let token = self.next_token;
        self.next_token += 1;
        match self.epoll.add(&descriptor, EpollEvent::new(EpollFlags::EPOLLIN, token)) {
            Ok(()) => {
                self.leads.insert(token, Lead { identity, process, _descriptor: descriptor });
            }
            Err(_) => self.unwatched.push((identity, process)),
        }
    }

    /// Tells which containers are gone with their leading processes, and follows another process of the rest.
    fn settle(&mut self) -> Result<(), Closed> {
        while !self.ended.is_empty() {
            // After the ends, so that whoever outlived one of them is in it.
            let found = OnceCell::new();
            for (identity, process) in std::mem::take(&mut self.ended) {
                let host = self.host;
                match self.tracker.ended(&identity, process, || found.get_or_init(|| members(&host))) {
                    Departure::Gone(gone) => self.send(SensorEvent::ContainerGone(gone))?,
                    Departure::Continues(next) => self.follow(identity, next),
                    Departure::Unknown => {}
                }
            }
        }
        Ok(())
    }

    /// Compares what the kernel program saw with what came here: any difference is told.
    fn check_counts(&mut self) -> Result<(), Closed> {
        self.gap(
            "refusals that could not be told: too many at once",
            self.untold.swap(0, Ordering::Relaxed),
        )?;
        let Some(tracer) = &self.tracer else { return Ok(()) };
        // A ring that had no room was full of what came.
        if !self.unchecked && self.compared.elapsed() < CHECK_QUIET_COUNTS {
            return Ok(());
        }
        (self.unchecked, self.compared) = (false, Instant::now());
        let tallies: Vec<_> = match tracer.tallies.lock() {
            Ok(tallies) => tallies.iter().flatten().collect(),
            Err(_) => return Ok(()),
        };
        // A record is in the ring before it is counted: after this, all of them must have come.
        let emptied = self.drain(usize::MAX)?;
        self.unchecked |= emptied.contains(&false);
        let Some(tracer) = &mut self.tracer else { return Ok(()) };
        let losses = self.evidence.check(tracer, &tallies, emptied);
        let missed = tracer.missed();
        let new_missed = missed.saturating_sub(std::mem::replace(&mut self.missed, missed));
        self.gap("program starts lost on the way from the kernel", losses.astray)?;
        self.gap("program starts that the last agent may have taken and told nobody about", losses.orphaned)?;
        self.gap("program starts lost because the kernel's buffer was full", losses.full)?;
        self.gap("program starts at which the kernel program was not called", new_missed)
    }

    fn gap(&self, what: &'static str, count: u64) -> Result<(), Closed> {
        if count == 0 { Ok(()) } else { self.send(SensorEvent::Gap(Gap { what, count })) }
    }

    /// Waits while the receiver is behind: meanwhile the kernel's ring keeps what comes, and counts what it cannot.
    fn send(&self, event: SensorEvent) -> Result<(), Closed> {
        self.events.blocking_send(event).map_err(|_| Closed)
    }
}

fn members(host: &Host) -> Vec<Member> {
    namespaces::scan(host).unwrap_or_else(|problem| {
        warn!(%problem, "/proc cannot be listed");
        Vec::new()
    })
}
