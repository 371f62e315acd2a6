"""What this machine calls itself."""

from __future__ import annotations

from ipaddress import ip_address


def is_loopback(name: str) -> bool:
    """Whether a host's name or address, without a port, leads to this machine alone wherever it is read (RFC 6761)."""
    try:
        return name == "localhost" or name.endswith(".localhost") or ip_address(name).is_loopback
    except ValueError:
        return False
