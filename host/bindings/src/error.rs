//! Errors of generating bindings and making components.

/// An error of generating bindings or making a component.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A function has a type that a skill cannot have.
    #[error("function `{function}`: {what} cannot be bound")]
    Unsupported {
        /// The function, with its interface.
        function: String,
        /// The type: a resource, a stream, ….
        what: String,
    },
    /// The world exports no function, so there would be no tool.
    #[error("world `{world}` exports no function")]
    NothingExported {
        /// The name of the world.
        world: String,
    },
    /// The generator for C failed.
    #[error("no bindings for C: {}", chain(&**.0))]
    C(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The bytes are no core module, or none of this world.
    #[error("no component: {}", chain(&**.0))]
    Component(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Error {
    pub(crate) fn component(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self::Component(error.into())
    }
}

/// Returns the whole chain of causes as one text.
fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
