//! Against a server that offers h2: N slots make N connections, all HTTP/1.1.
//!
//! The server ends TLS, notes what was negotiated, and copies HTTP/1.1 to the simulator. It could
//! not speak h2, but would choose it where it is offered, and the test fails then.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use rcgen::CertifiedKey;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use shared::endpoint::placeholder_config;
use shared::record::{Outcome, Phase};
use shared::run::Connections;
use simulator::Profile;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::{TlsAcceptor, TlsConnector};

use super::Bench;
use super::local::LocalRun;

const MODEL: &str = "mistral.mistral-7b-instruct-v0:2";
const H2: &[u8] = b"h2";
const HTTP1: &[u8] = b"http/1.1";

/// What the handshakes agreed on, in order.
type Negotiated = Arc<Mutex<Vec<Option<Vec<u8>>>>>;

/// A TLS server in front of the simulator.
struct TlsServer {
    port: u16,
    negotiated: Negotiated,
    /// What trusts it, and offers both protocols.
    client: ClientConfig,
}

impl TlsServer {
    async fn start(simulator: SocketAddr) -> Self {
        let names = ["localhost".to_owned(), "127.0.0.1".to_owned()];
        let CertifiedKey { cert, signing_key } = rcgen::generate_simple_self_signed(names).unwrap();
        let key = PrivateKeyDer::try_from(signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());

        let mut server = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        server.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];

        let mut roots = RootCertStore::empty();
        roots.add(cert.der().clone()).unwrap();
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        client.alpn_protocols = vec![H2.to_vec(), HTTP1.to_vec()];

        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let negotiated = Negotiated::default();
        let acceptor = TlsAcceptor::from(Arc::new(server));
        tokio::spawn(accept(listener, acceptor, simulator, Arc::clone(&negotiated)));
        Self { port, negotiated, client }
    }

    fn negotiated(&self) -> Vec<Option<Vec<u8>>> {
        self.negotiated.lock().unwrap().clone()
    }
}

async fn accept(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    simulator: SocketAddr,
    negotiated: Negotiated,
) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (acceptor, negotiated) = (acceptor.clone(), Arc::clone(&negotiated));
        tokio::spawn(async move {
            let Ok(mut client) = acceptor.accept(stream).await else { return };
            let protocol = client.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
            let speaks_http1 = protocol.as_deref() == Some(HTTP1);
            negotiated.lock().unwrap().push(protocol);
            if speaks_http1 {
                let mut server = TcpStream::connect(simulator).await.unwrap();
                // How the client ends a connection does not matter here.
                drop(tokio::io::copy_bidirectional(&mut client, &mut server).await);
            }
        });
    }
}

#[tokio::test]
async fn the_server_is_a_trap_for_clients_that_offer_h2() {
    let bench = Bench::new(&[]);
    let server = TlsServer::start(bench.simulator.address()).await;
    let stream = TcpStream::connect(("127.0.0.1", server.port)).await.unwrap();
    let connector = TlsConnector::from(Arc::new(server.client.clone()));
    let name = ServerName::try_from("localhost").unwrap();
    let stream = connector.connect(name, stream).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(H2));
}

#[tokio::test]
async fn slots_make_as_many_connections_and_all_are_http1() {
    const SLOTS: usize = 8;
    let bench = Bench::serving(vec![Profile::find(MODEL).unwrap()], Vec::new());
    let server = TlsServer::start(bench.simulator.address()).await;
    let run = LocalRun::plan(&format!(
        r#"
version: 1
endpoints:
  - name: mistral
    kind: bedrock
    region: us-east-1
    model_id: "{MODEL}"
    endpoint_url: "https://localhost:{}"
datasets: [{{name: mine, prompts: [Why is the sky blue?], max_tokens: 5}}]
load: [{{concurrency: {SLOTS}}}]
stop: {{requests: 64}}
"#,
        server.port
    ))
    .await;
    // It offers h2; the connections must not.
    let connections =
        Connections::new(placeholder_config()).unwrap().with_tls(server.client.clone());
    let measured = run.measure(&connections).await;

    assert_eq!(server.negotiated(), vec![Some(HTTP1.to_vec()); SLOTS]);
    assert_eq!(measured.of(Phase::Warmup).count(), SLOTS);
    assert_eq!(measured.of(Phase::Measured).count(), 64);
    for record in &measured.records {
        assert_eq!(record.outcome, Outcome::Completed, "{record:?}");
        assert_eq!(record.served.protocol.as_deref(), Some("HTTP/1.1"));
        let opened = record.phase == Phase::Warmup;
        assert_eq!(record.served.new_connection, opened);
        assert_eq!(record.timeline.connect.is_some(), opened);
    }
    let truth = bench.ended();
    assert_eq!(truth.len(), 64 + SLOTS);
    assert_eq!(truth.iter().map(|truth| truth.connection).max(), Some(8));
}

#[tokio::test]
async fn a_certificate_that_is_not_trusted_is_a_failed_connection() {
    let bench = Bench::new(&[]);
    let server = TlsServer::start(bench.simulator.address()).await;
    let url = format!("https://localhost:{}", server.port);
    // The system's roots do not know it.
    let slot = super::slot(&url, super::QUICK, super::patient());
    let observation = super::ask(&slot, "hello").await;
    assert_eq!(super::counted_as(observation.outcome), ("failed", Some("connection")));
    let message = observation.error.unwrap().message;
    assert!(message.contains("certificate"), "{message}");
    assert!(bench.ended().is_empty());
}
