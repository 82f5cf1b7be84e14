//! What stands between two fields, where neither an option nor the name of the object says it.
//!
//! A comma, unless the first records cannot be told apart by commas and can be by another character.

use stitchwork_core::Result;

use crate::config::{COMMA, CsvConfig};
use crate::dialect::Dialect;
use crate::text::Text;

/// How much text is looked at. It depends on the text alone, so that every read of an object comes to the same.
const SAMPLE_BYTES: usize = 16 << 10;
/// How much is looked at where there are no two records in less: a header may have thousands of names.
const MOST_SAMPLE_BYTES: usize = 1 << 20;
/// What is tried when it is no comma. Of those that stand in every record equally often, the one that does so most often,
/// and the first of these.
pub(crate) const OTHERS: [u8; 3] = [b'\t', b';', b'|'];

const CANDIDATES: usize = 1 + OTHERS.len();

/// The delimiter of a text, whose begin is read into `piece`.
pub(crate) async fn delimiter(text: &mut Text, piece: &mut String, config: &CsvConfig) -> Result<char> {
    let dialect = Dialect::new(config);
    let mut bytes = SAMPLE_BYTES;
    loop {
        let (sample, whole) = text.sample(piece, bytes).await?;
        let records = records(after(sample, config.skip_lines, &dialect), whole, &dialect);
        if whole || records.len() > 1 || bytes >= MOST_SAMPLE_BYTES {
            return Ok(common(&records));
        }
        bytes *= 4;
    }
}

/// The delimiter of records in which each candidate stands so often.
fn common(records: &[[usize; CANDIDATES]]) -> char {
    let Some(first) = records.first() else { return COMMA };
    let is_even = |place: usize| records.iter().all(|record| record.get(place) == first.get(place));
    let [commas, others @ ..] = first;
    if *commas > 0 && is_even(0) {
        return COMMA;
    }
    let even =
        others.iter().zip(OTHERS).enumerate().filter(|(place, (count, _))| **count > 0 && is_even(place + 1));
    // Of equals, `max_by_key` has the last one.
    let best = even.rev().max_by_key(|(_, (count, _))| **count);
    best.map_or(COMMA, |(_, (_, byte))| char::from(byte))
}

/// What is left after some lines.
fn after<'a>(sample: &'a str, lines: u64, dialect: &Dialect) -> &'a [u8] {
    let mut left = sample.as_bytes();
    for _ in 0..lines {
        let Some(end) = left.iter().position(|byte| dialect.ends(*byte)) else { return &[] };
        let two = left.get(end..end + 2) == Some(b"\r\n");
        left = left.get(end + 1 + usize::from(two)..).unwrap_or_default();
    }
    left
}

/// How often each candidate stands outside of quotes, in each record that is there whole.
fn records(text: &[u8], whole: bool, dialect: &Dialect) -> Vec<[usize; CANDIDATES]> {
    let place = |byte: u8| match byte {
        b',' => Some(0),
        _ => OTHERS.iter().position(|other| *other == byte).map(|place| place + 1),
    };
    let mut found = vec![];
    let mut counts = [0; CANDIDATES];
    let (mut begun, mut field_begins, mut quoted, mut comment) = (false, true, false, false);
    let mut bytes = text.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if quoted {
            if Some(byte) == dialect.escape {
                bytes.next();
            } else if Some(byte) == dialect.quote
                && (!dialect.double_quote || bytes.next_if_eq(&byte).is_none())
            {
                quoted = false;
            }
            continue;
        }
        if dialect.ends(byte) {
            if begun && !comment {
                found.push(counts);
            }
            (counts, begun, field_begins, comment) = ([0; CANDIDATES], false, true, false);
            continue;
        }
        comment |= !begun && Some(byte) == dialect.comment;
        begun = true;
        if comment {
            continue;
        }
        if Some(byte) == dialect.escape {
            bytes.next();
        } else if field_begins && Some(byte) == dialect.quote {
            quoted = true;
        } else if let Some(count) = place(byte).and_then(|place| counts.get_mut(place)) {
            *count += 1;
            field_begins = true;
            continue;
        }
        field_begins = field_begins && dialect.is_padding(byte);
    }
    if whole && begun && !comment && !quoted {
        found.push(counts);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: char) {
        assert_eq!(begins(text, true, 0, &CsvConfig::default()), expected, "{text:?}");
    }

    fn begins(text: &str, whole: bool, skip_lines: u64, config: &CsvConfig) -> char {
        let dialect = Dialect::new(config);
        common(&records(after(text, skip_lines, &dialect), whole, &dialect))
    }

    #[test]
    fn another_character_in_every_record_is_the_delimiter() {
        check("a;b;c\n1;2;3\n", ';');
        check("a|b\n1|2", '|');
        check("a\tb\r\n1\t2\r\n", '\t');
        // Decimals with commas, and a comma in one name.
        check("name;price;tax\nx;1,5;0,3\ny;2;0,1\n", ';');
        check("last, first;age\nx;1\n", ';');
        // Texts in quotes say nothing, with line ends in them or without.
        check("a;b\n\"x,y\n;;\";2\n\"say \"\"hi\"\";\";3\n", ';');
        check("5\" pipe;3\n6\" pipe;4\n", ';');
        // The one that parts more.
        check("a;b|c;d\n1;2|3;4\n", ';');
    }

    #[test]
    fn a_comma_goes_first_where_it_can_be() {
        check("a,b\n1;2,3;4\n", ',');
        check("a;x,b\n1;y,2\n", ',');
        check("a,b;c\n1,2\n3,4\n", ',');
        check("", ',');
        check("note\nfirst; second\nthird\n", ',');
        check("note\n\"a;b\"\n", ',');
        // Ragged by every character.
        check("a;b\n1;2;3\n4\n", ',');
    }

    #[test]
    fn lines_that_are_no_records_are_not_looked_at() {
        let config = CsvConfig { comment: Some('#'), ..CsvConfig::default() };
        assert_eq!(begins("made by, me\r\na;b\n# x, y\n\n1;2\n", true, 1, &config), ';');
        // The last record may go on.
        assert_eq!(begins("a;b\n1", false, 0, &config), ';');
        assert_eq!(begins("a;b\n1", true, 0, &config), ',');
    }
}
