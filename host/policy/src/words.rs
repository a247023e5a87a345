//! The words of a one-line grant: separated by spaces, with quotes around what has spaces itself.

use crate::error::GrantError;

/// Splits a line into words. Inside double quotes, `\"` and `\\` stand for a quote and a backslash.
pub(crate) fn split(line: &str) -> Result<Vec<String>, GrantError> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut characters = line.chars();
    while let Some(character) = characters.next() {
        match (quoted, character) {
            (false, ' ' | '\t' | '\n' | '\r') => words.extend(word.take()),
            (_, '"') => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            (true, '\\') => match characters.next() {
                Some(escaped @ ('"' | '\\')) => word.get_or_insert_default().push(escaped),
                Some('n') => word.get_or_insert_default().push('\n'),
                Some('t') => word.get_or_insert_default().push('\t'),
                Some('r') => word.get_or_insert_default().push('\r'),
                _ => {
                    return Err(GrantError::Word {
                        found: "\\".to_owned(),
                        expected: "in quotes, a backslash stands before `\"`, `\\`, `n`, `t` or `r`",
                    });
                }
            },
            (_, character) => word.get_or_insert_default().push(character),
        }
    }
    if quoted {
        return Err(GrantError::Quote);
    }
    words.extend(word);
    Ok(words)
}

/// Writes a value so that [`split`] reads it as (part of) one word.
pub(crate) fn quote(value: &str) -> String {
    let plain = |character: char| !character.is_whitespace() && character != '"';
    if !value.is_empty() && value.chars().all(plain) {
        return value.to_owned();
    }
    let mut quoted = String::with_capacity(value.len().saturating_add(2));
    quoted.push('"');
    for character in value.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            '\t' => quoted.push_str("\\t"),
            '\r' => quoted.push_str("\\r"),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

/// Writes a line so that a POSIX shell passes it on as one argument.
pub(crate) fn shell(line: &str) -> String {
    format!("'{}'", line.replace('\'', r"'\''"))
}

/// Writes a text as a basic string of TOML.
pub(crate) fn toml(text: &str) -> String {
    let mut quoted = String::from("\"");
    for character in text.chars() {
        match character {
            '"' | '\\' => quoted.extend(['\\', character]),
            '\n' => quoted.push_str("\\n"),
            other if other.is_control() => quoted.push_str(&format!("\\u{:04X}", u32::from(other))),
            other => quoted.push(other),
        }
    }
    quoted.push('"');
    quoted
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quoted_value_is_read_as_it_was() {
        for value in ["plain", "", "two words", "a\"b", "a\\b", "a\\ b\n\t", "it's", "ä ö"] {
            assert_eq!(split(&format!("k={}", quote(value))).unwrap(), [format!("k={value}")], "{value:?}");
        }
    }

    #[test]
    fn open_quotes_and_unknown_escapes_are_refused() {
        assert_eq!(split("a \"b"), Err(GrantError::Quote));
        assert!(split("\"a\\x\"").is_err());
        assert_eq!(split("  a   b ").unwrap(), ["a", "b"]);
    }

    #[test]
    fn a_shell_passes_a_line_on_as_one_argument() {
        assert_eq!(shell("http GET https://a.example/it's"), r"'http GET https://a.example/it'\''s'");
    }
}
