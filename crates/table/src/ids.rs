//! Ids that begin with the time.

use std::time::{SystemTime, UNIX_EPOCH};

use uuid::{NoContext, Timestamp, Uuid};

/// An id of its own in 32 hexadecimal digits (UUIDv7), of which the first tell the time: of data files and runs. A clock that
/// stands before 1970 counts as 1970, where [`Uuid::now_v7`] panics.
#[must_use]
pub fn id_with_time() -> String {
    at(SystemTime::now()).simple().to_string()
}

fn at(time: SystemTime) -> Uuid {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    Uuid::new_v7(Timestamp::from_unix(NoContext, since.as_secs(), since.subsec_nanos()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn any_clock_gives_ids_that_differ() {
        let seconds = |id: Uuid| id.get_timestamp().unwrap().to_unix().0;
        let day = Duration::from_secs(24 * 3600);
        for (time, expected) in
            [(UNIX_EPOCH - 400 * day, 0), (UNIX_EPOCH, 0), (UNIX_EPOCH + 20_000 * day, 20_000 * 24 * 3600)]
        {
            assert_eq!(seconds(at(time)), expected);
            assert_ne!(at(time), at(time));
        }
        assert!(id_with_time() > at(UNIX_EPOCH + 20_000 * day).simple().to_string());
    }
}
