//! A QR code as text and as an image.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use qrcode::{Color, EcLevel, QrCode};

/// Width of the light border in modules. Cameras need it to find the code.
const QUIET_ZONE: usize = 4;
/// Width of one module in pixels.
const SCALE: usize = 6;

/// Returns the modules row by row, with the quiet zone; true is dark. Returns `None` if the text is
/// too long for a QR code.
fn modules(text: &str) -> Option<Vec<Vec<bool>>> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let (width, colours) = (code.width(), code.to_colors());
    let size = width + 2 * QUIET_ZONE;
    let mut lines = vec![vec![false; size]; size];
    for (at, colour) in colours.iter().enumerate() {
        let (x, y) = (at % width + QUIET_ZONE, at / width + QUIET_ZONE);
        lines[y][x] = *colour == Color::Dark;
    }
    Some(lines)
}

/// Draws the code as text. Each character shows two modules, one above the other.
pub(super) fn text(text: &str) -> Option<String> {
    let lines = modules(text)?;
    let mut drawn = String::new();
    for pair in lines.chunks(2) {
        for x in 0..pair[0].len() {
            let below = pair.get(1).is_some_and(|line| line[x]);
            drawn.push(match (pair[0][x], below) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        drawn.push('\n');
    }
    Some(drawn)
}

/// Draws the code as a PNG with one bit per pixel. Returns `None` for a text that is too long.
pub fn png(text: &str) -> Option<Vec<u8>> {
    let lines = modules(text)?;
    let size = lines.len() * SCALE;
    let mut rows = ZlibEncoder::new(Vec::new(), Compression::default());
    for line in &lines {
        let mut row = vec![0; 1 + size.div_ceil(8)];
        for x in (0..size).filter(|x| !line[x / SCALE]) {
            row[1 + x / 8] |= 0x80 >> (x % 8);
        }
        for _ in 0..SCALE {
            rows.write_all(&row).ok()?;
        }
    }
    let side = u32::try_from(size).ok()?.to_be_bytes();
    // Bit depth 1, greyscale, no interlacing.
    let head = [&side[..], &side[..], &[1, 0, 0, 0, 0]].concat();
    let mut image = b"\x89PNG\r\n\x1a\n".to_vec();
    for (kind, content) in [
        (b"IHDR", head),
        (b"IDAT", rows.finish().ok()?),
        (b"IEND", Vec::new()),
    ] {
        image.extend(u32::try_from(content.len()).ok()?.to_be_bytes());
        let mut sum = Crc::new();
        sum.update(kind);
        sum.update(&content);
        image.extend(kind);
        image.extend(content);
        image.extend(sum.sum().to_be_bytes());
    }
    Some(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_a_quiet_zone_and_the_form_of_an_image() {
        let drawn = text("wmctl").unwrap();
        // 21 modules and a border of four on each side, two per line.
        assert_eq!(drawn.lines().count(), 15);
        assert!(drawn.lines().nth(2).unwrap().starts_with("    █▀▀▀▀▀█"));
        let image = png("wmctl").unwrap();
        assert!(image.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\0\xae\0\0\0\xae\x01"));
        // Checksum of the empty `IEND` chunk, the same in every PNG.
        assert!(image.ends_with(b"IEND\xae\x42\x60\x82"));
        assert_eq!(png(&"x".repeat(4_000)), None);
    }
}
