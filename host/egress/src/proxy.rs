//! A tunnel through the operator's proxy. Only the configuration names a proxy, never the environment.

use std::net::SocketAddr;

use http::HeaderValue;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// The operator's HTTP proxy. For both `http` and `https`, the host opens a `CONNECT` tunnel through it to the address that
/// it has checked. So the proxy resolves no name.
#[derive(Debug, Clone)]
pub struct Proxy {
    /// The addresses of the proxy. The operator names them, so they are not checked.
    pub addresses: Vec<SocketAddr>,
    /// The value of `proxy-authorization`.
    pub authorization: Option<HeaderValue>,
}

/// Most bytes of the proxy's response.
const HEAD: usize = 8192;

/// Opens a tunnel to an address over a connection to the proxy.
pub(crate) async fn tunnel(
    mut stream: TcpStream,
    proxy: &Proxy,
    to: SocketAddr,
) -> Result<TcpStream, String> {
    let mut request = format!("CONNECT {to} HTTP/1.1\r\nhost: {to}\r\n").into_bytes();
    if let Some(value) = &proxy.authorization {
        request.extend_from_slice(b"proxy-authorization: ");
        request.extend_from_slice(value.as_bytes());
        request.extend_from_slice(b"\r\n");
    }
    request.extend_from_slice(b"\r\n");
    stream.write_all(&request).await.map_err(|error| error.to_string())?;
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        // Byte by byte: what follows the head belongs to the server.
        let byte = stream.read_u8().await.map_err(|error| error.to_string())?;
        head.push(byte);
        if head.len() > HEAD {
            return Err(format!("its response is longer than {HEAD} bytes"));
        }
    }
    let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    match (words.next(), words.next()) {
        (Some(b"HTTP/1.1" | b"HTTP/1.0"), Some(b"200")) => Ok(stream),
        (_, status) => {
            let status = String::from_utf8_lossy(status.unwrap_or_default());
            Err(format!(
                "it responded with {}",
                status.chars().filter(char::is_ascii_digit).take(3).collect::<String>()
            ))
        }
    }
}
