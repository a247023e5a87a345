//! The description of the API is of the API: what the server answers fits it.

use ringfence_server_tests::guests::{ECHO, ENDINGS, TALKS, component};
use ringfence_server_tests::{Request, Site};
use serde_json::{Value, json};

use super::plan;

async fn document(site: &Site) -> Value {
    site.client().send(Request::get("/v1/openapi.json")).await.json()
}

/// Checks a value against a schema of the document.
#[track_caller]
fn check(document: &Value, schema: &str, value: &Value) {
    let schema =
        json!({"$ref": format!("#/components/schemas/{schema}"), "components": document["components"]});
    let validator = jsonschema::draft202012::new(&schema).expect("a schema");
    let errors: Vec<String> =
        validator.iter_errors(value).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{errors:?}\n{value}");
    // Nothing is there that is not described.
    let known = &document["components"]["schemas"][schema_name(&schema)]["properties"];
    if let (Some(known), Some(value)) = (known.as_object(), value.as_object()) {
        for key in value.keys() {
            assert!(known.contains_key(key), "{key} is not described");
        }
    }
}

fn schema_name(schema: &Value) -> &str {
    schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()).expect("a name")
}

#[tokio::test(flavor = "multi_thread")]
async fn openapi_lists_every_route() {
    let site = plan().start().await;
    let document = document(&site).await;
    assert_eq!(document["openapi"], "3.1.0");
    let mut ways: Vec<String> = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        ways.extend(methods.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
    }
    ways.sort();
    assert_eq!(
        ways,
        [
            "delete /v1/skills/{name}",
            "get /v1/skills",
            "get /v1/skills/{name}",
            "get /v1/submissions/{id}",
            "post /v1/skills/{name}/rollback",
            "post /v1/skills/{name}/tools/{tool}",
            "put /v1/skills/{name}",
        ]
    );
    assert_eq!(document["components"]["securitySchemes"]["token"]["scheme"], "bearer");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_report_fits() {
    let site = plan()
        .config("[limits]\nfuel = 1_000_000")
        .skill("endings", ENDINGS)
        .skill("talks", TALKS)
        .start()
        .await;
    let document = document(&site).await;
    for tool in ["nothing", "fail", "trap", "spin", "grow"] {
        check(&document, "Report", &site.call("endings", tool, "{}").await);
    }
    check(&document, "Report", &site.call("talks", "talk", r#"{"times": 2}"#).await);
    let refused = site.client().send(Request::post("/v1/skills/endings/tools/number").json("{}")).await;
    check(&document, "Problem", &refused.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_store_fits() {
    let site = plan().start().await;
    let document = document(&site).await;
    let client = site.client();
    let put = |wat: &str| Request::put("/v1/skills/s?breaking=true").body(&component(wat));
    let other = Request::put("/v1/skills/other").body(&component(ECHO));
    check(&document, "Status", &client.send(other).await.json());
    check(&document, "Status", &client.send(put(ECHO).header("prefer", "wait=60")).await.json());
    check(&document, "Status", &client.send(put(ENDINGS).header("prefer", "wait=60")).await.json());
    check(&document, "Skills", &client.send(Request::get("/v1/skills")).await.json());
    check(&document, "Shown", &client.send(Request::get("/v1/skills/s")).await.json());
    check(&document, "Shown", &client.send(Request::post("/v1/skills/s/rollback")).await.json());
    let refused = Request::put("/v1/skills/s").body(b"\0asm\x0d\0\x01\0\xff").header("prefer", "wait=60");
    check(&document, "Problem", &client.send(refused).await.json());
    check(&document, "Removed", &client.send(Request::delete("/v1/skills/s")).await.json());
}
