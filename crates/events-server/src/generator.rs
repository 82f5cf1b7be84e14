//! Events by index: each is a function of the seed and its index, so that any page can be made without the others.

mod code;
mod discussion;
mod people;
mod repository;
mod text;

use serde_json::{Value, json};

use crate::rng::Rng;
use crate::timeline;
use people::User;
use repository::Repository;

/// The event types that are generated, in alphabetical order.
pub const EVENT_TYPES: [&str; 10] = [
    "CreateEvent",
    "DeleteEvent",
    "ForkEvent",
    "GollumEvent",
    "IssueCommentEvent",
    "IssuesEvent",
    "PullRequestEvent",
    "PushEvent",
    "ReleaseEvent",
    "WatchEvent",
];

/// A stream cannot be longer than this; its last event then lies some 950 years after the first.
pub(crate) const MOST_EVENTS: usize = 1_000_000_000;

/// How many of a thousand events are of each type, in the order of `EVENT_TYPES`.
const SHARES: [u64; 10] = [60, 25, 40, 10, 110, 75, 110, 460, 20, 90];

/// The purposes of the random numbers drawn here.
const SALT_TYPE: u64 = 10;
const SALT_BODY: u64 = 11;

/// What the payload of one event is made from.
struct Scene<'a> {
    rng: &'a mut Rng,
    index: usize,
    second: i64,
    actor: &'a User,
    repository: &'a Repository,
}

impl Scene<'_> {
    /// A time up to `days` days before the event.
    fn earlier(&mut self, days: u64) -> String {
        timeline::to_rfc3339(self.second - self.rng.between(60, days * 86_400) as i64)
    }

    fn now(&self) -> String {
        timeline::to_rfc3339(self.second)
    }
}

/// Makes events in the shape of GitHub's events API, deterministic by seed.
///
/// A stream ends after a billion events; the event at any index beyond is its last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EventGenerator {
    seed: u64,
}

impl EventGenerator {
    /// The generator of the events under a seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { seed }
    }

    /// The second (Unix time) at which the event at `index` happened. It never decreases with the index.
    #[must_use]
    pub fn created_at(&self, index: usize) -> i64 {
        timeline::created_at(self.seed, index.min(MOST_EVENTS - 1))
    }

    /// The type of the event at `index`, one of [`EVENT_TYPES`].
    #[must_use]
    pub fn event_type(&self, index: usize) -> &'static str {
        let index = index.min(MOST_EVENTS - 1);
        let mut ticket = Rng::new(self.seed, SALT_TYPE, index as u64).below(SHARES.iter().sum());
        for (name, share) in EVENT_TYPES.into_iter().zip(SHARES) {
            match ticket.checked_sub(share) {
                Some(rest) => ticket = rest,
                None => return name,
            }
        }
        "PushEvent"
    }

    /// The event at `index`.
    #[must_use]
    pub fn event(&self, index: usize) -> Value {
        let index = index.min(MOST_EVENTS - 1);
        let mut rng = Rng::new(self.seed, SALT_BODY, index as u64);
        let second = self.created_at(index);
        let kind = self.event_type(index);
        // Ids grow with the index and leave gaps, as real ones do.
        let id = 34_000_000_000 + index as u64 * 7 + rng.below(7);
        let actor = User::any(self.seed, &mut rng);
        let repository = Repository::any(self.seed, &mut rng);
        let mut scene = Scene { rng: &mut rng, index, second, actor: &actor, repository: &repository };
        let payload = match kind {
            "CreateEvent" => code::create(&mut scene),
            "DeleteEvent" => code::delete(&mut scene),
            "ForkEvent" => repository::fork(&mut scene),
            "GollumEvent" => code::gollum(&mut scene),
            "IssueCommentEvent" => discussion::issue_comment(&mut scene),
            "IssuesEvent" => discussion::issues(&mut scene),
            "PullRequestEvent" => discussion::pull_request(&mut scene),
            "ReleaseEvent" => repository::release(&mut scene),
            "WatchEvent" => json!({"action": "started"}),
            _ => code::push(&mut scene),
        };
        let mut event = json!({
            "id": id.to_string(),
            "type": kind,
            "actor": actor.brief(),
            "repo": repository.brief(),
            "payload": payload,
            "public": true,
            "created_at": timeline::to_rfc3339(second),
        });
        // Only events in a repository of an organisation have the key.
        if let Some(org) = repository.org() {
            event["org"] = org;
        }
        event
    }
}

#[cfg(test)]
mod tests;
