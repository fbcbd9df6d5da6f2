//! Requests to a provider's API: bounded, without redirects, and with every end told apart.
//!
//! No error and no log has the address asked: it may hold a key. A body is read to [`BODY_BYTES_MAX`] and no further.

use std::time::Duration;

use reqwest::header::{DATE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Client, Method, StatusCode, Url};
use serde::de::DeserializeOwned;
use slipstream_streams::record::derive_id;
use uuid::Uuid;

use super::error::ProviderError;

/// Largest body that is read; no documented answer comes near.
pub const BODY_BYTES_MAX: usize = 8 * 1024 * 1024;
/// For a connection to come about; the answer has the attempt's own time.
const CONNECT: Duration = Duration::from_secs(5);
/// Providers refuse what does not say who it is.
const USER_AGENT: &str = concat!("slipstream/", env!("CARGO_PKG_VERSION"));
/// Characters of a provider's own words that are shown.
const REASON_MAX: usize = 80;

/// A provider's address or settings that no client can be made of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub String);

/// A provider's API.
#[derive(Debug, Clone)]
pub(crate) struct Http {
    client: Client,
    base: Url,
}

impl Http {
    /// The API at `base`, such as `https://api.example.org/v1`.
    pub(crate) fn new(base: &str) -> Result<Self, Unusable> {
        let url: Url = base.parse().map_err(|e| Unusable(format!("`{base}`: {e}")))?;
        if !["http", "https"].contains(&url.scheme()) {
            return Err(Unusable(format!("`{base}`: neither http nor https")));
        }
        let builder = Client::builder().redirect(reqwest::redirect::Policy::none()).connect_timeout(CONNECT);
        let client = builder.user_agent(USER_AGENT).build();
        Ok(Self { client: client.map_err(|e| Unusable(e.without_url().to_string()))?, base: url })
    }

    /// An address below the base; parts and values are escaped.
    pub(crate) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Url {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(path);
        }
        // A plus means itself in a path; some servers read a blank.
        url.set_path(&url.path().replace('+', "%2B"));
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        url
    }

    /// Asks.
    pub(crate) async fn get(&self, url: Url, headers: &[(&'static str, &str)]) -> Result<Reply, ProviderError> {
        self.send(Method::GET, url, headers, None).await
    }

    /// Sends a form.
    pub(crate) async fn post_form(&self, url: Url, form: &[(&str, &str)]) -> Result<Reply, ProviderError> {
        let mut encoded = url.clone();
        encoded.query_pairs_mut().clear().extend_pairs(form);
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, url, &headers, Some(encoded.query().unwrap_or_default().to_owned())).await
    }

    async fn send(
        &self,
        method: Method,
        url: Url,
        headers: &[(&'static str, &str)],
        body: Option<String>,
    ) -> Result<Reply, ProviderError> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value)
                .map_err(|_| ProviderError::Refused { reason: format!("{name}: not a header's value") })?;
            value.set_sensitive(true);
            map.insert(HeaderName::from_static(name), value);
        }
        let request = self.client.request(method, url).headers(map);
        let request = match body {
            Some(body) => request.body(body),
            None => request,
        };
        let response = request.send().await.map_err(|error| broken(&error))?;
        Reply::read(response).await
    }
}

/// What of a failed exchange may be said.
fn broken(error: &reqwest::Error) -> ProviderError {
    let reason = match error {
        error if error.is_timeout() => "connection timed out",
        error if error.is_connect() => "no connection",
        error if error.is_body() || error.is_decode() => "answer broke off",
        _ => "exchange broke off",
    };
    ProviderError::Unavailable { reason: reason.to_owned() }
}

/// An answer, whatever it says.
#[derive(Debug)]
pub(crate) struct Reply {
    /// Status.
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

impl Reply {
    async fn read(mut response: reqwest::Response) -> Result<Self, ProviderError> {
        let (status, headers, mut body) = (response.status(), response.headers().clone(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| broken(&error))? {
            if body.len() + chunk.len() > BODY_BYTES_MAX {
                return Err(ProviderError::malformed("body", format_args!("more than {BODY_BYTES_MAX} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(Self { status, headers, body })
    }

    /// A header's text.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as JSON, of an answer that is one.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, ProviderError> {
        serde_json::from_slice(&self.body).map_err(|error| {
            // The message of a wrong value quotes it, and a value may be anybody's.
            ProviderError::malformed(
                "body",
                format_args!("line {}, column {}: {:?}", error.line(), error.column(), error.classify()),
            )
        })
    }

    /// The body is empty.
    pub(crate) fn is_empty(&self) -> bool {
        self.body.is_empty()
    }

    /// The id of the body as `source` sent it.
    pub(crate) fn id(&self, source: &str) -> Uuid {
        derive_id(&[source.as_bytes(), &self.body])
    }

    /// The answer if it is one, by the meaning that most providers give to a status; `reason` finds their own short word for it.
    pub(crate) fn accepted(self, reason: impl Fn(&Self) -> Option<String>) -> Result<Self, ProviderError> {
        if self.status.is_success() {
            return Ok(self);
        }
        let said = reason(&self).map_or_else(String::new, |reason| format!(": {}", shown(&reason)));
        let reason = format!("HTTP {}{said}", self.status.as_u16());
        Err(match self.status.as_u16() {
            401 | 403 => ProviderError::Authentication { reason },
            404 | 410 => ProviderError::NotFound,
            429 => ProviderError::RateLimited { retry_after: self.retry_after() },
            408 | 500..=599 => ProviderError::Unavailable { reason },
            _ => ProviderError::Refused { reason },
        })
    }

    /// `Retry-After`: seconds, or a date against the date of the answer itself, whatever our clock shows.
    pub(crate) fn retry_after(&self) -> Option<Duration> {
        let text = self.header(RETRY_AFTER.as_str())?;
        if let Ok(seconds) = text.trim().parse() {
            return Some(Duration::from_secs(seconds));
        }
        let instant = |text: &str| jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp());
        let wait = instant(text)?.duration_since(instant(self.header(DATE.as_str())?)?);
        Some(Duration::try_from(wait).unwrap_or_default())
    }
}

/// A provider's word, short and printable.
fn shown(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(REASON_MAX).collect()
}

/// An instant as providers write it: ISO 8601 with `Z` or an offset, with or without seconds.
pub(crate) fn instant(text: &str) -> Option<i64> {
    text.trim().parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_millisecond)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_read_as_every_provider_writes_them() {
        let expected = Some(1_795_254_900_000);
        let texts = [
            "2026-11-21T09:55:00Z",
            "2026-11-21T09:55Z",
            "2026-11-21T10:55+01:00",
            "2026-11-21T10:55:00.000+01:00",
            "2026-11-21 09:55:00.000Z",
        ];
        for text in texts {
            assert_eq!(instant(text), expected, "{text}");
        }
        for text in ["", "2026-11-21", "2026-11-21T09:55", "2026-13-21T09:55Z", "9:55Z", "soon"] {
            assert_eq!(instant(text), None, "{text}");
        }
    }

    #[test]
    fn parts_of_an_address_cannot_leave_their_place() {
        let http = Http::new("http://127.0.0.1:1/v1/").unwrap();
        let url = http.url(&["flights", "../a?b#c/d"], &[("q", "x&y=z")]);
        assert_eq!(url.as_str(), "http://127.0.0.1:1/v1/flights/..%2Fa%3Fb%23c%2Fd?q=x%26y%3Dz");
        for base in ["", "x", "file:///etc/passwd", "ftp://host"] {
            assert!(Http::new(base).is_err(), "{base}");
        }
    }
}
