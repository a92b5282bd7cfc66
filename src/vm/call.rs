//! Calls from native code, and the binding of arguments to the parameters of script functions.

use super::call_errors;
use super::class::Class;
use super::dict::Dict;
use super::exception::Raised;
use super::frame::frame_flag;
use super::function::{CodeObject, Function, Method, Native};
use super::native::{Args, NativeDef};
use super::object::{Header, Kind, Ref};
use super::special::Special;
use super::str::{Str, Tuple};
use super::value::Value;
use super::{R, Vm};
use crate::compiler::code::CodeFlags;

impl Vm {
    /// `f(*args)`.
    ///
    /// # Errors
    /// What the call raises; TypeError when `f` is not callable.
    pub fn call(&mut self, f: &Value, args: &[Value]) -> R {
        self.call_kw(f, &Args::positional(args))
    }

    /// `f(*args)` with the items of a tuple.
    ///
    /// # Errors
    /// As [`call`](Vm::call).
    pub fn call_tuple(&mut self, f: &Value, args: &Ref<Tuple>) -> R {
        let kept = args.clone();
        // SAFETY: the tuple lives as long as `kept`; a living tuple's items neither move nor change.
        let items: &[Value] = unsafe { &*std::ptr::from_ref(kept.get(self).items()) };
        self.call(f, items)
    }

    /// `f(*args, **keywords)`.
    ///
    /// # Errors
    /// What the call raises; TypeError when `f` is not callable.
    pub fn call_kw(&mut self, f: &Value, args: &Args<'_>) -> R {
        match f.kind() {
            Some(Kind::Function) => self.run_function(f.clone(), args),
            Some(Kind::Native) => {
                let Some(native) = f.cast::<Native>() else { return Ok(Value::NONE) };
                self.check_receiver(native, args)?;
                self.guarded(|vm| vm.call_native(native, args))
            }
            Some(Kind::Method) => {
                let Some(m) = f.cast::<Method>() else { return Ok(Value::NONE) };
                let (func, receiver) = {
                    let m = m.get(self);
                    (m.func.clone(), m.receiver.clone())
                };
                let mut pos = Vec::with_capacity(args.pos.len() + 1);
                pos.push(receiver);
                pos.extend(args.pos.iter().cloned());
                self.guarded(|vm| vm.call_kw(&func, &Args { pos: &pos, ..*args }))
            }
            _ => {
                let Some(call) = self.special(f, Special::Call) else {
                    let name = self.class_name(f);
                    return Err(self.type_error(format!("'{name}' object is not callable")));
                };
                let mut pos = Vec::with_capacity(args.pos.len() + 1);
                if self.is_method_function(&call) {
                    pos.push(f.clone());
                    pos.extend(args.pos.iter().cloned());
                    return self.guarded(|vm| vm.call_kw(&call, &Args { pos: &pos, ..*args }));
                }
                let class = self.class_of(f).clone();
                let bound = self.bind(&call, f, &class)?;
                self.guarded(|vm| vm.call_kw(&bound, args))
            }
        }
    }

    /// A native method that is called through its class must get an instance of it.
    #[inline(always)]
    pub(super) fn check_receiver(&mut self, native: &Ref<Native>, args: &Args<'_>) -> R<()> {
        if native.get(self).owner.is_a::<Class>() { self.check_owned_receiver(native, args) } else { Ok(()) }
    }

    #[inline(never)]
    fn check_owned_receiver(&mut self, native: &Ref<Native>, args: &Args<'_>) -> R<()> {
        let this = native.get(self);
        let Some(owner) = this.owner.cast::<Class>().cloned() else { return Ok(()) };
        let class = self.class_of(native.value());
        if class.is(&self.types.builtin_function) {
            let is_new = matches!(&this.code, super::function::NativeCode::Static(d) if d.name() == "__new__");
            return if is_new { self.check_new_class(&owner, args.pos.first()) } else { Ok(()) };
        }
        let class_method = class.is(&self.types.classmethod_descriptor);
        let wrapper = class.is(&self.types.wrapper_descriptor);
        if class_method || args.pos.first().is_some_and(|v| self.is_instance(v, &owner)) {
            return Ok(());
        }
        let name = match &this.code {
            super::function::NativeCode::Static(d) => {
                let def: &'static NativeDef = d;
                self.check_without_receiver(&owner, def, args)?;
                def.name().to_owned()
            }
            super::function::NativeCode::Host(_, n) => n.to_string(),
        };
        let shown = self.type_name(&owner);
        let owner = owner.get(self).display_name();
        Err(match args.pos.first() {
            None if wrapper => self.type_error(format!("descriptor '{name}' of '{shown}' object needs an argument")),
            None => self.type_error(format!("unbound method {owner}.{name}() needs an argument")),
            Some(v) => {
                let got = self.class_name(v);
                if wrapper {
                    self.type_error(format!("descriptor '{name}' requires a '{shown}' object but received a '{got}'"))
                } else {
                    self.type_error(format!(
                        "descriptor '{name}' for '{shown}' objects doesn't apply to a '{got}' object"
                    ))
                }
            }
        })
    }

    /// A native `__new__` makes objects of its own class and of subclasses.
    fn check_new_class(&mut self, owner: &Ref<Class>, first: Option<&Value>) -> R<()> {
        if let Some(c) = first.and_then(|v| v.cast::<Class>())
            && c.is_subclass(self, owner)
        {
            return Ok(());
        }
        let name = owner.get(self).display_name();
        let text = match first {
            None => format!("{name}.__new__(): not enough arguments"),
            Some(v) => match v.cast::<Class>() {
                Some(c) => {
                    let got = c.get(self).display_name();
                    format!("{name}.__new__({got}): {got} is not a subtype of {name}")
                }
                None => format!("{name}.__new__(X): X is not a type object ({})", self.class_name(v)),
            },
        };
        Err(self.type_error(text))
    }

    /// Runs a script function to its end.
    fn run_function(&mut self, f: Value, args: &Args<'_>) -> R {
        self.tick(0)?;
        self.guarded(|vm| match vm.enter_function(f, args, 0, frame_flag::ENTRY)? {
            Some(generator) => Ok(generator),
            None => vm.run(None),
        })
    }

    /// Pushes the frame of a script function called with these arguments; gives the generator instead where
    /// the function makes one.
    ///
    /// # Errors
    /// TypeError when the arguments do not fit; RecursionError.
    pub(super) fn enter_function(&mut self, f: Value, args: &Args<'_>, dst: u16, flags: u8) -> R<Option<Value>> {
        let Some(func) = f.cast::<Function>() else { return Ok(None) };
        // SAFETY: the window above the running frame is free; it is checked to be large enough for what is
        // written before `push_frame` checks the rest. The function is put below the window.
        unsafe {
            let mut code: *const CodeObject = func.get(self).code.as_ptr();
            let window = self.thread.top().add(1);
            if !self.thread.fits(window.add((*code).nregs as usize)) {
                return Err(self.recursion_error("maximum recursion depth exceeded"));
            }
            let mut params = (*code).params as usize;
            if (*code).exact_args as usize == args.pos.len() && args.kw_names.is_empty() {
                for (i, v) in args.pos.iter().enumerate() {
                    window.add(i).write(v.clone());
                }
            } else if let Some(named) = rest_follows(&(*code).code, args) {
                for (i, v) in args.pos[..named].iter().enumerate() {
                    window.add(i).write(v.clone());
                }
                window.add(named).write(self.tuple_of_copies(&args.pos[named..]).into());
            } else {
                let bound = self.bind_for_code(func, args)?;
                // Comparing the names of keywords can run a script that gives the function other code.
                code = func.get(self).code.as_ptr();
                params = (*code).params as usize;
                if !self.thread.fits(window.add((*code).nregs as usize)) {
                    return Err(self.recursion_error("maximum recursion depth exceeded"));
                }
                for (i, v) in bound.into_iter().enumerate() {
                    window.add(i).write(v);
                }
            }
            if (*code).makes_generator {
                return Ok(Some(self.new_generator(func.clone(), window)));
            }
            self.enter_window(f, window, params, dst, flags).map(|()| None)
        }
    }

    /// Pushes the frame of a script function whose parameters stand in a window above the running frame. Where that
    /// cannot be, they are dropped.
    ///
    /// # Errors
    /// RecursionError.
    ///
    /// # Safety
    /// `f` is a function that makes no generator, and `window` begins behind a free register and holds its `params`
    /// parameters; the stack has room for the function's registers.
    pub(super) unsafe fn enter_window(
        &mut self,
        f: Value,
        window: *mut Value,
        params: usize,
        dst: u16,
        flags: u8,
    ) -> R<()> {
        // SAFETY: the caller's promise.
        unsafe {
            let func: *const Function = Header::payload(f.ptr());
            let code = (*func).code.as_ptr();
            for i in params..(*code).first_temp as usize {
                window.add(i).write(Value::UNDEF);
            }
            match self.push_frame(code, func, window, window.add((*code).nregs as usize), dst, flags) {
                Ok(_) => {
                    window.sub(1).write(f);
                    Ok(())
                }
                Err(e) => {
                    for i in 0..params {
                        *window.add(i) = Value::UNDEF;
                    }
                    Err(e)
                }
            }
        }
    }

    /// Runs a function's code with a namespace mapping of its own (class bodies, `exec`); `UNDEF`: none.
    ///
    /// # Errors
    /// What the code raises.
    pub fn run_in_namespace(&mut self, f: &Ref<Function>, namespace: Value) -> R {
        self.guarded(|vm| {
            let args = Args::positional(&[]);
            match vm.enter_function(f.value().clone(), &args, 0, frame_flag::ENTRY)? {
                Some(generator) => Ok(generator),
                None => {
                    // SAFETY: the frame was just pushed.
                    unsafe { (*vm.thread.frame).aux = namespace };
                    vm.run(None)
                }
            }
        })
    }

    /// Sorts the arguments of a call into the parameters of the code that a script function has afterwards.
    fn bind_for_code(&mut self, func: &Ref<Function>, args: &Args<'_>) -> R<Vec<Value>> {
        loop {
            let code = func.get(self).code.clone();
            let bound = self.bind_arguments(func, args)?;
            if func.get(self).code.is(&code) {
                return Ok(bound);
            }
            self.tick(1)?;
        }
    }

    /// Sorts the arguments of a call into a script function's parameters.
    fn bind_arguments(&mut self, func: &Ref<Function>, args: &Args<'_>) -> R<Vec<Value>> {
        let code = func.get(self).code.get(self).code.clone();
        let (n_pos, n_posonly, n_kw) =
            (code.argcount as usize, code.posonlyargcount as usize, code.kwonlyargcount as usize);
        let named = n_pos + n_kw;
        let mut bound = vec![Value::UNDEF; named];
        let given = args.pos.len();
        for (slot, v) in bound.iter_mut().zip(args.pos.iter().take(n_pos)) {
            *slot = v.clone();
        }
        let rest = if code.flags.has(CodeFlags::VARARGS) {
            Some(if given > n_pos { self.tuple(args.pos[n_pos..].to_vec()).into_value() } else { self.empty_tuple() })
        } else {
            None
        };
        let extra = if code.flags.has(CodeFlags::VARKEYWORDS) { Some(self.new_dict()) } else { None };
        for (name, value) in args.keywords() {
            let place = {
                let text = name.cast::<Str>().map_or(&b""[..], |s| s.get(self).as_bytes());
                (n_posonly..named).find(|&i| code.locals[i].name.as_bytes() == text)
            };
            match place {
                Some(i) if bound[i].is_undef() => bound[i] = value.clone(),
                Some(i) => {
                    let (f, n) = (self.function_name(func), code.locals[i].name.clone());
                    return Err(self.type_error(format!("{f}() got multiple values for argument '{n}'")));
                }
                None => match &extra {
                    Some(d) => {
                        let d = d.clone();
                        d.set_item(self, name.clone(), value.clone())?;
                    }
                    None => return Err(self.unexpected_keyword(func, args, name)),
                },
            }
        }
        if given > n_pos && rest.is_none() {
            return Err(self.too_many_positional(func, given, &bound));
        }
        let defaults = func.get(self).defaults.clone();
        let missing_from = given.min(n_pos);
        if bound[missing_from..n_pos].iter().any(Value::is_undef) {
            let defaults = defaults.cast::<Tuple>().map(|t| t.get(self).items().to_vec()).unwrap_or_default();
            let first_default = n_pos - defaults.len().min(n_pos);
            let skip = defaults.len().saturating_sub(n_pos);
            for (i, d) in defaults.into_iter().skip(skip).enumerate() {
                let slot = &mut bound[first_default + i];
                if slot.is_undef() {
                    *slot = d;
                }
            }
            if bound[..first_default].iter().any(Value::is_undef) {
                let names =
                    (0..first_default).filter(|&i| bound[i].is_undef()).map(|i| code.locals[i].name.to_string());
                let names: Vec<String> = names.collect();
                return Err(self.missing_arguments(func, "positional", &names));
            }
        }
        if bound[n_pos..].iter().any(Value::is_undef) {
            let kwdefaults = func.get(self).kwdefaults.clone();
            let mut missing = Vec::new();
            for (i, slot) in bound.iter_mut().enumerate().skip(n_pos) {
                if slot.is_undef() {
                    let name = self.intern(&code.locals[i].name);
                    match kwdefaults.cast::<Dict>().and_then(|d| d.get_str(self, &name)) {
                        Some(v) => *slot = v,
                        None => missing.push(code.locals[i].name.to_string()),
                    }
                }
            }
            if !missing.is_empty() {
                return Err(self.missing_arguments(func, "keyword-only", &missing));
            }
        }
        bound.extend(rest);
        bound.extend(extra.map(Ref::into_value));
        Ok(bound)
    }

    fn function_name(&mut self, func: &Ref<Function>) -> String {
        let name = func.get(self).qualname.clone();
        self.str_of(&name)
    }

    #[cold]
    fn unexpected_keyword(&mut self, func: &Ref<Function>, args: &Args<'_>, name: &Value) -> Raised {
        let f = self.function_name(func);
        if !name.is_a::<Str>() {
            return self.type_error("keywords must be strings");
        }
        let code = func.get(self).code.get(self).code.clone();
        let n_posonly = code.posonlyargcount as usize;
        let given: Vec<String> = args.kw_names.iter().map(|n| self.str_of(n)).collect();
        let wrong: Vec<String> =
            code.locals[..n_posonly].iter().map(|l| l.name.to_string()).filter(|n| given.contains(n)).collect();
        if !wrong.is_empty() {
            return self.type_error(format!(
                "{f}() got some positional-only arguments passed as keyword arguments: '{}'",
                wrong.join(", ")
            ));
        }
        let text = self.str_of(name);
        let named = (code.argcount + code.kwonlyargcount) as usize;
        let names: Vec<&str> = code.locals[n_posonly..named].iter().map(|l| &*l.name).collect();
        self.type_error(call_errors::unexpected_keyword(&f, &text, &names))
    }

    #[cold]
    fn missing_arguments(&mut self, func: &Ref<Function>, kind: &str, names: &[String]) -> Raised {
        let f = self.function_name(func);
        self.type_error(call_errors::missing(&f, kind, names))
    }

    #[cold]
    fn too_many_positional(&mut self, func: &Ref<Function>, given: usize, bound: &[Value]) -> Raised {
        let f = self.function_name(func);
        let code = func.get(self).code.get(self).code.clone();
        let most = code.argcount as usize;
        let n_defaults = func.get(self).defaults.cast::<Tuple>().map_or(0, |t| t.get(self).items().len()).min(most);
        let keyword_only = bound[most..].iter().filter(|v| !v.is_undef()).count();
        self.type_error(call_errors::too_many(&f, [most - n_defaults, most], given, keyword_only))
    }

    /// Whether the value can be called.
    pub fn is_callable(&self, v: &Value) -> bool {
        matches!(v.kind(), Some(Kind::Function | Kind::Native | Kind::Method | Kind::Type))
            || self.special(v, Special::Call).is_some()
    }

    /// The class in a native `__new__`'s first argument.
    ///
    /// # Errors
    /// TypeError when it is no class.
    pub fn class_arg(&mut self, v: &Value) -> R<Ref<Class>> {
        match v.cast::<Class>() {
            Some(c) => Ok(c.clone()),
            None => {
                let name = self.class_name(v);
                Err(self.type_error(format!("__new__(X): X is not a type object ({name})")))
            }
        }
    }

    /// A native bound method, for natives that hand themselves out.
    pub fn bound_native(&mut self, f: Value, receiver: Value) -> Value {
        let class = self.types.builtin_method.clone();
        self.alloc_as(&class, Method { func: f, receiver }).into()
    }
}

impl Header {
    /// Whether nothing but the caller refers to the object.
    pub fn is_unique(&self) -> bool {
        self.ref_count() == 1
    }
}

/// How many parameters a function has before its `*args`, when that is the last one and the arguments are all that the
/// others want.
fn rest_follows(code: &crate::compiler::code::Code, args: &Args<'_>) -> Option<usize> {
    let named = code.argcount as usize;
    (code.flags.has(CodeFlags::VARARGS)
        && !code.flags.has(CodeFlags::VARKEYWORDS)
        && code.kwonlyargcount == 0
        && args.kw_names.is_empty()
        && args.pos.len() >= named)
        .then_some(named)
}
