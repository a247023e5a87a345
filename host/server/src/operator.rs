//! What the operator set and reads: configuration, tokens, grants, metrics. A reload replaces the first three.

use std::sync::Arc;

use arc_swap::ArcSwap;
use ringfence_store::Token;
use tokio::sync::Mutex;

use crate::config::Config;
use crate::grants::Granting;
use crate::librarian::Librarian;
use crate::metrics::Metrics;
use crate::principal::Tokens;

/// What the operator set and reads.
#[derive(Debug)]
pub(crate) struct Operator {
    pub(crate) config: Arc<ArcSwap<Config>>,
    pub(crate) tokens: ArcSwap<Tokens>,
    pub(crate) metrics: Arc<Metrics>,
    /// The grants of capabilities to skills.
    pub(crate) granting: Granting,
    /// Held from a read of the tokens until they are in use, so that a slower, older read never replaces a newer one.
    reading_tokens: Mutex<()>,
    /// Held from a read of the configuration until it is in use, for the same reason.
    pub(crate) reloading: Mutex<()>,
}

impl Operator {
    pub(crate) fn new(config: Config, tokens: Tokens, granting: Granting) -> Self {
        Self {
            config: Arc::new(ArcSwap::from_pointee(config)),
            tokens: ArcSwap::from_pointee(tokens),
            metrics: Metrics::new(),
            granting,
            reading_tokens: Mutex::new(()),
            reloading: Mutex::new(()),
        }
    }

    /// Warns about settings without effect, such as those of a misspelt owner.
    pub(crate) async fn warn_of_no_effect(&self, librarian: &Librarian) {
        // A store that cannot be read is logged by whoever needs it.
        let Ok(known) = librarian.known().await else { return };
        for reason in self.config.load_full().without_effect(&known) {
            tracing::warn!(reason = reason.as_str(), "a setting has no effect");
        }
    }

    /// Reads the tokens again. Keeps the earlier ones if that fails.
    pub(crate) async fn reload_tokens(&self, librarian: &Librarian) {
        let _reading = self.reading_tokens.lock().await;
        let tokens = match librarian.tokens().await {
            Ok(tokens) => tokens,
            Err(error) => {
                tracing::error!(
                    error = error.to_string().as_str(),
                    "cannot read the tokens; the ones in memory stay valid"
                );
                return;
            }
        };
        let before = self.tokens.load_full();
        if before.are(&tokens) {
            return;
        }
        let known = tokens.len();
        log_tokens(&before, &tokens);
        match Tokens::new(tokens, Some(&before), &self.config.load().quota) {
            Ok(tokens) => {
                self.tokens.store(Arc::new(tokens));
                librarian.changed();
                tracing::info!(tokens = known, "tokens loaded");
            }
            Err(error) => tracing::error!(error = error.to_string().as_str(), "cannot use the tokens"),
        }
    }

    /// Replaces the configuration, except what cannot change while the server runs.
    pub(crate) async fn reconfigure(&self, new: Config, librarian: &Librarian) {
        let before = self.config.load_full();
        let fixed = before.fixed_differences(&new);
        if !fixed.is_empty() {
            tracing::warn!(keys = fixed.join(", "), "a changed setting takes effect only after a restart");
        }
        let changed = before.changed_sections(&new);
        {
            let _reading = self.reading_tokens.lock().await;
            self.tokens.load().set_quota(&new.quota);
            self.config.store(Arc::new(new));
        }
        self.warn_of_no_effect(librarian).await;
        librarian.changed();
        tracing::info!(
            target: "ringfence::changes",
            change = "configuration read",
            sections = changed.join(", "),
            "configuration reloaded"
        );
    }
}

/// Logs the tokens created and revoked since the last read.
fn log_tokens(before: &Tokens, now: &[Token]) {
    for token in now {
        let change = match (before.token(&token.id), token.revoked) {
            (Some(known), _) if known == token => continue,
            (_, Some(_)) => "token revoked",
            (None, None) => "token created",
            (Some(_), None) => "token changed",
        };
        let scopes = token.scopes.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
        tracing::info!(
            target: "ringfence::changes",
            token = token.id.as_str(),
            owner = %token.owner,
            scopes,
            change,
            "the store changed"
        );
    }
}
