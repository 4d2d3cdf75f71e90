//! Finds a text in the dictionaries: one look into a table that the compiler fills. A search by
//! halves takes eleven comparisons for each text that a stanza has, most of which are no words.

use crate::wire::token::SORTED;

/// A power of two, three times as many as there are words: few share a place.
const PLACES: usize = 4_096;
/// Stands where no word is.
const NONE: u16 = u16::MAX;
/// What is longer is no word.
const WORD_BYTES_MAX: usize = longest();

/// Places of words in [`SORTED`]. A word whose place is taken stands at the next that is free.
static TABLE: [u16; PLACES] = filled();

/// The dictionary of a word (`None`: one byte) and its index.
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

/// FNV-1a, folded.
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

    /// However a text is chosen, it is compared with few words.
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
