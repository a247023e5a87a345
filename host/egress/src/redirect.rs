//! The next hop of a redirect: where it goes, and what it takes along.

use std::time::Duration;

use http::StatusCode;
use http::header::{
    AUTHORIZATION, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION, CONTENT_TYPE, COOKIE, HeaderMap,
    LOCATION,
};
use ringfence_policy::{Scheme, Target};
use tokio::time::Instant;

use crate::error::BadRedirect;
use crate::outgoing::RequestBody;

/// A request on its way through the hops of redirects.
#[derive(Debug)]
pub(crate) struct Hop {
    pub(crate) method: String,
    pub(crate) target: Target,
    pub(crate) headers: HeaderMap,
    pub(crate) body: RequestBody,
    /// The time for each connection.
    pub(crate) connect_timeout: Option<Duration>,
    /// The body was a stream, and it has been sent.
    pub(crate) spent: bool,
    /// No redirect has left the origin. Only then the host adds a secret: another origin must not choose where it goes.
    pub(crate) trusted: bool,
}

/// Returns the `Location` of a redirect that a client follows.
pub(crate) fn location(status: StatusCode, headers: &HeaderMap) -> Option<&[u8]> {
    let follows = matches!(
        status,
        StatusCode::MOVED_PERMANENTLY
            | StatusCode::FOUND
            | StatusCode::SEE_OTHER
            | StatusCode::TEMPORARY_REDIRECT
            | StatusCode::PERMANENT_REDIRECT
    );
    follows.then(|| headers.get(LOCATION)).flatten().map(http::HeaderValue::as_bytes)
}

impl Hop {
    /// Returns until when a connection that begins now must be there.
    pub(crate) fn connect_until(&self) -> Option<Instant> {
        self.connect_timeout.and_then(|time| Instant::now().checked_add(time))
    }

    /// Turns the request into the one that follows a redirect.
    pub(crate) fn follow(&mut self, status: StatusCode, location: &[u8]) -> Result<(), BadRedirect> {
        let location = std::str::from_utf8(location)
            .map_err(|_| BadRedirect::Location(ringfence_policy::TargetError::Character))?;
        let target = self.target.join(location).map_err(BadRedirect::Location)?;
        if (self.target.scheme(), target.scheme()) == (Scheme::Https, Scheme::Http) {
            return Err(BadRedirect::Downgrade);
        }
        let keeps = matches!(status, StatusCode::TEMPORARY_REDIRECT | StatusCode::PERMANENT_REDIRECT);
        if keeps && self.spent {
            return Err(BadRedirect::Body);
        }
        if !keeps && self.method != "GET" && self.method != "HEAD" {
            "GET".clone_into(&mut self.method);
            self.body = RequestBody::Empty;
            self.spent = false;
            for name in [CONTENT_TYPE, CONTENT_ENCODING, CONTENT_LANGUAGE, CONTENT_LOCATION] {
                self.headers.remove(name);
            }
        }
        if !self.target.same_origin(&target) {
            self.trusted = false;
            for name in [AUTHORIZATION, COOKIE] {
                self.headers.remove(name);
            }
            let credentials: Vec<_> = self
                .headers
                .keys()
                .filter(|name| name.as_str().starts_with("proxy-") || name.as_str() == "cookie2")
                .cloned()
                .collect();
            for name in credentials {
                self.headers.remove(name);
            }
        }
        self.target = target;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http::HeaderValue;

    use super::*;

    fn hop(method: &str) -> Hop {
        let mut headers = HeaderMap::new();
        for name in ["authorization", "cookie", "cookie2", "content-type", "x-other"] {
            headers.insert(name, HeaderValue::from_static("value"));
        }
        Hop {
            connect_timeout: None,
            method: method.to_owned(),
            target: Target::parse("https://example.com/a").unwrap(),
            headers,
            body: RequestBody::Whole(Bytes::from_static(b"body")),
            spent: false,
            trusted: true,
        }
    }

    fn names(hop: &Hop) -> Vec<&str> {
        let mut names: Vec<_> = hop.headers.keys().map(http::HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_body_is_dropped_on_301_302_and_303() {
        for status in [301, 302, 303] {
            let mut next = hop("POST");
            next.follow(StatusCode::from_u16(status).unwrap(), b"/b").unwrap();
            assert_eq!(next.method, "GET");
            assert!(matches!(next.body, RequestBody::Empty));
            assert_eq!(names(&next), ["authorization", "cookie", "cookie2", "x-other"]);
            assert!(next.trusted);
        }
        let mut head = hop("HEAD");
        head.follow(StatusCode::SEE_OTHER, b"/b").unwrap();
        assert_eq!(head.method, "HEAD");
    }

    #[test]
    fn the_body_is_kept_on_307_and_308_unless_it_was_a_stream() {
        for status in [307, 308] {
            let status = StatusCode::from_u16(status).unwrap();
            let mut next = hop("POST");
            next.follow(status, b"/b").unwrap();
            assert_eq!(next.method, "POST");
            assert!(matches!(next.body, RequestBody::Whole(_)));
            let mut spent = Hop { spent: true, ..hop("POST") };
            assert_eq!(spent.follow(status, b"/b"), Err(BadRedirect::Body));
        }
    }

    #[test]
    fn credentials_are_dropped_on_another_origin_and_stay_dropped() {
        for location in ["https://other.example/", "https://example.com:8443/", "//www.example.com/"] {
            let mut next = hop("GET");
            next.follow(StatusCode::FOUND, location.as_bytes()).unwrap();
            assert_eq!(names(&next), ["content-type", "x-other"], "{location}");
            next.follow(StatusCode::FOUND, b"https://example.com/a").unwrap();
            assert!(!next.trusted);
        }
    }

    #[test]
    fn no_redirect_leads_from_https_to_http() {
        assert_eq!(hop("GET").follow(StatusCode::FOUND, b"http://example.com/"), Err(BadRedirect::Downgrade));
        assert!(matches!(
            hop("GET").follow(StatusCode::FOUND, b"file:///etc/passwd"),
            Err(BadRedirect::Location(_))
        ));
        assert!(matches!(hop("GET").follow(StatusCode::FOUND, b"/\xff"), Err(BadRedirect::Location(_))));
    }

    #[test]
    fn only_redirects_with_a_location_are_followed() {
        let mut headers = HeaderMap::new();
        assert_eq!(location(StatusCode::FOUND, &headers), None);
        headers.insert(LOCATION, HeaderValue::from_static("/b"));
        assert_eq!(location(StatusCode::FOUND, &headers), Some(&b"/b"[..]));
        for status in [200, 300, 304, 305, 306] {
            assert_eq!(location(StatusCode::from_u16(status).unwrap(), &headers), None, "{status}");
        }
    }
}
