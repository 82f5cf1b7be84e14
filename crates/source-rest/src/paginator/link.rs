//! The `Link` header (RFC 8288).

/// The target of the first link with this relation.
pub(super) fn find(headers: &[String], rel: &str) -> Option<String> {
    headers.iter().find_map(|header| find_in(header, rel))
}

fn find_in(header: &str, rel: &str) -> Option<String> {
    let mut rest = header;
    loop {
        // A target may hold commas and semicolons, so it is taken out before anything is split.
        let (_, after) = rest.split_once('<')?;
        let (target, params) = after.split_once('>')?;
        let (params, next) = params_end(params);
        let param = |wanted: &str| params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let is_it = param("rel").is_some_and(|(_, value)| has_word(value, rel));
        // Sentry has a next page always, and says that there is nothing on it.
        let leads_nowhere = param("results").is_some_and(|(_, value)| value.eq_ignore_ascii_case("false"));
        if is_it && !leads_nowhere {
            return Some(target.trim().to_owned());
        }
        rest = next;
    }
}

/// A `rel` may hold several relations.
fn has_word(value: &str, rel: &str) -> bool {
    value.split_ascii_whitespace().any(|word| word.eq_ignore_ascii_case(rel))
}

/// The parameters of a link and what follows after its comma.
fn params_end(text: &str) -> (Vec<(String, String)>, &str) {
    let mut params = vec![];
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches([' ', '\t', ';']);
        if let Some(next) = rest.strip_prefix(',') {
            return (params, next);
        }
        if rest.is_empty() {
            return (params, rest);
        }
        let end = rest.find(['=', ';', ',']).unwrap_or(rest.len());
        let (name, after) = rest.split_at(end);
        let Some(value) = after.strip_prefix('=') else {
            rest = after;
            continue;
        };
        let value = value.trim_start();
        if let Some(quoted) = value.strip_prefix('"') {
            let (value, after) = unquote(quoted);
            params.push((name.trim().to_owned(), value));
            rest = after;
        } else {
            let (value, after) = value.split_at(value.find([';', ',']).unwrap_or(value.len()));
            params.push((name.trim().to_owned(), value.trim().to_owned()));
            rest = after;
        }
    }
}

/// A quoted string from behind its first quote, and what follows its last one.
fn unquote(text: &str) -> (String, &str) {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((place, c)) = chars.next() {
        match c {
            '"' => return (value, text.get(place + 1..).unwrap_or_default()),
            '\\' => value.extend(chars.next().map(|(_, c)| c)),
            c => value.push(c),
        }
    }
    (value, "")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_by_relation() {
        let header = r#"<http://h/a?x=1,2;3>; rel="prev first"; title="a \"b\", <c>", </b>;rel=next , <c>; rel="last""#;
        let link = |rel: &str| find(&[header.to_owned()], rel);
        assert_eq!(link("next").as_deref(), Some("/b"));
        assert_eq!(link("first").as_deref(), Some("http://h/a?x=1,2;3"));
        assert_eq!(link("LAST").as_deref(), Some("c"));
        assert_eq!(link("nex"), None);
        assert_eq!(find(&["<a>; rel=prev".into(), "<b>; rel=next".into()], "next").as_deref(), Some("b"));
        let sentry = |results: &str| find(&[format!("<a>; rel=\"next\"; results=\"{results}\"")], "next");
        assert_eq!((sentry("true").as_deref(), sentry("false")), (Some("a"), None));
        for odd in ["", "<", "<a", "a; rel=next", "<a>; rel=\"next", "<a>; rel", ";;,,=", "<a>;=;rel=,"] {
            let _ = find(&[odd.to_owned()], "next");
        }
    }
}
