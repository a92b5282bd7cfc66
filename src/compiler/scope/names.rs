//! Names as numbers, and the mangling of private names.

use std::collections::HashMap;
use std::sync::Arc;

/// A name known to [`Names`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct NameId(u32);

/// All names of one compilation.
#[derive(Default)]
pub struct Names {
    ids: HashMap<Arc<str>, NameId>,
    texts: Vec<Arc<str>>,
}

impl Names {
    /// The number of a name.
    pub fn id(&mut self, text: &str) -> NameId {
        if let Some(id) = self.ids.get(text) {
            return *id;
        }
        let id = NameId(self.texts.len() as u32);
        let text: Arc<str> = text.into();
        self.texts.push(text.clone());
        self.ids.insert(text, id);
        id
    }

    /// The text of a name.
    pub fn text(&self, id: NameId) -> Arc<str> {
        self.texts.get(id.0 as usize).cloned().unwrap_or_default()
    }

    /// The number of a name as written inside the class `private`.
    pub fn mangled(&mut self, private: Option<&str>, text: &str) -> NameId {
        match private.and_then(|class| mangle(class, text)) {
            Some(mangled) => self.id(&mangled),
            None => self.id(text),
        }
    }
}

/// `_Class__name` where the name is private to the class.
pub fn mangle(class: &str, name: &str) -> Option<String> {
    if !name.starts_with("__") || name.ends_with("__") || name.contains('.') {
        return None;
    }
    let class = class.trim_start_matches('_');
    (!class.is_empty()).then(|| format!("_{class}{name}"))
}
