/// How a body that coordinates answers to vulnerabilities decided about one: points of CISA's decision tree (SSVC,
/// "Stakeholder-Specific Vulnerability Categorization"). Each is there as far as it was decided.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ssvc {
    pub exploitation: Option<Exploitation>,
    /// Whether an attacker can automate the steps up to and including the exploitation.
    pub automatable: Option<bool>,
    pub technical_impact: Option<TechnicalImpact>,
}

/// Evidence of active exploitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Exploitation {
    None,
    /// A proof of concept is public, or the way is well known.
    PublicProof,
    Active,
}

/// What exploiting it gives control of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TechnicalImpact {
    Partial,
    /// All of the component's behaviour, or all of its information.
    Total,
}

impl Ssvc {
    /// Sets the point of this name (`Exploitation`, `Automatable`, `Technical Impact`) to this value, in the words of
    /// the decision tree. Other points and other words say nothing.
    pub fn decide(&mut self, point: &str, value: &str) {
        let is = |word: &str| value.eq_ignore_ascii_case(word);
        match () {
            () if point.eq_ignore_ascii_case("exploitation") => {
                self.exploitation = Exploitation::ALL.iter().copied().find(|known| is(known.name()));
            }
            () if point.eq_ignore_ascii_case("automatable") => {
                self.automatable = [true, false].into_iter().find(|known| is(yes_or_no(*known)));
            }
            () if point.eq_ignore_ascii_case("technical impact") => {
                self.technical_impact = TechnicalImpact::ALL.iter().copied().find(|known| is(known.name()));
            }
            () => {}
        }
    }

    /// Nothing where no point is decided.
    pub fn if_decided(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// The points that are decided, by name and value.
    pub fn points(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        [
            ("exploitation", self.exploitation.map(Exploitation::name)),
            ("automatable", self.automatable.map(yes_or_no)),
            ("technical_impact", self.technical_impact.map(TechnicalImpact::name)),
        ]
        .into_iter()
        .filter_map(|(point, value)| Some((point, value?)))
    }
}

fn yes_or_no(is: bool) -> &'static str {
    if is { "yes" } else { "no" }
}

impl Exploitation {
    pub const ALL: &[Self] = &[Self::None, Self::PublicProof, Self::Active];

    pub const fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::PublicProof => "poc",
            Self::Active => "active",
        }
    }
}

impl TechnicalImpact {
    pub const ALL: &[Self] = &[Self::Partial, Self::Total];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Partial => "partial",
            Self::Total => "total",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn points_are_decided_in_the_words_of_the_tree() {
        let mut ssvc = Ssvc::default();
        assert_eq!(ssvc.if_decided(), None);
        for (point, value) in [
            ("Exploitation", "PoC"),
            ("Automatable", "no"),
            ("Technical Impact", "total"),
            ("Mission", "high"),
        ] {
            ssvc.decide(point, value);
        }
        let points: Vec<_> = ssvc.if_decided().unwrap().points().collect();
        assert_eq!(points, [("exploitation", "poc"), ("automatable", "no"), ("technical_impact", "total")]);
        ssvc.decide("exploitation", "perhaps");
        assert_eq!(ssvc.points().count(), 2, "what is not understood is not decided");
    }
}
