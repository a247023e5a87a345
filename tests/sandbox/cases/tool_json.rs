//! A tool as JSON: the same members in every program that lists tools.

use ringfence::{Allocator, SchemaStyle, ToolDetail};
use ringfence_sandbox_tests::host;
use serde_json::{Value, json};

/// Two tools with texts, of which one can fail.
const JSON_QUERY: &[u8] = include_bytes!("../../../skills/json-query.wasm");
const TEXT_STATS: &[u8] = include_bytes!("../../../skills/text-stats.wasm");

fn members(tool: &Value) -> Vec<&str> {
    let mut members: Vec<&str> = tool.as_object().expect("an object").keys().map(String::as_str).collect();
    members.sort_unstable();
    members
}

#[test]
fn each_detail_has_its_members() {
    for bytes in [JSON_QUERY, TEXT_STATS] {
        let skill = host(Allocator::OnDemand).validate(bytes).expect("valid");
        for tool in skill.tools() {
            let shown = |detail| serde_json::to_value(tool.shown(detail, SchemaStyle::Exact)).expect("JSON");
            let contract = ["description", "failure", "name", "parameters", "result"];
            assert_eq!(members(&shown(ToolDetail::Contract)), contract);
            let mut call = [&contract[..], &["full_name", "signature"]].concat();
            call.sort_unstable();
            assert_eq!(members(&shown(ToolDetail::Call)), call);
            let mut full = [&call[..], &["annotations", "examples", "interface"]].concat();
            full.sort_unstable();
            assert_eq!(members(&shown(ToolDetail::Full)), full);
        }
    }
}

#[test]
fn members_equal_the_values_of_the_tool() {
    for bytes in [JSON_QUERY, TEXT_STATS] {
        let skill = host(Allocator::OnDemand).validate(bytes).expect("valid");
        for (tool, style) in skill.tools().flat_map(|tool| SchemaStyle::ALL.map(|style| (tool, style))) {
            let expected = json!({
                "name": tool.name(),
                "full_name": tool.full_name(),
                "interface": tool.interface(),
                "signature": tool.signature(),
                "description": tool.description(),
                "parameters": tool.parameters_schema_as(style),
                "result": tool.result_schema_as(style),
                "failure": tool.failure_schema_as(style),
                "annotations": tool.annotations(),
                "examples": tool.examples(),
            });
            let shown = serde_json::to_string(&tool.shown(ToolDetail::Full, style)).expect("JSON");
            assert_eq!(shown, expected.to_string());
            if style == SchemaStyle::Exact {
                assert_eq!(serde_json::to_string(&tool).expect("JSON"), shown);
            }
        }
    }
}
