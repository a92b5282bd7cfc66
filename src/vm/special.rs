//! The special methods that the machine itself calls, numbered so that each class can keep them in a table.

macro_rules! specials {
    ($($variant:ident $name:literal),* $(,)?) => {
        /// A special method.
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        #[allow(missing_docs)]
        #[repr(u8)]
        pub enum Special { $($variant),* }

        impl Special {
            /// The methods' names, by number.
            pub const NAMES: &'static [&'static str] = &[$($name),*];
            /// How many there are.
            pub const COUNT: usize = Self::NAMES.len();

            /// The method's name.
            pub const fn name(self) -> &'static str {
                Self::NAMES[self as usize]
            }
        }
    };
}

specials! {
    New "__new__", Init "__init__", Call "__call__", Repr "__repr__", Str "__str__", Format "__format__",
    Bytes "__bytes__", Hash "__hash__", Bool "__bool__", Len "__len__", LengthHint "__length_hint__",
    Iter "__iter__", Next "__next__", Reversed "__reversed__", Contains "__contains__",
    GetItem "__getitem__", SetItem "__setitem__", DelItem "__delitem__", Missing "__missing__",
    ClassGetItem "__class_getitem__",
    GetAttribute "__getattribute__", GetAttr "__getattr__", SetAttr "__setattr__", DelAttr "__delattr__",
    Get "__get__", Set "__set__", Delete "__delete__", SetName "__set_name__", Dir "__dir__",
    Eq "__eq__", Ne "__ne__", Lt "__lt__", Le "__le__", Gt "__gt__", Ge "__ge__",
    Add "__add__", Sub "__sub__", Mul "__mul__", MatMul "__matmul__", TrueDiv "__truediv__",
    FloorDiv "__floordiv__", Mod "__mod__", Pow "__pow__", LShift "__lshift__", RShift "__rshift__",
    And "__and__", Or "__or__", Xor "__xor__", DivMod "__divmod__",
    RAdd "__radd__", RSub "__rsub__", RMul "__rmul__", RMatMul "__rmatmul__", RTrueDiv "__rtruediv__",
    RFloorDiv "__rfloordiv__", RMod "__rmod__", RPow "__rpow__", RLShift "__rlshift__", RRShift "__rrshift__",
    RAnd "__rand__", ROr "__ror__", RXor "__rxor__", RDivMod "__rdivmod__",
    IAdd "__iadd__", ISub "__isub__", IMul "__imul__", IMatMul "__imatmul__", ITrueDiv "__itruediv__",
    IFloorDiv "__ifloordiv__", IMod "__imod__", IPow "__ipow__", ILShift "__ilshift__", IRShift "__irshift__",
    IAnd "__iand__", IOr "__ior__", IXor "__ixor__",
    Neg "__neg__", Pos "__pos__", Invert "__invert__", Abs "__abs__",
    Int "__int__", Float "__float__", Complex "__complex__", Index "__index__",
    Round "__round__", Trunc "__trunc__", Floor "__floor__", Ceil "__ceil__",
    Enter "__enter__", Exit "__exit__", AEnter "__aenter__", AExit "__aexit__",
    Await "__await__", AIter "__aiter__", ANext "__anext__",
    Del "__del__", InstanceCheck "__instancecheck__", SubclassCheck "__subclasscheck__",
    Prepare "__prepare__", InitSubclass "__init_subclass__", MroEntries "__mro_entries__",
    Buffer "__buffer__", ReleaseBuffer "__release_buffer__", FsPath "__fspath__",
}
