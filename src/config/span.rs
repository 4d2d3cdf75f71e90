//! Durations as people write them: `500ms`, `2s`, `15m`, `12h`, `30d`, `2w`.

use std::time::Duration;

/// Units with their milliseconds.
const UNITS: [(&str, u64); 6] = [
    ("ms", 1),
    ("s", 1_000),
    ("m", 60_000),
    ("h", 3_600_000),
    ("d", 86_400_000),
    ("w", 604_800_000),
];

/// Parses a whole number with one unit; returns `None` for anything else.
pub fn parse(text: &str) -> Option<Duration> {
    let digits = text.find(|char: char| !char.is_ascii_digit())?;
    let (number, unit) = text.split_at(digits);
    let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
    let number: u64 = number.parse().ok()?;
    number.checked_mul(*ms).map(Duration::from_millis)
}

/// Formats a duration as the shortest text that [`parse`] reads back.
pub fn text(span: Duration) -> String {
    let ms = u64::try_from(span.as_millis()).unwrap_or(u64::MAX);
    let fits = |(_, unit): &&(&str, u64)| ms.is_multiple_of(*unit);
    match UNITS.iter().rev().find(fits) {
        Some((name, unit)) if 0 < ms => format!("{}{name}", ms / unit),
        _ => String::from("0s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_a_unit_is_a_length_of_time() {
        check("500ms", Some(500));
        check("2s", Some(2_000));
        check("15m", Some(900_000));
        check("30d", Some(2_592_000_000));
        check("2w", Some(1_209_600_000));
        for wrong in [
            "",
            "2",
            "s",
            "1.5h",
            "-1s",
            "2 s",
            "2h30m",
            "99999999999999w",
            "2é",
        ] {
            check(wrong, None);
        }
    }

    fn check(written: &str, ms: Option<u64>) {
        let span = parse(written);
        assert_eq!(span, ms.map(Duration::from_millis), "{written:?}");
        if let Some(span) = span {
            assert_eq!(text(span), written);
        }
    }
}
