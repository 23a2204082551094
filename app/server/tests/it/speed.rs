//! Prints what was measured; asserts only what would be a mistake, not a slow machine.

use std::time::{Duration, Instant};

use lazaret_format::v1::{AffectedBody, ImageBody, ImportResponse};

use crate::evidence::{Sample, osv};
use crate::harness::{Server, note, started};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn events_stored_with_acknowledgements() {
    let (server, _directory) = Server::fresh().await;
    for (agents, batch, rounds) in [(1, 1, 300), (1, 100, 60), (8, 100, 40), (32, 20, 20)] {
        let mut tasks = Vec::new();
        for host in 0..agents {
            tasks.push(server.client.enrol(&format!("host-{agents}-{batch}-{host}")).await);
        }
        let begun = Instant::now();
        let tasks: Vec<_> = tasks
            .into_iter()
            .map(|agent| {
                tokio::spawn(async move {
                    for round in 0..rounds {
                        let events = (0..batch).map(|n| note(&format!("note {n}"))).collect();
                        agent.report("spool", round * batch + 1, events).await;
                    }
                })
            })
            .collect();
        for task in tasks {
            task.await.unwrap();
        }
        let count = agents * batch * rounds;
        let rate = count as f64 / begun.elapsed().as_secs_f64();
        eprintln!("{agents} agents sending {batch} events at a time: {rate:.0} events/s acknowledged");
    }
    server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn import_to_affected_with_100_000_containers() {
    const IMAGES: usize = 100;
    const CONTAINERS: usize = 100_000;
    let (server, directory) = Server::fresh().await;
    let admin = &server.client;
    let names: Vec<String> = (0..300).map(|n| format!("package-{n}")).collect();
    let mut configs = Vec::new();
    for image in 0..IMAGES {
        let version = format!("1.{}-1", image % 10);
        let packages: Vec<(&str, &str)> =
            names.iter().map(|name| (name.as_str(), version.as_str())).collect();
        let sample = Sample::new(&format!("image-{image}"), &packages);
        let _: ImageBody = admin.post("/v1/images", &sample.request(&[sample.sbom()])).await;
        configs.push(sample.config.to_string());
    }
    let agent = admin.enrol("host-1").await;
    let begun = Instant::now();
    for batch in 0..CONTAINERS / 1000 {
        let events = (0..1000).map(|n| {
            let number = batch * 1000 + n;
            started(
                &format!("{number:064x}"),
                &format!("c-{number}"),
                Some(&configs[number % IMAGES]),
                Some("d"),
            )
        });
        agent.report("spool", (batch * 1000 + 1) as u64, events.collect()).await;
    }
    let rate = CONTAINERS as f64 / begun.elapsed().as_secs_f64();
    eprintln!("{CONTAINERS} container starts stored and indexed: {rate:.0} a second");

    for (id, fixed, expected) in [("CVE-2026-1", "1.1-1", CONTAINERS / 10), ("CVE-2026-2", "2", CONTAINERS)] {
        let begun = Instant::now();
        let import: ImportResponse = admin.post("/v1/advisories", &osv(id, &[], "package-7", fixed)).await;
        let imported = begun.elapsed();
        assert_eq!(import.containers, expected as u64);
        let affected: AffectedBody = admin.get(&format!("/v1/affected/{id}")).await;
        let answered = begun.elapsed();
        let listed: usize = affected.images.iter().map(|image| image.containers.len()).sum();
        assert_eq!(listed, expected);
        eprintln!(
            "{id} in {expected} of {CONTAINERS} containers: imported in {imported:.1?} (server: {} µs), found in {} µs, \
             listed at the caller {answered:.1?} after the import began",
            import.micros, affected.micros
        );
        assert!(import.micros < 1_000_000 && answered < Duration::from_secs(30));
    }
    server.stop().await;
    let begun = Instant::now();
    let server = Server::start(directory.path()).await;
    eprintln!("started again with them in {:.1?}", begun.elapsed());
    server.stop().await;
}
