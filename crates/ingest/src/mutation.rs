//! Bugs that a test can plant, to see that the tests of crashes would find them.

/// A bug that a pipeline is given on purpose, one for each step of a load. There is none unless
/// `Pipeline::with_mutation` is called, which only builds with the feature `mutation` have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(feature = "mutation"), expect(unreachable_pub, reason = "it is public with the feature only"))]
pub enum Mutation {
    /// Files: a commit that fails is cleaned up after as if the manifest did not name the files.
    FilesRemoved,
    /// Load manifest: the store's answer that there is one already is believed, though it may be one's own.
    ManifestAnswerBelieved,
    /// Tagged commit: tables are committed without the tag.
    CommitUntagged,
    /// Roll-forward: an unfinished load is taken for finished.
    RollForwardSkipped,
}

/// The bug of a pipeline, if it has one.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Planted {
    #[cfg(feature = "mutation")]
    mutation: Option<Mutation>,
}

impl Planted {
    #[cfg(feature = "mutation")]
    pub(crate) fn new(mutation: Mutation) -> Self {
        Self { mutation: Some(mutation) }
    }

    #[cfg(feature = "mutation")]
    pub(crate) fn has(self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }

    #[cfg(not(feature = "mutation"))]
    #[expect(clippy::unused_self, reason = "it is asked in the same way with and without the feature")]
    pub(crate) fn has(self, _: Mutation) -> bool {
        false
    }
}
