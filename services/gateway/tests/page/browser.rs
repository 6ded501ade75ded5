//! As much of a browser as the page needs: keeps cookies, sends forms, follows nothing by itself.

use std::{collections::BTreeMap, io, net::SocketAddr, sync::Arc};

use http_body_util::{BodyExt as _, Full};
use hyper::{HeaderMap, Method, Request, body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    crypto::aws_lc_rs::default_provider,
    pki_types::{CertificateDer, ServerName},
};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// A browser.
#[derive(Clone)]
pub(crate) struct Browser {
    address: SocketAddr,
    tls: TlsConnector,
    pub(crate) cookies: BTreeMap<String, String>,
    /// Headers of every request beside a browser's own.
    pub(crate) headers: Vec<(&'static str, String)>,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn location(&self) -> &str {
        self.header("location")
    }

    /// The value of the first hidden field of that name, in the form that is sent to a path.
    pub(crate) fn hidden(&self, path: &str, name: &str) -> String {
        let form = self.body.split(&format!("action=\"{path}\"")).nth(1).expect("the form");
        let field = form.split(&format!("name=\"{name}\" value=\"")).nth(1).expect("the field");
        field.split('"').next().unwrap().to_owned()
    }
}

impl Browser {
    pub(crate) fn new(address: SocketAddr, authority: CertificateDer<'static>) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(authority).unwrap();
        let tls = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let (cookies, headers) = (BTreeMap::new(), Vec::new());
        Self { address, tls: TlsConnector::from(Arc::new(tls)), cookies, headers }
    }

    pub(crate) async fn get(&mut self, path: &str) -> Answer {
        self.send(Method::GET, path, "", Vec::new()).await
    }

    pub(crate) async fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut body = form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        self.send(Method::POST, path, "application/x-www-form-urlencoded", body.finish().into_bytes()).await
    }

    pub(crate) async fn send(&mut self, method: Method, path: &str, kind: &str, body: Vec<u8>) -> Answer {
        let host = format!("localhost:{}", self.address.port());
        let mut request = Request::builder().method(method).uri(path).header("host", host);
        if !kind.is_empty() {
            request = request.header("content-type", kind);
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        if !cookies.is_empty() {
            request = request.header("cookie", cookies.join("; "));
        }
        for (name, value) in &self.headers {
            request = request.header(*name, value);
        }
        let request = request.body(Full::new(Bytes::from(body))).unwrap();
        let (mut sender, connection) = http1::handshake(TokioIo::new(self.connect().await)).await.unwrap();
        let connection = tokio::spawn(connection);
        let answer = sender.send_request(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = body.collect().await.unwrap().to_bytes();
        connection.abort();
        self.keep(&head.headers);
        let body = String::from_utf8(body.to_vec()).unwrap();
        Answer { status: head.status.as_u16(), headers: head.headers, body }
    }

    /// A connection on which nothing was said yet.
    pub(crate) async fn connect(&self) -> TlsStream<TcpStream> {
        self.try_to_connect().await.unwrap()
    }

    /// The same, where the server may show a certificate that it does not trust.
    pub(crate) async fn try_to_connect(&self) -> io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(self.address).await?;
        self.tls.connect(ServerName::try_from("localhost").unwrap(), stream).await
    }

    fn keep(&mut self, headers: &HeaderMap) {
        for line in headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            if line.contains("Max-Age=0;") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}
