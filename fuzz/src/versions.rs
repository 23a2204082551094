//! Versions and ranges of all schemes.

use std::cmp::Ordering;
use std::path::Path;

use lazaret_version::range::{Language, Range};
use lazaret_version::{Scheme, check, compare};

use crate::rows::{pick, picking};
use crate::{Seed, Target};

pub const VERSIONS: Target = Target { run, seeds, largest: 64 << 10 };

/// A byte for the scheme, and three lines.
fn run(input: &[u8]) {
    let Some((scheme, rest)) = pick(Scheme::ALL, input) else { return };
    let text = String::from_utf8_lossy(rest);
    let mut lines = text.splitn(3, '\n').chain(["", ""]);
    let mut next = || lines.next().unwrap_or_default();
    let (a, b, c) = (next(), next(), next());
    for (x, y, z) in [(a, b, c), (b, c, a), (c, a, b)] {
        laws(*scheme, x, y, z);
    }
    for language in LANGUAGES {
        if let Ok(range) = Range::parse_as(*language, *scheme, a) {
            assert_eq!(range.contains(b), range.contains(b));
        }
    }
}

fn laws(scheme: Scheme, a: &str, b: &str, c: &str) {
    assert_eq!(compare(scheme, a, a), Ordering::Equal, "{}: {a:?} and itself", scheme.name());
    let (ab, bc, ac) = (compare(scheme, a, b), compare(scheme, b, c), compare(scheme, a, c));
    assert_eq!(ab, compare(scheme, b, a).reverse(), "{}: {a:?} and {b:?}", scheme.name());
    if ab == bc {
        assert_eq!(ac, ab, "{}: {a:?}, {b:?} and {c:?} are not transitive", scheme.name());
    }
    if ab.is_eq() {
        assert_eq!(ac, bc, "{}: equal {a:?} and {b:?} differ towards {c:?}", scheme.name());
    }
    // Whether it is a version does not matter here, only that there is an answer.
    let _ = check(scheme, a);
}

const LANGUAGES: &[Language] = &[
    Language::Simple,
    Language::Constraint,
    Language::Npm,
    Language::NpmLoose,
    Language::NpmWithPrereleases,
    Language::Cargo,
    Language::Pep440,
    Language::Gem,
    Language::Composer,
    Language::Nuget,
    Language::Maven,
    Language::Apk,
];

/// Rows of tables that hold a version or a range in their second and last columns, for each scheme.
fn seeds(path: &Path, bytes: &[u8]) -> Vec<Seed> {
    const SAMPLES: &[&str] = &[
        "1.2.3\n1.10.0\n1.2.3-rc.1+b1",
        ">=1.2, <2.0 || ^3.x\n1.5\n2",
        "[1.0,2.0),[3.0]\n1.5-SNAPSHOT\n1.final",
        "1:2.0~rc1-1+deb12u1\n1:2.0-1\n2.0^git1-1.el9",
        "~> 1.2.3.a\n1.2.3.pre\n1!2.0.post1.dev3+x",
        "v0.0.0-20200101000000-abcdefabcdef\nv1.0.0+incompatible\n1.2_p1-r0",
    ];
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let lines: Vec<String> = match name.ends_with(".csv")
        && (name.starts_with("compare_") || name.starts_with("range_"))
    {
        true => {
            let text = String::from_utf8_lossy(bytes);
            let rows = text.lines().filter(|line| !line.starts_with('#')).skip(1).step_by(37);
            rows.map(|line| line.split(',').skip(1).collect::<Vec<_>>().join("\n")).take(8).collect()
        }
        false if path.as_os_str().is_empty() => SAMPLES.iter().map(|sample| (*sample).to_owned()).collect(),
        false => Vec::new(),
    };
    let with_schemes = Scheme::ALL.iter().enumerate();
    with_schemes
        .flat_map(|(row, scheme)| {
            lines
                .iter()
                .map(move |line| Seed { row: scheme.name().to_owned(), input: picking(row, line.as_bytes()) })
        })
        .collect()
}
