//! Does what `promises.py` asks for.

/// What a skill of any language prints, sees and fails with.
#[ringfence_skill::skill]
mod tools {
    fn crash() {
        panic!("it broke");
    }

    /// Does what `promises.py` asks for.
    pub fn probe(what: String) -> Result<String, String> {
        match &*what {
            "out" => println!("to {}", "out"),
            "err" => eprintln!("to err"),
            "unfinished" => print!("no line break"),
            "tab" => println!("a\tb"),
            "print and crash" => {
                print!("before");
                crash();
            }
            "crash" => crash(),
            "fail" => return Err("mine".to_owned()),
            "time" => return Ok(ringfence_skill::clock::since_1970().as_secs().to_string()),
            "random" => {
                let mut bytes = [0; 11];
                ringfence_skill::random::fill(&mut bytes);
                return Ok(format!("{} {bytes:?}", ringfence_skill::random::number()));
            }
            _ => {}
        }
        Ok("done".to_owned())
    }
}
