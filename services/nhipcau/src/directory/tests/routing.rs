//! Asking a signed directory which unit serves.

use clap::Parser;
use nhipcau_domain::route::{Asked, Urgency};

use super::{
    route::{Answer, ask},
    *,
};
use crate::{exit::Code, registry, sandbox::World};

/// Two wards under a department; one of them was made of all of an older one and of a part of another.
fn office() -> Office {
    let office = Office::new();
    let unit = |unit: &str, rest: &str| {
        format!(
            "[[unit]]\nparty = \"moh\"\nunit = \"{unit}\"\nnames = {{ vi = \"Đơn vị {unit}\" }}\n\
             start_time = 2025-03-01T00:00:00+07:00\nservices = [\"child-protection\"]\n{rest}\n"
        )
    };
    let day = "hours = [{ weekdays = [1, 2, 3, 4, 5], start = \"07:30\", end = \"17:00\" }]";
    let units = [
        unit("health", "areas = [\"01@VN-34-2026\"]\nhours = [{ start = \"00:00\", end = \"24:00\" }]"),
        unit("east", &format!("parent = \"health\"\nareas = [\"00004@VN-34-2026\"]\n{day}")),
        unit("west", &format!("parent = \"health\"\nareas = [\"00070@VN-34-2026\", \"00003@VN-63\"]\n{day}")),
    ];
    office.write("units.toml", &units.concat());
    office.write(
        "tables/versions.csv",
        "version,valid_from,valid_until,basis,name_vi,name_en\nVN-63,,2025-06-30,Before,Trước,Before\n\
         VN-34-2026,2025-07-01,,Decision,Sau,After\n",
    );
    office.write(
        "tables/units.csv",
        "code,level,parent,kind,name,valid_from,valid_until\n01,province,,city,Thành phố Hà Nội,,\n\
         00001,commune,01,ward,Phường Một,,2025-06-30\n00003,commune,01,ward,Phường Ba,,2025-06-30\n\
         00004,commune,01,ward,Phường Đông,2025-07-01,\n00070,commune,01,ward,Phường Tây,2025-07-01,\n",
    );
    office.write(
        "tables/crosswalk-2025-07-01.csv",
        "old_level,old_code,new_code,extent\ncommune,00001,00004,whole\ncommune,00003,00004,part\n\
         commune,00003,00070,part\n",
    );
    let path = office.first();
    office.install(&path).unwrap();
    office
}

fn asked(office: &Office, area: &str, at: &str, urgency: Urgency) -> Answer {
    let area = area.parse().unwrap();
    let asked = Asked { service: "child-protection", area: &area, at: at.parse().unwrap(), urgency };
    let release = verify(&office.place(), day(1)).unwrap();
    let tables = registry::read(&office.place(), &release).unwrap();
    ask(release, tables.areas, &asked)
}

const BY_DAY: &str = "2026-11-30T10:00:00+07:00";
const BY_NIGHT: &str = "2026-11-30T02:10:00+07:00";

#[test]
fn a_unit_is_named_with_why_it_is_that_one() {
    let office = office();
    for area in ["00004@VN-34-2026", "00001@VN-63"] {
        assert_eq!(asked(&office, area, BY_DAY, Urgency::Now).unit.as_deref(), Some("moh/east"), "{area}");
        assert_eq!(asked(&office, area, BY_NIGHT, Urgency::CanWait).unit.as_deref(), Some("moh/east"), "{area}");
    }
    let at_night = asked(&office, "00004@VN-34-2026", BY_NIGHT, Urgency::Now);
    let unplaced = "\n  moh/west 00003@VN-63: the area lies nowhere for certain";
    let text = "moh/health: Đơn vị health\n  moh/east has nobody there at that time (hours 1 2 3 4 5 07:30–17:00)\n  \
                moh/health fits, after moh/east";
    assert_eq!(at_night.to_string(), [text, unplaced].concat());
}

#[test]
fn what_no_unit_serves_for_certain_is_a_question_to_a_person() {
    let office = office();
    let split = asked(&office, "00003@VN-63", BY_DAY, Urgency::Now);
    assert_eq!((split.unit, split.question), (None, Some("area-split")));
    assert_eq!(split.candidates, ["00004@VN-34-2026", "00070@VN-34-2026"]);
    let unknown = asked(&office, "99999@VN-63", BY_DAY, Urgency::Now);
    assert_eq!(unknown.question, Some("area-unknown"));
    assert_eq!(unknown.to_string().lines().next().unwrap_or_default().split(':').next(), Some("a person decides"));
}

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: route::Args,
}

#[test]
fn a_script_learns_from_the_exit_code_whether_a_unit_is_certain() {
    let here = tempfile::tempdir().unwrap();
    let (world, _) = World::open(&here.path().join("sandbox"), Timestamp::now()).unwrap();
    let profile = world.path(&world.access_point("moh").unwrap().profile);
    let run = |service: &str, area: &str| {
        let words = ["route", "--service", service, "--area", area, "--at", BY_DAY, "--profile"];
        let line = Line::try_parse_from(words.into_iter().chain(profile.to_str())).map_err(|_| Code::Usage)?;
        line.args.run().map_err(|failure| failure.code())
    };
    assert_eq!(run("child-protection", "00004@VN-34-2026"), Ok(()));
    assert_eq!(run("child-protection", "00004@VN-63"), Ok(()));
    assert_eq!(run("shelter", "00004@VN-63"), Ok(()), "of all areas");
    assert_eq!(run("child-protection", "00019@VN-63"), Err(Code::Differs));
    assert_eq!(run("child-protection", "79@VN-34-2026"), Err(Code::Differs));
    assert_eq!(run("child-protection", "00004"), Err(Code::Usage), "a code means nothing alone");
}
