from .ae_titles import (
    AeTitle,
    Echo,
    add_ae_title,
    change_ae_title,
    echo,
    list_ae_titles,
    remove_ae_title,
)
from .hospitals import Site, change_site, create_site, get_site, list_sites
from .peers import SitePeers

__all__ = [
    "AeTitle",
    "Echo",
    "Site",
    "SitePeers",
    "add_ae_title",
    "change_ae_title",
    "change_site",
    "create_site",
    "echo",
    "get_site",
    "list_ae_titles",
    "list_sites",
    "remove_ae_title",
]
