//! What the demo can be told.

/// The text of `--help`.
pub(crate) const HELP: &str = "\
Loads a local copy of GitHub's events API into tables, and asks them questions in SQL.

Usage: cargo xtask demo [options]

  --events N                how many events the API has            [20000]
  --log delta|iceberg       the table format                       [delta]
  --catalog memory|sqlite   what names the tables                  [sqlite]
  --store LOCATION          file:///a/folder, a path, or memory:   [target/demo/…]
  --seed N                  another seed, other events             [1]
  --commit-rows N           commit at the first page after N events         [5000]
  --help                    this text

Every combination gives the same answers. Killed half-way and started again, it goes on where it was, or, where
the catalog or the store was in memory and has forgotten the tables, from the beginning.";

/// The choices of one run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Options {
    pub(crate) events: usize,
    pub(crate) log: String,
    pub(crate) catalog: String,
    pub(crate) store: Option<String>,
    pub(crate) seed: u64,
    pub(crate) commit_rows: u64,
}

impl Options {
    /// The options of a command line; `None` for `--help`.
    pub(crate) fn parse(args: impl Iterator<Item = String>) -> Result<Option<Self>, String> {
        let mut options = Self {
            events: 20_000,
            log: "delta".to_owned(),
            catalog: "sqlite".to_owned(),
            store: None,
            seed: 1,
            commit_rows: 5000,
        };
        let mut args = args.flat_map(|arg| match arg.split_once('=') {
            Some((name, value)) if name.starts_with("--") => vec![name.to_owned(), value.to_owned()],
            _ => vec![arg],
        });
        while let Some(name) = args.next() {
            if name == "--help" || name == "-h" {
                return Ok(None);
            }
            if !["--events", "--log", "--catalog", "--store", "--seed", "--commit-rows"]
                .contains(&name.as_str())
            {
                return Err(format!("the demo has no option {name}"));
            }
            let value = args.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--events" => options.events = number(&name, &value)?,
                "--seed" => options.seed = number(&name, &value)?,
                "--commit-rows" => options.commit_rows = number(&name, &value)?,
                "--log" => options.log = one_of(&name, value, &["delta", "iceberg"])?,
                "--catalog" => options.catalog = one_of(&name, value, &["memory", "sqlite"])?,
                _ => options.store = Some(value),
            }
        }
        if options.events == 0 || options.commit_rows == 0 {
            return Err("--events and --commit-rows must be at least 1".to_owned());
        }
        Ok(Some(options))
    }
}

fn number<T: std::str::FromStr>(name: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| format!("{name} needs a number, not {value}"))
}

fn one_of(name: &str, value: String, known: &[&str]) -> Result<String, String> {
    if known.contains(&value.as_str()) {
        Ok(value)
    } else {
        Err(format!("{name} is one of {}, not {value}", known.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Option<Options>, String> {
        Options::parse(line.split_whitespace().map(str::to_owned))
    }

    #[test]
    fn options_and_mistakes() {
        let options = parse("--events 5 --log=iceberg --store memory:").unwrap().unwrap();
        assert_eq!(
            (options.events, options.log.as_str(), options.store.as_deref()),
            (5, "iceberg", Some("memory:"))
        );
        assert_eq!(parse("--help").unwrap(), None);
        assert_eq!(parse("--log hudi").unwrap_err(), "--log is one of delta, iceberg, not hudi");
        assert!(parse("--evnets 5").is_err());
        assert!(parse("--events").is_err());
        assert!(parse("--events 0").is_err());
    }
}
