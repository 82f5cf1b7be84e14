//! The dialect of CSV: how it is read and written.

use serde::{Deserialize, Serialize};
use stitchwork_core::{Error, Object, Options, Result, check_options};
use stitchwork_objects::Compression;

/// What becomes of records that have fewer or more fields than the first one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Ragged {
    /// They are errors.
    #[default]
    Error,
    /// The fields that a short one lacks are null; a long one is an error.
    Short,
    /// The fields that a short one lacks are null, those that a long one has too much are passed over.
    Any,
}

/// What a line without any character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BlankLines {
    /// A record with an empty field where there is one column, else nothing.
    #[default]
    Auto,
    /// Nothing.
    Skip,
    /// A record with one empty field.
    Row,
}

/// What ends a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum Terminator {
    /// Line feed, carriage return, or both; a line feed is written.
    #[default]
    Auto,
    /// Read as [`Terminator::Auto`]; carriage return and line feed are written.
    Crlf,
    /// This ASCII character alone.
    Char(char),
}

impl Terminator {
    /// Whether a reader with this setting finds the ends of the records that a writer with the other one has written.
    fn reads(self, written: Self) -> bool {
        // A writer with one character quotes no field for the sake of another one, which these readers take for an end.
        self == written || [self, written].iter().all(|one| matches!(one, Self::Auto | Self::Crlf))
    }
}

impl TryFrom<String> for Terminator {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        match text.as_str() {
            "auto" => Ok(Self::Auto),
            "crlf" | "\r\n" => Ok(Self::Crlf),
            "lf" => Ok(Self::Char('\n')),
            other => Ok(Self::Char(character("terminator", other)?)),
        }
    }
}

impl From<Terminator> for String {
    fn from(terminator: Terminator) -> Self {
        match terminator {
            Terminator::Auto => "auto".to_owned(),
            Terminator::Crlf => "crlf".to_owned(),
            Terminator::Char(one) => one.to_string(),
        }
    }
}

/// The dialect of CSV. Every field is an option of one file too, under its name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct CsvConfig {
    /// What stands between two fields. When `None`, the ending of the name says it: a tab for `tsv`. Else it is a comma,
    /// unless the first records cannot be told apart by commas and can be by a semicolon, a bar or a tab.
    pub delimiter: Option<char>,
    /// What stands around fields that hold other characters of the dialect.
    pub quote: Option<char>,
    /// What takes the meaning from the character after it.
    pub escape: Option<char>,
    /// Whether two quotes in a quoted field are one.
    pub double_quote: bool,
    /// What begins a line that is passed over.
    pub comment: Option<char>,
    /// What ends a record.
    pub terminator: Terminator,
    /// Whether the first record has the names of the columns.
    pub header: bool,
    /// Texts that are null where they stand without quotes and escapes; the first of them is written.
    pub null_texts: Vec<String>,
    /// Whether these texts are null in quotes as well.
    pub quoted_nulls: bool,
    /// Whether spaces and tabs around fields are cut off.
    pub trim: bool,
    /// Whether a quote inside of a field that does not begin with one stands for itself; else it is an error.
    pub stray_quotes: bool,
    /// How many lines are passed over at the beginning of the object.
    pub skip_lines: u64,
    /// How many records are passed over after the header.
    pub skip_rows: u64,
    /// What becomes of records of other lengths.
    pub ragged: Ragged,
    /// What a line without any character is.
    pub blank_lines: BlankLines,
    /// The label of the encoding that is read; a byte order mark goes before it. What is written is UTF-8.
    pub encoding: String,
    /// The compression; by the ending of the name when `None`.
    pub compression: Option<Compression>,
    /// Whether types are inferred; else every column is `Utf8`.
    pub infer_types: bool,
    /// From how many records types are inferred at most.
    pub infer_rows: usize,
    /// From how many bytes types are inferred at most.
    pub infer_bytes: usize,
    /// The size of a record above which it is an error: a quote that is not closed makes one of all the rest.
    pub max_record_bytes: usize,
}

/// What stands between two fields unless somebody says otherwise.
pub(crate) const COMMA: char = ',';

/// The options, in the order of the fields.
const OPTIONS: [&str; 21] = [
    "delimiter",
    "quote",
    "escape",
    "double_quote",
    "comment",
    "terminator",
    "header",
    "null_texts",
    "quoted_nulls",
    "trim",
    "stray_quotes",
    "skip_lines",
    "skip_rows",
    "ragged",
    "blank_lines",
    "encoding",
    "compression",
    "infer_types",
    "infer_rows",
    "infer_bytes",
    "max_record_bytes",
];

impl Default for CsvConfig {
    fn default() -> Self {
        Self {
            delimiter: None,
            quote: Some('"'),
            escape: None,
            double_quote: true,
            comment: None,
            terminator: Terminator::Auto,
            header: true,
            null_texts: vec![String::new()],
            quoted_nulls: false,
            trim: false,
            stray_quotes: false,
            skip_lines: 0,
            skip_rows: 0,
            ragged: Ragged::Error,
            blank_lines: BlankLines::Auto,
            encoding: "utf-8".to_owned(),
            compression: None,
            infer_types: true,
            infer_rows: 10_000,
            infer_bytes: 8 << 20,
            max_record_bytes: 64 << 20,
        }
    }
}

impl CsvConfig {
    /// Checks the values, alone and against each other.
    ///
    /// # Errors
    /// `InvalidConfig`, naming the field.
    pub fn validate(&self) -> Result<()> {
        let refuse =
            |name: &str, why: &str| Err(Error::invalid_config(why.to_owned()).with_context("option", name));
        for (name, size) in [
            ("infer_rows", self.infer_rows),
            ("infer_bytes", self.infer_bytes),
            ("max_record_bytes", self.max_record_bytes),
        ] {
            if size == 0 {
                return refuse(name, "a size must be above 0");
            }
        }
        let terminator = match self.terminator {
            Terminator::Char(one) => Some(one),
            Terminator::Auto | Terminator::Crlf => None,
        };
        let mut taken = vec![];
        for (name, one) in [
            ("delimiter", Some(self.delimiter.unwrap_or(COMMA))),
            ("quote", self.quote),
            ("escape", self.escape),
            ("comment", self.comment),
            ("terminator", terminator),
        ] {
            let Some(one) = one else { continue };
            if !one.is_ascii() || one == '\0' {
                return refuse(name, "the characters of a dialect are ASCII, and not NUL");
            }
            if taken.contains(&one) {
                return refuse(name, "the characters of a dialect must differ");
            }
            if matches!(one, '\n' | '\r') && (name != "terminator") {
                return refuse(name, "the end of a line can only be the terminator");
            }
            taken.push(one);
        }
        if encoding_rs::Encoding::for_label_no_replacement(self.encoding.as_bytes()).is_none() {
            return Err(Error::invalid_config(
                "no encoding of this label is known; see the Encoding Standard",
            )
            .with_context("option", "encoding")
            .with_context("value", &self.encoding));
        }
        Ok(())
    }

    /// Whether neither these settings nor the name of the object say the delimiter.
    pub(crate) fn is_open(&self, object: &Object) -> Result<bool> {
        Ok(self.delimiter.is_none() && self.of(object)?.delimiter == Some(COMMA))
    }

    /// These settings for one object, whose name may say the delimiter.
    pub(crate) fn of(&self, object: &Object) -> Result<Self> {
        if self.delimiter.is_some() {
            return Ok(self.clone());
        }
        let name = object.path.filename().unwrap_or_default().to_ascii_lowercase();
        let name = match Compression::of(object) {
            Compression::None => Some(name.as_str()),
            _ => name.rsplit_once('.').map(|(name, _)| name),
        };
        let tabs = name.is_some_and(|name| name.ends_with(".tsv"));
        let config = Self { delimiter: Some(if tabs { '\t' } else { COMMA }), ..self.clone() };
        config.validate().map_err(|e| e.with_context("location", object.location()))?;
        Ok(config)
    }

    /// The ending of the name of an object that is written with these options, and read without them: delimiter and
    /// compression stand in the name, the end of a line is found out, and everything else must be as it is set here.
    pub(crate) fn file_extension(&self, options: &Options) -> Result<String> {
        let written = self.with_options(options)?;
        for (name, text) in options {
            let mut read = self.clone();
            read.set(name, text)?;
            let seen = match name.as_str() {
                "compression" => true,
                "delimiter" => {
                    self.delimiter.is_none() && matches!(read.delimiter, None | Some(COMMA | '\t'))
                }
                "terminator" => self.terminator.reads(read.terminator),
                _ => false,
            };
            if !seen && read != *self {
                return Err(Error::invalid_config(
                    "what is written so could not be read again, since neither the name nor the bytes of a file say it: \
                     register the format with this setting, by `Csv::with_config`, and readers have it too",
                )
                .with_context("option", name)
                .with_context("value", text));
            }
        }
        let format = if written.delimiter == Some('\t') { "tsv" } else { "csv" };
        Compression::file_extension(format, self.compression, written.compression)
    }

    /// These settings with the options of one file on top.
    ///
    /// A `null_texts` is a list with commas (`,NA` is the empty text and `NA`), a `quote`, `escape` or `comment` that is
    /// empty is none, and `\t` is a tab.
    ///
    /// # Errors
    /// `InvalidConfig` for an unknown option, or a value that it cannot have.
    pub fn with_options(&self, options: &Options) -> Result<Self> {
        check_options(options, &OPTIONS)?;
        let mut config = self.clone();
        for (name, text) in options {
            config.set(name, text)?;
        }
        config.validate()?;
        Ok(config)
    }

    fn set(&mut self, name: &str, text: &str) -> Result<()> {
        let optional = || if text.is_empty() { Ok(None) } else { character(name, text).map(Some) };
        match name {
            "delimiter" => self.delimiter = if text == "auto" { None } else { Some(character(name, text)?) },
            "quote" => self.quote = optional()?,
            "escape" => self.escape = optional()?,
            "comment" => self.comment = optional()?,
            "double_quote" => self.double_quote = parsed(name, text)?,
            "terminator" => self.terminator = text.to_owned().try_into()?,
            "header" => self.header = parsed(name, text)?,
            "null_texts" => self.null_texts = text.split(',').map(str::to_owned).collect(),
            "quoted_nulls" => self.quoted_nulls = parsed(name, text)?,
            "trim" => self.trim = parsed(name, text)?,
            "stray_quotes" => self.stray_quotes = parsed(name, text)?,
            "skip_lines" => self.skip_lines = parsed(name, text)?,
            "skip_rows" => self.skip_rows = parsed(name, text)?,
            "ragged" => {
                let known = [("error", Ragged::Error), ("short", Ragged::Short), ("any", Ragged::Any)];
                self.ragged = word(name, text, &known)?;
            }
            "blank_lines" => {
                let known =
                    [("auto", BlankLines::Auto), ("skip", BlankLines::Skip), ("row", BlankLines::Row)];
                self.blank_lines = word(name, text, &known)?;
            }
            "encoding" => text.clone_into(&mut self.encoding),
            "compression" => self.compression = if text == "auto" { None } else { Some(text.parse()?) },
            "infer_types" => self.infer_types = parsed(name, text)?,
            "infer_rows" => self.infer_rows = parsed(name, text)?,
            "infer_bytes" => self.infer_bytes = parsed(name, text)?,
            "max_record_bytes" => self.max_record_bytes = parsed(name, text)?,
            _ => return Err(Error::invalid_config("unknown option").with_context("option", name)),
        }
        Ok(())
    }
}

fn refused(name: &str, text: &str, expected: &str) -> Error {
    Error::invalid_config("an option has a value that it cannot have")
        .with_context("option", name)
        .with_context("value", text)
        .with_context("expected", expected)
}

fn character(name: &str, text: &str) -> Result<char> {
    let mut characters = text.chars();
    match (characters.next(), characters.next()) {
        _ if text == "\\t" => Ok('\t'),
        (Some(one), None) => Ok(one),
        _ => Err(refused(name, text, "one character")),
    }
}

fn parsed<T: std::str::FromStr>(name: &str, text: &str) -> Result<T> {
    text.parse().map_err(|_| refused(name, text, "a number, or `true` or `false`"))
}

fn word<T: Copy>(name: &str, text: &str, known: &[(&str, T)]) -> Result<T> {
    known.iter().find(|(word, _)| *word == text).map(|(_, value)| *value).ok_or_else(|| {
        refused(name, text, &known.iter().map(|(word, _)| *word).collect::<Vec<_>>().join(", "))
    })
}

#[cfg(test)]
mod tests;
