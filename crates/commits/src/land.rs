//! A commit at the next version, again and again until it is there or a conflict.

use object_store::PutPayload;
use stitchwork_core::{CommitState, CommitTag, Error, ErrorKind, Result};

use crate::put::back_off;
use crate::{Commit, Commits, Patience, Put};

/// A commit on its way, together with the state of the table that it is to be put on.
pub trait Attempt: Send {
    /// What the log's commits are.
    type Commit: Commit;

    /// The version after the state, and what to put there.
    ///
    /// # Errors
    /// Why the commit does not fit the state.
    fn next(&mut self) -> Result<(i64, PutPayload)>;

    /// What nobody else's commit has inside.
    fn id(&self) -> &str;

    /// Takes the commit of somebody else, which has the version after the state, into the state.
    ///
    /// # Errors
    /// Why ours must not follow it.
    fn lose(&mut self, winner: Self::Commit) -> Result<()>;
}

/// Puts a commit after all others, and returns how many of them were faster.
///
/// # Errors
/// Those of the attempt, of [`Commits::put`] and of [`Commits::read`]. One without a commit state has left nothing
/// behind.
pub async fn land<A: Attempt>(commits: &Commits, attempt: &mut A, patience: &mut Patience) -> Result<u32> {
    let mut lost_races = 0_u32;
    loop {
        let (mut version, payload) = attempt.next()?;
        let mut lost = match commits.put(version, &payload, attempt.id(), patience).await? {
            Put::Won => return Ok(lost_races),
            Put::Lost(winner) => Some(winner),
        };
        while let Some(winner) = lost.take() {
            lost_races = lost_races.saturating_add(1);
            patience.progress();
            attempt.lose(winner)?;
            if lost_races > 1 {
                // Where many race, looking first is cheaper than losing again.
                version = next_version(version)?;
                lost = commits.read(version).await?;
            }
        }
        if lost_races > 3 {
            back_off(lost_races.min(5)).await;
        }
    }
}

/// The version after another.
///
/// # Errors
/// `Unsupported` where there is none.
pub fn next_version(version: i64) -> Result<i64> {
    version.checked_add(1).ok_or_else(|| Error::unsupported("the table has had its last version"))
}

/// Refuses a commit on a base that the table has not come to.
///
/// # Errors
/// `InvalidInput`.
pub fn check_base(base: i64, newest: i64) -> Result<()> {
    if newest < base {
        return Err(Error::invalid_input(
            "the base of the commit is newer than the table: it is of another one",
        )
        .with_context("base", base)
        .with_context("version", newest));
    }
    Ok(())
}

/// Refuses a commit whose application has made it, or a later one; `newest` is the id of the application's last tag.
///
/// # Errors
/// `AlreadyExists`.
pub fn check_tag(tag: Option<&CommitTag>, newest: impl FnOnce(&str) -> Option<i64>) -> Result<()> {
    if let Some(tag) = tag
        && let Some(found) = newest(&tag.application)
        && found >= tag.id
    {
        return Err(Error::new(ErrorKind::AlreadyExists, "the application has made this commit already")
            .with_context("application", &tag.application)
            .with_context("id", tag.id)
            .with_context("newest", found));
    }
    Ok(())
}

/// The error of a commit to a table, which says what it has left behind.
#[must_use]
pub fn failed_commit(error: Error, table: &str) -> Error {
    let error = error.with_operation("log::commit").with_context("table", table);
    match error.commit_state() {
        Some(_) => error,
        // Everything but the put itself happens before anything can be visible.
        None => error.with_commit_state(CommitState::NotCommitted),
    }
}

#[cfg(test)]
mod tests;
