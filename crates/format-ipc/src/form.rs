//! Which of the two forms an object has, told by its bytes.

use arrow_schema::SchemaRef;
use stitchwork_core::{Error, Object, Result};
use stitchwork_objects::located;

use crate::config::IpcConfig;
use crate::error::broken;
use crate::file::{IpcFile, MAGIC};
use crate::sequence::Messages;
use crate::source::Source;

/// What the first version of Feather, which is no Arrow IPC, begins and ends with.
const FEATHER_1: &[u8; 4] = b"FEA1";

/// An object that is open.
pub(crate) enum Form {
    File(IpcFile),
    /// The schema and the messages after it.
    Stream(SchemaRef, Messages, Source),
}

impl Form {
    pub(crate) async fn open(object: &Object, config: &IpcConfig) -> Result<Self> {
        Self::find(object, config).await.map_err(|e| located(e, object))
    }

    async fn find(object: &Object, config: &IpcConfig) -> Result<Self> {
        let source = Source::open(object, config.footer_bytes).await?;
        let head = source.at_hand(&(0..source.size().min(6)));
        // A stream may end as a file does, by chance; what begins as no file is none.
        let file = match &head {
            Some(head) if !head.starts_with(MAGIC) => Ok(None),
            _ => IpcFile::open(&source).await,
        };
        if let Ok(Some(file)) = file {
            return Ok(Self::File(file));
        }
        let head = match head {
            Some(head) => head,
            None => source.bytes(0..source.size().min(6)).await?,
        };
        if head.starts_with(MAGIC) {
            return Err(match file {
                Err(e) => e,
                Ok(_) => broken("the object begins as an Arrow file and has no end of one: it is cut off"),
            });
        }
        if head.starts_with(FEATHER_1) {
            return Err(Error::unsupported(
                "the object is of version 1 of Feather; only version 2 is Arrow IPC",
            ));
        }
        let mut messages = Messages::open(&source, config.max_message_bytes).await?;
        let schema = messages.schema().await?;
        Ok(Self::Stream(schema, messages, source))
    }

    /// The schema of the object.
    pub(crate) fn schema(&self) -> &SchemaRef {
        match self {
            Self::File(file) => &file.schema,
            Self::Stream(schema, ..) => schema,
        }
    }
}
