//! Objects that come in parts.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::path::Path;
use object_store::{MultipartUpload, PutPayload, PutResult, Result, UploadPart};
use parking_lot::Mutex;

use crate::blocking::blocking;
use crate::disk::Disk;
use crate::store::store_error;
use crate::writer::{Over, Staged, Writer};

/// An upload whose parts are written into one file, each at its place: they may be awaited in any order.
#[derive(Debug)]
pub(crate) struct Upload<D: Disk> {
    shared: Arc<Shared<D>>,
    /// Where the next part begins.
    place: u64,
}

#[derive(Debug)]
struct Shared<D: Disk> {
    writer: Arc<Writer<D>>,
    location: Path,
    path: PathBuf,
    state: Mutex<State<D::File>>,
}

#[derive(Debug)]
enum State<F> {
    /// No part has been written.
    New,
    Staged(Staged<F>),
    /// It is complete, given up, or a part of it is lost.
    Over,
}

impl<D: Disk> Upload<D> {
    pub(crate) fn new(writer: Arc<Writer<D>>, location: Path, path: PathBuf) -> Self {
        let state = Mutex::new(State::New);
        Self { shared: Arc::new(Shared { writer, location, path, state }), place: 0 }
    }

    async fn run<F>(&self, work: F) -> Result<()>
    where
        F: FnOnce(&Shared<D>) -> io::Result<()> + Send + 'static,
    {
        let shared = self.shared.clone();
        blocking(move || work(&shared)).await.map_err(|e| store_error(&self.shared.location, e))
    }
}

impl<D: Disk> Shared<D> {
    fn write(&self, place: u64, payload: &PutPayload) -> io::Result<()> {
        let mut state = self.state.lock();
        if matches!(*state, State::New) {
            *state = State::Staged(self.writer.stage(&self.path)?);
        }
        let State::Staged(staged) = &mut *state else { return Err(over()) };
        let mut place = place;
        let written = payload.iter().try_for_each(|chunk| {
            self.writer.write_at(staged, place, chunk)?;
            place += chunk.len() as u64;
            Ok(())
        });
        if written.is_err() {
            // With a hole in it the object must never be published.
            self.end(&mut state);
        }
        written
    }

    fn complete(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let staged = match std::mem::replace(&mut *state, State::Over) {
            State::New => self.writer.stage(&self.path)?,
            State::Staged(staged) => staged,
            State::Over => return Err(over()),
        };
        self.writer.publish(staged, &self.path, Over::Replace)
    }

    fn end(&self, state: &mut State<D::File>) {
        if let State::Staged(staged) = std::mem::replace(state, State::Over) {
            self.writer.discard(&staged);
        }
    }
}

fn over() -> io::Error {
    io::Error::other("the upload is complete, given up, or has lost a part; begin another one")
}

#[async_trait]
impl<D: Disk> MultipartUpload for Upload<D> {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        let (shared, place) = (self.shared.clone(), self.place);
        self.place += data.content_length() as u64;
        Box::pin(async move {
            let location = shared.location.clone();
            let written = blocking(move || shared.write(place, &data)).await;
            written.map_err(|e| store_error(&location, e))
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.run(Shared::complete).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn abort(&mut self) -> Result<()> {
        self.run(|shared| {
            shared.end(&mut shared.state.lock());
            Ok(())
        })
        .await
    }
}

impl<D: Disk> Drop for Shared<D> {
    fn drop(&mut self) {
        if let State::Staged(staged) = self.state.get_mut() {
            self.writer.discard(staged);
        }
    }
}
