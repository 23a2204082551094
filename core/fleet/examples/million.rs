//! Measures the index with a million running containers: `cargo run --release -p lazaret-fleet --example million`.
#![expect(clippy::print_stdout, clippy::disallowed_types, reason = "measures, and prints what it measured")]

use std::time::Instant;

use lazaret_fleet::{Index, Start};
use lazaret_model::{Advisory, ContainerKey, Digest, Ecosystem, Package};

const IMAGES: u32 = 50_000;
const PACKAGES: u32 = 300;
const CONTAINERS: u32 = 1_000_000;

fn main() {
    let begun = Instant::now();
    let mut index =
        Index::new(|advisory, version| advisory.fixed.as_ref().is_none_or(|fixed| version < fixed.as_str()));
    for image in 0..IMAGES {
        // A few packages are in every image, most in some, each in up to sixteen versions.
        let packages: Vec<Package> = (0..PACKAGES)
            .map(|n| package(if n < 20 { n } else { (image * 7 + n * 13) % 9_000 + 20 }, (image + n) % 16))
            .collect();
        index.add_image(digest(1, image), digest(2, image), &["debian:12"], &packages);
    }
    println!("{IMAGES} images with {PACKAGES} packages: {:.1?}", begun.elapsed());

    let begun = Instant::now();
    for container in 0..CONTAINERS {
        let key =
            ContainerKey { host: format!("host-{}", container % 5_000), id: digest(3, container).hex() };
        let image_config = Some(digest(2, container.wrapping_mul(2_654_435_761) % IMAGES));
        let started = "2026-01-02T03:04:05Z";
        index.container_started(&Start { key: &key, name: "a-container-1", image_config, started });
    }
    println!("{CONTAINERS} containers: {:.1?}", begun.elapsed());

    for (title, name, fixed) in [("rare", 4_711, 1), ("common", 4_711, 16), ("in every image", 3, 16)] {
        let advisory = advisory(name, fixed);
        let begun = Instant::now();
        let affected = index.affected(std::slice::from_ref(&advisory));
        let found = begun.elapsed();
        let listed = index.containers(&affected.containers).count();
        println!(
            "{title}: {} images, {listed} containers found in {found:.1?}, listed in {:.1?}",
            affected.images.len(),
            begun.elapsed()
        );
    }
}

fn digest(kind: u8, number: u32) -> Digest {
    let mut bytes = [kind; 32];
    bytes[..4].copy_from_slice(&number.to_le_bytes());
    Digest::from_bytes(bytes)
}

fn package(name: u32, version: u32) -> Package {
    Package::new(Ecosystem::Deb, format!("package-{name}"), format!("1.{version:03}"))
}

fn advisory(name: u32, fixed: u32) -> Advisory {
    Advisory {
        fixed: Some(format!("1.{fixed:03}")),
        ..Advisory::new("CVE-2026-1", Ecosystem::Deb, "debian:12", format!("package-{name}"))
    }
}
