//! Versions from the newest one down.

use futures::future;
use futures::stream::{self, BoxStream, StreamExt, TryStreamExt};
use stitchwork_core::Result;

/// How many commits are read ahead.
const FETCHES: usize = 8;

/// What `read` makes of each version down from the newest one, at most `limit` of them, read ahead; it ends where there is
/// none any more.
pub fn down_from<'a, T, F>(
    newest: i64,
    limit: Option<usize>,
    read: impl FnMut(i64) -> F + Send + 'a,
) -> BoxStream<'a, Result<T>>
where
    T: Send + 'a,
    F: Future<Output = Result<Option<T>>> + Send + 'a,
{
    let ahead = limit.unwrap_or(FETCHES).clamp(1, FETCHES);
    stream::iter((0..=newest).rev())
        .take(limit.unwrap_or(usize::MAX))
        .map(read)
        .buffered(ahead)
        .try_take_while(|version| future::ready(Ok(version.is_some())))
        .try_filter_map(|version| future::ready(Ok(version)))
        .boxed()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use stitchwork_core::Error;

    use super::*;

    #[tokio::test]
    async fn down_to_the_limit_or_the_end() {
        let reads = AtomicUsize::new(0);
        let down = async |newest, limit| {
            reads.store(0, Ordering::Relaxed);
            let read = |version| {
                reads.fetch_add(1, Ordering::Relaxed);
                future::ready(Ok((version >= 3).then_some(version)))
            };
            let found: Vec<i64> = down_from(newest, limit, read).try_collect().await.unwrap();
            (found, reads.load(Ordering::Relaxed))
        };
        assert_eq!(down(20, Some(2)).await, (vec![20, 19], 2), "no more is read than asked for");
        assert_eq!(down(5, None).await.0, [5, 4, 3], "the log was cleaned up below");
        assert_eq!(down(5, Some(0)).await, (vec![], 0));
        assert_eq!(down(-1, None).await, (vec![], 0));
    }

    #[tokio::test]
    async fn an_error_is_passed_on() {
        let read = |version: i64| {
            future::ready(if version == 1 { Err(Error::invalid_data("broken")) } else { Ok(Some(version)) })
        };
        let found: Vec<Result<i64>> = down_from(2, None, read).collect().await;
        assert_eq!(found.first().unwrap().as_ref().unwrap(), &2);
        assert!(found.get(1).unwrap().is_err());
    }
}
