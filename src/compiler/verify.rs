//! The check of a code object: every register, index and jump in range, so that the VM can trust it.

use super::code::Code;
use super::opcodes::{ENDS, FLAG_VARIANT, Instr, Intrinsic1, Intrinsic2, Kind, Op};

/// Checks a code object (not the ones among its constants, which were checked when they were made).
///
/// # Errors
/// A description of the first thing that is out of range.
pub fn verify(code: &Code) -> Result<(), String> {
    if code.first_temp as usize != code.locals.len() || code.nregs < code.first_temp {
        return Err("register counts disagree".into());
    }
    if code.param_count() > code.locals.len() {
        return Err("more parameters than locals".into());
    }
    for (pc, instr) in code.instrs.iter().enumerate() {
        instruction(code, pc, *instr).map_err(|problem| format!("instruction {pc}: {problem}"))?;
    }
    match code.instrs.last().and_then(|instr| instr.op()) {
        Some(op) if op.info().effects & ENDS != 0 => {}
        _ => return Err("the last instruction falls through".into()),
    }
    let length = code.instrs.len() as u32;
    let mut end = 0;
    for entry in &code.exceptions {
        if entry.start < end || entry.start >= entry.end || entry.end > length || entry.target >= length {
            return Err(format!("bad exception entry {entry:?}"));
        }
        if entry.depth < code.first_temp || entry.exc < entry.depth || entry.exc >= code.nregs {
            return Err(format!("bad registers in exception entry {entry:?}"));
        }
        end = entry.end;
    }
    let cells_fit = code.cell_registers.iter().all(|register| *register < code.first_temp);
    let names_fit = code.caches.iter().all(|cache| (cache.name as usize) < code.names.len());
    if !cells_fit || !names_fit {
        return Err("a cell or cache is out of range".into());
    }
    Ok(())
}

fn instruction(code: &Code, pc: usize, instr: Instr) -> Result<(), String> {
    let Some(op) = instr.op() else { return Err("no such opcode".into()) };
    let info = op.info();
    let values = [u32::from(instr.a()), u32::from(instr.b()), u32::from(instr.c())];
    for (i, (name, kind)) in info.operands.iter().enumerate() {
        let value = if kind.is_wide() { instr.bc() } else { values[i] };
        if !operand(code, pc, instr, op, *kind, value) {
            return Err(format!("{}: {name} ({kind:?}) = {value} is out of range", info.name));
        }
    }
    Ok(())
}

fn operand(code: &Code, pc: usize, instr: Instr, op: Op, kind: Kind, value: u32) -> bool {
    let temps =
        |count: u32| value >= u32::from(code.first_temp) && value.saturating_add(count) <= u32::from(code.nregs);
    let register = value < u32::from(code.nregs);
    let (b, c) = (u32::from(instr.b()), u32::from(instr.c()));
    let target = |offset: i64| {
        let target = pc as i64 + 1 + offset;
        target >= 0 && target < code.instrs.len() as i64
    };
    match kind {
        Kind::No | Kind::Count | Kind::Imm16 | Kind::StarCounts => true,
        Kind::Out | Kind::In | Kind::Keep | Kind::InOut => register,
        Kind::OptIn => register || instr.flags() & FLAG_VARIANT == 0,
        Kind::Out2 | Kind::In2 => temps(2),
        Kind::Out3 | Kind::In3 => temps(3),
        Kind::OutRun | Kind::Run => temps(c),
        Kind::RunPairs => temps(2 * c),
        Kind::OutStar => temps((c & 0xff) + 1 + (c >> 8)),
        Kind::CallBase => temps(1 + b),
        Kind::CallKwBase | Kind::MethodBase => temps(2 + b),
        Kind::MethodKwBase => temps(3 + b),
        Kind::CallExBase => temps(if instr.flags() & FLAG_VARIANT != 0 { 3 } else { 2 }),
        Kind::Which => match op {
            Op::Intrinsic1 => (value as usize) < Intrinsic1::ALL.len(),
            Op::Intrinsic2 => (value as usize) < Intrinsic2::ALL.len(),
            _ => value <= 4,
        },
        Kind::Const | Kind::Const32 => (value as usize) < code.consts.len(),
        Kind::Name => (value as usize) < code.names.len(),
        Kind::Cache | Kind::Cache32 => (value as usize) < code.caches.len(),
        Kind::Free => (value as usize) < code.freevars.len(),
        Kind::Jump16 => target(i64::from(instr.offset16())),
        Kind::Jump32 => target(i64::from(instr.offset32())),
    }
}
