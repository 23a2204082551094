//! One row as it lies in the file.
//!
//! | at | what |
//! |---:|---|
//! | 0 | id |
//! | 4 | release |
//! | 8 | package |
//! | 12 | fixed, or none |
//! | 16 | introduced, or none |
//! | 20 | summary |
//! | 24 | published, or none |
//! | 28 | feed |
//! | 32 | first alias, as an index |
//! | 36 | last affected version, or none |
//! | 40 | module, or none |
//! | 44 | number of aliases (16 bits) |
//! | 46 | ecosystem (8 bits) |
//! | 47 | severity (8 bits) |
//! | 48 | status (8 bits) |
//! | 49 | which name the package has (8 bits) |
//! | 50 | zero (16 bits) |
//!
//! Texts are string numbers of 32 bits; "none" is the highest number there is.

use lazaret_model::{AdvisoryStatus, Ecosystem, NamedPackage, Severity};

use super::layout::{DatabaseError, ROWS, WIDTHS, u32_at};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: u32,
    pub(crate) release: u32,
    pub(crate) package: u32,
    pub(crate) fixed: Option<u32>,
    pub(crate) introduced: Option<u32>,
    pub(crate) summary: u32,
    pub(crate) published: Option<u32>,
    pub(crate) feed: u32,
    pub(crate) first_alias: u32,
    pub(crate) last_affected: Option<u32>,
    pub(crate) module: Option<u32>,
    pub(crate) aliases: u16,
    pub(crate) ecosystem: Ecosystem,
    pub(crate) severity: Severity,
    pub(crate) status: AdvisoryStatus,
    pub(crate) names: NamedPackage,
}

const NONE: u32 = u32::MAX;

impl Row {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, DatabaseError> {
        let damaged = |reason| DatabaseError::section(ROWS, reason);
        let bytes: &[u8; WIDTHS[ROWS]] =
            bytes.first_chunk().ok_or_else(|| damaged("a row is outside the table"))?;
        let number = |at| u32_at(bytes, at).unwrap_or(NONE);
        let optional = |at| Some(number(at)).filter(|number| *number != NONE);
        Ok(Self {
            id: number(0),
            release: number(4),
            package: number(8),
            fixed: optional(12),
            introduced: optional(16),
            summary: number(20),
            published: optional(24),
            feed: number(28),
            first_alias: number(32),
            last_affected: optional(36),
            module: optional(40),
            aliases: u16::from_le_bytes([bytes[44], bytes[45]]),
            ecosystem: ecosystem(bytes[46]).ok_or_else(|| damaged("an ecosystem is not known"))?,
            severity: severity(bytes[47]).ok_or_else(|| damaged("a severity is not known"))?,
            status: status(bytes[48]).ok_or_else(|| damaged("a status is not known"))?,
            names: names(bytes[49]).ok_or_else(|| damaged("a kind of name is not known"))?,
        })
    }

    pub(super) fn write(&self, section: &mut Vec<u8>) {
        let optional = |number: Option<u32>| number.unwrap_or(NONE);
        let Self { id, release, package, fixed, introduced, summary, published, feed, first_alias, .. } =
            *self;
        let Self { last_affected, module, .. } = *self;
        let numbers = [
            id,
            release,
            package,
            optional(fixed),
            optional(introduced),
            summary,
            optional(published),
            feed,
            first_alias,
            optional(last_affected),
            optional(module),
        ];
        section.extend(numbers.into_iter().flat_map(u32::to_le_bytes));
        section.extend(self.aliases.to_le_bytes());
        section.push(ecosystem_code(self.ecosystem));
        section.push(severity_code(self.severity));
        section.extend([status_code(self.status), names_code(self.names), 0, 0]);
    }
}

// Codes stand in files: they are never changed and never given out again.

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

pub(super) fn ecosystem_code(ecosystem: Ecosystem) -> u8 {
    code(ECOSYSTEMS, &ecosystem)
}

pub(super) fn ecosystem(code: u8) -> Option<Ecosystem> {
    ECOSYSTEMS.get(usize::from(code)).copied()
}

fn severity_code(severity: Severity) -> u8 {
    code(SEVERITIES, &severity)
}

fn severity(code: u8) -> Option<Severity> {
    SEVERITIES.get(usize::from(code)).copied()
}

fn status_code(status: AdvisoryStatus) -> u8 {
    code(STATUSES, &status)
}

fn status(code: u8) -> Option<AdvisoryStatus> {
    STATUSES.get(usize::from(code)).copied()
}

fn names_code(names: NamedPackage) -> u8 {
    code(NAMES, &names)
}

fn names(code: u8) -> Option<NamedPackage> {
    NAMES.get(usize::from(code)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_has_a_code_that_leads_back() {
        for value in Ecosystem::ALL {
            assert_eq!(ecosystem(ecosystem_code(*value)), Some(*value));
        }
        for value in Severity::ALL {
            assert_eq!(severity(severity_code(*value)), Some(*value));
        }
    }
}
