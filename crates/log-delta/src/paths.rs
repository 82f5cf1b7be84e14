//! Paths of data files: URL-encoded in the log, raw everywhere else.

use std::borrow::Cow;
use std::collections::HashSet;

use percent_encoding::{AsciiSet, CONTROLS, percent_decode_str, utf8_percent_encode};
use stitchwork_core::{Error, Result, Scalar, Stores, hive_folder, join};

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
    ///
    /// Which of both it is, is told from the path as it stands in the log, since what is encoded is never a delimiter
    /// (RFC 2396, 2.4.2): `a%3A/b` is the file `a:/b` below the table. A relative path that decodes to what looks
    /// like a whole location has `./` before it.
    pub(crate) fn decode<'a>(&self, path: &'a str) -> Result<Cow<'a, str>> {
        let decoded = percent_decode_str(path).decode_utf8().map_err(|e| {
            Error::invalid_data("a path of the log is no UTF-8 when decoded")
                .with_context("path", path)
                .with_source(e)
        })?;
        let absolute = if path.starts_with('/') {
            format!("{}{}", self.authority, decoded)
        } else if let Some(rest) = path.strip_prefix("file:/").and_then(|_| decoded.strip_prefix("file:/")) {
            format!("file:///{}", rest.trim_start_matches('/'))
        } else if has_scheme(path) {
            decoded.into_owned()
        } else {
            let own = below(&decoded);
            let mended = (*own != *decoded).then(|| own.into_owned());
            return Ok(mended.map_or(decoded, Cow::Owned));
        };
        Ok(Cow::Owned(match self.relative(&absolute) {
            Some(relative) => below(relative).into_owned(),
            None => absolute,
        }))
    }

    /// The location of a file by its decoded path.
    pub(crate) fn locate(&self, decoded: &str) -> String {
        match decoded.strip_prefix("./") {
            Some(relative) => join(&self.location, relative),
            None if has_scheme(decoded) => decoded.to_owned(),
            None => join(&self.location, decoded),
        }
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

/// The one spelling of a decoded path below the table: without `./`, unless it looks like a whole location else.
fn below(path: &str) -> Cow<'_, str> {
    let mut path = path.trim_start_matches('/');
    while let Some(rest) = path.strip_prefix("./") {
        path = rest.trim_start_matches('/');
    }
    if has_scheme(path) { Cow::Owned(format!("./{path}")) } else { Cow::Borrowed(path) }
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
        path.push_str(&hive_folder(name, values::directory_text(value).as_deref()));
        path.push('/');
    }
    path
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
        assert_eq!(root().decode("./x%20y").unwrap(), "x y");
    }

    #[test]
    fn what_is_encoded_is_no_delimiter() {
        let located = |path: &str| root().locate(&root().decode(path).unwrap());
        for (path, location) in [
            ("a%3A/b", "/a b/t/a:/b"),
            ("s3%3A//b/x", "/a b/t/s3://b/x"),
            ("file%3A/x", "/a b/t/file:/x"),
            // Once, whatever comes out.
            ("x%2520y", "/a b/t/x%20y"),
            ("%252Fx", "/a b/t/%2Fx"),
            ("s3://b/x%2520y", "s3://b/x%20y"),
            ("s3://b/x%253A/y", "s3://b/x%3A/y"),
            ("/a%20b/t/x%2520y", "/a b/t/x%20y"),
            ("file:/other/x%2520y", "file:///other/x%20y"),
        ] {
            assert_eq!(located(path), location, "{path}");
        }
        // However it is spelt, it is one file.
        for path in ["a%3A/b", "./a%3A/b", "/a%20b/t/a:/b", "file:///a%20b/t/a%3A/b"] {
            assert_eq!(root().decode(path).unwrap(), "./a:/b", "{path}");
        }
    }

    #[test]
    fn locations_survive_the_log() {
        let stores = Stores::new();
        for location in [
            "/a b/t/p=x%2Fy/ü?#.parquet",
            "/a b/t/a:b",
            "/a b/t/a:/b",
            "/a b/t/x%20y",
            "file:///elsewhere/x y%",
        ] {
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
            assert!(name.len() <= 121 && name.starts_with("p=") && name.ends_with('/'), "{name}");
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
        assert_eq!(long_name.len(), 121);
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
