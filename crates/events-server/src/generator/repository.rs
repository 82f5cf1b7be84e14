//! Repositories with their owners, and the events about a repository as a whole.

use serde_json::{Value, json};

use super::people::User;
use super::{Scene, text};
use crate::rng::Rng;

const POPULATION: u64 = 260;
const SALT: u64 = 30;

/// One repository.
#[derive(Debug, Clone)]
pub(super) struct Repository {
    pub(super) seed: u64,
    pub(super) id: u64,
    owner: String,
    owner_id: u64,
    in_org: bool,
    name: String,
    language: Option<&'static str>,
    topics: Vec<&'static str>,
    description: Option<&'static str>,
}

impl Repository {
    pub(super) fn any(seed: u64, rng: &mut Rng) -> Self {
        let crowd = if rng.chance(1, 2) { POPULATION / 10 } else { POPULATION };
        Self::nth(seed, rng.below(crowd))
    }

    fn nth(seed: u64, index: u64) -> Self {
        let mut rng = Rng::new(seed, SALT, index);
        let in_org = index % 5 < 2;
        let (owner, owner_id) = if in_org {
            let org = index % 40;
            (format!("{}-labs-{org}", text::HANDLES[(org % 20) as usize]), 9_000_000 + org)
        } else {
            let user = User::any(seed, &mut rng);
            (user.login, user.id)
        };
        let topics = (0..rng.below(5)).map(|_| rng.pick(&text::TOPICS)).collect();
        Self {
            seed,
            id: 50_000_000 + index * 1_009 + rng.below(1_009),
            owner,
            owner_id,
            in_org,
            name: format!("{}-{index}", rng.pick(&text::TOPICS)),
            language: rng.chance(4, 5).then(|| rng.pick(&text::LANGUAGES)),
            topics,
            description: rng.chance(4, 5).then(|| rng.pick(&text::TITLES)),
        }
    }

    pub(super) fn full_name(&self) -> String {
        format!("{}/{}", self.owner, self.name)
    }

    /// The address of something in the repository, in the API.
    pub(super) fn api(&self, path: &str) -> String {
        format!("https://api.github.com/repos/{}{path}", self.full_name())
    }

    /// The address of something in the repository, for people.
    pub(super) fn html(&self, path: &str) -> String {
        format!("https://github.com/{}{path}", self.full_name())
    }

    /// The form in the envelope of an event.
    pub(super) fn brief(&self) -> Value {
        json!({"id": self.id, "name": self.full_name(), "url": self.api("")})
    }

    /// The organisation in the envelope of an event.
    pub(super) fn org(&self) -> Option<Value> {
        let Self { owner, owner_id, .. } = self;
        self.in_org.then(|| {
            json!({
                "id": owner_id,
                "login": owner,
                "gravatar_id": "",
                "url": format!("https://api.github.com/orgs/{owner}"),
                "avatar_url": format!("https://avatars.githubusercontent.com/u/{owner_id}?"),
            })
        })
    }

    /// The form inside payloads.
    pub(super) fn full(&self, rng: &mut Rng) -> Value {
        json!({
            "id": self.id,
            "node_id": format!("R_kgDO{:08x}", self.id),
            "name": self.name,
            "full_name": self.full_name(),
            "private": false,
            "owner": {
                "login": self.owner,
                "id": self.owner_id,
                "type": if self.in_org { "Organization" } else { "User" },
                "site_admin": false,
            },
            "html_url": self.html(""),
            "description": self.description,
            "fork": false,
            "homepage": if rng.chance(1, 2) { json!("") } else { Value::Null },
            "size": rng.below(2_000_000),
            "stargazers_count": rng.below(50_000),
            "language": self.language,
            "license": license(rng),
            "topics": self.topics,
            "visibility": "public",
            "default_branch": if self.id.is_multiple_of(4) { "master" } else { "main" },
            // The search API scores its results; whole scores stay floats in JSON.
            "score": (rng.below(400) as f64) / 16.0,
        })
    }
}

fn license(rng: &mut Rng) -> Value {
    match rng.below(4) {
        0 => Value::Null,
        1 => {
            json!({"key": "mit", "name": "MIT License", "spdx_id": "MIT", "url": "https://api.github.com/licenses/mit"})
        }
        2 => {
            json!({"key": "apache-2.0", "name": "Apache License 2.0", "spdx_id": "Apache-2.0", "url": "https://api.github.com/licenses/apache-2.0"})
        }
        _ => json!({"key": "other", "name": "Other", "spdx_id": "NOASSERTION", "url": null}),
    }
}

/// The payload of a `ForkEvent`.
pub(super) fn fork(scene: &mut Scene<'_>) -> Value {
    let mut forkee = scene.repository.full(scene.rng);
    let name = &scene.repository.name;
    forkee["id"] = json!(700_000_000 + scene.index as u64);
    forkee["full_name"] = json!(format!("{}/{name}", scene.actor.login));
    forkee["html_url"] = json!(format!("https://github.com/{}/{name}", scene.actor.login));
    forkee["owner"] = scene.actor.full();
    forkee["fork"] = json!(true);
    forkee["created_at"] = json!(scene.now());
    forkee["pushed_at"] = json!(scene.earlier(90));
    forkee["has_issues"] = json!(scene.rng.chance(1, 10));
    forkee["permissions"] = json!({"admin": false, "push": false, "pull": true});
    json!({"forkee": forkee})
}

/// The payload of a `ReleaseEvent`.
pub(super) fn release(scene: &mut Scene<'_>) -> Value {
    let tag = format!("v{}.{}.{}", scene.rng.below(9), scene.rng.below(40), scene.rng.below(12));
    let id = 130_000_000 + scene.index as u64;
    let assets: Vec<Value> =
        (0..scene.rng.below(4)).map(|number| asset(scene, &tag, id * 10 + number)).collect();
    let mentions: Vec<Value> = super::people::some(scene.repository.seed, scene.rng, 3);
    let mut release = json!({
        "url": scene.repository.api(&format!("/releases/{id}")),
        "html_url": scene.repository.html(&format!("/releases/tag/{tag}")),
        "id": id,
        "author": scene.actor.full(),
        "node_id": format!("RE_kwDO{id:010x}"),
        "tag_name": tag,
        "target_commitish": "main",
        "name": if scene.rng.chance(1, 4) { json!("") } else { json!(format!("{tag} {}", scene.rng.pick(&text::TITLES))) },
        "draft": false,
        "prerelease": scene.rng.chance(1, 5),
        "created_at": scene.earlier(3),
        "published_at": scene.now(),
        "assets": assets,
        "body": text::body(scene.rng),
    });
    // GitHub leaves the count and the list out when nobody is mentioned.
    if !mentions.is_empty() {
        release["mentions_count"] = json!(mentions.len());
        release["mentions"] = json!(mentions);
    }
    json!({"action": "published", "release": release})
}

fn asset(scene: &mut Scene<'_>, tag: &str, id: u64) -> Value {
    let target = scene.rng.pick(&["x86_64-linux", "aarch64-darwin", "wasm32", "ubuntu-24.04_amd64"]);
    json!({
        "id": id,
        "name": format!("{}-{tag}-{target}.tar.gz", scene.repository.name),
        "label": if scene.rng.chance(1, 2) { Value::Null } else { json!("") },
        "content_type": "application/gzip",
        "state": "uploaded",
        "size": scene.rng.below(1 << 33),
        "download_count": scene.rng.below(90_000),
        "uploader": scene.actor.full(),
        "created_at": scene.now(),
        "digest": if scene.rng.chance(1, 3) { Value::Null } else { json!(format!("sha256:{}", scene.rng.hex(64))) },
    })
}
