//! From locations, patterns and folders to objects.

use futures::TryStreamExt;
use object_store::Error::{NotFound, NotSupported, PermissionDenied, Unauthenticated};
use object_store::path::Path;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt};
use stitchwork_core::{Error, Object, Result, Stores, join, parse_hive_folder};

use super::glob::{self, Part, Pattern};
use super::link::{self, is_link};

/// An object that belongs to the set.
#[derive(Debug)]
pub(super) struct Found {
    pub(super) location: String,
    pub(super) object: Object,
    pub(super) modified_ms: i64,
    /// The keys and values that the names of its folders say.
    pub(super) folders: Vec<(String, Option<String>)>,
}

/// The objects of a location, in the order of their names.
pub(super) async fn find(stores: &Stores, location: &str, base: Option<&str>) -> Result<Vec<Found>> {
    let root = stores.resolve(location)?;
    let base = base.map(|base| stores.resolve(base)).transpose()?.map(|object| object.path);
    let is_link = is_link(location);
    let is_folder = location.ends_with('/') || root.path.as_ref().is_empty();
    if !is_folder {
        // An object whose name looks like a pattern is that object.
        match meta(&root, is_link).await {
            Ok(meta) => return Ok(vec![found(location.to_owned(), &root, meta, &base.unwrap_or_default())]),
            // Few web servers list folders, and those that do not are asked for long, with an answer about something else.
            Err(e @ NotFound { .. })
                if is_web(&root) && (is_link || !glob::is_pattern(root.path.as_ref())) =>
            {
                return Err(Error::not_found(
                    "the server has no such file (404); the location of a folder, of a server that lists them, ends with `/`",
                )
                .with_context("location", location)
                .with_source(e));
            }
            Err(NotFound { .. }) => {}
            Err(e) => return Err(root.error(e)),
        }
    }
    let mut files = if glob::is_pattern(root.path.as_ref()) {
        let mut files = Vec::new();
        for pattern in glob::parse(root.path.as_ref())? {
            walk(&root, &pattern, base.as_ref(), &mut files).await?;
        }
        if files.is_empty() {
            return Err(Error::not_found("no object fits the pattern").with_context("location", location));
        }
        files
    } else {
        let files = folder(&root, location, base.as_ref()).await?;
        if files.is_empty() {
            return Err(Error::not_found("there is no object, and no folder with files")
                .with_context("location", location));
        }
        files
    };
    files.sort_by(|a, b| a.object.path.cmp(&b.object.path));
    files.dedup_by(|a, b| a.object.path == b.object.path);
    Ok(files)
}

/// Whether an object lies on a web server.
fn is_web(object: &Object) -> bool {
    object.root.split_once("://").is_some_and(|(scheme, _)| link::is_web(scheme))
}

/// What is known of an object before it is read.
async fn meta(object: &Object, is_link: bool) -> object_store::Result<ObjectMeta> {
    let told = object.store.head(&object.path).await;
    // A presigned link is signed for reading alone, and some servers have no heads at all, which is told as a file that is not
    // there. The head of that answer says the same.
    let asks = match &told {
        Ok(_) => false,
        Err(NotFound { .. } | NotSupported { .. } | PermissionDenied { .. } | Unauthenticated { .. }) => {
            is_web(object)
        }
        Err(_) => is_link,
    };
    if asks { Ok(object.store.get(&object.path).await?.meta) } else { told }
}

fn found(location: String, root: &Object, meta: ObjectMeta, base: &Path) -> Found {
    let path = meta.location;
    let below = below(&path, base).unwrap_or_default();
    let folders = below.rsplit_once('/').map_or("", |(folders, _)| folders);
    let folders = folders.split('/').filter_map(parse_hive_folder).collect();
    let object = Object { path, size: Some(meta.size), ..root.clone() };
    Found { location, object, modified_ms: meta.last_modified.timestamp_millis(), folders }
}

/// The part of a path below a folder.
fn below<'a>(path: &'a Path, folder: &Path) -> Option<&'a str> {
    if folder.as_ref().is_empty() {
        return Some(path.as_ref());
    }
    path.as_ref().strip_prefix(folder.as_ref())?.strip_prefix('/')
}

/// Everything below a folder that is not hidden.
async fn folder(root: &Object, location: &str, base: Option<&Path>) -> Result<Vec<Found>> {
    let mut files = Vec::new();
    for meta in list(root, &root.path).await? {
        let Some(name) = below(&meta.location, &root.path).map(str::to_owned) else { continue };
        let first = name.split('/').next().unwrap_or_default();
        let metadata = first == "metadata" && name.ends_with(".metadata.json");
        if metadata || ["_delta_log", "_stitchwork", ".hoodie"].contains(&first) {
            return Err(Error::unsupported(
                "the folder is a table, of which a listing would give wrong rows; open it with its log",
            )
            .with_context("location", location)
            .with_context("found", name));
        }
        // Some stores mark a folder by an object without bytes and without an ending.
        let marker = meta.size == 0 && !name.contains('.');
        if !marker && !name.split('/').any(glob::is_hidden) {
            files.push(found(join(location, &name), root, meta, base.unwrap_or(&root.path)));
        }
    }
    Ok(files)
}

async fn list(root: &Object, folder: &Path) -> Result<Vec<ObjectMeta>> {
    let listed = root.store.list(Some(folder)).try_collect().await;
    match listed {
        Err(NotFound { .. }) => Ok(vec![]),
        other => other.map_err(|e| Object { path: folder.clone(), ..root.clone() }.error(e)),
    }
}

/// The objects that fit a pattern. A folder is listed only where the parts before it fit.
async fn walk(root: &Object, pattern: &Pattern, base: Option<&Path>, files: &mut Vec<Found>) -> Result<()> {
    let top = Object { path: Path::default(), ..root.clone() };
    let names = pattern.parts.iter().map_while(|part| match part {
        Part::Name(name) => Some(name.as_str()),
        _ => None,
    });
    let mut literal: Vec<&str> = names.collect();
    if literal.len() == pattern.parts.len() {
        literal.pop();
    }
    let start = top.child(&literal.join("/")).path;
    let base = base.unwrap_or(&start).clone();
    let mut keep = |meta: ObjectMeta| {
        let location = format!("{}/{}", root.root, meta.location);
        files.push(found(location, root, meta, &base));
    };
    let mut open = vec![(start.clone(), pattern.parts.get(literal.len()..).unwrap_or_default())];
    while let Some((folder, parts)) = open.pop() {
        let Some((part, rest)) = parts.split_first() else { continue };
        let here = Object { path: folder.clone(), ..root.clone() };
        match part {
            Part::Name(name) if !rest.is_empty() => open.push((here.child(name).path, rest)),
            Part::Name(name) => {
                let object = here.child(name);
                match object.store.head(&object.path).await {
                    Ok(meta) => keep(meta),
                    Err(NotFound { .. }) => {}
                    Err(e) => return Err(object.error(e)),
                }
            }
            Part::Folders => {
                for meta in list(root, &folder).await? {
                    let names: Vec<&str> =
                        below(&meta.location, &folder).unwrap_or_default().split('/').collect();
                    if glob::fits(parts, &names) {
                        keep(meta);
                    }
                }
            }
            Part::Form(_) => {
                let listed = match here.store.list_with_delimiter(Some(&folder)).await {
                    Err(NotFound { .. }) => continue,
                    other => other.map_err(|e| here.error(e))?,
                };
                if rest.is_empty() {
                    let fitting = |meta: &ObjectMeta| part.fits(meta.location.filename().unwrap_or_default());
                    listed.objects.into_iter().filter(fitting).for_each(&mut keep);
                } else {
                    let fitting = listed
                        .common_prefixes
                        .into_iter()
                        .filter(|p| part.fits(p.filename().unwrap_or_default()));
                    open.extend(fitting.map(|folder| (folder, rest)));
                }
            }
        }
    }
    Ok(())
}
