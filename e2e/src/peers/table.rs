use std::fmt::Write as _;

use serde_json::{Value, json};

use super::measure::Cost;

/// What one scanner took for one image in one form.
#[derive(Debug, Clone)]
pub struct Line {
    pub who: String,
    pub cost: Cost,
    /// Distinct packages listed; absent for what lists none.
    pub packages: Option<usize>,
}

/// All that were measured in turns on one file. The first line is ours.
#[derive(Debug, Clone)]
pub struct Block {
    pub title: String,
    pub lines: Vec<Line>,
}

impl Block {
    /// Our time and memory over the others' stand in their lines.
    pub fn text(&self) -> String {
        let mut text = format!(
            "\n{}\n  {:<24} {:>9} {:>9} {:>9} {:>11} {:>9} {:>10} {:>9}\n",
            self.title, "", "wall s", "CPU s", "peak MB", "written MB", "packages", "ours/wall", "ours/CPU"
        );
        let ours = self.lines.first().map(|line| line.cost).unwrap_or_default();
        for line in &self.lines {
            let cost = line.cost;
            let packages = line.packages.map_or_else(|| "–".to_owned(), |count| count.to_string());
            let _ = writeln!(
                text,
                "  {:<24} {:>9.3} {:>9.3} {:>9} {:>11} {:>9} {:>10.3} {:>9.3}",
                line.who,
                cost.wall.as_secs_f64(),
                cost.cpu.as_secs_f64(),
                cost.peak_bytes / 1_000_000,
                cost.written_bytes / 1_000_000,
                packages,
                ours.wall.as_secs_f64() / cost.wall.as_secs_f64(),
                ours.cpu.as_secs_f64() / cost.cpu.as_secs_f64(),
            );
        }
        text
    }

    pub fn json(&self) -> Value {
        let micros = |time: std::time::Duration| u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        let line = |line: &Line| {
            json!({
                "who": line.who,
                "wall_micros": micros(line.cost.wall),
                "cpu_micros": micros(line.cost.cpu),
                "peak_bytes": line.cost.peak_bytes,
                "written_bytes": line.cost.written_bytes,
                "packages": line.packages,
            })
        };
        json!({ "title": self.title, "lines": self.lines.iter().map(line).collect::<Vec<_>>() })
    }
}
