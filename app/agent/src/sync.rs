//! Fetches admissions from the server as they change.

use std::sync::Arc;
use std::time::Duration;

use lazaret_format::v1::EventKind;

use crate::admissions::{AdmissionStore, Applied};
use crate::server::{BackOff, POLL_SECONDS, Server};
use crate::spool::Spool;

/// A server that answers without having waited is not asked without a pause.
const PAUSE: Duration = Duration::from_millis(100);

/// Runs for ever.
pub async fn run(server: Server, store: Arc<AdmissionStore>, spool: Spool) {
    let mut back_off = BackOff::default();
    let mut away = false;
    let mut rolled_back = None;
    loop {
        let after = store.current().revision;
        let snapshot = match server.admissions(after, POLL_SECONDS).await {
            Ok(snapshot) => snapshot,
            Err(error) => {
                if !away {
                    tracing::warn!("{error}; deciding with the admissions of revision {after}");
                }
                away = true;
                back_off.wait().await;
                continue;
            }
        };
        if away {
            tracing::info!("the server sends admissions again");
        }
        away = false;
        back_off.reset();
        let revision = snapshot.revision;
        let applying = tokio::task::spawn_blocking({
            let store = Arc::clone(&store);
            move || store.apply(snapshot)
        });
        match applying.await {
            Ok(Ok(Applied::New { complaints })) => {
                tracing::info!(revision, images = store.current().images(), "new admissions are in force");
                rolled_back = None;
                for what in complaints {
                    tracing::error!("{what}");
                    spool.note(EventKind::Gap { what, count: 1 });
                }
            }
            Ok(Ok(Applied::Same)) => {}
            Ok(Ok(Applied::RolledBack { offered, kept })) => {
                if rolled_back != Some(offered) {
                    let what = format!(
                        "the server went back to admissions of revision {offered}; revision {kept} stays in force here. \
                         If the server was rightly restored, enrol this host again: lazaret-agent enroll"
                    );
                    tracing::error!("{what}");
                    spool.note(EventKind::Gap { what, count: 1 });
                }
                rolled_back = Some(offered);
                back_off.wait().await;
            }
            Ok(Err(failure)) => tracing::error!("{failure}"),
            Err(error) => tracing::error!(%error, "reading admissions failed; the ones before stay in force"),
        }
        tokio::time::sleep(PAUSE).await;
    }
}
