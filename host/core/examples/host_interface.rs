//! Provides a host interface of the embedder to skills, with the tenant of each call at hand.

#![expect(clippy::print_stdout, reason = "this is where it answers")]

use std::collections::HashMap;
use std::sync::Arc;

use ringfence::{Host, HostConfig, Limits};

/// `can-pay: func(customer: u32, price: u32) -> bool`, which imports `acme:crm/customers@1.0.0`. Its text is beside it.
const PAY: &[u8] = include_bytes!("guests/pay.wasm");

/// The customers of one tenant, and their balances.
struct Tenant(HashMap<u32, u32>);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let host = Host::builder(HostConfig::default())
        .provide("acme:crm/customers@1.0.0", |customers| {
            // `balance: func(customer: u32) -> u32`. For a function that waits, use `func_async`.
            customers.func("balance", |call, (customer,): (u32,)| {
                // An error ends the call with `RunError::HostFunction`. The skill does not see it.
                let Tenant(balances) = call.context().ok_or("the call has no tenant")?;
                Ok((balances.get(&customer).copied().unwrap_or(0),))
            });
        })
        .build()?;
    // The host refuses a skill that imports a function with other types, or one that is not there.
    let skill = host.load(PAY)?;
    let tenant = Arc::new(Tenant(HashMap::from([(7, 120), (8, 40)])));
    for customer in [7, 8] {
        let input = serde_json::json!({"customer": customer, "price": 100});
        let call = host.call(&skill, "can-pay").limits(&Limits::default()).context(tenant.clone());
        let report = call.json(input).await?;
        println!("customer {customer}: {:?}, {} host call", report.outcome, report.usage.host_calls);
    }
    Ok(())
}
