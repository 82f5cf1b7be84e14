use std::sync::Arc;

use stitchwork_core::{Catalog, Error, ErrorKind, Opener, Registry};

#[test]
fn an_unknown_scheme_names_the_known_ones() {
    let registry = Registry::new();
    let error = registry.log("dleta").unwrap_err();
    assert_eq!(
        error.to_string(),
        "not found: nothing is registered for the scheme; write a known one, or register what brings it, which a feature of the build may have left out role=log scheme=dleta known=none"
    );
}

#[test]
fn a_taken_scheme_is_refused() {
    let mut registry = Registry::new();
    let opener: Opener<dyn Catalog> = Arc::new(|_| Box::pin(async { Err(Error::unsupported("no")) }));
    registry.register_catalog("x", opener.clone()).unwrap();
    assert_eq!(registry.register_catalog("x", opener).unwrap_err().kind(), ErrorKind::AlreadyExists);
}
