//! A source that says what it is told to say.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use futures::stream::{self, BoxStream, StreamExt};
use serde_json::{Value, json};
use stitchwork_core::{
    Cursor, Error, Info, Message, Op, OpenArgs, Part, Result, Rows, Source, SourceCapabilities, StreamInfo,
};
use tokio::sync::Notify;

/// Where the source waits, if anywhere: it tells that it has come there, and waits to be let on.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    pub(crate) reached: Notify,
    pub(crate) open: Notify,
}

/// Messages in order; a cursor is the place of the next one.
#[derive(Debug, Clone)]
pub(crate) struct Script {
    streams: Vec<StreamInfo>,
    messages: Vec<Message>,
    pub(crate) incremental: bool,
    fails_at: Option<usize>,
    gate: Option<(usize, Arc<Gate>)>,
    /// How many messages have been given, over all runs.
    pub(crate) given: Arc<AtomicUsize>,
}

impl Script {
    pub(crate) fn new<'a>(streams: impl IntoIterator<Item = &'a str>) -> Self {
        let stream = |name: &str| StreamInfo { name: name.to_owned(), ..StreamInfo::default() };
        Self {
            streams: streams.into_iter().map(stream).collect(),
            messages: vec![],
            incremental: true,
            fails_at: None,
            gate: None,
            given: Arc::default(),
        }
    }

    pub(crate) fn message(mut self, message: Message) -> Self {
        self.messages.push(message);
        self
    }

    /// Rows of a stream, as an array.
    pub(crate) fn rows(self, stream: &str, rows: Value) -> Self {
        let rows = Rows::Json(rows.to_string().into_bytes());
        self.message(Message::Rows { stream: stream.to_owned(), rows, op: Op::Insert })
    }

    pub(crate) fn checkpoint(self) -> Self {
        let next = self.messages.len() + 1;
        self.message(Message::Checkpoint(Cursor(json!({ "next": next }))))
    }

    /// Rows and a checkpoint.
    pub(crate) fn page(self, stream: &str, rows: Value) -> Self {
        self.rows(stream, rows).checkpoint()
    }

    /// Only this stream has a cursor; the others come whole every time.
    pub(crate) fn with_cursor_for(mut self, stream: &str) -> Self {
        for info in self.streams.iter_mut().filter(|info| info.name == stream) {
            info.cursor_field = Some("id".to_owned());
        }
        self
    }

    /// Whether a message comes whatever the cursor says.
    fn comes_always(&self, place: usize) -> bool {
        let mixed = self.streams.iter().any(|info| info.cursor_field.is_some());
        let has_cursor =
            |stream: &str| self.streams.iter().any(|info| info.name == stream && info.cursor_field.is_some());
        matches!(self.messages.get(place), Some(Message::Rows { stream, .. }) if mixed && !has_cursor(stream))
    }

    /// Without cursors: it always gives everything.
    pub(crate) fn without_cursors(mut self) -> Self {
        self.incremental = false;
        self.messages.retain(|message| !matches!(message, Message::Checkpoint(_)));
        self
    }

    /// An error in place of what comes next.
    pub(crate) fn failing(mut self) -> Self {
        self.fails_at = Some(self.messages.len());
        self
    }

    /// Waits before what comes next.
    pub(crate) fn waiting(mut self, gate: &Arc<Gate>) -> Self {
        self.gate = Some((self.messages.len(), gate.clone()));
        self
    }

    /// The cursor at the end.
    pub(crate) fn end(&self) -> Cursor {
        Cursor(json!({ "next": self.messages.len() }))
    }
}

#[async_trait]
impl Source for Script {
    fn info(&self) -> Info {
        Info { scheme: "script", name: "a script".to_owned(), version: "0" }
    }

    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities { incremental: self.incremental, ..SourceCapabilities::default() }
    }

    async fn discover(&self) -> Result<Vec<StreamInfo>> {
        Ok(self.streams.clone())
    }

    async fn parts(&self, _: &OpenArgs) -> Result<Vec<Part>> {
        Ok(vec![Part::default()])
    }

    async fn open(&self, args: OpenArgs) -> Result<BoxStream<'static, Result<Message>>> {
        let start = match &args.cursor {
            None => 0,
            Some(_) if !self.incremental => return Err(Error::unsupported("no cursors here")),
            Some(Cursor(value)) => value
                .get("next")
                .and_then(Value::as_u64)
                .and_then(|next| usize::try_from(next).ok())
                .ok_or_else(|| Error::invalid_input("not a cursor of the script"))?,
        };
        let script = self.clone();
        let places: Vec<_> =
            (0..=self.messages.len()).filter(|place| *place >= start || self.comes_always(*place)).collect();
        let messages = stream::iter(places).then(move |place| {
            let script = script.clone();
            async move {
                if let Some((at, gate)) = &script.gate
                    && *at == place
                {
                    gate.reached.notify_one();
                    gate.open.notified().await;
                }
                if script.fails_at == Some(place) {
                    return Some(Err(Error::invalid_data("the other side has hung up")));
                }
                script.given.fetch_add(1, Ordering::SeqCst);
                script.messages.get(place).cloned().map(Ok)
            }
        });
        let selected = args.streams;
        let passes = move |message: &Result<Message>| match message {
            Ok(Message::Rows { stream, .. }) => selected.is_empty() || selected.contains(stream),
            _ => true,
        };
        Ok(messages
            .filter_map(std::future::ready)
            .filter(move |message| std::future::ready(passes(message)))
            .boxed())
    }
}
