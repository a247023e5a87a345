//! `ringfence verify`: checks every file of the store, and reports damage.

use std::process::ExitCode;

use bytesize::ByteSize;
use indicatif::ProgressBar;
use serde_json::json;

use super::answer;
use crate::args::Common;
use crate::output::{self, Refused, print};
use crate::{exit, load};

pub(crate) fn verify(args: &Common) -> ExitCode {
    answer(args.json, exec(args))
}

fn exec(args: &Common) -> Result<ExitCode, Refused> {
    let store = load::store(&args.store)?;
    let bar = ProgressBar::new(0);
    let found = store.verify(|done, total| {
        bar.set_length(total);
        bar.set_position(done);
    });
    bar.finish_and_clear();
    let found = found?;
    if args.json {
        let mut value = serde_json::to_value(&found).unwrap_or_default();
        if let Some(value) = value.as_object_mut() {
            value.insert("ok".into(), json!(found.is_sound()));
        }
        output::print_json(&value);
    } else {
        for finding in &found.findings {
            let problem = serde_json::to_value(finding.problem).unwrap_or_default();
            print(&format!(
                "{:9} {}: {}",
                problem.as_str().unwrap_or_default(),
                finding.path,
                finding.message
            ));
            if !finding.skills.is_empty() {
                print(&format!("          used by: {}", finding.skills.join(", ")));
            }
            print(&format!("          {}", finding.next));
        }
        let failures = found.findings.iter().filter(|finding| finding.problem.is_failure()).count();
        print(&format!(
            "{}: {} skills, {} components, {} artifacts, {} read",
            match failures {
                0 => "no problems".to_owned(),
                1 => "1 problem".to_owned(),
                _ => format!("{failures} problems"),
            },
            found.skills,
            found.components,
            found.artifacts,
            ByteSize::b(found.bytes).display().iec(),
        ));
    }
    Ok(if found.is_sound() { ExitCode::SUCCESS } else { ExitCode::from(exit::UNSOUND) })
}
