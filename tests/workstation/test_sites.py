"""Who may send to us, and where opinions go."""

from typing import Any

import pytest
from pynetdicom import AE, evt
from pynetdicom.sop_class import Verification

from dicom_node.peers import Peer
from dicom_node.records import ReadScope
from workstation import sites
from workstation.accounts import SYSTEM, Principal
from workstation.context import Context
from workstation.database import ae_titles
from workstation.errors import Conflict, InvalidRequest, NotFound
from workstation.sites import SitePeers

People = dict[str, Principal]


def add(context: Context, **values: Any) -> sites.AeTitle:
    site = values.pop("site", "DEMO_A")
    return sites.add_ae_title(context, SYSTEM, site, **{"ae_title": "CT_A", **values})


def test_an_ae_speaks_for_its_site(context: Context) -> None:
    add(context, host="10.0.0.9")
    peers = SitePeers(context)
    assert peers.site_of("CT_A", "10.0.0.9") == "DEMO_A"
    assert peers.site_of(" CT_A ", "10.0.0.9") == "DEMO_A"
    assert peers.read_scope("CT_A", "10.0.0.9") == ReadScope(sites=frozenset({"DEMO_A"}))
    assert peers.destination("CT_A") is None
    for stranger in ("CT_B", "ct_a", ""):
        assert peers.site_of(stranger, "10.0.0.9") is None
        assert peers.read_scope(stranger, "10.0.0.9") == ReadScope()


@pytest.mark.parametrize(
    ("host", "allowed"),
    [
        ("10.0.0.5", True),
        ("::ffff:10.0.0.5", True),
        ("192.168.7.200", True),
        ("2001:db8::1", True),
        ("10.0.0.6", False),
        ("192.168.8.1", False),
        ("", False),
        ("pacs.example", False),
    ],
)
def test_only_from_the_addresses_it_has(context: Context, host: str, allowed: bool) -> None:
    add(context, allowed_hosts=["10.0.0.5", "192.168.7.0/24", "2001:db8::/32"])
    peers = SitePeers(context)
    assert peers.site_of("CT_A", host) == ("DEMO_A" if allowed else None)
    assert bool(peers.read_scope("CT_A", host).sites) == allowed


def test_images_go_out_only_to_where_an_ae_is_known_to_be(context: Context) -> None:
    """Whoever knows an AE title may send under it; reading takes an address of that AE too."""
    add(context)
    add(context, ae_title="PACS_A", host="10.0.0.5", port=104)
    add(context, ae_title="LOCAL_A", host="localhost", port=104)
    peers = SitePeers(context)
    own = ReadScope(sites=frozenset({"DEMO_A"}))
    assert peers.site_of("CT_A", "10.0.0.9") == "DEMO_A"
    assert peers.read_scope("CT_A", "10.0.0.9") == ReadScope()
    assert peers.read_scope("PACS_A", "10.0.0.5") == own
    assert peers.read_scope("PACS_A", "10.0.0.9") == ReadScope()
    assert peers.read_scope("LOCAL_A", "127.0.0.1") == own
    assert peers.read_scope("LOCAL_A", "10.0.0.5") == ReadScope()


def test_an_ae_that_only_receives_may_not_send(context: Context) -> None:
    add(context, sends=False, receives=True, host="10.0.0.5", port=104)
    peers = SitePeers(context)
    assert peers.site_of("CT_A", "10.0.0.5") is None
    assert peers.destination("CT_A") == Peer("CT_A", "10.0.0.5", 104)


def test_a_site_has_its_studies_moved_to_its_own_aes_only(context: Context) -> None:
    add(context)
    add(context, ae_title="PACS_A", host="10.0.0.5", port=104)
    add(context, site="DEMO_B", ae_title="PACS_B", host="10.1.0.5", port=104)
    peers = SitePeers(context)
    assert peers.destination("PACS_A", "CT_A") == Peer("PACS_A", "10.0.0.5", 104)
    for destination, calling in [("PACS_B", "CT_A"), ("PACS_A", "PACS_B"), ("PACS_A", "NOBODY")]:
        assert peers.destination(destination, calling) is None


def test_an_inactive_site_is_a_stranger(context: Context) -> None:
    add(context, host="10.0.0.5", port=104)
    sites.change_site(context, SYSTEM, "DEMO_A", active=False)
    peers = SitePeers(context)
    assert peers.site_of("CT_A", "10.0.0.5") is None
    assert peers.destination("CT_A") is None
    assert peers.read_scope("CT_A", "10.0.0.5") == ReadScope()


def test_an_ae_title_belongs_to_one_site(context: Context) -> None:
    add(context)
    with pytest.raises(Conflict):
        add(context, site="DEMO_B")
    with pytest.raises(NotFound):
        sites.change_ae_title(context, SYSTEM, "DEMO_B", "CT_A", sends=False)
    with pytest.raises(NotFound):
        sites.remove_ae_title(context, SYSTEM, "DEMO_B", "CT_A")
    sites.remove_ae_title(context, SYSTEM, "DEMO_A", "CT_A")
    assert SitePeers(context).site_of("CT_A", "10.0.0.5") is None


@pytest.mark.parametrize(
    "wrong",
    [
        {"ae_title": ""},
        {"ae_title": "SEVENTEEN_LETTERS"},
        {"ae_title": "BACK\\SLASH"},
        {"ae_title": "ĐIỆN"},
        {"port": 70000},
        {"allowed_hosts": ["10.0.0"]},
        {"allowed_hosts": ["pacs.example"]},
        {"receives": True},
        {"receives": True, "host": "10.0.0.5"},
    ],
)
def test_what_cannot_work_is_refused(context: Context, wrong: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        add(context, **wrong)


@pytest.mark.parametrize(
    "wrong", [{"code": "demo a"}, {"tier": "middle"}, {"name": "  "}, {"code": "X" * 40}]
)
def test_sites_have_a_code_a_name_and_a_tier(context: Context, wrong: dict[str, str]) -> None:
    values = {"code": "NEW", "name": "Mới", "tier": "lower", **wrong}
    with pytest.raises(InvalidRequest):
        sites.create_site(context, SYSTEM, **values)


def test_a_new_address_forgets_what_the_old_one_could(context: Context) -> None:
    add(context, host="10.0.0.5", port=104)
    with context.database.begin() as connection:
        connection.execute(ae_titles.update().values(capabilities={"1.2": False}))
    changed = sites.change_ae_title(context, SYSTEM, "DEMO_A", "CT_A", sends=True)
    assert changed.capabilities == {"1.2": False}
    changed = sites.change_ae_title(context, SYSTEM, "DEMO_A", "CT_A", port=105)
    assert changed.capabilities == {}


def test_echo_tells_and_remembers_what_came_back(context: Context, people: People) -> None:
    server = AE(ae_title="CT_A")
    server.add_supported_context(Verification)
    listener = server.start_server(
        ("127.0.0.1", 0), block=False, evt_handlers=[(evt.EVT_C_ECHO, lambda event: 0x0000)]
    )
    try:
        port = listener.socket.getsockname()[1]
        add(context, host="127.0.0.1", port=port)
        told = sites.echo(context, people["technician.a"], "DEMO_A", "CT_A")
    finally:
        listener.shutdown()
    assert told.answered
    assert told.seconds is not None
    assert sites.list_ae_titles(context, SYSTEM, "DEMO_A")[0].last_echo_result == "OK"
    told = sites.echo(context, people["admin"], "DEMO_A", "CT_A")
    assert not told.answered
    assert "CT_A" in told.message.en
    assert "không kết nối được" in told.message.vi
    for username in ("technician.b", "requester.a", "radiologist"):
        with pytest.raises(NotFound):
            sites.echo(context, people[username], "DEMO_A", "CT_A")


def test_an_ae_without_an_address_cannot_be_called(context: Context) -> None:
    add(context)
    with pytest.raises(InvalidRequest):
        sites.echo(context, SYSTEM, "DEMO_A", "CT_A")
