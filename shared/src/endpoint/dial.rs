//! Where a slot connects to, and with which TLS.

use std::error::Error;
use std::fmt;
use std::future::{Ready, ready};
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::TokioIo;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::DuplexStream;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::Instant;
use tower_service::Service;

use super::link::{Link, Stamps};

type BoxError = Box<dyn Error + Send + Sync>;

/// TLS for measuring connections: the system's root certificates, HTTP/1.1 only.
///
/// Reading the roots takes milliseconds: build it once and clone it.
pub fn tls() -> Result<ClientConfig, TlsError> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| TlsError(error.into()))?
        .with_native_roots()
        .map_err(|error| TlsError(error.into()))?
        .with_no_client_auth();
    Ok(http1_only(config))
}

/// The same, trusting these certificates, in PEM, beside the system's.
///
/// # Errors
///
/// [`TlsError`] where they are none, or the system's cannot be read.
pub fn tls_trusting(pem: &[u8]) -> Result<ClientConfig, TlsError> {
    let of = |error: BoxError| TlsError(error);
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| of(error.to_string().into()))?;
        roots.add(certificate).map_err(|error| of(error.into()))?;
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| of(error.into()))?
        .with_root_certificates(roots)
        .with_no_client_auth();
    Ok(http1_only(config))
}

/// The same configuration, offering HTTP/1.1 and nothing else.
pub fn http1_only(mut config: ClientConfig) -> ClientConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

/// The system's root certificates could not be read.
#[derive(Debug, thiserror::Error)]
#[error("failed to set up TLS with the system's root certificates")]
pub struct TlsError(#[source] BoxError);

/// How connections are opened.
#[derive(Clone)]
pub enum Dial {
    /// Over the network, with this TLS where the address asks for it.
    Network(Arc<ClientConfig>),
    /// To a server in this process, so that both can share a paused clock; it may refuse.
    Memory(Arc<dyn Fn() -> io::Result<DuplexStream> + Send + Sync>),
}

impl fmt::Debug for Dial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Network(_) => "Network",
            Self::Memory(_) => "Memory",
        })
    }
}

impl From<ClientConfig> for Dial {
    fn from(tls: ClientConfig) -> Self {
        Self::Network(Arc::new(tls))
    }
}

impl Dial {
    /// Opens a connection: TCP, TLS where the address asks for it, HTTP/1.1.
    pub(super) async fn open(&self, uri: &Uri, stamps: Stamps) -> Result<Link, BoxError> {
        match self {
            Self::Network(tls) => {
                let mut tcp = TcpConnector::new();
                tcp.enforce_http(false);
                tcp.set_nodelay(true);
                let io = HttpsConnector::from((tcp, Arc::clone(tls))).call(uri.clone()).await?;
                Ok(Link::open(TokioIo::new(io), stamps).await?)
            }
            Self::Memory(dial) => Ok(Link::open(dial()?, stamps).await?),
        }
    }

    /// Opens a connection and closes it: how long the steps took. `None` in memory.
    pub(super) async fn time(&self, uri: &Uri) -> Result<Option<NetworkTime>, BoxError> {
        let Self::Network(tls) = self else { return Ok(None) };
        let is_tls = uri.scheme_str() == Some("https");
        let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let begun = Instant::now();
        let addresses = lookup_host((host, port)).await?;
        let resolve = begun.elapsed();
        let mut last = None;
        for address in addresses {
            let begun = Instant::now();
            match TcpStream::connect(address).await {
                Err(error) => last = Some(error),
                Ok(stream) => {
                    let tcp = begun.elapsed();
                    let begun = Instant::now();
                    if is_tls {
                        let opened = Opened(Some(stream));
                        HttpsConnector::from((opened, Arc::clone(tls))).call(uri.clone()).await?;
                    }
                    let tls = is_tls.then(|| begun.elapsed());
                    return Ok(Some(NetworkTime { resolve, tcp, tls }));
                }
            }
        }
        Err(last.map_or_else(|| "the name has no address".into(), BoxError::from))
    }
}

/// How long the steps to a server take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NetworkTime {
    /// To find its address.
    pub resolve: Duration,
    /// To open a connection: one round trip.
    pub tcp: Duration,
    /// To agree on TLS: one or two round trips more; `None` without it.
    pub tls: Option<Duration>,
}

/// A connection that is open, to speak TLS over.
struct Opened(Option<TcpStream>);

impl Service<Uri> for Opened {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _uri: Uri) -> Self::Future {
        let stream = self.0.take().map(TokioIo::new);
        ready(stream.ok_or_else(|| io::Error::other("the connection is in use")))
    }
}
