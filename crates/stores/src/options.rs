//! Options by name: checked before the store's builder sees them, since that one drops what it does not know.

use std::collections::BTreeMap;
use std::time::Duration;

use object_store::{BackoffConfig, RetryConfig};
use stitchwork_core::{Error, Options, Result};

use crate::secrets::Secrets;

/// What an option's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Text,
    /// A text that is never printed.
    Secret,
    /// An `http://` or `https://` URL.
    Url,
    /// `true` or `false`.
    Flag,
    /// A number and its unit.
    Time,
    /// A whole number.
    Count,
}

/// An option: its name, the other names that it has, and what its value is.
pub(crate) type Known = (&'static str, &'static [&'static str], Kind);

/// Options of the HTTP client and of its repetitions, which every store has.
pub(crate) const COMMON: &[Known] = &[
    ("allow_http", &[], Kind::Flag),
    ("allow_invalid_certificates", &[], Kind::Flag),
    ("connect_timeout", &[], Kind::Time),
    ("http1_only", &[], Kind::Flag),
    ("http2_keep_alive_interval", &[], Kind::Time),
    ("http2_keep_alive_timeout", &[], Kind::Time),
    ("http2_keep_alive_while_idle", &[], Kind::Flag),
    ("http2_only", &[], Kind::Flag),
    ("max_retries", &[], Kind::Count),
    ("pool_idle_timeout", &[], Kind::Time),
    ("pool_max_idle_per_host", &[], Kind::Count),
    ("proxy_ca_certificate", &[], Kind::Text),
    ("proxy_excludes", &[], Kind::Text),
    // May hold a password.
    ("proxy_url", &[], Kind::Secret),
    ("randomize_addresses", &[], Kind::Flag),
    ("retry_initial_backoff", &[], Kind::Time),
    ("retry_max_backoff", &[], Kind::Time),
    ("retry_timeout", &[], Kind::Time),
    ("timeout", &[], Kind::Time),
    ("user_agent", &[], Kind::Text),
];

/// Those of the options above that are ours and not the client's.
const RETRY: [&str; 4] = ["max_retries", "retry_initial_backoff", "retry_max_backoff", "retry_timeout"];

/// The most repetitions of a request, and the longest time for them: signatures do not live longer.
const MOST_RETRIES: u64 = 100;
const LONGEST_RETRY: Duration = Duration::from_secs(300);

/// The vocabulary of one kind of store.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Vocabulary {
    /// What the names may begin with, the longest first, as in `aws_region`.
    pub(crate) prefixes: &'static [&'static str],
    /// The options beside the common ones.
    pub(crate) own: &'static [Known],
}

/// Options whose names and values are right, under their first names.
pub(crate) struct Checked {
    values: BTreeMap<&'static str, String>,
    secrets: Secrets,
}

impl Vocabulary {
    fn known(&self) -> impl Iterator<Item = &'static Known> {
        self.own.iter().chain(COMMON)
    }

    /// The option that a name means.
    fn find(&self, name: &str) -> Option<&'static Known> {
        let short = self.prefixes.iter().find_map(|prefix| name.strip_prefix(prefix)).unwrap_or(name);
        self.known().find(|(first, also, _)| [name, short].iter().any(|n| n == first || also.contains(n)))
    }

    /// Refuses unknown names, names that mean the same option, and values that are none.
    pub(crate) fn check(&self, options: &Options) -> Result<Checked> {
        let mut values = BTreeMap::new();
        let mut secrets = Secrets::default();
        for (name, value) in options {
            let Some((first, _, kind)) = self.find(name) else {
                let known: Vec<&str> = self.known().map(|(first, ..)| *first).collect();
                return Err(Error::invalid_config("unknown option")
                    .with_context("option", name)
                    .with_context("known", known.join(",")));
            };
            let value = check_value(first, *kind, value)?;
            if *kind == Kind::Secret {
                secrets.add(&value);
            }
            if values.insert(*first, value).is_some() {
                return Err(Error::invalid_config("an option is given twice, under two of its names")
                    .with_context("option", first));
            }
        }
        Ok(Checked { values, secrets })
    }

    /// The options among pairs whose names begin as this store's do, whatever their case.
    pub(crate) fn pick(&self, pairs: impl IntoIterator<Item = (String, String)>) -> Options {
        let named: BTreeMap<String, String> = pairs
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_ascii_lowercase(), value))
            .filter(|(name, _)| self.prefixes.iter().any(|prefix| name.starts_with(prefix)))
            .collect();
        let mut options = Options::new();
        for (first, also, _) in self.known() {
            // Of several names for one option the first one counts, as for everybody who reads these variables.
            let names = std::iter::once(first).chain(also.iter());
            let spelled = names.flat_map(|name| {
                self.prefixes.iter().map(move |p| format!("{p}{name}")).chain([(*name).to_owned()])
            });
            if let Some(value) = spelled.filter_map(|name| named.get(&name)).next() {
                options.insert((*first).to_owned(), value.clone());
            }
        }
        options
    }
}

impl Checked {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.values.get(name).map(String::as_str)
    }

    pub(crate) fn take(&mut self, name: &str) -> Option<String> {
        self.values.remove(name)
    }

    pub(crate) fn flag(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    pub(crate) fn secrets(&self) -> Secrets {
        self.secrets.clone()
    }

    /// What goes to the builder as it is: everything but the repetitions.
    pub(crate) fn for_builder(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.values
            .iter()
            .filter(|(name, _)| !RETRY.contains(name))
            .map(|(name, value)| (*name, value.as_str()))
    }

    /// Refuses an endpoint without encryption that nobody has allowed, rather than at each of its requests.
    pub(crate) fn check_endpoint(&self, name: &'static str) -> Result<()> {
        match self.get(name) {
            Some(url) if url.starts_with("http://") && !self.flag("allow_http") => {
                Err(Error::invalid_config(
                    "the endpoint has no encryption; set `allow_http` to true if that is meant",
                )
                .with_context("option", name)
                .with_context("value", url))
            }
            _ => Ok(()),
        }
    }

    /// How often and how long a request is repeated.
    pub(crate) fn retry(&self) -> Result<RetryConfig> {
        let time = |name, default| match self.get(name) {
            Some(value) => parse_time(value).ok_or_else(|| bad_value(name, Kind::Time, value)),
            None => Ok(Duration::from_millis(default)),
        };
        let max_retries = match self.get("max_retries") {
            Some(value) => value.parse().map_err(|_| bad_value("max_retries", Kind::Count, value))?,
            None => 6,
        };
        let timeout = time("retry_timeout", 60_000)?;
        let first = time("retry_initial_backoff", 100)?;
        let longest = time("retry_max_backoff", 5_000)?;
        if max_retries > MOST_RETRIES {
            return Err(Error::invalid_config("too many repetitions")
                .with_context("option", "max_retries")
                .with_context("most", MOST_RETRIES));
        }
        if timeout > LONGEST_RETRY || longest > LONGEST_RETRY {
            return Err(Error::invalid_config("the time for repetitions is too long")
                .with_context("options", "retry_timeout,retry_max_backoff")
                .with_context("most", "5m"));
        }
        if first > longest || first.is_zero() {
            return Err(Error::invalid_config("the first pause must be above zero and at most the longest")
                .with_context("options", "retry_initial_backoff,retry_max_backoff"));
        }
        Ok(RetryConfig {
            backoff: BackoffConfig { init_backoff: first, max_backoff: longest, base: 2.0 },
            max_retries: usize::try_from(max_retries).unwrap_or(usize::MAX),
            retry_timeout: timeout,
        })
    }
}

/// The value as the builders take it.
fn check_value(name: &'static str, kind: Kind, value: &str) -> Result<String> {
    let text = value.trim();
    let read = match kind {
        Kind::Text | Kind::Secret => (!text.is_empty()).then(|| text.to_owned()),
        Kind::Url => {
            let host = text.strip_prefix("https://").or(text.strip_prefix("http://"));
            host.filter(|host| !host.is_empty() && !host.starts_with('/') && !host.contains('@'))
                .map(|_| text.to_owned())
        }
        Kind::Flag => match text.to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" | "y" => Some("true".to_owned()),
            "false" | "0" | "off" | "no" | "n" => Some("false".to_owned()),
            _ => None,
        },
        Kind::Time => parse_time(text).map(|time| format!("{}ms", time.as_millis())),
        Kind::Count => text.parse::<u64>().ok().map(|count| count.to_string()),
    };
    read.ok_or_else(|| bad_value(name, kind, value))
}

fn bad_value(name: &'static str, kind: Kind, value: &str) -> Error {
    let expected = match kind {
        Kind::Text | Kind::Secret => "a text that is not empty",
        Kind::Url => "https://host or http://host, without a user in it",
        Kind::Flag => "true or false",
        Kind::Time => "a whole number with ms, s, m or h: 500ms, 30s, 2m",
        Kind::Count => "a whole number",
    };
    let error = Error::invalid_config("the value of an option cannot be read").with_context("option", name);
    // A URL with a user in it has a password in it, too.
    let error = match kind {
        Kind::Secret | Kind::Url => error,
        _ => error.with_context("value", value),
    };
    error.with_context("expected", expected)
}

fn parse_time(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let millis: u64 = match unit.trim() {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    Some(Duration::from_millis(number.checked_mul(millis)?))
}

#[cfg(test)]
mod tests;
