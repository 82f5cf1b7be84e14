//! Paths of data files: URL-encoded in the log, raw everywhere else.

use std::borrow::Cow;
use std::collections::HashSet;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use stitchwork_core::{Error, Result, Scalar, Stores, join};

use crate::actions::DeletionVector;
use crate::values;

/// What an RFC 2396 path may not hold as it is. The colon is among them, since a relative path that begins
/// with `name:` would be read as a URL of the scheme `name`.
const ENCODED: &AsciiSet = &CONTROLS
    .add(b' ')
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b':')
    .add(b'<')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}');

/// What Hive's partition directories escape, and what object stores advise against.
const HIVE: &AsciiSet = &CONTROLS
    .add(b'"')
    .add(b'#')
    .add(b'%')
    .add(b'\'')
    .add(b'*')
    .add(b'/')
    .add(b':')
    .add(b'<')
    .add(b'=')
    .add(b'>')
    .add(b'?')
    .add(b'[')
    .add(b'\\')
    .add(b']')
    .add(b'^')
    .add(b'`')
    .add(b'{')
    .add(b'|')
    .add(b'}')
    .add(b'~');

/// The most bytes of a directory's name. File systems take 255, and what is escaped grows threefold in the log.
const SEGMENT: usize = 120;

/// The directory of a null partition value.
const HIVE_NULL: &str = "__HIVE_DEFAULT_PARTITION__";

/// The location of a table, and what paths in its log mean.
#[derive(Debug, Clone)]
pub(crate) struct Root {
    /// The location as the caller gave it.
    pub(crate) location: String,
    /// The same, resolved: scheme, authority and path.
    canonical: String,
    /// The scheme and the authority alone.
    authority: String,
}

impl Root {
    /// The root of a table at `location`, whose resolved form is `authority` and `path`.
    pub(crate) fn new(location: &str, authority: &str, canonical: String) -> Self {
        let location = if location.len() > 1 { location.trim_end_matches('/') } else { location };
        Self { location: location.to_owned(), canonical, authority: authority.to_owned() }
    }

    /// The decoded path of a file: relative to the table where it lies inside, else a whole location. Two
    /// spellings of one file give one path.
    pub(crate) fn decode<'a>(&self, path: &'a str) -> Result<Cow<'a, str>> {
        let decoded = percent_decode_str(path).decode_utf8().map_err(|e| {
            Error::invalid_data("a path of the log is no UTF-8 when decoded")
                .with_context("path", path)
                .with_source(e)
        })?;
        let absolute = if decoded.starts_with('/') {
            format!("{}{}", self.authority, decoded)
        } else if let Some(rest) = decoded.strip_prefix("file:/").filter(|_| has_scheme(path)) {
            format!("file:///{}", rest.trim_start_matches('/'))
        } else if has_scheme(path) {
            decoded.into_owned()
        } else {
            return Ok(decoded);
        };
        Ok(Cow::Owned(self.relative(&absolute).map(str::to_owned).unwrap_or(absolute)))
    }

    /// The location of a file by its decoded path.
    pub(crate) fn locate(&self, decoded: &str) -> String {
        if has_scheme(decoded) { decoded.to_owned() } else { join(&self.location, decoded) }
    }

    /// How a location is written into the log.
    pub(crate) fn encode(&self, location: &str, stores: &Stores) -> String {
        let own = location.strip_prefix(self.location.as_str()).and_then(|rest| {
            if self.location.ends_with([':', '/']) { Some(rest) } else { rest.strip_prefix('/') }
        });
        if let Some(relative) = own {
            return encode(relative.trim_start_matches('/'));
        }
        let canonical = stores.resolve(location).map_or_else(|_| location.to_owned(), |o| o.location());
        match self.relative(&canonical) {
            Some(relative) => encode(relative),
            None => match canonical.split_once("://") {
                Some((scheme, rest)) => format!("{scheme}://{}", encode(rest)),
                None => encode(&canonical),
            },
        }
    }

    fn relative<'a>(&self, canonical: &'a str) -> Option<&'a str> {
        canonical.strip_prefix(self.canonical.trim_end_matches('/'))?.strip_prefix('/')
    }

    /// By what a file is known in the replay: its path and its deletion vector.
    pub(crate) fn key(&self, path: &str, vector: Option<&DeletionVector>) -> Result<String> {
        let path = self.decode(path)?;
        Ok(match vector {
            // No path holds a null character.
            Some(vector) => format!("{path}\0{}", vector.unique_id()),
            None => path.into_owned(),
        })
    }

    /// Whether a file is among those known by these keys; mostly without making its key.
    pub(crate) fn is_among(
        &self,
        keys: &HashSet<String>,
        path: &str,
        vector: Option<&DeletionVector>,
    ) -> Result<bool> {
        Ok(!keys.is_empty()
            && match vector {
                Some(_) => keys.contains(&self.key(path, vector)?),
                None => keys.contains(self.decode(path)?.as_ref()),
            })
    }
}

fn encode(path: &str) -> String {
    utf8_percent_encode(path, ENCODED).to_string()
}

/// Whether a path begins with `scheme:/`.
fn has_scheme(path: &str) -> bool {
    path.split_once(":/").is_some_and(|(scheme, _)| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// The directories of a partition, `a=1/b=x%2Fy/`, as Hive and Spark name them.
pub(crate) fn partition_directory(partition: &[(&str, &Scalar)]) -> String {
    let mut path = String::new();
    for (name, value) in partition {
        let value = values::directory_text(value).unwrap_or_else(|| HIVE_NULL.to_owned());
        path.push_str(&shortened(format!("{}={}", hive(name), hive(&value))));
        path.push('/');
    }
    path
}

/// A directory's name, cut and told apart by a checksum where it is too long. Readers take partition values from
/// the log and never from a path.
fn shortened(mut segment: String) -> String {
    if segment.len() <= SEGMENT {
        return segment;
    }
    let checksum = format!("-{:08x}", crc32fast::hash(segment.as_bytes()));
    let mut end = segment.floor_char_boundary(SEGMENT - checksum.len());
    // An escape is `%` and two digits; it is left out whole.
    if let Some(at) = segment.get(..end).and_then(|kept| kept.rfind('%')).filter(|at| at + 3 > end) {
        end = at;
    }
    segment.truncate(end);
    segment + &checksum
}

fn hive(text: &str) -> String {
    // The set is about ASCII; other characters stay, as Hive leaves them.
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_ascii() {
            out.extend(utf8_percent_encode(c.encode_utf8(&mut [0; 4]), HIVE));
        } else {
            out.push(c);
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root() -> Root {
        Root::new("/a b/t", "file://", "file:///a b/t".to_owned())
    }

    #[test]
    fn spellings_of_one_file_are_one_path() {
        for path in ["x%20y", "/a%20b/t/x%20y", "file:/a%20b/t/x%20y", "file:///a%20b/t/x%20y"] {
            assert_eq!(root().decode(path).unwrap(), "x y", "{path}");
        }
        assert_eq!(root().decode("/other/p@%23h").unwrap(), "file:///other/p@#h");
        assert_eq!(root().decode("s3://b/x").unwrap(), "s3://b/x");
    }

    #[test]
    fn locations_survive_the_log() {
        let stores = Stores::new();
        for location in ["/a b/t/p=x%2Fy/ü?#.parquet", "/a b/t/a:b", "file:///elsewhere/x y%"] {
            let written = root().encode(location, &stores);
            assert_eq!(root().locate(&root().decode(&written).unwrap()), location);
        }
        assert_eq!(root().encode("file:///a b/t/x y", &stores), "x%20y");
    }

    #[test]
    fn partitions_have_hive_names() {
        let (a, b, null) = (
            Scalar::from("x/y=z ü"),
            Scalar::from(5_i64),
            Scalar::null(&stitchwork_core::arrow::schema::DataType::Utf8),
        );
        assert_eq!(
            partition_directory(&[("a", &a), ("b", &b), ("c:", &null)]),
            "a=x%2Fy%3Dz ü/b=5/c%3A=__HIVE_DEFAULT_PARTITION__/"
        );
    }

    #[test]
    fn long_values_have_short_directories_and_stay_whole_in_the_log() {
        let directory = |value: &Scalar| partition_directory(&[("p", value)]);
        for text in ["x".repeat(300), "é".repeat(300), "/".repeat(300), format!("x{}", "=".repeat(300))] {
            let value = Scalar::from(text.as_str());
            let name = directory(&value);
            assert!(name.len() <= SEGMENT + 1 && name.starts_with("p=") && name.ends_with('/'), "{name}");
            let (kept, checksum) = name.trim_end_matches('/').rsplit_once('-').unwrap();
            assert_eq!(checksum.len(), 8, "{name}");
            let decoded = percent_decode_str(kept).decode_utf8().unwrap();
            assert!(format!("p={text}").starts_with(decoded.as_ref()), "{name}");
            assert_eq!(name, directory(&value), "the name is the same each time");
            assert_ne!(name, directory(&Scalar::from(format!("{text}y"))), "another value, another name");
            assert_eq!(values::partition_text(&value).unwrap(), Some(text));
        }
        assert_eq!(directory(&Scalar::from("x".repeat(118))), format!("p={}/", "x".repeat(118)));
        let long_name = partition_directory(&[("n".repeat(300).as_str(), &Scalar::from(1_i64))]);
        assert_eq!(long_name.len(), SEGMENT + 1);
    }

    #[test]
    fn floats_are_short_in_directories_only() {
        let tiny = Scalar::from(1e-300);
        assert_eq!(partition_directory(&[("f", &tiny)]), "f=1e-300/");
        assert_eq!(values::partition_text(&tiny).unwrap().unwrap().len(), 302);
        for (number, text) in [(0.5, "f=0.5/"), (100.0, "f=100/"), (1e20, "f=1e20/")] {
            assert_eq!(partition_directory(&[("f", &Scalar::from(number))]), text);
        }
    }
}
