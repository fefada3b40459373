//! The part of WASI preview 1 a filter may need: randomness, clock, environment, standard error.

use std::time::Duration;

use wasmtime::{Caller, Linker, Result, bail};

use super::memory::{read, write};
use super::state::{Event, State};

const MODULE: &str = "wasi_snapshot_preview1";
const SUCCESS: i32 = 0;
const BAD_DESCRIPTOR: i32 = 8;

/// Adds the imports.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap(MODULE, "random_get", random_get)?;
    linker.func_wrap(MODULE, "clock_time_get", clock_time_get)?;
    linker.func_wrap(MODULE, "environ_sizes_get", environ_sizes_get)?;
    linker.func_wrap(MODULE, "environ_get", environ_get)?;
    linker.func_wrap(MODULE, "fd_write", fd_write)?;
    linker.func_wrap(MODULE, "proc_exit", |code: i32| -> Result<()> { bail!("proc_exit({code})") })?;
    Ok(())
}

/// Different on every call, the same in every run.
fn random_get(mut caller: Caller<'_, State>, start: u32, size: u32) -> Result<i32> {
    caller.data_mut().made();
    let mut bytes = Vec::new();
    while bytes.len() < usize::try_from(size)? {
        let state = caller.data_mut();
        state.random = state.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (state.random ^ (state.random >> 31)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bytes.extend_from_slice(&(mixed ^ (mixed >> 29)).to_le_bytes());
    }
    bytes.truncate(usize::try_from(size)?);
    write(&mut caller, start, &bytes)?;
    Ok(SUCCESS)
}

fn clock_time_get(mut caller: Caller<'_, State>, _clock: i32, _precision: i64, result: u32) -> Result<i32> {
    caller.data_mut().made();
    let now = nanos(caller.data().now)?;
    write(&mut caller, result, &now.to_le_bytes())?;
    Ok(SUCCESS)
}

fn environ_sizes_get(mut caller: Caller<'_, State>, count: u32, size: u32) -> Result<i32> {
    let entries = environment(&caller);
    let total: usize = entries.iter().map(Vec::len).sum();
    write(&mut caller, count, &u32::try_from(entries.len())?.to_le_bytes())?;
    write(&mut caller, size, &u32::try_from(total)?.to_le_bytes())?;
    Ok(SUCCESS)
}

fn environ_get(mut caller: Caller<'_, State>, mut pointers: u32, mut buffer: u32) -> Result<i32> {
    for entry in environment(&caller) {
        write(&mut caller, pointers, &buffer.to_le_bytes())?;
        write(&mut caller, buffer, &entry)?;
        pointers = pointers.saturating_add(4);
        buffer = buffer.saturating_add(u32::try_from(entry.len())?);
    }
    Ok(SUCCESS)
}

/// Standard output and error go to the log, like in Envoy.
fn fd_write(mut caller: Caller<'_, State>, descriptor: u32, vectors: u32, count: u32, written: u32) -> Result<i32> {
    if descriptor != 1 && descriptor != 2 {
        return Ok(BAD_DESCRIPTOR);
    }
    let mut text = Vec::new();
    for vector in read(&mut caller, vectors, count.saturating_mul(8))?.chunks_exact(8) {
        if let Some((start, rest)) = vector.split_first_chunk()
            && let Some(size) = rest.first_chunk()
        {
            text.extend(read(&mut caller, u32::from_le_bytes(*start), u32::from_le_bytes(*size))?);
        }
    }
    write(&mut caller, written, &u32::try_from(text.len())?.to_le_bytes())?;
    caller.data_mut().events.push(Event::Log(4, String::from_utf8_lossy(&text).into_owned()));
    Ok(SUCCESS)
}

/// As the ABI counts time.
pub(super) fn nanos(duration: Duration) -> Result<u64> {
    Ok(u64::try_from(duration.as_nanos())?)
}

fn environment(caller: &Caller<'_, State>) -> Vec<Vec<u8>> {
    caller.data().environment.iter().map(|(name, value)| format!("{name}={value}\0").into_bytes()).collect()
}
