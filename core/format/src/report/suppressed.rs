use lazaret_model::Finding;

/// A finding that somebody's statement takes out. Reports show it with the statement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppressed {
    pub finding: Finding,
    pub by: Suppression,
}

/// Who says that a finding does no harm, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suppression {
    pub kind: SuppressionKind,
    /// One of VEX's reasons: `vulnerable_code_not_present`.
    pub justification: Option<String>,
    /// In the author's words.
    pub reason: String,
    pub author: String,
    /// When it was said; RFC 3339.
    pub at: Option<String>,
    /// Its last day; year-month-day.
    pub expires: Option<String>,
    /// The document that says so: the id of a VEX document, the name of a file.
    pub origin: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SuppressionKind {
    /// A VEX statement: the vulnerability cannot be used here.
    NotAffected,
    /// A VEX statement: what is installed has the fix.
    Fixed,
    /// An entry of an ignore file: the risk is known and taken.
    Accepted,
}

impl SuppressionKind {
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotAffected => "not_affected",
            Self::Fixed => "fixed",
            Self::Accepted => "accepted",
        }
    }

    /// The same for people.
    pub const fn title(self) -> &'static str {
        match self {
            Self::NotAffected => "not affected",
            Self::Fixed => "fixed",
            Self::Accepted => "accepted",
        }
    }
}

impl Suppression {
    /// `not affected, says Debian: vulnerable_code_not_present, only the client is built (until 2027-01-31)`
    pub fn sentence(&self) -> String {
        let mut text = self.kind.title().to_owned();
        if !self.author.is_empty() {
            text.push_str(", says ");
            text.push_str(&self.author);
        }
        let reasons = self.justification.iter().map(String::as_str).chain([self.reason.as_str()]);
        for (at, reason) in reasons.filter(|reason| !reason.is_empty()).enumerate() {
            text.push_str(if at == 0 { ": " } else { ", " });
            text.push_str(reason);
        }
        if let Some(expires) = &self.expires {
            text.push_str(&format!(" (until {expires})"));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_who_and_why() {
        let mut by = Suppression {
            kind: SuppressionKind::NotAffected,
            justification: Some("vulnerable_code_not_present".to_owned()),
            reason: "only the client is built".to_owned(),
            author: "Debian".to_owned(),
            at: None,
            expires: Some("2027-01-31".to_owned()),
            origin: "debian.vex.json".to_owned(),
        };
        assert_eq!(
            by.sentence(),
            "not affected, says Debian: vulnerable_code_not_present, only the client is built (until 2027-01-31)"
        );
        (by.justification, by.expires, by.author) = (None, None, String::new());
        assert_eq!(by.sentence(), "not affected: only the client is built");
    }
}
