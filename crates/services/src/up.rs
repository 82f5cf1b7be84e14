//! Starting, listing and stopping.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::folder::Folder;
use crate::instance::{Instance, user};
use crate::service::{Service, all};
use crate::{Error, Result, probe};

/// What runs the server and ends it.
const WATCHER: &str = include_str!("watcher.sh");
/// How many seconds a server waits for its next user.
const GRACE: &str = "10";
/// How often another port is tried when somebody was faster to take it.
const ATTEMPTS: u32 = 3;
const STEP: Duration = Duration::from_millis(50);
/// How long a server may take to end: the watcher's own patience and some more.
const END: Duration = Duration::from_secs(20);

/// How long a server is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Use {
    /// As long as this process lives.
    Process,
    /// Until it is taken down.
    Keep,
}

/// A server that answers.
#[derive(Debug, Clone)]
pub struct Running {
    service: &'static Service,
    instance: Instance,
}

impl Running {
    /// The service that runs.
    #[must_use]
    pub fn service(&self) -> &'static Service {
        self.service
    }

    /// Its address; that of a database has its user and password in it.
    #[must_use]
    pub fn url(&self) -> String {
        format!("{}{}", self.service.scheme, self.instance.port)
    }

    /// Its port on the loopback interface.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.instance.port
    }

    /// Its user, or the id of its access key.
    #[must_use]
    pub fn user(&self) -> &'static str {
        self.service.user
    }

    /// The password of that user, or the secret of the access key.
    #[must_use]
    pub fn password(&self) -> &'static str {
        self.service.password
    }

    /// The options by which a client reaches a server that speaks S3, at this address or another one that leads to it.
    #[must_use]
    pub fn s3_options(&self, endpoint: &str) -> BTreeMap<String, String> {
        let options = [
            ("endpoint", endpoint),
            ("allow_http", "true"),
            ("region", "us-east-1"),
            ("access_key_id", self.user()),
            ("secret_access_key", self.password()),
        ];
        options.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
    }

    /// What the server has said so far.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.instance.log()
    }

    /// Whether it was started by hand, and stays until it is taken down.
    #[must_use]
    pub fn is_kept(&self) -> bool {
        self.instance.is_kept()
    }

    /// Makes a bucket or a database that nobody else has, and gives its URL: `s3://…` or `postgres://…`.
    ///
    /// # Errors
    /// `Failed` when the server does not make it.
    pub fn fresh(&self, prefix: &str) -> Result<String> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        (self.service.make)(self, &format!("{prefix}-{}-{count}", std::process::id()))
    }

    /// Makes a folder in the data of the server.
    pub(crate) fn make_folder(&self, name: &str) -> Result<()> {
        let path = self.instance.data.join(name);
        fs::create_dir(&path).map_err(|e| Error::failed(format!("{} cannot be made: {e}", path.display())))
    }
}

/// Fetches a service that is not there yet.
///
/// # Errors
/// `Missing` for what cannot be had here.
pub fn fetch(folder: &Folder, service: &'static Service) -> Result<()> {
    let _lock = folder.lock(service.name)?;
    (service.fetch)(folder).map_err(|e| e.of(service.name))
}

/// A running server of a service: the one that runs already, or else a new one, fetched first where needed.
/// Of several processes that ask at once, one starts it and the others wait.
///
/// # Errors
/// `Missing` for what cannot be had here, `Failed` for what does not start.
pub fn up(folder: &Folder, service: &'static Service, wanted: Use) -> Result<Running> {
    sweep(folder);
    let _lock = folder.lock(service.name)?;
    Instance::sweep(folder, service);
    let user = user(wanted == Use::Keep);
    for instance in Instance::running(folder, service) {
        let live = instance.watcher().is_some_and(probe::is_alive);
        if live && instance.enter(&user) && (service.ready)(&instance) {
            return Ok(Running { service, instance });
        }
    }
    (service.fetch)(folder).map_err(|e| e.of(service.name))?;
    let mut attempt = 1;
    loop {
        match start(folder, service, &user) {
            Err(Error::Failed(_)) if attempt < ATTEMPTS => attempt += 1,
            Err(error) => return Err(error.of(service.name)),
            Ok(instance) => return Ok(Running { service, instance }),
        }
    }
}

fn start(folder: &Folder, service: &'static Service, user: &str) -> Result<Instance> {
    let instance = Instance::new(folder, service, probe::free_port()?);
    instance.prepare()?;
    instance.enter(user);
    let command = (service.command)(folder, &instance)?;
    let mut watcher = watch(&instance, service, &command)?;
    let deadline = Instant::now() + Duration::from_secs(service.patience);
    loop {
        if let Ok(Some(status)) = watcher.try_wait() {
            return Err(Error::failed(format!("the server ended ({status}): {}", last_words(&instance))));
        }
        if (service.ready)(&instance) {
            instance.open(watcher.id())?;
            return Ok(instance);
        }
        if Instant::now() > deadline {
            instance.ask_to_stop()?;
            let words = last_words(&instance);
            return Err(Error::failed(format!("not ready after {} seconds: {words}", service.patience)));
        }
        thread::sleep(STEP);
    }
}

/// Starts the server under its watcher, away from this process's terminal and output.
fn watch(instance: &Instance, service: &Service, server: &Command) -> Result<Child> {
    let failed = |e| Error::failed(format!("the watcher does not start: {e}"));
    let log = File::create(instance.log()).map_err(failed)?;
    let mut command = Command::new("sh");
    command.args(["-c", WATCHER, "watcher"]).arg(&instance.path).arg(&instance.data);
    command.args([service.signal, GRACE]).arg(server.get_program()).args(server.get_args());
    command.envs(server.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.stdin(Stdio::null()).stdout(log.try_clone().map_err(failed)?).stderr(log);
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.spawn().map_err(failed)
}

fn last_words(instance: &Instance) -> String {
    probe::tail(&String::from_utf8_lossy(&fs::read(instance.log()).unwrap_or_default()))
}

/// Removes what servers left behind that were killed, of all services that nobody is fetching or starting.
fn sweep(folder: &Folder) {
    for service in all() {
        if let Some(_lock) = folder.try_lock(service.name) {
            Instance::sweep(folder, service);
        }
    }
}

/// All servers that run. What killed ones left behind is removed.
#[must_use]
pub fn list(folder: &Folder) -> Vec<Running> {
    sweep(folder);
    let of = |service: &'static Service| {
        let running = Instance::running(folder, service).into_iter();
        let live = running.filter(|instance| instance.watcher().is_some_and(probe::is_alive));
        live.map(move |instance| Running { service, instance })
    };
    all().into_iter().flat_map(of).collect()
}

/// Stops the servers of a service, whoever uses them, and waits for their end. Gives the number of them.
///
/// # Errors
/// `Failed` for one that does not end.
pub fn down(folder: &Folder, service: &'static Service) -> Result<usize> {
    let _lock = folder.lock(service.name)?;
    stop(Instance::running(folder, service))
}

/// Stops all servers that nobody has asked for by hand and no other process uses. Gives the number of them.
///
/// # Errors
/// `Failed` for one that does not end.
pub fn stop_unused(folder: &Folder) -> Result<usize> {
    let mut stopped = 0;
    for service in all() {
        let _lock = folder.lock(service.name)?;
        let mut unused = Instance::running(folder, service);
        unused.retain(|instance| !instance.is_kept() && !instance.has_users());
        stopped += stop(unused)?;
        Instance::sweep(folder, service);
    }
    Ok(stopped)
}

fn stop(instances: Vec<Instance>) -> Result<usize> {
    let mut asked = vec![];
    for instance in instances {
        match instance.watcher().filter(|watcher| probe::is_alive(*watcher)) {
            Some(watcher) => {
                instance.ask_to_stop()?;
                asked.push((watcher, instance));
            }
            None => instance.forget(),
        }
    }
    let deadline = Instant::now() + END;
    let mut late = String::new();
    for (watcher, instance) in &asked {
        while instance.path.exists() && probe::is_alive(*watcher) && Instant::now() < deadline {
            thread::sleep(STEP);
        }
        if instance.path.exists() {
            let _ = write!(late, " {}", instance.path.display());
        }
    }
    if late.is_empty() {
        Ok(asked.len())
    } else {
        Err(Error::failed(format!("servers that did not end:{late}")))
    }
}

#[cfg(test)]
mod tests;
