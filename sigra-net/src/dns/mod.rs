//! Facts from the domain name system: which domains take mail, and the texts a domain publishes.

mod answers;
mod config;

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError as Refusal, NetError};
use hickory_resolver::proto::rr::{Name, RData, RecordType};
use hickory_resolver::system_conf::read_system_conf;
use sigra_core::ports::{MailDomains, Unanswered};
use sigra_core::time::Clock;

use answers::Answers;
pub use config::DnsConfig;

/// Asks the domain name system, through the resolvers of the operating system or given ones.
///
/// A domain takes mail when it has a mail exchanger, or none and an address (RFC 5321 §5.1). It takes none when it says so by
/// a null MX (RFC 7505), has neither, or does not exist. A server that fails, refuses or is silent leaves that open. The
/// reasons in [`Unanswered`] are `timed_out`, `refused` (any failure a server tells), `unreachable` and `invalid_name`.
///
/// Answers are remembered as long as [`DnsConfig`] says, whatever their records say, and no more of them than it says. Not
/// knowing is not remembered. Names are asked for as they are: neither search lists nor a hosts file apply. Answers are not
/// validated by DNSSEC here; a resolver that does it leaves what it refuses unanswered. Needs a tokio runtime with its timer.
#[derive(Clone)]
pub struct DnsFacts {
    resolver: TokioResolver,
    clock: Arc<dyn Clock>,
    config: DnsConfig,
    answers: Arc<Answers>,
}

impl DnsFacts {
    /// The most texts of a domain that are looked at.
    pub const MAX_TEXTS: usize = 64;

    /// The longest text of a domain that is looked at, in bytes.
    pub const MAX_TEXT_BYTES: usize = 4_096;

    /// Asks the resolvers of the operating system: those of `/etc/resolv.conf` on Unix.
    ///
    /// # Errors
    ///
    /// When the operating system's settings cannot be read, or the configuration is faulty.
    pub fn system(clock: Arc<dyn Clock>, config: DnsConfig) -> Result<Self, DnsError> {
        let (system, _) = read_system_conf().map_err(|error| DnsError::System(error.to_string()))?;
        let (_, _, servers) = system.into_parts();
        Self::over(servers, clock, config)
    }

    /// Asks these resolvers, by UDP, and by TCP what UDP has no room for.
    ///
    /// # Errors
    ///
    /// When the configuration is faulty, or there is no resolver.
    pub fn with_servers(servers: &[SocketAddr], clock: Arc<dyn Clock>, config: DnsConfig) -> Result<Self, DnsError> {
        let servers = servers.iter().map(|address| {
            let mut server = NameServerConfig::udp_and_tcp(address.ip());
            server.connections.iter_mut().for_each(|connection| connection.port = address.port());
            server
        });
        Self::over(servers.collect(), clock, config)
    }

    fn over(servers: Vec<NameServerConfig>, clock: Arc<dyn Clock>, config: DnsConfig) -> Result<Self, DnsError> {
        config.check().map_err(DnsError::Config)?;
        if servers.is_empty() {
            return Err(DnsError::NoServer);
        }
        let mut options = ResolverOpts::default();
        // Half the time, so that a datagram that is lost can be sent again.
        options.timeout = config.time() / 2;
        options.attempts = 2;
        options.cache_size = 0;
        options.use_hosts_file = ResolveHosts::Never;
        let resolver = TokioResolver::builder_with_config(
            ResolverConfig::from_name_servers(servers),
            TokioRuntimeProvider::default(),
        )
        .with_options(options)
        .build()
        .map_err(|error| DnsError::System(error.to_string()))?;
        let answers = Arc::new(Answers::new(config.cache_at_most));
        Ok(Self { resolver, clock, config, answers })
    }

    /// The texts a domain publishes (TXT records), such as a token that proves whose it is. None when there are none, or no such
    /// domain. Each is put together from its parts; what is no UTF-8, too long or one too many is left out. Nothing is
    /// remembered.
    ///
    /// Whoever answers for the domain writes them: compare them whole with what you expect, and trust nothing else in them.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] when nobody knows in time.
    pub async fn txt_records(&self, domain: &str) -> Result<Vec<String>, Unanswered> {
        let name = name(domain)?;
        let found = self.in_time(self.records(&name, RecordType::TXT)).await?;
        let texts = found.into_iter().flatten().filter_map(|record| match record {
            RData::TXT(txt) => {
                let bytes = txt.txt_data.concat();
                if bytes.len() > Self::MAX_TEXT_BYTES { None } else { String::from_utf8(bytes).ok() }
            }
            _ => None,
        });
        Ok(texts.take(Self::MAX_TEXTS).collect())
    }

    async fn ask(&self, domain: &str) -> Result<bool, Unanswered> {
        let name = name(domain)?;
        let exchangers = self.records(&name, RecordType::MX).await?;
        let Some(exchangers) = exchangers else { return Ok(false) };
        let exchangers: Vec<_> = exchangers
            .into_iter()
            .filter_map(|record| match record {
                RData::MX(mx) => Some(mx.exchange),
                _ => None,
            })
            .collect();
        if !exchangers.is_empty() {
            // RFC 7505 §3: the root is no host.
            return Ok(exchangers.iter().any(|host| !host.is_root()));
        }
        for kind in [RecordType::A, RecordType::AAAA] {
            let addresses = self.records(&name, kind).await?;
            if addresses.is_some_and(|found| found.iter().any(|record| record.record_type() == kind)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The records of a name; `None` when there is no such name.
    async fn records(&self, name: &Name, kind: RecordType) -> Result<Option<Vec<RData>>, Unanswered> {
        match self.resolver.lookup(name.clone(), kind).await {
            Ok(lookup) => Ok(Some(lookup.answers().iter().map(|record| record.data.clone()).collect())),
            Err(error) if error.is_nx_domain() => Ok(None),
            Err(error) if error.is_no_records_found() => Ok(Some(Vec::new())),
            Err(error) => Err(unanswered(&error)),
        }
    }

    async fn in_time<T>(&self, work: impl Future<Output = Result<T, Unanswered>>) -> Result<T, Unanswered> {
        tokio::time::timeout(self.config.time(), work).await.unwrap_or_else(|_| Err(Unanswered::new("timed_out")))
    }
}

impl fmt::Debug for DnsFacts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DnsFacts").field("config", &self.config).finish_non_exhaustive()
    }
}

#[async_trait]
impl MailDomains for DnsFacts {
    async fn takes_mail(&self, domain: &str) -> Result<bool, Unanswered> {
        let now = self.clock.now();
        if let Some(known) = self.answers.get(domain, now) {
            return Ok(known);
        }
        let takes_mail = self.in_time(self.ask(domain)).await?;
        let secs = if takes_mail { self.config.cache_secs } else { self.config.cache_refused_secs };
        self.answers.put(domain, takes_mail, now + Duration::from_secs(secs.into()), now);
        Ok(takes_mail)
    }
}

/// A name that no search list is applied to.
fn name(domain: &str) -> Result<Name, Unanswered> {
    let mut name = Name::from_ascii(domain).map_err(|_| Unanswered::new("invalid_name"))?;
    name.set_fqdn(true);
    Ok(name)
}

/// The error without the name that was asked for, which some of its texts have.
fn unanswered(error: &NetError) -> Unanswered {
    let reason = match error {
        NetError::Timeout => "timed_out",
        NetError::Dns(Refusal::ResponseCode(_)) => "refused",
        _ => "unreachable",
    };
    Unanswered::new(reason).because(error.as_metrics_label())
}

/// The domain name system cannot be asked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DnsError {
    /// What is wrong with the configuration, all of it.
    #[error("{}", .0.join("; "))]
    Config(Vec<String>),
    /// There is no resolver to ask.
    #[error("there is no dns server to ask")]
    NoServer,
    /// The settings of the operating system cannot be used.
    #[error("the dns settings of the operating system cannot be used: {0}")]
    System(String),
}
