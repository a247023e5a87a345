//! The figures of one bench as they come in: printed, compared with their targets, and kept to be recorded.

use std::path::Path;

use super::catalog::Catalog;
use super::machine;
use super::report;
use super::results::Results;

/// What a bench measured.
pub(crate) struct Book {
    catalog: Catalog,
    values: Vec<(String, f64)>,
}

impl Book {
    pub(crate) const fn new(catalog: Catalog) -> Self {
        Self { catalog, values: Vec::new() }
    }

    /// Takes a figure that `figures.json` lists, and prints it.
    pub(crate) fn figure(&mut self, id: &str, value: f64) {
        let (_, figure) = self.catalog.find(id).unwrap_or_else(|| panic!("figures.json lists no `{id}`"));
        let target = figure.target.map_or_else(String::new, |target| {
            let missed = if target.is_reached(value) { "" } else { ", MISSED" };
            format!("   (target: {}{missed})", figure.show_target(target))
        });
        println!("{:<72} {:>12}{target}", figure.what, figure.show(value));
        self.values.push((id.to_owned(), value));
    }

    /// The figures that missed their targets.
    pub(crate) fn missed(&self) -> Vec<String> {
        let missed = self.values.iter().filter_map(|(id, value)| {
            let (_, figure) = self.catalog.find(id)?;
            let target = figure.target.filter(|target| !target.is_reached(*value))?;
            Some(format!("{}: {}, target {}", figure.what, figure.show(*value), figure.show_target(target)))
        });
        missed.collect()
    }

    /// Replaces the rows of these figures' groups in the results in this folder, and renders them anew.
    pub(crate) fn save(&self, dir: &Path) {
        let mut results = Results::load(dir);
        let run = machine::describe();
        for group in &self.catalog.groups {
            let own = |(id, _): &&(String, f64)| group.figures.iter().any(|figure| figure.id == *id);
            let values: Vec<(String, f64)> = self.values.iter().filter(own).cloned().collect();
            if !values.is_empty() {
                results.replace(&group.name, &run, &values);
            }
        }
        results.save(dir);
        report::write(&self.catalog, dir);
        println!("recorded in {}", dir.display());
    }
}
