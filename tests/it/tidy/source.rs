//! Rust text for the rules: code without comments and strings, and the paths that it names.
//!
//! This is not a parser. It recognises tokens, `use` trees and matching braces, which is enough for
//! the rules.

/// One Rust file.
pub(super) struct Source {
    /// The code with comments, strings and characters blanked. Length and lines are unchanged.
    pub(super) code: String,
    /// The contents of string literals, and the line on which each starts.
    pub(super) strings: Vec<(usize, String)>,
}

/// A path that code names; `use` trees are expanded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub(super) line: usize,
    pub(super) segments: Vec<String>,
    /// Whether it is called as a macro.
    pub(super) bang: bool,
}

impl Named {
    /// Returns whether the path starts with `prefix`, written with `::`.
    pub(super) fn starts_with(&self, prefix: &str) -> bool {
        let mut segments = self.segments.iter();
        prefix
            .split("::")
            .all(|wanted| segments.next().is_some_and(|s| s == wanted))
    }

    /// Returns whether consecutive segments equal `part`, written with `::`.
    pub(super) fn contains(&self, part: &str) -> bool {
        let part: Vec<&str> = part.split("::").collect();
        self.segments
            .windows(part.len())
            .any(|window| window == part)
    }
}

impl Source {
    pub(super) fn of(text: &str) -> Self {
        let mut blanker = Blanker {
            text: text.as_bytes(),
            at: 0,
            code: Vec::new(),
            strings: vec![],
        };
        blanker.run();
        // Convert the byte offset of each string to its line.
        let (mut line, mut done) = (1, 0);
        for (at, _) in &mut blanker.strings {
            line += text[done..*at].matches('\n').count();
            done = std::mem::replace(at, line);
        }
        let code = String::from_utf8(blanker.code).expect("only whole characters are copied");
        Self {
            code,
            strings: blanker.strings,
        }
    }

    /// Returns the line of a byte of the code, from 1.
    pub(super) fn line(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Removes items that only tests see.
    pub(super) fn without_tests(mut self) -> Self {
        const MARK: &str = "#[cfg(test)]";
        while let Some(start) = self.code.find(MARK) {
            let end = item_end(&self.code, start + MARK.len());
            let (from, to) = (self.line(start), self.line(end));
            self.strings.retain(|(line, _)| !(from..=to).contains(line));
            let blank: String = self.code[start..end]
                .chars()
                .map(|c| if c == '\n' { c } else { ' ' })
                .collect();
            self.code.replace_range(start..end, &blank);
        }
        self
    }

    /// Returns every path in the code: from expanded `use` items and from expressions.
    pub(super) fn named(&self) -> Vec<Named> {
        let tokens = tokens(&self.code);
        let mut named = Vec::new();
        let mut at = 0;
        while at < tokens.len() {
            let next = tokens.get(at + 1).map(|(_, token)| *token);
            // `use<T>` is a capture list, not an import.
            if tokens[at].1 == "use" && next != Some("<") {
                at = use_tree(&tokens, at + 1, &[], &mut named);
            } else if is_word(tokens[at].1) {
                at = expression_path(&tokens, at, &mut named);
            } else {
                at += 1;
            }
        }
        let (mut line, mut at) = (1, 0);
        named.sort_by_key(|path| path.line);
        for path in &mut named {
            line += self.code[at..path.line].matches('\n').count();
            at = std::mem::replace(&mut path.line, line);
        }
        named
    }

    /// Returns the name, the first line and the last line of each function with a body.
    pub(super) fn functions(&self) -> Vec<(String, usize, usize)> {
        let tokens = tokens(&self.code);
        let mut functions = Vec::new();
        for pair in tokens.windows(2) {
            let [(start, "fn"), (_, name)] = pair else {
                continue;
            };
            if !is_word(name) {
                continue;
            }
            let end = item_end(&self.code, *start);
            if self.code[..end].ends_with('}') {
                functions.push(((*name).into(), self.line(*start), self.line(end - 1)));
            }
        }
        functions
    }
}

/// Returns the end of the item that starts at `from`: after its `;` or its block.
fn item_end(code: &str, from: usize) -> usize {
    let mut round: usize = 0;
    let mut curly: usize = 0;
    for (at, byte) in code.bytes().enumerate().skip(from) {
        match byte {
            b'(' | b'[' => round += 1,
            b')' | b']' => round = round.saturating_sub(1),
            b'{' => curly += 1,
            b'}' => curly = curly.saturating_sub(1),
            _ => (),
        }
        if round == 0 && curly == 0 && matches!(byte, b';' | b'}') {
            return at + 1;
        }
    }
    code.len()
}

fn is_word(token: &str) -> bool {
    token.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// Returns words, `::` and single characters with their offsets. Lifetimes are omitted.
fn tokens(code: &str) -> Vec<(usize, &str)> {
    let bytes = code.as_bytes();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < bytes.len() {
        let start = at;
        let word = |at: usize| {
            at < bytes.len() && (bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_')
        };
        if word(at) || (bytes[at] == b'\'' && word(at + 1)) {
            at += 1;
            while word(at) {
                at += 1;
            }
            if bytes[start] == b'\'' {
                continue;
            }
        } else {
            at += if code[at..].starts_with("::") { 2 } else { 1 };
            if bytes[start].is_ascii_whitespace() {
                continue;
            }
        }
        tokens.push((start, &code[start..at]));
    }
    tokens
}

/// Reads a `use` tree below `prefix`. Returns the index after it.
fn use_tree(
    tokens: &[(usize, &str)],
    mut at: usize,
    prefix: &[String],
    named: &mut Vec<Named>,
) -> usize {
    let mut segments = prefix.to_vec();
    let line = tokens.get(at).map_or(0, |(start, _)| *start);
    while let Some((_, token)) = tokens.get(at) {
        match *token {
            "::" => at += 1,
            "{" => {
                at += 1;
                while tokens.get(at).is_some_and(|(_, token)| *token != "}") {
                    at = use_tree(tokens, at, &segments, named);
                    at += usize::from(tokens.get(at).is_some_and(|(_, token)| *token == ","));
                }
                return at + 1;
            }
            "," | ";" | "}" => break,
            "as" => at += 2,
            word => {
                segments.push(word.into());
                at += 1;
            }
        }
    }
    named.push(Named {
        line,
        segments,
        bang: false,
    });
    at
}

/// Reads `a::b::c`, optionally with `!`. Returns the index after it.
fn expression_path(tokens: &[(usize, &str)], mut at: usize, named: &mut Vec<Named>) -> usize {
    let line = tokens[at].0;
    let mut segments = vec![tokens[at].1.into()];
    at += 1;
    while let [(_, "::"), (_, word), ..] = tokens[at..] {
        if !is_word(word) {
            break;
        }
        segments.push(word.into());
        at += 2;
    }
    let next = |offset: usize| tokens.get(at + offset).map(|(_, token)| *token);
    let bang = next(0) == Some("!") && matches!(next(1), Some("(" | "[" | "{"));
    named.push(Named {
        line,
        segments,
        bang,
    });
    at
}

/// Copies code and blanks everything else.
struct Blanker<'a> {
    text: &'a [u8],
    at: usize,
    code: Vec<u8>,
    strings: Vec<(usize, String)>,
}

impl Blanker<'_> {
    fn run(&mut self) {
        while self.at < self.text.len() {
            let rest = &self.text[self.at..];
            if rest.starts_with(b"//") {
                let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len());
                self.blank(end);
            } else if rest.starts_with(b"/*") {
                self.blank(block_comment(rest));
            } else if let Some((open, end, close)) = string(rest, self.after_word()) {
                let content = String::from_utf8_lossy(&rest[open..end]).into_owned();
                self.strings.push((self.at, content));
                self.blank(close);
            } else if let Some(length) = character(rest) {
                self.blank(length);
            } else {
                self.code
                    .push(if rest[0].is_ascii() { rest[0] } else { b'_' });
                self.at += 1;
            }
        }
    }

    fn after_word(&self) -> bool {
        self.code
            .last()
            .is_some_and(|b| b.is_ascii_alphanumeric() || *b == b'_')
    }

    fn blank(&mut self, length: usize) {
        let end = (self.at + length).min(self.text.len());
        let blanks = self.text[self.at..end]
            .iter()
            .map(|b| if *b == b'\n' { *b } else { b' ' });
        self.code.extend(blanks);
        self.at = end;
    }
}

fn block_comment(rest: &[u8]) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < rest.len() {
        match &rest[at..] {
            [b'/', b'*', ..] => (depth, at) = (depth + 1, at + 2),
            [b'*', b'/', ..] => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            break;
        }
    }
    at
}

/// Returns where a string's content starts and ends, and where the literal ends, if one starts
/// here.
fn string(rest: &[u8], after_word: bool) -> Option<(usize, usize, usize)> {
    let mut open = 0;
    if !after_word && matches!(rest, [b'b' | b'c', b'"' | b'r', ..]) {
        open = 1;
    }
    if !after_word && rest.get(open) == Some(&b'r') {
        let hashes = rest[open + 1..].iter().take_while(|b| **b == b'#').count();
        let start = open + 1 + hashes + 1;
        if rest.get(start - 1) != Some(&b'"') {
            return None;
        }
        let mut close = vec![b'"'];
        close.resize(1 + hashes, b'#');
        let end = rest[start..]
            .windows(close.len())
            .position(|w| w == close)?
            + start;
        return Some((start, end, end + close.len()));
    }
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let mut at = open + 1;
    while at < rest.len() && rest[at] != b'"' {
        at += if rest[at] == b'\\' { 2 } else { 1 };
    }
    Some((open + 1, at.min(rest.len()), at + 1))
}

/// Returns the length of a character literal that starts here; `None` for a lifetime.
fn character(rest: &[u8]) -> Option<usize> {
    match rest {
        [b'\'', b'\\', _, tail @ ..] => Some(3 + tail.iter().position(|b| *b == b'\'')? + 1),
        [b'\'', first, ..] => {
            let width = match first {
                0xf0.. => 4,
                0xe0.. => 3,
                0xc0.. => 2,
                _ => 1,
            };
            (rest.get(1 + width) == Some(&b'\'')).then_some(width + 2)
        }
        _ => None,
    }
}

#[test]
fn comments_strings_and_characters_are_no_code() {
    let check = |text: &str, code: &str| assert_eq!(Source::of(text).code, code, "{text}");
    check("a // b\nc", "a     \nc");
    check("a /* b /* c */ */ d", "a                 d");
    check(r#"a("b\"c")"#, "a(      )");
    check(r##"r#"a"b"# c"##, "         c");
    check("b\"x\" br\"y\" z", "           z");
    check("'a' '\\'' '\\u{1f}' &'a str", &format!("{:18}&'a str", ""));
    check("'é' x", "     x");
    let strings = Source::of("a\n \"SELECT\"").strings;
    assert_eq!(strings, [(2, "SELECT".to_owned())]);
}

#[test]
fn use_trees_are_written_out() {
    let source = Source::of("use std::{env, time::{self, Instant as I}};\nfn f() { a::b!(c.d) }");
    let paths: Vec<String> = source
        .named()
        .iter()
        .map(|n| {
            format!(
                "{}:{}{}",
                n.line,
                n.segments.join("::"),
                if n.bang { "!" } else { "" }
            )
        })
        .collect();
    let expected = [
        "1:std::env",
        "1:std::time::self",
        "1:std::time::Instant",
        "2:fn",
        "2:f",
        "2:a::b!",
        "2:c",
        "2:d",
    ];
    assert_eq!(paths, expected);
}

#[test]
fn test_items_can_be_left_out() {
    let text = "a\n#[cfg(test)]\nmod tests {\n  b\n}\nc\n#[cfg(test)]\nmod more;\nd";
    let left: Vec<String> = Source::of(text)
        .without_tests()
        .code
        .split_whitespace()
        .map(ToOwned::to_owned)
        .collect();
    assert_eq!(left, ["a", "c", "d"]);
}

#[test]
fn functions_have_a_first_and_a_last_line() {
    let text = "trait T {\n fn a(x: [u8; 3]) -> u8;\n}\nfn b() {\n if x {}\n}\n";
    assert_eq!(Source::of(text).functions(), [("b".to_owned(), 4, 6)]);
}
