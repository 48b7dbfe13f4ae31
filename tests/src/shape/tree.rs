//! The modules of the crates, found like the compiler does: from a crate's first file along its `mod` declarations.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result, bail};
use syn::Item;

use super::file::{Import, Mention, Said};
use super::only_tests::only_for_tests;
use super::sources::Sources;

/// A module's index in the tree.
pub type Id = usize;

#[derive(Debug)]
pub struct Module {
    /// `operator::controller::plan`; a program is `operator::main`.
    pub path: String,
    pub file: String,
    /// The module of the file: itself, unless it is inline in another's file.
    pub owner: Id,
    pub parent: Option<Id>,
    /// The crate's root module.
    pub root: Id,
    pub children: BTreeMap<String, Id>,
    pub items: BTreeSet<String>,
    pub imports: Vec<Import>,
    pub mentions: Vec<Mention>,
}

#[derive(Debug, Default)]
pub struct Tree {
    pub modules: Vec<Module>,
    /// The library of each crate.
    pub libraries: BTreeMap<String, Id>,
}

/// The place of a module.
struct Place {
    path: String,
    file: String,
    /// The folder of its child modules' files.
    folder: String,
    parent: Option<Id>,
}

impl Tree {
    /// # Errors
    /// A file does not parse, is missing, or is set by an attribute, because a file that is not read is not checked.
    pub fn read(sources: &Sources, crates: &[&str]) -> Result<Self> {
        let mut tree = Self::default();
        for name in crates {
            let folder = format!("{name}/src");
            let library = tree.file(
                sources,
                Place {
                    path: (*name).to_owned(),
                    file: format!("{folder}/lib.rs"),
                    folder,
                    parent: None,
                },
            )?;
            if let Some(library) = library {
                tree.libraries.insert((*name).to_owned(), library);
            }
            for file in sources.programs(name) {
                let stem = file.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs");
                tree.file(
                    sources,
                    Place {
                        path: format!("{name}::{stem}"),
                        folder: file
                            .rsplit_once('/')
                            .map(|(folder, _)| folder.to_owned())
                            .unwrap_or_default(),
                        file,
                        parent: None,
                    },
                )?;
            }
        }
        Ok(tree)
    }

    /// A module with its own file. None if it is only built for tests.
    fn file(&mut self, sources: &Sources, place: Place) -> Result<Option<Id>> {
        let text = sources
            .text(&place.file)
            .with_context(|| format!("{}: is not there", place.file))?;
        let parsed = syn::parse_file(text).map_err(|error| {
            anyhow::anyhow!("{}:{}: does not parse: {error}", place.file, error.span().start().line)
        })?;
        if only_for_tests(&parsed.attrs) {
            return Ok(None);
        }
        self.module(sources, place, &parsed.items, None).map(Some)
    }

    fn module(&mut self, sources: &Sources, place: Place, items: &[Item], owner: Option<Id>) -> Result<Id> {
        let id = self.modules.len();
        let Place {
            path,
            file,
            folder,
            parent,
        } = place;
        let said = Said::of(items);
        self.modules.push(Module {
            path: path.clone(),
            file: file.clone(),
            owner: owner.unwrap_or(id),
            parent,
            root: parent.map_or(id, |parent| self.modules[parent].root),
            children: BTreeMap::new(),
            items: said.items.into_iter().collect(),
            imports: said.imports,
            mentions: said.mentions,
        });
        for (name, elsewhere) in said.declared {
            if elsewhere {
                bail!(
                    "{file}: the module {name} has a path of its own, which the check does not follow: give it its usual place"
                );
            }
            let file = sources.first_of(&[format!("{folder}/{name}.rs"), format!("{folder}/{name}/mod.rs")])?;
            let child = Place {
                path: format!("{path}::{name}"),
                file,
                folder: format!("{folder}/{name}"),
                parent: Some(id),
            };
            if let Some(child) = self.file(sources, child)? {
                self.modules[id].children.insert(name, child);
            }
        }
        for (name, items) in said.inline {
            let child = Place {
                path: format!("{path}::{name}"),
                file: file.clone(),
                folder: format!("{folder}/{name}"),
                parent: Some(id),
            };
            let child = self.module(sources, child, &items, Some(self.modules[id].owner))?;
            self.modules[id].children.insert(name, child);
        }
        Ok(id)
    }
}
