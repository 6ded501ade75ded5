//! How a PostgreSQL server is reached, and what it must promise. Whatever a store does there is tested where it is
//! tested on SQLite.

use std::{env, fs, path::PathBuf};

use nhipcau_messaging::store::{Claim, Error, Location, Server, scratch_url, version};

fn given(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests by `make test`"))
}

#[test]
fn a_server_is_reached_over_tls_by_whoever_trusts_its_certificate_and_by_nobody_else() {
    let url = given("NHIPCAU_TEST_POSTGRES_TLS");
    let trusted = PathBuf::from(given("NHIPCAU_TEST_POSTGRES_CA"));
    let at = |roots| Location::from(Server::new(&url, None, Some(roots)).unwrap());
    assert!(version(&at(trusted.clone())).is_ok());

    let home = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap().self_signed(&key).unwrap();
    let path = home.path().join("other.pem");
    fs::write(&path, other.pem()).unwrap();
    assert!(matches!(version(&at(path)), Err(Error::Unreachable(_))));
    // The certificate is of localhost.
    let elsewhere = Server::new(&url.replace("localhost", "127.0.0.1"), None, Some(trusted)).unwrap();
    assert!(matches!(version(&elsewhere.into()), Err(Error::Unreachable(_))));
}

#[test]
fn a_server_that_confirms_what_is_not_on_its_disk_is_refused() {
    let url = scratch_url().unwrap();
    for (setting, value) in [("synchronous_commit", "off"), ("synchronous_commit", "local")] {
        let weak = Server::new(&format!("{url}%20-c%20{setting}%3D{value}"), None, None).unwrap();
        assert!(matches!(Claim::on(&weak), Err(Error::Server(refused)) if refused == setting), "{value}");
    }
    assert!(Claim::on(&Server::new(&url, None, None).unwrap()).is_ok());
}

#[test]
fn a_place_is_taken_once_and_free_again_when_its_holder_has_gone() {
    let server = Server::new(&scratch_url().unwrap(), None, None).unwrap();
    let [first, second] = [Claim::on(&server).unwrap(), Claim::on(&server).unwrap()];
    assert!(first.try_take().unwrap());
    assert!(!second.try_take().unwrap());
    drop(first);
    let begun = std::time::Instant::now();
    while !second.try_take().unwrap() {
        assert!(begun.elapsed().as_secs() < 20, "the place is not free");
    }
}
