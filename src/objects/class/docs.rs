//! `__doc__` of the classes of the language.

use crate::vm::Vm;
use crate::vm::class::Class;

/// What classes of the language say of themselves.
const DOCS: &[(&str, &str)] = &[
    ("object", "The base class of the class hierarchy.\n\nIts instances have no attributes of their own.\n"),
    ("type", "type(object) -> the object's type\ntype(name, bases, dict, **kwds) -> a new type"),
    ("int", "int([x]) -> integer\nint(x, base=10) -> integer\n\nConvert a number or text to an integer."),
    ("float", "Convert a string or number to a floating-point number, if possible."),
    ("complex", "Create a complex number from a string or numbers."),
    ("bool", "Returns True when the argument is true, False otherwise."),
    ("str", "str(object='') -> str\nstr(bytes_or_buffer[, encoding[, errors]]) -> str\n\nText made of any object."),
    ("bytes", "bytes(iterable_of_ints) -> bytes\nbytes(string, encoding[, errors]) -> bytes\nbytes(int) -> zeros"),
    ("bytearray", "bytearray(iterable_of_ints) -> bytearray\nbytearray(string, encoding[, errors]) -> bytearray"),
    ("list", "Built-in mutable sequence.\n\nWithout an argument it is empty, else it has the items of the argument."),
    (
        "tuple",
        "Built-in immutable sequence.\n\nWithout an argument it is empty, else it has the items of the argument.",
    ),
    ("dict", "dict() -> new empty dictionary\ndict(mapping) -> with its items\ndict(iterable) -> with its pairs"),
    ("set", "Build an unordered collection of unique elements."),
    ("frozenset", "Build an immutable unordered collection of unique elements."),
    ("range", "range(stop) -> range object\nrange(start, stop[, step]) -> range object\n\nIntegers in even steps."),
    ("slice", "slice(stop)\nslice(start, stop[, step])\n\nCreate a slice object."),
    ("property", "Property attribute.\n\nIts functions get, set and delete the value, and it has a text of its own."),
    ("memoryview", "Create a new memoryview object which references the given object."),
    ("map", "Make an iterator that computes the function using arguments from\neach of the iterables."),
    ("filter", "Return an iterator yielding those items of iterable for which\nfunction(item) is true."),
    ("zip", "The zip object yields tuples with an item of each of the iterables."),
    ("enumerate", "Return an enumerate object.\n\nIt yields pairs of a count and an item of the iterable."),
    ("reversed", "Return a reverse iterator over the values of the given sequence."),
    ("super", "super() -> same as super(__class__, <first argument>)\nsuper(type, obj) -> bound super object"),
    ("staticmethod", "Convert a function to be a static method."),
    ("classmethod", "Convert a function to be a class method."),
];

/// The same of exceptions and warnings.
const EXCEPTIONS: &[(&str, &str)] = &[
    ("BaseException", "The base class of all exceptions."),
    ("Exception", "The base class of all exceptions but those that are to end the program."),
    ("ArithmeticError", "The base class of errors of arithmetic."),
    ("AssertionError", "An assertion does not hold."),
    ("AttributeError", "An object does not have the attribute."),
    ("BaseExceptionGroup", "Several exceptions together."),
    ("BlockingIOError", "The operation would block."),
    ("BrokenPipeError", "Nobody reads what is written."),
    ("BufferError", "A buffer cannot be had, or cannot be changed."),
    ("BytesWarning", "Warnings about bytes and text that are mixed up."),
    ("ChildProcessError", "There is no such child process."),
    ("ConnectionAbortedError", "The connection was aborted."),
    ("ConnectionError", "The base class of errors of connections."),
    ("ConnectionRefusedError", "The connection was refused."),
    ("ConnectionResetError", "The connection was reset by the peer."),
    ("DeprecationWarning", "Warnings about what is not to be used any more."),
    ("EOFError", "The input has ended."),
    ("EncodingWarning", "Warnings about encodings that are not named."),
    ("FileExistsError", "The file exists already."),
    ("FileNotFoundError", "There is no such file."),
    ("FloatingPointError", "A floating-point operation has failed."),
    ("FutureWarning", "Warnings about what will mean something else one day."),
    ("GeneratorExit", "The generator is to end."),
    ("ImportError", "The module cannot be found, or does not have the name."),
    ("ImportWarning", "Warnings about imports that are probably mistakes."),
    ("IndentationError", "The indentation is wrong."),
    ("IndexError", "The index is out of range."),
    ("InterruptedError", "A signal has interrupted the call."),
    ("IsADirectoryError", "The operation does not work on directories."),
    ("KeyError", "There is no such key."),
    ("KeyboardInterrupt", "The user has interrupted the program."),
    ("LookupError", "The base class of errors of looking things up."),
    ("MemoryError", "There is not enough memory."),
    ("ModuleNotFoundError", "There is no such module."),
    ("NameError", "The name is not known."),
    ("NotADirectoryError", "The operation works only on directories."),
    ("NotImplementedError", "The method or function is still to be written."),
    ("OSError", "A call of the system has failed."),
    ("OverflowError", "The result is too large."),
    ("PendingDeprecationWarning", "Warnings about what will be deprecated."),
    ("PermissionError", "The operation is not permitted."),
    ("ProcessLookupError", "There is no such process."),
    ("PythonFinalizationError", "It cannot be done any more: the program ends."),
    ("RecursionError", "Calls are nested too deep."),
    ("ReferenceError", "The object of a weak reference is gone."),
    ("ResourceWarning", "Warnings about what was not closed."),
    ("RuntimeError", "An error that no other class describes."),
    ("RuntimeWarning", "Warnings about dubious doings while the program runs."),
    ("StopAsyncIteration", "The asynchronous iterator has no more items."),
    ("StopIteration", "The iterator has no more items."),
    ("SyntaxError", "The text is not a program."),
    ("SyntaxWarning", "Warnings about dubious syntax."),
    ("SystemError", "An error in the interpreter."),
    ("SystemExit", "The program is to end."),
    ("TabError", "Tabs and spaces are mixed in an inconsistent way."),
    ("TimeoutError", "The time is over."),
    ("TypeError", "The argument is of the wrong type."),
    ("UnboundLocalError", "The local variable has no value yet."),
    ("UnicodeDecodeError", "The bytes cannot be decoded."),
    ("UnicodeEncodeError", "The text cannot be encoded."),
    ("UnicodeError", "The base class of errors of encodings."),
    ("UnicodeTranslateError", "The text cannot be translated."),
    ("UnicodeWarning", "Warnings about Unicode."),
    ("UserWarning", "Warnings of scripts."),
    ("ValueError", "The argument is of the right type, but its value is not."),
    ("Warning", "The base class of warnings."),
    ("ZeroDivisionError", "Division by zero."),
];

/// Gives every class that has no `__doc__` of its own one that is `None`: else its instances would show `object`'s.
/// To be called when all built-in classes exist.
pub fn fill_docs(vm: &mut Vm) {
    let mut work = vec![vm.types.object.clone()];
    while let Some(c) = work.pop() {
        vm.doc_class(&c, |class| DOCS.iter().chain(EXCEPTIONS).find(|(n, _)| *n == class).map(|(_, doc)| *doc));
        work.extend(vm.subclasses(&c).iter().filter_map(|s| s.cast::<Class>().cloned()));
    }
}
