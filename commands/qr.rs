//! Renders QR codes as text for a terminal, and as images in files.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use qrcode::render::svg;
use qrcode::{Color, EcLevel, QrCode};

use crate::failure::{Exit, Failure};

/// Width of the light border in modules. Cameras need it to find the code.
const QUIET_ZONE: usize = 4;
/// Width of the border of small codes. Cameras still find them.
const QUIET_ZONE_SMALL: usize = 2;
/// The shortest side of a picture, in pixels.
const PICTURE_PIXELS: u32 = 400;

/// How a code is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum QrStyle {
    /// The largest of these that fits the terminal
    Auto,
    /// Two modules per character; needs a UTF-8 terminal
    Half,
    /// Six modules per character, for small terminals; needs UTF-8 and a font with Unicode 13
    Small,
    /// Two characters per module
    Ascii,
    /// Do not draw it
    None,
}

impl QrStyle {
    /// What is tried, one after the other, until it fits.
    pub(crate) fn candidates(self, utf8: bool) -> &'static [Self] {
        match self {
            Self::Auto if utf8 => &[Self::Half, Self::Small],
            Self::Auto | Self::Ascii => &[Self::Ascii],
            Self::Half => &[Self::Half],
            Self::Small => &[Self::Small],
            Self::None => &[Self::None],
        }
    }

    /// Whether it takes more than ASCII.
    pub(crate) fn needs_utf8(self) -> bool {
        matches!(self, Self::Half | Self::Small)
    }

    /// How many modules a character shows, across and down.
    fn cell(self) -> (usize, usize) {
        match self {
            Self::Auto | Self::Half => (1, 2),
            Self::Small => (2, 3),
            Self::Ascii | Self::None => (1, 1),
        }
    }

    /// The character with these modules drawn, the first of them in the lowest bit.
    fn glyph(self, bits: u32) -> String {
        match (self, bits) {
            (Self::Ascii | Self::None, 0) => String::from("  "),
            (Self::Ascii | Self::None, _) => String::from("##"),
            (Self::Small, bits) => sextant(bits).to_string(),
            (Self::Auto | Self::Half, bits) => {
                let halves = [" ", "▀", "▄", "█"];
                String::from(halves.get(bits as usize).copied().unwrap_or_default())
            }
        }
    }
}

/// A character of two by three blocks. Four of them are older than the rest of Unicode 13.
fn sextant(bits: u32) -> char {
    const LEFT: u32 = 0b01_01_01;
    const RIGHT: u32 = 0b10_10_10;
    match bits {
        0 => ' ',
        LEFT => '▌',
        RIGHT => '▐',
        63 => '█',
        bits => {
            let before = 1 + u32::from(LEFT < bits) + u32::from(RIGHT < bits);
            char::from_u32(0x1FB00 + bits - before).unwrap_or(' ')
        }
    }
}

/// The colours that a code is drawn in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Black on white with escape codes: correct on every terminal with colours.
    Colour,
    /// The terminal's own colours; draws the light modules, for dark terminals.
    DarkTerminal,
    /// The terminal's own colours; draws the dark modules, for light terminals.
    LightTerminal,
}

fn encoded(text: &str) -> Result<QrCode, Failure> {
    QrCode::with_error_correction_level(text, EcLevel::L)
        .map_err(|error| Failure::internal(format!("QR code: {error}")))
}

/// Draws `text`; one string with a line break after each line.
pub(crate) fn draw(text: &str, style: QrStyle, ink: Ink) -> Result<String, Failure> {
    if style == QrStyle::None {
        return Ok(String::new());
    }
    let code = encoded(text)?;
    let (width, colours) = (code.width(), code.to_colors());
    let quiet = match style {
        QrStyle::Small => QUIET_ZONE_SMALL,
        _ => QUIET_ZONE,
    };
    let drawn = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(quiet).filter(|at| *at < width);
        let module = inside(x).zip(inside(y)).map(|(x, y)| y * width + x);
        let dark = module.is_some_and(|at| colours.get(at) == Some(&Color::Dark));
        dark != (ink == Ink::DarkTerminal)
    };
    let (across, down) = style.cell();
    let side = width + 2 * quiet;
    let mut lines = String::new();
    for y in (0..side).step_by(down) {
        if ink == Ink::Colour {
            lines.push_str("\x1b[30;107m");
        }
        for x in (0..side).step_by(across) {
            let modules = (0..down).flat_map(|dy| (0..across).map(move |dx| (dx, dy)));
            let bits = modules.enumerate().map(|(bit, (dx, dy))| {
                // Below the last line there is nothing, whatever the colours.
                u32::from(y + dy < side && drawn(x + dx, y + dy)) << bit
            });
            lines.push_str(&style.glyph(bits.sum()));
        }
        if ink == Ink::Colour {
            lines.push_str("\x1b[0m");
        }
        lines.push('\n');
    }
    Ok(lines)
}

/// A file that shows the code which is valid now, and is gone afterwards.
#[derive(Clone, Debug)]
pub(crate) struct QrFile {
    path: PathBuf,
    form: Form,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Svg,
    Png,
}

impl FromStr for QrFile {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let path = PathBuf::from(text);
        let ending = path.extension().and_then(|ending| ending.to_str());
        let form = match ending.map(str::to_ascii_lowercase).as_deref() {
            Some("svg") => Form::Svg,
            Some("png") => Form::Png,
            _ => return Err("the name of the file must end in .svg or .png"),
        };
        Ok(Self { path, form })
    }
}

impl QrFile {
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Fails if no picture can be put there later.
    pub(crate) fn check(&self) -> Result<(), Failure> {
        self.written(&[])?;
        self.remove();
        Ok(())
    }

    /// Puts the picture in place at once; nobody else can read it, as it links a device.
    pub(crate) fn show(&self, text: &str) -> Result<(), Failure> {
        let picture = match self.form {
            Form::Png => wmctl::api::qr::png(text)
                .ok_or_else(|| Failure::internal("the text fits in no QR code"))?,
            Form::Svg => {
                let code = encoded(text)?;
                let mut svg = code.render::<svg::Color<'_>>();
                svg.min_dimensions(PICTURE_PIXELS, PICTURE_PIXELS);
                svg.build().into_bytes()
            }
        };
        self.written(&picture)
    }

    fn written(&self, picture: &[u8]) -> Result<(), Failure> {
        self.put(picture).map_err(|error| {
            let message = format!("write {}: {error}", self.path.display());
            Failure::new(Exit::Failed, "QR_FILE", message)
                .hint("--qr-file names a file in a writable folder")
        })
    }

    fn put(&self, picture: &[u8]) -> std::io::Result<()> {
        let mut part = self.path.clone().into_os_string();
        part.push(".part");
        let mut options = fs::OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        let mut file = options.open(&part)?;
        file.write_all(picture)?;
        fs::rename(&part, &self.path)
    }

    /// The code is used or over.
    pub(crate) fn remove(&self) {
        // One that is gone already, or was never there, is no trouble.
        let _ = fs::remove_file(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As long as what WhatsApp has scanned.
    fn text() -> String {
        (0..230).map(|at| char::from(b'a' + at % 26)).collect()
    }

    #[test]
    fn codes_have_a_quiet_zone_and_finder_patterns() {
        let half = draw("wmctl", QrStyle::Half, Ink::LightTerminal).unwrap();
        // 21 modules and a border of four on each side, two per line.
        assert_eq!(half.lines().count(), 15);
        assert!(half.lines().all(|line| line.chars().count() == 29));
        assert!(half.lines().nth(2).unwrap().starts_with("    █▀▀▀▀▀█"));
        let dark = draw("wmctl", QrStyle::Half, Ink::DarkTerminal).unwrap();
        assert!(dark.starts_with("██████"));
        let ascii = draw("wmctl", QrStyle::Ascii, Ink::LightTerminal).unwrap();
        assert_eq!(ascii.lines().count(), 29);
        assert!(
            ascii
                .lines()
                .nth(4)
                .unwrap()
                .starts_with("        ##############")
        );
        assert_eq!(draw("wmctl", QrStyle::None, Ink::Colour).unwrap(), "");
    }

    #[test]
    fn a_small_code_fits_the_smallest_usual_terminal() {
        let small = draw(&text(), QrStyle::Small, Ink::Colour).unwrap();
        assert!(small.lines().count() <= 21, "{small}");
        let widest = small.lines().map(console::measure_text_width).max();
        assert!(widest <= Some(32), "{widest:?}");
        let half = draw(&text(), QrStyle::Half, Ink::Colour).unwrap();
        assert!(24 < half.lines().count());
    }

    #[test]
    fn six_blocks_are_one_character() {
        for (bits, glyph) in [
            (0, ' '),
            (1, '\u{1fb00}'),
            (20, '\u{1fb13}'),
            (21, '▌'),
            (22, '\u{1fb14}'),
            (41, '\u{1fb27}'),
            (42, '▐'),
            (43, '\u{1fb28}'),
            (62, '\u{1fb3b}'),
            (63, '█'),
        ] {
            assert_eq!(sextant(bits), glyph, "{bits}");
        }
    }

    /// The printed text as a picture, as a terminal shows it; black on white.
    fn picture(drawn: &str, style: QrStyle, ink: Ink) -> (usize, usize, Vec<u8>) {
        // Pixels of a character; each module has some.
        const WIDE: usize = 8;
        const HIGH: usize = 12;
        let lines: Vec<String> = drawn
            .lines()
            .map(|line| console::strip_ansi_codes(line).into_owned())
            .collect();
        let chars: Vec<Vec<char>> = lines.iter().map(|line| line.chars().collect()).collect();
        let (across, down) = match style {
            QrStyle::Small => (2, 3),
            QrStyle::Half => (1, 2),
            _ => (1, 1),
        };
        let filled = |char: char, dx: usize, dy: usize| match style {
            QrStyle::Small => {
                let bits = (0..64).find(|bits| sextant(*bits) == char).unwrap();
                bits >> (dy * across + dx) & 1 == 1
            }
            QrStyle::Half => match char {
                '█' => true,
                '▀' => dy == 0,
                '▄' => dy == 1,
                _ => false,
            },
            _ => char == '#',
        };
        let (width, height) = (chars[0].len() * WIDE, chars.len() * HIGH);
        let mut pixels = vec![255; width * height];
        for (at, pixel) in pixels.iter_mut().enumerate() {
            let (x, y) = (at % width, at / width);
            let char = chars[y / HIGH][x / WIDE];
            let inked = filled(char, x % WIDE * across / WIDE, y % HIGH * down / HIGH);
            // On a dark terminal ink is light.
            if inked != (ink == Ink::DarkTerminal) {
                *pixel = 0;
            }
        }
        (width, height, pixels)
    }

    #[test]
    fn what_is_printed_can_be_scanned() {
        for style in [QrStyle::Half, QrStyle::Small, QrStyle::Ascii] {
            for ink in [Ink::Colour, Ink::DarkTerminal, Ink::LightTerminal] {
                let drawn = draw(&text(), style, ink).unwrap();
                let (width, height, pixels) = picture(&drawn, style, ink);
                let at = |x: usize, y: usize| pixels[y * width + x];
                let mut image = rqrr::PreparedImage::prepare_from_greyscale(width, height, at);
                let grids = image.detect_grids();
                assert_eq!(grids.len(), 1, "{style:?} {ink:?}");
                assert_eq!(grids[0].decode().unwrap().1, text(), "{style:?} {ink:?}");
            }
        }
    }

    #[test]
    fn pictures_are_private_and_gone_afterwards() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        for (name, begin) in [("a.svg", &b"<?xml"[..]), ("a.PNG", b"\x89PNG")] {
            let file: QrFile = folder.path().join(name).to_str().unwrap().parse().unwrap();
            for text in ["one", "two"] {
                file.show(text).unwrap();
            }
            assert!(fs::read(file.path()).unwrap().starts_with(begin), "{name}");
            let mode = fs::metadata(file.path()).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
            file.remove();
            assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        }
        assert!("code.jpg".parse::<QrFile>().is_err());
        let nowhere: QrFile = "/nowhere/a.svg".parse().unwrap();
        assert_eq!(nowhere.check().unwrap_err().code(), "QR_FILE");
    }
}
