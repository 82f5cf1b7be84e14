//! Users: a fixed population per seed, so that the same people turn up again and again.

use serde_json::{Value, json};

use super::text;
use crate::rng::Rng;

const POPULATION: u64 = 900;
const SALT: u64 = 20;

/// One account.
#[derive(Debug, Clone)]
pub(super) struct User {
    pub(super) login: String,
    pub(super) id: u64,
    name: &'static str,
    bot: bool,
}

impl User {
    /// Any user; a few of them are seen much more often than the others.
    pub(super) fn any(seed: u64, rng: &mut Rng) -> Self {
        let crowd = if rng.chance(1, 3) { POPULATION / 20 } else { POPULATION };
        Self::nth(seed, rng.below(crowd))
    }

    fn nth(seed: u64, index: u64) -> Self {
        let mut rng = Rng::new(seed, SALT, index);
        let id = 1_000 + index * 211 + rng.below(211);
        let name = rng.pick(&text::NAMES);
        let handle = rng.pick(&text::HANDLES);
        let bot = index % 50 == 7;
        let login = if bot { format!("{handle}-{index}[bot]") } else { format!("{handle}{index}") };
        Self { login, id, name, bot }
    }

    /// The form in the envelope of an event.
    pub(super) fn brief(&self) -> Value {
        let Self { login, id, .. } = self;
        json!({
            "id": id,
            "login": login,
            "display_login": login.trim_end_matches("[bot]"),
            "gravatar_id": "",
            "url": format!("https://api.github.com/users/{login}"),
            "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?"),
        })
    }

    /// The form inside payloads.
    pub(super) fn full(&self) -> Value {
        let Self { login, id, bot, .. } = self;
        json!({
            "login": login,
            "id": id,
            "node_id": format!("U_kgDO{id:08x}"),
            "avatar_url": format!("https://avatars.githubusercontent.com/u/{id}?v=4"),
            "html_url": format!("https://github.com/{login}"),
            "type": if *bot { "Bot" } else { "User" },
            "site_admin": id.is_multiple_of(97),
        })
    }

    /// The form in a commit. Names are written in many scripts, and some are empty.
    pub(super) fn author(&self) -> Value {
        let Self { login, id, name, .. } = self;
        json!({"name": name, "email": format!("{id}+{login}@users.noreply.github.com")})
    }
}

/// Between none and `most` users in full form, each once.
pub(super) fn some(seed: u64, rng: &mut Rng, most: u64) -> Vec<Value> {
    let mut users: Vec<User> = (0..rng.below(most + 1)).map(|_| User::any(seed, rng)).collect();
    users.sort_by_key(|user| user.id);
    users.dedup_by_key(|user| user.id);
    users.iter().map(User::full).collect()
}
