//! Web servers, read only.

use std::sync::Arc;

use object_store::http::HttpBuilder;
use object_store::{ClientConfigKey, ObjectStore};
use stitchwork_core::{Error, Options, Result};

use crate::guard::{GuardedStore, Writes};
use crate::options::{Kind, Vocabulary};
use crate::register::{authority, key, refused};

/// The query of every request (`token=…`).
const QUERY: &str = "secret_query";

pub(crate) const VOCABULARY: Vocabulary = Vocabulary { prefixes: &[], own: &[(QUERY, &[], Kind::Secret)] };

pub(crate) fn open(root: &str, options: &Options) -> Result<Arc<dyn ObjectStore>> {
    let mut checked = VOCABULARY.check(options)?;
    if authority(root)?.contains('@') {
        return Err(Error::invalid_input(
            "a location is printed in errors, so that it holds no user and password",
        ));
    }
    let query = checked.take(QUERY);
    let mut secrets = checked.secrets();
    let url = match &query {
        // What stands there in the root tells two queries apart.
        Some(query) => format!("{}/?{query}", root.split('?').next().unwrap_or(root)),
        None => root.to_owned(),
    };
    for (_, value) in query.iter().flat_map(|query| query.split('&')).filter_map(|part| part.split_once('='))
    {
        secrets.add(value);
    }
    // Whoever writes http:// in the location has allowed it.
    let mut builder = HttpBuilder::new().with_url(url).with_retry(checked.retry()?);
    if checked.get("allow_http").is_none() {
        builder = builder.with_config(ClientConfigKey::AllowHttp, "true");
    }
    for (name, value) in checked.for_builder() {
        builder = builder.with_config(key::<ClientConfigKey>(name)?, value);
    }
    match builder.build() {
        Ok(store) => Ok(Arc::new(GuardedStore::new(root, Arc::new(store), secrets, Writes::Never))),
        Err(error) => Err(refused(root, secrets.clean(error))),
    }
}
