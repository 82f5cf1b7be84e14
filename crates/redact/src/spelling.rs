//! How texts write the signs of a secret: as they are, escaped (RFC 8259 section 7 and its kin in programming languages),
//! percent-encoded (RFC 3986 section 2.1, and `+` for a blank as forms have it), as character references of HTML, or as a
//! parser of URLs leaves them (WHATWG URL section 4.4): a backslash of a path as a slash, tabs and line breaks not at all.

use crate::{CUT, SHORTEST};

/// The most backslashes before a sign: that of a text that was written into another one five times.
const MOST_BACKSLASHES: usize = 64;
/// No spelling of a sign that breaks off is longer: `%25F0%259F%25A6%258`.
const LONGEST_BROKEN: usize = 24;
/// The character references that all writers of HTML know.
const NAMED: [(&str, char); 5] = [("amp", '&'), ("lt", '<'), ("gt", '>'), ("quot", '"'), ("apos", '\'')];

/// How many bytes of a text are a secret that it begins with, or the beginning of one behind which the text was cut.
pub(crate) fn length(text: &str, secret: &str, ends_cut: bool) -> Option<usize> {
    // A sign may be read in more than one way (a backslash, and a backslash behind another), so that all are followed.
    let (mut ends, mut cut) = (vec![0], None);
    for (known, sign) in secret.char_indices() {
        let rests = || ends.iter().filter_map(|end| Some((*end, text.get(*end..)?)));
        if known >= SHORTEST {
            let long = rests().filter(|(end, _)| *end >= SHORTEST);
            cut = cut.max(long.filter_map(|(end, rest)| Some(end + broken(rest, ends_cut)?)).max());
        }
        let further = |(end, rest)| spellings(rest, sign).into_iter().map(move |length| end + length);
        let mut next: Vec<usize> = rests().flat_map(further).collect();
        if is_dropped(sign) && is_long_without(secret) {
            next.extend(&ends);
        }
        if next.is_empty() {
            return cut;
        }
        next.sort_unstable();
        next.dedup();
        ends = next;
    }
    ends.last().copied()
}

/// Whether a parser of URLs leaves a sign out.
fn is_dropped(sign: char) -> bool {
    matches!(sign, '\t' | '\n' | '\r')
}

/// Whether what such a parser leaves of a secret is long enough to be looked for.
fn is_long_without(secret: &str) -> bool {
    secret.bytes().filter(|byte| !is_dropped(char::from(*byte))).nth(SHORTEST - 1).is_some()
}

/// How many bytes stand before the place where a text was cut, if that is here: those of a sign that was cut in two.
fn broken(rest: &str, ends_cut: bool) -> Option<usize> {
    // What is further behind is no sign that breaks off here.
    let near = rest.get(..rest.floor_char_boundary(LONGEST_BROKEN + CUT.len())).unwrap_or_default();
    let head = match near.find(CUT) {
        Some(at) => near.get(..at)?,
        None if ends_cut && near.len() == rest.len() => rest,
        None => return None,
    };
    let may_be_sign = |head: &str| {
        let escape = head.starts_with(['\\', '%', '&', char::REPLACEMENT_CHARACTER]);
        let goes_on = |c: char| c.is_ascii_alphanumeric() || "\\%&#;{\u{fffd}".contains(c);
        escape && head.len() <= LONGEST_BROKEN && head.chars().all(goes_on)
    };
    (head.is_empty() || may_be_sign(head)).then_some(head.len())
}

/// Whether a sign may begin the spelling of another one.
pub(crate) fn may_begin(sign: char) -> bool {
    matches!(sign, '+' | '%' | '&' | '\\')
}

/// Whether a text begins with a sign, however it is written.
pub(crate) fn is_sign(text: &str, sign: char) -> bool {
    !spellings(text, sign).is_empty()
}

/// The lengths of all spellings of a sign that the text begins with.
fn spellings(text: &str, sign: char) -> Vec<usize> {
    // The slash that a parser of URLs has made of a backslash is written like another one.
    let mut found = if sign == '\\' { spellings(text, '/') } else { Vec::new() };
    if text.starts_with(sign) {
        found.push(sign.len_utf8());
    }
    match text.as_bytes().first() {
        Some(b'+') if sign == ' ' => found.push(1),
        Some(b'%') => {
            found.extend(encoded(text, sign, percent));
            // The `+` of a form was encoded in its turn.
            found.extend(if sign == ' ' { percent(text, b'+') } else { vec![] });
        }
        Some(b'&') => found.extend(references(text, sign)),
        Some(b'\\') => {
            found.extend(escaped(text, sign));
            found.extend(encoded(text, sign, hexadecimal));
        }
        _ => {}
    }
    found
}

/// A sign behind backslashes, which double whenever a text is written into another one.
fn escaped(text: &str, sign: char) -> Vec<usize> {
    let run = text.bytes().take_while(|byte| *byte == b'\\').take(MOST_BACKSLASHES).count();
    let rest = text.get(run..).unwrap_or_default();
    let short = match sign {
        '\n' => 'n',
        '\r' => 'r',
        '\t' => 't',
        '\u{8}' => 'b',
        '\u{c}' => 'f',
        '\0' => '0',
        sign => sign,
    };
    let mut found: Vec<usize> = numbered(rest, sign).map(|length| run + length).into_iter().collect();
    if sign == '\\' {
        found.extend((1..=run.checked_ilog2().unwrap_or(0)).map(|doublings| 1 << doublings));
    } else if rest.starts_with(short) {
        found.push(run + short.len_utf8());
    }
    found
}

/// The length of `u00e9`, `ud83e\udd80`, `u{1f980}`, `U0001f980` or `xe9` at the beginning of a text, if that is the sign.
fn numbered(text: &str, sign: char) -> Option<usize> {
    let code = u32::from(sign);
    if let Some(digits) = text.strip_prefix("u{") {
        let (digits, _) = digits.split_once('}')?;
        return (number(digits, 16)? == code).then_some(digits.len() + 3);
    }
    let (kind, width) = match text.as_bytes().first()? {
        b'u' => ('u', 4),
        b'U' => ('U', 8),
        b'x' => ('x', 2),
        _ => return None,
    };
    let first = number(text.get(1..=width)?, 16)?;
    if first == code {
        return Some(width + 1);
    }
    let mut units = [0; 2];
    let pair = sign.encode_utf16(&mut units);
    let [high, low] = *pair else { return None };
    if kind != 'u' || first != u32::from(high) {
        return None;
    }
    let behind = text.get(5..)?;
    let run = behind.bytes().take_while(|byte| *byte == b'\\').take(MOST_BACKSLASHES).count();
    let second = behind.get(run..)?.strip_prefix('u')?;
    (number(second.get(..4)?, 16)? == u32::from(low)).then_some(10 + run)
}

/// A number in digits alone.
fn number(digits: &str, base: u32) -> Option<u32> {
    let all = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(base));
    all.then(|| u32::from_str_radix(digits, base).ok()).flatten()
}

/// The lengths of a sign whose bytes are encoded one by one.
fn encoded(text: &str, sign: char, byte: impl Fn(&str, u8) -> Vec<usize>) -> Vec<usize> {
    let mut ends = vec![0];
    for expected in sign.encode_utf8(&mut [0; 4]).bytes() {
        let behind = |end: usize| {
            let lengths = text.get(end..).map(|rest| byte(rest, expected)).unwrap_or_default();
            lengths.into_iter().map(move |length| end + length)
        };
        ends = ends.into_iter().flat_map(behind).collect();
    }
    ends
}

/// The lengths of `%2F`, and of what has been encoded again: `%252F`.
fn percent(text: &str, byte: u8) -> Vec<usize> {
    let mut found = Vec::new();
    let mut digits = text.strip_prefix('%');
    while let Some(rest) = digits {
        if rest.get(..2).and_then(|digits| number(digits, 16)) == Some(u32::from(byte)) {
            found.push(text.len() - rest.len() + 2);
        }
        digits = rest.strip_prefix("25");
    }
    found
}

/// The length of `\xc3`.
fn hexadecimal(text: &str, byte: u8) -> Vec<usize> {
    let rest = text.trim_start_matches('\\');
    let digits = rest.strip_prefix('x').and_then(|rest| rest.get(..2));
    let is_byte = digits.and_then(|digits| number(digits, 16)) == Some(u32::from(byte));
    if is_byte && rest.len() < text.len() { vec![text.len() - rest.len() + 3] } else { vec![] }
}

/// The lengths of `&#233;`, `&#xE9;` or `&amp;`, and of what has been written again: `&amp;#233;`.
fn references(text: &str, sign: char) -> Vec<usize> {
    let mut found = Vec::new();
    let mut rest = text.strip_prefix('&');
    while let Some((name, behind)) = rest.and_then(|rest| rest.split_once(';')) {
        let meant = match name.strip_prefix('#') {
            Some(digits) => match digits.strip_prefix(['x', 'X']) {
                Some(digits) => number(digits, 16).and_then(char::from_u32),
                None => number(digits, 10).and_then(char::from_u32),
            },
            None => NAMED.iter().find(|(known, _)| *known == name).map(|(_, sign)| *sign),
        };
        if meant == Some(sign) {
            found.push(text.len() - behind.len());
        }
        rest = (name == "amp").then_some(behind);
    }
    found
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use url::Url;
    use url::form_urlencoded::byte_serialize;

    use super::*;

    fn unquoted(text: &str) -> String {
        text.strip_prefix('"').and_then(|text| text.strip_suffix('"')).unwrap().to_owned()
    }

    #[test]
    fn all_spellings_are_known() {
        let secret = "t/é&'\"+ %\n🦀\\<=";
        for text in [
            secret,
            r#"t\/\u00e9&'\"+ %\n\ud83e\udd80\\<="#,
            r"t/\u00E9\u0026\u0027\u0022\u002b\u0020%\u000a\uD83E\uDD80\u005c\u003C\u003D",
            r#"t\/\\u00e9&'\\\"+ %\\n\\ud83e\\udd80\\\\<="#,
            r#"t/\u{e9}&\'\"+ %\n\u{1f980}\\<="#,
            r"t/\xe9&\x27\x22+ %\n\U0001f980\\<=",
            r#"t/\xc3\xa9&'"+ %\n\xf0\x9f\xa6\x80\\<="#,
            "t%2F%C3%A9%26%27%22%2B+%25%0A%F0%9F%A6%80%5C%3C%3D",
            "t/%c3%a9&'%22%2b%20%25%0a%f0%9f%a6%80%5c%3c=",
            "t%252F%25C3%25A9%2526%2527%2522%252B%2520%2525%250A%25F0%259F%25A6%2580%255C%253C%253D",
            "t/é&amp;&#39;&quot;+ %\n🦀\\&lt;=",
            "t&#x2F;&#233;&#38;&apos;&#34;&#43; %\n&#x1f980;&#x5C;&lt;&#x3D;",
            "t/é&amp;amp;&amp;#39;&amp;quot;+ %\n🦀\\&amp;lt;=",
        ] {
            assert_eq!(length(text, secret, false), Some(text.len()), "{text}");
            let cut = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            let longest =
                cut.filter(|at| length(text.get(..*at).unwrap(), secret, true).is_none()).max().unwrap();
            assert!(longest < 20, "{text}: {longest}");
        }
    }

    #[test]
    fn what_a_parser_of_urls_leaves_is_known() {
        for secret in ["CANab\\cd\\7171", "CANab\tcd\r\n7171", "a\tb\tcdé \\", "https:\\\\h/\tx"] {
            let url = Url::parse(&format!("http://h/st/{secret}z")).unwrap();
            let shown = url.as_str().strip_prefix("http://h/st/").unwrap();
            assert_eq!(length(shown, secret, false), Some(shown.len() - 1), "{shown}");
            let again: String = byte_serialize(shown.as_bytes()).collect();
            assert_eq!(length(&again, secret, false), Some(again.len() - 1), "{again}");
        }
        assert_eq!(length("CANab/c…", "CANab\\cd", false), Some("CANab/c".len()));
        // What is too short without them would be found in harmless words.
        assert_eq!(length("able", "a\t\t\tb", false), None);
        assert_eq!(length("a…", "a\t\t\tbcde", false), None);
        assert_eq!(length("ab\\cd", "ab/cd", false), None);
    }

    #[test]
    fn what_means_something_else_is_none() {
        for text in [
            "caé",
            r"ca\u00e8x",
            "ca&#232;x",
            "ca%C3%A8x",
            "ca\\",
            "ca%",
            "ca&",
            "ca&#233",
            r"ca\u00e",
            r"ca\u{e9",
            "",
        ] {
            assert_eq!(length(text, "caéx", false), None, "{text}");
        }
        assert_eq!(length(r"ca\ud83e\udd81", "ca🦀", false), None);
    }

    proptest! {
        #[test]
        fn every_secret_is_found_as_writers_of_json_and_urls_write_it(secret in "\\PC{4,12}", times in 1..4_usize) {
            let (mut json, mut url) = (secret.clone(), secret.clone());
            for _ in 0..times {
                json = unquoted(&serde_json::Value::from(json).to_string());
                url = byte_serialize(url.as_bytes()).collect();
            }
            for text in [secret.clone(), json, url, unquoted(&format!("{secret:?}"))] {
                prop_assert_eq!(length(&text, &secret, false), Some(text.len()), "{}", text);
            }
        }

        #[test]
        fn any_text_is_searched(text in "[\\PC\\\\%&;#xu0-9]{0,24}", secret in "[\\PC\\\\%&]{4,8}") {
            let found = length(&text, &secret, true);
            prop_assert!(found.is_none_or(|length| text.is_char_boundary(length)));
        }
    }
}
