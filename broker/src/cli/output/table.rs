//! Tables of text that fit the terminal.

use std::io::IsTerminal as _;

/// Between columns.
const GAP: &str = "  ";
/// A column is not made narrower than this to fit.
const WIDTH_MIN: usize = 8;

/// Lines of a terminal that does not tell.
const HEIGHT_UNKNOWN: usize = 24;

/// Where a column's cells stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

/// Rows under a heading.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    pub(crate) fn row(&mut self, cells: impl Into<Vec<String>>) {
        let cells = cells.into();
        assert_eq!(cells.len(), self.columns.len(), "a row must have a cell for each column");
        self.rows.push(cells);
    }

    /// For stdout: cut to the terminal's width, whole when stdout is a file or a pipe.
    pub(crate) fn to_text(&self) -> String {
        self.layout(terminal_width())
    }

    /// Never cut: for cells that are of no use in part.
    pub(crate) fn to_whole_text(&self) -> String {
        self.layout(None)
    }

    /// Every line within `width` characters where that can be done by cutting cells; `None` cuts nothing.
    fn layout(&self, width: Option<usize>) -> String {
        let widths = fit(self.natural_widths(), width);
        let mut text = String::new();
        let heading: Vec<String> = self.columns.iter().map(|(name, _)| (*name).to_owned()).collect();
        for cells in std::iter::once(&heading).chain(&self.rows) {
            let mut line = String::new();
            for ((cell, &width), (_, align)) in cells.iter().zip(&widths).zip(&self.columns) {
                if !line.is_empty() {
                    line.push_str(GAP);
                }
                let cell = cut(cell, width);
                let padding = " ".repeat(width - cell.chars().count());
                match align {
                    Align::Left => line.extend([cell.as_str(), &padding]),
                    Align::Right => line.extend([padding.as_str(), &cell]),
                }
            }
            text.push_str(line.trim_end());
            text.push('\n');
        }
        text
    }

    fn natural_widths(&self) -> Vec<usize> {
        let widest = |(index, (name, _)): (usize, &(&str, Align))| {
            let cells = self.rows.iter().map(|row| row[index].chars().count());
            cells.chain([name.chars().count()]).max().unwrap_or(0)
        };
        self.columns.iter().enumerate().map(widest).collect()
    }
}

/// Takes from the widest column until the line fits.
fn fit(mut widths: Vec<usize>, width: Option<usize>) -> Vec<usize> {
    let Some(width) = width else { return widths };
    let gaps = GAP.len() * widths.len().saturating_sub(1);
    let mut excess = (widths.iter().sum::<usize>() + gaps).saturating_sub(width);
    while excess > 0 {
        match widths.iter_mut().max() {
            Some(widest) if *widest > WIDTH_MIN => *widest -= 1,
            _ => break,
        }
        excess -= 1;
    }
    widths
}

/// The front of a cell that is too wide, with a mark.
fn cut(cell: &str, width: usize) -> String {
    if cell.chars().count() <= width {
        return cell.to_owned();
    }
    cell.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

/// A line that does not wrap.
pub(crate) fn cut_to_terminal(line: &str) -> String {
    terminal_width().map_or_else(|| line.to_owned(), |width| cut(line, width))
}

/// Lines of the terminal; `None` where stdout is none.
pub(crate) fn terminal_height() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let size = rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_row));
    Some(size.filter(|&rows| rows > 0).unwrap_or(HEIGHT_UNKNOWN))
}

fn terminal_width() -> Option<usize> {
    let stdout = std::io::stdout();
    if !stdout.is_terminal() {
        return None;
    }
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
    let size = || rustix::termios::tcgetwinsize(&stdout).ok().map(|size| usize::from(size.ws_col));
    columns.or_else(size).filter(|&columns| columns > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table =
            Table::new(&[("TOPIC", Align::Left), ("PARTITIONS", Align::Right), ("ID", Align::Left)]);
        table.row(["orders".to_owned(), "6".to_owned(), "x".to_owned()]);
        table.row(["a-topic-with-a-long-name".to_owned(), "100".to_owned(), "y".to_owned()]);
        table
    }

    #[test]
    fn columns_line_up() {
        let expected = "\
TOPIC                     PARTITIONS  ID
orders                             6  x
a-topic-with-a-long-name         100  y
";
        assert_eq!(table().layout(None), expected);
        assert_eq!(table().layout(Some(200)), expected);
    }

    #[test]
    fn the_widest_column_is_cut_to_fit() {
        let text = table().layout(Some(32));
        assert_eq!(
            text,
            "\
TOPIC             PARTITIONS  ID
orders                     6  x
a-topic-with-a-…         100  y
"
        );
        assert!(text.lines().all(|line| line.chars().count() <= 32));
    }

    #[test]
    fn what_cannot_fit_is_still_printed() {
        assert!(table().layout(Some(5)).contains("orders"));
    }

    #[test]
    fn a_table_without_rows_is_its_heading() {
        let table = Table::new(&[("TOPIC", Align::Left)]);
        assert_eq!(table.layout(Some(80)), "TOPIC\n");
    }
}
