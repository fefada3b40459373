//! Hostcalls about the host itself: log, time, ticks, metrics, shared data.

use std::time::Duration;

use wasmtime::{Caller, Linker, Result};

use super::memory::{give, read, text, write};
use super::state::{Event, Metric, State, Status};
use super::wasi::nanos;

/// Does `body`, unless the test said that this call fails.
pub(super) fn hostcall(
    mut caller: Caller<'_, State>,
    name: &str,
    body: impl FnOnce(&mut Caller<'_, State>) -> Result<Status>,
) -> Result<i32> {
    caller.data_mut().made();
    let status = match caller.data().failing.get(name) {
        Some(status) => *status,
        None => body(&mut caller)?,
    };
    Ok(status as i32)
}

/// Adds the imports.
pub(super) fn link(linker: &mut Linker<State>) -> Result<()> {
    linker.func_wrap("env", "proxy_log", log)?;
    linker.func_wrap("env", "proxy_get_current_time_nanoseconds", current_time)?;
    linker.func_wrap("env", "proxy_set_tick_period_milliseconds", set_tick_period)?;
    linker.func_wrap("env", "proxy_define_metric", define_metric)?;
    linker.func_wrap("env", "proxy_increment_metric", increment_metric)?;
    linker.func_wrap("env", "proxy_record_metric", record_metric)?;
    linker.func_wrap("env", "proxy_get_shared_data", shared_data)?;
    linker.func_wrap("env", "proxy_set_shared_data", set_shared_data)?;
    Ok(())
}

fn log(caller: Caller<'_, State>, level: u32, start: u32, size: u32) -> Result<i32> {
    hostcall(caller, "proxy_log", |caller| {
        let line = text(caller, start, size)?;
        caller.data_mut().events.push(Event::Log(level, line));
        Ok(Status::Ok)
    })
}

fn current_time(caller: Caller<'_, State>, result: u32) -> Result<i32> {
    hostcall(caller, "proxy_get_current_time_nanoseconds", |caller| {
        let state = caller.data_mut();
        state.now = state.now.saturating_add(state.passing);
        let now = nanos(state.now)?;
        write(caller, result, &now.to_le_bytes())?;
        Ok(Status::Ok)
    })
}

fn set_tick_period(caller: Caller<'_, State>, millis: u32) -> Result<i32> {
    hostcall(caller, "proxy_set_tick_period_milliseconds", |caller| {
        caller.data_mut().tick_period = Some(Duration::from_millis(u64::from(millis)));
        Ok(Status::Ok)
    })
}

fn define_metric(caller: Caller<'_, State>, _kind: u32, start: u32, size: u32, result: u32) -> Result<i32> {
    hostcall(caller, "proxy_define_metric", |caller| {
        let name = text(caller, start, size)?;
        let metrics = &mut caller.data_mut().metrics;
        let id = metrics.iter().position(|metric| metric.name == name).unwrap_or_else(|| {
            metrics.push(Metric { name, value: 0, samples: Vec::new() });
            metrics.len().saturating_sub(1)
        });
        write(caller, result, &u32::try_from(id)?.to_le_bytes())?;
        Ok(Status::Ok)
    })
}

fn increment_metric(caller: Caller<'_, State>, id: u32, by: i64) -> Result<i32> {
    hostcall(caller, "proxy_increment_metric", |caller| {
        with_metric(caller, id, |metric| metric.value = metric.value.saturating_add(by))
    })
}

fn record_metric(caller: Caller<'_, State>, id: u32, value: u64) -> Result<i32> {
    hostcall(caller, "proxy_record_metric", |caller| with_metric(caller, id, |metric| metric.samples.push(value)))
}

fn with_metric(caller: &mut Caller<'_, State>, id: u32, change: impl FnOnce(&mut Metric)) -> Result<Status> {
    match caller.data_mut().metrics.get_mut(usize::try_from(id)?) {
        Some(metric) => {
            change(metric);
            Ok(Status::Ok)
        }
        None => Ok(Status::NotFound),
    }
}

fn shared_data(caller: Caller<'_, State>, start: u32, size: u32, data: u32, data_size: u32, cas: u32) -> Result<i32> {
    hostcall(caller, "proxy_get_shared_data", |caller| {
        let key = text(caller, start, size)?;
        let Some((value, number)) = caller.data().options.shared.get(&key) else { return Ok(Status::NotFound) };
        give(caller, &value, data, data_size)?;
        write(caller, cas, &number.to_le_bytes())?;
        Ok(Status::Ok)
    })
}

fn set_shared_data(
    caller: Caller<'_, State>,
    start: u32,
    size: u32,
    data: u32,
    data_size: u32,
    cas: u32,
) -> Result<i32> {
    hostcall(caller, "proxy_set_shared_data", |caller| {
        let key = text(caller, start, size)?;
        let value = read(caller, data, data_size)?;
        if caller.data().options.shared.set(&key, &value, cas) { Ok(Status::Ok) } else { Ok(Status::CasMismatch) }
    })
}
