//! Several writers at once.

use futures::future::join_all;
use object_store::{PutMode, Result, UpdateVersion};

use super::keys::{Answer, Keys};
use super::{Verdict, fails};

/// A store that checks and writes in two steps lets two writers win in more than half of such rounds.
const ROUNDS: usize = 4;
const WRITERS: usize = 6;

/// Of writers that create the same key, and of those that update the same version of it, one wins.
pub(super) async fn ask(keys: &Keys<'_>) -> Result<Verdict> {
    for round in 0..ROUNDS {
        let key = format!("race-{round}");
        let (verdict, there) = one(keys, &key, "c", PutMode::Create).await?;
        if verdict != Verdict::Works {
            return Ok(verdict);
        }
        // Nobody may have won when every answer was "conflict": then there is nothing to update.
        let Some((_, version)) = there else { continue };
        let (verdict, _) = one(keys, &key, "u", PutMode::Update(version)).await?;
        if verdict != Verdict::Works {
            return Ok(verdict);
        }
    }
    Ok(Verdict::Works)
}

type There = Option<(String, UpdateVersion)>;

async fn one(keys: &Keys<'_>, key: &str, what: &str, mode: PutMode) -> Result<(Verdict, There)> {
    let bodies: Vec<String> = (0..WRITERS).map(|writer| format!("{what}{writer}")).collect();
    let answers = join_all(bodies.iter().map(|body| keys.put(key, body, mode.clone()))).await;
    let mut winners = Vec::new();
    let mut failed = None;
    for (body, answer) in bodies.iter().zip(answers) {
        match answer {
            Ok(Answer::Done(_)) => winners.push(body),
            Ok(Answer::Refused(_) | Answer::Unknown(_)) => {}
            // This one may have landed: the others are judged without it.
            Err(error) => failed = Some(error),
        }
    }
    if winners.len() > 1 {
        let reason =
            format!("{} of {WRITERS} writers at once were told that they were the only one", winners.len());
        return Ok((fails(reason)?, None));
    }
    let there = keys.read_version(key).await?;
    match (winners.first(), &there) {
        (Some(winner), Some((body, _))) if body == *winner => Ok((Verdict::Works, there)),
        (Some(_), _) => Ok((fails("the put of a writer that was told it had won is not there")?, None)),
        // The winner was not told, since its answer was lost and its repetition refused.
        (None, _) => match failed {
            Some(error) => Err(error),
            None => Ok((Verdict::Works, there)),
        },
    }
}
