"""The command line as an administrator meets it."""

import io
import json
import re
import socket
import zipfile
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import text

import hoichan
from dicom_node import Archive, ArchiveSettings, Node, NodeSettings
from dicom_node.archive import Query
from dicom_node.peers import Peer
from dicom_node.records import ChangeKind, Origin, ReadScope
from tests.peers import free_ports
from workstation import accounts, cli, sites
from workstation.context import open_context
from workstation.demo.pacs import EverybodyKnown
from workstation.demo.studies import PHANTOMS, images, plain_head
from workstation.doctor import foreign_packages
from workstation.settings import Settings

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture(autouse=True)
def quiet_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No settings of the machine, an empty working directory, English."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    for name in ("HOICHAN_DATA", "HOICHAN_CONFIG"):
        monkeypatch.delenv(name, raising=False)


def lines(capsys: pytest.CaptureFixture[str]) -> tuple[str, str]:
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["--version"]) == 0
    assert lines(capsys)[0] == f"hoichan {hoichan.__version__}\n"


@pytest.mark.parametrize("command", ["serve", "demo", "node", "web", "worker", "doctor"])
def test_a_bad_value_is_one_sentence_and_status_2(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run([command, "--dicom-port", "99999"]) == 2
    out, err = lines(capsys)
    assert out == ""
    assert err == (
        "hoichan: --dicom-port: '99999' is not valid; expected a port from 0 to 65535.\n"
    )


def test_in_vietnam_the_sentence_is_vietnamese(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LC_ALL", "vi_VN.UTF-8")
    assert cli.run(["serve", "--language", "fr"]) == 2
    assert lines(capsys)[1] == "hoichan: --language: giá trị 'fr' không hợp lệ, cần vi hoặc en.\n"
    assert cli.run(["--help"]) == 0
    assert "chạy tất cả trên máy này" in lines(capsys)[0]


@pytest.mark.parametrize(
    "arguments",
    [[], ["fly"], ["serve", "--wings", "2"], ["user"], ["push", "x"], ["serve", "--htt"]],
)
def test_a_mistyped_command_is_one_line_and_status_2(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(arguments) == 2
    out, err = lines(capsys)
    assert out == ""
    assert err.startswith("hoichan: Invalid command: ")
    assert err.count("\n") == 1


def test_a_data_folder_that_is_a_file_is_one_sentence(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    assert cli.run(["serve", "--data", str(tmp_path / "file")]) == 2
    assert re.fullmatch(r"hoichan: The data folder .* cannot be used: .*\.\n", lines(capsys)[1])


@pytest.mark.parametrize("option", ["--http-port", "--dicom-port"])
def test_a_taken_port_is_one_sentence(
    option: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = str(taken.getsockname()[1])
        other = "--dicom-port" if option == "--http-port" else "--http-port"
        arguments = ["serve", "--data", str(tmp_path / "d"), "--dicom-host", "127.0.0.1"]
        assert cli.run([*arguments, option, port, other, "0"]) == 2
    assert f"Choose another with {option}." in lines(capsys)[1]


def test_an_administrator_can_set_up_a_hospital(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = ["--data", str(tmp_path / "data")]
    (port,) = free_ports(1)
    assert cli.run(["site", "add", "BVA", "--name", "Bệnh viện A", "--tier", "lower", *data]) == 0
    ae = ["site", "ae", "BVA", "PACS_A", "--to", f"127.0.0.1:{port}", *data]
    assert cli.run(ae) == 0
    assert cli.run(["site", "echo", "BVA", "PACS_A", *data]) == 1  # nobody listens there
    add = ["user", "add", "bs.an", "--site", "BVA", "--role", "requester", *data]
    assert cli.run([*add, "--name", "BS. An", "--random"]) == 0
    out, _ = lines(capsys)
    match = re.search(r"Password: (\S+)", out)
    assert match is not None
    with closing(open_context(Settings(data=tmp_path / "data"))) as context:
        principal, _ = accounts.sign_in(context, "bs.an", match[1])
        assert principal.site == "BVA"

    assert cli.run(["user", "token", "bs.an", "--label", "script", "--days", "1", *data]) == 0
    token = lines(capsys)[0].strip()
    with closing(open_context(Settings(data=tmp_path / "data"))) as context:
        assert accounts.principal_for_token(context, token) is not None
    assert cli.run(["user", "disable", "bs.an", *data]) == 0
    with closing(open_context(Settings(data=tmp_path / "data"))) as context:
        assert accounts.principal_for_token(context, token) is None
    assert cli.run(["user", "enable", "bs.an", *data]) == 0
    monkeypatch.setattr("sys.stdin", io.StringIO("mật khẩu mới rất dài\n"))
    assert cli.run(["user", "password", "bs.an", *data]) == 0
    lines(capsys)
    assert cli.run(["user", "list", *data]) == 0
    assert cli.run(["site", "list", *data]) == 0
    out, _ = lines(capsys)
    assert "bs.an" in out
    assert f"PACS_A@127.0.0.1:{port}" in out
    assert cli.run(["plugin", "list", *data]) == 0
    assert "tid1500" in lines(capsys)[0]
    assert cli.run(["verify", *data]) == 0


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        (["site", "add", "lower case", "--name", "x", "--tier", "lower"], 2),
        (["user", "add", "x.y", "--site", "NONE", "--role", "requester", "--random"], 2),
        (["user", "token", "nobody"], 1),
        (["user", "token", "nobody", "--days", "-1"], 2),
        (["site", "echo", "NONE", "AET"], 1),
    ],
)
def test_what_cannot_be_done_is_one_sentence(
    arguments: list[str], status: int, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert cli.run([*arguments, "--data", str(tmp_path / "data")]) == status
    err = lines(capsys)[1]
    assert err.startswith("hoichan: ")
    assert err.count("\n") == 1


@pytest.fixture
def node(tmp_path: Path) -> Iterator[tuple[Node, Archive]]:
    archive = Archive.open(ArchiveSettings(tmp_path / "archive", minimum_free_bytes=0))
    peers = EverybodyKnown("BVA", Peer("HOICHAN", "127.0.0.1", 1))
    node = Node(archive, NodeSettings(host="127.0.0.1", port=0), peers)
    node.start()
    yield node, archive
    node.stop()
    archive.close()


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small folder as burnt on a CD: objects, an index, and somebody's notes."""
    folder = tmp_path_factory.mktemp("study") / "Ảnh CT"
    folder.mkdir()
    (head,) = plain_head("normal", shape=(3, 32, 32), spacing_mm=(5.0, 7.0, 7.0))
    for index, dataset in enumerate(images(PHANTOMS[2], head, NOW)):
        dataset.save_as(folder / f"I{index}", enforce_file_format=True)
    (folder / "DICOMDIR").write_bytes((folder / "I0").read_bytes())
    (folder / "readme.txt").write_text("not DICOM")
    return folder


@pytest.mark.parametrize("shape", ["folder", "file", "zip"])
def test_push_sends_a_folder_a_file_or_a_zip(
    shape: str,
    node: tuple[Node, Archive],
    study: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    source, count = study, 3
    if shape == "file":
        source, count = study / "I1", 1
    if shape == "zip":
        source = tmp_path / "study.zip"
        with zipfile.ZipFile(source, "w") as packed:
            for path in study.iterdir():
                packed.write(path, f"CT/{path.name}")
    to = ["--to", f"127.0.0.1:{node[0].port}", "--called", "HOICHAN", "--calling", "BVA"]
    assert cli.run(["push", str(source), *to]) == 0
    assert f"{count} of {count} stored." in lines(capsys)[0]
    (found,) = node[1].studies(Query(), scope=ReadScope(everything=True))
    assert found.instance_count == count


def test_push_converts_a_slide_and_sends_it(
    node: tuple[Node, Archive], test_data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slide = test_data / "wsi/svs_cmu1_small_region/CMU-1-Small-Region.svs"
    to = ["--to", f"127.0.0.1:{node[0].port}", "--called", "HOICHAN", "--calling", "BVA"]
    assert cli.run(["push", str(slide), *to]) == 2  # nobody said whose it is
    assert "--patient-id" in lines(capsys)[1]
    whose = ["--patient-id", "BN9", "--patient-name", "Lê Thị Mai", "--accession", "GPB-9"]
    for _ in range(2):  # the second time nothing is new
        assert cli.run(["push", str(slide), *to, *whose]) == 0
        assert "7 of 7 stored." in lines(capsys)[0]
    (found,) = node[1].studies(Query(), scope=ReadScope(everything=True))
    assert (found.patient_name, found.instance_count) == ("Lê^Thị Mai", 7)
    # As they came: what a reader can begin with before what is most of the bytes.
    stored = [one for one in node[1].changes(0, 100) if one.kind is ChangeKind.INSTANCE_STORED]
    everything = ReadScope(everything=True)
    headers = [node[1].header(one.sop_instance_uid, scope=everything) for one in stored]
    pixels = [one["00480006"]["Value"][0] * one["00480007"]["Value"][0] for one in headers]
    assert len(pixels) == 7
    assert pixels == sorted(pixels)
    assert pixels[-1] == 2220 * 2967
    corrupted = test_data / "wsi/bad/corrupted.svs"
    assert cli.run(["push", str(corrupted), *to, *whose]) == 1
    assert "32704 of 32705" in lines(capsys)[1]


def test_push_says_why_nothing_went(
    study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (port,) = free_ports(1)
    to = ["--called", "HOICHAN", "--calling", "BVA"]
    assert cli.run(["push", str(study), "--to", f"127.0.0.1:{port}", *to]) == 1
    assert "Nothing more was sent" in lines(capsys)[1]
    (tmp_path / "empty").mkdir()
    for source, address in (
        (tmp_path / "none", "h:1"),
        (tmp_path / "empty", "h:1"),
        (study, "h"),
        (study, "h:0"),
        (study, "h:70000"),
    ):
        assert cli.run(["push", str(source), "--to", address, *to]) == 2
        assert lines(capsys)[1].count("\n") == 1
    bad = ["--to", "h:1", "--called", "SEVENTEEN_LETTERS", "--calling", "BVA"]
    assert cli.run(["push", str(study), *bad]) == 2


def test_verify_names_the_first_broken_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = ["--data", str(tmp_path / "data")]
    for code in ("A", "B", "C"):
        assert cli.run(["site", "add", code, "--name", code, "--tier", "lower", *data]) == 0
    assert cli.run(["verify", *data]) == 0
    out, _ = lines(capsys)
    assert "Audit log: intact, 3 rows" in out
    with (
        closing(open_context(Settings(data=tmp_path / "data"))) as context,
        context.database.begin() as connection,
    ):
        found = connection.execute(
            text(
                "select name from sqlite_master where type = 'trigger' and tbl_name='audit_events'"
            )
        )
        for (trigger,) in found.all():
            connection.execute(text(f"drop trigger {trigger}"))
        connection.execute(text("update audit_events set actor = 'mallory' where sequence = 2"))
    assert cli.run(["verify", *data]) == 1
    assert "Audit log: broken at row 2" in lines(capsys)[0]


def test_verify_names_a_changed_object(
    node: tuple[Node, Archive], study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    with closing(open_context(Settings(data=data, minimum_free_bytes=0))) as context:
        context.archive.store_file(study / "I0", Origin("BVA"))
        (kept,) = context.archive.instances(Query(), scope=ReadScope(everything=True))
    assert cli.run(["verify", "--data", str(data)]) == 0
    lines(capsys)
    content = bytearray(kept.path.read_bytes())
    content[-1] ^= 1
    kept.path.chmod(0o600)
    kept.path.write_bytes(content)
    assert cli.run(["verify", "--data", str(data)]) == 1
    out = lines(capsys)[0]
    assert kept.sop_instance_uid in out


def test_doctor_finds_a_good_machine_good(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    http, dicom = free_ports(2)
    monkeypatch.setenv("HOICHAN_HTPP_PORT", "1")
    arguments = ["--data", str(tmp_path / "d"), "--minimum-free-bytes", "0"]
    ports = ["--http-port", str(http), "--dicom-port", str(dicom), "--dicom-host", "127.0.0.1"]
    assert cli.run(["doctor", *arguments, *ports]) == 0
    out, _ = lines(capsys)
    assert "✗" not in out
    assert "! Nothing reads HOICHAN_HTPP_PORT." in out
    assert f"✓ HTTP port {http} is free." in out
    assert "✓ The front-end bundle is complete." in out
    assert "✓ The report's fonts are there." in out


def test_doctor_warns_of_an_ae_that_anybody_may_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "d"
    with closing(open_context(Settings(data=data))) as context:
        sites.create_site(context, accounts.SYSTEM, code="BVA", name="A", tier="lower")
        for ae_title, hosts in (("OPEN", []), ("KNOWN", ["10.0.0.5"])):
            sites.add_ae_title(
                context, accounts.SYSTEM, "BVA", ae_title=ae_title, allowed_hosts=hosts
            )
    ports = ["--http-port", "0", "--dicom-port", "0", "--minimum-free-bytes", "0"]
    assert cli.run(["doctor", "--data", str(data), *ports]) == 0
    out, _ = lines(capsys)
    assert "! Any machine that calls itself OPEN can send images into BVA" in out
    assert "KNOWN" not in out


def test_doctor_says_what_is_wrong(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        port = taken.getsockname()[1]
        ports = ["--http-port", str(port), "--dicom-port", "0", "--dicom-host", "127.0.0.1"]
        plenty = str(2**62)
        status = cli.run(
            ["doctor", "--data", str(tmp_path / "d"), *ports, "--minimum-free-bytes", plenty]
        )
    assert status == 1
    out, _ = lines(capsys)
    assert f"✗ Another program holds HTTP port {port}." in out
    assert re.search(r"✗ [\d.]+ GiB of disk are free", out)


def test_nobody_else_owns_our_package_names() -> None:
    assert foreign_packages() == {}


def test_settings_of_the_file_reach_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "hoichan.toml").write_text(f"data = {json.dumps(str(tmp_path / 'elsewhere'))}\n")
    assert cli.run(["site", "add", "BVA", "--name", "A", "--tier", "upper"]) == 0
    assert (tmp_path / "elsewhere" / "workstation.sqlite").is_file()
