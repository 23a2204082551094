//! Prints how many comparisons of two short versions one core makes in a second, scheme by scheme.
#![expect(clippy::print_stdout, reason = "the figures are the purpose of this example")]
#![expect(clippy::disallowed_types, reason = "it measures time")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use lazaret_version::{Scheme, compare};

fn main() {
    println!("{:<10} {:>12}", "scheme", "comparisons/s");
    for scheme in Scheme::ALL {
        println!("{:<10} {:>10.1} M", scheme.name(), rate(*scheme, samples(*scheme)) / 1e6);
    }
}

/// Every pair of the samples again and again. The best of many short runs: other work on the machine
/// makes a run slower, nothing makes it faster.
fn rate(scheme: Scheme, versions: &[&str]) -> f64 {
    const ROUNDS: u32 = 20_000;
    let run = || {
        let start = Instant::now();
        for _ in 0..ROUNDS {
            for pair in versions.windows(2) {
                black_box(compare(black_box(scheme), black_box(pair[0]), black_box(pair[1])));
            }
        }
        start.elapsed()
    };
    let best = (0..20).map(|_| run()).min().unwrap_or(Duration::MAX);
    f64::from(ROUNDS) * (versions.len() as f64 - 1.0) / best.as_secs_f64()
}

/// Versions as installed systems have them: neighbours are near each other.
fn samples(scheme: Scheme) -> &'static [&'static str] {
    match scheme {
        Scheme::Deb => &[
            "2.36-9+deb12u4",
            "2.36-9+deb12u10",
            "1:9.2p1-2+deb12u2",
            "1:9.2p1-2",
            "3.0.11-1~deb12u2",
            "3.0.13-1",
        ],
        Scheme::Apk => &[
            "3.1.4-r5",
            "3.1.4-r6",
            "1.2.4_git20230717-r4",
            "1.2.4_git20230717-r5",
            "1.36.1-r15",
            "8.4.0-r0",
        ],
        Scheme::Rpm => &[
            "2.34-60.el9",
            "2.34-83.el9_3.7",
            "1:3.0.7-24.el9",
            "1:3.0.7-25.el9_3",
            "4.16.1.3-25.el9",
            "5.1.8-6.el9",
        ],
        Scheme::Pep440 => &["2.31.0", "2.32.0", "1.0.0rc1", "1.0.0", "23.1.post1", "23.1"],
        Scheme::Maven => &["2.14.1", "2.17.0", "5.3.18.RELEASE", "5.3.20.RELEASE", "1.0-beta-2", "1.0"],
        Scheme::Go => &[
            "v1.2.3",
            "v1.2.4",
            "v0.0.0-20220822215023-abcdefabcdef",
            "v0.1.0",
            "v2.0.0+incompatible",
            "v2.1.0",
        ],
        Scheme::Composer => &["v5.4.21", "v5.4.31", "1.0.0-beta2", "1.0.0", "6.5.0", "7.0.1"],
        Scheme::Alpm => &["2.38-7", "2.38-8", "1:3.1.4-1", "1:3.2.0-1", "6.5.9.arch2-1", "6.6.1.arch1-1"],
        _ => &["1.2.3", "1.2.4", "4.17.20", "4.17.21", "1.0.0-beta.2", "1.0.0-rc.1", "10.0.1", "9.9.9"],
    }
}
