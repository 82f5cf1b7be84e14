//! Web servers, read only.

use std::sync::Arc;

use object_store::http::HttpBuilder;
use object_store::{ClientConfigKey, ObjectStore};
use stitchwork_core::{Error, Options, Result};

use crate::guard::{GuardedStore, Writes};
use crate::options::Vocabulary;
use crate::register::{authority, key, refused};

pub(crate) const VOCABULARY: Vocabulary = Vocabulary { prefixes: &[], own: &[] };

pub(crate) fn open(root: &str, options: &Options) -> Result<Arc<dyn ObjectStore>> {
    let checked = VOCABULARY.check(options)?;
    if authority(root)?.contains('@') {
        return Err(Error::invalid_input(
            "a location is printed in errors, so that it holds no user and password",
        ));
    }
    // Whoever writes http:// in the location has allowed it.
    let mut builder = HttpBuilder::new().with_url(root).with_retry(checked.retry()?);
    if checked.get("allow_http").is_none() {
        builder = builder.with_config(ClientConfigKey::AllowHttp, "true");
    }
    for (name, value) in checked.for_builder() {
        builder = builder.with_config(key::<ClientConfigKey>(name)?, value);
    }
    let secrets = checked.secrets();
    match builder.build() {
        Ok(store) => Ok(Arc::new(GuardedStore::new(root, Arc::new(store), secrets, Writes::Never))),
        Err(error) => Err(refused(root, secrets.clean(error))),
    }
}
