//! Dictionary lookup with a hash table that is computed at compile time. A binary search would take
//! eleven comparisons for each text of a stanza, most of which are not in the dictionary.

use crate::wire::token::SORTED;

/// Table size: a power of two, three times the number of words, which keeps collisions rare.
const PLACES: usize = 4_096;
/// Marks an empty slot.
const NONE: u16 = u16::MAX;
/// Length of the longest word, in bytes.
const WORD_BYTES_MAX: usize = longest();

/// Indices into [`SORTED`], with linear probing.
static TABLE: [u16; PLACES] = filled();

/// Returns the dictionary of a word (`None`: one-byte words) and its index.
pub(super) fn find(text: &str) -> Option<(Option<u8>, u8)> {
    if WORD_BYTES_MAX < text.len() {
        return None;
    }
    let mut place = place(text.as_bytes());
    while TABLE[place] != NONE {
        let (word, dictionary, index) = SORTED[usize::from(TABLE[place])];
        if word == text {
            return Some((dictionary, index));
        }
        place = (place + 1) % PLACES;
    }
    None
}

/// Returns the preferred slot of a word: its FNV-1a hash, folded.
const fn place(bytes: &[u8]) -> usize {
    let mut hash: u32 = 0x811c_9dc5;
    let mut at = 0;
    while at < bytes.len() {
        hash = (hash ^ bytes[at] as u32).wrapping_mul(0x0100_0193);
        at += 1;
    }
    (hash ^ hash >> 15) as usize % PLACES
}

const fn longest() -> usize {
    let (mut longest, mut at) = (0, 0);
    while at < SORTED.len() {
        let length = SORTED[at].0.len();
        longest = if longest < length { length } else { longest };
        at += 1;
    }
    longest
}

const fn filled() -> [u16; PLACES] {
    let mut table = [NONE; PLACES];
    let mut at = 0;
    while at < SORTED.len() {
        let mut place = place(SORTED[at].0.as_bytes());
        while table[place] != NONE {
            place = (place + 1) % PLACES;
        }
        table[place] = at as u16;
        at += 1;
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_found_and_nothing_else() {
        for (word, dictionary, index) in SORTED {
            assert_eq!(find(word), Some((dictionary, index)), "{word}");
            for other in [format!("{word}\u{1}"), format!("\u{1}{word}")] {
                assert_eq!(find(&other), None, "{other}");
            }
        }
        assert_eq!(find(""), None);
        assert_eq!(find(&"x".repeat(1_000)), None);
    }

    /// Any text is compared with few words.
    #[test]
    fn words_that_share_places_are_few() {
        let mut longest = 0;
        let mut run = 0;
        for taken in TABLE.iter().chain(&TABLE).map(|at| *at != NONE) {
            run = if taken { run + 1 } else { 0 };
            longest = longest.max(run);
        }
        assert!(longest <= 16, "{longest} words in a row");
    }
}
