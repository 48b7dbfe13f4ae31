//! A table for people: the first column left-aligned, figures right-aligned.

/// Prints `rows`, the first of which is the heading.
pub fn print(rows: &[Vec<String>]) {
    for line in lines(rows) {
        println!("{line}");
    }
}

fn lines(rows: &[Vec<String>]) -> Vec<String> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        rows.iter()
            .filter_map(|row| row.get(column))
            .map(|cell| cell.chars().count())
            .max()
    };
    let widths: Vec<_> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &Vec<String>| {
        let cells = row.iter().zip(&widths).enumerate();
        let cells = cells.map(|(column, (cell, width))| match column {
            0 => format!("{cell:<width$}"),
            _ => format!("{cell:>width$}"),
        });
        format!("  {}", cells.collect::<Vec<_>>().join("   "))
            .trim_end()
            .to_owned()
    };
    let rule = format!(
        "  {}",
        widths
            .iter()
            .map(|width| "-".repeat(*width))
            .collect::<Vec<_>>()
            .join("   ")
    );
    let mut lines: Vec<_> = rows.iter().map(line).collect();
    lines.insert(lines.len().min(1), rule);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up() {
        let row = |cells: [&str; 2]| cells.map(str::to_owned).to_vec();
        assert_eq!(
            lines(&[row(["what", "µs"]), row(["a", "1"]), row(["longer", "1000"])]),
            [
                "  what       µs",
                "  ------   ----",
                "  a           1",
                "  longer   1000"
            ],
        );
    }
}
