//! The interface that the author implements, and the functions by which the host calls it.

use wit_parser::abi::AbiVariant;

use super::abi::core;
use super::code::Code;
use super::names::parameters;
use super::types::{Failure, Form};
use super::{Generator, Used};

impl Generator<'_> {
    pub(super) fn interface(&self, code: &mut Code, exports: &[Used<'_>]) {
        code.docs(Some("Exports is what the type Skill, which is yours to write, has to implement."));
        code.line("type Exports interface {");
        for (index, used) in exports.iter().enumerate() {
            if index > 0 {
                code.line("");
            }
            let form = self.form(used.function.result);
            code.docs(self.documentation(used, &form).as_deref());
            let name = self.names.of_export(used);
            code.line(format!(
                "{name}({}){}",
                self.parameter_list(used, false),
                spaced(&self.results(&form, false))
            ));
        }
        code.line("}");
        code.line("");
        code.line("var abiSkill Exports = Skill{}");
        code.line("");
        code.docs(Some("main is not run: the host calls the exported functions."));
        code.line("func main() {}");
        code.line("");
    }

    pub(super) fn exports(&mut self, code: &mut Code, exports: &[Used<'_>]) {
        for (index, used) in exports.iter().enumerate() {
            self.export(code, used, index);
        }
    }

    /// The documentation of a function, and how it fails.
    pub(super) fn documentation(&self, used: &Used<'_>, form: &Form) -> Option<String> {
        let mut docs = used.function.docs.contents.clone().unwrap_or_default().trim_end().to_owned();
        if let Some(note) = self.failure_note(form) {
            if !docs.is_empty() {
                docs.push_str("\n\n");
            }
            docs.push_str(&note);
        }
        (!docs.is_empty()).then_some(docs)
    }

    /// Names and types.
    pub(super) fn parameter_list(&self, used: &Used<'_>, with_body: bool) -> String {
        let typed = parameters(used, with_body)
            .into_iter()
            .zip(&used.function.params)
            .map(|(name, param)| format!("{name} {}", self.go_type(param.ty)));
        typed.collect::<Vec<_>>().join(", ")
    }

    /// The results in Go; `named`: as `ok` and `err`, for code that sets them.
    pub(super) fn results(&self, form: &Form, named: bool) -> String {
        let (ok, err) = match form {
            Form::Nothing => (None, None),
            Form::Value(ty) => (Some(self.go_type(*ty)), None),
            Form::Result(ok, failure) => (ok.map(|ty| self.go_type(ty)), Some(self.failure_type(failure))),
        };
        let name = |name: &str, ty: String| if named { format!("{name} {ty}") } else { ty };
        let parts: Vec<_> = ok
            .map(|ty| name("ok", ty))
            .into_iter()
            .chain(err.map(|ty| name(form.failure_name(), ty)))
            .collect();
        if parts.len() > 1 || (named && !parts.is_empty()) {
            format!("({})", parts.join(", "))
        } else {
            parts.concat()
        }
    }

    fn export(&mut self, code: &mut Code, used: &Used<'_>, index: usize) {
        self.variables = 0;
        let signature = self.resolve.wasm_signature(AbiVariant::GuestExport, used.function);
        let params = signature.params.iter().enumerate().map(|(index, ty)| format!("p{index} {}", core(*ty)));
        let params = params.collect::<Vec<_>>().join(", ");
        let result = signature.results.first().map_or("", |ty| core(*ty));
        let core_name = match &used.module {
            Some(module) => format!("{module}#{}", used.function.name),
            None => used.function.name.clone(),
        };
        code.line(format!("//go:wasmexport {core_name}"));
        code.line(format!("func abiExport{index}({params}){} {{", spaced(result)));

        code.line("abiEnter()");
        let types: Vec<_> = used.function.params.iter().map(|param| param.ty).collect();
        let mut arguments = Vec::new();
        let mut flat = (0..signature.params.len()).map(|index| format!("p{index}"));
        if signature.indirect_params {
            code.line("at := abiPointer(p0)");
        }
        for (ty, offset) in types.iter().zip(self.offsets(&types)) {
            let lifted = if signature.indirect_params {
                self.load(*ty, "at", offset)
            } else {
                self.lift(code, *ty, &mut flat)
            };
            // Lifted before the memory of the parameters is let go.
            let name = self.variable();
            code.line(format!("{name} := {lifted}"));
            arguments.push(name);
        }
        let call = format!("abiSkill.{}({})", self.names.of_export(used), arguments.join(", "));
        let form = self.form(used.function.result);
        self.give_back(code, used, &form, &call, signature.retptr);
        code.line("}");
        code.line("");
    }

    fn give_back(&mut self, code: &mut Code, used: &Used<'_>, form: &Form, call: &str, in_memory: bool) {
        let Some(result) = used.function.result else {
            code.line("abiResults()");
            code.line(call);
            code.line("abiLeave()");
            return;
        };
        code.line(if in_memory { "a := abiResults()" } else { "abiResults()" });
        let size = self.size(result);
        match form {
            Form::Nothing => {}
            Form::Value(ty) => {
                let value = self.variable();
                code.line(format!("{value} := {call}"));
                if in_memory {
                    code.line(format!("ret := a.alloc({size})"));
                    self.store(code, *ty, "ret", 0, &value);
                    code.line("abiLeave()");
                    code.line("return abiAddress(ret)");
                } else {
                    let flat = self.lower(code, *ty, &value);
                    let name = self.variable();
                    code.line(format!("{name} := {}", flat.concat()));
                    code.line("abiLeave()");
                    code.line(format!("return {name}"));
                }
            }
            Form::Result(ok, failure) => {
                let names = if ok.is_some() { "ok, " } else { "" };
                code.line(format!("{names}{} := {call}", form.failure_name()));
                let failed = if matches!(failure, Failure::Bool) { "!done" } else { "err != nil" };
                if !in_memory {
                    code.line("abiLeave()");
                    code.line(format!("return abiBool({failed})"));
                    return;
                }
                let err = match failure {
                    Failure::Bool => None,
                    Failure::Text => Some((wit_parser::Type::String, "err.Error()")),
                    Failure::Variant(ty) => Some((*ty, "err")),
                    Failure::Pointer(ty) => Some((*ty, "(*err)")),
                };
                let payloads = [ok.as_ref(), err.as_ref().map(|(ty, _)| ty)];
                let offset = self.sizes.payload_offset(wit_parser::Int::U8, payloads).size_wasm32();
                code.line(format!("ret := a.alloc({size})"));
                code.line(format!("if {failed} {{"));
                code.line("*(*uint8)(ret) = 1");
                if let Some((ty, value)) = err {
                    self.store(code, ty, "ret", offset, value);
                }
                if let Some(ty) = ok {
                    code.line_else();
                    self.store(code, *ty, "ret", offset, "ok");
                }
                code.line("}");
                code.line("abiLeave()");
                code.line("return abiAddress(ret)");
            }
        }
    }
}

fn spaced(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!(" {text}") }
}
