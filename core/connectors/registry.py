"""Every network the hub speaks, listed. Adding one is one file and one line here."""

from core.connectors.base import Connector
from core.connectors.bluesky import Bluesky
from core.connectors.mastodon import Mastodon
from core.errors import UserError

NETWORKS: dict[str, type[Connector]] = {
    "mastodon": Mastodon,
    "bluesky": Bluesky,
}


def connector_class(network: str) -> type[Connector]:
    """The connector of a network. Raises `UserError` for a name nobody knows."""
    try:
        return NETWORKS[network]
    except KeyError:
        known = ", ".join(sorted(NETWORKS))
        raise UserError(f"The hub doesn't know the network “{network}”. It knows: {known}.") from None
