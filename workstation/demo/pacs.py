"""The asking hospital's own PACS in the demo: a small node over a folder of its own."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dicom_node import Archive, ArchiveSettings, Node, NodeSettings
from dicom_node.peers import Peer
from dicom_node.records import ReadScope

__all__ = ["receiving_pacs"]


@dataclass(frozen=True)
class EverybodyKnown:
    """A PACS behind a hospital's firewall: takes from and shows to whoever calls.

    ``node`` is where storage commitment reports go.
    """

    site: str
    node: Peer

    def site_of(self, calling_ae: str, host: str) -> str | None:
        return self.site

    def destination(self, ae_title: str, calling_ae: str = "") -> Peer | None:
        return self.node if ae_title.strip() == self.node.ae_title else None

    def read_scope(self, calling_ae: str, host: str) -> ReadScope:
        return ReadScope(everything=True)


@contextmanager
def receiving_pacs(folder: Path, ae_title: str, port: int, node: Peer) -> Iterator[Node]:
    """Run the PACS of the AE `ae_title` on the loopback interface, files below `folder`."""
    archive = Archive.open(ArchiveSettings(folder=folder, minimum_free_bytes=0))
    try:
        archive.recover()
        settings = NodeSettings(ae_title=ae_title, host="127.0.0.1", port=port)
        pacs = Node(archive, settings, EverybodyKnown(ae_title, node))
        pacs.start()
        try:
            yield pacs
        finally:
            pacs.stop()
    finally:
        archive.close()
