//! Google Cloud Storage.

use std::sync::Arc;

use object_store::gcp::{GcpCredential, GoogleCloudStorageBuilder, GoogleConfigKey};
use object_store::{ObjectStore, StaticCredentialProvider};
use stitchwork_core::{Error, Options, Result};

use crate::credentials::{Credentials, FromMachine, Origin};
use crate::options::{Kind, Vocabulary};
use crate::register::{authority, built, key};

pub(crate) const VOCABULARY: Vocabulary = Vocabulary {
    prefixes: &["google_"],
    own: &[
        ("application_credentials", &[], Kind::Text),
        ("application_default_credentials", &[], Kind::Flag),
        ("base_url", &[], Kind::Url),
        ("bearer_token", &["token"], Kind::Secret),
        ("service_account", &["service_account_path"], Kind::Text),
        ("service_account_key", &[], Kind::Secret),
        ("skip_signature", &[], Kind::Flag),
    ],
};

const CREDENTIALS: Credentials = Credentials {
    ways: &[&["service_account"], &["service_account_key"], &["application_credentials"], &["bearer_token"]],
    machine: "application_default_credentials",
    about_machine: &[],
};

pub(crate) fn open(root: &str, options: &Options) -> Result<Arc<dyn ObjectStore>> {
    let mut checked = VOCABULARY.check(options)?;
    checked.check_endpoint("base_url")?;
    let origin = CREDENTIALS.check(&checked, root, &[])?;
    let machine = checked.take(CREDENTIALS.machine).is_some_and(|flag| flag == "true");
    let given: Vec<&str> = CREDENTIALS
        .ways
        .iter()
        .flat_map(|way| way.iter().copied())
        .filter(|name| checked.get(name).is_some())
        .chain(machine.then_some(CREDENTIALS.machine))
        .collect();
    if given.len() > 1 {
        return Err(Error::invalid_config("the store is given several credentials; leave one of them")
            .with_context("root", root)
            .with_context("credentials", given.join(",")));
    }
    let bearer = checked.take("bearer_token");
    let mut builder =
        GoogleCloudStorageBuilder::new().with_bucket_name(authority(root)?).with_retry(checked.retry()?);
    // Without any, object_store would look into the home folder and ask the machine.
    if bearer.is_some() || origin == Origin::Nowhere {
        let credential = GcpCredential { bearer: bearer.unwrap_or_default() };
        builder = builder.with_credentials(Arc::new(StaticCredentialProvider::new(credential)));
    }
    for (name, value) in checked.for_builder() {
        builder = builder.with_config(key::<GoogleConfigKey>(name)?, value);
    }
    let mut store = builder.clone().build();
    if let (Origin::Machine, Ok(plain)) = (origin, &store) {
        let (inner, root) = (plain.credentials().clone(), root.to_owned());
        let told = Arc::new(FromMachine { inner, root, known: CREDENTIALS });
        store = builder.with_credentials(told).build();
    }
    built(root, store, checked.secrets())
}
