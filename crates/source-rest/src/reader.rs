//! Reads streams page by page.

mod finder;
mod repeats;

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;

use serde_json::Value;
use stitchwork_core::{Budget, Error, Message, Op, Reservation, Result, Rows};

use crate::client::{Body, Client};
use crate::config::{IncrementalConfig, Method, Partial, RestConfig, RowOrder, StreamConfig};
use crate::cursor::{Etag, SourceState, StreamState};
use crate::hash::{self, Hasher};
use crate::json::{Outline, RowsAt, failed, incomplete, wrap_rows};
use crate::paginator::{PageInfo, PageRequest, Pager};
use crate::path::JsonPath;
use crate::tracker::Tracker;
use finder::Finder;
use repeats::Repeats;

/// The most pages in a row without rows: some APIs leave pages empty, and some name a next page for ever.
const MOST_EMPTY: u32 = 100;

/// What a source is made of, shared by everything that it has opened.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) config: RestConfig,
    pub(crate) client: Client,
}

/// Reads the selected streams one after the other.
#[derive(Debug)]
pub(crate) struct Reader {
    shared: Arc<Shared>,
    waiting: VecDeque<usize>,
    current: Option<StreamReader>,
    state: SourceState,
    ready: VecDeque<Message>,
    budget: Option<Budget>,
}

impl Reader {
    pub(crate) fn new(
        shared: Arc<Shared>,
        streams: VecDeque<usize>,
        state: SourceState,
        budget: Option<Budget>,
    ) -> Self {
        Self { shared, waiting: streams, current: None, state, ready: VecDeque::new(), budget }
    }

    /// The next message; none at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Message>> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(Some(message));
            }
            let mut reader = match self.current.take() {
                Some(reader) => reader,
                None => {
                    let Some(place) = self.waiting.pop_front() else { return Ok(None) };
                    StreamReader::new(&self.shared, place, &self.state)?
                }
            };
            let page = reader.read(&self.shared, self.budget.as_ref()).await;
            let page =
                page.map_err(|e| e.with_operation("source::read").with_context("stream", &reader.name))?;
            if let Some(json) = page.rows {
                let (stream, rows) = (reader.name.clone(), Rows::Json(json));
                self.ready.push_back(Message::Rows { stream, rows, op: Op::Insert });
            }
            let checkpoint = reader.state(page.is_last);
            if let Some(state) = checkpoint.filter(|_| page.is_last || !self.ready.is_empty()) {
                self.state.streams.insert(reader.name.clone(), state);
                self.ready.push_back(Message::Checkpoint(self.state.to_cursor()?));
            }
            if !page.is_last {
                self.current = Some(reader);
            }
        }
    }
}

/// Reads one stream.
#[derive(Debug)]
struct StreamReader {
    name: String,
    method: Method,
    finder: Finder,
    /// What the settings name in pages, which may be inside of lists.
    named: Vec<JsonPath>,
    /// What becomes of rows beside errors.
    partial: Partial,
    /// How many rows came so far, and how many pages without rows since the last one with rows.
    read: u64,
    empty: u32,
    repeats: Repeats,
    pager: Pager,
    next: PageRequest,
    /// The requests so far: one that comes again would come again and again.
    seen: BTreeSet<u128>,
    tracker: Option<Tracker>,
    descending: bool,
    /// The state as it was, kept when nothing is new.
    before: StreamState,
    tag: Option<Etag>,
    unchanged: bool,
    /// The size of the page before, which the next one is expected to have.
    expected: u64,
}

/// What one page has brought.
struct PageRows {
    rows: Option<Vec<u8>>,
    is_last: bool,
}

impl StreamReader {
    fn new(shared: &Shared, place: usize, state: &SourceState) -> Result<Self> {
        let missing = || Error::unexpected("a stream has gone from the configuration");
        let stream = shared.config.streams.get(place).ok_or_else(missing)?;
        let mut before = state.streams.get(&stream.name).cloned().unwrap_or_default();
        let tracker = |config: &IncrementalConfig| Tracker::new(config, &stream.primary_key, &before);
        let tracker = stream.incremental.as_ref().map(tracker).transpose()?;
        if let Some(tracker) = tracker.as_ref().filter(|_| before.cursor_path.is_none()) {
            before = StreamState { last: before.last, etag: before.etag, ..tracker.state() };
        }
        let pager = Pager::new(stream.paginator.as_ref().unwrap_or(&shared.config.paginator))?;
        let next = first_request(shared, stream, tracker.as_ref(), &pager)?;
        let finder = Finder::new(stream, !before.last.is_null())?;
        Ok(Self {
            name: stream.name.clone(),
            method: stream.method,
            named: finder.selector().into_iter().chain(pager.paths()).cloned().collect(),
            finder,
            partial: stream.on_errors,
            read: 0,
            empty: 0,
            repeats: Repeats::new(&stream.primary_key)?,
            pager,
            next,
            seen: BTreeSet::new(),
            tracker,
            descending: stream.incremental.as_ref().is_some_and(|i| i.row_order == RowOrder::Descending),
            before,
            tag: None,
            unchanged: false,
            expected: 0,
        })
    }

    /// Fetches a page and takes it apart.
    async fn read(&mut self, shared: &Shared, budget: Option<&Budget>) -> Result<PageRows> {
        let request = self.next.clone();
        let id = request_id(self.method, &request);
        if !self.seen.insert(id) {
            return Err(Error::invalid_data(
                "the pages go in a circle: the same request comes a second time",
            )
            .with_context("url", shared.client.redactor.url(&request.url))
            .with_context("pages", self.seen.len()));
        }
        let is_first = self.seen.len() == 1;
        let tagged = hash::to_text(self.tagged(id));
        let known = self.before.etag.clone().filter(|etag| is_first && etag.request == tagged);
        // Never waited for: whoever holds the rest of the budget may be waiting for this very page.
        let _reservation: Option<Reservation> = budget.and_then(|budget| budget.try_reserve(self.expected));
        let tag = known.as_ref().map(|etag| etag.tag.as_str());
        let page = shared.client.fetch(self.method, &request, tag).await?;
        let is_nothing = matches!(page.body, Body::Empty);
        let mut body = match page.body {
            Body::Text(body) => body,
            // A page like another, without rows.
            Body::Empty => b"{}".to_vec(),
            Body::Unchanged if known.is_some() => {
                (self.unchanged, self.tag) = (true, known);
                return Ok(PageRows { rows: None, is_last: true });
            }
            Body::Unchanged => {
                return Err(Error::invalid_data(
                    "the API says that nothing has changed, though it was not asked",
                ));
            }
        };
        self.expected = body.len() as u64;
        let shown = |e: Error| e.with_context("url", shared.client.redactor.url(&page.url));
        let mut outline = Outline::of(&body).map_err(shown)?;
        outline.open(&body, &self.named).map_err(shown)?;
        let failure = self.finder.failure(&outline, &body);
        let excerpt = || shared.client.redactor.excerpt(&String::from_utf8_lossy(&body));
        let shown_url = shared.client.redactor.url(&page.url);
        let at = if is_nothing { Ok(RowsAt::Nowhere) } else { self.finder.find(&outline, &body, &shown_url) };
        let at = at.map_err(|e| match failure {
            Some(field) if !outline.may_have_rows() => shown(failed(field, excerpt())),
            _ => shown(e.with_context("body", excerpt())),
        })?;
        let (rows, wrapped) = match &at {
            RowsAt::Array(range) => wrap_rows(body.get(range.clone()).unwrap_or_default()).map_err(shown)?,
            RowsAt::Object(_) => (1, None),
            RowsAt::Nowhere => (0, None),
        };
        if let Some(field) = failure.filter(|_| rows == 0) {
            return Err(shown(failed(field, excerpt())));
        }
        // A row that is the page itself has fields of its own.
        if let RowsAt::Array(_) = at
            && self.partial == Partial::Error
            && let Some(field) = outline.errors(&body)
        {
            return Err(shown(incomplete(field, excerpt())));
        }
        self.read += rows;
        self.empty = if rows == 0 { self.empty + 1 } else { 0 };
        if self.empty > MOST_EMPTY {
            return Err(shown(
                Error::invalid_data(
                    "the API names a next page for ever, and none of the last ones has rows; set `paginator` to one that knows the end \
                     (such as `offset` or `page_number`, with the number of all)",
                )
                .with_context("pages", self.seen.len()),
            ));
        }
        if at != RowsAt::Nowhere {
            self.finder.learn(&outline, &body);
        }
        // An empty page is the end, or a gap, and says nothing.
        let rows_text = match &at {
            RowsAt::Array(range) | RowsAt::Object(range) if rows > 0 => body.get(range.clone()),
            _ => None,
        };
        if let Some(again) =
            self.repeats.check(rows_text, matches!(at, RowsAt::Array(_)), self.pager.counts())
        {
            if self.pager.has_all(self.read - rows) {
                return Ok(PageRows { rows: None, is_last: true });
            }
            return Err(shown(again).with_context("pages", self.seen.len()));
        }
        let (url, links, told) = (&page.url, page.links.as_slice(), page.told);
        let array = match &at {
            RowsAt::Array(range) => body.get(range.clone()).unwrap_or_default(),
            RowsAt::Object(_) | RowsAt::Nowhere => &[],
        };
        let info = PageInfo {
            url,
            shown_url: &shown_url,
            links,
            body: &body,
            array,
            around: self.finder.around(),
            name: self.finder.place().and_then(<[String]>::last).map_or("", String::as_str),
            row: self.finder.place().filter(|_| matches!(at, RowsAt::Object(_))),
            outline: &outline,
            rows,
            read: self.read,
            told,
            is_first,
        };
        let next = self.pager.next(&request, &info).map_err(shown)?;
        match at {
            RowsAt::Array(range) => match wrapped {
                Some(wrapped) => body = wrapped,
                None => {
                    body.truncate(range.end);
                    body.drain(..range.start);
                }
            },
            RowsAt::Object(range) => body = [b"[", body.get(range).unwrap_or_default(), b"]"].concat(),
            RowsAt::Nowhere => body.clear(),
        }
        let (rows, met_old) = match &mut self.tracker {
            _ if rows == 0 => (None, false),
            None => (Some(body), false),
            Some(tracker) => {
                let taken = tracker.take(body).map_err(shown)?;
                (taken.json, taken.met_old)
            }
        };
        let ends_early = self.descending && met_old;
        let is_last = next.is_none() || ends_early;
        if is_first && (self.descending || next.is_none()) {
            // The tag of a first page speaks for all rows only where there is no other page, or new rows come first.
            self.tag = page.etag.map(|tag| Etag { request: tagged, tag });
        }
        if let Some(next) = next {
            self.next = next;
        }
        Ok(PageRows { rows, is_last })
    }

    /// What a tag is of: the request, and where the rows are in its answer. One that was told to have them elsewhere has
    /// others, though it may be unchanged.
    fn tagged(&self, id: u128) -> u128 {
        let Some(selector) = self.finder.selector() else { return id };
        let mut hasher = Hasher::new();
        hasher.add(&id.to_be_bytes());
        selector.keys().iter().for_each(|key| hasher.add(key.as_bytes()));
        hasher.finish()
    }

    /// The state to go on from; none where a load cannot be cut off here.
    fn state(&self, is_last: bool) -> Option<StreamState> {
        let tracker = self.tracker.as_ref()?;
        if self.unchanged {
            return Some(self.before.clone());
        }
        if is_last {
            return Some(StreamState { etag: self.tag.clone(), ..tracker.state() });
        }
        tracker.can_stop_anywhere().then(|| tracker.state())
    }
}

fn first_request(
    shared: &Shared,
    stream: &StreamConfig,
    tracker: Option<&Tracker>,
    pager: &Pager,
) -> Result<PageRequest> {
    let mut request = PageRequest { url: stream.url(&shared.config.base()?)?, body: stream.json.clone() };
    let start = tracker.and_then(Tracker::start);
    let incremental = stream.incremental.as_ref();
    if let (Some(start), Some(incremental)) = (start, incremental)
        && let Some(param) = &incremental.start_param
    {
        let value = match incremental.start_in {
            crate::SendIn::Query => Value::String(start.to_param()),
            crate::SendIn::Body => start.raw().clone(),
        };
        request.set(incremental.start_in, param, value)?;
    }
    pager.begin(&mut request)?;
    Ok(request)
}

fn request_id(method: Method, request: &PageRequest) -> u128 {
    let mut hasher = Hasher::new();
    hasher.add(format!("{method:?}").as_bytes());
    hasher.add(request.url.as_str().as_bytes());
    hasher.add_json(request.body.as_ref().unwrap_or(&Value::Null));
    hasher.finish()
}
