//! Resolves a path to the module that it refers to.

use std::collections::BTreeSet;

use super::tokens::Written;
use super::tree::{Id, Tree};

/// The result of resolving a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// The modules that re-export it with `use`.
    pub through: Vec<Id>,
    pub at: Id,
    /// Whether it is the module itself, and not an item in it.
    pub is_module: bool,
}

/// All workspace modules that `path` may refer to in the module `from`. Empty for another crate or a local name. If a module does
/// not have the name, because a macro creates it, the path leads to that module.
pub fn resolve(tree: &Tree, from: Id, path: &Written) -> Vec<Landing> {
    let mut walk = Walk {
        tree,
        from,
        under_way: BTreeSet::new(),
    };
    walk.start(from, path)
}

struct Walk<'a> {
    tree: &'a Tree,
    /// The module with the path, or with the import on the way.
    from: Id,
    /// The imports on the way, by module and index: none may lead through itself, as `use http::header as http;` might.
    under_way: BTreeSet<(Id, usize)>,
}

impl Walk<'_> {
    fn start(&mut self, from: Id, path: &Written) -> Vec<Landing> {
        let before = std::mem::replace(&mut self.from, from);
        let found = self.begin(from, path);
        self.from = before;
        found
    }

    fn begin(&mut self, from: Id, path: &Written) -> Vec<Landing> {
        let Some((first, rest)) = path.segments.split_first() else {
            return Vec::new();
        };
        if path.global {
            return self.of_crate(first, rest);
        }
        match first.as_str() {
            "crate" => self.enter(self.tree.modules[from].root, rest),
            "self" => self.enter(from, rest),
            "super" => self.enter(from, &path.segments),
            _ => {
                let found = self.look_up(from, &path.segments, true);
                if found.is_empty() {
                    return self.of_crate(first, rest);
                }
                found
            }
        }
    }

    fn of_crate(&mut self, name: &str, rest: &[String]) -> Vec<Landing> {
        let library = self.tree.libraries.get(name).copied();
        library.map(|library| self.enter(library, rest)).unwrap_or_default()
    }

    fn enter(&mut self, mut module: Id, mut rest: &[String]) -> Vec<Landing> {
        while let Some(("super", further)) = rest.split_first().map(|(name, rest)| (name.as_str(), rest)) {
            module = self.tree.modules[module].parent.unwrap_or(module);
            rest = further;
        }
        let here = |is_module| Landing {
            through: Vec::new(),
            at: module,
            is_module,
        };
        if rest.is_empty() {
            return vec![here(true)];
        }
        let found = self.look_up(module, rest, false);
        if found.is_empty() { vec![here(false)] } else { found }
    }

    /// Resolves `names` in `module`, from inside or outside of it.
    fn look_up(&mut self, module: Id, names: &[String], from_within: bool) -> Vec<Landing> {
        let Some((name, rest)) = names.split_first() else {
            return Vec::new();
        };
        let tree = self.tree;
        let here = &tree.modules[module];
        let handed_on = |mut landing: Landing| {
            if !from_within {
                landing.through.insert(0, module);
            }
            landing
        };
        let mut found = Vec::new();
        if let Some(child) = here.children.get(name) {
            found.extend(self.enter(*child, rest));
            if !rest.is_empty() {
                return found;
            }
        }
        if here.items.contains(name) {
            found.push(Landing {
                through: Vec::new(),
                at: module,
                is_module: false,
            });
        }
        let is_inside = from_within || self.is_inside(module);
        let imports = here.imports.iter().enumerate();
        let imports = imports.filter(|(_, import)| is_inside || import.is_shared);
        let (globs, singles): (Vec<_>, Vec<_>) = imports.partition(|(_, import)| import.name == "*");
        for (at, import) in singles.into_iter().filter(|(_, import)| import.name == *name) {
            let path = Written {
                segments: [&import.path.segments, rest].concat(),
                ..import.path
            };
            let landings = self.along((module, at), |walk| walk.start(module, &path));
            found.extend(landings.into_iter().map(handed_on));
        }
        if found.is_empty() {
            for (at, glob) in globs {
                let landings = self.along((module, at), |walk| walk.in_all_of(module, &glob.path, names));
                found.extend(landings.into_iter().map(handed_on));
            }
        }
        found
    }

    /// Whether the path is in `module` or below it, where its private names are visible.
    fn is_inside(&self, module: Id) -> bool {
        let mut parents = std::iter::successors(Some(self.from), |id| self.tree.modules[*id].parent);
        parents.any(|id| id == module)
    }

    /// Resolves `names` in the items that `use glob::*` adds to `module`.
    fn in_all_of(&mut self, module: Id, glob: &Written, names: &[String]) -> Vec<Landing> {
        let mut found = Vec::new();
        for all in self.start(module, glob).into_iter().filter(|landing| landing.is_module) {
            found.extend(self.look_up(all.at, names, false).into_iter().map(|mut landing| {
                landing.through.splice(0..0, all.through.iter().copied());
                landing
            }));
        }
        found
    }

    fn along(&mut self, import: (Id, usize), look: impl FnOnce(&mut Self) -> Vec<Landing>) -> Vec<Landing> {
        if !self.under_way.insert(import) {
            return Vec::new();
        }
        let found = look(self);
        self.under_way.remove(&import);
        found
    }
}
