//! What the kernel must have, and sentences for what it refuses.

use std::io;

use io_uring::{IoUring, Probe, opcode};

/// Why the ring cannot be set up, and what allows it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unsupported(String);

/// The oldest kernel that has what is needed.
const MINIMUM: &str = "Linux 6.1";

pub(crate) fn explain_setup(error: &io::Error) -> Unsupported {
    let advice = match error.raw_os_error() {
        Some(libc::ENOSYS) => format!("this kernel has no io_uring; {MINIMUM} or newer is needed"),
        Some(libc::EPERM | libc::EACCES) => "the kernel forbids io_uring to this process: set \
             `sysctl kernel.io_uring_disabled=0`; in a container use a seccomp profile that allows io_uring_setup, \
             io_uring_enter and io_uring_register (Docker: `--security-opt seccomp=…`)"
            .to_owned(),
        Some(libc::EINVAL) => {
            format!("this kernel's io_uring lacks DEFER_TASKRUN or SINGLE_ISSUER; {MINIMUM} or newer is needed")
        }
        Some(libc::ENOMEM) => "the limit on locked memory is too low for the ring: raise it (`ulimit -l`, or \
             `LimitMEMLOCK=` in a systemd unit)"
            .to_owned(),
        Some(libc::EMFILE | libc::ENFILE) => {
            "no file descriptor is left for the ring: raise the limit (`ulimit -n`, or `LimitNOFILE=`)".to_owned()
        }
        _ => "see `dmesg` for what the kernel objects to".to_owned(),
    };
    Unsupported(format!("cannot set up an io_uring ({error}): {advice}"))
}

pub(crate) fn explain_buffers(error: &io::Error) -> Unsupported {
    Unsupported(format!(
        "cannot register the receive buffers with io_uring ({error}): {MINIMUM} or newer is needed, with memory to map \
         and a descriptor to spare"
    ))
}

pub(crate) fn check_opcodes(ring: &IoUring) -> Result<(), Unsupported> {
    let needed = [
        (opcode::AcceptMulti::CODE, "ACCEPT"),
        (opcode::AsyncCancel::CODE, "ASYNC_CANCEL"),
        (opcode::Connect::CODE, "CONNECT"),
        (opcode::Fsync::CODE, "FSYNC"),
        (opcode::MsgRingData::CODE, "MSG_RING"),
        (opcode::PollAdd::CODE, "POLL_ADD"),
        (opcode::Read::CODE, "READ"),
        (opcode::RecvMulti::CODE, "RECV"),
        (opcode::Send::CODE, "SEND"),
        (opcode::SendMsg::CODE, "SENDMSG"),
        (opcode::UnlinkAt::CODE, "UNLINKAT"),
    ];
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).map_err(|error| explain_setup(&error))?;
    let missing: Vec<&str> =
        needed.iter().filter(|(code, _)| !probe.is_supported(*code)).map(|(_, name)| *name).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(Unsupported(format!(
        "this kernel's io_uring lacks {}; {MINIMUM} or newer is needed",
        missing.join(", ")
    )))
}
