//! Lookup with hickory over UDP and TCP, with the name servers that the operator or `/etc/resolv.conf` names.

use std::fmt;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{
    ConnectionConfig, LookupIpStrategy, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts,
};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::Name;

use super::{Lookup, Resolve, ResolveError};

/// The name servers, and how long to wait for them.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DnsConfig {
    /// The servers, each asked over UDP, and over TCP for long answers.
    pub servers: Vec<SocketAddr>,
    /// The wait for one answer. Default: 3 s.
    pub timeout: Duration,
    /// Tries of one server. Default: 2.
    pub attempts: usize,
    /// Answers that are cached for their lifetime. Default: 1,024.
    pub cache: u64,
}

impl DnsConfig {
    /// Creates a configuration with these servers.
    pub fn new(servers: Vec<SocketAddr>) -> Self {
        Self { servers, timeout: Duration::from_secs(3), attempts: 2, cache: 1024 }
    }

    /// Takes the servers of `/etc/resolv.conf`. Nothing else of the system's configuration counts: no search domain, no
    /// option, no `/etc/hosts`.
    ///
    /// # Errors
    ///
    /// Fails if the file cannot be read or names no server.
    pub fn of_system() -> io::Result<Self> {
        let servers = servers_of(&fs::read_to_string("/etc/resolv.conf")?);
        if servers.is_empty() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "/etc/resolv.conf names no server"));
        }
        Ok(Self::new(servers))
    }
}

fn servers_of(text: &str) -> Vec<SocketAddr> {
    let server = |line: &str| -> Option<IpAddr> {
        let mut words = line.split_whitespace();
        (words.next()? == "nameserver").then(|| words.next()).flatten()?.parse().ok()
    };
    text.lines().filter_map(server).map(|address| SocketAddr::new(address, 53)).take(3).collect()
}

/// A resolver that asks name servers.
#[derive(Clone)]
pub struct DnsResolver {
    resolver: TokioResolver,
}

impl fmt::Debug for DnsResolver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DnsResolver")
    }
}

impl DnsResolver {
    /// Creates a resolver. It opens no socket before the first lookup, and runs on the runtime of its caller.
    ///
    /// # Errors
    ///
    /// Fails if the configuration cannot be used.
    pub fn new(config: &DnsConfig) -> io::Result<Self> {
        let server = |server: &SocketAddr| {
            let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
                connection.port = server.port();
                connection
            });
            NameServerConfig::new(server.ip(), true, connections.into())
        };
        let servers = config.servers.iter().map(server).collect();
        let mut options = ResolverOpts::default();
        options.ndots = 0;
        options.timeout = config.timeout;
        options.attempts = config.attempts;
        options.cache_size = config.cache;
        options.use_hosts_file = ResolveHosts::Never;
        options.ip_strategy = LookupIpStrategy::Ipv4AndIpv6;
        options.case_randomization = true;
        // A burst of fetches must not fail because it is one.
        options.max_active_requests = 1024;
        let config = ResolverConfig::from_parts(None, Vec::new(), servers);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        let resolver = builder.with_options(options).build().map_err(io::Error::other)?;
        Ok(Self { resolver })
    }
}

impl Resolve for DnsResolver {
    fn resolve<'a>(&'a self, name: &'a str) -> Lookup<'a> {
        Box::pin(async move {
            // RFC 6761: no server is asked about this machine.
            if name == "localhost" || name.ends_with(".localhost") {
                return Ok(vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()]);
            }
            let mut query = Name::from_ascii(name).map_err(|_| ResolveError::NoAddress)?;
            query.set_fqdn(true);
            match self.resolver.lookup_ip(query).await {
                Ok(found) => {
                    let addresses: Vec<_> = found.iter().collect();
                    if addresses.is_empty() { Err(ResolveError::NoAddress) } else { Ok(addresses) }
                }
                Err(error) if error.is_no_records_found() || error.is_nx_domain() => {
                    Err(ResolveError::NoAddress)
                }
                Err(error) => Err(ResolveError::Failed(error.to_string())),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_servers_of_the_system_count() {
        let text = "# nameserver 9.9.9.9\nsearch corp.example\nnameserver 10.0.0.2\nnameserver fd00::53 # x\n\
                    options ndots:5\nnameserver\nnameserver bad\n";
        assert_eq!(servers_of(text), ["10.0.0.2:53".parse().unwrap(), "[fd00::53]:53".parse().unwrap()]);
    }
}
