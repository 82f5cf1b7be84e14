//! Texts whose order is not that of what they mean.

use chrono::{Datelike, NaiveDate};

/// Why the order of a text among others is not that of what it means, if so.
pub(super) fn alone(text: &str) -> Option<&'static str> {
    if is_unsorted_date(text) {
        return Some("they are dates in a form that does not sort as text");
    }
    is_unread_time(text).then_some("they are times in a form that is not read")
}

/// Why two texts have an order that may not be that of the numbers in them, if so.
pub(super) fn beside(one: &str, two: &str) -> Option<&'static str> {
    // As text, `v10` is below `v9`, and `2024-1-10` below `2024-1-9`, even where another part makes up for the length.
    let has_digit = |text: &str| text.bytes().any(|byte| byte.is_ascii_digit());
    let counts = one.len() != two.len() && (has_digit(one) || has_digit(two));
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let mut pairs = one.split(is_sign).zip(two.split(is_sign));
    let widths = pairs.any(|(one, two)| is_number(one) && is_number(two) && one.len() != two.len());
    (counts || widths)
        .then_some("they are texts with numbers of different lengths, which do not sort as numbers do")
}

fn is_sign(character: char) -> bool {
    !character.is_alphanumeric()
}

/// Whether a text begins with a day of ISO 8601 and a time, which nobody could read: it has half a day or a zone of another form.
fn is_unread_time(text: &str) -> bool {
    let begins = text.get(..10).is_some_and(|day| NaiveDate::parse_from_str(day, "%Y-%m-%d").is_ok());
    begins && matches!(text.as_bytes().get(10), Some(b'T' | b't' | b' '))
}

/// Whether a text begins with a date that has its year behind: the last day of a year would be above the first of the next.
fn is_unsorted_date(text: &str) -> bool {
    const FORMS: [&str; 14] = [
        "%d/%m/%Y",
        "%m/%d/%Y",
        "%d.%m.%Y",
        "%d-%m-%Y",
        "%m-%d-%Y",
        "%b %d, %Y",
        "%d %b %Y",
        "%d-%b-%Y",
        "%d/%b/%Y",
        "%d-%b-%y",
        "%d/%m/%y",
        "%m/%d/%y",
        "%d.%m.%y",
        "%d. %b %Y",
    ];
    const NAMES: [&str; 19] = [
        "mon", "tue", "wed", "thu", "fri", "sat", "sun", "jan", "feb", "mar", "apr", "may", "jun", "jul",
        "aug", "sep", "oct", "nov", "dec",
    ];
    let date = |form: &str| {
        // `1.2.3` is none.
        let padded = !form.ends_with("/%y") && !form.ends_with(".%y")
            || matches!(text.as_bytes(), [_, _, b'/' | b'.', _, _, b'/' | b'.', ..]);
        padded && NaiveDate::parse_and_remainder(text, form).is_ok_and(|(date, _)| date.year() > 999)
    };
    // `Wed Jan 31 00:00:00 +0000 2024`
    let mut words = text.split([' ', ',']).filter(|word| !word.is_empty());
    let is_name = |word: &str| {
        let word = word.trim_end_matches('.').to_ascii_lowercase();
        NAMES.contains(&word.as_str())
    };
    let named = words.next().is_some_and(is_name) && words.next().is_some();
    named && text.bytes().any(|byte| byte.is_ascii_digit()) || FORMS.into_iter().any(date)
}
