//! Durations as people write them: `500ms`, `2s`, `15m`, `2h30m`, `30d`, `2w`.

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

/// Parses whole numbers with units, the largest unit first; returns `None` for anything else.
pub fn parse(text: &str) -> Option<Duration> {
    let (mut rest, mut sum, mut last) = (text, 0_u64, u64::MAX);
    while !rest.is_empty() {
        let (number, tail) = rest.split_at(rest.find(|char: char| !char.is_ascii_digit())?);
        let end = tail.find(|char: char| char.is_ascii_digit());
        let (unit, tail) = tail.split_at(end.unwrap_or(tail.len()));
        let (_, ms) = UNITS.iter().find(|(name, _)| *name == unit)?;
        if last <= *ms {
            return None;
        }
        let number: u64 = number.parse().ok()?;
        sum = sum.checked_add(number.checked_mul(*ms)?)?;
        (rest, last) = (tail, *ms);
    }
    (last < u64::MAX).then(|| Duration::from_millis(sum))
}

/// Formats a duration with one unit, so that [`parse`] reads it back.
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
    fn numbers_with_units_are_a_length_of_time() {
        check("500ms", Some(500));
        check("2s", Some(2_000));
        check("15m", Some(900_000));
        check("30d", Some(2_592_000_000));
        check("2w", Some(1_209_600_000));
        for (written, ms) in [
            ("2h30m", 9_000_000),
            ("1d12h", 129_600_000),
            ("1m30s500ms", 90_500),
        ] {
            assert_eq!(parse(written), Some(Duration::from_millis(ms)), "{written}");
        }
        for wrong in [
            "",
            "2",
            "s",
            "1.5h",
            "-1s",
            "2 s",
            "2h30",
            "30m2h",
            "1m1m",
            "2h-30m",
            "99999999999999w",
            "18446744073709551615ms1ms",
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
