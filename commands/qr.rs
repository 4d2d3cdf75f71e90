//! Renders QR codes as text.

use qrcode::{Color, EcLevel, QrCode};

use crate::failure::Failure;

/// Width of the light border in modules. Cameras need it to find the code.
const QUIET_ZONE: isize = 4;

/// How a code is drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum QrStyle {
    /// Two modules a character; needs a terminal that knows UTF-8
    Half,
    /// Two characters a module
    Ascii,
    /// Do not draw it
    None,
}

/// The colours of a code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ink {
    /// Black on white with escape codes: correct on every terminal with colours.
    Colour,
    /// The terminal's own colours; draws the light modules, for dark terminals.
    DarkTerminal,
    /// The terminal's own colours; draws the dark modules, for light terminals.
    LightTerminal,
}

/// Renders `text` as lines that each end with a line break.
pub(crate) fn draw(text: &str, style: QrStyle, ink: Ink) -> Result<String, Failure> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L)
        .map_err(|error| Failure::internal(format!("QR code: {error}")))?;
    let width = isize::try_from(code.width()).unwrap_or(0);
    let colours = code.to_colors();
    let dark = |x: isize, y: isize| {
        let inside = (0..width).contains(&x) && (0..width).contains(&y);
        let index = usize::try_from(y * width + x).unwrap_or(usize::MAX);
        inside && colours.get(index) == Some(&Color::Dark)
    };
    let drawn = |x: isize, y: isize| dark(x, y) != (ink == Ink::DarkTerminal);
    let span = -QUIET_ZONE..width + QUIET_ZONE;
    let mut lines = String::new();
    let step = if style == QrStyle::Half { 2 } else { 1 };
    for y in span.clone().step_by(step) {
        if style == QrStyle::None {
            break;
        }
        if ink == Ink::Colour {
            lines.push_str("\x1b[30;107m");
        }
        for x in span.clone() {
            lines.push_str(match (style, drawn(x, y), drawn(x, y + 1)) {
                (QrStyle::Half, true, true) => "█",
                (QrStyle::Half, true, false) => "▀",
                (QrStyle::Half, false, true) => "▄",
                (QrStyle::Half, false, false) => " ",
                (_, true, _) => "##",
                (_, false, _) => "  ",
            });
        }
        if ink == Ink::Colour {
            lines.push_str("\x1b[0m");
        }
        lines.push('\n');
    }
    Ok(lines)
}

#[cfg(test)]
mod tests {
    use super::*;

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
}
