//! OAuth 2.0 client credentials (RFC 6749, section 4.4): a token that is there when it is needed.
//!
//!     call ─► token still good? ──no──► fetch one, once for all who wait ─► call ─► refused? forget it, fetch, call once more
//!
//! Keeps one token, renewed before its time is over. Neither id, secret nor token is ever shown.

use std::future::Future;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::error::ProviderError;
use super::http::Http;
use super::secret::Secret;

/// A token is renewed this long before its end, or at nine tenths of a shorter life.
const EARLY: Duration = Duration::from_secs(60);
/// Longest life that is believed.
const LIFE_MAX: Duration = Duration::from_hours(36);

/// Who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Client id.
    pub id: Secret,
    /// Client secret.
    pub secret: Secret,
}

#[derive(Debug, Deserialize)]
struct Grant {
    access_token: Secret,
    expires_in: u64,
}

#[derive(Debug)]
struct Token {
    bearer: Secret,
    good_until: Instant,
}

/// The tokens of one provider.
#[derive(Debug)]
pub(crate) struct Tokens {
    http: Http,
    url: Url,
    credentials: Credentials,
    current: Mutex<Option<Token>>,
}

impl Tokens {
    /// Tokens that `url` gives to these credentials.
    pub(crate) fn new(http: Http, url: Url, credentials: Credentials) -> Self {
        Self { http, url, credentials, current: Mutex::new(None) }
    }

    /// Makes a call with a token; once more with a new one when the provider refuses it.
    pub(crate) async fn authorised<T, F>(&self, call: impl Fn(String) -> F) -> Result<T, ProviderError>
    where
        F: Future<Output = Result<T, ProviderError>>,
    {
        let bearer = self.bearer().await?;
        match call(header(&bearer)).await {
            Err(ProviderError::Authentication { .. }) => {}
            answer => return answer,
        }
        self.forget(&bearer).await;
        call(header(&self.bearer().await?)).await
    }

    /// The lock is held while a token is fetched: all who wait get that one.
    async fn bearer(&self) -> Result<Secret, ProviderError> {
        let mut current = self.current.lock().await;
        if let Some(token) = current.as_ref().filter(|token| Instant::now() < token.good_until) {
            return Ok(token.bearer.clone());
        }
        let token = self.fetch().await?;
        let bearer = token.bearer.clone();
        *current = Some(token);
        Ok(bearer)
    }

    async fn fetch(&self) -> Result<Token, ProviderError> {
        let form = [
            ("grant_type", "client_credentials"),
            ("client_id", self.credentials.id.reveal()),
            ("client_secret", self.credentials.secret.reveal()),
        ];
        let begun = Instant::now();
        let reply = self.http.post_form(self.url.clone(), &form).await?.accepted(|_| None);
        let grant: Grant = reply.map_err(refused)?.json()?;
        let life = Duration::from_secs(grant.expires_in).min(LIFE_MAX);
        Ok(Token { bearer: grant.access_token, good_until: begun + life.saturating_sub(EARLY).max(life * 9 / 10).min(life) })
    }

    /// Forgets a token, unless somebody has already fetched another.
    async fn forget(&self, bearer: &Secret) {
        let mut current = self.current.lock().await;
        if current.as_ref().is_some_and(|token| token.bearer == *bearer) {
            *current = None;
        }
    }
}

/// A client or its secret that is not known: RFC 6749 says 400 or 401.
fn refused(error: ProviderError) -> ProviderError {
    match error {
        ProviderError::Refused { reason } => ProviderError::Authentication { reason },
        other => other,
    }
}

fn header(bearer: &Secret) -> String {
    format!("Bearer {}", bearer.reveal())
}
