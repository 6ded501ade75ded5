//! Whether an access point serves, asked at its door as any monitoring would.
//!
//! Over TLS with the certificate of a calling system, so that SERVING also means that the door lets one in.

use std::{fs, path::Path, time::Duration};

use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient};

use super::{endpoints::AccessPoint, error::Error};
use crate::directory::files;

/// How long one answer may take.
const ANSWER: Duration = Duration::from_secs(2);

/// A way to ask; nothing is connected yet.
pub(super) fn channel(home: &Path, access_point: &AccessPoint) -> Result<Channel, Error> {
    let read = |path: &Path| {
        let path = home.join(path);
        fs::read(&path).map_err(files::Error::read(&path))
    };
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(read(&access_point.root_certificates)?))
        .identity(Identity::from_pem(read(&access_point.certificate)?, read(&access_point.key)?))
        .domain_name("localhost");
    let endpoint = Endpoint::from_shared(access_point.grpc.clone())?.tls_config(tls)?;
    Ok(endpoint.connect_timeout(ANSWER).timeout(ANSWER).connect_lazy())
}

/// Whether it answers SERVING.
pub(super) async fn serves(channel: Channel) -> bool {
    let request = HealthCheckRequest { service: String::new() };
    let answer = HealthClient::new(channel).check(request).await;
    answer.is_ok_and(|answer| answer.into_inner().status() == ServingStatus::Serving)
}
