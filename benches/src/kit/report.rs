//! `RESULTS.md` and the plots, from `results.json` alone.

use std::fmt::Write as _;
use std::path::Path;

use super::catalog::{Catalog, Figure, Target};
use super::plot::{Bar, bars};
use super::results::{Results, Run};

/// Renders what the results in this folder say, beside them.
pub(crate) fn write(catalog: &Catalog, dir: &Path) {
    let results = Results::load(dir);
    let put = |file: &Path, text: &str| {
        std::fs::write(file, text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    };
    put(&dir.join("RESULTS.md"), &page(catalog, &results));
    let folder = dir.join("plots");
    std::fs::create_dir_all(&folder).expect("a folder for the plots");
    for (file, svg) in plots(catalog, &results) {
        put(&folder.join(file), &svg);
    }
}

/// `RESULTS.md`
pub(crate) fn page(catalog: &Catalog, results: &Results) -> String {
    let mut page = String::from(
        "# Results\n\n\
         `ringfence-benches` writes this page from `results.json`, and `figures.json` lists the targets: edit neither this \
         page nor the plots.\nA ratio compares two things in the same run on the same machine. Other figures hold for the \
         machine below.\nA goal is stricter than the target, and comes later.\n\n",
    );
    summary(&mut page, catalog, results);
    machines(&mut page, catalog, results);
    let drawn: Vec<(String, String)> = plots(catalog, results);
    for group in &catalog.groups {
        let _ = write!(page, "## {}\n\n", group.title);
        let measured = match results.run(&group.name) {
            Some(run) => format!("Measured on {} at {}", run.date, run.commit),
            None => "Not measured yet".to_owned(),
        };
        let command = if group.by.starts_with("ringfence-benches") {
            format!("cargo run --release -p {}", group.by)
        } else {
            group.by.clone()
        };
        let _ = write!(page, "{measured}: `{command}`\n\n");
        page.push_str("| what | measured | target | reached | goal |\n|---|---:|---:|---|---|\n");
        for figure in &group.figures {
            row(&mut page, figure, results.value(&group.name, &figure.id));
        }
        page.push('\n');
        for plot in catalog.plots.iter().filter(|plot| plot.group == group.name) {
            if drawn.iter().any(|(file, _)| *file == plot.file) {
                let _ = write!(page, "![{}](plots/{})\n\n", plot.title, plot.file);
            }
        }
    }
    page.push_str("## Targets without a measurement\n\nWhat they measure does not exist yet.\n\n");
    page.push_str("| what | target |\n|---|---:|\n");
    for (what, target) in &catalog.unmeasured {
        let _ = writeln!(page, "| {what} | {target} |");
    }
    page
}

fn row(page: &mut String, figure: &Figure, value: Option<f64>) {
    let reached = |target: Target| match value {
        None => "–",
        Some(value) if target.is_reached(value) => "yes",
        Some(_) => "**no**",
    };
    let _ = writeln!(
        page,
        "| {} | {} | {} | {} | {} |",
        figure.what,
        value.map_or_else(|| "–".to_owned(), |value| figure.show(value)),
        figure.target.map_or_else(String::new, |target| figure.show_target(target)),
        figure.target.map_or("", reached),
        figure.goal.map_or_else(String::new, |goal| format!(
            "{}: {}",
            figure.show_target(goal),
            reached(goal)
        ))
    );
}

/// How many targets are reached, and which are not.
fn summary(page: &mut String, catalog: &Catalog, results: &Results) {
    let (mut reached, mut missed, mut unknown) = (0, Vec::new(), 0);
    for group in &catalog.groups {
        for figure in &group.figures {
            let Some(target) = figure.target else { continue };
            match results.value(&group.name, &figure.id) {
                None => unknown += 1,
                Some(value) if target.is_reached(value) => reached += 1,
                Some(value) => missed.push(format!(
                    "- {}: {}, target {}\n",
                    figure.what,
                    figure.show(value),
                    figure.show_target(target)
                )),
            }
        }
    }
    let all = reached + missed.len() + unknown;
    let _ = write!(page, "**{reached} of {all} targets are reached");
    if unknown > 0 {
        let _ = write!(page, "; {unknown} are not measured yet");
    }
    page.push_str(if missed.is_empty() { ".**\n\n" } else { ". Missed:**\n\n" });
    missed.iter().for_each(|line| page.push_str(line));
    if !missed.is_empty() {
        page.push('\n');
    }
}

/// Each machine with its versions, and what was measured there.
fn machines(page: &mut String, catalog: &Catalog, results: &Results) {
    let mut rows: Vec<(Run, Vec<&str>)> = Vec::new();
    for group in &catalog.groups {
        let Some(run) = results.run(&group.name) else { continue };
        // Date and commit stand with each group.
        let run = Run { date: String::new(), commit: String::new(), ..run };
        match rows.iter_mut().find(|(known, _)| *known == run) {
            Some((_, groups)) => groups.push(&group.name),
            None => rows.push((run, vec![&group.name])),
        }
    }
    if rows.is_empty() {
        return;
    }
    page.push_str("| CPU | cores | memory | Linux | rustc | wasmtime | measured there |\n|---|---:|---:|---|---|---|---|\n");
    for (run, groups) in rows {
        let Run { cpu, cores, memory, kernel, rustc, wasmtime, .. } = run;
        let groups = groups.join(", ");
        let _ = writeln!(page, "| {cpu} | {cores} | {memory} | {kernel} | {rustc} | {wasmtime} | {groups} |");
    }
    page.push('\n');
}

/// File name and SVG of each plot that has a figure to show.
pub(crate) fn plots(catalog: &Catalog, results: &Results) -> Vec<(String, String)> {
    let drawn = catalog.plots.iter().filter_map(|plot| {
        let figures = plot.bars.iter().filter_map(|(id, label)| {
            let (group, figure) = catalog.find(id)?;
            let value = results.value(&group.name, id)?;
            Some(Bar {
                label: label.clone(),
                value,
                shown: figure.show(value),
                target: figure.target.map(Target::value),
                reached: figure.target.is_none_or(|target| target.is_reached(value)),
            })
        });
        let figures: Vec<Bar> = figures.collect();
        (!figures.is_empty()).then(|| (plot.file.clone(), bars(&plot.title, &figures)))
    });
    drawn.collect()
}

#[cfg(test)]
mod tests {
    use super::super::results::tests::run;
    use super::*;
    use crate::args::own_dir;

    fn results(values: &[(&str, f64)]) -> (Catalog, Results) {
        let catalog = Catalog::new();
        let mut results = Results::parse("{}").expect("JSON");
        for group in &catalog.groups {
            let own = |(id, _): &&(&str, f64)| group.figures.iter().any(|figure| figure.id == *id);
            let own: Vec<_> =
                values.iter().filter(own).map(|(id, value)| ((*id).to_owned(), *value)).collect();
            if !own.is_empty() {
                results.replace(&group.name, &run(), &own);
            }
        }
        (catalog, results)
    }

    #[test]
    fn rows_say_whether_target_and_goal_are_reached() {
        let (catalog, results) = results(&[("floor-typed", 1.12), ("floor-json", 1.45), ("floor-bare", 2.5)]);
        let page = page(&catalog, &results);
        for row in [
            "| call with Rust types, to bare wasmtime | 1.12 × | ≤ 1.15 × | yes | ≤ 1.1 ×: **no** |",
            "| call with 100 bytes of JSON in and out, to bare wasmtime | 1.45 × | ≤ 1.4 × | **no** | ≤ 1.3 ×: **no** |",
            "| bare wasmtime: instantiate, one typed call, drop (CPU) | 2.50 µs |  |  |  |",
            "| call with values, to bare wasmtime | – | ≤ 2 × | – |  |",
            "| Some CPU | 2 | 8 GiB | 6.1.0 | 1.95.0 | 48.0.8 | floor |",
            "- call with 100 bytes of JSON in and out, to bare wasmtime: 1.45 ×, target ≤ 1.4 ×",
            "Measured on 2026-11-30 at 0123abc: `cargo run --release -p ringfence-benches -- floor`",
            "![To bare wasmtime (less is better)](plots/library.svg)",
        ] {
            assert!(page.contains(row), "no `{row}` in\n{page}");
        }
    }

    #[test]
    fn a_row_without_measurements_has_neither_machine_nor_plot() {
        let (catalog, results) = results(&[]);
        let page = page(&catalog, &results);
        assert!(!page.contains("| CPU |") && !page.contains("plots/"), "{page}");
        assert!(page.contains("Not measured yet: `benches/edge`"), "{page}");
        assert!(plots(&catalog, &results).is_empty());
    }

    #[test]
    fn plots_show_what_was_measured() {
        let (catalog, results) = results(&[("share-of-2", 0.99), ("share-of-4", 0.5)]);
        let plots = plots(&catalog, &results);
        let [(file, svg)] = plots.as_slice() else { panic!("{} plots", plots.len()) };
        assert_eq!(file, "share.svg");
        assert!(svg.contains("0.99 ×") && svg.contains("0.50 ×"), "{svg}");
    }

    #[test]
    fn the_page_in_the_repository_matches_its_results() {
        let (catalog, results) = (Catalog::new(), Results::load(&own_dir()));
        let again = "run `cargo run -p ringfence-benches -- render`";
        let kept = std::fs::read_to_string(own_dir().join("RESULTS.md")).expect("RESULTS.md");
        assert!(kept == page(&catalog, &results), "RESULTS.md differs from results.json: {again}");
        for (file, svg) in plots(&catalog, &results) {
            let kept = std::fs::read_to_string(own_dir().join("plots").join(&file)).unwrap_or_default();
            assert!(kept == svg, "plots/{file} differs from results.json: {again}");
        }
    }
}
