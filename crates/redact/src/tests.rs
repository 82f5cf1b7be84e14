use super::*;

fn secrets(known: &[&str]) -> Secrets {
    let mut secrets = Secrets::default();
    known.iter().for_each(|secret| secrets.add(secret));
    secrets
}

#[test]
fn the_longest_of_known_secrets_is_left_out() {
    let secrets = secrets(&["canary", "canary-and-more", "abc", "one line\nanother line\n"]);
    assert_eq!(secrets.redact("x canary-and-more canary y abc"), "x *** *** y abc");
    assert_eq!(secrets.redact("> one line\n> another line, one line\\nanother line"), "> ***\n> ***, ***");
    assert_eq!(format!("{secrets:?}"), "Secrets(5)");
}

#[test]
fn many_blanks_may_be_written_as_one() {
    let secrets = secrets(&["CANARY7x\tCANARY8y", " one  two \u{a0}three\n", "a  b"]);
    let text = "/CANARY7x CANARY8y/ CANARY7x%09CANARY8y one two three one+two%20three a b a  b";
    assert_eq!(secrets.redact(text), "/***/ *** *** *** a b ***");
    assert_eq!(secrets.redact("CANARY7x…"), "***…");
}

#[test]
fn a_text_is_compared_with_the_secrets_that_begin_as_it_does() {
    let lines: String = (0..2_000).map(|line| format!("row-{line:05}\n")).collect();
    let secrets = secrets(&[&lines, "other", "+plus"]);
    let possible = |text: &str| secrets.possible(text, text.chars().next().unwrap()).count();
    assert_eq!((possible("ordinary"), possible("an"), possible("row")), (1, 0, 2_001));
    assert_eq!((possible("%6Fther"), possible("%61n"), possible("+plus"), possible("%2bplus")), (1, 0, 1, 1));
    assert_eq!(secrets.redact("an ordinary text, row-00042, row-x"), "an ordinary text, ***, row-x");
}

#[test]
fn beginnings_are_left_out_where_a_text_was_cut() {
    let secrets = secrets(&["canary-é/x"]);
    assert_eq!(secrets.redact("x cana… canary-\\u00… canary-%C3… y"), "x ***… ***… ***… y");
    assert_eq!(secrets.redact("x can… canar y canary-"), "x can… canar y canary-");
    for end in
        ["cana", "canary-", "canary-\u{fffd}", "canary-%c", r"canary-\u00e", "canary-&#xe", "canary-é\\"]
    {
        assert_eq!(secrets.redact_cut(&format!("it is {end}")), "it is ***", "{end}");
    }
    assert_eq!(secrets.redact_cut("canary x can"), "canary x can");
}
