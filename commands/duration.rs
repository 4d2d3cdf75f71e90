//! Durations on the command line: `3s`, `500ms`, `2m`. A number without a unit uses the option's
//! own unit, for compatibility.

use std::time::Duration;

use clap::builder::TypedValueParser;
use wmctl::config::span;

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
            let length = span::parse(text).ok_or("a number and a unit, like 500ms, 3s or 2m")?;
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
        assert!(ms("soon").is_err_and(|why| why.contains("500ms, 3s")));
        let s = |text| between(text, 1_000, 1, 3_600);
        assert_eq!((s("30"), s("30s"), s("1h")), (Ok(30), Ok(30), Ok(3_600)));
        assert_eq!(
            s("1500ms"),
            Err(String::from("whole seconds are needed here"))
        );
        assert_eq!(s("0"), Err(String::from("1s to 1h")));
    }
}
