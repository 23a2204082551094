//! What came of all attacks, by category.

use std::collections::{BTreeMap, HashSet};

use super::fire::Fired;
use crate::runner::say;

#[derive(Default)]
struct Row<'a> {
    attacks: usize,
    missed: Vec<&'a str>,
    prevented: Vec<(&'a str, &'a str)>,
}

fn rows<'a>(told: &'a [Fired], prevented: &'a [Fired]) -> BTreeMap<&'a str, Row<'a>> {
    let mut rows: BTreeMap<&str, Row> = BTreeMap::new();
    for fired in told {
        let row = rows.entry(&fired.expected).or_default();
        row.attacks += 1;
        if !fired.is_told() {
            row.missed.push(&fired.id);
        }
    }
    for fired in prevented {
        if let Some(by) = &fired.by {
            rows.entry(&fired.expected).or_default().prevented.push((&fired.id, by));
        }
    }
    rows
}

/// `shells`: what begins with one, where the profile blocks programs, too.
pub(crate) fn print(told: &[Fired], prevented: &[Fired], shells: &[Fired]) {
    say(&format!("\n{:<24} {:>7} {:>5}  prevented or ended when it blocks", "category", "attacks", "told"));
    for (category, row) in rows(told, prevented) {
        let by: Vec<String> = row.prevented.iter().map(|(id, by)| format!("{id} by {by}")).collect();
        say(&format!(
            "{category:<24} {:>7} {:>5}  {}",
            row.attacks,
            row.attacks - row.missed.len(),
            if by.is_empty() { "-".to_owned() } else { by.join(", ") }
        ));
    }
    let all = told.iter().filter(|fired| fired.is_told()).count();
    say(&format!(
        "{:<24} {:>7} {:>5}  {}\n",
        "all",
        told.len(),
        all,
        prevented.iter().filter(|f| f.by.is_some()).count()
    ));
    let without: HashSet<&str> =
        shells.iter().filter(|fired| fired.is_without_shell()).map(|fired| fired.id.as_str()).collect();
    let in_all = prevented.iter().filter(|fired| fired.by.is_some() || without.contains(fired.id.as_str()));
    say(&format!(
        "{} of {} that begin with a shell come no further where programs are refused: {} prevented in all\n",
        without.len(),
        shells.len(),
        in_all.count()
    ));
    for fired in told.iter().filter(|fired| !fired.is_told()) {
        let instead: Vec<String> =
            fired.alerts.iter().map(|alert| format!("{} ({})", alert.category, alert.what)).collect();
        say(&format!(
            "missed {} {}: {}\n  {}",
            fired.id,
            fired.title,
            fired.said.trim(),
            instead.join("\n  ")
        ));
    }
}

/// Categories of which fewer attacks than these hundredths were told as what they are.
pub(crate) fn below(told: &[Fired], hundredths: usize) -> String {
    let rows = rows(told, &[]);
    let low =
        rows.iter().filter(|(_, row)| (row.attacks - row.missed.len()) * 100 < row.attacks * hundredths);
    low.map(|(category, row)| format!("{category}: {}", row.missed.join(", "))).collect::<Vec<_>>().join("; ")
}
