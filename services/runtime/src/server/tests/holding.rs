//! What callers hold at once, and that whoever has its share fills the door for nobody but itself.

use tokio::task::JoinHandle;
use tower::{Service as _, ServiceExt as _};

use super::*;

type Answer = Result<Response<DiscloseBranchResponse>, Status>;

/// A call that is answered when the probe lets it.
async fn waiting(world: &World, client: &Client<Channel>) -> JoinHandle<Answer> {
    let mut client = client.clone();
    let call = tokio::spawn(async move { client.disclose_branch(DiscloseBranchRequest::default()).await });
    world.probe.entered.notified().await;
    call
}

/// What was given up is free once the server has heard of it.
async fn until(is_let_in: impl AsyncFn() -> bool) {
    let let_in = async {
        while !is_let_in().await {
            tokio::task::yield_now().await;
        }
    };
    timeout(Duration::from_secs(20), let_in).await.expect("a place");
}

#[track_caller]
fn assert_turned_away(refused: &Status) {
    assert_eq!((refused.code(), reason(refused).as_str()), (Code::ResourceExhausted, reason::TOO_MANY_CALLS));
    assert!(refused.get_error_details().retry_info().is_some());
}

#[tokio::test]
async fn calls_beyond_the_limit_are_turned_away_with_a_delay() {
    let mut world = World::new();
    world.config.concurrency = 1;
    let (_serving, address) = world.start().await;
    let mut client = Client::new(world.channel(address, "moh/hotline").await);
    let call = waiting(&world, &client).await;
    assert_turned_away(&client.open_branch(OpenBranchRequest::default()).await.unwrap_err());
    world.probe.released.notify_one();
    call.await.unwrap().unwrap();
    client.open_branch(OpenBranchRequest::default()).await.unwrap();
}

#[tokio::test]
async fn a_system_with_a_quarter_of_all_calls_is_turned_away_alone() {
    let mut world = World::new();
    world.config.concurrency = 8;
    let (_serving, address) = world.start().await;
    let mut hotline = Client::new(world.channel(address, "moh/hotline").await);
    let calls = [waiting(&world, &hotline).await, waiting(&world, &hotline).await];
    assert_turned_away(&hotline.open_branch(OpenBranchRequest::default()).await.unwrap_err());
    let mut desk = Client::new(world.channel(address, "moh/desk").await);
    desk.open_branch(OpenBranchRequest::default()).await.unwrap();
    for call in calls {
        world.probe.released.notify_one();
        call.await.unwrap().unwrap();
    }
    hotline.open_branch(OpenBranchRequest::default()).await.unwrap();
}

#[tokio::test]
async fn requests_whose_bytes_have_no_room_are_turned_away_and_leave_nothing_behind() {
    let mut world = World::new();
    world.config.requests_bytes = 128 << 10;
    let (_serving, address) = world.start().await;
    let mut client = Client::new(world.channel(address, "moh/hotline").await);
    let sized = |bytes| OpenBranchRequest { request_id: "x".repeat(bytes), ..OpenBranchRequest::default() };
    for _ in 0..8 {
        assert_turned_away(&client.open_branch(sized(40 << 10)).await.unwrap_err());
    }
    // Each is within the quarter; all of them together are not.
    for _ in 0..8 {
        client.open_branch(sized(20 << 10)).await.unwrap();
    }
}

#[tokio::test]
async fn streams_beyond_the_share_of_a_system_are_turned_away_until_one_has_ended() {
    let mut world = World::new();
    world.config.watches = 2;
    let (_serving, address) = world.start().await;
    let mut hotline = WatchClient::new(world.channel(address, "moh/hotline").await);
    let first = hotline.watch_referrals(WatchReferralsRequest::default()).await.unwrap();
    let _second = hotline.watch_referrals(WatchReferralsRequest::default()).await.unwrap();
    assert_turned_away(&hotline.watch_referrals(WatchReferralsRequest::default()).await.unwrap_err());
    let mut desk = WatchClient::new(world.channel(address, "moh/desk").await);
    desk.watch_referrals(WatchReferralsRequest::default()).await.unwrap();
    drop(first);
    // The server hears that a stream was given up when its connection does.
    until(async || hotline.clone().watch_referrals(WatchReferralsRequest::default()).await.is_ok()).await;
}

#[tokio::test]
async fn connections_beyond_the_share_of_a_system_are_closed_and_no_others() {
    let mut world = World::new();
    world.config.connections = 1;
    let mut registry = crate::metrics::registry();
    let (_serving, address) = world.start_counted(&mut registry).await;
    let first = world.channel(address, "moh/hotline").await;
    let mut client = Client::new(first.clone());
    client.open_branch(OpenBranchRequest::default()).await.unwrap();
    let is_let_in = async |name: &str| {
        let Ok(channel) = world.connect(address, Some(world.identity(name))).await else { return false };
        Client::new(channel).open_branch(OpenBranchRequest::default()).await.is_ok()
    };
    assert!(!is_let_in("moh/hotline").await);
    assert!(is_let_in("moh/desk").await);
    client.open_branch(OpenBranchRequest::default()).await.unwrap();
    drop((first, client));
    until(async || is_let_in("moh/hotline").await).await;
    let mut page = String::new();
    prometheus_client::encoding::text::encode(&mut page, &registry).unwrap();
    assert!(page.contains("nhipcau_connections_closed_total{system=\"moh/hotline\"}"), "{page}");
}

/// A connection on which the server may send one byte of each answer until the caller takes more.
async fn narrow(world: &World, address: SocketAddr) -> Channel {
    let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(world.authority.pem()));
    let tls = tls.domain_name("localhost").identity(world.identity("moh/hotline"));
    let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap().initial_stream_window_size(1);
    endpoint.tls_config(tls).unwrap().connect().await.unwrap()
}

#[tokio::test]
async fn an_answer_that_its_caller_does_not_take_counts_until_it_is_taken_or_given_up() {
    let mut world = World::new();
    world.config.concurrency = 4;
    let (_serving, address) = world.start().await;
    let mut narrow = narrow(&world, address).await;
    let path = format!("https://{address}/nhipcau.referral.v1.ReferralSteeringService/OpenBranch");
    // An empty message.
    let body = Body::new(http_body_util::Full::new(hyper::body::Bytes::from_static(&[0; 5])));
    let request = http::Request::post(path).header("content-type", "application/grpc").body(body).unwrap();
    let untaken = narrow.ready().await.unwrap().call(request).await.unwrap();
    let mut client = Client::new(world.channel(address, "moh/hotline").await);
    for _ in 0..20 {
        assert_turned_away(&client.open_branch(OpenBranchRequest::default()).await.unwrap_err());
    }
    drop(untaken);
    until(async || client.clone().open_branch(OpenBranchRequest::default()).await.is_ok()).await;
}

#[tokio::test]
async fn a_call_whose_caller_gave_up_counts_until_it_has_come_to_its_end() {
    let mut world = World::new();
    world.config.concurrency = 4;
    let (_serving, address) = world.start().await;
    let mut client = Client::new(world.channel(address, "moh/hotline").await);
    let call = waiting(&world, &client).await;
    call.abort();
    assert!(call.await.unwrap_err().is_cancelled());
    for _ in 0..20 {
        assert_turned_away(&client.open_branch(OpenBranchRequest::default()).await.unwrap_err());
    }
    world.probe.released.notify_one();
    until(async || client.clone().open_branch(OpenBranchRequest::default()).await.is_ok()).await;
}
