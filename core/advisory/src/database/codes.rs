//! Numbers that stand for words in files: they are never changed and never given out again.

use lazaret_model::{AdvisoryStatus, Ecosystem, Exploitation, NamedPackage, Severity, Ssvc, TechnicalImpact};

/// In the order of their codes.
const ECOSYSTEMS: &[Ecosystem] = &[
    Ecosystem::Deb,
    Ecosystem::Apk,
    Ecosystem::Rpm,
    Ecosystem::Alpm,
    Ecosystem::Portage,
    Ecosystem::Nix,
    Ecosystem::Npm,
    Ecosystem::PyPi,
    Ecosystem::Maven,
    Ecosystem::Go,
    Ecosystem::Cargo,
    Ecosystem::Gem,
    Ecosystem::Composer,
    Ecosystem::Nuget,
    Ecosystem::Hex,
    Ecosystem::Pub,
    Ecosystem::Swift,
    Ecosystem::CocoaPods,
    Ecosystem::Conan,
    Ecosystem::Conda,
    Ecosystem::Julia,
    Ecosystem::Cran,
    Ecosystem::Hackage,
    Ecosystem::Bitnami,
    Ecosystem::Generic,
];

const STATUSES: &[AdvisoryStatus] = &[
    AdvisoryStatus::Affected,
    AdvisoryStatus::WillNotFix,
    AdvisoryStatus::EndOfLife,
    AdvisoryStatus::Disputed,
    AdvisoryStatus::UnderInvestigation,
    AdvisoryStatus::NotAffected,
];

const NAMES: &[NamedPackage] = &[NamedPackage::Source, NamedPackage::Binary];

const SEVERITIES: &[Severity] =
    &[Severity::Unknown, Severity::None, Severity::Low, Severity::Medium, Severity::High, Severity::Critical];

/// The place of a value in its table, which is its code.
fn code<T: PartialEq>(table: &[T], value: &T) -> u8 {
    table.iter().position(|known| known == value).and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
}

/// Ecosystem and kind of name in one number, by which the file is sorted first: those of distributions that
/// name sources, then the same that name installable packages, and so on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Kind(pub(super) u32);

impl Kind {
    pub(crate) fn new(ecosystem: Ecosystem, names: NamedPackage) -> Self {
        Self(u32::from(code(ECOSYSTEMS, &ecosystem)) | u32::from(code(NAMES, &names)) << 8)
    }

    pub(crate) fn ecosystem(self) -> Option<Ecosystem> {
        ECOSYSTEMS.get(usize::from(self.0.to_le_bytes()[0])).copied()
    }

    pub(crate) fn names(self) -> Option<NamedPackage> {
        match self.0.to_le_bytes() {
            [_, names, 0, 0] => NAMES.get(usize::from(names)).copied(),
            _ => None,
        }
    }
}

pub(super) fn severity_code(severity: Severity) -> u8 {
    code(SEVERITIES, &severity)
}

pub(super) fn severity(code: u8) -> Option<Severity> {
    SEVERITIES.get(usize::from(code)).copied()
}

pub(super) fn status_code(status: AdvisoryStatus) -> u8 {
    code(STATUSES, &status)
}

pub(super) fn status(code: u8) -> Option<AdvisoryStatus> {
    STATUSES.get(usize::from(code)).copied()
}

/// Three points of two bits each, in which 0 stands for what is not decided.
pub(super) fn ssvc_code(ssvc: Ssvc) -> u8 {
    let exploitation = match ssvc.exploitation {
        None => 0,
        Some(Exploitation::None) => 1,
        Some(Exploitation::PublicProof) => 2,
        Some(Exploitation::Active) => 3,
    };
    let automatable = ssvc.automatable.map_or(0, |is| 1 + u8::from(is));
    let impact = match ssvc.technical_impact {
        None => 0,
        Some(TechnicalImpact::Partial) => 1,
        Some(TechnicalImpact::Total) => 2,
    };
    exploitation | automatable << 2 | impact << 4
}

pub(super) fn ssvc(code: u8) -> Option<Ssvc> {
    let known = Ssvc {
        exploitation: match code & 3 {
            0 => None,
            1 => Some(Exploitation::None),
            2 => Some(Exploitation::PublicProof),
            _ => Some(Exploitation::Active),
        },
        automatable: match code >> 2 & 3 {
            1 => Some(false),
            2 => Some(true),
            _ => None,
        },
        technical_impact: match code >> 4 {
            1 => Some(TechnicalImpact::Partial),
            2 => Some(TechnicalImpact::Total),
            _ => None,
        },
    };
    // Numbers that were never given out are damage.
    (ssvc_code(known) == code).then_some(known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_code_that_leads_back() {
        for value in Ecosystem::ALL {
            for names in NAMES {
                let kind = Kind::new(*value, *names);
                assert_eq!((kind.ecosystem(), kind.names()), (Some(*value), Some(*names)));
            }
        }
        for value in Severity::ALL {
            assert_eq!(severity(severity_code(*value)), Some(*value));
        }
        for value in STATUSES {
            assert_eq!(status(status_code(*value)), Some(*value));
        }
        let decisions = (0..=u8::MAX).filter_map(|code| Some((code, ssvc(code)?)));
        assert_eq!(decisions.clone().count(), 4 * 3 * 3);
        assert!(decisions.clone().all(|(code, decided)| ssvc_code(decided) == code));
        assert_eq!(
            (Kind(99).ecosystem(), Kind(0x1_0000).names(), severity(6), status(6)),
            (None, None, None, None)
        );
    }
}
