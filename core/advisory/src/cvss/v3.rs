//! Versions 3.0 and 3.1: the base equation (section 7.1), which is the same in both.

use super::CvssError;
use super::metrics::Metrics;

const IMPACT: &[(&str, f64)] = &[("H", 0.56), ("L", 0.22), ("N", 0.0)];

/// The base score in tenths.
pub(super) fn score(metrics: &Metrics<'_>) -> Result<u8, CvssError> {
    let vector = metrics.weight("AV", &[("N", 0.85), ("A", 0.62), ("L", 0.55), ("P", 0.2)])?;
    let complexity = metrics.weight("AC", &[("L", 0.77), ("H", 0.44)])?;
    // Privileges weigh less where the scope changes, which stands behind them in a vector.
    let privileges = metrics.weight("PR", &[("N", (0.85, 0.85)), ("L", (0.62, 0.68)), ("H", (0.27, 0.5))])?;
    let interaction = metrics.weight("UI", &[("N", 0.85), ("R", 0.62)])?;
    let changed = metrics.weight("S", &[("U", false), ("C", true)])?;
    let mut kept = 1.0;
    for metric in ["C", "I", "A"] {
        kept *= 1.0 - metrics.weight(metric, IMPACT)?;
    }
    let sum = 1.0 - kept;
    let impact = if changed { 7.52 * (sum - 0.029) - 3.25 * f64::powi(sum - 0.02, 15) } else { 6.42 * sum };
    let privileges = if changed { privileges.1 } else { privileges.0 };
    let exploitability = 8.22 * vector * complexity * privileges * interaction;
    if impact <= 0.0 {
        return Ok(0);
    }
    let factor = if changed { 1.08 } else { 1.0 };
    Ok(round_up(f64::min(factor * (impact + exploitability), 10.0)))
}

/// The smallest number of tenths that is not below the value, where what binary fractions add beyond the fifth
/// digit does not count (appendix A of version 3.1).
fn round_up(value: f64) -> u8 {
    let fine = (value * 100_000.0).round();
    to_tenths((fine / 10_000.0).ceil())
}

/// A whole number from 0 to 100.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it is bounded here")]
pub(super) fn to_tenths(value: f64) -> u8 {
    value.clamp(0.0, 100.0) as u8
}
