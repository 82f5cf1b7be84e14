//! Amazon S3 and everything that speaks its protocol.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::aws::{AmazonS3Builder, AmazonS3ConfigKey, S3ConditionalPut};
use stitchwork_core::{Options, Result};

use crate::credentials::{Credentials, FromMachine, Origin};
use crate::options::{Kind, Vocabulary};
use crate::register::{authority, built, key};

pub(crate) const VOCABULARY: Vocabulary = Vocabulary {
    prefixes: &["aws_"],
    own: &[
        ("access_key_id", &[], Kind::Secret),
        ("checksum_algorithm", &[], Kind::Text),
        ("container_authorization_token_file", &[], Kind::Text),
        ("container_credentials_full_uri", &[], Kind::Url),
        ("container_credentials_relative_uri", &[], Kind::Text),
        ("disable_tagging", &[], Kind::Flag),
        ("endpoint", &["endpoint_url_s3", "endpoint_url"], Kind::Url),
        ("endpoint_url_sts", &[], Kind::Url),
        ("imdsv1_fallback", &[], Kind::Flag),
        ("instance_credentials", &[], Kind::Flag),
        ("metadata_endpoint", &[], Kind::Url),
        ("region", &["default_region"], Kind::Text),
        ("request_payer", &[], Kind::Flag),
        ("role_arn", &[], Kind::Text),
        ("role_session_name", &[], Kind::Text),
        ("s3_express", &[], Kind::Flag),
        ("secret_access_key", &[], Kind::Secret),
        ("server_side_encryption", &[], Kind::Text),
        ("session_token", &["token"], Kind::Secret),
        ("skip_signature", &[], Kind::Flag),
        ("sse_bucket_key_enabled", &[], Kind::Flag),
        ("sse_customer_key_base64", &[], Kind::Secret),
        ("sse_kms_key_id", &[], Kind::Text),
        ("unsigned_payload", &[], Kind::Flag),
        ("virtual_hosted_style_request", &[], Kind::Flag),
        ("web_identity_token_file", &[], Kind::Text),
    ],
};

const CREDENTIALS: Credentials = Credentials {
    ways: &[
        &["access_key_id", "secret_access_key"],
        &["web_identity_token_file", "role_arn"],
        &["container_credentials_relative_uri"],
        &["container_credentials_full_uri", "container_authorization_token_file"],
    ],
    machine: "instance_credentials",
    about_machine: &["imdsv1_fallback", "metadata_endpoint"],
};

pub(crate) fn open(root: &str, options: &Options) -> Result<Arc<dyn ObjectStore>> {
    let mut checked = VOCABULARY.check(options)?;
    checked.check_endpoint("endpoint")?;
    let bucket = authority(root)?;
    // A server of one's own has any region; Amazon's buckets each have theirs.
    let named = ["endpoint", "region"].iter().any(|name| checked.get(name).is_some());
    let origin = CREDENTIALS.check(&checked, root, if named { &[] } else { &["region"] })?;
    checked.take(CREDENTIALS.machine);
    let mut builder = AmazonS3Builder::new()
        .with_bucket_name(bucket)
        .with_conditional_put(S3ConditionalPut::ETagMatch)
        .with_retry(checked.retry()?);
    for (name, value) in checked.for_builder() {
        // The client's options have no prefix there, the encryption's must have one.
        builder = builder.with_config(key::<AmazonS3ConfigKey>(name)?, value);
    }
    let mut store = builder.clone().build();
    if let (Origin::Machine, Ok(plain)) = (origin, &store) {
        let (inner, root) = (plain.credentials().clone(), root.to_owned());
        let told = Arc::new(FromMachine { inner, root, known: CREDENTIALS });
        store = builder.with_credentials(told).build();
    }
    built(root, store, checked.secrets())
}
