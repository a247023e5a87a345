//! Text of Go, a line after the other, indented.

#[derive(Default)]
pub(super) struct Code {
    text: String,
    depth: usize,
}

impl Code {
    /// A line that belongs to a deeper block from here on if it ends in an open brace, and to an outer one if it
    /// begins with a closing one.
    pub(super) fn line(&mut self, line: impl AsRef<str>) {
        let line = line.as_ref();
        if line.starts_with(['}', ')']) {
            self.depth = self.depth.saturating_sub(1);
        }
        let outdented = usize::from(line.starts_with("case ") || line.starts_with("default:"));
        if !line.is_empty() {
            self.text.extend(std::iter::repeat_n('\t', self.depth.saturating_sub(outdented)));
        }
        self.text.push_str(line);
        self.text.push('\n');
        if line.ends_with(['{', '(']) {
            self.depth = self.depth.saturating_add(1);
        }
    }

    /// The other branch of an `if`.
    pub(super) fn line_else(&mut self) {
        self.line("} else {");
    }

    /// A comment for a declaration: `name`, then the documentation.
    pub(super) fn docs(&mut self, docs: Option<&str>) {
        for line in docs.unwrap_or_default().trim_end().lines() {
            let line = line.trim_end();
            self.line(if line.is_empty() { "//".to_owned() } else { format!("// {line}") });
        }
    }

    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Appends `other`, with its own indentation.
    pub(super) fn append(&mut self, other: &Self) {
        self.text.push_str(&other.text);
    }
}
