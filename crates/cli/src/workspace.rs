//! The project file and what it is made of, opened when it is needed.

mod secrets;

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use stitchwork::core::{Catalog, OpenUrl, Registry};
use stitchwork::ingest::Destination;
use stitchwork::tables::{Columns, TableConfig};
use stitchwork::{Error, Result, absolute, format_options};
use stitchwork_project::{self as project, Known, LoadArgs, Project, Resolver, SqlName, one_place};
use tokio::sync::Mutex;

use crate::console::Console;
use crate::exit::Failure;
use crate::places::{NamedTable, at_home};
use crate::requests::Requests;
use crate::stores;
use secrets::hide_secrets;

/// The names that a project file has when none is given.
const NAMES: [&str; 2] = ["stitchwork.yaml", "stitchwork.yml"];

/// Which project.
#[derive(Debug, Clone, Default)]
pub(crate) struct ProjectArgs {
    /// The file; that of this folder when `None`.
    pub(crate) file: Option<PathBuf>,
    /// The profile; the file's own when `None`.
    pub(crate) profile: Option<String>,
}

/// What is at hand: implementations, and what the project file makes of them.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) registry: Registry,
    pub(crate) console: Arc<Console>,
    /// What stores were asked, where somebody wants to know.
    pub(crate) requests: Requests,
    project: Option<(Project, Resolver)>,
    /// Catalogs that are open, by their names.
    catalogs: Mutex<BTreeMap<String, Arc<dyn Catalog>>>,
}

impl Workspace {
    /// Reads the project file, where there is one, and connects nothing.
    ///
    /// # Errors
    /// The mistakes of the file, or that the file that was named is not there.
    pub(crate) fn open(args: &ProjectArgs, console: Arc<Console>) -> Result<Self, Failure> {
        let registry = stitchwork::registry()?;
        let file = match &args.file {
            Some(file) => Some(file.clone()),
            None => usual(),
        };
        let project = match file {
            None => {
                if let Some(profile) = &args.profile {
                    return Err(Failure::Usage(format!("--profile {profile}: {}", none_there().message())));
                }
                None
            }
            Some(file) => Some(read(&file, args.profile.as_deref(), &registry)?),
        };
        let project = project.map(|project| {
            let hidden = console.clone();
            // What is read later, or from a pipe, is hidden before anybody has it.
            let resolver = project.resolver(|name| std::env::var(name).ok());
            let resolver = resolver.on_read(move |text| hidden.hide(text));
            hide_secrets(&project, &resolver, &console);
            (project, resolver)
        });
        Ok(Self { registry, console, requests: Requests::default(), project, catalogs: Mutex::default() })
    }

    /// Gives object stores their options. Done once, before anything is opened.
    ///
    /// # Errors
    /// Options that cannot be read, with their place.
    pub(crate) fn connect(&self) -> Result<()> {
        if self.console.is_verbose() {
            self.requests.watch(self.registry.stores());
        }
        let mut options = BTreeMap::new();
        if let Some((project, resolver)) = &self.project {
            for (place, given) in &project.config.stores {
                options.insert(place.clone(), given.resolve(resolver)?);
            }
        }
        stores::set_options(self.registry.stores(), options, &self.console)
    }

    /// The project, where there is one.
    pub(crate) fn project(&self) -> Option<&Project> {
        self.project.as_ref().map(|(project, _)| project)
    }

    /// The project and what resolves its references.
    ///
    /// # Errors
    /// `InvalidConfig` when there is none.
    pub(crate) fn required(&self) -> Result<(&Project, &Resolver)> {
        self.project.as_ref().map(|(project, resolver)| (project, resolver)).ok_or_else(none_there)
    }

    /// A catalog of the project, opened once.
    ///
    /// # Errors
    /// What opening it says, with the place in the file.
    pub(crate) async fn catalog(&self, name: &str) -> Result<Arc<dyn Catalog>> {
        let (project, resolver) = self.required()?;
        let mut opened = self.catalogs.lock().await;
        if let Some(catalog) = opened.get(name) {
            return Ok(catalog.clone());
        }
        let config = project.config.catalogs.get(name).ok_or_else(|| {
            Error::not_found("the project has no such catalog").with_context("catalog", name)
        })?;
        let open = config.open_url(resolver)?;
        let open = OpenUrl { url: self.beside_project(&open.url), ..open };
        let catalog = self.registry.catalog(open).await;
        let catalog = catalog.map_err(|e| project.at(&format!("catalogs.{name}"), e))?;
        opened.insert(name.to_owned(), catalog.clone());
        Ok(catalog)
    }

    /// A destination of the project, ready to be loaded into and to be read.
    ///
    /// # Errors
    /// What is wrong with its settings, or what opening its catalog says.
    pub(crate) async fn destination(&self, config: &project::Destination) -> Result<Destination> {
        let (_, resolver) = self.required()?;
        let location = self.location(config.location.resolve(resolver)?.expose())?;
        self.check_place(config, &location)?;
        let mut destination = Destination::new(self.registry.clone(), &config.log, location);
        if let Some(name) = &config.catalog {
            destination = destination.with_catalog(self.catalog(name).await?, config.namespace());
        }
        destination.properties = config.properties.clone();
        destination.partitioning = config.partitioning();
        destination.config = table_config(&config.write, resolver)?;
        Ok(destination)
    }

    /// Refuses a location that another destination has, by whatever reference or link, whose tables have other names: those
    /// of one name would be one table, or each take the files of the other for leftovers.
    fn check_place(&self, config: &project::Destination, location: &str) -> Result<()> {
        let (project, resolver) = self.required()?;
        let names = |config: &project::Destination| (config.catalog.clone(), config.namespace());
        for (name, what) in project.sql_names() {
            let SqlName::Destination(other) = what else { continue };
            if other.log != config.log || names(other) == names(config) {
                continue;
            }
            // What leads nowhere is told to whoever uses it.
            let there = other.location.resolve(resolver).and_then(|there| self.location(there.expose()));
            if there.is_ok_and(|there| real(&there) == real(location)) {
                return Err(Error::invalid_config(
                    "another destination of the project has the same location and names its tables in another catalog or \
                     namespace, so that tables of one name would share their files: give each a location of its own",
                )
                .with_context("location", location)
                .with_context("destination", name));
            }
        }
        Ok(())
    }

    /// The tables of the project that have a name of their own.
    ///
    /// # Errors
    /// A reference that leads nowhere, with its place.
    pub(crate) fn named_tables(&self) -> Result<BTreeMap<String, NamedTable>> {
        let Some((project, resolver)) = &self.project else { return Ok(BTreeMap::new()) };
        let mut tables = BTreeMap::new();
        for (name, what) in project.sql_names() {
            let SqlName::Table(config) = what else { continue };
            let locations = config.location.resolve(resolver)?;
            let locations = locations.iter().map(|location| self.location(location));
            let table = NamedTable {
                locations: locations.collect::<Result<_>>()?,
                log: config.log.clone(),
                format: config.format.clone(),
                columns: match config.columns {
                    Some(project::Columns::First) => Columns::First,
                    _ => Columns::Merged,
                },
                options: config.options.resolve(resolver)?,
            };
            tables.insert(name.to_owned(), table);
        }
        Ok(tables)
    }

    /// A location of the project file: relative paths start at the file's folder, `~/` at the home folder.
    fn location(&self, location: &str) -> Result<String> {
        let location = at_home(location, std::env::home_dir().as_deref());
        let location = location.as_str();
        let has_scheme =
            location.contains("://") || location.starts_with("memory:") || location.starts_with("file:");
        match self.project() {
            Some(project) if !has_scheme && !location.is_empty() => {
                absolute(&project.folder().join(location).to_string_lossy())
            }
            _ => absolute(location),
        }
    }

    /// The URL of a database in a file, whose relative path starts at the project file's folder.
    fn beside_project(&self, url: &str) -> String {
        match (self.project(), url.strip_prefix("sqlite:")) {
            (Some(project), Some(path)) if !path.starts_with(['/', ':']) => {
                // The folder of a bare name is empty, and stands for that of the process.
                let folder = Path::new(".").join(project.folder());
                let folder = std::path::absolute(&folder).unwrap_or(folder);
                // The path is one of a URL, and so has to be that of the folder.
                let folder =
                    folder.to_string_lossy().replace('%', "%25").replace('?', "%3f").replace('#', "%23");
                format!("sqlite:{folder}/{path}")
            }
            _ => url.to_owned(),
        }
    }
}

/// A location as it is to be compared, without links.
fn real(location: &str) -> String {
    let path = location.strip_prefix("file://").and_then(|path| Path::new(path).canonicalize().ok());
    path.map_or_else(|| one_place(location), |path| path.to_string_lossy().into_owned())
}

/// What is said where a command needs a project and there is none.
fn none_there() -> Error {
    Error::invalid_config(
        "there is no project file here; write one with `stitchwork init`, or name it with --project FILE",
    )
    .with_context("looked_for", NAMES.join(","))
}

/// The project file of this folder.
fn usual() -> Option<PathBuf> {
    NAMES.iter().map(PathBuf::from).find(|file| file.is_file())
}

/// Tells whoever has written the name of a pipeline where the path of a project file stands.
pub(crate) fn is_no_pipeline(path: &Path, profile: Option<&str>) -> Result<()> {
    let Some((name, file)) = path.to_str().zip(usual()).filter(|_| !path.exists()) else { return Ok(()) };
    match read(&file, profile, &stitchwork::registry()?) {
        Ok(project) if project.config.pipelines.contains_key(name) => Err(Error::invalid_config(
            "there is no such project file; a pipeline of this folder's project is named with --pipeline",
        )
        .with_context("file", name)
        .with_context("did_you_mean", format!("-p {name}"))),
        _ => Ok(()),
    }
}

/// Reads and checks a project file.
pub(crate) fn read(file: &Path, profile: Option<&str>, registry: &Registry) -> Result<Project, Failure> {
    let name = file.to_string_lossy();
    // No more than shows that it is too large: a device has no end.
    let read = || {
        let mut text = vec![];
        std::fs::File::open(file)?.take(project::MAX_BYTES as u64 + 1).read_to_end(&mut text)?;
        Ok::<_, std::io::Error>(text)
    };
    let text = read().map_err(|e| match e.kind() {
        // What is wrong is a setting: the path.
        std::io::ErrorKind::NotFound => Error::invalid_config(
            "there is no such project file; mend the path, or write one with `stitchwork init`",
        )
        .with_context("file", &name),
        std::io::ErrorKind::IsADirectory => Error::invalid_config(
            "this is a folder; name the project file in it (`stitchwork.yaml`), or write one with `stitchwork init`",
        )
        .with_context("file", &name),
        _ => Error::from(e).with_context("file", &name),
    })?;
    let schemes = registry.formats().iter().map(|format| format.info().scheme);
    let known = schemes.fold(Known::of(registry), |known, scheme| match format_options(scheme) {
        options if options.is_empty() => known,
        options => known.with_options(scheme, options),
    });
    Ok(Project::load(LoadArgs { file: &name, text: &text, profile, known: &known })?)
}

/// How data files are written, as the file says it.
fn table_config(write: &project::WriteOptions, resolver: &Resolver) -> Result<TableConfig> {
    let mut config = TableConfig::default();
    if let Some(format) = &write.format {
        config.format.clone_from(format);
    }
    config.format_options = write.format_options.resolve(resolver)?;
    config.target_file_bytes = write.target_file_bytes.unwrap_or(config.target_file_bytes);
    config.max_open_files = write.max_open_files.unwrap_or(config.max_open_files);
    config.read_ahead = write.read_ahead.unwrap_or(config.read_ahead);
    config.conflict_retries = write.conflict_retries.unwrap_or(config.conflict_retries);
    if let Some(bytes) = write.memory_bytes {
        config.budget = stitchwork::core::Budget::new(bytes);
    }
    config.file_metadata.clone_from(&write.file_metadata);
    Ok(config)
}
