//! Signals, and what else interrupts a thread, come while the kernel verifies programs.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use lazaret_sensor::{Options, Sensor};
use nix::sys::pthread::{pthread_kill, pthread_self};
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};

extern "C" fn nothing(_: libc::c_int) {}

#[test]
fn programs_are_loaded_although_signals_come() {
    let test = "programs_are_loaded_although_signals_come";
    let handler = SigAction::new(SigHandler::Handler(nothing), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler does nothing, and nobody else in this executable uses the signal.
    #[expect(unsafe_code, reason = "a handler can be set in no other way")]
    unsafe { sigaction(Signal::SIGUSR1, &handler) }.unwrap();
    let target = pthread_self();
    let stop = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let begun = Instant::now();
            // Closer together than the kernel needs for one program.
            while !stop.load(Ordering::Relaxed) && begun.elapsed() < Duration::from_millis(500) {
                pthread_kill(target, Signal::SIGUSR1).unwrap();
                thread::sleep(Duration::from_micros(20));
            }
        });
        let started = Sensor::start(&Options::default());
        stop.store(true, Ordering::Relaxed);
        let (sensor, _events) = started.unwrap();
        if let Err(problem) = sensor.tracing() {
            eprintln!("SKIPPED: {test}: {problem}");
        }
    });
}
