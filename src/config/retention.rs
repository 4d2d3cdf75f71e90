//! Retention of rows that would grow without limit.
//!
//! Keys, ratchets and other rows that an account needs are not affected.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::config::span;

const DAY: Duration = Duration::from_secs(86_400);
/// Least age and count of kept rows, so that a reader that was briefly away still finds them.
const AGE_MIN: Duration = Duration::from_secs(3_600);
const COUNT_MIN: u64 = 100;

/// The number and age of rows of one kind that a tenant keeps. `None` means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
pub struct Limit {
    pub age: Option<Duration>,
    pub count: Option<u64>,
}

/// The limits of each kind of row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Events, whether applications have read them or not.
    pub events: Limit,
    /// Messages that were sent or failed permanently; never a message that is still to be sent.
    pub outbox: Limit,
    /// Message secrets, which decrypt later votes and edits.
    pub secrets: Limit,
    /// Rows of `whatsmeow_event_buffer`: ciphertext hashes that other clients have handled.
    pub buffer: Limit,
    /// Interval between two runs of pruning.
    pub every: Duration,
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days, count| Limit {
            age: Some(DAY * days),
            count,
        };
        Self {
            events: days(30, None),
            outbox: days(30, None),
            secrets: days(365, Some(1_000_000)),
            buffer: days(35, None),
            every: Duration::from_secs(3_600),
        }
    }
}

/// The reason why a limit is rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LimitError {
    #[error("must be like 30d, 100000, 30d,100000 or forever")]
    Form,
    #[error("an age must be at least 1h")]
    Age,
    #[error("a count must be at least {COUNT_MIN}")]
    Count,
}

impl FromStr for Limit {
    type Err = LimitError;

    fn from_str(text: &str) -> Result<Self, LimitError> {
        if text == "forever" {
            return Ok(Self::default());
        }
        let mut limit = Self::default();
        for part in text.split(',').map(str::trim) {
            if let Some(age) = span::parse(part) {
                if age < AGE_MIN {
                    return Err(LimitError::Age);
                }
                if limit.age.replace(age).is_some() {
                    return Err(LimitError::Form);
                }
            } else {
                let count: u64 = part.parse().map_err(|_| LimitError::Form)?;
                if count < COUNT_MIN || i64::try_from(count).is_err() {
                    return Err(LimitError::Count);
                }
                if limit.count.replace(count).is_some() {
                    return Err(LimitError::Form);
                }
            }
        }
        Ok(limit)
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.age.map(span::text), self.count) {
            (None, None) => f.write_str("forever"),
            (Some(age), None) => f.write_str(&age),
            (None, Some(count)) => write!(f, "{count}"),
            (Some(age), Some(count)) => write!(f, "{age},{count}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_is_an_age_a_count_or_both() {
        let limit = |age: Option<u32>, count| {
            let age = age.map(|days| DAY * days);
            Ok(Limit { age, count })
        };
        check("30d", limit(Some(30), None));
        check("100000", limit(None, Some(100_000)));
        check("1w,100", limit(Some(7), Some(100)));
        check("forever", limit(None, None));
        check("59m", Err(LimitError::Age));
        check("99", Err(LimitError::Count));
        check("99999999999999999999", Err(LimitError::Form));
        for wrong in ["", "30", "x", "30d,", "30d,31d", "100,200", "-1d", "30 d"] {
            let refused = wrong.parse::<Limit>();
            assert!(refused.is_err(), "{wrong:?}: {refused:?}");
        }
    }

    fn check(text: &str, expected: Result<Limit, LimitError>) {
        let found = text.parse();
        assert_eq!(found, expected, "{text}");
        if let Ok(limit) = found {
            assert_eq!(limit.to_string(), text);
        }
    }
}
