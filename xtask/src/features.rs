//! `cargo xtask features`: the facade with none of its features, and with each of them alone.
//!
//! Everywhere else the workspace is built as one, where a feature that one crate forgets is switched on by another.

use crate::steps::Steps;
use crate::workspace::{self, Workspace};
use crate::{Outcome, metadata, no_arguments};

const FACADE: &str = "stitchwork";
/// What cargo itself would switch on.
const DEFAULT: &str = "default";

/// The features of the quick check: small crates, behind which hardly anything else switches on what they forget.
/// With nothing built yet, these and none of them took 210 seconds of a processor, and all of them take several times
/// that; with everything built, a feature takes some seconds.
const FEW: [&str; 2] = ["format-ipc", "store-local"];

pub(crate) fn run(workspace: &Workspace, args: &[String]) -> Outcome {
    no_arguments("features", args)?;
    check(workspace, |_| true)
}

/// No feature, and a few of them alone: a step of `check` and `test`.
pub(crate) fn few(workspace: &Workspace) -> Outcome {
    check(workspace, |feature| FEW.contains(&feature))
}

fn check(workspace: &Workspace, wanted: impl Fn(&str) -> bool) -> Outcome {
    let mut steps = Steps::default();
    for feature in alone(of_facade(workspace)?.into_iter().filter(|feature| wanted(feature))) {
        let name = feature.as_deref().unwrap_or("no feature");
        steps.run(name, || {
            // Clippy hands its flags to our crates only, so that dependencies are checked once for both.
            let mut args = vec!["clippy", "--quiet", "--package", FACADE, "--no-default-features"];
            if let Some(feature) = &feature {
                args.extend(["--features", feature]);
            }
            args.extend(["--", "-D", "warnings"]);
            // This setting of cargo's would unite what is to be apart.
            workspace::run(workspace.cargo(&args).env_remove("CARGO_RESOLVER_FEATURE_UNIFICATION"))
        })?;
    }
    println!("{}", steps.summary());
    Ok(())
}

fn of_facade(workspace: &Workspace) -> Outcome<Vec<String>> {
    let members = metadata::members_only(workspace)?;
    let facade = members.packages.into_iter().find(|package| package.name == FACADE);
    let facade = facade.ok_or_else(|| format!("the workspace has no crate {FACADE}"))?;
    Ok(facade.features.into_keys().collect())
}

/// No feature, then each one.
fn alone(features: impl Iterator<Item = String>) -> Vec<Option<String>> {
    let each = features.filter(|feature| feature != DEFAULT).map(Some);
    std::iter::once(None).chain(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_feature_is_taken_alone_and_none_first() {
        let features = ["a", DEFAULT, "b"].map(str::to_owned);
        let expected = [None, Some("a".to_owned()), Some("b".to_owned())];
        assert_eq!(alone(features.into_iter()), expected);
    }

    #[test]
    fn cargo_tells_the_features_of_the_facade() {
        let features = of_facade(&Workspace::find().unwrap()).unwrap();
        assert!(features.len() > 10, "{features:?}");
        assert!(FEW.iter().all(|few| features.contains(&(*few).to_owned())), "{features:?}");
        for feature in ["log-delta", "store-local", "engine-adbc"] {
            assert!(features.contains(&feature.to_owned()), "{features:?}");
        }
    }
}
