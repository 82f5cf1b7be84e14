//! Start and stop of a small server that needs nothing to be fetched.

use std::net::TcpListener;

use super::*;

/// Serves nothing, but is there: it makes a file when it is started and another one when it is told to end.
const SLEEPER: Service = Service {
    name: "sleeper",
    version: "1",
    about: "sleeps",
    user: "u",
    password: "p",
    scheme: "http://127.0.0.1:",
    signal: "TERM",
    system_user: None,
    patience: 5,
    fetch: |_| Ok(()),
    command: |_, instance| {
        Ok(shell(instance, "trap 'exit 0' TERM; touch ready; while :; do sleep 0.1; done"))
    },
    ready: |instance| instance.data.join("ready").is_file(),
    make: |running, name| running.make_folder(name).map(|()| format!("s3://{name}")),
};
const BROKEN: Service = Service {
    name: "broken",
    command: |_, instance| Ok(shell(instance, "echo the reason >&2; exit 7")),
    ..SLEEPER
};
const DEAF: Service = Service {
    name: "deaf",
    patience: 1,
    command: |_, instance| Ok(shell(instance, "echo still busy; while :; do sleep 0.1; done")),
    ..SLEEPER
};

fn shell(instance: &Instance, script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("cd \"$1\"; {script}"), "sh"]).arg(&instance.data);
    command
}

fn folder() -> (tempfile::TempDir, Folder) {
    let folder = tempfile::tempdir().unwrap();
    let services = Folder::new(folder.path().join("not there yet"));
    (folder, services)
}

fn instances(folder: &Folder) -> usize {
    fs::read_dir(folder.instances()).map_or(0, Iterator::count)
}

/// The servers in a folder whose name nobody else has.
fn processes(folder: &Folder) -> usize {
    let output = Command::new("ps").args(["-A", "-o", "args="]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let path = folder.path().display().to_string();
    text.lines().filter(|line| line.contains(&path)).count()
}

fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + END;
    while !condition() {
        assert!(Instant::now() < deadline, "not within {END:?}");
        thread::sleep(STEP);
    }
}

#[test]
fn one_server_is_shared_until_it_is_taken_down() {
    let (_kept, folder) = folder();
    let first = up(&folder, &SLEEPER, Use::Process).unwrap();
    let second = up(&folder, &SLEEPER, Use::Keep).unwrap();
    assert_eq!(first.port(), second.port());
    assert_eq!(first.url(), format!("http://127.0.0.1:{}", first.port()));
    assert!(second.is_kept());
    assert_eq!(Instance::running(&folder, &SLEEPER).len(), 1);
    let (one, two) = (first.fresh("b").unwrap(), second.fresh("b").unwrap());
    assert!(one != two && one.starts_with("s3://b-"), "{one} {two}");
    assert!(processes(&folder) >= 2, "the watcher and the server");

    assert_eq!(down(&folder, &SLEEPER), Ok(1));
    assert_eq!((instances(&folder), processes(&folder)), (0, 0));
    assert_eq!(down(&folder, &SLEEPER), Ok(0));
    let third = up(&folder, &SLEEPER, Use::Process).unwrap();
    assert!(!third.is_kept());
    down(&folder, &SLEEPER).unwrap();
}

#[test]
fn of_many_that_ask_at_once_one_starts_it() {
    let (_kept, folder) = folder();
    let asked: Vec<_> = (0..8)
        .map(|_| {
            let folder = folder.clone();
            thread::spawn(move || up(&folder, &SLEEPER, Use::Process).unwrap().port())
        })
        .collect();
    let mut ports: Vec<u16> = asked.into_iter().map(|asked| asked.join().unwrap()).collect();
    ports.dedup();
    assert_eq!(ports.len(), 1);
    assert_eq!(instances(&folder), 1);
    down(&folder, &SLEEPER).unwrap();
}

#[test]
fn a_server_ends_after_its_last_user() {
    let (_kept, folder) = folder();
    let running = up(&folder, &SLEEPER, Use::Process).unwrap();
    let users = running.instance.path.join("users");
    // Another process takes our place, and is gone before the first look.
    let mut other = Command::new("sleep").arg("2").spawn().unwrap();
    fs::write(users.join(other.id().to_string()), "").unwrap();
    fs::remove_file(users.join(std::process::id().to_string())).unwrap();
    assert!(running.instance.has_users());
    other.wait().unwrap();
    assert!(!running.instance.has_users());
    assert_eq!(processes(&folder).min(1), 1, "its next user may come soon");
    until(|| processes(&folder) == 0 && instances(&folder) == 0);
}

#[test]
fn a_server_that_ended_is_started_again() {
    let (_kept, folder) = folder();
    let first = up(&folder, &SLEEPER, Use::Process).unwrap();
    let watcher = first.instance.watcher().unwrap();
    let mut end = Command::new("pkill");
    probe::run(end.args(["-P", &watcher.to_string(), "-TERM", "sh"]), "pkill").unwrap();
    until(|| !first.instance.state().exists());
    let second = up(&folder, &SLEEPER, Use::Process).unwrap();
    assert_ne!(first.instance.path, second.instance.path);
    down(&folder, &SLEEPER).unwrap();
    assert_eq!(processes(&folder), 0);
}

#[test]
fn what_does_not_start_says_why_and_leaves_nothing_running() {
    let (_kept, folder) = folder();
    let error = up(&folder, &BROKEN, Use::Process).unwrap_err();
    let Error::Failed(message) = &error else { panic!("{error:?}") };
    assert!(message.starts_with("broken: ") && message.contains("the reason"), "{message}");
    let error = start(&folder, &DEAF, "keep").unwrap_err().to_string();
    assert!(error.contains("not ready after 1 seconds") && error.contains("still busy"), "{error}");
    until(|| processes(&folder) == 0);
}

#[test]
fn states_of_servers_that_are_gone_are_forgotten() {
    let (_kept, folder) = folder();
    let stale = Instance::new(&folder, &SLEEPER, 1);
    stale.prepare().unwrap();
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    stale.open(ended.id()).unwrap();
    assert_eq!(Instance::running(&folder, &SLEEPER), std::slice::from_ref(&stale));
    assert!(Instance::running(&folder, &BROKEN).is_empty(), "names that begin alike are told apart");
    let running = up(&folder, &SLEEPER, Use::Process).unwrap();
    assert_ne!(running.port(), 1);
    assert!(!stale.path.exists());
    down(&folder, &SLEEPER).unwrap();
}

#[test]
fn what_killed_servers_left_is_removed_and_nothing_else() {
    let (_kept, folder) = folder();
    let made = |service, port| {
        let instance = Instance::new(&folder, service, port);
        instance.prepare().unwrap();
        fs::write(instance.data.join("bucket"), "data").unwrap();
        instance
    };
    let mut ended = Command::new("true").spawn().unwrap();
    ended.wait().unwrap();
    let (without_a_word, killed, alive) =
        (made(&crate::MOTO, 1), made(&crate::MOTO, 2), made(&crate::MOTO, 3));
    fs::write(killed.path.join("processes"), ended.id().to_string()).unwrap();
    killed.open(ended.id()).unwrap();
    // The watcher is gone, and its server is not.
    fs::write(alive.path.join("processes"), format!("{} {}", ended.id(), std::process::id())).unwrap();
    alive.open(ended.id()).unwrap();
    let starting = made(&crate::MINIO, 4);
    let lock = folder.lock(crate::MINIO.name).unwrap();
    assert!(list(&folder).is_empty());
    assert!(!without_a_word.path.exists() && !killed.path.exists());
    assert!(alive.data.join("bucket").exists() && starting.data.join("bucket").exists());
    assert_eq!(down(&folder, &crate::MOTO), Ok(0));
    assert!(alive.data.join("bucket").exists());

    drop(lock);
    let running = up(&folder, &SLEEPER, Use::Process).unwrap();
    assert!(!starting.path.exists());
    assert!(running.instance.path.exists());
    down(&folder, &SLEEPER).unwrap();
}

#[test]
fn a_state_file_says_who_watches_and_whether_one_may_enter() {
    let (_kept, folder) = folder();
    let instance = Instance::new(&folder, &SLEEPER, 7);
    instance.prepare().unwrap();
    assert!(!instance.enter("1"), "it is not open yet");
    instance.open(4711).unwrap();
    assert_eq!(instance.watcher(), Some(4711));
    assert!(instance.enter("keep") && instance.is_kept());
    fs::remove_file(instance.state()).unwrap();
    assert!(!instance.enter("2"), "it is closing");
    fs::write(instance.state(), "no number").unwrap();
    assert_eq!(instance.watcher(), None);
}

#[test]
fn a_service_that_cannot_be_fetched_is_missing_by_name() {
    const ABSENT: Service = Service {
        name: "absent",
        fetch: |_| Err(Error::missing("the command `no-such-thing` is not installed")),
        ..SLEEPER
    };
    let (_kept, folder) = folder();
    let missing = Error::Missing("absent: the command `no-such-thing` is not installed".to_owned());
    assert_eq!(up(&folder, &ABSENT, Use::Process).unwrap_err(), missing);
    assert_eq!(fetch(&folder, &ABSENT).unwrap_err(), missing);
    assert_eq!(instances(&folder), 0);
}

#[test]
fn names_and_ports_of_services_are_apart() {
    let names: std::collections::BTreeSet<_> = all().iter().map(|service| service.name).collect();
    assert_eq!(names.len(), all().len());
    assert_eq!(crate::find("minio").unwrap().name, "minio");
    assert!(crate::find("mini").unwrap_err().to_string().contains("minio, moto"));
    // `moto-5.0.0-4` is no instance of `moto`.
    let (_kept, folder) = folder();
    let instance = Instance::new(&folder, &crate::MOTO_5_0_0, 4);
    instance.prepare().unwrap();
    instance.open(1).unwrap();
    assert!(Instance::running(&folder, &crate::MOTO).is_empty());
    assert_eq!(Instance::running(&folder, &crate::MOTO_5_0_0).len(), 1);
    // Somebody else may be faster at one of them.
    let is_free = |_| TcpListener::bind(("127.0.0.1", probe::free_port().unwrap())).is_ok();
    assert!((0..10).any(is_free));
}
