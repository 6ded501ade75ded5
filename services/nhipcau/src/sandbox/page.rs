//! What the sandbox prints once it runs: where everything is, and lines that can be pasted into a shell.

use std::fmt;

use super::{
    plan::{MEMBERS, Member},
    world::World,
};

/// The page about a running sandbox.
pub(super) struct Page<'w>(pub(super) &'w World);

impl fmt::Display for Page<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(world) = self;
        let endpoints = world.endpoints();
        let home = world.home().display();
        writeln!(f, "Môi trường thử tại {home} đang chạy. Nhấn Ctrl-C để dừng; lần sau mọi dữ liệu vẫn còn.")?;
        writeln!(f, "The sandbox at {home} runs. Ctrl-C ends it; started again it is as it was.")?;
        writeln!(f, "\n  root fingerprint  {}", endpoints.fingerprint)?;
        writeln!(f, "  broker            {}, monitoring {}", endpoints.broker.address, endpoints.broker.monitor)?;
        for member in MEMBERS {
            let Ok(access_point) = world.access_point(member.name) else { continue };
            writeln!(f, "\n  {} — {}", member.name, member.about)?;
            writeln!(f, "    gRPC     {} as {}", access_point.grpc, access_point.system)?;
            writeln!(f, "    profile  {}", world.path(&access_point.profile).display())?;
            writeln!(f, "    metrics  {}", access_point.metrics)?;
            writeln!(f, "    log      {}", world.path(&access_point.log).display())?;
        }
        commands(f, world)?;
        calls(f, world)
    }
}

/// Figures, and both cases from both sides, by the command line.
fn commands(f: &mut fmt::Formatter<'_>, world: &World) -> fmt::Result {
    let (home, program) = (world.home().display(), world.program().display());
    write!(
        f,
        "\nPaste this into another shell, and call as any of the four systems:\n\n\
         \x20 as_system() {{ NHIPCAU_PROFILE={home}/systems/$1/profile.toml {program} \"${{@:2}}\"; }}\n\n\
         Figures, published by one and held by the others:\n\n\
         \x20 as_system moha-statistics indicators import deploy/dev/demo/indicators.csv\n\
         \x20 as_system vwu-desk indicators export --structure 'IAEG-SDGs:SDG(1.8)'\n\n\
         A transfer from 111 to a commune; BRANCH is what `list` shows:\n\n\
         \x20 as_system moh-hotline referral template --kind transfer > /tmp/transfer.json\n\
         \x20 as_system moh-hotline referral submit /tmp/transfer.json\n\
         \x20 as_system hanoi-commune referral list\n\
         \x20 as_system hanoi-commune referral acknowledge --person p-1 BRANCH\n\
         \x20 as_system hanoi-commune referral start --person p-1 BRANCH\n\
         \x20 as_system hanoi-commune referral complete --person p-1 --outcome resolved BRANCH\n\
         \x20 as_system moh-hotline referral close --person p-2 BRANCH\n\n\
         A service asked of a shelter's desk, which sees who it is about once it has accepted:\n\n\
         \x20 as_system hanoi-commune referral template --kind referral --from hanoi/00004 --to vwu/desk > /tmp/referral.json\n\
         \x20 as_system hanoi-commune referral submit /tmp/referral.json\n\
         \x20 as_system vwu-desk referral list\n\
         \x20 as_system vwu-desk referral acknowledge --person p-3 BRANCH\n\
         \x20 as_system vwu-desk referral accept --person p-3 BRANCH\n\
         \x20 as_system vwu-desk referral watch\n"
    )
}

/// The same doors for any gRPC client.
fn calls(f: &mut fmt::Formatter<'_>, world: &World) -> fmt::Result {
    let Some(access_point) = Member::named("moh").and_then(|member| world.access_point(member.name).ok()) else {
        return Ok(());
    };
    let path = |relative| world.path(relative).display().to_string();
    let (ca, certificate) = (path(&access_point.root_certificates), path(&access_point.certificate));
    let (key, url) = (path(&access_point.key), &access_point.grpc);
    write!(
        f,
        "\nAny gRPC client finds the contracts by reflection. With buf, from the clone:\n\n\
         \x20 call() {{ node_modules/.bin/buf curl --protocol grpc --cacert {ca} --cert {certificate} --key {key} \"$@\"; }}\n\
         \x20 call {url} --list-methods\n\
         \x20 call {url}/nhipcau.indicator.v1.IndicatorService/ListSeries \\\n\
         \x20   --data '{{\"selection\": {{\"structure\": \"IAEG-SDGs:SDG(1.8)\"}}, \"page_size\": 3}}'"
    )
}
