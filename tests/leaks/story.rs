//! What happens: two kinds of case whose every free text holds the words that are looked for, one transferred and one
//! that rests on consent, through acceptance, rejection, disclosure in an emergency and withdrawal; everything that can
//! be refused; a broker that loses its disk and a store that is put back, so that all is sent again and returned; and
//! all that operators and auditors call meanwhile.
//!
//! What a basis cites is an article of law and lies in the clear by contract: the words are not put there.

use std::{collections::BTreeMap, fs, process::Command};

use anyhow::{Context as _, Result, ensure};
use jiff::Timestamp;
use nhipcau_proto::{
    accesspoint::v1::{ListAlarmsRequest, access_point_service_client::AccessPointServiceClient},
    google::r#type::Date,
    referral::v1::{
        self as pb, BranchState, ReferralView, referral_attachment_service_client::ReferralAttachmentServiceClient,
        referral_service_client::ReferralServiceClient,
    },
};
use nhipcau_tests::{
    case::{commune, preview},
    disk::Disk,
    process::{Process, output, program},
    wait,
    world::World,
};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use uuid::Uuid;

use crate::{
    canary::{ADDRESS, NAME, PHONE, text},
    places, refusals,
    wire::Tap,
};

/// The access points that take part.
pub(crate) const ALL: [&str; 3] = ["moh", "hanoi", "vwu"];

/// A login without permissions, and so with every one, in nats-server's configuration.
const LOGIN: &str = "users: [\n  { user: \"insider\", password: \"insider\" }\n";

/// A run.
pub(crate) struct Story {
    pub(crate) taps: BTreeMap<&'static str, Tap>,
    pub(crate) door: Tap,
    pub(crate) outputs: Vec<(String, Vec<u8>)>,
    pub(crate) refused: Vec<(String, Vec<u8>)>,
    pub(crate) pages: Vec<(String, Vec<u8>)>,
    /// A process with the words in its environment, once they were planted.
    pub(crate) planted: Option<Process>,
    /// Disks of an access point's own, by what is on them.
    disks: BTreeMap<&'static str, Disk>,
    // After the disks, which are unmounted before it is taken away.
    pub(crate) world: World,
}

/// A case with one branch.
pub(crate) struct Case {
    referral: String,
    branch: String,
    sides: [&'static str; 2],
}

impl Story {
    /// Starts everything, with taps on every way to the broker, and as many logs as there can be.
    pub(crate) async fn begin() -> Result<Self> {
        Self::begin_on(&[]).await
    }

    /// The same with the store and the key-encryption keys of some access points on disks of their own.
    pub(crate) async fn begin_on(own: &[&str]) -> Result<Self> {
        let mut world = World::make()?;
        let mut disks = BTreeMap::new();
        for (name, place) in own.iter().flat_map(|name| ["store", "kek"].map(|place| (name, place))) {
            let at = world.path(name).join(place);
            fs::create_dir_all(&at)?;
            let image = world.path(format!("{name}-{place}.image"));
            disks.insert(place, Disk::mount(&at, image, 96).context("needs root, mount and mkfs.ext4 (e2fsprogs)")?);
        }
        let users = world.path("nats/users.conf");
        let text = fs::read_to_string(&users)?;
        ensure!(text.contains("users: [\n"), "users.conf has another form");
        fs::write(users, text.replacen("users: [\n", LOGIN, 1))?;
        for directory in ["tmp", "copies"] {
            fs::create_dir(world.path(directory))?;
            fs::write(world.path(directory).join("empty"), directory)?;
        }
        world.start_broker().await?;
        world.provision()?;
        if own.is_empty() && places::server().is_some() {
            world.store_at_server("vwu")?;
        }
        let mut taps = BTreeMap::new();
        for name in ALL {
            taps.insert(name, Tap::as_broker(&world, name).await?);
        }
        let door = Tap::before_door(world.port("moh")?).await?;
        let mut story = Self {
            taps,
            door,
            outputs: Vec::new(),
            refused: Vec::new(),
            pages: Vec::new(),
            planted: None,
            disks,
            world,
        };
        for name in ALL {
            story.start(name).await?;
        }
        Ok(story)
    }

    pub(crate) async fn start(&mut self, name: &'static str) -> Result<()> {
        let (tap, tmp) = (self.taps[name].port, self.world.path("tmp"));
        let is_small = !self.disks.is_empty();
        let set = |command: &mut Command| {
            if is_small {
                command.env("NHIPCAU_STORE__FLOOR", "64KiB");
            }
            command.env("NHIPCAU_BROKER__SERVERS", format!("tls://localhost:{tap}"));
            command.env("NHIPCAU_TELEMETRY__FILTER", "trace").env("TMPDIR", tmp);
            command.env("NHIPCAU_TELEMETRY__FORMAT", if name == "hanoi" { "json" } else { "text" });
        };
        self.world.start_access_point_with(name, set).await
    }

    /// Everything up to the point at which a case waits at the broker for a recipient that is away.
    pub(crate) async fn tell(&mut self) -> Result<()> {
        let transfer = request(["moh", "hanoi"], pb::ReferralKind::Transfer);
        let (transfer, attached) = self.attach(transfer).await?;
        let transfer = self.submit(transfer).await?;
        self.reaches(&transfer, BranchState::Received).await?;
        self.fetches("hanoi", &transfer, &attached).await?;
        self.act("hanoi", &transfer, &["acknowledge"])?;
        self.reaches(&transfer, BranchState::Assigned).await?;
        self.act("hanoi", &transfer, &["start"])?;
        self.reads("hanoi", &transfer).await?;
        self.records(&transfer)?;

        let asked = self.submit(request(["hanoi", "vwu"], pb::ReferralKind::Referral)).await?;
        let rejected = self.submit(request(["hanoi", "vwu"], pb::ReferralKind::Referral)).await?;
        self.reaches(&asked, BranchState::Received).await?;
        self.reaches(&rejected, BranchState::Received).await?;
        self.act("vwu", &rejected, &["reject", "--code", "no-capacity"])?;
        self.reaches(&rejected, BranchState::Rejected).await?;
        self.act("vwu", &asked, &["accept"])?;
        self.reaches(&asked, BranchState::Assigned).await?;
        self.reads("vwu", &asked).await?;

        let early = self.submit(request(["hanoi", "vwu"], pb::ReferralKind::Referral)).await?;
        self.reaches(&early, BranchState::Received).await?;
        self.discloses(&early)?;
        self.reads("vwu", &early).await?;
        self.withdraws(&early).await?;

        refusals::all(self, &transfer.branch, &transfer.referral).await?;
        self.act("hanoi", &transfer, &["complete", "--outcome", "resolved"])?;
        self.reaches(&transfer, BranchState::Completed).await?;
        self.act("moh", &transfer, &["close"])?;
        self.reaches(&transfer, BranchState::Closed).await?;
        self.comes_back().await?;
        self.asks(&transfer).await?;

        self.world.kill("hanoi");
        self.submit(request(["moh", "hanoi"], pb::ReferralKind::Transfer)).await?;
        let waits = async || {
            let shown = output(self.world.system("moh").ok()?.args(["channels", "hanoi", "--json"])).ok()?;
            String::from_utf8_lossy(&shown.stdout).contains("\"backlog_count\": 1").then_some(())
        };
        wait::until_answered("a message that waits at the broker", waits).await?;
        let moh = output(self.world.system("moh")?.args(["channels", "--json"]))?;
        self.keep("channels of moh", moh);
        Ok(())
    }

    /// Somebody at the broker writes the words in the clear under the name of a peer, in everything that may arrive.
    pub(crate) async fn goes_wrong_at_the_broker(&mut self) -> Result<()> {
        self.outputs.clear();
        refusals::at_the_broker(self).await?;
        self.alarms("moh").await?;
        let said = output(self.world.system("moh")?.args(["channels", "--json"]))?;
        self.keep("channels of moh", said);
        self.pages.push(("metrics of moh".to_owned(), self.world.metrics("moh").await?.into_bytes()));
        self.verify("moh")
    }

    /// Hands over a file with the words in it, which the request then names.
    async fn attach(
        &mut self,
        (sides, mut request): ([&'static str; 2], pb::SubmitReferralRequest),
    ) -> Result<(([&'static str; 2], pb::SubmitReferralRequest), pb::Attachment)> {
        let mut door = ReferralAttachmentServiceClient::new(self.world.channel(sides[0])?);
        let data = text("bản quét").into_bytes();
        let begin = pb::BeginUploadRequest {
            request_id: Uuid::now_v7().to_string(),
            digest: nhipcau_messaging::pae::sha256(&data).to_vec(),
            size_bytes: data.len() as u64,
            media_type: pb::AttachmentMediaType::Text.into(),
            ..Default::default()
        };
        let upload = door.begin_upload(begin).await?.into_inner().upload.context("an upload")?;
        let write = pb::WriteUploadRequest { name: upload.name.clone(), offset: 0, data };
        door.write_upload(write).await?;
        let finish = pb::FinishUploadRequest { request_id: Uuid::now_v7().to_string(), name: upload.name.clone() };
        door.finish_upload(finish).await?;
        let attachment = pb::Attachment {
            digest: upload.digest,
            size_bytes: upload.size_bytes,
            media_type: upload.media_type,
            kind: pb::AttachmentKind::Writing.into(),
            label: text("nhãn"),
        };
        let narrative = request.content.as_mut().and_then(|content| content.narrative.as_mut());
        narrative.context("a narrative")?.attachments.push(attachment.clone());
        request.case_uid = upload.case_uid;
        Ok(((sides, request), attachment))
    }

    /// What was attached has arrived and may be read there.
    async fn fetches(&self, side: &str, case: &Case, attached: &pb::Attachment) -> Result<()> {
        let mut reader = ReferralAttachmentServiceClient::new(self.world.channel(side)?);
        let request = pb::GetAttachmentChunkRequest {
            name: case.referral.clone(),
            digest: attached.digest.clone(),
            offset: 0,
            acting_person: "can-bo-01".to_owned(),
        };
        wait::until_answered("the attachment at its reader", async || {
            let chunk = reader.get_attachment_chunk(request.clone()).await.ok()?.into_inner();
            (chunk.data == text("bản quét").into_bytes()).then_some(())
        })
        .await
    }

    pub(crate) async fn submit(
        &mut self,
        (sides, request): ([&'static str; 2], pb::SubmitReferralRequest),
    ) -> Result<Case> {
        let port = if sides[0] == "moh" { self.door.port } else { self.world.port(sides[0])? };
        let channel = channel(&self.world, sides[0], port)?;
        let answer = ReferralServiceClient::new(channel).submit_referral(request).await?.into_inner();
        self.pages.push(("the answer to a submission".to_owned(), format!("{answer:?}").into_bytes()));
        let referral = answer.referral.context("a referral")?;
        let branch = referral.branches.first().context("a branch")?.name.clone();
        Ok(Case { referral: referral.name, branch, sides })
    }

    pub(crate) async fn reaches(&self, case: &Case, state: BranchState) -> Result<()> {
        for side in case.sides {
            let mut reader = ReferralServiceClient::new(self.world.channel(side)?);
            let request = pb::GetReferralRequest { name: case.referral.clone(), ..Default::default() };
            let awaited = format!("{} at {side}", state.as_str_name());
            wait::until_answered(&awaited, async || {
                let referral = reader.get_referral(request.clone()).await.ok()?.into_inner().referral?;
                (referral.branches.first()?.state() == state).then_some(())
            })
            .await?;
        }
        Ok(())
    }

    pub(crate) fn act(&mut self, side: &str, case: &Case, arguments: &[&str]) -> Result<()> {
        let mut command = self.world.system(side)?;
        command.arg("referral").args(arguments).args(["--json", "--person", "can-bo-01"]).arg(&case.branch);
        let done = output(&mut command)?;
        ensure!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
        self.keep(&arguments.join(" "), done);
        Ok(())
    }

    /// What was sent has arrived and may be read there, so that it did travel.
    pub(crate) async fn reads(&self, side: &str, case: &Case) -> Result<()> {
        let mut reader = ReferralServiceClient::new(self.world.channel(side)?);
        let request = pb::GetReferralRequest {
            name: case.referral.clone(),
            view: ReferralView::Full.into(),
            acting_person: "can-bo-01".to_owned(),
            ..Default::default()
        };
        wait::until_answered("the identity at its reader", async || {
            let shown = reader.get_referral(request.clone()).await.ok()?.into_inner();
            let shown = format!("{shown:?}");
            (shown.contains(NAME) && shown.contains(ADDRESS) && shown.contains(PHONE)).then_some(())
        })
        .await
    }

    /// The case that a referral belongs to.
    pub(crate) async fn case_of(&self, case: &Case) -> Result<String> {
        let mut reader = ReferralServiceClient::new(self.world.channel(case.sides[0])?);
        let request = pb::GetReferralRequest { name: case.referral.clone(), ..Default::default() };
        Ok(reader.get_referral(request).await?.into_inner().referral.context("a referral")?.case_uid)
    }

    /// A disk of an access point's own.
    pub(crate) fn disk(&self, place: &str) -> Result<&Disk> {
        self.disks.get(place).context("a disk of its own")
    }

    /// Gives the content away before acceptance.
    fn discloses(&mut self, case: &Case) -> Result<()> {
        let file = self.world.path("content.json");
        let known = |about: &str| serde_json::json!({ "value": text(about) });
        let narrative = ["incidentPlace", "incidentTimeText", "condition", "likelyConsequences", "familyCircumstances"];
        let narrative = narrative.into_iter().chain(["actionsTaken", "requestReason"]);
        let narrative: serde_json::Map<_, _> = narrative.map(|field| (field.to_owned(), known(field))).collect();
        fs::write(&file, serde_json::json!({ "narrative": narrative }).to_string())?;
        let file = file.to_str().context("a plain path")?;
        let danger = ["--emergency", "life", "--citation", "Luật Trẻ em, điều 51"];
        self.act("hanoi", case, &[&["disclose", "--content", file], danger.as_slice()].concat())
    }

    /// Says what was done, with the words in what is said about the child.
    fn records(&mut self, case: &Case) -> Result<()> {
        let file = self.world.path("details.json");
        fs::write(&file, serde_json::json!({ "note": text("việc đã làm") }).to_string())?;
        let file = file.to_str().context("a plain path")?;
        let kind = ["--kind", "measure", "--role", "officer"];
        self.act("hanoi", case, &[&["record-work", "--details", file], kind.as_slice()].concat())
    }

    pub(crate) async fn withdraws(&mut self, case: &Case) -> Result<()> {
        let request = pb::WithdrawConsentRequest {
            request_id: Uuid::now_v7().to_string(),
            name: case.referral.clone(),
            acting_person: "can-bo-01".to_owned(),
            withdraw_time: Some(an_hour_ago()),
            validate_only: false,
        };
        let mut steer = ReferralServiceClient::new(self.world.channel("hanoi")?);
        let answer = steer.withdraw_consent(request).await?.into_inner();
        self.pages.push(("the answer to a withdrawal".to_owned(), format!("{answer:?}").into_bytes()));
        Ok(())
    }

    /// All is sent again, past a broker that has lost its disk, and returned to a store that was put back.
    async fn comes_back(&mut self) -> Result<()> {
        self.world.kill("hanoi");
        let older = self.world.keep_store("hanoi")?;
        let again = self.submit(request(["moh", "hanoi"], pb::ReferralKind::Transfer)).await?;
        self.world.kill_broker();
        self.world.lose_broker_disk()?;
        self.world.start_broker().await?;
        self.world.provision()?;
        self.start("hanoi").await?;
        self.reaches(&again, BranchState::Received).await?;
        self.act("hanoi", &again, &["acknowledge"])?;
        self.reaches(&again, BranchState::Assigned).await?;
        self.world.kill("hanoi");
        self.world.restore_store("hanoi", &older)?;
        fs::rename(older, self.world.path("copies/hanoi"))?;
        self.start("hanoi").await?;
        self.reaches(&again, BranchState::Assigned).await?;
        // Its own receipts are returned at once; what they speak of, its senders send again.
        let whole = async || self.audit("hanoi").ok().filter(|said| said.status.success()).map(drop);
        wait::until_answered("the evidence of a store that was put back", whole).await
    }

    /// What operators, auditors and callers without content ask.
    async fn asks(&mut self, case: &Case) -> Result<()> {
        for name in ALL {
            self.alarms(name).await?;
            for arguments in [vec!["channels", "--json"], vec!["referral", "list", "--json"]] {
                let said = output(self.world.system(name)?.args(&arguments))?;
                self.keep(&format!("{arguments:?} of {name}"), said);
            }
            let doctor = output(program()?.args(["doctor", "--json", "--config"]).arg(self.world.config(name)))?;
            self.keep("doctor", doctor);
            self.pages.push((format!("metrics of {name}"), self.world.metrics(name).await?.into_bytes()));
            let copy = self.world.path(format!("copies/{name}.db"));
            let copied = output(
                program()?.args(["store", "copy", "--config"]).arg(self.world.config(name)).arg("--to").arg(&copy),
            )?;
            ensure!(copied.status.success(), "no copy: {}", String::from_utf8_lossy(&copied.stderr));
            self.keep("store copy", copied);
        }
        let kept = self.world.keep_store("moh")?;
        fs::rename(kept, self.world.path("copies/moh"))?;
        let got = output(self.world.system("moh")?.args(["referral", "get", "--json"]).arg(&case.referral))?;
        ensure!(got.status.success(), "not read: {}", String::from_utf8_lossy(&got.stderr));
        self.keep("referral get", got);
        let compared = output(self.world.system("moh")?.args(["reconcile", "hanoi", "--json"]))?;
        self.keep("reconcile", compared);
        self.verify("moh")?;
        self.verify("hanoi")
    }

    /// What operators are told.
    async fn alarms(&mut self, name: &str) -> Result<()> {
        let mut operator = AccessPointServiceClient::new(self.world.channel(name)?);
        let alarms = operator.list_alarms(ListAlarmsRequest::default()).await?.into_inner();
        self.pages.push((format!("alarms of {name}"), format!("{alarms:?}").into_bytes()));
        Ok(())
    }

    fn verify(&mut self, name: &str) -> Result<()> {
        let said = self.audit(name)?;
        ensure!(said.status.success(), "{name} does not verify: {}", String::from_utf8_lossy(&said.stdout));
        self.keep(&format!("verify {name}"), said);
        Ok(())
    }

    fn audit(&self, name: &str) -> Result<std::process::Output> {
        output(program()?.args(["verify", "--json"]).arg(self.world.path(name)))
    }

    /// Keeps what a command wrote.
    pub(crate) fn keep(&mut self, label: &str, said: std::process::Output) {
        let both = [said.stdout, b"\n".to_vec(), said.stderr].concat();
        self.outputs.push((label.to_owned(), both));
    }
}

/// A way to a door at any port, as the system of an access point.
pub(crate) fn channel(world: &World, name: &str, port: u16) -> Result<Channel> {
    let system = match name {
        "moh" => "moh-hotline",
        "hanoi" => "hanoi-commune",
        _ => "vwu-desk",
    };
    let file = |file: &str| fs::read(world.path(format!("systems/{system}/{file}")));
    let tls = ClientTlsConfig::new()
        .ca_certificate(Certificate::from_pem(file("ca.pem")?))
        .identity(Identity::from_pem(file("cert.pem")?, file("key.pem")?))
        .domain_name("localhost");
    Ok(Endpoint::from_shared(format!("https://localhost:{port}"))?.tls_config(tls)?.connect_lazy())
}

/// A request whose every free text holds the words.
pub(crate) fn request(
    sides: [&'static str; 2],
    kind: pb::ReferralKind,
) -> ([&'static str; 2], pb::SubmitReferralRequest) {
    let unit = |party: &str| {
        let unit = match party {
            "moh" => "111",
            "hanoi" => "00004",
            _ => "desk",
        };
        pb::UnitRef { party: party.to_owned(), unit: unit.to_owned() }
    };
    let basis = match kind {
        pb::ReferralKind::Transfer => pb::LawfulBasis {
            statutory_duty: Some(pb::StatutoryDuty {
                citation: "Nghị định 56/2017/NĐ-CP, điều 26".to_owned()
            }),
            ..Default::default()
        },
        _ => pb::LawfulBasis {
            consent: Some(pb::Consent {
                giver: pb::ConsentGiver::Mother.into(),
                scopes: [pb::ConsentScope::Services, pb::ConsentScope::Identity, pb::ConsentScope::Narrative]
                    .map(i32::from)
                    .to_vec(),
                consent_time: Some(an_hour_ago()),
                expire_time: None,
            }),
            ..Default::default()
        },
    };
    let request = pb::SubmitReferralRequest {
        request_id: Uuid::now_v7().to_string(),
        origin: Some(unit(sides[0])),
        recipients: vec![unit(sides[1])],
        kind: kind.into(),
        purpose: "protection".to_owned(),
        lawful_basis: Some(basis),
        content: Some(content()),
        acting_person: "can-bo-01".to_owned(),
        ..Default::default()
    };
    (sides, request)
}

fn an_hour_ago() -> prost_types::Timestamp {
    prost_types::Timestamp { seconds: Timestamp::now().as_second() - 3_600, nanos: 0 }
}

/// A content with the words wherever it may hold a text.
pub(crate) fn content() -> pb::ReferralContent {
    let known = |about: &str| Some(pb::KnownText { value: text(about), unknown: 0 });
    let reported = preview(an_hour_ago());
    let contact = || pb::SafeContact {
        channel: pb::ContactChannel::Call.into(),
        detail: PHONE.to_owned(),
        hours: text("giờ"),
        answerer: text("người nghe"),
        message_allowed: false,
    };
    let relative =
        |about: &str| Some(pb::Relative { full_name: known(about), age_years: Some(34), occupation: known("nghề") });
    pb::ReferralContent {
        preview: Some(pb::ReferralPreview {
            reception: reported.reception.clone().map(|told| pb::Reception { report_number: PHONE.to_owned(), ..told }),
            ..reported
        }),
        identity: Some(pb::ReferralIdentity {
            full_name: known("tên"),
            birth: Some(pb::Birth { birth_date: Some(Date { year: 2017, month: 5, day: 0 }), ..Default::default() }),
            sex: pb::Sex::Female.into(),
            home_area: Some(commune()),
            home_address: known("nhà"),
            current_area: Some(commune()),
            mother: relative("mẹ"),
            father: relative("bố"),
            carer: relative("bà"),
            contact: Some(contact()),
            ..Default::default()
        }),
        narrative: Some(pb::ReferralNarrative {
            incident_place: known("nơi"),
            incident_time_text: known("lúc"),
            condition: known("tình trạng"),
            likely_consequences: known("hậu quả"),
            family_circumstances: known("gia đình"),
            actions_taken: known("đã làm"),
            request_reason: known("lý do"),
            notes: text("ghi chú"),
            ..Default::default()
        }),
        reporter: Some(pb::ReferralReporter {
            agreed: true,
            full_name: known("người báo"),
            address: known("nhà người báo"),
            contact: Some(contact()),
            ..Default::default()
        }),
    }
}
