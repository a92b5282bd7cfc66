//! Cycles are found, what is held from outside stays, weak references are cleared, interned names are swept.

use super::weak::WeakRef;
use crate::vm::Vm;
use crate::vm::attr::{CacheHit, SetHit};
use crate::vm::class::{ClassSpec, class_flag};
use crate::vm::object::Ref;
use crate::vm::value::Value;

/// How long a chain of objects, and how many objects at once; less where every access is checked.
const LONG: usize = if cfg!(miri) { 2_000 } else { 200_000 };
const MANY: usize = if cfg!(miri) { 1_000 } else { 1_000_000 };

fn machine() -> Box<Vm> {
    Vm::new(7)
}

fn plain_class(vm: &mut Vm, name: &str) -> Ref<crate::vm::class::Class> {
    let flags = class_flag::HEAP | class_flag::BASE | class_flag::WEAKREF;
    let spec = ClassSpec { name, bases: Vec::new(), meta: None, flags, slots: 0, dict: true };
    vm.new_class(spec, None).unwrap()
}

#[test]
fn cycles_of_lists_and_dicts_are_freed() {
    let mut vm = machine();
    vm.collect_garbage();
    let before = vm.heap.objects();
    for _ in 0..100 {
        let (a, d) = (vm.list(Vec::new()), vm.new_dict());
        let name = vm.names.value.clone();
        d.set_str(&mut vm, &name, a.value().clone());
        a.get_mut(&mut vm).items.push(d.into_value());
    }
    assert_eq!(vm.collect_garbage(), 200);
    assert_eq!(vm.heap.objects(), before);
}

#[test]
fn what_is_held_stays_with_all_it_reaches() {
    let mut vm = machine();
    let (a, b) = (vm.list(Vec::new()), vm.list(vec![Value::int32(5)]));
    a.get_mut(&mut vm).items.extend([a.value().clone(), b.into_value()]);
    assert_eq!(vm.collect_garbage(), 0);
    let b = a.get(&vm).items[1].clone();
    assert_eq!(vm.get_item(&b, &Value::int32(0)).unwrap().as_small_int(), Some(5));
    drop((a, b));
    assert_eq!(vm.collect_garbage(), 2);
}

#[test]
fn instances_and_their_classes_are_freed_together() {
    let mut vm = machine();
    vm.collect_garbage();
    let before = vm.heap.objects();
    let class = plain_class(&mut vm, "Node");
    let name = vm.names.args.clone();
    for _ in 0..10 {
        let o = vm.new_instance(&class);
        vm.set_attr(&o, &name, o.clone()).unwrap();
        assert!(vm.get_attr(&o, &name).unwrap().is(&o));
    }
    vm.set_class_attr(&class, &name, class.value().clone());
    drop(class);
    assert!(vm.collect_garbage() >= 11);
    assert_eq!(vm.heap.objects(), before);
}

#[test]
fn weak_references_die_with_their_target() {
    let mut vm = machine();
    let reference = vm.define_class::<WeakRef>("weakref", "ReferenceType", None, class_flag::BASE).unwrap();
    let class = plain_class(&mut vm, "Node");
    let o = vm.new_instance(&class);
    let w = vm.new_weakref(&reference, &o, Value::UNDEF).unwrap();
    assert!(vm.weak_target(&w).is_some_and(|t| t.is(&o)));
    drop(o);
    assert!(vm.weak_target(&w).is_none() && w.get(&vm).is_dead());
    // The same for a target in a cycle.
    let o = vm.new_instance(&class);
    let name = vm.names.args.clone();
    vm.set_attr(&o, &name, o.clone()).unwrap();
    let w = vm.new_weakref(&reference, &o, Value::UNDEF).unwrap();
    drop(o);
    assert!(!w.get(&vm).is_dead());
    vm.collect_garbage();
    assert!(w.get(&vm).is_dead());
    let list = vm.list(Vec::new()).into_value();
    assert!(vm.new_weakref(&reference, &list, Value::UNDEF).is_err());
}

#[test]
fn interned_names_without_users_are_swept() {
    let mut vm = machine();
    vm.collect_garbage();
    let before = vm.heap.objects();
    for i in 0..1000 {
        drop(vm.intern(&format!("made up {i}")));
    }
    let kept = vm.intern("made up 7");
    vm.collect_garbage();
    assert_eq!(vm.heap.objects(), before + 1);
    assert!(vm.intern("made up 7").is(&kept));
}

#[test]
fn caches_know_slots_methods_and_transitions() {
    let mut vm = machine();
    let class = plain_class(&mut vm, "Point");
    let (x, y) = (vm.intern("x"), vm.intern("y"));
    let (a, b) = (vm.new_instance(&class), vm.new_instance(&class));
    assert!(matches!(vm.fill_set_cache(&a, &x), Some(SetHit::Add { slot: 0, .. })));
    vm.set_attr(&a, &x, Value::int32(1)).unwrap();
    vm.set_attr(&b, &x, Value::int32(2)).unwrap();
    assert_eq!(vm.attr_cache_key(&a), vm.attr_cache_key(&b));
    assert!(matches!(vm.fill_get_cache(&a, &x), Some(CacheHit::Slot(0))));
    assert!(vm.fill_get_cache(&a, &y).is_none());
    let key = vm.attr_cache_key(&a);
    vm.set_class_attr(&class, &y, Value::int32(3));
    assert_ne!(vm.attr_cache_key(&a), key);
    assert!(matches!(vm.fill_get_cache(&a, &y), Some(CacheHit::ClassValue(v)) if v.as_small_int() == Some(3)));
    assert!(matches!(vm.fill_get_cache(class.value(), &y), Some(CacheHit::TypeValue(_))));
    vm.del_attr(&a, &x).unwrap();
    assert!(vm.get_attr(&a, &x).is_err());
    assert_eq!(vm.get_attr(&b, &x).unwrap().as_small_int(), Some(2));
}

#[test]
fn long_lists_are_collected_without_recursion() {
    let mut vm = machine();
    let first = vm.list(Vec::new());
    let mut last = first.clone();
    for _ in 0..LONG {
        let next = vm.list(vec![last.into_value()]);
        last = next;
    }
    first.get_mut(&mut vm).items.push(last.into_value());
    drop(first);
    assert_eq!(vm.collect_garbage(), LONG + 1);
}

#[test]
fn a_million_objects_are_looked_through_quickly() {
    let mut vm = machine();
    let items = (0..MANY as i32).map(|i| vm.list(vec![Value::int32(i)]).into_value()).collect();
    let all = vm.list(items);
    let start = std::time::Instant::now();
    assert_eq!(vm.collect_garbage(), 0);
    let time = start.elapsed();
    assert!(cfg!(miri) || time.as_secs() < 10, "{time:?}");
    eprintln!("a million objects: {time:?}");
    drop(all);
}
