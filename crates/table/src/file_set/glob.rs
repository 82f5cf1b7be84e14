//! Patterns of locations: `*`, `?`, `[a-z]`, `{a,b}` and `**`.

use stitchwork_core::{Error, Result};

/// How many patterns the braces of one may stand for.
const MOST_ALTERNATIVES: usize = 1024;

/// Whether a location is a pattern.
pub(super) fn is_pattern(location: &str) -> bool {
    location.contains(['*', '?', '[', '{'])
}

/// A pattern without braces, by the parts of the path.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    pub(super) parts: Vec<Part>,
}

/// What one part of a path must be.
#[derive(Debug, Clone)]
pub(super) enum Part {
    /// This name.
    Name(String),
    /// A name of this form.
    Form(Vec<Token>),
    /// Any number of folders.
    Folders,
}

#[derive(Debug, Clone)]
pub(super) enum Token {
    Char(char),
    One,
    Any,
    Class { ranges: Vec<(char, char)>, negated: bool },
}

/// The patterns that the path of a location stands for.
pub(super) fn parse(path: &str) -> Result<Vec<Pattern>> {
    let broken = |why: &str| Error::invalid_input(why.to_owned()).with_context("pattern", path);
    let mut whole = vec![path.to_owned()];
    // One pair of braces is opened at a time, the outermost first.
    while let Some(place) = whole.iter().position(|pattern| pattern.contains('{')) {
        let alternatives =
            open_braces(&whole[place]).ok_or_else(|| broken("a brace of the pattern is not closed"))?;
        whole.splice(place..=place, alternatives);
        if whole.len() > MOST_ALTERNATIVES {
            return Err(broken("the braces of the pattern stand for too many names"));
        }
    }
    let part = |text: &str| match text {
        "**" => Ok(Part::Folders),
        text if !is_pattern(text) => Ok(Part::Name(text.to_owned())),
        text => tokens(text).map(Part::Form).ok_or_else(|| broken("a bracket of the pattern is not closed")),
    };
    let pattern = |text: String| {
        let parts = text.split('/').filter(|part| !part.is_empty()).map(part).collect::<Result<_>>()?;
        Ok(Pattern { parts })
    };
    whole.into_iter().map(pattern).collect()
}

/// The first pair of braces, replaced by each of its alternatives.
fn open_braces(pattern: &str) -> Option<Vec<String>> {
    let (before, rest) = pattern.split_once('{')?;
    let (mut depth, mut start, mut alternatives) = (0_usize, 0, Vec::new());
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            ',' if depth == 0 => {
                alternatives.push(rest.get(start..at)?);
                start = at + 1;
            }
            '}' if depth == 0 => {
                alternatives.push(rest.get(start..at)?);
                let after = rest.get(at + 1..)?;
                return Some(alternatives.iter().map(|inner| format!("{before}{inner}{after}")).collect());
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        tokens.push(match c {
            '*' => Token::Any,
            '?' => Token::One,
            '[' => {
                let negated = chars.next_if(|c| matches!(c, '!' | '^')).is_some();
                let mut ranges = Vec::new();
                loop {
                    let low = chars.next()?;
                    // A bracket that comes first stands for itself.
                    if low == ']' && !ranges.is_empty() {
                        break;
                    }
                    let mut ahead = chars.clone();
                    let high = match (ahead.next(), ahead.next()) {
                        (Some('-'), Some(high)) if high != ']' => {
                            chars = ahead;
                            high
                        }
                        _ => low,
                    };
                    ranges.push((low, high));
                }
                Token::Class { ranges, negated }
            }
            c => Token::Char(c),
        });
    }
    Some(tokens)
}

impl Token {
    fn takes(&self, c: char) -> bool {
        match self {
            Self::Char(own) => *own == c,
            Self::One | Self::Any => true,
            Self::Class { ranges, negated } => {
                ranges.iter().any(|(low, high)| (*low..=*high).contains(&c)) != *negated
            }
        }
    }
}

/// Whether a name is hidden: that of a log, a marker or a file that is still being written.
pub(super) fn is_hidden(name: &str) -> bool {
    // `_year=2024` is the folder of a partition.
    name.starts_with(['_', '.']) && !name.contains('=')
}

impl Part {
    /// Whether a name fits. Hidden names must be asked for by their first character.
    pub(super) fn fits(&self, name: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Folders => !is_hidden(name),
            Self::Form(tokens) => {
                let asked = matches!(tokens.first(), Some(Token::Char('_' | '.')));
                (asked || !is_hidden(name)) && matches(tokens, name)
            }
        }
    }
}

/// Whether a name has a form. After a mismatch only the last star is tried again, which is enough: what an earlier
/// one would take more, the later one can take as well.
fn matches(tokens: &[Token], name: &str) -> bool {
    let chars: Vec<char> = name.chars().collect();
    let (mut token, mut at) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        match (tokens.get(token), chars.get(at)) {
            (Some(Token::Any), _) => {
                star = Some((token + 1, at));
                token += 1;
            }
            (Some(own), Some(c)) if own.takes(*c) => {
                token += 1;
                at += 1;
            }
            (None, None) => return true,
            _ => match &mut star {
                Some((after, taken)) if *taken < chars.len() => {
                    *taken += 1;
                    (token, at) = (*after, *taken);
                }
                _ => return false,
            },
        }
    }
}

/// Whether the names on the way down to an object fit the parts of a pattern.
pub(super) fn fits(parts: &[Part], names: &[&str]) -> bool {
    // Which places of the pattern can be reached after each name.
    let mut reached = vec![false; parts.len() + 1];
    let open = |reached: &mut Vec<bool>| {
        for (place, part) in parts.iter().enumerate() {
            // Folders may be none.
            if reached[place] && matches!(part, Part::Folders) {
                reached[place + 1] = true;
            }
        }
    };
    reached[0] = true;
    open(&mut reached);
    for (depth, name) in names.iter().enumerate() {
        let last = depth + 1 == names.len();
        let mut next = vec![false; parts.len() + 1];
        for (place, part) in parts.iter().enumerate().filter(|(place, _)| reached[*place]) {
            match part {
                Part::Folders if part.fits(name) => {
                    next[place] = true;
                    // At the end of a pattern they stand for the files in them as well.
                    next[place + 1] |= last && place + 1 == parts.len();
                }
                Part::Folders => {}
                part => next[place + 1] |= part.fits(name),
            }
        }
        reached = next;
        if !last {
            open(&mut reached);
        }
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(pattern: &str, path: &str) -> bool {
        let names: Vec<&str> = path.split('/').collect();
        parse(pattern).unwrap().iter().any(|pattern| fits(&pattern.parts, &names))
    }

    #[test]
    fn names_fit_patterns() {
        for (pattern, fitting, others) in [
            ("a/*.csv", vec!["a/x.csv", "a/.csv.csv"], vec!["a/b/x.csv", "a/x.csv2", "b/x.csv"]),
            ("a/**/x.csv", vec!["a/x.csv", "a/b/x.csv", "a/b/c/x.csv"], vec!["a/y.csv", "b/x.csv"]),
            ("**", vec!["x", "a/b/x"], vec!["_x/y", "a/.x"]),
            ("a/**", vec!["a/x", "a/b/x"], vec!["a", "b/x"]),
            ("**/*.{csv,tsv}", vec!["x.csv", "a/b/x.tsv"], vec!["x.ts"]),
            ("part-[0-9][0-9].csv", vec!["part-01.csv"], vec!["part-1.csv", "part-0a.csv"]),
            ("[!a-c]?", vec!["dx", "éé"], vec!["ax", "d"]),
            ("x[*]", vec!["x*"], vec!["xy"]),
            ("[]a]", vec!["]", "a"], vec!["b"]),
            ("{a,b{1,2}}/x", vec!["a/x", "b1/x", "b2/x"], vec!["b/x"]),
            ("{2024/01,2025}/*", vec!["2024/01/x", "2025/x"], vec!["2024/x"]),
            ("*a*a*b", vec!["aab", "xaxab"], vec!["ab", "aaba"]),
            ("_*", vec!["_x"], vec!["x"]),
            ("*", vec!["x", "_p=1"], vec!["_x", ".x"]),
        ] {
            for path in fitting {
                let hidden = path == "a/.csv.csv";
                assert_eq!(fit(pattern, path), !hidden, "{pattern} {path}");
            }
            for path in others {
                assert!(!fit(pattern, path), "{pattern} {path}");
            }
        }
    }

    #[test]
    fn hostile_patterns_are_quick_or_refused() {
        assert!(!fit(&format!("{}b", "*a".repeat(40)), &"a".repeat(400)));
        assert!(!fit(&format!("{}x", "**/".repeat(40)), &"a/".repeat(100)));
        for broken in ["{a", "[a", "[]", "{a,{b}", &"{a,b}".repeat(20)] {
            assert!(parse(broken).is_err(), "{broken}");
        }
    }
}
