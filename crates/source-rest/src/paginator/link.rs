//! The `Link` header (RFC 8288).

/// The target of the first link with this relation.
pub(super) fn find(headers: &[String], rel: &str) -> Option<String> {
    of_relation(headers, rel).find(|(_, has_rows)| *has_rows).map(|(target, _)| target.to_owned())
}

/// Whether all links with this relation say that there is nothing behind them, as Sentry's last page has it.
pub(super) fn leads_nowhere(headers: &[String], rel: &str) -> bool {
    of_relation(headers, rel).next().is_some() && find(headers, rel).is_none()
}

/// The targets of the links with this relation, and whether there may be rows: Sentry has a next page always, and says
/// that there is nothing on it.
fn of_relation<'a>(headers: &'a [String], rel: &'a str) -> impl Iterator<Item = (&'a str, bool)> {
    headers.iter().flat_map(|header| links(header)).filter_map(move |(target, params)| {
        let param = |wanted: &str| params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
        let is_it = param("rel").is_some_and(|(_, value)| has_word(value, rel));
        let is_empty = param("results").is_some_and(|(_, value)| value.eq_ignore_ascii_case("false"));
        is_it.then_some((target, !is_empty))
    })
}

/// The targets of all links of a header with their parameters.
fn links(header: &str) -> impl Iterator<Item = (&str, Vec<(String, String)>)> {
    let mut rest = header;
    std::iter::from_fn(move || {
        // A target may hold commas and semicolons, so it is taken out before anything is split.
        let (_, after) = rest.split_once('<')?;
        let (target, params) = after.split_once('>')?;
        let (params, next) = params_end(params);
        rest = next;
        Some((target.trim(), params))
    })
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
        let nowhere = |header: &str| leads_nowhere(&[header.to_owned()], "next");
        assert!(
            nowhere("<a>; rel=next; results=false") && !nowhere("<a>; rel=next") && !nowhere("<a>; rel=prev")
        );
        for odd in ["", "<", "<a", "a; rel=next", "<a>; rel=\"next", "<a>; rel", ";;,,=", "<a>;=;rel=,"] {
            let _ = find(&[odd.to_owned()], "next");
        }
    }
}
