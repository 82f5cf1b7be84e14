//! Credentials come from options. The machine's metadata server is asked by those only who have said so: elsewhere it
//! is a host that does not answer, and what a request to it says tells nobody which option is missing.

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use async_trait::async_trait;
use object_store::CredentialProvider;
use stitchwork_core::{Error, ErrorKind, Result};

use crate::options::Checked;

/// How a kind of store comes by its credentials.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Credentials {
    /// The ways, the usual one first: each is the options that it takes, all of them.
    pub(crate) ways: &'static [&'static [&'static str]],
    /// The flag that lets the machine be asked.
    pub(crate) machine: &'static str,
    /// Options that are about asking the machine, so that who gives one means it.
    pub(crate) about_machine: &'static [&'static str],
}

/// Where requests get their credentials from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// From options.
    Options,
    /// From the machine, which somebody has asked for.
    Machine,
    /// They have none: the bucket is public.
    Nowhere,
}

impl Credentials {
    /// Where the credentials of these options come from; `others` are further options that the location needs and
    /// that are not there.
    ///
    /// # Errors
    /// `InvalidConfig` where they come from nowhere, with the options that are missing: those of the way that the
    /// given options have begun, or of the usual one.
    pub(crate) fn check(&self, checked: &Checked, root: &str, others: &[&str]) -> Result<Origin> {
        let left = |way: &'static [&'static str]| -> Vec<&'static str> {
            way.iter().copied().filter(|name| checked.get(name).is_none()).collect()
        };
        if self.ways.iter().any(|way| left(way).is_empty()) {
            return Ok(Origin::Options);
        }
        let given = |name: &&str| checked.get(name).is_some_and(|value| value != "false");
        if checked.flag(self.machine) || self.about_machine.iter().any(given) {
            return Ok(Origin::Machine);
        }
        if checked.flag("skip_signature") {
            return Ok(Origin::Nowhere);
        }
        let begun = self.ways.iter().filter(|way| left(way).len() < way.len());
        let missing = begun.map(|way| left(way)).min_by_key(Vec::len);
        let missing = missing.or_else(|| self.ways.first().map(|way| left(way))).unwrap_or_default();
        let missing: Vec<&str> = missing.into_iter().chain(others.iter().copied()).collect();
        let ways: Vec<String> = self.ways.iter().map(|way| way.join("+")).collect();
        Err(Error::invalid_config(format!(
            "the store has no credentials: set the missing options, or those of another way; or `skip_signature` for \
             a public bucket, or `{}` to ask the machine for them",
            self.machine
        ))
        .with_context("root", root)
        .with_context("missing", missing.join(","))
        .with_context("ways", ways.join(",")))
    }
}

/// The machine's credentials, whose absence is told as such.
#[derive(Debug)]
pub(crate) struct FromMachine<C> {
    pub(crate) inner: Arc<dyn CredentialProvider<Credential = C>>,
    pub(crate) root: String,
    pub(crate) known: Credentials,
}

#[async_trait]
impl<C: Debug + Send + Sync> CredentialProvider for FromMachine<C> {
    type Credential = C;

    async fn get_credential(&self) -> object_store::Result<Arc<C>> {
        self.inner.get_credential().await.map_err(|error| {
            let usual = self.known.ways.first().map(|way| way.join(",")).unwrap_or_default();
            let text = format!(
                "the machine was asked for credentials, as the options allow, and gives none; set {usual} where it has \
                 none: {error}"
            );
            // The reasons of the system are shown in the line of core's error, and decide its kind.
            match ErrorKind::from(&error) {
                ErrorKind::Unavailable | ErrorKind::RateLimited => {
                    object_store::Error::Generic { store: "credentials", source: io::Error::other(text).into() }
                }
                _ => object_store::Error::Unauthenticated {
                    path: self.root.clone(),
                    source: io::Error::new(io::ErrorKind::PermissionDenied, text).into(),
                },
            }
        })
    }
}
