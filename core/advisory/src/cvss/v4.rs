//! Version 4.0: the score of the MacroVector, less what the vector is below the highest ones in it (section 8.2).
//!
//! Everything is counted in whole numbers: values of a metric as steps from the worst one, scores in tenths.

use super::CvssError;
use super::metrics::Metrics;
use super::v4_scores::{NONE, SCORES};

type Steps = &'static [(&'static str, u8)];

const AV: Steps = &[("N", 0), ("A", 1), ("L", 2), ("P", 3)];
const AC: Steps = &[("L", 0), ("H", 1)];
const AT: Steps = &[("N", 0), ("P", 1)];
const PR: Steps = &[("N", 0), ("L", 1), ("H", 2)];
const UI: Steps = &[("N", 0), ("P", 1), ("A", 2)];
const VULNERABLE: Steps = &[("H", 0), ("L", 1), ("N", 2)];
const SUBSEQUENT: Steps = &[("H", 1), ("L", 2), ("N", 3)];
/// Modified integrity and availability of other systems know "safety", which is worse than high.
const MODIFIED_SUBSEQUENT: Steps = &[("S", 0), ("H", 1), ("L", 2), ("N", 3)];
const REQUIREMENT: Steps = &[("X", 0), ("H", 0), ("M", 1), ("L", 2)];
const EXPLOIT: Steps = &[("X", 0), ("A", 0), ("P", 1), ("U", 2)];

/// The metrics that an equivalence set is about, as steps.
struct Vector {
    /// AV, PR, UI
    exploitability: [u8; 3],
    /// AC, AT
    complexity: [u8; 2],
    /// VC, VI, VA, CR, IR, AR
    vulnerable: [u8; 6],
    /// SC, SI, SA
    subsequent: [u8; 3],
    exploit: u8,
}

/// The score in tenths.
pub(super) fn score(metrics: &Metrics<'_>) -> Result<u8, CvssError> {
    let vector = Vector::read(metrics)?;
    if vector.vulnerable[..3] == [2; 3] && vector.subsequent == [3; 3] {
        return Ok(0);
    }
    Ok(vector.macro_vector().score(&vector))
}

impl Vector {
    fn read(metrics: &Metrics<'_>) -> Result<Self, CvssError> {
        let base = |metric, modified, steps| with_modified(metrics, metric, modified, steps, steps);
        let other =
            |metric, modified| with_modified(metrics, metric, modified, SUBSEQUENT, MODIFIED_SUBSEQUENT);
        let optional = |metric, steps| match metrics.get(metric) {
            Some(_) => metrics.weight(metric, steps),
            None => Ok(0),
        };
        let av = base("AV", "MAV", AV)?;
        let ac = base("AC", "MAC", AC)?;
        let at = base("AT", "MAT", AT)?;
        Ok(Self {
            exploitability: [av, base("PR", "MPR", PR)?, base("UI", "MUI", UI)?],
            complexity: [ac, at],
            vulnerable: [
                base("VC", "MVC", VULNERABLE)?,
                base("VI", "MVI", VULNERABLE)?,
                base("VA", "MVA", VULNERABLE)?,
                optional("CR", REQUIREMENT)?,
                optional("IR", REQUIREMENT)?,
                optional("AR", REQUIREMENT)?,
            ],
            subsequent: [base("SC", "MSC", SUBSEQUENT)?, other("SI", "MSI")?, other("SA", "MSA")?],
            exploit: optional("E", EXPLOIT)?,
        })
    }

    /// The levels of the equivalence sets (tables 24 to 29).
    fn macro_vector(&self) -> MacroVector {
        let none_of = |steps: &[u8]| steps.iter().filter(|step| **step == 0).count();
        let [vc, vi, va, requirements @ ..] = self.vulnerable;
        let eq1 = match none_of(&self.exploitability) {
            3 => 0,
            0 => 2,
            _ if self.exploitability[0] == 3 => 2,
            _ => 1,
        };
        let eq3 = match (vc, vi, va) {
            (0, 0, _) => 0,
            (0, _, _) | (_, 0, _) | (_, _, 0) => 1,
            _ => 2,
        };
        let eq4 = match self.subsequent {
            [_, 0, _] | [_, _, 0] => 0,
            [1, _, _] | [_, 1, _] | [_, _, 1] => 1,
            _ => 2,
        };
        let is_needed = [vc, vi, va].iter().zip(requirements).any(|(impact, need)| *impact == 0 && need == 0);
        MacroVector {
            eq1,
            eq2: u8::from(self.complexity != [0, 0]),
            eq3,
            eq4,
            eq5: self.exploit,
            eq6: u8::from(!is_needed),
        }
    }
}

fn with_modified(
    metrics: &Metrics<'_>,
    metric: &'static str,
    modified: &'static str,
    steps: Steps,
    modified_steps: Steps,
) -> Result<u8, CvssError> {
    let base = metrics.weight(metric, steps)?;
    match metrics.get(modified) {
        None | Some("X") => Ok(base),
        Some(_) => metrics.weight(modified, modified_steps),
    }
}

#[derive(Debug, Clone, Copy)]
struct MacroVector {
    eq1: u8,
    eq2: u8,
    eq3: u8,
    eq4: u8,
    eq5: u8,
    eq6: u8,
}

/// Divisible by the depth of every MacroVector.
const WHOLE: i32 = 840;

impl MacroVector {
    /// The score of the highest vectors in it, in tenths.
    fn highest(self) -> Option<i32> {
        let [first, eq3, eq4, eq5, eq6] =
            [self.eq1 * 2 + self.eq2, self.eq3, self.eq4, self.eq5, self.eq6].map(usize::from);
        if self.eq2 > 1 {
            return None;
        }
        let score = SCORES.get(first)?.get(eq3)?.get(eq4)?.get(eq5)?.get(eq6)?;
        (*score != NONE).then_some(i32::from(*score))
    }

    fn score(self, vector: &Vector) -> u8 {
        let value = self.highest().unwrap_or_default();
        let lower = |eq1, eq2, eq3, eq4, eq5, eq6| {
            let [eq1, eq2] = [self.eq1 + eq1, self.eq2 + eq2];
            let [eq3, eq4] = [self.eq3 + eq3, self.eq4 + eq4];
            Self { eq1, eq2, eq3, eq4, eq5: self.eq5 + eq5, eq6: self.eq6 + eq6 }.highest()
        };
        // EQ3 and EQ6 depend on each other: the next lower one may be on either side.
        let lower_impact = match (self.eq3, self.eq6) {
            (0, 0) => lower(0, 0, 0, 0, 0, 1).max(lower(0, 0, 1, 0, 0, 0)),
            (1, 0) => lower(0, 0, 0, 0, 0, 1),
            _ => lower(0, 0, 1, 0, 0, 0),
        };
        let parts = [
            (lower(1, 0, 0, 0, 0, 0), self.exploitability(&vector.exploitability)),
            (lower(0, 1, 0, 0, 0, 0), self.complexity(vector.complexity)),
            (lower_impact, self.impact(&vector.vulnerable)),
            (lower(0, 0, 0, 1, 0, 0), self.subsequent(&vector.subsequent)),
            (lower(0, 0, 0, 0, 1, 0), (0, 1)),
        ];
        let mut count = 0;
        let mut total = 0;
        for (lower, (distance, depth)) in parts {
            let Some(lower) = lower else { continue };
            count += 1;
            total += (value - lower) * distance * (WHOLE / depth);
        }
        let whole = WHOLE * i32::max(count, 1);
        // The mean is taken off, and the rest rounded half up.
        let tenths = (2 * (value * whole - total) + whole).div_euclid(2 * whole);
        u8::try_from(tenths.clamp(0, 100)).unwrap_or_default()
    }

    // Of each equivalence set: how many steps the vector is below the first highest one that is not below it
    // anywhere, and how many steps there are in the level (table 30 and "MacroVector depths").

    fn exploitability(self, steps: &[u8; 3]) -> (i32, i32) {
        match self.eq1 {
            0 => (below(steps, &[[0, 0, 0]]), 1),
            1 => (below(steps, &[[1, 0, 0], [0, 1, 0], [0, 0, 1]]), 4),
            _ => (below(steps, &[[3, 0, 0], [1, 1, 1]]), 5),
        }
    }

    fn complexity(self, steps: [u8; 2]) -> (i32, i32) {
        match self.eq2 {
            0 => (0, 1),
            _ => (below(&steps, &[[1, 0], [0, 1]]), 2),
        }
    }

    fn impact(self, steps: &[u8; 6]) -> (i32, i32) {
        match (self.eq3, self.eq6) {
            (0, 0) => (below(steps, &[[0; 6]]), 7),
            (0, _) => (below(steps, &[[0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 1]]), 6),
            (1, 0) => (below(steps, &[[1, 0, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0]]), 8),
            (1, _) => {
                let highest = [
                    [1, 0, 1, 0, 1, 0],
                    [1, 0, 0, 0, 1, 1],
                    [0, 1, 0, 1, 0, 1],
                    [0, 1, 1, 1, 0, 0],
                    [1, 1, 0, 0, 0, 1],
                ];
                (below(steps, &highest), 8)
            }
            _ => (below(steps, &[[1, 1, 1, 0, 0, 0]]), 10),
        }
    }

    fn subsequent(self, steps: &[u8; 3]) -> (i32, i32) {
        match self.eq4 {
            0 => (below(steps, &[[1, 0, 0]]), 6),
            1 => (below(steps, &[[1, 1, 1]]), 5),
            _ => (below(steps, &[[2, 2, 2]]), 4),
        }
    }
}

fn below<const N: usize>(steps: &[u8; N], highest: &[[u8; N]]) -> i32 {
    let fits = |top: &&[u8; N]| top.iter().zip(steps).all(|(top, step)| step >= top);
    let sum = |steps: &[u8; N]| steps.iter().map(|step| i32::from(*step)).sum::<i32>();
    highest.iter().find(fits).map_or(0, |top| sum(steps) - sum(top))
}
