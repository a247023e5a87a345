//! The functions of the host, as Go functions.

use wit_parser::abi::{AbiVariant, WasmType};
use wit_parser::{Int, Type};

use super::abi::core;
use super::code::Code;
use super::names::parameters;
use super::types::{Failure, Form};
use super::{Generator, Used};

impl Generator<'_> {
    pub(super) fn imports(&mut self, code: &mut Code, imports: &[Used<'_>]) {
        for (index, used) in imports.iter().enumerate() {
            self.import(code, used, index);
        }
    }

    /// The same functions where there is no host.
    pub(super) fn elsewhere(&self, code: &mut Code, imports: &[Used<'_>]) {
        for used in imports {
            let results = self.results(&self.form(used.function.result), true);
            let space = if results.is_empty() { "" } else { " " };
            let name = self.names.of_import(used);
            code.line(format!("func {name}({}){space}{results} {{", self.parameter_list(used, true)));
            code.line("panic(\"there is no host here\")");
            code.line("}");
            code.line("");
        }
    }

    fn import(&mut self, code: &mut Code, used: &Used<'_>, index: usize) {
        self.variables = 0;
        let signature = self.resolve.wasm_signature(AbiVariant::GuestImport, used.function);
        let core_params =
            signature.params.iter().enumerate().map(|(index, ty)| format!("p{index} {}", core(*ty)));
        let core_params = core_params.collect::<Vec<_>>().join(", ");
        let core_result = signature.results.first().copied();
        code.line(format!(
            "//go:wasmimport {} {}",
            used.module.as_deref().unwrap_or("$root"),
            used.function.name
        ));
        let result = core_result.map(|ty| format!(" {}", core(ty))).unwrap_or_default();
        code.line(format!("func abiImport{index}({core_params}){result}"));
        code.line("");

        let form = self.form(used.function.result);
        code.docs(self.documentation(used, &form).as_deref());
        let (name, results) = (self.names.of_import(used).to_owned(), self.results(&form, true));
        let space = if results.is_empty() { "" } else { " " };
        code.line(format!("func {name}({}){space}{results} {{", self.parameter_list(used, true)));
        code.line("a := abiCall()");
        let types: Vec<_> = used.function.params.iter().map(|param| param.ty).collect();
        let mut arguments = Vec::new();
        if signature.indirect_params {
            let size = self.sizes.params(&types).size.size_wasm32();
            code.line(format!("at := a.alloc({size})"));
            for ((ty, offset), name) in types.iter().zip(self.offsets(&types)).zip(parameters(used, true)) {
                self.store(code, *ty, "at", offset, &name);
            }
            arguments.push("abiAddress(at)".to_owned());
        } else {
            for (ty, name) in types.iter().zip(parameters(used, true)) {
                arguments.extend(self.lower(code, *ty, &name));
            }
        }
        let size = used.function.result.map(|ty| self.size(ty)).unwrap_or_default();
        if signature.retptr {
            code.line(format!("ret := a.alloc({size})"));
            arguments.push("abiAddress(ret)".to_owned());
        }
        let call = format!("abiImport{index}({})", arguments.join(", "));
        self.take(code, &form, &call, core_result);
        code.line("a.end()");
        if !results.is_empty() {
            code.line("return");
        }
        code.line("}");
        code.line("");
    }

    /// Calls, and sets `ok` and `err`.
    fn take(&mut self, code: &mut Code, form: &Form, call: &str, core_result: Option<WasmType>) {
        code.line("abiLeave()");
        let flat = if core_result.is_some() {
            let name = self.variable();
            code.line(format!("{name} := {call}"));
            Some(name)
        } else {
            code.line(call);
            None
        };
        code.line("abiEnter()");
        match form {
            Form::Nothing => {}
            Form::Value(ty) => {
                let value = match flat {
                    Some(name) => self.lift(code, *ty, &mut std::iter::once(name)),
                    None => self.load(*ty, "ret", 0),
                };
                code.line(format!("ok = {value}"));
            }
            Form::Result(ok, failure) => {
                let err_type = match failure {
                    Failure::Bool => None,
                    Failure::Text => Some(Type::String),
                    Failure::Variant(ty) | Failure::Pointer(ty) => Some(*ty),
                };
                let offset =
                    self.sizes.payload_offset(Int::U8, [ok.as_ref(), err_type.as_ref()]).size_wasm32();
                let tag = flat.unwrap_or_else(|| "*(*uint8)(ret)".to_owned());
                match (failure, err_type) {
                    (Failure::Bool, _) | (_, None) => code.line(format!("done = {tag} == 0")),
                    (failure, Some(ty)) => {
                        code.line(format!("if {tag} != 0 {{"));
                        let loaded = self.load(ty, "ret", offset);
                        match failure {
                            Failure::Text => code.line(format!("err = abiError({loaded})")),
                            Failure::Pointer(_) => {
                                let name = self.variable();
                                code.line(format!("{name} := {loaded}"));
                                code.line(format!("err = &{name}"));
                            }
                            _ => code.line(format!("err = {loaded}")),
                        }
                        code.line("}");
                    }
                }
                if let Some(ty) = ok {
                    code.line(format!("if {tag} == 0 {{"));
                    let loaded = self.load(*ty, "ret", offset);
                    code.line(format!("ok = {loaded}"));
                    code.line("}");
                }
            }
        }
    }
}
