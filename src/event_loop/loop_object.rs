//! Event loops as scripts see them. The queue and its running are in `core`; what is rarely called is written in apy
//! (`asyncio.base_events`), and the methods here fetch it when they are called.

use super::core::{self, Entry, EventLoop};
use super::docs::documented;
use super::foreign::Bare;
use super::future::Callback;
use super::handle::{self, Handle};
use super::{Classes, future, gather, polling};
use crate::vm::gc::weak::WeakRef;
use crate::vm::native::{Args, GetSetDef, NativeDef, arg};
use crate::vm::object::Ref;
use crate::vm::{R, Value, Vm};

/// Gives the classes their methods.
pub fn init(vm: &mut Vm, classes: &Classes) {
    vm.extend_class(&classes.abstract_loop, ABSTRACT, &[]);
    vm.extend_class(&classes.base_loop, METHODS, ATTRS);
    vm.extend_class(&classes.base_loop, SCRIPTED, &[]);
    vm.extend_class(&classes.base_loop, NETWORKED, &[]);
    vm.extend_class(&classes.selector_loop, SELECTING, &[]);
    vm.extend_class(&classes.selector_loop, WATCHING, &[]);
    vm.extend_class(&classes.event_loop, UNIX, &[]);
    vm.extend_class(&classes.event_loop, OWN, &[]);
}

fn this(vm: &mut Vm, a: &[Value]) -> R<Ref<EventLoop>> {
    vm.this::<EventLoop>(a, "loop").cloned()
}

/// A method that a class derived from `AbstractEventLoop` must have.
macro_rules! missing {
    ($($signature:literal),* $(,)?) => {
        &[
            NativeDef::raw("__new__(cls)", "", |vm, args| {
                let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
                Ok(vm.alloc_as(&class, Bare::default()).into())
            }),
            $(NativeDef::raw($signature, documented($signature), |vm, _| {
                let class = vm.exc.NotImplementedError.clone();
                let e = vm.new_exception(&class, Vec::new()).into_value();
                Err(vm.raise(e))
            }),)*
        ]
    };
}

const ABSTRACT: &[NativeDef] = missing![
    "run_forever(self)",
    "run_until_complete(self, future)",
    "stop(self)",
    "is_running(self)",
    "is_closed(self)",
    "close(self)",
    "shutdown_asyncgens(self) -> coroutine",
    "shutdown_default_executor(self) -> coroutine",
    "_timer_handle_cancelled(self, handle)",
    "call_soon(self, callback, *args, context=None)",
    "call_later(self, delay, callback, *args, context=None)",
    "call_at(self, when, callback, *args, context=None)",
    "time(self)",
    "create_future(self)",
    "create_task(self, coro, **kwargs)",
    "call_soon_threadsafe(self, callback, *args, context=None)",
    "run_in_executor(self, executor, func, *args)",
    "set_default_executor(self, executor)",
    "getaddrinfo(self, host, port, *, family=0, type=0, proto=0, flags=0) -> coroutine",
    "getnameinfo(self, sockaddr, flags=0) -> coroutine",
    "create_connection(self, protocol_factory, host=None, port=None, *, ssl=None, family=0, proto=0, flags=0, sock=None, local_addr=None, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None, happy_eyeballs_delay=None, interleave=None) -> coroutine",
    "create_server(self, protocol_factory, host=None, port=None, *, family=0, flags=1, sock=None, backlog=100, ssl=None, reuse_address=None, reuse_port=None, keep_alive=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None, start_serving=True) -> coroutine",
    "sendfile(self, transport, file, offset=0, count=None, *, fallback=True) -> coroutine",
    "start_tls(self, transport, protocol, sslcontext, *, server_side=False, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None) -> coroutine",
    "create_unix_connection(self, protocol_factory, path=None, *, ssl=None, sock=None, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None) -> coroutine",
    "create_unix_server(self, protocol_factory, path=None, *, sock=None, backlog=100, ssl=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None, start_serving=True) -> coroutine",
    "connect_accepted_socket(self, protocol_factory, sock, *, ssl=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None) -> coroutine",
    "create_datagram_endpoint(self, protocol_factory, local_addr=None, remote_addr=None, *, family=0, proto=0, flags=0, reuse_address=None, reuse_port=None, allow_broadcast=None, sock=None) -> coroutine",
    "connect_read_pipe(self, protocol_factory, pipe) -> coroutine",
    "connect_write_pipe(self, protocol_factory, pipe) -> coroutine",
    "subprocess_shell(self, protocol_factory, cmd, *, stdin=-1, stdout=-1, stderr=-1, **kwargs) -> coroutine",
    "subprocess_exec(self, protocol_factory, *args, stdin=-1, stdout=-1, stderr=-1, **kwargs) -> coroutine",
    "add_reader(self, fd, callback, *args)",
    "remove_reader(self, fd)",
    "add_writer(self, fd, callback, *args)",
    "remove_writer(self, fd)",
    "sock_recv(self, sock, nbytes) -> coroutine",
    "sock_recv_into(self, sock, buf) -> coroutine",
    "sock_recvfrom(self, sock, bufsize) -> coroutine",
    "sock_recvfrom_into(self, sock, buf, nbytes=0) -> coroutine",
    "sock_sendall(self, sock, data) -> coroutine",
    "sock_sendto(self, sock, data, address) -> coroutine",
    "sock_connect(self, sock, address) -> coroutine",
    "sock_accept(self, sock) -> coroutine",
    "sock_sendfile(self, sock, file, offset=0, count=None, *, fallback=None) -> coroutine",
    "add_signal_handler(self, sig, callback, *args)",
    "remove_signal_handler(self, sig)",
    "set_task_factory(self, factory)",
    "get_task_factory(self)",
    "get_exception_handler(self)",
    "set_exception_handler(self, handler)",
    "default_exception_handler(self, context)",
    "call_exception_handler(self, context)",
    "get_debug(self)",
    "set_debug(self, enabled)",
];

/// Methods whose bodies are functions of a part of asyncio that is written in apy.
macro_rules! scripted {
    ($module:literal: $($name:literal $parameters:literal;)*) => {
        &[$(NativeDef::raw(concat!($name, $parameters), documented($name), |vm, args| {
            let f = super::apy_function(vm, $module, $name)?;
            vm.call_kw(&f, args)
        }),)*]
    };
}

const SCRIPTED: &[NativeDef] = scripted![
    "base_events":
    "shutdown_asyncgens" "(self) -> coroutine";
    "shutdown_default_executor" "(self, timeout=None) -> coroutine";
    "set_default_executor" "(self, executor)";
    "default_exception_handler" "(self, context)";
    "call_exception_handler" "(self, context)";
];

const NETWORKED: &[NativeDef] = scripted![
    "selector_events":
    "getaddrinfo" "(self, host, port, *, family=0, type=0, proto=0, flags=0) -> coroutine";
    "getnameinfo" "(self, sockaddr, flags=0) -> coroutine";
    "create_connection" "(self, protocol_factory, host=None, port=None, *, ssl=None, family=0, proto=0, flags=0, sock=None, local_addr=None, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None, happy_eyeballs_delay=None, interleave=None, all_errors=False) -> coroutine";
    "create_server" "(self, protocol_factory, host=None, port=None, *, family=0, flags=1, sock=None, backlog=100, ssl=None, reuse_address=None, reuse_port=None, keep_alive=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None, start_serving=True) -> coroutine";
    "sendfile" "(self, transport, file, offset=0, count=None, *, fallback=True) -> coroutine";
    "start_tls" "(self, transport, protocol, sslcontext, *, server_side=False, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None) -> coroutine";
    "connect_accepted_socket" "(self, protocol_factory, sock, *, ssl=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None) -> coroutine";
    "create_datagram_endpoint" "(self, protocol_factory, local_addr=None, remote_addr=None, *, family=0, proto=0, flags=0, reuse_port=None, allow_broadcast=None, sock=None) -> coroutine";
    "connect_read_pipe" "(self, protocol_factory, pipe) -> coroutine";
    "connect_write_pipe" "(self, protocol_factory, pipe) -> coroutine";
    "subprocess_shell" "(self, protocol_factory, cmd, *, stdin=-1, stdout=-1, stderr=-1, universal_newlines=False, shell=True, bufsize=0, encoding=None, errors=None, text=None, **kwargs) -> coroutine";
    "subprocess_exec" "(self, protocol_factory, program, *args, stdin=-1, stdout=-1, stderr=-1, universal_newlines=False, shell=False, bufsize=0, encoding=None, errors=None, text=None, **kwargs) -> coroutine";
    "sock_sendfile" "(self, sock, file, offset=0, count=None, *, fallback=True) -> coroutine";
    "_sock_sendfile_fallback" "(self, sock, file, offset, count) -> coroutine";
    "_ensure_resolved" "(self, address, *, family=0, type=1, proto=0, flags=0, loop) -> coroutine";
];

const SELECTING: &[NativeDef] = scripted![
    "selector_events":
    "sock_recv" "(self, sock, n) -> coroutine";
    "sock_recv_into" "(self, sock, buf) -> coroutine";
    "sock_recvfrom" "(self, sock, bufsize) -> coroutine";
    "sock_recvfrom_into" "(self, sock, buf, nbytes=0) -> coroutine";
    "sock_sendall" "(self, sock, data) -> coroutine";
    "sock_sendto" "(self, sock, data, address) -> coroutine";
    "sock_connect" "(self, sock, address) -> coroutine";
    "sock_accept" "(self, sock) -> coroutine";
    "_make_socket_transport" "(self, sock, protocol, waiter=None, *, extra=None, server=None)";
    "_make_datagram_transport" "(self, sock, protocol, address=None, waiter=None, extra=None)";
    "_start_serving" "(self, protocol_factory, sock, sslcontext=None, server=None, backlog=100, ssl_handshake_timeout=60.0, ssl_shutdown_timeout=30.0)";
    "_accept_connection" "(self, protocol_factory, sock, sslcontext=None, server=None, backlog=100, ssl_handshake_timeout=60.0, ssl_shutdown_timeout=30.0)";
];

const UNIX: &[NativeDef] = scripted![
    "selector_events":
    "create_unix_connection" "(self, protocol_factory, path=None, *, ssl=None, sock=None, server_hostname=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None) -> coroutine";
    "create_unix_server" "(self, protocol_factory, path=None, *, sock=None, backlog=100, ssl=None, ssl_handshake_timeout=None, ssl_shutdown_timeout=None, start_serving=True, cleanup_socket=True) -> coroutine";
    "add_signal_handler" "(self, sig, callback, *args)";
    "remove_signal_handler" "(self, sig)";
    "_sock_sendfile_native" "(self, sock, file, offset, count) -> coroutine";
    "_make_read_pipe_transport" "(self, pipe, protocol, waiter=None, extra=None)";
    "_make_write_pipe_transport" "(self, pipe, protocol, waiter=None, extra=None)";
    "_stop_serving" "(self, sock)";
];

const METHODS: &[NativeDef] = &[
    NativeDef::raw(
        "run_in_executor(self, executor, func, *args)",
        documented("run_in_executor"),
        super::executor::run_in_executor,
    ),
    NativeDef::raw("__new__(cls, selector=None)", "", |vm, args| {
        let class = vm.class_arg(args.pos.first().unwrap_or(&Value::NONE))?;
        Ok(core::new_loop_of(vm, &class)?.into_value())
    }),
    NativeDef::new("__init__(self)", "", init_loop),
    NativeDef::new("__repr__(self, /)", "Return repr(self).", |vm, a| {
        let l = this(vm, a)?;
        let class = vm.plain_class_name(&a[0]);
        let this = l.get(vm);
        let word = |b: bool| if b { "True" } else { "False" };
        let text = format!(
            "<{class} running={} closed={} debug={}>",
            word(this.thread.is_some()),
            word(this.closed),
            word(this.debug)
        );
        Ok(vm.new_str(&text).into())
    }),
    NativeDef::new("__del__(self)", "Warn of a loop that was not closed, and close it.", |vm, a| {
        let l = this(vm, a)?;
        if l.get(vm).closed {
            return Ok(Value::NONE);
        }
        let shown = vm.repr_string(&a[0])?;
        let category = vm.exc.ResourceWarning.clone();
        vm.warn_about(&category, &format!("unclosed event loop {shown}"), 1, a[0].clone())?;
        if l.get(vm).thread.is_some() { Ok(Value::NONE) } else { vm.call_method(&a[0], "close", &[]) }
    }),
    NativeDef::new("run_forever(self)", documented("run_forever"), |vm, a| {
        let l = this(vm, a)?;
        core::run_forever(vm, &l)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("run_until_complete(self, future)", documented("run_until_complete"), |vm, a| {
        let l = this(vm, a)?;
        core::run_until_complete(vm, &l, &a[1])
    }),
    NativeDef::new("_run_once(self)", "Run one full iteration of the event loop.", |vm, a| {
        let l = this(vm, a)?;
        core::run_once(vm, &l)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_run_forever_setup(self)", "Prepare the loop for running.", |vm, a| {
        let l = this(vm, a)?;
        core::set_up(vm, &l)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_run_forever_cleanup(self)", "Clean up after running.", |vm, a| {
        let l = this(vm, a)?;
        core::clean_up(vm, &l)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_check_closed(self)", "", |vm, a| {
        let l = this(vm, a)?;
        core::check_open(vm, &l)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_check_running(self)", "", |vm, a| {
        let l = this(vm, a)?;
        core::check_running(vm, &l)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("_check_thread(self)", "", |vm, a| {
        let l = this(vm, a)?;
        core::check_thread(vm, &l)?;
        Ok(Value::NONE)
    }),
    NativeDef::new("stop(self)", documented("stop"), |vm, a| {
        this(vm, a)?.get_mut(vm).stopping = true;
        Ok(Value::NONE)
    }),
    NativeDef::new("close(self)", documented("close"), close),
    NativeDef::new("is_closed(self)", documented("is_closed"), |vm, a| Ok(Value::bool(this(vm, a)?.get(vm).closed))),
    NativeDef::new("is_running(self)", documented("is_running"), |vm, a| {
        Ok(Value::bool(this(vm, a)?.get(vm).thread.is_some()))
    }),
    NativeDef::new("time(self)", documented("time"), |vm, _| Ok(vm.float(core::clock()))),
    NativeDef::raw(CALL_SOON, documented("call_soon"), |vm, args| call_soon(vm, args, "call_soon", true)),
    NativeDef::new("_call_soon(self, callback, args, context)", "", |vm, a| {
        let l = this(vm, a)?;
        let h = handle::new(vm, a[1].clone(), a[2].clone(), l.value(), a[3].clone())?;
        l.get_mut(vm).ready.push_back(Entry::Handle(h.clone()));
        Ok(h.into_value())
    }),
    NativeDef::raw(CALL_SOON_THREADSAFE, documented("call_soon_threadsafe"), |vm, args| {
        let h = call_soon(vm, args, "call_soon_threadsafe", false)?;
        let l = this(vm, args.pos)?;
        core::wake(vm, &l);
        Ok(h)
    }),
    NativeDef::raw(CALL_LATER, documented("call_later"), call_later),
    NativeDef::raw(CALL_AT, documented("call_at"), call_at),
    NativeDef::new("create_future(self)", documented("create_future"), |vm, a| future::new_future(vm, &a[0])),
    NativeDef::raw("create_task(self, coro, **kwargs)", documented("create_task"), |vm, args| {
        let l = this(vm, args.pos)?;
        let coro = super::keyword(vm, args, "coro");
        if args.pos.len() != 2 || coro.is_some() {
            vm.check_script_call("BaseEventLoop", "create_task(self, coro, **kwargs)", args)?;
        }
        let coro = args.pos.get(1).cloned().or(coro).unwrap_or(Value::NONE);
        super::with_other_keywords(vm, args, "coro", |vm, args| gather::native_create_task(vm, &l, &coro, args))
    }),
    NativeDef::new("set_task_factory(self, factory)", documented("set_task_factory"), |vm, a| {
        if !a[1].is_none() && !vm.is_callable(&a[1]) {
            return Err(vm.type_error("task factory must be a callable or None"));
        }
        let l = this(vm, a)?;
        let old = std::mem::replace(&mut l.get_mut(vm).task_factory, a[1].clone());
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("get_task_factory(self)", documented("get_task_factory"), |vm, a| {
        Ok(this(vm, a)?.get(vm).task_factory.clone())
    }),
    NativeDef::new("set_exception_handler(self, handler)", documented("set_exception_handler"), |vm, a| {
        if !a[1].is_none() && !vm.is_callable(&a[1]) {
            let shown = vm.repr_string(&a[1])?;
            return Err(vm.type_error(format!("A callable object or None is expected, got {shown}")));
        }
        let l = this(vm, a)?;
        let old = std::mem::replace(&mut l.get_mut(vm).exception_handler, a[1].clone());
        drop(old);
        Ok(Value::NONE)
    }),
    NativeDef::new("get_exception_handler(self)", documented("get_exception_handler"), |vm, a| {
        Ok(this(vm, a)?.get(vm).exception_handler.clone())
    }),
    NativeDef::new("get_debug(self)", documented("get_debug"), |vm, a| Ok(Value::bool(this(vm, a)?.get(vm).debug))),
    NativeDef::new("set_debug(self, enabled)", documented("set_debug"), |vm, a| {
        let l = this(vm, a)?;
        let on = vm.truth(&a[1])?;
        l.get_mut(vm).debug = on;
        if l.get(vm).thread.is_some() {
            // Not before the callback that asks for it has ended.
            let track = vm.get_attr_str(&a[0], "_set_coroutine_origin_tracking")?;
            vm.call_method(&a[0], "call_soon_threadsafe", &[track, Value::bool(on)])?;
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("_set_coroutine_origin_tracking(self, enabled)", "", |vm, a| {
        let l = this(vm, a)?;
        let on = vm.truth(&a[1])?;
        core::track_origins(vm, &l, on);
        Ok(Value::NONE)
    }),
    NativeDef::new("_timer_handle_cancelled(self, handle)", "", |vm, a| {
        let l = this(vm, a)?;
        if a[1].cast::<Handle>().is_some_and(|h| h.get(vm).scheduled) {
            l.get_mut(vm).timers.note_cancelled();
        }
        Ok(Value::NONE)
    }),
    NativeDef::new("_job_done(self, future)", "A job of another thread is done.", |vm, a| {
        let l = this(vm, a)?;
        let mut this = l.get_mut(vm);
        this.outside = this.outside.saturating_sub(1);
        Ok(Value::NONE)
    }),
    NativeDef::new("_add_callback(self, handle)", "", |vm, a| {
        let l = this(vm, a)?;
        if let Some(h) = a[1].cast::<Handle>()
            && !h.get(vm).cancelled
        {
            l.get_mut(vm).ready.push_back(Entry::Handle(h.clone()));
        }
        Ok(Value::NONE)
    }),
    NativeDef::new(
        "_process_events(self, event_list)",
        "Deal with what a selector of the script's reported.",
        |vm, a| {
            if vm.len(&a[1])? == 0 {
                return Ok(Value::NONE);
            }
            let class = vm.exc.NotImplementedError.clone();
            let e = vm.new_exception(&class, Vec::new()).into_value();
            Err(vm.raise(e))
        },
    ),
    NativeDef::new(
        "_resolve(self, host, port, family, type, proto, flags)",
        "A future of what getaddrinfo finds.",
        |vm, a| {
            let l = this(vm, a)?;
            super::resolver::resolve(vm, &l, a.get(1..).unwrap_or_default())
        },
    ),
    NativeDef::new("_write_to_self(self)", "Wake the loop up.", |vm, a| {
        let l = this(vm, a)?;
        core::wake(vm, &l);
        Ok(Value::NONE)
    }),
    NativeDef::new("_asyncgen_firstiter_hook(self, agen)", "", first_iteration),
    NativeDef::new("_asyncgen_finalizer_hook(self, agen)", "", generator_dies),
    NativeDef::new("_take_asyncgens(self)", "The async generators that were iterated and are alive.", |vm, a| {
        let l = this(vm, a)?;
        l.get_mut(vm).generators_shut = true;
        let all = std::mem::take(&mut l.get_mut(vm).generators);
        let alive = all.values().filter_map(|w| vm.weak_target(w)).collect();
        Ok(vm.list(alive).into())
    }),
    NativeDef::new("__setattr__(self, name, value, /)", "Implement setattr(self, name, value).", |vm, a| {
        let l = this(vm, a)?;
        let name = vm.attr_name(&a[1])?;
        note_replaced(vm, &l, &name);
        vm.generic_set_attr(&a[0], &name, Some(a[2].clone()))?;
        Ok(Value::NONE)
    }),
];

/// A script puts a method of its own into a loop object.
fn note_replaced(vm: &mut Vm, l: &Ref<EventLoop>, name: &Ref<crate::vm::str::Str>) {
    let text = vm.str_of(name.value());
    let mut this = l.get_mut(vm);
    match text.as_str() {
        "call_soon" | "_call_soon" => this.plain.call_soon = false,
        "call_at" | "call_later" | "time" => this.plain.timers = false,
        "_run_once" => this.plain.run_once = false,
        "create_future" => this.plain.create_future = false,
        "create_task" => this.plain.create_task = false,
        "run_forever" | "stop" => this.plain.running = false,
        "shutdown_asyncgens" | "shutdown_default_executor" => this.plain.shutting = false,
        "_selector" => this.plain.waiting = false,
        _ => {}
    }
}

/// The truth of what an attribute is set to; deleting it means false.
fn switch(vm: &mut Vm, new: Option<Value>) -> R<bool> {
    new.map_or(Ok(false), |v| vm.truth(&v))
}

const ATTRS: &[GetSetDef] = &[
    GetSetDef::with_set(
        "slow_callback_duration",
        "",
        |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).slow_callback.clone()),
        |vm, v, new| {
            let l = this(vm, std::slice::from_ref(v))?;
            let new = match new {
                Some(v) => v,
                None => vm.float(0.1),
            };
            let old = std::mem::replace(&mut l.get_mut(vm).slow_callback, new);
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_default_executor",
        "",
        |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).executor.clone()),
        |vm, v, new| {
            let l = this(vm, std::slice::from_ref(v))?;
            let old = std::mem::replace(&mut l.get_mut(vm).executor, new.unwrap_or(Value::NONE));
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_executor_shutdown_called",
        "",
        |vm, v| Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).executor_shut)),
        |vm, v, new| {
            let l = this(vm, std::slice::from_ref(v))?;
            let on = switch(vm, new)?;
            l.get_mut(vm).executor_shut = on;
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_outside",
        "What may wake the loop from outside: a count.",
        |vm, v| Ok(Value::len(this(vm, std::slice::from_ref(v))?.get(vm).outside)),
        |vm, v, new| {
            let l = this(vm, std::slice::from_ref(v))?;
            let n = match new {
                Some(v) => vm.index_i64(&v)?,
                None => 0,
            };
            l.get_mut(vm).outside = usize::try_from(n).unwrap_or(0);
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_stopping",
        "",
        |vm, v| Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).stopping)),
        |vm, v, new| {
            let l = this(vm, std::slice::from_ref(v))?;
            let on = switch(vm, new)?;
            l.get_mut(vm).stopping = on;
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_task_factory",
        "",
        |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).task_factory.clone()),
        |vm, v, new| {
            let l = this(vm, std::slice::from_ref(v))?;
            let old = std::mem::replace(&mut l.get_mut(vm).task_factory, new.unwrap_or(Value::NONE));
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_exception_handler",
        "",
        |vm, v| Ok(this(vm, std::slice::from_ref(v))?.get(vm).exception_handler.clone()),
        |vm, v, new| {
            let l = this(vm, std::slice::from_ref(v))?;
            let old = std::mem::replace(&mut l.get_mut(vm).exception_handler, new.unwrap_or(Value::NONE));
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::with_set(
        "_signal_handlers",
        "The handles of signals by their numbers.",
        |vm, v| {
            let l = this(vm, std::slice::from_ref(v))?;
            if l.get(vm).signal_handlers.is_undef() {
                let made = vm.new_dict().into_value();
                l.get_mut(vm).signal_handlers = made;
            }
            Ok(l.get(vm).signal_handlers.clone())
        },
        |vm, v, new| {
            let l = this(vm, std::slice::from_ref(v))?;
            let old = std::mem::replace(&mut l.get_mut(vm).signal_handlers, new.unwrap_or(Value::UNDEF));
            drop(old);
            Ok(())
        },
    ),
    GetSetDef::new("_thread_id", "The thread that the loop runs on, or None.", |vm, v| {
        let id = this(vm, std::slice::from_ref(v))?.get(vm).thread;
        Ok(id.map_or(Value::NONE, |n| vm.int(n as i64)))
    }),
    GetSetDef::new("_closed", "", |vm, v| Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).closed))),
    GetSetDef::new("_debug", "", |vm, v| Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).debug))),
    GetSetDef::with_set(
        "_clock_resolution",
        "",
        |vm, v| {
            let resolution = this(vm, std::slice::from_ref(v))?.get(vm).resolution;
            Ok(vm.float(resolution))
        },
        |vm, v, new| {
            let l = this(vm, std::slice::from_ref(v))?;
            let resolution = match new {
                Some(v) => crate::objects::float::to_f64(vm, &v)?,
                None => 0.0,
            };
            l.get_mut(vm).resolution = resolution;
            Ok(())
        },
    ),
    GetSetDef::new("_current_handle", "", |vm, v| {
        let h = this(vm, std::slice::from_ref(v))?.get(vm).current_handle.clone();
        Ok(if h.is_undef() { Value::NONE } else { h })
    }),
    GetSetDef::new("_ready", "What runs next: a list of its callables.", |vm, v| {
        let l = this(vm, std::slice::from_ref(v))?;
        let entries: Vec<(Value, Option<Callback>)> = l.get(vm).ready.iter().map(Entry::shown).collect();
        let mut items = Vec::with_capacity(entries.len());
        for (target, callback) in entries {
            items.push(match callback {
                Some(c) => super::foreign::visible_callback(vm, &c)?.0,
                None => target,
            });
        }
        Ok(vm.list(items).into())
    }),
    GetSetDef::new("_scheduled", "The timers' handles.", |vm, v| {
        let targets = this(vm, std::slice::from_ref(v))?.get(vm).timers.targets();
        Ok(vm.list(targets).into())
    }),
    GetSetDef::new("_asyncgens_shutdown_called", "", |vm, v| {
        Ok(Value::bool(this(vm, std::slice::from_ref(v))?.get(vm).generators_shut))
    }),
];

/// What the class of the loops that `new_event_loop` makes has natively of its own.
const OWN: &[NativeDef] = &[
    NativeDef::new("__init__(self, selector=None)", "", init_loop),
    NativeDef::new("close(self)", documented("close"), close),
];

fn init_loop(vm: &mut Vm, a: &[Value]) -> R {
    let l = this(vm, a)?;
    let debug = core::debug_by_default(vm);
    l.get_mut(vm).debug = debug;
    if let Some(selector) = arg(a, 1).filter(|s| !s.is_none()).cloned() {
        let name = vm.plain_class_name(&selector);
        polling::use_selector(vm, &l, selector)?;
        core::tell_selector(vm, &name)?;
    } else {
        core::tell_selector(vm, "EpollSelector")?;
    }
    Ok(Value::NONE)
}

fn close(vm: &mut Vm, a: &[Value]) -> R {
    let l = this(vm, a)?;
    if l.get(vm).thread.is_some() {
        return Err(vm.runtime_error("Cannot close a running event loop"));
    }
    if l.get(vm).closed {
        return Ok(Value::NONE);
    }
    if l.get(vm).debug {
        super::call_apy(vm, "base_events", "_tell_closing", &[a[0].clone()])?;
    }
    let selector = std::mem::replace(&mut l.get_mut(vm).selector, Value::UNDEF);
    if !selector.is_undef() {
        vm.call_method(&selector, "close", &[])?;
    }
    let (ready, timers, tasks, executor) = {
        let mut this = l.get_mut(vm);
        this.closed = true;
        this.executor_shut = true;
        this.reactor = None;
        this.waker = None;
        (
            std::mem::take(&mut this.ready),
            this.timers.take(),
            this.tasks.take(),
            std::mem::replace(&mut this.executor, Value::NONE),
        )
    };
    drop((ready, timers));
    if !l.get(vm).signal_handlers.is_undef() {
        super::call_apy(vm, "selector_events", "_forget_signals", &[a[0].clone()])?;
    }
    super::task_object::destroyed(vm, tasks)?;
    if !executor.is_none() {
        super::call_apy(vm, "base_events", "_abandon_executor", &[executor])?;
    }
    Ok(Value::NONE)
}

/// Refuses arguments that do not fit a method with so many positional parameters before `*args, context=None`.
fn check_arguments(vm: &mut Vm, args: &Args<'_>, positional: usize, signature: &'static str) -> R<()> {
    let only_context = match args.kw_names {
        [] => true,
        [one] => vm.str_is(one, "context"),
        _ => false,
    };
    if only_context && args.pos.len() >= positional {
        return Ok(());
    }
    vm.check_script_call("BaseEventLoop", signature, args)
}

/// An argument whose presence was checked.
fn argument(vm: &Vm, args: &Args<'_>, at: usize, name: &str) -> Value {
    args.pos.get(at).cloned().or_else(|| super::keyword(vm, args, name)).unwrap_or(Value::NONE)
}

fn checked(vm: &mut Vm, l: &Ref<EventLoop>, callback: &Value, method: &str, thread: bool) -> R<()> {
    core::check_open(vm, l)?;
    if !l.get(vm).debug {
        return Ok(());
    }
    if thread {
        core::check_thread(vm, l)?;
    }
    let method = vm.new_str(method).into_value();
    super::call_apy(vm, "base_events", "_check_callback", &[callback.clone(), method]).map(drop)
}

const CALL_SOON: &str = "call_soon(self, callback, *args, context=None)";
const CALL_SOON_THREADSAFE: &str = "call_soon_threadsafe(self, callback, *args, context=None)";
const CALL_LATER: &str = "call_later(self, delay, callback, *args, context=None)";
const CALL_AT: &str = "call_at(self, when, callback, *args, context=None)";

fn call_soon(vm: &mut Vm, args: &Args<'_>, method: &str, thread: bool) -> R {
    let l = this(vm, args.pos)?;
    check_arguments(vm, args, 2, if thread { CALL_SOON } else { CALL_SOON_THREADSAFE })?;
    let callback = argument(vm, args, 1, "callback");
    checked(vm, &l, &callback, method, thread)?;
    let rest = handle::rest(vm, args, 2);
    let context = super::keyword(vm, args, "context").unwrap_or(Value::NONE);
    let h = if thread {
        handle::new(vm, callback, rest, l.value(), context)?
    } else {
        handle::new_thread_safe(vm, callback, rest, l.value(), context)?
    };
    l.get_mut(vm).ready.push_back(Entry::Handle(h.clone()));
    Ok(h.into_value())
}

fn call_later(vm: &mut Vm, args: &Args<'_>) -> R {
    let l = this(vm, args.pos)?;
    check_arguments(vm, args, 3, CALL_LATER)?;
    let delay = argument(vm, args, 1, "delay");
    let callback = argument(vm, args, 2, "callback");
    if delay.is_none() {
        return Err(vm.type_error("delay must not be None"));
    }
    let now = if l.get(vm).plain.timers { vm.float(core::clock()) } else { vm.call_method(l.value(), "time", &[])? };
    let when = vm.binary(crate::vm::ops::BinOp::Add, &now, &delay)?;
    let context = super::keyword(vm, args, "context").unwrap_or(Value::NONE);
    if l.get(vm).plain.timers {
        let rest = handle::rest(vm, args, 3);
        return schedule(vm, &l, when, callback, rest, context);
    }
    let f = vm.get_attr_str(l.value(), "call_at")?;
    let pos: Vec<Value> = [when, callback].into_iter().chain(args.pos.iter().skip(3).cloned()).collect();
    let name = vm.intern("context").into_value();
    vm.call_kw(&f, &Args { pos: &pos, kw_names: &[name], kw_values: &[context] })
}

fn call_at(vm: &mut Vm, args: &Args<'_>) -> R {
    let l = this(vm, args.pos)?;
    check_arguments(vm, args, 3, CALL_AT)?;
    let when = argument(vm, args, 1, "when");
    if when.is_none() {
        return Err(vm.type_error("when cannot be None"));
    }
    let callback = argument(vm, args, 2, "callback");
    let rest = handle::rest(vm, args, 3);
    let context = super::keyword(vm, args, "context").unwrap_or(Value::NONE);
    schedule(vm, &l, when, callback, rest, context)
}

/// Puts a callback on the timers' heap.
fn schedule(vm: &mut Vm, l: &Ref<EventLoop>, when: Value, callback: Value, rest: Value, context: Value) -> R {
    checked(vm, l, &callback, "call_at", true)?;
    let seconds = crate::objects::float::to_f64(vm, &when)?;
    let h = handle::new_timer(vm, when, callback, rest, l.value(), context)?;
    h.get_mut(vm).scheduled = true;
    l.get_mut(vm).timers.add(seconds, h.value().clone());
    Ok(h.into_value())
}

// ---- async generators ----

fn first_iteration(vm: &mut Vm, a: &[Value]) -> R {
    let l = this(vm, a)?;
    if l.get(vm).generators_shut {
        let shown = vm.repr_string(&a[1])?;
        let category = vm.exc.ResourceWarning.clone();
        let text = format!("asynchronous generator {shown} was scheduled after loop.shutdown_asyncgens() call");
        vm.warn_about(&category, &text, 1, l.value().clone())?;
    }
    let [reference, ..] = crate::objects::weakref::classes(vm);
    let w = vm.new_weakref(&reference, &a[1], Value::UNDEF)?;
    let this = l.get(vm);
    if this.generators.len() >= this.generators_limit {
        let mut all = std::mem::take(&mut l.get_mut(vm).generators);
        all.retain(|_, w: &mut Ref<WeakRef>| !w.get(vm).is_dead());
        let mut this = l.get_mut(vm);
        this.generators_limit = (all.len() * 2).max(64);
        this.generators = all;
    }
    let old = l.get_mut(vm).generators.insert(a[1].bits(), w);
    drop(old);
    Ok(Value::NONE)
}

/// An async generator dies before it ended: a task closes it.
fn generator_dies(vm: &mut Vm, a: &[Value]) -> R {
    let l = this(vm, a)?;
    let old = l.get_mut(vm).generators.remove(&a[1].bits());
    drop(old);
    if l.get(vm).closed {
        return Ok(Value::NONE);
    }
    let create_task = vm.get_attr_str(l.value(), "create_task")?;
    let aclose = vm.call_method(&a[1], "aclose", &[])?;
    vm.call_method(l.value(), "call_soon_threadsafe", &[create_task, aclose])
}

// ---- descriptors ----

const WATCHING: &[NativeDef] = &[
    NativeDef::raw("add_reader(self, fd, callback, *args)", documented("add_reader"), |vm, args| {
        watch(vm, args, false, "add_reader(self, fd, callback, *args)").map(|_| Value::NONE)
    }),
    NativeDef::raw("add_writer(self, fd, callback, *args)", documented("add_writer"), |vm, args| {
        watch(vm, args, true, "add_writer(self, fd, callback, *args)").map(|_| Value::NONE)
    }),
    NativeDef::raw(
        "_add_reader(self, fd, callback, *args)",
        "Add a reader callback; return its handle.",
        |vm, args| watch(vm, args, false, "_add_reader(self, fd, callback, *args)"),
    ),
    NativeDef::raw(
        "_add_writer(self, fd, callback, *args)",
        "Add a writer callback; return its handle.",
        |vm, args| watch(vm, args, true, "_add_writer(self, fd, callback, *args)"),
    ),
    NativeDef::new("remove_reader(self, fd)", documented("remove_reader"), |vm, a| unwatch(vm, a, false)),
    NativeDef::new("remove_writer(self, fd)", documented("remove_writer"), |vm, a| unwatch(vm, a, true)),
];

/// The number of a descriptor, or of an object with `fileno()`.
///
/// # Errors
/// ValueError when it is none.
pub fn descriptor(vm: &mut Vm, v: &Value) -> R<i32> {
    let n = match v.as_small_int() {
        Some(n) => n,
        None => {
            let name = vm.names.fileno.clone();
            match vm.get_attr_opt(v, &name)? {
                Some(f) => {
                    let n = vm.call(&f, &[])?;
                    vm.index_i64(&n)?
                }
                None => {
                    let shown = vm.repr_string(v)?;
                    return Err(vm.value_error(format!("Invalid file object: {shown}")));
                }
            }
        }
    };
    match i32::try_from(n) {
        Ok(fd) if fd >= 0 => Ok(fd),
        _ => Err(vm.value_error(format!("Invalid file descriptor: {n}"))),
    }
}

fn watch(vm: &mut Vm, args: &Args<'_>, writer: bool, signature: &'static str) -> R {
    let l = this(vm, args.pos)?;
    if args.pos.len() < 3 || !args.kw_names.is_empty() {
        vm.check_script_call("BaseSelectorEventLoop", signature, args)?;
    }
    let (fd, callback) = (argument(vm, args, 1, "fd"), argument(vm, args, 2, "callback"));
    core::check_open(vm, &l)?;
    let given = fd;
    let fd = descriptor(vm, &given)?;
    let rest = handle::rest(vm, args, 3);
    let h = handle::new(vm, callback, rest, l.value(), Value::NONE)?;
    polling::ensure_reactor(vm, &l)?;
    let added = match &mut l.get_mut(vm).reactor {
        Some(r) => r.add(fd, writer, h.value().clone()),
        None => Ok(None),
    };
    match added {
        Ok(old) => {
            if let Some(old) = old.as_ref().and_then(|v| v.cast::<Handle>()) {
                handle::cancel(vm, old)?;
            }
            Ok(h.into())
        }
        Err(e) => {
            leave_to_transport(vm, &l, fd, &given)?;
            Err(vm.os_error(&e, None))
        }
    }
}

/// Refuses to touch a descriptor that a transport reads from or writes to.
fn leave_to_transport(vm: &mut Vm, l: &Ref<EventLoop>, fd: i32, given: &Value) -> R<()> {
    let owner = l.get(vm).reactor.as_ref().filter(|r| !r.is_watched(fd)).and_then(|r| r.owner(fd));
    let Some(transport) = owner else { return Ok(()) };
    let closing = vm.call_method(&transport, "is_closing", &[])?;
    if vm.truth(&closing)? {
        return Ok(());
    }
    let (given, shown) = (vm.repr_string(given)?, vm.repr_string(&transport)?);
    let class = vm.exc.RuntimeError.clone();
    Err(vm.raise_text(&class, &format!("File descriptor {given} is used by transport {shown}")))
}

fn unwatch(vm: &mut Vm, a: &[Value], writer: bool) -> R {
    let l = this(vm, a)?;
    if l.get(vm).closed {
        return Ok(Value::FALSE);
    }
    let fd = descriptor(vm, &a[1])?;
    leave_to_transport(vm, &l, fd, &a[1])?;
    let old = l.get_mut(vm).reactor.as_mut().and_then(|r| r.remove(fd, writer));
    match old.as_ref().and_then(|v| v.cast::<Handle>()) {
        Some(h) => {
            handle::cancel(vm, h)?;
            Ok(Value::TRUE)
        }
        None => Ok(Value::FALSE),
    }
}
