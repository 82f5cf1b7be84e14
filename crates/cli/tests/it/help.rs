//! What the program says of itself.

use crate::support::Folder;

const COMMANDS: [&str; 12] = [
    "run",
    "sql",
    "tables",
    "show",
    "history",
    "schema",
    "state",
    "info",
    "check",
    "init",
    "clean",
    "completions",
];

#[test]
fn every_command_teaches_with_an_example() {
    let folder = Folder::new();
    let all = folder.ok(["--help"]);
    for command in COMMANDS {
        assert!(all.contains(&format!("\n  {command}")), "{command} is listed");
        for flag in ["--help", "-h"] {
            let help = folder.ok([command, flag]);
            let last = help.trim_end().lines().next_back().unwrap();
            assert!(last.starts_with("  stitchwork "), "{command}: {last}");
        }
    }
    for code in ["0 ", "1 ", "2 ", "3 ", "4 ", "130"] {
        assert!(all.contains(&format!("\n  {code}")), "{code} is documented");
    }
}

#[test]
fn help_has_no_colours_unless_it_is_for_a_terminal() {
    let folder = Folder::new();
    assert!(!folder.ok(["--help"]).contains('\u{1b}'));
}

#[test]
fn completions_of_each_shell() {
    let folder = Folder::new();
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let text = folder.ok(["completions", shell]);
        assert!(text.contains("stitchwork") && text.contains("history"), "{shell}");
    }
}

#[test]
fn the_schema_of_project_files_is_json_schema() {
    let schema: serde_json::Value = serde_json::from_str(&Folder::new().ok(["schema"])).unwrap();
    assert!(schema["properties"]["pipelines"].is_object());
}

#[test]
fn info_lists_what_the_build_has() {
    let folder = Folder::new();
    let text = folder.ok(["info", "-o", "csv"]);
    for line in [
        "logs,\"delta, files, iceberg\"",
        "catalogs,",
        "formats,\"avro, csv, ipc, json, parquet\"",
        "engines,",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
    assert!(text.contains(&format!("version,{}", env!("CARGO_PKG_VERSION"))));
}
