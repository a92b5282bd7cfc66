//! The handlers of the opcodes, by subject, and the table of them.

mod access;
mod build;
mod calls;
mod drive;
mod exceptions;
mod jumps;
mod loops;
mod names;
mod natives;
mod numbers;
mod operators;
mod returns;
mod suspend;

use super::dispatch::{Handler, full};
use crate::compiler::opcodes::Op;

/// The handlers by opcode. Every byte has one, so that looking it up needs no test.
pub(super) static TABLE: [Handler; 256] = {
    let mut table: [Handler; 256] = [no_opcode; 256];
    let mut i = 0;
    while i < Op::ALL.len() {
        table[i] = handler(Op::ALL[i]);
        i += 1;
    }
    table
};

full! {
    /// For bytes that are no opcode; the verifier lets none pass.
    #[cold]
    fn no_opcode(m) {
        Err(m.vm.system_error("unknown opcode"))
    }
}

const fn handler(op: Op) -> Handler {
    match op {
        Op::Move => names::move_,
        Op::LoadConst => names::load_const,
        Op::LoadCommon => names::load_common,
        Op::LoadBuildClass => names::load_build_class,
        Op::LoadLocals => names::load_locals,
        Op::Drop => names::drop_value,
        Op::DeleteLocal => names::drop_value,
        Op::CheckLocal => names::check_local,
        Op::LoadGlobal => names::load_global,
        Op::StoreGlobal => names::store_global,
        Op::DeleteGlobal => names::delete_global,
        Op::LoadName => names::load_name,
        Op::StoreName => names::store_name,
        Op::DeleteName => names::delete_name,
        Op::LoadFromDictOrGlobals => names::load_from_dict_or_globals,
        Op::MakeCell => names::make_cell,
        Op::LoadDeref => names::load_deref,
        Op::StoreDeref => names::store_deref,
        Op::DeleteDeref => names::delete_deref,
        Op::LoadFree => names::load_free,
        Op::StoreFree => names::store_free,
        Op::DeleteFree => names::delete_free,
        Op::LoadFreeCell => names::load_free_cell,
        Op::LoadFromDictOrDeref => names::load_from_dict_or_deref,
        Op::LoadFromDictOrCell => names::load_from_dict_or_cell,
        Op::GetAttr => access::get_attr,
        Op::SetAttr => access::set_attr,
        Op::DelAttr => access::del_attr,
        Op::LoadMethod => access::load_method,
        Op::LoadSuperAttr => access::load_super_attr,
        Op::LoadSuperMethod => access::load_super_method,
        Op::LoadSpecial => access::load_special,
        Op::GetItem => access::get_item,
        Op::GetItemInt => access::get_item_int,
        Op::SetItem => access::set_item,
        Op::DelItem => access::del_item,
        Op::GetSlice => access::get_slice,
        Op::GetSliceStep => access::get_slice_step,
        Op::SetSlice => access::set_slice,
        Op::Add => numbers::add,
        Op::Sub => numbers::sub,
        Op::Mul => numbers::mul,
        Op::MatMul => numbers::mat_mul,
        Op::TrueDiv => numbers::true_div,
        Op::FloorDiv => numbers::floor_div,
        Op::Mod => numbers::modulo,
        Op::Pow => numbers::pow,
        Op::LShift => numbers::shift_left,
        Op::RShift => numbers::shift_right,
        Op::And => numbers::and,
        Op::Or => numbers::or,
        Op::Xor => numbers::xor,
        Op::AddK => numbers::add_k,
        Op::SubK => numbers::sub_k,
        Op::MulK => numbers::mul_k,
        Op::TrueDivK => numbers::true_div_k,
        Op::FloorDivK => numbers::floor_div_k,
        Op::ModK => numbers::modulo_k,
        Op::PowK => numbers::pow_k,
        Op::LShiftK => numbers::shift_left_k,
        Op::RShiftK => numbers::shift_right_k,
        Op::AndK => numbers::and_k,
        Op::OrK => numbers::or_k,
        Op::XorK => numbers::xor_k,
        Op::Neg => numbers::neg,
        Op::Pos => numbers::pos,
        Op::Invert => numbers::invert,
        Op::Not => numbers::not,
        Op::Lt => numbers::lt,
        Op::Le => numbers::le,
        Op::Eq => numbers::eq,
        Op::Ne => numbers::ne,
        Op::Gt => numbers::gt,
        Op::Ge => numbers::ge,
        Op::Is => numbers::is,
        Op::IsNot => numbers::is_not,
        Op::In => numbers::contains,
        Op::NotIn => numbers::contains_not,
        Op::LtK => numbers::lt_k,
        Op::LeK => numbers::le_k,
        Op::EqK => numbers::eq_k,
        Op::NeK => numbers::ne_k,
        Op::GtK => numbers::gt_k,
        Op::GeK => numbers::ge_k,
        Op::Jump => jumps::jump,
        Op::JumpIfTrue => jumps::jump_if_true,
        Op::JumpIfFalse => jumps::jump_if_false,
        Op::JumpIfTrueKeep => jumps::jump_if_true_keep,
        Op::JumpIfFalseKeep => jumps::jump_if_false_keep,
        Op::JumpIfNone => jumps::jump_if_none,
        Op::JumpIfNotNone => jumps::jump_if_not_none,
        Op::JumpIfLt => jumps::jump_if_lt,
        Op::JumpIfLe => jumps::jump_if_le,
        Op::JumpIfEq => jumps::jump_if_eq,
        Op::JumpIfNe => jumps::jump_if_ne,
        Op::JumpIfGt => jumps::jump_if_gt,
        Op::JumpIfGe => jumps::jump_if_ge,
        Op::JumpIfIs => jumps::jump_if_is,
        Op::JumpIfIn => jumps::jump_if_in,
        Op::JumpIfLtK => jumps::jump_if_lt_k,
        Op::JumpIfLeK => jumps::jump_if_le_k,
        Op::JumpIfEqK => jumps::jump_if_eq_k,
        Op::JumpIfNeK => jumps::jump_if_ne_k,
        Op::JumpIfGtK => jumps::jump_if_gt_k,
        Op::JumpIfGeK => jumps::jump_if_ge_k,
        Op::GetIter => loops::get_iter,
        Op::ForIter => loops::for_iter,
        Op::ForLoop => loops::for_loop,
        Op::Call => calls::call,
        Op::CallMethod => calls::call_method,
        Op::CallKw => calls::call_kw,
        Op::CallMethodKw => calls::call_method_kw,
        Op::CallEx => calls::call_ex,
        Op::Return => returns::return_,
        Op::ReturnConst => returns::return_const,
        Op::MakeFunction => build::make_function,
        Op::SetFuncAttr => build::set_func_attr,
        Op::BuildTuple => build::build_tuple,
        Op::BuildList => build::build_list,
        Op::BuildSet => build::build_set,
        Op::BuildMap => build::build_map,
        Op::BuildString => build::build_string,
        Op::BuildSlice => build::build_slice,
        Op::ListAppend => build::list_append,
        Op::SetAdd => build::set_add,
        Op::MapAdd => build::map_add,
        Op::ListExtend => build::list_extend,
        Op::SetUpdate => build::set_update,
        Op::DictUpdate => build::dict_update,
        Op::DictMerge => build::dict_merge,
        Op::ListToTuple => build::list_to_tuple,
        Op::UnpackSequence => build::unpack_sequence,
        Op::UnpackPair => build::unpack_pair,
        Op::UnpackEx => build::unpack_ex,
        Op::FormatValue => build::format_value,
        Op::BuildInterpolation => build::build_interpolation,
        Op::BuildTemplate => build::build_template,
        Op::ImportName => build::import_name,
        Op::ImportFrom => build::import_from,
        Op::ImportStar => build::import_star,
        Op::Raise => exceptions::raise,
        Op::RaiseFrom => exceptions::raise_from,
        Op::RaiseBare => exceptions::raise_bare,
        Op::Reraise => exceptions::reraise,
        Op::PushHandled => exceptions::push_handled,
        Op::PopHandled => exceptions::pop_handled,
        Op::ExcMatch => exceptions::exc_match,
        Op::ExcStarMatch => exceptions::exc_star_match,
        Op::ExcTriple => exceptions::exc_triple,
        Op::Yield => suspend::yield_,
        Op::YieldAsync => suspend::yield_async,
        Op::GetAwaitable => suspend::get_awaitable,
        Op::GetYieldFromIter => suspend::get_yield_from_iter,
        Op::Await => suspend::await_,
        Op::GetAIter => suspend::get_aiter,
        Op::GetANext => suspend::get_anext,
        Op::EndAsyncFor => suspend::end_async_for,
        Op::MatchSequence => build::match_sequence,
        Op::MatchMapping => build::match_mapping,
        Op::GetLen => build::get_len,
        Op::MatchKeys => build::match_keys,
        Op::MatchRest => build::match_rest,
        Op::MatchClass => build::match_class,
        Op::SetupAnnotations => build::setup_annotations,
        Op::Intrinsic1 => build::intrinsic1,
        Op::Intrinsic2 => build::intrinsic2,
    }
}
