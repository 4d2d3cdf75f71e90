//! `wmctl pair`: links a device to a phone.

use std::time::Duration;

use console::Term;
use indicatif::ProgressBar;
use wmctl::app::App;
use wmctl::app::Stop;
use wmctl::ops::pair::{self, PairError, PairOptions, PairStep, Paired, PhoneNumber};
use wmctl::rehearsal::simulated_phone;

use crate::failure::{Exit, Failure};
use crate::qr::{self, Ink, QrStyle};
use crate::settings::Settings;
use crate::start;
use crate::ui::{Format, Listed, Ui};

/// Link a device by QR or 8-character code
///
/// Shows what the phone has to scan, waits for the phone, stores the account, and logs in once so
/// that contacts can write to it. Exit code 6 if the tenant is paired already.
#[derive(Debug, clap::Args)]
#[command(after_long_help = "Examples:\n  \
    wmctl pair --tenant acme\n  \
    wmctl pair --tenant acme --phone +4915112345621\n  \
    wmctl pair --tenant acme -o jsonl\n  \
    wmctl pair --tenant acme --replace")]
pub(crate) struct PairArgs {
    /// Show a code to type on the phone with this number, instead of a QR code
    #[arg(long, value_name = "NUMBER")]
    phone: Option<PhoneNumber>,

    /// Unlink the device that is there and pair a new one
    #[arg(long)]
    replace: bool,

    /// Draw the QR code like this
    #[arg(long, value_enum, value_name = "STYLE", default_value = "half")]
    qr: QrStyle,

    /// Swap dark and light, for light terminals without colour
    #[arg(long)]
    qr_invert: bool,
}

impl Listed for Paired {
    const HEADS: &'static [&'static str] = &["TENANT", "JID"];

    fn cells(&self) -> Vec<String> {
        vec![self.business_id.clone(), self.jid.clone()]
    }

    fn name(&self) -> String {
        self.jid.clone()
    }
}

pub(crate) async fn run(ui: &Ui, settings: &Settings, args: &PairArgs) -> Result<Exit, Failure> {
    let app = start::open_to_dial(ui, settings).await?;
    let result = link(&app, ui, settings, args).await;
    app.close().await;
    result
}

async fn link(app: &App, ui: &Ui, settings: &Settings, args: &PairArgs) -> Result<Exit, Failure> {
    let options = PairOptions {
        phone: args.phone.clone(),
        replace: args.replace,
    };
    let stop = Stop::new();
    let mut screen = Screen::of(ui, args.qr, args.qr_invert);
    let mut show = |step| screen.show(&step);
    let simulator = settings.simulator()?;
    let pairing = async {
        match &simulator {
            Some(simulator) => {
                simulated_phone::pair(app, &options, simulator, &stop, &mut show).await
            }
            None => pair::pair(app, &options, &stop, &mut show).await,
        }
    };
    let paired = start::with_signals(&stop, pairing).await?;
    screen.clear();
    if let Some(failure) = screen.failure {
        return Err(failure);
    }
    let paired =
        paired.map_err(|error| explain(error, app.settings.tenant.as_str()).stopped_by(&stop))?;
    match ui.format() {
        // The step `paired` was already printed.
        Format::Jsonl => (),
        Format::Table => ui.answer(&format!("{}  {}\n", paired.business_id, paired.jid))?,
        Format::Json | Format::Name => ui.object("Paired", &paired)?,
    }
    ui.note(&format!("next: wmctl run --tenant {}", paired.business_id));
    Ok(Exit::Done)
}

/// Shows the steps of pairing: redrawn in place on a terminal, one after another elsewhere.
pub(crate) struct Screen<'a> {
    ui: &'a Ui,
    style: QrStyle,
    ink: Ink,
    /// Lines of the code currently on the screen.
    drawn: usize,
    bar: Option<ProgressBar>,
    /// The error of writing to standard output, if any.
    failure: Option<Failure>,
}

impl<'a> Screen<'a> {
    /// Creates a screen. `invert` is for light terminals without colour.
    pub(crate) fn of(ui: &'a Ui, style: QrStyle, invert: bool) -> Self {
        let ink = match (ui.has_colour(), invert) {
            (true, false) => Ink::Colour,
            (_, true) => Ink::LightTerminal,
            (false, false) => Ink::DarkTerminal,
        };
        Self {
            ui,
            style,
            ink,
            drawn: 0,
            bar: None,
            failure: None,
        }
    }

    pub(crate) fn show(&mut self, step: &PairStep) {
        if self.ui.format() == Format::Jsonl && self.failure.is_none() {
            self.failure = self.ui.json(step).err();
        }
        match step {
            PairStep::Connecting => self.spin("connecting"),
            PairStep::Unlinked { jid } => self.ui.done(&format!("unlinked {jid}")),
            PairStep::NotUnlinked { jid } => self.ui.warn(&format!(
                "{jid} could not be unlinked: remove it on the phone, under Linked devices"
            )),
            PairStep::Qr {
                code,
                expires_in_s,
                seq,
                ..
            } => self.draw(code, *expires_in_s, *seq),
            PairStep::Code { code } => {
                self.clear();
                let (left, right) = code.split_at_checked(4).unwrap_or((code, ""));
                self.ui.note(
                    "Type this on the phone: WhatsApp → Settings → Linked devices → \
                     Link a device → Link with phone number",
                );
                self.ui.note(&format!("\n    {left}-{right}\n"));
                self.spin("waiting for the phone");
            }
            PairStep::Scanned { .. } => {
                self.clear();
                self.ui.done("the phone agreed");
                self.spin("saving keys, logging in");
            }
            PairStep::Retrying { reason } => {
                self.clear();
                self.ui
                    .note(&format!("connection lost ({reason}), trying again"));
            }
            PairStep::Paired(_) => {
                self.clear();
                self.ui.done("paired");
            }
        }
    }

    fn draw(&mut self, code: &str, expires_in_s: u64, seq: u32) {
        self.clear();
        if self.ui.is_machine() {
            return;
        }
        if seq == 1 {
            self.ui
                .note("Scan with WhatsApp → Settings → Linked devices → Link a device");
        }
        let drawing = qr::draw(code, self.style, self.ink).unwrap_or_default();
        // Without a drawing, show the text itself.
        let drawing = if drawing.is_empty() {
            format!("{code}\n")
        } else {
            drawing
        };
        let advice = match self.ui.is_live() {
            true => self.advice(&drawing),
            false => None,
        };
        let drawing = match advice {
            // A drawing that does not fit scrolls or wraps, so put the advice below it.
            Some(advice) => format!("{drawing}\n{advice}\nThe code as text: {code}\n"),
            None => drawing,
        };
        self.ui.note(drawing.trim_end_matches('\n'));
        self.drawn = drawing.lines().count();
        self.count_down(expires_in_s, seq);
    }

    /// Returns why a camera cannot read the drawing on this terminal, and a remedy.
    fn advice(&self, drawing: &str) -> Option<String> {
        let (rows, columns) = Term::stderr().size();
        let lines = drawing.lines().map(console::measure_text_width);
        let wide = lines.max().unwrap_or(0);
        // Two lines of text and the countdown need space too.
        let high = drawing.lines().count() + 3;
        let needed = "cannot be scanned here. Try `wmctl pair --phone NUMBER`, which shows a code \
                      of 8 characters to type";
        if self.style == QrStyle::Half && !self.ui.knows_utf8() {
            return Some(format!(
                "The locale of this terminal is not UTF-8: the code {needed}, --qr ascii, or set \
                 LC_ALL=C.UTF-8"
            ));
        }
        let fits = wide <= usize::from(columns) && high <= usize::from(rows);
        (!fits && self.style != QrStyle::None).then(|| {
            format!(
                "The code needs {wide} columns and {high} lines, and this terminal has {columns} \
                 and {rows}: it {needed}, or make the window larger"
            )
        })
    }

    fn count_down(&mut self, seconds: u64, seq: u32) {
        let text = format!("code {seq}, next in");
        match self.ui.count_down(Duration::from_secs(seconds), &text) {
            Some(bar) => self.bar = Some(bar),
            None => self.ui.note(&format!("code {seq}, good for {seconds} s")),
        }
    }

    fn spin(&mut self, text: &str) {
        self.end_bar();
        self.bar = Some(self.ui.spinner(text));
    }

    fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }

    /// Removes the code from the screen.
    fn clear(&mut self) {
        self.end_bar();
        let drawn = std::mem::take(&mut self.drawn);
        if self.ui.is_live() && 0 < drawn {
            // A line that cannot be cleared stays visible; nothing depends on it.
            let _ = Term::stderr().clear_last_lines(drawn);
        }
    }
}

pub(crate) fn explain(error: PairError, tenant: &str) -> Failure {
    let message = error.to_string();
    match error {
        PairError::AlreadyPaired { .. } => Failure::new(Exit::Conflict, "ALREADY_PAIRED", message)
            .hint("--replace unlinks it first, or choose another --tenant"),
        PairError::Rows(error) => start::rows(error),
        PairError::Tenant(_) => Failure::new(Exit::Usage, "BAD_VALUE", message),
        PairError::Line(error) => start::line(&error),
        PairError::Expired => Failure::new(Exit::Remote, "EXPIRED", message)
            .hint("start again with the phone at hand"),
        PairError::Refused(_) => Failure::new(Exit::Failed, "PAIRING_REFUSED", message)
            .hint("start again; on the phone, remove what it lists as linked but incomplete"),
        PairError::Ended(end) => start::ended(&end, tenant),
        PairError::NotLoggedIn { .. } => Failure::new(Exit::Remote, "LOGIN_INCOMPLETE", message)
            .hint("the account is stored: `wmctl run` goes on from here"),
        PairError::Simulator(error) => start::simulator(&error),
        PairError::Stopped => Failure::new(Exit::Interrupted, "INTERRUPTED", message),
    }
}
