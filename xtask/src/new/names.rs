//! Which names a connector can have: they become crates, schemes, modules and types, in code that has names already.

use crate::Outcome;

use super::{OTHERS, ROLES, Role, type_name};

/// Rust's words, those that are kept for later among them.
const KEYWORDS: [&str; 52] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield", "union",
];

/// Files and crates that Rust itself gives a meaning to.
const TAKEN: [&str; 7] = ["alloc", "bin", "core", "lib", "main", "std", "test"];

/// Types that are in every file, whether it names them or not.
const PRELUDE: [&str; 22] = [
    "Box", "Clone", "Copy", "Debug", "Default", "Drop", "Eq", "Err", "From", "Into", "Iterator", "None",
    "Ok", "Option", "Ord", "Pin", "Result", "Send", "Some", "String", "Sync", "Vec",
];

/// Refuses what is no name, and what would not compile in the place of the example's names.
pub(super) fn check(role: &Role, name: &str) -> Outcome {
    let word = |part: &str| {
        part.starts_with(|c: char| c.is_ascii_lowercase())
            && part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit())
    };
    if !name.split('-').all(word) {
        return Err(format!(
            "{name:?} is no name for a crate: lower case words of letters and digits, joined by `-`"
        ));
    }
    if KEYWORDS.contains(&name) || TAKEN.contains(&name) {
        return Err(format!(
            "{name:?} is a word of Rust, of which no module can be made; take a longer name: my-{name}"
        ));
    }
    if PRELUDE.contains(&type_name(name).as_str()) {
        return Err(format!(
            "{name:?} would become the type {}, which Rust has; take a longer name: my-{name}",
            type_name(name)
        ));
    }
    if ROLES.iter().any(|role| role.name == name) || OTHERS.iter().any(|(other, _)| *other == name) {
        return Err(format!(
            "{name:?} is a role, and says nothing of which {} it is; take the name of what it speaks to",
            role.name
        ));
    }
    let module = name.replace('-', "_");
    let crates =
        [["stitchwork-core", "stitchwork-testkit"].as_slice(), role.dependencies, role.dev_dependencies];
    if crates.concat().iter().any(|dependency| dependency.replace('-', "_") == module) {
        return Err(format!(
            "{name:?} is a crate that every {} begins with, which a module of this name would hide; take a longer \
             name: my-{name}",
            role.name
        ));
    }
    match collision(role, name) {
        None => Ok(()),
        Some(taken) => Err(format!(
            "{name:?} would become {taken:?}, which the code that a {} begins with has for something else; take a \
             longer name, my-{name}, and rename it when that code is gone",
            role.name
        )),
    }
}

/// A name of the code that one of the example's names would become.
fn collision(role: &Role, name: &str) -> Option<String> {
    let code = role
        .files
        .iter()
        .flat_map(|(_, text)| text.lines())
        .filter(|line| !line.trim_start().starts_with("//"));
    let words: Vec<&str> =
        code.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')).collect();
    let renamed = |word: &str| super::rename(role, name, word);
    let new = words.iter().map(|word| (renamed(word), *word)).filter(|(new, word)| new != word);
    new.map(|(new, _)| new).find(|new| words.contains(&new.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::new::ROLES;

    fn role(name: &str) -> &'static Role {
        ROLES.iter().find(|role| role.name == name).unwrap()
    }

    #[test]
    fn names_that_are_no_crates_are_refused() {
        for role in &ROLES {
            for name in ["", "Api", "some_api", "-api", "api-", "../api", "2api", "a b"] {
                assert!(check(role, name).is_err(), "{name:?}");
            }
            check(role, "some-api2").unwrap();
        }
    }

    #[test]
    fn words_of_rust_are_refused() {
        for role in &ROLES {
            for name in
                ["match", "type", "self", "crate", "dyn", "async", "gen", "lib", "core", "box", "option"]
            {
                let error = check(role, name).unwrap_err();
                assert!(error.contains(&format!("my-{name}")), "{error}");
                check(role, &format!("my-{name}")).unwrap();
            }
        }
    }

    #[test]
    fn roles_and_crates_are_no_names() {
        for role in &ROLES {
            for name in ["source", "format", "catalog", "log", "engine", "store"] {
                let error = check(role, name).unwrap_err();
                assert!(error.contains(&format!("which {} it is", role.name)), "{error}");
            }
            for name in ["async-trait", "futures", "stitchwork-core"]
                .into_iter()
                .filter(|name| role.dependencies.contains(name) || name.starts_with("stitchwork"))
            {
                assert!(check(role, name).unwrap_err().contains("is a crate"), "{name}");
            }
        }
    }

    #[test]
    fn names_of_the_code_itself_are_refused() {
        for (kind, names) in [
            // A type that is imported, and a variable beside the one that is renamed.
            ("source", ["rows", "line", "reader"]),
            ("format", ["object", "schema", "field"]),
        ] {
            for name in names {
                assert!(check(role(kind), name).unwrap_err().contains("something else"), "{kind} {name}");
            }
        }
        for (kind, name) in
            [("source", "github"), ("format", "fixed-width"), ("catalog", "rows"), ("log", "hudi")]
        {
            check(role(kind), name).unwrap();
        }
    }
}
