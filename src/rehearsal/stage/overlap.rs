//! Measures how long two connections with the same keys were open at once.

use crate::sim::Login;

/// Returns the longest time (ms) for which a login from index `first` on overlapped with an older
/// one that had the same keys.
pub(crate) fn longest_ms(logins: &[Login], first: usize) -> u64 {
    let mut longest = 0;
    for (place, newer) in logins.iter().enumerate().skip(first) {
        let older = logins[..place].iter();
        for older in older.filter(|older| older.device == newer.device) {
            let both = older.until_ms.min(newer.until_ms);
            longest = longest.max(both.saturating_sub(newer.since_ms));
        }
    }
    longest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Jid;

    fn check(logins: &[(&str, u64, u64)], first: usize, expected: u64) {
        let login = |(user, since_ms, until_ms): &(&str, u64, u64)| Login {
            link: 0,
            device: Jid::user(*user),
            since_ms: *since_ms,
            until_ms: *until_ms,
            open: false,
        };
        let given: Vec<Login> = logins.iter().map(login).collect();
        assert_eq!(longest_ms(&given, first), expected, "{logins:?} {first}");
    }

    #[test]
    fn only_the_same_keys_at_the_same_time_count() {
        check(&[], 0, 0);
        check(&[("1", 0, 9)], 0, 0);
        // Successive connections, and one with other keys.
        check(&[("1", 0, 5), ("2", 3, 9), ("1", 5, 9)], 0, 0);
        check(&[("1", 0, 25), ("1", 5, 90)], 0, 20);
        // The newer connection ended first.
        check(&[("1", 0, 90), ("1", 5, 7)], 0, 2);
        // An overlap with an older connection than the previous one.
        check(&[("1", 0, 90), ("1", 10, 20), ("1", 30, 95)], 0, 60);
        // Earlier overlaps do not count again.
        check(&[("1", 0, 25), ("1", 5, 90), ("1", 80, 95)], 2, 10);
        check(&[("1", 0, 25), ("1", 5, 90)], 2, 0);
    }
}
