"""Where the hub may connect to: public addresses, and what is allowed by name. No request is made here."""

import ipaddress

REFUSED = (
    "{host} is on a private network, so it is not contacted. "
    "An administrator can allow it with HUB_ALLOWED_PRIVATE_HOSTS."
)


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet. Raises `ValueError` for what is no IP address."""
    parsed = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    mapped = parsed.ipv4_mapped if isinstance(parsed, ipaddress.IPv6Address) else None
    return (mapped or parsed).is_global


def is_allowed(host: str, port: int | str | None, allowed: frozenset[str]) -> bool:
    """Whether a host was allowed by name, as `host` or `host:port`, whatever network it is on."""
    return host.lower() in allowed or f"{host.lower()}:{port}" in allowed
