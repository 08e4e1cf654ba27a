//! A disk of a test's own, without privileges: a small file system in memory, in a mount namespace of the service's.
//!
//! Where the system does not let an unprivileged user have one, that is said, and nothing is claimed.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use sorl_tests::server::{Folder, Launch, Server, binary};

/// Enters a namespace in which `MOUNT` is a file system of its own, before the service starts there.
const ENTER: &str = "unshare --user --map-root-user --mount sh -c";

/// Why there can be none, if so.
pub(crate) fn missing() -> Option<String> {
    let folder = Folder::new("namespace");
    let mount = format!("{ENTER} 'mount -t tmpfs none \"$0\"' {}", folder.path().display());
    let tried = Command::new("sh").args(["-c", &mount]).output().expect("a shell");
    (!tried.status.success()).then(|| String::from_utf8_lossy(&tried.stderr).trim().to_owned())
}

/// A launch whose data are on a file system of so many megabytes.
pub(crate) fn launch(folder: &Folder, megabytes: u64) -> Launch {
    // The service replaces the shells, so that its process is the one that was started.
    let mount = format!("mount -t tmpfs -o size={megabytes}m none {}", folder.path().display());
    let enter = format!("exec {ENTER} '{mount} && exec \"$0\" \"$@\"' \"$0\" \"$@\"");
    Launch::plain().data(folder).after(&enter)
}

/// What the service, and nobody else, sees at `folder`.
pub(crate) fn inside(server: &Server, folder: &Folder) -> PathBuf {
    let path = folder.path().strip_prefix("/").expect("an absolute path");
    Path::new("/proc").join(server.pid().to_string()).join("root").join(path)
}

/// Starts the service over a file system that was never writable, and returns what it says.
pub(crate) fn refused(folder: &Folder) -> Output {
    let mount = format!("mount -t tmpfs -o ro none {}", folder.path().display());
    let enter = format!("{ENTER} '{mount} && exec \"$0\" dev --json --port 0 --data \"$1\"' \"$0\" \"$1\"");
    let mut shell = Command::new("sh");
    shell.args(["-c", &enter]).arg(binary()).arg(folder.path()).current_dir(folder.path());
    shell.output().expect("a shell")
}
