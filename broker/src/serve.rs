//! A node's life: a thread for every shard, signals, and the exit code.

use std::{rc::Rc, sync::Arc, thread::JoinHandle, time::Duration};

use jackdaw_core::config::BrokerConfig;
use jackdaw_ring::{Executor, UringConfig, UringDriver, placement};
use jackdaw_shard::{FatalKind, Node, ShardSeat, StopReason, run_shard};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use signal_hook::{
    consts::{SIGINT, SIGTERM},
    iterator::Signals,
};

use crate::exit_code::ExitCode;

/// Runs the node until it is told to stop.
pub(crate) fn serve(config: BrokerConfig) -> ExitCode {
    let cpus = match placement::allowed_cpus() {
        Ok(cpus) => cpus,
        Err(error) => return failed(&format!("cannot find out which CPUs this process may use: {error}")),
    };
    raise_descriptor_limit();
    let shards =
        config.node.shards.and_then(|shards| usize::try_from(shards).ok()).unwrap_or(cpus.len()).max(1);
    let spin = Duration::from_micros(u64::try_from(config.node.spin_us).unwrap_or(0));
    let (node, seats) = Node::new(config, shards);
    if let Err(error) = watch_signals(&node) {
        return failed(&format!("cannot watch for signals: {error}"));
    }
    let threads: Vec<_> =
        seats.into_iter().enumerate().map(|(core, seat)| start(&node, core, &cpus, seat, spin)).collect();
    let mut reason = StopReason::Asked;
    for (core, thread) in threads.into_iter().enumerate() {
        match thread.map(JoinHandle::join) {
            Ok(Ok(StopReason::Asked)) => {}
            Ok(Ok(fatal)) => reason = fatal,
            // The panic hook has said what happened and ends the process.
            Ok(Err(_)) => return ExitCode::BrokenInvariant,
            Err(error) => return failed(&format!("cannot start the thread of shard {core}: {error}")),
        }
    }
    exit_code(&reason)
}

/// Partitions and connections take descriptors: use all that the system allows without asking.
fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "cannot raise the limit on open files to what the system allows");
    }
}

fn exit_code(reason: &StopReason) -> ExitCode {
    match reason {
        StopReason::Asked => ExitCode::Ok,
        StopReason::Fatal { kind: FatalKind::Start, .. } => ExitCode::Error,
        StopReason::Fatal { kind: FatalKind::Configuration, .. } => ExitCode::Usage,
        StopReason::Fatal { kind: FatalKind::Disk, .. } => ExitCode::FsyncFailed,
        StopReason::Fatal { kind: FatalKind::Metadata, .. } => ExitCode::CorruptMetadata,
    }
}

fn failed(text: &str) -> ExitCode {
    tracing::error!("{text}");
    ExitCode::Error
}

fn watch_signals(node: &Arc<Node>) -> std::io::Result<()> {
    let mut signals = Signals::new([SIGTERM, SIGINT])?;
    let node = Arc::clone(node);
    std::thread::Builder::new().name("signals".to_owned()).spawn(move || {
        for signal in signals.forever() {
            tracing::info!(signal, "stopping");
            node.stop();
        }
    })?;
    Ok(())
}

/// One thread a shard, on a CPU of its own where there are enough.
fn start(
    node: &Arc<Node>,
    core: usize,
    cpus: &[usize],
    seat: ShardSeat,
    spin: Duration,
) -> std::io::Result<JoinHandle<StopReason>> {
    let cpu = cpus.get(core).copied();
    let control = node.control().clone();
    std::thread::Builder::new().name(format!("shard-{core}")).spawn(move || {
        if let Some(cpu) = cpu
            && let Err(error) = placement::pin_to(cpu)
        {
            tracing::warn!(core, cpu, %error, "cannot keep the shard on its CPU");
        }
        let failed_to_start = |kind, text: String| {
            tracing::error!("cannot start: {text}");
            control.fail_to_start(kind, text.clone());
            StopReason::Fatal { kind, text }
        };
        let driver = match UringDriver::new(&UringConfig { core, spin, ..UringConfig::default() }) {
            Ok(driver) => driver,
            Err(error) => return failed_to_start(FatalKind::Start, error.to_string()),
        };
        match Executor::new(Rc::new(driver)).run(run_shard(seat)) {
            Ok(reason) => reason,
            Err(error) => failed_to_start(error.kind(), error.to_string()),
        }
    })
}
