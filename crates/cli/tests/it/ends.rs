//! How the program ends: exit codes, readers that go away, signals, and how much it says.

use std::io::{BufRead, BufReader, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{Folder, ran};

/// A query whose workers compute for minutes without coming back to the runtime.
pub(crate) const BUSY: &str = "select count(*) from generate_series(1, 5000000) a(x) join generate_series(1, 1000000) b(y) \
                               on x < y";
const ENDLESS: &str = "select value from generate_series(1, 9000000000000)";

#[test]
fn codes_tell_what_to_do() {
    let folder = Folder::new();
    folder.write("broken.yaml", "pipelins: {}\nversion: 7\n");
    for (args, code, said) in [
        (vec!["sql", "select 1"], 0, ""),
        (vec!["sql", "select nothing"], 1, "nothing"),
        (vec!["sql", "selec 1"], 1, "selec"),
        (vec!["sql", "select * from 'gone.csv'"], 1, "gone.csv"),
        (vec!["sql", "select * from 'file.xyz'"], 1, "file.xyz"),
        (vec!["tables"], 3, "stitchwork init"),
        (vec!["run", "gone.yaml"], 3, "gone.yaml"),
        (vec!["quary"], 2, "quary"),
        (vec!["sql", "select 1", "-o", "xml"], 2, "xml"),
        (vec!["run", "a.yaml", "--project", "b.yaml"], 2, "two project files"),
        (vec!["check", "broken.yaml"], 3, "broken.yaml:1:1"),
        (vec!["sql", "select 1", "--project", "broken.yaml"], 3, "broken.yaml:2:"),
    ] {
        let ran = folder.run(&args);
        assert_eq!(ran.code, code, "{args:?}: {ran:?}");
        assert!(ran.stderr.contains(said), "{args:?}: {ran:?}");
        if code != 0 {
            assert_eq!(ran.stdout, "", "{args:?}");
            assert!(ran.stderr.starts_with("error: "), "{args:?}: {ran:?}");
        }
    }
}

#[test]
fn errors_are_one_line_and_verbose_ones_tell_what_led_to_them() {
    let folder = Folder::new();
    folder.write("cut.parquet", "PAR1 and nothing else");
    let query = ["sql", "select * from 'cut.parquet'"];
    let short = folder.run(query);
    assert_eq!((short.code, short.stderr.lines().count()), (1, 1), "{short:?}");
    assert!(short.stderr.contains("cut.parquet"), "{short:?}");
    let long = folder.run(query.into_iter().chain(["-v"]));
    assert!(long.stderr.len() > short.stderr.len(), "{long:?}");
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let folder = Folder::new();
    for format in ["table", "csv", "json", "ndjson", "arrow", "parquet"] {
        let query = if format == "parquet" {
            "select repeat(cast(random() as text), 90) from generate_series(1, 400000)"
        } else {
            ENDLESS
        };
        let mut child = folder
            .command(["sql", query, "-o", format])
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap());
        let mut first = vec![];
        if format == "arrow" || format == "parquet" {
            first.resize(4, 0);
            out.read_exact(&mut first).unwrap();
        } else {
            out.read_until(b'\n', &mut first).unwrap();
        }
        drop(out);
        let ended = ran(&child.wait_with_output().unwrap());
        assert_eq!((ended.code, ended.stderr.as_str()), (0, ""), "{format}");
    }
}

#[test]
fn colours_and_chatter_stay_away_from_pipes() {
    let folder = Folder::new();
    for (variable, value) in [("NO_COLOR", "1"), ("TERM", "xterm-256color")] {
        let output = folder.command(["sql", "select nothing"]).env(variable, value).output().unwrap();
        assert!(!ran(&output).stderr.contains('\u{1b}'), "{variable}");
    }
    folder.ok(["init", "a"]);
    let quiet = folder.run(["init", "b", "--quiet"]);
    assert_eq!((quiet.code, quiet.stderr.as_str()), (0, ""));
    let loud = folder.run(["init", "c"]);
    assert!(loud.stdout.is_empty() && loud.stderr.contains("wrote"), "{loud:?}");
    let failed = folder.run(["sql", "select nothing", "--quiet"]);
    assert!(failed.stderr.starts_with("error: "), "errors are told: {failed:?}");
}

#[cfg(unix)]
fn signal(child: &std::process::Child, name: &str) {
    let done = Command::new("kill").args([name, &child.id().to_string()]).status().unwrap();
    assert!(done.success());
}

#[cfg(unix)]
#[test]
fn signals_end_a_query_cleanly() {
    let folder = Folder::new();
    for (name, code, said) in [("-INT", 130, "interrupted\n"), ("-TERM", 143, "terminated\n")] {
        // Rows that are read, and a reader that reads no more: the program then hangs in a write.
        for reads_on in [true, false] {
            let mut child = folder
                .command(["sql", ENDLESS, "-o", "csv"])
                .stdout(Stdio::piped())
                .stderr(Stdio::piped())
                .spawn()
                .unwrap();
            let mut out = BufReader::new(child.stdout.take().unwrap());
            out.read_line(&mut String::new()).unwrap();
            let (mut read, mut kept) = (None, None);
            if reads_on {
                read = Some(std::thread::spawn(move || {
                    let _ = std::io::copy(&mut out, &mut std::io::sink());
                }));
            } else {
                kept = Some(out);
            }
            let sent = Instant::now();
            signal(&child, name);
            let ended = ran(&child.wait_with_output().unwrap());
            assert!(sent.elapsed() < Duration::from_secs(20));
            assert_eq!((ended.code, ended.stderr.as_str()), (code, said), "{name} {reads_on}");
            drop(kept.take());
            if let Some(read) = read {
                read.join().unwrap();
            }
        }
    }
}

#[cfg(unix)]
#[test]
fn signals_end_a_query_that_only_computes() {
    let folder = Folder::new();
    for (name, code, said) in [("-INT", 130, "interrupted\n"), ("-TERM", 143, "terminated\n")] {
        let child =
            folder.command(["sql", BUSY]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // Long enough for every worker to be at it.
        std::thread::sleep(Duration::from_secs(4));
        let sent = Instant::now();
        signal(&child, name);
        let ended = ran(&child.wait_with_output().unwrap());
        assert!(sent.elapsed() < Duration::from_secs(15), "{name} took {:?}", sent.elapsed());
        assert_eq!((ended.code, ended.stderr.as_str()), (code, said), "{name}");
    }
}

#[test]
fn what_is_named_wrongly_is_told_in_a_moment() {
    let folder = Folder::new().people();
    let init = folder.run(["init", "data/people.csv"]);
    assert!(
        init.code == 1 && init.stderr.contains("this is none") && init.stderr.contains("people.csv"),
        "{init:?}"
    );
    // It has no end.
    if cfg!(unix) {
        let endless = folder.run(["check", "/dev/zero"]);
        assert!(endless.code == 3 && endless.stderr.contains("too large"), "{endless:?}");
    }
    let pipeline =
        "{source: {type: url, url: \"http://127.0.0.1:9/x\"}, destination: {log: delta, location: data}}";
    folder.write("stitchwork.yaml", &format!("pipelines:\n  a: {pipeline}\n  b: {pipeline}\n"));
    let several = folder.run(["run"]);
    assert!(several.code == 2 && several.stderr.contains("a, b"), "{several:?}");
}

#[test]
fn a_pipeline_that_is_named_twice_runs_once() {
    let server = crate::support::Page::serve("[{\"id\": 1}]");
    let folder = Folder::new();
    folder.write(
        "stitchwork.yaml",
        &format!(
            "pipelines:\n  p: {{source: {{type: rest, base_url: \"{}\", streams: [{{name: rows}}]}}, \
             destination: {{log: delta, location: data}}}}\n",
            server.url()
        ),
    );
    folder.ok(["run", "-p", "p", "-p", "p"]);
    assert_eq!(server.heads.lock().unwrap().len(), 1);
}
