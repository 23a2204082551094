//! CVSS: from a vector to its score.
//!
//! Sources are the specifications of FIRST: "A Complete Guide to the Common Vulnerability Scoring System Version
//! 2.0" (section 3.2.1), "CVSS v3.0" and "v3.1: Specification Document" (section 7 and appendix A), "CVSS v4.0:
//! Specification Document" (section 8). Of versions 2 and 3 the base score is computed, whatever other metrics a
//! vector has; version 4.0 knows one score, which takes in the threat and environmental metrics that are given.

mod metrics;
mod v2;
mod v3;
mod v4;
mod v4_scores;

use lazaret_model::Severity;

use metrics::Metrics;

/// A version of the standard, the oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    V2,
    V3_0,
    V3_1,
    V4_0,
}

/// How bad a vector says that a vulnerability is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Score {
    pub version: Version,
    /// In tenths: 0 to 100.
    pub tenths: u8,
}

/// Why a text is not a vector that can be scored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CvssError {
    #[error("it is of a version of CVSS that is not known")]
    Version,
    #[error("it is not made of `metric:value` pairs")]
    Form,
    #[error("a metric stands twice")]
    Repeated,
    #[error("the metric {0} is missing")]
    Missing(&'static str),
    #[error("the metric {0} has an unknown value")]
    Value(&'static str),
}

/// The score of a vector: `CVSS:3.1/AV:N/…`, `CVSS:4.0/…`, or of version 2 without a prefix, also in
/// parentheses.
pub fn score(vector: &str) -> Result<Score, CvssError> {
    let vector = vector.trim();
    let of = |version, tenths| Ok(Score { version, tenths });
    let Some(rest) = vector.strip_prefix("CVSS:") else {
        let vector = vector.strip_prefix('(').and_then(|rest| rest.strip_suffix(')')).unwrap_or(vector);
        return of(Version::V2, v2::score(&Metrics::parse(vector)?)?);
    };
    let (version, metrics) = rest.split_once('/').ok_or(CvssError::Form)?;
    match version {
        "2.0" => of(Version::V2, v2::score(&Metrics::parse(metrics)?)?),
        "3.0" => of(Version::V3_0, v3::score(&Metrics::parse(metrics)?)?),
        "3.1" => of(Version::V3_1, v3::score(&Metrics::parse(metrics)?)?),
        "4.0" => of(Version::V4_0, v4::score(&Metrics::parse(metrics)?)?),
        _ => Err(CvssError::Version),
    }
}

impl Score {
    /// The score in words: the qualitative scale of versions 3 and 4, and for version 2, which has none, that of
    /// the NVD.
    pub const fn severity(self) -> Severity {
        match (self.version, self.tenths) {
            (Version::V2, 0..=39) => Severity::Low,
            (Version::V2, 40..=69) => Severity::Medium,
            (Version::V2, 70..) => Severity::High,
            (_, 0) => Severity::None,
            (_, 1..=39) => Severity::Low,
            (_, 40..=69) => Severity::Medium,
            (_, 70..=89) => Severity::High,
            (_, 90..) => Severity::Critical,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn vectors_have_the_scores_of_the_standards_examples() {
        for (vector, tenths, version) in [
            ("AV:N/AC:L/Au:N/C:N/I:N/A:C", 78, Version::V2),
            ("(AV:N/AC:L/Au:N/C:C/I:C/A:C)", 100, Version::V2),
            ("AV:L/AC:H/Au:N/C:C/I:C/A:C/E:POC/RL:OF/RC:C", 62, Version::V2),
            ("CVSS:3.0/AV:N/AC:L/PR:L/UI:N/S:C/C:L/I:L/A:N", 64, Version::V3_0),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:R/S:C/C:L/I:L/A:N", 61, Version::V3_1),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H", 98, Version::V3_1),
            ("CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H/E:U", 100, Version::V3_1),
            ("CVSS:3.1/AV:P/AC:H/PR:H/UI:R/S:U/C:N/I:N/A:N", 0, Version::V3_1),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:H/SI:H/SA:H", 100, Version::V4_0),
            ("CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:N/VI:N/VA:N/SC:N/SI:N/SA:N", 0, Version::V4_0),
            ("CVSS:4.0/AV:L/AC:L/AT:P/PR:L/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N", 73, Version::V4_0),
            ("CVSS:4.0/AV:N/AC:L/AT:P/PR:N/UI:N/VC:H/VI:L/VA:L/SC:N/SI:N/SA:N", 83, Version::V4_0),
        ] {
            assert_eq!(score(vector), Ok(Score { version, tenths }), "{vector}");
        }
    }

    #[test]
    fn what_cannot_be_scored_is_said() {
        assert_eq!(score("CVSS:5.0/AV:N"), Err(CvssError::Version));
        assert_eq!(score("CVSS:3.1"), Err(CvssError::Form));
        assert_eq!(score("CVSS:3.1/AV"), Err(CvssError::Form));
        assert_eq!(score("high"), Err(CvssError::Form));
        assert_eq!(score("CVSS:3.1/AV:N/AV:N"), Err(CvssError::Repeated));
        assert_eq!(score("CVSS:3.1/AV:N/AC:L"), Err(CvssError::Missing("PR")));
        assert_eq!(score("CVSS:3.1/AV:X/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"), Err(CvssError::Value("AV")));
        assert_eq!(score("CVSS:4.0/AV:N"), Err(CvssError::Missing("AC")));
    }

    #[test]
    fn scores_have_words() {
        let word = |version, tenths| Score { version, tenths }.severity();
        assert_eq!(word(Version::V2, 70), Severity::High);
        assert_eq!(word(Version::V2, 100), Severity::High);
        assert_eq!(word(Version::V3_1, 0), Severity::None);
        assert_eq!(word(Version::V3_1, 39), Severity::Low);
        assert_eq!(word(Version::V4_0, 89), Severity::High);
        assert_eq!(word(Version::V4_0, 90), Severity::Critical);
    }

    proptest! {
        #[test]
        fn any_text_is_refused_or_scored(text in "(CVSS:[234]\\.[01]/)?([A-Z]{1,3}:[A-Z]{1,2}/?){0,14}") {
            if let Ok(score) = score(&text) {
                prop_assert!(score.tenths <= 100);
            }
        }

        #[test]
        fn any_text_at_all_is_refused_or_scored(text in ".{0,80}") {
            let _ = score(&text);
        }
    }
}
