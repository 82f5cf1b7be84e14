//! Formats by URL: the scheme alone, `parquet:`, since a format has no place. The suite's objects are in memory, and the
//! options are those that they are written with.

use std::sync::Arc;

use async_trait::async_trait;
use stitchwork_core::{
    BatchStream, Error, FileSummary, FileWriter, Format, FormatCapabilities, Info, Object, OpenUrl, Options,
    ReadArgs, Registry, Result, WriteArgs,
};
use stitchwork_testkit::format::Subject;

/// The format that a URL names.
///
/// # Errors
/// `InvalidConfig` for a URL that says more than the name, `NotFound` for a format that is not registered.
pub(crate) fn open(registry: &Registry, open: OpenUrl) -> Result<Subject> {
    let OpenUrl { url, options } = open;
    let Some(name) = url.strip_suffix(':') else {
        return Err(Error::invalid_config(
            "write the name of the format and a colon, parquet:, since its suite has its objects in memory",
        )
        .with_context("url", url));
    };
    let format = registry.formats().get(name)?;
    Ok(if options.is_empty() { format } else { Arc::new(WithOptions { format, options }) })
}

/// A format whose objects are all written with these options.
#[derive(Debug)]
struct WithOptions {
    format: Arc<dyn Format>,
    options: Options,
}

impl WithOptions {
    /// The options that a trial asks for, which are what it tries, and ours beside them.
    fn with(&self, mut asked: Options) -> Options {
        for (name, value) in &self.options {
            asked.entry(name.clone()).or_insert_with(|| value.clone());
        }
        asked
    }
}

#[async_trait]
impl Format for WithOptions {
    fn info(&self) -> Info {
        self.format.info()
    }

    fn capabilities(&self) -> FormatCapabilities {
        self.format.capabilities()
    }

    fn extensions(&self) -> &[&'static str] {
        self.format.extensions()
    }

    fn file_extension(&self, options: &Options) -> Result<String> {
        self.format.file_extension(&self.with(options.clone()))
    }

    async fn infer_schema(&self, object: &Object) -> Result<stitchwork_core::arrow::schema::SchemaRef> {
        self.format.infer_schema(object).await
    }

    async fn inspect(&self, object: &Object) -> Result<FileSummary> {
        self.format.inspect(object).await
    }

    async fn read(&self, object: &Object, args: ReadArgs) -> Result<BatchStream> {
        self.format.read(object, args).await
    }

    async fn write(&self, object: &Object, mut args: WriteArgs) -> Result<Box<dyn FileWriter>> {
        args.options = self.with(args.options);
        self.format.write(object, args).await
    }
}
