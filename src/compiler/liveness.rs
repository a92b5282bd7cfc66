//! The check that code obeys the discipline of temps: what is consumed was live, what is written was dead, every path
//! to an instruction agrees, and nothing is left when the frame is.
//!
//! `verify` checks single instructions; this follows the paths. It runs over compiled code in tests and debug builds.

use super::code::Code;
use super::opcodes::{ENDS, FLAG_A, FLAG_B, FLAG_C, FLAG_VARIANT, Instr, Kind, Op, RAISES, RUNS};

/// What a temp holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Temp {
    Dead,
    Live,
    /// Live or dead: found in handlers that only unwind further, where the VM drops whatever is there.
    Maybe,
    /// The variable of an inlined comprehension: a value, UNDEF or garbage, and dropping it is always allowed.
    Variable,
}

type State = Vec<Temp>;

struct Checker<'c> {
    code: &'c Code,
    first: u16,
    states: Vec<Option<State>>,
    waiting: Vec<usize>,
}

/// Checks a code object.
///
/// # Errors
/// A description of the first instruction that breaks the rules.
pub fn check_temps(code: &Code) -> Result<(), String> {
    let temps = usize::from(code.nregs - code.first_temp);
    let mut checker =
        Checker { code, first: code.first_temp, states: vec![None; code.instrs.len()], waiting: Vec::new() };
    checker.flow(0, vec![Temp::Dead; temps], false)?;
    while let Some(pc) = checker.waiting.pop() {
        checker.step(pc).map_err(|problem| format!("instruction {pc}: {problem}"))?;
    }
    Ok(())
}

impl Checker<'_> {
    /// A path with this state reaches an instruction.
    fn flow(&mut self, pc: usize, state: State, unwinding: bool) -> Result<(), String> {
        let Some(slot) = self.states.get_mut(pc) else { return Err("falls off the end".into()) };
        match slot {
            None => {
                *slot = Some(state);
                self.waiting.push(pc);
            }
            Some(known) => {
                let mut changed = false;
                for (i, (old, new)) in known.iter_mut().zip(state).enumerate() {
                    if *old == new {
                        continue;
                    }
                    if *old == Temp::Maybe {
                        continue;
                    }
                    if new == Temp::Maybe || (unwinding && (*old == Temp::Live || new == Temp::Live)) {
                        *old = Temp::Maybe;
                        changed = true;
                        continue;
                    }
                    if *old == Temp::Live || new == Temp::Live {
                        return Err(format!("t{i} is {old:?} on one path to {pc} and {new:?} on another"));
                    }
                    // A variable on one path only is garbage or a value that a later write drops.
                    changed |= *old != Temp::Variable;
                    *old = Temp::Variable;
                }
                if changed {
                    self.waiting.push(pc);
                }
            }
        }
        Ok(())
    }

    fn consume(&self, state: &mut State, register: u16, count: u32) -> Result<(), String> {
        for i in 0..count {
            let Some(index) = (u32::from(register) + i).checked_sub(u32::from(self.first)) else {
                return Err("consumes a local".into());
            };
            match state.get_mut(index as usize) {
                Some(temp @ Temp::Live) => *temp = Temp::Dead,
                other => return Err(format!("consumes t{index}, which is {other:?}")),
            }
        }
        Ok(())
    }

    fn define(&self, state: &mut State, register: u16, count: u32) -> Result<(), String> {
        for i in 0..count {
            let Some(index) = (u32::from(register) + i).checked_sub(u32::from(self.first)) else {
                return Err("treats a local as a dead temp".into());
            };
            match state.get_mut(index as usize) {
                Some(temp) if !matches!(temp, Temp::Live | Temp::Maybe) => *temp = Temp::Live,
                other => return Err(format!("overwrites t{index}, which is {other:?}")),
            }
        }
        Ok(())
    }

    /// How many registers an input or output covers.
    fn width(kind: Kind, instr: Instr) -> u32 {
        let (b, c) = (u32::from(instr.b()), u32::from(instr.c()));
        match kind {
            Kind::Out2 | Kind::In2 => 2,
            Kind::Out3 | Kind::In3 => 3,
            Kind::OutRun | Kind::Run => c,
            Kind::RunPairs => 2 * c,
            Kind::OutStar => (c & 0xff) + 1 + (c >> 8),
            Kind::CallBase => 1 + b,
            Kind::CallKwBase | Kind::MethodBase => 2 + b,
            Kind::MethodKwBase => 3 + b,
            Kind::CallExBase if instr.flags() & FLAG_VARIANT != 0 => 3,
            Kind::CallExBase => 2,
            _ => 1,
        }
    }

    fn step(&mut self, pc: usize) -> Result<(), String> {
        let (Some(instr), Some(Some(state))) = (self.code.instrs.get(pc).copied(), self.states.get(pc)) else {
            return Ok(());
        };
        let before = state.clone();
        let mut state = before.clone();
        let Some(op) = instr.op() else { return Err("no opcode".into()) };
        self.inputs(&mut state, instr, op)?;
        let consumed = state.clone();
        self.exception_edge(pc, op, &before, &consumed)?;
        if op.info().effects & ENDS != 0 && op != Op::Jump {
            return self.leave(op, &state);
        }
        self.outputs_and_jumps(pc, instr, op, state)
    }

    fn inputs(&self, state: &mut State, instr: Instr, op: Op) -> Result<(), String> {
        let values = [instr.a(), instr.b(), instr.c()];
        for (((_, kind), bit), register) in op.info().operands.iter().zip([FLAG_A, FLAG_B, FLAG_C]).zip(values) {
            let taken = instr.flags() & bit != 0;
            match kind {
                Kind::In2
                | Kind::In3
                | Kind::Run
                | Kind::RunPairs
                | Kind::CallBase
                | Kind::CallKwBase
                | Kind::MethodBase
                | Kind::MethodKwBase
                | Kind::CallExBase => self.consume(state, register, Self::width(*kind, instr))?,
                Kind::In if taken => self.consume(state, register, 1)?,
                Kind::OptIn if taken && instr.flags() & FLAG_VARIANT != 0 => self.consume(state, register, 1)?,
                Kind::In | Kind::Keep | Kind::InOut if register >= self.first => {
                    if taken {
                        return Err("a kept operand is marked as consumed".into());
                    }
                    let index = usize::from(register - self.first);
                    let making = matches!(op, Op::DeleteLocal | Op::MakeCell);
                    if state.get(index) == Some(&Temp::Dead) && !making {
                        return Err(format!("reads t{index}, which is dead"));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What the handler finds when this instruction raises.
    fn exception_edge(&mut self, pc: usize, op: Op, before: &State, consumed: &State) -> Result<(), String> {
        let runs = op.info().effects & (RAISES | RUNS) != 0;
        let Some(entry) = self.code.exception_entry(pc as u32).copied().filter(|_| runs) else { return Ok(()) };
        for state in [before, consumed] {
            let mut state = state.clone();
            for temp in state.iter_mut().skip(usize::from(entry.depth - self.first)) {
                *temp = Temp::Dead;
            }
            if let Some(temp) = state.get_mut(usize::from(entry.exc - self.first)) {
                *temp = Temp::Live;
            }
            self.flow(entry.target as usize, state, true)?;
        }
        Ok(())
    }

    fn leave(&self, op: Op, state: &State) -> Result<(), String> {
        if matches!(op, Op::Return | Op::ReturnConst)
            && let Some(index) = state.iter().position(|temp| matches!(temp, Temp::Live | Temp::Maybe))
        {
            return Err(format!("returns while t{index} is live"));
        }
        Ok(())
    }

    fn outputs_and_jumps(&mut self, pc: usize, instr: Instr, op: Op, mut state: State) -> Result<(), String> {
        let values = [instr.a(), instr.b(), instr.c()];
        let target = op.info().operands.iter().find_map(|(_, kind)| match kind {
            Kind::Jump16 => Some(pc as i64 + 1 + i64::from(instr.offset16())),
            Kind::Jump32 => Some(pc as i64 + 1 + i64::from(instr.offset32())),
            _ => None,
        });
        // The state on the jump where it differs from the state behind the instruction.
        let mut jumped = state.clone();
        match op {
            Op::JumpIfTrueKeep | Op::JumpIfFalseKeep => self.consume(&mut state, instr.a(), 1)?,
            Op::ForIter => self.consume(&mut jumped, instr.b(), 1)?,
            Op::ForLoop => self.consume(&mut state, instr.b(), 1)?,
            Op::Await => self.consume(&mut state, instr.b(), 1)?,
            _ => {}
        }
        for (((_, kind), bit), register) in op.info().operands.iter().zip([FLAG_A, FLAG_B, FLAG_C]).zip(values) {
            let state = if op == Op::ForLoop { &mut jumped } else { &mut state };
            match kind {
                Kind::Out2 | Kind::Out3 | Kind::OutRun | Kind::OutStar => {
                    self.define(state, register, Self::width(*kind, instr))?;
                }
                Kind::Out if instr.flags() & bit != 0 => self.define(state, register, 1)?,
                Kind::InOut if matches!(op, Op::JumpIfTrueKeep | Op::JumpIfFalseKeep) => {}
                Kind::Out | Kind::InOut if register >= self.first => {
                    let hidden = matches!(op, Op::DeleteLocal | Op::MakeCell);
                    let index = usize::from(register - self.first);
                    match state.get_mut(index) {
                        Some(temp) if hidden => *temp = Temp::Variable,
                        Some(Temp::Dead) => return Err(format!("drops the old value of t{index}, which is dead")),
                        _ => {}
                    }
                }
                _ => {}
            }
        }
        if let Some(target) = target {
            self.flow(usize::try_from(target).map_err(|_| "jumps before the start")?, jumped, false)?;
        }
        if op == Op::Jump { Ok(()) } else { self.flow(pc + 1, state, false) }
    }
}
