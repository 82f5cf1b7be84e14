//! Events about issues, comments and pull requests.

use serde_json::{Value, json};

use super::people::{self, User};
use super::{Scene, text};

const ASSOCIATIONS: [&str; 4] = ["NONE", "CONTRIBUTOR", "MEMBER", "OWNER"];

/// An id that takes up to 63 bits, as in the field of the same name of GitHub's GraphQL API.
fn full_database_id(scene: &mut Scene<'_>) -> i64 {
    (scene.rng.bits() >> 1) as i64
}

fn labels(scene: &mut Scene<'_>) -> Vec<Value> {
    let count = if scene.rng.chance(1, 3) { 0 } else { scene.rng.between(1, 4) };
    let mut names: Vec<&str> = (0..count).map(|_| scene.rng.pick(&text::LABELS)).collect();
    names.sort_unstable();
    names.dedup();
    names
        .into_iter()
        .map(|name| {
            let description = match scene.rng.below(3) {
                0 => Value::Null,
                1 => json!(""),
                _ => json!(scene.rng.pick(&text::TITLES)),
            };
            let id = 1_000_000_000 + scene.repository.id * 16 + name.len() as u64;
            json!({"id": id, "name": name, "color": scene.rng.hex(6), "default": name == "bug", "description": description})
        })
        .collect()
}

fn milestone(scene: &mut Scene<'_>) -> Value {
    if scene.rng.chance(3, 4) {
        return Value::Null;
    }
    let number = scene.rng.between(1, 30);
    json!({
        "id": 8_000_000 + scene.repository.id % 1_000 * 100 + number,
        "number": number,
        "title": format!("{number}.0"),
        "description": if scene.rng.chance(1, 2) { Value::Null } else { json!(scene.rng.pick(&text::TITLES)) },
        "creator": User::any(scene.repository.seed, scene.rng).full(),
        "open_issues": scene.rng.below(50),
        "due_on": if scene.rng.chance(1, 2) { Value::Null } else { json!(scene.now()) },
    })
}

fn reactions(scene: &mut Scene<'_>) -> Value {
    let counts: [u64; 4] = [scene.rng.below(20), scene.rng.below(3), scene.rng.below(9), scene.rng.below(2)];
    let [up, down, heart, rocket] = counts;
    json!({"total_count": counts.iter().sum::<u64>(), "+1": up, "-1": down, "heart": heart, "rocket": rocket})
}

/// What issues and pull requests have in common.
fn thread(scene: &mut Scene<'_>, path: &str, number: u64, state: &str) -> Value {
    let assignees = people::some(scene.repository.seed, scene.rng, 3);
    let closed_at = if state == "closed" { json!(scene.now()) } else { Value::Null };
    json!({
        "url": scene.repository.api(&format!("/{path}/{number}")),
        "html_url": scene.repository.html(&format!("/{path}/{number}")),
        "id": 2_000_000_000 + scene.repository.id * 10 + number,
        "number": number,
        "title": scene.rng.pick(&text::TITLES),
        "user": User::any(scene.repository.seed, scene.rng).full(),
        "labels": labels(scene),
        "state": state,
        "locked": scene.rng.chance(1, 30),
        // The first of the assignees again, or null: the same object in two places.
        "assignee": assignees.first(),
        "assignees": assignees,
        "milestone": milestone(scene),
        "created_at": scene.earlier(400),
        "updated_at": scene.now(),
        "closed_at": closed_at,
        "author_association": scene.rng.pick(&ASSOCIATIONS),
        "body": text::body(scene.rng),
    })
}

fn issue(scene: &mut Scene<'_>, state: &str) -> Value {
    let number = scene.rng.between(1, 9_000);
    let mut issue = thread(scene, "issues", number, state);
    issue["comments"] = json!(scene.rng.below(60));
    issue["reactions"] = reactions(scene);
    issue["state_reason"] = if state == "closed" { json!("completed") } else { Value::Null };
    issue["active_lock_reason"] = Value::Null;
    issue["full_database_id"] = json!(full_database_id(scene));
    // Most issues lack the key, some have it as null, and some have an app in it.
    match scene.rng.below(20) {
        0 => issue["performed_via_github_app"] = Value::Null,
        1 => {
            issue["performed_via_github_app"] = json!({
                "id": 15_368,
                "slug": "github-actions",
                "owner": {"login": "github", "id": 9_919, "type": "Organization"},
                "permissions": {"issues": "write", "metadata": "read"},
                "events": ["issues", "push"],
            });
        }
        _ => {}
    }
    issue
}

/// The payload of an `IssuesEvent`.
pub(super) fn issues(scene: &mut Scene<'_>) -> Value {
    let action = scene.rng.pick(&["opened", "closed", "reopened", "labeled", "assigned"]);
    let issue = issue(scene, if action == "closed" { "closed" } else { "open" });
    let mut payload = json!({"action": action});
    // The subject of the action is repeated beside the issue, where there is one.
    match action {
        "labeled" => payload["label"] = issue["labels"][0].clone(),
        "assigned" => payload["assignee"] = issue["assignee"].clone(),
        _ => {}
    }
    payload["issue"] = issue;
    payload
}

/// The payload of an `IssueCommentEvent`.
pub(super) fn issue_comment(scene: &mut Scene<'_>) -> Value {
    let issue = issue(scene, "open");
    let id = 1_800_000_000 + scene.index as u64;
    let comment = json!({
        "url": scene.repository.api(&format!("/issues/comments/{id}")),
        "html_url": scene.repository.html(&format!("/issues/{}#issuecomment-{id}", issue["number"])),
        "id": id,
        "user": scene.actor.full(),
        "created_at": scene.now(),
        "updated_at": scene.now(),
        "author_association": scene.rng.pick(&ASSOCIATIONS),
        "body": text::body(scene.rng),
        "reactions": reactions(scene),
    });
    json!({"action": "created", "issue": issue, "comment": comment})
}

/// The payload of a `PullRequestEvent`.
pub(super) fn pull_request(scene: &mut Scene<'_>) -> Value {
    let action = scene.rng.pick(&["opened", "opened", "closed", "closed", "reopened"]);
    let number = scene.rng.between(1, 9_000);
    let merged = action == "closed" && scene.rng.chance(3, 4);
    let mut pull = thread(scene, "pull", number, if action == "closed" { "closed" } else { "open" });
    pull["requested_reviewers"] = json!(people::some(scene.repository.seed, scene.rng, 2));
    pull["requested_teams"] = if scene.rng.chance(1, 10) {
        json!([{"id": 3_000 + scene.repository.id % 100, "slug": "maintainers", "parent": null}])
    } else {
        json!([])
    };
    pull["merged"] = json!(merged);
    pull["merged_at"] = if merged { json!(scene.now()) } else { Value::Null };
    pull["merged_by"] = if merged { scene.actor.full() } else { Value::Null };
    pull["merge_commit_sha"] = if merged { json!(scene.rng.hex(40)) } else { Value::Null };
    pull["mergeable"] = if merged { Value::Null } else { json!(scene.rng.chance(4, 5)) };
    pull["draft"] = json!(scene.rng.chance(1, 8));
    let head = end(scene, "feature", true);
    pull["head"] = head;
    pull["base"] = end(scene, "main", false);
    for (key, most) in
        [("comments", 30), ("commits", 20), ("additions", 9_000), ("deletions", 9_000), ("changed_files", 90)]
    {
        pull[key] = json!(scene.rng.below(most));
    }
    pull["auto_merge"] = Value::Null;
    pull["_links"] = json!({
        "self": {"href": scene.repository.api(&format!("/pulls/{number}"))},
        "commits": {"href": scene.repository.api(&format!("/pulls/{number}/commits"))},
    });
    pull["full_database_id"] = json!(full_database_id(scene));
    json!({"action": action, "number": number, "pull_request": pull})
}

/// One end of a pull request. The repository of a head is null when the fork is gone.
fn end(scene: &mut Scene<'_>, branch: &str, may_be_gone: bool) -> Value {
    let gone = may_be_gone && scene.rng.chance(1, 15);
    let repository = if gone { Value::Null } else { scene.repository.full(scene.rng) };
    json!({
        "label": format!("{}:{branch}", scene.actor.login),
        "ref": branch,
        "sha": scene.rng.hex(40),
        "user": if gone { Value::Null } else { scene.actor.full() },
        "repo": repository,
    })
}
