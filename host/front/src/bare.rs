//! Turns the HTTP layer's own refusals into problems like all others.
//!
//! That layer refuses broken requests before the server sees them, and writes a status without a body.

use crate::problem::{PROBLEM_JSON, Problem};
use crate::request::RequestError;

/// Maximum bytes of such a refusal; a longer write is a response of this server.
pub(crate) const LONGEST: usize = 256;

/// Returns the problem for a bare refusal; none for any other bytes. `most` is the maximum size of a request's head in
/// bytes.
pub(crate) fn problem(bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    if bytes.len() > LONGEST {
        return None;
    }
    let head = str::from_utf8(bytes).ok()?.strip_prefix("HTTP/1.1 ")?.strip_suffix("\r\n\r\n")?;
    let mut lines = head.split("\r\n");
    let status = lines.next()?.get(..3)?;
    let bare = |line: &str| line.eq_ignore_ascii_case("content-length: 0");
    if !lines.clone().any(bare) {
        return None;
    }
    let error = match status {
        "400" => RequestError::BadRequest(
            "the request is not HTTP/1.1; check its first line and its headers".to_owned(),
        ),
        "414" => RequestError::UriTooLong,
        "431" => RequestError::HeadersTooLarge(most),
        _ => return None,
    };
    let problem = Problem::of(&error);
    let body = serde_json::to_string(&problem).ok()?;
    let date = lines.find(|line| line.to_ascii_lowercase().starts_with("date: "));
    let date = date.map(|date| format!("{date}\r\n")).unwrap_or_default();
    let text = format!(
        "HTTP/1.1 {status} {}\r\ncontent-type: {PROBLEM_JSON}\r\nx-content-type-options: nosniff\r\n\
         connection: close\r\ncontent-length: {}\r\n{date}\r\n{body}",
        problem.title(),
        body.len()
    );
    Some(text.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_bare_refusals_are_worded() {
        let bare = "HTTP/1.1 431 Request Header Fields Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\
                    date: Mon, 30 Nov 2026 08:00:00 GMT\r\n\r\n";
        let worded = String::from_utf8(problem(bare.as_bytes(), 64 << 10).expect("it is one")).expect("text");
        let (head, body) = worded.split_once("\r\n\r\n").expect("a body");
        assert!(head.contains("\r\ndate: Mon, 30 Nov"), "{head}");
        assert!(head.contains(&format!("content-length: {}", body.len())), "{head}");
        let body: serde_json::Value = serde_json::from_str(body).expect("JSON");
        assert_eq!(body["code"], "headers-too-large");
        assert!(body["detail"].as_str().is_some_and(|text| text.contains("64 KiB")), "{body}");
        for other in [
            "HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            "HTTP/1.1 204 No Content\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 5\r\n\r\n",
            "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\nmore",
            "{\"status\":400}",
            "",
        ] {
            assert_eq!(problem(other.as_bytes(), 64 << 10), None, "{other}");
        }
    }
}
