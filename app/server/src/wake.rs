use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

/// The longest that a request may wait for news, in seconds.
pub(crate) const LONGEST_WAIT: u64 = 60;

/// What requests that wait are woken by. Each counts up; the numbers themselves mean nothing to those who wait.
#[derive(Debug)]
pub(crate) struct Wake {
    pub(crate) events: watch::Sender<u64>,
    pub(crate) admissions: watch::Sender<u64>,
    pub(crate) replacements: watch::Sender<u64>,
    pub(crate) break_glass: watch::Sender<u64>,
    /// True as soon as the server is told to end: nobody waits any longer then.
    pub(crate) stop: watch::Sender<bool>,
}

impl Wake {
    pub(crate) fn new() -> Self {
        Self {
            events: watch::Sender::new(0),
            admissions: watch::Sender::new(0),
            replacements: watch::Sender::new(0),
            break_glass: watch::Sender::new(0),
            stop: watch::Sender::new(false),
        }
    }

    /// Begins to wait for `news`, at most `wait` seconds from now.
    pub(crate) fn patience(&self, news: &watch::Sender<u64>, wait: u64) -> Patience {
        let end = Instant::now() + Duration::from_secs(wait.min(LONGEST_WAIT));
        Patience { end, news: news.subscribe(), stop: self.stop.subscribe() }
    }
}

/// A request that would rather wait than answer that there is nothing new.
#[derive(Debug)]
pub(crate) struct Patience {
    end: Instant,
    news: watch::Receiver<u64>,
    stop: watch::Receiver<bool>,
}

impl Patience {
    /// Waits until it is worth looking again; `false` when it is time to answer with what there is.
    ///
    /// Looking comes first and after each `true`: no change in between is missed.
    pub(crate) async fn again(&mut self) -> bool {
        if Instant::now() >= self.end || *self.stop.borrow() {
            return false;
        }
        tokio::select! {
            changed = timeout_at(self.end, self.news.changed()) => matches!(changed, Ok(Ok(()))),
            _ = self.stop.wait_for(|stop| *stop) => false,
        }
    }
}

/// Wakes whoever waits.
pub(crate) fn wake(news: &watch::Sender<u64>) {
    news.send_modify(|count| *count = count.wrapping_add(1));
}
