//! The tools of {{name}}. Every public function of the module is a tool, and agents read its comment.

/// Shouts a text.
#[ringfence_skill::skill]
mod {{snake}} {
    /// Returns the text in capitals, followed by exclamation marks. Fails if the text is empty.
    ///
    /// - `text`: what to shout
    /// - `marks`: number of exclamation marks; default 1
    pub fn shout(text: String, marks: Option<u8>) -> Result<String, String> {
        if text.is_empty() {
            // The tool's own error.
            return Err("the text is empty".to_owned());
        }
        let marks = "!".repeat(usize::from(marks.unwrap_or(1)));
        Ok(format!("{}{marks}", text.to_uppercase()))
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn marks_are_counted() {
            assert_eq!(super::shout("hi".to_owned(), Some(2)), Ok("HI!!".to_owned()));
        }
    }
}
