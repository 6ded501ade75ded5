//! The door over real TLS on a free port, with callers of every kind.

mod holding;
mod renewing;

use std::{
    path::PathBuf,
    pin::Pin,
    time::{Duration, Instant},
};

use futures_util::Stream;
use nhipcau_domain::reason;
use nhipcau_messaging::quota::Rate;
use nhipcau_proto::referral::v1::{
    AssignBranchRequest, AssignBranchResponse, CloseBranchRequest, CloseBranchResponse, DiscloseBranchRequest,
    DiscloseBranchResponse, NoteTelephoneAcknowledgementRequest, NoteTelephoneAcknowledgementResponse,
    OpenBranchRequest, OpenBranchResponse, RevokeBranchRequest, RevokeBranchResponse, TakeHandBackRequest,
    TakeHandBackResponse, WatchReferralsRequest, WatchReferralsResponse,
    referral_steering_service_client::ReferralSteeringServiceClient as Client,
    referral_steering_service_server::{ReferralSteeringService, ReferralSteeringServiceServer},
    referral_watch_service_client::ReferralWatchServiceClient as WatchClient,
    referral_watch_service_server::{ReferralWatchService, ReferralWatchServiceServer},
};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType};
use tempfile::TempDir;
use tokio::sync::Notify;
use tonic::{
    Code, Request, Response, Status,
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity},
};
use tonic_health::pb::{HealthCheckRequest, health_check_response, health_client::HealthClient};
use tonic_types::StatusExt as _;

use super::*;
use crate::{
    caller::{self, ACTING_PERSON, Role},
    private_file,
    status::Refusal,
    trace::TraceContext,
};

const TRACE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

/// The rate of `moh/desk`.
const OWN_RATE: Rate = Rate { burst: 10, refill: Duration::from_millis(300) };

/// A service whose methods do what a test needs.
#[derive(Clone, Default)]
struct Probe {
    entered: Arc<Notify>,
    released: Arc<Notify>,
}

#[tonic::async_trait]
impl ReferralSteeringService for Probe {
    async fn open_branch(&self, request: Request<OpenBranchRequest>) -> Result<Response<OpenBranchResponse>, Status> {
        let permit = caller::permit(&request, Role::Submit)?;
        let mut response = Response::new(OpenBranchResponse::default());
        let name = permit.caller.name().to_string();
        response.metadata_mut().insert("x-caller", name.parse().unwrap());
        let trace = TraceContext::onward(&request);
        response.metadata_mut().insert("x-trace", trace.parse().unwrap());
        Ok(response)
    }

    async fn disclose_branch(
        &self,
        _: Request<DiscloseBranchRequest>,
    ) -> Result<Response<DiscloseBranchResponse>, Status> {
        self.entered.notify_one();
        self.released.notified().await;
        Ok(Response::new(DiscloseBranchResponse::default()))
    }

    async fn revoke_branch(&self, _: Request<RevokeBranchRequest>) -> Result<Response<RevokeBranchResponse>, Status> {
        panic!("with a secret in it")
    }

    async fn close_branch(
        &self,
        request: Request<CloseBranchRequest>,
    ) -> Result<Response<CloseBranchResponse>, Status> {
        caller::permit(&request, Role::Decide)?;
        Err(Refusal::access_denied().into())
    }

    async fn assign_branch(&self, _: Request<AssignBranchRequest>) -> Result<Response<AssignBranchResponse>, Status> {
        Ok(Response::new(AssignBranchResponse::default()))
    }

    async fn note_telephone_acknowledgement(
        &self,
        _: Request<NoteTelephoneAcknowledgementRequest>,
    ) -> Result<Response<NoteTelephoneAcknowledgementResponse>, Status> {
        Ok(Response::new(NoteTelephoneAcknowledgementResponse::default()))
    }

    async fn take_hand_back(&self, _: Request<TakeHandBackRequest>) -> Result<Response<TakeHandBackResponse>, Status> {
        Ok(Response::new(TakeHandBackResponse::default()))
    }
}

#[tonic::async_trait]
impl ReferralWatchService for Probe {
    type WatchReferralsStream = Pin<Box<dyn Stream<Item = Result<WatchReferralsResponse, Status>> + Send>>;

    async fn watch_referrals(
        &self,
        _: Request<WatchReferralsRequest>,
    ) -> Result<Response<Self::WatchReferralsStream>, Status> {
        Ok(Response::new(Box::pin(stream::pending())))
    }
}

/// An authority, the files of a server, and clients.
pub(crate) struct World {
    directory: TempDir,
    authority: CertifiedIssuer<'static, KeyPair>,
    config: config::Server,
    probe: Probe,
}

fn issue(
    authority: &CertifiedIssuer<'static, KeyPair>,
    names: Vec<SanType>,
    purpose: ExtendedKeyUsagePurpose,
) -> (String, String) {
    let key = KeyPair::generate().unwrap();
    let mut params = CertificateParams::default();
    params.subject_alt_names = names;
    params.extended_key_usages = vec![purpose];
    (params.signed_by(&key, authority).unwrap().pem(), key.serialize_pem())
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

impl World {
    pub(crate) fn new() -> Self {
        let authority = authority();
        let names = vec![SanType::DnsName("localhost".try_into().unwrap())];
        let (certificate, key) = issue(&authority, names, ExtendedKeyUsagePurpose::ServerAuth);
        let directory = tempfile::tempdir().unwrap();
        let file = |name: &str, text: &str| -> PathBuf {
            let path = directory.path().join(name);
            private_file::create(&path, text.as_bytes()).unwrap();
            path
        };
        let config = config::Server {
            listen: "127.0.0.1:0".parse().unwrap(),
            certificate: file("server.pem", &certificate),
            key: file("server.key", &key),
            client_authorities: file("clients.pem", &authority.pem()),
            timeout: Duration::from_secs(20),
            rate: Rate { burst: 1000, refill: Duration::from_millis(1) },
            connections: 64,
            concurrency: 64,
            streams: 64,
            watches: 64,
            message_bytes: 64 << 10,
            requests_bytes: 1 << 20,
            reflection: true,
        };
        Self { directory, authority, config, probe: Probe::default() }
    }

    pub(crate) async fn start(&self) -> (Serving, SocketAddr) {
        self.start_counted(&mut crate::metrics::registry()).await
    }

    async fn start_counted(&self, registry: &mut Registry) -> (Serving, SocketAddr) {
        let systems = [
            ("moh/hotline".parse().unwrap(), [Role::Submit].into_iter().collect(), None),
            ("moh/desk".parse().unwrap(), Role::ALL.into_iter().collect(), Some(OWN_RATE)),
        ];
        let server = Server::bind(&self.config, systems.into_iter().collect(), registry).await.unwrap();
        let address = server.local_addr();
        let steering = ReferralSteeringServiceServer::new(self.probe.clone());
        let services = Services::default()
            .with(steering.max_decoding_message_size(self.config.message_bytes))
            .with(ReferralWatchServiceServer::new(self.probe.clone()));
        (server.start(services).await.unwrap(), address)
    }

    fn identity(&self, name: &str) -> Identity {
        let names = vec![SanType::URI(format!("nhipcau://{name}").as_str().try_into().unwrap())];
        let (certificate, key) = issue(&self.authority, names, ExtendedKeyUsagePurpose::ClientAuth);
        Identity::from_pem(certificate, key)
    }

    async fn connect(
        &self,
        address: SocketAddr,
        identity: Option<Identity>,
    ) -> Result<Channel, tonic::transport::Error> {
        let tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(self.authority.pem())).domain_name("localhost");
        let tls = identity.into_iter().fold(tls, ClientTlsConfig::identity);
        Endpoint::from_shared(format!("https://{address}"))?.tls_config(tls)?.connect().await
    }

    /// A stream that never ends, held by a client.
    pub(crate) async fn watch(&self, address: SocketAddr) -> tonic::Streaming<WatchReferralsResponse> {
        let mut client = WatchClient::new(self.channel(address, "moh/hotline").await);
        client.watch_referrals(WatchReferralsRequest::default()).await.unwrap().into_inner()
    }

    async fn channel(&self, address: SocketAddr, name: &str) -> Channel {
        self.connect(address, Some(self.identity(name))).await.unwrap()
    }
}

fn reason(status: &Status) -> String {
    status.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

#[tokio::test]
async fn a_named_system_is_let_in_and_its_trace_goes_on() {
    let world = World::new();
    let (_serving, address) = world.start().await;
    let mut client = Client::new(world.channel(address, "moh/hotline").await);
    for (header, goes_on) in [(Some(TRACE), true), (Some("a name of a child"), false), (None, false)] {
        let mut request = Request::new(OpenBranchRequest::default());
        header.map(|header| request.metadata_mut().insert("traceparent", header.parse().unwrap()));
        let response = client.open_branch(request).await.unwrap();
        assert_eq!(response.metadata().get("x-caller").unwrap(), "moh/hotline");
        let sealed = response.metadata().get("x-trace").unwrap().to_str().unwrap();
        assert_eq!(sealed.starts_with("00-4bf92f3577b34da6a3ce929d0e0e4736-"), goes_on, "{sealed}");
        assert!(TraceContext::parse(sealed).is_some() && sealed != TRACE, "{sealed}");
    }
}

#[tokio::test]
async fn whoever_has_no_certificate_of_the_authority_is_not_let_in() {
    let world = World::new();
    let (_serving, address) = world.start().await;
    let stranger = issue(
        &authority(),
        vec![SanType::URI("nhipcau://moh/hotline".try_into().unwrap())],
        ExtendedKeyUsagePurpose::ClientAuth,
    );
    // Made for a server, not for a client.
    let names = vec![SanType::URI("nhipcau://moh/hotline".try_into().unwrap())];
    let server = issue(&world.authority, names, ExtendedKeyUsagePurpose::ServerAuth);
    let identities =
        [None, Some(Identity::from_pem(stranger.0, stranger.1)), Some(Identity::from_pem(server.0, server.1))];
    for identity in identities {
        // In TLS 1.3 a client learns that its certificate was refused only with its first read.
        if let Ok(channel) = world.connect(address, identity).await {
            let refused = Client::new(channel).open_branch(OpenBranchRequest::default()).await.unwrap_err();
            assert_ne!(refused.code(), Code::Ok);
            assert_eq!(reason(&refused), "");
        }
    }
}

#[tokio::test]
async fn an_expired_certificate_is_not_let_in_and_a_valid_one_of_its_kind_is() {
    let world = World::new();
    let (_serving, address) = world.start().await;
    for (last_year, is_let_in) in [(2021, false), (4096, true)] {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::default();
        params.subject_alt_names = vec![SanType::URI("nhipcau://moh/hotline".try_into().unwrap())];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(last_year, 1, 1);
        let certificate = params.signed_by(&key, &world.authority).unwrap();
        let identity = Identity::from_pem(certificate.pem(), key.serialize_pem());
        let answer = match world.connect(address, Some(identity)).await {
            Ok(channel) => Client::new(channel).open_branch(OpenBranchRequest::default()).await.is_ok(),
            Err(_) => false,
        };
        assert_eq!(answer, is_let_in, "{last_year}");
    }
}

#[tokio::test]
async fn unknown_systems_missing_roles_and_missing_persons_are_refused() {
    let world = World::new();
    let (_serving, address) = world.start().await;
    let mut unknown = Client::new(world.channel(address, "moh/other").await);
    let refused = unknown.open_branch(OpenBranchRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::PermissionDenied, reason::SYSTEM_UNKNOWN));

    let mut nameless = Client::new(world.channel(address, "moh").await);
    let refused = nameless.open_branch(OpenBranchRequest::default()).await.unwrap_err();
    assert_eq!(reason(&refused), reason::CERTIFICATE_WITHOUT_NAME);

    let mut hotline = Client::new(world.channel(address, "moh/hotline").await);
    let refused = hotline.close_branch(CloseBranchRequest::default()).await.unwrap_err();
    assert_eq!(reason(&refused), reason::ROLE_MISSING);

    let mut desk = Client::new(world.channel(address, "moh/desk").await);
    let refused = desk.close_branch(CloseBranchRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unauthenticated, reason::ACTING_PERSON_MISSING));
    let mut request = Request::new(CloseBranchRequest::default());
    request.metadata_mut().insert(ACTING_PERSON, "staff-17".parse().unwrap());
    let refused = desk.close_branch(request).await.unwrap_err();
    assert_eq!(reason(&refused), reason::ACCESS_DENIED);
}

#[tokio::test]
async fn health_and_both_reflections_answer() {
    use tonic_reflection::pb::{v1, v1alpha};

    let world = World::new();
    let (serving, address) = world.start().await;
    let channel = world.channel(address, "moh/hotline").await;
    let mut health = HealthClient::new(channel.clone());
    let mut state = async |service: &str| {
        let request = HealthCheckRequest { service: service.to_owned() };
        health.check(request).await.map(|response| response.into_inner().status())
    };
    let steering = "nhipcau.referral.v1.ReferralSteeringService";
    for name in ["", steering] {
        assert_eq!(state(name).await.unwrap(), health_check_response::ServingStatus::Serving, "{name}");
    }
    serving.withdraw().await;
    assert_eq!(state(steering).await.unwrap(), health_check_response::ServingStatus::NotServing);

    // The two versions differ in their names only.
    macro_rules! reflects {
        ($version:ident) => {{
            use $version::{server_reflection_request::MessageRequest, server_reflection_response::MessageResponse};
            let asked = [
                MessageRequest::ListServices(String::new()),
                MessageRequest::FileContainingSymbol(steering.to_owned()),
            ];
            let requests = asked
                .map(|asked| $version::ServerReflectionRequest { host: String::new(), message_request: Some(asked) });
            let mut client = $version::server_reflection_client::ServerReflectionClient::new(channel.clone());
            let mut answers = client.server_reflection_info(stream::iter(requests)).await.unwrap().into_inner();
            let list = answers.message().await.unwrap().unwrap().message_response.unwrap();
            let MessageResponse::ListServicesResponse(list) = list else { panic!("{list:?}") };
            assert!(list.service.iter().any(|service| service.name == steering));
            let file = answers.message().await.unwrap().unwrap().message_response.unwrap();
            let MessageResponse::FileDescriptorResponse(file) = file else { panic!("{file:?}") };
            assert!(!file.file_descriptor_proto.is_empty());
        }};
    }
    reflects!(v1);
    reflects!(v1alpha);
}

#[tokio::test]
async fn a_panic_is_an_internal_fault_that_says_nothing_and_the_door_stays_open() {
    let world = World::new();
    let (_serving, address) = world.start().await;
    let mut client = Client::new(world.channel(address, "moh/hotline").await);
    let refused = client.revoke_branch(RevokeBranchRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Internal, reason::INTERNAL_FAULT));
    assert!(!format!("{refused:?}").contains("secret"));
    assert!(client.open_branch(OpenBranchRequest::default()).await.is_ok());
}

#[tokio::test]
async fn errors_that_the_library_makes_have_reasons_too() {
    let world = World::new();
    let (_serving, address) = world.start().await;
    let channel = world.channel(address, "moh/hotline").await;

    let mut client = Client::new(channel.clone());
    let large = OpenBranchRequest { name: "x".repeat(100 << 10), ..OpenBranchRequest::default() };
    let refused = client.open_branch(large).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, reason::REQUEST_TOO_LARGE));

    let mut raw = tonic::client::Grpc::new(channel.clone());
    raw.ready().await.unwrap();
    // Field 2 of both; a text in one and bytes in the other.
    let latin = prost_types::Any { type_url: String::new(), value: b"Nguy\xean".to_vec() };
    let path = "/nhipcau.referral.v1.ReferralSteeringService/OpenBranch".parse().unwrap();
    let codec = tonic_prost::ProstCodec::<prost_types::Any, OpenBranchResponse>::default();
    let refused = raw.unary(Request::new(latin), path, codec).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::InvalidArgument, reason::REQUEST_MALFORMED));

    let mut other = nhipcau_proto::indicator::v1::indicator_service_client::IndicatorServiceClient::new(channel);
    let refused = other.submit(nhipcau_proto::indicator::v1::SubmitRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::Unimplemented, reason::METHOD_UNKNOWN));
}

#[tokio::test]
async fn every_answer_is_counted_by_method_code_and_reason() {
    let world = World::new();
    let mut registry = crate::metrics::registry();
    let (_serving, address) = world.start_counted(&mut registry).await;
    let mut client = Client::new(world.channel(address, "moh/hotline").await);
    client.open_branch(OpenBranchRequest::default()).await.unwrap();
    client.close_branch(CloseBranchRequest::default()).await.unwrap_err();
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    let service = "nhipcau.referral.v1.ReferralSteeringService";
    for line in [
        format!("nhipcau_calls_total{{method=\"{service}/OpenBranch\",code=\"OK\",reason=\"\"}} 1"),
        format!(
            "nhipcau_calls_total{{method=\"{service}/CloseBranch\",code=\"PERMISSION_DENIED\",\
             reason=\"ROLE_MISSING\"}} 1"
        ),
        "nhipcau_connections 1".to_owned(),
    ] {
        assert!(page.contains(&line), "{line} is missing in {page}");
    }
}

#[tokio::test]
async fn a_system_beyond_its_rate_is_turned_away_alone_and_let_in_after_the_time_that_it_is_told() {
    let mut world = World::new();
    world.config.rate = Rate { burst: 3, refill: Duration::from_secs(600) };
    let mut registry = crate::metrics::registry();
    let (_serving, address) = world.start_counted(&mut registry).await;
    let mut hotline = Client::new(world.channel(address, "moh/hotline").await);
    for _ in 0..3 {
        hotline.open_branch(OpenBranchRequest::default()).await.unwrap();
    }
    // Another connection is no other system.
    let mut again = Client::new(world.channel(address, "moh/hotline").await);
    let refused = again.open_branch(OpenBranchRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::ResourceExhausted, reason::RATE_EXCEEDED));
    let wait = refused.get_error_details().retry_info().unwrap().retry_delay.unwrap();
    assert!(wait > Duration::from_secs(500) && wait <= Duration::from_secs(600), "{wait:?}");
    // A system with a rate of its own, and those who are not named, have quotas of theirs.
    let mut desk = Client::new(world.channel(address, "moh/desk").await);
    for _ in 0..10 {
        desk.open_branch(OpenBranchRequest::default()).await.unwrap();
    }
    let wait = desk.open_branch(OpenBranchRequest::default()).await.unwrap_err();
    let wait = wait.get_error_details().retry_info().unwrap().retry_delay.unwrap();
    tokio::time::sleep(wait).await;
    desk.open_branch(OpenBranchRequest::default()).await.unwrap();
    let mut unknown = Client::new(world.channel(address, "moh/other").await);
    let reasons = async {
        let mut reasons = Vec::new();
        for _ in 0..4 {
            reasons.push(reason(&unknown.open_branch(OpenBranchRequest::default()).await.unwrap_err()));
        }
        reasons
    };
    let unknown = reason::SYSTEM_UNKNOWN;
    assert_eq!(reasons.await, [unknown, unknown, unknown, reason::RATE_EXCEEDED]);
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    for line in ["nhipcau_calls_limited_total{system=\"moh/hotline\"} 1", "nhipcau_calls_limited_total{system=\"\"} 1"]
    {
        assert!(page.contains(line), "{line} is missing in {page}");
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_is_ended() {
    let mut world = World::new();
    world.config.timeout = Duration::from_millis(50);
    let (_serving, address) = world.start().await;
    let mut client = Client::new(world.channel(address, "moh/hotline").await);
    let refused = client.disclose_branch(DiscloseBranchRequest::default()).await.unwrap_err();
    assert_eq!((refused.code(), reason(&refused).as_str()), (Code::DeadlineExceeded, reason::DEADLINE_PASSED));
    assert!(refused.get_error_details().retry_info().is_some());
}

#[tokio::test]
async fn draining_lets_a_call_in_progress_finish() {
    let world = World::new();
    let (serving, address) = world.start().await;
    let mut client = Client::new(world.channel(address, "moh/hotline").await);
    let waiting = tokio::spawn(async move { client.disclose_branch(DiscloseBranchRequest::default()).await });
    world.probe.entered.notified().await;
    let ending = serving.ending.clone();
    let draining = tokio::spawn(serving.drain(Duration::from_secs(20)));
    ending.cancelled().await;
    world.probe.released.notify_one();
    waiting.await.unwrap().unwrap();
    assert_eq!(draining.await.unwrap(), Drained::Whole);
    assert!(world.connect(address, Some(world.identity("moh/hotline"))).await.is_err());
}

#[tokio::test]
async fn draining_is_bounded_when_a_stream_does_not_end() {
    let world = World::new();
    let (serving, address) = world.start().await;
    let mut watch = world.watch(address).await;
    let (begun, grace) = (Instant::now(), Duration::from_millis(100));
    assert_eq!(serving.drain(grace).await, Drained::Cut(1));
    assert!(begun.elapsed() < grace + Duration::from_secs(3));
    assert!(watch.message().await.is_err());
}

#[tokio::test]
async fn a_peer_that_never_shakes_hands_holds_nothing_up() {
    let world = World::new();
    let (serving, address) = world.start().await;
    let _silent = tokio::net::TcpStream::connect(address).await.unwrap();
    let mut client = Client::new(world.channel(address, "moh/hotline").await);
    assert!(client.open_branch(OpenBranchRequest::default()).await.is_ok());
    drop(client);
    assert_eq!(serving.drain(Duration::from_secs(20)).await, Drained::Whole);
}

#[tokio::test]
async fn a_key_that_others_may_read_keeps_the_door_shut() {
    use std::os::unix::fs::PermissionsExt as _;

    let world = World::new();
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(world.directory.path().join("server.key"), open).unwrap();
    let refused = Server::bind(&world.config, Systems::default(), &mut crate::metrics::registry()).await;
    assert!(matches!(refused.err(), Some(Error::Tls(tls::Error::Key(private_file::Error::Open(0o644))))));
}
