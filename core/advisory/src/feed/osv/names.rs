//! What a document calls the vulnerabilities it speaks of.

use super::document::{Document, is_id};
use crate::feed::text::Text;

/// Aliases that one document may bring along.
const MOST: usize = 1000;

/// Prefixes of advisories of distributions that repair errors or add something, and are about no vulnerability
/// unless they name one.
const NO_SECURITY: &[&str] = &["ALBA-", "ALEA-", "RLBA-", "RLEA-", "RHBA-", "RHEA-"];

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Names {
    /// One row each: the CVE ids, or the document's own id if it names none.
    pub(super) ids: Vec<String>,
    pub(super) aliases: Vec<String>,
}

impl Names {
    /// `None` for a document that is about no vulnerability. Advisories of distributions cover several, which they
    /// call "upstream" or, for years, "related".
    pub(super) fn of(document: &Document<'_>, is_of_distribution: bool) -> Option<Self> {
        let listed = |list: &'_ Option<Vec<Text<'_>>>| -> Vec<String> {
            list.iter().flatten().filter(|id| is_id(id)).take(MOST).map(|id| id.to_string()).collect()
        };
        let mut all = vec![document.id.to_string()];
        all.extend(listed(&document.aliases));
        all.extend(listed(&document.upstream));
        if is_of_distribution && !all.iter().any(|id| id.starts_with("CVE-")) {
            all.extend(listed(&document.related));
        }
        all.sort_unstable();
        all.dedup();
        all.truncate(MOST);
        let (cves, mut others): (Vec<String>, Vec<String>) =
            all.into_iter().partition(|id| id.starts_with("CVE-"));
        if cves.is_empty() {
            if NO_SECURITY.iter().any(|prefix| document.id.starts_with(prefix)) {
                return None;
            }
            others.retain(|id| **id != *document.id);
            return Some(Self { ids: vec![document.id.to_string()], aliases: others });
        }
        Some(Self { ids: cves, aliases: others })
    }
}
