//! The prompt, and what else is for terminals alone, driven through one.

use std::time::Duration;

use rexpect::process::WaitStatus;
use rexpect::reader::Options;
use rexpect::session::{PtySession, spawn_with_options};

use crate::support::{Folder, Page};

/// How long the program may take to answer, in milliseconds. It is a debug build, and machines are busy.
const PATIENCE: u64 = 60_000;

#[test]
fn a_bar_moves_on_a_terminal_alone() {
    let folder = Folder::new();
    // Long enough for the bar to be drawn.
    let server = Page::slow(r#"[{"id":1}]"#, Duration::from_millis(800));
    let project = |location: &str| {
        let source = format!("{{type: rest, base_url: \"{}\", streams: [{{name: people}}]}}", server.url());
        format!(
            "pipelines: {{copy: {{source: {source}, destination: {{log: delta, location: {location}}}}}}}"
        )
    };
    folder.write("piped.yaml", &project("piped"));
    let piped = folder.run(["run", "piped.yaml"]);
    assert!(piped.code == 0 && !piped.stderr.contains(['\r', '\u{1b}']), "{piped:?}");
    assert!(!piped.stderr.contains("starting"), "{piped:?}");

    let on_terminal = |args: &[&str]| {
        let mut command = folder.command(args);
        command.env("TERM", "xterm").stdin(std::process::Stdio::inherit());
        let options = Options::new().timeout_ms(Some(PATIENCE)).strip_ansi_escape_codes(false);
        spawn_with_options(command, options).unwrap().exp_eof().unwrap()
    };
    folder.write("shown.yaml", &project("shown"));
    let shown = on_terminal(&["run", "shown.yaml"]);
    assert!(shown.contains("copy: starting"), "{shown:?}");
    folder.write("quiet.yaml", &project("quiet"));
    let quiet = on_terminal(&["run", "quiet.yaml", "--quiet"]);
    assert!(!quiet.contains("starting"), "{quiet:?}");
}

struct Terminal(PtySession);

impl Terminal {
    fn start(folder: &Folder, colour: bool) -> Self {
        let mut command = folder.command(["sql"]);
        command.env("TERM", "xterm").env("STITCHWORK_HISTORY", folder.path().join("history"));
        command.env("TEAM", "platypus");
        if !colour {
            command.env("NO_COLOR", "1");
        }
        // The terminal is stdin now.
        command.stdin(std::process::Stdio::inherit());
        let options = Options::new().timeout_ms(Some(PATIENCE)).strip_ansi_escape_codes(false);
        let mut terminal = Self(spawn_with_options(command, options).unwrap());
        terminal.sees("stitchwork> ");
        terminal
    }

    fn sees(&mut self, text: &str) -> String {
        self.0.exp_string(text).expect(text)
    }

    fn types(&mut self, text: &str) {
        self.0.send(text).unwrap();
        self.0.flush().unwrap();
    }

    fn ends(mut self) {
        self.0.send_control('d').unwrap();
        self.0.exp_eof().unwrap();
        assert!(matches!(self.0.process_mut().wait().unwrap(), WaitStatus::Exited(_, 0)));
    }
}

#[test]
fn statements_of_several_lines_errors_and_commands() {
    let folder = Folder::new().people();
    let mut terminal = Terminal::start(&folder, false);
    terminal.types("select name\r");
    terminal.types("from 'data/people.csv' where id = 2;\r");
    terminal.sees("| Grace |");
    terminal.sees("1 row, ");
    terminal.sees("stitchwork> ");
    terminal.types("select nothing;\r");
    terminal.sees("error: ");
    terminal.sees("stitchwork> ");
    terminal.types(".output csv\r");
    terminal.sees("stitchwork> ");
    terminal.types(".schema data/people.csv\r");
    terminal.sees("born,Int64,true");
    terminal.sees("stitchwork> ");
    terminal.types(".nothing\r");
    terminal.sees("there is no command .nothing");
    terminal.sees("stitchwork> ");
    terminal.ends();
}

#[test]
fn completion_knows_keywords_columns_and_paths() {
    let folder = Folder::new().people();
    let mut terminal = Terminal::start(&folder, false);
    terminal.types("sele\t");
    terminal.sees("select");
    terminal.types(" name from 'data/peo\t");
    terminal.sees("people.");
    terminal.types("csv' where bo\t");
    terminal.sees("born");
    terminal.types(" = 1815;\r");
    terminal.sees("| Ada  |");
    terminal.sees("stitchwork> ");
    terminal.ends();
}

#[test]
fn the_history_outlives_the_program_and_keeps_no_secrets() {
    let folder = Folder::new();
    // What a source is sent may be an ordinary word.
    let sent = "{name: s, params: {of: \"${env:TEAM}\"}}";
    folder.write(
        "stitchwork.yaml",
        &format!("pipelines: {{p: {{source: {{type: rest, base_url: \"http://h\", streams: [{sent}]}}, destination: {{log: delta, location: d}}}}}}"),
    );
    let mut terminal = Terminal::start(&folder, false);
    for value in ["=> 'canary'", "=> f('canary')", "= $$canary$$", "'canary'"] {
        terminal.types(&format!("select * from csv('x.csv', SECRET {value});\r"));
        terminal.sees("error: ");
        terminal.sees("stitchwork> ");
    }
    terminal.types("select 40 + 2 as answer, 'platypus' as team;\r");
    terminal.sees("42");
    terminal.sees("stitchwork> ");
    terminal.types(" select 'not kept';\r");
    terminal.sees("| not kept");
    terminal.sees("stitchwork> ");
    terminal.types("select 'https://me:canary@host' as url;\r");
    terminal.sees("1 row");
    terminal.sees("stitchwork> ");
    terminal.ends();
    let kept = std::fs::read_to_string(folder.path().join("history")).unwrap();
    assert!(
        kept.contains("select 40 + 2 as answer, 'platypus' as team;") && kept.contains("https://***@host"),
        "{kept}"
    );
    assert!(!kept.contains("not kept") && !kept.contains("canary"), "{kept}");
    let mut terminal = Terminal::start(&folder, false);
    // Twice up is the first statement.
    terminal.types("\u{1b}[A\u{1b}[A");
    terminal.sees("select 40 + 2 as answer, 'platypus' as team;");
    terminal.types("\r");
    terminal.sees("42");
    terminal.sees("stitchwork> ");
    terminal.ends();
}

#[test]
fn ctrl_c_takes_back_a_line_and_ends_a_query() {
    let folder = Folder::new();
    let mut terminal = Terminal::start(&folder, false);
    terminal.types("select 'half");
    terminal.sees("half");
    terminal.0.send_control('c').unwrap();
    terminal.sees("stitchwork> ");
    terminal.types("select count(*) from generate_series(1, 9000000000000);\r");
    std::thread::sleep(Duration::from_millis(1500));
    terminal.0.send_control('c').unwrap();
    terminal.sees("interrupted");
    terminal.sees("stitchwork> ");
    terminal.types("select 1 as still_here;\r");
    terminal.sees("still_here");
    terminal.sees("stitchwork> ");
    terminal.ends();
}

#[test]
fn ctrl_c_twice_leaves_a_query_that_only_computes() {
    let folder = Folder::new();
    let mut terminal = Terminal::start(&folder, false);
    terminal.types(&format!("{};\r", crate::ends::BUSY));
    std::thread::sleep(Duration::from_secs(4));
    terminal.0.send_control('c').unwrap();
    // Where a worker is left over, the first one is enough.
    let (_, told) = terminal.0.exp_regex("interrupted|once more leaves the program").unwrap();
    if told == "interrupted" {
        terminal.sees("stitchwork> ");
        return terminal.ends();
    }
    terminal.0.send_control('c').unwrap();
    terminal.sees("interrupted");
    terminal.0.exp_eof().unwrap();
    assert!(matches!(terminal.0.process_mut().wait().unwrap(), WaitStatus::Exited(_, 130)));
}

#[test]
fn colours_are_for_terminals_that_want_them() {
    let folder = Folder::new();
    for colour in [true, false] {
        let mut terminal = Terminal::start(&folder, colour);
        terminal.types("select nothing;\r");
        let before = terminal.sees("error:");
        // Red, and bold.
        assert_eq!(before.contains("\u{1b}[31m"), colour, "{before:?}");
        terminal.sees("stitchwork> ");
        terminal.ends();
    }
}
