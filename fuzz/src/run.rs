//! One run of a target: what it allocated, and whether it panicked.

use std::{
    alloc::System,
    cell::Cell,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Once,
};

use stats_alloc::{Region, StatsAlloc};

use crate::Target;

/// What a target did with an input that it must not do.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    #[error("panicked: {0}")]
    Panic(String),
    #[error("allocated {took_bytes} bytes, {allowed_bytes} are allowed")]
    Memory { took_bytes: usize, allowed_bytes: usize },
}

/// Run a target in the process whose global allocator is `allocator`. All that it allocates counts, also what it gives
/// back: memory that is asked for again and again is time.
///
/// # Errors
/// A panic, or more memory than the target may take.
pub fn run(target: &Target, input: &[u8], allocator: &StatsAlloc<System>) -> Result<(), Fault> {
    let region = Region::new(allocator);
    quietly(|| catch_unwind(AssertUnwindSafe(|| (target.run)(input)))).map_err(|payload| {
        let text = payload.downcast_ref::<String>().map(String::as_str);
        let text = text.or_else(|| payload.downcast_ref::<&str>().copied()).unwrap_or("without a text");
        Fault::Panic(text.to_owned())
    })?;
    let (took_bytes, allowed_bytes) = (region.change().bytes_allocated, target.allowance_bytes(input.len()));
    if took_bytes > allowed_bytes { Err(Fault::Memory { took_bytes, allowed_bytes }) } else { Ok(()) }
}

thread_local! {
    static IS_QUIET: Cell<bool> = const { Cell::new(false) };
}

/// Panics are told by who called, not by the hook.
fn quietly<T>(run: impl FnOnce() -> T) -> T {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            if IS_QUIET.get() {
                // Where, which the payload does not say.
                eprintln!("{panic}");
            } else {
                usual(panic);
            }
        }));
    });
    IS_QUIET.set(true);
    let result = run();
    IS_QUIET.set(false);
    result
}
