//! Which file uses which, and where.

use std::collections::BTreeMap;

use super::file::{Import, Manner, Mention};
use super::resolve::resolve;
use super::tokens::Written;
use super::tree::{Id, Tree};

/// A place where a module uses another.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Site {
    pub line: usize,
    /// As written there.
    pub text: String,
    /// Only a short name for the module, as by `use a::b;`. Other lines show its use.
    pub only_named: bool,
}

/// Edges between files, each by its first module.
#[derive(Debug, Default)]
pub struct Graph {
    pub edges: BTreeMap<(Id, Id), Vec<Site>>,
}

impl Graph {
    pub fn of(tree: &Tree) -> Self {
        let mut graph = Self::default();
        for (id, module) in tree.modules.iter().enumerate() {
            for mention in &module.mentions {
                graph.add(tree, id, mention);
            }
        }
        for sites in graph.edges.values_mut() {
            sites.sort();
            sites.dedup();
        }
        graph
    }

    fn add(&mut self, tree: &Tree, from: Id, mention: &Mention) {
        let path = &mention.path;
        if mention.manner == Manner::Code && is_told_by_its_import(tree, from, path) {
            return;
        }
        for landing in resolve(tree, from, path) {
            // A bare name that is also a module's: a variable with the same name.
            if landing.is_module && mention.manner == Manner::Code && path.segments.len() == 1 {
                continue;
            }
            let only_named = landing.is_module && mention.manner == Manner::Import;
            for at in &landing.through {
                self.edge(tree, from, *at, path, false);
            }
            self.edge(tree, from, landing.at, path, only_named);
        }
    }

    fn edge(&mut self, tree: &Tree, from: Id, to: Id, path: &Written, only_named: bool) {
        let (from, to) = (tree.modules[from].owner, tree.modules[to].owner);
        if from != to {
            let text = path.segments.join("::");
            self.edges.entry((from, to)).or_default().push(Site {
                line: path.line,
                text: if path.global { format!("::{text}") } else { text },
                only_named,
            });
        }
    }
}

/// A path whose first name comes from a `use` of an item, such as `Thing` or `Thing::new`. The line with the `use` already
/// counts.
fn is_told_by_its_import(tree: &Tree, from: Id, path: &Written) -> bool {
    let imports = tree.modules[from].imports.iter();
    let mut imports = imports.filter(|import| import.name == path.segments[0]).peekable();
    let is_module = |import: &Import| {
        resolve(tree, from, &import.path)
            .iter()
            .any(|landing| landing.is_module)
    };
    imports.peek().is_some() && (path.segments.len() == 1 || !imports.any(is_module))
}
