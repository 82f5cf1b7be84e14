//! What a project file refers to instead of saying it: variables of the environment and files.

use std::collections::BTreeMap;
use std::fmt;
use std::fs::{self, File};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::Place;

/// The longest file that is read for a reference, in bytes.
const LONGEST: u64 = 1 << 20;

/// What a reference names.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ReferenceKind {
    /// A variable of the environment, `${env:NAME}`.
    Env(String),
    /// A file, `${file:path}`; a relative path starts at the folder of the project file.
    File(String),
}

/// One `${…}` of a project file.
#[derive(Clone, PartialEq, Eq)]
pub struct Reference {
    /// The keys that lead to its value, joined by dots.
    pub path: String,
    /// Where its value is.
    pub place: Place,
    /// What it names.
    pub kind: ReferenceKind,
    /// What counts where that is not there: `${env:NAME:-default}`.
    pub default: Option<String>,
}

impl fmt::Debug for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Not the default, which may be a secret.
        f.debug_struct("Reference")
            .field("path", &self.path)
            .field("place", &self.place)
            .field("kind", &self.kind)
            .field("has_default", &self.default.is_some())
            .finish()
    }
}

type Env = dyn Fn(&str) -> Option<String> + Send + Sync;
type OnRead = dyn Fn(&str) + Send + Sync;

/// Finds what references name. It keeps nothing of what it has found but what pipes and terminals have said, which nobody can
/// read twice.
#[derive(Clone)]
pub struct Resolver {
    file: String,
    folder: PathBuf,
    env: Arc<Env>,
    on_read: Option<Arc<OnRead>>,
    kept: Arc<Mutex<BTreeMap<PathBuf, String>>>,
}

impl Resolver {
    /// For the project file at this path, with variables by this function.
    #[must_use]
    pub fn new(
        file: impl Into<String>,
        env: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let file = file.into();
        let folder = Path::new(&file).parent().map(Path::to_owned).unwrap_or_default();
        Self { file, folder, env: Arc::new(env), on_read: None, kept: Arc::default() }
    }

    /// Tells a function what each file holds that is read, before anybody else has it.
    #[must_use]
    pub fn on_read(self, tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self { on_read: Some(Arc::new(tell)), ..self }
    }

    /// What a reference names, where looking at it takes nothing from whoever uses it: a pipe or a terminal is not read, which
    /// would wait for somebody and leave nothing. `None` also where there is nothing.
    #[must_use]
    pub fn peek(&self, reference: &Reference) -> Option<String> {
        match &reference.kind {
            ReferenceKind::File(path) if !is_regular(&self.folder.join(path)) => None,
            kind => self.find(kind, None).ok(),
        }
    }

    /// The path of the project file.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// What a reference names, or its default, or what to do about it. What is empty without being said to be possibly so is a
    /// mistake, unless `may_be_empty`: a pipeline would load something else in silence.
    pub(crate) fn look_up(&self, reference: &Reference, may_be_empty: bool) -> Result<String, String> {
        let found = self.find(&reference.kind, reference.default.as_deref())?;
        if found.is_empty() && reference.default.is_none() && !may_be_empty {
            return Err(match &reference.kind {
                ReferenceKind::Env(name) => format!(
                    "the environment variable {name} is empty; fill it in, or say that it may be: ${{env:{name}:-}}"
                ),
                ReferenceKind::File(path) => format!(
                    "the file {} is empty; fill it in, or say that it may be: ${{file:{path}:-}}",
                    self.folder.join(path).display()
                ),
            });
        }
        Ok(found)
    }

    pub(crate) fn find(&self, kind: &ReferenceKind, default: Option<&str>) -> Result<String, String> {
        let found = match kind {
            ReferenceKind::Env(name) => (self.env)(name),
            ReferenceKind::File(path) => self.read(path)?,
        };
        // As in shells, what is empty takes the default of `:-`.
        match (found.filter(|value| !value.is_empty() || default.is_none()), default) {
            (Some(value), _) => Ok(value),
            (None, Some(default)) => Ok(default.to_owned()),
            (None, None) => Err(match kind {
                ReferenceKind::Env(name) => format!(
                    "the environment variable {name} is not set; set it, or give a default: ${{env:{name}:-…}}"
                ),
                ReferenceKind::File(path) => {
                    format!(
                        "the file {} is not there; make it, or mend its path",
                        self.folder.join(path).display()
                    )
                }
            }),
        }
    }

    /// The text of a file without the line breaks at its end; `None` where it is not there.
    fn read(&self, path: &str) -> Result<Option<String>, String> {
        let path = self.folder.join(path);
        let found = if is_regular(&path) { text_of(&path)? } else { self.read_once(path)? };
        if let (Some(text), Some(tell)) = (&found, &self.on_read) {
            tell(text);
        }
        Ok(found)
    }

    /// The text of what can be read only once.
    fn read_once(&self, path: PathBuf) -> Result<Option<String>, String> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(text) = kept.get(&path) {
            return Ok(Some(text.clone()));
        }
        let found = text_of(&path)?;
        if let Some(text) = &found {
            kept.insert(path, text.clone());
        }
        Ok(found)
    }
}

/// Whether there is a file that can be read as often as anybody wants: no pipe, device or terminal.
fn is_regular(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|found| found.is_file())
}

/// The text of a file without the line breaks at its end; `None` where it is not there.
fn text_of(path: &Path) -> Result<Option<String>, String> {
    let broken = |why: &dyn fmt::Display| format!("the file {} cannot be used: {why}", path.display());
    let file = match File::open(path) {
        Ok(file) => file,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(e) => return Err(broken(&e)),
    };
    let mut bytes = vec![];
    file.take(LONGEST + 1).read_to_end(&mut bytes).map_err(|e| broken(&e))?;
    if bytes.len() as u64 > LONGEST {
        return Err(broken(&format_args!("it is longer than {LONGEST} bytes")));
    }
    // Not the error itself, which may quote the bytes.
    let text = String::from_utf8(bytes).map_err(|_| broken(&"it is no UTF-8"))?;
    Ok(Some(text.trim_end_matches(['\r', '\n']).to_owned()))
}

impl fmt::Debug for Resolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resolver").field("file", &self.file).finish_non_exhaustive()
    }
}
