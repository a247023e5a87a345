//! `figures.json`: every figure with its unit and its target. The scripts in `benches/` read the same file.

use serde_json::Value;

/// All figures, by group.
pub(crate) struct Catalog {
    pub(crate) groups: Vec<Group>,
    /// Targets of features that do not exist yet.
    pub(crate) unmeasured: Vec<(String, String)>,
    pub(crate) plots: Vec<Plot>,
}

/// Figures that are measured together.
pub(crate) struct Group {
    pub(crate) name: String,
    pub(crate) title: String,
    /// The command that measures them.
    pub(crate) by: String,
    pub(crate) figures: Vec<Figure>,
}

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Figure {
    pub(crate) id: String,
    pub(crate) what: String,
    unit: String,
    decimals: usize,
    pub(crate) target: Option<Target>,
    /// Stricter than the target.
    pub(crate) goal: Option<Target>,
}

/// A bar chart of a few figures of one unit.
pub(crate) struct Plot {
    pub(crate) file: String,
    pub(crate) title: String,
    /// The group below which `RESULTS.md` shows it.
    pub(crate) group: String,
    /// Ids and labels.
    pub(crate) bars: Vec<(String, String)>,
}

/// What a figure is to reach.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Target {
    AtMost(f64),
    AtLeast(f64),
}

impl Target {
    pub(crate) fn is_reached(self, value: f64) -> bool {
        match self {
            Self::AtMost(most) => value <= most,
            Self::AtLeast(least) => value >= least,
        }
    }

    pub(crate) const fn value(self) -> f64 {
        match self {
            Self::AtMost(value) | Self::AtLeast(value) => value,
        }
    }
}

impl Figure {
    /// The value with its unit, as documents show it.
    pub(crate) fn show(&self, value: f64) -> String {
        self.with_unit(&format!("{value:.*}", self.decimals))
    }

    fn with_unit(&self, number: &str) -> String {
        let number = grouped(number);
        match self.unit.as_str() {
            "" => number,
            // `1,234/s`, `99 %`
            unit if unit.starts_with('/') => format!("{number}{unit}"),
            unit => format!("{number} {unit}"),
        }
    }

    /// `≤ 1.15 ×`
    pub(crate) fn show_target(&self, target: Target) -> String {
        let sign = match target {
            Target::AtMost(_) => '≤',
            Target::AtLeast(_) => '≥',
        };
        format!("{sign} {}", self.with_unit(&target.value().to_string()))
    }
}

/// Commas between thousands.
fn grouped(number: &str) -> String {
    let (sign, number) = number.strip_prefix('-').map_or(("", number), |number| ("-", number));
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let mut text = String::from(sign);
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    if !fraction.is_empty() {
        text.push('.');
        text.push_str(fraction);
    }
    text
}

impl Catalog {
    pub(crate) fn new() -> Self {
        let all: Value =
            serde_json::from_str(include_str!("../../figures.json")).expect("figures.json is JSON");
        let groups = list(&all, "groups").map(|group| Group {
            name: text(group, "name"),
            title: text(group, "title"),
            by: text(group, "by"),
            figures: list(group, "figures").map(figure).collect(),
        });
        let unmeasured = list(&all, "unmeasured").map(|row| (text(row, "what"), text(row, "target")));
        let plots = list(&all, "plots").map(|plot| Plot {
            file: text(plot, "file"),
            title: text(plot, "title"),
            group: text(plot, "group"),
            bars: labels(plot),
        });
        Self { groups: groups.collect(), unmeasured: unmeasured.collect(), plots: plots.collect() }
    }

    /// The figure of this id, and its group.
    pub(crate) fn find(&self, id: &str) -> Option<(&Group, &Figure)> {
        self.groups.iter().find_map(|group| {
            let figure = group.figures.iter().find(|figure| figure.id == id)?;
            Some((group, figure))
        })
    }
}

fn figure(figure: &Value) -> Figure {
    let target = match (figure["at-most"].as_f64(), figure["at-least"].as_f64()) {
        (Some(most), None) => Some(Target::AtMost(most)),
        (None, Some(least)) => Some(Target::AtLeast(least)),
        (None, None) => None,
        (Some(_), Some(_)) => panic!("{figure} has two targets"),
    };
    let goal = figure["goal"].as_f64().map(|goal| match target {
        Some(Target::AtMost(_)) => Target::AtMost(goal),
        Some(Target::AtLeast(_)) => Target::AtLeast(goal),
        None => panic!("{figure} has a goal and no target"),
    });
    let decimals = figure["decimals"].as_u64().expect("decimals");
    Figure {
        id: text(figure, "id"),
        what: text(figure, "what"),
        unit: text(figure, "unit"),
        decimals: usize::try_from(decimals).expect("a few"),
        target,
        goal,
    }
}

fn text(value: &Value, key: &str) -> String {
    value[key].as_str().unwrap_or_else(|| panic!("figures.json: no `{key}` in {value}")).to_owned()
}

fn labels(plot: &Value) -> Vec<(String, String)> {
    let bars = plot["bars"].as_object().expect("figures.json: a plot has bars");
    bars.keys().map(|id| (id.clone(), text(&plot["bars"], id))).collect()
}

fn list<'v>(value: &'v Value, key: &str) -> impl Iterator<Item = &'v Value> {
    value[key].as_array().unwrap_or_else(|| panic!("figures.json: no `{key}`")).iter()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_figure_has_an_id_of_its_own() {
        let catalog = Catalog::new();
        let mut seen = HashSet::new();
        for figure in catalog.groups.iter().flat_map(|group| &group.figures) {
            assert!(seen.insert(&figure.id), "{} is there twice", figure.id);
        }
    }

    #[test]
    fn plots_show_figures_of_one_unit_below_a_group() {
        let catalog = Catalog::new();
        for plot in &catalog.plots {
            assert!(catalog.groups.iter().any(|group| group.name == plot.group), "{}", plot.group);
            let units: HashSet<&str> = plot
                .bars
                .iter()
                .map(|(id, _)| catalog.find(id).unwrap_or_else(|| panic!("no figure {id}")).1.unit.as_str())
                .collect();
            assert_eq!(units.len(), 1, "{}", plot.file);
        }
    }

    #[test]
    fn a_goal_is_stricter_than_its_target() {
        let catalog = Catalog::new();
        for figure in catalog.groups.iter().flat_map(|group| &group.figures) {
            if let (Some(target), Some(goal)) = (figure.target, figure.goal) {
                assert!(target.is_reached(goal.value()), "{}", figure.id);
                assert!(!goal.is_reached(target.value()), "{}", figure.id);
            }
        }
    }

    #[test]
    fn values_are_shown_with_commas_decimals_and_unit() {
        let catalog = Catalog::new();
        let show = |id: &str, value| catalog.find(id).expect("a figure").1.show(value);
        assert_eq!(show("mcp-stdio-64", 1_234_567.4), "1,234,567/s");
        assert_eq!(show("floor-typed", 1.136), "1.14 ×");
        assert_eq!(show("second-over", -1234.5678), "-1,234.57 ms");
        assert_eq!(show("python-live", 999.0), "999");
        let target = |id: &str| {
            let figure = catalog.find(id).expect("a figure").1;
            figure.target.map(|target| figure.show_target(target))
        };
        assert_eq!(target("mcp-stdio-64").as_deref(), Some("≥ 50,000/s"));
        assert_eq!(target("floor-json").as_deref(), Some("≤ 1.4 ×"));
    }

    #[test]
    fn a_target_is_reached_at_its_very_value() {
        assert!(Target::AtMost(3.0).is_reached(3.0) && !Target::AtMost(3.0).is_reached(3.01));
        assert!(Target::AtLeast(0.8).is_reached(0.8) && !Target::AtLeast(0.8).is_reached(0.79));
        assert!(!Target::AtMost(3.0).is_reached(f64::NAN));
    }
}
