//! `cargo xtask new <role> <name> [--path DIR]`: the beginning of a connector, which compiles and keeps its contract.
//!
//! Roles without a beginning are named as well, with the reason and what to do instead.
//!
//! What it writes is code that the tests run anyway (the connector from outside, the catalog in memory, the log of
//! the testkit) under new names: an example to change from its first working state on, never a page of holes.

mod names;

use std::fs;
use std::path::{Path, PathBuf};

use crate::workspace::Workspace;
use crate::{Outcome, asks_for_help};

/// A kind of connector.
struct Role {
    name: &'static str,
    about: &'static str,
    /// Where each file goes, and what it is made from.
    files: &'static [(&'static str, &'static str)],
    /// The names in those files that become the connector's own: `Name`, `name` and `role-name` stand for its.
    renames: &'static [(&'static str, &'static str)],
    dependencies: &'static [&'static str],
    dev_dependencies: &'static [&'static str],
}

const SOURCE_TESTS: &str = include_str!("../../examples/third-party-connector/tests/source.rs");
const FORMAT_TESTS: &str = include_str!("../../examples/third-party-connector/tests/format.rs");
const CATALOG_TESTS: &str = include_str!("../../crates/catalog-memory/tests/conformance.rs");

const ROLES: [Role; 4] = [
    Role {
        name: "source",
        about: "the lines of a file that grows",
        files: &[
            ("src/tail.rs", include_str!("../../examples/third-party-connector/src/tail.rs")),
            ("src/lib.rs", include_str!("../templates/source.rs")),
            ("tests/conformance.rs", SOURCE_TESTS),
        ],
        renames: &[
            ("\"tail\"", "\"name\""),
            ("tail://", "name://"),
            ("Tail", "Name"),
            ("tail", "name"),
            ("third_party_connector", "role_name"),
        ],
        dependencies: &["async-trait", "futures", "serde_json"],
        dev_dependencies: &["tempfile"],
    },
    Role {
        name: "format",
        about: "lines of JSON arrays under a line of typed columns",
        files: &[
            ("src/typed_rows.rs", include_str!("../../examples/third-party-connector/src/typed_rows.rs")),
            ("src/lib.rs", include_str!("../templates/format.rs")),
            ("tests/conformance.rs", FORMAT_TESTS),
        ],
        renames: &[
            ("TypedRows", "Name"),
            ("typed_rows", "name"),
            ("typed-rows", "name"),
            ("\"rows\"", "\"name\""),
            ("third_party_connector", "role_name"),
        ],
        dependencies: &["async-trait", "serde_json"],
        dev_dependencies: &[],
    },
    Role {
        name: "catalog",
        about: "names in memory",
        files: &[
            ("src/catalog.rs", include_str!("../../crates/catalog-memory/src/catalog.rs")),
            ("src/register.rs", include_str!("../../crates/catalog-memory/src/register.rs")),
            ("src/state.rs", include_str!("../../crates/catalog-memory/src/state.rs")),
            ("src/lib.rs", include_str!("../../crates/catalog-memory/src/lib.rs")),
            ("tests/conformance.rs", CATALOG_TESTS),
        ],
        renames: &[
            ("MemoryCatalog", "NameCatalog"),
            ("stitchwork_catalog_memory", "role_name"),
            ("\"memory\"", "\"name\""),
            ("`memory:", "`name:"),
        ],
        dependencies: &["async-trait", "futures", "parking_lot"],
        dev_dependencies: &[],
    },
    Role {
        name: "log",
        about: "versions of a table in memory",
        files: &[
            ("src/memory_log.rs", include_str!("../../crates/testkit/src/memory_log.rs")),
            ("src/memory_log/commit.rs", include_str!("../../crates/testkit/src/memory_log/commit.rs")),
            ("src/memory_log/snapshot.rs", include_str!("../../crates/testkit/src/memory_log/snapshot.rs")),
            ("src/lib.rs", include_str!("../templates/log.rs")),
            ("tests/conformance.rs", include_str!("../templates/log_conformance.rs")),
        ],
        renames: &[
            ("MemoryLog", "NameLog"),
            ("MemorySnapshot", "NameSnapshot"),
            ("memory_log", "name"),
            ("memory-log", "name"),
        ],
        dependencies: &["arrow-schema", "async-trait", "futures", "parking_lot"],
        dev_dependencies: &[],
    },
];

/// The roles that are not begun this way: why, and what to do instead.
const OTHERS: [(&str, &str); 2] = [
    (
        "engine",
        "the smallest engine that keeps the contract reads SQL, which no skeleton does in a page. A database that has \
         an ADBC driver needs no engine of its own: it is a profile and a dialect in crates/engine-adbc. Any other one \
         begins with `impl stitchwork_core::Engine`, beside crates/engine-datafusion as the example, and with the test \
         `stitchwork_testkit::engine::run`, which says clause by clause what is left to do",
    ),
    (
        "store",
        "a store is no trait of ours: implement `object_store::ObjectStore`, or take an implementation that there is, \
         and give it to `Stores::register` under its scheme, in `stitchwork_stores::guarded` where its conditional puts \
         are to be proved. `cargo xtask conform store --url scheme://…` tries what formats and logs ask of it, once its \
         scheme is registered in tests/support/bin/conform.rs",
    ),
];

/// What the verb takes.
fn usage() -> String {
    let mut text = String::from("usage: cargo xtask new <role> <name> [--path DIR]\n\nroles:\n");
    for role in &ROLES {
        text.push_str(&format!("  {:<9}begins as {}\n", role.name, role.about));
    }
    text.push_str("\nnot begun this way:\n");
    for (name, why) in OTHERS {
        text.push_str(&format!("  {name:<9}{why}\n"));
    }
    text.push_str("\nWithout --path it becomes a crate of this workspace, with it a workspace of its own.");
    text
}

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    if asks_for_help(args) {
        println!("{}", usage());
        return Ok(());
    }
    let (role, name, path) = match args {
        [role, ..] if OTHERS.iter().any(|(other, _)| other == role) => return Err(no_beginning(role)),
        [role, name] => (role, name, None),
        [role, name, flag, path] if flag == "--path" => (role, name, Some(Path::new(path))),
        _ => return Err(usage()),
    };
    let folder = create(workspace, role, name, path)?;
    let (place, test) = match path {
        None => (format!("crates/{role}-{name}"), format!("cargo xtask conform {role}-{name}")),
        Some(_) => (folder.display().to_string(), format!("cd {} && cargo test", shell_word(&folder))),
    };
    println!("made {place}: it works, and keeps the contract of a {role}; make it yours");
    println!("  next: {test}");
    if path.is_none() {
        println!("  and name it in ARCHITECTURE.md, which `cargo xtask tidy` compares with the crates");
    }
    Ok(())
}

/// Why a role has no beginning here.
fn no_beginning(role: &str) -> String {
    match OTHERS.iter().find(|(other, _)| *other == role) {
        Some((_, why)) => format!("no {role} is begun this way: {why}"),
        None => format!("no role {role:?} to begin with; the roles are {}", roles()),
    }
}

/// Every role with what its connector is at first.
fn roles() -> String {
    ROLES.iter().map(|role| format!("{} ({})", role.name, role.about)).collect::<Vec<_>>().join(", ")
}

/// The names of the roles, for the tests of what is made.
pub(crate) fn role_names() -> Vec<&'static str> {
    ROLES.iter().map(|role| role.name).collect()
}

/// Writes the crate, and says where it lies.
pub(crate) fn create(workspace: &Workspace, role: &str, name: &str, path: Option<&Path>) -> Outcome<PathBuf> {
    let Some(role) = ROLES.iter().find(|known| known.name == role) else {
        return Err(no_beginning(role));
    };
    names::check(role, name)?;
    let package = format!("{}-{name}", role.name);
    let folder = path.map_or_else(|| workspace.root.join("crates").join(&package), Path::to_owned);
    let manifest = match path {
        None => inside(role, &package),
        Some(_) => outside(workspace, role, &package)?,
    };
    let mut files =
        vec![("Cargo.toml".to_owned(), manifest), ("README.md".to_owned(), readme(role, name, &package))];
    files.extend(role.files.iter().map(|(file, text)| (rename(role, name, file), rename(role, name, text))));
    let taken = taken(&folder, files.iter().map(|(file, _)| Path::new(file)));
    if !taken.is_empty() {
        return Err(format!(
            "{} holds {} already, so nothing was written; choose another name or place",
            folder.display(),
            taken.join(", ")
        ));
    }
    for (file, text) in &files {
        write(&folder.join(file), text)?;
    }
    Ok(folder)
}

/// What lies where the files of a new crate go: the files themselves, and what is a file where a folder would be.
fn taken<'a>(folder: &Path, files: impl Iterator<Item = &'a Path>) -> Vec<String> {
    let mut found = vec![];
    for file in files {
        let parts = file.ancestors().take_while(|part| !part.as_os_str().is_empty());
        let in_the_way = parts.filter(|part| match fs::symlink_metadata(folder.join(part)) {
            Ok(_) => *part == file || !folder.join(part).is_dir(),
            Err(_) => false,
        });
        for part in in_the_way.map(|part| part.display().to_string()) {
            if !found.contains(&part) {
                found.push(part);
            }
        }
    }
    found
}

/// A path as one word of a shell: in quotes where it has anything but letters, digits and what paths usually have.
fn shell_word(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |c: char| c.is_alphanumeric() || "/\\:._-+@".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `some-api` as a type: `SomeApi`.
fn type_name(name: &str) -> String {
    let capital = |word: &str| {
        let mut chars = word.chars();
        chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str())
    };
    name.split('-').filter_map(capital).collect()
}

/// The text with the example's names replaced by the connector's.
fn rename(role: &Role, name: &str, text: &str) -> String {
    let module = name.replace('-', "_");
    let package = format!("{}_{module}", role.name);
    role.renames.iter().fold(text.to_owned(), |text, (from, to)| {
        let to = if to.contains("role_name") {
            to.replace("role_name", &package)
        } else if from.contains(['-', '"', ':']) {
            to.replace("name", name)
        } else {
            to.replace("Name", &type_name(name)).replace("name", &module)
        };
        text.replace(from, &to)
    })
}

fn readme(role: &Role, name: &str, package: &str) -> String {
    let Role { name: role, about, .. } = role;
    format!(
        "# {package}\n\nThe {role} `{name}`. As made, it is {about}: change it step by step, with its conformance test\n\
         (`tests/conformance.rs`) beside you.\n"
    )
}

/// A crate of this workspace.
fn inside(role: &Role, package: &str) -> String {
    let lines = |names: &[&str]| names.iter().map(|n| format!("{n}.workspace = true\n")).collect::<String>();
    format!(
        "[package]\nname = \"{package}\"\ndescription = \"The {} of {package}.\"\nversion.workspace = true\n\
         edition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
         publish.workspace = true\n\n[dependencies]\nstitchwork-core.workspace = true\n{}\n[dev-dependencies]\n\
         stitchwork-testkit.workspace = true\n{}\n[[test]]\nname = \"conformance\"\nharness = false\n\n\
         [lints]\nworkspace = true\n",
        role.name,
        lines(role.dependencies),
        lines(role.dev_dependencies)
    )
}

/// A workspace of its own that names core and testkit by their paths, and all else in our versions.
fn outside(workspace: &Workspace, role: &Role, package: &str) -> Outcome<String> {
    let root = workspace.root.join("Cargo.toml");
    let text = fs::read_to_string(&root).map_err(|e| format!("{} cannot be read: {e}", root.display()))?;
    let lines = |names: &[&str]| -> Outcome<String> {
        let line = |name: &&str| {
            let start = format!("{name} = ");
            let found = text.lines().find(|line| line.starts_with(&start));
            found.map(|line| format!("{line}\n")).ok_or_else(|| format!("{} names no {name}", root.display()))
        };
        names.iter().map(line).collect()
    };
    let ours = |name: &str| {
        let path = workspace.root.join("crates").join(name);
        format!("stitchwork-{name} = {{ path = {:?} }}\n", path.display().to_string())
    };
    Ok(format!(
        "[workspace]\n\n[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n\
         publish = false\n\n[dependencies]\n{}{}\n[dev-dependencies]\n{}{}\n[[test]]\nname = \"conformance\"\n\
         harness = false\n\n[profile.dev]\ndebug = \"line-tables-only\"\n",
        ours("core"),
        lines(role.dependencies)?,
        ours("testkit"),
        lines(role.dev_dependencies)?
    ))
}

fn write(path: &Path, text: &str) -> Outcome {
    let folder = path.parent().ok_or_else(|| format!("{} has no folder", path.display()))?;
    fs::create_dir_all(folder).map_err(|e| format!("{} cannot be made: {e}", folder.display()))?;
    fs::write(path, text).map_err(|e| format!("{} cannot be written: {e}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_types_modules_and_schemes() {
        assert_eq!(type_name("some-api2"), "SomeApi2");
        let format = &ROLES[1];
        let text =
            "pub struct TypedRows; mod typed_rows; \"typed-rows\"; &[\"rows\"]; third_party_connector::x";
        let want = "pub struct SomeApi; mod some_api; \"some-api\"; &[\"some-api\"]; format_some_api::x";
        assert_eq!(rename(format, "some-api", text), want);
    }

    #[test]
    fn a_folder_keeps_the_files_that_it_has() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").canonicalize().unwrap();
        let here = Workspace { root };
        let folder = std::env::temp_dir().join(format!("stitchwork-new-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        let make = || create(&here, "source", "my-notes", Some(&folder));
        fs::create_dir_all(folder.join("src")).unwrap();
        fs::write(folder.join("README.md"), "mine").unwrap();
        fs::write(folder.join("src/lib.rs"), "// mine").unwrap();
        // A file where a folder would be.
        fs::write(folder.join("tests"), "mine").unwrap();
        let error = make().unwrap_err();
        assert!(error.contains("README.md, src/lib.rs, tests already"), "{error}");
        let left = |file: &str| fs::read_to_string(folder.join(file)).unwrap();
        assert_eq!((left("README.md"), left("src/lib.rs")), ("mine".to_owned(), "// mine".to_owned()));
        assert!(!folder.join("Cargo.toml").exists() && !folder.join("src/my_notes.rs").exists());
        // Files of other names may stay: the folder of a new repository has some.
        for file in ["README.md", "src/lib.rs", "tests"] {
            fs::rename(folder.join(file), folder.join(format!("{file}.old"))).unwrap();
        }
        make().unwrap();
        assert!(make().unwrap_err().contains("holds Cargo.toml, README.md"));
        assert_eq!(left("README.md.old"), "mine");
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_path_is_one_word_of_a_shell() {
        assert_eq!(shell_word(Path::new("../a/b-1.x")), "../a/b-1.x");
        assert_eq!(shell_word(Path::new("/my crates/it's")), r"'/my crates/it'\''s'");
    }

    #[test]
    fn a_role_without_a_beginning_is_explained() {
        for (role, instead) in [("engine", "crates/engine-adbc"), ("store", "Stores::register")] {
            let here = Workspace { root: PathBuf::new() };
            let error = run(&here, &[role.to_owned(), "mine".to_owned()]).unwrap_err();
            assert!(error.contains(instead), "{error}");
            assert!(usage().contains(instead));
        }
        assert!(no_beginning("sink").contains("source"));
    }
}
