//! A few calls to a real registry, past our client.

use serde_json::{Value, json};

/// Status and answer of registering a schema.
pub(crate) fn post_schema(url: &str, subject: &str, schema: &Value) -> (u16, Value) {
    call(reqwest::Method::POST, &format!("{url}/subjects/{subject}/versions"), &json!({"schema": schema.to_string()}))
}

/// On a thread of its own: shards call this, and so do tests.
fn call(method: reqwest::Method, url: &str, body: &Value) -> (u16, Value) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let request =
            reqwest::Client::new().request(method, url).header("content-type", "application/vnd.schemaregistry.v1+json");
        let answer = request.body(body.to_string()).send().await.unwrap();
        let status = answer.status().as_u16();
        (status, serde_json::from_str(&answer.text().await.unwrap()).unwrap())
    })
}
