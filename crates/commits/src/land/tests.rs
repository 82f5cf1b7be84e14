//! Attempts that meet the commits of others.

use std::time::Duration;

use stitchwork_testkit::{Fault, Operation, Rule};

use super::*;
use crate::numbered::tests::{Note, folder, write};

/// Goes on whoever wins, but for one.
struct Try {
    version: i64,
    lost_to: Vec<String>,
}

impl Attempt for Try {
    type Commit = Note;

    fn next(&mut self) -> Result<(i64, PutPayload)> {
        Ok((next_version(self.version)?, PutPayload::from("id ours")))
    }

    fn id(&self) -> &str {
        "ours"
    }

    fn lose(&mut self, winner: Note) -> Result<()> {
        assert_eq!(winner.version, self.version + 1, "winners come one after the other");
        self.version = winner.version;
        let id = winner.id().unwrap().to_owned();
        if id == "enemy" {
            return Err(Error::conflict("an enemy was faster"));
        }
        self.lost_to.push(id);
        Ok(())
    }
}

async fn attempt(commits: &Commits) -> (Result<u32>, Try) {
    let mut attempt = Try { version: -1, lost_to: vec![] };
    let result = land(commits, &mut attempt, &mut Patience::new(Duration::from_secs(60))).await;
    (result, attempt)
}

#[tokio::test]
async fn it_lands_after_all_winners() {
    for winners in 0..8_u32 {
        let (commits, store) = folder();
        for version in 0..winners {
            write(&commits, version.into(), &format!("id {version}")).await;
        }
        store.forget();
        let (result, attempt) = attempt(&commits).await;
        assert_eq!(result.unwrap(), winners);
        let want: Vec<String> = (0..winners).map(|version| version.to_string()).collect();
        assert_eq!(attempt.lost_to, want);
        assert_eq!(commits.read::<Note>(winners.into()).await.unwrap().unwrap().id(), Some("ours"));
        assert!(store.count(Operation::Put) <= 3, "many winners are looked at before the next put");
    }
}

#[tokio::test]
async fn a_winner_that_conflicts_ends_it() {
    let (commits, _) = folder();
    write(&commits, 0, "id friend").await;
    write(&commits, 1, "id enemy").await;
    let (result, attempt) = attempt(&commits).await;
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Conflict);
    assert_eq!(attempt.lost_to, ["friend"]);
    assert_eq!(commits.read::<Note>(2).await.unwrap(), None);
}

#[tokio::test]
async fn a_lost_answer_is_no_lost_race() {
    let (commits, store) = folder();
    store.inject(Rule::on(&[Operation::Put], Fault::LostAnswer));
    let (result, attempt) = attempt(&commits).await;
    assert_eq!((result.unwrap(), attempt.lost_to.len()), (0, 0));
    assert_eq!(commits.read::<Note>(1).await.unwrap(), None, "it landed once");
}

#[test]
fn versions_end() {
    assert_eq!(next_version(-1).unwrap(), 0);
    assert_eq!(next_version(i64::MAX).unwrap_err().kind(), ErrorKind::Unsupported);
}

#[test]
fn bases_and_tags_are_checked() {
    check_base(3, 3).unwrap();
    assert_eq!(check_base(4, 3).unwrap_err().kind(), ErrorKind::InvalidInput);
    let tag = CommitTag { application: "app".to_owned(), id: 5, payload: None };
    let newest = |id: i64| move |application: &str| (application == "app").then_some(id);
    check_tag(None, newest(9)).unwrap();
    check_tag(Some(&tag), |_| None).unwrap();
    check_tag(Some(&tag), newest(4)).unwrap();
    for id in [5, 6] {
        let error = check_tag(Some(&tag), newest(id)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!(error.context("newest"), Some(id.to_string().as_str()));
    }
}

#[test]
fn an_error_says_what_is_left_behind() {
    let error = failed_commit(Error::conflict("no"), "memory:t");
    assert_eq!(
        (error.commit_state(), error.context("table")),
        (Some(CommitState::NotCommitted), Some("memory:t"))
    );
    let error = Error::conflict("no").with_commit_state(CommitState::Unknown);
    assert_eq!(failed_commit(error, "memory:t").commit_state(), Some(CommitState::Unknown));
}
