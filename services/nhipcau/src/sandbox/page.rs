//! What the sandbox prints once it runs: where everything is, and lines that can be pasted.

use std::{fmt, path::Path};

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
        writeln!(f, "\nThe sandbox at {home} runs. Ctrl-C ends it; started again it is as it was.\n")?;
        writeln!(f, "  root fingerprint  {}", endpoints.fingerprint)?;
        writeln!(f, "  broker            {}   monitoring {}", endpoints.broker.address, endpoints.broker.monitor)?;
        for member in MEMBERS {
            let Ok(access_point) = world.access_point(member.name) else { continue };
            writeln!(f, "\n  {} — {}", member.name, member.about)?;
            writeln!(f, "    gRPC     {}   as {}", access_point.grpc, access_point.system)?;
            writeln!(f, "    profile  {}", world.path(&access_point.profile).display())?;
            writeln!(f, "    metrics  {}", access_point.metrics)?;
            writeln!(f, "    log      {}", world.path(&access_point.log).display())?;
        }
        calls(f, world)
    }
}

fn calls(f: &mut fmt::Formatter<'_>, world: &World) -> fmt::Result {
    let Some(member) = Member::named("moh") else { return Ok(()) };
    let Ok(access_point) = world.access_point(member.name) else { return Ok(()) };
    let path = |relative: &Path| world.path(relative).display().to_string();
    writeln!(f, "\nAny gRPC client finds the contracts by reflection; with buf, from the clone:\n")?;
    writeln!(
        f,
        "  call() {{ node_modules/.bin/buf curl --protocol grpc --cacert {} \\",
        path(&access_point.root_certificates)
    )?;
    writeln!(f, "    --cert {} --key {} \"$@\"; }}", path(&access_point.certificate), path(&access_point.key))?;
    writeln!(f, "  call {} --list-methods", access_point.grpc)
}
