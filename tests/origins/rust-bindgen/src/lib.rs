//! A skill that gives back whatever it gets, for every kind of value, and measures some shapes.

use exports::origins::shapes::echo::{self, Color, Layer, Narrow, Segment, Shape, Style, Wide};
use exports::origins::shapes::types::{Fault, Point as Corner};
use exports::origins::shapes::{imperial, metric};

wit_bindgen::generate!({ world: "everything", path: "wit" });

struct Skill;
export!(Skill);

impl Guest for Skill {
    fn midpoint(a: Point, b: Point) -> Point {
        Point {
            x: f64::midpoint(a.x, b.x),
            y: f64::midpoint(a.y, b.y),
        }
    }

    fn version() -> String {
        env!("CARGO_PKG_VERSION").into()
    }

    fn list(type_: String, record: Option<u8>) -> String {
        format!("{type_} {record:?}")
    }
}

/// Defines each function to return its only parameter.
macro_rules! give_back {
    ($($function:ident: $type:ty;)*) => {
        $(fn $function(v: $type) -> $type { v })*
    };
}

impl echo::Guest for Skill {
    give_back! {
        booleans: bool;
        characters: char;
        strings: String;
        narrow_integers: Narrow;
        unsigned: u64;
        signed: i64;
        single: f32;
        double: f64;
        bytes: Vec<u8>;
        tuples: (u8, String, (bool, char));
        segments: Vec<Segment>;
        shapes: Vec<Shape>;
        colors: Vec<Color>;
        styles: Style;
        wide_flags: Wide;
        options: Option<String>;
        nested_options: Option<Option<String>>;
        thrice_nested: Option<Option<Option<u8>>>;
        nested_lists: Vec<Vec<Vec<u16>>>;
        inner_results: Vec<Result<u32, String>>;
        bare_results: Vec<Result<(), ()>>;
        option_of_result: Option<Result<Option<u8>, String>>;
        layers: Vec<Layer>;
    }

    fn many(
        a: u8,
        b: String,
        c: Option<u8>,
        d: Vec<u8>,
        e: Color,
        f: f32,
        g: i64,
        h: bool,
    ) -> String {
        format!("{a} {b} {c:?} {d:?} {e:?} {f} {g} {h}")
    }

    fn nothing() {}
}

impl metric::Guest for Skill {
    fn area(shape: Shape) -> Result<f64, Fault> {
        area(&shape, 1.0)
    }

    fn check(which: u8) -> Result<(), String> {
        match which {
            0 => Ok(()),
            1 => Err(String::new()),
            2 => Err("line one\nline two\t\u{1b}[31mred\u{7}".into()),
            _ => Err(format!("no way {which}")),
        }
    }

    fn refuse() -> Result<u32, ()> {
        Err(())
    }
}

impl imperial::Guest for Skill {
    fn area(shape: Shape) -> Result<f64, Fault> {
        let inches_per_centimetre = 1.0 / 2.54;
        area(&shape, inches_per_centimetre)
    }
}

fn area(shape: &Shape, scale: f64) -> Result<f64, Fault> {
    match shape {
        Shape::Empty => Ok(0.0),
        Shape::Circle((_, radius)) if *radius < 0.0 => Err(Fault::OutOfRange((0, i64::MAX))),
        Shape::Circle((_, radius)) => {
            let radius = f64::from(*radius) * scale;
            Ok(std::f64::consts::PI * radius * radius)
        }
        Shape::Polygon(corners) => Ok(polygon_area(corners) * scale * scale),
        Shape::Path(_) => Err(Fault::Unsupported),
        Shape::Named(name) => Err(Fault::NotFound(name.clone())),
    }
}

/// The shoelace formula.
fn polygon_area(corners: &[Corner]) -> f64 {
    let next = corners.iter().cycle().skip(1);
    let doubled: f64 = corners
        .iter()
        .zip(next)
        .map(|(a, b)| a.x * b.y - b.x * a.y)
        .sum();
    doubled.abs() / 2.0
}
