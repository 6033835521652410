//! The broker under test as a process: start, kill, end, start again.

use std::fs::{File, OpenOptions};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::{apache, broker_log, wire};

/// A broker that does not answer by then has failed.
const START_DEADLINE: Duration = Duration::from_secs(180);
const STOP_DEADLINE: Duration = Duration::from_secs(60);

/// How to start a broker.
#[derive(Clone, Default)]
pub struct Options {
    /// `jackdaw.shards`; none leaves the broker its default.
    pub shards: Option<u32>,
    /// Whether metrics are served; see [`Broker::http`].
    pub http: bool,
    /// The hard limit on open files; none leaves it the test's.
    pub descriptors: Option<u32>,
    /// Further `--override key=value`.
    pub overrides: Vec<String>,
    /// `log.dirs`, where `{own}` stands for the broker's own directory; none is that alone.
    pub log_dirs: Option<String>,
    /// Parts of lines at WARN or ERROR that the test provokes.
    pub expected_log: Vec<&'static str>,
}

impl Options {
    pub fn shards(shards: u32) -> Self {
        Self { shards: Some(shards), ..Self::default() }
    }

    /// For tests of groups: no wait for the first members, frequent heartbeats of consumer groups.
    pub fn groups(shards: u32) -> Self {
        let quick = [
            "auto.create.topics.enable=false",
            "group.initial.rebalance.delay.ms=0",
            "group.consumer.min.heartbeat.interval.ms=300",
            "group.consumer.heartbeat.interval.ms=300",
            "group.consumer.assignment.interval.ms=0",
        ];
        Self::shards(shards).with(&quick)
    }

    pub fn with_http(mut self) -> Self {
        self.http = true;
        self
    }

    /// A broker that may open so many files.
    pub fn with_descriptors(mut self, count: u32) -> Self {
        self.descriptors = Some(count);
        self
    }

    pub fn with(mut self, overrides: &[&str]) -> Self {
        self.overrides.extend(overrides.iter().map(|&o| o.to_owned()));
        self
    }

    pub fn expecting(mut self, log: &[&'static str]) -> Self {
        self.expected_log.extend(log);
        self
    }
}

/// Which program is the broker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Jackdaw,
    Apache,
}

impl Kind {
    /// Ours, unless the environment wants Apache Kafka in its place.
    fn of_environment() -> Self {
        match std::env::var("JACKDAW_TEST_BROKER").as_deref() {
            Ok("apache") => Self::Apache,
            Ok("jackdaw") | Err(_) => Self::Jackdaw,
            Ok(other) => panic!("JACKDAW_TEST_BROKER is {other:?} and neither apache nor jackdaw"),
        }
    }
}

/// A broker: one of our own, or the running one of `JACKDAW_TEST_BOOTSTRAP`.
pub struct Broker {
    bootstrap: String,
    own: Option<Own>,
}

struct Own {
    options: Options,
    kind: Kind,
    port: u16,
    http_port: u16,
    /// For the quorum of an Apache Kafka alone.
    controller_port: u16,
    dir: TempDir,
    child: Option<Child>,
}

impl Broker {
    /// The running broker that the environment names, else a new one.
    pub fn start(options: Options) -> Self {
        match std::env::var("JACKDAW_TEST_BOOTSTRAP") {
            Ok(bootstrap) => Self { bootstrap, own: None },
            Err(_) => Self::start_kind(Kind::of_environment(), options),
        }
    }

    /// A new broker, or none with a note where the environment names a running one.
    pub fn start_to_stop(options: Options) -> Option<Self> {
        if std::env::var_os("JACKDAW_TEST_BOOTSTRAP").is_some() {
            eprintln!("left out: the test must start and stop its own broker");
            return None;
        }
        Some(Self::start_kind(Kind::of_environment(), options))
    }

    /// The same of a given kind, whatever the environment says.
    pub fn start_kind(kind: Kind, options: Options) -> Self {
        let dir = tempfile::Builder::new().prefix("jackdaw-tests-").tempdir().expect("a temporary directory");
        let [port, http_port, controller_port] = [(); 3].map(|()| free_port());
        let mut own = Own { options, kind, port, http_port, controller_port, dir, child: None };
        own.launch();
        Self { bootstrap: format!("127.0.0.1:{port}"), own: Some(own) }
    }

    /// `host:port` for clients.
    pub fn bootstrap(&self) -> &str {
        &self.bootstrap
    }

    /// `host:port` of metrics and probes; the options must ask for them.
    pub fn http(&self) -> String {
        format!("127.0.0.1:{}", self.owned().http_port)
    }

    /// A directory of the test's own, removed with the broker.
    pub fn scratch(&self) -> TempDir {
        tempfile::tempdir().expect("a temporary directory")
    }

    /// The log directory, where the partitions are.
    pub fn data_dir(&self) -> PathBuf {
        self.owned().data_dir()
    }

    /// The id of its process.
    pub fn pid(&self) -> u32 {
        self.owned().child.as_ref().expect("a running broker").id()
    }

    /// Whether it is Apache Kafka, which logs other lines and serves no metrics.
    pub fn is_apache(&self) -> bool {
        self.own.as_ref().is_some_and(|own| own.kind == Kind::Apache)
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        broker_log::read(&self.owned().log_path())
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        let mut child = self.owned_mut().running();
        child.kill().expect("SIGKILL to our own child");
        child.wait().expect("the killed broker's status");
    }

    /// SIGTERM, and the exit code must be 0.
    pub fn terminate(&mut self) {
        let own = self.owned_mut();
        let mut child = own.running();
        let pid = child.id().to_string();
        let sent = Command::new("kill").args(["-TERM", &pid]).status().expect("kill");
        assert!(sent.success(), "kill -TERM {pid} failed");
        let status = wait(&mut child, STOP_DEADLINE);
        let Some(status) = status else {
            let _ = child.kill();
            panic!(
                "the broker did not end on SIGTERM within {STOP_DEADLINE:?}:\n{}",
                broker_log::tail(&own.log_path())
            );
        };
        // A Java machine ends with 128 and the signal's number.
        let clean = status.success() || own.kind == Kind::Apache && status.code() == Some(143);
        assert!(clean, "the broker ended with {status}:\n{}", broker_log::tail(&own.log_path()));
    }

    /// Starts a broker that was killed or terminated, on the same port and directory.
    pub fn restart(&mut self) {
        self.owned_mut().launch();
    }

    /// The same with another program on the directory.
    pub fn restart_as(&mut self, kind: Kind) {
        self.owned_mut().kind = kind;
        self.restart();
    }

    /// Waits until it ends by itself: its exit code.
    pub fn await_exit(&mut self) -> i32 {
        let own = self.owned_mut();
        let mut child = own.running();
        let status = wait(&mut child, STOP_DEADLINE);
        let Some(status) = status else {
            let _ = child.kill();
            panic!("the broker did not end by itself:\n{}", broker_log::tail(&own.log_path()));
        };
        status.code().unwrap_or_else(|| panic!("the broker ended with {status}"))
    }

    /// Starts it where it must refuse, with this exit code and words.
    pub fn assert_no_start(&mut self, code: i32, said: &str) {
        let before = self.log().len();
        self.owned_mut().spawn();
        let found = self.await_exit();
        let log = self.log();
        assert!(found == code && log[before..].contains(said), "exit code {found}:\n{}", &log[before..]);
    }

    /// Starts it, and kills it after this time, however far it is.
    pub fn restart_and_kill(&mut self, after: Duration) {
        let own = self.owned_mut();
        own.spawn();
        std::thread::sleep(after);
        self.kill();
    }

    /// Changes the number of shards from the next start on.
    pub fn reshard(&mut self, shards: u32) {
        self.owned_mut().options.shards = Some(shards);
    }

    fn owned(&self) -> &Own {
        self.own.as_ref().expect("a broker of our own")
    }

    fn owned_mut(&mut self) -> &mut Own {
        self.own.as_mut().expect("a broker of our own")
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        let Some(own) = &mut self.own else { return };
        if let Some(mut child) = own.child.take() {
            let ended = child.try_wait().ok().flatten();
            let _ = child.kill();
            let _ = child.wait();
            if !std::thread::panicking() {
                assert!(
                    ended.is_none(),
                    "the broker ended by itself:\n{}",
                    broker_log::tail(&own.log_path())
                );
            }
        }
        if std::thread::panicking() {
            eprintln!("the broker's log ends with:\n{}", broker_log::tail(&own.log_path()));
            return;
        }
        own.check_log();
    }
}

impl Own {
    fn data_dir(&self) -> PathBuf {
        self.dir.path().join("data")
    }

    fn log_dirs(&self) -> String {
        let own = self.data_dir().display().to_string();
        self.options.log_dirs.as_deref().unwrap_or("{own}").replace("{own}", &own)
    }

    fn log_path(&self) -> PathBuf {
        self.log_path_of(self.kind)
    }

    fn log_path_of(&self, kind: Kind) -> PathBuf {
        self.dir.path().join(format!("{kind:?}.log"))
    }

    fn running(&mut self) -> Child {
        self.child.take().expect("a running broker")
    }

    fn spawn(&mut self) {
        assert!(self.child.is_none(), "the broker is already running");
        let log =
            OpenOptions::new().create(true).append(true).open(self.log_path()).expect("the broker's log");
        self.child =
            Some(self.command(log).spawn().unwrap_or_else(|e| panic!("cannot start the broker: {e}")));
    }

    fn launch(&mut self) {
        self.spawn();
        let deadline = Instant::now() + START_DEADLINE;
        while !wire::answers(self.port) {
            let child = self.child.as_mut().expect("just started");
            let ended: Option<ExitStatus> = child.try_wait().expect("the broker's status");
            assert!(
                ended.is_none(),
                "the broker ended at start: {ended:?}\n{}",
                broker_log::tail(&self.log_path())
            );
            assert!(
                Instant::now() < deadline,
                "no answer at port {}:\n{}",
                self.port,
                broker_log::tail(&self.log_path())
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn command(&self, log: File) -> Command {
        let errors = log.try_clone().expect("a second handle of the log");
        let mut command = match self.kind {
            Kind::Jackdaw => self.jackdaw(),
            Kind::Apache => apache::command(
                self.dir.path(),
                &self.data_dir(),
                &self.log_dirs(),
                self.port,
                self.controller_port,
                &self.options.overrides,
            ),
        };
        command.stdin(Stdio::null()).stdout(log).stderr(errors);
        command
    }

    fn jackdaw(&self) -> Command {
        let mut command = match self.options.descriptors {
            None => Command::new(binary()),
            Some(count) => {
                let mut shell = Command::new("sh");
                shell
                    .args(["-c", "ulimit -n \"$1\"; shift; exec \"$@\"", "sh", &count.to_string()])
                    .arg(binary());
                shell
            }
        };
        let mut set = |pair: String| {
            command.args(["--override", &pair]);
        };
        set(format!("listeners=PLAINTEXT://127.0.0.1:{}", self.port));
        set(format!("log.dirs={}", self.log_dirs()));
        // The default port is one for a whole machine.
        let http = if self.options.http { format!("127.0.0.1:{}", self.http_port) } else { String::new() };
        set(format!("jackdaw.http.listener={http}"));
        self.options.shards.into_iter().for_each(|n| set(format!("jackdaw.shards={n}")));
        self.options.overrides.iter().for_each(|pair| set(pair.clone()));
        command
    }

    fn check_log(&self) {
        if std::env::var_os("JACKDAW_TEST_ANY_LOG").is_some() {
            return;
        }
        let complaints = broker_log::complaints(
            &broker_log::read(&self.log_path_of(Kind::Jackdaw)),
            &self.options.expected_log,
        );
        assert!(complaints.is_empty(), "the broker complained:\n{}", complaints.join("\n"));
    }
}

/// Waits for a child at most `limit`.
pub fn wait(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let deadline = Instant::now() + limit;
    while Instant::now() < deadline {
        if let Some(status) = child.try_wait().expect("our own child's status") {
            return Some(status);
        }
        std::thread::sleep(Duration::from_millis(10));
    }
    None
}

/// The broker under test.
pub fn binary() -> PathBuf {
    if let Some(named) = std::env::var_os("JACKDAW_BIN") {
        return named.into();
    }
    // A test stands in target/PROFILE/deps, a program in target/PROFILE.
    let test = std::env::current_exe().expect("the test's own path");
    let in_target = |target: &Path| ["release", "debug"].map(|profile| target.join(profile).join("jackdaw"));
    let mut built = test.ancestors().skip(2).take(2).flat_map(in_target);
    built
        .find(|path| path.is_file())
        .unwrap_or_else(|| panic!("no broker is built: run `cargo build --release`, or set JACKDAW_BIN"))
}

/// A port that nothing listens on, from below the range that outgoing connections take theirs from: a restarted broker finds it free.
fn free_port() -> u16 {
    const FIRST: u16 = 22_000;
    const COUNT: u16 = 1_000;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let spread = (std::process::id() % u32::from(COUNT)) as u16;
    for _ in 0..COUNT {
        let port = FIRST + (spread.wrapping_mul(37) + NEXT.fetch_add(1, Ordering::Relaxed)) % COUNT;
        if TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return port;
        }
    }
    panic!("no free port from {FIRST} on");
}
