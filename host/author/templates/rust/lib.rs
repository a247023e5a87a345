//! The tools of {{name}}: every public function of the module is one, and its comments are what an agent reads.

/// Says a text loudly.
#[ringfence_skill::skill]
mod {{snake}} {
    /// The text in capitals, with exclamation marks after it. Fails when the text is empty.
    ///
    /// - `text`: what to shout
    /// - `marks`: how many exclamation marks; one if it is absent
    pub fn shout(text: String, marks: Option<u8>) -> Result<String, String> {
        if text.is_empty() {
            // The tool's own error.
            return Err("there is nothing to shout".to_owned());
        }
        let marks = "!".repeat(usize::from(marks.unwrap_or(1)));
        Ok(format!("{}{marks}", text.to_uppercase()))
    }

    #[cfg(test)]
    mod tests {
        #[test]
        fn as_many_marks_as_are_asked_for() {
            assert_eq!(super::shout("hi".to_owned(), Some(2)), Ok("HI!!".to_owned()));
        }
    }
}
