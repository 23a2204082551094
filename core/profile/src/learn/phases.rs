use lazaret_model::Phase;

/// What tells the phases of a container's life apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Milestone {
    Started,
    /// It listens on a port.
    Serving,
    /// Its health check passed.
    Healthy,
    /// It was told to end.
    StopRequested,
}

/// One run of a container, from start to end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Life {
    start: Option<i64>,
    /// When it was known to serve.
    steady: Option<i64>,
    stopping: bool,
}

/// Seconds for loading what was not yet loaded when the first port was open.
const SETTLING: i64 = 10;
/// A program that neither listens nor has a health check has started by now, in seconds.
const LONGEST_START: i64 = 120;

impl Life {
    /// Times are seconds since 1970.
    pub fn reach(&mut self, milestone: Milestone, at: i64) {
        match milestone {
            Milestone::Started => *self = Self { start: Some(at), steady: None, stopping: false },
            Milestone::Serving => {
                self.steady.get_or_insert(at.saturating_add(SETTLING));
            }
            Milestone::Healthy => self.steady = Some(self.steady.map_or(at, |steady| steady.min(at))),
            Milestone::StopRequested => self.stopping = true,
        }
    }

    pub fn phase(&self, at: i64) -> Phase {
        // A container that ran before it was watched has started long ago.
        let longest = self.start.map_or(at, |start| start.saturating_add(LONGEST_START));
        let steady = self.steady.map_or(longest, |steady| steady.min(longest));
        match (self.stopping, at >= steady) {
            (true, _) => Phase::Stop,
            (false, true) => Phase::Steady,
            (false, false) => Phase::Start,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn milestones_part_the_phases() {
        let mut life = Life::default();
        assert_eq!(life.phase(5), Phase::Steady);
        life.reach(Milestone::Started, 100);
        assert_eq!(
            (life.phase(100), life.phase(219), life.phase(220)),
            (Phase::Start, Phase::Start, Phase::Steady)
        );
        life.reach(Milestone::Serving, 103);
        assert_eq!((life.phase(112), life.phase(113)), (Phase::Start, Phase::Steady));
        life.reach(Milestone::Healthy, 105);
        assert_eq!((life.phase(104), life.phase(105)), (Phase::Start, Phase::Steady));
        life.reach(Milestone::StopRequested, 200);
        assert_eq!(life.phase(201), Phase::Stop);
        life.reach(Milestone::Started, 300);
        assert_eq!(life.phase(301), Phase::Start);
    }
}
