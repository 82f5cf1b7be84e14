//! The memory of compressors, of which the `parquet` crate does not tell.

use crate::config::{Compression, ParquetConfig};

/// The compressors of a file that is being written: each column has one of its own, and what would read it again, to the end of
/// the row group. Those of zstd keep their tables from the first page on, which are larger than most pages.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compressors {
    /// The bytes of one before its first page.
    pub(crate) idle: u64,
    /// The bytes of one.
    each: u64,
    page_rows: usize,
    page_bytes: u64,
}

impl Compressors {
    pub(crate) fn new(config: &ParquetConfig) -> Self {
        // As `ZSTD_sizeof_CCtx` tells after pages of 160 KiB, which 20,000 numbers come to.
        let each = match (config.compression, config.compression_level.unwrap_or(3)) {
            (Compression::Zstd, ..=3) => 1 << 20,
            (Compression::Zstd, 4..=9) => 2 << 20,
            (Compression::Zstd, 10..) => 4 << 20,
            _ => 0,
        };
        // As a heap profile tells of `ZSTD_createDCtx`, `ZSTD_createCCtx` and the tables of snappy.
        let idle = match config.compression {
            Compression::Zstd => 104 << 10,
            Compression::Snappy => 34 << 10,
            _ => 0,
        };
        Self { idle, each, page_rows: config.data_page_rows, page_bytes: config.data_page_bytes as u64 }
    }

    /// What they take for this many columns, with so many rows and bytes in the open row group.
    pub(crate) fn bytes(self, columns: usize, rows: usize, bytes: u64) -> u64 {
        // Before all columns have had a page by their rows, some may have had one by their bytes.
        let columns = columns as u64;
        let begun =
            if rows >= self.page_rows { columns } else { columns.min(bytes / self.page_bytes.max(1)) };
        self.each * begun
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_have_a_compressor_from_their_first_page_on() {
        let zstd = Compressors::new(&ParquetConfig::default());
        assert_eq!(zstd.bytes(40, 19_999, 1 << 10), 0);
        assert_eq!(zstd.bytes(40, 19_999, 3 << 20), 3 * (1 << 20));
        assert_eq!(zstd.bytes(40, 20_000, 1 << 10), 40 * (1 << 20));
        let snappy = ParquetConfig { compression: Compression::Snappy, ..ParquetConfig::default() };
        assert_eq!(Compressors::new(&snappy).bytes(40, 20_000, 1 << 30), 0);
    }
}
