//! The interned names that the machine and the built-in types look up.
//!
//! One field for each name, called like the name itself; names that Rust reserves have a trailing underscore in
//! the field only. The special methods are also found by number. Not here: how names are interned (`text`).

use super::Vm;
use super::object::Ref;
use super::special::Special;
use super::str::Str;

macro_rules! names {
    ($($field:ident $(= $text:literal)?),* $(,)?) => {
        /// The names. See the module's documentation.
        #[allow(missing_docs, non_snake_case)]
        pub struct Names {
            $(pub $field: Ref<Str>,)*
            /// The special methods' names, by number.
            pub specials: Vec<Ref<Str>>,
        }

        impl Names {
            /// The texts, in the order of the fields.
            const TEXTS: &'static [&'static str] = &[$(names!(@text $field $($text)?)),*];

            /// Every name is `empty`: for the short time before names can be interned.
            pub(super) fn all(empty: &Ref<Str>) -> Names {
                Names { $($field: empty.clone(),)* specials: vec![empty.clone(); Special::COUNT] }
            }

            /// Takes the names that [`Names::intern_all`] made.
            pub(super) fn fill(&mut self, interned: &[Ref<Str>]) {
                let mut from = interned.iter().cloned();
                $(
                    if let Some(name) = from.next() {
                        self.$field = name;
                    }
                )*
                for (slot, name) in self.specials.iter_mut().zip(from) {
                    *slot = name;
                }
            }
        }
    };
    (@text $field:ident) => { stringify!($field) };
    (@text $field:ident $text:literal) => { $text };
}

names! {
    // Of modules, classes and functions.
    __name__, __qualname__, __module__, __doc__, __dict__, __class__, __init__, __new__, __del__, __bases__,
    __base__, __mro__, __slots__, __annotations__, __annotate__, __annotate_func__, __annotations_cache__,
    __file__, __path__, __builtins__, __main__, __all__, __package__, __spec__, __loader__, __cached__,
    __closure__, __code__, __defaults__, __kwdefaults__, __globals__, __type_params__, __func__, __self__,
    __objclass__, __text_signature__, __signature__, __wrapped__, __isabstractmethod__, __abstractmethods__,
    __static_attributes__, __firstlineno__, __classcell__, __classdict__, __classdictcell__, __weakref__,
    __orig_bases__, __orig_class__, __parameters__, __args__, __origin__, __unpacked__, __value__,
    __typing_subst__, __typing_prepare_subst__, __typing_is_unpacked_typevartuple__, __match_args__, __subclasses__,
    __subclasshook__, __sizeof__, __basicsize__, __itemsize__, __flags__, __dictoffset__, __weakrefoffset__,
    __conditional_annotations__, __debug__, __import__, __build_class__, __future__, __notes__, __initializing__,
    // Attributes of exceptions.
    __traceback__, __context__, __cause__, __suppress_context__, __note__,
    add_note, with_traceback, args, name, obj, path, msg, value, code, errno, strerror, filename, filename2,
    filename_is_none, name_from, encoding, object, start, end, reason, lineno, offset, text, print_file_and_line,
    end_lineno, end_offset, characters_written, exceptions, message, derive, split, subgroup,
    // Pickling and copying.
    __reduce__, __reduce_ex__, __getnewargs__, __getnewargs_ex__, __getstate__, __setstate__, __copy__, __deepcopy__,
    __replace__, copyreg, _reconstructor, __newobj__, __newobj_ex__, __slotnames__,
    // Special methods that are also looked up as plain attributes.
    __call__, __repr__, __str__, __format__, __bytes__, __hash__, __bool__, __len__, __length_hint__, __iter__,
    __next__, __reversed__, __contains__, __getitem__, __setitem__, __delitem__, __missing__, __class_getitem__,
    __getattribute__, __getattr__, __setattr__, __delattr__, __get__, __set__, __delete__, __set_name__, __dir__,
    __eq__, __ne__, __lt__, __le__, __gt__, __ge__, __int__, __float__, __complex__, __index__, __round__,
    __trunc__, __floor__, __ceil__, __enter__, __exit__, __aenter__, __aexit__, __await__, __aiter__, __anext__,
    __instancecheck__, __subclasscheck__, __prepare__, __init_subclass__, __mro_entries__, __buffer__,
    __release_buffer__, __fspath__,
    // Methods that the machine calls.
    keys, values, items, get, pop, append, extend, update, clear, copy, join, read, readline, readlines, write,
    flush, close, send, throw, fileno, isatty, closed, mode, seek, tell, next, mro, sort, index, count, insert,
    remove, add, discard, popitem, setdefault, format, find, find_spec, load_module, exec_module, create_module,
    // Modules, their parts, and parameters.
    builtins, sys, stdin, stdout, stderr, displayhook, excepthook, unraisablehook, breakpointhook, ps1, ps2, modules,
    argv, meta_path, path_hooks, path_importer_cache, last_exc, last_type, last_value, last_traceback, warnings,
    warn, warn_explicit, filters, showwarning, _showwarnmsg, underscore = "_", types, typing, collections, abc, asyncio,
    weakref, threading, _initializing, _uninitialized_submodules, has_location, origin, loader, parent, submodule_search_locations,
    cached, level, fromlist, globals, locals, key, default, reverse, strict, sep, file, errors, newline, buffering,
    closefd, opener, metaclass, self_ = "self", cls, type_ = "type", real, imag, numerator, denominator, fget, fset,
    fdel, doc, func, keywords, partial, iterable, initial, maxsplit, base, signed, byteorder, length, step, stop,
    string, pattern, flags, pos, endpos, module, qualname, bases, dict, defaults, closure, argdefs, kwdefaults, source,
    // Frames, code, generators, tracebacks.
    gi_frame, gi_running, gi_code, gi_yieldfrom, cr_frame, cr_running, cr_code, cr_await, cr_origin, ag_frame,
    ag_running, ag_code, ag_await, f_back, f_code, f_globals, f_locals, f_lineno, tb_next, tb_frame, tb_lineno,
    // Names of code objects.
    angle_module = "<module>", angle_lambda = "<lambda>", angle_string = "<string>", angle_stdin = "<stdin>",
    angle_listcomp = "<listcomp>", angle_genexpr = "<genexpr>", angle_locals = "<locals>", angle_static = "<static>", empty = "",
    // The event loop.
    _asyncio_future_blocking, get_loop, add_done_callback, remove_done_callback, set_result, set_exception, result,
    exception, cancel, cancelled, done, cancelling, uncancel, call_soon, call_later, call_at, call_exception_handler,
    _tasks, _on_completed_fut, _on_task_done,
    get_debug, context, run, create_task, coro, loop_ = "loop", task, future, handle, timeout, _source_traceback,
}

impl Names {
    /// Interns all names, in the order that [`Names::fill`] expects.
    pub(super) fn intern_all(vm: &Vm) -> Vec<Ref<Str>> {
        Self::TEXTS.iter().chain(Special::NAMES).map(|text| vm.intern(text)).collect()
    }

    /// The name of a special method.
    #[inline(always)]
    pub fn special(&self, special: Special) -> &Ref<Str> {
        &self.specials[special as usize]
    }
}
