//! Whoever brings notices to people on duty by a webhook: a server that remembers everything that it is told.

use std::{
    fs,
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
    sync::{Arc, Mutex},
};

use anyhow::Result;
use nhipcau_tests::{wait, world::World};
use rustls::{
    ServerConfig,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::TlsAcceptor;

/// Gone when it is dropped.
pub(crate) struct Hook {
    pub(crate) port: u16,
    secret: PathBuf,
    heard: Arc<Mutex<Vec<u8>>>,
    accepting: JoinHandle<()>,
}

impl Hook {
    /// Listens, under a certificate of the systems of the world.
    pub(super) async fn listen(world: &World) -> Result<Self> {
        let certificates = CertificateDer::pem_file_iter(world.path("moh/tls/server.pem"))?;
        let config = ServerConfig::builder_with_provider(default_provider().into())
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(
                certificates.collect::<Result<_, _>>()?,
                PrivateKeyDer::from_pem_file(world.path("moh/tls/server.key"))?,
            )?;
        let secret = world.path("hook.secret");
        fs::write(&secret, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n")?;
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600))?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let heard = Arc::<Mutex<Vec<u8>>>::default();
        let (kept, acceptor) = (heard.clone(), TlsAcceptor::from(Arc::new(config)));
        let accepting = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // Whoever is not answered tries again.
                drop(answer(stream, &acceptor, &kept).await);
            }
        });
        Ok(Self { port, secret, heard, accepting })
    }

    /// The way of telling people that it is, as a configuration has it.
    pub(super) fn notifier(&self, world: &World) -> Result<String> {
        let (roots, secret) = (world.file("moh", "root_certificates")?, self.secret.display());
        Ok(format!(
            "\n[notifiers.hook]\nkind = \"webhook\"\nurl = \"https://localhost:{}/nhipcau\"\n\
             secret_file = \"{secret}\"\nroot_certificates = \"{}\"\n",
            self.port,
            roots.display(),
        ))
    }

    /// Everything so far.
    pub(crate) fn heard(&self) -> Vec<u8> {
        self.heard.lock().unwrap().clone()
    }

    /// Waits until it was told this.
    pub(crate) async fn brings(&self, text: &str) -> Result<()> {
        let is_there = || self.heard().windows(text.len()).any(|window| window == text.as_bytes()).then_some(());
        wait::until_answered("a notice by the webhook", async || is_there()).await
    }
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Takes one request, of which the body is as long as its head says.
async fn answer(stream: TcpStream, acceptor: &TlsAcceptor, heard: &Mutex<Vec<u8>>) -> Result<()> {
    let mut stream = acceptor.accept(stream).await?;
    let mut request = Vec::new();
    while !is_whole(&request) {
        let mut buffer = [0; 4096];
        let read = stream.read(&mut buffer).await?;
        if read == 0 {
            break;
        }
        request.extend(&buffer[..read]);
        heard.lock().unwrap().extend(&buffer[..read]);
    }
    stream.write_all(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n").await?;
    Ok(stream.shutdown().await?)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request);
    let Some((head, _)) = text.split_once("\r\n\r\n") else { return false };
    let length =
        head.to_lowercase().split("content-length: ").nth(1).and_then(|rest| rest.lines().next()?.parse().ok());
    request.len() >= head.len() + 4 + length.unwrap_or(0)
}
