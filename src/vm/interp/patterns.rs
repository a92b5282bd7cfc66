//! `match` statements, and the intrinsics of rare constructs.

use super::super::class::{Class, class_flag};
use super::super::dict::Dict;
use super::super::str::{Str, Tuple};
use super::super::value::Value;
use super::super::{R, Vm};
use crate::compiler::opcodes::{Intrinsic1, Intrinsic2};

impl Vm {
    pub(super) fn match_sequence(&mut self, v: &Value) -> bool {
        self.class_of(v).get(self).has(class_flag::SEQUENCE)
    }

    pub(super) fn match_mapping(&mut self, v: &Value) -> bool {
        self.class_of(v).get(self).has(class_flag::MAPPING)
    }

    pub(super) fn match_keys(&mut self, v: &Value, keys: &Value) -> R {
        let keys = keys.cast::<Tuple>().map(|t| t.get(self).items().to_vec()).unwrap_or_default();
        let seen = self.new_dict();
        let get = if v.cast::<Dict>().is_some_and(|d| d.header().layout().is_exact()) {
            None
        } else {
            Some(self.get_attr_str(v, "get")?)
        };
        let missing = self.new_instance(&self.types.object.clone());
        let mut values = Vec::with_capacity(keys.len());
        for key in keys {
            if seen.get_item(self, &key)?.is_some() {
                let key = self.repr_string(&key)?;
                return Err(self.value_error(format!("mapping pattern checks duplicate key ({key})")));
            }
            seen.set_item(self, key.clone(), Value::NONE)?;
            let found = match (&get, v.cast::<Dict>()) {
                (None, Some(d)) => d.clone().get_item(self, &key)?,
                (Some(get), _) => {
                    let found = self.call(get, &[key, missing.clone()])?;
                    if found.is(&missing) { None } else { Some(found) }
                }
                _ => None,
            };
            match found {
                Some(found) => values.push(found),
                None => return Ok(Value::NONE),
            }
        }
        Ok(self.tuple(values).into())
    }

    pub(super) fn match_rest(&mut self, v: &Value, keys: &Value) -> R {
        let rest = self.new_dict();
        self.dict_update_op(rest.value(), v)?;
        let keys = keys.cast::<Tuple>().map(|t| t.get(self).items().to_vec()).unwrap_or_default();
        for key in keys {
            drop(rest.remove(self, &key)?);
        }
        Ok(rest.into())
    }

    pub(super) fn match_class(&mut self, v: &Value, class: &Value, names: &Value, count: usize) -> R {
        let Some(c) = class.cast::<Class>().cloned() else {
            let name = self.repr_string(class)?;
            let _ = name;
            return Err(self.type_error("called match pattern must be a class"));
        };
        if !self.is_instance_of(v, class)? {
            return Ok(Value::NONE);
        }
        let names = names.cast::<Tuple>().map(|t| t.get(self).items().to_vec()).unwrap_or_default();
        if count == 0 && names.is_empty() {
            return Ok(self.empty_tuple());
        }
        let shown = c.get(self).display_name();
        let mut values = Vec::with_capacity(count + names.len());
        let mut seen: Vec<String> = Vec::new();
        if count > 0 {
            let attr = self.intern("__match_args__");
            let match_args = self.get_attr_opt(class, &attr)?;
            let (args, match_self) = match &match_args {
                Some(t) => match t.cast::<Tuple>() {
                    Some(t) => (t.get(self).items().to_vec(), false),
                    None => {
                        let got = self.class_name(t);
                        return Err(self.type_error(format!("{shown}.__match_args__ must be a tuple (got {got})")));
                    }
                },
                None => (Vec::new(), c.get(self).has(class_flag::MATCH_SELF)),
            };
            let allowed = if match_self { 1 } else { args.len() };
            if allowed < count {
                let plural = if allowed == 1 { "" } else { "s" };
                return Err(self.type_error(format!(
                    "{shown}() accepts {allowed} positional sub-pattern{plural} ({count} given)"
                )));
            }
            if match_self {
                values.push(v.clone());
            } else {
                for name in args.iter().take(count) {
                    let Some(s) = name.cast::<Str>().cloned() else {
                        let got = self.class_name(name);
                        return Err(self.type_error(format!("__match_args__ elements must be strings (got {got})")));
                    };
                    match self.match_attr(v, &s, &shown, &mut seen)? {
                        Some(x) => values.push(x),
                        None => return Ok(Value::NONE),
                    }
                }
            }
        }
        for name in names {
            let Some(s) = name.cast::<Str>().cloned() else { continue };
            match self.match_attr(v, &s, &shown, &mut seen)? {
                Some(x) => values.push(x),
                None => return Ok(Value::NONE),
            }
        }
        Ok(self.tuple(values).into())
    }

    fn match_attr(
        &mut self,
        v: &Value,
        name: &super::super::object::Ref<Str>,
        shown: &str,
        seen: &mut Vec<String>,
    ) -> R<Option<Value>> {
        let text = self.str_of(name.value());
        if seen.contains(&text) {
            return Err(self.type_error(format!("{shown}() got multiple sub-patterns for attribute '{text}'")));
        }
        seen.push(text);
        let name = self.intern_value(name);
        self.get_attr_opt(v, &name)
    }

    // ---- intrinsics ----

    pub(super) fn intrinsic1(&mut self, which: u16, v: Value) -> R {
        use crate::modules::typing;
        match Intrinsic1::ALL.get(which as usize) {
            Some(Intrinsic1::Print) => {
                let hook = crate::modules::sys::display_hook(self)?;
                self.call(&hook, &[v])?;
                Ok(Value::NONE)
            }
            Some(Intrinsic1::TypeVar) => Ok(typing::make_type_var(self, v, None, None)),
            Some(Intrinsic1::ParamSpec) => Ok(typing::make_param_spec(self, v)),
            Some(Intrinsic1::TypeVarTuple) => Ok(typing::make_type_var_tuple(self, v)),
            Some(Intrinsic1::SubscriptGeneric) => typing::subscript_generic(self, &v),
            Some(Intrinsic1::TypeAlias) => {
                let parts = self.tuple_clone(&v).unwrap_or_default();
                let mut parts = parts.into_iter();
                let mut next = || parts.next().unwrap_or(Value::NONE);
                let (name, params, evaluate) = (next(), next(), next());
                Ok(typing::make_type_alias(self, name, params, evaluate))
            }
            None => Err(self.system_error("unknown intrinsic")),
        }
    }

    pub(super) fn intrinsic2(&mut self, which: u16, x: Value, y: Value) -> R {
        use crate::modules::typing;
        match Intrinsic2::ALL.get(which as usize) {
            Some(Intrinsic2::TypeVarWithBound) => Ok(typing::make_type_var(self, x, Some(y), None)),
            Some(Intrinsic2::TypeVarWithConstraints) => Ok(typing::make_type_var(self, x, None, Some(y))),
            Some(Intrinsic2::SetFunctionTypeParams) => {
                typing::set_function_type_params(self, &x, y);
                Ok(x)
            }
            Some(Intrinsic2::SetTypeparamDefault) => {
                typing::set_type_param_default(self, &x, y);
                Ok(x)
            }
            Some(Intrinsic2::PrepReraiseStar) => crate::objects::exceptions::prep_reraise_star(self, &x, &y),
            None => Err(self.system_error("unknown intrinsic")),
        }
    }
}
