//! Durations on the command line: `500ms`, `2s`, `5m`, `2h30m`. A number without a unit uses the
//! option's own unit, for compatibility.

use std::time::Duration;

use clap::builder::TypedValueParser;
use wmctl::config::span;

/// The error for a text that is not a duration.
const FORM: &str = "expected a number and a unit, such as 500ms, 2s, 5m or 2h30m";
/// Longest wait. A longer one could overflow a clock.
const WAIT_MAX: Duration = Duration::from_secs(365 * 86_400);

/// Parses a maximum wait; a number without a unit means seconds, and may have a fraction.
pub(crate) fn wait(text: &str) -> Result<Duration, String> {
    let seconds = text.parse::<f64>().ok();
    let bare = seconds.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    match bare.or_else(|| span::parse(text)) {
        Some(wait) if wait <= WAIT_MAX => Ok(wait),
        Some(_) => Err(format!("at most {}", span::text(WAIT_MAX))),
        None => Err(String::from(FORM)),
    }
}

/// Parses a duration of whole seconds; a number without a unit is refused.
pub(crate) fn whole_seconds(text: &str) -> Result<Duration, String> {
    let length = span::parse(text).ok_or(FORM)?;
    match length.subsec_nanos() {
        0 => Ok(length),
        _ => Err(String::from("whole seconds are needed here")),
    }
}

/// Parses a duration within bounds, in milliseconds; a number without a unit means milliseconds.
pub(crate) fn milliseconds(least: u64, most: u64) -> impl TypedValueParser<Value = u64> {
    parser(1, least, most)
}

/// Parses a duration within bounds, in whole seconds; a number without a unit means seconds.
pub(crate) fn seconds(least: u64, most: u64) -> impl TypedValueParser<Value = u64> {
    parser(1_000, least, most)
}

fn parser(unit_ms: u64, least: u64, most: u64) -> impl TypedValueParser<Value = u64> {
    clap::builder::NonEmptyStringValueParser::new()
        .try_map(move |text| between(&text, unit_ms, least, most))
}

/// Parses a duration as a number of units.
fn between(text: &str, unit_ms: u64, least: u64, most: u64) -> Result<u64, String> {
    let shown = |units: u64| span::text(Duration::from_millis(units.saturating_mul(unit_ms)));
    let range = || format!("{} to {}", shown(least), shown(most));
    let units = match text.parse() {
        Ok(number) => number,
        Err(_) => {
            let length = span::parse(text).ok_or(FORM)?;
            let ms = u64::try_from(length.as_millis()).unwrap_or(u64::MAX);
            if !ms.is_multiple_of(unit_ms) {
                return Err(String::from("whole seconds are needed here"));
            }
            ms / unit_ms
        }
    };
    match (least..=most).contains(&units) {
        true => Ok(units),
        false => Err(range()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_may_be_left_out_and_bounds_are_said() {
        let ms = |text| between(text, 1, 500, 60_000);
        assert_eq!(ms("3s"), Ok(3_000));
        assert_eq!(ms("3000"), Ok(3_000));
        assert_eq!(ms("1m"), Ok(60_000));
        assert_eq!(ms("2m"), Err(String::from("500ms to 1m")));
        assert_eq!(ms("soon"), Err(String::from(FORM)));
        assert_eq!(ms("1s500ms"), Ok(1_500));
        let s = |text| between(text, 1_000, 1, 3_600);
        assert_eq!((s("30"), s("30s"), s("1h")), (Ok(30), Ok(30), Ok(3_600)));
        assert_eq!(
            s("1500ms"),
            Err(String::from("whole seconds are needed here"))
        );
        assert_eq!(s("0"), Err(String::from("1s to 1h")));
    }

    #[test]
    fn waits_take_bare_seconds_with_a_fraction() {
        for (text, ms) in [("60", 60_000), ("0.5", 500), ("0", 0), ("2h30m", 9_000_000)] {
            assert_eq!(wait(text), Ok(Duration::from_millis(ms)), "{text}");
        }
        for wrong in ["", "-1", "soon", "NaN", "inf", "1.5h"] {
            assert_eq!(wait(wrong), Err(String::from(FORM)), "{wrong}");
        }
        for long in ["53w", "1e300"] {
            assert!(wait(long).is_err(), "{long}");
        }
        assert_eq!(whole_seconds("24h"), Ok(Duration::from_secs(86_400)));
        assert!(whole_seconds("1500ms").is_err() && whole_seconds("30").is_err());
    }
}
