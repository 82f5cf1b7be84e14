//! How the program ends.

use std::process::ExitCode;

use stitchwork::{Error, ErrorKind};
use stitchwork_project::Diagnostics;

use crate::console::Console;
use crate::stores::explained;

/// Everything was done.
pub(crate) const DONE: u8 = 0;
/// Something failed that none of the other codes is about.
const FAILED: u8 = 1;
/// The command line is wrong.
pub(crate) const USAGE: u8 = 2;
/// The project file or a setting is wrong.
const CONFIG: u8 = 3;
/// The same command may succeed later.
const LATER: u8 = 4;
/// Ctrl-C, as shells say it: 128 and the number of the signal.
const INTERRUPTED: u8 = 130;
/// SIGTERM.
const TERMINATED: u8 = 143;

/// The codes, for people.
pub(crate) const HELP: &str = "\
Exit codes:
  0    done
  1    failed
  2    the command line is wrong
  3    the project file or a setting is wrong, or the project file is not there
  4    not now: the same command may succeed later
       (1 where pipelines of one call failed for different reasons)
  130  interrupted (Ctrl-C); 143 terminated";

/// Why the program ends without having done everything.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What went wrong.
    Error(Error),
    /// What is wrong with the project file.
    Project(Diagnostics),
    /// What is wrong with the command line, beyond what its parser sees.
    Usage(String),
    /// Several things went wrong, each by itself; never none.
    Several(Vec<Error>),
    /// Whoever read the output has gone: nothing is wrong.
    ReaderGone,
    /// The user has enough.
    Interrupted,
    /// The system wants the program to end.
    Terminated,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(explained(error))
    }
}

impl From<Diagnostics> for Failure {
    fn from(diagnostics: Diagnostics) -> Self {
        Self::Project(diagnostics)
    }
}

impl Failure {
    /// Nothing where nothing went wrong, and else all that did.
    pub(crate) fn of(errors: Vec<Error>) -> Result<(), Self> {
        if errors.is_empty() {
            return Ok(());
        }
        Err(Self::Several(errors.into_iter().map(explained).collect()))
    }

    fn code(&self) -> u8 {
        match self {
            Self::Error(error) => code_of(error),
            // One code for things that ask for different ones would be wrong about some of them.
            Self::Several(errors) => match errors.split_first() {
                Some((first, rest)) if rest.iter().all(|error| code_of(error) == code_of(first)) => {
                    code_of(first)
                }
                _ => FAILED,
            },
            Self::Project(_) => CONFIG,
            Self::Usage(_) => USAGE,
            Self::ReaderGone => DONE,
            Self::Interrupted => INTERRUPTED,
            Self::Terminated => TERMINATED,
        }
    }

    /// Says what went wrong.
    pub(crate) fn tell(&self, console: &Console) {
        match self {
            Self::Error(error) => console.error(error),
            Self::Several(errors) => errors.iter().for_each(|error| console.error(error)),
            Self::Project(diagnostics) => {
                for line in diagnostics.to_string().lines() {
                    console.fail(line);
                }
            }
            Self::Usage(message) => console.fail(message),
            Self::Interrupted => console.say("interrupted"),
            Self::Terminated => console.say("terminated"),
            Self::ReaderGone => {}
        }
    }
}

fn code_of(error: &Error) -> u8 {
    match error.kind() {
        _ if error.is_retryable() => LATER,
        // Another run may even have committed what this one was about to: the next one finds out.
        ErrorKind::Conflict => LATER,
        // No patience makes room, but somebody may.
        ErrorKind::StorageFull => LATER,
        ErrorKind::InvalidConfig => CONFIG,
        _ => FAILED,
    }
}

/// Says what went wrong and gives the code.
pub(crate) fn report(console: &Console, failure: Failure) -> ExitCode {
    failure.tell(console);
    ExitCode::from(failure.code())
}

#[cfg(test)]
mod tests {
    use stitchwork::core::CommitState;

    use super::*;

    #[test]
    fn codes_tell_what_to_do() {
        let code = |kind| Failure::from(Error::new(kind, "x")).code();
        assert_eq!(code(ErrorKind::NotFound), 1);
        assert_eq!(code(ErrorKind::InvalidConfig), 3);
        assert_eq!(code(ErrorKind::Unavailable), 4);
        assert_eq!(code(ErrorKind::StorageFull), 4);
        assert_eq!(code(ErrorKind::RateLimited), 4);
        assert_eq!(code(ErrorKind::Conflict), 4);
        let late = Error::conflict("x").with_commit_state(CommitState::Unknown);
        assert_eq!(Failure::from(late).code(), 4);
        assert_eq!(Failure::ReaderGone.code(), 0);
        let several = |kinds: &[ErrorKind]| {
            Failure::of(kinds.iter().map(|kind| Error::new(*kind, "x")).collect())
                .map_err(|failure| failure.code())
        };
        assert!(several(&[]).is_ok());
        assert_eq!(several(&[ErrorKind::Unavailable, ErrorKind::RateLimited]).unwrap_err(), 4);
        assert_eq!(several(&[ErrorKind::Unavailable, ErrorKind::InvalidConfig]).unwrap_err(), 1);
        for word in ["0 ", "1 ", "2 ", "3 ", "4 ", "130", "143"] {
            assert!(HELP.contains(word), "{word} is documented");
        }
    }
}
