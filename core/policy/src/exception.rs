//! Exceptions: findings that are accepted for a time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use jiff::tz::Offset;
use lazaret_model::{Finding, Reason};

use crate::judge::names;
use crate::policy::Exception;
use crate::sentence::some_of;

/// Splits findings into those that stay open, and one sentence for each exception that met any: those that
/// took findings out, and those that would have, had they not expired.
pub(crate) fn take_out<'f>(
    exceptions: &[Exception],
    findings: &'f [Finding],
    now: Timestamp,
) -> (Vec<&'f Finding>, Vec<Reason>) {
    let today = Offset::UTC.to_datetime(now).date();
    let mut met: Vec<BTreeSet<&str>> = vec![BTreeSet::new(); exceptions.len()];
    let mut open = Vec::new();
    for finding in findings {
        let mut is_open = true;
        for (exception, met) in exceptions.iter().zip(&mut met) {
            if covers(exception, finding) {
                met.insert(&finding.package.source.name);
                is_open &= exception.expires < today;
            }
        }
        if is_open {
            open.push(finding);
        }
    }
    let told = exceptions.iter().zip(&met).filter(|(_, met)| !met.is_empty());
    let told = told.map(|(exception, met)| {
        let packages: Vec<&str> = met.iter().copied().collect();
        tell(exception, &some_of(&packages, 5), exception.expires < today)
    });
    (open, told.collect())
}

fn covers(exception: &Exception, finding: &Finding) -> bool {
    let is_it = exception.id == finding.id || finding.aliases.contains(&exception.id);
    is_it
        && (exception.packages.is_empty()
            || exception.packages.iter().any(|pattern| names(pattern, &finding.package)))
}

fn tell(exception: &Exception, packages: &str, has_expired: bool) -> Reason {
    let Exception { id, owner, reason, expires, .. } = exception;
    let (message, remedy) = if has_expired {
        (
            format!(
                "the exception for {id} in {packages} expired on {expires} and no longer counts ({owner}: {reason})"
            ),
            format!("apply the fix, or have {owner} renew the exception in the policy"),
        )
    } else {
        (format!("{id} in {packages} is accepted until {expires} ({owner}: {reason})"), String::new())
    };
    Reason { rule: id.clone(), message, remedy }
}
