//! Servers that cannot be spoken to by TLS, however often one tries.

use std::error::Error as StdError;
use std::io;

/// What is wrong with the server's certificate or its TLS, and what to do, if that is why there is no answer.
pub(super) fn problem(error: &reqwest::Error) -> Option<&'static str> {
    let mut cause: Option<&(dyn StdError + 'static)> = Some(error);
    while let Some(error) = cause {
        match error.downcast_ref::<rustls::Error>() {
            Some(rustls::Error::InvalidCertificate(_)) => {
                return Some(
                    "the certificate of the API is not trusted; where an authority of your own has signed it, name the \
                     file of that authority's certificate in the environment variable SSL_CERT_FILE",
                );
            }
            Some(rustls::Error::InvalidMessage(_)) => {
                return Some("what answers there is no HTTPS; if plain HTTP is meant, write `http://`");
            }
            _ => {}
        }
        // An error of the connection holds that of TLS, but does not say that it is its source.
        let held = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        cause = held.map_or_else(|| error.source(), |held| Some(held));
    }
    None
}
