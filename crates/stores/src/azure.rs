//! Azure's blob storage.

use std::sync::Arc;

use object_store::ObjectStore;
use object_store::azure::{AzureConfigKey, MicrosoftAzureBuilder};
use stitchwork_core::{Error, Options, Result};

use crate::credentials::{Credentials, FromMachine, Origin};
use crate::options::{Kind, Vocabulary};
use crate::register::{authority, built, key};

pub(crate) const VOCABULARY: Vocabulary = Vocabulary {
    prefixes: &["azure_storage_", "azure_"],
    own: &[
        ("account_key", &["access_key", "master_key"], Kind::Secret),
        ("account_name", &[], Kind::Text),
        ("authority_host", &[], Kind::Url),
        ("bearer_token", &["token"], Kind::Secret),
        ("client_id", &[], Kind::Text),
        ("client_secret", &[], Kind::Secret),
        ("disable_tagging", &[], Kind::Flag),
        ("endpoint", &[], Kind::Url),
        ("fabric_cluster_identifier", &[], Kind::Text),
        ("fabric_session_token", &[], Kind::Secret),
        ("fabric_token_service_url", &[], Kind::Url),
        ("fabric_workload_host", &[], Kind::Text),
        ("federated_token_file", &[], Kind::Text),
        ("managed_identity", &[], Kind::Flag),
        ("msi_endpoint", &["identity_endpoint"], Kind::Url),
        ("msi_resource_id", &[], Kind::Text),
        ("object_id", &[], Kind::Text),
        ("sas_key", &["sas_token"], Kind::Secret),
        ("skip_signature", &[], Kind::Flag),
        ("tenant_id", &["authority_id"], Kind::Text),
        ("use_azure_cli", &[], Kind::Flag),
        ("use_fabric_endpoint", &[], Kind::Flag),
    ],
};

const CREDENTIALS: Credentials = Credentials {
    ways: &[
        &["account_key"],
        &["sas_key"],
        &["bearer_token"],
        &["client_id", "client_secret", "tenant_id"],
        &["client_id", "federated_token_file", "tenant_id"],
        &[
            "fabric_cluster_identifier",
            "fabric_session_token",
            "fabric_token_service_url",
            "fabric_workload_host",
        ],
    ],
    machine: "managed_identity",
    about_machine: &["msi_endpoint", "msi_resource_id", "object_id", "use_azure_cli"],
};

pub(crate) fn open(root: &str, options: &Options) -> Result<Arc<dyn ObjectStore>> {
    let mut checked = VOCABULARY.check(options)?;
    checked.check_endpoint("endpoint")?;
    let authority = authority(root)?;
    let named = authority.contains('@') || checked.get("account_name").is_some();
    let origin = CREDENTIALS.check(&checked, root, if named { &[] } else { &["account_name"] })?;
    checked.take(CREDENTIALS.machine);
    let mut builder = MicrosoftAzureBuilder::new().with_retry(checked.retry()?);
    match authority.split_once('@') {
        None => builder = builder.with_container_name(authority),
        Some((container, host)) => {
            let (account, domain) = host.split_once('.').unwrap_or((host, ""));
            let is_fabric = match domain {
                "dfs.core.windows.net" | "blob.core.windows.net" => false,
                "dfs.fabric.microsoft.com" | "blob.fabric.microsoft.com" => true,
                _ => {
                    return Err(Error::invalid_input(
                        "an Azure location is scheme://container/… with the option `account_name`, or \
                         scheme://container@account.dfs.core.windows.net/…",
                    )
                    .with_context("host", host));
                }
            };
            if checked.get("account_name").is_some_and(|name| name != account) {
                return Err(Error::invalid_config("the option names another account than the location")
                    .with_context("option", "account_name")
                    .with_context("location", account));
            }
            builder = builder
                .with_container_name(container)
                .with_account(account)
                .with_use_fabric_endpoint(is_fabric);
        }
    }
    for (name, value) in checked.for_builder() {
        builder = builder.with_config(key::<AzureConfigKey>(name)?, value);
    }
    let mut store = builder.clone().build();
    if let (Origin::Machine, Ok(plain)) = (origin, &store) {
        let (inner, root) = (plain.credentials().clone(), root.to_owned());
        let told = Arc::new(FromMachine { inner, root, known: CREDENTIALS });
        store = builder.with_credentials(told).build();
    }
    built(root, store, checked.secrets())
}
