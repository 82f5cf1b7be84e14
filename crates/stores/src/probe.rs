//! Whether the conditional puts of a store work: found out by trying.
//!
//! Each of the questions alone is answered rightly by some server that loses commits: there are those that ignore
//! every condition, those that know `If-None-Match` and ignore `If-Match`, and those that check the condition and
//! write in two steps, which only a race shows.

mod keys;
mod race;

use object_store::path::Path;
use object_store::{Error, ObjectStore, PutMode, Result, UpdateVersion};

use keys::{Answer, Keys};

/// How often a step is tried again when the store says "conflict" without there being one.
const TRIES: u32 = 5;

/// What the probe of a store has shown.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// Of several conditional puts one lands, and every other one is told so.
    Works,
    /// Commits would be lost.
    Fails {
        /// What the store has done wrong.
        reason: String,
    },
}

fn fails(reason: impl Into<String>) -> Result<Verdict> {
    Ok(Verdict::Fails { reason: reason.into() })
}

/// The folder that an object lies in.
pub(crate) fn folder_of(location: &Path) -> Path {
    let folder = location.as_ref().rsplit_once('/').map_or("", |(folder, _)| folder);
    Path::parse(folder).unwrap_or_default()
}

/// Asks a store whether its conditional puts work: on keys in `folder` whose names begin with
/// `.stitchwork-probe-`, and which are deleted afterwards. The right of deleting is not needed for the answer.
///
/// Tried are a create of a key that is there, an update with a stale version, one of a key that is not there, and
/// small races of both. Answers that get lost on the way do no harm: what is there is read back.
///
/// # Errors
/// Where the store does not answer, or forbids the puts: then nothing is known, and asking again may help.
pub async fn probe(store: &dyn ObjectStore, folder: &Path) -> Result<Verdict> {
    let keys = Keys::new(store, folder);
    let verdict = ask(&keys).await;
    keys.clean_up().await;
    verdict
}

async fn ask(keys: &Keys<'_>) -> Result<Verdict> {
    let first = match claim(keys).await? {
        Ok(version) => version,
        Err(verdict) => return Ok(verdict),
    };
    for question in [existing(keys).await?, update(keys, &first).await?, absent(keys, &first).await?] {
        if question != Verdict::Works {
            return Ok(question);
        }
    }
    race::ask(keys).await
}

const KEY: &str = "key";

/// A new key, and its version.
async fn claim(keys: &Keys<'_>) -> Result<std::result::Result<UpdateVersion, Verdict>> {
    let mut last = None;
    for _ in 0..TRIES {
        match keys.put(KEY, "one", PutMode::Create).await? {
            Answer::Done(version) => return Ok(Ok(version)),
            Answer::Unknown(text) => {
                return Ok(Err(Verdict::Fails { reason: format!("it does not know them: {text}") }));
            }
            // The repetition of a put whose answer was lost, or a conflict that is none.
            Answer::Refused(error) => match keys.version_if(KEY, "one").await? {
                Some(version) => return Ok(Ok(version)),
                None => last = Some(error),
            },
        }
    }
    Err(last.unwrap_or_else(|| keys.silent()))
}

/// A create of a key that is there.
async fn existing(keys: &Keys<'_>) -> Result<Verdict> {
    match keys.put(KEY, "two", PutMode::Create).await? {
        Answer::Done(_) => fails("a put that must not replace an object has replaced one"),
        Answer::Unknown(text) => fails(format!("it does not know puts that must not replace: {text}")),
        Answer::Refused(_) if keys.read(KEY).await?.as_deref() == Some("one") => Ok(Verdict::Works),
        Answer::Refused(_) => fails("a put that was refused has replaced the object"),
    }
}

/// An update with the right version lands, and then one with the same version does not.
async fn update(keys: &Keys<'_>, first: &UpdateVersion) -> Result<Verdict> {
    if first.e_tag.is_none() && first.version.is_none() {
        return fails("its objects have no ETag");
    }
    let mut landed = false;
    for _ in 0..TRIES {
        match keys.put(KEY, "two", PutMode::Update(first.clone())).await? {
            Answer::Done(_) => landed = true,
            Answer::Unknown(text) => return fails(format!("it does not know updates of a version: {text}")),
            Answer::Refused(_) => landed = keys.version_if(KEY, "two").await?.is_some(),
        }
        if landed {
            break;
        }
    }
    if !landed {
        return fails("an update of the newest version is refused");
    }
    match keys.put(KEY, "three", PutMode::Update(first.clone())).await? {
        Answer::Refused(_) if keys.read(KEY).await?.as_deref() == Some("two") => Ok(Verdict::Works),
        Answer::Refused(_) => fails("an update that was refused has replaced the object"),
        Answer::Done(_) | Answer::Unknown(_) => fails("an update of an old version has replaced a newer one"),
    }
}

/// An update of a key that is not there.
async fn absent(keys: &Keys<'_>, first: &UpdateVersion) -> Result<Verdict> {
    match keys.put("absent", "one", PutMode::Update(first.clone())).await? {
        Answer::Refused(_) => Ok(Verdict::Works),
        Answer::Done(_) | Answer::Unknown(_) => fails("an update has made an object that was not there"),
    }
}

/// Whether the store has said that it does not do this; object_store has no error of its own for 501.
fn is_unknown(error: &Error) -> bool {
    match error {
        Error::NotSupported { .. } | Error::NotImplemented { .. } => true,
        Error::Generic { .. } => {
            let text = format!("{error}");
            text.contains("501 Not Implemented") || text.contains("<Code>NotImplemented</Code>")
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests;
