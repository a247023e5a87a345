//! What a skill requests, which of the operator's grants give it, and what is missing.

use ringfence::{Manifest, SkillDescription, text};
use ringfence_capabilities::{Capabilities, GrantRequest};
use ringfence_policy::{Origin, Policy, RequestedHttp, RuleId, Subject};
use ringfence_server::Source;
use serde_json::{Value, json};

use crate::args::RuleArgs;
use crate::exit;
use crate::output::{Refused, print};

/// The requests of a skill beside the rules that give them.
pub(crate) struct Requests {
    policy: Policy,
    requests: Vec<GrantRequest>,
    /// Hosts of the manifest that no grant can name.
    no_hosts: Vec<String>,
}

/// The grants to hold requests against: those of the command line, or those of a server's configuration.
pub(crate) fn rules(args: &RuleArgs) -> Result<Policy, Refused> {
    let Some(file) = &args.config else {
        return Policy::new(Origin::CommandLine, args.grants.clone()).map_err(|error| Refused {
            exit: exit::CALL,
            code: "invalid-grant",
            ..Refused::fault(error.to_string())
        });
    };
    let config = (Source { file: file.clone(), address: None, store: None }).read();
    let config = config.map_err(|error| Refused {
        exit: exit::USAGE,
        code: "bad-config",
        ..Refused::fault(error.to_string())
    })?;
    Ok(config.grant.clone())
}

impl Requests {
    pub(crate) fn of(skill: &SkillDescription, subject: Subject, policy: Policy) -> Self {
        let of_skill = Subject { principal: None, ..subject.clone() };
        let capabilities = Capabilities::new(policy.clone());
        let prepared = capabilities.prepare(skill.imports(), skill.manifest(), of_skill);
        Self {
            policy,
            requests: prepared.requests(subject.principal.as_deref()).to_vec(),
            no_hosts: no_hosts(skill.manifest()),
        }
    }

    /// The lists that the HTTP API and MCP show, the rules, and the options that would add what is missing.
    pub(crate) fn json(&self) -> Value {
        let needs = |missing: bool| {
            let some = self.requests.iter().filter(|request| request.is_missing() == missing);
            some.map(|request| request.need.to_string()).collect::<Vec<_>>()
        };
        let requested = self.requests.iter().map(|request| request.need.to_string());
        let rules = self.policy.grants().filter(|(id, _)| self.uses(*id));
        let rules: Vec<Value> =
            rules.map(|(id, grant)| json!({"rule": id.to_string(), "allow": grant.to_string()})).collect();
        let add = self.requests.iter().filter(|request| request.is_missing());
        let add: Vec<String> = add.map(|request| request.need.to_option()).collect();
        json!({
            "requested": requested.chain(self.no_hosts.clone()).collect::<Vec<_>>(),
            "granted": needs(false),
            "missing": needs(true).into_iter().chain(self.no_hosts.clone()).collect::<Vec<_>>(),
            "rules": rules,
            "add": add,
        })
    }

    fn uses(&self, rule: RuleId) -> bool {
        self.requests.iter().any(|request| request.granted_by.contains(&rule))
    }

    /// Prints a line for each request.
    pub(crate) fn show(&self) {
        for GrantRequest { need, granted_by, .. } in &self.requests {
            let state = match granted_by.as_slice() {
                [] => format!("missing; add {}", need.to_option()),
                rules => format!("granted by {}", self.lines(rules)),
            };
            print(&format!("requests {:<28} {state}", text::clean(&need.to_string(), 256)));
        }
        for line in &self.no_hosts {
            print(&format!("requests {:<28} missing; no grant can name this host", text::clean(line, 256)));
        }
    }

    fn lines(&self, rules: &[RuleId]) -> String {
        let line = |rule: &RuleId| {
            let grant = self.policy.grants().find(|(id, _)| id == rule);
            grant.map(|(id, grant)| format!("{id} ({grant})"))
        };
        rules.iter().filter_map(line).collect::<Vec<_>>().join(", ")
    }
}

fn no_hosts(manifest: &Manifest) -> Vec<String> {
    let hosts = manifest.grants.http.iter();
    hosts.filter(|host| host.parse::<RequestedHttp>().is_err()).map(|host| format!("http {host}")).collect()
}
