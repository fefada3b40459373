//! The module's memory: reading arguments, handing out results, and the ABI's form of header maps.

use wasmtime::{Caller, Extern, Memory, Result, bail};

use super::state::{Pairs, State};

/// Bytes the module passed as an argument.
pub(super) fn read(caller: &mut Caller<'_, State>, start: u32, size: u32) -> Result<Vec<u8>> {
    let memory = memory(caller)?;
    let start = usize::try_from(start)?;
    let end = start.saturating_add(usize::try_from(size)?);
    match memory.data(&*caller).get(start..end) {
        Some(bytes) => Ok(bytes.to_vec()),
        None => bail!("an argument is outside the module's memory"),
    }
}

/// Text the module passed as an argument.
pub(super) fn text(caller: &mut Caller<'_, State>, start: u32, size: u32) -> Result<String> {
    Ok(String::from_utf8(read(caller, start, size)?)?)
}

/// Header pairs the module passed as an argument.
pub(super) fn pairs(caller: &mut Caller<'_, State>, start: u32, size: u32) -> Result<Pairs> {
    let bytes = read(caller, start, size)?;
    match decode(&bytes) {
        Some(pairs) => Ok(pairs),
        None => bail!("malformed header pairs"),
    }
}

/// Writes bytes where the module said.
pub(super) fn write(caller: &mut Caller<'_, State>, start: u32, bytes: &[u8]) -> Result<()> {
    let memory = memory(caller)?;
    Ok(memory.write(caller, usize::try_from(start)?, bytes)?)
}

/// Hands `bytes` over in memory the module allocates; nothing is allocated for none.
pub(super) fn give(caller: &mut Caller<'_, State>, bytes: &[u8], pointer: u32, size: u32) -> Result<()> {
    let length = u32::try_from(bytes.len())?;
    let address = if length == 0 {
        0
    } else {
        let Some(Extern::Func(allocate)) = caller.get_export("proxy_on_memory_allocate") else {
            bail!("the module does not export proxy_on_memory_allocate");
        };
        allocate.typed::<u32, u32>(&*caller)?.call(&mut *caller, length)?
    };
    write(caller, address, bytes)?;
    write(caller, pointer, &address.to_le_bytes())?;
    write(caller, size, &length.to_le_bytes())
}

/// The ABI's form of header pairs.
pub(super) fn encode(pairs: &[(String, Vec<u8>)]) -> Result<Vec<u8>> {
    let mut bytes = u32::try_from(pairs.len())?.to_le_bytes().to_vec();
    for (name, value) in pairs {
        bytes.extend_from_slice(&u32::try_from(name.len())?.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(value.len())?.to_le_bytes());
    }
    for (name, value) in pairs {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(value);
        bytes.push(0);
    }
    Ok(bytes)
}

/// The other way round; `None` for anything [`encode`] does not write.
pub(super) fn decode(bytes: &[u8]) -> Option<Pairs> {
    if bytes.is_empty() {
        return Some(Vec::new());
    }
    let (count, mut rest) = number(bytes)?;
    let mut sizes = Vec::new();
    for _ in 0..count {
        let (name, after) = number(rest)?;
        let (value, after) = number(after)?;
        sizes.push((name, value));
        rest = after;
    }
    let mut pairs = Vec::new();
    for (name, value) in sizes {
        let (name, after) = terminated(rest, name)?;
        let (value, after) = terminated(after, value)?;
        pairs.push((String::from_utf8(name.to_vec()).ok()?, value.to_vec()));
        rest = after;
    }
    rest.is_empty().then_some(pairs)
}

fn number(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::try_from(u32::from_le_bytes(*number)).ok()?, rest))
}

fn terminated(bytes: &[u8], size: usize) -> Option<(&[u8], &[u8])> {
    let (part, rest) = bytes.split_at_checked(size)?;
    Some((part, rest.strip_prefix(&[0])?))
}

fn memory(caller: &mut Caller<'_, State>) -> Result<Memory> {
    match caller.get_export("memory") {
        Some(Extern::Memory(memory)) => Ok(memory),
        Some(_) | None => bail!("the module exports no memory"),
    }
}
