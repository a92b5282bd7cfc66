//! The instruction set: one table that declares every opcode, its operands and its meaning.
//!
//! The enum [`Op`], the operand kinds that the verifier and the disassembler read, and `docs/bytecode.md` all come from
//! this table; the handlers are elsewhere (the VM). Invariant: an instruction is one 64-bit word and nothing follows it.
//!
//! # The word
//!
//! `op: u8 | flags: u8 | a: u16 | b: u16 | c: u16`, lowest bits first. Operands marked `…32` use `b` and `c` together
//! (`b` is the low half). Jump offsets are signed and count from the next instruction.
//!
//! # Registers
//!
//! `[0, first_temp)` are locals, parameters first; `[first_temp, nregs)` are temps. A local may be UNDEF (unbound) and
//! is dropped when overwritten. A temp is either a live owned value or garbage that is no pointer.
//! Bits 0, 1, 2 of the flags belong to operands a, b, c where those are registers:
//!
//! * at an input, a set bit means: *move* the value out of the register (it is a temp, and dead afterwards);
//!   a clear bit means: copy it and leave the register as it is (a local, or a temp that lives on);
//! * at an output, a set bit means: the register is a dead temp, just write; a clear bit means: drop the old
//!   value (a local, or the variable of an inlined comprehension, which lives in a temp).
//!
//! Inputs are read before outputs are written, so one register may be both. `Keep` inputs never have their bit set.
//! Runs (`In2`, `In3`, `Run`, the bases of calls) are consecutive temps and always consumed, `Out2`, `Out3` and
//! `OutRun` are consecutive dead temps.

use std::fmt::Write as _;

/// Operand a is a temp that is consumed (input) or dead (output).
pub const FLAG_A: u8 = 1;
/// The same for operand b.
pub const FLAG_B: u8 = 2;
/// The same for operand c.
pub const FLAG_C: u8 = 4;
/// The jump's offset is negative: the place to look at the eval-breaker.
pub const FLAG_BACKWARD: u8 = 0x20;
/// Fused compare-and-jump: jump when the truth of the result equals this bit.
pub const FLAG_POLARITY: u8 = 0x40;
/// The opcode's own variant: in-place arithmetic, a present optional operand, … as its text says.
pub const FLAG_VARIANT: u8 = 0x80;
/// Where the two bits of the conversion (0 none, 1 str, 2 repr, 3 ascii) stand in the flags of `FormatValue`.
pub const CONVERSION_SHIFT: u8 = 3;
/// `FormatValue`: the result is a part of a longer text, and an int may stay what it is.
pub const FLAG_JOINED: u8 = FLAG_POLARITY;

/// One instruction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(transparent)]
pub struct Instr(pub u64);

impl Instr {
    /// An instruction with three 16-bit operands.
    pub const fn new(op: Op, flags: u8, a: u16, b: u16, c: u16) -> Self {
        Instr(op as u64 | (flags as u64) << 8 | (a as u64) << 16 | (b as u64) << 32 | (c as u64) << 48)
    }

    /// An instruction whose b and c are one 32-bit operand.
    pub const fn wide(op: Op, flags: u8, a: u16, bc: u32) -> Self {
        Instr(op as u64 | (flags as u64) << 8 | (a as u64) << 16 | (bc as u64) << 32)
    }

    /// The opcode's number.
    pub const fn op_byte(self) -> u8 {
        self.0 as u8
    }

    /// The opcode; `None` for a number that is no opcode.
    pub fn op(self) -> Option<Op> {
        Op::ALL.get(self.op_byte() as usize).copied()
    }

    /// The flags.
    pub const fn flags(self) -> u8 {
        (self.0 >> 8) as u8
    }

    /// Operand a.
    pub const fn a(self) -> u16 {
        (self.0 >> 16) as u16
    }

    /// Operand b.
    pub const fn b(self) -> u16 {
        (self.0 >> 32) as u16
    }

    /// Operand c.
    pub const fn c(self) -> u16 {
        (self.0 >> 48) as u16
    }

    /// Operands b and c as one unsigned number.
    pub const fn bc(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// Operands b and c as one signed number: the offset of a far jump.
    pub const fn offset32(self) -> i32 {
        self.bc() as i32
    }

    /// Operand c as a signed number: the offset of a near jump, or a small immediate.
    pub const fn offset16(self) -> i16 {
        self.c() as i16
    }
}

/// What an operand is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Not used.
    No,
    /// A register that is written.
    Out,
    /// This register and the next are written (dead temps).
    Out2,
    /// Three consecutive registers are written (dead temps).
    Out3,
    /// As many consecutive registers as operand c says are written (dead temps).
    OutRun,
    /// As many consecutive registers as `before + 1 + after` in operand c says are written (dead temps).
    OutStar,
    /// A register that is read.
    In,
    /// A register that is read and always left as it is.
    Keep,
    /// A register that is read and then written, and stays live.
    InOut,
    /// Two consecutive temps, consumed.
    In2,
    /// Three consecutive temps, consumed.
    In3,
    /// As many consecutive temps as operand c says, consumed.
    Run,
    /// Twice as many consecutive temps as operand c says, consumed.
    RunPairs,
    /// Callable and `b` arguments, consumed.
    CallBase,
    /// Callable, `b` arguments, names tuple, consumed.
    CallKwBase,
    /// Callable, self or UNDEF, `b` arguments, consumed.
    MethodBase,
    /// Callable, self or UNDEF, `b` arguments, names tuple, consumed.
    MethodKwBase,
    /// Callable, tuple of arguments, and with the variant flag a dict of keyword arguments, consumed.
    CallExBase,
    /// A count.
    Count,
    /// A signed 16-bit number.
    Imm16,
    /// One of a fixed list that the opcode's text names.
    Which,
    /// `before | after << 8`, the counts around the starred target.
    StarCounts,
    /// A register that is read when the variant flag is set.
    OptIn,
    /// An index into the constants.
    Const,
    /// An index into the constants (b and c).
    Const32,
    /// An index into the names.
    Name,
    /// An index into the caches.
    Cache,
    /// An index into the caches (b and c).
    Cache32,
    /// An index into the free variables.
    Free,
    /// A jump offset.
    Jump16,
    /// A jump offset (b and c).
    Jump32,
}

impl Kind {
    /// Whether the operand uses b and c together.
    pub const fn is_wide(self) -> bool {
        matches!(self, Kind::Const32 | Kind::Cache32 | Kind::Jump32)
    }

    /// Whether the operand names a register.
    pub const fn is_register(self) -> bool {
        !matches!(
            self,
            Kind::No
                | Kind::Count
                | Kind::Imm16
                | Kind::Which
                | Kind::StarCounts
                | Kind::Const
                | Kind::Const32
                | Kind::Name
                | Kind::Cache
                | Kind::Cache32
                | Kind::Free
                | Kind::Jump16
                | Kind::Jump32
        )
    }
}

/// The opcode may raise.
pub const RAISES: u8 = 1;
/// The opcode may run script code.
pub const RUNS: u8 = 2;
/// The opcode may jump.
pub const JUMPS: u8 = 4;
/// The next instruction is never reached by falling through.
pub const ENDS: u8 = 8;

/// One row of the table.
#[derive(Clone, Copy, Debug)]
pub struct OpInfo {
    /// The opcode.
    pub op: Op,
    /// Its name.
    pub name: &'static str,
    /// Names and kinds of the operands in the places a, b, c.
    pub operands: [(&'static str, Kind); 3],
    /// What it does.
    pub doc: &'static str,
    /// What it may do: [`RAISES`], [`RUNS`], [`JUMPS`], [`ENDS`].
    pub effects: u8,
}

macro_rules! opcodes {
    ($($group:literal { $( $name:ident ($($operand:ident : $kind:ident),*) [$($effect:ident)*] $doc:literal; )* })*) => {
        /// The opcodes. Their texts are in [`OPCODES`] and `docs/bytecode.md`.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
        #[repr(u8)]
        pub enum Op {
            $( $( #[doc = $doc] $name, )* )*
        }

        impl Op {
            /// All opcodes by number.
            pub const ALL: &'static [Op] = &[ $( $( Op::$name, )* )* ];
        }

        /// What is known of each opcode, by number.
        pub const OPCODES: &[OpInfo] = &[ $( $( OpInfo {
            op: Op::$name,
            name: stringify!($name),
            operands: pad(&[ $( (stringify!($operand), Kind::$kind) ),* ]),
            doc: $doc,
            effects: 0 $( | $effect )*,
        }, )* )* ];

        /// The headings of the table and how many opcodes stand under each.
        const GROUPS: &[(&str, usize)] = &[ $( ($group, [ $( Op::$name ),* ].len()), )* ];
    };
}

const fn pad(given: &[(&'static str, Kind)]) -> [(&'static str, Kind); 3] {
    let mut all = [("", Kind::No); 3];
    let mut i = 0;
    while i < given.len() {
        all[i] = given[i];
        i += 1;
    }
    all
}

opcodes! {
"Moving values" {
    Move(dst: Out, src: In) [] "R[dst] = R[src]. Also copies cells (to build closures). The source is never UNDEF.";
    LoadConst(dst: Out, value: Const32) [] "R[dst] = consts[value].";
    LoadCommon(dst: Out, which: Which) []
        "R[dst] = a fixed object whatever the builtins say: 0 AssertionError, 1 NotImplementedError, 2 tuple, 3 all, 4 any.";
    LoadBuildClass(dst: Out) [RAISES] "R[dst] = `__build_class__` of the frame's builtins.";
    LoadLocals(dst: Out) [] "R[dst] = the frame's namespace mapping (class bodies and exec code; globals where it has none).";
    Drop(a: In) [] "Drops R[a]: a live temp, always consumed.";
    DeleteLocal(a: InOut) [] "Drops R[a] and makes it UNDEF. No check: CheckLocal precedes where the value may be missing.";
    CheckLocal(a: Keep) [RAISES]
        "Raises UnboundLocalError when R[a] is UNDEF; the name is `Code::register_name(a, pc)`.";
}
"Names" {
    LoadGlobal(dst: Out, name: Cache32) [RAISES RUNS] "R[dst] = the global, else the builtin; NameError.";
    StoreGlobal(src: In, name: Cache32) [] "The global = R[src].";
    DeleteGlobal(unused: No, name: Cache32) [RAISES] "Deletes the global; NameError.";
    LoadName(dst: Out, name: Cache32) [RAISES RUNS]
        "R[dst] = the name in the frame's namespace, the globals or the builtins; NameError.";
    StoreName(src: In, name: Cache32) [RAISES RUNS] "Sets the name in the frame's namespace (globals where it has none).";
    DeleteName(unused: No, name: Cache32) [RAISES RUNS] "Deletes the name from the frame's namespace; NameError.";
    LoadFromDictOrGlobals(dst: Out, dict: In, name: Name) [RAISES RUNS]
        "R[dst] = R[dict][names[name]] where it is there, else the global or builtin; NameError.";
}
"Cells" {
    MakeCell(a: InOut) []
        "R[a] = a new cell that holds the old R[a], which may be UNDEF (in a temp: R[a] was made UNDEF by DeleteLocal before).";
    LoadDeref(dst: Out, cell: Keep) [RAISES] "R[dst] = contents of the cell R[cell]; UnboundLocalError with `register_name(cell)`.";
    StoreDeref(src: In, cell: Keep) [] "Contents of the cell R[cell] = R[src].";
    DeleteDeref(unused: No, cell: Keep) [RAISES] "Empties the cell R[cell]; UnboundLocalError when it is empty already.";
    LoadFree(dst: Out, free: Free) [RAISES]
        "R[dst] = contents of cell number `free` of the function's closure; NameError (`cannot access free variable …`).";
    StoreFree(src: In, free: Free) [] "Contents of that cell = R[src].";
    DeleteFree(unused: No, free: Free) [RAISES] "Empties that cell; NameError when it is empty already.";
    LoadFreeCell(dst: Out, free: Free) [] "R[dst] = that cell itself, to build a closure.";
    LoadFromDictOrDeref(dst: Out, dict: In, free: Free) [RAISES RUNS]
        "R[dst] = R[dict][freevars[free]] where it is there, else the contents of that free cell; NameError.";
    LoadFromDictOrCell(dst: Out, dict: In, cell: Keep) [RAISES RUNS]
        "R[dst] = R[dict][name of register `cell`] where it is there, else the contents of the cell R[cell]; NameError.";
}
"Attributes" {
    GetAttr(dst: Out, object: In, name: Cache) [RAISES RUNS] "R[dst] = R[object].name.";
    SetAttr(object: In, value: In, name: Cache) [RAISES RUNS] "R[object].name = R[value].";
    DelAttr(object: In, unused: No, name: Cache) [RAISES RUNS] "del R[object].name.";
    LoadMethod(dst: Out2, object: In, name: Cache) [RAISES RUNS]
        "For a call: R[dst] = the function and R[dst+1] = the object, or R[dst] = the attribute and R[dst+1] = UNDEF.";
    LoadSuperAttr(dst: Out, super_class_self: In3, name: Cache) [RAISES RUNS]
        "R[dst] = super(class, self).name; the three registers hold `super`, the class, self. When the first is not the \
         builtin super it is called: without arguments, or with both when the variant flag is set.";
    LoadSuperMethod(dst: Out2, super_class_self: In3, name: Cache) [RAISES RUNS]
        "The same for a call, with a result like LoadMethod's.";
    LoadSpecial(dst: Out2, object: In, which: Which) [RAISES RUNS]
        "Looks a special method up on the type of R[object], with a result like LoadMethod's: 0 `__enter__`, \
         1 `__exit__`, 2 `__aenter__`, 3 `__aexit__`. TypeError when missing (texts of `with` and `async with`).";
}
"Items" {
    GetItem(dst: Out, object: In, key: In) [RAISES RUNS] "R[dst] = R[object][R[key]].";
    GetItemInt(dst: Out, object: In, key: Imm16) [RAISES RUNS] "R[dst] = R[object][key] with a small int.";
    SetItem(object: In, key: In, value: In) [RAISES RUNS] "R[object][R[key]] = R[value].";
    DelItem(object: In, key: In) [RAISES RUNS] "del R[object][R[key]].";
    GetSlice(dst: Out, object: In, start_stop: In2) [RAISES RUNS] "R[dst] = R[object][start:stop] (None where not given).";
    GetSliceStep(dst: Out, object: In, start_stop_step: In3) [RAISES RUNS] "R[dst] = R[object][start:stop:step] (None where not given).";
    SetSlice(object: In, start_stop: In2, value: In) [RAISES RUNS] "R[object][start:stop] = R[value].";
}
"Arithmetic (the variant flag means in-place: `__iadd__` first)" {
    Add(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] + R[right].";
    Sub(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] - R[right].";
    Mul(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] * R[right].";
    MatMul(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] @ R[right].";
    TrueDiv(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] / R[right].";
    FloorDiv(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] // R[right].";
    Mod(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] % R[right].";
    Pow(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] ** R[right].";
    LShift(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] << R[right].";
    RShift(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] >> R[right].";
    And(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] & R[right].";
    Or(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] | R[right].";
    Xor(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] ^ R[right].";
    AddK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] + consts[right].";
    SubK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] - consts[right].";
    MulK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] * consts[right].";
    TrueDivK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] / consts[right].";
    FloorDivK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] // consts[right].";
    ModK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] % consts[right].";
    PowK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] ** consts[right].";
    LShiftK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] << consts[right].";
    RShiftK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] >> consts[right].";
    AndK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] & consts[right].";
    OrK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] | consts[right].";
    XorK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] ^ consts[right].";
    Neg(dst: Out, operand: In) [RAISES RUNS] "R[dst] = -R[operand].";
    Pos(dst: Out, operand: In) [RAISES RUNS] "R[dst] = +R[operand].";
    Invert(dst: Out, operand: In) [RAISES RUNS] "R[dst] = ~R[operand].";
    Not(dst: Out, operand: In) [RAISES RUNS] "R[dst] = not R[operand].";
}
"Comparisons into a register" {
    Lt(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] < R[right].";
    Le(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] <= R[right].";
    Eq(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] == R[right].";
    Ne(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] != R[right].";
    Gt(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] > R[right].";
    Ge(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] >= R[right].";
    Is(dst: Out, left: In, right: In) [] "R[dst] = R[left] is R[right].";
    IsNot(dst: Out, left: In, right: In) [] "R[dst] = R[left] is not R[right].";
    In(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] in R[right].";
    NotIn(dst: Out, left: In, right: In) [RAISES RUNS] "R[dst] = R[left] not in R[right].";
    LtK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] < consts[right].";
    LeK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] <= consts[right].";
    EqK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] == consts[right].";
    NeK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] != consts[right].";
    GtK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] > consts[right].";
    GeK(dst: Out, left: In, right: Const) [RAISES RUNS] "R[dst] = R[left] >= consts[right].";
}
"Jumps" {
    Jump(unused: No, to: Jump32) [JUMPS ENDS] "pc += to.";
    JumpIfTrue(condition: In, to: Jump32) [RAISES RUNS JUMPS] "if truth(R[condition]): pc += to.";
    JumpIfFalse(condition: In, to: Jump32) [RAISES RUNS JUMPS] "if not truth(R[condition]): pc += to.";
    JumpIfTrueKeep(condition: InOut, to: Jump32) [RAISES RUNS JUMPS]
        "If R[condition] is true, jumps and leaves it live; else drops it (it is a temp) and falls through.";
    JumpIfFalseKeep(condition: InOut, to: Jump32) [RAISES RUNS JUMPS]
        "If R[condition] is false, jumps and leaves it live; else drops it (it is a temp) and falls through.";
    JumpIfNone(value: In, to: Jump32) [JUMPS] "if R[value] is None: pc += to.";
    JumpIfNotNone(value: In, to: Jump32) [JUMPS] "if R[value] is not None: pc += to.";
    JumpIfLt(left: In, right: In, to: Jump16) [RAISES RUNS JUMPS] "Jumps when truth(R[left] < R[right]) equals the polarity flag.";
    JumpIfLe(left: In, right: In, to: Jump16) [RAISES RUNS JUMPS] "The same with <=.";
    JumpIfEq(left: In, right: In, to: Jump16) [RAISES RUNS JUMPS] "The same with ==.";
    JumpIfNe(left: In, right: In, to: Jump16) [RAISES RUNS JUMPS] "The same with !=.";
    JumpIfGt(left: In, right: In, to: Jump16) [RAISES RUNS JUMPS] "The same with >.";
    JumpIfGe(left: In, right: In, to: Jump16) [RAISES RUNS JUMPS] "The same with >=.";
    JumpIfIs(left: In, right: In, to: Jump16) [JUMPS]
        "The same with `is` (`is not` is this with the other polarity).";
    JumpIfIn(left: In, right: In, to: Jump16) [RAISES RUNS JUMPS]
        "The same with `in` (`not in` is this with the other polarity).";
    JumpIfLtK(left: In, right: Const, to: Jump16) [RAISES RUNS JUMPS] "Jumps when truth(R[left] < consts[right]) equals the polarity flag.";
    JumpIfLeK(left: In, right: Const, to: Jump16) [RAISES RUNS JUMPS] "The same with <=.";
    JumpIfEqK(left: In, right: Const, to: Jump16) [RAISES RUNS JUMPS] "The same with ==.";
    JumpIfNeK(left: In, right: Const, to: Jump16) [RAISES RUNS JUMPS] "The same with !=.";
    JumpIfGtK(left: In, right: Const, to: Jump16) [RAISES RUNS JUMPS] "The same with >.";
    JumpIfGeK(left: In, right: Const, to: Jump16) [RAISES RUNS JUMPS] "The same with >=.";
}
"Loops" {
    GetIter(dst: Out, iterable: In) [RAISES RUNS] "R[dst] = iter(R[iterable]).";
    ForIter(dst: Out, iterator: Keep, to: Jump16) [RAISES RUNS JUMPS]
        "R[dst] = next(R[iterator]); when it is exhausted, drops R[iterator] (a temp), leaves R[dst] as it was, and jumps.";
    ForLoop(dst: Out, iterator: Keep, to: Jump16) [RAISES RUNS JUMPS]
        "The foot of a loop: R[dst] = next(R[iterator]) and jumps back; when it is exhausted, drops R[iterator] (a temp), \
         leaves R[dst] as it was, and falls through.";
}
"Calls" {
    Call(base: CallBase, argc: Count, dst: Out) [RAISES RUNS]
        "R[dst] = R[base](R[base+1], … argc of them). No temp from `base` up is live afterwards but dst.";
    CallMethod(base: MethodBase, argc: Count, dst: Out) [RAISES RUNS]
        "R[dst] = R[base](R[base+1] unless UNDEF, R[base+2], … argc of them).";
    CallKw(base: CallKwBase, argc: Count, dst: Out) [RAISES RUNS]
        "Like Call; argc counts positional and keyword arguments, R[base+1+argc] is the tuple of the last ones' names.";
    CallMethodKw(base: MethodKwBase, argc: Count, dst: Out) [RAISES RUNS]
        "Like CallMethod; R[base+2+argc] is the tuple of the last arguments' names.";
    CallEx(base: CallExBase, unused: No, dst: Out) [RAISES RUNS]
        "R[dst] = R[base](*R[base+1], **R[base+2]); R[base+2] is a dict and only there when the variant flag is set. \
         R[base+1] is a tuple, or (when the call has just one `*x`) any iterable: TypeError with the function's name.";
    Return(value: In) [ENDS] "Leaves the frame with R[value]. Every other temp is dead.";
    ReturnConst(unused: No, value: Const32) [ENDS] "Leaves the frame with consts[value]. Every temp is dead.";
}
"Functions and classes" {
    MakeFunction(dst: Out, code: Const32) [] "R[dst] = a function of the code constant, with the frame's globals.";
    SetFuncAttr(function: Keep, value: In, which: Which) []
        "Sets on the new function: 0 defaults (tuple), 1 keyword defaults (dict), 2 `__annotate__` (function), \
         3 closure (tuple of cells).";
}
"Building and taking apart" {
    BuildTuple(dst: Out, first: Run, count: Count) [] "R[dst] = (R[first], …).";
    BuildList(dst: Out, first: Run, count: Count) [] "R[dst] = [R[first], …].";
    BuildSet(dst: Out, first: Run, count: Count) [RAISES RUNS] "R[dst] = {R[first], …}.";
    BuildMap(dst: Out, first: RunPairs, count: Count) [RAISES RUNS] "R[dst] = {R[first]: R[first+1], …}, count pairs.";
    BuildString(dst: Out, first: Run, count: Count) [] "R[dst] = the strs (and small ints) R[first], … joined.";
    BuildSlice(dst: Out, first: Run, count: Count) [] "R[dst] = slice(start, stop) or slice(start, stop, step).";
    ListAppend(list: Keep, value: In) [] "Appends to the list.";
    SetAdd(set: Keep, value: In) [RAISES RUNS] "Adds to the set.";
    MapAdd(dict: Keep, key: In, value: In) [RAISES RUNS] "R[dict][R[key]] = R[value].";
    ListExtend(list: Keep, iterable: In) [RAISES RUNS]
        "Extends the list; TypeError `Value after * must be an iterable, not X`.";
    SetUpdate(set: Keep, iterable: In) [RAISES RUNS] "Updates the set.";
    DictUpdate(dict: Keep, mapping: In) [RAISES RUNS] "For `{**m}`: updates the dict; TypeError `'X' object is not a mapping`.";
    DictMerge(dict: Keep, mapping: In, function: Keep) [RAISES RUNS]
        "For `f(**m)`: updates the dict; TypeErrors for a non-mapping, a key that is no str, a key given twice; \
         they name the function R[function].";
    ListToTuple(dst: Out, list: In) [] "R[dst] = tuple(R[list]).";
    UnpackSequence(dst: OutRun, iterable: In, count: Count) [RAISES RUNS] "R[dst], … = R[iterable], exactly count values.";
    UnpackPair(first: Out, second: Out, iterable: In) [RAISES RUNS]
        "R[first], R[second] = R[iterable], exactly two values; nothing is written when it raises.";
    UnpackEx(dst: OutStar, iterable: In, counts: StarCounts) [RAISES RUNS]
        "Values before the star, the list of the others, values after it.";
    FormatValue(dst: Out, value: In, spec: OptIn) [RAISES RUNS]
        "R[dst] = format(converted R[value], spec). Conversion in flag bits 3 and 4: 0 none, 1 str, 2 repr, 3 ascii. The \
         variant flag says that R[spec] is the format spec (a str); else the spec is empty. The polarity flag says that \
         the result goes into `BuildString`: a small int may stay one.";
    BuildInterpolation(dst: Out, value_text_spec: In3, conversion: Which) []
        "R[dst] = Interpolation(value, expression text, conversion, spec); conversion 0 None, 1 's', 2 'r', 3 'a'.";
    BuildTemplate(dst: Out, strings_interpolations: In2) [] "R[dst] = Template of the tuple of strs and the tuple of interpolations.";
}
"Imports" {
    ImportName(dst: Out, level_fromlist: In2, name: Name) [RAISES RUNS] "R[dst] = `__import__(names[name], globals, locals, fromlist, level)`.";
    ImportFrom(dst: Out, module: Keep, name: Name) [RAISES RUNS] "R[dst] = R[module].name, or the submodule; ImportError.";
    ImportStar(module: In) [RAISES RUNS] "Copies the module's public names into the frame's namespace.";
}
"Exceptions" {
    Raise(exception: In) [RAISES RUNS ENDS] "raise R[exception].";
    RaiseFrom(exception: In, cause: In) [RAISES RUNS ENDS] "raise R[exception] from R[cause].";
    RaiseBare() [RAISES ENDS] "raise: the handled exception again; RuntimeError when there is none.";
    Reraise(exception: In) [RAISES ENDS] "Continues unwinding with R[exception]; adds no traceback entry, changes no context.";
    PushHandled(saved: Out, exception: Keep) [] "R[saved] = the handled exception (or None); R[exception] becomes the handled one.";
    PopHandled(saved: In) [] "The handled exception is R[saved] again.";
    ExcMatch(dst: Out, exception: Keep, kind: In) [RAISES] "R[dst] = whether the exception matches the class or tuple; TypeError.";
    ExcStarMatch(dst: Out, rest: InOut, kind: In) [RAISES RUNS]
        "For `except*`: splits R[rest] (None matches nothing). R[dst] = the matching group or None, R[rest] = the rest or \
         None. The matching group becomes the handled exception.";
    ExcTriple(dst: Out3, exception: Keep) [] "R[dst], R[dst+1], R[dst+2] = type, exception, traceback: the arguments of `__exit__`.";
}
"Generators and coroutines" {
    Yield(received: Out, value: In) [RAISES] "Suspends with R[value]; R[received] = what is sent. Thrown exceptions arise here.";
    YieldAsync(received: Out, value: In) [RAISES] "The same in an async generator: the value is one of its items, not its awaiting.";
    GetAwaitable(dst: Out, value: In, which: Which) [RAISES RUNS]
        "R[dst] = the iterator to await; TypeError. 0 `await`, 1 from `__aenter__`, 2 from `__aexit__`.";
    GetYieldFromIter(dst: Out, iterable: In) [RAISES RUNS]
        "R[dst] = iter(R[iterable]), coroutines only where the code is a coroutine; TypeError.";
    Await(result: Out, delegate: Keep) [RAISES RUNS]
        "Sends to R[delegate] (None first) and suspends with what it yields, executed again at each resumption; when it \
         returns, consumes R[delegate] (always a temp; may be the same register as result) and R[result] = its value. \
         With the variant flag: `yield from`.";
    GetAIter(dst: Out, iterable: In) [RAISES RUNS] "R[dst] = aiter(R[iterable]); TypeErrors of `async for`.";
    GetANext(dst: Out, iterator: Keep) [RAISES RUNS] "R[dst] = the awaitable of anext(R[iterator]), ready for Await; TypeErrors.";
    EndAsyncFor(exception: In, iterator: In) [RAISES]
        "If R[exception] is StopAsyncIteration drops both (temps) and falls through, else reraises it.";
}
"Patterns" {
    MatchSequence(dst: Out, subject: Keep) [] "R[dst] = whether the subject is a sequence for patterns.";
    MatchMapping(dst: Out, subject: Keep) [] "R[dst] = whether the subject is a mapping for patterns.";
    GetLen(dst: Out, subject: Keep) [RAISES RUNS] "R[dst] = len(R[subject]).";
    MatchKeys(dst: Out, subject: Keep, keys: Keep) [RAISES RUNS] "R[dst] = tuple of the values of all keys, or None.";
    MatchRest(dst: Out, subject: In, keys: In) [RAISES RUNS] "R[dst] = dict of the subject without the keys of the tuple.";
    MatchClass(dst: Out, subject_class_names: In3, count: Count) [RAISES RUNS]
        "R[dst] = tuple of the values of count positional and of the named sub-patterns, or None; TypeErrors.";
}
"Rare things" {
    SetupAnnotations() [RAISES RUNS] "Makes `__annotations__` in the frame's namespace where it is missing.";
    Intrinsic1(dst: Out, value: In, which: Which) [RAISES RUNS] "R[dst] = the function of one value numbered in [`Intrinsic1`].";
    Intrinsic2(dst: Out, values: In2, which: Which) [RAISES RUNS] "R[dst] = the function of two values numbered in [`Intrinsic2`].";
}
}

macro_rules! numbered {
    ($(#[$meta:meta])* $type:ident { $( $name:ident $doc:literal; )* }) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[repr(u16)]
        pub enum $type {
            $( #[doc = $doc] $name, )*
        }

        impl $type {
            /// All of them by number.
            pub const ALL: &'static [$type] = &[ $( $type::$name, )* ];
            const DOCS: &'static [(&'static str, &'static str)] = &[ $( (stringify!($name), $doc), )* ];

            /// Its name.
            pub fn name(self) -> &'static str {
                Self::DOCS.get(self as usize).map_or("", |row| row.0)
            }
        }
    };
}

numbered! {
    /// The functions of `Intrinsic1`.
    Intrinsic1 {
        Print "sys.displayhook(value): an expression statement at the prompt; result None.";
        TypeVar "TypeVar(name), with inferred variance.";
        ParamSpec "ParamSpec(name), with inferred variance.";
        TypeVarTuple "TypeVarTuple(name).";
        SubscriptGeneric "Generic[*type parameters] from their tuple.";
        TypeAlias "TypeAliasType from the tuple (name, type parameters or None, function that evaluates the value).";
    }
}

numbered! {
    /// The functions of `Intrinsic2`.
    Intrinsic2 {
        TypeVarWithBound "TypeVar(name) with a function that evaluates the bound.";
        TypeVarWithConstraints "TypeVar(name) with a function that evaluates the constraints.";
        SetFunctionTypeParams "Sets `__type_params__` of the function (first value) and gives it back.";
        SetTypeparamDefault "Sets the function that evaluates the default of the type parameter (first value) and gives it back.";
        PrepReraiseStar "The end of `except*`: original exception and list of what was raised and left; None or what to raise.";
    }
}

impl Op {
    /// The row of the table.
    pub fn info(self) -> &'static OpInfo {
        &OPCODES[self as usize]
    }
}

/// The text of `docs/bytecode.md`.
pub fn document() -> String {
    let mut out = String::from(
        "# Bytecode\n\nThis page is made from the table in `src/compiler/opcodes.rs`; \
         `UPDATE_GOLDEN=1 cargo test` writes it anew.\n\n",
    );
    out.push_str(include_str!("opcodes.md"));
    let mut rows = OPCODES.iter();
    for (heading, count) in GROUPS {
        let _ = write!(out, "\n## {heading}\n\n| Opcode | Operands | Effect | May |\n|---|---|---|---|\n");
        for info in rows.by_ref().take(*count) {
            let operands: Vec<String> = info
                .operands
                .iter()
                .zip(["a", "b", "c"])
                .filter(|((_, kind), _)| *kind != Kind::No)
                .map(|((name, kind), place)| {
                    let place = if kind.is_wide() { "bc" } else { place };
                    format!("{place}: {name} ({kind:?})")
                })
                .collect();
            let effects: Vec<&str> =
                [(RAISES, "raise"), (RUNS, "run script"), (JUMPS, "jump"), (ENDS, "not fall through")]
                    .iter()
                    .filter(|(bit, _)| info.effects & bit != 0)
                    .map(|(_, text)| *text)
                    .collect();
            let doc = info.doc.replace('|', "\\|");
            let _ = writeln!(out, "| {} | {} | {doc} | {} |", info.name, operands.join(", "), effects.join(", "));
        }
    }
    for (heading, rows) in [("Intrinsic1", Intrinsic1::DOCS), ("Intrinsic2", Intrinsic2::DOCS)] {
        let _ = write!(out, "\n## {heading}\n\n| Number | Name | Effect |\n|---|---|---|\n");
        for (number, (name, doc)) in rows.iter().enumerate() {
            let _ = writeln!(out, "| {number} | {name} | {doc} |");
        }
    }
    out
}
