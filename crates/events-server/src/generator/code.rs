//! Events about branches, commits and wiki pages.

use serde_json::{Value, json};

use super::people::User;
use super::{Scene, text};

fn branch(scene: &mut Scene<'_>) -> String {
    match scene.rng.below(4) {
        0 | 1 => "main".to_owned(),
        2 => format!("feature/{}-{}", scene.rng.pick(&text::TOPICS), scene.rng.below(500)),
        _ => scene.rng.pick(&text::BRANCHES).to_owned(),
    }
}

/// The payload of a `PushEvent`. In about one of a thousand, `push_id` is a string in place of an integer.
pub(super) fn push(scene: &mut Scene<'_>) -> Value {
    let distinct = if scene.rng.chance(1, 25) { 0 } else { scene.rng.between(1, 3) + scene.rng.below(3) };
    // Beyond twenty commits GitHub lists only the first twenty, so `size` and the length of the list differ.
    let size = if scene.rng.chance(1, 200) { scene.rng.between(21, 3_000) } else { distinct };
    let commits: Vec<Value> = (0..size.min(20)).map(|number| commit(scene, number < distinct)).collect();
    let push_id = 17_000_000_000 + scene.index as u64 * 3 + scene.rng.below(3);
    json!({
        "repository_id": scene.repository.id,
        "push_id": if scene.rng.chance(1, 1_000) { json!(push_id.to_string()) } else { json!(push_id) },
        "size": size,
        "distinct_size": distinct,
        "ref": format!("refs/heads/{}", branch(scene)),
        "head": scene.rng.hex(40),
        "before": scene.rng.hex(40),
        "commits": commits,
    })
}

fn commit(scene: &mut Scene<'_>, distinct: bool) -> Value {
    let sha = scene.rng.hex(40);
    let author = if scene.rng.chance(3, 4) {
        scene.actor.clone()
    } else {
        User::any(scene.repository.seed, scene.rng)
    };
    let mut commit = json!({
        "url": scene.repository.api(&format!("/commits/{sha}")),
        "sha": sha,
        "author": author.author(),
        "message": text::commit_message(scene.rng),
        "distinct": distinct,
    });
    if scene.rng.chance(1, 6) {
        let reason = scene.rng.pick(&["valid", "unsigned", "unknown_key"]);
        commit["verification"] = json!({"verified": reason == "valid", "reason": reason, "signature": null});
    }
    commit
}

/// The payload of a `CreateEvent`.
pub(super) fn create(scene: &mut Scene<'_>) -> Value {
    let kind = scene.rng.pick(&["branch", "branch", "branch", "tag", "repository"]);
    let name = match kind {
        "repository" => Value::Null,
        "tag" => json!(format!("v{}.{}.0", scene.rng.below(9), scene.rng.below(30))),
        _ => json!(branch(scene)),
    };
    let description = match scene.rng.below(4) {
        0 => Value::Null,
        1 => json!(""),
        _ => json!(scene.rng.pick(&text::TITLES)),
    };
    json!({
        "ref": name,
        "ref_type": kind,
        "master_branch": "main",
        "description": description,
        "pusher_type": "user",
    })
}

/// The payload of a `DeleteEvent`.
pub(super) fn delete(scene: &mut Scene<'_>) -> Value {
    let pusher = if scene.rng.chance(1, 20) { "deploy_key" } else { "user" };
    json!({"ref": branch(scene), "ref_type": scene.rng.pick(&["branch", "branch", "tag"]), "pusher_type": pusher})
}

/// The payload of a `GollumEvent`.
pub(super) fn gollum(scene: &mut Scene<'_>) -> Value {
    let pages: Vec<Value> = (0..scene.rng.between(1, 3))
        .map(|_| {
            let title = scene.rng.pick(&text::TITLES);
            let page = format!("Page-{}", scene.rng.below(90));
            json!({
                "page_name": page,
                "title": title,
                "summary": null,
                "action": scene.rng.pick(&["created", "edited"]),
                "sha": scene.rng.hex(40),
                "html_url": scene.repository.html(&format!("/wiki/{page}")),
            })
        })
        .collect();
    json!({"pages": pages})
}
