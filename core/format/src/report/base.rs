use std::collections::{BTreeMap, BTreeSet};

use lazaret_model::{Finding, FixState, Layer};

use super::ScanReport;
use super::group::by_severity;

/// What one layer brought: which line of the recipe, or which base image, to look at.
#[derive(Debug, Clone)]
pub struct LayerShare<'a> {
    pub index: u32,
    /// `None` for an index that the image does not have.
    pub layer: Option<&'a Layer>,
    pub packages: usize,
    /// One finding for each id that a package of this layer has, the worst first.
    pub vulnerabilities: Vec<&'a Finding>,
    /// How many of them an upgrade removes.
    pub fixable: usize,
}

/// The layers that brought findings: those first that brought most of the worst.
pub fn layers<'a>(report: &ScanReport<'a>) -> Vec<LayerShare<'a>> {
    let mut packages: BTreeMap<u32, usize> = BTreeMap::new();
    for package in report.packages {
        *packages.entry(package.layer).or_default() += 1;
    }
    let mut findings: BTreeMap<u32, Vec<&Finding>> = BTreeMap::new();
    for finding in report.findings {
        findings.entry(finding.package.layer).or_default().push(finding);
    }
    let mut shares: Vec<_> = findings
        .into_iter()
        .map(|(index, findings)| {
            let is_fixable = |finding: &&&Finding| matches!(finding.fix, FixState::Fixed { .. });
            let fixable: BTreeSet<&str> =
                findings.iter().filter(is_fixable).map(|finding| finding.id.as_str()).collect();
            LayerShare {
                index,
                layer: usize::try_from(index).ok().and_then(|at| report.image.layers.get(at)),
                packages: packages.get(&index).copied().unwrap_or_default(),
                fixable: fixable.len(),
                vulnerabilities: super::worst_first(findings),
            }
        })
        .collect();
    shares.sort_by_cached_key(|share| {
        let counts: Vec<_> =
            by_severity(&share.vulnerabilities).into_iter().map(|(_, count)| count).collect();
        std::cmp::Reverse(counts)
    });
    shares
}

#[cfg(test)]
mod tests {
    use super::super::tests::sample;
    use super::*;

    #[test]
    fn the_layer_with_the_worst_comes_first() {
        let sample = sample();
        let report = sample.report();
        let shares = layers(&report);
        let told: Vec<_> = shares
            .iter()
            .map(|share| (share.index, share.packages, share.vulnerabilities.len(), share.fixable))
            .collect();
        assert_eq!(told, [(1, 2, 3, 2), (0, 2, 2, 2)]);
        assert!(shares[0].layer.is_some());
    }
}
