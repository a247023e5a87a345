//! The files of a call: those that it brings, and those that it asks for.
//!
//! A body of the media type [`MEDIA`] has the arguments as `input`, so that no member is mistaken for an argument. A call
//! over MCP has the other members under `io.ringfence/files` of its `_meta`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use ringfence::Call;
use serde::Deserialize;
use serde_json::value::RawValue;
use utoipa::ToSchema;

use crate::error::ServeError;

/// The media type of a call with files.
pub(crate) const MEDIA: &str = "application/vnd.ringfence.call+json";

/// The files of a call.
#[derive(Debug, Default)]
pub(crate) struct Files {
    bring: Vec<(String, Vec<u8>)>,
    wanted: Vec<String>,
    bytes: u64,
}

/// A call with files. The files need a `scratch` grant, and count in the limits on input and memory.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CallWithFiles {
    /// The arguments, as an object. Default: no arguments.
    #[schema(value_type = Object)]
    input: Option<Box<RawValue>>,
    /// Files for the run.
    #[serde(default)]
    files: Vec<GivenFile>,
    /// Files to return in `files` of the report: paths, or directories for all files below them. At most 100.
    #[serde(default)]
    return_files: Vec<String>,
    /// Maximum bytes of the returned contents. Default and maximum: the limit on output.
    return_bytes: Option<u64>,
}

/// A file for the run.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenFile {
    /// The path, such as `in/data.csv`.
    path: String,
    /// The contents, in base64.
    base64: String,
}

/// Returns whether a body is a call with files.
pub(crate) fn are_in(headers: &HeaderMap) -> bool {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()?.split(';').next());
    kind.is_some_and(|kind| kind.trim().eq_ignore_ascii_case(MEDIA))
}

/// Reads a body of the media type [`MEDIA`]: the arguments, and the files.
pub(crate) fn read(body: &str, output_size: u64) -> Result<(String, Files), ServeError> {
    let call: CallWithFiles = serde_json::from_str(body).map_err(|error| {
        ServeError::bad_request(format!(
            "invalid call with files: {error}; expected `input`, `files`, `return_files` and `return_bytes`"
        ))
    })?;
    let input = call.input.as_ref().map_or("{}", |input| input.get()).to_owned();
    Ok((input, call.files(output_size)?))
}

/// Reads the files of a call over MCP.
pub(crate) fn of_meta(member: &str, output_size: u64) -> Result<Files, ServeError> {
    let call: CallWithFiles = serde_json::from_str(member).map_err(|error| {
        let expected = "expected `files`, `return_files` and `return_bytes`";
        ServeError::bad_request(format!("invalid `io.ringfence/files` in `_meta`: {error}; {expected}"))
    })?;
    if call.input.is_some() {
        let message = "`io.ringfence/files` has a member `input`; send the arguments in `arguments`";
        return Err(ServeError::bad_request(message.to_owned()));
    }
    call.files(output_size)
}

impl CallWithFiles {
    fn files(self, output_size: u64) -> Result<Files, ServeError> {
        let mut bring = Vec::with_capacity(self.files.len());
        for GivenFile { path, base64 } in self.files {
            let contents = STANDARD.decode(&base64).map_err(|error| {
                let path = ringfence::text::clean(&path, 200);
                ServeError::bad_request(format!(
                    "the file `{path}` is not base64 ({error}); use the standard alphabet, with padding"
                ))
            })?;
            bring.push((path, contents));
        }
        let bytes = self.return_bytes.unwrap_or(output_size).min(output_size);
        Ok(Files { bring, wanted: self.return_files, bytes })
    }
}

impl Files {
    /// Returns the bytes that the files take.
    pub(crate) fn held(&self) -> u64 {
        self.bring.iter().map(|(_, contents)| contents.len() as u64).fold(0, u64::saturating_add)
    }

    /// Adds the files to a call.
    pub(crate) fn add(self, mut call: Call) -> Call {
        for (path, contents) in self.bring {
            call = call.file(path, contents);
        }
        if self.wanted.is_empty() { call } else { call.return_files(self.wanted, self.bytes) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_with_files_has_the_arguments_under_input() {
        let (input, files) = read(
            r#"{"input": {"a": 1}, "files": [{"path": "f", "base64": "YQ=="}], "return_files": ["g"], "return_bytes": 9}"#,
            5,
        )
        .expect("valid");
        assert_eq!(input, r#"{"a": 1}"#);
        assert_eq!(
            (files.bring, files.wanted, files.bytes),
            (vec![("f".into(), b"a".to_vec())], vec!["g".into()], 5)
        );
        assert_eq!(of_meta(r#"{"return_files": ["g"]}"#, 5).expect("valid").wanted, ["g"]);
        of_meta(r#"{"input": {}}"#, 5).expect_err("the arguments stand elsewhere");
        assert_eq!(read("{}", 5).expect("valid").0, "{}");
        for wrong in [r#"{"a": 1}"#, r#"{"files": [{"path": "f", "base64": "?"}]}"#, "[]", ""] {
            read(wrong, 5).expect_err(wrong);
        }
    }

    #[test]
    fn the_media_type_alone_decides() {
        let headers =
            |kind: &'static str| HeaderMap::from_iter([(CONTENT_TYPE, http::HeaderValue::from_static(kind))]);
        assert!(are_in(&headers("Application/vnd.ringfence.call+json; charset=utf-8")));
        assert!(!are_in(&headers("application/json")));
        assert!(!are_in(&HeaderMap::new()));
    }
}
