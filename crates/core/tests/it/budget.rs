use futures::FutureExt;
use stitchwork_core::Budget;

#[test]
fn waiters_are_served_in_order_and_a_dropped_one_loses_nothing() {
    let budget = Budget::new(10);
    let first = budget.try_reserve(8).unwrap();
    let mut second = Box::pin(budget.reserve(6));
    assert!(second.as_mut().now_or_never().is_none());
    let mut third = Box::pin(budget.reserve(1));
    assert!(
        third.as_mut().now_or_never().is_none(),
        "one byte is free, but the second waits before the third"
    );
    drop(second);
    drop(first);
    assert_eq!(third.now_or_never().unwrap().bytes(), 1);
    assert_eq!(budget.free(), 10);
}

#[test]
fn more_than_the_whole_budget_is_the_whole_budget() {
    let budget = Budget::new(10);
    let mut all = budget.reserve(1000).now_or_never().unwrap();
    assert_eq!((all.bytes(), budget.free()), (10, 0));
    all.shrink_to(4);
    assert_eq!(budget.free(), 6);
    drop(all);
    assert_eq!(budget.free(), 10);
}

#[test]
fn the_peak_is_the_most_that_was_held_at_once() {
    let budget = Budget::new(10);
    assert_eq!(budget.peak(), 0);
    drop(budget.try_reserve(6).unwrap());
    let first = budget.try_reserve(4).unwrap();
    assert_eq!((budget.peak(), budget.free()), (6, 6));
    // A waiter holds its bytes as soon as they are handed to it.
    let second = budget.try_reserve(3).unwrap();
    let mut waiting = Box::pin(budget.reserve(7));
    assert!(waiting.as_mut().now_or_never().is_none());
    assert_eq!(budget.peak(), 7);
    drop(first);
    assert_eq!(waiting.now_or_never().unwrap().bytes(), 7);
    drop(second);
    assert_eq!((budget.peak(), budget.free()), (10, 10));
}
