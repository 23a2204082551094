use boon::{Compiler, Schemas};
use lazaret_format::cyclonedx::{Bom, write};
use lazaret_model::{
    Digest, Distribution, Ecosystem, Finding, FixState, Image, ImageConfiguration, Layer, Package, Platform,
    Problem, ProblemKind, Severity,
};
use serde_json::Value;

use crate::corpora;

const FOLDER: &str = "cyclonedx-specification/schema/";

/// The official schema of CycloneDX 1.6 accepts full and bare documents, and is shown to refuse others.
#[test]
fn the_official_schema_accepts_our_documents() {
    let wanted = ["bom-1.6.schema.json", "spdx.schema.json", "jsf-0.82.schema.json"];
    let is_wanted = |name: &str| name.strip_prefix(FOLDER).is_some_and(|name| wanted.contains(&name));
    let Some(files) = corpora::files("specs/sbom-vex-sarif-csaf.tar.zst", is_wanted) else { return };
    let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
    compiler.enable_format_assertions();
    for (name, content) in &files {
        let url = format!("http://cyclonedx.org/schema/{}", &name[FOLDER.len()..]);
        compiler.add_resource(&url, serde_json::from_slice(content).unwrap()).unwrap();
    }
    let schema = compiler.compile("http://cyclonedx.org/schema/bom-1.6.schema.json", &mut schemas).unwrap();

    let reference = "r.example:5000/team/shop:v1".parse().unwrap();
    let (image, packages, problems) =
        (image(), packages(), [Problem::new(ProblemKind::Limit, "a\u{1b}", "too long")]);
    let (findings, distribution) = (findings(&packages), distribution());
    let full = Bom {
        name: "r.example:5000/team/shop",
        reference: Some(&reference),
        image: &image,
        distribution: Some(&distribution),
        packages: &packages,
        findings: &findings,
        problems: &problems,
        timestamp: Some("2026-11-02T00:00:00Z"),
        tool_version: "0.1.0",
    };
    let unnamed = Image { manifest: None, created: None, layers: vec![], ..image.clone() };
    let bare = Bom {
        reference: None,
        image: &unnamed,
        distribution: None,
        packages: &[],
        findings: &[],
        problems: &[],
        timestamp: None,
        ..full
    };
    for bom in [full, bare] {
        let document: Value = serde_json::from_str(&write(&bom)).unwrap();
        schemas.validate(&document, schema).unwrap_or_else(|error| panic!("{error}\n{document:#}"));
        for (pointer, bad) in
            [("/serialNumber", "x"), ("/metadata/component/type", "image"), ("/specVersion", "")]
        {
            let mut document = document.clone();
            *document.pointer_mut(pointer).unwrap() = if bad.is_empty() { Value::Null } else { bad.into() };
            assert!(schemas.validate(&document, schema).is_err(), "{pointer}");
        }
    }
}

fn image() -> Image {
    let layer = |byte| Layer {
        diff_id: Digest::from_bytes([byte; 32]),
        created_by: "RUN \"x\"\n".to_owned(),
        size: 1,
    };
    Image {
        manifest: Some(Digest::from_bytes([1; 32])),
        config: Digest::from_bytes([2; 32]),
        platform: Platform {
            os: "linux".to_owned(),
            architecture: "arm".to_owned(),
            variant: Some("v7".to_owned()),
        },
        created: Some("2026-10-30T00:00:00Z".to_owned()),
        configuration: ImageConfiguration::default(),
        layers: vec![layer(3), layer(3)],
    }
}

fn distribution() -> Distribution {
    Distribution {
        id: "debian".to_owned(),
        version: Some("12".to_owned()),
        codename: Some("bookworm".to_owned()),
        title: Some("Debian GNU/Linux 12 (bookworm)".to_owned()),
    }
}

/// Twins, a nameless package and hostile text among them.
fn packages() -> Vec<Package> {
    let package = |name: &str, version: &str, layer| Package {
        architecture: (layer != 7).then(|| "arm64".to_owned()),
        location: "var/lib/dpkg/status".to_owned(),
        layer,
        ..Package::new(Ecosystem::Deb, name, version)
    };
    vec![
        package("libstdc++6", "1:12.2.0-14+b1", 0),
        package("libstdc++6", "1:12.2.0-14+b1", 0),
        package("libstdc++6", "1:12.2.0-14+b1", 1),
        package("", "", 7),
        package("évil/../\u{202e}\0@?#", "~%", 1),
    ]
}

fn findings(packages: &[Package]) -> Vec<Finding> {
    let finding = |at: usize, severity, fixed: Option<&str>, published: Option<&str>| Finding {
        aliases: vec!["DSA-1-1".to_owned()],
        fix: fixed.map_or(FixState::NotFixed, |version| FixState::Fixed { version: version.to_owned() }),
        severity,
        summary: "text".to_owned(),
        published: published.map(str::to_owned),
        feed: "debian".to_owned(),
        ..Finding::new(format!("CVE-2026-{at}"), packages[at].clone())
    };
    let severities = Severity::ALL.iter().enumerate();
    let mut list: Vec<_> = severities
        .map(|(n, severity)| {
            finding(n % packages.len(), *severity, (n % 2 == 0).then_some("2"), Some("2026-10-01T00:00:00Z"))
        })
        .collect();
    list.push(finding(1, Severity::Low, None, Some("last week")));
    list.push(finding(1, Severity::Low, None, None));
    list
}
