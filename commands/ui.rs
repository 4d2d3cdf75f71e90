//! The only module that writes to the terminal.
//!
//! Standard output carries only the answer; messages, progress and prompts go to standard error. If
//! the reader closes the pipe, the command ends silently.

use std::fmt;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use console::{Key, Term};
use dialoguer::theme::{SimpleTheme, Theme as _};
use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use serde::Serialize;
use wmctl::app::shapes::{List, Object};
use wmctl::clock::Surroundings;

use crate::failure::{Exit, Failure};
use crate::table::{Page, Table};

/// Interval of a spinner's frames.
const SPIN: Duration = Duration::from_millis(120);

/// The form of the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Columns for people
    Table,
    /// One JSON document
    Json,
    /// One JSON object a line
    Jsonl,
    /// Names only, one a line
    Name,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    Always,
    Never,
}

/// A type that can be listed as a table row or by name.
pub(crate) trait Listed: Serialize {
    /// Column headings in upper case.
    const HEADS: &'static [&'static str];
    /// Heads of columns that a narrow terminal does without, least needed first.
    const SPARE: &'static [&'static str] = &[];

    /// Cells, as many as there are headings.
    fn cells(&self, page: Page) -> Vec<String>;

    /// The name that `-o name` prints.
    fn name(&self) -> String;
}

/// Terminal settings from flags and environment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) format: Format,
    pub(crate) colour: Colour,
    /// `NO_COLOR` is set and not empty.
    pub(crate) no_color: bool,
    /// `CLICOLOR_FORCE` is set to a value other than 0.
    pub(crate) force_color: bool,
    /// `TERM` is `dumb`.
    pub(crate) dumb: bool,
    pub(crate) quiet: bool,
    pub(crate) heads: bool,
    /// Log lines and errors are JSON.
    pub(crate) json_log: bool,
    /// The locale uses UTF-8.
    pub(crate) utf8: bool,
}

impl Look {
    /// Returns whether a stream uses colour. Decided per stream.
    fn colours(self, terminal: bool) -> bool {
        match self.colour {
            Colour::Always => true,
            Colour::Never => false,
            Colour::Auto if self.no_color => false,
            Colour::Auto if self.force_color => true,
            Colour::Auto => terminal && !self.dumb,
        }
    }
}

/// The terminal.
pub(crate) struct Ui {
    look: Look,
    /// Whether standard error uses colour.
    colours: bool,
    /// Whether standard error is a terminal that can move its cursor.
    live: bool,
    bars: MultiProgress,
}

impl Ui {
    pub(crate) fn new(look: Look) -> Self {
        let terminal = io::stderr().is_terminal();
        let live = terminal && !look.dumb && !look.quiet;
        let target = if live {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let colours = look.colours(terminal);
        console::set_colors_enabled_stderr(colours);
        Self {
            look,
            colours,
            live,
            bars: MultiProgress::with_draw_target(target),
        }
    }

    pub(crate) fn format(&self) -> Format {
        self.look.format
    }

    /// Returns whether a program reads the answer.
    pub(crate) fn is_machine(&self) -> bool {
        matches!(self.look.format, Format::Json | Format::Jsonl)
    }

    /// Returns whether output can be redrawn in place.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Returns whether the terminal can show non-ASCII characters, according to the locale.
    pub(crate) fn knows_utf8(&self) -> bool {
        self.look.utf8
    }

    pub(crate) fn has_colour(&self) -> bool {
        self.colours
    }

    /// Returns the writer for log lines: standard error, between progress bars.
    pub(crate) fn log_writer(&self) -> LogWriter {
        LogWriter {
            bars: self.bars.clone(),
        }
    }

    /// Writes text to standard output unchanged.
    pub(crate) fn answer(&self, text: &str) -> Result<(), Failure> {
        self.bars.suspend(|| write_out(text))
    }

    /// Clears the screen before a repeated table. Does nothing for other formats.
    pub(crate) fn clear(&self) -> Result<(), Failure> {
        let table = self.look.format == Format::Table;
        match table && !self.look.dumb && io::stdout().is_terminal() {
            true => self.answer("\x1b[H\x1b[2J"),
            false => Ok(()),
        }
    }

    /// Prints one object: as JSON, as its name, or as a table with one row.
    pub(crate) fn object<T: Listed>(&self, kind: &'static str, object: &T) -> Result<(), Failure> {
        match self.look.format {
            Format::Json | Format::Jsonl => self.json(&Object::new(kind, object)),
            Format::Name => self.answer(&(object.name() + "\n")),
            Format::Table => self.columns(std::slice::from_ref(object)),
        }
    }

    /// Prints several objects. Shows `advice` if there are none.
    pub(crate) fn list<T: Listed>(
        &self,
        kind: &'static str,
        items: &[T],
        advice: &str,
    ) -> Result<(), Failure> {
        match self.look.format {
            Format::Json => self.json(&List::new(kind, items))?,
            Format::Jsonl => items.iter().try_for_each(|item| self.json(item))?,
            Format::Name => {
                items
                    .iter()
                    .try_for_each(|item| self.answer(&(item.name() + "\n")))?;
            }
            Format::Table => self.columns(items)?,
        }
        if items.is_empty() {
            self.note(advice);
        }
        Ok(())
    }

    /// Prints one line of JSON.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<(), Failure> {
        let line = serde_json::to_string(value)
            .map_err(|error| Failure::internal(format!("JSON output: {error}")))?;
        self.answer(&(line + "\n"))
    }

    fn columns<T: Listed>(&self, items: &[T]) -> Result<(), Failure> {
        let page = page();
        let rows = items.iter().map(|item| item.cells(page)).collect();
        self.table(page, T::HEADS, T::SPARE, rows)
    }

    /// Prints a table that is not a list of objects, such as topics or summaries.
    pub(crate) fn rows(&self, heads: &[&str], rows: Vec<Vec<String>>) -> Result<(), Failure> {
        self.table(page(), heads, &[], rows)
    }

    /// Names with their values, one below the other.
    pub(crate) fn pairs(&self, rows: Vec<Vec<String>>) -> Result<(), Failure> {
        let table = Table {
            heads: &["", ""],
            shown: false,
            spare: &[],
            rows,
        };
        self.answer(&table.print(page()).0)
    }

    fn table(
        &self,
        page: Page,
        heads: &[&str],
        spare: &[&str],
        rows: Vec<Vec<String>>,
    ) -> Result<(), Failure> {
        let table = Table {
            heads,
            shown: self.look.heads,
            spare,
            rows,
        };
        let (text, hidden) = table.print(page);
        self.answer(&text)?;
        if !hidden.is_empty() {
            let hidden = hidden.join(", ");
            self.note(&format!(
                "hidden for lack of room: {hidden} (-o json shows everything)"
            ));
        }
        Ok(())
    }

    /// Prints a message for people. Silent with `--quiet`.
    pub(crate) fn note(&self, text: &str) {
        if !self.look.quiet && !text.is_empty() {
            self.say(text);
        }
    }

    /// Reports a completed step.
    pub(crate) fn done(&self, text: &str) {
        let mark = if self.colours {
            "\x1b[32m✓\x1b[0m"
        } else {
            "✓"
        };
        self.note(&format!("{mark} {text}"));
    }

    /// Prints a warning, even with `--quiet`.
    pub(crate) fn warn(&self, text: &str) {
        let mark = if self.colours {
            "\x1b[33mwarning:\x1b[0m"
        } else {
            "warning:"
        };
        self.say(&format!("{mark} {text}"));
    }

    /// Prints why the command failed.
    pub(crate) fn failure(&self, failure: &Failure) {
        if self.is_machine() || self.look.json_log {
            self.bars.suspend(|| write_err(&failure.json()));
            return;
        }
        let mut text = failure.text();
        if self.colours && text.starts_with("error:") {
            text.replace_range(..6, "\x1b[1;31merror:\x1b[0m");
        }
        self.bars.suspend(|| write_err(&text));
    }

    fn say(&self, text: &str) {
        self.bars.suspend(|| write_err(&format!("{text}\n")));
    }

    /// Creates a spinner. It is invisible without a terminal.
    pub(crate) fn spinner(&self, text: impl Into<String>) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new_spinner());
        bar.set_style(style("{spinner:.cyan} {msg}"));
        bar.set_message(text.into());
        bar.enable_steady_tick(SPIN);
        bar
    }

    /// Creates a countdown in seconds after `text`; `None` without a terminal.
    pub(crate) fn count_down(&self, time: Duration, text: &str) -> Option<ProgressBar> {
        if !self.live {
            return None;
        }
        let bar = self.bars.add(ProgressBar::new(time.as_secs().max(1)));
        let left = move |state: &ProgressState, out: &mut dyn fmt::Write| {
            // A column that cannot be written is omitted.
            let _ = write!(out, "{} s", time.saturating_sub(state.elapsed()).as_secs());
        };
        bar.set_style(style("{spinner:.cyan} {msg} {left}").with_key("left", left));
        bar.set_message(text.to_owned());
        bar.enable_steady_tick(SPIN);
        Some(bar)
    }

    /// Creates a progress bar up to `length`. It is invisible without a terminal.
    pub(crate) fn bar(&self, length: u64, text: impl Into<String>) -> ProgressBar {
        let bar = self.bars.add(ProgressBar::new(length));
        bar.set_style(
            style("{spinner:.cyan} {msg:24} {bar:30.cyan/dim} {pos:>5}/{len} {elapsed:>4}")
                .progress_chars("━╸─"),
        );
        bar.set_message(text.into());
        bar.enable_steady_tick(SPIN);
        bar
    }

    /// Asks for confirmation. Without a terminal, returns a usage error that names the alternative.
    pub(crate) fn confirm(&self, question: &str, instead: &str) -> Result<bool, Failure> {
        if !io::stdin().is_terminal() || !self.live {
            let message = format!("{question}: needs an answer and there is no terminal");
            return Err(Failure::new(Exit::Usage, "CONFIRMATION_NEEDED", message).hint(instead));
        }
        let prompt =
            |out: &mut String| SimpleTheme.format_confirm_prompt(out, question, Some(false));
        let answer = self.bars.suspend(|| read_answer(prompt))?;
        Ok(answer.is_some_and(|text| matches!(text.to_lowercase().as_str(), "y" | "yes")))
    }
}

impl Ui {
    /// Asks for the name of the object to delete. Without a terminal, returns a usage error that
    /// names the alternative.
    pub(crate) fn confirm_by_name(
        &self,
        question: &str,
        name: &str,
        instead: &str,
    ) -> Result<bool, Failure> {
        if !io::stdin().is_terminal() || !self.live {
            let message = format!("{question}: needs an answer and there is no terminal");
            return Err(Failure::new(Exit::Usage, "CONFIRMATION_NEEDED", message).hint(instead));
        }
        let prompt = |out: &mut String| SimpleTheme.format_input_prompt(out, question, None);
        let answer = self.bars.suspend(|| read_answer(prompt))?;
        Ok(answer.is_some_and(|text| text == name))
    }
}

/// Maximum length of an answer; names are shorter.
const ANSWER_CHARS_MAX: usize = 256;

/// Reads one line from the terminal. Returns `None` for Ctrl-D and Escape. Ctrl-C ends the command.
///
/// dialoguer is not used: its prompts ignore Ctrl-D, and their read cannot be cancelled.
fn read_answer(prompt: impl Fn(&mut String) -> fmt::Result) -> Result<Option<String>, Failure> {
    let mut text = String::new();
    prompt(&mut text).map_err(|_| Failure::internal("a prompt cannot be written"))?;
    let term = Term::stderr();
    let line = typed(&term, &text);
    // Start the next output on a new line. If the terminal has gone, this does not matter.
    let _ = term.write_line("");
    line.map_err(|error| match error.kind() {
        io::ErrorKind::Interrupted => Failure::new(
            Exit::Interrupted,
            "INTERRUPTED",
            "interrupted at the question",
        ),
        _ => Failure::new(Exit::Failed, "PROMPT", format!("read the answer: {error}")),
    })
}

fn typed(term: &Term, prompt: &str) -> io::Result<Option<String>> {
    const END_OF_FILE: char = '\u{4}';
    term.write_str(&format!("{prompt} "))?;
    let mut answer = String::new();
    loop {
        match term.read_key()? {
            Key::Enter => return Ok(Some(answer.trim().to_owned())),
            Key::Escape | Key::Char(END_OF_FILE) => return Ok(None),
            Key::Backspace if answer.pop().is_some() => term.clear_chars(1)?,
            Key::Char(char) if !char.is_control() && answer.len() < ANSWER_CHARS_MAX => {
                answer.push(char);
                term.write_str(char.encode_utf8(&mut [0; 4]))?;
            }
            _ => (),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

/// Describes standard output.
fn page() -> Page {
    if !io::stdout().is_terminal() {
        return Page::PIPE;
    }
    let size = Term::stdout().size_checked();
    let width = size.map(|(_, columns)| usize::from(columns));
    let now_ms = Surroundings::system().clock.unix_ms();
    Page::terminal(width.filter(|width| 0 < *width), now_ms)
}

/// Formats a number with its noun: `1 tenant`, `2 tenants`.
pub(crate) fn counted<N: fmt::Display + PartialEq + From<u8>>(
    number: N,
    one: &str,
    more: &str,
) -> String {
    let noun = if number == N::from(1) { one } else { more };
    format!("{number} {noun}")
}

/// Writes to standard output. All answers pass through here.
pub(crate) fn write_out(text: &str) -> Result<(), Failure> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Err(Failure::closed_pipe()),
        Err(error) => Err(Failure::new(
            Exit::Failed,
            "OUTPUT",
            format!("write standard output: {error}"),
        )),
    }
}

/// Writes to standard error. All messages pass through here. Errors are ignored.
pub(crate) fn write_err(text: &str) {
    let mut err = io::stderr().lock();
    let _ = err.write_all(text.as_bytes()).and_then(|()| err.flush());
}

/// Writes log lines without breaking progress bars.
#[derive(Clone)]
pub(crate) struct LogWriter {
    bars: MultiProgress,
}

impl fmt::Debug for LogWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("LogWriter")
    }
}

impl Write for LogWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bars.suspend(|| {
            let mut err = io::stderr().lock();
            // A failing log writer must not stop the daemon.
            let _ = err.write_all(bytes);
        });
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_decided_by_flag_then_environment_then_terminal() {
        let look = Look {
            format: Format::Table,
            colour: Colour::Auto,
            no_color: false,
            force_color: false,
            dumb: false,
            quiet: false,
            heads: true,
            json_log: false,
            utf8: true,
        };
        assert!(look.colours(true) && !look.colours(false));
        assert!(
            Look {
                force_color: true,
                ..look
            }
            .colours(false)
        );
        assert!(
            !Look {
                no_color: true,
                force_color: true,
                ..look
            }
            .colours(true)
        );
        assert!(
            Look {
                no_color: true,
                colour: Colour::Always,
                ..look
            }
            .colours(false)
        );
        assert!(!Look { dumb: true, ..look }.colours(true));
    }
}
