//! Tables for people: kubectl's look, never wider than the terminal, times as ages.
//!
//! What a program reads from a pipe is neither wrapped nor cut, and its times are RFC 3339.

use comfy_table::{ColumnConstraint, ContentArrangement, presets};
use console::measure_text_width;

/// Blanks between two columns.
const GAP: usize = 2;
/// The last column is text that can be wrapped; narrower than this it cannot be read.
const TEXT_COLUMNS_MIN: usize = 20;

/// Nothing is made narrower for a terminal that is narrower.
const COLUMNS_MIN: usize = 20;

/// What a table is printed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Page {
    /// Columns of the terminal; `None` anywhere else.
    width: Option<usize>,
    /// The time (milliseconds since 1970) where times are shown as ages.
    now_ms: Option<i64>,
}

impl Page {
    /// A pipe, a file, or lines that are read later.
    pub(crate) const PIPE: Self = Self {
        width: None,
        now_ms: None,
    };

    /// A terminal; its width where that is known.
    pub(crate) fn terminal(width: Option<usize>, now_ms: i64) -> Self {
        Self {
            width,
            now_ms: Some(now_ms),
        }
    }

    /// A time in RFC 3339, or how long ago it was.
    pub(crate) fn time(self, text: &str) -> String {
        let then = text.parse::<jiff::Timestamp>().ok();
        match (self.now_ms, then) {
            (Some(now_ms), Some(then)) => age((now_ms - then.as_millisecond()) / 1_000),
            _ => text.to_owned(),
        }
    }

    /// The same; empty where there is none.
    pub(crate) fn maybe_time(self, text: Option<&String>) -> String {
        text.map(|text| self.time(text)).unwrap_or_default()
    }

    /// The same where the database server's clock says how long ago it was.
    pub(crate) fn time_with_age(self, text: Option<&String>, seconds: Option<i64>) -> String {
        match (self.now_ms, seconds) {
            (Some(_), Some(seconds)) => age(seconds),
            _ => text.cloned().unwrap_or_default(),
        }
    }
}

/// A length of time in its two largest units at most.
pub(crate) fn age(seconds: i64) -> String {
    match seconds.max(0) {
        seconds @ 0..60 => format!("{seconds}s"),
        seconds @ 60..3_600 => format!("{}m", seconds / 60),
        seconds @ 3_600..172_800 => format!("{}h{}m", seconds / 3_600, seconds / 60 % 60),
        seconds => format!("{}d", seconds / 86_400),
    }
}

/// What goes into a table.
pub(crate) struct Table<'a> {
    pub(crate) heads: &'a [&'a str],
    /// Whether the heads are printed.
    pub(crate) shown: bool,
    /// Heads of columns that are left out where the room is short, least needed first.
    pub(crate) spare: &'a [&'a str],
    pub(crate) rows: Vec<Vec<String>>,
}

impl<'a> Table<'a> {
    /// The text, and the heads of the columns that are left out.
    pub(crate) fn print(mut self, page: Page) -> (String, Vec<&'a str>) {
        if !self.shown && self.rows.is_empty() {
            return (String::new(), Vec::new());
        }
        for cell in self.rows.iter_mut().flatten().filter(|it| it.is_empty()) {
            cell.push('-');
        }
        let widths: Vec<usize> = (0..self.heads.len()).map(|at| self.width(at)).collect();
        let mut kept: Vec<usize> = (0..self.heads.len()).collect();
        let mut hidden = Vec::new();
        let width = page.width.map(|width| width.max(COLUMNS_MIN));
        let limit = width.unwrap_or(usize::MAX);
        for head in self.spare {
            if least(&kept, &widths) <= limit {
                break;
            }
            kept.retain(|at| self.heads[*at] != *head);
            hidden.push(*head);
        }
        let heads: Vec<&str> = kept.iter().map(|at| self.heads[*at]).collect();
        let narrow = limit < joined(heads.iter().map(|head| measure_text_width(head)));
        let rows = self.rows.iter().map(|row| {
            let cells = kept.iter().filter_map(|at| row.get(*at));
            cells.map(String::as_str).collect::<Vec<_>>()
        });
        if self.shown && narrow {
            let blocks = rows.map(|row| {
                let pairs = heads.iter().zip(row).map(|(head, cell)| vec![*head, cell]);
                lines(None, pairs, width, true)
            });
            return (blocks.collect::<Vec<_>>().join("\n"), hidden);
        }
        let text_only = least(&kept, &widths) <= limit;
        let shown = self.shown.then_some(heads.as_slice());
        let wide = limit < joined(kept.iter().map(|at| widths[*at]));
        let width = width.filter(|_| wide);
        (lines(shown, rows, width, text_only), hidden)
    }

    /// How wide a column is.
    fn width(&self, at: usize) -> usize {
        let cells = self.rows.iter().filter_map(|row| row.get(at));
        let cells = cells.flat_map(|cell| cell.lines().map(measure_text_width));
        let head = self.shown.then(|| measure_text_width(self.heads[at]));
        cells.chain(head).max().unwrap_or(0)
    }
}

/// How wide columns of these widths are together.
fn joined(widths: impl Iterator<Item = usize>) -> usize {
    widths
        .map(|width| width + GAP)
        .sum::<usize>()
        .saturating_sub(GAP)
}

/// The same with the last column as narrow as it can be.
fn least(kept: &[usize], widths: &[usize]) -> usize {
    let last = kept.last().copied();
    joined(kept.iter().map(|at| match Some(*at) == last {
        true => widths[*at].min(TEXT_COLUMNS_MIN),
        false => widths[*at],
    }))
}

/// Columns with blanks between, wrapped to a width; with `text_only`, only the last column is.
fn lines<'a>(
    heads: Option<&[&str]>,
    rows: impl Iterator<Item = Vec<&'a str>>,
    width: Option<usize>,
    text_only: bool,
) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(presets::NOTHING);
    if let Some(heads) = heads {
        table.set_header(heads.to_vec());
    }
    for row in rows {
        table.add_row(row);
    }
    let gap = u16::try_from(GAP).unwrap_or(0);
    let last = table.column_count().saturating_sub(1);
    for (at, column) in table.column_iter_mut().enumerate() {
        column.set_padding((0, if at == last { 0 } else { gap }));
        if text_only && at != last {
            column.set_constraint(ColumnConstraint::ContentWidth);
        }
    }
    if let Some(width) = width {
        table.set_content_arrangement(ContentArrangement::Dynamic);
        table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    }
    table.trim_fmt() + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    fn print(rows: &[[&str; 3]], spare: &[&str], page: Page) -> (String, Vec<String>) {
        let rows = rows.iter().map(|row| row.map(str::to_owned).to_vec());
        let table = Table {
            heads: &["TENANT", "STATE", "QUEUE"],
            shown: true,
            spare,
            rows: rows.collect(),
        };
        let (text, hidden) = table.print(page);
        (text, hidden.into_iter().map(str::to_owned).collect())
    }

    fn on(width: usize) -> Page {
        Page::terminal(Some(width), 0)
    }

    #[test]
    fn columns_are_two_spaces_apart_without_lines() {
        let rows = [["acme", "connected", ""], ["b", "off", "12"]];
        let text = "TENANT  STATE      QUEUE\nacme    connected  -\nb       off        12\n";
        for page in [Page::PIPE, on(80), on(24)] {
            assert_eq!(print(&rows, &[], page), (text.into(), vec![]));
        }
        assert_eq!(print(&[], &[], Page::PIPE).0, "TENANT  STATE  QUEUE\n");
        let nothing = Table {
            heads: &["A"],
            shown: false,
            spare: &[],
            rows: Vec::new(),
        };
        assert_eq!(nothing.print(Page::PIPE), (String::new(), vec![]));
    }

    #[test]
    fn what_is_least_needed_goes_first_and_text_is_wrapped() {
        let rows = [[
            "acme",
            "connected",
            "the server does not answer pings in time",
        ]];
        let spare = ["STATE"];
        let fits = print(&rows, &spare, on(60));
        let text = "TENANT  STATE      QUEUE\n\
                    acme    connected  the server does not answer pings in time\n";
        assert_eq!(fits, (text.into(), vec![]));
        let wrapped = print(&rows, &spare, on(40));
        let text = "TENANT  STATE      QUEUE\n\
                    acme    connected  the server does not\n                   \
                    answer pings in time\n";
        assert_eq!(wrapped, (text.into(), vec![]));
        let (text, hidden) = print(&rows, &spare, on(30));
        assert_eq!(hidden, ["STATE"]);
        assert!(
            text.starts_with("TENANT  QUEUE\nacme    the server does not\n"),
            "{text}"
        );
    }

    #[test]
    fn no_line_is_longer_than_the_terminal() {
        let long = "x".repeat(64);
        let rows = [
            [&*long, "a b c d e f g h i j k l m n", &*long],
            ["é", "日本", "z"],
        ];
        for width in COLUMNS_MIN..100 {
            let (text, _) = print(&rows, &["STATE"], on(width));
            let widest = text.lines().map(measure_text_width).max();
            assert!(widest <= Some(width), "{width}: {text}");
            let kept: String = text.split_whitespace().collect();
            assert_eq!(kept.matches('x').count(), 128, "{width}: {text}");
        }
        let (text, _) = print(&rows, &[], Page::PIPE);
        assert!(text.contains(&long), "{text}");
    }

    #[test]
    fn times_are_ages_on_a_terminal_and_rfc_3339_in_a_pipe() {
        let page = Page::terminal(None, 1_000_000_000);
        let at = |ago_s: i64| {
            let then = jiff::Timestamp::from_millisecond(1_000_000_000 - ago_s * 1_000);
            then.unwrap().to_string()
        };
        for (ago_s, text) in [
            (-5, "0s"),
            (59, "59s"),
            (3_599, "59m"),
            (11_540, "3h12m"),
            (172_800, "2d"),
        ] {
            assert_eq!(page.time(&at(ago_s)), text);
        }
        assert_eq!(Page::PIPE.time(&at(59)), at(59));
        assert_eq!(page.time("pending"), "pending");
        assert_eq!(page.maybe_time(None), "");
        let time = at(59);
        assert_eq!(page.time_with_age(Some(&time), Some(7)), "7s");
        assert_eq!(Page::PIPE.time_with_age(Some(&time), Some(7)), time);
    }
}
