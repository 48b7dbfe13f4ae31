//! Compares the graph with the table.

use super::circles::circles;
use super::finding::{Finding, Step};
use super::graph::{Graph, Site};
use super::rules::{Apart, Door, Part, Rings, Rules};
use super::tree::{Id, Tree};

pub struct Judge<'a> {
    pub tree: &'a Tree,
    pub graph: &'a Graph,
    /// The checked crates. Others are ignored.
    pub asked: &'a [&'a str],
}

impl Part {
    fn path(self) -> &'static str {
        match self {
            Part::File(path) | Part::Tree(path) | Part::Folders(path) => path,
        }
    }
}

/// The rest of a path below this module. Empty for the module itself.
fn below<'a>(module: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(module)?;
    rest.strip_prefix("::").or(rest.is_empty().then_some(rest))
}

impl Judge<'_> {
    pub fn judge(&self, rules: &Rules) -> Vec<Finding> {
        let mut findings = self.circles();
        findings.extend(self.arrows(rules));
        findings.extend(rules.apart.iter().flat_map(|apart| self.apart(apart)));
        findings.extend(rules.doors.iter().flat_map(|door| self.door(door, rules.doors)));
        findings.extend(rules.rings.iter().flat_map(|rings| self.rings(rings)));
        findings.extend(self.missing(rules));
        by_rule(findings)
    }

    fn has(&self, part: Part, path: &str) -> bool {
        match part {
            Part::File(module) => module == path,
            Part::Tree(module) => below(module, path).is_some(),
            Part::Folders(parent) => {
                let name = below(parent, path).and_then(|rest| rest.split("::").next());
                let folder = name.map(|name| format!("{parent}::{name}::"));
                let modules = || self.tree.modules.iter().map(|module| module.path.as_str());
                folder.is_some_and(|folder| modules().any(|module| module.starts_with(&folder)))
            }
        }
    }

    fn has_any(&self, parts: &[Part], path: &str) -> bool {
        parts.iter().any(|part| self.has(*part, path))
    }

    fn path(&self, id: Id) -> &str {
        &self.tree.modules[id].path
    }

    fn is_asked(&self, path: &str) -> bool {
        self.asked.contains(&path.split("::").next().unwrap_or_default())
    }

    fn step(&self, from: Id, to: Id, site: &Site) -> Step {
        Step {
            file: self.tree.modules[from].file.clone(),
            line: site.line,
            text: site.text.clone(),
            names: self.tree.modules[to].file.clone(),
        }
    }

    fn circles(&self) -> Vec<Finding> {
        let edges = self.graph.edges.iter();
        let edges = edges
            .filter(|((from, _), sites)| self.is_asked(self.path(*from)) && sites.iter().any(|site| !site.only_named));
        let circles = circles(edges.map(|(edge, _)| *edge));
        let findings = circles.into_iter().map(|circle| {
            let steps = circle.iter().enumerate().filter_map(|(at, from)| {
                let to = circle[(at + 1) % circle.len()];
                let sites = self.graph.edges.get(&(*from, to))?;
                let site = sites.iter().find(|site| !site.only_named)?;
                Some(self.step(*from, to, site))
            });
            Finding::Circle(steps.collect())
        });
        findings.collect()
    }

    /// All places where a module that satisfies `from` uses one that satisfies `to`.
    fn named<'b>(
        &'b self,
        holds: impl Fn(&str, &str) -> bool + 'b,
    ) -> impl Iterator<Item = (Step, &'b str, &'b str)> + 'b {
        self.graph.edges.iter().flat_map(move |((from, to), sites)| {
            let (from_path, to_path) = (self.path(*from), self.path(*to));
            let counts = self.is_asked(from_path) && holds(from_path, to_path);
            let sites = if counts { sites.as_slice() } else { &[] };
            sites
                .iter()
                .map(move |site| (self.step(*from, *to, site), from_path, to_path))
        })
    }

    fn arrows(&self, rules: &Rules) -> Vec<Finding> {
        let holds = |from: &str, to: &str| {
            let name = |path: &str| path.split("::").next().unwrap_or_default().to_owned();
            let (from, to) = (name(from), name(to));
            let allowed = rules.crates.iter().find(|(of, _)| *of == from);
            from != to && !allowed.is_some_and(|(_, allowed)| allowed.contains(&to.as_str()))
        };
        let findings = self.named(holds).map(|(step, from, to)| {
            let name = |path: &str| path.split("::").next().unwrap_or_default().to_owned();
            Finding::crates(step, &name(from), &name(to), rules)
        });
        findings.collect()
    }

    fn apart(&self, apart: &Apart) -> Vec<Finding> {
        let part = |path: &str| apart.parts.iter().position(|part| self.has(*part, path));
        let holds = |from: &str, to: &str| match (part(from), part(to)) {
            (Some(from), Some(to)) => from != to,
            _ => false,
        };
        let findings = self.named(holds).map(|(step, from, to)| {
            let short = |path: &str| part(path).map_or("", |at| apart.parts[at].path()).to_owned();
            Finding::broken(
                step,
                format!("{} does not name {}: {}", short(from), short(to), apart.why),
                "move the shared code into a module that both may use, or let the driver pass the value",
            )
        });
        findings.collect()
    }

    fn door(&self, door: &Door, doors: &[Door]) -> Vec<Finding> {
        let has = |parts: &[Part], path: &str| self.has_any(parts, path);
        let is_within = |inner: &Door, outer: &Door| inner.to.iter().all(|part| has(outer.to, part.path()));
        let others = || doors.iter().filter(|other| other.to != door.to);
        // An inner door has its own list, and modules behind an outer door may use each other.
        let inner: Vec<_> = others().filter(|other| is_within(other, door)).collect();
        let around: Vec<_> = others().filter(|other| is_within(door, other)).collect();
        let holds = |from: &str, to: &str| {
            has(door.to, to)
                && !has(door.to, from)
                && !inner.iter().any(|inner| has(inner.to, to))
                && !around.iter().any(|around| has(around.to, from))
                && !door.open_to.iter().any(|(part, _)| self.has(*part, from))
        };
        let findings = self.named(holds).map(|(step, _, _)| {
            let open_to = door.open_to.iter().map(|(part, why)| format!("{} ({why})", part.path()));
            let open_to = open_to.collect::<Vec<_>>().join(", ");
            Finding::broken(
                step,
                format!("only these name {}: {open_to}; {}", door.called, door.why),
                "let a caller that may use the module pass the value; an exception is a line with its reason in tests/src/shape/rules.rs",
            )
        });
        findings.collect()
    }

    fn rings(&self, rings: &Rings) -> Vec<Finding> {
        // Of several matching parts, the one with the longest path.
        let ring = |path: &str| {
            let parts = rings
                .order
                .iter()
                .enumerate()
                .flat_map(|(ring, parts)| parts.iter().map(move |part| (ring, *part)));
            parts
                .filter(|(_, part)| self.has(*part, path))
                .max_by_key(|(_, part)| part.path().len())
        };
        let holds = |from: &str, to: &str| match (ring(from), ring(to)) {
            (Some((from, _)), Some((to, _))) => from < to,
            _ => false,
        };
        let mut findings: Vec<_> = self
            .named(holds)
            .map(|(step, from, to)| {
                let short = |path: &str| ring(path).map_or("", |(_, part)| part.path()).to_owned();
                Finding::broken(
                    step,
                    format!("{} is a ring within {} and does not name it", short(from), short(to)),
                    "move the needed code inwards, or let the outer ring pass it as an argument or a trait",
                )
            })
            .collect();
        // One finding per folder is sufficient.
        let stands = |id: Id| ring(self.path(id)).is_some();
        let homeless = self.tree.modules.iter().enumerate().filter(|(id, module)| {
            module.path.split("::").next() == Some(rings.of)
                && self.is_asked(rings.of)
                && !stands(*id)
                && module.parent.is_none_or(stands)
        });
        findings.extend(homeless.map(|(_, module)| {
            Finding::Table(format!(
                "{}: {} is in no ring of {}: add it to its ring in tests/src/shape/rules.rs",
                module.file, module.path, rings.of
            ))
        }));
        findings
    }

    /// Modules in the table that do not exist.
    fn missing(&self, rules: &Rules) -> Vec<Finding> {
        let apart = rules.apart.iter().flat_map(|apart| apart.parts.iter().copied());
        let doors = rules
            .doors
            .iter()
            .flat_map(|door| door.open_to.iter().map(|(part, _)| part).chain(door.to).copied());
        let rings = rules
            .rings
            .iter()
            .flat_map(|rings| rings.order.iter().copied().flatten().copied());
        let mut missing: Vec<_> = apart
            .chain(doors)
            .chain(rings)
            .map(Part::path)
            .filter(|path| self.is_asked(path) && !self.tree.modules.iter().any(|module| module.path == *path))
            .collect();
        missing.sort_unstable();
        missing.dedup();
        let table = |path| {
            Finding::Table(format!(
                "tests/src/shape/rules.rs contains {path}, which does not exist: remove it, or give the new name"
            ))
        };
        missing.into_iter().map(table).collect()
    }
}

/// All places of one rule together, without duplicates: a re-exported name refers to two modules.
fn by_rule(findings: Vec<Finding>) -> Vec<Finding> {
    let mut together: Vec<Finding> = Vec::new();
    for finding in findings {
        let Finding::Broken { rule, steps, .. } = &finding else {
            together.push(finding);
            continue;
        };
        let same = together.iter_mut().find_map(|other| match other {
            Finding::Broken { rule: other, steps, .. } if other == rule => Some(steps),
            _ => None,
        });
        let Some(known) = same else {
            together.push(finding);
            continue;
        };
        for step in steps {
            if !known.iter().any(|known| known.is_at_the_place_of(step)) {
                known.push(step.clone());
            }
        }
    }
    together
}
