//! From which finding on a scan fails.

use std::str::FromStr;

use lazaret_model::{Finding, Severity};

/// One word of `--fail-on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Threshold {
    /// This severity or a worse one.
    AtLeast(Severity),
    Unrated,
    Exploited,
    Any,
}

impl FromStr for Threshold {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "unrated" => Ok(Self::Unrated),
            "exploited" => Ok(Self::Exploited),
            "any" => Ok(Self::Any),
            _ => match Severity::from_name(word) {
                Some(severity) if severity > Severity::None => Ok(Self::AtLeast(severity)),
                _ => Err("use low, medium, high, critical, unrated, exploited or any".to_owned()),
            },
        }
    }
}

impl Threshold {
    fn is_met(self, finding: &Finding) -> bool {
        match self {
            Self::AtLeast(severity) => finding.severity >= severity,
            Self::Unrated => finding.severity == Severity::Unknown,
            Self::Exploited => finding.exploited.is_some(),
            Self::Any => true,
        }
    }
}

/// How many vulnerabilities fail the scan, and how many only escape because nobody rated them.
pub(crate) fn count(words: &[Threshold], only_fixed: bool, findings: &[Finding]) -> (usize, usize) {
    let counted = |finding: &&Finding| !only_fixed || finding.fix.version().is_some();
    let (mut failing, mut unrated) = (std::collections::BTreeSet::new(), std::collections::BTreeSet::new());
    for finding in findings.iter().filter(counted) {
        if words.iter().any(|word| word.is_met(finding)) {
            failing.insert(&finding.id);
        } else if finding.severity == Severity::Unknown {
            unrated.insert(&finding.id);
        }
    }
    (failing.len(), unrated.len())
}

#[cfg(test)]
mod tests {
    use lazaret_model::{Ecosystem, FixState, Package};

    use super::*;

    fn finding(id: &str, severity: Severity, fixed: bool) -> Finding {
        let fix = if fixed { FixState::Fixed { version: "2".to_owned() } } else { FixState::NotFixed };
        Finding { severity, fix, ..Finding::new(id, Package::new(Ecosystem::Npm, "x", "1")) }
    }

    #[test]
    fn words_are_severities_and_three_more() {
        assert_eq!("high".parse(), Ok(Threshold::AtLeast(Severity::High)));
        assert_eq!("unrated".parse(), Ok(Threshold::Unrated));
        for wrong in ["", "none", "unknown", "worst"] {
            assert!(wrong.parse::<Threshold>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn each_id_counts_once_and_unrated_ones_are_told() {
        let findings = [
            finding("CVE-1", Severity::High, false),
            finding("CVE-1", Severity::High, false),
            finding("CVE-2", Severity::Critical, true),
            finding("CVE-3", Severity::Low, true),
            finding("CVE-4", Severity::Unknown, true),
        ];
        let high = [Threshold::AtLeast(Severity::High)];
        assert_eq!(count(&high, false, &findings), (2, 1));
        assert_eq!(count(&high, true, &findings), (1, 1));
        assert_eq!(
            count(&[Threshold::AtLeast(Severity::High), Threshold::Unrated], false, &findings),
            (3, 0)
        );
        assert_eq!(count(&[Threshold::Any], false, &findings), (4, 0));
        assert_eq!(count(&[Threshold::Exploited], false, &findings), (0, 1));
        assert_eq!(count(&[], false, &findings), (0, 1));
    }
}
