//! Version 2: the base equation (section 3.2.1 of the guide).

use super::CvssError;
use super::metrics::Metrics;

const IMPACT: &[(&str, f64)] = &[("N", 0.0), ("P", 0.275), ("C", 0.660)];

/// The base score in tenths.
pub(super) fn score(metrics: &Metrics<'_>) -> Result<u8, CvssError> {
    let vector = metrics.weight("AV", &[("L", 0.395), ("A", 0.646), ("N", 1.0)])?;
    let complexity = metrics.weight("AC", &[("H", 0.35), ("M", 0.61), ("L", 0.71)])?;
    let authentication = metrics.weight("Au", &[("M", 0.45), ("S", 0.56), ("N", 0.704)])?;
    let mut kept = 1.0;
    for metric in ["C", "I", "A"] {
        kept *= 1.0 - metrics.weight(metric, IMPACT)?;
    }
    let impact = 10.41 * (1.0 - kept);
    let exploitability = 20.0 * vector * complexity * authentication;
    let factor = if impact == 0.0 { 0.0 } else { 1.176 };
    Ok(super::v3::to_tenths(((0.6 * impact + 0.4 * exploitability - 1.5) * factor * 10.0).round()))
}
