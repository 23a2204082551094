//! Small words and numbers that several formats write alike.

use lazaret_model::{Finding, FixState, Image, Layer, Package, Severity, Ssvc};

pub(crate) const fn fix(fix: &FixState) -> &'static str {
    match fix {
        FixState::Fixed { .. } => "fixed",
        FixState::NotFixed => "not-fixed",
        FixState::WillNotFix => "will-not-fix",
        FixState::EndOfLife => "end-of-life",
    }
}

/// What the reader can do about a finding.
pub(crate) fn remedy(finding: &Finding) -> String {
    let source = &finding.package.source.name;
    match &finding.fix {
        FixState::Fixed { version } => format!("Upgrade {source} to {version}."),
        FixState::NotFixed => format!("There is no fix of {source} yet."),
        FixState::WillNotFix => format!("The publisher won't fix {source} in this release."),
        FixState::EndOfLife => format!("The release that {source} is of gets no fixes any more."),
    }
}

/// The layer that brought a package, counted from 1 as people count. What is no image has none.
pub(crate) fn layer<'a>(image: &'a Image, package: &Package) -> Option<(usize, &'a Layer)> {
    let at = usize::try_from(package.layer).ok()?;
    Some((at.checked_add(1)?, image.layers.get(at)?))
}

/// The line of the recipe that made a layer, as it stands there: without what builders wrap around it.
pub(crate) fn recipe(layer: &Layer) -> String {
    const SHELL: &str = "/bin/sh -c ";
    let line = layer.created_by.trim();
    let line = line.strip_suffix("# buildkit").map_or(line, str::trim_end);
    match line.strip_prefix("RUN ").unwrap_or(line).strip_prefix(SHELL).map(str::trim_start) {
        Some(command) => match command.strip_prefix("#(nop)") {
            Some(instruction) => instruction.trim_start().to_owned(),
            None => format!("RUN {command}"),
        },
        None => line.to_owned(),
    }
}

/// A path that fits into a sentence: where it begins and what it ends with.
pub(crate) fn short_path(path: &str) -> String {
    const LONG: usize = 48;
    let parts: Vec<&str> = path.split('/').collect();
    match parts.as_slice() {
        [first, _, .., above, last] if path.chars().count() > LONG => format!("{first}/…/{above}/{last}"),
        _ => path.to_owned(),
    }
}

/// Tenths as CVSS writes them: 98 is 9.8.
pub(crate) fn score(tenths: u8) -> f64 {
    f64::from(tenths) / 10.0
}

/// Millionths as a share of one.
pub(crate) fn probability(millionths: u32) -> f64 {
    f64::from(millionths) / 1_000_000.0
}

/// The same for people: `12.3 %`, `< 0.1 %`.
pub(crate) fn percent(millionths: u32) -> String {
    match millionths {
        0..1_000 => "< 0.1 %".to_owned(),
        _ => format!("{}.{} %", millionths / 10_000, millionths % 10_000 / 1_000),
    }
}

/// A feed that rates nothing says nothing good either, so people read that there is no rating.
pub(crate) const fn severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Unknown => "unrated",
        rated => rated.name(),
    }
}

/// `1 package`, `2 packages`.
pub(crate) fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// A page about a vulnerability, for ids of bodies that have one.
pub(crate) fn link(id: &str) -> Option<String> {
    let is_plain =
        id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b':' | b'.' | b'_'));
    let page = match id.split_once('-')?.0 {
        "CVE" => "https://nvd.nist.gov/vuln/detail/",
        "GHSA" => "https://github.com/advisories/",
        "RUSTSEC" => "https://rustsec.org/advisories/",
        "DSA" | "DLA" => "https://security-tracker.debian.org/tracker/",
        "GO" => "https://pkg.go.dev/vuln/",
        _ => "https://osv.dev/vulnerability/",
    };
    is_plain.then(|| format!("{page}{id}"))
}

/// For formats that must have a time: the one given, else that of the image, else the beginning of 1970.
/// RFC 3339 in UTC with whole seconds.
pub(crate) fn time(given: Option<&str>, image: &Image) -> String {
    let parse = |text: &str| text.parse::<jiff::Timestamp>().ok();
    let time = given.and_then(parse).or_else(|| image.created.as_deref().and_then(parse)).unwrap_or_default();
    jiff::Timestamp::from_second(time.as_second()).unwrap_or_default().to_string()
}

/// Error texts quote hostile input: keep them short and in one line.
pub(crate) fn shorten(text: &str) -> String {
    let mut short: String =
        text.chars().take(200).map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
    if text.chars().nth(200).is_some() {
        short.push('…');
    }
    short
}

/// `exploitation=poc automatable=yes technical_impact=total`, as far as it was decided.
pub(crate) fn ssvc(ssvc: Ssvc) -> String {
    let points: Vec<String> = ssvc.points().map(|(point, value)| format!("{point}={value}")).collect();
    points.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipes_are_told_as_they_were_written() {
        for (created_by, expected) in [
            ("/bin/sh -c #(nop) ADD file:1f in / ", "ADD file:1f in /"),
            ("/bin/sh -c #(nop)  CMD [\"bash\"]", "CMD [\"bash\"]"),
            ("/bin/sh -c apt-get update", "RUN apt-get update"),
            ("RUN /bin/sh -c pip install x # buildkit", "RUN pip install x"),
            ("COPY . /app # buildkit", "COPY . /app"),
            ("RUN |1 A=b /bin/sh -c make # buildkit", "RUN |1 A=b /bin/sh -c make"),
            ("", ""),
        ] {
            let diff_id = lazaret_model::Digest::from_bytes([0; 32]);
            let layer = Layer { diff_id, created_by: created_by.to_owned(), size: 0 };
            assert_eq!(recipe(&layer), expected);
        }
    }

    #[test]
    fn long_paths_are_told_by_their_ends() {
        let long = "usr/local/lib/python3.11/site-packages/pillow-8.0.0.dist-info/METADATA";
        assert_eq!(short_path(long), "usr/…/pillow-8.0.0.dist-info/METADATA");
        for short in ["", "app/package-lock.json", &"x".repeat(100), &format!("a/{}", "x".repeat(100))] {
            assert_eq!(short_path(short), short);
        }
    }

    #[test]
    fn numbers_for_people() {
        let told: Vec<String> = [0, 999, 1_000, 123_456, 1_000_000].into_iter().map(percent).collect();
        assert_eq!(told, ["< 0.1 %", "< 0.1 %", "0.1 %", "12.3 %", "100.0 %"]);
        assert_eq!((score(98), probability(123_456)), (9.8, 0.123_456));
    }

    #[test]
    fn links_only_plain_ids() {
        assert_eq!(link("CVE-2026-1").unwrap(), "https://nvd.nist.gov/vuln/detail/CVE-2026-1");
        assert_eq!(link("CVE-2026-1\"><script>"), None);
        assert_eq!(link("nothing"), None);
    }
}
