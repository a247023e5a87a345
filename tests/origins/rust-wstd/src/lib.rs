//! Requests as a program of `wstd` sends them.

use wstd::http::{Body, Client, Method, Request};

wit_bindgen::generate!({
    inline: "
        package origins:wstd;
        world fetcher {
            export get: func(url: string) -> result<string, string>;
            export post: func(url: string, body: string) -> result<string, string>;
            export both: func(one: string, two: string) -> result<string, string>;
        }
    ",
});

struct Fetcher;

export!(Fetcher);

async fn send(method: Method, url: &str, body: Body) -> Result<String, String> {
    let request = Request::builder().method(method).uri(url).header("x-from", "wstd").body(body);
    let mut response = Client::new().send(request.map_err(told)?).await.map_err(told)?;
    let status = response.status();
    let text = response.body_mut().str_contents().await.map_err(told)?.to_owned();
    Ok(format!("{} {} {}", status.as_u16(), text.len(), text.chars().take(60).collect::<String>()))
}

fn told(error: impl std::fmt::Display) -> String {
    error.to_string()
}

impl Guest for Fetcher {
    fn get(url: String) -> Result<String, String> {
        wstd::runtime::block_on(send(Method::GET, &url, Body::empty()))
    }

    fn post(url: String, body: String) -> Result<String, String> {
        wstd::runtime::block_on(send(Method::POST, &url, body.into()))
    }

    fn both(one: String, two: String) -> Result<String, String> {
        wstd::runtime::block_on(async {
            let one = wstd::runtime::spawn(async move { send(Method::GET, &one, Body::empty()).await });
            let two = send(Method::GET, &two, Body::empty()).await?;
            Ok(format!("{} {two}", one.await?))
        })
    }
}
