//! The source.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use stitchwork_core::{Error, Info, Message, OpenArgs, Part, Result, Source, SourceCapabilities, StreamInfo};

use crate::client::Client;
use crate::config::RestConfig;
use crate::cursor::{SourceState, WAYS_ON};
use crate::reader::{Reader, Shared};

/// The only part of a source.
const PART: &str = "all";

/// A REST API as a source. Clones share its connections.
#[derive(Clone)]
pub struct RestSource {
    shared: Arc<Shared>,
}

impl RestSource {
    /// A source of these settings. No request is made before it is opened.
    ///
    /// # Errors
    /// `InvalidConfig` for settings that cannot work; the error says which.
    pub fn new(config: RestConfig) -> Result<Self> {
        let made = || {
            config.validate()?;
            Client::new(&config)
        };
        let client = made().map_err(|e| e.with_operation("source::new"))?;
        Ok(Self { shared: Arc::new(Shared { config, client }) })
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &RestConfig {
        &self.shared.config
    }

    /// The places of the selected streams in the configuration, in its order.
    fn select(&self, names: &[String]) -> Result<VecDeque<usize>> {
        let streams = &self.shared.config.streams;
        if let Some(unknown) = names.iter().find(|name| !streams.iter().any(|stream| stream.name == **name)) {
            let known = streams.iter().map(|stream| stream.name.as_str()).collect::<Vec<_>>().join(",");
            return Err(Error::not_found("the source has no such stream")
                .with_context("stream", unknown)
                .with_context("known", known));
        }
        let selected = |name: &String| names.is_empty() || names.contains(name);
        Ok(streams
            .iter()
            .enumerate()
            .filter(|(_, stream)| selected(&stream.name))
            .map(|(place, _)| place)
            .collect())
    }

    fn reader(&self, args: OpenArgs) -> Result<Reader> {
        let streams = self.select(&args.streams)?;
        if let Some(part) = args.part.filter(|part| part.id != PART) {
            return Err(Error::not_found("the source has no such part").with_context("part", part.id));
        }
        let state = match &args.cursor {
            None => SourceState::new(),
            Some(_) if !self.shared.config.is_incremental() => {
                return Err(Error::unsupported(format!(
                    "the earlier loads were incremental and the streams are not any more, so it is not known which \
                     rows are new: set `incremental` again, {WAYS_ON}"
                )));
            }
            Some(cursor) => SourceState::read(cursor, &self.shared.config.streams)?,
        };
        Ok(Reader::new(Arc::clone(&self.shared), streams, state, args.budget))
    }
}

#[async_trait]
impl Source for RestSource {
    fn info(&self) -> Info {
        let scheme = if self.shared.config.base_url.starts_with("https") { "https" } else { "http" };
        Info { scheme, name: "REST API".to_owned(), version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> SourceCapabilities {
        self.shared.config.capabilities()
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        let info = |stream: &crate::StreamConfig| StreamInfo {
            name: stream.name.clone(),
            schema: None,
            primary_key: stream.primary_key.clone(),
            cursor_field: stream.incremental.as_ref().map(|incremental| incremental.cursor_path.clone()),
        };
        Ok(self.shared.config.streams.iter().map(info).collect())
    }

    async fn parts(&self, args: &OpenArgs) -> Result<Vec<Part>> {
        self.select(&args.streams).map_err(|e| e.with_operation("source::parts"))?;
        Ok(vec![Part { id: PART.to_owned() }])
    }

    async fn open(&self, args: OpenArgs) -> Result<BoxStream<'static, Result<Message>>> {
        let reader = self.reader(args).map_err(|e| e.with_operation("source::open"))?;
        // After an error the reader is gone, and the stream ends.
        let messages = stream::unfold(Some(reader), |reader| async {
            let mut reader = reader?;
            match reader.next().await {
                Ok(Some(message)) => Some((Ok(message), Some(reader))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        Ok(messages.boxed())
    }
}

impl fmt::Debug for RestSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = &self.shared.config;
        let base = config.base().map(|url| self.shared.client.redactor.url(&url)).unwrap_or_default();
        let streams: Vec<&str> = config.streams.iter().map(|stream| stream.name.as_str()).collect();
        f.debug_struct("RestSource")
            .field("base_url", &base)
            .field("streams", &streams)
            .finish_non_exhaustive()
    }
}
