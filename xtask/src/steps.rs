//! A row of named steps with their times.

use std::time::{Duration, Instant};

use crate::Outcome;

/// Runs steps one after the other and remembers how long each took.
#[derive(Debug, Default)]
pub(crate) struct Steps {
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Announces and runs one step; a failure names the step.
    pub(crate) fn run<T>(&mut self, name: &str, step: impl FnOnce() -> Outcome<T>) -> Outcome<T> {
        println!("==> {name}");
        let start = Instant::now();
        let result = step();
        let took = start.elapsed();
        match result {
            Ok(value) => {
                println!("    {name} ok ({})", seconds(took));
                self.done.push((name.to_owned(), took));
                Ok(value)
            }
            Err(message) => Err(format!("{name} failed after {}: {message}", seconds(took))),
        }
    }

    /// One line with all steps that ran.
    pub(crate) fn summary(&self) -> String {
        let total: Duration = self.done.iter().map(|(_, took)| *took).sum();
        let each: Vec<_> =
            self.done.iter().map(|(name, took)| format!("{name} {}", seconds(*took))).collect();
        format!("all {} steps passed in {}: {}", self.done.len(), seconds(total), each.join(", "))
    }
}

fn seconds(took: Duration) -> String {
    format!("{:.1} s", took.as_secs_f64())
}
