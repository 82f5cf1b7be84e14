//! Writing: batches in, lines out.

use std::fmt;

use arrow_array::{Array, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use async_trait::async_trait;
use stitchwork_core::{Error, FileSummary, FileWriter, Object, Result, WriteArgs};
use stitchwork_objects::{CompressedUpload, Compression, conform};

use crate::columns::{read_type, unsupported};
use crate::config::{BlankLines, COMMA, CsvConfig, Terminator};
use crate::dialect::Dialect;
use crate::sniff::OTHERS;
use crate::spell::{plain, speller};

/// How many rows are spelled in one go.
const SLICE_ROWS: usize = 8192;
/// How many bytes of lines are handed on in one go.
const LINE_BYTES: usize = 1 << 20;

/// One object that is being written.
pub(crate) struct CsvWriter {
    schema: SchemaRef,
    lines: Lines,
    upload: CompressedUpload,
    rows: u64,
}

impl CsvWriter {
    pub(crate) fn new(object: &Object, args: WriteArgs, config: &CsvConfig) -> Result<Self> {
        // Readers have the settings without the options.
        let is_open = config.is_open(object)?;
        let config = config.with_options(&args.options)?.of(object)?;
        check_config(&config)?;
        check_schema(&args.schema)?;
        let compression = config.compression.unwrap_or_else(|| Compression::of(object));
        let mut lines = Lines::new(&config, args.schema.fields().len() == 1, is_open);
        if config.header {
            let mut names = args.schema.fields().iter();
            names.try_for_each(|field| lines.text(field.name(), field.name()))?;
            lines.end();
        }
        Ok(Self {
            schema: args.schema,
            lines,
            upload: CompressedUpload::new(object, compression).within(args.budget.as_ref()),
            rows: 0,
        })
    }

    async fn send(&mut self) -> Result<()> {
        let ready = std::mem::take(&mut self.lines.bytes);
        self.upload.write(ready.into()).await
    }
}

#[async_trait]
impl FileWriter for CsvWriter {
    async fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let batch = conform(batch, &self.schema)?;
        let mut start = 0;
        while start < batch.num_rows() {
            let rows = SLICE_ROWS.min(batch.num_rows() - start);
            let slice = batch.slice(start, rows);
            let mut done = 0;
            while done < rows {
                let spelled = self.lines.batch(&slice.slice(done, rows - done));
                done += spelled.map_err(|e| e.with_context("location", self.upload.object().location()))?;
                self.send().await?;
            }
            self.rows += rows as u64;
            start += rows;
        }
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.upload.bytes() + self.lines.bytes.len() as u64
    }

    fn memory(&self) -> u64 {
        self.upload.held() + self.lines.bytes.len() as u64
    }

    async fn finish(mut self: Box<Self>) -> Result<FileSummary> {
        self.send().await?;
        Ok(FileSummary::counted(self.rows, self.upload.finish().await?))
    }

    async fn abort(mut self: Box<Self>) -> Result<()> {
        self.upload.abort().await
    }
}

impl fmt::Debug for CsvWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CsvWriter")
            .field("upload", &self.upload)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

/// Refuses what reading with the same settings would not find again.
fn check_config(config: &CsvConfig) -> Result<()> {
    for (name, skip) in [("skip_lines", config.skip_lines), ("skip_rows", config.skip_rows)] {
        if skip > 0 {
            return Err(Error::invalid_config(
                "rows that are skipped cannot be written: the option is for reading",
            )
            .with_context("option", name));
        }
    }
    let encoding = encoding_rs::Encoding::for_label_no_replacement(config.encoding.as_bytes());
    if encoding != Some(encoding_rs::UTF_8) {
        return Err(Error::unsupported("CSV is written in UTF-8 only")
            .with_context("option", "encoding")
            .with_context("value", &config.encoding));
    }
    Ok(())
}

/// Finds the first column that cannot be written before any row is.
fn check_schema(schema: &Schema) -> Result<()> {
    if schema.fields().is_empty() {
        return Err(Error::unsupported("CSV cannot hold rows without columns"));
    }
    for (place, field) in schema.fields().iter().enumerate() {
        if read_type(field.data_type()).is_none() {
            return Err(unsupported(field.name(), field.data_type()));
        }
        if field.name().is_empty() {
            return Err(
                Error::unsupported("CSV cannot hold a column without a name").with_context("place", place)
            );
        }
        if schema.fields().iter().take(place).any(|before| before.name() == field.name()) {
            return Err(Error::unsupported("CSV cannot hold two columns of one name")
                .with_context("column", field.name()));
        }
    }
    Ok(())
}

/// Lines that are being written.
struct Lines {
    dialect: Dialect,
    terminator: Vec<u8>,
    null: Option<String>,
    /// Whether a null would be a line without any character, which nobody reads.
    lost_nulls: bool,
    /// Whether there is one column.
    single: bool,
    /// Characters that readers could take for the delimiter, since no comma says what it is. One that the first record has
    /// not is none.
    like_delimiters: &'static [u8],
    /// Whether the open line has a field.
    begun: bool,
    bytes: Vec<u8>,
}

impl Lines {
    fn new(config: &CsvConfig, single: bool, is_open: bool) -> Self {
        let terminator = match config.terminator {
            Terminator::Auto => vec![b'\n'],
            Terminator::Crlf => vec![b'\r', b'\n'],
            Terminator::Char(one) => vec![u8::try_from(one).unwrap_or(b'\n')],
        };
        let could_be_another = single && is_open && config.delimiter == Some(COMMA);
        let null = config.null_texts.first().cloned();
        let empty = null.as_deref() == Some("");
        let passed_over = config.blank_lines == BlankLines::Skip || !config.header;
        Self {
            dialect: Dialect::new(config),
            terminator,
            lost_nulls: single && empty && passed_over,
            null,
            single,
            like_delimiters: if could_be_another { &OTHERS } else { &[] },
            begun: false,
            bytes: vec![],
        }
    }

    /// Adds rows until there are enough bytes, and says how many.
    fn batch(&mut self, batch: &RecordBatch) -> Result<usize> {
        let columns = batch.columns().iter().map(plain).collect::<Result<Vec<_>>>()?;
        let spellers = columns.iter().map(speller).collect::<Result<Vec<_>>>()?;
        let schema = batch.schema();
        let mut text = String::new();
        for row in 0..batch.num_rows() {
            for ((column, spell), field) in columns.iter().zip(&spellers).zip(schema.fields()) {
                if column.is_null(row) || column.data_type().is_null() {
                    self.null(field.name())?;
                } else {
                    text.clear();
                    spell(row, &mut text);
                    self.text(&text, field.name())?;
                }
            }
            self.end();
            if self.bytes.len() >= LINE_BYTES {
                return Ok(row + 1);
            }
        }
        Ok(batch.num_rows())
    }

    fn null(&mut self, column: &str) -> Result<()> {
        let Some(null) = self.null.take() else {
            return Err(refused("a null has no text: name one with the option `null_texts`", column));
        };
        if self.lost_nulls {
            return Err(refused(
                "a null in the only column would be a line without any character, which is passed over: name a text with \
                 the option `null_texts`",
                column,
            ));
        }
        self.delimit();
        self.bytes.extend_from_slice(null.as_bytes());
        self.null = Some(null);
        Ok(())
    }

    /// Adds a field that is not null.
    fn text(&mut self, text: &str, column: &str) -> Result<()> {
        self.delimit();
        let like_null = self.dialect.is_null_text(text);
        if like_null && self.dialect.quoted_nulls {
            return Err(refused("a text would be read back as null, in quotes too", column));
        }
        if !like_null && !self.needs_marks(text) {
            self.bytes.extend_from_slice(text.as_bytes());
            return Ok(());
        }
        match self.dialect.quote {
            Some(quote) => self.quoted(text, quote, column),
            None => self.escaped(text, like_null, column),
        }
    }

    fn end(&mut self) {
        self.bytes.extend_from_slice(&self.terminator);
        self.begun = false;
        self.like_delimiters = &[];
    }

    fn delimit(&mut self) {
        if self.begun {
            self.bytes.push(self.dialect.delimiter);
        }
        self.begun = true;
    }

    /// Whether the text must stand in quotes, or with escapes.
    fn needs_marks(&self, text: &str) -> bool {
        let bytes = text.as_bytes();
        let (Some(first), Some(last)) = (bytes.first(), bytes.last()) else {
            // The only field of a line, which would have no character.
            return self.single;
        };
        let special = |byte: &u8| {
            self.dialect.is_special(*byte)
                || matches!(byte, b'\n' | b'\r')
                || self.like_delimiters.contains(byte)
        };
        bytes.iter().any(special)
            || Some(*first) == self.dialect.comment
            || self.dialect.is_padding(*first)
            || self.dialect.is_padding(*last)
            // At the beginning of the object it would be a byte order mark.
            || text.starts_with('\u{feff}')
    }

    fn quoted(&mut self, text: &str, quote: u8, column: &str) -> Result<()> {
        self.bytes.push(quote);
        for byte in text.bytes() {
            if byte == quote || Some(byte) == self.dialect.escape {
                match self.dialect.escape {
                    Some(escape) => self.bytes.push(escape),
                    None if self.dialect.double_quote => self.bytes.push(quote),
                    None => {
                        return Err(refused(
                            "a text has a quote, which cannot be doubled or escaped",
                            column,
                        ));
                    }
                }
            }
            self.bytes.push(byte);
        }
        self.bytes.push(quote);
        Ok(())
    }

    /// Without a quote every character that means something has an escape before it.
    fn escaped(&mut self, text: &str, like_null: bool, column: &str) -> Result<()> {
        let Some(escape) = self.dialect.escape else {
            return Err(refused("a text needs quotes, and there is neither a quote nor an escape", column));
        };
        // An escape anywhere says that a text is meant. Before the first character it could make a null of it.
        let marked = if like_null { text.char_indices().next_back().map(|(place, _)| place) } else { None };
        let last = text.len().saturating_sub(1);
        let needs = |place: usize, byte: u8| {
            self.dialect.is_special(byte)
                || matches!(byte, b'\n' | b'\r')
                || self.like_delimiters.contains(&byte)
                || Some(place) == marked
                || (place == 0 && (Some(byte) == self.dialect.comment || text.starts_with('\u{feff}')))
                || ((place == 0 || place == last) && self.dialect.is_padding(byte))
        };
        let first = text.as_bytes().first();
        if first.is_none_or(|first| needs(0, *first) && self.dialect.is_escaped_null(*first)) {
            return Err(refused(
                "a text would be read back as null or not at all, and there is no quote",
                column,
            ));
        }
        for (place, byte) in text.bytes().enumerate() {
            let special = needs(place, byte);
            if special {
                self.bytes.push(escape);
            }
            self.bytes.push(byte);
        }
        Ok(())
    }
}

fn refused(why: &'static str, column: &str) -> Error {
    Error::invalid_input(why).with_context("column", column)
}
