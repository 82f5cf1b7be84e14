//! A builder used as a source: what is wrong with it is said when it is read.

use async_trait::async_trait;
use futures::stream::BoxStream;
use stitchwork_core::{Info, Message, OpenArgs, Part, Result, Source, SourceCapabilities, StreamInfo};

use crate::RestBuilder;

#[async_trait]
impl Source for RestBuilder {
    fn info(&self) -> Info {
        let scheme = if self.config().base_url.starts_with("https") { "https" } else { "http" };
        Info { scheme, name: "REST API".to_owned(), version: env!("CARGO_PKG_VERSION") }
    }

    fn capabilities(&self) -> SourceCapabilities {
        // What the settings ask for, whether or not they can work: what is wrong with them is an error of every call
        // that can fail, and no source that silently does less.
        self.config().capabilities()
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        self.clone().build()?.discover().await
    }

    async fn parts(&self, args: &OpenArgs) -> Result<Vec<Part>> {
        self.clone().build()?.parts(args).await
    }

    async fn open(&self, args: OpenArgs) -> Result<BoxStream<'static, Result<Message>>> {
        self.clone().build()?.open(args).await
    }
}
