//! Where a slot connects to, and with which TLS.

use std::error::Error;
use std::fmt;
use std::io;
use std::sync::Arc;

use http::Uri;
use hyper_rustls::{ConfigBuilderExt, HttpsConnector};
use hyper_util::client::legacy::connect::HttpConnector as TcpConnector;
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use tokio::io::DuplexStream;
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
}
