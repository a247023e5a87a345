//! Runs one filter on one document, with no clock, environment, module or further input to reach.

use core::fmt::Write;

use jaq_core::load::{self, Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Error as JaqError, Vars, compile};
use jaq_json::{Map, Val};

use crate::functions::{self, Data};
use crate::json;

/// Why a query has no outputs; the cases of `query-error` in the WIT.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Error {
    BadFilter(String),
    BadDocument(String),
    Failed(String),
}

/// Applies `filter` to `document`: every output as a JSON text, or the reason why there are none.
///
/// The filter is compiled before the document is read, so that of two mistakes the filter's is named.
pub(crate) fn run(filter: &str, document: &str) -> Result<Vec<String>, Error> {
    let program = compile(filter).map_err(Error::BadFilter)?;
    let document = json::parse(document).map_err(Error::BadDocument)?;

    let environment = Val::obj(Map::default());
    let context = Ctx::<Data>::new(&program.lut, Vars::new([environment]));

    let mut outputs = Vec::new();
    for output in program.id.run((context, document)) {
        match output {
            Ok(value) => outputs.push(json::write(&value).map_err(Error::Failed)?),
            Err(exception) => match exception.get_halt() {
                Ok(0) => break,
                Ok(code) => return Err(Error::Failed(format!("halted with exit code {code}"))),
                Err(exception) => return Err(Error::Failed(message(exception.get_err().ok()))),
            },
        }
    }
    Ok(outputs)
}

/// What an uncaught error says: the text itself where the error is a text, else its JSON, as jq does.
fn message(error: Option<JaqError<Val>>) -> String {
    let mut message = match error.map(JaqError::into_val) {
        None => "the filter ended in a way it should not".into(),
        Some(Val::TStr(text)) => String::from_utf8_lossy(&text).into_owned(),
        Some(value) => json::write(&value).unwrap_or_else(|why| why),
    };
    // A type error quotes the value, which may be the whole document.
    if let Some((end, _)) = message.char_indices().nth(MAX_MESSAGE) {
        message.truncate(end);
        message.push('…');
    }
    message
}

/// How many characters of an error are kept.
const MAX_MESSAGE: usize = 1_000;

fn compile(filter: &str) -> Result<jaq_core::Filter<Data>, String> {
    let definitions = jaq_core::defs()
        .chain(functions::without_dates(jaq_std::defs()))
        .chain(jaq_json::defs())
        .chain(functions::definitions());
    let ours = functions::natives();
    let replaced: Vec<_> = ours.iter().map(|(name, ..)| *name).collect();
    let natives = jaq_core::funs()
        .chain(jaq_std::base_funs())
        .chain(jaq_json::funs())
        .filter(|(name, ..)| !replaced.contains(name))
        .chain(ours);

    let arena = Arena::default();
    let main = File { code: filter, path: () };
    let modules = Loader::new(definitions).load(&arena, main).map_err(|errors| syntax_errors(filter, errors))?;
    Compiler::default()
        .with_funs(natives)
        .with_global_vars(["$ENV"])
        .compile(modules)
        .map_err(|errors| undefined(filter, errors))
}

/// Every syntax error on one line, with what was expected and where.
fn syntax_errors<P>(filter: &str, errors: load::Errors<&str, P>) -> String {
    let mut out = String::new();
    for (_, error) in errors {
        match error {
            load::Error::Io(modules) => {
                for (path, _) in modules {
                    add(&mut out, format_args!("there is no module `{path}`"));
                }
            }
            load::Error::Lex(errors) => {
                for (expected, found) in errors {
                    add(&mut out, format_args!("expected {} {}", expected.as_str(), place(filter, found)));
                }
            }
            load::Error::Parse(errors) => {
                for (expected, found) in errors {
                    add(&mut out, format_args!("expected {} {}", expected.as_str(), place(filter, found)));
                }
            }
        }
    }
    out
}

/// Every undefined name on one line.
fn undefined<P>(filter: &str, errors: compile::Errors<&str, P>) -> String {
    let mut out = String::new();
    for (name, kind) in errors.into_iter().flat_map(|(_, errors)| errors) {
        let arity = match kind {
            compile::Undefined::Filter(arity) => format!("/{arity}"),
            _ => String::new(),
        };
        add(&mut out, format_args!("undefined {} `{name}{arity}` {}", kind.as_str(), place(filter, name)));
    }
    out
}

fn add(out: &mut String, what: core::fmt::Arguments<'_>) {
    let separator = if out.is_empty() { "" } else { "; " };
    // Writing to a string does not fail.
    let _ = write!(out, "{separator}{what}");
}

/// Where in the filter a piece of it is, as a byte offset.
fn place(filter: &str, piece: &str) -> String {
    match piece.as_ptr().addr().checked_sub(filter.as_ptr().addr()) {
        Some(at) if at < filter.len() => format!("at byte {at}"),
        _ => "at the end".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(filter: &str, document: &str) -> Vec<String> {
        run(filter, document).unwrap_or_else(|error| panic!("{filter}: {error:?}"))
    }

    fn bad_filter(filter: &str) -> String {
        match run(filter, "null") {
            Err(Error::BadFilter(why)) => why,
            other => panic!("{filter}: {other:?}"),
        }
    }

    fn failed(filter: &str, document: &str) -> String {
        match run(filter, document) {
            Err(Error::Failed(why)) => why,
            other => panic!("{filter}: {other:?}"),
        }
    }

    #[test]
    fn a_filter_has_any_number_of_outputs() {
        assert_eq!(outputs(".[] | select(. > 1)", "[1,2,3]"), ["2", "3"]);
        assert_eq!(outputs("empty", "1"), [""; 0]);
        assert_eq!(outputs("1, halt, 2", "null"), ["1"]);
    }

    #[test]
    fn the_filters_mistake_is_named_before_the_documents() {
        assert!(matches!(run("nope", "{"), Err(Error::BadFilter(_))));
        assert!(matches!(run(".", "{"), Err(Error::BadDocument(_))));
    }

    #[test]
    fn mistakes_in_filters_are_located() {
        assert_eq!(bad_filter(".["), "expected closing bracket at the end");
        assert_eq!(bad_filter(". | nope(1)"), "undefined filter `nope/1` at byte 4");
        assert_eq!(bad_filter("$x, $y"), "undefined variable `$x` at byte 0; undefined variable `$y` at byte 4");
        assert_eq!(bad_filter("include \"a\"; ."), "there is no module `a`");
    }

    #[test]
    fn filters_see_only_the_document() {
        for filter in ["now", "input", "inputs", "localtime", "input_filename", "get_search_list"] {
            assert!(bad_filter(filter).starts_with("undefined filter"), "{filter}");
        }
        assert_eq!(outputs("env, $ENV", "null"), ["{}", "{}"]);
        assert_eq!(outputs("debug, stderr, debug(\"x\")", "1"), ["1", "1", "1"]);
    }

    #[test]
    fn failures_say_why() {
        assert_eq!(failed("1, error(\"no\")", "null"), "no");
        assert_eq!(failed("error({a: 1})", "null"), "{\"a\":1}");
        assert_eq!(failed("halt_error", "\"stop\""), "stop");
        assert_eq!(failed(".a", "[1]"), "cannot index [1] with \"a\"");
        assert_eq!(failed(". % 0", "1"), "cannot calculate 1 % 0");
    }

    #[test]
    fn a_failure_does_not_repeat_a_long_document() {
        let document = format!("[{}1]", "1,".repeat(10_000));
        assert_eq!(failed(".a", &document).chars().count(), MAX_MESSAGE + 1);
    }

    #[test]
    fn patterns_work_in_characters() {
        assert_eq!(
            outputs("[match(\"(é)(?<n>x)?\"; \"g\") | [.offset, .length, (.captures | length)]]", "\"aéxüé\""),
            ["[[1,2,2],[4,1,1]]"]
        );
        // Groups that were matched out of their order.
        assert_eq!(outputs("[match(\"(?:(a)|(b))*\").captures[].offset]", "\"ba\""), ["[1,0]"]);
        assert_eq!(outputs("gsub(\"(?<x>[a-z])\"; \"<\\(.x)>\")", "\"ab1\""), ["\"<a><b>1\""]);
        assert_eq!(outputs("[splits(\", *\")]", "\"a, b,c\""), ["[\"a\",\"b\",\"c\"]"]);
        assert_eq!(failed("test(\"a\"; \"q\")", "\"a\""), "invalid regex flag: q");
    }

    #[test]
    fn our_own_definitions_do_as_jq() {
        assert_eq!(outputs("@csv", r#"[1,"a\"b",null,true]"#), [r#""1,\"a\"\"b\",,true""#]);
        assert_eq!(outputs("@tsv", r#"[1,"a\tb",null]"#), [r#""1\ta\\tb\t""#]);
        assert_eq!(outputs("IN(1, 2), INDEX(.)", "[2]").len(), 2);
        assert_eq!(outputs("[leaf_paths]", r#"{"a":[1]}"#), [r#"[["a",0]]"#]);
        assert_eq!(outputs("trimstr(\"a\"), toarray", "\"aba\""), ["\"b\"", "[\"aba\"]"]);
    }
}
