// SPDX-License-Identifier: GPL-2.0-only

//! Kernel threads that end before the function that starts them.
//!
//! C header: [`include/linux/kthread.h`](srctree/include/linux/kthread.h)

use kernel::{
    bindings,
    error::{
        from_err_ptr,
        to_result, //
    },
    prelude::*,
    sync::Completion, //
};

/// What a thread is given.
struct Work<'a, F> {
    body: &'a F,
    index: usize,
    done: Pin<KBox<Completion>>,
}

/// Calls `body(0)` to `body(count - 1)`, each in a kernel thread, and waits for all of them. The
/// threads are spread over the processors and stay where they are.
///
/// Returns the first error of a thread, or that of starting them.
pub(crate) fn on_each<F>(count: usize, body: F) -> Result
where
    F: Fn(usize) -> Result + Sync,
{
    let mut works = KVec::with_capacity(count, GFP_KERNEL)?;
    for index in 0..count {
        works.push_within_capacity(Work {
            body: &body,
            index,
            done: KBox::pin_init(Completion::new(), GFP_KERNEL)?,
        })?;
    }

    let mut threads = KVec::with_capacity(count, GFP_KERNEL)?;
    let mut outcome = Ok(());
    for work in &works {
        // SAFETY: `enter::<F>()` takes the work, which is there until the thread has ended: it is
        // waited for below.
        match unsafe { create(enter::<F>, work, work.index) } {
            // The capacity is that of the works.
            Ok(thread) => threads.push_within_capacity(thread)?,
            Err(error) => {
                outcome = Err(error);
                break;
            }
        }
    }
    // All or none: they may wait for each other.
    let started = outcome.is_ok();
    for &thread in &threads {
        if started {
            // SAFETY: A reference is held.
            unsafe { bindings::wake_up_process(thread) };
            continue;
        }
        // SAFETY: As above, and given up. It has not run and never will.
        unsafe { bindings::kthread_stop_put(thread) };
    }
    outcome?;

    let mut first = Ok(());
    for (thread, work) in threads.into_iter().zip(&works) {
        // A thread that is stopped before it begins never begins.
        work.done.wait_for_completion();
        // SAFETY: A reference is held, and given up. Returns when nothing of the thread is left,
        // and what its function returned.
        let outcome = to_result(unsafe { bindings::kthread_stop_put(thread) });
        first = first.and(outcome);
    }
    first
}

/// How many processors there are to run on.
pub(crate) fn processors() -> usize {
    // SAFETY: An `atomic_t` that is always there, read as `num_online_cpus()` does.
    let online = unsafe { (&raw const bindings::__num_online_cpus.counter).read_volatile() };
    usize::try_from(online).unwrap_or(1).max(1)
}

/// Creates a thread that sleeps until it is woken, with a reference to it. Its processor is that
/// of the number `seat`, modulo their count.
///
/// # Safety
///
/// `function` must be sound to call with `work`, until the thread has ended.
unsafe fn create<W>(
    function: unsafe extern "C" fn(*mut c_void) -> c_int,
    work: &W,
    seat: usize,
) -> Result<*mut bindings::task_struct> {
    let work: *const W = work;
    // SAFETY: By the safety requirements; the name needs no arguments.
    let thread = from_err_ptr(unsafe {
        bindings::kthread_create_on_node(
            Some(function),
            work.cast_mut().cast(),
            bindings::NUMA_NO_NODE,
            c"dmasan_worker".as_char_ptr(),
        )
    })?;
    // SAFETY: It has not been woken, so it is there.
    unsafe { bindings::get_task_struct(thread) };
    // CAST: Less than the number of processors.
    let processor = (seat % processors()) as c_uint;
    // SAFETY: As above.
    unsafe { bindings::kthread_bind(thread, processor) };
    Ok(thread)
}

/// The threads' function.
///
/// # Safety
///
/// `work` must be a valid `Work<'_, F>`.
unsafe extern "C" fn enter<F>(work: *mut c_void) -> c_int
where
    F: Fn(usize) -> Result + Sync,
{
    // SAFETY: By the safety requirements.
    let work = unsafe { &*work.cast::<Work<'_, F>>() };
    let outcome = (work.body)(work.index);
    work.done.complete_all();
    match outcome {
        Ok(()) => 0,
        Err(error) => error.to_errno(),
    }
}

/// Lets others run, if there are any who wait.
pub(crate) fn yield_now() {
    // In kernels that are preempted anywhere there is nothing to be done.
    #[cfg(not(CONFIG_PREEMPTION))]
    // SAFETY: The modules call this where they may sleep.
    unsafe {
        bindings::__cond_resched()
    };
}
