//! `sorl dev` as a process of the test: started on a free port, killed when the test ends, however it ends.
//!
//! Not what is tested about a stage (`stage`): only its process.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use serde_json::Value;

use crate::DEADLINE;
use crate::names::unique;
use crate::stage::Stage;

/// How a server is to be started.
#[derive(Debug, Clone, Default)]
pub struct Launch {
    config: Option<String>,
    data: Option<PathBuf>,
    flags: Vec<String>,
    port: u16,
    prelude: Option<String>,
}

impl Launch {
    /// With the built-in configuration.
    #[must_use]
    pub fn plain() -> Self {
        Self::default()
    }

    /// With this `sorl.toml`.
    #[must_use]
    pub fn config(mut self, text: &str) -> Self {
        self.config = Some(text.to_owned());
        self
    }

    /// With what it keeps in this folder.
    #[must_use]
    pub fn data(mut self, folder: &Folder) -> Self {
        self.data = Some(folder.path().to_owned());
        self
    }

    /// With further flags.
    #[must_use]
    pub fn flags(mut self, flags: &[&str]) -> Self {
        self.flags.extend(flags.iter().map(ToString::to_string));
        self
    }

    /// On this port, so that who knew a server before finds this one.
    #[must_use]
    pub const fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// With a disk that is full: no file may grow beyond this. [`Server::widen`] ends it.
    #[must_use]
    pub fn file_kilobytes(self, kilobytes: u64) -> Self {
        // The signal is ignored so that a write fails, as on a full disk.
        self.after(&format!("trap '' XFSZ; ulimit -S -f {}", kilobytes * 2))
    }

    /// In a shell that runs these commands first.
    #[must_use]
    pub fn after(mut self, prelude: &str) -> Self {
        self.prelude = Some(prelude.to_owned());
        self
    }

    /// Starts it and waits until it accepts connections.
    ///
    /// # Panics
    /// If it does not within [`DEADLINE`].
    pub async fn start(self) -> Server {
        let server = tokio::task::spawn_blocking(move || Process::start(&self)).await.expect("a thread");
        let stage = Stage::at(&server.url).await;
        Server { process: server, stage }
    }

    fn command(&self, folder: &Path) -> Command {
        let mut command = self.program();
        command.args(["dev", "--json", "--port", &self.port.to_string()]).args(&self.flags);
        if let Some(config) = &self.config {
            let file = folder.join("sorl.toml");
            std::fs::write(&file, config).expect("the configuration can be written");
            command.arg("--config").arg(file);
        }
        if let Some(data) = &self.data {
            command.arg("--data").arg(data);
        }
        command.current_dir(folder);
        command
    }

    fn program(&self) -> Command {
        let Some(prelude) = &self.prelude else { return Command::new(binary()) };
        let script = format!("{prelude}; exec \"$0\" \"$@\"");
        let mut shell = Command::new("sh");
        shell.args(["-c", &script]).arg(binary());
        shell
    }
}

/// The program that is tested: `SORL_BIN`, else what was built last in this checkout.
///
/// # Panics
/// If there is none.
#[must_use]
pub fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("SORL_BIN") {
        return PathBuf::from(path);
    }
    let target = repository().join("target");
    let built = ["release/sorl", "debug/sorl"].map(|name| target.join(name));
    built
        .into_iter()
        .find(|path| path.exists())
        .expect("run `cargo build --release -p sorl-cli`, or set SORL_BIN")
}

/// The checkout.
#[must_use]
pub fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().unwrap_or(package).to_owned()
}

/// A folder of a test's own below `target`: new and empty, and removed with it unless the test failed.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// Makes one.
    ///
    /// # Panics
    /// If it cannot be made.
    #[must_use]
    pub fn new(stem: &str) -> Self {
        let path = repository().join("target/e2e").join(unique(stem));
        std::fs::create_dir_all(&path).expect("a folder below target");
        Self(path)
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("for a look at what happened: {}", self.0.display());
        } else if let Err(fault) = std::fs::remove_dir_all(&self.0) {
            eprintln!("{} stays: {fault}", self.0.display());
        }
    }
}

/// A running `sorl dev`.
#[derive(Debug)]
pub struct Server {
    process: Process,
    /// What it serves.
    pub stage: Stage,
}

impl Server {
    /// Sends a signal, by its name without `SIG`.
    ///
    /// # Panics
    /// If it cannot be sent.
    pub fn signal(&self, name: &str) {
        let pid = self.pid().to_string();
        let sent = Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill");
        assert!(sent.success(), "SIG{name} was not sent");
    }

    /// Its process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.process.child.id()
    }

    /// Ends what [`Launch::file_kilobytes`] began: there is room on the disk again.
    ///
    /// # Panics
    /// If that cannot be had.
    pub fn widen(&self) {
        self.limit_files("unlimited");
    }

    /// Narrows what [`Launch::file_kilobytes`] began to nothing: no byte of any file can be written.
    ///
    /// # Panics
    /// If that cannot be had.
    pub fn narrow(&self) {
        self.limit_files("0");
    }

    fn limit_files(&self, bytes: &str) {
        let pid = self.pid().to_string();
        let limit = Command::new("prlimit").args(["--pid", &pid, &format!("--fsize={bytes}:")]).status();
        assert!(limit.expect("prlimit").success(), "the limit stays");
    }

    /// Waits until it has ended by itself.
    ///
    /// # Panics
    /// If it does not within [`DEADLINE`].
    pub async fn ended(&mut self) -> ExitStatus {
        let child = &mut self.process.child;
        crate::eventually("the server ends", async || child.try_wait().expect("a child")).await
    }

    /// What it wrote to its log so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// The process and what watches over it.
#[derive(Debug)]
struct Process {
    child: Child,
    guard: Child,
    url: String,
    folder: Folder,
}

impl Process {
    fn start(launch: &Launch) -> Self {
        let folder = Folder::new("server");
        let errors = File::create(folder.path().join("log")).expect("a log file");
        let mut command = launch.command(folder.path());
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|fault| panic!("{} does not start: {fault}", binary().display()));
        let guard = guard(child.id());
        let lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut process = Self { child, guard, url: String::new(), folder };
        process.url = process.ready(lines);
        process
    }

    /// The address in the line that says that it accepts connections.
    fn ready(&mut self, lines: impl Iterator<Item = std::io::Result<String>> + Send + 'static) -> String {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| sender.send(line)));
        let started = Instant::now();
        while let Ok(line) = receiver.recv_timeout(DEADLINE.saturating_sub(started.elapsed())) {
            let Ok(event) = serde_json::from_str::<Value>(&line) else { continue };
            if event["event"] == "ready" {
                return event["url"].as_str().expect("the ready line has the url").to_owned();
            }
        }
        panic!("sorl dev said no ready line; its log: {}", self.log());
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        for child in [&mut self.child, &mut self.guard] {
            if let Err(fault) = child.kill().and_then(|()| child.wait()) {
                eprintln!("a child was not killed: {fault}");
            }
        }
    }
}

/// Kills the process once this one is gone, even if it was killed itself: the pipe then closes.
fn guard(pid: u32) -> Child {
    let script = format!("cat > /dev/null; kill -9 {pid} 2> /dev/null");
    let mut command = Command::new("sh");
    command.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("a shell")
}
