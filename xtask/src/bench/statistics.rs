//! Ratios over rounds.

use std::fmt::{self, Write};

use super::measure::{Contender, Round, Run};

/// A mean of ratios and the ends of its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Ratio {
    pub(super) mean: f64,
    pub(super) low: f64,
    pub(super) high: f64,
}

/// The two-sided 95 % quantiles of Student's t by degrees of freedom, from 1 on; the normal distribution's beyond.
const T: [f64; 15] = [
    12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160, 2.145, 2.131,
];

impl Ratio {
    /// The geometric mean of ratios, each of one round, with the interval of its logarithm.
    pub(super) fn of(ratios: &[f64]) -> Self {
        let count = ratios.len() as f64;
        let logs: Vec<f64> = ratios.iter().map(|ratio| ratio.ln()).collect();
        let mean = logs.iter().sum::<f64>() / count;
        if ratios.len() < 2 {
            return Self { mean: mean.exp(), low: 0.0, high: f64::INFINITY };
        }
        let variance = logs.iter().map(|log| (log - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let half = T.get(ratios.len() - 2).copied().unwrap_or(1.96) * (variance / count).sqrt();
        Self { mean: mean.exp(), low: (mean - half).exp(), high: (mean + half).exp() }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.2} ({:.2} to {:.2})", self.mean, self.low, self.high)
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    match values.len() {
        0 => f64::NAN,
        count if count % 2 == 1 => values.get(count / 2).copied().unwrap_or(f64::NAN),
        count => {
            values.get(count / 2 - 1..=count / 2).map_or(f64::NAN, |middle| middle.iter().sum::<f64>() / 2.0)
        }
    }
}

/// The median of the commits around the one of this number, from 1.
fn around(seconds: &[f64], number: usize) -> f64 {
    let from = number.saturating_sub(6).min(seconds.len().saturating_sub(1));
    median(seconds.get(from..(number + 5).min(seconds.len())).unwrap_or_default().to_vec())
}

/// What was measured: a line per contender with its ratios over what it is compared with, then its parts and its commits.
pub(super) fn table(contenders: &[Contender], rounds: &[Round]) -> String {
    let mut text = String::new();
    let runs = |name: &str| rounds.iter().filter_map(|round| round.get(name)).collect::<Vec<&Run>>();
    let of = |name: &str, value: fn(&Run) -> f64| median(runs(name).into_iter().map(value).collect());
    let _ = writeln!(
        text,
        "{:<24} {:>9} {:>9} {:>9}   CPU (95 %) and wall over that of …",
        "", "CPU s", "wall s", "peak MiB"
    );
    let mut parts = String::new();
    for contender in contenders {
        let name = contender.name.as_str();
        let _ = write!(
            text,
            "{name:<24} {:>9.3} {:>9.3} {:>9.0}",
            of(name, |run| run.said.cpu),
            of(name, |run| run.said.wall),
            of(name, |run| run.peak as f64 / 1_048_576.0),
        );
        let Some(against) = contender.against.as_deref() else {
            text.push('\n');
            continue;
        };
        let ratios = |value: &dyn Fn(&Run) -> Option<f64>| {
            let pairs = rounds
                .iter()
                .filter_map(|round| Some(value(round.get(name)?)? / value(round.get(against)?)?));
            Ratio::of(&pairs.collect::<Vec<_>>())
        };
        let cpu = ratios(&|run| Some(run.said.cpu));
        let wall = ratios(&|run| Some(run.said.wall)).mean;
        let _ = writeln!(text, "   {cpu}, {wall:.2}, {against}");
        for part in runs(name).first().map(|run| run.said.parts.keys()).into_iter().flatten() {
            let ratio = ratios(&|run| run.said.parts.get(part).copied());
            let _ = writeln!(parts, "{name:<24} {part:<10} CPU {ratio}, {against}");
        }
    }
    text.push_str(&parts);
    for contender in contenders {
        let name = &contender.name;
        let count = runs(name).first().map_or(0, |run| run.said.seconds.len());
        if count == 0 {
            continue;
        }
        let at = |number: usize| {
            median(runs(name).iter().map(|run| around(&run.said.seconds, number) * 1000.0).collect())
        };
        let per_second = count as f64 / of(name, |run| run.said.seconds.iter().sum());
        let _ = writeln!(
            text,
            "{name:<24} {per_second:>9.1} commits/s; ms of the 10th {:.2}, 100th {:.2}, last {:.2}",
            at(10.min(count)),
            at(100.min(count)),
            at(count),
        );
    }
    text
}

#[cfg(test)]
mod tests {
    use super::super::measure::Said;
    use super::*;

    #[test]
    fn ratios_have_the_interval_of_their_logarithms() {
        let same = Ratio::of(&[2.0, 2.0, 2.0]);
        assert!((same.mean - 2.0).abs() < 1e-9 && (same.low - 2.0).abs() < 1e-9, "{same:?}");
        let apart = Ratio::of(&[1.0, 4.0]);
        assert!((apart.mean - 2.0).abs() < 1e-9, "{apart:?}");
        assert!(apart.low < 0.01 && apart.high > 100.0, "two rounds say little: {apart:?}");
        // By hand: logs 0, ln 1.1, ln 1.21; their deviation is ln 1.1, t is 4.303.
        let three = Ratio::of(&[1.0, 1.1, 1.21]);
        let half = 4.303 * 1.1_f64.ln() / 3.0_f64.sqrt();
        assert!((three.low - 1.1 * (-half).exp()).abs() < 1e-9, "{three:?}");
    }

    #[test]
    fn a_table_compares_each_contender_with_its_own() {
        let program = std::path::Path::new("program");
        let new = |name: &str| Contender::new(name, program, Vec::new());
        let contenders =
            [new("ours"), new("peer").against("ours"), new("other"), new("third").against("other")];
        let run = |cpu: f64| Run {
            said: Said { cpu, wall: cpu, parts: [("sum".to_owned(), cpu / 2.0)].into(), ..Said::default() },
            peak: 3 << 20,
        };
        let round = |scale: f64| {
            let cpus = [("ours", 1.0), ("peer", 5.0), ("other", 2.0), ("third", 3.0)];
            cpus.into_iter().map(|(name, cpu)| (name.to_owned(), run(cpu * scale))).collect::<Round>()
        };
        let text = table(&contenders, &[round(1.0), round(1.1)]);
        assert!(text.contains("5.00 (5.00 to 5.00), 5.00, ours"), "{text}");
        assert!(text.contains("1.50 (1.50 to 1.50), 1.50, other"), "{text}");
        assert!(text.contains("third                    sum        CPU 1.50"), "{text}");
        assert_eq!(text.lines().count(), 1 + 4 + 2, "{text}");
    }

    #[test]
    fn medians_of_commits_are_those_around_their_number() {
        let seconds: Vec<f64> = (1..=1000).map(f64::from).collect();
        assert!((around(&seconds, 10) - 10.0).abs() < 1e-9);
        assert!((around(&seconds, 100) - 100.0).abs() < 1e-9);
        assert!((around(&seconds, 1000) - 997.5).abs() < 1e-9);
        assert!(around(&[], 10).is_nan());
    }
}
