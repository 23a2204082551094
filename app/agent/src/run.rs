//! `lazaret-agent run`: puts the parts together and keeps them going until a signal comes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures_util::future::BoxFuture;
use lazaret_engine::docker::StoreReader;
use lazaret_format::v1::EventKind;
use lazaret_sensor::{BPF_FILE_SYSTEM, Options, Sensor, SensorEvent, provide_bpf_file_system};
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, watch};

use crate::admissions::AdmissionStore;
use crate::authz::gate::Gate;
use crate::authz::intents::Intents;
use crate::authz::log_in::Door;
use crate::behaviour::answer::Answers;
use crate::behaviour::expectation::Expectations;
use crate::behaviour::in_use::InUse;
use crate::behaviour::keeper::Keeper;
use crate::behaviour::shelf::Shelf as LearnedShelf;
use crate::behaviour::{Observer, upload};
use crate::break_glass::{self, BreakGlass};
use crate::canary::{Canary, Flight};
use crate::config::Config;
use crate::desk::Desk;
use crate::failure::Failure;
use crate::replace::hands::EngineHands;
use crate::replace::journal::Shelf;
use crate::server::Server;
use crate::spool::Spool;
use crate::start::begin::Beginnings;
use crate::start::judge::StartJudge;
use crate::watch::Watch;
use crate::watch::inventory::Inventory;
use crate::watch::process::boot_id;
use crate::watch::running::Running;
use crate::{authz, enroll, files, replace, report, socket, start, sync};

const CANARY_EVERY: Duration = Duration::from_secs(10);
/// How often a bypassed plugin is told again.
const CANARY_REMINDER: Duration = Duration::from_secs(600);

/// Bytes. The kernel's buffers are mapped twice each; what finds no room is counted. This one holds a thousand program
/// starts, or four thousand facts, of the 20 milliseconds between two looks.
const RING: u32 = 1 << 20;
const ALERT_RING: u32 = 512 << 10;
/// What was learned is written down before the end.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// How the agent ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    Terminated,
    Interrupted,
}

/// Guards this host until a signal comes.
pub fn run(config: Config) -> BoxFuture<'static, Result<Ended, Failure>> {
    // What is boxed is compiled here; the body of an `async fn` is compiled by every program that awaits it.
    Box::pin(guard(config))
}

async fn guard(config: Config) -> Result<Ended, Failure> {
    if !nix::unistd::geteuid().is_root() {
        return Err(Failure::Local(
            "lazaret-agent run needs root: it guards processes of every user; start it as root".to_owned(),
        ));
    }
    let key = enroll::read_key(&config)?;
    let server = Server::new(&config.server, &key)?;
    files::create_private_directory(&config.state)?;
    let spool = Spool::open(&config.spool_directory(), config.spool_bytes, enroll::random()?)?;
    let (admissions, complaints) = AdmissionStore::open(&config.admissions_file(), &config.trusted_keys)?;
    let admissions = Arc::new(admissions);
    for what in complaints {
        tracing::error!("{what}");
        spool.note(EventKind::Gap { what, count: 1 });
    }
    let (glass, complaints) = BreakGlass::open(&config.break_glass_file(), &config.host)?;
    let glass = Arc::new(glass);
    for what in complaints {
        tracing::error!("{what}");
        spool.note(EventKind::Gap { what, count: 1 });
    }
    let (sensor, kernel) = start_sensor(&config).await?;
    let enforcement = enforcement(&sensor);
    tracing::info!(host = config.host, stage = %config.stage, enforcement, "guarding");

    let (running, earlier) = Running::load(&config.running_file(), &boot_id())?;
    let inventory = Arc::new(Mutex::new(Inventory::new(running)));
    let engine_files = StoreReader::new(&config.engine.data_root);
    let desk = Arc::new(Desk::new(&config.host, spool.clone()));
    let canary = Arc::new(Canary::default());
    let intents = Arc::new(Intents::default());
    let keeper = Arc::new(Keeper::new(
        Expectations::new(Arc::clone(&admissions), engine_files.clone()),
        Arc::clone(&sensor),
        spool.clone(),
    ));
    let sightings = sensor.sightings();
    let watch = Watch {
        inventory: Arc::clone(&inventory),
        admissions: Arc::clone(&admissions),
        engine_socket: config.engine.socket.clone(),
        engine_files: engine_files.clone(),
        sensor: Arc::clone(&sensor),
        keeper: Arc::clone(&keeper),
        spool: spool.clone(),
    };
    watch.catch_up(earlier, enforcement).await;
    let (saved, to_upload) = mpsc::unbounded_channel();
    let answers = Answers {
        keeper: Arc::clone(&keeper),
        engine_socket: config.engine.socket.clone(),
        intents: Arc::clone(&intents),
        spool: spool.clone(),
        glass: Arc::clone(&glass),
    };
    let mut observer = Observer::new(
        Arc::clone(&keeper),
        Arc::clone(&inventory),
        answers,
        spool.clone(),
        LearnedShelf::open(&config.learned_directory())?,
        (InUse::open(&config.used_directory())?, provide_bpf_file_system().is_ok()),
        saved,
    );
    tokio::task::block_in_place(|| observer.hold_again());

    let gate = Gate {
        stage: config.stage.clone(),
        admissions: Arc::clone(&admissions),
        engine_files: engine_files.clone(),
        desk: Arc::clone(&desk),
        canary: Arc::clone(&canary),
        intents: Arc::clone(&intents),
        door: Door { glass: Arc::clone(&glass), engine_socket: config.engine.socket.clone() },
    };
    let judge = StartJudge {
        stage: config.stage.clone(),
        admissions: Arc::clone(&admissions),
        engine_socket: config.engine.socket.clone(),
        engine_files,
        desk,
        sensor,
        inventory,
        keeper,
        beginnings: Beginnings::new(&config.state),
    };
    let starts = socket::listen(&config.agent_socket()).await?;
    let plugin = socket::listen(&config.plugin_socket()).await?;
    let (stop, stopped) = watch::channel(false);
    let observing = sightings.map(|sightings| tokio::spawn(observer.run(sightings, stopped.clone())));
    let serving = tokio::spawn(authz::serve(plugin, Arc::new(gate), until(stopped)));
    tokio::spawn(start::serve(starts, Arc::new(judge)));
    tokio::spawn(watch.run(kernel));
    tokio::spawn(report::run(server.clone(), spool.outbox()));
    let directories =
        upload::Directories { learned: config.learned_directory(), used: config.used_directory() };
    tokio::spawn(upload::run(server.clone(), directories, to_upload));
    tokio::spawn(sync::run(server.clone(), admissions, spool.clone()));
    tokio::spawn(break_glass::follow::run(server.clone(), glass, spool.clone()));
    tokio::spawn(fly_canaries(canary, config.engine.socket.clone(), spool.clone()));
    let hands = Arc::new(EngineHands::new(
        config.engine.socket.clone(),
        StoreReader::new(&config.engine.data_root),
        intents,
    ));
    tokio::spawn(replace::run(server, hands, Shelf::open(&config.replacements_directory())?));

    let ended = wait_for_signal(serving).await;
    let _ = stop.send(true);
    if let Some(observing) = observing
        && tokio::time::timeout(LAST_WORDS, observing).await.is_err()
    {
        tracing::error!("what was learned last could not be written down in time");
    }
    for path in [config.plugin_socket(), config.agent_socket()] {
        let _ = std::fs::remove_file(path);
    }
    spool.close();
    tracing::info!("stopped: the engine starts nothing until the agent runs again; what runs goes on");
    ended
}

/// The kernel's type information takes a while to read.
async fn start_sensor(config: &Config) -> Result<(Arc<Sensor>, mpsc::Receiver<SensorEvent>), Failure> {
    let lasting = provide_bpf_file_system();
    if let Err(error) = &lasting {
        tracing::warn!(
            "there is no BPF file system at {BPF_FILE_SYSTEM}, and it cannot be mounted ({error}): what the kernel holds \
             containers to ends with the agent"
        );
    }
    let pins = lasting.is_ok().then(|| config.pins_directory());
    let options = Options {
        observe: true,
        chosen_only: true,
        ring: RING,
        alert_ring: ALERT_RING,
        pins,
        ..Options::default()
    };
    let started = tokio::task::spawn_blocking(move || Sensor::start(&options)).await;
    let (sensor, kernel) =
        started.map_err(|error| Failure::Internal(error.to_string()))?.map_err(|error| {
            Failure::Local(format!("the kernel cannot be watched: {error}; see `lazaret-agent doctor`"))
        })?;
    Ok((Arc::new(sensor), kernel))
}

fn enforcement(sensor: &Sensor) -> String {
    let mut works = Vec::new();
    match sensor.enforcement() {
        Ok(()) => works.push("fanotify"),
        Err(why) => tracing::error!(why, "executions cannot be refused, so nothing will be admitted"),
    }
    match sensor.tracing() {
        Ok(()) => works.push("exec-tracing"),
        Err(why) => tracing::warn!(
            why,
            "containers are looked for once a second instead of being seen when they start"
        ),
    }
    match sensor.network() {
        Ok(()) => works.push("cgroup-bpf"),
        Err(why) => {
            tracing::warn!(why, "connections cannot be refused: profiles that block them admit no start")
        }
    }
    match sensor.observation() {
        Ok(()) => works.push("bpf-kill"),
        Err(why) => {
            tracing::warn!(why, "what containers do is not seen, so nothing is learned or alerted on")
        }
    }
    match (sensor.security(), lazaret_sensor::landlock()) {
        (Ok(()), _) => works.push("bpf-lsm"),
        (Err(_), Ok(_)) => works.push("landlock"),
        (Err(_), Err(why)) => tracing::warn!(why, "changes of files cannot be refused"),
    }
    match (sensor.security(), lazaret_sensor::filter()) {
        (Ok(()), _) => {}
        (Err(_), Ok(_)) => works.push("seccomp"),
        (Err(_), Err(why)) => tracing::warn!(why, "system calls cannot be kept from containers"),
    }
    if works.is_empty() { "none".to_owned() } else { works.join(", ") }
}

async fn until(mut stopped: watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stopped| *stopped).await;
}

async fn wait_for_signal(serving: tokio::task::JoinHandle<std::io::Result<()>>) -> Result<Ended, Failure> {
    let listen =
        |kind| signal(kind).map_err(|error| Failure::Internal(format!("cannot listen for signals: {error}")));
    let mut terminate = listen(SignalKind::terminate())?;
    let mut interrupt = listen(SignalKind::interrupt())?;
    // A reload has nothing to reload, and must not be the end.
    let mut hang_up = listen(SignalKind::hangup())?;
    let mut serving = serving;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(Ended::Terminated),
            _ = interrupt.recv() => return Ok(Ended::Interrupted),
            _ = hang_up.recv() => {}
            result = &mut serving => {
                return Err(Failure::Internal(format!("the plugin's server ended: {result:?}")));
            }
        }
    }
}

/// Tells when the engine no longer asks before it obeys.
async fn fly_canaries(canary: Arc<Canary>, engine: PathBuf, spool: Spool) {
    let mut told: Option<Instant> = None;
    loop {
        tokio::time::sleep(CANARY_EVERY).await;
        let Ok(mark) = enroll::random_name() else { continue };
        match canary.fly(&engine, &mark).await {
            Flight::Asked => {
                if told.take().is_some() {
                    tracing::info!("the engine asks the authorization plugin again");
                }
            }
            Flight::NotAsked { status } if status.contains(" 200 ") => {
                if told.is_none_or(|told| told.elapsed() >= CANARY_REMINDER) {
                    told = Some(Instant::now());
                    let what = format!(
                        "authorization plugin bypassed: the engine on {} obeys without asking it; name the plugin under \
                         `authorization-plugins` in daemon.json (not on the command line) and restart the engine",
                        engine.display()
                    );
                    tracing::error!("{what}");
                    spool.note(EventKind::Gap { what, count: 1 });
                }
            }
            // It refuses because it cannot reach the plugin: nothing runs, which is safe.
            Flight::NotAsked { status } => {
                tracing::warn!(status, "the engine does not reach the authorization plugin")
            }
            Flight::EngineAway { why } => tracing::debug!(why, "the engine does not answer"),
        }
    }
}
