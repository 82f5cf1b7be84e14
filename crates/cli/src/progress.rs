//! What a pipeline is doing, on a terminal.

use std::time::Duration;

use indicatif::{HumanBytes, HumanCount, ProgressBar, ProgressStyle};
use parking_lot::Mutex;
use std::sync::Arc;
use stitchwork::ingest::{Progress, ProgressFn};

use crate::console::Console;

/// How often the bar moves while nothing happens.
const TICK: Duration = Duration::from_millis(120);

/// A line that tells what a pipeline is doing. It goes away with this.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A line on a terminal, and nothing elsewhere.
    pub(crate) fn new(console: &Console, pipeline: &str) -> Self {
        if !console.shows_progress() {
            return Self { bar: ProgressBar::hidden() };
        }
        let bar = ProgressBar::new_spinner();
        if let Ok(style) = ProgressStyle::with_template("{spinner} {prefix}: {msg}  {elapsed}") {
            bar.set_style(style);
        }
        bar.set_prefix(pipeline.to_owned());
        bar.set_message("starting");
        bar.enable_steady_tick(TICK);
        Self { bar }
    }

    /// What a pipeline calls.
    pub(crate) fn listener(&self) -> ProgressFn {
        let bar = self.bar.clone();
        let read = Arc::new(Mutex::new(String::new()));
        ProgressFn::new(move |progress| match progress {
            Progress::Recovering { load } => {
                bar.set_message(format!("finishing load {load}, which was interrupted"));
            }
            Progress::Extracted { rows, bytes } => {
                let text = format!("{} rows read, {}", HumanCount(*rows), HumanBytes(*bytes));
                bar.set_message(text.clone());
                *read.lock() = text;
            }
            Progress::Written { rows } => {
                bar.set_message(format!("{}, {} rows written", read.lock(), HumanCount(*rows)));
            }
            Progress::Committing { load, table, tables } => {
                bar.set_message(format!("committing load {load}: {table} ({tables} tables)"));
            }
            Progress::Committed { load, rows } => {
                bar.set_message(format!("load {load} done with {} rows", HumanCount(*rows)));
            }
            _ => {}
        })
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
