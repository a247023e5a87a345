//! How tools are listed over MCP: schemas by the configuration, and names that every vendor takes.

use ringfence::{Host, HostConfig, SchemaStyle, ToolDetail};
use ringfence_server_tests::mcp::{ask, ask_older};
use ringfence_server_tests::{Plan, Request};
use serde_json::{Value, json};

use super::plan;

/// Gives back a tuple, of which clients know little; its parameter has two words.
const POINTS: &str = r#"(component
  (core module $m
    (memory (export "memory") 1)
    (func (export "point") (param i64 f32) (result i32)
      (i64.store (i32.const 16) (local.get 0))
      (f32.store (i32.const 24) (local.get 1))
      (i32.const 16)))
  (core instance $i (instantiate $m))
  (alias core export $i "memory" (core memory $memory))
  (func (export "point") (param "the-point" (tuple u64 f32)) (result (tuple u64 f32))
    (canon lift (core func $i "point") (memory $memory))))"#;

fn points(schema: &str) -> Plan {
    plan().config(&format!("[mcp]\nschema = \"{schema}\"")).skill("points", POINTS)
}

fn only(list: &Value) -> &Value {
    assert_eq!(list["tools"].as_array().map(Vec::len), Some(1), "{list}");
    &list["tools"][0]
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_listed_in_the_portable_style_by_default() {
    let site = plan().skill("points", POINTS).start().await;
    let list = ask(&site.client(), "tools/list", json!({})).await;
    let input = &only(&list)["inputSchema"];
    assert_eq!(input["required"], json!(["the_point"]));
    let point = &input["properties"]["the_point"];
    assert_eq!((&point["type"], &point["minItems"]), (&json!("array"), &json!(2)));
    assert_eq!(point.get("prefixItems"), None);

    for style in ["openai", "anthropic", "gemini"] {
        let site = points(style).start().await;
        let list = ask(&site.client(), "tools/list", json!({})).await;
        let input = &only(&list)["inputSchema"];
        assert!(input["properties"]["the_point"].is_object(), "{style}: {input}");
        assert_eq!(input.get("additionalProperties").is_some(), style != "gemini", "{input}");
    }
    let site = points("exact").start().await;
    let list = ask(&site.client(), "tools/list", json!({})).await;
    let input = &only(&list)["inputSchema"];
    assert!(input["properties"]["the-point"]["prefixItems"].is_array(), "{input}");
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_the_same_whatever_is_listed_and_results_are_valid() {
    for style in ["portable", "exact"] {
        let site = points(style).start().await;
        for (name, older) in
            [("the-point", false), ("the_point", false), ("the-point", true), ("the_point", true)]
        {
            let call = json!({"name": "points_point", "arguments": {name: ["18446744073709551615", "NaN"]}});
            let client = site.client();
            let (list, result) = if older {
                (
                    ask_older(&client, "tools/list", json!({})).await,
                    ask_older(&client, "tools/call", call).await,
                )
            } else {
                (ask(&client, "tools/list", json!({})).await, ask(&client, "tools/call", call).await)
            };
            let value = &result["structuredContent"];
            let written = json!(["18446744073709551615", "NaN"]);
            assert_eq!(*value, if older { json!({"result": written}) } else { written }, "{result}");
            let schema = &only(&list)["outputSchema"];
            assert!(jsonschema::is_valid(schema, value), "{style}: {schema} refuses {value}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skill_is_shown_with_schemas_in_the_requested_style() {
    let site = plan().skill("points", POINTS).start().await;
    let shown =
        async |query: &str| site.client().send(Request::get(&format!("/v1/skills/points{query}"))).await;
    for (query, name) in
        [("", "the-point"), ("?schema=exact", "the-point"), ("?schema=portable", "the_point")]
    {
        let parameters = &shown(query).await.json()["tools"][0]["parameters"];
        assert_eq!(parameters["required"], json!([name]), "{query}");
    }
    for query in ["?schema=strict", "?schema=", "?style=exact"] {
        let answer = shown(query).await;
        assert_eq!(answer.status, 400, "{query}: {}", answer.text());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_skill_shows_its_tools_as_every_list_does() {
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../skills/json-query.wasm"))
        .expect("it is there");
    let host = Host::new(HostConfig::pooled().with_runs(1)).expect("a host");
    let skill = host.validate(bytes.clone()).expect("valid");
    let site = plan().bytes("json-query", bytes).start().await;
    for style in SchemaStyle::ALL {
        let shown =
            site.client().send(Request::get(&format!("/v1/skills/json-query?schema={style}"))).await.json();
        let mut tools = shown["tools"].as_array().expect("tools").clone();
        for tool in &mut tools {
            let members = tool.as_object_mut().expect("an object");
            assert!(members.remove("mcp_name").is_some_and(|name| name.is_string()), "{shown}");
        }
        let expected: Vec<Value> = skill
            .tools()
            .map(|tool| {
                let mut expected = serde_json::to_value(tool.shown(ToolDetail::Call, style)).expect("JSON");
                // The API leaves out what a tool does not have.
                expected.as_object_mut().expect("an object").retain(|_, member| !member.is_null());
                expected
            })
            .collect();
        assert_eq!(tools, expected, "{style}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn names_of_64_characters_are_listed_whole_and_longer_ones_cut() {
    let wat = |tool: &str| {
        format!(
            r#"(component (core module $m (func (export "f") (result i32) (i32.const 7)))
                 (core instance $i (instantiate $m))
                 (func (export "{tool}") (result u32) (canon lift (core func $i "f"))))"#
        )
    };
    // `a` and the `_` take two; the skill of 63 leaves no room for a tool.
    let (fits, long) = ("f".repeat(62), "f".repeat(63));
    let name: &'static str = "a23456789-23456789-23456789-23456789-23456789-23456789-23456789";
    assert_eq!(name.len(), 63);
    let site = plan()
        .skill("a", &wat(&fits))
        .skill("b", &wat(&long))
        .skill("c", &wat(&format!("{}a", "f".repeat(100))))
        .skill(name, &wat("go"))
        .start()
        .await;
    let list = ask(&site.client(), "tools/list", json!({})).await;
    let names: Vec<&str> = list["tools"]
        .as_array()
        .expect("tools")
        .iter()
        .map(|tool| tool["name"].as_str().expect("a name"))
        .collect();
    assert_eq!(names.len(), 4, "{names:?}");
    assert!(names.contains(&format!("a_{fits}").as_str()), "{names:?}");
    for name in &names {
        assert_eq!(name.len(), 64, "{name}");
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)), "{name}");
        let result = ask(&site.client(), "tools/call", json!({"name": name, "arguments": {}})).await;
        assert_eq!(result["structuredContent"], 7, "{name}: {result}");
    }
    // The whole name goes on working.
    for name in [format!("b_{long}"), format!("{name}_go")] {
        let result = ask(&site.client(), "tools/call", json!({"name": name, "arguments": {}})).await;
        assert_eq!(result["structuredContent"], 7, "{name}: {result}");
    }
}
