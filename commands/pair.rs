//! `wmctl pair`: links a device to a phone.

use std::time::Duration;

use console::Term;
use indicatif::ProgressBar;
use wmctl::app::App;
use wmctl::app::Stop;
use wmctl::ops::pair::{self, PairError, PairOptions, PairStep, Paired, PhoneNumber};
use wmctl::ops::tenants::TenantError;
use wmctl::rehearsal::simulated_phone;

use crate::failure::{Exit, Failure};
use crate::help::{self, after};
use crate::qr::{self, Ink, QrFile, QrStyle};
use crate::settings::Settings;
use crate::start;
use crate::table::Page;
use crate::ui::{Format, Listed, Ui};

/// Link a device by QR or 8-character code
///
/// wmctl shows the code, waits for the phone, stores the account, and logs in once so that contacts
/// can write to it.
#[derive(Debug, clap::Args)]
#[command(after_long_help = after(
    &[
        "wmctl pair",
        "wmctl pair --tenant acme --create",
        "wmctl pair --tenant acme --phone +4915112345621",
        "wmctl pair --tenant acme --qr-file /tmp/acme.svg",
        "wmctl pair --tenant acme -o jsonl",
        "wmctl pair --tenant acme --replace",
    ],
    &[
        (Exit::Done, "the device is paired"),
        (Exit::Failed, "the phone or WhatsApp refused"),
        (Exit::Usage, "an option is invalid"),
        (Exit::Config, "the proxy or the server cannot be used"),
        (Exit::Auth, "WhatsApp refused this client as outdated"),
        (Exit::Absent, "there is no such tenant, and --create was not given"),
        (Exit::Conflict, "the tenant is already paired, or another process is using it"),
        help::DATABASE,
        (Exit::Remote, "the code was not scanned in time, or WhatsApp cannot be reached"),
        (Exit::Interrupted, "interrupted before the device was paired"),
    ],
))]
pub(crate) struct PairArgs {
    /// Show an 8-character code to type on the phone with this number, instead of a QR code
    #[arg(long, value_name = "NUMBER")]
    phone: Option<PhoneNumber>,

    /// Unlink the current device and pair a new one
    #[arg(long)]
    replace: bool,

    /// Create the tenant if it does not exist; an empty database needs no --create
    #[arg(long)]
    create: bool,

    /// How to draw the QR code
    #[arg(long, value_enum, value_name = "STYLE", default_value = "auto")]
    qr: QrStyle,

    /// Also write the QR code to this file, which ends in .svg or .png
    ///
    /// The file changes with each new code, and is deleted when pairing ends. Only you can read it.
    #[arg(long, value_name = "FILE", conflicts_with = "phone")]
    qr_file: Option<QrFile>,

    /// Swap dark and light, for a light terminal without colour
    #[arg(long)]
    qr_invert: bool,
}

impl Listed for Paired {
    const HEADS: &'static [&'static str] = &["TENANT", "JID"];

    fn cells(&self, _page: Page) -> Vec<String> {
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
        create: args.create,
    };
    let stop = Stop::new();
    let mut screen = Screen::of(ui, args.qr, args.qr_invert);
    if let Some(file) = &args.qr_file {
        file.check()?;
        screen.file = Some(file.clone());
    }
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
    if let Some(failure) = screen.failure.take() {
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
    /// The file that shows the code too.
    file: Option<QrFile>,
    /// The error of writing to standard output, if any.
    failure: Option<Failure>,
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        self.remove_file();
    }
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
            file: None,
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
                self.remove_file();
                self.ui.done("the phone accepted the device");
                self.spin("saving keys, logging in");
            }
            PairStep::Retrying { reason } => {
                self.clear();
                self.ui
                    .note(&format!("connection lost ({reason}), retrying"));
            }
            PairStep::Paired(_) => {
                self.clear();
                self.ui.done("paired");
            }
        }
    }

    fn draw(&mut self, code: &str, expires_in_s: u64, seq: u32) {
        self.clear();
        self.write_file(code, seq);
        if self.ui.is_machine() {
            return;
        }
        if seq == 1 {
            self.ui
                .note("Scan with WhatsApp → Settings → Linked devices → Link a device");
        }
        let (style, drawing, advice) = self.fitted(code);
        // Without a drawing, show the text itself.
        let drawing = match drawing.is_empty() {
            true => format!("{code}\n"),
            false => drawing,
        };
        let drawing = match advice {
            // A drawing that does not fit scrolls or wraps, so put the advice below it.
            Some(advice) => format!("{drawing}\n{advice}\nThe code as text: {code}\n"),
            None => drawing,
        };
        self.ui.note(drawing.trim_end_matches('\n'));
        // A long line takes several of the terminal's.
        let columns = usize::from(Term::stderr().size().1).max(1);
        let lines = drawing.trim_end_matches('\n').lines();
        let lines = lines.map(|line| console::measure_text_width(line).div_ceil(columns).max(1));
        self.drawn = lines.sum();
        self.count_down(expires_in_s, seq, style);
    }

    /// Returns the first drawing that fits the terminal, or the last one with advice.
    fn fitted(&self, code: &str) -> (QrStyle, String, Option<String>) {
        let candidates = self.style.candidates(self.ui.knows_utf8());
        let mut last = (QrStyle::None, String::new(), None);
        for style in candidates {
            let drawing = qr::draw(code, *style, self.ink).unwrap_or_default();
            let advice = match self.ui.is_live() {
                true => self.advice(*style, &drawing),
                false => None,
            };
            last = (*style, drawing, advice);
            if last.2.is_none() {
                break;
            }
        }
        last
    }

    /// Returns why a camera cannot read the drawing on this terminal, and a remedy.
    fn advice(&self, style: QrStyle, drawing: &str) -> Option<String> {
        const INSTEAD: &str = "`wmctl pair --phone NUMBER` shows an 8-character code to type on \
                               the phone, --qr-file code.svg writes a picture";
        let (rows, columns) = Term::stderr().size();
        let lines = drawing.lines().map(console::measure_text_width);
        let wide = lines.max().unwrap_or(0);
        // A line of text stands above it, and the count-down below.
        let high = drawing.lines().count() + 2 + usize::from(self.file.is_some());
        if style.needs_utf8() && !self.ui.knows_utf8() {
            return Some(format!(
                "This code cannot be scanned, because the locale is not UTF-8: set \
                 LC_ALL=C.UTF-8, or use --qr ascii. {INSTEAD}."
            ));
        }
        let fits = wide <= usize::from(columns) && high <= usize::from(rows);
        (!fits && style != QrStyle::None).then(|| {
            format!(
                "This code cannot be scanned: it needs a terminal of {wide} columns and {high} \
                 lines, and this one has {columns} and {rows}. Enlarge the window. {INSTEAD}."
            )
        })
    }

    /// Writes the current code to the file.
    fn write_file(&self, code: &str, seq: u32) {
        let Some(file) = &self.file else { return };
        match file.show(code) {
            Ok(()) if seq == 1 => {
                let path = file.path().display();
                self.ui.note(&format!("the code is in {path}"));
            }
            Ok(()) => (),
            Err(failure) => self.ui.warn(failure.message()),
        }
    }

    fn remove_file(&self) {
        if let Some(file) = &self.file {
            file.remove();
        }
    }

    fn count_down(&mut self, seconds: u64, seq: u32, style: QrStyle) {
        let help = match (style, self.style) {
            (QrStyle::Small, QrStyle::Auto) => " (unreadable? use --phone or --qr-file)",
            _ => "",
        };
        let text = format!("code {seq}{help}, next in");
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
            .hint("use --replace to unlink that device first, or choose another --tenant"),
        PairError::Rows(error) => start::rows(error),
        PairError::Tenant(TenantError::Unknown(_)) => {
            Failure::new(Exit::Absent, "NOT_FOUND", message)
                .hint("--create adds it; `wmctl tenants list` shows the tenants that exist")
        }
        PairError::Tenant(_) => Failure::new(Exit::Usage, "BAD_VALUE", message),
        PairError::Line(error) => start::line(&error),
        PairError::Expired => Failure::new(Exit::Remote, "EXPIRED", message)
            .hint("run the command again, with the phone at hand"),
        PairError::Refused(_) => Failure::new(Exit::Failed, "PAIRING_REFUSED", message).hint(
            "run it again; first remove incomplete devices on the phone, under Linked devices",
        ),
        PairError::Ended(end) => start::ended(&end, tenant),
        PairError::NotLoggedIn { .. } => Failure::new(Exit::Remote, "LOGIN_INCOMPLETE", message)
            .hint("the account is stored: `wmctl run` completes the login"),
        PairError::Simulator(error) => start::simulator(&error),
        PairError::Stopped => Failure::new(Exit::Interrupted, "INTERRUPTED", message),
    }
}
