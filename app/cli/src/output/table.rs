use anstyle::Style;

use super::{BOLD, paint};

/// Left-aligned columns, as wide as their widest cell; the last one is cut at the terminal's edge.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<(String, Style)>>,
    color: bool,
    width: usize,
}

impl Table {
    pub(crate) fn new(color: bool, width: usize, header: &[&str]) -> Self {
        let header = header.iter().map(|title| ((*title).to_owned(), BOLD)).collect();
        Self { rows: vec![header], color, width }
    }

    pub(crate) fn row(&mut self, cells: Vec<(String, Style)>) {
        // Cells hold names that others chose: no control character may reach the terminal.
        let clean = |text: String| text.chars().map(|c| if c.is_control() { '·' } else { c }).collect();
        self.rows.push(cells.into_iter().map(|(text, style)| (clean(text), style)).collect());
    }

    pub(crate) fn render(&self) -> String {
        let columns = self.rows.iter().map(Vec::len).max().unwrap_or(0);
        let mut widths = vec![0; columns];
        for row in &self.rows {
            for (width, (cell, _)) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut text = String::new();
        for row in &self.rows {
            let mut column = 0;
            for (index, (cell, style)) in row.iter().enumerate() {
                let last = index + 1 == row.len();
                let room = if last { self.width.saturating_sub(column).max(12) } else { widths[index] };
                let cell = cut(cell, room);
                let length = cell.chars().count();
                text.push_str(&paint(self.color, *style, &cell));
                if !last {
                    text.extend(std::iter::repeat_n(' ', widths[index] - length + 2));
                    column += widths[index] + 2;
                }
            }
            text.push('\n');
        }
        text
    }
}

fn cut(text: &str, room: usize) -> String {
    if text.chars().count() <= room {
        return text.to_owned();
    }
    text.chars().take(room.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_last_is_cut() {
        let mut table = Table::new(false, 20, &["A", "LONGER"]);
        table.row(vec![("one".into(), Style::new()), ("x".repeat(40), Style::new())]);
        table.row(vec![("\u{1b}[31m".into(), Style::new()), ("y".into(), Style::new())]);
        let text = table.render();
        assert_eq!(text, format!("A      LONGER\none    {}…\n·[31m  y\n", "x".repeat(12)));
    }
}
