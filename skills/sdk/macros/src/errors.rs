//! Errors: all of them are kept, so that an author sees them at once.

use proc_macro2::Span;
use quote::ToTokens;
use syn::Error;

#[derive(Debug, Default)]
pub(crate) struct Errors(Option<Error>);

impl Errors {
    pub(crate) fn add(&mut self, span: Span, message: impl core::fmt::Display) {
        self.push(Error::new(span, message));
    }

    /// An error under the whole of `tokens`.
    pub(crate) fn at(&mut self, tokens: impl ToTokens, message: impl core::fmt::Display) {
        self.push(Error::new_spanned(tokens, message));
    }

    fn push(&mut self, error: Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            None => self.0 = Some(error),
        }
    }

    /// The errors, if there are any.
    pub(crate) fn finish(self) -> Option<Error> {
        self.0
    }
}
