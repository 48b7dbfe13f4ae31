//! The content of one module: declarations, imports, used paths.

use proc_macro2::TokenStream;
use syn::visit::{self, Visit};
use syn::{
    Arm, Attribute, Field, FieldValue, ImplItem, Item, ItemMod, ItemUse, Stmt, TraitItem, UseTree, Variant, Visibility,
};

use super::only_tests::{self, only_for_tests};
use super::tokens::{self, Found, Written, line, name};

/// How a path is used, which determines what it counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Manner {
    /// `use a::b;` with a module: only a short name for it.
    Import,
    /// `pub use` and `use a::*;` with a module: everything in it.
    All,
    /// In code, in a type, in a macro.
    Code,
}

#[derive(Debug)]
pub struct Mention {
    pub path: Written,
    pub manner: Manner,
}

/// A name that a module gets by `use`.
#[derive(Debug)]
pub struct Import {
    /// `*` for everything in the path.
    pub name: String,
    pub path: Written,
    /// Other modules can also use this import.
    pub is_shared: bool,
}

/// A module's own content. An inline child module has its own.
#[derive(Default)]
pub struct Said {
    pub items: Vec<String>,
    pub imports: Vec<Import>,
    pub mentions: Vec<Mention>,
    /// `mod name;`, and whether an attribute gives it another path, which is not followed.
    pub declared: Vec<(String, bool)>,
    /// `mod name { … }`.
    pub inline: Vec<(String, Vec<Item>)>,
}

impl Said {
    pub fn of(items: &[Item]) -> Self {
        let mut said = Self::default();
        for item in items {
            said.visit_item(item);
        }
        said
    }

    fn imports(&mut self, item: &ItemUse) {
        let is_shared = !matches!(item.vis, Visibility::Inherited);
        let global = item.leading_colon.is_some();
        self.import(&item.tree, &mut Vec::new(), global, is_shared);
    }

    fn import(&mut self, tree: &UseTree, before: &mut Vec<String>, global: bool, is_shared: bool) {
        let (ident, alias) = match tree {
            UseTree::Path(path) => {
                before.push(name(&path.ident));
                self.import(&path.tree, before, global, is_shared);
                before.pop();
                return;
            }
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.import(tree, before, global, is_shared);
                }
                return;
            }
            UseTree::Glob(glob) => {
                let path = Written {
                    segments: before.clone(),
                    global,
                    line: glob.star_token.spans[0].start().line,
                };
                self.imports.push(Import {
                    name: "*".to_owned(),
                    path: path.clone(),
                    is_shared,
                });
                self.mention(path, Manner::All);
                return;
            }
            UseTree::Name(leaf) => (&leaf.ident, None),
            UseTree::Rename(leaf) => (&leaf.ident, Some(&leaf.rename)),
        };
        let mut segments = before.clone();
        // `a::{self}` is `a`.
        if ident != "self" || before.is_empty() {
            segments.push(name(ident));
        }
        let known_as = alias.map(name).or_else(|| segments.last().cloned()).unwrap_or_default();
        let path = Written {
            segments,
            global,
            line: line(ident),
        };
        self.imports.push(Import {
            name: known_as,
            path: path.clone(),
            is_shared,
        });
        self.mention(path, if is_shared { Manner::All } else { Manner::Import });
    }

    fn mention(&mut self, path: Written, manner: Manner) {
        self.mentions.push(Mention { path, manner });
    }

    fn tokens(&mut self, tokens: &TokenStream, texts: bool) {
        let mut found = Found::default();
        tokens::find(tokens.clone(), texts, &mut found);
        for path in found.paths {
            self.mention(path, Manner::Code);
        }
        for import in found.imports {
            self.imports(&import);
        }
    }

    fn module(&mut self, module: &ItemMod) {
        let called = name(&module.ident);
        if let Some((_, items)) = &module.content {
            self.inline.push((called, items.clone()));
        } else {
            let elsewhere = module.attrs.iter().any(|attribute| attribute.path().is_ident("path"));
            self.declared.push((called, elsewhere));
        }
    }
}

fn declared(item: &Item) -> Option<&syn::Ident> {
    match item {
        Item::Const(item) => Some(&item.ident),
        Item::Enum(item) => Some(&item.ident),
        Item::Fn(item) => Some(&item.sig.ident),
        Item::Macro(item) => item.ident.as_ref(),
        Item::Static(item) => Some(&item.ident),
        Item::Struct(item) => Some(&item.ident),
        Item::Trait(item) => Some(&item.ident),
        Item::TraitAlias(item) => Some(&item.ident),
        Item::Type(item) => Some(&item.ident),
        Item::Union(item) => Some(&item.ident),
        _ => None,
    }
}

impl<'ast> Visit<'ast> for Said {
    fn visit_item(&mut self, item: &'ast Item) {
        if only_for_tests(only_tests::item(item)) {
            return;
        }
        self.items.extend(declared(item).map(name));
        match item {
            Item::Mod(module) => self.module(module),
            Item::Use(import) => self.imports(import),
            Item::ExternCrate(item) => {
                // `extern crate self as name` is the crate itself.
                let is_own = item.ident == "self";
                let path = Written {
                    segments: vec![if is_own { "crate".to_owned() } else { name(&item.ident) }],
                    global: !is_own,
                    line: line(&item.ident),
                };
                let known_as = item.rename.as_ref().map_or(&item.ident, |(_, rename)| rename);
                self.imports.push(Import {
                    name: name(known_as),
                    path: path.clone(),
                    is_shared: !matches!(item.vis, Visibility::Inherited),
                });
                self.mention(path, Manner::Import);
            }
            // The inside of `macro_rules!` is tokens.
            _ => visit::visit_item(self, item),
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let written = Written::new(path);
        // `<T>::name` is parsed as `::name`, and a crate name alone is never a path in code.
        let counts = |path: &Written| !(path.global && path.segments.len() == 1);
        if let Some(written) = written.filter(counts) {
            self.mention(written, Manner::Code);
        }
        visit::visit_path(self, path);
    }

    fn visit_token_stream(&mut self, tokens: &'ast TokenStream) {
        self.tokens(tokens, false);
    }

    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        // Documentation may mention any module.
        if attribute.path().is_ident("doc") {
            return;
        }
        match &attribute.meta {
            syn::Meta::List(list) => self.tokens(&list.tokens, true),
            syn::Meta::NameValue(_) | syn::Meta::Path(_) => {}
        }
        if let Some(path) = Written::new(attribute.path()) {
            self.mention(path, Manner::Code);
        }
    }

    // The visibility of an item is not a dependency.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !only_for_tests(only_tests::impl_item(item)) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        if !only_for_tests(only_tests::trait_item(item)) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        if !only_for_tests(only_tests::statement(statement)) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if !only_for_tests(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast Variant) {
        if !only_for_tests(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_arm(&mut self, arm: &'ast Arm) {
        if !only_for_tests(&arm.attrs) {
            visit::visit_arm(self, arm);
        }
    }

    fn visit_field_value(&mut self, field: &'ast FieldValue) {
        if !only_for_tests(&field.attrs) {
            visit::visit_field_value(self, field);
        }
    }
}
