use anstyle::Style;
use lazaret_pipeline::{Cataloger, catalogers};

use crate::failure::Outcome;
use crate::output::{Table, print, print_json};
use crate::settings::Settings;

pub(crate) fn run(settings: &Settings) -> Outcome {
    let files = |it: &Cataloger| -> Vec<String> { it.patterns.iter().map(ToString::to_string).collect() };
    if settings.json() {
        let list: Vec<_> = catalogers()
            .map(|it| {
                serde_json::json!({
                    "name": it.name,
                    "ecosystem": it.ecosystem.name(),
                    "evidence": it.evidence.name(),
                    "reads": it.about,
                    "files": files(it),
                })
            })
            .collect();
        return print_json(&list);
    }
    let mut table = Table::new(settings.color, settings.width, &["NAME", "ECOSYSTEM", "EVIDENCE", "READS"]);
    for it in catalogers() {
        let cells = [it.name, it.ecosystem.name(), it.evidence.name(), it.about];
        table.row(cells.map(|cell| (cell.to_owned(), Style::new())).to_vec());
    }
    print(&table.render())
}
